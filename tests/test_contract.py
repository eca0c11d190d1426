"""The API's document: what it demands is what is enforced, place and reason in one line."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.ops.contract import DOCUMENT, Mismatch, check, moment, resolve, schema_of

ARTICLE = {"url": "https://dala.example/1", "title": "Мост"}


def refused(operation: str, body: Any) -> str:
    with pytest.raises(Mismatch) as caught:
        check(body, schema_of(operation))
    return str(caught.value)


@pytest.mark.parametrize(
    ("operation", "body", "message"),
    [
        ("articles", [], "the body must be an object."),
        ("articles", {}, "articles is missing."),
        ("articles", {"articles": []}, "articles must have 1 items at least."),
        ("articles", {"articles": [ARTICLE] * 51}, "articles must have 50 items at most."),
        ("articles", {"articles": [{"url": "https://a.kz"}]}, "articles[0].title is missing."),
        ("article", {"headline": 1}, '"headline" is unknown; known are id, url,'),
        ("article", {"title": ""}, "title must have 1 characters at least."),
        ("article", {"title": 5}, "title must be a string."),
        ("article", {"title": True}, "title must be a string."),
        ("article", {"title": "\ud83d"}, "title holds a character that cannot be kept."),
        ("article", {"url": "ftp://a.kz"}, "url must be an http or https address."),
        ("article", {"url": "http://[::1"}, "url must be an http or https address."),
        ("article", {"section": "Спорт"}, "section does not match ^[a-z0-9]"),
        ("article", {"published": "2022-11-24T16:48"}, "published must be a moment"),
        ("article", {"categories": ["a", None]}, "categories[1] must be a string."),
        ("breaking", {"texts": {}}, "texts must have 1 entries at least."),
        ("breaking", {"texts": {"Russian": "x"}}, 'texts."Russian" does not match ^[a-z]{2,3}$.'),
        ("breaking", {"texts": {"ru": ["x"]}}, "texts.ru must be a string."),
    ],
)
def test_the_place_and_the_reason(operation: str, body: Any, message: str) -> None:
    if operation == "article":
        operation, body, message = "articles", {"articles": [ARTICLE | body]}, "articles[0]." + message
    assert refused(operation, body).startswith(message)


def test_what_answers_may_be_is_told_by_the_same_rules() -> None:
    begun = resolve("#/components/schemas/Begun")
    check({"draft": 1, "state": "review"}, begun)
    for wrong in ({"draft": 0, "state": "review"}, {"draft": 1, "state": "sent"}, {"draft": 1.5, "state": "review"}):
        with pytest.raises(Mismatch):
            check(wrong, begun)


def test_moments() -> None:
    assert moment("2022-11-24T16:48:00+06:00") == moment("2022-11-24T10:48:00Z") == 1669286880
    for wrong in ("24.11.2022", "2022-11-24T16:48:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00x"):
        assert moment(wrong) is None or wrong.startswith("0001")


def test_every_reference_leads_somewhere_and_every_object_is_closed() -> None:
    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                assert resolve(node["$ref"])
            if node.get("type") == "object":
                assert "additionalProperties" in node
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(DOCUMENT)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=150, deadline=None)
@given(JSON, st.sampled_from(["breaking", "articles", "check"]))
def test_any_value_passes_or_is_refused_in_one_line(value: Any, operation: str) -> None:
    said = ""
    try:
        check(value, schema_of(operation))
    except Mismatch as mismatch:
        said = str(mismatch)
    assert said.isprintable()
    assert len(said) < 300
