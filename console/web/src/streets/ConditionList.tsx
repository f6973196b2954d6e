import { useState } from "preact/hooks";
import { t } from "../words/catalogue";
import { day } from "../words/times";
import { endNow, conditions, told, type Condition } from "./conditions";

/** What holds now or later, each to be ended. */
export function ConditionList({ may }: { may: boolean }) {
  const found = conditions.value;
  return (
    <section aria-labelledby="conditions-title">
      <h2 id="conditions-title">
        {t("in_force")} <span class="number">{found.length}</span>
      </h2>
      {found.length === 0 && <p class="empty">{t("all_open")}</p>}
      <ul class="conditions">
        {found.map(({ properties }) => (
          <Row key={properties.condition} one={properties} may={may} />
        ))}
      </ul>
    </section>
  );
}

function Row({ one, may }: { one: Condition; may: boolean }) {
  const [busy, setBusy] = useState(false);
  async function clear() {
    setBusy(true);
    await endNow(one).catch(() => {});
    setBusy(false);
  }
  return (
    <li class="condition">
      <div>
        <b>{told(one)}</b> {one.streets}
        <small>
          <time>{day(one.valid_from)}</time> –{" "}
          {one.valid_until ? <time>{day(one.valid_until)}</time> : t("until_cleared")}
        </small>
        {one.reason && <small>{one.reason}</small>}
      </div>
      {may && (
        <button disabled={busy} onClick={() => void clear()}>
          {t("end_condition")}
        </button>
      )}
    </li>
  );
}
