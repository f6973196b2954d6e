"""Faust's monitor without what it does for every message.

It keeps histories and counts that nobody reads here, at several microseconds a message. What is
left is what Faust and the watchdog go by: committed offsets, and when a partition last moved.
"""

from time import monotonic

from faust.sensors.monitor import Monitor
from faust.types import TP


class QuietMonitor(Monitor):
    """Notes commits, and the time of each partition's last message."""

    def on_message_in(self, *_: object) -> None:
        """Note nothing."""

    def on_stream_event_in(self, tp: TP, *_: object) -> None:
        """Note when the partition moved: without it Faust takes its stream for slow."""
        self.stream_inbound_time[tp] = monotonic()

    def on_stream_event_out(self, *_: object) -> None:
        """Note nothing."""

    def on_message_out(self, *_: object) -> None:
        """Note nothing."""

    def track_tp_end_offset(self, *_: object) -> None:
        """Note nothing: the consumer is asked for it."""
