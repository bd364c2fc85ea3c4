/**
 * A simulated engine: one linear history of changes (`MemoryEngine`), and each program's way to it, on which requests and
 * answers are late or lost, carried out unheard, or made again; a quorum that is lost and comes back with leases that
 * start anew; no space; followers that lag, and read anew what was compacted meanwhile. Promises that are answered by
 * virtual time, see `simulated`.
 */

import type { Clock } from "../../lib/base/machine/clock.ts";
import { P2pchatError } from "../../lib/base/errors.ts";
import {
  ALL_NAMES,
  type Change,
  type Changed,
  type EngineHealth,
  type Entry,
  type Follower,
  type Following,
  isNamed,
  type LeaseId,
  type Outcome,
  type Revision,
  type SharedStore,
} from "../../lib/engine/shared_store.ts";
import { MemoryEngine } from "../doubles/memory_store.ts";
import type { Random } from "./random.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** As `EtcdStore` does: how long a request is tried in all, and each time. */
const REQUEST_MS = 10_000;
const ATTEMPT_MS = 1_000;
/** How long a request, or an answer, is on its way. */
const WAY_MS_MAX = 20;
/** The probability that an attempt is carried out, and nothing of that heard. */
const UNHEARD_CHANCE = 0.02;
/** The probability that a node holds up what it was asked, so long at most, and carries it out after all. */
const HELD_UP_CHANCE = 0.02;
const HELD_UP_MS_MAX = 7_000;
/** The same of one that was on its way when the program was cut off. */
const LAST_WAY_CHANCE = 0.3;
const LAG_MS_MAX = 60;

/** Simulates what programs do that wait for promises. @returns What `run` does; each timer's promises go on before the next. */
export function simulated<Result>(run: () => Result): Promise<Result> {
  // The runtime runs what promises have to do when a timer's callback has returned; here virtual time goes on instead.
  const { core } = (Deno as unknown as Record<symbol, { core: { runMicrotasks(): void } }>)[
    (Deno as unknown as { internal: symbol }).internal
  ]!;
  return new Promise((resolve, reject) => {
    setTimeout(() => {
      try {
        settle = () => core.runMicrotasks();
        resolve(run());
      } catch (error) {
        reject(error);
      } finally {
        settle = () => {};
      }
    });
  });
}

let settle: () => void = () => {};

/** What a test may break: the promise that it breaks must be found. */
export interface EngineMutation {
  /** A change as the engine takes it. */
  readonly change?: (change: Change) => Change;
  readonly outcome?: (outcome: Outcome) => Outcome;
  /** Who follows, and lags behind a compaction, goes on with what comes then, and doesn't read anew. */
  readonly skipsCompacted?: boolean;
}

export class SimEngine {
  readonly memory: MemoryEngine;
  hasQuorum = true;
  isFull = false;
  /** Whether a first attempt to make this change is held up, and the change made by the next one before. */
  isHeldUp: (change: Change) => boolean = () => this.random.chance(HELD_UP_CHANCE);
  /** What each that follows does where it lags behind a compaction. */
  readonly compacted = new Set<() => void>();

  constructor(
    readonly time: VirtualTime,
    readonly random: Random,
    readonly mutation: EngineMutation = {},
  ) {
    time.settle = () => settle();
    this.memory = new MemoryEngine(clockOf(time));
  }

  /** No node leads until `electLeader`. */
  loseQuorum(): void {
    this.hasQuorum = false;
    this.memory.holdLeases();
  }

  /** Another node leads. */
  electLeader(): void {
    this.hasQuorum = true;
    this.memory.startLeasesAnew();
  }

  /** What has changed up to now can't be had any more, but by reading what there is. */
  compact(): void {
    for (const compacted of [...this.compacted]) compacted();
  }

  commit(given: Change): Outcome {
    const change = this.mutation.change?.(given) ?? given;
    const isPut = change.puts.length > 0;
    if (this.isFull && isPut) return { outcome: "refused", code: "disk", text: "no space" };
    return this.memory.commit(change);
  }
}

