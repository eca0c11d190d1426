"""Readers and their choices. Each choice is one statement that carries the wanted state."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from typing import Any

from bot.domain.delivery import Audience
from bot.domain.reader import ALL, Choices, Night, Quiet, Reader, ReaderKind, ReaderState, Subscriber
from bot.domain.recipient import Ways
from storage.corrections import HOLDS
from storage.engine import Connection, Engine, Row
from storage.recipients import chosen_of


def fits(audience: Audience, *, within: str = "") -> tuple[str, dict[str, object]]:
    """The one rule of who belongs to an audience: a condition over `reader`, and its parameters.

    `within` names two parameters of the statement, the ids above and up to which it asks for readers: then words are
    looked up for those only.
    """
    demands, params = _demands(audience, within)
    return " AND ".join(demands.values()), params


def _demands(audience: Audience, within: str = "") -> tuple[dict[str, str], dict[str, object]]:
    """What an audience asks of `reader`, by the reason for which somebody is left out, and the parameters."""
    demands, params = {"state": "state = 'active'"}, dict[str, object]()
    if audience.due:
        demands["due"] = "+list_at > 0 AND +list_at <= :due"
        if audience.only:
            demands["kind"] = "id = :only"
        return demands, {"due": audience.due, **({"only": audience.only} if audience.only else {})}
    if audience.only:
        return {**demands, "kind": "id = :only"}, {"only": audience.only}
    demands["kind"] = "kind = 'person'" if audience.promo else "kind <> 'channel'"
    follows = _follows(audience, within)
    if audience.sections:
        demands["sections"] = f"({_in_sections(audience, params)}{follows})"
    if audience.besides:
        demands["served"] = "(sections & :besides) = 0"
        params["besides"] = audience.besides
    if audience.breaking:
        demands["breaking"] = f"(breaking = 1{follows})"
    if audience.languages or audience.language:
        demands["language"] = _in_languages(audience, params)
    if audience.holders:
        demands["holders"] = f"({HOLDS})"
        params |= {"post": audience.holders, "until": audience.until}
    if audience.sections and not audience.breaking:
        if not audience.main:
            demands["main"] = f"(main_only = 0{follows})"
        if audience.stars:
            demands["served"] = "main_only = 1"
        demands["digest"] = "volume <> 0"
    if audience.promo:
        demands |= {"main": "main_only = 0", "digest": "volume <> 0", "ads": "partner = 1", "today": _NONE_TODAY}
        params["promo"] = audience.promo
    if audience.hidden:
        demands["words"] = f"NOT {_TERM.format(f'= {int(audience.hidden)}', 0, _range(within))}"
    return demands, params


_TERM = (
    "reader.id IN (SELECT reader_term.reader_id FROM post_term JOIN reader_term ON reader_term.term_id ="
    " post_term.term_id WHERE post_term.post_id {} AND reader_term.follows = {}{})"
)
"""The condition that a post holds a word of the reader's, one that is followed (1) or hidden (0). The readers are found
once for a statement, from the words of the post: most have none of them."""


_NONE_TODAY = (
    "NOT EXISTS (SELECT 1 FROM broadcast JOIN receipt ON receipt.broadcast_id = broadcast.id"
    " WHERE broadcast.promo_day = :promo AND receipt.reader_id = reader.id AND receipt.outcome IN (1, 5))"
)
"""No partner's post has come to the reader on that day, and none perhaps (its answer was lost)."""


def _range(within: str) -> str:
    after, upto = within.split(",") if within else ("", "")
    return f" AND reader_term.reader_id > {after} AND reader_term.reader_id <= {upto}" if within else ""


def _follows(audience: Audience, within: str) -> str:
    posts = ", ".join(str(int(post)) for post in audience.followed)
    return f" OR {_TERM.format(f'IN ({posts})', 1, _range(within))}" if posts else ""


def _in_sections(audience: Audience, params: dict[str, object]) -> str:
    params["sections"] = audience.sections
    if not audience.regional:
        return "(sections & ~muted & :sections) <> 0"
    params |= {"regional": audience.regional, "regions": audience.regions}
    return (
        "(sections & ~muted & :sections) <> 0 AND (regions = 0 OR (regions & :regions) <> 0"
        " OR (sections & ~muted & :sections & ~CAST(:regional AS BIGINT)) <> 0)"
    )


def _in_languages(audience: Audience, params: dict[str, object]) -> str:
    own = "news_languages <> ''"
    if audience.language:
        own = "news_languages LIKE :language"
        params["language"] = f"%,{audience.language},%"
    names = [f"language_{'x' * number}" for number in range(len(audience.languages))]
    params.update(zip(names, audience.languages, strict=True))
    theirs = f" AND language IN (:{', :'.join(names)})" if names else ""
    return f"(news_languages = ''{theirs} OR {own})"


