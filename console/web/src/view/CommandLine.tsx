import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { MOVES, showsLine } from "../actions/moves";
import { completions, GO, parse } from "../actions/line";
import { incidentNamed, Slip } from "../actions/resolve";
import { chosen, run } from "../actions/run";
import { incidents } from "../state/store";
import { go } from "../state/url";
import { t } from "../words/catalogue";

/** What was typed before, for the arrow keys. */
const earlier: string[] = [];

/** The command line: Tab completes, Enter does it, the arrows bring back what was typed before. */
export function CommandLine() {
  return showsLine.value ? <Line /> : null;
}

function Line() {
  const [text, setText] = useState("");
  const [fault, setFault] = useState("");
  /** How many commands back it is; 0 is a new one. */
  const [back, setBack] = useState(0);
  const box = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => box.current?.focus(), []);
  const found = completions(text);

  function submit() {
    try {
      carryOut(text);
      earlier.push(text);
      showsLine.value = false;
    } catch (error) {
      if (!(error instanceof Slip)) throw error;
      setFault(error.message);
    }
  }

  function carryOut(typed: string) {
    const command = parse(typed);
    if (command.verb === GO) {
      go({ incident: incidentNamed(typed.trim().split(/\s+/)[1] ?? "") });
      return;
    }
    const move = MOVES.find((one) => one.verb === command.verb);
    if (move) {
      move.move(typed.trim().replace(/^\/?\S+\s*/, ""));
      return;
    }
    if (command.deed === null) {
      const field = { name: "", kind: "text", label: "typed", required: true } as const;
      throw new Slip(field, t("unknown_command", { verb: command.verb }));
    }
    if (command.left.length > 0) {
      const field = { name: "", kind: "text", label: "typed", required: true } as const;
      throw new Slip(field, t("words_left", { words: command.left.join(" ") }));
    }
    if (command.number !== null) go({ incident: incidentNamed(command.number) });
    const incident = chosen();
    run(command.deed, incident && (incidents.value.get(incident.id) ?? incident), command.values);
  }

  return (
    <form
      class="command"
      aria-label={t("command_line")}
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <label class="unseen" for="command">
        {t("command_hint")}
      </label>
      <input
        id="command"
        ref={box}
        value={text}
        autocomplete="off"
        spellcheck={false}
        placeholder={t("command_hint")}
        aria-describedby="command-list"
        onInput={(event) => {
          setText(event.currentTarget.value);
          setFault("");
        }}
        onKeyDown={(event) => {
          const [first] = found;
          if (event.key === "ArrowUp" || event.key === "ArrowDown") {
            event.preventDefault();
            const to = Math.max(0, Math.min(earlier.length, back + (event.key === "ArrowUp" ? 1 : -1)));
            setBack(to);
            setText(to === 0 ? "" : (earlier.at(-to) ?? ""));
          }
          if (event.key === "Tab" && !event.shiftKey && first !== undefined && first !== text) {
            event.preventDefault();
            setText(`${first} `);
          }
        }}
      />
      <p class="fault" role="alert">
        {fault}
      </p>
      <ul id="command-list">
        {found.map((one) => (
          <li key={one}>{one}</li>
        ))}
      </ul>
    </form>
  );
}
