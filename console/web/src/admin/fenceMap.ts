/** The map on which fences are shown and one is drawn: click adds, drag moves, right click removes. */

import { effect } from "@preact/signals";
import type { MapMouseEvent } from "maplibre-gl";
import { canvas } from "../map/canvas";
import { fitCity } from "../map/fit";
import type { Theme } from "../state/theme";
import { draft, edit, fences, outcome, putRing, remember, type LonLat, type Ring } from "./fences";

const EMPTY = { type: "FeatureCollection" as const, features: [] };
const COLOURS = {
  day: { fence: "#5c6b77", drawn: "#17577f", fault: "#a3161f" },
  night: { fence: "#8a9aa8", drawn: "#8cc4ec", fault: "#ff9a9a" },
} satisfies Record<Theme, Record<string, string>>;

interface Grip {
  readonly part: number;
  readonly ring: number;
  readonly place: number;
  readonly between: boolean;
}

export function drawFences(box: HTMLElement, label: string): () => void {
  const { map, put, end } = canvas(box, label, (style, theme) => {
    const colours = COLOURS[theme];
    const source = { type: "geojson" as const, data: EMPTY };
    style.sources = { ...style.sources, known: source, drawn: source, grips: source, wrong: source };
    style.layers.push(
      { id: "known-area", type: "fill", source: "known", paint: { "fill-color": colours.fence, "fill-opacity": 0.05 } },
      { id: "known", type: "line", source: "known", paint: { "line-color": colours.fence, "line-width": 1.5, "line-dasharray": [4, 2] } },
      { id: "drawn-area", type: "fill", source: "drawn", paint: { "fill-color": colours.drawn, "fill-opacity": 0.2 } },
      { id: "drawn", type: "line", source: "drawn", paint: { "line-color": colours.drawn, "line-width": 3 } },
      {
        id: "grips",
        type: "circle",
        source: "grips",
        paint: {
          "circle-radius": ["case", ["get", "between"], 4, 7],
          "circle-color": colours.drawn,
          "circle-opacity": ["case", ["get", "between"], 0.5, 1],
        },
      },
      {
        id: "wrong",
        type: "circle",
        source: "wrong",
        paint: { "circle-radius": 14, "circle-color": "transparent", "circle-stroke-color": colours.fault, "circle-stroke-width": 4 },
      },
    );
    return style;
  });
  map.doubleClickZoom.disable();
  let held: Grip | null = null;

  const gripAt = ({ point }: MapMouseEvent): Grip | null => {
    const [found] = map.getLayer("grips") ? map.queryRenderedFeatures(point, { layers: ["grips"] }) : [];
    return (found?.properties as Grip | undefined) ?? null;
  };
  map.on("mousedown", (event) => {
    const grip = draft.peek()?.isRemoved ? null : gripAt(event);
    if (!grip || event.originalEvent.button !== 0) return;
    event.preventDefault();
    remember();
    if (grip.between) move(grip, event.lngLat.toArray(), true);
    held = grip.between ? { ...grip, place: grip.place + 1, between: false } : grip;
  });
  map.on("mousemove", (event) => {
    if (held) move(held, event.lngLat.toArray(), false);
    else map.getCanvas().style.cursor = draft.peek() ? (gripAt(event) ? "move" : "crosshair") : "";
  });
  const release = () => (held = null);
  window.addEventListener("mouseup", release);
  map.on("contextmenu", (event) => {
    const grip = gripAt(event);
    if (grip && !grip.between) putRing(grip.part, grip.ring, ringOf(grip).filter((_, place) => place !== grip.place));
  });
  map.on("click", (event) => {
    const mine = draft.peek();
    if (mine === null) {
      const [found] = map.getLayer("known-area") ? map.queryRenderedFeatures(event.point, { layers: ["known-area"] }) : [];
      const one = fences.peek().find((fence) => fence.id === found?.properties["id"] && fence.region === found.properties["region"]);
      if (one) edit(one);
    } else if (mine.isNew && gripAt(event) === null) {
      putRing(0, 0, [...(mine.polygons[0]?.[0] ?? []), event.lngLat.toArray()]);
    }
  });
  map.on("load", () => void fitCity(map).then(() => (box.dataset["ready"] = "true")));
  const ends = [
    effect(() => put("known", collected(fences.value.filter((one) => one.id !== draft.value?.fence).map(asFeature)))),
    effect(() => put("drawn", collected(outline()))),
    effect(() => put("grips", collected(draft.value?.isRemoved ? [] : grips()))),
    effect(() => {
      const places = outcome.value?.faults.flatMap((one) => (one.at ? [one.at] : [])) ?? [];
      put("wrong", collected(places.map((at) => feature({ type: "Point", coordinates: [...at] }, {}))));
    }),
  ];
  return () => {
    ends.forEach((one) => one());
    window.removeEventListener("mouseup", release);
    end();
  };
}

function ringOf({ part, ring }: Grip): Ring {
  return draft.peek()?.polygons[part]?.[ring] ?? [];
}

function move(grip: Grip, to: LonLat, inserts: boolean): void {
  const ring = ringOf(grip);
  const next = inserts
    ? [...ring.slice(0, grip.place + 1), to, ...ring.slice(grip.place + 1)]
    : ring.map((one, place) => (place === grip.place ? to : one));
  putRing(grip.part, grip.ring, next, false);
}

function outline(): GeoJSON.Feature[] {
  return (draft.value?.polygons ?? []).map((rings) => {
    const closed = rings.map((ring) => [...ring, ...ring.slice(0, 1)].map((one) => [...one]));
    const outer = closed[0] ?? [];
    if (outer.length < 4) return feature({ type: "LineString", coordinates: outer.length > 1 ? outer : [] }, {});
    return feature({ type: "Polygon", coordinates: closed }, {});
  });
}

function grips(): GeoJSON.Feature[] {
  return (draft.value?.polygons ?? []).flatMap((rings, part) =>
    rings.flatMap((points, ring) =>
      points.flatMap((at, place) => {
        const after = points[(place + 1) % points.length] ?? at;
        const middle = [(at[0] + after[0]) / 2, (at[1] + after[1]) / 2];
        const made = [feature({ type: "Point", coordinates: [...at] }, { part, ring, place, between: false })];
        if (points.length > 2) made.unshift(feature({ type: "Point", coordinates: middle }, { part, ring, place, between: true }));
        return made;
      }),
    ),
  );
}

function asFeature({ id, region, geometry }: (typeof fences.value)[number]): GeoJSON.Feature {
  return feature(geometry as unknown as GeoJSON.Geometry, { id, region });
}

function feature(geometry: GeoJSON.Geometry, properties: Record<string, unknown>): GeoJSON.Feature {
  return { type: "Feature", geometry, properties };
}

function collected(features: GeoJSON.Feature[]): GeoJSON.FeatureCollection {
  return { type: "FeatureCollection", features };
}
