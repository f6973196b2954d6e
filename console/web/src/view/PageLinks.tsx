import { person } from "../state/store";
import { t, type Word } from "../words/catalogue";

const STAFF = ["operator", "supervisor", "administrator"];
const PAGES: readonly (readonly [path: string, word: Word, roles: readonly string[] | null])[] = [
  ["/", "title", null],
  ["/streets", "title_streets", null],
  ["/handover", "title_handover", STAFF],
  ["/admin", "title_admin", ["administrator", "supervisor"]],
];

/** The other pages that one's role may use. */
export function PageLinks({ path }: { path: string }) {
  const role = person.value?.role ?? "";
  return (
    <nav class="page-links" aria-label={t("pages")}>
      {PAGES.map(([other, word, roles]) =>
        other !== path && (roles === null || roles.includes(role)) ? (
          <a key={other} href={other}>
            {t(word)}
          </a>
        ) : null,
      )}
    </nav>
  );
}
