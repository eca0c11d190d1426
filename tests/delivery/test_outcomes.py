"""What each answer means: the rows of the Bot API server's error catalogue that a send can meet."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.delivery.outcomes import back_off, classify, unpaid
from bot.domain.delivery import Gone, Moved, Outcome, Rejected, Sent, Wait

GONE = [
    (400, "chat not found"),
    (400, "user not found"),
    (400, "PEER_ID_INVALID"),
    (400, "message thread not found"),
    (400, "TOPIC_CLOSED"),
    (400, "TOPIC_DELETED"),
    (400, "need administrator rights in the channel chat"),
    (400, "not enough rights to send text messages to the chat"),
    (400, "have no write access to the chat"),
    (400, "CHAT_WRITE_FORBIDDEN"),
    (400, "CHAT_ADMIN_REQUIRED"),
    (400, "CHAT_RESTRICTED"),
    (400, "group chat was deactivated"),
    (400, "INPUT_USER_DEACTIVATED"),
    (403, "user is deactivated"),
    (403, "bot was blocked by the user"),
    (403, "bot can't initiate conversation with a user"),
    (403, "the bot can't send messages to the bot"),
    (403, "bot was kicked from the group chat"),
    (403, "bot is not a member of the group chat"),
    (403, "the group chat was deleted"),
    (403, "bot was kicked from the supergroup chat"),
    (403, "bot is not a member of the supergroup chat"),
    (403, "bot was kicked from the channel chat"),
    (403, "bot is not a member of the channel chat"),
]
REJECTED = [
    # Pictures are forbidden here, words are not: the sender goes on with the text alone.
    (400, "not enough rights to send photos to the chat"),
    (400, "not enough rights to send videos to the chat"),
    (400, "not enough rights to send documents to the chat"),
    (400, "chat_id is empty"),
    (400, "message text is empty"),
    (400, "text must be non-empty"),
    (400, "text is too long"),
    (400, "message is too long"),
    (400, "message caption is too long"),
    (400, "strings must be encoded in UTF-8"),
    (400, "unsupported parse_mode"),
    (400, 'can\'t parse entities: Unsupported start tag "x" at byte offset 0'),
    (400, "can't parse MessageEntity: Can't find field \"type\""),
    (400, "message to be replied not found"),
    (400, "can't parse reply keyboard markup JSON object"),
    (400, "inline keyboard button URL 'x' is invalid: Wrong HTTP URL"),
    (400, "inline keyboard expected"),
    (400, "BUTTON_DATA_INVALID"),
    (400, "BUTTON_URL_INVALID"),
    (400, "BUTTON_TYPE_INVALID"),
    (400, "reply markup is too long"),
    (400, "there is no photo in the request"),
    (400, "wrong remote file identifier specified: can't unserialize it. Wrong last symbol"),
    (400, "can't use file of type Video as Photo"),
    (400, "invalid file HTTP URL specified: Unsupported URL protocol"),
    (400, "failed to get HTTP URL content"),
    (400, "wrong type of the web page content"),
    (400, "wrong HTTP URL specified"),
    (400, "wrong file identifier/HTTP URL specified"),
    (400, "file must be non-empty"),
    (400, "IMAGE_PROCESS_FAILED"),
    (400, "PHOTO_INVALID_DIMENSIONS"),
    (400, "too many messages to send as an album"),
    (400, 'failed to send message #1 with the error message "WEBPAGE_CURL_FAILED"'),
    (400, "group send failed"),
    (413, "Request Entity Too Large: too many parameters"),
]
NOT_NOW = [
    (400, "Logged out"),
    (404, "Not Found"),
    (409, "Conflict: terminated by other getUpdates request"),
    (421, "Misdirected Request: unallowed token specified"),
    (500, "Internal Server Error"),
    (500, "Internal Server Error: restart"),
    (502, "Bad Gateway"),
    (504, "Gateway Timeout"),
]
_PREFIX = {400: "Bad Request: ", 403: "Forbidden: "}


def answer(code: int, text: str) -> Outcome:
    return classify(code, text if text == "Logged out" else _PREFIX.get(code, "") + text)


@pytest.mark.parametrize(("code", "text"), GONE)
def test_the_reader_is_gone(code: int, text: str) -> None:
    assert answer(code, text) == Gone(text)


@pytest.mark.parametrize(("code", "text"), REJECTED)
def test_this_content_is_refused(code: int, text: str) -> None:
    assert isinstance(answer(code, text), Rejected)


@pytest.mark.parametrize(("code", "text"), NOT_NOW)
def test_it_is_nothing_about_this_message(code: int, text: str) -> None:
    assert answer(code, text) == Wait(1.0, "outage")


def test_flood_waits_as_long_as_it_says() -> None:
    assert classify(429, "Too Many Requests: retry after 37", retry_after=37) == Wait(37, "flood")
    assert classify(429, "Too Many Requests", retry_after=0) == Wait(1.0, "flood")


def test_a_group_that_moved() -> None:
    text = "Bad Request: group chat was upgraded to a supergroup chat"
    assert classify(400, text, migrate_to=-1001) == Moved(-1001)


def test_equal_reasons_count_together() -> None:
    texts = [f"Bad Request: can't parse entities: Unclosed start tag at byte offset {n}" for n in (3, 4711)]
    assert len({classify(400, text) for text in texts}) == 1
    long = classify(400, "Bad Request: inline keyboard button URL '" + "x" * 5000)
    assert isinstance(long, Rejected)
    assert len(long.reason) <= 120


@given(st.integers(100, 599), st.text(), st.floats(0, 1e6))
def test_any_answer_means_something(code: int, text: str, retry_after: float) -> None:
    outcome = classify(code, text, retry_after=retry_after)
    assert isinstance(outcome, Gone | Rejected | Wait)
    if isinstance(outcome, Wait):
        assert outcome.seconds >= 1
    else:
        assert code in (400, 402, 403, 413)


@given(st.integers(0, 10_000), st.integers(0, 2**32))
def test_back_off_doubles_up_to_a_minute(attempt: int, seed: int) -> None:
    seconds = back_off(attempt, random.Random(seed))
    full = min(60.0, 2.0 ** min(attempt - 1, 16))
    assert 0.75 * full <= seconds <= full


@pytest.mark.parametrize(
    ("code", "description", "reason"),
    [
        (400, "Bad Request: BALANCE_TOO_LOW", "BALANCE_TOO_LOW"),
        (402, "Payment Required", "Payment Required"),
        (400, "Bad Request: words nobody knows", "words nobody knows"),
        (400, "", "?"),
        (403, "Forbidden: paid broadcasts are not allowed", "paid broadcasts are not allowed"),
        (403, "Forbidden: not enough Stars", "not enough Stars"),
        (403, "Forbidden: bot was blocked by the user", ""),
        (403, "Forbidden: bot can't start a chat", ""),
        (429, "Too Many Requests", ""),
    ],
)
def test_what_may_be_a_refusal_of_paying(code: int, description: str, reason: str) -> None:
    assert unpaid(classify(code, description)) == reason


def test_what_was_taken_is_no_refusal() -> None:
    assert unpaid(Sent(1)) == ""
