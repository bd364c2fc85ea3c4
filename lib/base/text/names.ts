/**
 * Names of people: which are valid, which are the same, and which imitate others.
 *
 * A name is stored and sent in NFC. Two names are the same if they are equal after `foldName`. Neither rule catches
 * a name that looks like another one; `mixesScripts` finds names that borrow single letters of a second script, and
 * `look_alikes.ts` those that look like a name that is here. Both are marked where they are shown; the key is what
 * proves who somebody is.
 */

import { inWords } from "./words.ts";
import { dropOldest } from "../collections/bounded.ts";
import { P2pchatError } from "../errors.ts";
import type { Fingerprint } from "./fingerprint.ts";
import type { FoldedName } from "../ids.ts";

/** Longest name in code points: fits a prompt and a row of `users.txt`. */
export const NAME_LENGTH_MAX = 32;

const ASCII_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$/;
const FORBIDDEN = /[^\p{L}\p{M}\p{Nd}_.-]/u;
const FIRST = /^[\p{L}\p{Nd}]/u;
/**
 * Letters and marks that can't be seen, such as the Hangul fillers: with them two different names would look the
 * same.
 */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/u;

/**
 * The name in NFC.
 * @throws {P2pchatError} `bad-name` with the reason where `text` cannot be a name.
 */
export function parseName(text: string): string {
  const fault = nameFault(text);
  if (fault === null) return text.normalize("NFC");
  throw new P2pchatError("bad-name", `Invalid name ${quoted(text)}: ${fault}`);
}

/** Why `text` cannot be a name, as part of a sentence; `null` where it can, in NFC. */
export function nameFault(text: string): string | null {
  if (ASCII_NAME.test(text)) return reservedFault(text);
  // NFC shortens a text to a quarter at most; a longer one is too long in any case and isn't worth normalizing.
  const name = text.length > 4 * NAME_LENGTH_MAX ? text : text.normalize("NFC");
  if (name === "") return "it is empty";
  const length = [...name].length;
  if (length > NAME_LENGTH_MAX) {
    return `at most ${NAME_LENGTH_MAX} characters, this one has ${length}`;
  }
  const forbidden = FORBIDDEN.exec(name)?.[0] ?? INVISIBLE.exec(name)?.[0] ?? blankInside(name);
  if (forbidden !== undefined) {
    return `letters, digits, "_", "-" and "." only, not ${described(forbidden)}`;
  }
  if (!FIRST.test(name)) return "it must start with a letter or a digit";
  return reservedFault(name);
}

/** All modes show their user as `you`, as in `[you -> Bob]`, so nobody may have that name. */
function reservedFault(name: string): string | null {
  return foldName(name) === "you" ? `"you" is reserved, as everybody reads it as themselves` : null;
}

/** The first character that folds to several words, such as U+FDFA: the folded name would contain blanks. */
function blankInside(name: string): string | undefined {
  return [...name].find((character) => /\s/.test(character.normalize("NFKC")));
}

/**
 * The form in which names are compared: NFKC, then full case folding.
 *
 * JavaScript has no case folding. Lower case of upper case is the nearest it offers: it unifies `ß` and `ss`, `ﬁ`
 * and `fi`, the two forms of Cherokee, and, with the final sigma replaced, the sigmas. Compared with
 * CaseFolding.txt it unifies a little more (the dotless `ı` and `i`), never less.
 */
export function foldName(name: string): FoldedName {
  if (ASCII_NAME.test(name)) return name.toLowerCase() as FoldedName;
  // Twice: folding can yield characters that NFKC composes, and the composed ones can fold again.
  return foldCase(foldCase(name)) as string as FoldedName;
}

/** Whether both are the same name. */
export function isSameName(one: string, other: string): boolean {
  return foldName(one) === foldName(other);
}

