import { useState } from "preact/hooks";
import { t } from "../words/catalogue";
import { word } from "../words/codes";
import { type Duty, state } from "./duty";
import { press, waiting } from "./queue";
import { isFree, NEXT } from "./steps";

/** One press each: the step that comes next is the largest, and always in sight. */
export function Stamps({ duty }: { duty: Duty }) {
  const [reason, setReason] = useState("");
  const current = state.value ?? duty.unit.state;
  const possible = NEXT[current] ?? [];
  const [first, ...others] = possible.filter((status) => status !== "out_of_service");
  const isOver = waiting.value.some((one) => isFree(one.status));
  const incident = isOver ? null : (duty.incident?.id ?? null);
  const pressed = (status: string, why: string | null = null) => {
    press(duty.unit.id, status, incident, why);
    setReason("");
  };
  return (
    <>
      <section class="stamps-pad" aria-labelledby="stamps-title">
        <h2 id="stamps-title" class="unseen">
          {t("stamps")}
        </h2>
        <div class="others">
          {others.map((status) => (
            <button key={status} id={`stamp-${status}`} onClick={() => pressed(status)}>
              {label(status)}
            </button>
          ))}
        </div>
        {possible.includes("out_of_service") && (
          <details>
            <summary>{word("unit_state", "out_of_service")}</summary>
            <label>
              {t("field_reason")}
              <input
                name="reason"
                maxLength={200}
                value={reason}
                onInput={(event) => setReason(event.currentTarget.value)}
              />
            </label>
            <button id="stamp-out_of_service" onClick={() => pressed("out_of_service", reason || null)}>
              {label("out_of_service")}
            </button>
          </details>
        )}
      </section>
      {first !== undefined && (
        <div class="next-bar">
          <button id={`stamp-${first}`} class="primary" onClick={() => pressed(first)}>
            {label(first)}
          </button>
        </div>
      )}
    </>
  );
}

/** A unit that is free again is, for its crew, clear of the incident. */
function label(status: string): string {
  return status === "available" ? t("clear_available") : word("unit_state", status);
}
