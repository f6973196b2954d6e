"""Faust's manager of tables, for an app that has none."""

from faust.tables import TableManager


class NoTables(TableManager):
    """Starts at once.

    Faust's own waits a second for agents to bring their tables, and reads nothing until then: a
    worker has none, and what it takes over waits so much less. Its agents have named their topics
    before this starts.
    """

    async def on_start(self) -> None:
        """Say that all tables are there."""
        if self:
            raise RuntimeError(f"this app has no tables, but some were declared: {', '.join(self)}")
        await self._update_channels()
        await self.recovery.start()
