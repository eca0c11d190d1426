"""What a call wants to say, read from its parameters: text, media, album items, rich messages.

An error found here comes before any look at the chat, as with Telegram; length and emptiness after parsing are
kept in `Content.late`, because Telegram reports them only after the chat's own refusals.
"""

from __future__ import annotations

import functools
import json
import re
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from .model import ApiError, Content, File, Json, Params, refuse, to_bool
from .text import TextError, finish, read_text

T = TypeVar("T", Json, list[Any])
MAX_TEXT, MAX_CAPTION = 4096, 1024
_LIMITS = {"Photo": 10_485_760, "Video": 52_428_800, "Document": 52_428_800}
_URL_LIMITS = {"Photo": 5_242_880, "Video": 20_971_520, "Document": 20_971_520}
_PHOTO_NAMES = (".jpg", ".jpeg", ".gif", ".png", ".tif", ".bmp")
_LEADS = {"AgAC": "Photo", "BAAC": "Video", "BQAC": "Document"}
_MIMES = {"Photo": "image/jpeg", "Video": "video/mp4", "Document": "application/octet-stream"}


def decoded(value: Any) -> Any:
    """A nested parameter: JSON text in a form, possibly an object already in a JSON body. Raises ValueError."""
    return json.loads(value) if isinstance(value, str) else value


def nested(value: Any, name: str, shape: type[T], expected: str) -> T:
    """A nested parameter that must be an object or an array; an absent one is empty. Telegram's two refusals."""
    try:
        found = decoded(value) if value else shape()
    except ValueError:
        raise refuse(f"can't parse {name} JSON object") from None
    if not isinstance(found, shape):
        raise refuse(expected)
    return found


@functools.lru_cache(maxsize=256)
def _format(text: str, mode: str, entities: str, limit: int) -> tuple[str, list[Json], str | None]:
    """Text, entities, and what is wrong with them in Telegram's second look, after the chat checks."""
    what: Literal["message", "message caption"] = "message" if limit == MAX_TEXT else "message caption"
    parsed = read_text(text, parse_mode=mode, entities=entities, what=what)
    try:
        said, found = finish(*parsed, limit=limit, what=what)
    except TextError as error:
        return "", [], error.description
    return said, [entity.to_json() for entity in found], None


def formatted(p: Params, text: str, limit: int, entities: str) -> tuple[str, list[Json], ApiError | None]:
    """Text with its entities, and the error to raise after the chat checks. Same text again is a look-up."""
    listed = p.get(entities) or "[]"
    given = listed if isinstance(listed, str) else json.dumps(listed)
    try:
        said, found, late = _format(text, str(p.get("parse_mode") or ""), given, limit)
    except TextError as error:
        raise refuse(error.description) from None
    return said, found, refuse(late) if late else None


def text_content(p: Params) -> Content:
    """What sendMessage and editMessageText carry."""
    preview = nested(
        p.get("link_preview_options"), "link preview options", dict, "object expected as link preview options"
    )
    text = p.get("text")
    if not text:
        raise refuse("message text is empty")
    said, found, late = formatted(p, str(text), MAX_TEXT, "entities")
    fields: Json = {"text": said}
    if found:
        fields["entities"] = found
    if preview:
        fields["link_preview_options"] = preview
    return Content("text", fields, late)


def caption_fields(p: Params) -> tuple[Json, ApiError | None]:
    """`caption`, `caption_entities` and `show_caption_above_media`, as far as they are given."""
    fields: Json = {}
    late = None
    if p.get("caption"):
        said, found, late = formatted(p, str(p["caption"]), MAX_CAPTION, "caption_entities")
        fields = {"caption": said, "caption_entities": found} if found else {"caption": said} if said else {}
        if said and to_bool(p.get("show_caption_above_media")):
            fields["show_caption_above_media"] = True
    return fields, late


class Files:
    """Finds the file that a parameter means: an upload, a known file_id, or a registered web address."""

    def __init__(self, known: dict[str, File], web: dict[str, bytes], uploads: dict[str, tuple[str, bytes]]) -> None:
        self.known, self.web, self.uploads = known, web, uploads

    def get(self, value: Any, field: str, kind: str) -> File:
        """The file; raises Telegram's refusals of missing, foreign, unreachable or unfit files."""
        if isinstance(value, str) and value.startswith("attach://"):
            field = value.removeprefix("attach://")
            value = None
        if field in self.uploads and not value:
            name, data = self.uploads[field]
            return self._upload(name, data, kind)
        if not value:
            raise refuse(f"there is no {kind.lower()} in the request")
        if re.match(r"https?://", str(value)):
            return self._from_web(str(value), kind)
        return self._by_id(str(value), kind)

    def _upload(self, name: str, data: bytes, kind: str) -> File:
        if not data:
            raise refuse("file must be non-empty")
        if len(data) > _LIMITS[kind]:
            head = f"file of size {len(data)} bytes is too big for a {kind.lower()}"
            raise refuse(f"{head}; the maximum size is {_LIMITS[kind]} bytes")
        if kind == "Photo":
            suffix = re.search(r"\.\w+$", name.lower())
            if suffix and suffix[0] not in _PHOTO_NAMES:
                raise refuse(f"photo has unsupported extension. Use one of {', '.join(_PHOTO_NAMES[:-1])} or .bmp")
        return new_file(kind, data, name)

    def _from_web(self, url: str, kind: str) -> File:
        if "." not in (urlsplit(url).hostname or ""):
            raise refuse("wrong HTTP URL specified")
        data = self.web.get(url)
        if data is None or len(data) > _URL_LIMITS[kind]:
            raise refuse("failed to get HTTP URL content")
        if data.lstrip()[:1] == b"<" or not data:
            raise refuse("wrong type of the web page content")
        return new_file(kind, data, url.rsplit("/", 1)[-1] or "file")

    def _by_id(self, file_id: str, kind: str) -> File:
        file = self.known.get(file_id)
        if file is None:
            reason = "Wrong padding length" if len(file_id) % 4 == 1 else "can't unserialize it. Wrong last symbol"
            if _LEADS.get(file_id[:4]) and re.fullmatch(r"[\w-]{40,}", file_id):
                raise refuse("wrong file identifier/HTTP URL specified")
            raise refuse(f"wrong remote file identifier specified: {reason}")
        if file.kind != kind:
            raise refuse(f"can't use file of type {file.kind} as {kind}")
        return file


