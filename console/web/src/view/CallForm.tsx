import { useLayoutEffect, useRef } from "preact/hooks";
import {
  call,
  change,
  discardCall,
  duplicates,
  reading,
  sendCall,
  showsCall,
  stand,
  type Call,
} from "../state/call";
import { go } from "../state/url";
import { t } from "../words/catalogue";
import { word } from "../words/codes";
import { together } from "../words/reasons";
import { PlaceInput } from "./PlaceInput";
import { Severity } from "./Severity";

const SEND_KEYS = "Ctrl+Enter";
const AWAY_KEY = "Esc";

/** A call by telephone: where, what, who; beside it what Jingwei makes of it. */
export function CallForm() {
  const current = call.value;
  return showsCall.value && current ? <Form current={current} /> : null;
}

function Form({ current }: { current: Call }) {
  const box = useRef<HTMLFormElement>(null);
  useLayoutEffect(() => box.current?.querySelector("input")?.focus(), []);
  const at = stand.value;
  const busy = at.at === "sending";
  return (
    <form
      ref={box}
      class="pane call"
      aria-labelledby="call-title"
      onSubmit={(event) => {
        event.preventDefault();
        void sendCall();
      }}
      onKeyDown={(event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void sendCall();
      }}
    >
      <div class="pane-head">
        <h2 id="call-title">{t("call_title")}</h2>
        <p role="status">
          {at.at === "typing" && at.restored && t("call_restored")}
          {busy && t(at.attempt === 1 ? "call_sending" : "call_trying", { count: at.attempt })}
          {at.at === "signed_out" && t("needs_sign_in", { what: t("call_title") })}
        </p>
      </div>
      <div class="call-body">
        <fieldset disabled={busy}>
          <PlaceInput current={current} />
          <label>
            {t("call_text")}
            <textarea
              name="text"
              rows={3}
              required
              value={current.text}
              onInput={(event) => change({ text: event.currentTarget.value })}
            />
          </label>
          <div class="call-caller">
            <label>
              {t("caller_name")}
              <input
                name="callerName"
                autocomplete="off"
                value={current.callerName}
                onInput={(event) => change({ callerName: event.currentTarget.value })}
              />
            </label>
            <label>
              {t("caller_phone")}
              <input
                name="callerPhone"
                type="tel"
                autocomplete="off"
                value={current.callerPhone}
                onInput={(event) => change({ callerPhone: event.currentTarget.value })}
              />
            </label>
          </div>
          <small>{t("caller_kept")}</small>
          <p class="fault" role="alert">
            {at.at === "typing" && at.fault}
          </p>
          <div class="buttons">
            <button class="primary">
              {t("call_send")} <kbd>{SEND_KEYS}</kbd>
            </button>
            <button type="button" onClick={() => (showsCall.value = false)}>
              {t("call_put_away")} <kbd>{AWAY_KEY}</kbd>
            </button>
            <button type="button" onClick={discardCall}>
              {t("call_discard")}
            </button>
          </div>
        </fieldset>
        <div class="call-told" role="status">
          <Reading />
          <Duplicates />
        </div>
      </div>
    </form>
  );
}

/** What triage makes of the words so far. */
function Reading() {
  const found = reading.found.value;
  if (found === null) return <p class="empty">{t("reading_none")}</p>;
  return (
    <section aria-labelledby="reading-title">
      <h3 id="reading-title">{t("reading_title")}</h3>
      <p class="call-reading">
        <Severity code={found.severity} />
        <b>{word("category", found.category)}</b>
        <span>{t("confidence", { value: Math.round(found.confidence * 100) })}</span>
      </p>
      {found.words.length > 0 && <small>{t("reading_words", { words: found.words.join(" · ") })}</small>}
    </section>
  );
}

const WOULD = { attach: "would_attach", ask: "would_ask", open: "would_open" } as const;

/** The incidents to which this call may belong. */
function Duplicates() {
  const found = duplicates.found.value;
  if (found === null) return null;
  return (
    <section aria-labelledby="duplicates-title">
      <h3 id="duplicates-title">
        {t("duplicates_title")} <span>{t(WOULD[found.would])}</span>
      </h3>
      {found.items.length === 0 && <p class="empty">{t("duplicates_none")}</p>}
      <ul class="duplicates">
        {found.items.map((one) => (
          <li key={one.incident}>
            <a
              href={`/incidents/${encodeURIComponent(one.incident)}`}
              onClick={(event) => {
                event.preventDefault();
                go({ incident: one.incident });
              }}
            >
              <Severity code={one.severity} />
              <b>{Math.round(one.score * 100)} %</b>
              <span>
                {one.number.split("-").at(-1)} {word("category", one.category)} · {word("state", one.state)}
              </span>
              <small>{together(one.reasons)}</small>
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}
