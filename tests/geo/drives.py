"""Simulated drives: routes driven at known speeds, seen by a noisy receiver."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from geo.crs import utm_for
from geo.errors import Unreachable
from geo.routing.reference import NetworkxRouter
from geo.speeds.matching import Track
from geo.streets.graph import StreetGraph

__all__ = ["Drive", "Driver"]


@dataclass
class Drive:
    arcs: list[int]
    """Whole arcs driven, in order."""
    seconds: float
    track: Track


class Driver:
    """Drives shortest ways between random crossings.

    ``kph(arc, time)`` says how fast an arc is driven.
    """

    def __init__(self, streets: StreetGraph, seed: int, profile: str = "civilian"):
        self.streets = streets
        self.rng = np.random.default_rng(seed)
        self._router = NetworkxRouter(streets, profile)
        self._index = {arc: i for i, arc in enumerate(streets.arcs.id)}
        nodes = streets.nodes
        self._metric = utm_for(float(nodes.lon.mean()), float(nodes.lat.mean()))
        self._largest = np.flatnonzero(nodes.in_largest)

    def route(self, least_m: float = 800.0) -> list[int]:
        """Arcs of a way of some length."""
        nodes = self.streets.nodes
        while True:
            a, b = self.rng.choice(self._largest, 2)
            try:
                route = self._router.route(
                    (nodes.lon[a], nodes.lat[a]), (nodes.lon[b], nodes.lat[b])
                )
            except Unreachable:
                continue
            if route.metres >= least_m:
                return [self._index[arc] for arc in route.arcs]

    def drive(
        self,
        arcs: list[int],
        *,
        start: float = 0.0,
        every_s: float = 5.0,
        noise_m: float = 10.0,
        kph: Callable[[int, float], float] | None = None,
        stops: Callable[[int], float] | None = None,
        factor: float = 1.0,
        course: bool = False,
    ) -> Drive:
        """Drive these arcs; ``stops(arc)`` are seconds waited at its head."""
        columns = self.streets.arcs
        times, xy = [start], []
        for arc in arcs:
            line = columns.line.xy[columns.line.first[arc] : columns.line.first[arc + 1]]
            flat = np.column_stack(self._metric.forward(line[:, 0], line[:, 1]))
            step = np.hypot(*np.diff(flat, axis=0).T)
            speed = columns.speed_kph[arc] if kph is None else kph(arc, times[-1])
            took = columns.length_m[arc] * 3.6 / speed * factor
            if not xy:
                xy.append(flat[:1])
            xy.append(flat[1:])
            share = step / step.sum() if step.sum() > 0 else np.full(len(step), 1 / len(step))
            times += (times[-1] + np.cumsum(share) * took).tolist()
            if stops is not None and (wait := stops(arc)) > 0.0:
                xy.append(flat[-1:])
                times.append(times[-1] + wait)
        at = np.concatenate(xy)
        moments = np.arange(start, times[-1], every_s)
        known = np.array(times)
        truth = np.column_stack([np.interp(moments, known, at[:, i]) for i in (0, 1)])
        seen = truth + self.rng.normal(0.0, noise_m, truth.shape)
        lon, lat = self._metric.inverse(seen[:, 0], seen[:, 1])
        accuracy = np.full(len(moments), max(noise_m, 1.0))
        courses = None
        if course:
            ahead = np.column_stack([np.interp(moments + 0.5, known, at[:, i]) for i in (0, 1)])
            move = ahead - truth
            courses = np.degrees(np.arctan2(move[:, 0], move[:, 1])) % 360.0
            courses[np.hypot(*move.T) < 0.5] = np.nan
        return Drive(arcs, times[-1] - start, Track.of(moments, lon, lat, accuracy, courses))
