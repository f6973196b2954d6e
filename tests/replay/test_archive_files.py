import threading
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.archive import (
    ArchiveDamaged,
    ArchiveGap,
    CityMissing,
    Kept,
    archive_root,
    city_folder,
    compact,
    keep_city,
    kept_partitions,
    next_offset,
    partition_folder,
    read_kept,
    segments,
    write_segment,
)
from tests.replay.kept_things import kept

_BYTES = st.none() | st.binary(max_size=50)


@st.composite
def messages(draw: st.DrawFn) -> list[Kept]:
    offsets = sorted(draw(st.sets(st.integers(0, 2**40), min_size=1, max_size=20)))
    headers = st.lists(st.tuples(st.text(max_size=8), _BYTES), max_size=4).map(tuple)
    return [
        Kept(
            offset,
            draw(st.integers(0, 4_000_000_000_000)),
            draw(st.integers(0, 1)),
            draw(_BYTES),
            draw(_BYTES),
            draw(headers),
        )
        for offset in offsets
    ]


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(messages())
def test_messages_come_back_as_they_were(tmp_path_factory, batch):
    folder = partition_folder(tmp_path_factory.mktemp("a"), "topic", 7)
    segment = write_segment(folder, batch)
    assert list(read_kept(folder)) == batch
    assert segment.path.name == f"{batch[0].offset:020d}-{batch[-1].offset:020d}.parquet"
    assert next_offset(folder) == batch[-1].offset + 1
    assert [path.name for path in folder.iterdir()] == [segment.path.name]


def test_the_columns_of_a_file_say_where_it_comes_from(tmp_path):
    folder = partition_folder(tmp_path, "city.journal", 3)
    table = pq.ParquetFile(write_segment(folder, [kept(5)]).path).read()
    assert table.column("topic").to_pylist() == ["city.journal"]
    assert table.column("partition").to_pylist() == [3]
    assert kept_partitions(tmp_path, "city.journal") == [3]


def test_overlapping_files_give_every_offset_once(tmp_path):
    folder = tmp_path / "t" / "0"
    write_segment(folder, [kept(i) for i in range(6)])
    write_segment(folder, [kept(i) for i in range(3, 10)])
    write_segment(folder, [kept(i) for i in range(10)])
    assert [m.offset for m in read_kept(folder, gapless=True)] == list(range(10))
    assert [m.offset for m in read_kept(folder, start=4, gapless=True)] == list(range(4, 10))


@pytest.mark.parametrize(
    ("offsets", "missing"),
    [([[0, 1], [4, 5]], (2, 3)), ([[0, 1, 3]], (2, 2)), ([[7, 8]], (0, 6))],
)
def test_missing_offsets_are_named(tmp_path, offsets, missing):
    folder = tmp_path / "t" / "0"
    for part in offsets:
        write_segment(folder, [kept(i) for i in part])
    with pytest.raises(ArchiveGap, match=str(missing[0])) as caught:
        list(read_kept(folder, gapless=True))
    assert (caught.value.first, caught.value.last) == missing
    assert [m.offset for m in read_kept(folder)] == [i for part in offsets for i in part]


def test_what_the_broker_never_had_is_no_loss(tmp_path):
    folder = tmp_path / "t" / "0"
    write_segment(folder, [kept(1), kept(4)], covers=(0, 5))
    write_segment(folder, [kept(7)], covers=(6, 9))
    assert [m.offset for m in read_kept(folder, gapless=True)] == [1, 4, 7]
    assert [m.offset for m in read_kept(folder, 3, gapless=True)] == [4, 7]
    assert next_offset(folder) == 10
    write_segment(folder, [kept(12)], covers=(11, 12))
    with pytest.raises(ArchiveGap, match="offset 10 is missing"):
        list(read_kept(folder, gapless=True))


