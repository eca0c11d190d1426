"""All settings: `newsdesk.toml` and the environment as frozen values, every mistake found before anything runs.

The dataclasses mirror the file: a table is a class, a key is a field. `docs/configuration.md` tells what each
means; a test keeps the two together.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from bot import __version__
from bot import settings_file as file
from bot.domain.errors import ConfigError
from bot.domain.language import LANGUAGES
from bot.domain.reader import ALL, DIGESTS, Choices, Quiet
from bot.settings_env import NO_ENV, Env, environment
from bot.settings_file import Secret, Wrong, checked, key

__all__ = ["Env", "Secret", "Settings", "load"]

DEFAULT_FILE = "newsdesk.toml"
MAX_SECTIONS = 62
_NEVER = datetime.fromisoformat("0001-01-01T00:00:00")

_language = file.matching(r"[a-z]{2,3}|", "Write a two-letter language, such as 'ru'.")
_section_id = file.matching(r"[a-z0-9]{1,24}", "Use 1 to 24 of a-z and 0-9.")
_web = file.address("http", "https")
_web_or_nothing = file.address("http", "https", empty=True)


def _utm(value: object) -> str:
    written = file.text(300)(value)
    parts = written.replace("{section}", "x").split("&") if written else []
    if not all(re.fullmatch(r"[\w.~-]+=[\w.~%+-]*", part) for part in parts):
        raise Wrong(f"{file.shown(written)} is not a query.", "Write name=value&name=value; {section} may occur.")
    return written


@dataclass(frozen=True, slots=True)
class Newsroom:
    """Who speaks. `name` is "" until the first feed's title is known."""

    name: str = key("", file.text(64))
    url: str = key("", _web_or_nothing)
    timezone: str = key("Asia/Almaty", file.zone)
    languages: tuple[str, ...] = key(("ru", "kk", "en"), file.list_of(file.one_of(*LANGUAGES), least=1))
    owners: tuple[int, ...] = key((), file.list_of(file.whole(1, 2**52)))
    self_credits: tuple[str, ...] = key((), file.list_of(file.text(64)))
    privacy_url: str = key("", _web_or_nothing)

    @property
    def zone(self) -> ZoneInfo:
        """The newsroom's time zone."""
        return ZoneInfo(self.timezone)


@dataclass(frozen=True, slots=True)
class Delivery:
    """How fast the bot may send, over all processes of one token."""

    messages_per_second: int = key(29, file.whole(1, 1000))
    paid_messages_per_second: int = key(0, file.whole(0, 1000))
    paid_stars_cap: int = key(0, file.whole(0, 10**9))

    @property
    def paid(self) -> bool:
        """Whether breaking news may cost Stars."""
        return self.paid_messages_per_second > self.messages_per_second and self.paid_stars_cap > 0


@dataclass(frozen=True, slots=True)
class Posts:
    """What a post looks like; a section or channel may differ. `valid_for` is in seconds."""

    picture: str = key("preview-above", file.one_of("preview-above", "preview-below", "preview-small", "photo", "none"))
    order: tuple[str, ...] = key(
        ("headline", "lead", "link", "tags", "time"),
        file.list_of(file.one_of("headline", "lead", "link", "tags", "time"), least=1),
    )
    footer: str = key("", file.text(200))
    utm: str = key("", _utm)
    buttons: tuple[str, ...] = key(("more",), file.list_of(file.one_of("more", "save", "read")))
    valid_for: int = key(6 * 3600, file.duration)
    edits: str = key("material", file.one_of("all", "material", "channels"))


@dataclass(frozen=True, slots=True)
class Readers:
    """What a new reader begins with."""

    quiet_hours: str = key("23:00-07:30", file.quiet_hours)
    quiet: str = key("silent", file.one_of("silent", "hold"))
    breaking: bool = key(True, file.flag)
    volume: str | int = key("all", file.either(file.one_of("all", "digest"), file.whole(1, 100)))
    digest_at: tuple[str, ...] = key(("08:00", "19:00"), file.list_of(file.time_of_day, least=1))

    def nights(self, quiet_hours: str = "") -> Choices:
        """When a channel is quiet, by its own hours or by those of readers; it never waits for the morning."""
        choices = replace(self, quiet="silent", quiet_hours=quiet_hours or self.quiet_hours).choices
        return Choices(quiet=choices.quiet, quiet_from=choices.quiet_from, quiet_to=choices.quiet_to)

    @property
    def choices(self) -> Choices:
        """The same as a reader's choices."""
        off = self.quiet_hours == "off"
        begin, _, end = ("23:00-07:30" if off else self.quiet_hours).partition("-")  # for whoever wants some later
        return Choices(
            breaking=self.breaking,
            volume=int({"all": ALL, "digest": DIGESTS}.get(str(self.volume), self.volume)),
            quiet=Quiet.OFF if off else Quiet(self.quiet),
            quiet_from=file.minutes(begin),
            quiet_to=file.minutes(end),
            digest_at=tuple(sorted({file.minutes(time) for time in self.digest_at})),
        )


