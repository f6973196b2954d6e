"""Replay: run the archive's journal through the same core, and compare with the ledger.

================  ==========================================================================
module            what it holds
================  ==========================================================================
``run``           `run_replay`: one replay from beginning to end, and its `Report`
``reader``        `find_partition`, `read_journal`: the archive's journal, entry by entry
``player``        `play`, `Window`, `Pace`: run a journal through the core
``compare``       `Comparison`: equal to the record, byte for byte, or not
``difference``    `Difference`: the first difference of two lists of effects
``changes``       `changes_since`: rules that later versions have changed
``cities``        `kept_routers`: routers for the cities that a journal names
``fence_replay``  `tell_again`: fence events from the archive's positions
``tally``         `Tally`: counts of entries and effects
``errors``        `ReplayError`: `JournalMissing`, `NothingRecorded`, `ArchiveLags`,
                  `EntryFailed`, `BadWindow`
================  ==========================================================================

A replay always starts at the first entry that the ledger applied. The core's state before the
window is computed, not loaded; the window only limits which entries are paced, shown and compared.
"""
