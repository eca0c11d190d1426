"""What a correction does to one copy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.delivery.copies import DELETABLE, Deed, decide, edition, meaning
from bot.domain.delivery import Copy, Outcome, Rejected, Sent, Wait
from bot.domain.post import Post, PostKind

POST = Post(1, PostKind.ARTICLE, 2, 1, 0, language="ru", title="Финал")
OTHER = replace(POST, id=2, version=3)


@pytest.mark.parametrize(
    ("version", "posts", "age", "deed"),
    [
        (1, [POST], 0, Deed.EDIT),
        (2, [POST], 0, Deed.NOTHING),
        (3, [POST], 0, Deed.NOTHING),
        (1, [replace(POST, withdrawn=True)], DELETABLE - 1, Deed.DELETE),
        (1, [replace(POST, withdrawn=True)], DELETABLE, Deed.EDIT),
        (4, [POST, replace(OTHER, withdrawn=True)], 0, Deed.EDIT),
        (5, [POST, replace(OTHER, withdrawn=True)], 0, Deed.NOTHING),
        (4, [replace(POST, withdrawn=True), replace(OTHER, withdrawn=True)], 0, Deed.DELETE),
    ],
)
def test_what_to_do_with_a_copy(version: int, posts: list[Post], age: int, deed: Deed) -> None:
    assert decide(Copy((7,), version, 1000), posts, now=1000 + age) is deed


def test_the_version_of_a_list_rises_with_any_of_its_posts() -> None:
    assert edition([POST, OTHER]) == 5


@pytest.mark.parametrize(
    ("outcome", "means"),
    [
        (Rejected("message is not modified: specified new message content is the same"), Sent(0)),
        (Rejected("message to delete not found"), Sent(0)),
        (Rejected("message can't be edited"), Rejected("message can't be edited")),
        (Wait(3, "flood"), Wait(3, "flood")),
    ],
)
def test_what_an_answer_means(outcome: Outcome, means: Outcome) -> None:
    assert meaning(outcome) == means
