import { gateway } from "../api/http";
import { t } from "../words/catalogue";
import { day } from "../words/times";
import { accounts, change, made, tokens } from "./parts";
import { roleName } from "./RoleFields";

/** Tokens of programs: made, shown once, and revoked. */
export function Tokens() {
  return (
    <>
      <NewToken />
      <table>
        <caption class="unseen">{t("part_tokens")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("token")}</th>
            <th scope="col">{t("name")}</th>
            <th scope="col">{t("role")}</th>
            <th scope="col">{t("label")}</th>
            <th scope="col">{t("used")}</th>
            <th scope="col">{t("expires")}</th>
            <th scope="col">{t("do_it")}</th>
          </tr>
        </thead>
        <tbody>
          {tokens.value.map((one) => (
            <tr key={one.prefix} id={`token-${one.prefix}`} class={one.revoked_at ? "is-over" : ""}>
              <th scope="row">
                <code>{one.prefix}</code>
              </th>
              <td>{one.account}</td>
              <td>{roleName(one.role)}</td>
              <td>{one.label}</td>
              <td>{one.used_at && <time>{day(one.used_at)}</time>}</td>
              <td>
                <time>{day(one.expires_at)}</time>
              </td>
              <td class="deeds">
                {one.revoked_at ? (
                  t("revoked")
                ) : (
                  <button onClick={() => void change(
                      gateway.api.DELETE("/api/v1/tokens/{prefix}", { params: { path: { prefix: one.prefix } } }),
                    )}>{t("revoke")}</button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function NewToken() {
  async function submit(event: SubmitEvent) {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const given = new FormData(form);
    const account = String(given.get("account"));
    const found = await change(
      gateway.api.POST("/api/v1/accounts/{account}/tokens", {
        params: { path: { account } },
        body: { label: String(given.get("label")), days: Number(given.get("days")), role: null },
      }),
    );
    if (!found) return;
    made.value = { what: "token_made", of: account, secret: found.body.token };
    form.reset();
  }
  return (
    <form class="line" id="new-token" onSubmit={submit}>
      <label>
        {t("name")}
        <select name="account" required>
          {accounts.value
            .filter((one) => one.role !== "administrator")
            .map((one) => (
              <option key={one.name}>{one.name}</option>
            ))}
        </select>
      </label>
      <label>
        {t("label")}
        <input name="label" maxLength={100} />
      </label>
      <label>
        {t("token_days")}
        <input name="days" type="number" required min={1} max={366} defaultValue="90" />
      </label>
      <button class="primary">{t("add_token")}</button>
    </form>
  );
}
