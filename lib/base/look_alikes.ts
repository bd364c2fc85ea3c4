/**
 * Names that look like another's, in whatever script: by the skeletons of Unicode Technical Standard 39, section 4,
 * the later of the two is an imitation. `АӀісе`, all of it Cyrillic, and `AIice` have the skeleton of `Alice`.
 *
 * Names that differ in case are one name, and people don't remember which case it was: a name is compared with the
 * other as it is spelled, and in lower, upper and title case.
 */

import { CONFUSABLES } from "./confusables.ts";
import type { FoldedName } from "./ids.ts";
import { foldName, nameBeforeStart } from "./names.ts";

/** So many names are compared with; what comes beyond them can be an imitation, and isn't imitated. */
const KNOWN_MAX = 10_000;

interface Known {
  readonly name: string;
  readonly folded: FoldedName;
  readonly batch: string | null;
}

export class LookAlikes {
  /** The first one with each look, as spelled and in any case; at most five for each of `KNOWN_MAX`. */
  readonly #bySpelling = new Map<string, Known>();
  readonly #byLook = new Map<string, Known>();
  readonly #noted = new Set<string>();
  #known = 0;

  /**
   * Somebody has this name.
   * @param shown As it is shown, perhaps with the start of a key.
   * @param batch The same for names of which nobody can say which came first; null: this one came after all before.
   * @returns The names that are imitations, as is known since: this one, or it and the other of its batch.
   */
  note(shown: string, batch: string | null = null): readonly string[] {
    const name = nameBeforeStart(shown);
    if (this.#noted.has(name)) return [];
    if (this.#noted.size >= KNOWN_MAX) this.#noted.clear(); // they are compared anew
    this.#noted.add(name);
    const known = { name, folded: foldName(name), batch };
    const imitated = this.#imitatedBy(known);
    if (imitated === null) this.#add(known);
    else if (batch !== null && imitated.batch === batch) return [imitated.name, name];
    return imitated === null ? [] : [name];
  }

  /** Whether somebody was met under this name, of late. */
  has(shown: string): boolean {
    return this.#noted.has(nameBeforeStart(shown));
  }

  /** The name met before that this one looks like; null: none. */
  imitatedBy(shown: string): string | null {
    const name = nameBeforeStart(shown);
    return this.#imitatedBy({ name, folded: foldName(name), batch: null })?.name ?? null;
  }

  #imitatedBy({ name, folded }: Known): Known | null {
    const alike = [
      this.#byLook.get(lookOf(name)),
      ...spellingsOf(name).map((spelling) => this.#bySpelling.get(lookOf(spelling))),
    ];
    return alike.find((other) => other !== undefined && other.folded !== folded) ?? null;
  }

  #add(known: Known): void {
    if (this.#known >= KNOWN_MAX) return;
    this.#known += 1;
    const { name } = known;
    addFirst(this.#bySpelling, lookOf(name), known);
    for (const spelling of spellingsOf(name)) addFirst(this.#byLook, lookOf(spelling), known);
  }
}

/** The name as it is spelled, and in lower, upper and title case. */
function spellingsOf(name: string): readonly string[] {
  const [first = "", ...rest] = name;
  const title = first.toUpperCase() + rest.join("").toLowerCase();
  return [name, name.toLowerCase(), name.toUpperCase(), title];
}

function addFirst(owners: Map<string, Known>, look: string, known: Known): void {
  if (!owners.has(look)) owners.set(look, known);
}

// deno-lint-ignore no-control-regex -- exactly the ASCII ones
const ASCII = /^[\x00-\x7f]*$/;
const ASCII_LOOKS: Readonly<Record<string, string>> = { 0: "o", O: "o", 1: "l", I: "l", m: "rn" };

/**
 * The skeleton of a name: the same for all names that look like it. Ours differs from the standard's in one letter:
 * `O` counts as `o`, so that a zero looks like both.
 */
export function lookOf(name: string): string {
  if (ASCII.test(name)) return name.replace(/[0O1Im]/g, (character) => ASCII_LOOKS[character]!);
  const table = looks();
  const plain = name.normalize("NFKC").normalize("NFD");
  return Array.from(plain, (character) => table.get(character) ?? character).join("")
    .normalize("NFD").replaceAll("O", "o");
}

/**
 * Ours: the small Cherokee letters that look like `b` and `o`, which the table takes for letters that only a few
 * languages have, and the capital one.
 */
const OWN_LOOKS = "62<ab9f;6f<abbb;4f<13eb";

let readLooks: ReadonlyMap<string, string> | null = null;

/** What each character looks like. Read when a name first needs it: most runs never see one. */
function looks(): ReadonlyMap<string, string> {
  if (readLooks !== null) return readLooks;
  const table = new Map<string, string>();
  for (const group of `${CONFUSABLES.replaceAll("\n", "")}${OWN_LOOKS}`.split(";")) {
    const [target = "", sources = ""] = group.split("<");
    const look = textOf(target).join("");
    for (const source of textOf(sources)) table.set(source, look);
  }
  return readLooks = table;
}

function textOf(codes: string): readonly string[] {
  return codes.split(" ").map((code) => String.fromCodePoint(parseInt(code, 16)));
}
