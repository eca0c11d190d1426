"""What editors write: a message of theirs is a draft, shown as readers would get it before anything goes out.

    message, forward, link or /breaking → draft → (which way?) → exact preview → card          (handlers/draftcard.py)

Drafts live in storage. In the desk's group only commands and replies to the bot are heard; whatever else is said there
is a conversation.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aiogram import Bot, F, Router
from aiogram.enums import ChatType, ContentType
from aiogram.filters import Command, Filter
from aiogram.types import CallbackQuery, ForceReply, InlineKeyboardMarkup, Message

from bot.desk import drafts
from bot.domain.desk import Content, Draft, DraftState, Way
from bot.domain.post import RichText
from bot.domain.reader import Reader
from bot.feeds.parse import item_language
from bot.i18n import Lang
from bot.posts.links import is_http
from bot.posts.richtext import bold, join
from handlers import draftcard, draftpress, screen
from handlers.context import Context
from handlers.keyboards import CLIENT, Callback, button, keyboard
from handlers.middleware import author, said_to_us
from handlers.search import answer_with_articles
from handlers.subscriptions import met

router = Router(name="newsroom")
plain = Router(name="newsroom plain")
"""What editors say without a command, when it is no answer to anything else."""

WAY = Callback("way", to=str, id=int)
_MEDIA = (ContentType.PHOTO, ContentType.VIDEO, ContentType.DOCUMENT)


class OfDraft(Filter):
    """Lets an editor's message through that goes on with a draft, and hands the draft over."""

    async def __call__(self, message: Message, ctx: Context) -> bool | dict[str, Any]:
        """See the class."""
        draft = await current(message, ctx)
        if draft is None or not (said_to_us(message) or _more_of(message, draft)):
            return False
        shown = draft.content.way is Way.OPEN and bool(draft.content.text)  # a new message is another matter then
        return False if shown and not _more_of(message, draft) else {"draft": draft}


async def current(message: Message, ctx: Context) -> Draft | None:
    """The draft on which this editor works here."""
    return await ctx.storage.drafts.current(author(message), message.chat.id, since=ctx.now - drafts.OPEN_SECONDS)


def _more_of(message: Message, draft: Draft) -> bool:
    return message.media_group_id is not None and message.media_group_id == draft.content.album


# From a message to its draft ----------------------------------------------------------------------------------


@router.message(Command("breaking", ignore_case=True))
async def breaking(message: Message, ctx: Context, reader: Reader | None, t: Lang, bot: Bot) -> None:
    """`/breaking` asks for the text, `/breaking TEXT` (also as a caption) has it."""
    await _begin(message, Way.BREAKING, ctx, reader, t, bot)


@router.message(Command("promo", ignore_case=True))
async def partners(message: Message, ctx: Context, reader: Reader | None, t: Lang, bot: Bot) -> None:
    """`/promo` asks for a partner's post, `/promo TEXT` (also as a caption) has it."""
    await _begin(message, Way.PROMO, ctx, reader, t, bot)


@router.message(Command("cancel", ignore_case=True))
async def cancel(message: Message, ctx: Context, t: Lang, bot: Bot) -> None:
    """Forget a question, else give the open draft up."""
    if await ctx.storage.drafts.awaited(author(message), message.chat.id, now=ctx.now):
        await ctx.storage.drafts.expect(author(message), message.chat.id, None, until=0)
        await screen.reply(message, t("Well, it stays as it is."))
        return
    draft = await current(message, ctx)
    if draft and await ctx.storage.drafts.drop(draft.id):
        await draftcard.retire(bot, draft)
        await draftcard.log(ctx, author(message), "breaking dropped", draft.id)
        await screen.reply(message, t("The draft is dropped, nobody got it."))
    else:
        await screen.reply(message, t("No draft is open. Begin one: /breaking"))


@plain.message(OfDraft())
async def goes_on(message: Message, draft: Draft, ctx: Context, t: Lang, bot: Bot) -> None:
    """The awaited words, new ones while the preview is open, or more files of an album."""
    await _take(message, draft, ctx, t, bot)


@plain.message(said_to_us, F.content_type.in_((ContentType.TEXT, *_MEDIA)))
async def written(message: Message, ctx: Context, reader: Reader | None, t: Lang, bot: Bot) -> None:
    """Anything else that an editor says is a draft whose way is to be chosen."""
    await _begin(message, Way.OPEN, ctx, reader, t, bot)