_DEFAULTS = Choices()


def _text(value: object) -> Any:
    """A choice as stored: flags as numbers, several values as `,ru,kk,`, none as an empty text."""
    if isinstance(value, tuple):
        return f",{','.join(map(str, value))}," if value else ""
    return int(value) if isinstance(value, bool) else value.value if isinstance(value, Quiet) else value


def _values(text: str) -> tuple[str, ...]:
    return tuple(text.strip(",").split(",")) if text else ()


def languages_text(audience: Audience) -> str:
    """The audience's languages as stored: `,ru,kk,`, empty for all."""
    return str(_text(audience.languages))


_CHOICES = tuple(field.name for field in fields(Choices))
_CHOSEN = ", ".join(_CHOICES), ", ".join(f":{name}" for name in _CHOICES)
_LISTS = frozenset({"volume", "quiet", "quiet_from", "quiet_to", "digest_at", "digest_days", "zone"})
"""The choices on which it depends when lists come."""
NEWEST = "COALESCE((SELECT MAX(serial) FROM broadcast), 0)"
_FROM_NOW = (
    f"listed = CASE WHEN state = 'active' THEN listed ELSE {NEWEST} END,"
    " list_at = CASE WHEN state = 'active' THEN list_at WHEN volume <> -1 OR quiet = 'hold' THEN 0 END"
)
"""Whoever begins to get news has none of before in the next list."""
_AGAIN = ", list_at = CASE WHEN list_at IS NOT NULL THEN 0 END"
"""Another time for the next list; who wants lists no more gets one last."""
YESTERDAYS = (
    "COALESCE((SELECT serial FROM broadcast WHERE serial IS NOT NULL AND created_at < :now - 86400"
    " ORDER BY serial DESC LIMIT 1), 0)"
)
"""The number of the last send that began more than a day before `:now`."""
_FROM_YESTERDAY = (
    f", list_at = 0, listed = CASE WHEN list_at IS NULL AND listed < {YESTERDAYS} THEN {YESTERDAYS} ELSE listed END"
)
"""The first list of whoever begins to want some: what is still on its way must not get lost, nor older news come."""


