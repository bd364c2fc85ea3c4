/**
 * Text from other people: how long it may be, and how to show it harmlessly.
 *
 * A terminal obeys some characters instead of showing them; others hide or reorder their neighbours. `visibleText`
 * replaces each of these by a visible symbol and leaves everything else as it is.
 */

import { numberText } from "./words.ts";
import { P2pchatError } from "../errors.ts";

/** Longest message in UTF-8 bytes: several screens of text, and one frame on the wire. */
export const MESSAGE_BYTES_MAX = 65_536;

/** Length of `text` in UTF-8 bytes; a lone surrogate counts as three, the length of its replacement character. */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    // A surrogate pair has two units and four bytes: each unit counts as two.
    length += unit < 0x800 || isPaired(text, index, unit) ? 1 : 2;
  }
  return length;
}

function isPaired(text: string, index: number, unit: number): boolean {
  if (unit >= 0xd800 && unit <= 0xdbff) return isLowSurrogate(text.charCodeAt(index + 1));
  return isLowSurrogate(unit) && isHighSurrogate(text.charCodeAt(index - 1));
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

/** Whether a line with this beginning is a command; two slashes begin a text. */
export function beginsCommand(text: string): boolean {
  return text.startsWith("/") && !text.startsWith("//");
}

/** The first word of a text that has more than one: in `/msg NAME TEXT`, a form of other modes, a name. */
export function wordBeforeText(text: string): string | undefined {
  return /^\s*(\S+)\s+\S/.exec(text)?.[1];
}

/** Begins the text of a message that says what its author does, as in other programs (XEP-0245). */
export const ACTION_START = "/me ";

/**
 * Checks the length of a message before it is sent.
 * @returns `text` with each lone surrogate, which UTF-8 cannot encode, replaced by U+FFFD.
 * @throws {P2pchatError} `too-long` above `MESSAGE_BYTES_MAX` bytes.
 */
export function checkedMessage(text: string): string {
  // A UTF-16 unit takes at most three bytes: short texts needn't be counted.
  if (text.length * 3 > MESSAGE_BYTES_MAX) {
    const bytes = utf8Length(text);
    if (bytes > MESSAGE_BYTES_MAX) throw tooLong(bytes);
  }
  return text.isWellFormed() ? text : text.toWellFormed();
}

/** The error for a message of `bytes` bytes, which is too long. */
export function tooLong(bytes: number): P2pchatError {
  return new P2pchatError(
    "too-long",
    `Nothing was sent: the message has ${bytes} bytes, at most ${MESSAGE_BYTES_MAX} are possible; ` +
      "send it in parts",
  );
}

/**
 * Characters that may have to be replaced: controls (Cc), format characters (Cf: bidi controls, joiners, tags),
 * line and paragraph separators, invisible characters of other categories, variation selectors, the blank Braille
 * pattern, lone surrogates.
 */
const SUSPECT = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800\p{Cs}]/u;

// deno-lint-ignore no-control-regex
const ASCII_CONTROL = /[\x00-\x1f\x7f]/;
/** Units per call of `String.fromCharCode`, whose arguments have to fit on the stack. */
const PICTURE_UNITS = 4_096;

/** Format characters that are visible: signs of Arabic, Syriac and Kaithi that span the digits after them. */
const SEEN_FORMAT = /[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u{110bd}\u{110cd}]/u;

const ZERO_WIDTH_NON_JOINER = "\u200c";
const ZERO_WIDTH_JOINER = "\u200d";
/**
 * Variation selectors, and what each may follow (StandardizedVariants.txt, emoji-variation-sequences.txt, and the
 * Ideographic Variation Database): anything else looks the same with and without, and would hide data.
 *
 * Here and below, patterns that end at `$` use a lookbehind: without one, V8 15 fails to match classes with
 * characters beyond the BMP (`/[\p{L}\p{S}]$/u.test("🌶")` is false).
 */
const VARIATIONS = [
  [/^[\ufe0e\ufe0f]$/, /(?<=[\p{Emoji}\p{S}])$/u],
  [
    /^[\ufe00-\ufe0d]$/,
    /(?<=[0\p{Ideographic}\p{Sm}\u3001-\u303f\uff00-\uff60\p{sc=Myanmar}\p{sc=Phags_Pa}\p{sc=Manichaean}])$/u,
  ],
  [/^[\u{e0100}-\u{e01ef}]$/u, /(?<=\p{Ideographic})$/u],
  [/^[\u180b-\u180d\u180f]$/, /(?<=\p{sc=Mongolian})$/u],
] as const;

