"""The ledger: what Jingwei knows and did, in PostgreSQL with PostGIS.

Every function that writes takes an asyncpg connection that is inside a transaction; the caller's
transaction is what makes a batch whole::

    pool = await open_pool(endpoints.worker_url)
    async with transaction(pool) as conn:
        nexts = await guard.lock_offsets(conn, group, [(topic, partition)])
        ... skip what lies below, apply the rest ...
        await effects.write_applied(conn, region, batch, clock)
        ids = await outbox.put(conn, lane, messages)
        await guard.advance(conn, group, {(topic, partition): next_offset})
    ... send the messages, then ...
    async with transaction(pool) as conn:
        await outbox.mark_sent(conn, ids)

==================  ==============================================================================
module              what it holds
==================  ==============================================================================
``pool``            `open_pool`, `connect`, `transaction`, `reading`: connections
``migrations``      `migrate`, `check_schema`, `SCHEMA`
``guard``           `lock_offsets`, `advance`: the offset guard of each partition
``outbox``          messages that a transaction owes to Kafka
``intake``          evidence, alarm states, tracks, dead letters
``reporters``       reporters' contacts, sealed, and who was shown one
``audit``           who did what
``erasure``         a reporter erased from the ledger
``retention``       what is older than it is to be kept
``watch``           units among fences: the positions intake's state
``effects``         `write_applied`: what the core decided
``snapshot``        `load_snapshot`: a region's core as the ledger has it
``buried``          journal entries that a worker set aside
``strikes``         messages that failed alone
``feeds``           the departments' subscriptions, and what each was told
``commands``        what operators asked for, and the answers
``queries``         queries of the command line
``apart``           asynchronous work from synchronous code
``demand``          where incidents happened, and the policy in force
``command_keys``    Idempotency-Keys of commands
``pages``           pages of lists, for the gateway
``advice``          what the gateway works something out of, and what became of it
``accounts``        accounts, sessions and API tokens of the gateway
``administration``  what an administrator does through the gateway
``handovers``       what one shift hands over to the next, signed by both
``maps``            layers of the map, for the gateway
``live``            queries of a live view
``standing``        all that is open now, and who may still look, for the gateway's live stream
``past``            all that was open at an earlier time
``tracks``          where units drove, and on which assignment
``sources``         producers and the skew of their clocks
``logs``            the topics that offsets belong to, and offsets that were lost
``city``            the city's fences as rows
``fences``          changes of the city's fences
``city_files``      the files of cities, by digest
``run``             what one run of a city left, to score and count
``invariants``      `check`, `violations`: invariants inside the ledger
``rows``            records as arguments of statements
``statements``      `statement`: SQL by name, from the ``.sql`` files
``errors``          `LedgerError` and its tree
==================  ==============================================================================

Times are aware and in UTC; points are WGS-84 degrees, longitude first (EPSG:4326).
"""

from infra.ledger.migrations import SCHEMA, check_schema, migrate
from infra.ledger.pool import connect, ledger_errors, open_pool, reading, transaction

__all__ = [
    "SCHEMA",
    "check_schema",
    "connect",
    "ledger_errors",
    "migrate",
    "open_pool",
    "reading",
    "transaction",
]