async def _begin(message: Message, way: Way, ctx: Context, reader: Reader | None, t: Lang, bot: Bot) -> None:
    if message.chat.type == ChatType.PRIVATE:
        await met(ctx, reader, message, t)  # cards speak the language of whoever is behind the chat
    if older := await current(message, ctx):
        await draftcard.retire(bot, older)
    draft = await ctx.storage.drafts.begin(
        author(message),
        message.chat.id,
        Content(way=way, language=ctx.words.default.code),
        DraftState.COMPOSE,
        thread_id=screen.thread_of(message) or 0,
        now=ctx.now,
    )
    if way is Way.OPEN or message.content_type in _MEDIA or draftcard.words_in(message, command=True):
        await _take(message, draft, ctx, t, bot)
    else:
        asks = None if message.chat.type == ChatType.PRIVATE else ForceReply(selective=True)
        await screen.reply(message, *_request(t, way, asks))


def _request(t: Lang, way: Way, asks: ForceReply | None) -> tuple[RichText, InlineKeyboardMarkup | ForceReply | None]:
    if way is Way.PROMO:
        how = t(
            "Text, picture or video, as the partner has sent it. The label that the law wants is put above it. Readers"
            " get one such post a day at most."
        )
        text = join("\n", [bold(t("✍️ Send the partner's post")), how, t("Leave: /cancel")])
        return text, asks or keyboard([button(t("📊 Figures of earlier ones"), CLIENT.pack(act="list", id=0))])
    how = t(
        "First line is the headline (up to 120 characters), then 1–3 sentences. Add a picture or video if you like. Or"
        " a link to an article of ours."
    )
    return join("\n", [bold(t("✍️ Send the breaking story")), how, t("Leave: /cancel")]), asks


def file_of(message: Message) -> tuple[tuple[str, str], ...]:
    """The file and its kind, as Telegram's sends name it."""
    match message.content_type:
        case ContentType.PHOTO if message.photo:
            return (("photo", message.photo[-1].file_id),)
        case ContentType.VIDEO if message.video:
            return (("video", message.video.file_id),)
        case ContentType.DOCUMENT if message.document:
            return (("document", message.document.file_id),)
    return ()


async def _article(message: Message, words: RichText, before: Content, ctx: Context) -> Content | None:
    """The article of ours to which the message is nothing but a link, or whose forwarded post it is."""
    alone = is_http(words.text) and not any(char.isspace() for char in words.text)
    links = [words.text] if alone else [str(entity["url"]) for entity in words.entities if entity.get("url")]
    if not links or not (alone or message.forward_origin):
        return None
    article = await drafts.of_article(ctx.storage, links[0], before.language)
    title = article.text.text.split("\n", 1)[0] if article else ""
    return article if alone or (title and title in words.text) else None


async def _content(message: Message, before: Content, ctx: Context) -> Content:
    """What the draft says with this message in it."""
    if before.way is Way.FIX:
        said = draftcard.words_in(message)
        return replace(before, texts={**before.texts, before.language: said}) if said else before
    words, file = draftcard.words_in(message, command=before.way in (Way.BREAKING, Way.PROMO)), file_of(message)
    if article := await _article(message, words, before, ctx):
        return replace(article, way=before.way, silent=before.silent, sections=article.sections or before.sections)
    if message.media_group_id and message.media_group_id == before.album:
        file = (*before.media, *file)
    content = replace(before, media=file or before.media, album=message.media_group_id or "")
    if not words:
        return content
    found = item_language(words.text)
    language = found if found in ctx.words.languages else ctx.words.default.code
    if before.article_id and is_http(words.text):  # another link, not other words for the article
        content = replace(content, link="", image="", article_id=None, sections=0)
    return replace(content, language=language, texts={language: words})


