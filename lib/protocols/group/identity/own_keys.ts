/** The present and former keys of this coordinator, as its disk knows them. */

import type { Signer } from "../../../base/crypto/crypto.ts";
import type { Hash, PeerKey } from "../../../base/ids.ts";
import { type SignedFormerKeys, signFormerKeys } from "../schema/former_keys.ts";
import { FORMER_KEYS_MAX } from "../schema/limits.ts";
import type { CoordinatorRecord } from "../schema/records.ts";

export class OwnKeys {
  /** At most `FORMER_KEYS_MAX`, the oldest first. */
  readonly former: readonly PeerKey[];
  /** The former keys, signed for the members; null where there are none. */
  readonly signed: SignedFormerKeys | null;
  /** How many former keys were left out, as too many. */
  readonly dropped: number;
  /** Records that the disk lacks: to be written before anybody is told of a former key. */
  readonly missing: readonly CoordinatorRecord[];

  /** @param first The key under which the group was founded: it stays in the list, as the group's id needs it. */
  constructor(
    readonly signer: Signer,
    group: Hash,
    first: PeerKey,
    records: readonly CoordinatorRecord[],
  ) {
    const written = new Set<PeerKey>();
    const had = new Set<PeerKey>();
    for (const record of records) {
      if (record.kind === "key") {
        written.delete(record.key);
        written.add(record.key);
        had.delete(record.key);
        had.add(record.key);
      } // A record from before keys were written down: only our own decisions are on this disk.
      else if (record.kind === "committed") had.add(record.batch.batch.value.author);
    }
    had.delete(signer.key);
    const later = [...had].filter((key) => key !== first);
    const founder = first === signer.key ? [] : [first];
    this.former = [...founder, ...later.slice(founder.length - FORMER_KEYS_MAX)];
    this.dropped = founder.length + later.length - this.former.length;
    this.signed = this.former.length === 0
      ? null
      : signFormerKeys(signer, { group, keys: this.former });
    const isWritten = this.former.every((key) => written.has(key)) &&
      [...written].at(-1) === signer.key;
    this.missing = isWritten ? [] : this.records();
  }

  /** The records of a compacted log. */
  records(): readonly CoordinatorRecord[] {
    return [...this.former, this.signer.key].map((key) => ({ kind: "key", key }));
  }

  /** Whether decisions on edits that this key signed are this coordinator's. */
  mayDecide(key: PeerKey): boolean {
    return key === this.signer.key || this.former.includes(key);
  }
}
