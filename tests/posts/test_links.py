"""Addresses: what may be linked, campaign parameters, deep links."""

from __future__ import annotations

import pytest

from bot.posts.links import deep_link, is_http, with_utm


@pytest.mark.parametrize(
    "url",
    [
        "https://stepnoy.kz",
        "HTTP://stepnoy.kz:8080/a?b=c#d",
        "https://новости.қаз/мақала",
        "http://127.0.0.1:8000/1",
    ],
)
def test_web_addresses_are_linked(url: str) -> None:
    assert is_http(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/news/1",
        "//stepnoy.kz/1",
        "javascript:alert(1)",
        "tel:+77010000000",
        "http://localhost/1",
        "http://",
        "https://stepnoy.kz/a b",
        'https://stepnoy.kz/"',
        "https://stepnoy.kz:99999/",
        "https://stepnoy.kz:0/",
        "https://stepnoy.kz:port/",
        "http://[::1",
        "https://stepnoy.kz/" + "a" * 2048,
        "https://stepnoy.kz/\ud800",
    ],
)
def test_anything_else_is_not(url: str) -> None:
    assert not is_http(url)


@pytest.mark.parametrize(
    ("url", "utm", "expected"),
    [
        ("https://a.kz/1", "utm_source=tg", "https://a.kz/1?utm_source=tg"),
        ("https://a.kz/1?x=1&y#top", "?utm_source=tg", "https://a.kz/1?x=1&y&utm_source=tg#top"),
        ("https://a.kz/1", "utm_campaign={section}&m=тг 1", "https://a.kz/1?utm_campaign=sport&m=%D1%82%D0%B3%201"),
        ("https://a.kz/1?utm_source=rss", "utm_source=tg&a=b", "https://a.kz/1?utm_source=rss&a=b"),
        ("https://a.kz/?#", "", "https://a.kz/#"),
        ("https://a.kz/1", "", "https://a.kz/1"),
        ("javascript:1", "a=b", "javascript:1"),
    ],
)
def test_campaign_parameters_leave_the_address_alone(url: str, utm: str, expected: str) -> None:
    assert with_utm(url, utm, section="sport") == expected


def test_deep_links_carry_only_what_telegram_carries() -> None:
    assert deep_link("stepnoy_bot", "sport") == "https://t.me/stepnoy_bot?start=sport"
    assert deep_link("stepnoy_bot") == "https://t.me/stepnoy_bot"
    for payload in ("спорт", "a b", "a" * 65):
        with pytest.raises(ValueError, match="deep link payload"):
            deep_link("stepnoy_bot", payload)
