import { useState } from "preact/hooks";
import { gateway } from "../api/http";
import { t } from "../words/catalogue";
import { word } from "../words/codes";
import { day } from "../words/times";
import { accounts, change, made, type Account } from "./parts";
import { roleGiven, RoleFields, roleName } from "./RoleFields";

/** Who may come in, and as what. */
export function Accounts() {
  const [changing, setChanging] = useState<string | null>(null);
  return (
    <>
      <NewAccount />
      <table>
        <caption class="unseen">{t("part_accounts")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("name")}</th>
            <th scope="col">{t("role")}</th>
            <th scope="col">{t("seen")}</th>
            <th scope="col">{t("do_it")}</th>
          </tr>
        </thead>
        <tbody>
          {accounts.value.map((one) => (
            <tr key={one.name} id={`account-${one.name}`} class={one.disabled_at ? "is-over" : ""}>
              <th scope="row">{one.name}</th>
              <td>
                {roleName(one.role)} {one.department && word("department", one.department)} {one.unit}
                {one.issuer && <small>{one.issuer}</small>}
              </td>
              <td>{one.seen_at && <time>{day(one.seen_at)}</time>}</td>
              <td class="deeds">
                {one.role === "administrator" ? (
                  <small>{t("by_command_only")}</small>
                ) : changing === one.name ? (
                  <NewRole account={one} done={() => setChanging(null)} />
                ) : (
                  <Deeds account={one} changeRole={() => setChanging(one.name)} />
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function NewAccount() {
  async function submit(event: SubmitEvent) {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const given = new FormData(form);
    const body = { name: String(given.get("name")), ...roleGiven(given) };
    const found = await change(gateway.api.POST("/api/v1/accounts", { body }));
    if (!found) return; // what was typed stays
    made.value = { what: "password_made", of: found.body.account, secret: found.body.password };
    form.reset();
  }
  return (
    <form class="line" id="new-account" onSubmit={submit}>
      <label>
        {t("name")}
        <input name="name" required pattern="[a-z0-9][a-z0-9._\-]*" maxLength={64} autocomplete="off" />
      </label>
      <RoleFields />
      <button class="primary">{t("add_account")}</button>
    </form>
  );
}

function Deeds({ account, changeRole }: { account: Account; changeRole: () => void }) {
  const params = { path: { account: account.name } };
  const disabled = account.disabled_at !== null;
  async function newPassword() {
    const found = await change(gateway.api.POST("/api/v1/accounts/{account}/password", { params }));
    if (found) made.value = { what: "password_made", of: account.name, secret: found.body.password };
  }
  return (
    <>
      {account.issuer === null && (
        <>
          <button onClick={changeRole}>{t("change_role")}</button>
          <button onClick={() => void newPassword()}>{t("new_password")}</button>
        </>
      )}
      <button onClick={() => void change(gateway.api.DELETE("/api/v1/accounts/{account}/sessions", { params }))}>{t("end_sessions")}</button>
      <button onClick={() => void change(gateway.api.PUT("/api/v1/accounts/{account}/enabled", { params, body: { enabled: disabled } }))}>
        {t(disabled ? "enable" : "disable")}
      </button>
    </>
  );
}

function NewRole({ account, done }: { account: Account; done: () => void }) {
  async function submit(event: SubmitEvent) {
    event.preventDefault();
    const body = roleGiven(new FormData(event.currentTarget as HTMLFormElement));
    const found = await change(
      gateway.api.PUT("/api/v1/accounts/{account}/role", { params: { path: { account: account.name } }, body }),
    );
    if (found) done();
  }
  return (
    <form class="line" onSubmit={submit}>
      <RoleFields usual={account.role} />
      <button class="primary">{t("change_role")}</button>
      <button type="button" onClick={done}>
        {t("cancel")}
      </button>
    </form>
  );
}
