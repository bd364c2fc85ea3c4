/** What was said privately, in memory alone: with `--no-history`, until the program ends. */

import type { PrivateWords } from "../../base/schema/private_words.ts";
import type { PrivateStore } from "./private_store.ts";

/** As much as an answer has, and 16 MiB of the text. */
const WORDS_MAX = 10_000;
const UNITS_MAX = 16 * 1024 * 1024;
/** So that there are never more than so many. */
const UNITS_EACH_MIN = Math.ceil(UNITS_MAX / WORDS_MAX);
/** Of what there may be, this is left, so that it isn't trimmed with every message. */
const LEFT = 15 / 16;

export class PrivateMemory implements PrivateStore {
  #words: PrivateWords[] = [];
  /** At most `UNITS_MAX`. */
  #units = 0;

  /** @param earlier What earlier starts have kept on the disk: nothing is added to it. */
  constructor(readonly earlier: PrivateStore) {}

  keep(words: PrivateWords): Promise<void> {
    this.#words.push(words);
    this.#units += unitsOf(words);
    if (this.#units > UNITS_MAX) this.#trim();
    return Promise.resolve();
  }

  /** The oldest go. */
  #trim(): void {
    let left = this.#units;
    this.#keepOnly((words) => {
      const isKept = left <= UNITS_MAX * LEFT;
      left -= unitsOf(words);
      return isKept;
    });
  }

  #keepOnly(isKept: (words: PrivateWords) => boolean): void {
    this.#words = this.#words.filter(isKept);
    this.#units = this.#words.reduce((sum, words) => sum + unitsOf(words), 0);
  }

  takeBack({ id }: PrivateWords): Promise<void> {
    // Another one's message may have the id of one's own.
    this.#keepOnly((words) => !words.self || words.id !== id);
    return Promise.resolve();
  }

  async find(
    isWanted: (words: PrivateWords) => boolean,
    count: number,
  ): Promise<readonly PrivateWords[]> {
    const found = this.#words.filter(isWanted); // before others are kept
    const earlier = await this.earlier.find(isWanted, count);
    return count === 0 ? [] : [...earlier, ...found].slice(-count);
  }

  close(): Promise<void> {
    return this.earlier.close();
  }
}

function unitsOf({ text }: PrivateWords): number {
  return Math.max(text.length, UNITS_EACH_MIN);
}
