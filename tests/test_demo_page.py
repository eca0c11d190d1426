"""The page of `newsdesk demo`, played in a real browser: subscribe, receive, press, see an edit, block, move the clock.

The scripted bot below speaks the Bot API over HTTP against the real stand-in; the last test plays the demo itself.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from aiohttp import ClientSession, FormData
from playwright.async_api import Browser, Locator, Page, expect

from bot.clock import SteppableClock
from bot.demo import newsroom, picture
from bot.demo.newsroom import Newsroom
from bot.sandbox.http import Sandbox
from bot.sandbox.model import Chat
from bot.sandbox.sim import PAGE, add_page
from tests.browser import chromium

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]  # one browser for all
START = datetime(2026, 11, 23, 10, tzinfo=newsroom.ZONE).timestamp()
READER, EDITOR, CHANNEL = 101, 201, -1_001_000_000_777
SECTIONS = ("Kazakhstan", "World", "Sport")
PICTURES = os.environ.get("NEWSDESK_PICTURES", "")  # the folder for the README's pictures; none in an ordinary run
WIDE, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}


class ScriptedBot:
    """Ticks sections, answers presses and repeats what people write: enough to try every part of the page."""

    def __init__(self, stand_in: Sandbox, http: ClientSession) -> None:
        self.stand_in, self.http, self.ticked = stand_in, http, set[str]()

    def address(self, method: str) -> str:
        return f"{self.stand_in.url}/bot{self.stand_in.token}/{method}"

    async def call(self, method: str, **params: Any) -> Any:
        async with self.http.post(self.address(method), json=params) as answer:
            return (await answer.json()).get("result")

    async def run(self) -> None:
        await self.call("setMyDescription", description="News that you choose. One tap to leave.")
        commands = [
            {"command": "start", "description": "Choose sections"},
            {"command": "rates", "description": "Rates"},
        ]
        await self.call("setMyCommands", commands=commands)
        offset = 0
        while True:
            for update in await self.call("getUpdates", offset=offset, timeout=20) or []:
                offset = update["update_id"] + 1
                await self.hear(update)

    async def hear(self, update: dict[str, Any]) -> None:
        if message := update.get("message"):
            await self.answer(message["chat"]["id"], message.get("text", ""))
        elif query := update.get("callback_query"):
            message, data = query["message"], query["data"]
            self.ticked ^= {data} & set(SECTIONS)
            alert = data == "done"
            await self.call(
                "answerCallbackQuery", callback_query_id=query["id"], text=f"Noted: {data}", show_alert=alert
            )
            ids = {"chat_id": message["chat"]["id"], "message_id": message["message_id"]}
            await self.call("editMessageReplyMarkup", **ids, reply_markup=self.keyboard())

    async def answer(self, chat_id: int, text: str) -> None:
        if text.startswith("/start"):
            html = "<b>What should we send you?</b>\nTick the sections. <tg-spoiler>secret</tg-spoiler> /privacy"
            await self.say(chat_id, html, reply_markup=self.keyboard())
        else:
            await self.say(chat_id, f"You wrote: {text}")

    def keyboard(self) -> dict[str, Any]:
        rows = [[{"text": f"{'✅ ' * (name in self.ticked)}{name}", "callback_data": name}] for name in SECTIONS]
        link = f"https://t.me/{self.stand_in.machine.bot.username}?start=sport"
        done = {"text": "Done", "callback_data": "done", "style": "primary"}
        return {"inline_keyboard": [*rows, [done, {"text": "Sport by link", "url": link}]]}

    async def say(self, chat_id: int, html: str, **more: Any) -> dict[str, Any]:
        sent = await self.call("sendMessage", chat_id=chat_id, text=html, parse_mode="HTML", **more)
        assert sent, html
        return dict(sent)

    async def post(self, chat_id: int, **more: Any) -> tuple[dict[str, Any], newsroom.Article]:
        """The newest English story as a post with its preview."""
        clock = self.stand_in.clock
        article = next(a for a in newsroom.newest("en", START, clock.now()) if a.stored["image"])
        link = f"{self.stand_in.url}/newsroom/article/{article.slug}"
        when = f'<tg-time unix="{int(article.published)}" format="Dt">this morning</tg-time>'
        html = f'<b>{article.headline}</b>\n\n<a href="{link}">Read</a>\n#Sport · {when}'
        preview = {"url": link, "show_above_text": True, "prefer_large_media": True}
        return await self.say(chat_id, html, link_preview_options=preview, **more), article


@dataclass
class Scene:
    """What a test plays with."""

    stand_in: Sandbox
    bot: ScriptedBot
    clock: SteppableClock
    browser: Browser
    complaints: list[str] = field(default_factory=list)

    async def page(self, size: dict[str, int] = WIDE, **options: Any) -> Page:
        """A fresh browser window on the page; a failed script or a blocked resource is a complaint."""
        given = {"locale": "en-GB", "timezone_id": "Europe/Berlin", "viewport": size, **options}
        page = await (await self.browser.new_context(**given)).new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)
        await page.goto(self.stand_in.url)
        return page


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def scene(browser: Browser) -> AsyncIterator[Scene]:
    clock = SteppableClock(START, running=True)
    async with AsyncExitStack() as stack:
        stand_in = Sandbox(clock, advance=clock.advance, name="Steppe Times")
        Newsroom(clock).routes(stand_in.app)
        add_page(stand_in.app)
        await stack.enter_async_context(stand_in)
        editor = stand_in.machine.add_user(EDITOR, "Editor", "en")
        stand_in.machine.add_user(READER, "Reader", "en")
        stand_in.machine.add_user(READER + 1, "Second reader", "ru")
        stand_in.machine.add_chat(Chat(CHANNEL, "channel", "Steppe channel"), [editor.id], {"can_post_messages": True})
        http = await stack.enter_async_context(ClientSession())
        bot = ScriptedBot(stand_in, http)
        running = asyncio.create_task(bot.run())
        playing = Scene(stand_in, bot, clock, browser)
        yield playing
        for context in browser.contexts:
            await context.close()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert playing.complaints == [], "what the browser's console says"


async def subscribe(page: Page) -> Any:
    """START, tick Sport; returns the reader's phone."""
    phone = page.get_by_role("tabpanel", name="Reader", exact=True)
    await expect(phone).to_contain_text("News that you choose")
    await phone.get_by_role("button", name="START").click()
    await phone.get_by_role("button", name="Sport", exact=True).click()
    await expect(phone.get_by_role("button", name="✅ Sport")).to_be_visible()
    await expect(phone.get_by_role("status")).to_have_text("Noted: Sport")
    return phone


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_subscribe_receive_press_see_an_edit_and_a_withdrawal(
    scene: Scene, size: dict[str, int], scheme: str
) -> None:
    page = await scene.page(size, color_scheme=scheme)
    phone = await subscribe(page)
    sent, article = await scene.bot.post(READER, disable_notification=True)
    await expect(phone.locator(".text strong").last).to_have_text(article.headline)
    await expect(phone.locator(".preview img")).to_be_visible()
    await expect(phone.locator(".preview")).to_have_attribute("href", re.compile(f"/newsroom/article/{article.slug}$"))
    await expect(phone.locator(".silent")).to_have_count(1)
    shown = await phone.locator(".text time").text_content()
    there = datetime.fromtimestamp(article.published, ZoneInfo("Europe/Berlin"))  # in the zone of who looks
    assert shown == f"{there.day} November 2026 at {there:%H:%M}"
    edited = {"chat_id": READER, "message_id": sent["message_id"]}
    await scene.bot.call("editMessageText", **edited, text="Corrected: the tram is blue")
    await expect(phone).to_contain_text("Corrected: the tram is blue")
    await expect(phone.locator(".edited")).to_have_text("edited")
    await phone.locator(".edited").click()
    await expect(phone.locator(".versions del")).to_contain_text(article.headline)
    await phone.get_by_role("button", name="World", exact=True).click()
    await expect(phone.get_by_role("button", name="✅ World")).to_be_visible()
    await scene.bot.call("deleteMessage", **edited)
    await expect(phone.locator(".deleted .gone")).to_have_text("deleted")
    await expect(phone.locator(".deleted .text")).to_have_css("text-decoration-line", "line-through")
    later, _ = await scene.bot.post(READER)
    notice = {"chat_id": READER, "message_id": later["message_id"], "text": "The newsroom withdrew this story."}
    await scene.bot.call("editMessageText", **notice)
    await expect(phone.locator(".msg").last).to_contain_text(notice["text"])
    await expect(phone.locator(".preview:visible")).to_have_count(0)
    background = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (background == "rgb(15, 19, 23)") == (scheme == "dark")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out sideways"


