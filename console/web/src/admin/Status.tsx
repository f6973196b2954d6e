import { now } from "../state/store";
import { t } from "../words/catalogue";
import { age } from "../words/times";
import { status } from "./parts";

/** What waits, and who is at work. */
export function Status() {
  const found = status.value;
  if (found === null) return <p class="empty">{t("starting")}</p>;
  const { backlog, lag, parts } = found;
  const worker = parts.find((one) => one.part === "jingwei-worker");
  return (
    <>
      {lag === null && <p class="warning">{t("broker_away")}</p>}
      {!worker && <p class="warning">{t("no_worker")}</p>}
      <div class="tables">
        <table>
          <caption>{t("waiting_title")}</caption>
          <tbody>
            <Figure label={t("outbox")} value={backlog.outbox}>
              {backlog.outbox_oldest && age(now.value - Date.parse(backlog.outbox_oldest))}
            </Figure>
            <Figure label={t("outbox_refused")} value={backlog.outbox_refused} />
            <Figure label={t("part_letters")} value={backlog.dead_letters} />
          </tbody>
        </table>
        <table>
          <caption>{t("lag_title")}</caption>
          <tbody>
            {(lag ?? []).map((one) => (
              <Figure key={one.topic} label={one.topic} value={one.messages} />
            ))}
          </tbody>
        </table>
        <table>
          <caption>{t("parts_title")}</caption>
          <tbody>
            {parts.map((one) => (
              <Figure key={one.part} label={one.part} value={one.connections}>
                {t("on_hosts", { count: one.hosts })}
              </Figure>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

interface FigureProps {
  readonly label: string;
  readonly value: number;
  readonly children?: preact.ComponentChildren;
}

function Figure({ label, value, children }: FigureProps) {
  return (
    <tr>
      <th scope="row">{label}</th>
      <td class="number">{value}</td>
      <td>{children}</td>
    </tr>
  );
}
