"""``jingwei erase``: a reporter is forgotten, in the ledger and in the archive."""

import asyncio
from datetime import datetime, timedelta
from typing import Annotated

import asyncpg
import typer

from cli import exit_codes
from cli.asking import actor, where
from cli.output import progress, write_json
from cli.services import HomeOption, JsonOption
from cli.traces import Traces
from infra.archive import (
    ArchiveError,
    Place,
    archive_root,
    cluster_id,
    erase_messages,
    kept_partitions,
)
from infra.ledger import audit, erasure
from infra.ledger.erasure import Gone, StillOpen
from infra.ledger.errors import NotFound
from infra.ledger.pool import connect, transaction
from infra.ledger.reporters import open_vault
from infra.local.errors import Unreachable
from infra.settings import Endpoints
from infra.vault import Vault
from schemas import topics

exit_codes.BY_ERROR.update({StillOpen: exit_codes.REFUSED, ArchiveError: exit_codes.FAILED})
_KEPT = (topics.REPORTS, topics.dead_letters(topics.REPORTS), topics.JOURNAL)


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(erase)


def erase(
    reporter: Annotated[
        list[str] | None, typer.Argument(metavar="[REPORTER…]", help="Pseudonyms of a reporter.")
    ] = None,
    home: HomeOption = None,
    *,
    evidence: Annotated[
        list[str] | None,
        typer.Option("--evidence", metavar="ID", help="The reporter of this evidence."),
    ] = None,
    contact: Annotated[
        bool,
        typer.Option(
            "--contact-stdin",
            help="Read the reporter's telephone number or e-mail address from stdin.",
        ),
    ] = False,
    dead_letter: Annotated[
        list[int] | None,
        typer.Option(
            "--dead-letter", metavar="ID", help="A dead letter with the reporter's message."
        ),
    ] = None,
    purpose: Annotated[str, typer.Option("--purpose", help="Reason; the audit records it.")] = "",
    again: Annotated[
        bool,
        typer.Option("--again", help="Repeat all earlier erasures, after a backup was restored."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be erased.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Erase a reporter for good: contact, texts, dead letters, and copies in the archive.

    It is refused while an incident is open that the reporter told of. What Kafka still has is
    deleted by the topics' retention: the output says when. Run it where the archive is.
    """
    given = (reporter, evidence, contact, dead_letter)
    if again == any(given):
        raise typer.BadParameter("give REPORTER, --evidence, --contact-stdin, or --again")
    if not purpose.strip() and not (again or dry_run):
        raise typer.BadParameter("say why: it is in the audit", param_hint="--purpose")
    said = typer.get_text_stream("stdin").readline().strip() if contact else None
    if contact and not said:
        raise typer.BadParameter("stdin has no contact", param_hint="--contact-stdin")
    endpoints = where(home)
    if again:
        gone = asyncio.run(_again(endpoints))
    else:
        gone = asyncio.run(
            _erase(
                endpoints,
                Wanted(set(reporter or ()), set(evidence or ()), said, set(dead_letter or ())),
                purpose,
                dry_run=dry_run,
            )
        )
    kafka = asyncio.run(_kafka(endpoints, gone))
    if as_json:
        write_json({**_plain(gone), "kafka": kafka})
    else:
        _tell(gone, kafka, dry_run=dry_run)


class Wanted:
    """Who is to be erased, as it was asked."""

    def __init__(
        self, refs: set[str], evidence: set[str], contact: str | None, letters: set[int]
    ) -> None:
        self.refs, self.evidence, self.contact, self.letters = refs, evidence, contact, letters


class _OnlyTried(Exception):
    """Takes back a dry run."""


async def _erase(endpoints: Endpoints, wanted: Wanted, purpose: str, *, dry_run: bool) -> Gone:
    conn = await connect(endpoints.database_url, application="jingwei-cli")
    try:
        vault = await open_vault(conn, endpoints.key_file)
        try:
            async with transaction(conn) as tx:
                gone = await _from_ledger(tx, vault, wanted)
                if dry_run:
                    raise _OnlyTried  # noqa: TRY301 - it takes the transaction back
                number = await erasure.note(tx, gone)
                subject = ", ".join(gone.reporters) or ", ".join(gone.evidence) or "dead letters"
                await audit.write(
                    tx,
                    actor(),
                    "erase",
                    subject[:1_000],
                    purpose=purpose,
                    evidence=len(gone.evidence),
                    dead_letters=gone.dead_letters,
                )
        except _OnlyTried:
            return gone
        gone.archived = await _from_archive(endpoints, gone.places)
        if gone.archived is not None:
            async with transaction(conn) as tx:
                await erasure.note_archived(tx, [number])
    finally:
        await conn.close()
    return gone


async def _from_ledger(tx: asyncpg.Connection, vault: Vault, wanted: Wanted) -> Gone:
    traces = Traces()
    refs = set(wanted.refs)
    if wanted.contact is not None:
        asked = Traces()
        asked.add_text(wanted.contact)
        async for sealed in erasure.contacts(tx):
            if asked.share(vault.open(sealed)):
                refs.add(sealed.ref)
        traces.add_text(wanted.contact)
    told = await erasure.told_by(tx, refs, wanted.evidence)
    refs |= {one.reporter for one in told if one.reporter is not None}
    missing = wanted.evidence - {one.id for one in told}
    if missing:
        raise NotFound(f"there is no report with the id {min(missing)!r}")
    unknown = wanted.refs - {one.reporter for one in told} - await erasure.known(tx, refs)
    if unknown:
        raise NotFound(f"there is no reporter with the reference {min(unknown)!r}")
    told = await erasure.told_by(tx, refs, wanted.evidence)  # of all that they told
    async for sealed in erasure.contacts(tx, refs):
        traces.add(vault.open(sealed))
    return await erasure.erase(tx, refs, told, traces.match if traces else None, wanted.letters)


async def _again(endpoints: Endpoints) -> Gone:
    """Erase what earlier erasures were of: it may have come back with a backup."""
    total = Gone(reporters=[], evidence=[])
    conn = await connect(endpoints.database_url, application="jingwei-cli")
    try:
        notes = []
        vault = await open_vault(conn, endpoints.key_file)
        async with transaction(conn) as tx:
            for one in await erasure.earlier(tx):
                traces = Traces()
                async for sealed in erasure.contacts(tx, one.refs):
                    traces.add(vault.open(sealed))
                told = await erasure.told_by(tx, one.refs, one.evidence)
                match = traces.match if traces else None
                gone = await erasure.erase(tx, one.refs, told, match)
                notes.append(one.id)
                total.reporters += one.refs
                total.evidence += one.evidence
                total.contacts += gone.contacts
                total.texts += gone.texts
                total.dead_letters += gone.dead_letters
                total.places += [*one.places, *gone.places]
            await audit.write(tx, actor(), "erase_again", "all", erasures=len(notes))
        total.archived = await _from_archive(endpoints, total.places)
        if total.archived is not None:
            async with transaction(conn) as tx:
                await erasure.note_archived(tx, notes)
    finally:
        await conn.close()
    return total


async def _from_archive(endpoints: Endpoints, places: list[Place]) -> int | None:
    """Erase from this host's archive; None if there is none here."""
    try:
        cluster = await cluster_id(endpoints.bootstrap)
    except Unreachable as error:  # only the broker knows which archive is its own
        progress(f"{error}. Then run `jingwei erase --again`")
        return None
    root = archive_root(endpoints.archive_dir, cluster, endpoints.database_url)
    if not any(kept_partitions(root, topic.name) for topic in (topics.REPORTS, topics.JOURNAL)):
        return None
    return await asyncio.to_thread(erase_messages, root, places)


async def _kafka(endpoints: Endpoints, gone: Gone) -> dict[str, datetime | None]:
    """Return until when the topics keep what was erased; None is for ever, or nobody knows."""
    from streams.errors import BrokerMissing  # noqa: PLC0415 - the room loads Faust
    from streams.topics import retention_of  # noqa: PLC0415

    last = gone.last_at
    if last is None:
        return {}
    try:
        kept = await retention_of(endpoints.bootstrap, _KEPT)
    except BrokerMissing:
        return dict.fromkeys(topic.name for topic in _KEPT)
    return {
        name: None if ms is None else last + timedelta(milliseconds=ms) for name, ms in kept.items()
    }


def _plain(gone: Gone) -> dict[str, object]:
    return {
        "reporters": gone.reporters,
        "evidence": gone.evidence,
        "contacts": gone.contacts,
        "texts": gone.texts,
        "dead_letters": gone.dead_letters,
        "waiting": gone.waiting,
        "archived_messages": gone.archived,
    }


def _tell(gone: Gone, kafka: dict[str, datetime | None], *, dry_run: bool) -> None:
    typer.echo(
        f"{'to be erased' if dry_run else 'erased'}: {gone.contacts} contacts, {gone.texts} texts, "
        f"{gone.dead_letters} dead letters"
    )
    if not dry_run:
        typer.echo(
            "the archive is not on this host, or empty: run `jingwei erase --again` where it is"
            if gone.archived is None
            else f"archive: {gone.archived} messages"
        )
    for topic, until in kafka.items():
        when = "for good" if until is None else f"until {until:%Y-%m-%d %H:%M} UTC"
        typer.echo(f"Kafka: {topic} may hold it {when}")
    if gone.waiting:
        progress(f"{gone.waiting} messages are just being sent: erase again in a moment")
