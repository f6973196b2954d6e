"""Street maps from files.

================  ======================================================================
module            what it reads
================  ======================================================================
``load``          `load_streets(path)`: any of these, by the file's suffix
``osm``           `read_osm`: OpenStreetMap XML and PBF, with turn restrictions
``graphml``       `read_graphml`, `write_graphml`: OSMnx's own format
``frame``         `read_frame`, `streets_of_frame`: a table of lines
``restrictions``  turn restrictions of OpenStreetMap, resolved onto arcs
``barriers``      who gets through a gate or a bollard
``access``        `use_of`: who may drive along a way, in which direction
``ferries``       ferries and car trains, and their durations
``conditional``   `use_by_hour`: tags that hold at some times only
``driving_side``  `side_of`: the side on which traffic keeps
``extract``       `open_extract`: an OpenStreetMap file in order, whatever order it came in
================  ======================================================================
"""
