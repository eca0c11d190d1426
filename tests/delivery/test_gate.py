"""What goes out by itself and what is held: the strictest reason counts."""

from __future__ import annotations

from bot.delivery.gate import Delay, Rules, Window, judge, silence
from bot.domain.held import Hold, Said, Why
from bot.domain.post import Post, PostKind

SPORT, WORLD, PARTY, ADS = 1, 2, 4, 8
NOW = 1000
RULES = Rules(
    manual=ADS,
    delays=[Delay(WORLD, 60), Delay(PARTY, 180)],
    silences=[Window(900, 2000, PARTY), Window(950, 1500, PARTY | SPORT), Window(5000, 6000, WORLD)],
)
QUIETLESS = Rules(RULES.manual, RULES.delays)


def post(sections: int, kind: PostKind = PostKind.ARTICLE) -> Post:
    """A post of these sections."""
    return Post(7, kind, 1, sections, NOW)


def test_a_silence_is_in_force_from_its_first_second_until_before_its_last() -> None:
    assert silence(RULES, PARTY, NOW) == RULES.silences[0], "the one that ends last"
    assert silence(RULES, SPORT, NOW) == RULES.silences[1]
    assert silence(RULES, WORLD, NOW) is None
    assert silence(RULES, None, NOW) == RULES.silences[0]
    assert [silence(RULES, WORLD, now) is None for now in (4999, 5000, 5999, 6000)] == [True, False, False, True]
    assert silence(RULES, None, 3000) is None


def test_modes() -> None:
    assert judge(post(SPORT), 0, Said(), QUIETLESS, NOW) is None
    assert judge(post(WORLD), 0, Said(), QUIETLESS, NOW) == Hold(7, Why.COUNTDOWN, NOW + 60)
    assert judge(post(WORLD | PARTY), 0, Said(), QUIETLESS, NOW) == Hold(7, Why.COUNTDOWN, NOW + 180)
    assert judge(post(WORLD | ADS), 0, Said(), QUIETLESS, NOW) == Hold(7, Why.MANUAL)


def test_only_sections_whose_readers_lack_it_and_that_nobody_has_let_pass_count() -> None:
    assert judge(post(SPORT | ADS), ADS, Said(), QUIETLESS, NOW) is None
    assert judge(post(WORLD | ADS), 0, Said(ADS), QUIETLESS, NOW) == Hold(7, Why.COUNTDOWN, NOW + 60)
    assert judge(post(WORLD | ADS), 0, Said(ADS | WORLD), QUIETLESS, NOW) is None
    assert judge(post(ADS), ADS, Said(), QUIETLESS, NOW) is None, "a star sends it on: nothing is new in it"


def test_an_editors_own_post_knows_no_mode_but_silence() -> None:
    assert judge(post(ADS, PostKind.WRITTEN), 0, Said(), QUIETLESS, NOW) is None
    assert judge(post(PARTY, PostKind.WRITTEN), 0, Said(), RULES, NOW) == Hold(7, Why.SILENCE, 2000)


def test_silence_goes_before_modes_and_embargo_before_silence() -> None:
    everything = post(PARTY | ADS)
    assert judge(everything, 0, Said(PARTY | ADS), RULES, NOW) == Hold(7, Why.SILENCE, 2000)
    assert judge(everything, 0, Said(loud_until=1999), RULES, NOW) == Hold(7, Why.SILENCE, 2000)
    assert judge(everything, 0, Said(loud_until=2000), RULES, NOW) == Hold(7, Why.MANUAL)
    assert judge(everything, 0, Said(), RULES, NOW, embargo=1200) == Hold(7, Why.EMBARGO, 1200)
    assert judge(everything, 0, Said(PARTY | ADS, 2000), RULES, NOW, embargo=NOW) is None
