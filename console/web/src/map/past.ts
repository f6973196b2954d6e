/** The map of an earlier time. */

import { effect } from "@preact/signals";
import { past } from "../state/past";
import { address } from "../state/url";
import { language } from "../words/language";
import { canvas } from "./canvas";
import { chosenFeatures, incidentFeatures, routeFeatures, unitFeatures } from "./features";
import { fitCity } from "./fit";

export function drawPast(box: HTMLElement, label: string): () => void {
  const { map, put, end } = canvas(box, label);
  map.on("load", () => void fitCity(map));
  const ends = [
    effect(() => put("incidents", incidentFeatures(past.value?.incidents ?? []))),
    effect(() => {
      const chosen = past.value?.incidents.find((one) => one.id === address.value.incident);
      put("chosen", chosenFeatures(chosen));
    }),
    effect(() => {
      const { units = [], at } = past.value ?? {};
      put("units", unitFeatures(units, at ? Date.parse(at) : 0, language.value));
    }),
    effect(() => put("routes", routeFeatures(past.value?.assignments ?? []))),
  ];
  return () => {
    ends.forEach((one) => one());
    end();
  };
}
