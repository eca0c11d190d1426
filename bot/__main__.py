"""The command line: `newsdesk …`, or `python -m bot …`.

Each command imports what it needs when it is called, so that no health check pays for aiogram. Exit codes: 0 fine,
1 failed, 2 wrong usage or configuration, 75 another copy runs on this database.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.domain.errors import AnotherCopyRuns, ConfigError, NewsdeskError, SchemaTooNew
from bot.domain.language import LANGUAGES
from bot.ops.log import configure, redact

if TYPE_CHECKING:
    from bot.settings import Settings

FINE, FAILED, MISUSED, BUSY = 0, 1, 2, 75
SERVICES = frozenset({"watch", "send", "talk"})


def parser() -> argparse.ArgumentParser:
    """Every command with its options."""
    top = argparse.ArgumentParser(prog="newsdesk", description="Telegram news distribution for newsrooms.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, work: Any, text: str, into: Any = commands) -> argparse.ArgumentParser:
        one: argparse.ArgumentParser = into.add_parser(name, help=text, description=text)
        one.set_defaults(work=work)
        return one

    run = add("run", _run, "the bot: watches the feeds, sends, talks")
    run.add_argument("--only", type=_services, default=SERVICES, metavar="watch,send,talk", help="a part of it")
    demo = add("demo", _demo, "everything on this machine: no token, no network")
    demo.add_argument("--keep", action="store_true", help="keep the database for the next demo")
    demo.add_argument("--host", default="127.0.0.1", help="where the page is served")
    demo.add_argument("--port", type=_port, default=8080, help="the next free one when it is taken")
    demo.add_argument("--open", action="store_true", help="open the page in a browser")
    init = add("init", _init, "asks for token, feed, zone and languages; writes newsdesk.toml and .env")
    init.add_argument("--token", default="", help="the bot's token")
    init.add_argument("--feed", default="", help="the address of a feed")
    init.add_argument("--yes", action="store_true", help="ask nothing, take the defaults")
    add("doctor", _doctor, "checks everything around the bot; exit 0 only if all is well")
    feed = commands.add_parser("feed", help="about one feed").add_subparsers(required=True, metavar="COMMAND")
    check = add("check", _feed_check, "fetches a feed once and reports; changes nothing", feed)
    check.add_argument("url", metavar="URL")
    preview = add("preview", _preview, "the newest items as posts, nothing sent")
    preview.add_argument("--last", type=_count, required=True, metavar="N", help="how many items")
    preview.add_argument("--html", type=Path, metavar="FILE", help="write a page as well")
    preview.add_argument("--to", metavar="CHAT", help="send them to this one chat")
    add("migrate", _migrate, "brings the database to this version")
    trace = add("trace", _trace, "why a reader got or did not get an article, in words")
    trace.add_argument("--article", required=True, metavar="A", help="its link, its number, or p and a post's number")
    trace.add_argument("--reader", required=True, metavar="R", help="a chat id; of a forum's topic CHAT/TOPIC")
    trace.add_argument("--language", choices=tuple(LANGUAGES), default="", help="of the answer; the newsroom's first")
    into = commands.add_parser("import", help="from a file").add_subparsers(required=True, metavar="COMMAND")
    bring = add(
        "readers", _import_readers, "the readers of an earlier bot with this token, from CSV or JSON lines", into
    )
    bring.add_argument("file", type=Path, metavar="FILE", help="chat_id[,language,sections,since,blocked]")
    bring.add_argument("--dry-run", action="store_true", help="only say what would come of it")
    lists = add("feeds", _import_feeds, "feeds to watch from now on, from OPML", into)
    lists.add_argument("file", type=Path, metavar="FILE", help="as feed readers export it")
    out = commands.add_parser("export", help="into a file").add_subparsers(required=True, metavar="COMMAND")
    take = add("readers", _export_readers, "everybody who gets news, in a form that can be imported", out)
    take.add_argument("file", type=Path, metavar="FILE", help="a new file; .jsonl for JSON lines, else CSV")
    lists = add("feeds", _export_feeds, "all watched feeds, as OPML", out)
    lists.add_argument("file", type=Path, metavar="FILE", help="is replaced if it exists")
    save = add("backup", _backup, "a consistent copy of the database while the bot runs, with a checksum")
    save.add_argument("file", type=Path, metavar="FILE", help="a new file")
    load = add("restore", _restore, "puts a backup in the database's place and keeps the old one beside it")
    load.add_argument("file", type=Path, metavar="FILE", help="made by newsdesk backup")
    shift = add("move", _move, "a whole database between SQLite and PostgreSQL, while no bot runs on it")
    shift.add_argument("source", metavar="FROM_URL", help="as in DATABASE_URL; it stays as it is")
    shift.add_argument("target", metavar="TO_URL", help="an empty one of the other kind")
    return top


def _services(text: str) -> frozenset[str]:
    chosen = frozenset(text.split(","))
    if not chosen <= SERVICES:
        raise argparse.ArgumentTypeError("choose among watch, send, talk, with commas between them")
    return chosen


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError("a number from 1 to 100")
    return int(text)


def _await(work: Coroutine[Any, Any, Any]) -> Any:
    import asyncio

    return asyncio.run(work)


def _settings() -> Settings:
    from bot.settings import load

    settings = load(os.environ, Path())
    for warning in settings.warnings:
        print(redact(warning), file=sys.stderr)
    return settings


def _run(args: argparse.Namespace) -> int:
    settings = _settings()
    if not settings.env.bot_token and args.only != {"watch"}:  # watching needs no Telegram
        raise ConfigError(
            "BOT_TOKEN",
            "is not set.",
            "Send /newbot to @BotFather in Telegram and put the token it gives into .env as BOT_TOKEN=… "
            "(`newsdesk init` does that for you). To look around without a token: newsdesk demo",
        )
    configure(settings.env.log_format, settings.env.log_level, secret=settings.env.bot_token)
    from bot import app
    from bot.clock import RealClock

    _await(app.run(settings, only=args.only, clock=RealClock()))
    return FINE


def _demo(args: argparse.Namespace) -> int:
    configure(level="warning")
    from bot.demo import demo

    with suppress(KeyboardInterrupt):  # that is how a demo ends
        _await(demo(args.host, args.port, args.keep, args.open))
    return FINE


def _init(args: argparse.Namespace) -> int:
    from bot.ops.setup import init

    return int(_await(init(Path(), os.environ, token=args.token, feed=args.feed, yes=args.yes)))


def _doctor(args: argparse.Namespace) -> int:
    from bot.ops.doctor import doctor

    return FINE if _await(doctor(_settings())) else FAILED


def _feed_check(args: argparse.Namespace) -> int:
    from bot.ops.feedcheck import feed_check

    return FINE if _await(feed_check(_settings(), args.url)) else FAILED


def _import_feeds(args: argparse.Namespace) -> int:
    from bot.ops.opml import import_feeds

    return FINE if _await(import_feeds(_settings(), args.file)) else FAILED


def _export_feeds(args: argparse.Namespace) -> int:
    from bot.ops.opml import export_feeds

    _await(export_feeds(_settings(), args.file))
    return FINE


def _preview(args: argparse.Namespace) -> int:
    from bot.ops.preview import preview

    _await(preview(_settings(), args.last, html=args.html, to=args.to))
    return FINE


def _migrate(args: argparse.Namespace) -> int:
    url = _settings().env.database_url

    async def work() -> tuple[int, int]:
        from storage import open_engine
        from storage.migrate import migrate

        engine = await open_engine(url)
        try:
            return await migrate(engine)
        finally:
            await engine.close()

    old, new = _await(work())
    print(f"The database is at version {new}" + (f", it was at {old}." if old != new else " already."))
    return FINE


def _trace(args: argparse.Namespace) -> int:
    from bot.ops.tracing import trace

    for line in _await(trace(_settings(), args.article, args.reader, args.language)):
        print(line)
    return FINE


def _import_readers(args: argparse.Namespace) -> int:
    from bot.ops.moving import import_readers

    return FINE if _await(import_readers(_settings(), args.file, dry=args.dry_run)) else FAILED


def _export_readers(args: argparse.Namespace) -> int:
    from bot.ops.moving import export_readers

    _await(export_readers(_settings(), args.file))
    return FINE


def _backup(args: argparse.Namespace) -> int:
    from storage.backup import backup

    size = backup(_settings().env.database_url, args.file)
    print(f"{args.file}: {size / 1e6:.1f} MB, with a checksum. Keep it on another machine.")
    return FINE


def _restore(args: argparse.Namespace) -> int:
    from bot.clock import RealClock
    from storage.backup import restore

    done = restore(_settings().env.database_url, args.file, now=int(RealClock().now()))
    print(f"Restored: {done.readers} readers, {done.articles} articles.")
    if done.stopped:
        print(f"{done.stopped} sends that were under way when the backup was made are stopped, not repeated.")
    if done.aside:
        print(f"The database of before is kept as {done.aside}; delete it when you need it no more.")
    return FINE


def _move(args: argparse.Namespace) -> int:
    from bot.settings_env import database_url
    from bot.settings_file import checked
    from storage.move import move

    both: dict[str, str] = {"FROM_URL": args.source, "TO_URL": args.target}
    source, target = (checked(lambda v: database_url(str(v), Path()), url, name) for name, url in both.items())

    def progress(done: int, of: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{done:,} of {of:,} rows ({100 * done // max(1, of)} %)", end="", file=sys.stderr, flush=True)

    done = move(source, target, progress)
    progress(done.rows * 2, done.rows * 2)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    print(f"Moved {done.readers:,} readers: {done.rows:,} rows in {done.tables} tables, counts and checksums agree.")
    print("Name the new database in DATABASE_URL. The old one stays as it was: start no bot on it again.")
    return FINE


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code. A user's mistake is one line on stderr, never a traceback."""
    try:
        args = parser().parse_args(argv)
    except SystemExit as done:  # argparse has said it
        return done.code if isinstance(done.code, int) else MISUSED
    try:
        return int(args.work(args))
    except KeyboardInterrupt:
        return FAILED
    except BrokenPipeError:  # whoever read us has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:  # noqa: BLE001  # the last place where a token can be kept off the screen
        return _explain(error)


def _explain(error: Exception) -> int:
    """Say what went wrong and give the exit code; anything unforeseen keeps its traceback, redacted."""
    known = _known(error)
    if known is None:
        print(redact("".join(traceback.format_exception(error))), file=sys.stderr)
        return FAILED
    print("newsdesk: " + redact(" ".join(str(known).split())), file=sys.stderr)
    if isinstance(known, AnotherCopyRuns):
        return BUSY
    return MISUSED if isinstance(known, ConfigError | SchemaTooNew) else FAILED


def _known(error: BaseException) -> NewsdeskError | None:
    """The error that we raised on purpose, be it inside the groups that task groups raise."""
    if isinstance(error, BaseExceptionGroup):
        return next((found for inner in error.exceptions if (found := _known(inner))), None)
    return error if isinstance(error, NewsdeskError) else None


if __name__ == "__main__":
    sys.exit(main())