async def test_alerts_deep_links_and_commands(scene: Scene) -> None:
    page = await scene.page()
    phone = await subscribe(page)
    await phone.get_by_role("button", name="Done").click()
    await expect(page.get_by_role("dialog")).to_contain_text("Noted: done")
    await page.get_by_role("button", name="OK").click()
    await phone.get_by_role("button", name="Sport by link").click()
    await expect(phone).to_contain_text("/start sport")
    await phone.get_by_role("textbox").fill("/ra")
    await expect(phone.get_by_role("option")).to_have_count(1)
    await phone.get_by_role("textbox").press("ArrowDown")
    await phone.get_by_role("textbox").press("Enter")
    await expect(phone).to_contain_text("You wrote: /rates")
    hidden = phone.get_by_role("button", name="Hidden text, press to show").first
    await hidden.press("Enter")
    await expect(phone.locator(".spoiler.open")).to_have_count(1)


async def test_hostile_text_stays_text(scene: Scene) -> None:
    page = await scene.page()
    phone = await subscribe(page)
    evil = "<img src=x onerror=alert(1)> javascript:alert(1)"
    entities = [{"type": "text_link", "offset": 0, "length": 4, "url": "http://example.kz/\"onclick='alert(1)'"}]
    await scene.bot.call("sendMessage", chat_id=READER, text=evil, entities=entities)
    await expect(phone.locator(".text").last).to_have_text(evil)
    assert await phone.locator(".text img").count() == 0
    for link in await phone.locator("a").all():
        assert re.match(r"https?://", await link.get_attribute("href") or "")


