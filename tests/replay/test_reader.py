"""What a replay takes for journal entries is what the worker takes for such."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.archive import Kept, partition_folder, read_kept, write_segment
from intake.errors import BadInput
from intake.validate import check_id
from replay.errors import JournalMissing
from replay.reader import find_partition, read_journal
from schemas import topics, wire
from schemas.envelope import Envelope
from schemas.ids import id_fault
from schemas.journal import AddNote, Command
from tests.dispatch.dispatch_world import REGION
from tests.replay.kept_things import PARTITION, keep_journal, kept, story


@given(st.text(max_size=5) | st.text(min_size=198, max_size=203))
def test_ids_are_refused_alike(text):
    refused = None
    with contextlib.suppress(BadInput):
        check_id(text, "id")
        refused = False
    assert (id_fault(text) is None) == (refused is False)


def test_messages_that_are_no_entries_are_told(tmp_path):
    keep_journal(tmp_path, story()[:2])
    folder = partition_folder(tmp_path, topics.JOURNAL.name, PARTITION)
    good = list(read_journal(tmp_path, PARTITION, REGION))
    assert [journaled.offset for journaled in good] == [1, 3, 4]
    assert [journaled.entry is None for journaled in good] == [False, False, True]
    assert good[2].fault
    without_headers = kept(5, value=b"{}", key=REGION.encode())
    write_segment(folder, [without_headers, without_headers._replace(offset=6, value=None)])
    without_header, without_value = list(read_journal(tmp_path, PARTITION, REGION))[3:]
    assert "ce_specversion" in without_header.fault
    assert "no value" in without_value.fault


def test_a_region_is_found_by_its_key(tmp_path):
    with pytest.raises(JournalMissing, match="it is empty"):
        find_partition(tmp_path, REGION)
    keep_journal(tmp_path, story()[:2])
    assert find_partition(tmp_path, REGION) == PARTITION
    with pytest.raises(JournalMissing, match="it has elsewhere, test"):
        find_partition(tmp_path, "nowhere")
    folder = partition_folder(tmp_path, topics.JOURNAL.name, 0)
    write_segment(folder, [kept(0, key=b"310106")])
    usual = partition_folder(tmp_path, topics.JOURNAL.name, 3)
    write_segment(usual, [kept(10_000, key=b"310106")])
    assert find_partition(tmp_path, "310106") == 3, "a stray message does not mislead"


def test_a_header_without_a_value_is_an_empty_one_as_for_the_worker(tmp_path):
    keep_journal(tmp_path, story()[:1])
    last = list(read_kept(partition_folder(tmp_path, topics.JOURNAL.name, PARTITION)))[1]
    headers = (*last.headers, ("ce_correlationid", None), ("other", None))
    folder = partition_folder(tmp_path, topics.JOURNAL.name, PARTITION)
    write_segment(folder, [last._replace(offset=3, headers=headers)])
    found = list(read_journal(tmp_path, PARTITION, REGION))
    assert [journaled.offset for journaled in found if journaled.entry is not None] == [1, 3]


def test_a_command_too_large_to_be_acted_on_is_no_entry(tmp_path):
    def command(text: str) -> Kept:
        entry = Command(
            id=text[:9], region=REGION, operator="o", incident="i", action=AddNote(text=text)
        )
        envelope = Envelope(id=entry.id, source="test", type=topics.JOURNAL.type)
        value = wire.encode(entry)
        return kept(0, value, REGION.encode())._replace(headers=tuple(envelope.headers()))

    folder = partition_folder(tmp_path, topics.JOURNAL.name, PARTITION)
    write_segment(folder, [command("x" * 5_000), command("x" * 5_001)._replace(offset=1)])
    good, bad = read_journal(tmp_path, PARTITION, REGION)
    assert good.entry is not None
    assert "action.text has 5001 characters" in bad.fault
