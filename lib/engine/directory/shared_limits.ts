/**
 * Limits that are the same at all instances of a directory: who was thrown out (`kicked/NAME`), and counts of attempts
 * within a time (`counts/WHAT`), each added by comparing the entry, so that five at three instances at once are five. All
 * of it is under leases that end when it says nothing any more.
 */

import { P2pchatError } from "../../base/errors.ts";
import type { PeerKey } from "../../base/ids.ts";
import type { Clock } from "../../base/machine/clock.ts";
import { foldName, nameFault } from "../../base/text/names.ts";
import { delay } from "../delay.ts";
import {
  type CountedLimit,
  KICKED_MS,
  type RegistrarAnswer,
  type RegistrarChange,
} from "../../protocols/directory/schema/registrar_io.ts";
import { fieldsIn, isCount, isPeerKey } from "../json_fields.ts";
import { type Entry, isStill, type LeaseId, type SharedStore } from "../shared_store.ts";

export const KICKED = "kicked/";
const COUNTS = "counts/";
const TRIES_MAX = 32;
/** Before what the engine didn't answer is tried again. */
const RETRY_MS = 1_000;

interface SharedLimitsPorts {
  readonly store: SharedStore;
  readonly clock: Clock;
  readonly wallMs: () => number;
  /** Below which the directory has its entries, with a `/` at the end. */
  readonly prefix: string;
}

/** When each attempt was, by whom it was counted; wall clock, ms. */
type Times = readonly (readonly [atMs: number, stamp: string])[];

export class SharedLimits {
  /** One for all that is counted within one such time: a lease for each would cost as much as the count. */
  readonly #leases = new Map<number, { readonly lease: LeaseId; readonly untilMs: number }>();

  constructor(readonly ports: SharedLimitsPorts) {}

  /**
   * Who is thrown out is told to all instances, and to those that begin within that time; also where the engine answers
   * only then.
   */
  async kick(name: string, key: PeerKey): Promise<void> {
    const { clock } = this.ports;
    const untilMs = clock.nowMs() + KICKED_MS;
    while (!await this.#kick(name, key) && clock.nowMs() < untilMs) await delay(clock, RETRY_MS);
  }

  /** @returns Whether it is known to be told. */
  async #kick(name: string, key: PeerKey): Promise<boolean> {
    const { store, prefix, wallMs } = this.ports;
    const entryKey = `${prefix}${KICKED}${foldName(name)}`;
    try {
      const lease = await store.grant(KICKED_MS);
      const before = await store.get(entryKey);
      const value = JSON.stringify({ name, key, at: wallMs() });
      const { outcome } = await store.commit({
        when: [isStill(entryKey, before?.modified ?? null)],
        puts: [{ key: entryKey, value, lease }],
      });
      return outcome === "done";
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      return false;
    }
  }

  /** Counts one more of each, or of none where one of them is full. @param stamp No other is counted by it. */
  async count(limits: readonly CountedLimit[], stamp: string): Promise<RegistrarAnswer> {
    const { store } = this.ports;
    const keys = limits.map(({ what }) => this.#key(what));
    try {
      let entries = await Promise.all(keys.map((key) => store.get(key)));
      for (let tries = 1; tries <= TRIES_MAX; tries++) {
        const nowMs = this.ports.wallMs();
        const times = limits.map(({ withinMs }, at) => timesIn(entries[at]!, nowMs - withinMs));
        const waits = limits.map(({ max, withinMs }, at) => {
          const oldest = times[at]!.at(-max);
          return oldest === undefined ? 0 : Math.max(oldest[0] + withinMs - nowMs, 1);
        });
        const retryMs = Math.max(...waits);
        if (retryMs > 0) return { outcome: "too-many", retryMs };
        const leases = await Promise.all(limits.map(({ withinMs }) => this.#lease(withinMs)));
        const outcome = await store.commit({
          when: keys.map((key, at) => isStill(key, entries[at]?.modified ?? null)),
          puts: keys.map((key, at) => ({
            key,
            value: JSON.stringify([...times[at]!, [nowMs, stamp]]),
            lease: leases[at]!,
          })),
        });
        if (outcome.outcome === "done") return { outcome: "done", heard: 0 };
        const isLeaseOver = outcome.outcome === "refused" && outcome.code === "lease-over";
        if (isLeaseOver) this.#leases.clear(); // ended by a hand: the next ones are new
        else if (outcome.outcome === "conflict") entries = [...outcome.seen];
        else break;
      }
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
    }
    return { outcome: "away" };
  }

  /** It doesn't count any more. @param isAll Nor do the others of these. */
  async uncount(whats: readonly string[], stamp: string, isAll: boolean): Promise<void> {
    const { store } = this.ports;
    try {
      for (const key of whats.map((what) => this.#key(what))) {
        for (let tries = 1; tries <= TRIES_MAX; tries++) {
          const entry = await store.get(key);
          if (entry === null) break;
          const left = isAll ? [] : timesIn(entry, 0).filter(([, by]) => by !== stamp);
          const { lease } = entry;
          const value = JSON.stringify(left);
          const outcome = await store.commit({
            when: [isStill(key, entry.modified)],
            puts: left.length === 0 ? [] : [{ key, value, ...(lease === null ? {} : { lease }) }],
            deletes: left.length === 0 ? [key] : [],
          });
          if (outcome.outcome !== "conflict") break;
        }
      }
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error; // it counts until its lease ends
    }
  }

  /** It lasts at least for so long. */
  async #lease(withinMs: number): Promise<LeaseId> {
    const { store, clock } = this.ports;
    const before = this.#leases.get(withinMs);
    if (before !== undefined && before.untilMs > clock.nowMs()) return before.lease;
    const untilMs = clock.nowMs() + withinMs;
    const lease = await store.grant(2 * withinMs);
    this.#leases.set(withinMs, { lease, untilMs });
    return lease;
  }

  #key(what: string): string {
    return `${this.ports.prefix}${COUNTS}${what}`;
  }
}

/** Those after that time, in order; none where somebody has put there something else. */
function timesIn(entry: Entry | null, afterMs: number): Times {
  let json: unknown;
  try {
    json = JSON.parse(entry?.value ?? "[]");
  } catch {
    json = null;
  }
  if (!Array.isArray(json)) return [];
  const isTime = (each: unknown): each is readonly [number, string] =>
    Array.isArray(each) && isCount(each[0]) && typeof each[1] === "string";
  return json.filter(isTime).filter(([atMs]) => atMs > afterMs);
}

/** What a kick tells; nothing where somebody has put there what is none. */
export function kickedIn({ value }: Entry): readonly RegistrarChange[] {
  const { name, key } = fieldsIn(value);
  const isGood = typeof name === "string" && nameFault(name) === null &&
    isPeerKey(key);
  return isGood ? [{ change: "kicked", name, key }] : [];
}