def new_file(kind: str, data: bytes, name: str) -> File:
    """A stored file; a photo must be an image whose size Telegram takes."""
    if kind != "Photo":
        mime = "application/pdf" if name.lower().endswith(".pdf") else _MIMES[kind]
        return File(kind, data, name, mime, *((640, 360) if kind == "Video" else (0, 0)))
    size = image_size(data)
    if size is None:
        raise refuse("IMAGE_PROCESS_FAILED")
    width, height = size
    if width + height > 10_000 or max(size) > 20 * min(size):
        raise refuse("PHOTO_INVALID_DIMENSIONS")
    return File(kind, data, name, "image/png" if data.startswith(b"\x89PNG") else "image/jpeg", width, height)


def image_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG, GIF, BMP or JPEG; None when it is none of these."""
    if data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) >= 24:
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data[:6] in (b"GIF87a", b"GIF89a") and len(data) >= 10:
        return int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
    if data.startswith(b"BM") and len(data) >= 26:
        return int.from_bytes(data[18:22], "little"), abs(int.from_bytes(data[22:26], "little", signed=True))
    at = 2
    while data.startswith(b"\xff\xd8") and at + 9 <= len(data) and data[at] == 0xFF:
        if data[at + 1] in (0xC0, 0xC1, 0xC2):
            return int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def media_fields(file: File, keep: dict[str, File], *, spoiler: bool = False) -> Json:
    """The Message fields for a file, each size of a photo stored under its own id, smallest first."""
    keep.setdefault(file.file_id, file)
    if file.kind != "Photo":
        return {file.kind.lower(): file.to_json()}
    sizes = []
    for box in (90, 320, 800):
        scale = box / max(file.width, file.height)
        if scale < 1:
            small = (max(1, round(file.width * scale)), max(1, round(file.height * scale)))
            sizes.append(File("Photo", file.data, file.name, file.mime, *small))
    for size in sizes:
        keep.setdefault(size.file_id, size)
    fields: Json = {"photo": [size.to_json() for size in (*sizes, file)]}
    return {**fields, "has_media_spoiler": True} if spoiler else fields


def media_content(p: Params, files: Files, kind: str) -> Content:
    """What sendPhoto, sendVideo and sendDocument carry."""
    file = files.get(p.get(kind), kind, kind.capitalize())
    caption, late = caption_fields(p)
    return Content(kind, {**media_fields(file, files.known, spoiler=to_bool(p.get("has_spoiler"))), **caption}, late)


def input_media(raw: Any, files: Files, *, album: bool) -> Content:
    """One InputMedia of an album or of editMessageMedia."""
    if not isinstance(raw, dict):
        raise refuse("can't parse InputMedia: expected an Object")
    kind = raw.get("type")
    if album and kind == "animation":
        raise refuse("can't parse InputMedia: type \"animation\" can't be used in sendMediaGroup")
    if kind not in ("photo", "video", "document"):
        raise refuse("can't parse InputMedia: type must be photo, video or document here")
    if not raw.get("media"):
        raise refuse("can't parse InputMedia: media not found")
    return media_content({**raw, kind: raw["media"]}, files, kind)


def album(p: Params, files: Files) -> list[Content]:
    """The items of sendMediaGroup."""
    if not p.get("media"):
        raise refuse('parameter "media" is required')
    items = nested(p["media"], "media", list, "expected an Array of InputMedia")
    if len(items) > 10:
        raise refuse("too many messages to send as an album")
    contents = [input_media(item, files, album=True) for item in items]
    if not contents:
        raise refuse("there are no messages to send")
    if len({content.kind == "document" for content in contents}) > 1:
        raise refuse("Document can't be mixed with other media types")
    return contents


_BREAKS = re.compile(r"(?i)<(?:br|/p|/h[1-6]|/li|/tr|/div|/blockquote|/details|hr)\b[^>]*>|\n")
_TAGS = re.compile(r"<[^>]*>")


def rich_content(p: Params) -> Content:
    """What sendRichMessage carries. Kept simple: html and markdown become paragraphs of plain text."""
    given = nested(p.get("rich_message"), "rich message", dict, "object expected as rich message")
    ways = [name for name in ("html", "markdown", "blocks") if given.get(name)]
    if len(ways) != 1:
        raise refuse("exactly one of the fields html, markdown and blocks must be used in the rich message")
    if ways[0] == "blocks":
        blocks = given["blocks"]
    else:
        lines = _BREAKS.split(given[ways[0]]) if ways[0] == "html" else given["markdown"].split("\n")
        texts = (_TAGS.sub("", line).strip() for line in lines)
        blocks = [{"type": "paragraph", "text": text} for text in texts if text]
    if not blocks:
        raise refuse("text must be non-empty")
    too_long = len(given.get("html") or given.get("markdown") or "") > 32_768
    return Content("rich", {"rich_message": {"blocks": blocks}}, refuse("message is too long") if too_long else None)
