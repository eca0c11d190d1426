"""Which time zone somebody means: a city in one of the languages, an IANA name, or an offset from UTC. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from zoneinfo import available_timezones

from babel import Locale

from bot.domain.language import LANGUAGES
from bot.i18n import ZONE_TWINS

_HERE = {
    "Asia/Almaty": (
        *("астана", "нур султан", "алма ата", "шымкент", "чимкент", "караганда", "қарағанды", "павлодар", "семей"),
        *("усть каменогорск", "оскемен", "өскемен", "тараз", "талдыкорган", "талдықорған", "кокшетау", "көкшетау"),
        *("петропавловск", "петропавл", "туркестан", "түркістан", "жезказган", "жезқазған", "конаев", "қонаев"),
        *("astana", "shymkent", "karaganda", "qaraghandy", "pavlodar", "semey", "oskemen", "taraz", "taldykorgan"),
        *("kokshetau", "petropavl", "turkistan", "zhezkazgan", "konaev"),
    ),
    "Asia/Oral": ("уральск", "орал", "uralsk", "oral"),
    "Asia/Qostanay": ("костанай", "қостанай", "kostanay"),
    "Asia/Qyzylorda": ("кызылорда", "қызылорда", "kyzylorda"),
    "Europe/Moscow": ("санкт петербург", "питер", "казань", "saint petersburg", "st petersburg", "kazan"),
    "Asia/Shanghai": ("пекин", "бейжің", "beijing"),
}
"""Cities that no zone is named after, or that CLDR writes otherwise than people here."""
_WITHOUT_SUMMER = {
    -570: "Pacific/Marquesas", 210: "Asia/Tehran", 270: "Asia/Kabul", 330: "Asia/Calcutta", 345: "Asia/Katmandu",
    390: "Asia/Rangoon", 525: "Australia/Eucla", 570: "Australia/Darwin",
}  # fmt: skip
"""Zones that are always so many minutes ahead of UTC; of whole hours every one has its own."""
_OFFSET = re.compile(
    r"(?P<base>utc|gmt)?\s*(?:(?P<sign>[+\-−–])\s*(?P<hours>\d{1,2})(?::?(?P<minutes>[0-5]\d))?)?", re.I
)
_SEPARATORS = re.compile(r"[\s\-–_.,’'ʼ]+")
_AROUND = re.compile(r"^(?:г|город|city of) | (?:қаласы|city)$")


def zone_named(text: str) -> str | None:
    """The IANA zone that a text names, None for what is not understood: «Семей», `asia/tokyo`, «UTC+5», «+05:30»."""
    said = " ".join(text.split())
    offset = _offset(said)
    return offset or (_names(tuple(LANGUAGES)).get(_key(said)) if said else None)


def _offset(said: str) -> str | None:
    found = _OFFSET.fullmatch(said)
    if not found or not said:
        return None
    if not found["sign"]:
        return "Etc/UTC"
    minutes = int(found["hours"]) * 60 + int(found["minutes"] or 0)
    minutes = minutes if found["sign"] == "+" else -minutes
    if minutes % 60 or not -12 * 60 <= minutes <= 14 * 60:
        return _WITHOUT_SUMMER.get(minutes)
    return f"Etc/GMT{-minutes // 60:+}" if minutes else "Etc/UTC"  # POSIX counts the other way round


def _key(name: str) -> str:
    plain = _SEPARATORS.sub(" ", name.casefold().replace("ё", "е")).strip()
    return _AROUND.sub("", plain)


@lru_cache(maxsize=1)
def _names(languages: Sequence[str]) -> dict[str, str]:
    """Everything that names a zone, as it is compared. What people here say goes before what CLDR says, and that before
    the names of zones."""
    known, alias = available_timezones(), dict(ZONE_TWINS)
    names = {_key(city): zone for zone, cities in _HERE.items() for city in cities}
    for code in languages:
        for zone, said in Locale.parse(LANGUAGES[code].locale).time_zones.items():
            if "city" in said and zone in known:
                alias[zone] = zone
                names.setdefault(_key(said["city"]), zone)
    for name in sorted(known, key=lambda name: (name.count("/"), name)):
        if re.match(r"Etc/(UTC|GMT[+-][1-9])", name):
            names[_key(name)] = name
        elif "/" in name and not name.startswith(("Etc/", "SystemV/", "US/")):
            zone = alias.get(name, name)  # CLDR's own name has its translations
            zone = zone if zone in known else name
            names.setdefault(_key(name), zone)
            names.setdefault(_key(name.rpartition("/")[2]), zone)
    return names
