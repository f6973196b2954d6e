/** The map of the present. It is loaded behind the lists, which do not wait for it. */

import { effect } from "@preact/signals";
import type { Map as GlMap } from "maplibre-gl";
import { assignments, incidents, now, sheet, units } from "../state/store";
import { address, go } from "../state/url";
import { language } from "../words/language";
import { canvas } from "./canvas";
import { incidentFeatures, routeFeatures, unitFeatures } from "./features";
import { fitCity } from "./fit";

/** Draw the map in a box until the answer is called; it moves to what is chosen out of its sight. */
export function draw(box: HTMLElement, label: string): () => void {
  const { map, end } = drawn(box, label, () => routeFeatures(sheet.value?.assignments ?? []));
  const follow = effect(() => {
    const chosen = incidents.peek().get(address.value.incident ?? "");
    if (!chosen?.point) return;
    const at: [number, number] = [chosen.point.lon, chosen.point.lat];
    if (!map.getBounds().contains(at)) map.easeTo({ center: at, duration: 300 });
  });
  return () => {
    follow();
    end();
  };
}

/** The map of a wall: it never moves by itself, and shows the way of every unit. */
export function drawWall(box: HTMLElement, label: string): () => void {
  return drawn(box, label, () => routeFeatures([...assignments.value.values()])).end;
}

function drawn(box: HTMLElement, label: string, routes: () => GeoJSON.FeatureCollection) {
  const { map, put, end } = canvas(box, label);
  choosing(map);
  map.on("load", () => void fitCity(map).then(() => (box.dataset["ready"] = "true")));
  const ends = [
    effect(() => put("incidents", incidentFeatures(incidents.value.values(), address.value.incident))),
    effect(() => put("units", unitFeatures(units.value.values(), now.peek(), language.value))),
    effect(() => put("routes", routes())),
  ];
  return {
    map,
    end: () => {
      ends.forEach((one) => one());
      end();
    },
  };
}

/** A click on an incident, or on a unit that is sent to one, chooses it. */
function choosing(map: GlMap): void {
  map.on("click", (event) => {
    const [first] = map.queryRenderedFeatures(event.point, { layers: ["incidents", "units"] });
    const id = first?.properties["id"] ?? first?.properties["incident"];
    if (id) go({ incident: String(id) });
  });
}
