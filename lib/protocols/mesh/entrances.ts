/**
 * Members that this profile has met, for its next start: of all that its disk knows of the room they are known at first
 * hand, and the first to be dialled. A crowd that somebody makes up isn't among them; nor does a crowd that dials us
 * displace those that we dialled (`acquaintances.ts` says why).
 */

import { dropOldest } from "../../base/bounded.ts";
import { isSameEndpoint, type PeerKey } from "../../base/ids.ts";
import { ACQUAINTANCES_MAX } from "./limits.ts";
import type { Contact } from "./messages.ts";
import {
  type FirstHandKind,
  type FirstHandRecord,
  isFirstHand,
  type MeshRecord,
} from "./records.ts";

/** As for what is noted of members: who is met again and again is written once in six hours. */
const NOTED_AGAIN_MS = 6 * 60 * 60 * 1_000;

export class Entrances {
  /** Of each kind the last one met last; at most `ACQUAINTANCES_MAX`. */
  readonly #met: Readonly<Record<FirstHandKind, Map<PeerKey, FirstHandRecord>>> = {
    caller: new Map(),
    entrance: new Map(),
  };

  /** @param records What is on disk of the room. */
  constructor(records: readonly MeshRecord[]) {
    for (const record of records) if (isFirstHand(record)) this.#put(record);
  }

  /** Whom to dial, the one met last last. */
  contacts(kind: FirstHandKind): readonly Contact[] {
    return [...this.#met[kind].values()].map(({ contact }) => contact);
  }

  /** What a compacted log holds. */
  get records(): readonly FirstHandRecord[] {
    return Object.values(this.#met).flatMap((met) => [...met.values()]);
  }

  /** We have dialled this member, or it has dialled us. @returns What is to be written; null where it stands there. */
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
    met.set(record.contact.key, record);
    dropOldest(met, ACQUAINTANCES_MAX);
  }
}