/** The world's time, at some rate, for programs of which some are stopped. */
export function clockOf(time: VirtualTime, program: SimProgram | null = null, rate = 1): Clock {
  return {
    nowMs: () => time.nowMs * rate,
    at(atMs, callback) {
      let isOver = false;
      const run = () => {
        if (isOver) return;
        isOver = true;
        callback();
      };
      const waitMs = Math.max(0, atMs / rate - time.nowMs);
      const timer = time.after(waitMs, () => program === null ? run() : program.run(run));
      return {
        cancel() {
          isOver = true;
          time.disarm(timer);
        },
      };
    },
  };
}

/** A program, which may be stopped, killed, or cut off from the engine. */
export class SimProgram {
  isDead = false;
  isCut = false;
  stoppedUntilMs = 0;

  constructor(readonly time: VirtualTime) {}

  get isStopped(): boolean {
    return this.stoppedUntilMs > this.time.nowMs;
  }

  readonly #waiting: (() => void)[] = [];

  /** Does it now, or once the program goes on, in order; never where it is dead. */
  run(action: () => void): void {
    if (this.isDead) return;
    this.#waiting.push(action);
    if (this.#waiting.length === 1) this.#goOn();
  }

  #goOn(): void {
    const leftMs = this.stoppedUntilMs - this.time.nowMs;
    if (leftMs > 0) return void this.time.after(leftMs, () => this.#goOn());
    while (this.#waiting.length > 0 && !this.isStopped) {
      if (!this.isDead) this.#waiting[0]!();
      this.#waiting.shift();
    }
    if (this.#waiting.length > 0) this.#goOn();
  }
}

/** One program's view of the engine. */
export class SimStore implements SharedStore {
  #answeredAtMs = 0;

  constructor(readonly engine: SimEngine, readonly program: SimProgram) {}

  get health(): EngineHealth {
    const trouble = this.#isReached ? null : "no answer";
    return { answeredAtMs: this.#answeredAtMs, tookMs: WAY_MS_MAX, trouble };
  }

  get #isReached(): boolean {
    return !this.program.isCut && this.engine.hasQuorum;
  }

  get #wayMs(): number {
    return this.engine.random.between(0.1, WAY_MS_MAX);
  }

  commit(change: Change): Promise<Outcome> {
    const { time, random, mutation } = this.engine;
    const unknown: Outcome = { outcome: "unknown", text: "the engine doesn't answer" };
    return new Promise((resolve) => {
      const answer = (outcome: Outcome) =>
        this.#answer(() => {
          resolve(mutation.outcome?.(outcome) ?? outcome);
        });
      const untilMs = time.nowMs + REQUEST_MS;
      const attempt = (wasMissed: boolean) => {
        if (this.program.isDead) return;
        if (!this.#isReached) {
          const isCarriedOut = this.engine.hasQuorum && random.chance(LAST_WAY_CHANCE);
          if (isCarriedOut) this.engine.commit(change);
          if (time.nowMs >= untilMs) return answer(unknown);
          return void time.after(ATTEMPT_MS, () => attempt(true));
        }
        if (!wasMissed && this.engine.isHeldUp(change)) {
          const heldUpMs = random.between(ATTEMPT_MS, HELD_UP_MS_MAX);
          time.after(heldUpMs, () => void (this.engine.hasQuorum && this.engine.commit(change)));
          return void time.after(ATTEMPT_MS, () => attempt(true));
        }
        const outcome = this.engine.commit(change);
        if (random.chance(UNHEARD_CHANCE)) return void time.after(ATTEMPT_MS, () => attempt(true));
        answer(wasMissed ? this.#lookedAt(change, outcome) : outcome);
      };
      time.after(this.#wayMs, () => attempt(false));
    });
  }

  /** An earlier attempt may have been carried out: then what it put is there. */
  #lookedAt(change: Change, outcome: Outcome): Outcome {
    if (outcome.outcome === "refused") return { outcome: "unknown", text: outcome.text };
    if (outcome.outcome !== "conflict") return outcome;
    const { entries } = this.engine.memory;
    const isMade = change.puts.every(({ key, value }) => entries.get(key)?.value === value) &&
      (change.deletes ?? []).every((key) => !entries.has(key));
    if (!isMade) return { outcome: "unknown", text: "another change came in between" };
    const revisions = change.puts.map(({ key }) => entries.get(key)!.modified);
    return { outcome: "done", revision: Math.max(0, ...revisions) };
  }

