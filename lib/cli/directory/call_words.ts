/**
 * What the profile keeps of calls: in a folder for each directory, by that one's key, as the same name may be somebody
 * else's at another.
 */

import type { KeepEffect, RecallEffect } from "../../base/machine/mode_machine.ts";
import { type Fingerprint, fingerprintOf } from "../../base/text/fingerprint.ts";
import type { ClientEvent } from "../../protocols/directory/schema/events.ts";
import type { KeptWords } from "../../runtime/hosts/mode_host.ts";
import type { Session } from "../session/mode_session.ts";
import { isWithNamed, openPrivateStore, PrivateHistory } from "../session/private_history.ts";

type Surroundings = Pick<Session<never, never>, "disk" | "identity"> & {
  /** `registry` in the profile. */
  readonly folder: string;
  /** The user's name. */
  readonly name: string;
  /** False with `--no-history`. */
  readonly keepsWords: boolean;
  /** Tells the user what couldn't be read or written. */
  readonly warn: (text: string) => void;
};

export class CallWords implements KeptWords<ClientEvent> {
  #present:
    | { readonly directory: Fingerprint; readonly words: PrivateHistory<ClientEvent> }
    | null = null;
  #closed: Promise<unknown> = Promise.resolve();

  constructor(readonly around: Surroundings) {}

  /** The directory is the one with this key; nothing is opened yet. */
  isAt(directory: Fingerprint): void {
    if (this.#present?.directory === directory) return;
    this.#closed = this.close();
    const { disk, folder, identity, keepsWords, name, warn } = this.around;
    const words = new PrivateHistory<ClientEvent>({
      open: () => openPrivateStore(disk, `${folder}/${directory}`, keepsWords, warn),
      ownKey: fingerprintOf(identity.signer.key),
      ownName: () => name,
      shownName: (_, name) => name,
      isWith: isWithNamed,
    });
    this.#present = { directory, words };
  }

  /** There is no call before a directory was met. */
  async keep(effect: Omit<KeepEffect, "type">): Promise<void> {
    await this.#present?.words.keep(effect);
  }

  async recalled(effect: RecallEffect<ClientEvent>): Promise<ClientEvent> {
    return await this.#present?.words.recalled(effect) ?? effect.event;
  }

  /** Syncs and closes what was opened. */
  async close(): Promise<void> {
    await Promise.all([this.#closed, this.#present?.words.close()]);
  }
}
