"""The demo city: a schematic Jing'an, generated from a seed.

Drawn by hand in ``jingan/*.yaml``: outline, sub-districts, main roads, places. Generated here:
side streets, beats, stations, fleet, sensors.

============  ==========================================================================
module        what it holds
============  ==========================================================================
``maker``     `make_city`, `SIZES`: build the city
``drawing``   the YAML files of ``jingan/`` as typed records
``lines``     the lines of the street net, in metres
``network``   from lines to a street graph
``elevated``  elevated expressways and their ramps
``fences``    district, sub-districts, beats and hazard zones
============  ==========================================================================
"""

from city.make.maker import SIZES, make_city

__all__ = ["SIZES", "make_city"]