async def test_pictures_albums_files_and_keyboards(scene: Scene) -> None:
    page = await scene.page()
    phone = await subscribe(page)
    form = FormData({"chat_id": str(READER), "caption": "A tram"})
    form.add_field("photo", picture.draw("world", 1), filename="tram.png", content_type="image/png")
    async with scene.bot.http.post(scene.bot.address("sendPhoto"), data=form) as answer:
        photo = (await answer.json())["result"]["photo"][-1]["file_id"]
    await expect(phone.locator(".album img")).to_have_js_property("naturalWidth", picture.WIDTH)
    media = [{"type": "photo", "media": photo, "caption": "Two of a kind"}, {"type": "photo", "media": photo}]
    await scene.bot.call("sendMediaGroup", chat_id=READER, media=media)
    await expect(phone.locator(".album").last.locator("img")).to_have_count(2)
    await expect(phone.locator(".msg").last).to_contain_text("Two of a kind")
    form = FormData({"chat_id": str(READER)})
    form.add_field("document", b"{}", filename="my-data.json", content_type="application/json")
    async with scene.bot.http.post(scene.bot.address("sendDocument"), data=form) as answer:
        assert answer.status == 200
    await expect(phone.locator(".file")).to_have_text("my-data.json")
    blocks: list[Any] = [
        {"type": "heading", "text": "The tram", "size": 1},
        {"type": "paragraph", "text": ["It is ", {"type": "bold", "text": "blue"}, "."]},
        {"type": "blockquote", "blocks": [{"type": "paragraph", "text": "<b>Quite</b> blue."}], "credit": "she said"},
        {"type": "footer", "text": {"type": "url", "text": "Open", "url": "javascript:alert(1)"}},
        {"type": "footer", "text": {"type": "url", "text": "Site", "url": "https://example.kz/"}},
    ]
    await scene.bot.call("sendRichMessage", chat_id=READER, rich_message={"blocks": blocks})
    whole = phone.locator(".article")
    await expect(whole.locator("h3")).to_have_text("The tram")
    await expect(whole.locator("p strong")).to_have_text("blue")
    await expect(whole.locator("blockquote")).to_have_text("<b>Quite</b> blue.she said")
    await expect(whole.locator("a")).to_have_text(["Site"])
    quote = "<blockquote expandable>one\ntwo\nthree\nfour\nfive</blockquote>after"
    keyboard = {"keyboard": [[{"text": "Yes"}, {"text": "No"}]], "resize_keyboard": True}
    sent = await scene.bot.say(READER, quote, reply_markup=keyboard)
    await phone.get_by_role("button", name="Show all").click()
    await expect(phone.locator("blockquote.open")).to_contain_text("five")
    await phone.get_by_role("button", name="Yes").click()
    await expect(phone).to_contain_text("You wrote: Yes")
    await scene.bot.say(
        READER, "Thanks", reply_markup={"remove_keyboard": True}, reply_parameters={"message_id": sent["message_id"]}
    )
    await expect(phone.get_by_role("button", name="Yes")).to_have_count(0)
    await expect(phone.locator(".reply")).to_contain_text("one")
    await page.reload()
    await expect(phone.locator(".album").last.locator("img")).to_have_count(2)


