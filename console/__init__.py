"""The gateway: one door for pages and programs, over HTTP.

A process of its own (``jingwei gateway``), any number of them: what it knows is in the ledger and
the journal. It reads the ledger as the role ``jingwei_gateway`` and gives commands at a desk.

==============  ==========================================================================
module          what it holds
==============  ==========================================================================
``access``      `ACCESS`: who may use which endpoint; `Role`, `Person`, `Scope`
``app``         `make_app`: the application
``server``      `run_gateway`: one process, until it is stopped
``settings``    `GatewaySettings`: ``JINGWEI_GATEWAY_*``
``services``    `open_services`: connections that a process holds
``guards``      limits of bodies, headers of all answers
``limits``      `Buckets`: limits of the rate of requests
``protocol``    `PatientProtocol`: sockets of clients that neither ask nor read
``metrics``     `Metrics`: figures for Prometheus
``entry``       `admit`: session or token, CSRF, role
``secret``      passwords, sessions and tokens: made, hashed, compared
``sign_in``     ``/session``
``oidc``        `Provider`: an identity provider (OpenID Connect)
``federated``   ``/session/oidc``
``incidents``   ``/incidents`` and what belongs to them
``commands``    ``/commands``, and how one is given once
``accounts``    accounts and tokens, for administrators
``operations``  how the system is, and dead letters sent again
``audit``       ``/audit``
``refusals``    `Refusals`: who was refused, in the audit
``reveal``      ``/evidence/{evidence}/reveal``: a reporter's contact, for a purpose
``journaled``   a change journaled once per key, audited, waited for
``fences``      fences drawn, moved, renamed and removed
``places``      places by name, names of points, fences
``ways``        routes, isochrones, who could go to an incident
``calls``       a call by telephone: its reading, likely duplicates, its report
``stamps``      a unit's status, pressed
``streets``     street conditions, drawn, put in force and ended
``handovers``   the end of a shift: what is handed over, signed by both
``policies``    response plans, what another policy would change, and one put in force
``keys``        `claimed`: what is sent twice under one Idempotency-Key is done once
``compute``     `Compute`: processes that hold the city and work all that out
``live``        `console.live`: the stream of changes
``city``        units, alerts, conditions, policies, sources, dead letters
``tiles``       ``/tiles``: vector tiles of the map's layers
``tile_cache``  `TileCache`: those of layers that do not change
``pages``       the pages, as they were built from ``web/``
``features``    ``/ogc``: the same layers by OGC API - Features
``past``        ``/at``: what was open at an earlier time
``paging``      parameters of lists, and cursors
``bodies``      JSON in and out, and its shapes
``documents``   the OpenAPI document as a page
``generate``    the pages' typed client, ``web/src/api.d.ts``
``problems``    `Problem`: errors by RFC 9457
==============  ==========================================================================
"""
