import { MapBox } from "./MapBox";

/** The map, where the browser can draw one; all that it shows stands on the lists, too. */
export function MapPane() {
  return (
    <div class="pane map">
      <MapBox load={async () => (await import("../map/draw")).draw} />
    </div>
  );
}