async def test_a_blocked_bot_and_the_line_that_says_so(scene: Scene) -> None:
    page = await scene.page()
    note = page.locator("#note")
    await expect(note).to_have_text("Reader has not begun yet: press START.")
    phone = await subscribe(page)
    await expect(note).to_have_text("News is coming in.")
    await phone.get_by_role("button", name="Block the bot").click()
    await expect(note).to_contain_text("blocked the bot")
    await phone.get_by_role("button", name="You blocked the bot · Unblock the bot").click()
    await expect(note).to_have_text("News is coming in.")
    await page.locator("#faults summary").click()
    await page.get_by_role("button", name="Telegram is down").click()
    await expect(note).to_contain_text("Telegram is down")
    assert await scene.bot.call("getMe") is None
    await page.get_by_role("button", name="Telegram is down").click()
    await expect(note).to_have_text("News is coming in.")
    assert await scene.bot.call("getMe")
    await page.get_by_role("button", name="too many requests (429)").click()
    await expect(note).to_have_text("Telegram asked the bot to wait for half a minute.")
    assert await scene.bot.call("sendMessage", chat_id=READER, text="x") is None
    assert scene.stand_in.calls[-1].answer["parameters"] == {"retry_after": 30}
    await scene.clock.advance(31)
    await expect(note).to_have_text("News is coming in.", timeout=8_000)
    assert await scene.bot.call("sendMessage", chat_id=READER, text="x")


async def test_the_clock_moves(scene: Scene) -> None:
    page = await scene.page()
    await expect(page.locator("#now")).to_contain_text("10:00")
    await page.get_by_role("button", name="+1 h").click()
    await expect(page.locator("#now")).to_contain_text("11:00")
    await expect(page.locator("#here")).to_contain_text("07:00")
    await page.get_by_role("button", name="to 23:30").click()
    await expect(page.locator("#now")).to_contain_text("23:30")
    await page.get_by_role("button", name="to 08:00").click()
    await expect(page.locator("#day")).to_contain_text("24 November")


async def test_languages_tabs_and_unread(scene: Scene) -> None:
    page = await scene.page(PHONE, locale="kk-KZ")
    await expect(page.locator("html")).to_have_attribute("lang", "kk")
    await page.locator("#language").select_option("ru")
    await expect(page.locator("#guide")).to_contain_text("Попробуйте")
    await page.get_by_role("tab", name="Second reader").click()
    second = page.get_by_role("tabpanel", name="Second reader")
    await second.get_by_role("button", name="START").click()
    await expect(second.get_by_role("button", name="World")).to_be_visible()
    await page.get_by_role("tab", name="Second reader").press("ArrowLeft")
    await expect(page.get_by_role("tab", name="Reader", exact=True)).to_be_focused()
    await scene.bot.say(CHANNEL, "In the channel")
    tab = page.get_by_role("tab", name="Steppe channel, новых: 1")
    await tab.click()
    await expect(page.get_by_role("tabpanel", name="Steppe channel")).to_contain_text("In the channel")
    await page.reload()
    await expect(page.locator("html")).to_have_attribute("lang", "ru")