async def _take(message: Message, draft: Draft, ctx: Context, t: Lang, bot: Bot) -> None:
    """Put a message into the draft and show what comes of it; what is too long or says nothing is sent back."""
    if message.content_type not in (ContentType.TEXT, *_MEDIA):
        await screen.reply(message, t("Send a text, or a photo, a video or a file with a caption."))
        return
    content = await _content(message, draft.content, ctx)
    if not content.text and not content.album:
        await screen.reply(message, t("It needs words: send it again with a caption."))
        return
    changed = replace(draft, content=content)
    if content.text and (too_long := draftcard.surplus(changed, ctx, t)):
        await screen.reply(message, too_long)
        return
    whole = content.way is not Way.OPEN and not content.album
    kept = await ctx.storage.drafts.write(
        changed, DraftState.DRAFT if whole else DraftState.COMPOSE, keys=draftcard.keys(changed), now=ctx.now
    )
    if kept is None:  # sent by a press that came a moment earlier
        await screen.reply(message, t("This draft is closed. Begin again: /breaking"))
        return
    await draftcard.retire(bot, draft)
    if not content.album:
        await show(bot, ctx, kept, t)


async def gathered(bot: Bot, ctx: Context, draft: Draft) -> None:
    """An album has come whole: show what comes of it."""
    t = await draftcard.language(ctx, draft)
    if not draft.content.text:
        await ctx.storage.drafts.carded(draft.id, -1)
        await draftcard.say(bot, draft, t("It needs words: send them now."))
    elif draft.content.way is Way.OPEN:
        await show(bot, ctx, draft, t)
    elif kept := await ctx.storage.drafts.write(draft, DraftState.DRAFT, keys=draftcard.keys(draft), now=ctx.now):
        await show(bot, ctx, kept, t)


# Which way -------------------------------------------------------------------------------------------------------


async def show(bot: Bot, ctx: Context, draft: Draft, t: Lang) -> None:
    """The preview of a draft, or the question what shall become of it."""
    if draft.content.way is not Way.OPEN:
        await draftcard.present(bot, ctx, draft, t)
        return

    def way(to: str) -> str:
        return WAY.pack(to=to, id=draft.id)

    about = draftcard.headline(draft) if draft.content.article_id else RichText()
    card = await draftcard.say(
        bot,
        draft,
        join("\n", [bold(t("What shall become of this?")), about]),
        keyboard(
            [button(t("🔴 Breaking news"), way("breaking")), button(t("Into a section"), way("regular"))],
            [
                *([] if draft.content.article_id or draft.content.media else [button(t("🔎 Find"), way("find"))]),
                button(t.p("button", "Cancel"), way("drop")),
            ],
        ),
    )
    await ctx.storage.drafts.carded(draft.id, card.message_id)


@router.callback_query(WAY)
async def chosen(query: CallbackQuery, ctx: Context, t: Lang, bot: Bot, to: str, id: int) -> None:
    """Breaking news, into a section, only a question, or nothing."""
    draft = await ctx.storage.drafts.get(id)
    open_ = draft is not None and draft.content.way is not Way.PROMO and draft.state is DraftState.COMPOSE
    if draft is None or draft.author_id != author(query) or not open_:
        await screen.outdated(query, t)
    elif to == "find" and await ctx.storage.drafts.drop(id):
        await screen.answer(query)
        await screen.show(query, t("🔎 Searching the articles:"))
        await answer_with_articles(bot, ctx, draft.chat_id, draft.content.text.text, t)
    elif to == "drop" and await ctx.storage.drafts.drop(id):
        await screen.answer(query)
        await screen.show(query, t("The draft is dropped, nobody got it."))
    elif to in (Way.BREAKING, Way.REGULAR):
        await _choose(query, replace(draft, content=replace(draft.content, way=Way(to))), ctx, t, bot)
    else:
        await screen.outdated(query, t)


async def _choose(query: CallbackQuery, draft: Draft, ctx: Context, t: Lang, bot: Bot) -> None:
    if barred := draftcard.barred(draft, ctx, t):
        await screen.answer(query, barred, alert=True)
        return
    whole = draft.content.way is Way.BREAKING
    kept = await ctx.storage.drafts.write(
        draft, DraftState.DRAFT if whole else DraftState.COMPOSE, keys=draftcard.keys(draft), now=ctx.now
    )
    if kept is None:
        await screen.outdated(query, t)
        return
    await screen.answer(query)
    if whole:
        await draftcard.retire(bot, draft)
        await draftcard.present(bot, ctx, kept, t)
    else:
        await screen.show(query, *draftpress.sections_screen(ctx, kept, t))
