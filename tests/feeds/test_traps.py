"""What real feeds and attackers do, line by line, and the test that meets it.

The table is for people: whoever looks for what holds a promise finds it here; a test that is renamed is named here anew.
"""
# ruff: noqa: E501  (a row of the table is a line)

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from time import process_time
from zoneinfo import ZoneInfo

import pytest

from bot.feeds.decode import decode
from bot.feeds.parse import parse
from bot.posts.terms import keys

ROOT = Path(__file__).parents[2]

FEEDS = {
    # encoding
    "code page declared utf-8, or undeclared": "feeds/test_decode:test_code_page_declared_utf8_or_not_at_all",
    "utf-8 declared windows-1251 in prolog or header": "feeds/test_decode:test_utf8_declared_windows_1251",
    "one invalid byte in a UTF-8 feed": "feeds/test_decode:test_one_invalid_byte_costs_one_character",
    "KZ-1048 labelled windows-1251: override": "feeds/test_decode:test_kz1048_labelled_windows_1251_needs_the_override",
    "byte order mark, UTF-16": "feeds/test_decode:test_marks_and_wide_encodings",
    "blank lines or a warning before the prolog": "feeds/test_decode:test_junk_before_the_prolog_is_cut",
    "control characters": "feeds/test_decode:test_control_characters_and_illegal_references_go",
    "undefined &nbsp;, bare &": "feeds/test_parse:test_entities_of_html_and_bare_ampersands",
    "prolog before header before guess": "feeds/test_decode:test_prolog_then_header",
    # shape
    "empty 200, HTML instead of XML": "feeds/test_parse:test_what_is_no_feed_says_why",
    "… keeps the state": "feeds/test_watch:test_what_is_no_feed_is_a_problem_and_keeps_the_state",
    "truncated: entries, no validators": "feeds/test_watch:test_a_truncated_document_gives_its_whole_entries_and_is_read_again",
    "double-escaped titles, < in a title": "feeds/test_parse:test_titles",
    "two links, isPermaLink=false": "feeds/test_parse:test_links",
    "relative guids whatever the content-location": "feeds/test_traps:test_a_guid_is_what_the_feed_says_wherever_it_lies",
    "DataLife's fake item": "feeds/test_parse:test_the_placeholder_of_datalife_is_no_news",
    "full texts that nobody sanitises": "feeds/test_parse:test_every_full_text_counts_and_the_longest_wins",
    "… as entities": "posts/test_fulltext:",
    "categories as paths": "feeds/test_parse:test_a_whole_item",
    "pictures in their order, no tracking pixels": "feeds/test_parse:test_pictures",
    "og:image": "feeds/test_parse:test_the_picture_of_a_page",
    # identity
    "all events of the table, through the whole watcher": "feeds/test_scenarios:test_readers_get_what_is_right",
    "guid only if unique in its document": "feeds/test_identity:test_same_guid_on_every_item",
    "canonical links": "feeds/test_identity:test_canonical_links",
    "numbers need a second sign": "feeds/test_identity:test_a_number_alone_is_no_name",
    "aliases are kept": "feeds/test_watch_changes:test_what_stands_in_a_feed_for_more_than_a_year_is_never_forgotten",
    "edits: five in 48 h, two minutes apart": "feeds/test_identity:test_edits_wait_for_each_other_and_end",
    "… at readers' copies": "feeds/test_watch_changes:test_a_hectic_newsroom_edits_copies_two_minutes_apart_and_five_times",
    "an outage brings a flood, which is held": "feeds/test_watch:test_a_section_feed_that_was_away_brings_a_flood_for_its_section",
    # dates
    "months, zones, epoch seconds": "feeds/test_dates:test_the_same_moment_however_written",
    "the zone of Kazakhstan": "feeds/test_dates:test_offset_of_almaty_changed_in_2024",
    "the hour that came twice": "feeds/test_dates:test_of_the_hour_that_came_twice_a_fresh_feed_means_the_later",
    "now − 30 d … now + 10 min, else first seen": "feeds/test_dates:test_believable",
    # HTTP
    "validators verbatim": "feeds/test_fetch:test_validators_go_back_as_they_came_and_stay",
    "… stored again on a 304": "feeds/test_watch:test_a_validator_that_rotates_is_the_one_to_send_next",
    "301/308 at the third poll, every hop permanent": "feeds/test_watch:test_a_permanent_move_is_believed_after_three_polls",
    "302 is followed": "feeds/test_fetch:test_redirects",
    "410": "feeds/test_watch:test_410_stops_for_good_even_after_a_restart",
    "Retry-After": "feeds/test_watch:test_retry_after_is_obeyed",
    "back-off with jitter": "feeds/test_schedule:test_back_off_doubles_with_jitter",
    "… of six hours at most": "feeds/test_schedule:test_back_off_ends_at_six_hours",
    "ttl, max-age, sy:*": "feeds/test_schedule:test_hints_raise_an_adaptive_interval_within_its_bounds",
    "a configured interval": "feeds/test_schedule:test_a_configured_interval_is_kept_exactly",
    "per host": "feeds/test_fetch:test_few_at_once_and_a_second_apart_per_host",
    "User-Agent": "feeds/test_fetch:test_an_answer_with_everything",
}
HOSTILE = {
    "private networks, however written": "feeds/test_fetch:test_private_addresses_are_refused_however_written",
    "… by a redirect": "feeds/test_fetch:test_a_redirect_into_the_private_network_is_refused",
    "… tunnels that carry them": "feeds/test_fetch:test_what_is_public",
    "… ambient proxies": "feeds/test_fetch:test_a_proxy_is_used_only_when_named_and_literals_are_still_judged",
    "gzip bombs": "feeds/test_fetch:test_answers_that_are_damaged_or_too_big",
    "endless bodies": "feeds/test_fetch:test_an_announced_or_endless_length_is_refused_at_once",
    "attribute bombs, laughs, external entities, runs": "feeds/test_worker:test_hostile_documents_are_read_or_refused_quickly",
    "plain documents that are read in place": "feeds/test_worker:test_plain_rss_takes_a_time_in_proportion_whatever_stands_in_it",
    "DOCTYPE": "feeds/test_decode:test_doctype_is_cut_with_all_its_entities",
    "tags of more than 64 KB": "feeds/test_decode:test_a_tag_of_more_than_64_kb_is_refused",
    "500 items": "feeds/test_parse:test_at_most_so_many_items",
    "ten seconds": "feeds/test_worker:test_a_slow_document_is_killed_and_the_next_one_read",
    "dripping servers": "feeds/test_fetch:test_a_dripping_server_is_cut_while_others_go_on",
    "feedparser.parse(str)": "feeds/test_traps:test_one_place_calls_feedparser_and_with_bytes",
    "javascript:, relative links": "posts/test_richtext:",
    "forged callback data": "handlers/test_presses:test_fuzzed_presses_change_nothing",
    "stale keyboards": "handlers/test_presses:test_buttons_of_a_forgotten_reader_are_out_of_date",
    "int64 bounds": "handlers/test_presses:test_buttons_that_would_not_come_back_are_never_made",
    "handlers × roles": "handlers/test_rights:test_every_handler_and_every_role",
    "a removed editor": "handlers/test_rights:test_a_role_that_was_taken_is_gone_at_once",
    "… between draft and confirm": "handlers/test_newsroom:test_a_removed_editor_can_do_nothing_between_draft_and_confirm",
    "anonymous admins, sender_chat": "handlers/test_doors:test_nobody_passes_in_anothers_name",
    "webhook: secret": "test_receiver:test_who_does_not_know_the_secret_learns_nothing",
    "webhook: no secret, no start": "test_settings:test_mistakes_in_the_environment",
    "webhook: bad JSON": "test_receiver:test_rubbish_is_refused_and_never_an_error_of_ours",
    "webhook: non-ASCII header": "test_receiver:test_a_header_of_raw_bytes_is_refused",
    "webhook: IPv6 peer": "test_receiver:test_a_peer_with_a_new_address",
    "webhook: twice": "test_receiver:test_the_webhook_takes_each_update_once",
    "X-Forwarded-For": "feeds/test_traps:test_nobody_asks_whence_a_request_says_it_comes",
    "token in logs": "test_http:test_no_log_line_holds_a_secret",
    "… of Telegram's edge": "test_telegram:test_a_network_error_of_a_reply_hides_the_token",
    "chatty user": "test_receiver:test_a_chatty_person_keeps_nobody_waiting",
    "keyword filters": "feeds/test_traps:test_a_pattern_is_no_word_to_hide",
    "hostile words": "posts/test_terms:test_hostile_words_are_survived",
    "erased without a trace": "storage/test_storage_privacy:test_an_erased_chat_leaves_no_bytes_in_the_files_while_the_bot_runs",
    "ids are hashed in logs": "test_http:test_chats_are_anonymous_but_the_same",
    "our HTTP port: header and body limits": "test_http:test_others_hang_routes_into_it_within_its_limits",
    "our HTTP port: idle connections": "test_http:test_an_idle_connection_is_not_kept_for_an_hour",
}
"""Mini App and Login data are not accepted anywhere; dependencies are audited by `make audit`."""


