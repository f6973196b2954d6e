"""The stream side: batches, offsets, dead letters, dispatcher, departments' feeds, outbox relay.

What a message means is for `intake` and `dispatch` to say; a handler here gives them messages, and
gives the ledger what they found.

====================  ==========================================================================
module                what it does
====================  ==========================================================================
``worker``            `run_worker`: one worker process
``app``               the Faust app: an agent a topic, acknowledged after the transaction
``polls``             whole polls through Faust
``consumer``          Faust's consumer, started at the ledger's offset guards
``handler``           `Handler`: what an agent does with messages, and between them
``handlers``          `make_handlers`: one for each topic that a worker reads
``batch``             `Processor`: batches of messages; a bad one costs itself only
``transactions``      one batch, one transaction, cut by time
``beside``            `Beside`: the ledger writes while the core decides on
``taking``            a stream in batches: all that has come by the time that the last is done
``inbox``             what has come and waits, read ahead
``backlog``           how far the core is behind
``guards``            guards locked, also from a worker that stands still
``turns``             reports, stamps and commands first, then readings and positions
``intake_readings``   sensor readings, and their alarm states in the ledger
``intake_reports``    citizens' reports, and their reporters' contact data
``intake_positions``  units' positions
``intake_status``     units' status stamps
``intake_streets``    street conditions
``evidence``          new evidence into the ledger, and to the journal
``fencing``           units that enter and leave fences, in the ledger
``fence_changes``     fences that are changed while workers run
``dispatcher``        the region's core over its journal
``departments``       feeds ``dept.<code>``
``handed_on``         lines that version 0.2 left for departments
``publish``           effects in, messages out
``lanes``             what transactions owe to Kafka, sent in order behind them
``relay``             the outbox, sent and marked
``packing``           one record batch a partition
``producer``          the worker's Kafka producer
``dead_letters``      what could not be used, and why
``redrive``           dead letters sent back
``absent``            workers that have died, taken out of the group
``unassigned``        partitions that no worker of the group reads
``caretaker``         between messages: adopting partitions, silence, waiting lanes
``ticks``             timers that fall due, into the journal
``clock``             the broker's clock, as a worker knows it
``arrivals``          when a message arrived
``sources``           how far each source's clock is from the broker's
``faults``            errors that no message is to blame for
``suspects``          judges the other errors
``watchdog``          ends a worker that is stuck
``pulse``             signs of life of a processor
``starved``           time in which a thread got no CPU
``exits``             exit codes of a worker
``metrics``           counters of a worker
``new_broker``        what a broker that is new lets aiokafka log
``quiet``             Faust's monitor without its work for every message
``untabled``          Faust's manager of tables, for an app that has none
``messages``          `Received`: a message from Kafka
``topics``            makes and checks the topics
``topic_ids``         the ids that the broker gives topics
``logs``              whether the topics are those that the guards count in
``cities``            the cities that a worker decides in
``bootstrap``         the journal's first entries
``warmup``            what is made at its first use, used before the first message
``limits``            settings ``JINGWEI_INTAKE_*``
``second_reader``     a process of its own: reports read again, opinions into the journal
``archive``           a process of its own: every message, as it came, in Parquet
``errors``            `StreamsError` and its tree
====================  ==========================================================================
"""