class Readers:
    """The reader table."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    async def get(self, chat_id: int, thread_id: int = 0) -> Reader | None:
        """The reader behind a chat."""
        rows = await self._db.fetch(
            "SELECT * FROM reader WHERE chat_id = :chat AND thread_id = :thread", chat=chat_id, thread=thread_id
        )
        return reader_of(rows[0]) if rows else None

    async def meet(
        self,
        chat_id: int,
        *,
        language: str,
        now: int,
        choices: Choices = _DEFAULTS,
        thread_id: int = 0,
        kind: ReaderKind = ReaderKind.PERSON,
        source: str = "",
    ) -> Reader:
        """The reader behind a chat, made with these choices when unknown (state new: nothing is sent before a yes)."""
        known = await self.get(chat_id, thread_id)
        if known:
            return known
        await self._db.write(
            "INSERT INTO reader (chat_id, thread_id, kind, language, state, source, joined_at, changed_at,"
            f" active_day, chosen, {_CHOSEN[0]}) VALUES (:chat, :thread, :kind, :language, 'new', :source, :now, :now,"
            f" :today, :chosen, {_CHOSEN[1]}) ON CONFLICT (chat_id, thread_id) DO NOTHING",
            chat=chat_id,
            thread=thread_id,
            language=language,
            kind=kind.value,
            source=source,
            now=now,
            today=now // 86_400,
            chosen=Ways.of(kind, choices).text,
            **{name: _text(getattr(choices, name)) for name in _CHOICES},
        )
        met = await self.get(chat_id, thread_id)
        assert met is not None
        return met

    async def choose(self, reader_id: int, mask: int, wanted: bool, *, now: int) -> Reader | None:
        """Add the sections of `mask` to the reader's choice, or take them away."""
        change = "sections | :mask" if wanted else "sections & ~CAST(:mask AS BIGINT)"
        return await _set(self._db, reader_id, f"sections = {change}", now, mask=mask)

    async def mute(self, reader_id: int, bits: Sequence[int], *, until: int, now: int) -> Reader | None:
        """Nothing of these sections before `until`; the choice of sections stays as it is."""
        async with self._db.transaction() as db:
            await db.many(
                "INSERT INTO mute (reader_id, bit, until) VALUES (:reader, :bit, :until)"
                " ON CONFLICT (reader_id, bit) DO UPDATE SET until = excluded.until",
                [(reader_id, bit, until) for bit in bits],
            )
            rows = await db.write(
                "UPDATE reader SET muted = muted | :mask, changed_at = :now WHERE id = :id RETURNING *",
                mask=sum(1 << bit for bit in bits),
                now=now,
                id=reader_id,
            )
        return reader_of(rows[0]) if rows else None

    async def unmute(self, reader_id: int, *, now: int) -> Reader | None:
        """All sections speak again."""
        async with self._db.transaction() as db:
            await db.write("DELETE FROM mute WHERE reader_id = :id", id=reader_id)
            rows = await db.write(
                "UPDATE reader SET muted = 0, changed_at = :now WHERE id = :id RETURNING *", id=reader_id, now=now
            )
        return reader_of(rows[0]) if rows else None

    async def end_mutes(self, *, now: int) -> None:
        """Let the sections speak again whose time is over."""
        async with self._db.transaction() as db:
            over = await db.write("DELETE FROM mute WHERE until <= :now RETURNING reader_id, bit", now=now)
            await db.many(
                "UPDATE reader SET muted = muted & ~CAST(:mask AS BIGINT) WHERE id = :id",
                [(1 << row[1], row[0]) for row in over],
            )

    async def change(self, reader_id: int, *, now: int, **wanted: object) -> Reader | None:
        """Choices as they shall be, by their names in `Choices`: `change(7, volume=8, now=now)`."""
        assert wanted.keys() <= set(_CHOICES), wanted
        lists = wanted.get("volume", ALL) != ALL or wanted.get("quiet") is Quiet.HOLD
        again = _FROM_YESTERDAY if lists else _AGAIN if wanted.keys() & _LISTS else ""
        sets = ", ".join(f"{name} = :{name}" for name in wanted)
        sets += f", chosen = {chosen_of({name: f':{name}' for name in wanted})}"
        values = {name: _text(value) for name, value in wanted.items()}
        async with self._db.transaction() as db:
            if "volume" in wanted:
                await db.write("DELETE FROM pace WHERE reader_id = :id", id=reader_id)
            return await _set(db, reader_id, sets + again, now, **values)

    async def set_language(self, reader_id: int, language: str, *, now: int) -> Reader | None:
        """The interface language."""
        return await _set(self._db, reader_id, "language = :language", now, language=language)

    async def consent(self, reader_id: int, text: str, *, now: int) -> Reader | None:
        """The reader says yes to the words named by `text`: active from now on."""
        return await _set(
            self._db,
            reader_id,
            f"state = 'active', paused_until = NULL, {_FROM_NOW},"
            " consent_text = CASE WHEN consent_at IS NULL THEN :text ELSE consent_text END,"
            " consent_at = COALESCE(consent_at, :now)",
            now,
            text=text,
        )

    async def leave(self, reader_id: int, *, now: int) -> Reader | None:
        """Unsubscribe from everything; the choices stay for a return."""
        return await _set(self._db, reader_id, "state = 'left', paused_until = NULL", now)

    async def pause(self, reader_id: int, *, until: int, now: int) -> Reader | None:
        """Nothing at all before `until`; None when there is no such reader who gets news or is paused already."""
        return await _set(
            self._db, reader_id, "state = 'paused', paused_until = :until", now, among="'active', 'paused'", until=until
        )

    async def resume(self, reader_id: int, *, now: int) -> Reader | None:
        """The end of a pause before its time; None when there is none."""
        return await _set(
            self._db, reader_id, f"state = 'active', paused_until = NULL, {_FROM_NOW}", now, among="'paused'"
        )

    async def end_pauses(self, *, now: int) -> None:
        """Readers whose pause is over get news again."""
        await self._db.write(
            f"UPDATE reader SET state = 'active', paused_until = NULL, changed_at = :now, {_FROM_NOW}"
            " WHERE paused_until <= :now AND state = 'paused'",
            now=now,
        )

    async def unreachable(self, chat_id: int, *, now: int, thread_id: int | None = None) -> None:
        """The chat (or that topic of it) blocked the bot or is gone: its readers sleep with their choices kept."""
        await self._turn(chat_id, thread_id, ReaderState.ACTIVE, ReaderState.DORMANT, now)

    async def reachable(self, chat_id: int, *, now: int, thread_id: int | None = None) -> None:
        """The chat (or that topic of it) is back: sleeping readers get news again."""
        await self._turn(chat_id, thread_id, ReaderState.DORMANT, ReaderState.ACTIVE, now, f", {_FROM_NOW}")

    async def _turn(
        self, chat_id: int, thread_id: int | None, old: ReaderState, new: ReaderState, now: int, more: str = ""
    ) -> None:
        await self._db.write(
            f"UPDATE reader SET state = :new, changed_at = :now{more} WHERE chat_id = :chat AND state = :old"
            + ("" if thread_id is None else " AND thread_id = :thread"),
            chat=chat_id,
            old=old.value,
            new=new.value,
            now=now,
            **({} if thread_id is None else {"thread": thread_id}),
        )

    async def living(self, chat_id: int) -> list[Reader]:
        """All readers of a chat: itself and its topics, whatever their state."""
        rows = await self._db.fetch("SELECT * FROM reader WHERE chat_id = :chat ORDER BY thread_id", chat=chat_id)
        return [reader_of(row) for row in rows]

    async def move(self, old_chat: int, new_chat: int) -> None:
        """A group became a supergroup. Readers that already live under the new id win.

        What was sent before has other numbers there: a correction must not hit a stranger's message.
        """
        mine = "(SELECT id FROM reader WHERE chat_id = :old)"
        async with self._db.transaction() as db:
            await db.write(
                "UPDATE receipt SET message_id = NULL WHERE broadcast_id IN (SELECT id FROM broadcast)"
                f" AND reader_id IN {mine}",
                old=old_chat,
            )
            await db.write(
                f"DELETE FROM copy WHERE post_id IN (SELECT id FROM post) AND reader_id IN {mine}", old=old_chat
            )
            await db.write(_MOVE, old=old_chat, new=new_chat)
            await db.write("UPDATE reader SET state = 'left' WHERE chat_id = :old", old=old_chat)
            for table, others in (("place", ""), ("place_admin", " AND there.user_id = place_admin.user_id")):
                await db.write(
                    f"UPDATE {table} SET chat_id = :new WHERE chat_id = :old AND NOT EXISTS"
                    f" (SELECT 1 FROM {table} AS there WHERE there.chat_id = :new{others})",
                    old=old_chat,
                    new=new_chat,
                )
                await db.write(f"DELETE FROM {table} WHERE chat_id = :old", old=old_chat)

    async def count(self, audience: Audience) -> int:
        """How many readers an audience has now."""
        condition, params = fits(audience)
        rows = await self._db.fetch(f"SELECT COUNT(*) FROM reader WHERE {condition}", **params)
        return int(rows[0][0])

    async def breakdown(self, audience: Audience) -> tuple[dict[str, int], dict[Night, int]]:
        """Why readers who said yes and have not left are outside an audience: the first reason that holds, and how
        many; and the nights of those within.

        Reasons: paused, dormant, and what `_demands` names.
        """
        demands, params = _demands(audience)
        reasons = " ".join(f"WHEN NOT ({sql}) THEN '{why}'" for why, sql in demands.items() if why != "state")
        night = ", ".join(Night._fields)
        rows = await self._db.fetch(
            f"SELECT CASE WHEN state <> 'active' THEN state {reasons} END AS why, {night}, COUNT(*) FROM reader"
            f" WHERE state IN ('active', 'paused', 'dormant') AND kind <> 'channel' GROUP BY 1, {night}",
            **params,
        )
        left_out, nights = dict[str, int](), dict[Night, int]()
        for why, *of, number in map(tuple, rows):
            if why is None:
                nights[Night(*of)] = number
            else:
                left_out[why] = left_out.get(why, 0) + number
        return left_out, nights

    async def tally(self) -> dict[str, int]:
        """Readers by state, and `breaking_off` among the active ones."""
        rows = await self._db.fetch(
            "SELECT state, COUNT(*), SUM(1 - breaking) FROM reader WHERE kind <> 'channel' GROUP BY state"
        )
        counts = {str(row[0]): int(row[1]) for row in rows}
        counts["breaking_off"] = sum(int(row[2]) for row in rows if row[0] == "active")
        return counts

    async def sources(self, limit: int) -> list[tuple[str, int]]:
        """Where readers who have not left came from: source and number, the largest first."""
        rows = await self._db.fetch(
            "SELECT source, COUNT(*) FROM reader WHERE source <> '' AND state <> 'left' AND kind <> 'channel'"
            " GROUP BY source ORDER BY 2 DESC, 1 LIMIT :limit",
            limit=limit,
        )
        return [(row[0], row[1]) for row in rows]

    async def asked(self, reader_id: int) -> None:
        """Somebody who came with a file was asked what to send."""
        await self._db.write(ASKED, id=reader_id)

    async def among(self, chats: Iterable[int]) -> set[tuple[int, int]]:
        """The readers, as chat and topic, who live in any of these chats."""
        rows = await self._db.tuples(
            f"SELECT chat_id, thread_id FROM reader WHERE chat_id IN ({self._db.dialect.numbers_of('chats')})",
            chats=json.dumps(list(chats)),
        )
        return {(row[0], row[1]) for row in rows}

    async def bring(self, subscribers: Sequence[Subscriber], choices: Choices, *, now: int) -> None:
        """Readers of an earlier bot, with these choices: they said yes there, and are asked once what they want.

        Who is known stays.
        """
        await self._db.many(
            "INSERT INTO reader (chat_id, thread_id, kind, language, state, sections, joined_at, consent_at,"
            f" changed_at, {_CHOSEN[0]}, source, consent_text, list_at, ask, chosen)"
            " VALUES (:chat, :thread, :kind, :language, :state, :sections, :since, :consent,"
            f" :now, {_CHOSEN[1]}, 'import', 'import', :list, 1, :chosen)"
            " ON CONFLICT (chat_id, thread_id) DO NOTHING",
            [_brought(one, replace(choices, breaking=one.breaking), now) for one in subscribers],
        )

    async def every(self, *, after: int, limit: int) -> list[tuple[int, Subscriber]]:
        """Everybody who has said yes and not left, by id above `after`."""
        rows = await self._db.tuples(
            "SELECT id, chat_id, language, sections, COALESCE(consent_at, joined_at), state = 'dormant', breaking = 1,"
            " thread_id FROM reader WHERE id > :after AND kind <> 'channel'"
            " AND state IN ('active', 'paused', 'dormant')"
            " ORDER BY id LIMIT :limit",
            after=after,
            limit=limit,
        )
        return [(row[0], Subscriber(*row[1:])) for row in rows]


