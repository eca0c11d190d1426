"""What a call wants to say, read from its parameters: text, media, album items.

An error found here comes before any look at the chat, as with Telegram; length and emptiness after parsing are
kept in `Content.late`, because Telegram reports them only after the chat's own refusals.
"""

from __future__ import annotations

import functools
import json
import re
from typing import Any
from urllib.parse import urlsplit

from .model import ApiError, Content, File, Json, Params, Uploads, refuse, require, to_bool
from .text import TextError, What, finish, read_text

MAX_TEXT, MAX_CAPTION = 4096, 1024
MAX_RICH, MAX_BLOCKS = 32_768, 500
_LIMITS = {"Photo": (10_485_760, 5_242_880), "Video": (52_428_800, 20_971_520), "Document": (52_428_800, 20_971_520)}
_PHOTO_NAMES = (".jpg", ".jpeg", ".gif", ".png", ".tif", ".bmp")
_MIMES = {"Photo": "image/jpeg", "Video": "video/mp4", "Document": "application/octet-stream"}
_NESTED: dict[str, tuple[str, type, str]] = {  # parameter -> (its name in refusals, its shape, the other refusal)
    "reply_parameters": ("reply parameters", dict, "object expected as reply parameters"),
    "link_preview_options": ("link preview options", dict, "object expected as link preview options"),
    "rich_message": ("rich message", dict, "object expected as rich message"),
    "media": ("media", list, "expected an Array of InputMedia"),
    "results": ("inline query results", list, "expected an Array of inline query results"),
    "commands": ("commands", list, "expected an Array of BotCommand"),
    "scope": ("BotCommandScope", dict, "can't parse BotCommandScope: expected an Object"),
}


def decoded(value: Any) -> Any:
    """A nested parameter: JSON text in a form, possibly an object already in a JSON body. Raises ValueError."""
    return json.loads(value) if isinstance(value, str) else value


def nested(p: Params, name: str) -> Any:
    """A parameter that must be an object or an array; an absent one is empty."""
    said, shape, otherwise = _NESTED[name]
    try:
        found = decoded(p[name]) if p.get(name) else shape()
    except ValueError:
        raise refuse(f"can't parse {said} JSON object") from None
    require(isinstance(found, shape), otherwise)
    return found


@functools.lru_cache(maxsize=256)
def _format(text: str, mode: str, entities: str, limit: int) -> tuple[str, list[Json], str | None]:
    """Text, entities, and what is wrong with them in Telegram's second look, after the chat checks."""
    what: What = "message" if limit == MAX_TEXT else "message caption"
    parsed = read_text(text, parse_mode=mode, entities=entities, what=what)
    try:
        said, found = finish(*parsed, limit=limit, what=what)
    except TextError as error:
        return "", [], error.description
    return said, [entity.to_json() for entity in found], None


def _formatted(p: Params, name: str, limit: int, entities: str) -> tuple[Json, ApiError | None]:
    """A text with its entities as Message fields, and the error to raise after the chat checks."""
    listed = p.get(entities) or "[]"
    given = listed if isinstance(listed, str) else json.dumps(listed)
    try:
        said, found, late = _format(str(p[name]), str(p.get("parse_mode") or ""), given, limit)
    except TextError as error:
        raise refuse(error.description) from None
    fields: Json = {name: said, entities: found}
    return {name: value for name, value in fields.items() if value}, refuse(late) if late else None


def text_content(p: Params) -> Content:
    """What sendMessage and editMessageText carry."""
    preview = nested(p, "link_preview_options")
    require(p.get("text"), "message text is empty")
    fields, late = _formatted(p, "text", MAX_TEXT, "entities")
    return Content("text", {**fields, "link_preview_options": preview} if preview else fields, late)


def rich_content(p: Params) -> Content:
    """What sendRichMessage carries: blocks of text, of the kinds that the bot sends."""
    rich = nested(p, "rich_message")
    given = [name for name in ("html", "markdown", "blocks") if rich.get(name)]
    require(given == ["blocks"], "stand-in: a rich message is known by its blocks only")
    texts, found = _read_blocks(rich["blocks"])
    require(found <= MAX_BLOCKS, "too many blocks in the rich message")
    require(texts.strip(), "message text is empty")
    require(len(texts) <= MAX_RICH, "rich message is too long")
    return Content("rich", {"rich_message": {"blocks": rich["blocks"]}})


def _read_blocks(blocks: Any) -> tuple[str, int]:
    """(all their texts, how many blocks they are)."""
    require(isinstance(blocks, list), "can't parse rich message: expected an Array of InputRichBlock")
    texts, found = "", len(blocks)
    for block in blocks:
        kind = block.get("type") if isinstance(block, dict) else None
        require(kind in ("paragraph", "heading", "footer", "blockquote"), f"stand-in: unknown rich block {kind!r}")
        require(kind != "heading" or block.get("size") in range(1, 7), "invalid size of a heading specified")
        inner = _read_blocks(block.get("blocks")) if kind == "blockquote" else (_read_rich(block.get("text")), 0)
        texts, found = texts + inner[0] + _read_rich(block.get("credit", "")), found + inner[1]
    return texts, found


def _read_rich(text: Any) -> str:
    if isinstance(text, list):
        return "".join(map(_read_rich, text))
    return _read_rich(text.get("text")) if isinstance(text, dict) else str(text or "")


