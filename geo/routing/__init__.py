"""Travel times and routes under current street conditions.

A source or target is ``(lon, lat)`` or a `geo.streets.snapped.Snapped`.

================  ======================================================================
module            what it holds
================  ======================================================================
``reference``     `Router` (the protocol): `Router.etas`, `Router.route`, `Router.hour_at`;
                  `Route`; `NetworkxRouter`, slow and simple, the oracle of the tests
``compiled``      `CompiledRouter`: the same results in microseconds, and
                  `CompiledRouter.matrix`, `CompiledRouter.nearest`,
                  `CompiledRouter.isochrone`, `CompiledRouter.fitting`
``street_index``  `StreetIndex.of(streets)`: a map compiled once, shared by its routers
``conditions``    `Conditions.of`: closures, slow-downs, lanes, water; `OPEN`
``slowdowns``     `lane_closure_ms`, `wading_ms`: cost of closed lanes and water
``profiles``      `PROFILES`, `Profile`: civilian, emergency, foot
``arc_speeds``    `ArcSpeeds.of`: historic speeds by hour of the week
``steps``         `steps(route, streets)`: a route in words, Chinese and English
``trace``         a route as a line with times
``hierarchy``     `Hierarchy`: customizable contraction hierarchies over arrays
``expanded``      the graph with arcs as nodes, so that turns are exact
``metrics``       weights of a profile under changing conditions
``ends``          starts and ends of routes, on parts of arcs
``isochrone``     the streets reached within some times
``areas``         the area around them
``order_cache``   contraction orders on disk
``snap_memory``   a cache of positions and their streets
``shortest``      `Network`: exact shortest times with SciPy, as a cross-check
``unreached``     the check that unreachable targets really are
================  ======================================================================
"""
