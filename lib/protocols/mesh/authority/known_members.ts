/**
 * Who has ever been in a private room. A claim alone doesn't say so: who is in the room can admit keys of its own in any
 * number that nobody sees, and come back by one of them when it is removed.
 *
 * A key counts that was present while we were, as the user was shown, or that was admitted by somebody who has been in
 * the room and isn't removed: others, who weren't here then, have seen it.
 */

import type { PeerKey } from "../../../base/ids.ts";
import { ADMITTERS_ASKED_MAX, SEEN_MAX, STAYS_MAX } from "../schema/limits.ts";
import { inParts, type MeshRecord } from "../schema/records.ts";
import type { Claim } from "../schema/structures.ts";
import { type Branch, fairShare, grow } from "./admission_tree.ts";

/** What is asked of the roster and the rulings. */
interface ClaimsPort {
  /** All checked claims of this key. */
  claimsOf(key: PeerKey): Iterable<Pick<Claim, "admitter">>;
  /** All checked claims that this key has admitted. */
  admittedBy(key: PeerKey): Iterable<Pick<Claim, "key">>;
  isRemoved(key: PeerKey): boolean;
}

export class KnownMembers {
  /** That were present with us, who came first at the start; at most `SEEN_MAX`. */
  readonly #seen = new Set<PeerKey>();

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
    this.#seen.add(key);
    if (this.#seen.size <= SEEN_MAX) return;
    const kept = new Set(this.#share((seen) => this.#seen.has(seen)));
    for (const seen of this.#seen) if (!kept.has(seen)) this.#seen.delete(seen);
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
   * The keys that have been in the room and aren't removed, at most `STAYS_MAX`: of more, a fair share of all that each
   * has let in, as any member can make up more of them.
   */
  stay(): readonly PeerKey[] {
    return this.#share((key) => !this.port.isRemoved(key));
  }

  /** Those of whom nothing is known any more that leads to the founder, or to us, have a share together. */
  #share(isNamed: (key: PeerKey) => boolean): readonly PeerKey[] {
    const tree = new Map<PeerKey, Branch>();
    const admittedBy = (key: PeerKey) => this.#admittedBy(key);
    const led = grow(tree, this.always, admittedBy);
    const others = grow(tree, this.#seen, admittedBy);
    const all: Branch = { key: null, admitted: [...led.admitted, others] };
    return fairShare(all, STAYS_MAX, isNamed);
  }

  /** Whom the key has let in; of those whom a removed one has, who was seen. */
  *#admittedBy(admitter: PeerKey): Generator<PeerKey, undefined> {
    const isRemoved = this.port.isRemoved(admitter);
    for (const { key } of this.port.admittedBy(admitter)) {
      if (!isRemoved || this.#seen.has(key)) yield key;
    }
  }

  /** The records that a compacted log holds. */
  snapshot(): readonly MeshRecord[] {
    return inParts([...this.#seen]).filter((keys) => keys.length > 0)
      .map((keys) => ({ kind: "seen", keys }));
  }
}
