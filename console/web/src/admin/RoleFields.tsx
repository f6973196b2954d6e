import type { Schemas } from "../client";
import { useState } from "preact/hooks";
import { t, type Word } from "../words/catalogue";
import { codesOf, word } from "../words/codes";

const ROLES = {
  viewer: "role_viewer",
  operator: "role_operator",
  supervisor: "role_supervisor",
  responder: "role_responder",
  department: "role_department",
  planner: "role_planner",
  administrator: "role_administrator",
} as const satisfies Record<string, Word>;

export function roleName(role: string): string {
  const named = (ROLES as Record<string, Word>)[role];
  return named ? t(named) : role;
}

/** A role, and what belongs to it. */
export function RoleFields({ usual = "operator" }: { usual?: string }) {
  const [role, setRole] = useState(usual);
  return (
    <>
      <label>
        {t("role")}
        <select name="role" value={role} onChange={(event) => setRole(event.currentTarget.value)}>
          {/* Administrators are made by `jingwei users` only. */}
          {Object.keys(ROLES)
            .filter((one) => one !== "administrator")
            .map((one) => (
              <option key={one} value={one}>
                {roleName(one)}
              </option>
            ))}
        </select>
      </label>
      {role === "department" && (
        <label>
          {t("department")}
          <select name="department">
            {codesOf("department").map((one) => (
              <option key={one.code} value={one.code}>
                {word("department", one.code)}
              </option>
            ))}
          </select>
        </label>
      )}
      {role === "responder" && (
        <label>
          {t("unit")}
          <input name="unit" required maxLength={200} />
        </label>
      )}
    </>
  );
}

/** Return what a form with these fields says. */
export function roleGiven(given: FormData): Schemas["RoleGiven"] {
  const [department, unit] = ["department", "unit"].map((name) => String(given.get(name) ?? "") || null);
  const role = String(given.get("role")) as Schemas["RoleGiven"]["role"];
  return { role, department: department ?? null, unit: unit ?? null };
}
