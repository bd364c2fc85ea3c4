/**
 * Text from other people, made harmless: nothing in it hides, reorders or ends what stands beside it. The rules are
 * those of `lib/base/text/` for a terminal; `tests/cli/page/harmless_test.ts` holds the two together.
 */

const SUSPECT = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800\p{Cs}]/u;
const SEEN_FORMAT = /[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u{110bd}\u{110cd}]/u;
const VARIATION_SELECTOR = /^[\ufe00-\ufe0f\u{e0100}-\u{e01ef}\u180b-\u180d\u180f]$/u;
const VARIATION_BASE = /(?<=[\p{L}\p{N}\p{P}\p{S}])$/u;
const EMOJI_BEFORE = /(?<=[\p{Extended_Pictographic}\p{Emoji_Modifier}]\ufe0f?)$/u;
const EMOJI_AFTER = /^\p{Extended_Pictographic}/u;
const JOINING_SCRIPTS = (
  "Arabic Syriac Mongolian Nko Mandaic Adlam Hanifi_Rohingya Devanagari Bengali Gurmukhi Gujarati Oriya Tamil " +
  "Telugu Kannada Malayalam Sinhala Khmer Myanmar Tibetan"
).split(" ").map((script) => `\\p{Script=${script}}`).join("");
const JOINS_BEFORE = new RegExp(`(?<=[${JOINING_SCRIPTS}]\\p{M}*)$`, "u");
const JOINS_AFTER = new RegExp(`^[${JOINING_SCRIPTS}]`, "u");
const BLACK_FLAG = "\u{1f3f4}";
const TAG_FLAGS = ["gbeng", "gbsct", "gbwls"].map((region) =>
  BLACK_FLAG + [...region].map((letter) => tagOf(letter.charCodeAt(0))).join("") + tagOf(0x7f)
);
/** How far look-behind reaches, in UTF-16 units. */
const CONTEXT_UNITS_MAX = 16;
/** The most marks shown on one character: more than any script puts there. */
const MARKS_MAX = 8;
const TOO_MANY_MARKS = (() => {
  const mark = "[\\p{M}\\u200c\\u200d\\u1160-\\u11ff\\ud7b0-\\ud7fb]";
  return new RegExp(`(${mark}{${MARKS_MAX}})(${mark}+)`, "gu");
})();

function tagOf(code) {
  return String.fromCodePoint(0xe0000 + code);
}

/** The text on one line: controls as pictures (`␛`), what hides or reorders as `<U+202E>`. */
export function visible(text) {
  if (!SUSPECT.test(text)) return text;
  return text.replace(new RegExp(SUSPECT, "gu"), (character, offset) => {
    const code = character.codePointAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    if (code === 0x7f) return "\u2421";
    if (code >= 0x80 && code <= 0x9f) return "\u241b" + String.fromCharCode(code - 0x40);
    if (isNeeded(character, text, offset)) return character;
    return `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`;
  });
}

/** The same, with the line breaks that the author made, and few marks on each character. */
export function visibleBody(text) {
  return withFewMarks(text.split("\n").map(visible).join("\n"));
}

