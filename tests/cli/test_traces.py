"""Whether a raw message is somebody's, by what their contact says."""

import json

import pytest

from cli.traces import Traces
from infra.ledger.outbox import pack_headers

HEADERS = pack_headers([("ce_id", b"1")])


def traces(**contact: str) -> Traces:
    found = Traces()
    found.add(contact)
    return found


@pytest.mark.parametrize(
    "said",
    [
        "13800138000",
        "+86 138 0013 8000",
        "138-0013-8000",
        "（１３８）００１３·８０００",
        "86-13800138000",
    ],
)
@pytest.mark.parametrize("known", ["13800138000", "+86 138-0013-8000", "１３８００１３８０００"])
def test_a_number_is_found_in_any_spelling(said: str, known: str) -> None:
    asked = traces(phone=known)
    assert asked.match(None, json.dumps({"contact": {"phone": said}}).encode(), HEADERS)
    assert asked.match(None, f"not JSON, 电话{said}.".encode(), HEADERS)
    assert asked.match(said.encode(), None, HEADERS)
    assert asked.match(None, b"{}", pack_headers([("ce_id", f"app/{said}".encode())]))
    assert asked.share({"phone": said})


@pytest.mark.parametrize("said", ["138001380001", "213800138000", "13800138001", "1380013", ""])
def test_another_number_is_not(said: str) -> None:
    asked = traces(phone="13800138000")
    assert not asked.match(None, f'{{"phone": "{said}"}}'.encode(), HEADERS)
    assert not asked.share({"phone": said})


def test_addresses_are_found_and_names_are_not_looked_for() -> None:
    asked = traces(name="王伟", email="W.Wei@Example.com")
    assert asked.match(None, b'{"email": "w.wei@example.COM"}', HEADERS)
    assert not asked.match(None, '{"name": "王伟"}'.encode(), HEADERS)
    assert not traces(name="王伟")
    assert not traces(phone="110")
    assert traces(reporter_ref="caller-77").match(None, b'{"reporter_ref": "caller-77"}', HEADERS)
    assert "Example" not in repr(asked)


@pytest.mark.parametrize("value", [None, b"", b"\xff\xfe", b"[" * 100_000, b'"\\ud800"'])
def test_no_message_is_too_strange(value: bytes | None) -> None:
    assert not traces(phone="13800138000").match(value, value, HEADERS)
