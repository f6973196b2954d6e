import { useState } from "preact/hooks";
import { t } from "../words/catalogue";
import { codesOf, word } from "../words/codes";
import { clock } from "../words/times";
import { PolicyDraft } from "./PolicyDraft";
import {
  basis,
  changed,
  isChanged,
  keyOf,
  line,
  lines,
  NUMBERS,
  planBefore,
  policy,
  region,
  setNumber,
  setPlan,
  type Plan,
  type Requirement,
} from "./policy";

/** Whom the policy sends and some of its numbers: changed as a draft, tried, then put in force. */
export function Plans() {
  const [edited, setEdited] = useState<string | null>(null);
  const [current, known] = [policy.value, line.value];
  if (!current || !known) return <p class="empty">{t("starting")}</p>;
  return (
    <>
      <p class="hint">{t("plans_hint", { version: known.policy.version })}</p>
      {lines.value.length > 1 && <Regions />}
      <p role="status">
        {changed.value?.version === known.policy.version && (
          <b>{t("policy_changed", { version: changed.value.version, at: clock(changed.value.at) })}</b>
        )}
      </p>
      <PolicyDraft />
      <form class="line" id="policy-numbers" onSubmit={(event) => event.preventDefault()}>
        {NUMBERS.map(({ name, word: label, least, most, step }) => (
          <label key={name}>
            {t(label)}
            <input
              name={name}
              type="number"
              required
              min={least}
              max={most}
              step={step}
              value={Number(current[name])}
              onInput={(event) => event.currentTarget.validity.valid && setNumber(name, event.currentTarget.valueAsNumber)}
            />
            {current[name] !== basis.value?.[name] && <Was text={String(basis.value?.[name])} />}
          </label>
        ))}
      </form>
      <NewPlan opened={setEdited} />
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
          {[...current.plans].sort(byName).map((plan) => (
            <Row key={keyOf(plan)} plan={plan} isEdited={edited === keyOf(plan)} edit={setEdited} />
          ))}
        </tbody>
      </table>
    </>
  );
}

function byName(a: Plan, b: Plan): number {
  return word("category", a.category).localeCompare(word("category", b.category)) || (a.severity < b.severity ? -1 : 1);
}

function Regions() {
  return (
    <label>
      {t("region")}
      <select value={line.value?.region ?? ""} onChange={(event) => (region.value = event.currentTarget.value)}>
        {lines.value.map((one) => (
          <option key={one.region}>{one.region}</option>
        ))}
      </select>
    </label>
  );
}

function Was({ text }: { text: string }) {
  return <small class="was">{t("was", { text })}</small>;
}

function categoryName(category: string): string {
  return category === "*" ? t("any_category") : word("category", category);
}

function severityName(severity: string): string {
  return severity === "*" ? t("any_severity") : severity;
}

function asked(requirements: readonly Requirement[]): string {
  return requirements.map(({ count, capability }) => `${count} ${word("capability", capability)}`).join(", ") || t("nobody");
}

interface RowProps {
  readonly plan: Plan;
  readonly isEdited: boolean;
  readonly edit: (key: string | null) => void;
}

function Row({ plan, isEdited, edit }: RowProps) {
  const before = planBefore(plan);
  const name = `${categoryName(plan.category)} ${severityName(plan.severity)}`;
  return (
    <tr id={`plan-${plan.category}-${plan.severity}`} class={isChanged(plan) ? "is-changed" : ""}>
      <th scope="row">{categoryName(plan.category)}</th>
      <td>{severityName(plan.severity)}</td>
      <td>
        {isEdited ? <Counts plan={plan} /> : asked(plan.requirements)}
        {isChanged(plan) && <Was text={before ? asked(before.requirements) : t("no_plan")} />}
      </td>
      <td>
        <button aria-expanded={isEdited} aria-label={t(isEdited ? "close_plan" : "edit_plan", { plan: name })} onClick={() => edit(isEdited ? null : keyOf(plan))}>
          {t(isEdited ? "edited" : "edit")}
        </button>
      </td>
    </tr>
  );
}

/** How many of each capability a plan asks for; none of it leaves it out. */
function Counts({ plan }: { plan: Plan }) {
  const [shown, setShown] = useState<readonly string[]>(plan.requirements.map((one) => one.capability));
  const countOf = (capability: string) => plan.requirements.find((one) => one.capability === capability)?.count ?? 0;
  function set(capability: string, count: number) {
    const order = shown.includes(capability) ? shown : [...shown, capability];
    setShown(order);
    const requirements = order
      .map((one) => ({ capability: one, count: one === capability ? count : countOf(one) }))
      .filter((one) => one.count > 0);
    setPlan({ ...plan, requirements });
  }
  return (
    <div class="trial">
      {shown.map((capability) => (
        <label key={capability}>
          {word("capability", capability)}
          <input
            type="number"
            name={capability}
            min={0}
            max={50}
            required
            value={countOf(capability)}
            onInput={(event) => event.currentTarget.validity.valid && set(capability, event.currentTarget.valueAsNumber)}
          />
        </label>
      ))}
      <label>
        {t("also")}
        <select value="" onChange={(event) => set(event.currentTarget.value, 1)}>
          <option value="" />
          {codesOf("capability")
            .filter(({ code }) => !shown.includes(code))
            .map(({ code }) => (
              <option key={code} value={code}>
                {word("capability", code)}
              </option>
            ))}
        </select>
      </label>
    </div>
  );
}

/** A plan for a severity that has none of its own: it begins as the one that holds until now. */
function NewPlan({ opened }: { opened: (key: string) => void }) {
  function submit(event: SubmitEvent) {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    const [category, severity] = [String(given.get("category")), String(given.get("severity"))];
    const plans = policy.value?.plans ?? [];
    const found = (wanted: string) => plans.find((one) => one.category === category && one.severity === wanted);
    if (!found(severity)) setPlan({ category, severity, requirements: found("*")?.requirements ?? [] });
    opened(keyOf({ category, severity }));
  }
  return (
    <form class="line" id="new-plan" onSubmit={submit}>
      <label>
        {t("field_category")}
        <select name="category">
          {codesOf("category").map(({ code }) => (
            <option key={code} value={code}>
              {word("category", code)}
            </option>
          ))}
        </select>
      </label>
      <label>
        {t("field_severity")}
        <select name="severity">
          {codesOf("severity")
            .filter(({ code }) => code !== "unknown")
            .map(({ code }) => (
              <option key={code}>{code}</option>
            ))}
        </select>
      </label>
      <button>{t("plan_of_its_own")}</button>
    </form>
  );
}
