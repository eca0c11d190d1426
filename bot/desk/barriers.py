"""What keeps a draft from leaving, whoever wants it to: a silence for its sections, another draft's embargo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.delivery.gate import Window, silence
from bot.desk import drafts
from bot.desk.forecast import link_of
from bot.desk.queue import named, rules
from bot.domain.article import Section
from bot.domain.desk import Draft, Role, Way
from bot.i18n import Lang
from bot.settings import Settings
from storage import Storage


@dataclass(frozen=True, slots=True)
class Barrier:
    """A `silence` for sections of the draft when it would leave, and until when its link is under another draft's
    `embargo` (epoch seconds, 0 for none after it would leave)."""

    silence: Window | None = None
    embargo: int = 0

    def words(self, t: Lang, settings: Settings, sections: Sequence[Section], role: Role) -> str:
        """Why somebody of that role cannot send it; "" when they can: an owner may break a silence."""
        zone = settings.newsroom.zone
        if self.embargo:
            return t("Another draft has this under embargo until {when}.", when=t.datetime(self.embargo, zone))
        if self.silence and role < Role.OWNER:
            names, when = named(t, sections, self.silence.sections), t.datetime(self.silence.until, zone)
            return t("Silence until {when} ({sections}): only an owner may send it.", when=when, sections=names)
        return ""


async def barrier(storage: Storage, settings: Settings, sections: Sequence[Section], draft: Draft, now: int) -> Barrier:
    """What stands in the way of a draft that leaves as soon as it may; a correction is kept by nothing."""
    if draft.content.way is Way.FIX:
        return Barrier()
    leaves = draft.leaves_at(now)
    quiet = silence(rules(settings, sections), draft.content.sections, leaves)
    until = await storage.drafts.embargoed(drafts.keys_of(link_of(draft)), besides=draft.id, now=leaves)
    return Barrier(quiet, until)
