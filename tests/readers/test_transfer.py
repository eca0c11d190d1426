"""Readers from a file and into one: what is read, what is left out and why, and that nothing happens twice."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from time import process_time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.__main__ import main
from bot.domain.article import Section
from bot.domain.errors import NewsdeskError
from bot.domain.reader import Choices, ReaderKind, ReaderState, Subscriber
from bot.readers.transfer import COLUMNS, Mistake, Reading, bring, take_out
from storage import Storage

NOW = 1_795_410_000
SPORT, WORLD = Section("sport", 0, {"ru": "Спорт"}, ("спорт",)), Section("world", 3, {"ru": "Новости мира"})
READING = Reading((SPORT, WORLD), ("ru", "kk", "en"), ZoneInfo("Asia/Almaty"), Choices(), NOW)


def read(text: str | bytes) -> list[Subscriber | Mistake]:
    lines = (text if isinstance(text, bytes) else text.encode()).splitlines(keepends=True)
    return list(READING.subscribers(lines))


def test_a_column_of_chats_is_enough() -> None:
    assert read("7\n8\n\n") == [Subscriber(7, "ru", 9, NOW), Subscriber(8, "ru", 9, NOW)]


@pytest.mark.parametrize(
    "line",
    [
        "7,kk,sport,2024-03-01T00:30:00+05:00,yes",
        '7,kz,"Спорт",1709235000,1',
        "7;kk-KZ;СПОРТ;1709235000000;да",
        "7\tKK\tsport;sport\t2024-03-01 00:30\ttrue",
        '{"chat_id": 7, "language": "kk", "sections": ["sport"], "since": 1709235000, "blocked": true}',
        '{"chat_id": "7", "language": "kk", "sections": "sport", "since": "2024-02-29T19:30Z", "blocked": 1, "x": {}}',
    ],
)
def test_the_same_reader_in_many_hands(line: str) -> None:
    assert read(line) == [Subscriber(7, "kk", 1, 1_709_235_000, blocked=True)]


def test_the_first_line_may_name_the_columns_in_any_order() -> None:
    found = read(
        "\ufeffName,BLOCKED,chat_id,sections,breaking\r\nДана,0,-1001,спорт;новости мира,нет\r\nИван,,5,-,\r\n"
    )
    assert found == [Subscriber(-1001, "ru", 9, NOW, breaking=False), Subscriber(5, "ru", 0, NOW)]
    with pytest.raises(NewsdeskError, match=r"columns user, lang, and none of them is chat_id"):
        read("user,lang\n5,ru\n")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("12x4,ru", "chat_id is not a whole number: '12x4'"),
        ("0", "chat_id is not the number of a chat"),
        ("9999999999999999", "chat_id is not the number of a chat"),
        ("7,ru,tennis", "there is no section 'tennis'"),
        ("7,ru,,yesterday", "since is no time"),
        ("7,ru,,1", "since is no time"),
        ("7,ru,,9999999999", "since is no time"),
        ("7,ru,,2024-13-01", "since is no time"),
        ("7,ru,,,maybe", "blocked is neither yes nor no: 'maybe'"),
        ('7,"ru', "unexpected end of data"),
        ('{"chat_id": 7', "not JSON"),
        ('{"chat_id": true}', "chat_id is not a whole number"),
        ('{"chat_id": 7, "thread_id": -1}', "chat_id is not the number of a chat"),
        ("{" * 20_000, "not JSON"),
    ],
)
def test_a_bad_line_is_named_and_costs_the_others_nothing(line: str, problem: str) -> None:
    first, mistake, last = read(f"5\n{line}\n6\n")
    assert isinstance(first, Subscriber)
    assert isinstance(mistake, Mistake)
    assert (mistake.number, problem in mistake.problem) == (2, True), mistake
    assert isinstance(last, Subscriber)


def test_letters_of_another_encoding_are_a_bad_line() -> None:
    assert read("7,ru\n8,ru,Спорт\n9".encode("cp1251"))[1] == Mistake(2, "not UTF-8")


@given(st.binary(max_size=200) | st.text(max_size=80).map(str.encode))
def test_no_line_stops_the_reading(line: bytes) -> None:
    found = read(b"5\n" + line.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n6")
    assert (found[0], found[-1]) == (Subscriber(5, "ru", 9, NOW), Subscriber(6, "ru", 9, NOW))
    assert len(found) <= 3


async def test_what_is_exported_can_be_imported_and_a_second_time_changes_nothing(
    storage: Storage, tmp_path: Path
) -> None:
    mine = await storage.readers.meet(5, language="en", now=9)
    await storage.readers.consent(mine.id, "w", now=NOW - 50)
    source = tmp_path / "in.csv"
    source.write_text("chat_id,language,sections,since,blocked\n5,ru\n6,kk,-\n-1007,,sport\n7,en,,,1\n7,kk\nzz\n")
    before = await bring(storage, source, READING, dry=True)
    assert (before.new, before.known, before.blocked) == (3, 2, 1)
    assert before.mistakes == [Mistake(7, "chat_id is not a whole number: 'zz'")]
    assert await storage.readers.get(6) is None, "a dry run writes nothing"
    assert await bring(storage, source, READING, dry=False) == before
    kept = [await storage.readers.get(chat) for chat in (5, 6, 7, -1007)]
    assert kept[0]
    assert (kept[0].language, kept[0].source) == ("en", ""), "who is known stays as he is"
    brought = [(one.state, one.sections, one.source, one.consent_at, one.kind) for one in kept[1:] if one]
    assert brought == [
        (ReaderState.ACTIVE, 0, "import", NOW, ReaderKind.PERSON),
        (ReaderState.DORMANT, 9, "import", NOW, ReaderKind.PERSON),
        (ReaderState.ACTIVE, 1, "import", NOW, ReaderKind.GROUP),
    ]
    again = await bring(storage, source, READING, dry=False)
    assert (again.new, again.known) == (0, 5)
    for name in ("out.csv", "out.jsonl"):
        assert await take_out(storage, tmp_path / name, (SPORT, WORLD)) == 4
        whole = await bring(storage, tmp_path / name, READING, dry=True)
        assert (whole.new, whole.known, whole.mistakes) == (0, 4, [])
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [list(row) for row in rows] == [list(COLUMNS)] * 4
    assert rows[1] | {"since": ""} == {
        "chat_id": 6, "language": "kk", "sections": "-", "since": "", "blocked": 0, "breaking": 1, "thread_id": 0,
    }  # fmt: skip
    with pytest.raises(NewsdeskError, match="exists already"):
        await take_out(storage, tmp_path / "out.csv", (SPORT, WORLD))
    with pytest.raises(NewsdeskError, match="cannot be written"):
        await take_out(storage, tmp_path / "nowhere" / "out.csv", (SPORT, WORLD))


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "NEWSDESK_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "in.csv").write_text("5,ru,sport\n6,,,,1\nx1\n" + "9,,tennis\n" * 21)
    assert main(["import", "readers", "in.csv", "--dry-run"]) == 1
    said = capsys.readouterr()
    assert (
        said.out
        == "Would import: 2 new readers, of them 1 blocked; 0 known already, left as they are; 22 lines left out.\n"
    )
    assert said.err.splitlines()[0] == "line 3: chat_id is not a whole number: 'x1'."
    assert said.err.splitlines()[-1] == "… and 2 more lines."
    (tmp_path / "in.csv").write_text("5,ru,sport\n6,,,,1\n")
    assert main(["import", "readers", "in.csv"]) == 0
    assert "Imported: 2 new readers" in capsys.readouterr().out
    assert main(["export", "readers", "out.csv"]) == 0
    assert (tmp_path / "out.csv").stat().st_mode & 0o777 == 0o600
    assert "out.csv: 2 readers" in capsys.readouterr().out
    assert main(["import", "readers", "out.csv"]) == 0
    assert "0 new readers, of them 0 blocked; 2 known already" in capsys.readouterr().out
    assert main(["import", "readers", "absent.csv"]) == 1
    assert "absent.csv cannot be read" in capsys.readouterr().err


@pytest.mark.prove
async def test_a_hundred_thousand_readers_in_seconds(storage: Storage, tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    lines = ["chat_id,language,sections,since,blocked", *(f"{n},kk,sport;world,1709235000," for n in range(1, 100_001))]
    source.write_text("\n".join([*lines, "x"]))
    began = process_time()
    assert (await bring(storage, source, READING, dry=True)).new == 100_000
    assert (await bring(storage, source, READING, dry=False)).new == 100_000
    assert await take_out(storage, tmp_path / "out.csv", (SPORT, WORLD)) == 100_000
    again = await bring(storage, tmp_path / "out.csv", READING, dry=False)
    assert (again.new, again.known, again.mistakes) == (0, 100_000, [])
    assert process_time() - began < 60


FEEDS = {"dala.example/sport.rss": "sport", "dala.example/rss": ""}


@pytest.mark.parametrize(
    ("feeds", "sections"),
    [
        ("https://dala.example/sport.rss", 1),
        ("http://www.Dala.example/sport.rss/ https://elsewhere.example/x", 1),
        ("https://dala.example/sport.rss;https://dala.example/rss", 9),
        (["https://dala.example/rss"], 9),
        ("https://elsewhere.example/x", None),
    ],
)
def test_followers_of_a_feed_get_its_sections(feeds: str | list[str], sections: int | None) -> None:
    (found,) = replace(READING, feeds=FEEDS).subscribers([json.dumps({"chat_id": 5, "feeds": feeds}).encode()])
    if sections is None:
        assert found == Mistake(1, "none of these feeds is watched here")
    else:
        assert found == Subscriber(5, "ru", sections, NOW)


async def test_the_database_of_rss_to_telegram_bot_is_read_as_it_is(sqlite_storage: Storage, tmp_path: Path) -> None:
    """Its tables as of version 2: user, feed and sub, with the columns that matter here."""
    theirs = tmp_path / "db.sqlite3"
    with closing(sqlite3.connect(theirs)) as db:
        db.executescript(
            """
            CREATE TABLE user (id BIGINT PRIMARY KEY, state SMALLINT, lang VARCHAR(16), created_at TIMESTAMP);
            CREATE TABLE feed (id INTEGER PRIMARY KEY, state SMALLINT, link VARCHAR(4096), title VARCHAR(1024));
            CREATE TABLE sub (id INTEGER PRIMARY KEY, state SMALLINT, user_id BIGINT, feed_id INT);
            INSERT INTO user VALUES (5, 0, 'en', '2024-02-29 19:30:00+00:00'), (6, -1, 'ru', '2024-03-01'),
                (-1007, 51, 'zh-Hans', '2024-03-01 00:00:00.123456+00:00'), (8, 1, 'ru', '2024-03-01'),
                (9, 1, 'ru', '2024-03-01'), (-1008, 50, 'ru', '2024-03-01');
            INSERT INTO feed VALUES (1, 1, 'https://dala.example/sport.rss', 'Спорт'), (2, 1, 'https://x.example', 'x');
            INSERT INTO sub VALUES (1, 1, 5, 1), (2, 1, 5, 2), (3, 1, 6, 1), (4, 1, -1007, 1), (5, 1, 8, 2),
                (6, 0, 9, 1), (7, 1, -1008, 1);
            """
        )
        db.commit()
    found = await bring(sqlite_storage, theirs, replace(READING, feeds=FEEDS), dry=False)
    assert (found.new, found.mistakes) == (2, [Mistake(3, "none of these feeds is watched here")])
    reader = await sqlite_storage.readers.get(5)
    assert reader
    assert (reader.language, reader.sections, reader.consent_at) == ("en", 1, 1_709_235_000)
    (tmp_path / "other.db").write_bytes(b"SQLite format 3\0" + bytes(84))
    with pytest.raises(NewsdeskError, match="is no database of RSS-to-Telegram-Bot"):
        await bring(sqlite_storage, tmp_path / "other.db", READING, dry=True)
