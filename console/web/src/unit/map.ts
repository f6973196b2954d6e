/** The way on a small map: it is loaded behind the words, which do not wait for it. */

import { effect } from "@preact/signals";
import type { LngLatBoundsLike } from "maplibre-gl";
import { canvas } from "../map/canvas";
import { incidentFeatures, unitFeatures } from "../map/features";
import { language } from "../words/language";
import { duty } from "./duty";

const NOTHING: GeoJSON.FeatureCollection = { type: "FeatureCollection", features: [] };

/** Draw the map in a box until the answer is called. */
export function drawWay(box: HTMLElement, label: string): () => void {
  const { map, put, end } = canvas(box, label);
  let fitted = "";
  const follow = effect(() => {
    const shown = duty.value;
    const { unit, incident, way } = shown ?? {};
    put("incidents", incident ? incidentFeatures([incident]) : NOTHING);
    put("units", unit ? unitFeatures([unit], shown?.at ?? 0, language.value) : NOTHING);
    const line = way?.geometry.coordinates ?? [];
    put("routes", line.length ? lineOf(line) : NOTHING);
    const ends = [unit?.position, incident?.point].flatMap((one): [number, number][] =>
      one ? [[one.lon, one.lat]] : [],
    );
    const points = [...(line as [number, number][]), ...ends];
    // It moves only with another incident, never under a finger.
    if (points.length > 1 && incident && fitted !== incident.id) {
      fitted = incident.id;
      map.fitBounds(around(points), { padding: 36, maxZoom: 16, animate: false });
    }
  });
  return () => {
    follow();
    end();
  };
}

function lineOf(coordinates: GeoJSON.Position[]): GeoJSON.FeatureCollection {
  const geometry = { type: "LineString" as const, coordinates: coordinates.map((at) => [...at]) };
  return { type: "FeatureCollection", features: [{ type: "Feature", geometry, properties: {} }] };
}

function around(points: readonly [number, number][]): LngLatBoundsLike {
  const lons = points.map(([lon]) => lon);
  const lats = points.map(([, lat]) => lat);
  return [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)];
}
