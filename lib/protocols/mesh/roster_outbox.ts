/**
 * What the roster brings forth: its effects, and what it passes on, each thing once to each neighbour that
 * doesn't have it, in as few messages as hold it, claims before the beacons that name them.
 *
 * In a large room a beacon comes each few ms, from every neighbour in turn: passed on one by one, each would be
 * a frame on every link. So what can wait waits for company, and a neighbour that brings it meanwhile isn't
 * sent it. With what can't wait all goes out: a statement is about the latest beacon, and believed by
 * those alone who have that.
 *
 * What is passed on is news: a crowd that somebody makes up fills no link so that it is closed. What we say ourselves
 * goes out in any case.
 */

import type { ClaimId, PeerKey } from "../../base/ids.ts";
import type { Queue } from "../../base/schema.ts";
import { NEWS_WAITING_MAX, ROSTER_NEWS_MAX } from "./limits.ts";
import { MESSAGE_LANES, type RosterMessage } from "./messages.ts";
import type { RosterEffect } from "./roster_io.ts";
import { isNewer, rankOf } from "./roster_table.ts";
import type { Beacon, SignedBeacon, SignedClaim, SignedStatement } from "./structures.ts";

/** What we say ourselves goes before what is passed on. */
const LANES = ["control", "news"] as const;

interface Passed<T> {
  readonly item: T;
  readonly lane: typeof LANES[number];
  /** Neighbours that have it: those that it came from. */
  readonly knownTo: Set<PeerKey>;
}

interface HeardBeacon {
  readonly signed: SignedBeacon;
  /** Monotonic: when it was made, as far as is known. */
  readonly madeMs: number;
}

export class RosterOutbox {
  #effects: RosterEffect[] = [];
  readonly #claims = new Map<ClaimId, Passed<SignedClaim>>();
  /** By member: the latest alone. */
  readonly #beacons = new Map<PeerKey, Passed<HeardBeacon>>();
  /** By whom they are told to: as many as it checks, and no more. */
  readonly #vouchers = new Map<PeerKey, readonly SignedClaim[]>();
  #statements: Passed<SignedStatement>[] = [];
  /** When what waits goes out; null where nothing may wait. */
  #dueMs: number | null = null;

  effect(effect: RosterEffect): void {
    this.#effects.push(effect);
  }

  send(to: PeerKey, message: RosterMessage, lane = MESSAGE_LANES[message.type]): void {
    const other = lane === MESSAGE_LANES[message.type] ? {} : { lane };
    this.effect({ type: "send", to, message, ...other });
  }

  /** Always false: the rest of what came isn't worth reading. */
  penalise(
    peer: PeerKey,
    fault: "invalid-signature" | "flood" | "protocol",
    text: string,
  ): false {
    this.effect({ type: "penalise", peer, fault, text });
    return false;
  }

  /** To one neighbour alone, behind parts of the roster that it has asked for: they may be as many as members. */
  claimsTo(to: PeerKey, all: readonly SignedClaim[]): void {
    for (const claims of inParts(all)) this.send(to, { type: "claims", claims }, "data");
  }

  /** @param from Null for our own. */
  claim(id: ClaimId, claim: SignedClaim, from: PeerKey | null): void {
    this.#claims.set(id, passed(claim, from));
  }

  /**
   * A beacon of another's, which may wait for `waitMs`, or of our own, which doesn't.
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

  /** Claims that vouch for one that is passed on: after the beacon that names that one. */
  vouchers(to: PeerKey, claims: readonly SignedClaim[]): void {
    if (claims.length > 0) this.#vouchers.set(to, [...this.#vouchers.get(to) ?? [], ...claims]);
  }

  /** @param from Null for our own. */
  statement(statement: SignedStatement, from: PeerKey | null): void {
    this.#statements.push(passed(statement, from));
  }

  /**
   * A neighbour brought a beacon: it needn't be sent it.
   * @returns Whether that or a later one waits here, and so is known.
   */
  hasBeacon(from: PeerKey, beacon: Beacon): boolean {
    const waiting = this.#beacons.get(beacon.key);
    if (waiting === undefined) return false;
    const [known, brought] = [rankOf(waiting.item.signed.beacon.value), rankOf(beacon)];
    if (!isNewer(known, brought)) waiting.knownTo.add(from);
    return !isNewer(brought, known);
  }

  /** A neighbour brought a claim: it needn't be sent it. */
  hasClaim(from: PeerKey, id: ClaimId): void {
    this.#claims.get(id)?.knownTo.add(from);
  }

  /** When something that waits is to go out. */
  get dueMs(): number | null {
    return this.#dueMs;
  }

  /** All of this step's effects, and what waits where that is due. */
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
    // A claim without a beacon that could wait is news by itself.
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

/** What goes to `to` in this lane, in lists that fit a message. */
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
