"""Documents for others, made from the types: JSON Schema a topic, and one AsyncAPI 3 document.

``python -m schemas.generate`` writes them to ``schemas/generated``; a test fails when they
are stale. ``schemas/released`` holds those of the last release, which readers elsewhere were
built against: a test fails when a message of today could not be read by them.
"""

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from schemas import codes, effects, snapshot
from schemas.envelope import SPEC_VERSION
from schemas.topics import CITY, Topic, all_topics

GENERATED = Path(__file__).parent / "generated"
RELEASED = Path(__file__).parent / "released"

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_HEADERS = {
    "ce_specversion": {"type": "string", "const": SPEC_VERSION},
    "ce_id": {"type": "string", "description": "unique with ce_source; repeats are the same event"},
    "ce_source": {"type": "string", "format": "uri-reference"},
    "ce_type": {"type": "string"},
    "ce_time": {"type": "string", "format": "date-time"},
    "ce_subject": {"type": "string"},
    "ce_correlationid": {"type": "string"},
    "ce_causationid": {"type": "string"},
    "ce_traceparent": {"type": "string"},
    "ce_journal": {
        "type": "string",
        "description": "of what the core decided: region/offset of the entry that caused it",
    },
    "content-type": {"type": "string", "const": "application/json"},
}
_REQUIRED_HEADERS = ["ce_specversion", "ce_id", "ce_source", "ce_type"]


def json_schema(kind: Any, title: str) -> dict[str, Any]:  # noqa: ANN401 - unions
    """Return the JSON Schema (2020-12) of a message type."""
    (schema,), components = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    return {"$schema": _DIALECT, "title": title, **schema, "$defs": components}


def asyncapi() -> dict[str, Any]:
    """Return the AsyncAPI 3 document of all topics a subscriber or producer may meet."""
    topics = all_topics(tuple(codes.departments()))
    types = {topic.type: topic for topic in CITY}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Jingwei",
            "version": "1",
            "description": "City events in, incidents and dispatches out. CloudEvents 1.0 in "
            "binary content mode over Kafka; see each topic's key.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in topics},
        "operations": {_operation_name(topic): _operation(topic) for topic in topics},
        "components": {
            "messages": {kind: _message(topic) for kind, topic in types.items()}
            | {"dead-letter": _dead_letter()},
            "messageTraits": {
                "cloudevent": {
                    "headers": {
                        "type": "object",
                        "required": _REQUIRED_HEADERS,
                        "properties": _HEADERS,
                    }
                }
            },
        },
    }


def _topic_schema(topic: Topic) -> dict[str, Any]:
    """Return the schema of a topic's messages.

    Subscribers elsewhere read codes as text: the tables grow, and a new code must break nobody.
    """
    schema = json_schema(topic.message, topic.type)
    if topic.role == "output":
        schema["$defs"] = {name: _with_open_codes(part) for name, part in schema["$defs"].items()}
    return schema


def _with_open_codes(part: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(part, list):
        return [_with_open_codes(item) for item in part]
    if not isinstance(part, dict):
        return part
    codes_ = [code for code in part.get("enum", ()) if code is not None]
    if len(codes_) > 1 and all(isinstance(code, str) for code in codes_):
        return {key: value for key, value in part.items() if key != "enum"} | {"type": "string"}
    return {name: _with_open_codes(value) for name, value in part.items()}


def documents() -> dict[str, str]:
    """Return every generated file's text by its name."""
    found: dict[str, Any] = {f"{topic.name}.schema.json": _topic_schema(topic) for topic in CITY}
    found["effects.schema.json"] = json_schema(effects.Effect, "effects of one journal entry")
    found["snapshot.schema.json"] = json_schema(snapshot.Snapshot, "a region's state")
    found["asyncapi.json"] = asyncapi()
    texts = {
        name: json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        for name, document in sorted(found.items())
    }
    return texts | {"topics.md": topic_table()}


def topic_table() -> str:
    """Return the topic table as a page for people."""
    lines = [
        "# Topics",
        "",
        "Made from `schemas/topics.py` by `python -m schemas.generate`. Every message is a",
        "CloudEvent 1.0 in binary mode: headers `ce_specversion`, `ce_id`, `ce_source`,",
        "`ce_type`; the value is JSON by the schema beside this page. The structured mode",
        "(`application/cloudevents+json`, one event a message) is read as well.",
        "",
        "| topic | key | what | `ce_type` | partitions | kept | restricted |",
        "|---|---|---|---|---|---|---|",
    ]
    for topic in all_topics(tuple(codes.departments())):
        days = topic.retention_ms // 86_400_000
        kept = "newest of each key" if topic.cleanup == "compact" else f"{days} d"
        restricted = "yes" if topic.restricted else ""
        lines.append(
            f"| `{topic.name}` | {topic.key} | {topic.about} | `{topic.type}` |"
            f" {topic.partitions} | {kept} | {restricted} |"
        )
    return "\n".join(lines) + "\n"


def write(folder: Path) -> list[Path]:
    """Write all documents into a folder and return their paths; files not of ours are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in documents().items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def _is_dead_letters(topic: Topic) -> bool:
    return topic.message is None


def _channel(topic: Topic) -> dict[str, Any]:
    message = "dead-letter" if _is_dead_letters(topic) else topic.type
    return {
        "address": topic.name,
        "description": f"{topic.about}. Key: {topic.key}."
        + (" Restricted: may hold personal data." if topic.restricted else ""),
        "messages": {message: {"$ref": f"#/components/messages/{message}"}},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": {
                    "cleanup.policy": [topic.cleanup],
                    **({"retention.ms": topic.retention_ms} if topic.cleanup == "delete" else {}),
                },
                "bindingVersion": "0.5.0",
            }
        },
    }


def _operation_name(topic: Topic) -> str:
    return f"{'read' if topic.role == 'input' else 'write'}:{topic.name}"


def _operation(topic: Topic) -> dict[str, Any]:
    return {
        "action": "receive" if topic.role == "input" else "send",
        "channel": {"$ref": f"#/channels/{topic.name}"},
    }


def _message(topic: Topic) -> dict[str, Any]:
    return {
        "name": topic.type,
        "title": topic.about,
        "contentType": "application/json",
        "traits": [{"$ref": "#/components/messageTraits/cloudevent"}],
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": {"$ref": f"./{topic.name}.schema.json"},
        },
        "bindings": {"kafka": {"key": {"type": "string", "description": topic.key}}},
    }


def _dead_letter() -> dict[str, Any]:
    return {
        "name": "dead-letter",
        "title": "a message that could not be used: its own bytes and headers, and why",
        "headers": {
            "type": "object",
            "properties": {
                "dlq_reason": {"type": "string"},
                "dlq_error": {"type": "string"},
                "dlq_agent": {"type": "string"},
                "dlq_topic": {"type": "string"},
                "dlq_partition": {"type": "string"},
                "dlq_offset": {"type": "string"},
            },
        },
    }


if __name__ == "__main__":
    for written_path in write(GENERATED):
        sys.stdout.write(f"{written_path.name}\n")