@dataclass(frozen=True, slots=True)
class Desk:
    """How the newsroom works. `countdown` is in seconds, 0 for none."""

    chat: int = key(0, file.whole(-(2**52), 2**52))
    approvals: int = key(0, file.whole(0, 9))
    countdown: int = key(5, file.whole(0, 300))
    missing_language: str = key("default", file.one_of("default", "skip", "ask"))


@dataclass(frozen=True, slots=True)
class Rates:
    """Where exchange rates come from; `url` "" switches them off. `ca_file` is absolute once loaded."""

    url: str = key("https://nationalbank.kz/rss/rates_all.xml", _web_or_nothing)
    ca_file: str = key("", file.text(1000))
    show: tuple[str, ...] = key(
        ("USD", "EUR", "RUB"), file.list_of(file.matching("[A-Z]{3}", "Write a code such as 'USD'."))
    )


@dataclass(frozen=True, slots=True)
class SectionConfig:
    """A section, in the order of the buttons; `posts` is `[posts]` with what the section changes in it."""

    id: str = key("", _section_id, required=True)
    name: dict[str, str] = key({}, file.by_language)  # noqa: RUF009  # made once, replaced, never changed
    match: tuple[str, ...] = key((), file.list_of(file.text(100)))
    mode: str = key("auto", file.matching(r"auto|manual|hold [1-9]\d{0,3}[sm]", "Write auto, manual or 'hold 3m'."))
    kind: str = key("news", file.one_of("news", "partner", "politics"))
    posts: Posts = Posts()

    @property
    def delay(self) -> int:
        """Seconds in which its articles can be taken off before they go; 0 for none."""
        return file.duration(self.mode.removeprefix("hold ")) if self.mode.startswith("hold ") else 0


@dataclass(frozen=True, slots=True)
class FeedConfig:
    """A feed to watch. `interval` in seconds, None adapts; `timezone` "" is the newsroom's."""

    url: str = key("", _web, required=True)
    language: str = key("", _language)
    section: str = key("", _section_id)
    timezone: str = key("", file.feed_zone)
    interval: int | None = key(None, file.whole(1, 7 * 86400))
    encoding: str = key("", file.encoding)


@dataclass(frozen=True, slots=True)
class ChannelConfig:
    """A channel of the newsroom. `pin_breaking` and `gap` are in seconds; `language` "" is each story's own,
    `quiet_hours` "" are those of [readers]. `own_posts` are the keys of [posts] that differ here."""

    chat: str | int = key(
        "",
        file.either(
            file.matching(r"@[A-Za-z]\w{3,31}|-\d{5,15}", "Write '@name' or a numeric id."),
            file.whole(-(2**52), -1),
        ),
        required=True,
    )
    sections: tuple[str, ...] = key(
        ("*",), file.list_of(file.matching(r"\*|[a-z0-9]{1,24}", "Write section ids, or '*'."), least=1)
    )
    language: str = key("", _language)
    source: bool = key(False, file.flag)
    pin_breaking: int = key(6 * 3600, file.duration)
    pin_silent: bool = key(True, file.flag)
    quiet_hours: str = key("", file.quiet_hours)
    gap: int = key(60, file.duration)
    per_hour: int = key(20, file.whole(1, 60))
    rates: bool = key(False, file.flag)
    posts: Posts = Posts()
    own_posts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Silence:
    """A time, in the newsroom's zone, in which these sections are held."""

    begin: datetime = key(_NEVER, file.local_time, name="from", required=True)  # noqa: RUF009  # immutable
    until: datetime = key(_NEVER, file.local_time, required=True)  # noqa: RUF009  # immutable
    sections: tuple[str, ...] = key((), file.list_of(_section_id, least=1), required=True)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that is set. `path` is the file that was read, None without one; `warnings` are for the log."""

    newsroom: Newsroom = Newsroom()
    delivery: Delivery = Delivery()
    posts: Posts = Posts()
    readers: Readers = Readers()
    desk: Desk = Desk()
    rates: Rates = Rates()
    sections: tuple[SectionConfig, ...] = ()
    feeds: tuple[FeedConfig, ...] = ()
    channels: tuple[ChannelConfig, ...] = ()
    silence: tuple[Silence, ...] = ()
    env: Env = NO_ENV
    path: Path | None = None
    warnings: tuple[str, ...] = ()

    @property
    def user_agent(self) -> str:
        """How the bot names itself to the servers of feeds, with the newsroom's address as the contact."""
        contact = f" (+{self.newsroom.url})" if self.newsroom.url.isascii() and self.newsroom.url else ""
        return f"Newsdesk/{__version__}{contact}"

    @property
    def overlay(self) -> Path | None:
        """The folder beside the file in which a newsroom rewords texts, where there is one."""
        folder = (self.path.parent if self.path else Path()) / "locales"
        return folder if folder.is_dir() else None

    def valid_for(self, sections: Collection[str]) -> int:
        """How long a post of these sections is worth a push, in seconds: the longest of theirs."""
        return max((self.posts_for(section).valid_for for section in sections), default=self.posts.valid_for)

    def posts_for(self, section_id: str) -> Posts:
        """How posts of that section look; `[posts]` for a section that is not in the file."""
        return next((s.posts for s in self.sections if s.id == section_id), self.posts)


