"""Fences are polygons: find those that contain a point, and report who enters or leaves.

===============  =======================================================================
module           what it holds
===============  =======================================================================
``index``        `Fence`, `FENCE_KINDS`, `fences_from_geojson`; `FenceIndex.locate` (many
                 points), `FenceIndex.locate_one`
``transitions``  `TransitionEngine.observe` (fixes in, `Transitions` out),
                 `TransitionEngine.put`, `TransitionEngine.remove`,
                 `TransitionEngine.snapshot`, `TransitionEngine.restore`
``events``       `Transitions`, `Transition` and their kinds, `KINDS`
``state``        `EngineState`, `ObjectState`: the state of an engine, as a value
``batch``        fixes sorted by object and time
``borders``      whether a border is nearer than a fix's accuracy
``cells``        fences in the cells of a grid
``grid``         the grid itself
``judge``        exact tests of fixes, where cells do not decide
``objects``      the stored state of each object
``quiet``        fixes that cannot cause a transition
``set``          the engine's fences
``visits``       entering, staying, leaving
===============  =======================================================================
"""
