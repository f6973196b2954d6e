"""``jingwei dlq list | show | redrive``: messages that could not be used, unchanged."""

import asyncio
import sys
from typing import Annotated, Any

import asyncpg
import typer
from aiokafka.errors import KafkaError

from cli import exit_codes
from cli.asking import ask, where
from cli.output import clean, local, progress, shorten, write_json, write_table
from cli.services import HomeOption, JsonOption
from infra.ledger.pool import connect
from infra.ledger.queries import (
    DeadLetterRow,
    get_dead_letter,
    list_dead_letters,
)
from infra.settings import Endpoints

COLUMNS = ("id", "at", "topic", "partition", "offset", "error", "reason", "redriven", "value")
_SHORT, _LONG = 60, 4_000

TopicOption = Annotated[
    str | None, typer.Option(help="Only from this topic, such as city.citizen.reports.")
]
ReasonOption = Annotated[
    str | None, typer.Option(help="Only with this text in the error or reason.")
]
LimitOption = Annotated[int, typer.Option(min=1, help="At most this many, latest first.")]


class RedriveFailed(RuntimeError):
    """The broker did not accept the dead letters."""


exit_codes.BY_ERROR[RedriveFailed] = exit_codes.UNREACHABLE


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    group = typer.Typer(no_args_is_help=True, help="List, show and redrive dead letters.")
    group.command(name="list")(list_)
    group.command()(show)
    group.command()(redrive)
    app.add_typer(group, name="dlq")


def list_(
    home: HomeOption = None,
    *,
    topic: TopicOption = None,
    reason: ReasonOption = None,
    limit: LimitOption = 50,
    redriven: Annotated[bool, typer.Option("--redriven", help="Include redriven ones.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List dead letters with their reasons."""

    async def question(conn: asyncpg.Connection) -> list[DeadLetterRow]:
        return await list_dead_letters(conn, topic, reason, limit, redriven=redriven)

    letters = ask(home, question)
    if as_json:
        write_json([_plain(letter) for letter in letters])
        return
    write_table(
        COLUMNS,
        (
            (
                letter.id,
                local(letter.at),
                letter.topic,
                letter.partition,
                letter.offset,
                letter.error,
                shorten(letter.reason, _SHORT),
                local(letter.redriven_at),
                escaped(letter.value, _SHORT),
            )
            for letter in letters
        ),
        "no dead letters",
    )


def show(
    letter: Annotated[int, typer.Argument(metavar="ID", help="Id in `jingwei dlq list`.")],
    home: HomeOption = None,
    *,
    raw: Annotated[
        bool, typer.Option("--raw", help="Write only the value's bytes to stdout.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show a dead letter: origin, reason, headers and value."""

    async def question(conn: asyncpg.Connection) -> DeadLetterRow:
        return await get_dead_letter(conn, letter)

    found = ask(home, question)
    if raw:
        sys.stdout.buffer.write(found.value or b"")
        return
    if as_json:
        write_json(_plain(found))
        return
    for name, value in (
        ("id", str(found.id)),
        ("topic", f"{found.topic}, partition {found.partition}, offset {found.offset}"),
        ("at", local(found.at)),
        ("agent", found.agent),
        ("error", found.error),
        ("reason", found.reason),
        ("redriven", local(found.redriven_at)),
        ("key", escaped(found.key, _LONG)),
        *((f"  {header}", escaped(content, _LONG)) for header, content in found.headers),
        ("value", f"{len(found.value or b'')} bytes: {escaped(found.value, _LONG)}"),
    ):
        if value:
            typer.echo(f"{clean(name):24}{clean(value)}")


def redrive(
    letters: Annotated[
        list[int] | None, typer.Argument(metavar="[ID…]", help="Ids (default: all that match).")
    ] = None,
    home: HomeOption = None,
    *,
    topic: TopicOption = None,
    reason: ReasonOption = None,
    limit: LimitOption = 100,
    everything: Annotated[
        bool, typer.Option("--all", help="Redrive all; required without ids or filters.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Send dead letters to their topics again, unchanged."""
    if not (letters or topic or reason or everything):
        raise typer.BadParameter("name the dead letters: ids, --topic, --reason, or --all")
    done = asyncio.run(_redrive(where(home), letters or [], topic, reason, limit))
    if as_json:
        write_json({"redriven": [letter.id for letter in done]})
        return
    for letter in done:
        typer.echo(f"{letter.id} sent to {letter.topic} again")
    if not done:
        progress("no dead letters to send again")


async def _redrive(
    endpoints: Endpoints, ids: list[int], topic: str | None, reason: str | None, limit: int
) -> list[DeadLetterRow]:
    from streams.errors import BrokerMissing  # noqa: PLC0415 - the room loads Faust
    from streams.producer import Producer  # noqa: PLC0415
    from streams.redrive import redrive as send_again  # noqa: PLC0415

    ledger = await connect(endpoints.worker_url, application="jingwei-cli")
    try:
        chosen = (
            [await get_dead_letter(ledger, one) for one in ids]
            if ids
            else await list_dead_letters(ledger, topic, reason, limit)
        )
        if not chosen:
            return []
        producer = Producer(endpoints.bootstrap, idempotent=endpoints.broker_idempotent)
        try:
            await producer.start()
            await send_again(ledger, producer, chosen)
        except (KafkaError, BrokerMissing) as error:
            raise RedriveFailed(
                f"the broker does not accept the dead letters: {error}; try again, those already "
                "sent are marked"
            ) from error
        finally:
            await producer.stop()
    finally:
        await ledger.close()
    return chosen


def escaped(content: bytes | None, length: int) -> str:
    """Return bytes as printable text, cut to a length."""
    if content is None:
        return ""
    cut = content[: 4 * length]
    return clean(shorten(cut.decode(errors="backslashreplace"), length))


def _plain(letter: DeadLetterRow) -> dict[str, Any]:
    """Return a dead letter for JSON; bytes as text, with backslash escapes where not UTF-8."""
    return {
        "id": letter.id,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "at": letter.at,
        "agent": letter.agent,
        "error": letter.error,
        "reason": letter.reason,
        "redriven_at": letter.redriven_at,
        "key": _text(letter.key),
        "headers": {name: _text(content) for name, content in letter.headers},
        "value": _text(letter.value),
    }


def _text(content: bytes | None) -> str | None:
    return None if content is None else content.decode(errors="backslashreplace")
