/**
 * How rotations spread: each new neighbour is sent all that are kept, and the current one again where its beacon shows
 * that it lacks it. What neighbours send is checked, and read and taken in up to a rate; what can't be taken in yet is
 * asked for by telling them what is kept.
 */

import type { Environment } from "../../../base/machine/environment.ts";
import type { PeerKey } from "../../../base/ids.ts";
import { Rates } from "../../../base/rates/token_bucket.ts";
import { claimIdOf, type InRoom, isClaimSigned } from "../schema/credentials.ts";
import type { KeptRotation, KeptSecrets } from "./kept_secrets.ts";
import {
  ROTATION_SOURCES_MAX,
  ROTATION_WEIGHT_BYTES,
  ROTATIONS_BURST,
  ROTATIONS_IN_MESSAGE_MAX,
  ROTATIONS_PER_SECOND,
  ROTATIONS_READ_BURST,
  ROTATIONS_READ_PER_SECOND,
  ROTATIONS_TOLD_BURST,
  ROTATIONS_TOLD_BYTES,
  ROTATIONS_TOLD_PER_SECOND,
} from "../schema/limits.ts";
import type { Fault } from "../schema/mesh_io.ts";
import {
  type ClaimedRotation,
  isRotationSigned,
  latestEpoch,
  rotationFormFault,
} from "../schema/rotations.ts";
import type { RotationsMessage, SecretsEffect, SecretsPort } from "./secrets_io.ts";

/** What a neighbour sent. */
interface Heard {
  /** The new ones, which are kept from now on. */
  readonly fresh: readonly KeptRotation[];
  /** The highest of all, new or not; null where none was read. */
  readonly highest: KeptRotation | null;
}

export class RotationExchange {
  readonly #neighbours = new Set<PeerKey>();
  readonly #read = ratesOf(ROTATIONS_READ_PER_SECOND, ROTATIONS_READ_BURST);
  readonly #fresh = ratesOf(ROTATIONS_PER_SECOND, ROTATIONS_BURST);
  readonly #told = ratesOf(ROTATIONS_TOLD_PER_SECOND, ROTATIONS_TOLD_BURST);
  /**
   * Neighbours that are sent the current rotation when their next beacon comes: either a rate limit forbade it so far,
   * or we couldn't take in what they sent, and their answer repeats it if it is higher.
   */
  readonly #owed = new Set<PeerKey>();
  /** Of the rotations that a neighbour is sent all of, those that wait for its next beacons; never none. */
  readonly #untold = new Map<PeerKey, KeptRotation[]>();

  constructor(
    readonly room: InRoom,
    readonly kept: KeptSecrets,
    readonly env: Environment,
    readonly port: Pick<SecretsPort, "claim">,
    private readonly emit: (effect: SecretsEffect) => void,
  ) {}

  neighbourUp(peer: PeerKey, nowMs: number): void {
    this.#neighbours.add(peer);
    this.tellAll(peer, nowMs);
  }

  neighbourDown(peer: PeerKey): void {
    this.#neighbours.delete(peer);
    this.#owed.delete(peer);
    this.#untold.delete(peer);
  }

