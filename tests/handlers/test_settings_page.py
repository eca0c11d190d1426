"""The settings at a phone's width, walked in a real browser in three languages: every screen whole, nothing cut.

`NEWSDESK_WALK=folder` keeps a picture of each screen.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect
from talking import START, Chat

from bot.clock import SteppableClock
from bot.sandbox.http import Sandbox
from bot.sandbox.sim import add_page
from tests.browser import chromium

pytestmark = [pytest.mark.browser]
PICTURES = os.environ.get("NEWSDESK_WALK", "")
PHONE = {"width": 390, "height": 844}
SCREENS = {  # what is pressed from the settings, and what the screen then says
    "ru": ["📍 Откуда", "Сколько", "Тихо", "Обзор", "Слова", "📰 Новости", "Часовой пояс", "Язык:", "Пауза"],
    "kk": ["📍 Қайдан", "Мөлшері", "Тыныш", "Шолу", "Сөздер", "📰 Жаңалық", "Уақыт белдеуі", "Тіл:", "Үзіліс"],
    "en": ["📍 From", "How much", "Quiet", "Digest", "Words", "📰 News", "Time zone", "Language:", "Pause"],
}
WORDS = {  # sections to tick, «Done», the answer to the one question, the way back
    "ru": (["Спорт", "Регионы"], "Готово", "До 8", "‹ Настройки", "Настройки"),
    "kk": (["Спорт", "Өңірлер"], "Дайын", "Күніне 8", "‹ Баптаулар", "Баптаулар"),
    "en": (["Sport", "Regions"], "Done", "Up to 8", "‹ Settings", "Settings"),
}
CUT = (
    "[...document.querySelectorAll('[role=tabpanel] .key')].filter((key) => key.checkVisibility()"
    " && key.scrollWidth > key.clientWidth).map((key) => key.textContent)"
)


@pytest.fixture
def stand_in() -> Sandbox:
    """A Telegram with the demo's page."""
    sandbox = Sandbox(SteppableClock(START, running=True), anti_spin=False)
    add_page(sandbox.app)
    return sandbox


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as found:
        yield found


async def look(page: Page, name: str) -> None:
    """Nothing sticks out, no button is cut; a picture if wanted."""
    await page.evaluate("Promise.allSettled(document.getAnimations().map((moving) => moving.finished))")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} sticks out sideways"
    assert await page.evaluate(CUT) == [], name
    if PICTURES:
        await page.screenshot(path=f"{PICTURES}/{name}.png", animations="disabled")


@pytest.mark.parametrize("language", ["ru", "kk", "en"])
async def test_the_settings_are_walked_through(chat: Chat, browser: Browser, language: str) -> None:
    chat.people.add(551, lang=language)
    await chat.publish("Мост через Сарысу закрыт до пятницы", "sport")
    window = await browser.new_context(viewport=PHONE, locale="en-GB", timezone_id="Asia/Almaty")
    page = await window.new_page()
    page.set_default_timeout(15_000)
    await page.goto(chat.sandbox.url)
    phone = page.get_by_role("tabpanel").first
    await phone.get_by_role("button", name="START").click()
    sections, done, answer, back, settings = WORDS[language]
    for name in sections:
        await phone.get_by_role("button", name=name, exact=True).click()
        await expect(phone.locator(".key", has_text=f"✅ {name}")).to_be_visible()
    await look(page, f"{language}-0-sections")
    await phone.locator(".key", has_text=done).click()
    await phone.locator(".key", has_text=answer).click()
    await expect(phone.locator(".key", has_text=answer)).to_have_count(0)
    await look(page, f"{language}-1-done")
    await phone.get_by_role("textbox").fill("/settings")
    await phone.get_by_role("textbox").press("Enter")
    screen = phone.locator(".msg").last
    await expect(screen).to_contain_text(f"⚙️ {settings}")
    await look(page, f"{language}-2-settings")
    for number, label in enumerate(SCREENS[language], 3):
        await screen.locator(".key", has_text=label).click()
        await expect(screen.locator(".key", has_text=back)).to_be_visible()
        await look(page, f"{language}-{number}-{label.split()[-1].strip(':')}")
        await screen.locator(".key", has_text=back).click()
        await expect(screen).to_contain_text(f"⚙️ {settings}")
    assert not chat.errors
    await window.close()
