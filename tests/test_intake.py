"""The CMS's API with the whole bot behind it: articles, breaking news at the desk, a look at feeds, the docs' examples,
and whatever a client may send."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.clock import RealClock
from bot.domain.desk import DraftState
from bot.ops.contract import DOCUMENT, Mismatch, check, resolve
from bot.sandbox.http import Sandbox
from bot.settings import Desk, Settings
from bot.settings_file import Secret
from storage import Storage, open_storage
from tests.factories import OWNER, FeedSite, feed_site, free_port, running, settings_for, subscribe

KEY = "k3y-that-nobody-guesses"
DOCS = Path(__file__).parents[1] / "docs" / "api.md"


@dataclass
class Cms:
    """A CMS that talks to a running bot."""

    url: str
    client: aiohttp.ClientSession
    sandbox: Sandbox
    site: FeedSite
    storage: Storage

    async def post(self, path: str, body: Any, name: str = "") -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {KEY}"} | ({"Idempotency-Key": name} if name else {})
        async with self.client.post(f"{self.url}/api/v1/{path}", json=body, headers=headers) as answer:
            said = await answer.json()
            operation = DOCUMENT["paths"][f"/api/v1/{path}"]["post"]["responses"][str(answer.status)]
            described = resolve(operation["$ref"]) if "$ref" in operation else operation
            check(said, described["content"]["application/json"]["schema"])
            return answer.status, said


@asynccontextmanager
async def cms(folder: Path, rules: Callable[[Settings], Settings] = lambda found: found) -> AsyncIterator[Cms]:
    """The bot with readers of sport and its owner."""
    url = f"sqlite:///{folder}/newsdesk.db"
    storage = await open_storage(url)
    await subscribe(storage, range(1001, 1004), 1 << 4)
    async with Sandbox(RealClock(), anti_spin=False) as sandbox, feed_site() as site, aiohttp.ClientSession() as client:
        for chat in range(1001, 1004):
            sandbox.people.add(chat, started=True)
        found = rules(settings_for(sandbox, site, url))
        port = free_port()
        env = replace(found.env, http_listen=("127.0.0.1", port), api_key=Secret(KEY))
        await storage.close()
        async with running(replace(found, env=env)):
            await site.primed()
            beside = await open_storage(url, exclusive=False)
            try:
                yield Cms(f"http://127.0.0.1:{port}", client, sandbox, site, beside)
            finally:
                await beside.close()


def texts(made: Cms, chat: int) -> list[str]:
    return [str(message.get("text") or message.get("caption")) for message in made.sandbox.sent(chat)]


async def test_an_article_reaches_readers_and_its_correction_their_copies(tmp_path: Path) -> None:
    async with cms(tmp_path) as made:
        article = {
            "id": "most-1",
            "url": f"{made.site.url}/most-1",
            "title": "Финал кубка прошёл в Таразе",
            "section": "sport",
        }
        assert await made.post("articles", {"articles": [article]}) == (
            200,
            {"articles": [{"url": article["url"], "state": "new"}]},
        )
        await made.sandbox.until(lambda: all("в Таразе" in str(texts(made, chat)) for chat in range(1001, 1004)))
        assert (await made.post("articles", {"articles": [article | {"title": "Финал кубка прошёл в Уральске"}]}))[1][
            "articles"
        ][0]["state"] == "edited"
        await made.sandbox.until(lambda: all("в Уральске" in str(texts(made, chat)) for chat in range(1001, 1004)))
        assert "в Таразе" not in str(texts(made, 1001))
        wrong = await made.post("articles", {"articles": [article | {"section": "chess"}]})
        assert wrong == (422, {"error": "articles[0].section: there is no section chess."})
        status, said = await made.post("feeds/check", {})
        assert (status, said["feeds"]) == (202, [f"{made.site.url}/rss"])
        assert (await made.post("feeds/check", {"url": "https://other.example/rss"}))[0] == 422


async def test_breaking_news_counts_down_at_the_desk(tmp_path: Path) -> None:
    async with cms(tmp_path) as made:
        owner = made.sandbox.people.add(OWNER, name="Дана", lang="ru", started=True)
        call = {"texts": {"ru": "Мост закрыт."}, "by": "Ерлан, сайт"}
        status, said = await made.post("breaking", call, "bridge-1")
        assert (status, said["state"], said["readers"]) == (202, "countdown", 3)
        await owner.next("Отправка через", timeout=15)
        assert await made.post("breaking", call, "bridge-1") == (202, said)
        await made.sandbox.until(lambda: all("Мост закрыт." in str(texts(made, chat)) for chat in range(1001, 1004)))
        await asyncio.sleep(0)
        assert [text.count("Мост закрыт.") for text in texts(made, 1001)] == [1]
        for wrong, words in (
            ({"texts": {"de": "x"}}, "speaks ru, kk, en"),
            ({"texts": {"ru": "ж" * 4096}}, "too long, cut"),
        ):
            status, said = await made.post("breaking", wrong, "bridge-2")
            assert (status, words in said["error"]) == (422, True), said
        (entry,) = await made.storage.editors.audit()
        assert (entry.user_id, entry.action, entry.text) == (0, "breaking launched", "Ерлан, сайт: Мост закрыт.")


async def test_breaking_news_waits_for_a_second_person(tmp_path: Path) -> None:
    def two(found: Settings) -> Settings:
        return replace(found, desk=Desk(countdown=0, approvals=1))

    async with cms(tmp_path, two) as made:
        owner = made.sandbox.people.add(OWNER, name="Дана", lang="ru", started=True)
        status, said = await made.post("breaking", {"texts": {"ru": "Мост закрыт."}}, "bridge-1")
        assert (status, said["state"]) == (202, "review")
        asked = await owner.next("просит утвердить", timeout=15)
        assert "система редакции" in asked["text"]
        draft = await made.storage.drafts.get(said["draft"])
        assert draft
        assert draft.state is DraftState.REVIEW
        await owner.tap(asked, "Утвердить")
        await made.sandbox.until(lambda: "Мост закрыт." in str(texts(made, 1001)), timeout=15)


async def test_nobody_would_get_it(tmp_path: Path) -> None:
    async with cms(tmp_path) as made:
        await made.storage.engine.write("UPDATE reader SET breaking = 0")
        status, said = await made.post("breaking", {"texts": {"ru": "Мост закрыт."}}, "bridge-1")
        assert (status, said["error"]) == (422, "nobody would get it: no reader has breaking news on.")
        await made.storage.engine.write("UPDATE reader SET breaking = 1")
        assert (await made.post("breaking", {"texts": {"ru": "Мост закрыт."}}, "bridge-1"))[0] == 202


@pytest.mark.skipif(not shutil.which("curl"), reason="the docs' examples are run with curl")
async def test_the_examples_of_the_docs(tmp_path: Path) -> None:
    blocks = re.findall(r"```(sh|json)\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    calls = [text for kind, text in blocks if kind == "sh" and "curl" in text]
    answers = [json.loads(text) for kind, text in blocks if kind == "json"]
    assert len(calls) == len(answers) == 3
    async with cms(tmp_path) as made:
        environ = {**os.environ, "NEWSDESK": made.url, "NEWSDESK_API_KEY": KEY, "no_proxy": "*"}
        for command, answer in zip(calls, answers, strict=True):
            done = await asyncio.to_thread(
                subprocess.run, ["bash", "-c", command], env=environ, capture_output=True, check=True
            )
            said = json.loads(done.stdout)
            assert said.keys() == answer.keys(), said
            assert "articles" not in said or said == answer


# Whatever a client sends ------------------------------------------------------------------------------------------

TEXT = st.text(max_size=40) | st.sampled_from(["", " ", "\x00", "\ud83d", "x" * 5000, "https://a.kz/1", "ru"])


def like(schema: Any) -> st.SearchStrategy[Any]:
    """Values as the schema wants them, and near misses."""
    while "$ref" in schema:
        schema = resolve(schema["$ref"])
    match schema["type"]:
        case "object":
            if others := schema.get("additionalProperties"):
                return st.dictionaries(st.sampled_from(["ru", "kk", "X", "de"]), like(others), max_size=3)
            known = {name: like(one) for name, one in schema["properties"].items()}
            return st.fixed_dictionaries({}, optional=known) | st.fixed_dictionaries(known)
        case "array":
            return st.lists(like(schema["items"]), max_size=3)
        case "string":
            formats = {"uri": st.sampled_from(["https://a.kz/1", "http://a.kz:99999/", "https://a.kz/2?x=1#y", "x"])}
            formats["date-time"] = st.datetimes().map(lambda at: at.isoformat() + "Z") | TEXT
            return formats.get(schema.get("format", ""), TEXT)
    return st.integers() | st.none()


OPERATIONS = {
    path.removeprefix("/api/v1/"): found["post"]["requestBody"]["content"]["application/json"]["schema"]
    for path, found in DOCUMENT["paths"].items()
}
CALLS = st.sampled_from(sorted(OPERATIONS)).flatmap(
    lambda path: st.tuples(st.just(path), like(OPERATIONS[path]), st.text("abc", max_size=2))
)


async def fuzz(data: st.DataObject, folder: Path, number: int) -> None:
    """So many calls at one bot; never a 500, each answer is as the document says, 400 for what it does not allow."""
    async with cms(folder) as made:
        for n in range(number):
            path, body, name = data.draw(CALLS)
            try:
                status, _ = await made.post(path, body, name or str(n))
            except (UnicodeEncodeError, ValueError):  # what no client could put on the wire
                continue
            assert status < 500
            assert (status == 400) is not fits(body, OPERATIONS[path]), (path, body)


def fits(body: Any, schema: Any) -> bool:
    """Whether the document allows this body."""
    try:
        check(body, schema)
    except Mismatch:
        return False
    return True


def fuzzed(examples: int, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.ops.api.BURST", 10**6)

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.data())
    def play(data: st.DataObject) -> None:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(fuzz(data, Path(folder), number))

    play()


def test_whatever_a_client_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    fuzzed(2, 30, monkeypatch)


@pytest.mark.prove
def test_whatever_a_client_sends_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    fuzzed(20, 150, monkeypatch)
