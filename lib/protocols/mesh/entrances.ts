/**
 * Members that this profile has dialled and met, for its next start: of all that its disk knows of the room they are
 * known at first hand, and the first to be dialled. A crowd that somebody makes up isn't among them.
 */

import { dropOldest } from "../../base/bounded.ts";
import { isSameEndpoint, type PeerKey } from "../../base/ids.ts";
import { ACQUAINTANCES_MAX } from "./limits.ts";
import type { Contact } from "./messages.ts";
import type { MeshRecord } from "./records.ts";

type EntranceRecord = Extract<MeshRecord, { readonly kind: "entrance" }>;

/** As for what is noted of members: who is met again and again is written once in six hours. */
const NOTED_AGAIN_MS = 6 * 60 * 60 * 1_000;

export class Entrances {
  /** The last one met last; at most `ACQUAINTANCES_MAX`. */
  readonly #met = new Map<PeerKey, EntranceRecord>();

  /** @param records What is on disk of the room. */
  constructor(records: readonly MeshRecord[]) {
    for (const record of records) if (record.kind === "entrance") this.#put(record);
  }

  /** Whom to dial, the one met last last. */
  get contacts(): readonly Contact[] {
    return this.records.map(({ contact }) => contact);
  }

  /** What a compacted log holds. */
  get records(): readonly EntranceRecord[] {
    return [...this.#met.values()];
  }

  /** We have dialled and met this member. @returns What is to be written; null where it stands there. */
  met(contact: Contact, wallMs: number): EntranceRecord | null {
    const noted = this.#met.get(contact.key);
    const isNoted = noted !== undefined &&
      isSameEndpoint(noted.contact.endpoint, contact.endpoint) &&
      Math.abs(wallMs - noted.heardWallMs) < NOTED_AGAIN_MS;
    const record = isNoted ? noted : { kind: "entrance" as const, contact, heardWallMs: wallMs };
    this.#put(record);
    return isNoted ? null : record;
  }

  #put(record: EntranceRecord): void {
    this.#met.delete(record.contact.key);
    this.#met.set(record.contact.key, record);
    dropOldest(this.#met, ACQUAINTANCES_MAX);
  }
}
