"""What Telegram's answer means for a delivery. Pure: codes and descriptions in, an `Outcome` out.

Source of the texts: the error catalogue of the Bot API server (telegram-bot-api `Client.cpp`).
"""

from __future__ import annotations

import random
import re

from bot.domain.delivery import Gone, Moved, Outcome, Rejected, Wait

_GONE_400 = re.compile(
    r"chat not found|user not found|PEER_ID_INVALID|message thread not found|TOPIC_(CLOSED|DELETED)"
    r"|CHAT_WRITE_FORBIDDEN"
    r"|have no write access|not enough rights to send (text )?messages|need administrator rights|CHAT_ADMIN_REQUIRED"
    r"|CHAT_RESTRICTED"
    r"|group chat was deactivated|USER_DEACTIVATED|INPUT_USER_DEACTIVATED",
    re.IGNORECASE,
)

_PAYING = re.compile(r"paid|payment|balance|\bstars?\b", re.IGNORECASE)


def classify(code: int, description: str, *, retry_after: float = 0.0, migrate_to: int | None = None) -> Outcome:
    """The outcome of a refused call. `code` is the envelope's error_code; 401 is the caller's to handle.

    403 and vanished chats mean that the reader is gone; every other 400 (and 402, 413) is a rejection of this content:
    where only pictures are forbidden, the text may still go. All else means waiting, because it says nothing of
    this message: 429, 5xx, a wrong path (404), another server's token (421), a bot that is logged out.
    """
    if migrate_to is not None:
        return Moved(migrate_to)
    if code == 429:
        return Wait(max(1.0, retry_after), scope="flood")
    if code not in (400, 402, 403, 413) or description == "Logged out":
        return Wait(1.0, scope="outage")
    if code == 403 or _GONE_400.search(description):
        return Gone(_plain(description))
    return Rejected(_plain(description))


def unpaid(outcome: Outcome) -> str:
    """Why Telegram may take a paid message only for nothing; "" when the answer is about something else.

    Its words for that are not documented. So any rejection is tried again without paying: if that is taken, it was
    the payment. A reader who is gone is believed, unless the reason is about paying.
    """
    match outcome:
        case Rejected(reason):
            return reason or "?"
        case Gone(reason) if _PAYING.search(reason):
            return reason
    return ""


def back_off(attempt: int, rng: random.Random, *, first: float = 1.0, most: float = 60.0) -> float:
    """Seconds to wait before try number `attempt` (1, 2, …): doubling, with jitter of a quarter, capped."""
    return float(min(most, first * 2.0 ** min(attempt - 1, 16)) * rng.uniform(0.75, 1.0))


def _plain(description: str) -> str:
    """The reason without its prefix and without numbers, so that equal reasons count together."""
    text = re.sub(r"^(Bad Request|Forbidden): ", "", description)
    return re.sub(r"\d+", "N", text)[:120]
