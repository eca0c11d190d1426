# make demo    everything on this machine, no token, no network
# make test    the tests (COVERAGE=1: measured and gated) make prove   the long runs of the same properties
# make check   linters, types, import ladder              make run     the bot itself (needs BOT_TOKEN)
# make audit   known holes in what the lock files bring (asks the package index, needs a network)
# make pictures   the README's pictures, taken by the test of the demo page
# The first call builds .venv from the lock files; set PYTHON to choose the interpreter.

PYTHON ?=
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --no-input
export PIP_ROOT_USER_ACTION := ignore

.PHONY: demo run test prove check audit pictures
.DEFAULT_GOAL := demo

demo: .venv/.ready-to-run
	@$(BIN)/python -m bot demo

run: .venv/.ready-to-run
	@$(BIN)/python -m bot run

# Measuring what is covered makes the run half as long again before Python 3.12; .ci/run asks for it.
COVERAGE ?=
TESTS := -m pytest -n 4 --dist worksteal -m "not prove"
# The tests start the program by the dozen: each compiles all of it anew where a machine forbids Python to keep that.
test: export PYTHONDONTWRITEBYTECODE :=

test: .venv/.ready-to-test
ifeq ($(COVERAGE),)
	@$(BIN)/python $(TESTS)
else
	@rm -f .coverage .coverage.*
	@$(BIN)/python -m coverage run $(TESTS)
	@$(BIN)/python .ci/coverage_gate.py
endif

# The official parser is optional: without it the fuzz is skipped, and the run says so.
prove: .venv/.ready-to-test
	@$(PIP) install --require-hashes -r requirements-oracle.lock \
	  || echo "The official parser (tdjson) could not be installed: the fuzz against it does not run."
	@$(BIN)/python -m pytest -m prove

check: .venv/.ready-to-test
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

# Strict: without it the tool is content when it could look nothing up.
audit: | .venv/bin/python
	@test -x .venv/audit/bin/pip-audit || { $(BIN)/python -m venv .venv/audit && .venv/audit/bin/pip -q install pip-audit; }
	@.venv/audit/bin/pip-audit --strict --disable-pip --require-hashes -r requirements.lock -r requirements-dev.lock

pictures: .venv/.ready-to-test
	@mkdir -p docs/pictures
	@NEWSDESK_REQUIRE_BROWSER=1 NEWSDESK_PICTURES=docs/pictures \
	  $(BIN)/python -m pytest -m "prove or not prove" tests/test_demo_page.py -k the_demo_itself
	@ls -l docs/pictures

# A stamp is as old as the last installation; it is made again when a lock file is newer.
.venv/.ready-to-run: requirements.lock | .venv/bin/python
	@echo "Installing what the bot needs (once)."
	@$(PIP) install --require-hashes -r requirements.lock
	@touch $@

.venv/.ready-to-test: requirements-dev.lock pyproject.toml | .venv/bin/python
	@echo "Installing what the tests need (once)."
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@ .venv/.ready-to-run

# A python3.x that a version manager only pretends to have does not run; hence the try.
.venv/bin/python:
	@for python in "$(PYTHON)" python3.14 python3.13 python3.12 python3.11 python3; do \
	  test -n "$$python" || continue; \
	  "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))' 2>/dev/null || continue; \
	  "$$python" -c 'import ensurepip, venv' 2>/dev/null || { found=$$python; continue; }; \
	  exec "$$python" -m venv --clear .venv; \
	done; \
	if test -n "$$found"; then \
	  echo "newsdesk: $$found lacks the venv module; on Debian or Ubuntu: apt-get install $$found-venv" >&2; \
	else \
	  echo "newsdesk: needs Python 3.11, 3.12, 3.13 or 3.14; none was found (set PYTHON to point to one)" >&2; \
	fi; \
	exit 1
