"""What an operator runs by hand: feed check, preview, doctor, init. Telegram and feeds answer over real HTTP."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.clock import RealClock
from bot.domain.errors import ConfigError, FeedError, NewsdeskError
from bot.domain.post import Rendering
from bot.ops import doctor, preview
from bot.ops.botapi import call
from bot.ops.feedcheck import feed_check, remedy
from bot.ops.setup import init
from bot.settings import Settings, load
from storage import open_engine, open_storage
from storage.migrate import migrate

TOKEN = "4242424242:" + "A" * 35

FEED = """<?xml version="1.0" encoding="windows-1251"?><rss version="2.0"><channel><title>Степные вести</title>
<language>ru</language>
<item><guid>1</guid><title>Каток открыт</title><link>https://example.kz/1</link><category>Спорт</category>
<description>На озере открылся каток, передает Степные вести.</description>
<enclosure url="https://example.kz/1.jpg" type="image/jpeg" length="9"/>
<pubDate>Sun, 22 Nov 2026 10:00:00 +0500</pubDate></item>
<item><guid>2</guid><title>Погода &lt;сегодня&gt;</title><link>https://example.kz/2</link>
<category>Разное</category><pubDate>когда-то</pubDate></item>
</channel></rss>"""


class Stub:
    """A feed server and a Bot API in one; `answers` by method, `calls` as they came."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {
            "getMe": {"username": "steppe_bot"},
            "getWebhookInfo": {"url": ""},
            "getUpdates": [],
            "deleteWebhook": True,
        }
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.pages: dict[str, Callable[[], web.Response]] = {
            "feed": lambda: web.Response(body=FEED.encode("cp1251"), content_type="text/xml"),
            "page": lambda: web.Response(text="<html><body>Just a moment...</body></html>", content_type="text/html"),
            "empty": lambda: web.Response(text='<rss version="2.0"><channel></channel></rss>'),
            "rates": lambda: web.Response(text="<rates><title>USD</title><title>EUR</title></rates>"),
            "rubbish": lambda: web.Response(text="[]"),
        }
        self.url = ""

    async def api(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        if request.match_info["token"] != TOKEN:
            return web.json_response({"ok": False, "error_code": 401, "description": "Unauthorized"}, status=401)
        self.calls.append((method, await request.json()))
        answer = self.answers.get(method, {"message_id": 1})
        if isinstance(answer, int) and answer > 1:
            return web.json_response({"ok": False, "error_code": answer, "description": "Conflict"}, status=answer)
        return web.json_response({"ok": True, "result": answer})

    async def page(self, request: web.Request) -> web.Response:
        made = self.pages.get(request.match_info["name"])
        return made() if made else web.Response(status=404)

    def settings(self, folder: Path, feed: str = "feed", text: str = "", **environ: str) -> Settings:
        base = f'[[feeds]]\nurl = "{self.url}/{feed}"\n' if feed else ""
        rates = f'[rates]\nurl = "{self.url}/rates"\nshow = ["USD", "EUR"]\n'
        (folder / "newsdesk.toml").write_text(rates + base + text, "utf-8")
        return load({**self.environ(folder), "BOT_TOKEN": TOKEN, **environ}, folder)

    def environ(self, folder: Path) -> dict[str, str]:
        return {
            "BOT_API_URL": self.url,
            "FETCH_ALLOW_PRIVATE": "1",
            "HTTP_LISTEN": "",
            "DATABASE_URL": f"sqlite:///{folder}/newsdesk.db",
        }


@pytest.fixture
async def stub() -> AsyncIterator[Stub]:
    made = Stub()
    app = web.Application()
    app.router.add_post("/bot{token}/{method}", made.api)
    app.router.add_get("/{name}", made.page)
    async with TestServer(app) as server:
        made.url = str(server.make_url("")).rstrip("/")
        yield made


# --- feed check ----------------------------------------------------------------------------------------------


async def test_feed_check_tells_what_a_feed_is(stub: Stub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await feed_check(stub.settings(tmp_path), f"{stub.url}/feed")
    said = capsys.readouterr().out
    for part in (
        "1251",
        "«Степные вести», rss20, ru",
        "entries     2",
        "1 of 2 read, from 22.11.2026 10:00",
        "'когда-то'",
        "1 × Спорт → sport",
        "1 × Разное → no section",
        "1 sport; 1 the desk decides",
        "1 of 2",
        "no validators",
        "lead in 1",
    ):
        assert part in said, part
    assert not (tmp_path / "newsdesk.db").exists()


@pytest.mark.parametrize(
    ("page", "part"), [("page", "bot wall"), ("none", "nothing at this address"), ("rubbish", "RSS or Atom")]
)
async def test_feed_check_says_what_to_do(
    stub: Stub, tmp_path: Path, capsys: pytest.CaptureFixture[str], page: str, part: str
) -> None:
    assert not await feed_check(stub.settings(tmp_path), f"{stub.url}/{page}")
    assert part in capsys.readouterr().out


async def test_feed_check_keeps_out_of_private_networks(
    stub: Stub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not await feed_check(stub.settings(tmp_path, FETCH_ALLOW_PRIVATE="0"), f"{stub.url}/feed")
    assert "FETCH_ALLOW_PRIVATE=1" in capsys.readouterr().out


def test_every_kind_of_trouble_has_a_remedy() -> None:
    assert "bot wall" in remedy(FeedError("http", "", status=403), "x")
    assert remedy(FeedError("http", "", status=500), "x")
    assert remedy(FeedError("gone", "", status=410), "x") != remedy(FeedError("parse", ""), "x")


async def test_a_moved_feed_is_said(stub: Stub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for status, word in ((301, "for good"), (302, "redirected")):
        stub.pages["old"] = lambda s=status: web.Response(status=s, headers={"Location": "/feed"})  # type: ignore[misc]
        assert await feed_check(stub.settings(tmp_path), f"{stub.url}/old")
        assert word in capsys.readouterr().out


# --- preview -------------------------------------------------------------------------------------------------


async def test_preview_prints_the_newest(stub: Stub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await preview.preview(stub.settings(tmp_path, text='[newsroom]\nself_credits = ["Степные вести"]\n'), 1)
    said = capsys.readouterr().out
    assert "Каток открыт" in said
    assert "передает" not in said
    assert "https://example.kz/1" in said
    assert "Погода" not in said


async def test_preview_writes_a_page(stub: Stub, tmp_path: Path) -> None:
    page = tmp_path / "out.html"
    await preview.preview(stub.settings(tmp_path, text='[posts]\npicture = "photo"\n'), 5, html=page)
    text = page.read_text("utf-8")
    assert text.count("<article>") == 2
    assert "<b>Погода &lt;сегодня&gt;</b>" in text
    assert '<img src="https://example.kz/1.jpg"' in text
    with pytest.raises(ConfigError, match="--html"):
        await preview.preview(stub.settings(tmp_path), 5, html=tmp_path / "no" / "out.html")


def test_pages_nest_entities_in_utf16() -> None:
    entities = [
        {"type": "bold", "offset": 0, "length": 5},
        {"type": "text_link", "offset": 3, "length": 2, "url": 'https://x.kz/?a=1&b="'},
        {"type": "hashtag", "offset": 6, "length": 2},
    ]
    made = preview._as_html(Rendering("sendMessage", {"text": "🔴 ab #c", "entities": entities}))
    assert made == '<b>🔴 <a href="https://x.kz/?a=1&amp;b=&quot;">ab</a></b> <span>#c</span>'


async def test_preview_sends_to_one_chat_oldest_first(
    stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "BETWEEN", 0.0)
    await preview.preview(stub.settings(tmp_path), 2, to="@editors")
    sent = [params for method, params in stub.calls if method.startswith("send")]
    assert [s["chat_id"] for s in sent] == ["@editors", "@editors"]
    assert "Каток" in str(sent[1])
    stub.answers = {"sendMessage": 400}
    with pytest.raises(NewsdeskError, match="Conflict"):
        await preview.preview(stub.settings(tmp_path), 2, to="@editors")


async def test_preview_needs_something_to_show(stub: Stub, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="FEED_URL"):
        await preview.preview(stub.settings(tmp_path, feed=""), 1)
    with pytest.raises(NewsdeskError, match="No feed"):
        await preview.preview(stub.settings(tmp_path, feed="none"), 1)
    with pytest.raises(ConfigError, match="BOT_TOKEN"):
        await preview.preview(stub.settings(tmp_path, BOT_TOKEN=""), 1, to="1")


# --- the Bot API ---------------------------------------------------------------------------------------------


async def test_calls_never_raise_and_never_show_the_token(stub: Stub, tmp_path: Path) -> None:
    env = stub.settings(tmp_path).env
    good = await call(env, "getMe")
    assert (good.ok, good.result["username"], good.date > 1.7e9) == (True, "steppe_bot", True)
    dead = await call(stub.settings(tmp_path, BOT_API_URL="http://127.0.0.1:1").env, "getMe")
    assert (dead.code, TOKEN in dead.problem) == (0, False)
    assert dead.problem
    assert (await call(stub.settings(tmp_path, BOT_TOKEN="1:x").env, "getMe")).code == 401
    stub.pages["bot"] = lambda: web.Response(text="[]")
    odd = await call(stub.settings(tmp_path, BOT_API_URL=f"{stub.url}/rubbish/x").env, "getMe")
    assert odd.code == 0


# --- doctor --------------------------------------------------------------------------------------------------


async def findings(settings: Settings) -> dict[str, doctor.Finding]:
    return {f.name: f async for f in doctor.examine(settings, RealClock())}


async def test_doctor_finds_all_well(stub: Stub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = stub.settings(tmp_path)
    assert await doctor.doctor(settings), capsys.readouterr().out
    said = capsys.readouterr().out
    assert "@steppe_bot" in said
    assert "All is well." in said
    assert "BAD" not in said
    assert TOKEN not in said
    assert not (tmp_path / "newsdesk.db").exists()
    await (await open_storage(settings.env.database_url)).close()
    assert "version" in (await findings(settings))["database"].seen


async def test_doctor_finds_what_is_not(stub: Stub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stub.answers["getUpdates"] = 409
    del stub.pages["rates"]
    (tmp_path / ".env").write_text("LOG_LEVEL=info\n")
    (tmp_path / ".env").chmod(0o644)
    (tmp_path / "newsdesk.db").write_text("this is no database, but it is long enough to be one" * 100)
    settings = stub.settings(tmp_path, feed="empty")
    found = await findings(settings)
    assert {name for name, finding in found.items() if not finding.well} == {
        "configuration",
        "updates",
        "feed",
        "database",
        "rates",
    }
    assert all(f.remedy for f in found.values() if not f.well)
    assert not await doctor.doctor(settings)
    assert "5 to mend." in capsys.readouterr().out


async def test_doctor_without_token_and_feed(stub: Stub, tmp_path: Path) -> None:
    found = await findings(stub.settings(tmp_path, feed="", BOT_TOKEN=""))
    assert "newsdesk init" in found["token"].remedy
    assert "FEED_URL" in found["feed"].remedy
    assert "updates" not in found


async def test_doctor_on_a_refused_token_and_unreachable_feeds(stub: Stub, tmp_path: Path) -> None:
    found = await findings(stub.settings(tmp_path, feed="none", BOT_TOKEN="1:x"))
    assert "@BotFather" in found["token"].remedy
    assert "nothing at this address" in found["feed"].remedy


async def test_doctor_on_webhooks(stub: Stub, tmp_path: Path) -> None:
    stub.answers["getWebhookInfo"] = {"url": "https://other.kz/", "last_error_message": "Wrong response"}
    assert "newsdesk init" in (await findings(stub.settings(tmp_path)))["updates"].remedy
    ours = {"WEBHOOK_URL": "https://other.kz", "WEBHOOK_SECRET": "s", "HTTP_LISTEN": "127.0.0.1:0"}
    stub.answers["getWebhookInfo"]["url"] = "https://other.kz"
    found = (await findings(stub.settings(tmp_path, **ours)))["updates"]
    assert (found.well, found.seen) == (False, "Wrong response")
    del stub.answers["getWebhookInfo"]["last_error_message"]
    assert (await findings(stub.settings(tmp_path, **ours)))["updates"].well
    stub.answers["getWebhookInfo"] = 500
    assert not (await findings(stub.settings(tmp_path)))["updates"].well


async def test_doctor_looks_at_the_rights_in_channels(stub: Stub, tmp_path: Path) -> None:
    text = '[[channels]]\nchat = "@steppe"\nsections = ["*"]\n'
    rights = {"can_post_messages": True, "can_edit_messages": True, "can_delete_messages": True}
    stub.answers["getMe"] = {"username": "steppe_bot", "id": 42}
    stub.answers["getChat"] = {"type": "channel", "title": "Степь"}
    stub.answers["getChatMember"] = {"status": "administrator", **rights}
    settings = stub.settings(tmp_path, text=text)
    assert (await findings(settings))["channel"] == doctor.Finding("channel", True, "@steppe: Степь", "")
    assert ("getChatMember", {"chat_id": "@steppe", "user_id": 42}) in stub.calls
    stub.answers["getChatMember"]["can_edit_messages"] = False
    found = (await findings(settings))["channel"]
    assert (found.well, found.seen) == (False, "@steppe: Степь, without can_edit_messages.")
    stub.answers["getChat"] = {"type": "supergroup"}
    assert "no channel" in (await findings(settings))["channel"].seen
    stub.answers["getChat"] = 400
    assert "administrator" in (await findings(settings))["channel"].remedy


async def test_doctor_does_not_disturb_a_running_bot(stub: Stub, tmp_path: Path) -> None:
    stub.pages["healthz"] = lambda: web.Response(text="ok")
    listen = stub.url.removeprefix("http://")
    assert (await findings(stub.settings(tmp_path, HTTP_LISTEN=listen)))["updates"].well
    assert "getUpdates" not in dict(stub.calls)
    assert (await findings(stub.settings(tmp_path, HTTP_LISTEN="[::1]:1")))["updates"].well
    assert "getUpdates" in dict(stub.calls)


async def test_doctor_refuses_a_newer_database(stub: Stub, tmp_path: Path) -> None:
    settings = stub.settings(tmp_path, text='[newsroom]\nname = "x"\n')
    engine = await open_engine(settings.env.database_url)
    await migrate(engine)
    await engine.write("UPDATE meta SET value = '9999' WHERE key = 'schema_version'")
    await engine.close()
    assert "newer" in (await findings(settings))["database"].seen


# --- init ----------------------------------------------------------------------------------------------------


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def replies(*answers: str) -> Callable[[str], str]:
    left = list(answers)

    def ask(question: str) -> str:
        if not left:
            raise EOFError
        return left.pop(0)

    return ask


async def test_init_asks_and_writes_what_works(stub: Stub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environ = stub.environ(tmp_path)
    ask = replies(
        "hunter2", "1:x", TOKEN, "example", f"{stub.url}/none", f"{stub.url}/feed", "UTC+5", "", "de", "kk ru"
    )
    assert await init(tmp_path, environ, ask=ask) == 0
    settings = load(environ, tmp_path)
    assert settings.env.bot_token == TOKEN
    assert settings.newsroom.name == "Степные вести"
    assert settings.newsroom.languages == ("kk", "ru")
    assert [f.url for f in settings.feeds] == [f"{stub.url}/feed"]
    for name in (".env", "newsdesk.toml"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    said = capsys.readouterr().out
    assert TOKEN not in said
    assert "Спорт → sport" in said
    assert "newsdesk doctor" in said


async def test_init_can_ask_nothing(stub: Stub, tmp_path: Path) -> None:
    environ = stub.environ(tmp_path)
    (tmp_path / ".env").write_text("LOG_LEVEL=debug\n")
    assert await init(tmp_path, environ, token=TOKEN, feed=f"{stub.url}/feed", yes=True, ask=replies()) == 0
    assert (tmp_path / ".env").read_text() == f"LOG_LEVEL=debug\nBOT_TOKEN={TOKEN}\n"
    with pytest.raises(ConfigError, match="exists"):
        await init(tmp_path, environ, token=TOKEN, feed=f"{stub.url}/feed", yes=True)
    assert await init(tmp_path, environ, token=TOKEN, feed=f"{stub.url}/feed", ask=replies("y", "", "")) == 0


@pytest.mark.parametrize(
    ("token", "feed", "error"),
    [
        (TOKEN, "/none", "--feed"),
        ("1:x", "/feed", "did not take"),
        ("", "/feed", "missing"),
        ("x", "/feed", "BotFather"),
    ],
)
async def test_init_writes_nothing_when_in_doubt(stub: Stub, tmp_path: Path, token: str, feed: str, error: str) -> None:
    with pytest.raises(NewsdeskError, match=error):
        await init(tmp_path, stub.environ(tmp_path), token=token, feed=stub.url + feed, yes=True)
    assert files_in(tmp_path) == []


async def test_init_asks_before_it_takes_a_token_over(stub: Stub, tmp_path: Path) -> None:
    stub.answers["getWebhookInfo"] = {"url": "https://other.kz/hook"}
    environ, feed = stub.environ(tmp_path), f"{stub.url}/feed"
    with pytest.raises(NewsdeskError, match=r"other\.kz"):
        await init(tmp_path, environ, token=TOKEN, feed=feed, yes=True)
    with pytest.raises(NewsdeskError, match=r"other\.kz"):
        await init(tmp_path, environ, token=TOKEN, feed=feed, ask=replies("n"))
    assert "deleteWebhook" not in dict(stub.calls)
    assert await init(tmp_path, environ, token=TOKEN, feed=feed, ask=replies("да", "", "")) == 0
    assert "deleteWebhook" in dict(stub.calls)


async def test_init_never_replaces_another_token_silently(stub: Stub, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("BOT_TOKEN=1:other\n")
    with pytest.raises(ConfigError, match="another BOT_TOKEN"):
        await init(tmp_path, stub.environ(tmp_path), token=TOKEN, feed=f"{stub.url}/feed", yes=True)
    assert (tmp_path / ".env").read_text() == "BOT_TOKEN=1:other\n"


async def test_init_without_anybody_to_answer(stub: Stub, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--yes"):
        await init(tmp_path, stub.environ(tmp_path), ask=replies())
