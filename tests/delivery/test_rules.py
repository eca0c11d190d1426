"""What comes now and what waits: the rule, by itself."""

from __future__ import annotations

from typing import Any

import pytest

from bot.delivery.hours import Moment
from bot.delivery.rules import Verdict, is_silent, verdict
from bot.domain.reader import DIGESTS
from bot.domain.recipient import Recipient, Ways

DAY, NIGHT = Moment(20_000, 720, quiet=False, allowed=3), Moment(20_000, 30, quiet=True, allowed=3)
READER = Recipient(1, 1, 0, "ru", 1)


def chose(**choices: Any) -> Recipient:
    return READER._replace(chosen=Ways(**choices).text)


@pytest.mark.parametrize(
    ("reader", "moment", "sent", "wanted"),
    [
        (READER, DAY, 99, Verdict.NOW),
        (READER, NIGHT, 0, Verdict.NOW),
        (chose(quiet="hold"), NIGHT, 0, Verdict.NIGHT),
        (chose(volume=DIGESTS), DAY, 0, Verdict.DIGESTS),
        (chose(volume=8), DAY, 2, Verdict.NOW),
        (chose(volume=8), DAY, 3, Verdict.VOLUME),
    ],
)
def test_what_comes_now(reader: Recipient, moment: Moment, sent: int, wanted: Verdict) -> None:
    assert verdict(reader, moment, serial=8, listed=7, sent=sent) is wanted
    assert verdict(reader, moment, serial=7, listed=7, sent=sent) is Verdict.LISTED, "a list has it"


def test_nights_are_silent_unless_breaking_may_ring() -> None:
    assert not is_silent(READER, DAY, breaking=False)
    assert is_silent(READER, NIGHT, breaking=True)
    assert not is_silent(chose(night_breaking=1), NIGHT, breaking=True)
    assert is_silent(chose(night_breaking=1), NIGHT, breaking=False)
