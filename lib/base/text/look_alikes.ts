/**
 * Names that look like another's, in whatever script: by the skeletons of Unicode Technical Standard 39, section 4,
 * the later of the two is an imitation. `АӀісе`, all of it Cyrillic, and `AIice` have the skeleton of `Alice`.
 *
 * Names that differ in case are one name, and people don't remember which case it was: a name is compared with the
 * other as it is spelled, and in lower, upper and title case. Small capitals are read as the letters whose capitals
 * they are, too: `ʙᴏʙ` is another name than `BOB`, and looks like it.
 */

import { CONFUSABLES } from "./confusables.ts";
import { FINGERPRINT_CHARACTERS } from "./fingerprint.ts";
import type { FoldedName } from "../ids.ts";
import { foldName, nameBeforeStart } from "./names.ts";

/** What the program calls somebody or itself: whoever is called the same, or looks so, is an imitation. */
const OWN_WORDS = ["you", "directory", "coordinator", "INFO", "p2pchat"];

/** So many names are compared with; what comes beyond them can be an imitation, and isn't imitated. */
const KNOWN_MAX = 10_000;

interface Known {
  readonly name: string;
  readonly folded: FoldedName;
  readonly batch: string | null;
}

export class LookAlikes {
  /** The first one with each look, as spelled and in any case; at most ten for each of `KNOWN_MAX`. */
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
    if (shown !== name) this.#noteApart(shown);
    if (!this.#isNew(name)) return [];
    if (looksLikeOwnWord(name) || looksLikeKey(name)) return [name];
    const known = { name, folded: foldName(name), batch };
    const imitated = this.#imitatedBy(known);
    if (imitated === null) this.#add(known);
    else if (batch !== null && imitated.batch === batch) return [imitated.name, name];
    return imitated === null ? [] : [name];
  }

  /** Somebody is told apart by the start of a key, before which a hasty eye may take any sign for another. */
  #noteApart(shown: string): void {
    if (!this.#isNew(shown)) return;
    const folded = foldName(shown);
    for (const sign of "-_.") this.#add({ name: shown.replace("~", sign), folded, batch: null });
  }

