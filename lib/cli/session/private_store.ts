/** Where private words are kept, on a disk or in memory alone. */

import type { PrivateWords } from "../../base/schema/private_words.ts";

export interface PrivateStore {
  /** Resolves when they are kept, or the user was told that they can't be. */
  keep(words: PrivateWords): Promise<void>;
  /** As `keep`: from now on they aren't found. */
  takeBack(words: PrivateWords): Promise<void>;
  /** The last `count` of those that are wanted, each once, in the order in which they were written and came. */
  find(isWanted: (words: PrivateWords) => boolean, count: number): Promise<readonly PrivateWords[]>;
  close(): Promise<void>;
}
