/**
 * Who has ever been in a private room. A claim alone doesn't say so: who is in the room can admit keys of its own in any
 * number that nobody sees, and come back by one of them when it is removed.
 *
 * A key counts that was present while we were, as the user was shown, or that was admitted by somebody who has been in
 * the room and isn't removed: others, who weren't here then, have seen it.
 */

import { dropOldestUnkept } from "../../../base/collections/bounded.ts";
import type { PeerKey } from "../../../base/ids.ts";
import { ADMITTERS_ASKED_MAX, STAYS_MAX } from "../schema/limits.ts";
import { inParts, type MeshRecord } from "../schema/records.ts";
import type { Claim } from "../schema/structures.ts";

/** What is asked of the roster and the rulings. */
interface ClaimsPort {
  /** All checked claims of this key. */
  claimsOf(key: PeerKey): Iterable<Pick<Claim, "admitter">>;
  /** All checked claims that this key has admitted. */
  admittedBy(key: PeerKey): Iterable<Pick<Claim, "key">>;
  isLive(key: PeerKey): boolean;
  isRemoved(key: PeerKey): boolean;
}

export class KnownMembers {
  /** That were present with us, who came last at the end; at most `STAYS_MAX`, live ones stay. */
  readonly #seen = new Map<PeerKey, true>();

  /**
   * @param records The room's records on disk.
   * @param always Who needs nobody to say so: ourselves, and the founder.
   */
  constructor(
    records: readonly MeshRecord[],
    readonly always: readonly PeerKey[],
    readonly port: ClaimsPort,
  ) {
    for (const record of records) {
      if (record.kind === "seen") { for (const key of record.keys) this.#note(key); }
    }
  }

  /** The key's owner is present. @returns The record to write; null where it was written. */
  came(key: PeerKey): MeshRecord | null {
    const isFresh = !this.#seen.has(key);
    this.#note(key);
    return isFresh ? { kind: "seen", keys: [key] } : null;
  }

  #note(key: PeerKey): void {
    this.#seen.delete(key);
    this.#seen.set(key, true);
    dropOldestUnkept(this.#seen, STAYS_MAX, (other) => this.port.isLive(other), () => {});
  }

  /** Whether the key has been in the room, removed or not. */
  has(key: PeerKey): boolean {
    const asked = new Set([key]);
    for (const one of asked) {
      if (asked.size > ADMITTERS_ASKED_MAX) return false;
      if (this.#seen.has(one) || this.always.includes(one)) return true;
      for (const { admitter } of this.port.claimsOf(one)) {
        if (!this.port.isRemoved(admitter)) asked.add(admitter);
      }
    }
    return false;
  }

  /**
   * The keys that have been in the room and aren't removed, at most `STAYS_MAX`. First those that the founder has let in,
   * or one of these: members that somebody has made up, and who is removed now, come behind all that were away meanwhile.
   */
  stay(): readonly PeerKey[] {
    const keys = new Set<PeerKey>();
    const add = (some: Iterable<PeerKey>) => {
      for (const key of some) {
        if (keys.size === STAYS_MAX) return;
        if (!this.port.isRemoved(key)) keys.add(key);
      }
    };
    const addAdmitted = () => {
      for (const key of keys) add([...this.port.admittedBy(key)].map((admitted) => admitted.key));
    };
    add(this.always);
    addAdmitted();
    add(this.#seen.keys());
    addAdmitted();
    return [...keys];
  }

  /** The records that a compacted log holds. */
  snapshot(): readonly MeshRecord[] {
    return inParts([...this.#seen.keys()]).filter((keys) => keys.length > 0)
      .map((keys) => ({ kind: "seen", keys }));
  }
}
