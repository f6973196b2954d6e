/** The map of the present. It is loaded behind the lists, which do not wait for it. */

import { computed, effect } from "@preact/signals";
import type { Map as GlMap } from "maplibre-gl";
import { assignments, incidents, now, sheet, units } from "../state/store";
import { address, go } from "../state/url";
import { language } from "../words/language";
import { canvas } from "./canvas";
import { chosenFeatures, incidentFeatures, routeFeatures, unitFeatures } from "./features";
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
    paced(() => {
      const found = incidents.value;
      return () => put("incidents", incidentFeatures(found.values()));
    }),
    effect(() => put("chosen", chosenFeatures(ringed.value))),
    paced(() => {
      const [found, tongue] = [units.value, language.value];
      return () => put("units", unitFeatures(found.values(), now.peek(), tongue));
    }),
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

const ringed = computed(() => incidents.value.get(address.value.incident ?? ""));

const PACE_MS = 1_000;

/** Draw what a look at the store returns, at once and then no more often than once a second. */
function paced(look: () => () => void): () => void {
  let draw = () => {};
  let timer = 0;
  let last = -Infinity;
  function drawNow() {
    timer = 0;
    last = performance.now();
    draw();
  }
  const follow = effect(() => {
    draw = look();
    const wait = last + PACE_MS - performance.now();
    if (wait <= 0) drawNow();
    else timer ||= window.setTimeout(drawNow, wait);
  });
  return () => {
    follow();
    window.clearTimeout(timer);
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
