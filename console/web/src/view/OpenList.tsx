import { useLayoutEffect, useRef } from "preact/hooks";
import { showsList } from "../actions/moves";
import { rows } from "../state/queue";
import { shelf } from "../state/shelf";
import { currentAt } from "../api/live";
import { now, units } from "../state/store";
import { t } from "../words/catalogue";
import { word } from "../words/codes";
import { age, clock } from "../words/times";

/** All that is open and all units as a list to print or to save: to work on paper, to hand over. */
export function OpenList() {
  return showsList.value ? <List /> : null;
}

function List() {
  const box = useRef<HTMLDialogElement>(null);
  const content = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => box.current?.showModal(), []);
  return (
    <dialog ref={box} class="open-list card" aria-labelledby="list-title" onClose={() => (showsList.value = false)}>
      <div class="buttons no-print">
        <button class="primary" onClick={() => window.print()}>
          {t("print")}
        </button>
        <button onClick={() => content.current && save(content.current)}>{t("save")}</button>
        <button onClick={() => (showsList.value = false)}>{t("dismiss")}</button>
      </div>
      <div ref={content}>
        <h2 id="list-title">{t("list_title")}</h2>
        <p>{t("list_as_of", { at: clock(currentAt()), age: age(now.value - currentAt()) })}</p>
        <Incidents />
        <Units />
      </div>
    </dialog>
  );
}

function Incidents() {
  return (
    <table>
      <caption>{t("queue")}</caption>
      <tbody>
        {rows.value.map(({ incident }) => {
          const put = shelf.value.get(incident.id);
          return (
            <tr key={incident.id}>
              <th scope="row">{incident.number}</th>
              <td>{incident.severity === "unknown" ? word("severity", "unknown") : incident.severity}</td>
              <td>{word("category", incident.category)}</td>
              <td>{incident.where.address ?? t("no_place")}</td>
              <td>{word("state", incident.state)}</td>
              <td>{incident.acknowledged_by ?? t("unseen")}</td>
              <td>{clock(incident.opened_at)}</td>
              <td>{put ? t("shelved_until", { at: clock(put.until), reason: put.reason }) : ""}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Units() {
  const numbers = new Map(rows.value.map(({ incident }) => [incident.id, incident.number]));
  return (
    <table>
      <caption>{t("unit_board")}</caption>
      <tbody>
        {[...units.value.values()].map((unit) => (
          <tr key={unit.id}>
            <th scope="row">{unit.name}</th>
            <td>{unit.id}</td>
            <td>{word("unit_kind", unit.kind)}</td>
            <td>{word("unit_state", unit.state)}</td>
            <td>{unit.incident ? (numbers.get(unit.incident) ?? unit.incident) : ""}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Save what is shown as a page that any browser opens. */
function save(content: HTMLElement): void {
  const page = `<!doctype html><meta charset="utf-8"><title>${t("list_title")}</title>${content.innerHTML}`;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([page], { type: "text/html" }));
  link.download = `jingwei-${new Date(now.value).toISOString().slice(0, 16).replace(/[:T]/g, "-")}.html`;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
