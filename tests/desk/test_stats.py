"""Figures of /stats: what counts where, percentiles out of steps, words and table."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from bot.desk import stats
from bot.desk.stats import Line, Report, as_csv, line, percentile, report, text
from bot.desk.tallies import day_of, roll_up, tally
from bot.domain.article import Section
from bot.domain.delivery import Audience, Broadcast, BroadcastState, Lane, Receipt, Result
from bot.domain.post import Post, PostKind
from bot.i18n import Words
from storage import Storage
from storage.stats import STEPS, Tally
from tests.factories import subscribe

ZONE = ZoneInfo("Asia/Almaty")
SECTIONS = (Section("sport", 0, {"ru": "Спорт"}), Section("world", 1, {"ru": "Мир"}))
CAST = Broadcast(1, "k", Lane.REGULAR, BroadcastState.DONE, Audience(), 9, 0, 0, 1, 1, 1, 1)
POSTS = {n: Post(n, PostKind.ARTICLE, 1, mask, 1) for n, mask in ((1, 1), (2, 2), (3, 3))}
RU = Words.load(["ru"])["ru"]


def test_a_message_counts_for_each_section_of_which_it_carries_a_post() -> None:
    one = {3: POSTS[3]}
    assert tally([Tally(None, 1, 5, 10), Tally(None, 3, 0, 2)], CAST, one, SECTIONS) == {
        **{(place, "delivered"): 10 for place in ("", "sport", "world")},
        **{(place, "t:5"): 10 for place in ("", "sport", "world")},
        **{(place, "blocked"): 2 for place in ("", "sport", "world")},
    }
    rounds = [Tally("[1]", 1, 5, 4), Tally("[1, 2]", 1, 0, 3), Tally("[99]", 1, 5, 1), Tally(None, 6, 0, 8)]
    counted = tally(rounds, CAST, POSTS, SECTIONS)
    assert (counted["", "delivered"], counted["sport", "delivered"], counted["world", "delivered"]) == (8, 7, 3)
    assert (counted["", "t:5"], counted["", "t:0"]) == (5, 3)


def test_breaking_news_stands_for_itself_and_failures_are_told_apart() -> None:
    urgent = replace(CAST, lane=Lane.BREAKING)
    post = {1: replace(POSTS[1], sections=0)}
    found = tally([Tally(None, int(kind), 0, 1) for kind in Result], urgent, post, SECTIONS)
    kinds = {what for place, what in found if place == "breaking"}
    assert kinds == {"delivered", "t:0", "blocked", "failed", "lost"}


@given(st.dictionaries(st.sampled_from((*STEPS, 0)), st.integers(1, 10**6), min_size=1), st.floats(0.01, 0.99))
def test_a_percentile_is_within_the_step_that_holds_it(counts: dict[int, int], share: float) -> None:
    found = percentile({f"t:{step}": n for step, n in counts.items()}, share)
    assert found is not None
    assert 0 <= found <= STEPS[-1]
    within = sum(n for step, n in counts.items() if step and step <= found)
    assert within <= sum(counts.values()) * share + 1 or found == STEPS[-1]


def test_percentiles_of_nothing_and_of_what_took_too_long() -> None:
    assert percentile({"delivered": 3}, 0.5) is None
    assert percentile({"t:0": 3}, 0.5) == STEPS[-1]
    assert percentile({"t:2": 4, "t:10": 4}, 0.5) == 2
    assert percentile({"t:10": 10}, 0.5) == 7.5


async def test_counted_as_it_ends_and_told_by_day(sqlite_storage: Storage) -> None:
    storage, noon = sqlite_storage, 1669269600  # 24.11.2022, 12:00 in Almaty
    await subscribe(storage, range(1, 4), 1)
    for at in (noon - 86_400, noon):
        async with storage.engine.transaction() as db:
            rows = await db.write(
                "INSERT INTO post (kind, version, state, sections, language, content, created_at)"
                " VALUES ('article', 1, 'waiting', 1, 'ru', '{}', 1) RETURNING id"
            )
        posts = await storage.posts.get([rows[0][0]])
        id_ = await storage.broadcasts.publish(
            posts, Audience(sections=1), key=f"k{at}", lane=Lane.REGULAR, total=3, start=0, now=at
        )
        made = [Receipt(id_, n, Result.SENT, 1500 * n, message_id=n) for n in (1, 2)]
        made.append(Receipt(id_, 3, Result.GONE, 5))
        await storage.deliveries.settle(made, [], worker="w", until=9, now=at)
        running = [BroadcastState.RUNNING]
        assert await storage.broadcasts.change(id_, BroadcastState.STOPPED, among=running, now=at + 10)
    for reader, at in ((1, noon - 8 * 86_400), (1, noon - 60), (2, noon - 50)):
        await storage.posts.tapped(posts[0].id, reader, "misled", now=at)
    for _ in range(2):
        await roll_up(storage, SECTIONS, ZONE, noon + 100)
    found = await report(storage, SECTIONS, ZONE, stats.WEEK, noon + 100)
    assert (found.last, found.first) == (day_of(noon, ZONE), day_of(noon, ZONE) - 6)
    assert found.days == [0, 0, 0, 0, 0, 2, 2]
    assert (found.all["delivered"], found.all["blocked"], found.all["joined"]) == (4, 2, 3)
    (sport,) = found.sections
    assert (sport.section, sport["delivered"], sport.p50) == ("sport", 4, 2.0)
    assert (found.all["misled"], sport["misled"]) == (1, 1), "one press of a reader counts, and its day with it"
    assert (await report(storage, SECTIONS, ZONE, 1, noon + 100)).all["delivered"] == 2


def test_the_words() -> None:
    figures = {"delivered": 12_790, "blocked": 44, "failed": 6, "joined": 34, "left": 12, "misled": 4}
    sport = Line("sport", figures, 2, 40)
    urgent, gone = Line("breaking", {"delivered": 5}), Line("gone", {})
    last = 738483  # 24.11.2022
    said = text(RU, Report(last - 6, last, Line("", {}), [sport, urgent, gone], []), SECTIONS, ZONE).text
    assert said.startswith("📊 18 ноября — 24 ноября 2022\n")
    assert "Спорт\nдоставлено 12\u00a0790 · заблокировали 44 · не удалось 6\nпришли 34, ушли 12\n" in said
    assert "Половина получила за 2 с, 95 % — за 40 с." in said.replace("\u00a0", " ")
    assert "«Заголовок обманул»: 4" in said
    assert "\ngone\n" in said, "a section that is not in the file any more"
    assert said.split("Срочное\n")[1].split("\n")[:2] == ["доставлено 5 · заблокировали 0", "\u200b"]


def test_the_table() -> None:
    rows = [(738483, "", "delivered", 7), (738483, "sport", "delivered", 7), (738483, "sport", "t:10", 7)]
    written = as_csv(rows)
    assert written.startswith(b"\xef\xbb\xbfday,section,")
    lines = list(csv.DictReader(io.StringIO(written.decode("utf-8-sig"))))
    assert [(row["day"], row["section"], row["delivered"], row["p50_seconds"]) for row in lines] == [
        ("2022-11-24", "all", "7", ""),
        ("2022-11-24", "sport", "7", "7.5"),
    ]
    assert line("sport", {})["joined"] == 0


def test_growth_is_told_as_it_was_counted() -> None:
    rows = [
        (9, "channel:7", "members", 1200),
        (9, "source:site", "new", 50),
        *[(10, place, "new", n) for place, n in (("", 12), ("source:", 3), ("source:site", 7), ("source:dala_kz", 2))],
        (11, "", "returned", 4),
        (11, "channel:7", "members", 1180),
        (11, "channel:8", "members", 5),
        (11, "channel:9", "members", 5),
    ]
    titles = {"channel:7": "Дала", "channel:8": "=Новый"}
    grown = stats.growth(rows, 10, titles)
    assert grown == stats.Growth(
        12, 4, [("site", 7), ("", 3), ("dala_kz", 2)], [("=Новый", 5, None), ("Дала", 1180, 1200)]
    )
    said = text(RU, Report(10, 11, Line("", {}), [], growth=grown), SECTIONS, ZONE).text
    for part in ("• site: 7\n• без метки: 3\n", "Вернулись после блокировки: 4", "участников 1\u00a0180 (\u221220)"):
        assert part in said, said
    many = replace(grown, sources=[(f"s{n}", 1) for n in range(9)])
    assert "• другие метки: 3" in text(RU, Report(10, 11, Line("", {}), [], growth=many), SECTIONS, ZONE).text
    table = list(csv.DictReader(io.StringIO(stats.growth_csv(rows, titles).decode("utf-8-sig"))))
    assert {"day": "0001-01-11", "what": "members", "name": "'=Новый", "n": "5"} in table
    assert {"day": "0001-01-10", "what": "new_by_source", "name": "site", "n": "7"} in table
