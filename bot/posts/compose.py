"""A post becomes a Bot API call: one rendering per language and kind of target, the same bytes for everybody.

Pure: preview, channel copy and fan-out all come from here. Text travels as text and entities, never as markup,
so nothing that a feed or an editor writes can break a message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from bot.domain.article import Section
from bot.domain.post import Post, PostKind, Rendering, RichText, Target
from bot.i18n import Lang, mark
from bot.posts.hashtags import hashtag
from bot.posts.links import is_http, with_utm
from bot.posts.notes import corrected, language_of, marked, withdrawn
from bot.posts.richtext import MAX_ENTITIES, bold, clip, concat, join, link, ordered, plain, strip, styled, units

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
MAX_TAGS = 4
_FOOTER_LIMIT = 256
_NAME_LIMIT = 64
_LIST_HEADLINE_LIMIT = 200
_LAST_TIME = 2**31 - 1  # Telegram's times are 32-bit
_MORE_ROOM = 40  # for «ещё 12 345 →» in any language
_LONE = re.compile("[\ud800-\udfff]")
_METHODS = {"photo": "sendPhoto", "video": "sendVideo", "document": "sendDocument"}
_PREVIEWS: Mapping[str, dict[str, bool]] = {
    "preview-above": {"prefer_large_media": True, "show_above_text": True},
    "preview-below": {"prefer_large_media": True},
    "preview-small": {"prefer_small_media": True},
    "photo": {"prefer_large_media": True, "show_above_text": True},
}


_NOTHING = RichText()

LABELS = {
    "partner": mark("Partner content"),
    "politics": mark("PR content"),
    "ad": mark("Advertising"),
}
"""What has to be said of material that somebody else wants published, by `Post.label` and `Section.kind`, in the words
of order no. 59-НҚ of 16.02.2024. It stands first, and no setting takes it away."""


@dataclass(frozen=True, slots=True)
class PostStyle:
    """How posts look: the `[posts]` table of the configuration, its defaults included."""

    picture: str = "preview-above"
    order: tuple[str, ...] = ("headline", "lead", "link", "tags", "time")
    footer: str = ""
    utm: str = ""
    buttons: tuple[str, ...] = ("more",)


@dataclass(frozen=True, slots=True)
class _Frame:
    """What every piece of a post needs to know."""

    t: Lang
    sections: Sequence[Section]
    style: PostStyle
    zone: ZoneInfo
    newsroom: str

    def of(self, post: Post) -> list[Section]:
        """The post's sections in the order of the buttons."""
        return [section for section in self.sections if section.mask & post.sections]

    def url(self, post: Post) -> str:
        """The article's address with campaign parameters; "" when it is none that Telegram would link."""
        section = next((section.id for section in self.of(post)), "")
        return with_utm(post.link, self.style.utm, section=section) if is_http(post.link) else ""


def compose(
    post: Post,
    *,
    lang: Lang,
    sections: Sequence[Section],
    style: PostStyle,
    zone: ZoneInfo,
    newsroom: str,
    target: Target = Target.PRIVATE,
    keyboard: dict[str, Any] | None = None,
) -> Rendering:
    """The call that sends this post in that language, without its recipient.

    `sections` are all sections in the order of the buttons. Whatever the post lacks leaves no trace; whatever is
    too long is clipped at a word, the lead first. The post itself is never longer than Telegram takes, in code
    points and in UTF-16 units. Without a `keyboard` the post has the buttons of its style; in a channel only buttons
    with an address are kept: others speak to subscribers.
    """
    frame = _Frame(lang, sections, style, zone, newsroom)
    method, media = _media(post, style)
    limit = CAPTION_LIMIT if media else TEXT_LIMIT
    sign = RichText(label(post, sections, lang))
    limit -= units(sign.text) + 1 if sign else 0
    if _edited(post):
        text, preview = _editors(post, frame, limit), _editors_preview(post, frame)
    else:
        text, preview = _article(post, frame, limit), frame.url(post)
    keyboard = keyboard or post_keyboard(post, style, lang)
    call = _call(method, media, join("\n", [sign, text]), _preview(preview, style), _keyboard(keyboard, target))
    return Rendering(call.method, {**call.payload, "disable_notification": True}) if post.silent else call


