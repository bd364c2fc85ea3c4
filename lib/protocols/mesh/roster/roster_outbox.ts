/**
 * The roster's output: its effects, and the items that it passes on, each once to each neighbour that doesn't
 * have it, in as few messages as hold it, claims before the beacons that name them.
 *
 * In a large room a beacon comes each few ms, from every neighbour in turn: passed on one by one, each would be
 * a frame on every link. So items that can wait are collected, and a neighbour that brings one meanwhile isn't
 * sent it. An item that can't wait takes all others along: a statement is about the latest beacon, and believed
 * only by members that have that.
 *
 * What is passed on goes into the `news` lane, so that a made-up crowd can't fill a link until it is closed. Our own
 * items go out in any case.
 */

import type { ClaimId, PeerKey } from "../../../base/ids.ts";
import type { Queue } from "../../../base/schema/schema.ts";
import { NEWS_WAITING_MAX, ROSTER_NEWS_MAX } from "../schema/limits.ts";
import { MESSAGE_LANES, type RosterMessage } from "../schema/messages.ts";
import type { RosterEffect } from "./roster_io.ts";
import { isNewer, rankOf } from "./roster_table.ts";
import type { Beacon, SignedBeacon, SignedClaim, SignedStatement } from "../schema/structures.ts";

/** Our own items go out before those that are passed on. */
const LANES = ["control", "news"] as const;

interface Passed<T> {
  readonly item: T;
  readonly lane: typeof LANES[number];
  /** Neighbours that have it, since it came from them. */
  readonly knownTo: Set<PeerKey>;
}

interface HeardBeacon {
  readonly signed: SignedBeacon;
  /** Monotonic time at which the beacon was made, as far as is known. */
  readonly madeMs: number;
}

export class RosterOutbox {
  #effects: RosterEffect[] = [];
  readonly #claims = new Map<ClaimId, Passed<SignedClaim>>();
  /** By member, only the latest. */
  readonly #beacons = new Map<PeerKey, Passed<HeardBeacon>>();
  /** By the neighbour to which they go; no more than it checks. */
  readonly #vouchers = new Map<PeerKey, readonly SignedClaim[]>();
  #statements: Passed<SignedStatement>[] = [];
  /** When the waiting items go out; null where there are none that may wait. */
  #dueMs: number | null = null;

  effect(effect: RosterEffect): void {
    this.#effects.push(effect);
  }

  send(to: PeerKey, message: RosterMessage, lane = MESSAGE_LANES[message.type]): void {
    const other = lane === MESSAGE_LANES[message.type] ? {} : { lane };
    this.effect({ type: "send", to, message, ...other });
  }

  /** Always returns false: the rest of the peer's message isn't worth reading. */
  penalise(
    peer: PeerKey,
    fault: "invalid-signature" | "flood" | "protocol",
    text: string,
  ): false {
    this.effect({ type: "penalise", peer, fault, text });
    return false;
  }

  /** Sends claims, as many as there are members perhaps, to one neighbour, behind roster parts that it asked for. */
  claimsTo(to: PeerKey, all: readonly SignedClaim[]): void {
    for (const claims of inParts(all)) this.send(to, { type: "claims", claims }, "data");
  }

  /** @param from Null for our own. */
  claim(id: ClaimId, claim: SignedClaim, from: PeerKey | null): void {
    this.#claims.set(id, passed(claim, from));
  }

  /**
   * Passes on another member's beacon, which may wait for `waitMs`, or sends our own, which doesn't wait.
   * @param from Null for our own.
   */
  beacon(
    signed: SignedBeacon,
    heard: { readonly ageMs: number; readonly from: PeerKey | null; readonly waitMs: number },
    nowMs: number,
  ): void {
    const madeMs = nowMs - heard.ageMs;
    this.#beacons.set(signed.beacon.value.key, passed({ signed, madeMs }, heard.from));
    this.#dueMs = Math.min(this.#dueMs ?? Infinity, nowMs + heard.waitMs);
  }