def _default(section: str, ru: str, kk: str, en: str, *match: str) -> SectionConfig:
    return SectionConfig(section, {"ru": ru, "kk": kk, "en": en}, (ru, kk, en, section, *match))


DEFAULT_SECTIONS = (
    _default(
        "kazakhstan", "Новости Казахстана", "Қазақстан жаңалықтары", "Kazakhstan",
        "Казахстан", "Қазақстан", "Kazakhstan news",
    ),
    _default("world", "Новости мира", "Әлем жаңалықтары", "World", "Мир", "Әлем", "World news", "В мире"),
    _default("interview", "Интервью", "Сұхбат", "Interview", "Interviews", "Сұхбаттар"),
    _default("lifestyle", "Life style", "Life style", "Life style", "Лайфстайл", "Стиль жизни", "Өмір салты"),
    _default("sport", "Спорт", "Спорт", "Sport", "Sports", "Новости спорта"),
    _default("culture", "Культура", "Мәдениет", "Culture", "Искусство", "Өнер", "Arts"),
    _default("regions", "Регионы", "Өңірлер", "Regions", "Регион", "Аймақтар", "Новости регионов"),
    _default("amanat", "Amanat", "Amanat", "Amanat", "Аманат"),
)  # fmt: skip
"""The reference newsroom's eight, used where the file has no [[sections]]."""


def load(environ: Mapping[str, str], cwd: Path) -> Settings:
    """The settings in force for a program started in `cwd`; `ConfigError` names the first mistake.

    `.env` is read from beside the configuration; a variable of `environ` wins over it.
    """
    named = environ.get("NEWSDESK_CONFIG", "")
    folder = (cwd / named).parent if named else cwd
    variables = {**file.dotenv(folder / ".env", str(Path(named).parent / ".env")), **environ}
    shown = variables.get("NEWSDESK_CONFIG", "")
    path = (cwd if named else folder) / (shown or DEFAULT_FILE)
    if shown and not path.is_file():
        raise ConfigError("NEWSDESK_CONFIG", f"there is no file {shown}.", "Write the path of newsdesk.toml.")
    warnings: list[str] = []
    env = environment(variables, cwd)
    feed_url = variables.get("FEED_URL", "").strip()
    if not path.is_file():
        feeds = (FeedConfig(checked(_web, feed_url, "FEED_URL")),) if feed_url else ()
        return Settings(sections=DEFAULT_SECTIONS, feeds=feeds, env=env, warnings=tuple(warnings))
    if feed_url:
        warnings.append(f"FEED_URL: has no effect beside {path.name}, which lists the feeds.")
    place = shown or DEFAULT_FILE
    return _settings(file.toml(path, place), path, place, env, warnings)


_TABLES = ("newsroom", "delivery", "posts", "readers", "desk", "rates")
_LISTS = ("sections", "feeds", "channels", "silence")


