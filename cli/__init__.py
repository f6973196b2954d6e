"""The ``jingwei`` command, a file per group of commands; the only room that knows all others.

=================  ===============================================================================
module             what it does
=================  ===============================================================================
``main``           the command itself: groups, exit codes, unknown settings
``services``       ``up | down | status | doctor | psql``: the local stack
``worker``         ``worker``: one worker process
``reader``         ``reader``: the second reader of reports
``demo``           ``demo``: a city played into Kafka
``city``           ``city make | import | inspect | simulate | learn``
``simulate``       ``city simulate``
``learn``          ``city learn``
``incidents``      ``incidents list | show | watch``, and the operators' commands
``commands``       one function a command of operators
``orders``         a command given at the desk, and its outcome told
``units``          ``units list | show | refusals``
``gateway``        ``gateway``: one gateway process
``users``          ``users``, ``tokens``: who may come in through the gateway
``audit``          ``audit verify | export``: the audit's chain
``erase``          ``erase``: a reporter is forgotten
``traces``         a contact looked for in raw messages
``retention``      ``retention plan | run``: what is older than it is to be kept
``sources``        ``sources``: producers and the skew of their clocks
``first_user``     the first administrator, made with the stack
``sign_in_links``  links that sign somebody in on the console, once
``fences``         ``fences track``
``ingest``         ``ingest``: a city's own data files
``dlq``            ``dlq list | show | redrive``: dead letters
``outbox``         ``outbox list | resend | discard``
``replay``         ``archive | replay``
``streets``        ``route``, ``isochrone``
``map``            ``map``: the city as a PNG
``drawing``        the picture of a city
``city_map``       the picture of a city's streets
``map_margin``     the column beside the map
``map_symbols``    shapes, colours and words of the map
``story``          an incident in full
``watching``       the live view of a city
``health``         health of the running city
``unread``         unread messages of topics
``call_types``     ``city call-types``: what the services' own codes mean
``demand``         ``city demand``: where calls come from
``periods``        times that are given as options
``odd_fixes``      positions with an impossible time or place
``jumps``          places that no vehicle can have reached
``places``         a spot or street by the text given
``asking``         `ask`: queries to the ledger from synchronous code
``options``        options that several commands share
``output``         tables and JSON
``progress``       progress of a long command, on stderr
``extras``         packages that only some commands need
``exit_codes``     the exit codes, and `code_of` an error
=================  ===============================================================================
"""
