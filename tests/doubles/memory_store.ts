/** An engine in memory, for tests and simulation: one store that several programs share, by a clock that may be virtual. */

import type { Clock } from "../../lib/base/machine/clock.ts";
import {
  ALL_NAMES,
  type Change,
  CHANGE_BYTES_MAX,
  changeBytes,
  type Changed,
  type Condition,
  type EngineHealth,
  type Entry,
  type Follower,
  type Following,
  isNamed,
  type LeaseId,
  type Outcome,
  type Revision,
  type SharedStore,
  tooLong,
} from "../../lib/engine/shared_store.ts";

interface Lease {
  readonly ttlMs: number;
  timer: { cancel(): void };
}

/** What all programs share. */
export class MemoryEngine {
  readonly entries = new Map<string, Entry>();
  readonly followers = new Set<(changes: readonly Changed[], revision: Revision) => void>();
  readonly #leases = new Map<LeaseId, Lease>();
  #revision = 1;
  #granted = 0;
  /** Changes that not all followers were told of. */
  readonly #untold: { readonly changed: readonly Changed[]; readonly revision: Revision }[] = [];

  constructor(readonly clock: Clock) {}

  get revision(): Revision {
    return this.#revision;
  }

  commit({ when, puts, deletes = [] }: Change): Outcome {
    const over = puts.find(({ lease }) => lease !== undefined && !this.#leases.has(lease));
    if (over !== undefined) {
      return { outcome: "refused", code: "lease-over", text: "the lease has ended" };
    }
    if (!when.every((condition) => this.#holds(condition))) {
      return { outcome: "conflict", seen: when.map(({ key }) => this.entries.get(key) ?? null) };
    }
    const changes = [
      ...puts.map(({ key, value, lease = null }) => ({ key, put: { value, lease } })),
      ...deletes.map((key) => ({ key, put: null })),
    ];
    this.#change(changes);
    return { outcome: "done", revision: this.#revision };
  }

  #holds(condition: Condition): boolean {
    const entry = this.entries.get(condition.key);
    if ("is" in condition) return entry === undefined;
    return "modified" in condition
      ? entry?.modified === condition.modified
      : entry?.created === condition.created;
  }

  #change(
    changes: readonly {
      readonly key: string;
      readonly put: Pick<Entry, "value" | "lease"> | null;
    }[],
  ): void {
    const revision = ++this.#revision;
    const changed = changes.flatMap(({ key, put }): Changed[] => {
      const before = this.entries.get(key);
      if (put === null) return this.entries.delete(key) ? [{ key, entry: null }] : [];
      const created = before?.created ?? revision;
      const entry = { key, ...put, modified: revision, created };
      this.entries.set(key, entry);
      return [{ key, entry }];
    });
    if (changed.length === 0) return;
    this.#untold.push({ changed, revision });
    if (this.#untold.length > 1) return; // a follower has made this change: it comes after what all are being told
    for (let next = this.#untold[0]; next !== undefined; next = this.#untold[0]) {
      for (const tell of [...this.followers]) tell(next.changed, next.revision);
      this.#untold.shift();
    }
  }

  grant(ttlMs: number): LeaseId {
    const id = `${++this.#granted}`;
    this.#leases.set(id, { ttlMs, timer: this.#endLater(id, ttlMs) });
    return id;
  }

  isAlive(id: LeaseId): boolean {
    return this.#leases.has(id);
  }

  renew(id: LeaseId): boolean {
    const lease = this.#leases.get(id);
    if (lease === undefined) return false;
    lease.timer.cancel();
    lease.timer = this.#endLater(id, lease.ttlMs);
    return true;
  }

  /** The lease's keys are gone. */
  end(id: LeaseId): void {
    this.#leases.get(id)?.timer.cancel();
    if (!this.#leases.delete(id)) return;
    const keys = [...this.entries.values()].filter(({ lease }) => lease === id);
    this.#change(keys.map(({ key }) => ({ key, put: null })));
  }

  /** No lease ends, as while no node of an engine leads. */
  holdLeases(): void {
    for (const lease of this.#leases.values()) lease.timer.cancel();
  }

  /** All leases last for their time from now on, as where another node of an engine leads. */
  startLeasesAnew(): void {
    for (const id of this.#leases.keys()) this.renew(id);
  }

  #endLater(id: LeaseId, ttlMs: number): { cancel(): void } {
    return this.clock.at(this.clock.nowMs() + ttlMs, () => this.end(id));
  }
}

/** One program's view of the engine. */
export class MemoryStore implements SharedStore {
  readonly #engine: MemoryEngine;

  constructor(engine: MemoryEngine) {
    this.#engine = engine;
  }

  get health(): EngineHealth {
    return { answeredAtMs: this.#engine.clock.nowMs(), tookMs: 0, trouble: null };
  }

  commit(change: Change): Promise<Outcome> {
    const bytes = changeBytes(change);
    if (bytes > CHANGE_BYTES_MAX) return Promise.resolve(tooLong(bytes));
    return Promise.resolve(this.#engine.commit(change));
  }

  get(key: string): Promise<Entry | null> {
    return Promise.resolve(this.#engine.entries.get(key) ?? null);
  }

  read(prefix: string, names = ALL_NAMES): ReturnType<SharedStore["read"]> {
    const entries = this.#below(prefix, names);
    return Promise.resolve({ entries, revision: this.#engine.revision });
  }

  count(prefix: string): Promise<number> {
    return Promise.resolve(this.#below(prefix).length);
  }

  #below(prefix: string, names = ALL_NAMES): readonly Entry[] {
    return [...this.#engine.entries.values()].filter(({ key }) => isNamed(key, prefix, names))
      .toSorted((a, b) => a.key < b.key ? -1 : 1);
  }

  follow(prefix: string, follower: Follower, names = ALL_NAMES): Following {
    follower.all(this.#below(prefix, names), this.#engine.revision);
    const tell = (changes: readonly Changed[], revision: Revision) => {
      const ours = changes.filter(({ key }) => isNamed(key, prefix, names));
      if (ours.length > 0) follower.changed(ours, revision);
    };
    this.#engine.followers.add(tell);
    return { restart: () => {}, close: () => void this.#engine.followers.delete(tell) };
  }

  grant(ttlMs: number): Promise<LeaseId> {
    return Promise.resolve(this.#engine.grant(ttlMs));
  }

  renew(lease: LeaseId): Promise<boolean> {
    return Promise.resolve(this.#engine.renew(lease));
  }

  revoke(lease: LeaseId): Promise<void> {
    this.#engine.end(lease);
    return Promise.resolve();
  }
}
