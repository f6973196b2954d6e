import type { ComponentChildren } from "preact";
import type { Word } from "../words/catalogue";
import { t } from "../words/catalogue";
import { word } from "../words/codes";
import { age, clock, day } from "../words/times";
import { Severity } from "../view/Severity";
import { deedText } from "./deeds";
import type { Content } from "./shift";

/** What is handed over; `at` is the time by which it is told. */
export function Paper({ content, at }: { content: Content; at: number }) {
  const { open, promised, shelved = [], overridden, note = "" } = content;
  return (
    <>
      {note !== "" && (
        <section>
          <h3>{t("handover_note")}</h3>
          <p class="note">{note}</p>
        </section>
      )}
      <Table title="handed_open" none="nothing_open" count={open.length} heads={["severity", "number", "field_category", "call_place", "state", "seen_or_not", "unit_board"]}>
        {open.map((one) => (
          <tr key={one.incident}>
            <td>
              <Severity code={one.severity} />
            </td>
            <th scope="row">
              <a href={`/incidents/${encodeURIComponent(one.incident)}`}>{one.number}</a>
            </th>
            <td>
              {word("category", one.category)} <small>{t("opened", { at: day(one.opened_at) })}</small>
            </td>
            <td>{one.address ?? t("no_place")}</td>
            <td>{word("state", one.state)}</td>
            <td>{one.acknowledged_by ? t("seen_by", { name: one.acknowledged_by }) : <b>{t("unseen")}</b>}</td>
            <td>
              {one.units} {one.short && <b>{t("short_units")}</b>}
            </td>
          </tr>
        ))}
      </Table>
      <Table title="handed_promised" none="none_promised" count={promised.length} heads={["unit_board", "number", "state", "expected", "ordered_by"]}>
        {promised.map((one) => (
          <tr key={one.unit}>
            <th scope="row">{one.name}</th>
            <td>{one.number}</td>
            <td>{word("unit_state", one.state)}</td>
            <td>
              {clock(one.expected)} {Date.parse(one.expected) < at && <b>{t("overdue", { age: age(at - Date.parse(one.expected)) })}</b>}
            </td>
            <td>{one.by === "policy" ? t("policy_actor") : one.by}</td>
          </tr>
        ))}
      </Table>
      <Table title="shelved" none="none_shelved" count={shelved.length} heads={["number", "until", "field_reason"]}>
        {shelved.map((one) => (
          <tr key={one.incident}>
            <th scope="row">{one.number}</th>
            <td>{clock(one.until)}</td>
            <td>{one.reason}</td>
          </tr>
        ))}
      </Table>
      <Table title="handed_overridden" none="none_overridden" count={overridden.length} heads={["at", "number", "ordered_by", "what_was_done", "field_reason"]}>
        {overridden.map((one, place) => (
          <tr key={place}>
            <td>{day(one.at)}</td>
            <th scope="row">{one.number ?? one.incident}</th>
            <td>{one.by}</td>
            <td>{deedText(one.action)}</td>
            <td>{String(one.action["reason"] ?? "")}</td>
          </tr>
        ))}
      </Table>
    </>
  );
}

interface TableProps {
  title: Word;
  none: Word;
  count: number;
  heads: readonly Word[];
  children: ComponentChildren;
}

function Table({ title, none, count, heads, children }: TableProps) {
  return (
    <section id={title}>
      <h3>
        {t(title)} <span>{count}</span>
      </h3>
      {count === 0 ? (
        <p class="empty">{t(none)}</p>
      ) : (
        <div class="wide" role="group" aria-label={t(title)} tabindex={0}>
          <table>
            <thead>
              <tr>
                {heads.map((one) => (
                  <th key={one} scope="col">
                    {t(one)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>{children}</tbody>
          </table>
        </div>
      )}
    </section>
  );
}
