"""`newsdesk import feeds` and `newsdesk export feeds`: what other readers of feeds write and read."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from bot.__main__ import main
from storage import open_storage

OPML = """<?xml version="1.0" encoding="windows-1251"?>
<!DOCTYPE opml [<!ENTITY x "y">]>
<opml version="1.0"><head><title>Подписки</title></head><body>
  <outline text="Спорт"><outline text="Поле" type="rss" xmlUrl="https://pole.example/rss"/>
    <outline text="Пустая папка"/></outline>
  <outline text="Степь" xmlUrl="https://step.example/feed" category="/culture"/>
  <outline text="Из файла" xmlUrl="https://dala.example/rss"/>
  <outline text="Странный" xmlUrl="javascript:alert(1)"/>
</body></opml>"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("BOT_TOKEN", "DATABASE_URL", "NEWSDESK_CONFIG", "FEED_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "newsdesk.toml").write_text('[[feeds]]\nurl = "https://dala.example/rss"\n', "utf-8")
    return tmp_path


async def added() -> list[tuple[str, str]]:
    storage = await open_storage("sqlite:///newsdesk.db")
    try:
        return [(one.url, one.section) for one in await storage.feeds.added()]
    finally:
        await storage.close()


def run(*words: str) -> int:
    """In a thread: a command has a loop of its own."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(main, words).result()


async def test_in_and_out(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("migrate") == 0
    (place / "list.opml").write_bytes(OPML.encode("cp1251"))
    assert run("import", "feeds", "list.opml") == 1, "one was left out"
    said = capsys.readouterr().out
    assert "added            https://pole.example/rss → sport" in said
    assert "watched already  https://dala.example/rss" in said
    assert "left out         'javascript:alert(1)' is not an address." in said
    assert await added() == [("https://pole.example/rss", "sport"), ("https://step.example/feed", "culture")]
    assert run("export", "feeds", "out.opml") == 0
    urls = [one.get("xmlUrl") for one in ElementTree.parse("out.opml").iter("outline")]
    assert urls == ["https://dala.example/rss", "https://pole.example/rss", "https://step.example/feed"]
    assert run("import", "feeds", "out.opml") == 0, "what was written can be read, and adds nothing twice"
    assert len(await added()) == 2


@pytest.mark.parametrize("content", [None, b"not xml", b"<opml"])
def test_what_is_no_list_is_one_line(place: Path, capsys: pytest.CaptureFixture[str], content: bytes | None) -> None:
    if content is not None:
        Path("list.opml").write_bytes(content)
    assert main(["import", "feeds", "list.opml"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert main(["migrate"]) == 0
    assert main(["export", "feeds", "no/such/folder.opml"]) == 2