/** What may precede a joiner within an emoji: a picture, its variation selector, or its skin colour. */
const EMOJI_BEFORE = /(?<=[\p{Extended_Pictographic}\p{Emoji_Modifier}]\ufe0f?)$/u;
const EMOJI_AFTER = /^\p{Extended_Pictographic}/u;

/** The flags of England, Scotland and Wales, the only tag sequences in use: any other tags hide text. */
const BLACK_FLAG = "\u{1f3f4}";
const TAG_FLAGS: readonly string[] = ["gbeng", "gbsct", "gbwls"].map((region) =>
  BLACK_FLAG + region.replace(/./g, (letter) => tagOf(letter.charCodeAt(0))) + tagOf(0x7f)
);

function tagOf(code: number): string {
  return String.fromCodePoint(0xe0000 + code);
}

/** Scripts in which a joiner changes the letters beside it (Unicode core specification, 23.2; RFC 5892, A.1, A.2). */
const JOINING_SCRIPTS = [
  "Arabic",
  "Syriac",
  "Mongolian",
  "Nko",
  "Mandaic",
  "Adlam",
  "Hanifi_Rohingya",
  "Devanagari",
  "Bengali",
  "Gurmukhi",
  "Gujarati",
  "Oriya",
  "Tamil",
  "Telugu",
  "Kannada",
  "Malayalam",
  "Sinhala",
  "Khmer",
  "Myanmar",
  "Tibetan",
].map((script) => `\\p{Script=${script}}`).join("");
/** Built when a text first needs them: otherwise each start would take a millisecond longer. */
let joining: { readonly before: RegExp; readonly after: RegExp } | null = null;

function joiningContext(): { readonly before: RegExp; readonly after: RegExp } {
  return joining ??= {
    before: new RegExp(`(?<=[${JOINING_SCRIPTS}]\\p{M}*)$`, "u"),
    after: new RegExp(`^[${JOINING_SCRIPTS}]`, "u"),
  };
}

/** How far look-behind reaches, in UTF-16 units: a letter with more marks than any real one has, or a flag. */
const CONTEXT_UNITS_MAX = 16;

/**
 * `text` on one line, in a form in which a terminal obeys nothing and nothing is hidden:
 * - controls become their pictures (`␛`, `␊`, `␡`), those above U+007F the escape sequence of ECMA-48 that they
 *   stand for (U+009B: `␛[`);
 * - other characters that reorder, hide or end lines, and lone surrogates, become `<U+202E>` and the like;
 * - joiners, variation selectors and tags stay where emoji and scripts need them.
 *
 * The result has no character of the categories Cc, Zl, Zp or Cs, and applying the function twice changes nothing.
 */
export function visibleText(text: string): string {
  return visiblePart(text, 0, text.length);
}

/** The visible form of a part of `text`, taking the characters around it into account. */
export function visiblePart(text: string, start: number, end: number): string {
  let part = text.slice(start, end);
  if (!SUSPECT.test(part)) return part;
  if (ASCII_CONTROL.test(part)) {
    part = withPictures(part); // same length, so offsets stay valid
    if (!SUSPECT.test(part)) return part;
  }
  return part.replace(new RegExp(SUSPECT, "gu"), (character, offset: number) => {
    const code = character.codePointAt(0)!;
    if (code >= 0x80 && code <= 0x9f) return "\u241b" + String.fromCharCode(code - 0x40);
    if (isNeeded(character, text, start + offset)) return character;
    return `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`;
  });
}

/** Replaces ASCII controls by their pictures, without allocating for each: a message may consist of nothing else. */
function withPictures(text: string): string {
  let shown = "";
  for (let start = 0; start < text.length; start += PICTURE_UNITS) {
    const units = new Uint16Array(Math.min(PICTURE_UNITS, text.length - start));
    for (let index = 0; index < units.length; index++) {
      const unit = text.charCodeAt(start + index);
      units[index] = unit < 0x20 ? 0x2400 + unit : unit === 0x7f ? 0x2421 : unit;
    }
    shown += String.fromCharCode.apply(null, units as unknown as number[]);
  }
  return shown;
}

