"""The conversations. All routers, their order and who may use them stand on this one screen."""

from __future__ import annotations

from aiogram import Router
from aiogram.filters import Filter

from bot.domain.desk import Role
from handlers import (
    account,
    admin,
    approvals,
    article,
    audit,
    channels,
    corrections,
    deskgroup,
    draftpress,
    errors,
    feeds,
    groups,
    hands,
    membership,
    moved,
    newsroom,
    posts,
    promo,
    queue,
    reading,
    search,
    settings,
    start,
    stats,
    stories,
    subscriptions,
    why,
    wording,
    zones,
)
from handlers.middleware import AnyGroup, AtDesk, HasRole, InChannel, InGroup, InPrivate, calm, know_reader

__all__ = ["build_router"]


def build_router() -> Router:
    """A fresh tree of routers. An event goes down the list until somebody takes it; what no door lets in is left."""
    root = Router(name="newsdesk")
    for observer in (root.message, root.callback_query, root.my_chat_member, root.inline_query):
        observer.outer_middleware(know_reader)
        observer.outer_middleware(calm)
    root.include_routers(_room(errors.router), _private(), _groups(), _channels(), _desk())
    return root


def _private() -> Router:
    """People in their private chats; inline questions come from anywhere, and only the asker sees the answer."""
    private = Router(name="private")
    for observer in (private.message, private.callback_query, private.my_chat_member):
        observer.filter(InPrivate())
    private.include_routers(
        _room(membership.router),
        _room(admin.claims),  # one-time links, pressed by people who have no role yet
        _room(admin.router, HasRole(Role.OWNER)),
        _room(feeds.router, HasRole(Role.EDITOR)),
        _room(audit.router, HasRole(Role.OWNER)),
        _room(channels.router, HasRole(Role.OWNER)),
        _room(stats.router, HasRole(Role.EDITOR)),
        *_editors(),
        _room(corrections.readers),
        _room(promo.readers),
        _room(moved.router),
        _room(groups.router),
        _room(start.router),
        _room(subscriptions.router),
        _room(settings.router),
        _room(account.router),
        _room(wording.router),
        _room(zones.router),
        _room(reading.router),
        _room(posts.router),
        _room(why.router),
        _room(article.router),
        _room(search.finding),
        _room(newsroom.plain, HasRole(Role.EDITOR)),
        _room(why.linked),
        _room(search.router),  # takes whatever is left
        _room(search.stale),
    )
    return private


def _groups() -> Router:
    """What concerns any group: whether it is to be the desk's, whether it gets news, and what becomes of it."""
    places = Router(name="groups")
    places.include_routers(
        _room(deskgroup.router, InGroup(), HasRole(Role.OWNER)),
        _room(deskgroup.changes),
        _room(groups.events, AnyGroup()),
    )
    return places


def _channels() -> Router:
    """What happens in channels: rights given and taken, posts by hand in those that are a source."""
    places = Router(name="channels")
    for observer in (places.my_chat_member, places.channel_post, places.edited_channel_post):
        observer.filter(InChannel())
    places.include_routers(_room(channels.events), _room(hands.events))
    return places


def _desk() -> Router:
    """The desk's group: only people with rights are heard there."""
    desk = Router(name="desk")
    for observer in (desk.message, desk.callback_query):
        observer.filter(AtDesk())
    desk.include_routers(
        _room(admin.router, HasRole(Role.OWNER)),
        _room(feeds.router, HasRole(Role.EDITOR)),
        _room(audit.router, HasRole(Role.OWNER)),
        _room(stats.router, HasRole(Role.EDITOR)),
        *_editors(),
        _room(newsroom.plain, HasRole(Role.EDITOR)),
        _room(search.stale),
    )
    return desk


def _editors() -> list[Router]:
    """What editors do, in private and at the desk."""
    rooms = (draftpress, approvals, queue, corrections, stories, hands, promo, newsroom)
    return [_room(room.router, HasRole(Role.EDITOR)) for room in rooms]


def _room(template: Router, *doors: Filter) -> Router:
    """A copy of a module's router behind its doors; aiogram lets each router have one parent only."""
    room = Router(name=template.name)
    for name, observer in template.observers.items():
        room.observers[name].handlers.extend(observer.handlers)
    if doors:
        for observer in (room.message, room.callback_query, room.my_chat_member):
            observer.filter(*doors)
    return room
