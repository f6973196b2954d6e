import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../words/catalogue";

/** Draw in a box; the answer ends it. */
export type Draw = (box: HTMLElement, label: string) => () => void;

function hasWebGl(): boolean {
  const canvas = document.createElement("canvas");
  return (canvas.getContext("webgl2") ?? canvas.getContext("webgl")) !== null;
}

/** A map that is loaded when it is needed; without WebGL, why there is none. */
export function MapBox({ load, label = t("map") }: { load: () => Promise<Draw>; label?: string }) {
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
      const draw = await load();
      if (!over && box.current) end = draw(box.current, label);
    }
    begin().catch((error: unknown) => setFault(t("map_failed", { error: String(error) })));
    return () => {
      over = true;
      end();
    };
  }, []);
  return fault ? <p class="empty no-map">{fault}</p> : <div ref={box} class="map-box" />;
}
