"""What feeds write and what is read of it, beside feedparser alone: `python -m benchmarks.reading`.

Two tables: encodings (the same headline in different bytes and with different labels) and dates (the same moment as
feeds write it, for a newsroom in Almaty).
"""

from __future__ import annotations

import codecs
import io
import warnings
from calendar import timegm
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import feedparser

from bot.feeds.dates import read_date
from bot.feeds.decode import decode
from bot.feeds.parse import parse

ZONE = ZoneInfo("Asia/Almaty")
STORY = int(datetime(2022, 11, 24, 10, 48, tzinfo=UTC).timestamp())
NOW = STORY + 3600.0
TITLE = "Новости Қазақстана: «мост» открыт"
RUSSIAN = "Новости города: мост открыт для всех"
DATES = (
    "Thu, 24 Nov 2022 16:48:00 +0600", "2022-11-24T16:48:00+06:00", "2022-11-24 16:48:00", "2022-11-24T16:48:00",
    "24.11.2022, 16:48", "Thu, 24 Nov 2022 16:48:00", "Thu, 24 Nov 2022 16:48:00 GMT+6",
    "Thu, 24 Nov 2022 16:48:00 ALMT", "Thu, 24 Nov 2022 13:48:00 MSK", "2022-11-24 16:48 +06",
    "Чт, 24 ноя 2022 16:48:00 +0600", "24 ноября 2022 г., 16:48", "24 қараша 2022 ж. 16:48",
    "2022 жылғы 24 қараша, 16:48", "November 24, 2022 4:48 PM", str(STORY),
)  # fmt: skip


def document(title: str, prolog: str = '<?xml version="1.0" encoding="utf-8"?>') -> str:
    """A feed with that headline."""
    lead = f"{RUSSIAN}. " * 20
    item = f"<item><title>{title}</title><description>{lead}</description></item>"
    return f'{prolog}<rss version="2.0"><channel><title>Дала</title>{item}</channel></rss>'


def encodings() -> Iterator[tuple[str, bytes, str, str, str]]:
    """(case, bytes, HTTP header, override, the headline that is right)."""
    utf8 = document(TITLE).encode()
    said = {name: f'<?xml version="1.0" encoding="{name}"?>' for name in ("windows-1251", "koi8-r", "utf-16")}
    yield "UTF-8", utf8, "", "", TITLE
    yield "UTF-8 with a byte order mark", codecs.BOM_UTF8 + utf8, "", "", TITLE
    yield "UTF-16", document(TITLE, said["utf-16"]).encode("utf-16"), "", "", TITLE
    yield "UTF-8 declared windows-1251", document(TITLE, said["windows-1251"]).encode(), "", "", TITLE
    yield "UTF-8, header says windows-1251", utf8, "text/xml; charset=windows-1251", "", TITLE
    yield "one invalid byte in UTF-8", utf8.replace(b"</description>", b"\xff</description>"), "", "", TITLE
    for name, codec in (("windows-1251", "cp1251"), ("koi8-r", "koi8-r")):
        yield f"{name}, declared", document(RUSSIAN, said[name]).encode(codec, "replace"), "", "", RUSSIAN
        yield f"{name} declared utf-8", document(RUSSIAN).encode(codec, "replace"), "", "", RUSSIAN
        yield f"{name}, undeclared", document(RUSSIAN, "").encode(codec, "replace"), "", "", RUSSIAN
    kazakh = document("Қала жаңалықтары", said["windows-1251"]).encode("kz1048", "replace")
    yield "KZ-1048 labelled windows-1251, override", kazakh, "", "kz1048", "Қала жаңалықтары"
    yield "blank lines before the prolog", b"\r\n\r\n" + utf8, "", "", TITLE
    yield "a PHP warning before the prolog", b"<br />\n<b>Warning</b>: x in /a.php<br />\n" + utf8, "", "", TITLE
    yield "control characters", utf8.replace("мост".encode(), "мо\x0bст".encode()), "", "", TITLE
    yield "&nbsp; and a bare &", document("Мост&nbsp;и рынок & парк").encode(), "", "", "Мост и рынок & парк"


def ours(body: bytes, header: str, override: str) -> str:
    """The headline as we read it."""
    decoded = decode(body, content_type=header, override=override)
    found = parse(decoded.text_bytes, base="https://news.test", zone=ZONE, language="", now=NOW)
    return found.entries[0].title if found.entries else "nothing"


def theirs(body: bytes, header: str) -> str:
    """The headline as feedparser reads it, with the header of the answer."""
    headers = {"content-type": header} if header else None
    entries = feedparser.parse(io.BytesIO(body), response_headers=headers).entries
    return str(entries[0].get("title", "nothing")) if entries else "nothing"


def moment(date: int | None) -> str:
    """A date as UTC."""
    return datetime.fromtimestamp(date, UTC).strftime("%Y-%m-%d %H:%M") if date is not None else "none"


def main() -> None:
    """Print both tables."""
    warnings.simplefilter("ignore")
    print(f"{'encoding':42} {'here':6} feedparser alone")
    for case, body, header, override, right in encodings():
        other = theirs(body, header)
        verdict = "right" if ours(body, header, override) == right else "WRONG"
        print(f"{case:42} {verdict:6} {'right' if other == right else repr(other[:50])}")
    print(f"\n{'date (right: ' + moment(STORY) + ')':42} {'here':17} feedparser alone")
    for text in DATES:
        item = f"<rss version='2.0'><channel><item><pubDate>{text}</pubDate></item></channel></rss>"
        parsed = feedparser.parse(io.BytesIO(item.encode())).entries[0].get("published_parsed")
        print(f"{text:42} {moment(read_date(text, ZONE, NOW)):17} {moment(timegm(parsed) if parsed else None)}")


if __name__ == "__main__":
    main()
