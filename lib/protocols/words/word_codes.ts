/**
 * Codes to be said aloud, such as `7-cross-clock`: a number, which isn't secret, and two words of a list of 2,048,
 * which are: 22 bits. The list is the English one of BIP 39: its words have three to eight letters, differ in the first
 * four, and none is like another to the ear; so four letters of each will do where a code is typed.
 */

import { wordlist } from "@scure/bip39/wordlists/english.js";
import { P2pchatError } from "../../base/errors.ts";
import { NUMBER_MAX } from "./limits.ts";

export interface WordCode {
  /** 1 to `NUMBER_MAX`. */
  readonly number: number;
  /** The whole code, as it is shown: what both sides use as the password. */
  readonly text: string;
}

const WORD_BITS = 11;
const WORDS = 2 ** WORD_BITS;
/** In which no two words of the list are the same. */
const START_LETTERS = 4;

const FORM = "a number and two words, as in 7-cross-clock";

/** A code with words that 4 unpredictable bytes choose. */
export function drawnCode(number: number, random: Uint8Array): WordCode {
  const drawn = new DataView(random.buffer, random.byteOffset).getUint32(0);
  return codeOf(number, wordAt(drawn), wordAt(drawn >>> WORD_BITS));
}

function wordAt(drawn: number): string {
  return wordlist[drawn % WORDS]!;
}

function codeOf(number: number, first: string, second: string): WordCode {
  return { number, text: `${number}-${first}-${second}` };
}

/**
 * Reads a code as somebody types it: in capitals or not, with blanks in place of hyphens, or with the first letters of
 * its words. With a word that isn't in the list it is a guess that is wrong: `checkSpelling`.
 * @throws {P2pchatError} `usage`. What was typed isn't in the error: it may be good still.
 */
export function readCode(typed: string): WordCode {
  const [number, first, second, ...others] = typed.trim().toLowerCase().split(/[\s-]+/);
  if (number === undefined || first === undefined || second === undefined || others.length > 0) {
    throw new P2pchatError("usage", `That is no word code: it must be ${FORM}`);
  }
  const value = /^\d{1,3}$/.test(number) ? Number(number) : 0;
  if (value < 1 || value > NUMBER_MAX) {
    throw new P2pchatError("usage", `A word code begins with a number from 1 to ${NUMBER_MAX}`);
  }
  return codeOf(value, listed(first) ?? first, listed(second) ?? second);
}

function listed(typed: string): string | undefined {
  const start = typed.slice(0, START_LETTERS);
  const isIt = (word: string) =>
    word === typed || (typed.length >= START_LETTERS && word.startsWith(typed));
  return wordlist.find((each) => each.startsWith(start) && isIt(each));
}

/** So that a typing error costs no guess. @throws {P2pchatError} `usage` where a word is in no code. */
export function checkSpelling({ text }: WordCode): void {
  const wrong = text.split("-").slice(1).findIndex((word) => listed(word) !== word);
  if (wrong === -1) return;
  const which = wrong === 0 ? "first" : "second";
  throw new P2pchatError("usage", `Not a code: ask how the ${which} word is spelt`);
}
