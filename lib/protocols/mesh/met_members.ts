/**
 * Members that were our neighbours: ways back into the room that nobody made up. Whoever is in the room can announce
 * members that don't exist, and fill with them what is remembered of the others.
 */

import { dropOldest } from "../../base/bounded.ts";
import { endpointText, type PeerKey } from "../../base/ids.ts";
import { MET_MEMBERS_MAX } from "./limits.ts";
import type { Contact } from "./messages.ts";
import type { MeshRecord } from "./records.ts";

type MetRecord = Extract<MeshRecord, { readonly kind: "entrance" }>;

export class MetMembers {
  /** Whom we met last is last; at most `MET_MEMBERS_MAX`. */
  readonly #met = new Map<PeerKey, MetRecord>();

  constructor(records: readonly MeshRecord[]) {
    for (const record of records) if (record.kind === "entrance") this.#add(record);
  }

  has(peer: PeerKey): boolean {
    return this.#met.has(peer);
  }

  /** We met it there. @returns What the disk doesn't know of it; null where that is nothing. */
  meet(contact: Contact, heardWallMs: number): MeshRecord | null {
    const before = this.#met.get(contact.key)?.contact.endpoint;
    const record = { kind: "entrance", contact, heardWallMs } as const;
    this.#add(record);
    const isKnown = before !== undefined && endpointText(before) === endpointText(contact.endpoint);
    return isKnown ? null : record;
  }

  records(): readonly MeshRecord[] {
    return [...this.#met.values()];
  }

  #add(record: MetRecord): void {
    this.#met.delete(record.contact.key);
    this.#met.set(record.contact.key, record);
    dropOldest(this.#met, MET_MEMBERS_MAX);
  }
}
