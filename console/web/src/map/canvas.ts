/** A map of the gateway's own streets, in the page's theme; what else it shows is its page's. */

import { effect } from "@preact/signals";
import { Map as GlMap, setWorkerUrl, type GeoJSONSource } from "maplibre-gl";
import "maplibre-gl/dist/maplibre-gl.css";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import { theme, type Theme } from "../state/theme";
import { imageNamed } from "./icons";
import { styleOf } from "./style";

setWorkerUrl(workerUrl);

const SHANGHAI: [number, number] = [121.45, 31.23];

export interface Canvas {
  readonly map: GlMap;
  /** Show features in a source of the style; they stay when the style changes with the theme. */
  readonly put: (source: string, data: GeoJSON.FeatureCollection) => void;
  readonly end: () => void;
}

type Style = ReturnType<typeof styleOf>;

/** Make a map in a box; `more` adds sources and layers to its style. */
export function canvas(
  box: HTMLElement,
  label: string,
  more: (style: Style, theme: Theme) => Style = (style) => style,
): Canvas {
  const styled = (of: Theme) => more(styleOf(of, location.origin), of);
  let shown = theme.peek();
  const map = new GlMap({
    container: box,
    style: styled(shown),
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
    const image = imageNamed(id);
    if (image && !map.hasImage(id)) map.addImage(id, image, { pixelRatio: 2 });
  });
  const known = new Map<string, GeoJSON.FeatureCollection>();
  const write = (source: string, data: GeoJSON.FeatureCollection) =>
    (map.getSource(source) as GeoJSONSource | undefined)?.setData(data);
  const writeAll = () => known.forEach((data, source) => write(source, data));
  map.on("load", writeAll);
  const follow = effect(() => {
    if (theme.value === shown) return;
    shown = theme.value;
    map.setStyle(styled(shown), { diff: false });
    map.once("styledata", writeAll);
  });
  const resized = new ResizeObserver(() => map.resize());
  resized.observe(box);
  return {
    map,
    put(source, data) {
      known.set(source, data);
      write(source, data);
    },
    end() {
      follow();
      resized.disconnect();
      map.remove();
    },
  };
}
