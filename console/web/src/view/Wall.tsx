import { incidents, now } from "../state/store";
import { oldest } from "../state/queue";
import { go } from "../state/url";
import { t } from "../words/catalogue";
import { codesOf, word } from "../words/codes";
import { age, clock } from "../words/times";
import { Banners } from "./Banners";
import { MapBox } from "./MapBox";
import { Severity } from "./Severity";

/** For a wall: the map, which stays where it was put, and counts. Nothing on it moves by itself. */
export function Wall() {
  return (
    <div class="wall">
      <header class="wall-head">
        <h1>{t("title")}</h1>
        <ul class="wall-counts" aria-label={t("queue")}>
          {codesOf("severity").map(({ code }) => (
            <li key={code}>
              <Severity code={code} large />
              <b>{[...incidents.value.values()].filter((one) => one.severity === code).length}</b>
              <span class="unseen">{word("severity", code)}</span>
            </li>
          ))}
        </ul>
        {oldest.value && <span>{t("oldest", { age: age(now.value - Date.parse(oldest.value.opened_at)) })}</span>}
        <span class="space" />
        <time class="clock">{clock(now.value)}</time>
        <button class="quiet" onClick={() => go({ wall: false })}>
          {t("back_to_console")}
        </button>
      </header>
      <Banners />
      <main class="pane wall-map">
        <MapBox load={async () => (await import("../map/draw")).drawWall} />
      </main>
    </div>
  );
}
