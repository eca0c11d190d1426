"""Leads: what goes, what stays, where they end."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.posts.lead import LEAD_LIMIT, _without_headline, clean_lead
from tests.factories import growth

OURS = ("Stepnoy.kz", "Степной вестник")
TITLE = "Школу открыли раньше срока"


def clean(lead: str, title: str = TITLE) -> str:
    return clean_lead(lead, title, OURS)


@pytest.mark.parametrize(
    ("lead", "left"),
    [
        ("В селе открыли школу, передаёт Stepnoy.kz", "В селе открыли школу."),
        ("В селе открыли школу, передает «Степной вестник».", "В селе открыли школу."),
        ("В селе, передает Stepnoy.kz, открыли школу.", "В селе открыли школу."),
        ("Дороги закрыты, сообщает корреспондент Stepnoy.kz, а школы нет.", "Дороги закрыты, а школы нет."),
        ("Как пишет stepnoy.kz, в селе снег.", "В селе снег."),
        ("Снег идёт. Об этом сообщает Stepnoy.kz.", "Снег идёт."),
        ("Об этом сообщает портал Stepnoy.kz. Снег идёт.", "Снег идёт."),
        ("Снег идёт – информирует Stepnoy.kz. Холодно.", "Снег идёт. Холодно."),
        ("Мектеп ашылды, деп хабарлайды Stepnoy.kz.", "Мектеп ашылды."),
        ("Мектеп ашылды деп жазады Stepnoy.kz тілшісі", "Мектеп ашылды."),
        ("The school opened, Stepnoy.kz reports. It is warm.", "The school opened. It is warm."),
        ("Снег.\nИсточник: Stepnoy.kz", "Снег."),
    ],
)
def test_the_newsroom_does_not_credit_itself(lead: str, left: str) -> None:
    assert clean(lead) == left


@pytest.mark.parametrize(
    "lead",
    [
        "Цены выросли, передает Reuters.",
        "Цены выросли, передает Stepnoy.kz со ссылкой на министерство.",
        "Цены выросли, передает Stepnoy.kz, ссылаясь на Reuters.",
        "Баға өсті, деп хабарлайды Stepnoy.kz Reuters-ке сілтеме жасап.",
        "Цены выросли, сообщает Stepnoy.kz.uz",
        "Письмо в Stepnoy.kz прислали жители, сообщает Stepnoy.kz из Костаная.",
        "Кто пишет Stepnoy.kz?",
        "Реклама на телевидении подорожала.",
    ],
)
def test_foreign_credits_and_mere_mentions_stay(lead: str) -> None:
    assert clean(lead) == lead


def test_without_own_names_every_credit_is_foreign() -> None:
    lead = "Снег идёт, передает Stepnoy.kz."
    assert clean_lead(lead, TITLE) == clean_lead(lead, TITLE, (" ",)) == lead


@pytest.mark.parametrize(
    ("lead", "left"),
    [
        (TITLE, ""),
        ("«ШКОЛУ  открыли раньше срока»!", ""),
        (f"{TITLE}. Занятия с понедельника.", "Занятия с понедельника."),
        (f"«{TITLE}».\nЗанятия с понедельника.", "Занятия с понедельника."),
        (f"{TITLE}\nЗанятия с понедельника.", "Занятия с понедельника."),
        (f"{TITLE} в Аркалыке.", f"{TITLE} в Аркалыке."),
        (f"{TITLE}: как это было.", f"{TITLE}: как это было."),
        ("Школу", "Школу"),
    ],
)
def test_the_headline_is_not_repeated(lead: str, left: str) -> None:
    assert clean(lead) == left


@pytest.mark.parametrize(
    ("lead", "left"),
    [
        ("Снег.\n×\n\nНовости партнёров\nКупите лыжи", "Снег."),
        ("Снег.\nЧитайте также: Лыжи подорожали\nещё", "Снег."),
        ("Қар.\nСеріктес жаңалықтары\nШаңғы", "Қар."),
        ("Қар.\nТағы оқыңыз:\nШаңғы", "Қар."),
        ("Снег.\nРЕКЛАМА\nЛыжи", "Снег."),
        ("Снег. Читайте также: Лыжи", "Снег."),
        ("Снег идёт […]", "Снег идёт…"),
        ("Снег идёт... Читать далее →", "Снег идёт..."),
        ("Снег.\nПодробнее...", "Снег."),
        ("Снег.\nЗапись Снег впервые появилась Степной вестник.", "Снег."),
        ("Snow.\nThe post Snow appeared first on Steppe.", "Snow."),
        ("\u200b \n—\n", ""),
        ("", ""),
    ],
)
def test_what_is_not_the_story_goes(lead: str, left: str) -> None:
    assert clean(lead) == left


def test_a_headline_without_an_end_is_left() -> None:
    assert _without_headline("Школу", "школу") == "Школу"


def test_a_long_lead_ends_with_a_sentence() -> None:
    lead = "Посёлок получил 5 тыс. Тонн угля от А. Серикова. " * 30
    short = clean(lead)
    assert len(short) <= LEAD_LIMIT
    assert short.endswith("Серикова.")


def test_abbreviations_do_not_end_a_sentence() -> None:
    assert clean("Да! А" + "а" * (LEAD_LIMIT - 20) + " 5 тыс. Тонн и " + "б" * 50) == "Да!"


def test_an_endless_sentence_ends_with_a_word() -> None:
    short = clean("слово " * 400)
    assert short.endswith("слово…")
    assert len(short) <= LEAD_LIMIT


def test_a_whole_body_gives_its_first_paragraph_only() -> None:
    assert clean("Первый абзац.\n" + "Цитата, – сказал он. " * 100) == "Первый абзац."


def test_wrapped_lines_are_one_paragraph() -> None:
    assert clean("Снег идёт\nвторой день\nПодряд.\nи ещё") == "Снег идёт второй день\nПодряд.\nи ещё"
    assert clean("Снег. Он\nИдёт.\n" + "Цитата, – сказал он. " * 100) == "Снег. Он Идёт."


@settings(max_examples=100)
@given(st.text(), st.text())
def test_any_lead_and_headline_are_survived(lead: str, title: str) -> None:
    assert len(clean_lead(lead, title, OURS)) <= LEAD_LIMIT


@pytest.mark.parametrize(
    "bait", [" ", ", ", "а ", "«", ", передает ", "сообщение ", "The post ", ". читайте также ", "[", "\n"]
)
def test_cleaning_is_linear(bait: str) -> None:
    assert growth(clean, bait) < 24  # eight times as much: about eight times the work, not sixty-four times
