/**
 * A program that may lead: it says in the engine that it is there, and hears who leads and who else may. Both stand
 * under a lease, so that what is gone by a crash is soon not there any more.
 *
 * Below the prefix: `leader` (`fenced_log.ts`), `standby/ID` of each program that may lead, or leads.
 */

import type { Clock } from "../base/machine/clock.ts";
import { P2pchatError } from "../base/errors.ts";
import { LEADER_LEASE_MS } from "./fenced_log.ts";
import type { Entry, Following, LeaseId, Revision, SharedStore } from "./shared_store.ts";

const LEASE_MS = 5_000;
const RENEW_MS = 1_500;
/** An engine that hasn't answered for so long is said not to, though it may yet. */
export const ENGINE_LATE_MS = 2_500;

interface CandidacyPorts {
  readonly store: SharedStore;
  /** Ends in `/`. */
  readonly prefix: string;
  readonly clock: Clock;
  /** No other process has the same. */
  readonly id: string;
  /** What others read of this program. */
  readonly value: string;
  /**
   * What one candidate has in `leader`; null: nobody leads, or something else stands there. Called first when that is
   * known.
   */
  leaderIs(value: string | null): void;
  /**
   * What stands in `leader` has no lease, so no candidate has put it, and it doesn't go by itself.
   * @param isDeleted Whether it has stood for as long as a lease, and is deleted; otherwise it will be.
   */
  odd(entry: Entry, isDeleted: boolean): void;
  /** What all have said of themselves. */
  candidatesAre(values: readonly string[]): void;
  /** Another key below the prefix, as it is now; null: there is none. */
  readonly heeds: { readonly name: string; is(value: string | null): void };
  /** Why the engine doesn't answer, in a sentence; null: it does again. */
  troubled(text: string | null): void;
  /** The engine refuses this program what it needs: nothing more comes. */
  refused(error: P2pchatError): void;
}

export class Candidacy {
  readonly #followings: readonly Following[];
  #lease: LeaseId | null = null;
  #timer: { cancel(): void } | null = null;
  #oddTimer: { cancel(): void } | null = null;
  /** Of what stands in `leader` without a lease. */
  #oddModified: Revision | undefined = undefined;
  #trouble: string | null = null;
  #isOver = false;

  constructor(readonly ports: CandidacyPorts) {
    const { heeds, leaderIs, candidatesAre } = ports;
    this.#followings = [
      this.#follow("leader", ([leader]) => {
        const isOdd = leader !== undefined && leader.lease === null;
        leaderIs(isOdd ? null : leader?.value ?? null);
        this.#odd(isOdd ? leader : null);
      }),
      this.#follow(heeds.name, ([entry]) => heeds.is(entry?.value ?? null)),
      this.#follow("standby/", (entries) => candidatesAre(entries.map(({ value }) => value))),
    ];
    void this.#stay();
  }

  /** @param tell Called with all entries below that name, whenever one has changed. */
  #follow(name: string, tell: (entries: readonly Entry[]) => void): Following {
    const { store, prefix } = this.ports;
    const known = new Map<string, Entry>();
    const told = () => {
      if (!this.#isOver) tell([...known.values()]);
    };
    return store.follow(prefix + name, {
      all(entries) {
        known.clear();
        for (const entry of entries) known.set(entry.key, entry);
        told();
      },
      changed(changes) {
        for (const { key, entry } of changes) {
          if (entry === null) known.delete(key);
          else known.set(key, entry);
        }
        told();
      },
      refused: (error) => this.#refused(error),
    });
  }

  /**
   * Deletes what nobody's lease will. Who leads puts its own again, if that was overwritten, and has as long for it as a
   * lease lasts; one that stood still finds itself fenced off.
   */
  #odd(entry: Entry | null): void {
    if (entry?.modified === this.#oddModified) return;
    this.#oddTimer?.cancel();
    this.#oddModified = entry?.modified;
    if (entry === null) return;
    const { clock, odd } = this.ports;
    odd(entry, false);
    this.#oddTimer = clock.at(clock.nowMs() + LEADER_LEASE_MS, () => void this.#delete(entry));
  }

  /** Until it is gone, or another one. */
  async #delete(entry: Entry): Promise<void> {
    const { clock, store, odd } = this.ports;
    const { key, modified } = entry;
    const { outcome } = await store.commit({ when: [{ key, modified }], puts: [], deletes: [key] });
    if (outcome === "done") odd(entry, true);
    if (this.#isOver || outcome === "done" || this.#oddModified !== modified) return;
    this.#oddTimer = clock.at(clock.nowMs() + RENEW_MS, () => void this.#delete(entry));
  }

  /** Renews the lease, or takes another one; the engine's answer says how it is. */
  async #stay(): Promise<void> {
    const { clock, store } = this.ports;
    const begunMs = clock.nowMs();
    const late = clock.at(begunMs + ENGINE_LATE_MS, () => this.#tellTrouble(lateText(store)));
    try {
      const goesOn = this.#lease !== null && await store.renew(this.#lease);
      if (!goesOn && !this.#isOver) await this.#say();
      this.#tellTrouble(null);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      if (error.code !== "unreachable" && error.code !== "disk") return this.#refused(error);
      this.#tellTrouble(error.message);
    } finally {
      late.cancel();
    }
    if (!this.#isOver) this.#timer = clock.at(begunMs + RENEW_MS, () => void this.#stay());
  }

  async #say(): Promise<void> {
    const { store, prefix, id, value } = this.ports;
    const lease = this.#lease = await store.grant(LEASE_MS);
    const key = `${prefix}standby/${id}`;
    const outcome = await store.commit({
      when: [{ key, is: "absent" }],
      puts: [{ key, value, lease }],
    });
    if (this.#isOver) return await store.revoke(lease);
    if (outcome.outcome === "done") return;
    this.#lease = null; // another one, the next time
    // A former lease's is gone in a moment.
    if (outcome.outcome === "conflict") return;
    throw new P2pchatError("unreachable", `Cannot use the engine: ${outcome.text}`);
  }

  #tellTrouble(text: string | null): void {
    const isNew = (text === null) !== (this.#trouble === null);
    this.#trouble = text;
    if (isNew && !this.#isOver) this.ports.troubled(text);
  }

  #refused(error: P2pchatError): void {
    if (this.#isOver) return;
    this.#end();
    this.ports.refused(error);
  }

  #end(): void {
    this.#isOver = true;
    this.#timer?.cancel();
    this.#oddTimer?.cancel();
    for (const following of this.#followings) following.close();
  }

  /** This program isn't there any more. */
  async close(): Promise<void> {
    if (this.#isOver) return;
    this.#end();
    if (this.#lease === null) return;
    await this.ports.store.revoke(this.#lease).catch((error) => {
      if (!(error instanceof P2pchatError)) throw error; // it ends by itself
    });
  }
}

/** That an engine doesn't answer, in a sentence, as far as it is known why. */
export function lateText({ health: { trouble } }: Pick<SharedStore, "health">): string {
  return trouble === null ? "The engine doesn't answer" : `The engine doesn't answer: ${trouble}`;
}
