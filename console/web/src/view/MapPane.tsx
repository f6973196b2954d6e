import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../words/catalogue";

function hasWebGl(): boolean {
  const canvas = document.createElement("canvas");
  return (canvas.getContext("webgl2") ?? canvas.getContext("webgl")) !== null;
}

/** The map, where the browser can draw one; all that it shows stands on the lists, too. */
export function MapPane() {
  const box = useRef<HTMLDivElement>(null);
  const [fault, setFault] = useState<string | null>(null);
  useEffect(() => {
    let end = () => {};
    let over = false;
    async function begin() {
      if (!hasWebGl()) {
        setFault(t("no_map"));
        return;
      }
      const { draw } = await import("../map/draw");
      if (!over && box.current) end = draw(box.current, t("map"));
    }
    begin().catch((error: unknown) => setFault(t("map_failed", { error: String(error) })));
    return () => {
      over = true;
      end();
    };
  }, []);
  return (
    <div class={`pane map ${fault ? "no-map" : ""}`}>
      {fault ? <p class="empty">{fault}</p> : <div ref={box} class="map-box" />}
    </div>
  );
}