ASKED = f"UPDATE reader SET ask = 0, chosen = {chosen_of({'ask': '0'})} WHERE id = :id"
_MOVE = (
    "UPDATE reader SET chat_id = :new WHERE chat_id = :old AND NOT EXISTS"
    " (SELECT 1 FROM reader AS there WHERE there.chat_id = :new AND there.thread_id = reader.thread_id)"
)
"""A reader follows its chat to a new id, unless somebody lives there already."""


def _brought(one: Subscriber, choices: Choices, now: int) -> tuple[object, ...]:
    chat = ReaderKind.GROUP if one.chat_id < 0 else ReaderKind.PERSON
    kind = ReaderKind.TOPIC if one.thread_id else chat
    state = ReaderState.DORMANT if one.blocked else ReaderState.ACTIVE
    values = (_text(getattr(choices, name)) for name in _CHOICES)
    ways = Ways.of(kind, choices)._replace(ask=1).text
    lists = 0 if choices.volume != ALL or choices.quiet is Quiet.HOLD else None
    who = (*one.place, kind.value, one.language, state.value, one.sections, one.since, one.since, now)
    return (*who, *values, lists, ways)


async def _set(
    db: Connection, reader_id: int, change: str, now: int, *, among: str = "", **params: object
) -> Reader | None:
    """One changed reader; `among` are the states in which the change is possible, empty for all."""
    state = f" AND state IN ({among})" if among else ""
    rows = await db.write(
        f"UPDATE reader SET {change}, changed_at = :now WHERE id = :id{state} RETURNING *",
        id=reader_id,
        now=now,
        **params,
    )
    return reader_of(rows[0]) if rows else None


def reader_of(row: Row) -> Reader:
    """A reader from its row."""
    return Reader(
        id=row["id"],
        chat_id=row["chat_id"],
        language=row["language"],
        state=ReaderState(row["state"]),
        sections=row["sections"],
        joined_at=row["joined_at"],
        thread_id=row["thread_id"],
        kind=ReaderKind(row["kind"]),
        consent_at=row["consent_at"],
        source=row["source"],
        muted=row["muted"],
        paused_until=row["paused_until"],
        list_at=row["list_at"],
        ask=bool(row["ask"]),
        breaking=bool(row["breaking"]),
        night_breaking=bool(row["night_breaking"]),
        volume=row["volume"],
        quiet=Quiet(row["quiet"]),
        quiet_from=row["quiet_from"],
        quiet_to=row["quiet_to"],
        digest_at=tuple(map(int, _values(row["digest_at"]))),
        digest_days=row["digest_days"],
        news_languages=_values(row["news_languages"]),
        main_only=bool(row["main_only"]),
        regions=row["regions"],
        rates=bool(row["rates"]),
        zone=row["zone"],
        partner=bool(row["partner"]),
    )
