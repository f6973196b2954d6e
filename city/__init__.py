"""The outside world: cities, the events in them, and their data files.

==============  ==========================================================================
module          what it holds
==============  ==========================================================================
``make``        the demo city: `make_city(seed, size)`
``import_map``  `import_map`: a city from an OpenStreetMap extract
``simulate``    simulated events, sensors, citizens and crews, sent to the input topics
``ingest``      send a city's own data files like an outside producer
``call_types``  example tables of what the services' own codes mean
``score``       `score`: a play's incidents compared with the true events
``furnish``     stations, units, buildings and sensors for a city that has streets
``furniture``   quantities for generated cities, from ``furniture.yaml``
``areas``       areas that tile a city
``names``       names for generated streets, lanes and compounds
``osm_tags``    stations, hospitals and named places by their OpenStreetMap tags
``sites``       spots beside streets
==============  ==========================================================================

This room knows nothing about how Jingwei decides.
"""
