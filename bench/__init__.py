"""Speed, measured: ``python -m bench NAME --json``, one module a claim.

A benchmark prints one JSON object: ``figures`` (ours), ``peers`` (the same work done by others
in the same run), ``ratios`` (ours against theirs) and ``machine``. It has no pass mark and is
never part of the tests. ``triage`` measures how right answers are, not only how fast.
"""
