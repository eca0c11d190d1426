"""The text of an article's page, for feeds that do not carry it. Needs the extra: `pip install 'newsdesk[extract]'`."""

from __future__ import annotations

from importlib.util import find_spec

from bot.feeds.fetch import Fetcher
from bot.feeds.worker import ParseWorker

MOST = 200_000
"""Characters that are kept, as of a feed's own text."""


async def page_text(http: Fetcher, url: str) -> str:
    """The article on that page as HTML, "" when there is none or the extra is missing. Raises FeedError."""
    if find_spec("trafilatura") is None:
        return ""
    body = (await http.fetch(url)).body
    worker = ParseWorker()
    try:
        return await worker.call(extract, body)
    finally:
        await worker.close()


def extract(page: bytes) -> str:
    """What trafilatura takes for the article; runs in the worker process, which may be killed."""
    import trafilatura  # a second to import, and only readers who ask for a whole article pay for it

    found = trafilatura.extract(
        page,
        output_format="html",
        include_comments=False,
        include_tables=False,
        include_links=True,
        favor_precision=True,
    )
    return str(found or "")[:MOST]