/** One pass of the folding of names, which is also how texts are compared where one is looked for in another. */
export function foldCase(text: string): string {
  const cased = text.normalize("NFKC").toLowerCase().toUpperCase().toLowerCase();
  return cased.replaceAll("ς", "σ").normalize("NFKC");
}

/** Precedes a name that mixes scripts, or imitates another, wherever the name is shown. */
export const MIXED_SCRIPTS_MARK = "≈";

/** So many imitations are marked; the oldest go first. */
const IMITATIONS_MAX = 10_000;

/** Names that imitate others here, or mix scripts, as the console has found: of the whole process, whatever shows them. */
const imitations = new Set<FoldedName>();
/** How many were ever found, those that are gone included. */
let imitationsFound = 0;

/** The user, whose name imitates nobody at the user's own place; null: none. */
let self: { readonly name: FoldedName; readonly key: Fingerprint } | null = null;

/** From now on the user has this name; `key` is the user's own. */
export function setOwnName(name: string, key: Fingerprint): void {
  self = { name: foldName(name), key };
}

/** From now on this name is shown with the mark: it may be taken for somebody else's. */
export function markImitation(shown: string): void {
  const name = foldName(nameBeforeStart(shown));
  if (imitations.has(name)) return;
  imitations.add(name);
  imitationsFound += 1;
  dropOldest(imitations, IMITATIONS_MAX);
}

/**
 * For whoever shows names elsewhere, as the page does: those that have the mark, folded, as far as they were found after the
 * first `known` ones; of many at most `max`, the earlier ones first. `known` of the answer: those up to the last of these.
 */
export function imitationsAfter(
  known: number,
  max: number,
): { readonly names: readonly FoldedName[]; readonly known: number } {
  if (known >= imitationsFound) return { names: [], known };
  const gone = imitationsFound - imitations.size;
  const first = Math.max(known, gone);
  const names = [...imitations].slice(first - gone, first - gone + max);
  return { names, known: first + names.length };
}

/** The name as it is shown to people: with the mark if it mixes scripts, or imitates another, unless it is the user's. */
export function shownName(name: string): string {
  const isMixed = mixesScripts(name);
  if (!isMixed && !isImitation(name) || isOwn(name)) return name;
  if (isMixed) markImitation(name); // whoever shows it elsewhere needs no knowledge of scripts
  return MIXED_SCRIPTS_MARK + name;
}

function isImitation(shown: string): boolean {
  return imitations.size > 0 && imitations.has(foldName(nameBeforeStart(shown)));
}

/** Whether this is the user's name, alone or with the start of the user's own key; with that of another it isn't. */
function isOwn(shown: string): boolean {
  if (self === null) return false;
  const name = nameBeforeStart(shown);
  return foldName(name) === self.name && self.key.startsWith(shown.slice(name.length + 1));
}

/** The name without the mark, for a user who typed a name as it was shown. */
export function withoutMark(shown: string): string {
  return shown.startsWith(MIXED_SCRIPTS_MARK) ? shown.slice(MIXED_SCRIPTS_MARK.length) : shown;
}

/** Whether a name, as the user typed it, is without the start of a key. */
export function isPlainName(typed: string): boolean {
  return nameBeforeStart(typed) === typed;
}

/** The name without the start of a key by which it is told apart from another: `Bob` of `Bob~k7f3`. */
export function nameBeforeStart(shown: string): string {
  const at = shown.indexOf("~"); // no name has one
  return at === -1 ? shown : shown.slice(0, at);
}

/**
 * Whether a name mixes scripts in an unusual way, that is, fails the restriction level "highly restrictive" of
 * Unicode Technical Standard 39, 5.2. A single script passes, and so does Latin with the scripts of Japanese (Han,
 * Hiragana, Katakana), Chinese (Han, Bopomofo) or Korean (Hangul, Han).
 */
export function mixesScripts(name: string): boolean {
  if (ASCII_NAME.test(name)) return false;
  const isCovered = (regex: RegExp) => regex.test(name);
  return !usualMixtures().some(isCovered);
}

