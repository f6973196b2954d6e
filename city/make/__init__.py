"""The demo city: a schematic Jing'an, made by seed.

Drawn by hand in ``jingan/*.yaml``: outline, sub-districts, main roads, places. Generated here:
side streets, beats, stations, fleet, sensors. The room's one name is `make_city`.
"""

from city.make.maker import SIZES, make_city

__all__ = ["SIZES", "make_city"]
