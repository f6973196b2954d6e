"""Where things are and how long it takes to get there.

Pure and deterministic: no clock, no randomness, no I/O but the map readers. All longitudes and
latitudes are WGS-84 degrees, longitude first, unless a function's name says otherwise; lengths are
metres; times are seconds at the interface and integer milliseconds inside.

The room on one screen::

    geo.crs         parse_crs(text) -> Crs                  Crs.WGS84 | Crs.GCJ02 | Crs.BD09
                    to_wgs84(lon, lat, crs), from_wgs84(lon, lat, crs) -> (lon, lat)
                                                            floats give floats, arrays give arrays
                    haversine_m(lon1, lat1, lon2, lat2)     metres, floats or arrays
                    utm_for(lon, lat) -> Metric             Metric.forward(lon, lat) -> (x, y)
                                                            Metric.inverse(x, y) -> (lon, lat)
                    check_lonlat(lon, lat)                  raises BadCoordinates
    geo.errors      GeoError: BadCoordinates, UnknownCrs, BadFence, BadFix, BadMap, UnknownArc,
                    BadConditions, BadSpeeds, NoStreetNear, Unreachable, CityError
    geo.fences      Fence(id, kind, name, geometry, attributes={})
                    FENCE_KINDS = ("district", "subdistrict", "beat", "hazard_zone")
                    fences_from_geojson(collection, kind=None) -> list[Fence]
                    FenceIndex(fences)  .fences  .repairs: list[Repair(fence, reason)]
                      .locate(lons, lats, kind=None) -> (point_index, fence_index) sorted arrays
                      .locate_one(lon, lat, kind=None) -> list[Fence]   in fence order
    geo.transitions TransitionEngine(fences=(), dwell_s=None, hysteresis=1.0, detect=STATE_CHANGES,
                                     expires=None)
                      .observe(object_ids, lons, lats, times, accuracies_m=None) -> Transitions
                      .put(fence, at, expires=inf)  .remove(fence_id, at)  .expire(now)
                            -> Transitions, of those whom the edit moves in or out
                      .inside(object_id) -> ids of fences  .fences
                      .snapshot() -> EngineState  TransitionEngine.restore(state, fences, ...)
                      .fork() -> engine without objects  .objects(ids=None) -> ObjectStates
                      .resume(objects) -> Transitions, of those whom other fences move
                    Transitions: columns; iterating gives
                            Transition(object_id, fence_id, kind, time)
                    KINDS: enter exit cross closed inside outside dwell
    geo.fence_watch  FenceWatch(city, FenceTerms(city=, kinds=, dwell_s=, hysteresis=, detect=))
                      .follow(units=(), until=None, cause="") -> (Follower, FenceEvents)
                    Follower.observe(fixes) -> [(FenceEvent, fix)]  .expire(now)  .units()
    geo.streets     StreetGraph.from_networkx(graph)        OSMnx's attribute names
                    StreetGraph.from_arrays(lon=, lat=, tail=, head=, speed_kph=, ...)
                      .graph  .report: GraphReport  .nodes: Nodes  .arcs: Arcs (numpy columns,
                      ordered by u, v, key)  .turns: TurnRules  .attributes of the graph
                      .arc_index(arc_id) -> int  .has_arc(arc_id)  .arc_line(i) -> LineString
                      .arcs_by_name(name) -> array of arc indices  .names() -> all street names
                      .both_ways(arc_id) -> tuple of ids: the arc and the opposite one, if any
                    arc id: "u-v-key", e.g. "101-102-0"
    geo.turns       TurnRules(banned, emergency_exempt, restrictions, signals, costs, ...)
                      .banned: sequences of arc indices not to be driven one after the other
                      .turn_ms(in_arc, out_arc) -> whole ms, ints or arrays
                      .with_costs(NO_COSTS | OSRM_CAR | TurnCosts(...))  .left_hand()
    geo.lines       Lines(xy, first)        many lines as columns; lines[i] -> LineString
    geo.speeds      parse_maxspeed(value) -> km/h or None, default_kph(highway)
    geo.load        load_streets(path) -> StreetGraph       by suffix: .osm(.gz|.bz2) .pbf .graphml
                                                            .gpkg .parquet
    geo.load_osm    read_osm(path) -> StreetGraph           XML or PBF, with turn restrictions
    geo.load_graphml  read_graphml(path) -> StreetGraph,  write_graphml(streets, path)
    geo.load_frame  read_frame(path), streets_of_frame(GeoDataFrame) -> StreetGraph
    geo.snap        Snapper(streets)
                      .snap(lon, lat, max_distance_m=300) -> Snapped     raises NoStreetNear
                      .snap_many(lons, lats, ..., headings=, accuracies_m=) -> list[Snapped | None]
                      .snap_columns(...) -> SnappedColumns  the same without an object a point
                      .near(lons, lats, radii_m) -> Nearby  all streets around, as columns
                    Snapped(lon, lat, street_lon, street_lat, distance_m, places)
                      places: tuple of Place(arc: int, fraction: float), both directions
    geo.conditions  Conditions.of(closed=ids, speed_factors={id: factor},
                                  lanes_closed={id: count}, flood_depths={id: metres},
                                  hour=None)     of the week, where the router has speeds
                            immutable, hashable; of several on one arc the slowest holds
                    OPEN = Conditions.of()
    geo.slowdowns   lane_closure_ms(usual_ms, lanes, closed), wading_ms(length_m, depth_m, profile)
    geo.lanes       lanes_of(edge) -> lanes in its direction, default_lanes(highway)
    geo.routing     Router (protocol), NetworkxRouter(streets, profile="emergency")
                      .etas(sources, target, conditions=OPEN, cutoff_s=None) -> list of seconds,
                            inf when unreachable, too far, or no open street is near
                      .route(source, target, conditions=OPEN) -> Route
                            raises NoStreetNear, Unreachable
                      .hour_at(time) -> hour for `Conditions`; None without historic speeds
                    a source or target is (lon, lat) or a Snapped
                    Route(milliseconds, metres, coordinates, times_ms, arcs, against, arc_ms,
                          streets, walk_ms)  .seconds;  times_ms: when at each coordinate
    geo.router      CompiledRouter(streets, profile="emergency", snapper=None, index=None,
                                   cache=None)      a Router in microseconds, turns exact
                      .etas, .route as above
                      .matrix(sources, targets, conditions=OPEN) -> seconds, shape (s, t)
                      .nearest(target, sources, k, conditions=OPEN) -> [(index, seconds)]
                      .isochrone(source, minutes, conditions=OPEN) -> list of polygons
                      .index: StreetIndex, to share between the routers of a map
    geo.street_index  StreetIndex.of(streets, rules=None, cache=None)   cache: a folder
    geo.steps       steps(route, streets) -> tuple[Step, ...]    .zh, .en, .manoeuvre, .metres
    geo.profiles    PROFILES: "civilian", "emergency", "foot"
                    Profile(name, time_factor, against_factor, emergency_access, turn_factor,
                            ban_penalty_ms, on_foot, wading_limit_m)
    geo.hierarchy   Hierarchy(tail, head, order).weighted(weights) -> Metric
                      .length(a, b), .path(sources, targets), .lengths_to(sources, targets),
                      .lengths_from(sources, targets), .reweigh(arcs, weights)
                    inertial_order(node_count, tail, head, lon, lat); CLOSED
    geo.expanded, geo.metrics, geo.ends, geo.order_cache, geo.isochrone, geo.snap_memory,
    geo.unreached: parts of CompiledRouter
    geo.shortest    Network(node_count, tail, head).weighted(ms) -> Weighted
                      .times_to(nodes, offsets_ms, limit_ms) -> ms from every node
    geo.arc_speeds  ArcSpeeds.of(streets, timezone, arc_ids=, hours=, kph=, samples=None)
                      .kph_at(hour), .ms_at(arcs, hour) -> arrays of all arcs
                      .hour_at(time) -> hour of the week, 0 to 167, on the city's clocks
    geo.load_speeds read_speeds(path, streets, timezone), write_speeds(speeds, streets, path)
    geo.matching    Matcher(streets, snapper=None, against=False).match(track) -> Matched
                    Track.of(times, lons, lats, accuracies_m=None, courses=None)
    geo.learning    SpeedLearner(streets, timezone).add(track, matched, siren=False)
                      .learn() -> Learnt(speeds, passages, arcs, median_change, left_out)
    geo.lane_reach  LaneReach: a part of Matcher
    geo.gazetteer   Gazetteer(streets=None, fences=(), points=(), addresses=())
                      .find(text) -> list[Match(name, kind, lon, lat, accuracy_m, span)],
                            the most accurate first
                    PointOfInterest(name, kind, lon, lat, aliases=()),
                    AddressPoint(street, number, lon, lat)
    geo.city        load_city(folder) -> CityData, save_city(city, folder)      raise CityError
                    CityData.of(manifest, streets, fences=, places=, sensors=, units=, speeds=None)
                      .with_speeds(speeds) -> the city with historic speeds, and its own digest
                      .manifest: Manifest  .streets  .fences  .places  .sensors  .units  .digest
                      .fence_index  .snapper  .gazetteer  .places_by_id   made when first used
                    Sensor(id, datastream, observed_property, name, point)
                    Place(id, kind, name, name_en, point, generated=False)
"""
