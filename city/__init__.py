"""The city outside: what is there, and what happens in it.

::

    city.make          make_city(seed, size) -> CityData          the schematic Jing'an
    city.import_map    import_map(path, ...) -> Imported          a city of an OSM extract
    city.simulate      events, sensors, citizens and drivers, played into the input topics
    city.score         what came of the events, against the truth

It knows nothing of how Jingwei decides.
"""
