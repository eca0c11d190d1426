"""The conversations. All routers, their order and who may use them stand on this one screen."""

from __future__ import annotations

from aiogram import Router
from aiogram.filters import Filter

from bot.domain.desk import Role
from handlers import admin, errors, membership, newsroom, posts, reading, search, settings, start, subscriptions
from handlers.middleware import HasRole, InPrivate, know_reader

__all__ = ["build_router"]


def build_router() -> Router:
    """A fresh tree of routers. An event goes down the list until somebody takes it.

    Behind the first line everything is private: groups and channels say nothing to us in this version.
    """
    root = Router(name="newsdesk")
    for observer in (root.message, root.callback_query, root.my_chat_member):
        observer.filter(InPrivate())
        observer.outer_middleware(know_reader)
    root.inline_query.outer_middleware(know_reader)
    root.include_routers(
        _room(errors.router),
        _room(membership.router),
        _room(admin.claims),  # one-time links, pressed by people who have no role yet
        _room(admin.router, HasRole(Role.OWNER)),
        _room(newsroom.router, HasRole(Role.EDITOR)),
        _room(start.router),
        _room(subscriptions.router),
        _room(settings.router),
        _room(reading.router),
        _room(posts.router),
        _room(search.finding),
        _room(search.router),  # takes whatever is left
    )
    return root


def _room(template: Router, *doors: Filter) -> Router:
    """A copy of a module's router behind its doors; aiogram lets each router have one parent only."""
    room = Router(name=template.name)
    for name, observer in template.observers.items():
        room.observers[name].handlers.extend(observer.handlers)
    if doors:
        room.message.filter(*doors)
        room.callback_query.filter(*doors)
    return room
