"""What a send says of itself in each state, in each language."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.desk.progress import card
from bot.domain.delivery import Audience, Broadcast, BroadcastState, Lane, Progress
from bot.i18n import Words

NOW = 1_763_874_000
WORDS = Words.load(("ru", "kk", "en"))
S = BroadcastState
HALF = Progress(total=12_840, sent=7_288, gone=19, rejected=3, uncertain=0, waiting=0)
FULL = Progress(total=12_840, sent=12_790, gone=44, rejected=6, uncertain=0, waiting=0, p50=228.0, p95=434.2)
CAST = Broadcast(12, "draft:1", Lane.BREAKING, S.RUNNING, Audience(), 0, 0, 0, 12_840, NOW + 5, NOW, NOW + 5, None)


def _said(
    state: BroadcastState, progress: Progress, *, language: str = "ru", cast: Broadcast = CAST, **more: Any
) -> tuple[str, list[str]]:
    cast = replace(cast, state=state, finished_at=NOW + 465)
    text, keys = card(WORDS[language], cast, progress, now=more.pop("now", NOW), **more)
    labels = [button["text"] for row in keys["inline_keyboard"] for button in row] if keys else []
    return text.text.replace("\N{NO-BREAK SPACE}", " "), labels


def test_each_state_has_its_words_and_buttons() -> None:
    assert _said(S.COUNTDOWN, HALF, now=NOW + 1) == ("Отправка через 4 с…", ["⛔ Отменить"])
    assert _said(S.COUNTDOWN, HALF, now=NOW + 9)[0] == "Отправка через 1 с…"
    assert _said(S.RUNNING, HALF, rate=28.0) == (
        "📤 7 310 из 12 840 (56 %) · 28/с · осталось ≈ 3 мин 18 с\nдоставлено 7 288 · заблокировали 19 · не удалось 3",
        ["⏸ Пауза", "⛔ Стоп"],
    )
    assert _said(S.PAUSED, HALF)[0].startswith("⏸ На паузе: 7 310 из 12 840 (56 %)\n")
    assert _said(S.PAUSED, HALF)[1] == ["▶️ Продолжить", "⛔ Стоп"]
    assert _said(S.STOPPED, HALF)[0].startswith("⛔ Остановлено: 7 310 из 12 840")
    assert _said(S.CANCELLED, HALF) == ("⛔ Отправка отменена, никто ничего не получил.\nНачать заново: /breaking", [])
    assert _said(S.DONE, FULL) == (
        "✅ Разослано за 7 мин 40 с.\nдоставлено 12 790 · заблокировали 44 · не удалось 6\n"
        "Половина получила за 3 мин 48 с, 95 % — за 7 мин 15 с.\nПрочтения Telegram ботам не сообщает.",
        [],
    )


def test_the_whole_takes_no_less_than_most_of_it() -> None:
    said = _said(S.DONE, replace(FULL, p95=461.0))[0]
    assert said.startswith("✅ Разослано за 7 мин 41 с."), "460 whole seconds, and a part of one"
    assert _said(S.DONE, replace(FULL, p50=None, p95=None))[0].startswith("✅ Разослано за 7 мин 40 с.")


def test_the_hour_after_is_told_when_it_is_over() -> None:
    assert "Ушли" not in _said(S.DONE, FULL)[0]
    assert "\nУшли за час: 21 (0,2 %)\nПрочтения" in _said(S.DONE, FULL, left=21)[0]
    assert "\nУшли за час: 0 (0 %)\n" in _said(S.STOPPED, replace(FULL, sent=0), left=0)[0]


def test_what_is_rare_or_unknown_is_told_only_when_it_is_there() -> None:
    odd = replace(HALF, uncertain=2, waiting=4)
    assert _said(S.RUNNING, odd)[0].endswith("не удалось 3 · ответ потерян 2 · ждут повтора 4")
    assert "осталось" not in _said(S.RUNNING, HALF)[0]
    assert "осталось" not in _said(S.RUNNING, FULL, rate=5.0)[0]
    assert _said(S.RUNNING, Progress(0, 0, 0, 0, 0, 0))[0].startswith("📤 0 из 0 (100 %)")
    assert "Half" not in _said(S.DONE, Progress(1, 0, 1, 0, 0, 0), language="en")[0]
    refused = replace(FULL, refusals=(("message is too long", 4), ("TOPIC_CLOSED", 2)))
    assert "\nПричины от Telegram: message is too long (4), TOPIC_CLOSED (2)\n" in _said(S.DONE, refused)[0]
    assert "Half" not in _said(S.DONE, replace(FULL, p50=0.2, p95=0.9), language="en")[0]


@pytest.mark.parametrize(
    ("language", "paid", "unpaid", "lines"),
    [
        ("ru", 0, "", []),
        ("ru", 1, "", ["Платная рассылка: 1 сообщение, до 1 звезды."]),
        ("ru", 12_002, "", ["Платная рассылка: 12 002 сообщения, до 1 201 звезды."]),
        (
            "ru",
            10_000,
            "cap",
            [
                "Платная рассылка: 10 000 сообщений, до 1 000 звёзд.",
                "Достигнут предел звёзд: остальное ушло с бесплатной скоростью.",
            ],
        ),
        (
            "kk",
            0,
            "BALANCE_TOO_LOW",
            ["Telegram ақылы таратуды қабылдамады (BALANCE_TOO_LOW): тегін жылдамдықпен жіберілді."],
        ),
        (
            "kk",
            20,
            "cap",
            [
                "Ақылы тарату: 20 хабарлама, 2 жұлдызға дейін.",
                "Жұлдыз шегіне жетті: қалғандары тегін жылдамдықпен жіберілді.",
            ],
        ),
        ("en", 1, "", ["Paid broadcast: 1 message, up to 1 Star."]),
        (
            "en",
            25,
            "x",
            [
                "Paid broadcast: 25 messages, up to 3 Stars.",
                "Telegram refused paid broadcast (x): sent at the free rate.",
            ],
        ),
    ],
)
def test_the_report_says_what_was_spent_and_why_not_more(
    language: str, paid: int, unpaid: str, lines: list[str]
) -> None:
    cast = replace(CAST, paid=paid, unpaid=unpaid)
    plain = _said(S.DONE, FULL, language=language)[0].split("\n")
    assert _said(S.DONE, FULL, language=language, cast=cast)[0].split("\n") == [*plain[:-1], *lines, plain[-1]]
    assert all(line in _said(S.STOPPED, FULL, language=language, cast=cast)[0] for line in lines)


@pytest.mark.parametrize("language", ["ru", "kk", "en"])
@pytest.mark.parametrize("state", list(S))
def test_every_card_speaks_every_language(language: str, state: BroadcastState) -> None:
    said, labels = _said(state, FULL, language=language, rate=28.0)
    assert "{" not in said
    assert len(said) < 600
    assert len(set(labels)) == len(labels)