def test_joining_files_neither_hides_a_loss_nor_makes_one_up(tmp_path):
    folder = tmp_path / "t" / "0"
    for first in [*range(0, 100, 3), *range(200, 300, 3)]:  # 102 to 199 are lost
        write_segment(folder, [kept(first)], covers=(first, first + 2))
        compact(folder)
    assert len(segments(folder)) < 20
    with pytest.raises(ArchiveGap, match="offsets 102 to 199 are missing"):
        list(read_kept(folder, gapless=True))
    after = [m.offset for m in read_kept(folder, 200, gapless=True)]
    assert after == list(range(200, 300, 3))
    old = tmp_path / "t" / "1"  # files that do not say what they cover, before those that do
    for offset in range(8):
        write_segment(old, [kept(offset)])
    write_segment(old, [kept(8), kept(10)])
    for first in range(11, 80, 2):
        write_segment(old, [kept(first)], covers=(first, first + 1))
        compact(old)
    with pytest.raises(ArchiveGap, match="offset 9 is missing"):
        list(read_kept(old, gapless=True))
    assert [m.offset for m in read_kept(old, 10, gapless=True)] == [10, *range(11, 80, 2)]


def test_a_damaged_file_does_not_keep_new_messages_out(tmp_path):
    folder = tmp_path / "t" / "0"
    spoilt = write_segment(folder, [kept(0)], covers=(0, 0)).path
    spoilt.write_bytes(b"PAR1")
    for offset in range(1, 40):
        write_segment(folder, [kept(offset)], covers=(offset, offset))
        compact(folder)
    assert [m.offset for m in read_kept(folder, 1, gapless=True)] == list(range(1, 40))
    with pytest.raises(ArchiveDamaged, match=spoilt.name):
        list(read_kept(folder, gapless=True))


def test_a_damaged_file_is_named(tmp_path):
    folder = tmp_path / "t" / "0"
    path = write_segment(folder, [kept(0)]).path
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ArchiveDamaged, match=path.name):
        list(read_kept(folder))


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=60))
def test_compaction_changes_nothing_that_is_read(tmp_path_factory, sizes):
    folder = tmp_path_factory.mktemp("a") / "t" / "0"
    offset = 0
    for size in sizes:
        write_segment(folder, [kept(i) for i in range(offset, offset + size)])
        offset += size
        compact(folder)
    assert [m.offset for m in read_kept(folder, gapless=True)] == list(range(offset))
    assert next_offset(folder) == offset
    assert len(segments(folder)) <= 16 * 3


def test_a_compaction_that_was_cut_short_is_harmless(tmp_path):
    folder = tmp_path / "t" / "0"
    old = [write_segment(folder, [kept(i)]) for i in range(16)]
    copies = {segment.path: segment.path.read_bytes() for segment in old}
    assert compact(folder) is not None
    for path, content in list(copies.items())[5:]:
        path.write_bytes(content)
    assert [m.offset for m in read_kept(folder, gapless=True)] == list(range(16))
    for i in range(16, 40):
        write_segment(folder, [kept(i)])
        compact(folder)
    assert [m.offset for m in read_kept(folder, gapless=True)] == list(range(40))


def test_reading_goes_on_while_files_are_written_and_joined(tmp_path):
    folder = tmp_path / "t" / "0"
    write_segment(folder, [kept(0)])
    done = threading.Event()

    def write() -> None:
        for i in range(1, 120):
            write_segment(folder, [kept(i)])
            compact(folder)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        offsets = [m.offset for m in read_kept(folder, gapless=True)]
        assert offsets == list(range(len(offsets)))
    writer.join()
    assert [m.offset for m in read_kept(folder, gapless=True)] == list(range(120))


def test_cities_are_copied_once(tmp_path):
    city = tmp_path / "city"
    (city / "inner").mkdir(parents=True)
    (city / "inner" / "streets").write_text("x")
    root = archive_root(tmp_path / "archive", "cluster/../id", "postgresql://h/db?x=1")
    assert root == tmp_path / "archive" / "cluster____id-db"
    assert root.stat().st_mode & 0o777 == 0o700
    with pytest.raises(CityMissing, match="abc"):
        city_folder(root, "abc")
    copy = keep_city(root, city, "abc")
    (city / "inner" / "streets").write_text("changed afterwards")
    assert keep_city(root, city, "abc") == copy == city_folder(root, "abc")
    assert (copy / "inner" / "streets").read_text() == "x"
    assert [path.name for path in Path(root, "cities").iterdir()] == ["abc"]
