"""A city whose fences have changed since its files were made; the digest is that of the files."""

from collections.abc import Iterable

import msgspec
from shapely.geometry import MultiPolygon, Polygon

from atlas.city import CityData
from geo.fences.index import Fence
from schemas.records import FenceChange, FenceShape

__all__ = ["with_changes"]


def with_changes(city: CityData, changes: Iterable[FenceChange]) -> CityData:
    """Return a city of files with changes of its fences, in their order; the last one counts.

    Streets, and what is built of them, are shared with the city given: nothing is loaded again.

    Raises
    ------
    geo.errors.BadFence
        A fence cannot be used, when the index is built.
    """
    fences = {fence.id: fence for fence in city.fences}
    number = 0
    for change in changes:
        number = change.number
        if change.shape.polygons:
            fences[change.fence] = _fence(change.fence, change.shape)
        else:
            fences.pop(change.fence, None)
    changed = msgspec.structs.replace(
        city, fences=tuple(fences.values()), fences_changed=number or city.fences_changed
    )
    # Built of other parts than the fences; in a large city it takes seconds.
    for name in ("snapper", "codes_of_services", "places_by_id"):
        if name in city.__dict__:
            changed.__dict__[name] = city.__dict__[name]
    return changed


def _fence(fence: str, shape: FenceShape) -> Fence:
    parts = MultiPolygon([Polygon(rings[0], rings[1:]) for rings in shape.polygons])
    return Fence(fence, shape.kind, shape.name, parts, shape.attributes)
