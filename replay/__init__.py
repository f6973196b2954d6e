"""The past again: the archive's journal through the same core, and what differs.

::

    replay.reader    find_partition(root, region) -> int
                     read_journal(root, partition, region, start=0) -> Iterator[Journaled]
    replay.player    Window(start, end), parse_bound(text)
                     Pace(speed)                          journal time to the wall clock's
                     play(journal, core, window, pace, buried) -> Iterator[Applied]
    replay.compare   Comparison()  .add(applied, recorded)  .equal  .sha256  .difference
    replay.difference  Difference(offset, entry_id, entry_kind, effect, field, recorded, replayed)
    replay.tally     Tally(): what happened, counted
    replay.run       run_replay(connection, root, region, routers, watch, ...) -> Report
    replay.changes   changes_since(decided_by, first) -> tuple[Change(version, rule, page), ...]
    replay.cities    kept_routers(root, url) -> routers(digest) -> Router
    replay.fence_events  watched(connection, group), await_archive(root, parts),
                     tell_again(root, parts, watch_of, names) -> Iterator[FenceEvent]
    replay.errors    ReplayError: JournalMissing, NothingRecorded, ArchiveLags, EntryFailed,
                     BadWindow

A replay always starts at the first entry that the ledger applied: the core's state before the
window is computed, not loaded, so the window only says what is paced, shown and compared.
"""
