"""``jingwei up | down | status | doctor | psql``: the local stack."""

import asyncio
import dataclasses
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

import msgspec
import typer

from cli import exit_codes
from infra.ledger.errors import LedgerError
from infra.local import doctor as checks
from infra.local import stack
from infra.local.errors import LocalStackError, MissingPrerequisite, Unreachable
from infra.local.state import Home
from infra.settings import Endpoints, Settings, load_settings, resolve_endpoints

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="Folder of the local stack (JINGWEI_HOME, else .jingwei)."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON to stdout.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for command in (up, down, status, doctor):
        app.command()(command)
    # What follows is psql's, options too.
    app.command(context_settings={"ignore_unknown_options": True})(psql)


def up(home: HomeOption = None, *, as_json: JsonOption = False) -> None:
    """Start a private PostgreSQL + PostGIS and a broker; what runs already is kept."""
    settings = load_settings(home)
    endpoints = stack.up(settings, report)
    _take_brokers_time(endpoints)
    if as_json:
        typer.echo(json.dumps(_endpoints(endpoints), indent=2))
        return
    typer.echo(f"broker    {endpoints.bootstrap} ({endpoints.broker_kind})")
    for line in _database_lines(settings, endpoints, "database"):
        typer.echo(line)


def _take_brokers_time(endpoints: Endpoints) -> None:
    """Alter topics of an earlier version, whose messages carried their producers' time."""
    from streams.errors import BrokerMissing  # noqa: PLC0415 - no other command here needs Kafka
    from streams.topics import take_brokers_time  # noqa: PLC0415

    try:
        altered = asyncio.run(take_brokers_time(endpoints.bootstrap))
    except BrokerMissing as error:
        raise Unreachable(str(error)) from error
    if altered:
        report(f"altered to take the broker's time from now on: {', '.join(altered)}")


def down(
    home: HomeOption = None,
    *,
    wipe: Annotated[bool, typer.Option("--wipe", help="Delete the data too.")] = False,
) -> None:
    """Stop what `jingwei up` started; the data stays unless --wipe is given."""
    stack.down(load_settings(home), report, wipe=wipe)


def status(home: HomeOption = None, *, as_json: JsonOption = False) -> None:
    """Tell which parts run and answer, and what waits; exit code 4 unless all answer."""
    settings = load_settings(home)
    found = stack.status(settings)
    city = None
    if found.endpoints is not None:
        from cli.health import health, lines  # noqa: PLC0415 - it asks this module for options

        try:
            city = asyncio.run(health(found.endpoints, settings.worker.group))
        except (LedgerError, LocalStackError) as error:
            report(f"what waits is not known: {error}")
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "home": str(found.home),
                    "running": found.endpoints is not None,
                    "broker_kind": found.broker_kind,
                    "broker": dataclasses.asdict(found.broker),
                    "database": dataclasses.asdict(found.postgres) | {"dbname": found.database},
                    "endpoints": found.endpoints and _endpoints(found.endpoints),
                    "city": city and msgspec.to_builtins(city),
                },
                indent=2,
            )
        )
    else:
        for part in (found.broker, found.postgres):
            kind = found.broker_kind if part is found.broker else "postgresql"
            where = f" {part.address}" if part.address else ""
            process = f" (process {part.pid})" if part.pid else ""
            typer.echo(f"{part.name:9} {kind:13} {part.state}{where}{process}")
        if found.endpoints is not None:
            for line in _database_lines(settings, found.endpoints, "url"):
                typer.echo(line)
        for line in lines(city) if city is not None else ():
            typer.echo(line)
    if found.endpoints is None:
        raise typer.Exit(exit_codes.UNREACHABLE)


def doctor(home: HomeOption = None, *, as_json: JsonOption = False) -> None:
    """Check each part and say how to mend what is missing.

    Exit code 3 if something needed is missing, 4 if only the services do not answer.
    """
    results = checks.examine(load_settings(home))
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(result) for result in results], indent=2))
    else:
        for result in results:
            typer.echo(f"{_MARKS[result.verdict]:12} {result.name}: {result.found}")
            if result.mend is not None:
                typer.echo(f"{'':12} -> {result.mend}")
    verdicts = {result.verdict for result in results}
    if "missing" in verdicts:
        raise typer.Exit(exit_codes.MISSING)
    if "silent" in verdicts:
        raise typer.Exit(exit_codes.UNREACHABLE)


def psql(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[ARGS…]", help="Of psql, as it takes them.")
    ] = None,
    home: HomeOption = None,
) -> None:
    """Run psql on the ledger, as its owner; its exit code is this command's."""
    url, password = split_password(resolve_endpoints(load_settings(home)).database_url)
    program = shutil.which("psql")
    if program is None:
        raise MissingPrerequisite(
            "psql is not installed: `sudo apt-get install postgresql-client`, or give another "
            "client the URL of `jingwei status --json`"
        )
    environment = dict(os.environ)
    if password is not None:
        environment["PGPASSWORD"] = password  # not in the arguments, which all users can list
    sys.stdout.flush()
    # In this process's place: Ctrl-C, the terminal and the exit code are psql's.
    os.execve(program, ["psql", f"--dbname={url}", *(arguments or ())], environment)  # noqa: S606 - no shell is wanted


def split_password(url: str) -> tuple[str, str | None]:
    """Return a database's URL without its password, and the password, None if it has none."""
    parts = urlsplit(url)
    account, at, place = parts.netloc.rpartition("@")
    user, colon, password = account.partition(":")
    query = parse_qsl(parts.query, keep_blank_values=True)
    rest = urlencode([(name, value) for name, value in query if name != "password"])
    shown = urlunsplit(parts._replace(netloc=f"{user}{at}{place}", query=rest))
    return shown, dict(query).get("password", unquote(password) if colon else None)


def report(line: str) -> None:
    """Write one line of progress."""
    typer.echo(line, err=True)


def _database_lines(settings: Settings, endpoints: Endpoints, name: str) -> list[str]:
    """Return where the database is, for people: the password stays where it is kept."""
    url, password = split_password(endpoints.database_url)
    lines = [f"{name:9} {url}"]
    if password is not None:
        kept = Home.at(settings.local.home).secret_file
        place = kept if settings.ledger.url is None else "JINGWEI_DATABASE_URL"
        lines.append(f"password  in {place}; `jingwei psql` uses it")
    return lines


def _endpoints(endpoints: Endpoints) -> dict[str, str | bool]:
    return {
        name: value if isinstance(value, bool) else str(value)
        for name, value in dataclasses.asdict(endpoints).items()
    }


_MARKS: dict[checks.Verdict, str] = {
    "ok": "ok",
    "optional": "optional",
    "silent": "not running",
    "missing": "MISSING",
}
