/** Our own place in the roster: what our beacons say, and when the next one is due. */

import type { Signer } from "../../../base/crypto/crypto.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import { type InRoom, type KnownClaim, ownedBeacon, signBeacon } from "../schema/credentials.ts";
import type { RosterDigest } from "./roster_table.ts";
import type { ProgressPort, RosterTiming, SelfDescription } from "./roster_io.ts";
import { type Presence, presenceOf } from "../../../base/machine/user_presence.ts";
import { type Beacon, type SignedBeacon, STRUCTURE_VERSION } from "../schema/structures.ts";

/** An accuser, and who took us for lost, is shown a higher beacon; not more often than this. */
const REFRESH_MS = 200;
/** All hear it, not that neighbour alone: where two halves of a thousand meet, 500 such beacons a second. */
const REVIVAL_PER_MEMBER_MS = 2;

/** When a process entered which room, as which incarnation. */
export interface Entrance {
  readonly room: InRoom;
  readonly incarnation: number;
  readonly atMs: number;
}

export class OwnLease {
  #description: SelfDescription;
  #claim: KnownClaim;
  #number = 0;
  #lastMs: number;
  #signed: SignedBeacon | null = null;
  #ended = false;
  /** Delivered since the last beacon. */
  #unsaid = { messages: 0, bytes: 0 };

  constructor(
    readonly entrance: Entrance,
    description: SelfDescription,
    claim: KnownClaim,
    readonly env: Pick<Environment, "crypto">,
    readonly signer: Signer,
    readonly progress: Pick<ProgressPort, "epoch" | "frontier" | "latest">,
  ) {
    this.#description = description;
    this.#claim = claim;
    this.#lastMs = entrance.atMs;
  }

  get claim(): KnownClaim {
    return this.#claim;
  }

  /** Of the latest beacon. */
  get number(): number {
    return this.#number;
  }

  /** The latest beacon; null before the first. */
  get signed(): SignedBeacon | null {
    return this.#signed;
  }

  get presence(): Presence {
    return presenceOf(this.#description);
  }

  /** Whether we have quit or were replaced: no beacon follows. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Whether this beacon of our key is a later process's, or that of one that says it is this one. */
  isOfOther({ incarnation, process }: Beacon): boolean {
    if (incarnation !== this.entrance.incarnation) return incarnation > this.entrance.incarnation;
    return process !== this.#description.process;
  }

  describe(change: Partial<SelfDescription>, claim: KnownClaim): void {
    this.#description = { ...this.#description, ...change };
    this.#claim = claim;
  }

  /** What the user says of itself. @returns All of it. */
  say(change: Partial<Presence>): Presence {
    this.#description = { ...this.#description, ...change };
    return this.presence;
  }

  /** A later incarnation speaks for this key. */
  giveUp(): void {
    this.#ended = true;
  }

  /** The next beacon, made now; `digest` takes our own line in first, which the beacon is to cover. */
  makeBeacon(
    state: "alive" | "quit",
    intervalMs: number,
    digest: Pick<RosterDigest, "set" | "root">,
    nowMs: number,
  ): SignedBeacon {
    const { room: { id: room }, incarnation } = this.entrance;
    const { claim: _, ...description } = this.#description;
    const { key } = this.signer;
    this.#number++;
    this.#lastMs = nowMs;
    this.#unsaid = { messages: 0, bytes: 0 };
    if (state === "quit") this.#ended = true;
    digest.set(key, incarnation, this.claim.id, state);
    const signed = signBeacon(this.env.crypto, this.signer, {
      version: STRUCTURE_VERSION,
      room,
      key,
      incarnation,
      number: this.#number,
      state,
      intervalMs,
      claim: this.claim.id,
      ...description,
      meeting: description.meeting ?? null,
      epoch: this.progress.epoch(),
      frontier: this.progress.frontier(),
      roster: digest.root(),
      latest: this.progress.latest(),
    });
    return this.#signed = ownedBeacon(signed);
  }

  /** When the next beacon may go out that refutes an accusation. */
  refreshMs(): number {
    return this.#lastMs + REFRESH_MS;
  }

  /** From when on a renewal may go out before it is due, together with the beacons of others. */
  renewableMs(intervalMs: number, timing: Pick<RosterTiming, "beatAlongShare">): number {
    return this.#lastMs + (1 - timing.beatAlongShare) * intervalMs;
  }

  /** When a neighbour that holds us for lost is shown that we are here; null where it holds an earlier beacon. */
  revivalMs(held: Pick<Beacon, "incarnation" | "number">, liveMembers: number): number | null {
    const isLatest = held.incarnation === this.entrance.incarnation && held.number >= this.#number;
    if (!isLatest || this.#ended) return null;
    return this.#lastMs + Math.max(REFRESH_MS, liveMembers * REVIVAL_PER_MEMBER_MS);
  }

  /** Counts what was delivered; when the next beacon is due early because of it, null while it isn't. */
  delivered(
    messages: number,
    bytes: number,
    timing: RosterTiming,
    liveMembers: number,
    nowMs: number,
  ): number | null {
    this.#unsaid.messages += messages;
    this.#unsaid.bytes += bytes;
    // In a small room, authors learn soon after a burst that everybody has it.
    const isSmall = liveMembers <= timing.settledBeaconMembersMax;
    const isMuch = this.#unsaid.messages >= timing.earlyBeaconMessages ||
      this.#unsaid.bytes >= timing.earlyBeaconBytes;
    if (!isMuch) return isSmall ? nowMs + timing.settledBeaconMs : null;
    return this.#lastMs +
      Math.max(timing.earlyBeaconMs, liveMembers * timing.earlyBeaconPerMemberMs);
  }
}