/**
 * Matches names of these scripts only; characters common to all scripts (digits, `-`, common marks) are always
 * allowed.
 */
function consistsOf(...scripts: readonly string[]): RegExp {
  const classes = [...scripts, "Common", "Inherited"].map((script) => `\\p{scx=${script}}`);
  return new RegExp(`^[${classes.join("")}]*$`, "u");
}

const USUAL_MIXTURES = [
  ["Latin", "Han", "Hiragana", "Katakana"],
  ["Latin", "Han", "Bopomofo"],
  ["Latin", "Han", "Hangul"],
];

/** All other scripts of Unicode 16; a name in a script missing here is marked as mixed. */
const OTHER_SCRIPTS =
  "Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali " +
  "Bhaiksuki Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham " +
  "Cherokee Chorasmian Coptic Cuneiform Cypriot Cypro_Minoan Cyrillic Deseret Devanagari Dives_Akuru " +
  "Dogra Duployan Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic Garay Georgian Glagolitic Gothic Grantha " +
  "Greek Gujarati Gunjala_Gondi Gurmukhi Gurung_Khema Hanifi_Rohingya Hanunoo Hatran Hebrew " +
  "Imperial_Aramaic Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Kawi Kayah_Li " +
  "Kharoshthi Khitan_Small_Script Khmer Khojki Khudawadi Kirat_Rai Lao Lepcha Limbu Linear_A Linear_B " +
  "Lisu Lycian Lydian Mahajani Makasar Malayalam Mandaic Manichaean Marchen Masaram_Gondi Medefaidrin " +
  "Meetei_Mayek Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani " +
  "Myanmar Nabataean Nag_Mundari Nandinagari New_Tai_Lue Newa Nko Nushu Nyiakeng_Puachue_Hmong Ogham " +
  "Ol_Chiki Ol_Onal Old_Hungarian Old_Italic Old_North_Arabian Old_Permic Old_Persian Old_Sogdian " +
  "Old_South_Arabian Old_Turkic Old_Uyghur Oriya Osage Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa " +
  "Phoenician Psalter_Pahlavi Rejang Runic Samaritan Saurashtra Sharada Shavian Siddham SignWriting Sinhala " +
  "Sogdian Sora_Sompeng Soyombo Sundanese Sunuwar Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham " +
  "Tai_Viet Takri Tamil Tangsa Tangut Telugu Thaana Thai Tibetan Tifinagh Tirhuta Todhri Toto Tulu_Tigalari " +
  "Ugaritic Vai Vithkuqi Wancho Warang_Citi Yezidi Yi Zanabazar_Square";

let builtMixtures: readonly RegExp[] | null = null;

/** Built when a name first needs them: most runs never see one. */
function usualMixtures(): readonly RegExp[] {
  builtMixtures ??= [
    ...USUAL_MIXTURES,
    ...OTHER_SCRIPTS.split(" ").map((script) => [script]),
  ].map((scripts) => consistsOf(...scripts));
  return builtMixtures;
}

function described(character: string): string {
  if (character === " ") return "blanks";
  const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
  const isSeen = /[\p{L}\p{N}\p{P}\p{S}]/u.test(character) && !INVISIBLE.test(character);
  return isSeen ? `"${character}" (U+${code})` : `U+${code}`;
}

/** The name for an error's text: without characters that a terminal obeys, and shortened if far too long. */
function quoted(text: string): string {
  const start = [...text.slice(0, 4 * NAME_LENGTH_MAX)].slice(0, NAME_LENGTH_MAX).join("");
  const visible = start.replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, "\ufffd");
  return `"${visible}${start.length < text.length ? "..." : ""}"`;
}

/** `Bob`, `Bob and Carol`, `Bob, Carol or Dave`. */
export function namesInWords(
  people: readonly { readonly name: string }[],
  last: "and" | "or" = "and",
): string {
  return inWords(people.map(({ name }) => shownName(name)), last);
}
