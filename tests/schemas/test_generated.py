"""The checked-in documents are today's, and yesterday's readers can read today's messages."""

import json

import jsonschema
import pytest

from schemas import codes, generate
from schemas.compat import breaks
from schemas.topics import all_topics

NAMES = sorted(generate.documents())
SCHEMAS = [name for name in NAMES if name.endswith(".schema.json")]


@pytest.mark.parametrize("name", NAMES)
def test_checked_in_documents_are_fresh(name):
    path = generate.GENERATED / name
    assert path.exists(), f"run python -m schemas.generate: {name} is missing"
    assert path.read_text(encoding="utf-8") == generate.documents()[name], (
        f"{name} is stale: run python -m schemas.generate"
    )


def test_nothing_else_is_checked_in():
    assert sorted(p.name for p in generate.GENERATED.iterdir()) == NAMES


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_valid(name):
    jsonschema.Draft202012Validator.check_schema(json.loads(generate.documents()[name]))


@pytest.mark.parametrize("name", SCHEMAS)
def test_older_readers_and_writers_still_work(name):
    released = generate.RELEASED / name
    assert released.exists(), f"{name} was never released: copy it to schemas/released"
    old = json.loads(released.read_text(encoding="utf-8"))
    new = json.loads(generate.documents()[name])
    assert breaks(written=new, read=old) == [], "an older reader would refuse today's messages"
    assert breaks(written=old, read=new) == [], "today's reader would refuse older messages"


def test_asyncapi_names_every_topic():
    document = json.loads(generate.documents()["asyncapi.json"])
    names = {topic.name for topic in all_topics(tuple(codes.departments()))}
    assert set(document["channels"]) == names
    for channel in document["channels"].values():
        for message in channel["messages"].values():
            kind = message["$ref"].removeprefix("#/components/messages/")
            assert kind in document["components"]["messages"]


OLD = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "at": {"type": "string", "format": "date-time"},
        "size": {"type": "number"},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "kind": {"enum": ["a", "b"]},
        "part": {"anyOf": [{"$ref": "#/$defs/One"}, {"$ref": "#/$defs/Two"}]},
        "list": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["id", "at"],
    "$defs": {
        "One": {
            "type": "object",
            "properties": {"tag": {"enum": ["one"]}, "x": {"type": "integer"}},
            "required": ["tag", "x"],
        },
        "Two": {"type": "object", "properties": {"tag": {"enum": ["two"]}}, "required": ["tag"]},
    },
}


def changed(edit):
    new = json.loads(json.dumps(OLD))
    edit(new)
    return new


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda s: s["required"].remove("id"), "$.id: may be missing"),
        (lambda s: s["properties"].__setitem__("id", {"type": "integer"}), "$.id: was string"),
        (lambda s: s["properties"]["at"].pop("format"), "$.at: no longer"),
        (lambda s: s["properties"]["kind"]["enum"].append("c"), "$.kind: values"),
        (lambda s: s["properties"]["note"]["anyOf"].append({"type": "integer"}), "integer"),
        (lambda s: s["$defs"]["One"]["required"].remove("x"), "$.part.x: may be missing"),
        (
            lambda s: s["$defs"]["One"]["properties"].__setitem__("tag", {"enum": ["three"]}),
            "tag=three is not known",
        ),
        (lambda s: s["properties"]["list"].__setitem__("items", {"type": "number"}), "$.list[]"),
    ],
)
def test_what_would_break_an_older_reader_is_found(edit, says):
    found = breaks(written=changed(edit), read=OLD)
    assert found
    assert any(says in reason for reason in found)


@pytest.mark.parametrize(
    "edit",
    [
        lambda s: None,
        lambda s: s["properties"].__setitem__("more", {"type": "string"}),
        lambda s: s["required"].append("size"),
        lambda s: s["properties"].__setitem__("size", {"type": "integer"}),
    ],
)
def test_what_an_older_reader_can_live_with_is_not(edit):
    assert breaks(written=changed(edit), read=OLD) == []
