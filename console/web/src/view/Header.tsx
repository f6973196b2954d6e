import { moveOf, showsKeys, showsLine } from "../actions/moves";
import { mayAct } from "../actions/run";
import { call, takeCall } from "../state/call";
import { signOut } from "../state/entry";
import { moment } from "../state/past";
import { audible, enableSound, mute } from "../state/sound";
import { now, person } from "../state/store";
import { go } from "../state/url";
import { t } from "../words/catalogue";
import { clock } from "../words/times";
import { PageLinks } from "./PageLinks";
import { Preferences } from "./Preferences";

export function Header() {
  return (
    <header class="top">
      <h1>{t("title")}</h1>
      {mayAct() && (
        <button id="take-call" aria-keyshortcuts="t" onClick={() => takeCall()}>
          {t(call.value ? "call_go_on" : "key_call")} <kbd>t</kbd>
        </button>
      )}
      <button class="quiet line" onClick={() => (showsLine.value = true)}>
        <kbd>/</kbd> {t("command_line")}
      </button>
      <button class="quiet" onClick={() => (showsKeys.value = true)}>
        <kbd>?</kbd> {t("keys")}
      </button>
      <button class="quiet" aria-keyshortcuts="b" aria-pressed={moment.value !== null} onClick={() => moveOf("rewind").move("")}>
        <kbd>b</kbd> {t("key_past")}
      </button>
      <button class="quiet" aria-keyshortcuts="f" onClick={() => go({ wall: true })}>
        <kbd>f</kbd> {t("key_wall")}
      </button>
      <button class="quiet" aria-keyshortcuts="p" title={t("key_list")} onClick={() => moveOf("print").move("")}>
        <kbd>p</kbd> {t("list")}
      </button>
      <PageLinks path="/" />
      <span class="space" />
      <time class="clock">{clock(now.value)}</time>
      <button class="quiet" onClick={() => void (audible.value ? mute() : enableSound())}>
        {t(audible.value ? "mute" : "enable_sound")}
      </button>
      <Preferences />
      <span class="who">{person.value?.name}</span>
      <button class="quiet" onClick={() => void signOut()}>
        {t("sign_out")}
      </button>
    </header>
  );
}