/** The most marks shown on one character: more than any script puts there. */
const MARKS_MAX = 8;
/**
 * More of them on one character: also vowels of a Hangul syllable, which take no cells either, and joiners, which
 * leave the marks behind them on the same character.
 */
const TOO_MANY_MARKS = (() => {
  const mark = "[\\p{M}\\u200c\\u200d\\u1160-\\u11ff\\ud7b0-\\ud7fb]";
  return new RegExp(`(${mark}{${MARKS_MAX}})(${mark}+)`, "gu");
})();

/**
 * `text` for a terminal, which draws marks over the rows around: only the first 8 on one character stay, and how many
 * more there are is said behind them.
 */
export function withFewMarks(text: string): string {
  if (text.length <= MARKS_MAX) return text;
  return text.replace(TOO_MANY_MARKS, (_, first: string, rest: string) => {
    const marks = [...rest];
    const isSame = marks.every((mark) => mark === marks[0]);
    const code = marks[0]!.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
    const more = isSame ? `U+${code} x${marks.length}` : `${numberText(marks.length)} more marks`;
    return `${first}<${more}>`;
  });
}

/** The lines of `text`, each in visible form: for output in which line breaks are allowed. */
export function visibleLines(text: string): readonly string[] {
  return text.split("\n").map((line) => visibleText(line));
}

/** Longest value that an error quotes in full. */
const QUOTED_CHARACTERS_MAX = 60;

/** The first characters of `text`, at most so many. */
export function startOf(text: string, charactersMax: number): string {
  return Array.from(text.slice(0, 2 * charactersMax)).slice(0, charactersMax).join("");
}

/** A value for an error's text: in quotes, in visible form, shortened if long. */
export function quotedStart(text: string): string {
  const start = startOf(text, QUOTED_CHARACTERS_MAX);
  return saidText(start.length < text.length ? `${start}...` : start);
}

const QUOTATION_MARKS = /["\u02ba\u201c-\u201f\u2033\uff02]/g;

/** Others' words in a sentence of ours, between quotation marks that they can't end: nothing of them reads as ours. */
export function saidText(said: string): string {
  return `"${visibleText(said).replaceAll(QUOTATION_MARKS, "'")}"`;
}

/** A name that others gave to a file: as it is where it can't be taken for more of our sentence. */
export function fileNameText(name: string): string {
  return areLetters(name) ? visibleText(name) : saidText(name);
}

/** A title that others gave to a room: words as they are; anything else, also a number as another room's, as `saidText`. */
export function titleText(title: string): string {
  const areWords = /\p{L}/u.test(title) && areLetters(title.replaceAll(/[ ,&'\u2019]/g, "_"));
  return (areWords ? visibleText : saidText)(title);
}

/** Or numbers, or signs that end nothing. */
const areLetters = (text: string) => /^[\p{L}\p{M}\p{N}._+-]+$/u.test(text);

function isNeeded(character: string, text: string, offset: number): boolean {
  const before = text.slice(Math.max(0, offset - CONTEXT_UNITS_MAX), offset);
  const variation = VARIATIONS.find(([selector]) => selector.test(character));
  if (variation !== undefined) return variation[1].test(before);
  if (character === ZERO_WIDTH_JOINER || character === ZERO_WIDTH_NON_JOINER) {
    const from = offset + character.length;
    const after = text.slice(from, from + 2);
    if (joiningContext().before.test(before) && joiningContext().after.test(after)) return true;
    return character === ZERO_WIDTH_JOINER && EMOJI_BEFORE.test(before) && EMOJI_AFTER.test(after);
  }
  return SEEN_FORMAT.test(character) || isInTagFlag(text, offset);
}

/** Whether the character at `offset` is a tag within a complete flag. */
function isInTagFlag(text: string, offset: number): boolean {
  const from = Math.max(0, offset - CONTEXT_UNITS_MAX);
  const start = from + text.slice(from, offset).lastIndexOf(BLACK_FLAG);
  return start >= from &&
    TAG_FLAGS.some((flag) => offset - start < flag.length && text.startsWith(flag, start));
}
