import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Problem } from "../api/http";
import { person } from "../state/store";
import { t } from "../words/catalogue";
import { Preferences } from "./Preferences";

interface Door {
  readonly expired: boolean;
  /** Why another way in, as a link, did not do. */
  readonly trouble?: string;
  /** Sign in; throws `Problem` or `Unreachable`. */
  readonly enter: (name: string, password: string) => Promise<void>;
}

/** The form to sign in, over whatever is on the screen. */
export function SignIn({ expired, enter, trouble = "" }: Door) {
  const [fault, setFault] = useState(trouble);
  const [busy, setBusy] = useState(false);
  const first = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => first.current?.focus(), []);

  async function submit(event: SubmitEvent) {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    setFault("");
    try {
      await enter(String(given.get("name")), String(given.get("password")));
    } catch (error) {
      const told = error instanceof Problem ? `${error.body.title}: ${error.body.detail}` : null;
      setFault(told ?? t("starting"));
      setBusy(false);
    }
  }

  return (
    <div class="door">
      <form class="card" onSubmit={submit} aria-labelledby="door-title">
        <h1 id="door-title">{t("title")}</h1>
        {expired && <p>{t("session_over")}</p>}
        <label>
          {t("name")}
          <input
            ref={first}
            name="name"
            autocomplete="username"
            required
            defaultValue={person.value?.name ?? ""}
          />
        </label>
        <label>
          {t("password")}
          <input name="password" type="password" autocomplete="current-password" required />
        </label>
        <p class="fault" role="alert">
          {fault}
        </p>
        <button class="primary" disabled={busy}>
          {t("sign_in")}
        </button>
        <Preferences />
      </form>
    </div>
  );
}
