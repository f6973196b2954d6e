/** What the store has, as features of the map. */

import type { Assignment, Incident, Unit } from "../api/types";
import { availability, severityRank, word } from "../words/codes";
import type { Language } from "../words/language";

type Collection = GeoJSON.FeatureCollection;

function collection(features: GeoJSON.Feature[]): Collection {
  return { type: "FeatureCollection", features };
}

function point(at: { lon: number; lat: number }, properties: Record<string, unknown>): GeoJSON.Feature {
  return { type: "Feature", geometry: { type: "Point", coordinates: [at.lon, at.lat] }, properties };
}

export function incidentFeatures(found: Iterable<Incident>): Collection {
  return collection(
    [...found].flatMap((one) =>
      one.point === null
        ? []
        : point(one.point, {
            id: one.id,
            icon: `incident:${one.severity}`,
            order: -severityRank(one.severity),
          }),
    ),
  );
}

/** The one that is chosen has a ring, in a source of its own: choosing draws no other anew. */
export function chosenFeatures(found: Incident | undefined): Collection {
  return collection(found?.point ? [point(found.point, {})] : []);
}

export function unitFeatures(found: Iterable<Unit>, now: number, language: Language): Collection {
  return collection(
    [...found].map((one) => {
      const letter = word("unit_kind", one.kind, language).slice(0, 1);
      return point(one.position, {
        incident: one.incident ?? "",
        icon: `unit:${letter}:${availability(one, now)}`,
      });
    }),
  );
}

export function routeFeatures(found: readonly Assignment[]): Collection {
  return collection(
    found.flatMap((one): GeoJSON.Feature[] =>
      one.route === null || one.ended !== null || one.on_scene !== null
        ? []
        : [
            {
              type: "Feature",
              geometry: {
                type: "LineString",
                coordinates: one.route.coordinates.map(([lon, lat]) => [lon, lat]),
              },
              properties: {},
            },
          ],
    ),
  );
}
