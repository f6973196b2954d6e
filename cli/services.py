"""``jingwei up | down | status | doctor | psql``: the local stack."""

import asyncio
import dataclasses
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from cli import exit_codes
from cli.first_user import FirstAccount, first_administrator
from infra.database_url import split_password
from infra.ledger.errors import LedgerError
from infra.local import doctor as checks
from infra.local import gateway, stack
from infra.local.errors import LocalStackError, MissingPrerequisite, Unreachable
from infra.local.state import Home
from infra.settings import Endpoints, Settings, load_settings, resolve_endpoints

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="Folder of the local stack (default: JINGWEI_HOME or .jingwei)."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON to stdout.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for command in (up, down, status, doctor):
        app.command()(command)
    # All arguments, and unknown options, are psql's.
    app.command(context_settings={"ignore_unknown_options": True})(psql)


def up(
    home: HomeOption = None,
    *,
    with_gateway: Annotated[
        bool, typer.Option("--gateway/--no-gateway", help="Also start a gateway, if installed.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Start a private PostgreSQL + PostGIS, a broker and a gateway; keep those that already run.

    If nobody has an account yet, an administrator is made, whose password is shown once.
    """
    settings = load_settings(home)
    endpoints = stack.up(settings, report)
    _take_brokers_time(endpoints)
    address, first = _up_gateway(settings, endpoints) if with_gateway else (None, None)
    if as_json:
        door = {"gateway": address, "first_administrator": first and msgspec.to_builtins(first)}
        typer.echo(json.dumps(_endpoints(endpoints) | door, indent=2))
        return
    typer.echo(f"broker    {endpoints.bootstrap} ({endpoints.broker_kind})")
    for line in _database_lines(settings, endpoints, "database"):
        typer.echo(line)
    if address is not None:
        typer.echo(f"gateway   {address}, documents at /api/v1/docs")
    if first is not None:
        typer.echo(told_first(first))


def _up_gateway(settings: Settings, endpoints: Endpoints) -> tuple[str | None, FirstAccount | None]:
    if not gateway.installed():
        report(f"no gateway: `{gateway.INSTALL}`, or `make setup` in a clone")
        return None, None
    ready = gateway.start(settings, endpoints, report)
    first = first_administrator(endpoints)
    return ready(), first


def told_first(first: FirstAccount) -> str:
    """Return a line with the first administrator's password."""
    return (
        f"sign in   as {first.name} with {first.password} "
        f"(shown once; `jingwei users password {first.name}` makes another)"
    )


def _take_brokers_time(endpoints: Endpoints) -> None:
    """Alter topics of an earlier version, whose messages carried their producers' time."""
    from streams.errors import BrokerMissing  # noqa: PLC0415 - no other command here needs Kafka
    from streams.topics import take_brokers_time  # noqa: PLC0415

    try:
        altered = asyncio.run(take_brokers_time(endpoints.bootstrap))
    except BrokerMissing as error:
        raise Unreachable(str(error)) from error
    if altered:
        report(f"topics altered to use the broker's time from now on: {', '.join(altered)}")


def down(
    home: HomeOption = None,
    *,
    wipe: Annotated[bool, typer.Option("--wipe", help="Also delete the data.")] = False,
) -> None:
    """Stop the services that `jingwei up` started; keep the data unless --wipe is given."""
    stack.down(load_settings(home), report, wipe=wipe)


def status(home: HomeOption = None, *, as_json: JsonOption = False) -> None:
    """Show which parts run and answer, and how much work waits; exit code 4 unless all answer."""
    settings = load_settings(home)
    found = stack.status(settings)
    city = None
    if found.endpoints is not None:
        from cli.health import health, lines  # noqa: PLC0415 - it asks this module for options

        try:
            city = asyncio.run(health(found.endpoints, settings.worker.group))
        except (LedgerError, LocalStackError) as error:
            report(f"the waiting work cannot be counted: {error}")
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "home": str(found.home),
                    "running": found.endpoints is not None,
                    "broker_kind": found.broker_kind,
                    "broker": dataclasses.asdict(found.broker),
                    "database": dataclasses.asdict(found.postgres) | {"dbname": found.database},
                    "gateway": dataclasses.asdict(found.gateway),
                    "endpoints": found.endpoints and _endpoints(found.endpoints),
                    "city": city and msgspec.to_builtins(city),
                },
                indent=2,
            )
        )
    else:
        kinds = (found.broker_kind, "postgresql", "http")
        for part, kind in zip((found.broker, found.postgres, found.gateway), kinds, strict=True):
            where = f" {part.address}" if part.address else ""
            process = f" (process {part.pid})" if part.pid else ""
            typer.echo(f"{part.name:9} {kind:13} {part.state}{where}{process}")
        if found.endpoints is not None:
            for line in _database_lines(settings, found.endpoints, "url"):
                typer.echo(line)
        for line in lines(city) if city is not None else ():
            typer.echo(line)
    if found.endpoints is None or found.gateway.state == "silent":
        raise typer.Exit(exit_codes.UNREACHABLE)


def doctor(home: HomeOption = None, *, as_json: JsonOption = False) -> None:
    """Check each part of the installation and say how to fix it.

    Exit code 3 if a required part is missing, 4 if only the services do not answer.
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
        list[str] | None, typer.Argument(metavar="[ARGS…]", help="Arguments of psql.")
    ] = None,
    home: HomeOption = None,
) -> None:
    """Run psql on the ledger, as its owner; exit with psql's code."""
    url, password = split_password(resolve_endpoints(load_settings(home)).database_url)
    program = shutil.which("psql")
    if program is None:
        raise MissingPrerequisite(
            "psql is not installed: run `sudo apt-get install postgresql-client`, or use another "
            "client with the URL of `jingwei status --json`"
        )
    environment = dict(os.environ)
    if password is not None:
        environment["PGPASSWORD"] = password  # not in the arguments, which all users can list
    sys.stdout.flush()
    # psql replaces this process, so it gets Ctrl-C and the terminal, and its exit code is ours.
    os.execve(program, ["psql", f"--dbname={url}", *(arguments or ())], environment)  # noqa: S606 - no shell is wanted


def report(line: str) -> None:
    """Write one line of progress."""
    typer.echo(line, err=True)


def _database_lines(settings: Settings, endpoints: Endpoints, name: str) -> list[str]:
    """Return lines that say where the database is, without its password."""
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
