"""Every reason why a post came or did not, from facts made by hand; and the same words on the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot import __main__ as cli
from bot.delivery.audience import Offer
from bot.domain.delivery import BroadcastState, Lane, Passage, Result
from bot.domain.post import Post, PostKind, PostState
from bot.domain.reader import DIGESTS, Quiet, Reader, ReaderState
from bot.i18n import Words
from bot.readers.why import Facts, Reason, Why, line, reasons
from storage import open_storage

SPORT, REGIONS, KK_ONLY = 1, 2, Offer(("ru", "kk"), ("ru", "kk"), 2)
AT = 1_763_874_000  # 10:00 in Almaty
READER = Reader(1, 7, "ru", ReaderState.ACTIVE, SPORT, 0, consent_at=5)
POST = Post(1, PostKind.ARTICLE, 1, SPORT, AT, language="ru", title="Мост в Шымкенте")
OUT = Passage(lane=Lane.REGULAR, state=BroadcastState.DONE, began=AT, at=AT + 2)


def facts(reader: Reader = READER, post: Post = POST, *passages: Passage, **more: Any) -> Facts:
    return Facts(**{"reader": reader, "post": post, "state": PostState.PUBLISHED, "passages": passages, **more})


def why(known: Facts) -> list[Why]:
    return [reason.why for reason in reasons(known, KK_ONLY, AT + 60, "Asia/Almaty")]


def got(**more: Any) -> Passage:
    return replace(OUT, result=Result.SENT, **more)


CAME = {
    "alone": (facts(READER, POST, got()), [Why.CAME, Why.SECTION]),
    "in a round": (facts(READER, POST, got(together=True)), [Why.CAME_IN_A_LIST, Why.SECTION]),
    "in a digest": (facts(READER, POST, OUT, got(lane=Lane.DIGEST, at=AT + 9)), [Why.CAME_IN_A_LIST, Why.SECTION]),
    "breaking": (facts(READER, POST, got(lane=Lane.BREAKING)), [Why.CAME_AS_BREAKING]),
    "breaking by a word": (
        facts(replace(READER, breaking=False), POST, got(lane=Lane.BREAKING), words=[("мост", True)]),
        [Why.CAME_AS_BREAKING, Why.FOLLOWED],
    ),
    "partner": (facts(READER, POST, got(lane=Lane.PROMO)), [Why.CAME_AS_PARTNER]),
    "by a word": (
        facts(replace(READER, sections=0), POST, got(), words=[("мост", True)]),
        [Why.CAME, Why.FOLLOWED],
    ),
    "to everybody": (facts(READER, replace(POST, sections=0), got()), [Why.CAME, Why.EVERYBODY]),
    "of a section since dropped": (facts(replace(READER, sections=0), POST, got()), [Why.CAME]),
    "shown": (facts(READER, POST, shown_at=AT), [Why.SHOWN, Why.SECTION]),
    "perhaps": (facts(READER, POST, replace(OUT, result=Result.UNCERTAIN)), [Why.MAY_HAVE_COME, Why.SECTION]),
    "and withdrawn": (
        facts(READER, replace(POST, withdrawn=True), got(), state=PostState.WITHDRAWN),
        [Why.CAME, Why.SECTION, Why.WITHDRAWN],
    ),
}
KEPT = {
    "withdrawn": (facts(state=PostState.WITHDRAWN), [Why.WITHDRAWN]),
    "old": (facts(state=PostState.STORED), [Why.BEFORE_THE_BOT]),
    "unsorted": (facts(state=PostState.UNSORTED), [Why.UNSORTED]),
    "held": (facts(state=PostState.HELD), [Why.HELD]),
    "soon": (facts(state=PostState.WAITING), [Why.SOON]),
    "refused": (facts(READER, POST, replace(OUT, result=Result.REJECTED, reason="no")), [Why.REFUSED]),
    "gone": (facts(READER, POST, replace(OUT, result=Result.GONE)), [Why.UNREACHABLE]),
    "again": (facts(READER, POST, replace(OUT, result=Result.WAITING, due_at=AT + 99)), [Why.AGAIN]),
    "called off": (facts(READER, POST, replace(OUT, state=BroadcastState.STOPPED)), [Why.CALLED_OFF]),
    "new": (facts(replace(READER, state=ReaderState.NEW), POST, OUT), [Why.NOT_SUBSCRIBED]),
    "left": (facts(replace(READER, state=ReaderState.LEFT), POST, OUT), [Why.NOT_SUBSCRIBED]),
    "paused": (facts(replace(READER, state=ReaderState.PAUSED, paused_until=AT), POST, OUT), [Why.PAUSED]),
    "dormant": (facts(replace(READER, state=ReaderState.DORMANT), POST, OUT), [Why.UNREACHABLE]),
    "before": (facts(replace(READER, consent_at=AT + 1), POST, OUT), [Why.BEFORE_YOU]),
    "breaking off": (
        facts(replace(READER, breaking=False), POST, replace(OUT, lane=Lane.BREAKING)),
        [Why.BREAKING_OFF],
    ),
    "no partners": (facts(replace(READER, partner=False), POST, replace(OUT, lane=Lane.PROMO)), [Why.NO_PARTNERS]),
    "hidden": (facts(READER, POST, OUT, words=[("мост", False)]), [Why.HIDDEN]),
    "hidden beats followed": (
        facts(replace(READER, sections=0), POST, OUT, words=[("мост", False), ("шымкент", True)]),
        [Why.HIDDEN],
    ),
    "section and main": (
        facts(replace(READER, sections=4, main_only=True), POST, OUT),
        [Why.OTHER_SECTION, Why.NOT_MAIN],
    ),
    "muted": (facts(replace(READER, muted=SPORT), POST, OUT, muted_until=AT), [Why.MUTED]),
    "region": (
        facts(replace(READER, sections=REGIONS, regions=1), replace(POST, sections=REGIONS), OUT),
        [Why.OTHER_REGION],
    ),
    "own region": (
        facts(replace(READER, sections=REGIONS, regions=4), replace(POST, sections=REGIONS), OUT),
        [Why.CHANGED_SINCE],
    ),
    "interface language": (facts(READER, replace(POST, language="kk"), OUT), [Why.OTHER_LANGUAGE]),
    "news language": (facts(replace(READER, news_languages=("kk",)), POST, OUT), [Why.OTHER_LANGUAGE]),
    "digests": (
        facts(replace(READER, volume=DIGESTS, list_at=AT + 99), POST, OUT),
        [Why.DIGESTS_ONLY, Why.NEXT_LIST],
    ),
    "night": (
        facts(replace(READER, quiet=Quiet.HOLD, quiet_from=540, quiet_to=660, list_at=0), POST, OUT),
        [Why.KEPT_AT_NIGHT, Why.NEXT_LIST],
    ),
    "volume": (
        facts(replace(READER, volume=8, list_at=AT + 99), POST, OUT),
        [Why.BEYOND_VOLUME, Why.NEXT_LIST],
    ),
    "under way": (facts(READER, POST, replace(OUT, state=BroadcastState.RUNNING)), [Why.UNDER_WAY]),
    "chosen since": (facts(READER, POST, OUT), [Why.CHANGED_SINCE]),
}


@pytest.mark.parametrize("case", CAME)
def test_what_came(case: str) -> None:
    known, expected = CAME[case]
    assert why(known) == expected


@pytest.mark.parametrize("case", KEPT)
def test_what_did_not(case: str) -> None:
    known, expected = KEPT[case]
    assert why(known) == expected


def test_every_reason_has_a_case_and_words_in_every_language() -> None:
    seen = {one for _, expected in (*CAME.values(), *KEPT.values()) for one in expected}
    assert seen == set(Why)
    for t in Words.load(["ru", "kk", "en"]):
        said = [line(Reason(one, AT, ("1",)), {1: "Спорт"}, POST, t, lambda at: "12:00") for one in Why]
        said.append(line(Reason(Why.NEXT_LIST), {}, POST, t, str))
        assert all(text and "{" not in text for text in said)
        assert len(set(said)) == len(said)


@pytest.fixture
async def newsroom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which the command line finds a newsroom, a reader (chat 7) and a post (1) that is held."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", "sqlite:///news.db")
    monkeypatch.setenv("FEED_URL", "https://news.example/rss")
    storage = await open_storage("sqlite:///news.db")
    await storage.readers.meet(7, language="ru", now=1)
    await storage.engine.write(
        "INSERT INTO post (kind, version, state, sections, language, content, created_at)"
        " VALUES ('breaking', 1, 'held', 0, 'ru', '{\"title\": \"Мост\"}', 1)"
    )
    await storage.close()
    return tmp_path


@pytest.fixture
def trace(newsroom: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Coroutine[Any, Any, tuple[int, str]]]:
    """`newsdesk trace`: its exit code and what it says."""

    async def called(article: str, reader: str, *more: str) -> tuple[int, str]:
        code = await asyncio.to_thread(cli.main, ["trace", "--article", article, "--reader", reader, *more])
        said = capsys.readouterr()
        return code, said.out + said.err

    return called


async def test_the_command_line_says_the_same_in_the_newsrooms_language(newsroom: Path, trace: Any) -> None:
    code, said = await trace("p1", "7")
    assert code == 0
    head, *answer = said.splitlines()
    assert head.endswith("Мост  [пост 1, читатель 7, ещё не подписан]")
    assert answer == ["Что этому читателю отвечает /why:", "• Редакция пока её придерживает."]
    (newsroom / "newsdesk.toml").write_text('[newsroom]\nname = "Дала"\nlanguages = ["kk", "ru"]\n', "utf-8")
    assert "оқырман 7" in (await trace("p1", "7"))[1]


async def test_the_command_line_answers_in_any_language_that_is_asked_for(newsroom: Path, trace: Any) -> None:
    english = (await trace("p1", "7", "--language", "en"))[1]
    assert english.splitlines()[1:] == ["What /why tells this reader:", "• The newsroom holds it back for now."]
    (newsroom / "locales").mkdir()
    (newsroom / "locales/en.po").write_text('msgid "The newsroom holds it back for now."\nmsgstr "Wait."\n', "utf-8")
    assert "• Wait." in (await trace("p1", "7", "--language", "en"))[1], "a newsroom's own words hold here, too"


@pytest.mark.parametrize("state", ReaderState)
async def test_the_command_line_names_the_state_of_a_reader(newsroom: Path, trace: Any, state: ReaderState) -> None:
    storage = await open_storage("sqlite:///news.db")
    await storage.engine.write("UPDATE reader SET state = :state", state=state.value)
    await storage.close()
    words = {"new": "not subscribed", "active": "subscribed", "paused": "pause", "dormant": "block", "left": "unsub"}
    assert words[state.value] in (await trace("p1", "7", "--language", "en"))[1].splitlines()[0]


@pytest.mark.parametrize(
    ("article", "reader", "word"),
    [
        ("p1", "8", "Читателя «8»"),
        ("p1", "x", "Читателя «x»"),
        ("p9", "7", "Материала «p9»"),
        ("5", "7", "Материала «5»"),
        ("https://news.example/1", "7", "Материала"),
        ("", "7", "Материала"),
    ],
)
async def test_the_command_line_says_what_it_does_not_know(trace: Any, article: str, reader: str, word: str) -> None:
    code, said = await trace(article, reader)
    assert code == 1
    assert said.startswith(f"newsdesk: {word}")
    assert said.count("\n") == 1
