"""``jingwei retention plan | run``: what is older than it is to be kept."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import asyncpg
import msgspec
import typer

from cli.asking import actor, where
from cli.output import progress, write_json, write_table
from cli.services import HomeOption, JsonOption
from infra.archive import archive_root, cluster_id, erase_messages, kept_partitions
from infra.archive.retention import delete_old_files, old_files
from infra.ledger import audit, erasure, retention
from infra.ledger.pool import connect, reading, transaction
from infra.retention import Rule, load_rules
from infra.settings import Endpoints
from schemas import codes, topics

COLUMNS = ("where", "what", "days", "goes", "oldest", "about")
_DAY_MS = 86_400_000
FileOption = Annotated[
    Path | None,
    typer.Option(
        "--file", metavar="CSV", help="Days that replace the built-in ones: kind,name,days."
    ),
]


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """What of one rule is too old: rows of the ledger, files of the archive.

    ``goes`` is None where it is not known: for topics, whose messages Kafka deletes.
    """

    kind: str
    name: str
    days: float | None
    goes: int | None
    oldest: datetime | None
    about: str


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    group = typer.Typer(no_args_is_help=True, help="Delete data older than its retention period.")
    group.command()(plan)
    group.command()(run)
    app.add_typer(group, name="retention")


def plan(home: HomeOption = None, *, file: FileOption = None, as_json: JsonOption = False) -> None:
    """Show what would be deleted, and nothing else; Kafka deletes by its topics' own times."""
    rules = load_rules(file)
    found = asyncio.run(_plan(where(home), rules))
    if as_json:
        write_json(found)
        return
    rows = (
        (
            one.kind,
            one.name,
            "for ever" if one.days is None else f"{one.days:g}",
            one.goes,
            None if one.oldest is None else f"{one.oldest:%Y-%m-%d}",
            one.about,
        )
        for one in found
    )
    write_table(COLUMNS, rows, "")
    progress("effects and the journal are kept: every replay stays exact")


def run(home: HomeOption = None, *, file: FileOption = None, as_json: JsonOption = False) -> None:
    """Delete what is too old, in small transactions; stop it at any time, and start it again.

    Nothing of an open incident goes. Run it where the archive is, once a day.
    """
    rules = load_rules(file)
    done = asyncio.run(_run(where(home), rules))
    if as_json:
        write_json(done)
        return
    for name, count in done.items():
        typer.echo(f"{count:>9}  {name}")


async def _plan(endpoints: Endpoints, rules: Iterable[Rule]) -> list[Item]:
    now, root = datetime.now(UTC), await _archive(endpoints)
    found = []
    async with _owner(endpoints) as conn, reading(conn) as tx:
        for rule in rules:
            before = rule.before(now)
            old = retention.Old(0, None)
            if before is not None and rule.kind == "ledger":
                old = await retention.plan(tx, rule.name, before)
            elif before is not None and root is not None:
                times = [first for _, first in old_files(root, rule.name, before)]
                old = retention.Old(len(times), min(times, default=None))
            found.append(
                Item(
                    kind=rule.kind,
                    name=rule.name,
                    days=rule.days,
                    goes=old.rows,
                    oldest=old.oldest,
                    about=rule.about,
                )
            )
    return found + await _topics(endpoints)


async def _topics(endpoints: Endpoints) -> list[Item]:
    from streams.topics import retention_of  # noqa: PLC0415 - the room loads Faust

    every = topics.all_topics(tuple(codes.departments()))
    kept = await retention_of(endpoints.bootstrap, every)
    return [
        Item(
            kind="topic",
            name=topic.name,
            days=None if (ms := kept[topic.name]) is None else ms / _DAY_MS,
            goes=None,
            oldest=None,
            about="the last message of each key stays"
            if topic.cleanup == "compact"
            else "as the broker has it (retention.ms); Kafka deletes by itself",
        )
        for topic in every
    ]


async def _run(endpoints: Endpoints, rules: list[Rule]) -> dict[str, int]:
    now, root = datetime.now(UTC), await _archive(endpoints)
    done: dict[str, int] = {}
    async with _owner(endpoints) as conn:
        async with transaction(conn) as tx:
            days = {f"{rule.kind} {rule.name}": rule.days for rule in rules}
            await audit.write(tx, actor(), "retention_begins", "retention", days=days)
        for rule in rules:
            before = rule.before(now)
            if before is None:
                continue
            name, count = f"{rule.kind} {rule.name}", 0
            if rule.kind == "ledger":
                async for rows in retention.run(conn, rule.name, before):
                    count += rows
                    progress(f"{name}: {count}")
            elif root is not None:
                count = await asyncio.to_thread(delete_old_files, root, rule.name, before)
            done[name] = count
        if root is not None:
            done["archive texts of the journal"] = await _texts_of_archive(conn, root)
        else:
            progress("the archive is not on this host: run this where it is, too")
        async with transaction(conn) as tx:
            await audit.write(tx, actor(), "retention_ends", "retention", deleted=done)
    return done


async def _texts_of_archive(conn: asyncpg.Connection, root: Path) -> int:
    """Take the words out of the archive's journal that the ledger has lost; replays stay equal."""
    async with reading(conn) as tx:
        pending = await erasure.earlier(tx, pending=True)
    places = [place for one in pending for place in one.places]
    count = await asyncio.to_thread(erase_messages, root, places) if places else 0
    async with transaction(conn) as tx:
        await erasure.note_archived(tx, [one.id for one in pending])
    return count


async def _archive(endpoints: Endpoints) -> Path | None:
    cluster = await cluster_id(endpoints.bootstrap)
    root = archive_root(endpoints.archive_dir, cluster, endpoints.database_url)
    return root if kept_partitions(root, topics.JOURNAL.name) else None


@asynccontextmanager
async def _owner(endpoints: Endpoints) -> AsyncIterator[asyncpg.Connection]:
    conn = await connect(endpoints.database_url, application="jingwei-cli")
    try:
        yield conn
    finally:
        await conn.close()
