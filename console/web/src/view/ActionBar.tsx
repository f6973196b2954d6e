import { useLayoutEffect, useRef } from "preact/hooks";
import { form, putAway, type as typeInto, type Form } from "../actions/form";
import { begin, hint, mayAct, run } from "../actions/run";
import { DEEDS, type Deed, type Field } from "../actions/table";
import type { Incident } from "../api/types";
import { MINUTES } from "../state/shelf";
import { incidents, sheet, units } from "../state/store";
import { t } from "../words/catalogue";
import { codesOf } from "../words/codes";
import { language } from "../words/language";

/** The buttons of what can be done now, and the form of what is being done. */
export function ActionBar({ incident }: { incident: Incident }) {
  if (!mayAct()) return null;
  const current = form.value;
  const focused = useRef<HTMLElement | null>(null);
  // A button or form that has gone with what it did takes nobody's place on the page along.
  useLayoutEffect(() => {
    const isLost = focused.current !== null && !focused.current.isConnected;
    if (isLost && document.activeElement === document.body) document.getElementById("sheet")?.focus({ preventScroll: true });
    if (isLost) focused.current = null;
  });
  const possible = DEEDS.filter((deed) => deed.isOpenTo(incident));
  return (
    <div class="actions" onFocusIn={(event) => (focused.current = event.target as HTMLElement)}>
      <div class="buttons">
        {possible.map((deed) => (
          <button
            key={deed.id}
            id={`do-${deed.id}`}
            class={isNext(deed, incident) ? "primary" : ""}
            aria-keyshortcuts={deed.key ?? undefined}
            onClick={() => begin(deed)}
          >
            {t(deed.label)} {deed.key && <kbd>{deed.key}</kbd>}
          </button>
        ))}
      </div>
      <p class="hint" role="status">
        {hint.value}
      </p>
      {current?.incident === incident.id && (
        <DeedForm key={`${current.deed.id} ${incident.id}`} form={current} incident={incident} />
      )}
    </div>
  );
}

/** The step that is due: first to see it, then to send. */
function isNext(deed: Deed, incident: Incident): boolean {
  if (incident.acknowledged_at === null) return deed.id === "acknowledge";
  const whole = sheet.value;
  if (whole?.incident.id !== incident.id) return false;
  const sent = whole.assignments.some((one) => one.ended === null);
  return deed.id === "send" && !sent && whole.recommendation !== null;
}

function DeedForm({ form: { deed, values, slip }, incident }: { form: Form; incident: Incident }) {
  const box = useRef<HTMLFormElement>(null);
  useLayoutEffect(() => box.current?.querySelector<HTMLElement>("input, select, textarea")?.focus(), []);
  useLayoutEffect(() => {
    if (slip) box.current?.querySelector<HTMLElement>(`[name="${slip.field}"]`)?.focus();
  }, [slip]);

  return (
    <form
      ref={box}
      class="deed"
      aria-label={t(deed.label)}
      onSubmit={(event) => {
        event.preventDefault();
        run(deed, incident, values);
      }}
    >
      {deed.fields.map((field) => (
        <label key={field.name}>
          {t(field.label)}
          <Input field={field} value={values[field.name] ?? ""} onChange={(value) => typeInto(field.name, value)} />
        </label>
      ))}
      <p class="fault" role="alert">
        {slip?.message}
      </p>
      <div class="buttons">
        <button class="primary">
          {t("do_it")}: {t(deed.label)}
        </button>
        <button type="button" onClick={putAway}>
          {t("cancel")}
        </button>
      </div>
    </form>
  );
}

interface InputProps {
  field: Field;
  value: string;
  onChange: (value: string) => void;
}

function Input({ field, value, onChange }: InputProps) {
  const shared = { name: field.name, value };
  if (field.kind === "category" || field.kind === "severity" || field.kind === "disposition") {
    return (
      <select {...shared} onChange={(event) => onChange(event.currentTarget.value)}>
        <option value="">{field.required ? "" : t("unchanged")}</option>
        {codesOf(field.kind).map((row) => (
          <option key={row.code} value={row.code}>
            {field.kind === "severity" ? `${row.code} ${row[language.value]}` : row[language.value]}
          </option>
        ))}
      </select>
    );
  }
  if (field.kind === "minutes") {
    return (
      <select {...shared} onChange={(event) => onChange(event.currentTarget.value)}>
        <option value="" />
        {MINUTES.map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
    );
  }
  const list = `list-${field.kind}`;
  return (
    <>
      <input
        {...shared}
        autocomplete="off"
        list={field.kind === "text" ? undefined : list}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
      {field.kind === "incident" && (
        <datalist id={list}>
          {[...incidents.value.values()].map((one) => (
            <option key={one.id} value={one.number}>
              {one.title}
            </option>
          ))}
        </datalist>
      )}
      {field.kind === "units" && (
        <datalist id={list}>
          {[...units.value.values()].map((one) => (
            <option key={one.id} value={one.id}>
              {one.name}
            </option>
          ))}
        </datalist>
      )}
    </>
  );
}
