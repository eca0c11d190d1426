"""Which regions of Kazakhstan a text is about."""

from __future__ import annotations

import pytest

from bot.domain.regions import REGIONS, regions_of
from bot.posts.hashtags import hashtag
from tests.factories import growth


def named(text: str) -> set[str]:
    mask = regions_of(text)
    return {region.code for bit, region in enumerate(REGIONS) if mask >> bit & 1}


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("Астанинские школы переходят на удалёнку", {"ast"}),
        ("Франция астанасы Парижде көрме ашылды", set()),
        ("Алматы облысында су тасқыны", {"alm"}),
        ("Алматыда жаңа метро бекеті ашылды", {"ala"}),
        ("В Алматинской области и в Алматы выпал снег", {"alm", "ala"}),
        ("Алматинский зоопарк показал львят", {"ala"}),
        ("ШЫМКЕНТТЕ жаңа мектеп", {"shy"}),
        ("В области Абай тушат лес", {"aba"}),
        ("Музей: стихи Абая и Жамбыла", set()),
        ("Тысячи семей получили жильё", set()),
        ("Мост в Семее открыт, Семей ждёт гостей", {"aba"}),
        ("Цены на рудник и рудную пыль", set()),
        ("В Рудном запустили завод", {"kos"}),
        ("Дорога в СКО закрыта, в ВКО и ЗКО открыта", {"sko", "vko", "zko"}),
        ("Немецкая овчарка и ВКОнтакте", set()),
        ("Петропавловск-Камчатский: землетрясение", set()),
        ("В Петропавловске потеплело", {"sko"}),
        ("Жетысуская область, Талдыкорган", {"zht"}),
        ("Уральские горы и уральский регион", set()),
        ("Наводнение в Уральске", {"zko"}),
        ("Floods in Almaty Region, rain in Almaty and Aktau", {"alm", "ala", "man"}),
        ("Восточно-Казахстанская область: дорога", {"vko"}),
        ("Қарағандыда және Теміртауда", {"kar"}),
        ("", set()),
    ],
)
def test_a_text_names_its_regions(text: str, codes: set[str]) -> None:
    assert named(text) == codes


def test_every_region_is_found_by_each_of_its_names() -> None:
    assert len(REGIONS) == 20
    for region in REGIONS:
        assert set(region.name) >= {"ru", "kk", "en"}
        for name in region.name.values():
            assert named(f"Новости: {name}.") == {region.code}
            assert hashtag(name)


def test_a_long_text_costs_no_more_than_its_length() -> None:
    assert growth(regions_of.__wrapped__, "алматинск ") < 20


def test_names_on_buttons_are_short_and_all_different() -> None:
    for language in ("ru", "kk", "en", "de"):
        names = [region.short(language) for region in REGIONS]
        assert len(set(names)) == len(REGIONS)
        assert max(map(len, names)) <= 24
