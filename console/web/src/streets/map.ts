/** The map on which streets are drawn, and what holds on them is shown. */

import { effect } from "@preact/signals";
import type { LayerSpecification } from "maplibre-gl";
import { canvas } from "../map/canvas";
import { fitCity } from "../map/fit";
import type { Theme } from "../state/theme";
import { conditions, type Shown } from "./conditions";
import { held, meant, points, shape } from "./drawing";

const EMPTY = { type: "FeatureCollection" as const, features: [] };
const COLOURS = {
  day: { held: "#5b2b86", drawn: "#17577f" },
  night: { held: "#d9bdf5", drawn: "#8cc4ec" },
} satisfies Record<Theme, Record<string, string>>;
/** By dashes, not by colour alone: closed is solid. */
const DASHES: Record<string, number[]> = {
  closure: [1, 0],
  lane_closure: [3, 1],
  flood_depth: [1, 1],
  speed_factor: [0.3, 1.2],
};

export function drawStreets(box: HTMLElement, label: string): () => void {
  const { map, put, end } = canvas(box, label, (style, theme) => {
    const { held, drawn } = COLOURS[theme];
    const source = { type: "geojson" as const, data: EMPTY };
    style.sources = { ...style.sources, conditions: source, meant: source, drawing: source };
    style.layers.push(
      ...Object.entries(DASHES).map(
        ([kind, dashes]): LayerSpecification => ({
          id: `condition-${kind}`,
          type: "line",
          source: "conditions",
          filter: ["==", ["get", "kind"], kind],
          paint: { "line-color": held, "line-width": 6, "line-dasharray": dashes, "line-opacity": 0.9 },
        }),
      ),
      {
        id: "meant",
        type: "line",
        source: "meant",
        layout: { "line-cap": "round" },
        paint: { "line-color": drawn, "line-width": 9, "line-opacity": 0.5 },
      },
      {
        id: "drawing",
        type: "line",
        source: "drawing",
        paint: { "line-color": drawn, "line-width": 2, "line-dasharray": [2, 1] },
      },
      {
        id: "drawing-points",
        type: "circle",
        source: "drawing",
        paint: { "circle-color": drawn, "circle-radius": 4 },
      },
    );
    return style;
  });
  map.doubleClickZoom.disable();
  map.on("click", ({ lngLat }) => {
    if (shape.peek() !== null && !held.peek()) points.value = [...points.peek(), [lngLat.lng, lngLat.lat]];
  });
  map.on("load", () => void fitCity(map).then(() => (box.dataset["ready"] = "true")));
  const ends = [
    effect(() => put("conditions", { ...EMPTY, features: conditions.value.filter(isDrawn) })),
    effect(() => put("meant", meant.value ? collected(meant.value.geometry) : EMPTY)),
    effect(() => put("drawing", points.value.length ? collected(hand()) : EMPTY)),
    effect(() => {
      map.getCanvas().style.cursor = shape.value === null ? "" : "crosshair";
    }),
  ];
  return () => {
    ends.forEach((one) => one());
    end();
  };
}

/** Streets of a city that is no longer in force have no geometry. */
function isDrawn(one: Shown): one is Shown & GeoJSON.Feature {
  return one.geometry !== null;
}

/** The line, or the border, as far as it is drawn. */
function hand(): GeoJSON.Geometry {
  const [kind, drawn] = [shape.value, points.value.map(([lon, lat]) => [lon, lat])];
  const [first] = drawn;
  if (first === undefined || drawn.length < 2) return { type: "MultiPoint", coordinates: drawn };
  const closed = kind === "area" && drawn.length > 2 ? [...drawn, first] : drawn;
  return { type: "LineString", coordinates: closed };
}

function collected(geometry: GeoJSON.Geometry): GeoJSON.FeatureCollection {
  return { type: "FeatureCollection", features: [{ type: "Feature", geometry, properties: {} }] };
}
