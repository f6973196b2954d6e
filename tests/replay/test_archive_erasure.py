"""Messages are erased from the archive's files, and from those that are written only later."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.archive import (
    ERASED,
    Erased,
    Place,
    compact,
    erase_messages,
    listed,
    partition_folder,
    read_kept,
    segments,
    write_segment,
)
from schemas import topics, wire
from tests.dispatch.dispatch_world import Journal, place
from tests.replay.kept_things import kept

TOPIC = topics.REPORTS.name
WORDS = "我是王小明"


def fill(root: Path, offsets: range, topic: str = TOPIC) -> Path:
    folder = partition_folder(root, topic, 0)
    for at in range(0, len(offsets), 4):
        some = offsets[at : at + 4]
        write_segment(folder, [kept(n, b"v%d" % n) for n in some], (some[0], some[-1]))
    return folder


def values(folder: Path) -> dict[int, bytes | None]:
    return {message.offset: message.value for message in read_kept(folder, gapless=False)}


def at(offset: int, **more: object) -> Place:
    return Place(topic=TOPIC, partition=0, offset=offset, **more)


@settings(max_examples=12)
@given(gone=st.sets(st.integers(0, 39), min_size=1, max_size=6))
def test_others_stay_byte_for_byte(tmp_path_factory, gone: set[int]) -> None:
    root = tmp_path_factory.mktemp("root")
    folder = fill(root, range(40))
    names = [segment.path.name for segment in segments(folder)]
    assert erase_messages(root, map(at, gone)) == len(gone)
    assert [segment.path.name for segment in segments(folder)] == names
    left = {n: message for n, message in values(folder).items() if n not in gone}
    assert left == {n: b"v%d" % n for n in range(40) if n not in gone}
    found = list(read_kept(folder, gapless=True))
    assert [message.offset for message in found] == list(range(40))
    assert {m.value for m in found if m.offset in gone} == {b'{"erased":true}'}
    assert {m.key for m in found if m.offset in gone} == {None}
    assert erase_messages(root, map(at, gone)) == 0
    assert listed(root) == []


def test_what_comes_later_is_never_written_in_clear(tmp_path: Path) -> None:
    folder = fill(tmp_path, range(4))
    assert erase_messages(tmp_path, [at(2), at(6)]) == 1
    assert listed(tmp_path) == [at(6)]
    later = Erased(listed(tmp_path)).without(TOPIC, 0, [kept(n) for n in range(4, 8)])
    write_segment(folder, later, (4, 7))
    assert values(folder)[6] == b'{"erased":true}'
    assert values(folder)[5] == b"v"


def test_joined_files_keep_what_is_erased_erased(tmp_path: Path) -> None:
    folder = partition_folder(tmp_path, TOPIC, 0)
    for n in range(16):
        write_segment(folder, [kept(n, b"v%d" % n)], (n, n))
    erase_messages(tmp_path, [at(3)])
    assert compact(folder) is not None
    assert values(folder)[3] == b'{"erased":true}'
    assert erase_messages(tmp_path, [at(4)]) == 1
    assert len(values(folder)) == 16


def test_of_two_logs_of_a_name_the_right_one_loses_it(tmp_path: Path) -> None:
    old, new = fill(tmp_path, range(4), f"{TOPIC}@old"), fill(tmp_path, range(4))
    moved = [message._replace(timestamp_ms=5) for message in read_kept(old)]
    segments(old)[0].path.unlink()
    write_segment(old, moved, (0, 3))
    assert erase_messages(tmp_path, [at(1, at_ms=5)]) == 1
    assert values(old)[1] == b'{"erased":true}'
    assert values(new)[1] == b"v1"


@pytest.mark.parametrize("partition", [0, 3])
def test_of_a_journal_entry_only_the_text_goes(tmp_path: Path, partition: int) -> None:
    noted = Journal().evidence("fire", "P1", place(1, 1))
    told = msgspec.structs.replace(noted.evidence, text=WORDS)
    noted = msgspec.structs.replace(noted, evidence=told)
    folder = partition_folder(tmp_path, topics.JOURNAL.name, partition)
    write_segment(folder, [kept(0, b"x"), kept(1, wire.encode(noted)), kept(2, b"{")], (0, 2))
    where = Place(topic=topics.JOURNAL.name, partition=None, offset=1, evidence=told.id)
    other = Place(topic=topics.JOURNAL.name, partition=None, offset=2, evidence=told.id)
    assert erase_messages(tmp_path, [where, other]) == 1
    left = list(read_kept(folder))
    expected = msgspec.structs.replace(noted, evidence=msgspec.structs.replace(told, text=ERASED))
    assert left[1].value == wire.encode(expected)
    assert (left[1].key, left[0].value, left[2].value) == (b"k", b"x", b"{")
