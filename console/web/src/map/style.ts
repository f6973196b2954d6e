/** The map's style: quiet streets from the gateway's own tiles, so that only alarms are loud. */

import type { StyleSpecification } from "maplibre-gl";
import type { Theme } from "../state/theme";

const PAINTS = {
  day: {
    ground: "#e9edf0",
    street: "#ffffff",
    casing: "#aebac4",
    name: "#5c6b77",
    halo: "#ffffff",
    fence: "#9aa9b5",
    route: "#1667a8",
    ring: "#0b3c61",
    text: "#22303b",
  },
  night: {
    ground: "#11181f",
    street: "#2a3642",
    casing: "#1c2630",
    name: "#8a9aa8",
    halo: "#11181f",
    fence: "#3c4b59",
    route: "#63b3ee",
    ring: "#cfe6f8",
    text: "#d6e0e8",
  },
} satisfies Record<Theme, Record<string, string>>;

const EMPTY = { type: "FeatureCollection" as const, features: [] };

export function styleOf(theme: Theme, origin: string): StyleSpecification {
  const paint = PAINTS[theme];
  const tiles = (layer: string) => ({
    type: "vector" as const,
    tiles: [`${origin}/api/v1/tiles/${layer}/{z}/{x}/{y}.mvt`],
    maxzoom: 15,
  });
  const width = (narrow: number, wide: number) =>
    ["interpolate", ["exponential", 1.6], ["zoom"], 11, narrow, 18, wide] as never;
  return {
    version: 8,
    sources: {
      streets: tiles("streets"),
      fences: tiles("fences"),
      routes: { type: "geojson", data: EMPTY },
      units: { type: "geojson", data: EMPTY },
      incidents: { type: "geojson", data: EMPTY },
      chosen: { type: "geojson", data: EMPTY },
    },
    layers: [
      { id: "ground", type: "background", paint: { "background-color": paint.ground } },
      {
        id: "fences",
        type: "line",
        source: "fences",
        "source-layer": "fences",
        filter: ["==", ["get", "kind"], "district"],
        paint: { "line-color": paint.fence, "line-width": 1.5, "line-dasharray": [4, 3] },
      },
      {
        id: "streets-casing",
        type: "line",
        source: "streets",
        "source-layer": "streets",
        layout: { "line-cap": "round", "line-join": "round" },
        paint: { "line-color": paint.casing, "line-width": width(1.4, 26) },
      },
      {
        id: "streets",
        type: "line",
        source: "streets",
        "source-layer": "streets",
        layout: { "line-cap": "round", "line-join": "round" },
        paint: { "line-color": paint.street, "line-width": width(0.8, 22) },
      },
      {
        id: "street-names",
        type: "symbol",
        source: "streets",
        "source-layer": "streets",
        minzoom: 14,
        layout: {
          "symbol-placement": "line",
          "text-field": ["get", "name"],
          "text-size": 11,
          "symbol-spacing": 320,
        },
        paint: { "text-color": paint.name, "text-halo-color": paint.halo, "text-halo-width": 1.5 },
      },
      {
        id: "routes",
        type: "line",
        source: "routes",
        layout: { "line-cap": "round", "line-join": "round" },
        paint: { "line-color": paint.route, "line-width": 4, "line-opacity": 0.75 },
      },
      {
        id: "units",
        type: "symbol",
        source: "units",
        layout: { "icon-image": ["get", "icon"], "icon-allow-overlap": true },
      },
      {
        id: "chosen",
        type: "circle",
        source: "chosen",
        paint: {
          "circle-radius": 22,
          "circle-color": "transparent",
          "circle-stroke-color": paint.ring,
          "circle-stroke-width": 3,
        },
      },
      {
        id: "incidents",
        type: "symbol",
        source: "incidents",
        layout: {
          "icon-image": ["get", "icon"],
          "icon-allow-overlap": true,
          "symbol-sort-key": ["get", "order"],
        },
      },
    ],
  };
}