def caption_content(p: Params) -> Content:
    """`caption`, `caption_entities` and `show_caption_above_media`, as far as they are given."""
    if not p.get("caption"):
        return Content("caption", {})
    fields, late = _formatted(p, "caption", MAX_CAPTION, "caption_entities")
    if fields and to_bool(p.get("show_caption_above_media")):
        fields["show_caption_above_media"] = True
    return Content("caption", fields, late)


class Files:
    """Finds the file that a parameter means: an upload, a known file_id, or a registered web address."""

    def __init__(self, known: dict[str, File], web: dict[str, bytes], uploads: Uploads) -> None:
        self.known, self.web, self.uploads = known, web, uploads

    def get(self, value: Any, field: str, kind: str) -> File:
        """The file; raises Telegram's refusals of missing, foreign, unreachable or unfit files."""
        if isinstance(value, str) and value.startswith("attach://"):
            field, value = value.removeprefix("attach://"), None
        if field in self.uploads and not value:
            return self._upload(*self.uploads[field], kind)
        require(value, f"there is no {kind.lower()} in the request")
        find = self._from_web if re.match(r"https?://", str(value)) else self._by_id
        return find(str(value), kind)

    def _upload(self, name: str, data: bytes, kind: str) -> File:
        require(data, "file must be non-empty")
        most = _LIMITS[kind][0]
        words = f"file of size {len(data)} bytes is too big for a {kind.lower()}; the maximum size is {most} bytes"
        require(len(data) <= most, words)
        suffix = re.search(r"\.\w+$", name.lower()) if kind == "Photo" else None
        words = f"photo has unsupported extension. Use one of {', '.join(_PHOTO_NAMES[:-1])} or .bmp"
        require(not suffix or suffix[0] in _PHOTO_NAMES, words)
        return new_file(kind, data, name)

    def _from_web(self, url: str, kind: str) -> File:
        require("." in (urlsplit(url).hostname or ""), "wrong HTTP URL specified")
        data = self.web.get(url)
        if data is None or len(data) > _LIMITS[kind][1]:
            raise refuse("failed to get HTTP URL content")
        require(data and data.lstrip()[:1] != b"<", "wrong type of the web page content")
        return new_file(kind, data, url.rsplit("/", 1)[-1] or "file")

    def _by_id(self, file_id: str, kind: str) -> File:
        file = self.known.get(file_id)
        if file is None:
            looks_right = re.fullmatch(r"(?:AgAC|BAAC|BQAC)[\w-]{36,}", file_id)
            require(not looks_right, "wrong file identifier/HTTP URL specified")
            reason = "Wrong padding length" if len(file_id) % 4 == 1 else "can't unserialize it. Wrong last symbol"
            raise refuse(f"wrong remote file identifier specified: {reason}")
        require(file.kind == kind, f"can't use file of type {file.kind} as {kind}")
        return file


def new_file(kind: str, data: bytes, name: str) -> File:
    """A stored file; a photo must be an image whose size Telegram takes."""
    if kind != "Photo":
        mime = "application/pdf" if name.lower().endswith(".pdf") else _MIMES[kind]
        return File(kind, data, name, mime, *((640, 360) if kind == "Video" else (0, 0)))
    size = image_size(data)
    if size is None:
        raise refuse("IMAGE_PROCESS_FAILED")
    require(sum(size) <= 10_000 and max(size) <= 20 * min(size), "PHOTO_INVALID_DIMENSIONS")
    return File(kind, data, name, "image/png" if data.startswith(b"\x89PNG") else "image/jpeg", *size)


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
    if file.kind != "Photo":
        keep.setdefault(file.file_id, file)
        return {file.kind.lower(): file.to_json()}
    sizes = [file]
    for box in (800, 320, 90):
        scale = box / max(file.width, file.height)
        if scale < 1:
            small = (max(1, round(file.width * scale)), max(1, round(file.height * scale)))
            sizes.insert(0, File("Photo", file.data, file.name, file.mime, *small))
    for size in sizes:
        keep.setdefault(size.file_id, size)
    fields: Json = {"photo": [size.to_json() for size in sizes]}
    return {**fields, "has_media_spoiler": True} if spoiler else fields


def sent_media(p: Params, files: Files, kind: str) -> Content:
    """What sendPhoto, sendVideo and sendDocument carry."""
    file = files.get(p.get(kind), kind, kind.capitalize())
    caption = caption_content(p)
    shown = media_fields(file, files.known, spoiler=to_bool(p.get("has_spoiler")))
    return Content(kind, {**shown, **caption.fields}, caption.late)


def _input_media(raw: Any, files: Files) -> Content:
    require(isinstance(raw, dict), "can't parse InputMedia: expected an Object")
    fits = raw.get("type") in ("photo", "video", "document")
    require(fits, "can't parse InputMedia: type must be photo, video or document here")
    require(raw.get("media"), "can't parse InputMedia: media not found")
    return sent_media({**raw, raw["type"]: raw["media"]}, files, raw["type"])


def album(p: Params, files: Files) -> list[Content]:
    """The items of sendMediaGroup."""
    require(p.get("media"), 'parameter "media" is required')
    items = nested(p, "media")
    require(len(items) <= 10, "too many messages to send as an album")
    require(items, "there are no messages to send")
    animated = any(isinstance(item, dict) and item.get("type") == "animation" for item in items)
    require(not animated, "can't parse InputMedia: type \"animation\" can't be used in sendMediaGroup")
    contents = [_input_media(item, files) for item in items]
    mixed = len({content.kind == "document" for content in contents}) > 1
    require(not mixed, "Document can't be mixed with other media types")
    return contents
