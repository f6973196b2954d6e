"""What travels on every topic: types, codes, envelope and the topic table.

=============  ==========================================================================
module         what it holds
=============  ==========================================================================
``codes``      code tables as data: categories, severities, states, departments …
``kinds``      the codes that the core branches on, as closed types
``topics``     the topic table
``envelope``   CloudEvents 1.0 over Kafka headers
``inputs``     what producers outside send: readings, reports, positions, stamps …
``journal``    what decisions depend on: one tagged union of entries
``records``    incidents, units, assignments, alerts as the core holds them
``effects``    what the core answers to an entry: one tagged union of effects
``outputs``    what subscribers read on ``city.*`` and ``dept.*``
``intake``     what intake finds besides evidence: `Fix`, `Reporter`
``policy``     `Policy`: what a region may decide by itself, and by which numbers
``snapshot``   all that a core must know to go on
``words``      sentences for reasons, in Chinese and English
``admission``  `entry_fault`: why a journal entry cannot be decided on
``traces``     W3C trace context: spans and their derived ids
``wire``       encoders and decoders, one a type
``ids``        `derive`: deterministic identifiers (UUIDv5)
``generate``   JSON Schema and AsyncAPI documents, made from the types
``compat``     whether one schema can read what another wrote
``errors``     the room's errors
=============  ==========================================================================

This room imports nothing of Jingwei's. All times are aware datetimes in UTC with
millisecond precision; all coordinates are WGS-84 degrees, longitude first, unless a field
``crs`` beside them says otherwise.
"""
