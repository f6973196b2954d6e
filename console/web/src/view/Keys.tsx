import { useLayoutEffect, useRef } from "preact/hooks";
import { singleKeys, turnKeys } from "../actions/keys";
import { MOVES, showsKeys } from "../actions/moves";
import { DEEDS } from "../actions/table";
import { t } from "../words/catalogue";

/** The list of keys and typed commands, from the tables that they act by. */
export function Keys() {
  return showsKeys.value ? <List /> : null;
}

function List() {
  const box = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    box.current?.showModal();
    // Not the first button, which stands below the list and would scroll it out of sight.
    box.current?.querySelector("h2")?.focus();
  }, []);
  const on = singleKeys.value;
  return (
    <dialog ref={box} class="keys card" aria-labelledby="keys-title" onClose={() => (showsKeys.value = false)}>
      <h2 id="keys-title" tabindex={-1}>{t("keys")}</h2>
      <table>
        <tbody>
          {MOVES.map((one) => (
            <tr key={one.key}>
              <td>
                <kbd>{one.key}</kbd>
              </td>
              <th scope="row">{t(one.label)}</th>
              <td>{one.verb && <code>/{one.verb}</code>}</td>
            </tr>
          ))}
          {DEEDS.map((one) => (
            <tr key={one.id}>
              <td>{one.key && <kbd>{one.key}</kbd>}</td>
              <th scope="row">{t(one.label)}</th>
              <td>
                <code>
                  /{one.verbs[0]} {one.fields.map((field) => (field.required ? field.name : `[${field.name}]`)).join(" ")}
                </code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <div class="buttons">
        <button onClick={() => turnKeys(!on)}>{t(on ? "keys_off" : "keys_on")}</button>
        <button class="primary" onClick={() => (showsKeys.value = false)}>
          {t("dismiss")}
        </button>
      </div>
    </dialog>
  );
}
