/** What a map shows at first; after that it moves by hand only. */

import type { LngLatBoundsLike, Map as GlMap } from "maplibre-gl";
import { body, gateway } from "../api/http";
import { units } from "../state/store";

/** Begin with the whole city, or with where its units are. */
export async function fitCity(map: GlMap): Promise<void> {
  const params = { path: { layer: "streets" } } as const;
  const tiles = await body(gateway.api.GET("/api/v1/tiles/{layer}.json", { params })).catch(() => null);
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