def label(post: Post, sections: Iterable[Section], t: Lang) -> str:
    """What has to be said of paid material; "" for a newsroom's own."""
    kinds = [post.label, *(section.kind for section in sections if section.mask & post.sections)]
    return next((t(LABELS[kind]) for kind in kinds if kind in LABELS), "")


def _edited(post: Post) -> bool:
    """Whether an editor has written it, rather than the feed."""
    return bool(post.texts) or post.kind is PostKind.BREAKING


def post_keyboard(post: Post, style: PostStyle, t: Lang, *, saved: bool = False) -> dict[str, Any] | None:
    """The buttons under an article's post, the same for every reader until one is pressed; None for none.

    Breaking news, corrections and a post that is not stored yet have none; a partner's has the way out of such posts.
    """
    if post.kind is PostKind.PROMO and post.id:
        return {"inline_keyboard": [[{"text": t("🚫 No partner posts"), "callback_data": "ads:0:post"}]]}
    if post.kind not in (PostKind.ARTICLE, PostKind.WRITTEN) or not post.id:
        return None
    article = post.kind is PostKind.ARTICLE
    known = {
        **({"read": {"text": t("📖 Read here"), "callback_data": f"read:{post.id}"}} if article else {}),
        "save": {"text": "🔖 ✓" if saved else "🔖", "callback_data": f"save:{post.id}:{int(not saved)}"},
        "more": {"text": "⋯", "callback_data": f"more:{post.id}:1"},
    }
    row = [known[name] for name in known if name in style.buttons]
    return {"inline_keyboard": [row]} if row else None