  /** A neighbour's beacon shows this epoch. */
  beacon(peer: PeerKey, epoch: number, nowMs: number): void {
    if (this.#untold.has(peer)) return this.#tellOn(peer, nowMs);
    if (epoch < this.kept.epoch || this.#owed.has(peer)) this.#tellCurrent(peer, nowMs);
  }

  /** Sends the kept rotations, the highest first: as many as fit a link's queue with ease, the others later. */
  tellAll(peer: PeerKey, nowMs: number): void {
    const { rotations } = this.kept;
    if (rotations.length === 0 || !this.#neighbours.has(peer)) return;
    this.#untold.set(peer, [...rotations]);
    this.#tellOn(peer, nowMs);
  }

  #tellOn(peer: PeerKey, nowMs: number): void {
    const untold = this.#untold.get(peer)!;
    if (!this.#mayTell(peer, nowMs)) return;
    const part: KeptRotation[] = [];
    let bytes = 0;
    while (untold.length > 0 && bytes < ROTATIONS_TOLD_BYTES) {
      const next = untold.shift()!;
      bytes += next.rotation.rotation.bytes.length;
      part.push(next);
    }
    if (untold.length === 0) this.#untold.delete(peer);
    this.#send(peer, part);
  }

  #tellCurrent(peer: PeerKey, nowMs: number): void {
    const [current] = this.kept.rotations;
    if (current === undefined || !this.#neighbours.has(peer)) return;
    if (this.#mayTell(peer, nowMs)) this.#send(peer, [current]);
  }

  /** Whether the neighbour may be told something now; otherwise it is owed that. */
  #mayTell(peer: PeerKey, nowMs: number): boolean {
    if (!this.#told.take(peer, nowMs)) {
      this.#owe(peer);
      return false;
    }
    this.#owed.delete(peer);
    return true;
  }

  #owe(peer: PeerKey): void {
    if (this.#neighbours.has(peer)) this.#owed.add(peer);
  }

  /** Sends all neighbours but this one what they don't have yet. */
  flood(rotations: readonly KeptRotation[], except: PeerKey | null = null): void {
    for (const peer of this.#neighbours) if (peer !== except) this.#send(peer, rotations);
  }

  #send(to: PeerKey, rotations: readonly KeptRotation[]): void {
    for (let at = 0; at < rotations.length; at += ROTATIONS_IN_MESSAGE_MAX) {
      const part = rotations.slice(at, at + ROTATIONS_IN_MESSAGE_MAX)
        .map(({ rotation, claim }) => ({ rotation, claim }));
      this.emit({ type: "send", to, message: { type: "rotations", rotations: part } });
    }
  }

  /** Takes in what a neighbour sent, as far as that may be. */
  heard(from: PeerKey, { rotations }: RotationsMessage, nowMs: number): Heard {
    const { kept } = this;
    if (!this.#read.take(from, nowMs, weightOf(rotations))) {
      this.#owe(from);
      return { fresh: [], highest: null };
    }
    const fresh: KeptRotation[] = [];
    // The highest first: where there are more than may be taken in, the highest one counts.
    const told = rotations.map((claimed) => kept.known(claimed))
      .sort((a, b) => kept.compare(a, b));
    for (const heard of told) {
      if (!kept.wants(heard)) continue;
      // It is sent to us again, once it may be taken in.
      if (heard.epoch > this.latestEpoch(heard.rotation.rotation.value.author)) {
        this.#owe(from);
        continue;
      }
      if (!this.#fresh.take(from, nowMs)) {
        this.#owe(from);
        break;
      }
      const rotation = this.#checked(from, heard);
      if (rotation === null) break;
      kept.add(rotation);
      fresh.push(rotation);
    }
    if (told.length > 0) kept.told();
    return { fresh, highest: told[0] ?? null };
  }

  /**
   * Answers a neighbour whose highest rotation loses to ours in the same epoch, or is void: beacons don't show the
   * difference.
   */
  answer(peer: PeerKey, highest: KeptRotation, nowMs: number): void {
    const { kept } = this;
    const current = kept.currentRotation;
    if (current === null || (current.epoch !== highest.epoch && !kept.isVoid(highest))) return;
    if (kept.compare(current, highest) < 0) this.#tellCurrent(peer, nowMs);
  }

  /** The latest epoch of this author's that others accept by now. */
  latestEpoch(author: PeerKey): number {
    const foundedMs = this.room.genesis.genesis.value.time;
    return latestEpoch(foundedMs, this.env.wallMs(), this.kept.rulings.mayRemove(author));
  }

  /**
   * The rotation with a claim whose signatures hold; null where either is invalid. An id doesn't tell claims apart by
   * their signatures: of a known claim the copy checked before is kept and passed on, not the received one.
   */
  #checked(from: PeerKey, rotation: KeptRotation): KeptRotation | null {
    const fault = rotationFormFault(rotation, this.room);
    if (fault !== null) {
      this.#penalise(from, "protocol", `passed on a rotation that can't be right: ${fault}`);
      return null;
    }
    const { crypto } = this.env;
    const id = claimIdOf(crypto, rotation.claim);
    const known = this.port.claim(id);
    const isSigned = isRotationSigned(crypto, rotation.rotation, rotation.id) &&
      (known !== null || isClaimSigned(crypto, rotation.claim, id));
    if (isSigned) return known === null ? rotation : { ...rotation, claim: known };
    this.#penalise(from, "invalid-signature", "passed on a rotation without valid signatures");
    return null;
  }

  #penalise(peer: PeerKey, fault: Fault, text: string): void {
    this.emit({ type: "penalise", peer, fault, text });
  }
}

/** What reading them costs: each at least as much as one that names nobody. */
function weightOf(rotations: readonly ClaimedRotation[]): number {
  let weight = 0;
  for (const { rotation } of rotations) {
    weight += 1 + rotation.rotation.bytes.length / ROTATION_WEIGHT_BYTES;
  }
  return weight;
}

/** Rate limits for each neighbour, which outlive its links. */
function ratesOf(perSecond: number, burst: number): Rates<PeerKey> {
  return new Rates(perSecond, burst, ROTATION_SOURCES_MAX);
}
