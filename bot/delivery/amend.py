"""One reader's copies of a corrected post: edited, deleted or turned into a notice, within the budget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.clock import Clock
from bot.delivery.copies import Deed, decide, meaning
from bot.delivery.pacing import Pacer
from bot.delivery.renderings import Body, Look, Renderings, place_of
from bot.domain.delivery import Copy, Moved, Outcome, Rejected, Sent
from bot.domain.post import Post
from bot.domain.recipient import Recipient
from bot.posts.compose import encode, otherwise
from storage import Storage


class Deliverer(Protocol):
    """The edge to Telegram: one bulk call whose place in the budget is already taken."""

    async def deliver(self, method: str, body: bytes) -> Outcome:
        """Send and say what became of it; only `TelegramStopped` is raised."""
        ...


class Amender:
    """Brings copies to what they should say; whatever it repeats does no harm."""

    def __init__(
        self, storage: Storage, deliverer: Deliverer, pacer: Pacer, renderings: Renderings, clock: Clock
    ) -> None:
        self._storage = storage
        self._deliverer = deliverer
        self._pacer = pacer
        self._renderings = renderings
        self._clock = clock

    async def amend(self, reader: Recipient, copy: Copy, posts: Sequence[Post], look: Look | None = None) -> Outcome:
        """Change all messages of a copy; `posts` are what they carry, in the versions of now, `look` is that of a list.

        The outcome is the first that is not done; a refusal does not keep the other messages from their change.
        """
        deed = decide(copy, posts, now=self._clock.now())
        if deed is Deed.NOTHING:
            return Sent(0)
        edit = self._renderings.change(posts, reader.language, look, as_list=len(copy.carried) > 1, at=place_of(reader))
        result: Outcome = Sent(0)
        for number, message_id in enumerate(copy.message_ids):
            if number:
                await self._place(reader.chat_id)
            outcome = await self._changed(reader.chat_id, deed, edit, message_id)
            if isinstance(result, Sent):
                result = outcome
            if isinstance(outcome, Moved):  # what was sent before has other numbers there: out of reach
                await self._storage.readers.move(reader.chat_id, outcome.chat_id)
                return Rejected("the chat has moved")
            if not isinstance(outcome, Sent | Rejected):
                return outcome
        return result

    async def _changed(self, chat_id: int, deed: Deed, edit: Body, message_id: int) -> Outcome:
        """One message: deleted, or edited; in other forms if need be, the other method once."""
        if deed is Deed.DELETE:
            body = b'{"chat_id":%d,"message_id":%d}' % (chat_id, message_id)
            outcome = meaning(await self._deliverer.deliver("deleteMessage", body))
            if not isinstance(outcome, Rejected):
                return outcome
            await self._place(chat_id)  # a notice in its place
        head, form, methods = edit.head, edit.rendering, [edit.method]
        while True:
            body = b'%b,"chat_id":%d,"message_id":%d}' % (head, chat_id, message_id)
            outcome = meaning(await self._deliverer.deliver(form.method, body))
            if not isinstance(outcome, Rejected):
                return outcome
            other = otherwise(form, outcome.reason)
            if other is None or (other.method != form.method and other.method in methods):
                return outcome
            await self._place(chat_id)
            head, form = encode(other), other
            methods.append(form.method)

    async def _place(self, chat_id: int) -> None:
        """Wait for a further call's place in the chat and in the budget."""
        while until := self._pacer.enter_chat(chat_id, self._clock.monotonic()):
            await self._clock.sleep(until - self._clock.monotonic())
        while (delay := self._pacer.delay(self._clock.monotonic())) > 0:
            await self._clock.sleep(delay)
        self._pacer.take(self._clock.monotonic())
