/** What was said privately, in memory alone: with `--no-history`, until the program ends. */

import type { PrivateWords } from "../../base/schema/private_words.ts";
import type { PrivateStore } from "./private_store.ts";

/** As much as an answer has, and 16 MiB of the text. */
const WORDS_MAX = 10_000;
const UNITS_MAX = 16 * 1024 * 1024;

export class PrivateMemory implements PrivateStore {
  #words: PrivateWords[] = [];
  #units = 0;

  /** @param earlier What earlier starts have kept on the disk: nothing is added to it. */
  constructor(readonly earlier: PrivateStore) {}

  keep(words: PrivateWords): Promise<void> {
    this.#words.push(words);
    this.#units += words.text.length;
    while (this.#words.length > WORDS_MAX || this.#units > UNITS_MAX) {
      this.#units -= this.#words.shift()!.text.length;
    }
    return Promise.resolve();
  }

  takeBack({ id }: PrivateWords): Promise<void> {
    // Another one's message may have the id of one's own.
    this.#words = this.#words.filter((words) => !words.self || words.id !== id);
    this.#units = this.#words.reduce((sum, { text }) => sum + text.length, 0);
    return Promise.resolve();
  }

  async find(
    isWanted: (words: PrivateWords) => boolean,
    count: number,
  ): Promise<readonly PrivateWords[]> {
    const earlier = await this.earlier.find(isWanted, count);
    return count === 0 ? [] : [...earlier, ...this.#words.filter(isWanted)].slice(-count);
  }

  close(): Promise<void> {
    return this.earlier.close();
  }
}
