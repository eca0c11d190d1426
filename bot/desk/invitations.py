"""One-time links that give rights. Only a code's hash is stored, so the database gives nobody a way in."""

from __future__ import annotations

import hashlib
import secrets

from bot.domain.desk import Role
from storage import Storage

CLAIM_SECONDS = 3600
INVITATION_SECONDS = 24 * 3600
_PREFIXES = {"own_": Role.OWNER, "ed_": Role.EDITOR}
_NOBODY = 0
"""Who made a claim link: the program itself, while there is no owner."""


def offered(code: str) -> Role:
    """The rights that a start parameter of this form would give; READER when it is no invitation at all."""
    return next((role for prefix, role in _PREFIXES.items() if code.startswith(prefix)), Role.READER)


async def make(storage: Storage, role: Role, by: int, now: int, ttl: int) -> str:
    """A new start parameter (`own_…` or `ed_…`, at most 64 signs of A-Za-z0-9_-) that works once within `ttl` s."""
    prefix = next(prefix for prefix, given in _PREFIXES.items() if given is role)
    code = prefix + secrets.token_urlsafe(24)
    await storage.editors.invite(_hash(code), role, by=by, expires_at=now + ttl)
    return code


async def accept(storage: Storage, code: str, user_id: int, name: str, now: int) -> Role | None:
    """Use a code up: the rights it gave, None when it is unknown, used, expired or its maker may not invite any more.

    A claim link works only while nobody owns the desk: several may be about.
    """
    if offered(code) is Role.OWNER and await storage.editors.has_owner():
        return None
    given = await storage.editors.accept(_hash(code), user_id, now=now)
    if given is None:
        return None
    role, by = given
    if by != _NOBODY and await storage.editors.role(by) < Role.OWNER:
        return None
    await storage.editors.add(user_id, role, name, by=by or user_id, now=now)  # 0 stands for owners of the file
    await storage.editors.log(user_id, "joined", f"{role.name.lower()} invited by {by}", now=now)
    return role


async def claim_link(storage: Storage, username: str, now: int) -> str:
    """The address that makes whoever opens it first the owner; it works for one hour while there is no owner."""
    return link(username, await make(storage, Role.OWNER, _NOBODY, now, CLAIM_SECONDS))


def link(username: str, code: str) -> str:
    """A start parameter as the address of the bot `username`."""
    return f"https://t.me/{username}?start={code}"


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