  #answer(told: () => void): void {
    this.engine.time.after(this.#wayMs, () => {
      this.program.run(() => {
        this.#answeredAtMs = this.engine.time.nowMs;
        told();
      });
    });
  }

  /** What may be asked twice. */
  #ask<Answer>(look: () => Answer): Promise<Answer> {
    const { time } = this.engine;
    return new Promise((resolve, reject) => {
      const untilMs = time.nowMs + REQUEST_MS;
      const attempt = () => {
        if (this.program.isDead) return;
        if (this.#isReached) {
          try {
            const answer = look();
            this.#answer(() => resolve(answer));
          } catch (error) {
            this.#answer(() => reject(error));
          }
        } else if (time.nowMs < untilMs) time.after(ATTEMPT_MS, attempt);
        else this.#answer(() => reject(new P2pchatError("unreachable", "no answer")));
      };
      time.after(this.#wayMs, attempt);
    });
  }

  #below(prefix: string, names = ALL_NAMES): readonly Entry[] {
    return [...this.engine.memory.entries.values()]
      .filter(({ key }) => isNamed(key, prefix, names))
      .toSorted((a, b) => a.key < b.key ? -1 : 1);
  }

  get(key: string): Promise<Entry | null> {
    return this.#ask(() => this.engine.memory.entries.get(key) ?? null);
  }

  read(prefix: string, names = ALL_NAMES): ReturnType<SharedStore["read"]> {
    const { memory } = this.engine;
    return this.#ask(() => ({ entries: this.#below(prefix, names), revision: memory.revision }));
  }

  count(prefix: string): Promise<number> {
    return this.#ask(() => this.#below(prefix).length);
  }

  grant(ttlMs: number): Promise<LeaseId> {
    return this.#ask(() => {
      if (this.engine.isFull) throw new P2pchatError("disk", "no space");
      return this.engine.memory.grant(ttlMs);
    });
  }

  renew(lease: LeaseId): Promise<boolean> {
    return this.#ask(() => this.engine.memory.renew(lease));
  }

  revoke(lease: LeaseId): Promise<void> {
    return this.#ask(() => this.engine.memory.end(lease));
  }

  /** What changes is heard in order, late, and not while the program is cut off. */
  follow(prefix: string, follower: Follower, names = ALL_NAMES): Following {
    const { memory, time, random, compacted, mutation } = this.engine;
    let waiting: (() => void)[] = [];
    let isClosed = false;
    let isPumping = false;
    const pump = () => {
      isPumping = false;
      if (isClosed || this.program.isDead) return;
      // Who wakes is told of one after the other, and does other things in between.
      if (this.#isReached && !this.program.isStopped) waiting.shift()?.();
      if (waiting.length > 0) later();
    };
    const later = () => {
      if (isPumping) return;
      isPumping = true;
      time.after(random.between(0.1, LAG_MS_MAX), pump);
    };
    const tell = (changes: readonly Changed[], revision: Revision) => {
      const ours = changes.filter(({ key }) => isNamed(key, prefix, names));
      if (ours.length === 0) return;
      waiting.push(() => follower.changed(ours, revision));
      later();
    };
    const begin = () => {
      void this.read(prefix, names).then(({ entries, revision }) => {
        if (isClosed) return;
        follower.all(entries, revision);
        // What came while the answer was on its way is told as changes.
        const now = this.#below(prefix, names);
        const gone = entries.filter(({ key }) => !memory.entries.has(key));
        const changed = [
          ...now.filter(({ modified }) => modified > revision).map((entry) => ({
            key: entry.key,
            entry,
          })),
          ...gone.map(({ key }) => ({ key, entry: null })),
        ];
        memory.followers.add(tell);
        if (changed.length > 0) tell(changed, memory.revision);
      }, () => {
        // The program is cut off: it goes on where it left.
        if (!isClosed && !this.program.isDead) begin();
      });
    };
    const lags = () => {
      if (waiting.length === 0) return;
      waiting = [];
      if (mutation.skipsCompacted === true) return;
      memory.followers.delete(tell);
      waiting.push(begin);
    };
    compacted.add(lags);
    begin();
    return {
      restart: () => {},
      close() {
        isClosed = true;
        memory.followers.delete(tell);
        compacted.delete(lags);
      },
    };
  }
}