@cache
def named(module: str) -> frozenset[str]:
    tree = ast.parse((ROOT / f"tests/{module}.py").read_text("utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("trap", [*FEEDS, *HOSTILE])
def test_each_trap_has_its_test(trap: str) -> None:
    module, _, name = {**FEEDS, **HOSTILE}[trap].partition(":")
    assert name in named(module) if name else named(module)


def sources() -> dict[str, str]:
    places = (path for folder in ("bot", "handlers", "storage") for path in (ROOT / folder).rglob("*.py"))
    return {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in places}


def test_one_place_calls_feedparser_and_with_bytes() -> None:
    """A string would be opened as a file, or fetched."""
    calls = {name: re.findall(r"feedparser\.parse\((.*)", text) for name, text in sources().items()}
    (call,) = calls.pop("bot/feeds/parse.py")
    assert call.startswith("io.BytesIO(body)")
    assert not any(calls.values())


def test_nobody_asks_whence_a_request_says_it_comes() -> None:
    product = {name: text for name, text in sources().items() if not name.startswith("bot/sandbox")}
    assert not [
        name for name, text in product.items() if re.search(r"(?i)x-forwarded|x-real-ip|request\.remote\b", text)
    ]


@pytest.mark.parametrize("head", ["", "<!-- feedparser's turn -->"], ids=["quick", "feedparser"])
def test_a_guid_is_what_the_feed_says_wherever_it_lies(head: str) -> None:
    item = (
        "<item><guid isPermaLink='false'>17</guid><title>Т</title></item><item><guid>a/18</guid><title>Т</title></item>"
    )
    body = f"{head}<rss version='2.0'><channel>{item}</channel></rss>".encode()
    for base in ("https://news.test/rss", "https://other.test/b/rss.xml"):
        document = parse(decode(body).text_bytes, base=base, zone=ZoneInfo("UTC"), language="", now=1.8e9)
        assert [entry.guid for entry in document.entries] == ["17", "a/18"]


@pytest.mark.parametrize("pattern", ["(a+)+$", ".*", "[", "(?=a)*", "\\b"])
def test_a_pattern_is_no_word_to_hide(pattern: str) -> None:
    began = process_time()
    assert all(not set(key) & set("()[].*+?$\\") for key in keys(pattern))
    keys(pattern + "a" * 26 + "!")
    assert process_time() - began < 1
