import { gateway } from "../api/http";
import { t } from "../words/catalogue";
import { day } from "../words/times";
import { change, counts, letters, mayAdminister, type Letter } from "./parts";

/** Messages that could not be used: how many and why, and each to be sent again. */
export function Letters() {
  return (
    <>
      {counts.value.length === 0 && <p class="empty">{t("no_letters")}</p>}
      {counts.value.length > 0 && (
        <table>
          <caption>{t("letters_week")}</caption>
          <thead>
            <tr>
              <th scope="col">{t("topic")}</th>
              <th scope="col">{t("error")}</th>
              <th scope="col">{t("count")}</th>
              <th scope="col">{t("sent_again")}</th>
              <th scope="col">{t("last")}</th>
            </tr>
          </thead>
          <tbody>
            {counts.value.map((one) => (
              <tr key={`${one.topic} ${one.error}`}>
                <td>{one.topic}</td>
                <td>{one.error}</td>
                <td class="number">{one.letters}</td>
                <td class="number">{one.redriven}</td>
                <td>
                  <time>{day(one.last)}</time>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {mayAdminister() && letters.value.length > 0 && <Waiting />}
    </>
  );
}

function Waiting() {
  const redrive = (one: Letter) => 
    change(gateway.api.POST("/api/v1/dead-letters/{letter}/redrive", { params: { path: { letter: one.id } } }));
  return (
    <table>
      <caption>{t("letters_waiting")}</caption>
      <thead>
        <tr>
          <th scope="col">{t("at")}</th>
          <th scope="col">{t("topic")}</th>
          <th scope="col">{t("field_reason")}</th>
          <th scope="col">{t("do_it")}</th>
        </tr>
      </thead>
      <tbody>
        {letters.value.map((one) => (
          <tr key={one.id}>
            <td>
              <time>{day(one.at)}</time>
            </td>
            <td>
              {one.topic} {one.partition}/{one.offset}
            </td>
            <td>
              <b>{one.error}</b> {one.reason}
            </td>
            <td>
              <button onClick={() => void redrive(one)}>{t("send_again")}</button>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
