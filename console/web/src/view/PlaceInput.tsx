import { useState } from "preact/hooks";
import { change, choosePlace, places, type Call } from "../state/call";
import { t } from "../words/catalogue";

/** The place as it is typed, and the places that it may be. */
export function PlaceInput({ current }: { current: Call }) {
  const [marked, mark] = useState(0);
  const found = current.spot === null ? (places.found.value ?? []) : [];
  const at = Math.min(marked, found.length - 1);

  function press(event: KeyboardEvent) {
    const chosen = found[at];
    if (!chosen || event.ctrlKey || event.metaKey || event.isComposing) return;
    if (event.key === "ArrowDown") mark(Math.min(at + 1, found.length - 1));
    else if (event.key === "ArrowUp") mark(Math.max(at - 1, 0));
    else if (event.key === "Enter") choosePlace(chosen);
    else if (event.key === "Escape") places.clear();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  return (
    <div class="place">
      <label for="call-place">{t("call_place")}</label>
      <input
        id="call-place"
        name="place"
        role="combobox"
        autocomplete="off"
        aria-autocomplete="list"
        aria-expanded={found.length > 0}
        aria-controls="call-places"
        aria-activedescendant={found.length > 0 ? `call-place-${at}` : undefined}
        value={current.place}
        onInput={(event) => {
          mark(0);
          change({ place: event.currentTarget.value, spot: null });
        }}
        onKeyDown={press}
      />
      <ul id="call-places" role="listbox" aria-label={t("call_places")} hidden={found.length === 0}>
        {found.map((one, number) => (
          <li
            key={`${one.name} ${number}`}
            id={`call-place-${number}`}
            role="option"
            aria-selected={number === at}
            onPointerDown={(event) => {
              event.preventDefault();
              choosePlace(one);
            }}
          >
            {one.name} <small>{[one.district, one.subdistrict, one.crs].filter(Boolean).join(" · ")}</small>
          </li>
        ))}
      </ul>
      <small>
        {current.spot
          ? t("place_found", { metres: Math.round(current.spot.point.accuracy_m ?? 0) })
          : current.place.trim() && t("place_open")}
      </small>
    </div>
  );
}