  /** Sends claims that vouch for one that is passed on, after the beacon that names that one. */
  vouchers(to: PeerKey, claims: readonly SignedClaim[]): void {
    if (claims.length > 0) this.#vouchers.set(to, [...this.#vouchers.get(to) ?? [], ...claims]);
  }

  /** @param from Null for our own. */
  statement(statement: SignedStatement, from: PeerKey | null): void {
    this.#statements.push(passed(statement, from));
  }

  /**
   * Notes that a neighbour brought a beacon, and needn't be sent it.
   * @returns Whether that beacon or a later one waits here, and so is known.
   */
  hasBeacon(from: PeerKey, beacon: Beacon): boolean {
    const waiting = this.#beacons.get(beacon.key);
    if (waiting === undefined) return false;
    const [known, brought] = [rankOf(waiting.item.signed.beacon.value), rankOf(beacon)];
    if (!isNewer(known, brought)) waiting.knownTo.add(from);
    return !isNewer(brought, known);
  }

  /** Notes that a neighbour brought a claim, and needn't be sent it. */
  hasClaim(from: PeerKey, id: ClaimId): void {
    this.#claims.get(id)?.knownTo.add(from);
  }

  /** When the waiting items are to go out. */
  get dueMs(): number | null {
    return this.#dueMs;
  }

  /** All of this step's effects, and the waiting items where they are due. */
  take(neighbours: Iterable<PeerKey>, nowMs: number): readonly RosterEffect[] {
    if (this.#isDue(nowMs)) this.#passOn(neighbours, nowMs);
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  #isDue(nowMs: number): boolean {
    const { size: claims } = this.#claims;
    const { size: beacons } = this.#beacons;
    if (this.#statements.length > 0) return true;
    // A claim without a waiting beacon is news by itself, and goes out at once.
    if (this.#dueMs === null) return claims > 0;
    return this.#dueMs <= nowMs || claims >= NEWS_WAITING_MAX || beacons >= NEWS_WAITING_MAX;
  }

  #passOn(neighbours: Iterable<PeerKey>, nowMs: number): void {
    for (const to of neighbours) {
      for (const lane of LANES) {
        for (const claims of parts(this.#claims.values(), to, lane)) {
          this.send(to, { type: "claims", claims }, lane);
        }
        for (const heard of parts(this.#beacons.values(), to, lane)) {
          const beacons = heard.map(({ signed, madeMs }) => ({
            signed,
            ageMs: Math.max(0, Math.round(nowMs - madeMs)),
          }));
          this.send(to, { type: "beacons", beacons }, lane);
        }
      }
      for (const claims of inParts(this.#vouchers.get(to) ?? [])) {
        this.send(to, { type: "claims", claims }, "news");
      }
      for (const lane of LANES) {
        for (const statements of parts(this.#statements, to, lane)) {
          this.send(to, { type: "statements", statements }, lane);
        }
      }
    }
    this.#claims.clear();
    this.#beacons.clear();
    this.#vouchers.clear();
    this.#statements = [];
    this.#dueMs = null;
  }
}

/** The items that go to `to` in this lane, in lists that fit a message. */
function parts<T>(all: Iterable<Passed<T>>, to: PeerKey, lane: Queue): T[][] {
  const items: T[] = [];
  for (const passed of all) {
    if (passed.lane === lane && !passed.knownTo.has(to)) items.push(passed.item);
  }
  return inParts(items);
}

function passed<T>(item: T, from: PeerKey | null): Passed<T> {
  return from === null
    ? { item, lane: "control", knownTo: new Set() }
    : { item, lane: "news", knownTo: new Set([from]) };
}

function inParts<T>(items: readonly T[]): T[][] {
  const lists: T[][] = [];
  for (let start = 0; start < items.length; start += ROSTER_NEWS_MAX) {
    lists.push(items.slice(start, start + ROSTER_NEWS_MAX));
  }
  return lists;
}