/** Only the first 8 marks on one character stay; how many more there are is said behind them. */
export function withFewMarks(text) {
  if (text.length <= MARKS_MAX) return text;
  return text.replace(TOO_MANY_MARKS, (_, first, rest) => {
    const marks = [...rest];
    const isSame = marks.every((mark) => mark === marks[0]);
    const code = marks[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    const more = isSame
      ? `U+${code} x${marks.length}`
      : `${marks.length.toLocaleString("en")} more marks`;
    return `${first}<${more}>`;
  });
}

function isNeeded(character, text, offset) {
  const before = text.slice(Math.max(0, offset - CONTEXT_UNITS_MAX), offset);
  if (VARIATION_SELECTOR.test(character)) return VARIATION_BASE.test(before);
  if (character === "\u200d" || character === "\u200c") {
    const from = offset + character.length;
    const after = text.slice(from, from + 2);
    if (JOINS_BEFORE.test(before) && JOINS_AFTER.test(after)) return true;
    return character === "\u200d" && EMOJI_BEFORE.test(before) && EMOJI_AFTER.test(after);
  }
  return SEEN_FORMAT.test(character) || isInTagFlag(text, offset);
}

function isInTagFlag(text, offset) {
  const from = Math.max(0, offset - CONTEXT_UNITS_MAX);
  const start = from + text.slice(from, offset).lastIndexOf(BLACK_FLAG);
  return start >= from &&
    TAG_FLAGS.some((flag) => offset - start < flag.length && text.startsWith(flag, start));
}

const ASCII_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$/;

const USUAL_MIXTURES = ["Latin Han Hiragana Katakana", "Latin Han Bopomofo", "Latin Han Hangul"];
const OTHER_SCRIPTS =
  "Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali Bhaiksuki " +
  "Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham Cherokee Chorasmian " +
  "Coptic Cuneiform Cypriot Cypro_Minoan Cyrillic Deseret Devanagari Dives_Akuru Dogra Duployan " +
  "Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic Garay Georgian Glagolitic Gothic Grantha Greek Gujarati " +
  "Gunjala_Gondi Gurmukhi Gurung_Khema Hanifi_Rohingya Hanunoo Hatran Hebrew Imperial_Aramaic " +
  "Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Kawi Kayah_Li Kharoshthi " +
  "Khitan_Small_Script Khmer Khojki Khudawadi Kirat_Rai Lao Lepcha Limbu Linear_A Linear_B Lisu Lycian Lydian " +
  "Mahajani Makasar Malayalam Mandaic Manichaean Marchen Masaram_Gondi Medefaidrin Meetei_Mayek Mende_Kikakui " +
  "Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani Myanmar Nabataean Nag_Mundari " +
  "Nandinagari New_Tai_Lue Newa Nko Nushu Nyiakeng_Puachue_Hmong Ogham Ol_Chiki Ol_Onal Old_Hungarian Old_Italic " +
  "Old_North_Arabian Old_Permic Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic Old_Uyghur Oriya Osage " +
  "Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan " +
  "Saurashtra Sharada Shavian Siddham SignWriting Sinhala Sogdian Sora_Sompeng Soyombo Sundanese Sunuwar " +
  "Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangsa Tangut Telugu Thaana Thai " +
  "Tibetan Tifinagh Tirhuta Todhri Toto Tulu_Tigalari Ugaritic Vai Vithkuqi Wancho Warang_Citi Yezidi Yi " +
  "Zanabazar_Square";

/** Each class alone, as a browser may not know the newest scripts. */
function classOf(scripts) {
  try {
    const classes = `${scripts} Common Inherited`.split(" ").map((script) => `\\p{scx=${script}}`);
    return [new RegExp(`^[${classes.join("")}]*$`, "u")];
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}

let mixtures = null;

/** Whether a name mixes scripts in an unusual way (UTS 39, 5.2, "highly restrictive"). */
export function mixesScripts(name) {
  if (ASCII_NAME.test(name)) return false;
  mixtures ??= [...USUAL_MIXTURES, ...OTHER_SCRIPTS.split(" ")].flatMap(classOf);
  return !mixtures.some((mixture) => mixture.test(name));
}

/** Precedes a name that mixes scripts, or imitates another. */
export const MARK = "\u2248";

/** The name as people see it. @param marked Names that imitate others, as the program has found. */
export function shownName(name, marked = new Set()) {
  const plain = visible(name);
  return mixesScripts(name.split("~", 1)[0]) || marked.has(name) ? MARK + plain : plain;
}

/** The form in which names are compared. */
export function folded(name) {
  return name.normalize("NFKC").toLowerCase().toUpperCase().toLowerCase().normalize("NFKC");
}

const BEFORE = "(?<![\\p{L}\\p{M}\\p{N}_.~-])";
const BEHIND = "(?![\\p{L}\\p{M}\\p{N}_~]|[.-][\\p{L}\\p{M}\\p{N}_])";

/** The start and end of each mention of `name`, in order. */
export function mentionsOf(text, name) {
  if (!name || text === "") return [];
  const escaped = name.normalize("NFC").replace(/[.\-~]/g, "\\$&");
  const pattern = new RegExp(`${BEFORE}${escaped}${BEHIND}`, "giu");
  return Array.from(text.matchAll(pattern), ({ 0: found, index }) => [index, index + found.length]);
}

/** What a text says that its author does (`/me waves`); null: it isn't such a text. */
export function actionIn(text) {
  const action = text.startsWith("/me ") ? text.slice(4) : "";
  return action.trim() === "" ? null : action;
}

const LINK = /https?:\/\/[^\s<>"\u2400-\u2426]+/gi;

/** Links to the web as they stand in a visible text, without the punctuation behind them. */
function linksIn(text) {
  return Array.from(text.matchAll(LINK), ({ 0: found, index }) => {
    let link = found.replace(/[.,;:!?'\u2019\u201d\u00bb*_]+$/, "");
    while (/[)\]}]$/.test(link) && !/[([{]/.test(link)) link = link.slice(0, -1);
    if (!URL.canParse(link) || new URL(link).hostname === "") return null;
    return { start: index, end: index + link.length, href: new URL(link).href };
  }).filter((link) => link !== null);
}

/**
 * A visible text in parts: `{text}`, with `href` where it is a link, `isMention` where it is the reader's own name.
 * Put together they are the text.
 */
export function partsOf(text, self) {
  const links = linksIn(text);
  const mentions = mentionsOf(text, self)
    .filter(([start, end]) => links.every((link) => end <= link.start || link.end <= start))
    .map(([start, end]) => ({ start, end, isMention: true }));
  const found = [...links, ...mentions].sort((a, b) => a.start - b.start);
  const parts = [];
  let at = 0;
  for (const { start, end, ...more } of found) {
    if (start > at) parts.push({ text: text.slice(at, start) });
    parts.push({ text: text.slice(start, end), ...more });
    at = end;
  }
  if (at < text.length) parts.push({ text: text.slice(at) });
  return parts;
}

/** So much of a body is shown at first. */
const LINES_MAX = 40;
const UNITS_MAX = 4_000;

/** A body as far as it is shown at first, and what the rest is, in words; `more` is null where nothing is left out. */
export function foldedBody(text) {
  const lines = text.split("\n");
  if (lines.length > LINES_MAX) {
    const head = lines.slice(0, LINES_MAX).join("\n");
    if (head.length <= UNITS_MAX) {
      return { head, more: `${count(lines.length - LINES_MAX)} more lines` };
    }
  }
  if (text.length <= UNITS_MAX) return { head: text, more: null };
  let end = UNITS_MAX;
  if (/[\ud800-\udbff]/.test(text[end - 1])) end--;
  return { head: text.slice(0, end), more: `${count(text.length - end)} more characters` };
}

function count(number) {
  return number.toLocaleString("en");
}
