/**
 * Members that this profile has met, for its next start: of all members on its disk these are known at first hand, and
 * the first to be dialled. A crowd that somebody makes up isn't among them; nor does a crowd that dials us displace
 * those that we dialled (`Acquaintances` says why).
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import { type Endpoint, isSameEndpoint, type PeerKey } from "../../../base/ids.ts";
import { ACQUAINTANCES_MAX } from "../schema/limits.ts";
import type { Contact } from "../schema/messages.ts";
import {
  type FirstHandKind,
  type FirstHandRecord,
  isFirstHand,
  type MeshRecord,
} from "../schema/records.ts";

/** As for `member` records: a member that is met again and again is written once in six hours. */
const NOTED_AGAIN_MS = 6 * 60 * 60 * 1_000;

export class Entrances {
  /** Members of each kind, the latest met last; at most `ACQUAINTANCES_MAX`. */
  readonly #met: Readonly<Record<FirstHandKind, Map<PeerKey, FirstHandRecord>>> = {
    caller: new Map(),
    entrance: new Map(),
  };

  /** @param records The room's records on disk. */
  constructor(records: readonly MeshRecord[]) {
    for (const record of records) if (isFirstHand(record)) this.#put(record);
  }

  /** The contacts to dial, the latest met last. */
  contacts(kind: FirstHandKind): readonly Contact[] {
    return [...this.#met[kind].values()].map(({ contact }) => contact);
  }

  /** Where a dial of ours has met this member, the last time; null where none has. */
  provenAt(peer: PeerKey): Endpoint | null {
    return this.#met.entrance.get(peer)?.contact.endpoint ?? null;
  }

  /** The records that a compacted log holds. */
  get records(): readonly FirstHandRecord[] {
    return Object.values(this.#met).flatMap((met) => [...met.values()]);
  }

  /** We have dialled this member, or it has dialled us. @returns The record to write; null where it was written. */
  met(kind: FirstHandKind, contact: Contact, wallMs: number): FirstHandRecord | null {
    if (kind === "caller" && this.#met.entrance.has(contact.key)) return null;
    const noted = this.#met[kind].get(contact.key);
    const isNoted = noted !== undefined &&
      isSameEndpoint(noted.contact.endpoint, contact.endpoint) &&
      Math.abs(wallMs - noted.heardWallMs) < NOTED_AGAIN_MS;
    const record = isNoted ? noted : { kind, contact, heardWallMs: wallMs };
    this.#put(record);
    return isNoted ? null : record;
  }

  #put(record: FirstHandRecord): void {
    const met = this.#met[record.kind];
    met.delete(record.contact.key);
    if (record.kind === "entrance") this.#vacate(record.contact.endpoint);
    met.set(record.contact.key, record);
    dropOldest(met, ACQUAINTANCES_MAX);
  }

  /** Whoever was met there before is somewhere else. */
  #vacate(endpoint: Endpoint): void {
    const { entrance } = this.#met;
    for (const { contact } of entrance.values()) {
      if (isSameEndpoint(contact.endpoint, endpoint)) entrance.delete(contact.key);
    }
  }
}
