"""What travels on every topic: types, codes, envelope and the topic table.

==================  ====================================================================
module              what it holds
==================  ====================================================================
``codes``           code tables as data: categories, severities, states, departments …
``envelope``        CloudEvents 1.0, binary mode, over Kafka headers
``inputs``          what producers outside send: readings, reports, positions, stamps …
``journal``         what decisions depend on: one tagged union of entries
``records``         incidents, units, assignments, alerts as the core holds them
``effects``         what the core answers to an entry: one tagged union of effects
``outputs``         what subscribers read on ``city.*`` and ``dept.*``
``topics``          the topic table
``wire``            encoders and decoders, one a type
``ids``             deterministic identifiers (UUIDv5)
``policy``          what a region may decide by itself, as data
``errors``          the room's errors
==================  ====================================================================

This room imports nothing of Jingwei's. All times are aware datetimes in UTC with
millisecond precision; all coordinates are WGS-84 degrees, longitude first, unless a field
``crs`` beside them says otherwise.
"""
