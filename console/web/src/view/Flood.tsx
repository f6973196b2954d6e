import { alarmCount, flooded } from "../state/flood";
import { oldest } from "../state/queue";
import { now } from "../state/store";
import { go } from "../state/url";
import { t } from "../words/catalogue";
import { word } from "../words/codes";
import { age } from "../words/times";
import { Severity } from "./Severity";

/** The alarms of ten minutes; in a flood also the incident that has waited longest. */
export function Flood() {
  return (
    <div class={`alarms ${flooded.value ? "is-flood" : ""}`}>
      <p>{t("alarm_rate", { count: alarmCount.value })}</p>
      <p role="status">{flooded.value && <b>{t("flood")}</b>}</p>
      {flooded.value && <Oldest />}
    </div>
  );
}

function Oldest() {
  const found = oldest.value;
  if (found === null) return null;
  return (
    <button class="oldest" onClick={() => go({ incident: found.id })}>
      <Severity code={found.severity} />
      <span>
        {t("oldest", { age: age(now.value - Date.parse(found.opened_at)) })}
        <small>
          {found.number.split("-").at(-1)} {word("category", found.category)} · {found.where.address ?? t("no_place")}
        </small>
      </span>
    </button>
  );
}