async def test_the_editors_group_and_its_topics(scene: Scene) -> None:
    people = scene.stand_in.people
    group = people.group(-1_001_000_000_888, "Steppe desk", forum=True, admins=[EDITOR], bot_rights={})
    topic = people.topic(group, "Urgent")
    page = await scene.page()
    await page.get_by_role("tab", name="Steppe desk").click()
    desk = page.get_by_role("tabpanel", name="Steppe desk")
    await scene.bot.say(group.id, "Two sources, please", message_thread_id=topic)
    await expect(desk.locator(".from").last).to_have_text("Steppe Times · Urgent")
    await desk.get_by_role("textbox").fill("On it")
    await desk.get_by_role("textbox").press("Enter")
    await expect(desk.locator(".msg.out")).to_contain_text("On it")
    await expect(desk).to_contain_text("You wrote: On it")  # as an administrator the bot hears all


async def test_by_keyboard_alone_and_with_names_for_a_screen_reader(scene: Scene) -> None:
    page = await scene.page()
    phone = page.get_by_role("tabpanel", name="Reader", exact=True)
    await expect(phone.get_by_role("button", name="START")).to_be_visible()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Go to the chats")).to_be_focused()
    await page.keyboard.press("Enter")

    async def press(button: Locator) -> None:
        for _ in range(25):
            await page.keyboard.press("Tab")
            if await button.evaluate("(node) => node === document.activeElement"):
                break
        await expect(button).to_be_focused()
        await page.keyboard.press("Enter")

    await press(phone.get_by_role("button", name="START"))
    sport = phone.get_by_role("button", name="Sport", exact=True)
    await expect(sport).to_be_visible()
    await press(sport)
    await expect(phone.get_by_role("button", name="✅ Sport")).to_be_focused()  # the keyboard was redrawn under it
    await expect(phone.get_by_role("log")).to_have_attribute("aria-live", "polite")
    await expect(phone.get_by_role("article", name="Steppe Times")).to_have_count(1)
    nameless = "[...document.querySelectorAll('button, a, input, select, textarea')].filter((node) =>"
    nameless += " node.checkVisibility() && !(node.ariaLabel || node.textContent.trim() || node.labels?.length)).length"
    assert await page.evaluate(nameless) == 0


async def test_the_policy_is_strict(scene: Scene) -> None:
    async with scene.bot.http.get(f"{scene.stand_in.url}/") as answer:
        policy = answer.headers["Content-Security-Policy"]
        text = await answer.text()
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for address in re.findall(r'(?:src|href)="([^"#]+)"', text):
        async with scene.bot.http.get(f"{scene.stand_in.url}/{address}") as answer:
            assert answer.status == 200, address
    folder = PAGE
    source = {path: path.read_text(encoding="utf-8") for path in folder.iterdir() if path.is_file()}
    assert not [path for path, text in source.items() if "innerHTML" in text or "eval(" in text]


async def shoot(page: Page, name: str) -> None:
    """A picture of the window for the README, if `make pictures` asks for it."""
    if PICTURES:
        await expect(page.locator(".toast:visible")).to_have_count(0)
        await page.evaluate("Promise.allSettled(document.getAnimations().map((moving) => moving.finished))")
        await page.wait_for_function("[...document.images].every((image) => image.complete)")
        await page.screenshot(path=f"{PICTURES}/{name}.png", animations="disabled")


async def steer(page: Page, desk: Locator) -> None:
    """Send breaking news to the crowd, hold it on the way, let it go on to its report."""
    await desk.get_by_role("button", name="START").click()
    await desk.locator("textarea").fill("/breaking The bridge over the Sarysu is closed until Friday")
    await desk.locator("textarea").press("Enter")
    await desk.get_by_role("button", name="Send to all").click()
    await desk.get_by_role("button", name="Pause").click()
    await expect(desk).to_contain_text("Paused: ")
    await desk.get_by_role("button", name="Go on").click()
    if PICTURES:
        await expect(desk.locator(".msg").last).to_have_text(re.compile(r"([3-9]\d|1\d\d) of"))
    await shoot(page, "breaking")
    await expect(desk).to_contain_text("✅ Sent in", timeout=30_000)


