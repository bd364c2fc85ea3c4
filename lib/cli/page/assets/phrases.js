/**
 * Parts of sentences: a string, or an object with `name`, `code` (to be copied), `time` (ISO 8601), `quote` (somebody's
 * words), `entry` (the number of one), `others` (names that are only counted at first), or `label` and `line` (a button).
 */

import { countText } from "../../../base/text/words.ts";
import { shownName } from "./harmless.js";

export const namePart = (text) => ({ name: text });
export const quotePart = (text) => ({ quote: text });
export const timePart = (iso) => ({ time: iso });

/** What a button in the sentence does, as if the line were typed. */
export const linePart = (label, line) => ({ label, line });
export const comeBackPart = linePart("Say that you are back", "/back");

/** Of a line of what happened, as `tone` and `parts`: worth knowing. */
export function info(...parts) {
  return { tone: "info", parts };
}

/** Only for who looks. */
export function faint(...parts) {
  return { tone: "faint", parts };
}

/** Something is wrong. */
export function warning(...parts) {
  return { tone: "warning", parts };
}

/** `1.2 MB`. */
export function sizeText(bytes) {
  if (bytes < 1_000) return `${bytes} B`;
  const power = Math.min(3, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1_000 ** power).toFixed(1)} ${["kB", "MB", "GB"][power - 1]}`;
}

/** `0.4 ms`, `12 ms`, `4 s`, `1 min 3 s`, `2 h 5 min`. */
export function durationText(ms) {
  if (ms < 10) return `${Math.round(ms * 10) / 10} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) {
    return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`;
  }
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function listed(items, last = " and ") {
  return items.flatMap((item, index) =>
    index === 0 ? [item] : [index === items.length - 1 ? last : ", ", item]
  );
}

/** `away`, and why; the reason is somebody's words. */
export function awayParts(away) {
  const why = away.replace(/\s+/g, " ").trim();
  return why === "" ? ["away"] : ["away: ", quotePart(why)];
}

/** The key is another one than expected, or was verified under another name: null where there is nothing to say. */
export function comparedText({ verified, verifiedAs = [], changed }) {
  if (verified === true) return "verified";
  const texts = [];
  if (changed !== undefined) {
    texts.push(
      changed.before === undefined
        ? "the key that you refused"
        : changed.verified === true
        ? "ANOTHER KEY than you verified"
        : "a different key from before",
    );
  }
  if (verifiedAs.length > 0) texts.push(`the key that you verified as ${verifiedAs.join(" and ")}`);
  return texts.length === 0 ? null : texts.join(", ");
}

/** `3 others`. */
export function othersText(names) {
  return countText(names.length, "other");
}

/** The text of parts, for screen readers and notifications. */
export function plainText(parts, state) {
  return parts.map((part) => typeof part === "string" ? part : plainPart(part, state)).join("");
}

function plainPart({ name, code, time, entry, others, quote, label }, state) {
  if (name !== undefined) return shownName(name, state);
  if (label !== undefined) return label;
  if (time !== undefined) return time;
  if (entry !== undefined) return `entry ${entry}`;
  if (others !== undefined) return othersText(others);
  return code ?? `\u201c${quote}\u201d`;
}
