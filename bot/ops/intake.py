"""What the newsroom's CMS asks for by the API (`ops/api.py`): articles, a look at feeds, breaking news."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from bot.clock import Clock
from bot.desk import drafts
from bot.desk.barriers import barrier
from bot.desk.forecast import barred
from bot.domain.article import Entry, Section
from bot.domain.desk import Content, Draft, DraftState, Way
from bot.domain.feed import KnownArticle, Poll
from bot.feeds.changes import Setting, changes
from bot.feeds.identity import DAY, Known, New, Old, Verdict, document_keys, fingerprint, recognise
from bot.feeds.parse import item_language
from bot.ops.api import Answer, Refusal
from bot.ops.contract import moment
from bot.posts.lead import clean_lead
from bot.posts.richtext import plain
from bot.settings import Settings
from storage import Storage

CMS = "cms:articles"
"""Under this the articles that the CMS brings stand among the feeds."""
REVIEW_SECONDS = 86_400
"""How long a request for approval stands that nobody at the desk has made."""


class Intake:
    """The work behind each operation."""

    def __init__(
        self,
        storage: Storage,
        settings: Settings,
        sections: Sequence[Section],
        clock: Clock,
        *,
        wake: Callable[[], None],
        render: drafts.Render,
    ) -> None:
        self._storage = storage
        self._settings = settings
        self._sections = sections
        self._clock = clock
        self._wake = wake
        self._render = render

    async def articles(self, body: Any, name: str) -> Answer:
        """New and corrected articles, one after the other."""
        for n, article in enumerate(body["articles"]):
            if (section := article.get("section", "")) and section not in [one.id for one in self._sections]:
                raise Refusal(422, f"articles[{n}].section: there is no section {section}.")
        taken = []
        for article in body["articles"]:
            said = article.get("section", ""), article.get("language", "")
            taken.append({"url": article["url"], "state": await self.take(_entry(article), *said)})
        self._wake()
        return Answer(200, {"articles": taken})

    async def take(self, entry: Entry, section: str = "", language: str = "") -> str:
        """An article as if a feed had brought it, whose it is no more; what became of it: new, edited, known, later
        (edited too often), unsorted, silent (too old).

        Without a `language` said it is for readers of all. Raises `StorageError`, also when a feed has brought it in
        the same moment: the next time it is known.
        """
        now = self._clock.now()
        entry = replace(entry, lead=clean_lead(entry.lead, entry.title, self._settings.newsroom.self_credits))
        (state,) = await self._storage.feeds.watch([CMS])
        state = replace(state, primed_at=state.primed_at or int(now), ok_at=int(now), checked_at=int(now))
        keys = document_keys([entry], host=urlsplit(entry.link).hostname or "")
        known = await self._storage.articles.known(keys[0])
        verdicts = recognise([entry], keys, known, now)
        if isinstance(verdicts[0], New) and entry.published and entry.published < now - DAY:
            verdicts = [Old(entry, keys[0])]  # a CMS knows when it came out; a feed's date of years ago may be none
        edits = lambda section: self._settings.posts_for(section).edits  # noqa: E731
        poll = changes(state, verdicts, known, 1, now, Setting(self._sections, section, not language, edits))
        await self._storage.feeds.save_poll(poll, now=int(now))
        return _became(poll, verdicts[0], known)

    async def breaking(self, body: Any, name: str) -> Answer:
        """Breaking news by nobody at the desk: to be approved there if the rules say so, else counting down."""
        content = await self._content(body)
        readers = await self._storage.readers.count(drafts.audience(content, self._settings, int(self._clock.now())))
        if not readers:
            raise Refusal(422, "nobody would get it: no reader has breaking news on.")
        draft = await self._draft(content, name)
        state = draft.state
        if state is DraftState.DRAFT:
            state, did = await self._let_go(draft)
            said = f"{body['by']}: {content.text.text}" if "by" in body else content.text.text
            await self._storage.editors.log(0, did, str(draft.id), text=said, now=int(self._clock.now()))
        self._wake()
        word = "review" if state is DraftState.REVIEW else "countdown"
        return Answer(202, {"draft": draft.id, "state": word, "readers": readers})

    async def _content(self, body: Any) -> Content:
        """What the draft says; refused where an editor would be."""
        languages, texts = self._settings.newsroom.languages, body["texts"]
        for code in texts:
            if code not in languages:
                raise Refusal(422, f"texts.{code}: this newsroom speaks {', '.join(languages)}.")
        first = next(code for code in languages if code in texts)
        link = body.get("link", "")
        article = await drafts.of_article(self._storage, link, first) if link else None
        content = replace(
            article or Content(),
            way=Way.BREAKING,
            language=first,
            texts={code: plain(text) for code, text in texts.items()},
            link=link,
            missing="default" if self._settings.desk.missing_language == "ask" else "",
        )
        draft = Draft(0, 0, 0, DraftState.DRAFT, content, 0)
        if names := [section.id for section in barred(draft, self._sections)]:
            raise Refusal(422, f"link: never breaking news, because it is paid or political: {', '.join(names)}.")
        await self._may_leave(draft)
        if n := drafts.surplus(drafts.as_post(draft, int(self._clock.now())), list(texts), self._render):
            raise Refusal(422, f"texts: too long, cut {n} characters.")
        return content

    async def _may_leave(self, draft: Draft) -> None:
        """Nothing leaves in a silence for its sections, or before an embargo on its link ends: nobody is an owner."""
        kept = await barrier(self._storage, self._settings, self._sections, draft, int(self._clock.now()))
        if kept.silence:
            raise Refusal(422, "link: a silence is in force for its section.")
        if kept.embargo:
            raise Refusal(422, "link: a draft at the desk has it under embargo.")

    async def _draft(self, content: Content, name: str) -> Draft:
        """The draft of a call; one that died has left its own behind."""
        begun = await self._storage.calls.noted(name)
        draft = await self._storage.drafts.get(int(begun)) if begun else None
        if draft is None:
            now = int(self._clock.now())
            draft = await self._storage.drafts.begin(0, 0, content, DraftState.DRAFT, now=now)
            await self._storage.calls.note(name, str(draft.id))
        return draft

    async def _let_go(self, draft: Draft) -> tuple[DraftState, str]:
        """Ask for approval, or launch; and what the audit calls it."""
        now = int(self._clock.now())
        if await drafts.needed(self._storage, draft, self._settings):
            await self._storage.drafts.ask(draft, drafts.seal(draft), until=now + REVIEW_SECONDS, now=now)
            return DraftState.REVIEW, "draft asked"
        await drafts.launch(self._storage, draft, self._settings, by=0, solo=False, now=now)
        return DraftState.SENT, "breaking launched"

    async def check(self, body: Any, name: str) -> Answer:
        """One watched feed, or all of them."""
        added = [feed.url for feed in await self._storage.feeds.added() if feed.paused_at is None]
        watched = [*(feed.url for feed in self._settings.feeds), *added]
        wanted = [body["url"]] if "url" in body else watched
        if not set(wanted) <= set(watched):
            raise Refusal(422, "url: this feed is not watched.")
        asked = await self._storage.feeds.ask(wanted, now=int(self._clock.now()))
        self._wake()
        return Answer(202, {"feeds": asked})


def _became(poll: Poll, verdict: Verdict, known: Mapping[str, KnownArticle]) -> str:
    """In a word what became of one article."""
    for found in poll.new:
        return "silent" if not found.publish else "new" if found.article.sections else "unsorted"
    if poll.edited or not isinstance(verdict, Known):
        return "edited"
    stored = {article.id: article for article in known.values()}[verdict.article_id]
    return "known" if fingerprint(verdict.entry) == stored.fingerprint else "later"


def _entry(article: Any) -> Entry:
    """An article as a feed's item would be read."""
    title, lead = _text(article["title"]), _text(article.get("lead", ""))
    return Entry(
        guid=article.get("id", "").strip(),
        link=article["url"],
        title=title,
        lead=lead,
        body=article.get("body", ""),
        author=_text(article.get("author", "")),
        image=article.get("image", ""),
        categories=tuple(map(_text, article.get("categories", ()))),
        published=moment(article["published"]) if "published" in article else None,
        updated=moment(article["updated"]) if "updated" in article else None,
        language=article.get("language", "") or item_language(f"{title} {lead}"),
    )


def _text(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()
