"""Places, streets and travel times.

Pure and deterministic: no clock, no randomness, no I/O except the map readers. All longitudes and
latitudes are WGS-84 degrees, longitude first, unless a function's name says otherwise; lengths are
metres; times are seconds in the interface and integer milliseconds inside.

=============  =========================================================================
module         what it holds
=============  =========================================================================
``maps``       readers of street maps: OpenStreetMap, GraphML, GeoPackage, GeoParquet
``streets``    the street graph, its arcs and turns, and snapping points to it
``routing``    travel times and routes under live conditions
``speeds``     map matching, and historic speeds learnt from tracks
``fences``     polygons: find those that contain a point; report who enters or leaves
``gazetteer``  from a report's text to a place: `Gazetteer`, `Match`,
               `PointOfInterest`, `AddressPoint`
``crs``        coordinate systems (`parse_crs`, `to_wgs84`, `from_wgs84`, `utm_for`) and
               distances (`haversine_m`); `check_lonlat`
``errors``     `GeoError`: `BadCoordinates`, `UnknownCrs`, `BadFence`, `BadFix`, `BadMap`,
               `UnknownArc`, `BadConditions`, `BadSpeeds`, `NoStreetNear`, `Unreachable`
=============  =========================================================================

Inside, ``maps`` and ``routing`` import ``streets``, ``speeds`` imports ``routing``.
"""
