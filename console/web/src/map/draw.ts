/** The map itself. It is loaded behind the lists, which do not wait for it. */

import { effect } from "@preact/signals";
import {
  Map as GlMap,
  setWorkerUrl,
  type GeoJSONSource,
  type LngLatBoundsLike,
} from "maplibre-gl";
import "maplibre-gl/dist/maplibre-gl.css";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import { body, gateway } from "../api/http";
import { incidents, now, sheet, units } from "../state/store";
import { theme } from "../state/theme";
import { address, go } from "../state/url";
import type { Availability } from "../words/codes";
import { language } from "../words/language";
import { incidentFeatures, routeFeatures, unitFeatures } from "./features";
import { incidentIcon, unitIcon } from "./icons";
import { styleOf } from "./style";

setWorkerUrl(workerUrl);

const SHANGHAI: [number, number] = [121.45, 31.23];

/** Draw the map in a box until the answer is called. */
export function draw(box: HTMLElement, label: string): () => void {
  const map = new GlMap({
    container: box,
    style: styleOf(theme.peek(), location.origin),
    center: SHANGHAI,
    zoom: 12,
    attributionControl: false,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    fadeDuration: 0,
  });
  map.getCanvas().setAttribute("aria-label", label);
  map.setMissingStyleImageResolver((id) => {
    const image = drawn(id);
    if (image && !map.hasImage(id)) map.addImage(id, image, { pixelRatio: 2 });
  });
  map.on("click", (event) => {
    const found = map.queryRenderedFeatures(event.point, { layers: ["incidents", "units"] });
    const [first] = found;
    const id = first?.properties["id"] ?? first?.properties["incident"];
    if (id) go({ incident: String(id) });
  });
  const ends: (() => void)[] = [];
  let shownTheme = theme.peek();
  map.on("load", () => {
    ends.push(...follow(map));
    void fitCity(map);
  });
  ends.push(
    effect(() => {
      if (theme.value === shownTheme) return;
      shownTheme = theme.value;
      map.setStyle(styleOf(shownTheme, location.origin), { diff: false });
      map.once("styledata", () => refresh(map));
    }),
  );
  const resized = new ResizeObserver(() => map.resize());
  resized.observe(box);
  return () => {
    ends.forEach((end) => end());
    resized.disconnect();
    map.remove();
  };
}

function drawn(name: string): ImageData | null {
  const [what, first, kind] = name.split(":");
  if (what === "incident" && first) return incidentIcon(first);
  if (what === "unit" && first && kind) return unitIcon(first, kind as Availability);
  return null;
}

function put(map: GlMap, source: string, data: GeoJSON.FeatureCollection): void {
  (map.getSource(source) as GeoJSONSource | undefined)?.setData(data);
}

function refresh(map: GlMap): void {
  put(map, "incidents", incidentFeatures(incidents.peek().values(), address.peek().incident));
  put(map, "units", unitFeatures(units.peek().values(), now.peek(), language.peek()));
  put(map, "routes", routeFeatures(sheet.peek()?.assignments ?? []));
}

/** Keep the map in step with the store. */
function follow(map: GlMap): (() => void)[] {
  return [
    effect(() =>
      put(map, "incidents", incidentFeatures(incidents.value.values(), address.value.incident)),
    ),
    effect(() => put(map, "units", unitFeatures(units.value.values(), now.peek(), language.value))),
    effect(() => put(map, "routes", routeFeatures(sheet.value?.assignments ?? []))),
    effect(() => {
      const chosen = incidents.peek().get(address.value.incident ?? "");
      if (!chosen?.point) return;
      const at: [number, number] = [chosen.point.lon, chosen.point.lat];
      // It moves only if what was chosen could not be seen.
      if (!map.getBounds().contains(at)) map.easeTo({ center: at, duration: 300 });
    }),
  ];
}

/** Begin with the whole city, or with where units and incidents are. */
async function fitCity(map: GlMap): Promise<void> {
  const layer = { params: { path: { layer: "streets" as const } } };
  const tiles = await body(gateway.api.GET("/api/v1/tiles/{layer}.json", layer)).catch(() => null);
  const found = (tiles?.bounds ?? around()) as LngLatBoundsLike | null;
  if (found) map.fitBounds(found, { padding: 24, animate: false });
}

function around(): LngLatBoundsLike | null {
  const places = [...units.peek().values()].map((unit) => unit.position);
  if (places.length === 0) return null;
  const lons = places.map((one) => one.lon);
  const lats = places.map((one) => one.lat);
  return [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)];
}
