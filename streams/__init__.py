"""The stream side: intake agents, dispatcher, departments' feeds, outbox relay.

==================  ====================================================================
module              what it does
==================  ====================================================================
``worker``          ``run_worker(settings, city) -> Exit``: one worker process
``app``             the Faust app: an agent a topic, acknowledged after the transaction
``consumer``        Faust's consumer, started at the ledger's fences
``logs``            whether the topics are those that the fences count in, by ``topic_ids``
``batch``           one batch, one transaction, cut by time; poisoned messages stand alone
``faults``          which errors are no message's; ``suspects`` judges the others
``intake_readings`` sensor readings: detection
``intake_reports``  citizens' reports: privacy, triage, place
``intake_positions``, ``intake_status``, ``intake_streets``  units and streets
``dispatcher``      the region's core over its journal
``departments``     feeds ``dept.<code>``
``publish``         effects in, messages out
``relay``           the outbox, sent in order by ``producer``
``dead_letters``    what could not be used, and why; ``redrive`` sends it again
``caretaker``       between messages: adopting partitions, silence, waiting lanes
``ticks``           timers that fall due, into the journal
``watchdog``        leaves when work waits and nothing moves; ``exits`` are the codes
``topics``          makes and checks the topics; ``bootstrap`` the journal's first entries
``archive``         a process of its own: every message, as it came, in Parquet
==================  ====================================================================
"""
