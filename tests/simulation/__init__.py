"""The stream shell simulated: the real code of ``streams/``, and faults drawn from a seed.

::

    loop      an event loop with virtual time, whose tasks belong to workers that can die
    ledger    PostgreSQL as asyncpg shows it: transactions, row locks, cut connections
    broker    Kafka as aiokafka's producer shows it: partitions, lost answers
    group     the consumer group: sessions, generations, assignments
    worker    the real processors, relay, caretaker and dispatcher of one worker, put together
    inputs    handlers of made inputs, small enough that a checker can say what must come of them
    world     one run: inputs, faults, quiet
    checker   what must be true in the end; shares no code with the writers
    bugs      known bugs, switched on for a test

``python -m tests.simulation --seed 42`` runs one seed and prints its trace.
"""