async def correct(page: Page, desk: Locator, phone: Locator) -> None:
    """Change what all have got already."""
    await desk.get_by_role("button", name="Correct").last.click()
    await desk.get_by_role("button", name="Fact: with a visible line").click()
    await desk.locator("textarea").fill("The bridge over the Sarysu is closed until Saturday")
    await desk.locator("textarea").press("Enter")
    await desk.get_by_role("button", name="Send to all").click()
    corrected = phone.locator(".msg").filter(has_text="closed until Saturday")
    await expect(corrected).to_contain_text("that was wrong", timeout=30_000)
    await expect(desk).to_contain_text("✅ Corrected", timeout=30_000)
    await shoot(page, "correcting")


async def see_the_rest(page: Page, phone: Locator) -> None:
    """A whole article in the chat, the channel beside the reader, the desk's group."""
    await phone.get_by_role("button", name="Read here").last.click()
    await expect(phone.locator(".article h3")).to_be_visible()
    await page.get_by_role("tab", name="Steppe").click()
    channel = page.get_by_role("tabpanel", name="Steppe")
    await expect(channel).to_contain_text("BREAKING. The bridge")
    await expect(channel).to_contain_text("pinned a message")
    await expect(phone).to_be_visible()
    await shoot(page, "channel")
    await page.get_by_role("tab", name="Desk").click()
    await expect(page.get_by_role("tabpanel", name="Desk")).to_contain_text("Отправитель: Dana")


@asynccontextmanager
async def newsdesk_demo(folder: Path) -> AsyncIterator[str]:
    """`newsdesk demo` as a newcomer starts it; its address is the last line it prints."""
    environment = {**os.environ, "HOME": str(folder), "PYTHONPATH": str(Path(__file__).parent.parent)}
    command = [sys.executable, "-m", "bot", "demo", "--port", "0"]
    demo = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=folder, env=environment)
    url = ""
    try:
        assert demo.stdout
        async with asyncio.timeout(60):
            while not (found := re.search(r"http://[^ /]+:\d+", line := (await demo.stdout.readline()).decode())):
                assert line, "the demo ended before it named its page"
        yield (url := found.group())
    except Exception as error:
        if url:
            async with ClientSession() as http, http.get(f"{url}/sim/log?limit=60") as log:
                error.add_note("the bot's last calls:\n" + "\n".join(map(str, (await log.json())["calls"])))
        raise
    finally:
        demo.terminate()
        await demo.wait()


@pytest.mark.parametrize(
    ("size", "scheme", "picture_name"),
    [(WIDE, "light", "reader"), pytest.param(PHONE, "dark", "phone", marks=pytest.mark.prove)],
    ids=["wide", "phone"],
)
async def test_the_demo_itself(
    browser: Browser, tmp_path: Path, size: dict[str, int], scheme: Any, picture_name: str
) -> None:
    async with (
        newsdesk_demo(tmp_path) as url,
        await browser.new_context(
            viewport=size, color_scheme=scheme, locale="en-GB", timezone_id="Asia/Almaty"
        ) as window,
    ):
        page = await window.new_page()
        page.set_default_timeout(20_000)
        await page.goto(url)
        await expect(page.get_by_role("tab")).to_have_count(5)  # people, channel, desk; the crowd has no phones
        await page.get_by_role("tab", name="Daniel").click()
        phone = page.get_by_role("tabpanel", name="Daniel")
        note = page.locator("#note")
        await expect(note).to_have_text("Daniel has not begun yet: press START.")
        await phone.get_by_role("button", name="START").click()
        await expect(note).to_have_text("Daniel: tick sections, then press Done. Until then nothing is sent.")
        for box in range(8):
            await phone.locator(".key").nth(box).click()
            await expect(phone.locator(".key").nth(box)).to_contain_text("✅")
        await phone.get_by_role("button", name="Done").click()
        await expect(phone.locator(".text a").first).to_be_visible(timeout=20_000)
        await expect(note).to_have_text("News is coming in.")
        before = await phone.locator(".msg").count()
        await page.get_by_role("button", name="+10 min").click()
        await expect(phone.locator(".msg").nth(before + 4 * bool(PICTURES))).to_be_visible(timeout=30_000)
        await shoot(page, picture_name)
        if size is WIDE:
            await steer(page, page.get_by_role("tabpanel", name="Dana"))
            await expect(phone).to_contain_text("BREAKING. The bridge")
            await correct(page, page.get_by_role("tabpanel", name="Dana"), phone)
            await see_the_rest(page, phone)
