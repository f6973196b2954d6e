import { useState } from "preact/hooks";
import type { Reason } from "../api/types";
import { t } from "../words/catalogue";
import { codesOf, word } from "../words/codes";
import { render } from "../words/reasons";
import { plans, rehearse, type Plan, type Requirement } from "./parts";

/** Whom the policy sends, and what another plan would change for what is open now. */
export function Plans() {
  const [tried, setTried] = useState<string | null>(null);
  const version = plans.value[0]?.policy;
  return (
    <>
      <p class="hint">{t("plans_hint", { version: version ?? "–" })}</p>
      <table>
        <caption class="unseen">{t("part_plans")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("field_category")}</th>
            <th scope="col">{t("field_severity")}</th>
            <th scope="col">{t("asks_for")}</th>
            <th scope="col">{t("do_it")}</th>
          </tr>
        </thead>
        <tbody>
          {plans.value.map((plan) => {
            const key = `${plan.region} ${plan.category} ${plan.severity}`;
            return (
              <tr key={key} id={`plan-${plan.category}-${plan.severity}`}>
                <th scope="row">{word("category", plan.category)}</th>
                <td>{plan.severity === "*" ? t("any_severity") : plan.severity}</td>
                {tried === key ? (
                  <td colSpan={2}>
                    <Trial plan={plan} done={() => setTried(null)} />
                  </td>
                ) : (
                  <>
                    <td>{plan.requirements.map(asked).join(", ")}</td>
                    <td>
                      <button onClick={() => setTried(key)}>{t("try_plan")}</button>
                    </td>
                  </>
                )}
              </tr>
            );
          })}
        </tbody>
      </table>
    </>
  );
}

function asked({ count, capability }: Requirement): string {
  return `${count} ${word("capability", capability)}`;
}

function Trial({ plan, done }: { plan: Plan; done: () => void }) {
  const [wanted, setWanted] = useState<readonly Requirement[]>(plan.requirements);
  const [changes, setChanges] = useState<readonly Reason[] | null>(null);
  const [busy, setBusy] = useState(false);
  async function submit(event: SubmitEvent) {
    event.preventDefault();
    setBusy(true);
    setChanges(null);
    const found = await rehearse(plan, wanted.filter((one) => one.count > 0));
    setChanges(found?.changes ?? null);
    setBusy(false);
  }
  const set = (capability: string, count: number) =>
    setWanted(wanted.map((one) => (one.capability === capability ? { capability, count } : one)));
  const others = codesOf("capability").filter(
    ({ code }) => !wanted.some((one) => one.capability === code),
  );
  return (
    <form class="trial" onSubmit={submit}>
      {wanted.map((one) => (
        <label key={one.capability}>
          {word("capability", one.capability)}
          <input
            type="number"
            min={0}
            max={50}
            required
            value={one.count}
            onInput={(event) => set(one.capability, Number(event.currentTarget.value))}
          />
        </label>
      ))}
      <label>
        {t("also")}
        <select
          value=""
          onChange={(event) =>
            setWanted([...wanted, { capability: event.currentTarget.value, count: 1 }])
          }
        >
          <option value="" />
          {others.map(({ code }) => (
            <option key={code} value={code}>
              {word("capability", code)}
            </option>
          ))}
        </select>
      </label>
      <button class="primary" disabled={busy}>
        {t("what_would_change")}
      </button>
      <button type="button" onClick={done}>
        {t("cancel")}
      </button>
      <div role="status" class="changes">
        {changes && <ul>{changes.map((one, place) => <li key={place}>{render(one)}</li>)}</ul>}
      </div>
    </form>
  );
}
