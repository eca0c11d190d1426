"""`newsdesk import feeds` and `newsdesk export feeds`: lists of feeds as OPML, which all feed readers know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

from bot.clock import RealClock
from bot.desk.feeds import watched
from bot.domain.article import Section
from bot.domain.errors import ConfigError, FeedError
from bot.feeds.decode import decode
from bot.feeds.sections import section_mask
from bot.ops.feedcheck import sections_of
from bot.settings import Settings
from bot.settings_file import Wrong, address
from storage import open_beside


async def import_feeds(settings: Settings, file: Path) -> bool:
    """Watch the feeds of a file from now on, as if an editor had added them, a line for each; whether all could be."""
    found = list(_read(file, sections_of(settings.sections)))
    listed, now, fine = {feed.url for feed in settings.feeds}, int(RealClock().now()), True
    storage = await open_beside(settings.env.database_url)
    try:
        for url, section in found:
            try:
                address("http", "https")(url)
            except Wrong as wrong:
                print(f"{'left out':<15}  {wrong.problem}")
                fine = False
            else:
                fresh = url not in listed and await storage.feeds.add(url, section, now=now)
                place = f" → {section}" if fresh and section else ""
                print(f"{'added' if fresh else 'watched already':<15}  {url}{place}")
    finally:
        await storage.close()
    return fine


async def export_feeds(settings: Settings, file: Path) -> None:
    """Write all watched feeds into a file."""
    storage = await open_beside(settings.env.database_url)
    try:
        feeds = await watched(storage, settings)
    finally:
        await storage.close()
    top = ElementTree.Element("opml", version="2.0")
    ElementTree.SubElement(ElementTree.SubElement(top, "head"), "title").text = settings.newsroom.name or "Newsdesk"
    body = ElementTree.SubElement(top, "body")
    for feed in feeds:
        title = feed.state.title or feed.state.url
        fields = {"type": "rss", "text": title, "title": title, "xmlUrl": feed.state.url}
        ElementTree.SubElement(body, "outline", fields | ({"category": f"/{feed.section}"} if feed.section else {}))
    ElementTree.indent(top)
    try:
        ElementTree.ElementTree(top).write(file, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise ConfigError(str(file), f"cannot be written ({error.strerror}).", "Choose another.") from None
    print(f"{file}: {len(feeds)} feeds.")


def _read(file: Path, sections: Sequence[Section]) -> Iterator[tuple[str, str]]:
    """(address, section id or "") of each feed in an OPML file."""
    try:
        tree = ElementTree.fromstring(decode(file.read_bytes()).text_bytes)  # noqa: S314 (the DOCTYPE is cut: no entities)
    except OSError as error:
        raise ConfigError(str(file), f"cannot be read ({error.strerror}).", "Check path and rights.") from None
    except (FeedError, ElementTree.ParseError) as error:
        raise ConfigError(str(file), f"is not OPML: {error}.", "Export it anew from your feed reader.") from None
    yield from _outlines(tree, "", sections)


def _outlines(element: ElementTree.Element, section: str, sections: Sequence[Section]) -> Iterator[tuple[str, str]]:
    """A folder or a category that is called like a section puts what is in it there."""
    for child in element:
        named = [child.get("category", "").strip("/")] if child.get("xmlUrl") else [child.get("text", "")]
        mask = section_mask(named, sections)
        place = next((one.id for one in sections if one.mask & mask), section)
        if url := child.get("xmlUrl", "").strip():
            yield url, place
        yield from _outlines(child, place, sections)
