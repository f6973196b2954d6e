/** What a crew can press, by the state of its unit; `dispatch/lifecycle.py` decides. */

/** The step that usually comes next first. */
export const NEXT: Readonly<Record<string, readonly string[]>> = {
  available: ["returning", "out_of_service"],
  dispatched: ["acknowledged", "en_route", "staging", "on_scene", "available", "returning", "out_of_service"],
  acknowledged: ["en_route", "staging", "on_scene", "available", "returning", "out_of_service"],
  en_route: ["on_scene", "staging", "available", "returning", "out_of_service"],
  staging: ["on_scene", "en_route", "available", "returning", "out_of_service"],
  on_scene: ["available", "transporting", "returning", "out_of_service"],
  transporting: ["at_facility", "available", "returning", "out_of_service"],
  at_facility: ["available", "returning", "out_of_service"],
  returning: ["available", "out_of_service"],
  out_of_service: ["available"],
};

/** States in which a unit has no incident any more. */
const FREE = new Set(["available", "returning", "out_of_service"]);

export function isFree(state: string): boolean {
  return FREE.has(state);
}
