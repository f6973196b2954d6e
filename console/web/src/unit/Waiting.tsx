import { t } from "../words/catalogue";
import { word } from "../words/codes";
import { render } from "../words/reasons";
import { clock } from "../words/times";
import { dismiss, note, refused, waiting } from "./queue";

/** Stamps that wait for the signal, and those that were refused. */
export function Waiting() {
  return (
    <div aria-live="polite">
      {waiting.value.length > 0 && (
        <section class="card waiting-stamps" aria-labelledby="waiting-title">
          <h2 id="waiting-title">{t("stamps_waiting", { count: waiting.value.length })}</h2>
          <ol>
            {waiting.value.map((one) => (
              <li key={one.key}>
                <b>{word("unit_state", one.status)}</b> <time>{clock(one.at)}</time>
              </li>
            ))}
          </ol>
        </section>
      )}
      {refused.value.map((one) => (
        <section key={one.key} class="card refused-stamp">
          <h2>{t("stamp_refused", { what: word("unit_state", one.status), at: clock(one.at) })}</h2>
          <p>{one.refused?.said ? render(one.refused.said) : one.refused?.detail}</p>
          <button onClick={() => dismiss(one)}>{t("dismiss")}</button>
        </section>
      ))}
      {note.value !== null && (
        <section class="card">
          <p>{note.value}</p>
          <button onClick={() => (note.value = null)}>{t("dismiss")}</button>
        </section>
      )}
    </div>
  );
}
