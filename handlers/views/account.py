"""The screens about a reader as such: language, pause, sharing, data, farewell."""

from __future__ import annotations

from aiogram.types import InlineKeyboardButton

from bot.domain.post import RichText
from bot.domain.reader import Reader
from bot.posts.links import deep_link, is_http, share_link
from bot.posts.richtext import bold, concat, join, link
from handlers.context import Context
from handlers.keyboards import ERASE, EXPORT, PAUSE, button, keyboard, language_buttons, rows
from handlers.subscriptions import chosen
from handlers.views.choices import Screen, back

PAUSES = (1, 7, 30)  # days
_SHARED = "share"  # the source of readers who come by a link that a reader passed on


def language_screen(ctx: Context, reader: Reader) -> Screen:
    """All languages, asked for in each of them."""
    text = bold(" · ".join(t("Choose your language") for t in ctx.words))
    t = ctx.words[reader.language]
    return text, keyboard(
        language_buttons(ctx, reader.language, "language", all_=True),
        back(t),
    )


def pause_screen(ctx: Context, reader: Reader) -> Screen:
    """For how long nothing shall come, breaking news included."""
    t = ctx.words[reader.language]
    text = join("\n", [bold(t("Pause")), t("For how long? Nothing will come, not even breaking news.")])
    lengths = [button(t.n("{n} day", "{n} days", days), PAUSE.pack(days=days)) for days in PAUSES]
    return text, keyboard(lengths, back(t))


def privacy_screen(ctx: Context, reader: Reader) -> Screen:
    """What is kept, and the ways to take it along or have it forgotten."""
    t = ctx.words[reader.language]
    url = ctx.settings.newsroom.privacy_url
    lines: list[str | RichText] = [
        bold(t("Your data")),
        t(
            "We keep: chat number, language, your choices and words, what you saved, what we sent you and, for a short"
            " time, what you wrote here and under which name."
        ),
        t("We don't keep: phone number, the history of conversations."),
    ]
    return join("\n", lines), keyboard(
        [button(t("Download my data"), EXPORT.pack())],
        [button(t("Delete everything"), ERASE.pack(sure=False), "danger")],
        [InlineKeyboardButton(text=t("Privacy policy"), url=url)] if is_http(url) else [],
        back(t),
    )


def goodbye_screen(ctx: Context, reader: Reader) -> Screen:
    """What an unsubscribed reader can still do."""
    t = ctx.words[reader.language]
    text = t(
        "You are unsubscribed from everything. Your choices are kept — come back: /start. Or delete your data now:"
    )
    return join("", [text]), keyboard([button(t("Delete"), ERASE.pack(sure=False))])


def share_screen(ctx: Context, reader: Reader) -> Screen:
    """Links to pass on: to the bot and to each section of the reader's, which subscribe at once."""
    t = ctx.words[reader.language]
    own = deep_link(ctx.username, f"s_{_SHARED}")
    sections = [
        (section.name(t.code), deep_link(ctx.username, f"{section.id}__{_SHARED}")) for section in chosen(ctx, reader)
    ]
    lines: list[str | RichText] = [
        bold(t("Share")),
        own,
        t("These subscribe to one section at once:") if sections else "",
        *(concat("• ", link(name, url)) for name, url in sections),
    ]
    words = t("News of {newsroom} — only the sections you choose.", newsroom=ctx.newsroom)
    return join("\n", lines), keyboard(
        [InlineKeyboardButton(text=t("Share the bot"), url=share_link(own, words))],
        *rows(
            [InlineKeyboardButton(text=name, url=share_link(url, f"{ctx.newsroom}: {name}")) for name, url in sections],
            2,
        ),
        back(t),
    )
