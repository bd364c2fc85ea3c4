/**
 * What clients were shown before the program was started, which they aren't shown again, whatever the program shows again
 * itself. In a table of the profile, with a digest of each message, the latest last:
 *
 *     b1c37e02  p2pchat  irc-shown  1
 *     5f0e1a77  9c56cc51b374c3ba
 *     90cc31d8  end      1          3f5ce211
 *
 * Whatever isn't in it, as it was lost in a crash, is shown a second time, and nothing else.
 */

import { nodeCrypto, utf8 } from "../../../base/crypto/crypto.ts";
import { P2pchatError } from "../../../base/errors.ts";
import type { Hash } from "../../../base/ids.ts";
import type { Disk } from "../../../store/disk/disk.ts";
import { SharedTable, type TakeTurn } from "../../../store/profile/shared_table.ts";

const FORMAT = {
  format: "irc-shown",
  version: 1,
  without: "(without it an IRC client may be shown again what it has seen)",
} as const;

/** In the profile. */
const FILE = "irc_shown";
/** As many messages to all as are kept for doors: a start that shows all of them again shows a client none. */
const SHOWN_MAX = 10_000;
/** Characters of a digest that tell messages apart: nobody gains by one of theirs that isn't shown. */
const DIGEST_LENGTH = 16;

interface ShownParts {
  readonly disk: Disk;
  /** Of the profile. */
  readonly folder: string;
  readonly takeTurn: TakeTurn;
  readonly warn: (text: string) => void;
}

export class IrcShown {
  readonly #earlier: ReadonlySet<string>;
  #written: Promise<void> = Promise.resolve();

  private constructor(readonly table: SharedTable | null) {
    this.#earlier = new Set(table?.rows.map(([digest]) => digest!));
  }

  /** What can't be read is told by `warn`, and stays as it is: no program stays away for want of it. */
  static async open({ disk, folder, takeTurn, warn }: ShownParts): Promise<IrcShown> {
    try {
      return new IrcShown(await SharedTable.open(disk, `${folder}/${FILE}`, FORMAT, takeTurn));
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      warn(`An IRC client may be shown again what it has seen: ${error.message}`);
      return new IrcShown(null);
    }
  }

  /** Whether it was shown before the program was started. @param identity See `Said`. */
  has(identity: string): boolean {
    return this.#earlier.size > 0 && this.#earlier.has(digestOf(identity));
  }

  /** These have surely been shown, in that order. Where the disk refuses, they are shown again after the next start. */
  add(identities: readonly string[]): void {
    this.#written = this.#written.then(() => this.#write(identities));
  }

  /** Resolves when what was added is durable, or the disk refuses it. */
  async settled(): Promise<void> {
    await this.#written;
  }

  async #write(identities: readonly string[]): Promise<void> {
    const digests = new Set(identities.map(digestOf));
    try {
      await this.table?.change((rows) => {
        const others = rows.filter(([digest]) => !digests.has(digest!));
        return [...others, ...[...digests].map((digest) => [digest])].slice(-SHOWN_MAX);
      });
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
    }
  }
}

function digestOf(identity: string): string {
  return nodeCrypto.sha256<Hash>(utf8(identity)).slice(0, DIGEST_LENGTH);
}
