"""The street graph: arcs and turns as columns, and the street nearest to a point.

An arc's id is ``u-v-key``, such as ``101-102-0``.

================  ======================================================================
module            what it holds
================  ======================================================================
``graph``         `StreetGraph.from_networkx(graph)` (OSMnx's attribute names) and
                  `StreetGraph.from_arrays`; its arcs by id (`StreetGraph.arc_index`), by
                  name (`StreetGraph.arcs_by_name`), as lines (`StreetGraph.arc_line`)
``columns``       `Nodes` and `Arcs` as NumPy columns, ordered by u, v, key
``turns``         `TurnRules`: banned turns, and the costs of other turns (`TurnCosts`)
``lines``         `Lines`: many lines as columns of coordinates
``snap``          `Snapper.snap` (one point), `Snapper.snap_many`, `Snapper.snap_columns`,
                  `Snapper.near` (all streets around)
``snapped``       `Snapped`, `SnappedColumns`, `Place`, `Nearby`: results of snapping
``segment_grid``  the grid that snapping searches
``clean``         from any given graph to sorted, complete edges
``maxspeed``      `parse_maxspeed`, `default_kph`: km/h by tag and by class of street
``lanes``         `lanes_of`, `default_lanes`: lanes in the direction of an arc
``signals``       arcs that face a traffic signal
``limits``        `limits_of`: how high, wide, heavy and long a vehicle may be on an arc
``by_hour``       `ByHour`: streets that signs close or slow by the hour of the week
``notes``         `Notes`: counts of what was read or left out, with examples
================  ======================================================================
"""
