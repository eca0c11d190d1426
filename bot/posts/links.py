"""Addresses: what Telegram takes as a link, campaign parameters, deep links. Pure."""

from __future__ import annotations

import re
from urllib.parse import quote, urlencode, urlsplit

_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)+\.?")
_FORBIDDEN = re.compile(r"[\s\x00-\x1f\x7f\\<>\"\ud800-\udfff]")
_PAYLOAD = re.compile(r"[A-Za-z0-9_-]{0,64}")
_MAX_URL = 2048


def is_http(url: str) -> bool:
    """Whether Telegram would keep this as the target of a link: http or https and a host with a dot."""
    if len(url) > _MAX_URL or _FORBIDDEN.search(url):
        return False
    try:
        parts = urlsplit(url)
        valid_port = parts.port is None or parts.port > 0
    except ValueError:
        return False
    return valid_port and parts.scheme in ("http", "https") and bool(_HOST.fullmatch(parts.hostname or ""))


def with_utm(url: str, utm: str, *, section: str) -> str:
    """The address with the campaign parameters added; its own query and fragment stay as they are.

    `{section}` in `utm` becomes the section's id. A parameter that the address already has is not repeated.
    """
    if not is_http(url):
        return url
    address, hash_sign, fragment = url.partition("#")
    path, _, query = address.partition("?")
    present = {pair.partition("=")[0] for pair in query.split("&")}
    added = quote(utm.strip("?& ").replace("{section}", section), safe="=&%-._~+")
    pairs = [pair for pair in added.split("&") if pair and pair.partition("=")[0] not in present]
    query = "&".join(filter(None, (query, *pairs)))
    return path + (f"?{query}" if query else "") + hash_sign + fragment


def deep_link(username: str, payload: str = "") -> str:
    """`https://t.me/<bot>?start=<payload>`.

    Raises ValueError for a payload that Telegram would not carry: other than 64 of A-Z a-z 0-9 _ -.
    """
    if not _PAYLOAD.fullmatch(payload):
        raise ValueError(f"not a deep link payload: {payload!r}")
    return f"https://t.me/{username}" + (f"?start={payload}" if payload else "")


def share_link(url: str, text: str) -> str:
    """An address that asks the reader's own Telegram to pass `url` on, with these words."""
    return "https://t.me/share/url?" + urlencode({"url": url, "text": text}, quote_via=quote)