def compose_list(
    posts: Sequence[Post],
    *,
    lang: Lang,
    sections: Sequence[Section],
    style: PostStyle,
    zone: ZoneInfo,
    newsroom: str,
    title: str,
    more_url: str = "",
    foot: RichText = _NOTHING,
    target: Target = Target.PRIVATE,
    keyboard: dict[str, Any] | None = None,
) -> Rendering:
    """Several posts as one message: linked headlines by section, in the order given within each.

    A post stands once, under the first of its sections. What does not fit is counted in a last line «ещё 3 →»,
    which leads to `more_url` when there is one. `foot` is the last paragraph.
    """
    frame = _Frame(lang, sections, style, zone, newsroom)
    head = clip(strip(plain(title)), TEXT_LIMIT // 4)
    lines = _list_lines(posts, frame)
    shown = _fitting(concat(head, "\n\n", foot), lines)
    kept = lines[:shown]
    if kept and shown < len(lines) and not kept[-1].is_post:
        kept.pop()  # a heading that lost all its headlines
    more = _more(sum(line.is_post for line in lines[shown:]), lang, more_url)
    text = join("\n", [head, *(line.text for line in kept), more, concat("\n", foot) if foot else foot])
    return _call("sendMessage", {}, strip(text), {"is_disabled": True}, _keyboard(keyboard, target))


def notice(reason: Mapping[str, str], *, lang: Lang) -> Rendering:
    """The call that puts the notice of a withdrawal in place of a post."""
    return _call("sendMessage", {}, withdrawn(reason, lang), {"is_disabled": True}, None)


def amendment(rendering: Rendering) -> Rendering:
    """The call that makes a sent message say what this one would: of a picture only the words change."""
    payload = words_of(rendering)
    if rendering.method == "sendMessage":
        return Rendering("editMessageText", {k: v for k, v in payload.items() if k != "disable_notification"})
    kept = ("caption", "caption_entities", "reply_markup")
    return Rendering("editMessageCaption", {name: payload[name] for name in kept if name in payload})


def words_of(rendering: Rendering) -> dict[str, Any]:
    """The fields that hold what a call says; an album's are those of its first file."""
    return rendering.payload["media"][0] if rendering.method == "sendMediaGroup" else rendering.payload


def otherwise(edit: Rendering, refusal: str) -> Rendering | None:
    """The form to try after an edit was refused: the other method where the copy has a caption instead of a text (or
    the other way round), else without formatting; None when nothing else can help."""
    payload = edit.payload
    keyboard = payload.get("reply_markup")
    if edit.method == "editMessageText" and "there is no text in the message" in refusal:
        text = clip(RichText(payload["text"], tuple(payload.get("entities", ()))), CAPTION_LIMIT)
        return amendment(_call("sendPhoto", {"photo": ""}, text, {}, keyboard))
    if edit.method == "editMessageCaption" and "there is no caption in the message" in refusal:
        text = RichText(payload.get("caption", ""), tuple(payload.get("caption_entities", ())))
        return amendment(_call("sendMessage", {}, text, {"is_disabled": True}, keyboard))
    plainer = {name: value for name, value in payload.items() if name not in ("entities", "caption_entities")}
    hopeless = any(words in refusal for words in _HOPELESS)
    return Rendering(edit.method, plainer) if plainer != payload and not hopeless else None


_HOPELESS = ("message to edit not found", "message can't be edited", "message is not modified")


def encode(rendering: Rendering) -> bytes:
    """The body of the call as UTF-8 JSON without its closing brace: a sender appends `,"chat_id":…}`."""
    return json.dumps(rendering.payload, ensure_ascii=False, separators=(",", ":")).encode()[:-1]


def headline(post: Post, t: Lang, sections: Iterable[Section] = ()) -> RichText:
    """One line that stands for the post in lists: its title, else the beginning of what it has to say. The `sections`
    of the newsroom tell whether it is labelled.
    """
    said = _line(post.title) or _line(_first_line(post.lead)) or _line(_first_line(editors_text(post, t).text))
    sign = label(post, sections, t)
    return clip(concat(f"{sign}: " if sign else "", said or plain(t("News"))), _LIST_HEADLINE_LIMIT)


def editors_text(post: Post, t: Lang) -> RichText:
    """What the editor wrote in that language, else in the newsroom's first one, else in any there is."""
    return post.texts.get(language_of(post.texts, t.code, t.default), RichText())


def _article(post: Post, frame: _Frame, limit: int) -> RichText:
    """Small pieces are laid out first; what they leave is shared by headline and lead."""
    order = _with_notes(tuple(dict.fromkeys(frame.style.order)), post.kind)
    pieces = {name: _PIECES[name](post, frame) for name in order if name in _PIECES}
    title = _line(post.title) if "headline" in order else RichText()
    lead = join("\n", map(_line, post.lead.split("\n"))) if "lead" in order else RichText()
    footer = clip(strip(plain(frame.style.footer)), _FOOTER_LIMIT)
    room = limit - units(_layout(order, pieces, footer).text) - 2 * len(_GAP)
    title = clip(title, max(room // 2, room - units(lead.text)))
    lead = clip(lead, room - units(title.text))
    if "link" not in order:
        title = link(title, frame.url(post))
    text = _layout(order, {**pieces, "headline": bold(title), "lead": lead}, footer)
    return text or _line(frame.newsroom) or plain(frame.t("News"))


def _with_notes(order: Sequence[str], kind: PostKind) -> tuple[str, ...]:
    """What was wrong stands behind the text; the message that tells of it begins with it."""
    last = 0 if kind is PostKind.CORRECTION else max((order.index(n) + 1 for n in _TEXT if n in order), default=0)
    return (*order[:last], "notes", *order[last:])


_TEXT = ("headline", "lead")
_GAP = "\n\n"


def _layout(order: Sequence[str], pieces: Mapping[str, RichText], footer: RichText) -> RichText:
    """Headline, lead and footer are paragraphs; neighbours among link, tags and time share one.

    In a shared paragraph the link has its own line, and tags and time stand on one.
    """
    paragraphs: list[RichText] = []
    block = RichText()
    previous = ""
    for name in (*order, "footer"):
        piece = pieces.get(name, RichText())
        if name in (*_TEXT, "notes", "footer"):
            paragraphs += [block, piece]
            block = RichText()
        elif piece:
            block = join(" · " if {previous, name} <= {"tags", "time"} else "\n", [block, piece])
            previous = name
    return join(_GAP, [*paragraphs, footer])


def _link(post: Post, frame: _Frame) -> RichText:
    t, name = frame.t, clip(_line(frame.newsroom), _NAME_LIMIT).text
    url = frame.url(post)
    return link(t("Read on {newsroom}", newsroom=name) if name else t("Read in full"), url) if url else RichText()


def _tags(post: Post, frame: _Frame) -> RichText:
    tags = dict.fromkeys(hashtag(section.name(frame.t.code)) for section in frame.of(post))
    return plain(" ".join(list(filter(None, tags))[:MAX_TAGS]))


def _time(post: Post, frame: _Frame) -> RichText:
    """The reader's client shows its own zone and language; older ones show the text, in the newsroom's zone."""
    when = post.published_at
    if when is None or not 0 < when <= _LAST_TIME:
        return RichText()
    return styled(frame.t.datetime(when, frame.zone), "date_time", unix_time=when, date_time_format="Dt")


def _notes(post: Post, frame: _Frame) -> RichText:
    return corrected(post, frame.t, frame.zone)


_PIECES: Mapping[str, Callable[[Post, _Frame], RichText]] = {
    "link": _link,
    "tags": _tags,
    "time": _time,
    "notes": _notes,
}


def _editors(post: Post, frame: _Frame, limit: int) -> RichText:
    """The editor's text as it was formatted, after «🔴 СРОЧНО.» where it is that; then what was wrong in it, link and
    tags.
    """
    t = frame.t
    order = tuple(name for name in dict.fromkeys(frame.style.order) if name in ("link", "tags"))
    pieces = {name: _PIECES[name](post, frame) for name in order}
    written = strip(_sound(editors_text(post, t)))
    block = any(entity["offset"] == 0 and entity["type"] in _BLOCKS for entity in written.entities)
    breaking = concat("🔴 ", bold(t("BREAKING.")), "\n" if block else " ")
    opening = breaking if post.kind is PostKind.BREAKING else RichText()
    tail, notes = _layout(order, pieces, RichText()), _notes(post, frame)
    room = limit - sum(units(piece.text) + len(_GAP) for piece in (opening, notes, tail) if piece)
    text = concat(opening, clip(written, room))
    return strip(join(_GAP, [notes, text, tail] if post.kind is PostKind.CORRECTION else [text, notes, tail]))


_BLOCKS = ("blockquote", "expandable_blockquote", "pre")


def _sound(rich: RichText) -> RichText:
    """An editor's text without lone halves of surrogate pairs, which no JSON body may hold; offsets stay.

    Two entities are left to the opening and the link.
    """
    return RichText(_LONE.sub("\ufffd", rich.text), ordered(rich.entities)[: MAX_ENTITIES - 2])


def _editors_preview(post: Post, frame: _Frame) -> str:
    """The address the editor gave, never a bare word such as Liter.kz that Telegram takes for one."""
    if post.link:
        return frame.url(post)
    written = _sound(editors_text(post, frame.t))
    text = written.text.encode("utf-16-le")
    for entity in written.entities:
        start, end = 2 * entity["offset"], 2 * (entity["offset"] + entity["length"])
        url = str(entity.get("url") or text[start:end].decode("utf-16-le", "ignore"))
        if entity["type"] in ("text_link", "url") and is_http(url):
            return url
    return ""


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a list: a headline, or the heading above some."""

    text: RichText
    is_post: bool = True


def _list_lines(posts: Sequence[Post], frame: _Frame) -> list[_Line]:
    """Headings and headlines, in the order of the buttons; stories without a section come last."""
    groups: dict[str, list[Post]] = {section.name(frame.t.code): [] for section in frame.sections}
    for post in posts:
        name = next((section.name(frame.t.code) for section in frame.of(post)), frame.t("Other news"))
        groups.setdefault(name, []).append(post)
    lines: list[_Line] = []
    for name, members in groups.items():
        if members:
            lines.append(_Line(concat("\n", bold(clip(_line(name), _NAME_LIMIT))), is_post=False))
            lines += [_Line(concat("• ", _entry(post, frame))) for post in members]
    return lines


def _entry(post: Post, frame: _Frame) -> RichText:
    return marked(link(headline(post, frame.t, frame.sections), frame.url(post)), post, frame.t, frame.zone)


def _fitting(head: RichText, lines: Sequence[_Line]) -> int:
    """How many lines go below the head and above «ещё 3 →»."""
    size, marks = units(head.text) + _MORE_ROOM, 1
    for n, line in enumerate(lines):
        size += 1 + units(line.text.text)
        marks += len(line.text.entities)
        if size > TEXT_LIMIT or marks > MAX_ENTITIES:
            return n
    return len(lines)


def _more(n: int, t: Lang, url: str) -> RichText:
    return concat("\n", link(t.n("{n} more →", "{n} more →", n), url)) if n else RichText()


def _media(post: Post, style: PostStyle) -> tuple[str, dict[str, Any]]:
    """The method and what it carries: the editor's own files, or the article's picture where the style asks."""
    if _edited(post) or style.picture == "photo":
        if post.album:
            return "sendMediaGroup", {"media": [{"type": kind, "media": file_id} for kind, file_id in post.album]}
        if post.media_kind == "copy":
            chat_id, message_id = map(int, post.media.split("/"))
            return "copyMessage", {"from_chat_id": chat_id, "message_id": message_id}
        if post.media and post.media_kind in _METHODS:
            return _METHODS[post.media_kind], {post.media_kind: post.media}
        if is_http(post.image):
            return "sendPhoto", {"photo": post.image}
    return "sendMessage", {}


def _preview(url: str, style: PostStyle) -> dict[str, Any]:
    """Always explicit: otherwise Telegram previews the first address it finds in the text."""
    look = _PREVIEWS.get(style.picture)
    return {"url": url, **look} if url and look else {"is_disabled": True}


def _keyboard(keyboard: dict[str, Any] | None, target: Target) -> dict[str, Any] | None:
    if keyboard is None or target is Target.PRIVATE:
        return keyboard
    rows = [[button for button in row if "url" in button] for row in keyboard.get("inline_keyboard", ())]
    rows = list(filter(None, rows))
    return {"inline_keyboard": rows} if rows else None


def _call(
    method: str, media: dict[str, Any], text: RichText, preview: dict[str, Any], keyboard: dict[str, Any] | None
) -> Rendering:
    """Text or caption, and only the fields that say something. An album's words stand below its first file, and it can
    have no buttons."""
    words, entities = ("caption", "caption_entities") if media else ("text", "entities")
    said: dict[str, Any] = {words: text.text} | ({entities: list(text.entities)} if text.entities else {})
    if method == "sendMediaGroup":
        first, *others = media["media"]
        return Rendering(method, {"media": [first | said, *others]})
    payload: dict[str, Any] = {**media, **said}
    if not media:
        payload["link_preview_options"] = preview
    if keyboard is not None:
        payload["reply_markup"] = keyboard
    return Rendering(method, payload)


def _line(text: str) -> RichText:
    """One line of foreign text; nothing when it holds no sign that shows."""
    words = " ".join(plain(text).text.split())
    return RichText(words) if any(char.isprintable() and char != " " for char in words) else RichText()


def _first_line(text: str) -> str:
    return text.strip().split("\n", 1)[0]