  /** Whether it wasn't noted of late; it is from now on. */
  #isNew(shown: string): boolean {
    if (this.#noted.has(shown)) return false;
    if (this.#noted.size >= KNOWN_MAX) this.#noted.clear(); // they are compared anew
    this.#noted.add(shown);
    return true;
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
    const alike = readingsOf(name).flatMap((reading) => [
      this.#byLook.get(lookOf(reading)),
      ...spellingsOf(reading).map((spelling) => this.#bySpelling.get(lookOf(spelling))),
    ]);
    return alike.find((other) => other !== undefined && other.folded !== folded) ?? null;
  }

  #add(known: Known): void {
    if (this.#known >= KNOWN_MAX) return;
    this.#known += 1;
    for (const reading of readingsOf(known.name)) {
      addFirst(this.#bySpelling, lookOf(reading), known);
      for (const spelling of spellingsOf(reading)) addFirst(this.#byLook, lookOf(spelling), known);
    }
  }
}

/** The name as it is, and as it is read where it has small capitals. */
function readingsOf(name: string): readonly string[] {
  const plain = withoutSmallCapitals(name);
  return plain === name ? [name] : [name, plain];
}

/** The name as it is spelled, and in lower, upper and title case. */
function spellingsOf(name: string): readonly string[] {
  const [first = "", ...rest] = name;
  const title = first.toUpperCase() + rest.join("").toLowerCase();
  return [name, name.toLowerCase(), name.toUpperCase(), title];
}

let ownLooks: ReadonlySet<string> | null = null;

function looksLikeOwnWord(name: string): boolean {
  ownLooks ??= new Set(OWN_WORDS.flatMap(spellingsOf).map(lookOf));
  return readingsOf(name).flatMap(spellingsOf).some((spelling) => ownLooks!.has(lookOf(spelling)));
}

/** Whoever has no name is called by a fingerprint. People don't count its characters, and overlook signs. */
function looksLikeKey(name: string): boolean {
  const plain = foldName(withoutSmallCapitals(name)).replace(/[-_.]/g, "");
  const length = plain.match(/^[a-z0-9]+$/)?.[0].length ?? 0;
  return Math.abs(length - FINGERPRINT_CHARACTERS) <= 2;
}

function addFirst(owners: Map<string, Known>, look: string, known: Known): void {
  if (!owners.has(look)) owners.set(look, known);
}

// deno-lint-ignore no-control-regex -- exactly the ASCII ones
const ASCII = /^[\x00-\x7f]*$/;
const ASCII_LOOKS: Readonly<Record<string, string>> = { 0: "o", O: "o", 1: "l", I: "l", m: "rn" };

/** Letters that look otherwise than what NFKC makes of them (s, Greek sigmas, st): names are shown as they are written. */
const UNLIKE_NFKC: Readonly<Record<string, string>> = {
  "\u017f": "f",
  "\u03f2": "c",
  "\u03f9": "C",
  "\u1e9b": "f\u0307",
  "\ufb05": "ft",
};

/** A dot over a letter that has one: it isn't seen. Other marks may stand between. */
const SECOND_DOT = /(\p{Soft_Dotted}\p{M}*?)\u0307/gu;
const MARKED = /([\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Nd}_.-])(\p{M}+)/gu;
/**
 * On these letters, all marks but those above them, and those that cross or touch them: a dot below, a line below that
 * may be taken for a link's, marks of other scripts.
 */
const HARDLY_SEEN =
  /[^\u0300-\u0315\u031b\u0326-\u0328\u0334-\u0338\u0340-\u0345\u0363-\u036f\u0483-\u0487]/gu;
/** Letters among the signs of phonetics and the like; those that look like these signs are overlooked. */
const SIGN_LETTER = /[\p{Lm}\ua78b\ua78c]/u;
const OVERLOOKED = /^[':]+$/;

/**
 * The skeleton of a name: the same for all names that look like it. Ours differs from the standard's: `O` counts as
 * `o`, so that a zero looks like both; `vv` as `w`; and what people overlook is left out, signs at the end among it,
 * which may belong to the sentence.
 */
export function lookOf(name: string): string {
  if (ASCII.test(name)) {
    return simplified(name.replace(/[0O1Im]/g, (character) => ASCII_LOOKS[character]!));
  }
  const table = looks();
  const plain = name.replace(/[\u017f\u03f2\u03f9\u1e9b\ufb05]/gu, (letter) => UNLIKE_NFKC[letter]!)
    .normalize("NFKC").normalize("NFD").replace(
      MARKED,
      (_, letter: string, marks: string) => letter + marks.replace(HARDLY_SEEN, ""),
    );
  const look = Array.from(plain, (character) => {
    const look = table.get(character) ?? character;
    return OVERLOOKED.test(look) && SIGN_LETTER.test(character) ? "" : look;
  });
  return simplified(
    look.join("").normalize("NFD").replace(SECOND_DOT, "$1").replaceAll("O", "o"),
  );
}

function simplified(look: string): string {
  return look.replaceAll("vv", "w").replaceAll("VV", "W").replace(/[-_.]+$/, "");
}

/**
 * Ours: the small Cherokee letters that look like `b` and `o`, which the table takes for letters that only a few
 * languages have, and the capital one; and what the table lacks: a j without its dot, a long s with a stroke and an
 * insular f, which look like `f`, a turned L, which looks like `l`, and signs of phonetics, accents by themselves among
 * them, that are overlooked like a colon and an apostrophe.
 */
const OWN_LOOKS =
  "62<ab9f;6f<abbb;4f<13eb;66<1e9c a77c;6a<237;6c<a781;3a<2d1;27<2c6 2c9 2cc 2cd 2ce 2cf 2ec a788";

/**
 * Small capitals, the large form of one, and a kra and a turned w, which the table has for some of them, with the
 * letters they are read as.
 */
const SMALL_CAPITALS: ReadonlyMap<string, string> = lettersFor(
  "ᴀʙᴄᴅᴇꜰɢʜɪꞮᴊᴋĸʟᴍʍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢᴁᴆᴌɶ",
  "abcdefghiIjkklmmnopqrstuvwyzæðłœ",
);
/** Most of their small letters look like small capitals, and honest names are made of them: `Том` isn't `Tom`. */
const LIKE_CAPITALS = /[\p{Script=Cyrillic}\p{Script=Greek}]/u;

function lettersFor(signs: string, letters: string): ReadonlyMap<string, string> {
  const all = [...letters];
  return new Map([...signs].map((sign, n) => [sign, all[n]!]));
}

/** The name with letters for small capitals and what looks like these. Raised ones are what NFKC makes of them. */
function withoutSmallCapitals(name: string): string {
  if (ASCII.test(name)) return name;
  return Array.from(name, (character) => {
    const plain = character.normalize("NFKC");
    if (LIKE_CAPITALS.test(plain)) return character;
    return SMALL_CAPITALS.get(plain) ?? SMALL_CAPITALS.get(looks().get(plain) ?? "") ?? character;
  }).join("");
}

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