def _settings(tables: dict[str, Any], path: Path, place: str, env: Env, warnings: list[str]) -> Settings:
    for name in tables:
        if name not in _TABLES + _LISTS:
            raise ConfigError(f"{place}, [{name}]", "unknown table or key.", file.nearest(name, _TABLES + _LISTS))
    base = Settings()
    plain: dict[str, Any] = {
        name: file.read(tables.get(name, {}), getattr(base, name), f"{place}, [{name}]") for name in _TABLES
    }
    posts: Posts = plain["posts"]
    sections = tuple(
        _with_posts(table, SectionConfig(), posts, where) for where, table in _each(tables, "sections", place)
    )
    settings = Settings(
        **plain,
        sections=sections or tuple(replace(s, posts=posts) for s in DEFAULT_SECTIONS),
        feeds=tuple(file.read(t, FeedConfig(), w) for w, t in _each(tables, "feeds", place)),
        channels=tuple(_channel(t, posts, w) for w, t in _each(tables, "channels", place)),
        silence=tuple(file.read(t, Silence(), w) for w, t in _each(tables, "silence", place)),
        env=env,
        path=path,
    )
    _fits_together(settings, place, warnings)
    rates = replace(settings.rates, ca_file=_certificates(settings.rates.ca_file, path, place))
    return replace(settings, rates=rates, warnings=tuple(warnings))


def _each(tables: dict[str, Any], name: str, place: str) -> Iterator[tuple[str, object]]:
    """The entries of [[name]], each with its place: "newsdesk.toml, [[feeds]] 2"."""
    entries = tables.get(name, [])
    if not isinstance(entries, list):
        raise ConfigError(f"{place}, {name}", "is not a list of tables.", f"Write [[{name}]], with two brackets.")
    for number, entry in enumerate(entries, 1):
        yield f"{place}, [[{name}]] {number}", entry


P = TypeVar("P", SectionConfig, ChannelConfig)


def _with_posts(table: object, base: P, posts: Posts, place: str) -> P:
    """An entry whose own keys may stand beside those of [posts], which it then overrides for itself."""
    if not isinstance(table, dict):
        raise ConfigError(place, "is not a table.", "Write its keys below a line with its name.")
    of_posts = file.keys(Posts)
    entry = file.read({k: v for k, v in table.items() if k not in of_posts}, base, place)
    own = file.read({k: v for k, v in table.items() if k in of_posts}, posts, place)
    return replace(entry, posts=own)


def _channel(table: object, posts: Posts, place: str) -> ChannelConfig:
    channel = _with_posts(table, ChannelConfig(), posts, place)
    return replace(channel, own_posts=tuple(file.keys(Posts).keys() & table)) if isinstance(table, dict) else channel


def _fits_together(settings: Settings, place: str, warnings: list[str]) -> None:
    """What no single value can show: equal ids and addresses, sections that do not exist."""
    ids = [s.id for s in settings.sections]
    if len(ids) > MAX_SECTIONS:
        raise ConfigError(f"{place}, [[sections]]", f"{len(ids)} sections.", f"At most {MAX_SECTIONS} fit.")
    _no_twins(ids, f"{place}, [[sections]]", "id")
    _no_twins([_same_feed(f.url) for f in settings.feeds], f"{place}, [[feeds]]", "url")
    _no_twins([str(c.chat).lower() for c in settings.channels], f"{place}, [[channels]]", "chat")
    for number, feed in enumerate(settings.feeds, 1):
        if feed.section and feed.section not in ids:
            _no_section(feed.section, ids, f"{place}, [[feeds]] {number} section")
    for number, channel in enumerate(settings.channels, 1):
        for section in channel.sections:
            if section not in ("*", *ids):
                _no_section(section, ids, f"{place}, [[channels]] {number} sections")
    for number, silence in enumerate(settings.silence, 1):
        where = f"{place}, [[silence]] {number}"
        if silence.until <= silence.begin:
            raise ConfigError(f"{where} until", "is not after from.", "Swap or mend the two.")
        # No error: a silence for a section that is only planned does no harm, and the reference has one.
        unknown = [s for s in silence.sections if s not in ids]
        warnings += [f"{where} sections: there is no section {s!r} to be silent." for s in unknown]


def _no_section(section: str, ids: list[str], place: str) -> NoReturn:
    raise ConfigError(place, f"there is no section '{section}'.", file.nearest(section, ids))


def _no_twins(values: list[str], place: str, name: str) -> None:
    for number, value in enumerate(values, 1):
        first = values.index(value) + 1
        if first != number:
            raise ConfigError(
                f"{place} {number} {name}", f"the same as in entry {first}: {value}.", "Change or remove one."
            )


def _same_feed(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(scheme="", netloc=parts.netloc.lower(), fragment="").geturl()


def _certificates(named: str, path: Path, place: str) -> str:
    """The certificate file's absolute path; relative ones are beside the configuration."""
    if not named:
        return ""
    found = path.parent / named
    if not found.is_file():
        raise ConfigError(f"{place}, [rates] ca_file", f"there is no file {named}.", "Mend the path.")
    return str(found.resolve())
