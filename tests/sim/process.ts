/**
 * A process of the simulated world. It runs one machine as the program's runner does, with a clock, a disk and a
 * queue of effects of its own, and can be stalled, killed at any effect, or cut off from its disk.
 *
 * Effects are performed in the order of the list; a synced `persist` holds back all that follow it. As the contract
 * permits, an eager process writes records before earlier effects are performed, so that many share one sync.
 */

import type { ProcessKey } from "../../lib/base/ids.ts";
import type { Machine } from "../../lib/base/machine/machine.ts";
import type { SimDisk } from "./disk.ts";
import { Timer, type VirtualTime } from "./virtual_time.ts";

/** The part of an effect that concerns the disk. */
export interface Persist<Stored> {
  readonly records: readonly Stored[];
  readonly sync: boolean;
}

/** The protocol's side of a process: the meaning of its inputs and effects. */
export interface ProcessPort<Input, Effect, Stored> {
  readonly tick: Input;
  /** The records that an effect wants stored; null where it has none. */
  persistOf(effect: Effect): Persist<Stored> | null;
  /** Performs an effect that doesn't concern the disk. */
  perform(effect: Effect): void;
  /** Called when a persist is done. Returns the input that tells the machine; null where it wants none. */
  persisted(effect: Effect, stored: boolean): Input | null;
  /** Called after each step, before its effects are performed. */
  stepped(input: Input, effects: readonly Effect[]): void;
  /** Called after each effect was performed. */
  carriedOut(): void;
  /** The records to which the machine would compact its disk; null where it has none yet, or can't tell now. */
  snapshot(): readonly Stored[] | null;
}

/** A monotonic clock: its start, and its rate relative to the world's. */
export interface SimClock {
  readonly offsetMs: number;
  readonly rate: number;
}

/** A machine that requests so many ticks at one instant would never let time advance. */
const TICKS_AT_ONCE_MAX = 1_000;
/** The consumed front of a queue is freed once it is this long. */
const COMPACT_AT = 1_024;

class Pending<Effect, Stored> {
  written = false;
  /** The disk's length including these records; -1 where it refused them. */
  upTo = -1;
  /** The refusal isn't reported before this time. */
  refusedAtMs = 0;
  constructor(readonly effect: Effect, readonly persist: Persist<Stored>) {}
}

let processes = 0;

/** The key of another process: no two have the same. */
export function freshProcess(): ProcessKey {
  return (++processes).toString(16).padStart(64, "0") as ProcessKey;
}

export class SimProcess<Input, Effect, Stored> {
  alive = true;
  /** Nothing runs before this time: the process is stopped, or its host suspended. */
  stalledUntilMs = 0;
  steps = 0;
  #busy = false;
  /** The disk refused records that the machine takes for written. */
  #gap = false;
  /** When to compact the disk before a write, and what to call after that; null for no compaction. */
  #compaction: { readonly isDue: () => boolean; readonly done: () => void } | null = null;
  /** Writes that are done, but not reported to the machine yet. */
  #untold = 0;
  /** The inputs that will report them. */
  readonly #answers = new Set<Input>();
  /** How long the monotonic clock has been frozen in all, and since when it is; null while it runs. */
  #frozenMs = 0;
  #frozenSinceMs: number | null = null;
  #ticksAtOnce = 0;
  #lastTickMs = -1;
  #inbox: Input[] = [];
  #queue: (Effect | Pending<Effect, Stored>)[] = [];
  #head = 0;
  readonly #timer = new Timer(() => this.#due());
  readonly #wake = new Timer(() => this.#awake());
  readonly #refusal = new Timer(() => this.#diskAnswered());

  constructor(
    readonly machine: Machine<Input, Effect>,
    readonly time: VirtualTime,
    readonly clock: SimClock,
    readonly disk: SimDisk<Stored>,
    readonly eager: boolean,
    readonly port: ProcessPort<Input, Effect, Stored>,
  ) {}

  /** The machine's monotonic time. */
  nowMs(): number {
    const worldMs = this.#frozenSinceMs ?? this.time.nowMs;
    return this.clock.offsetMs + (worldMs - this.#frozenMs) * this.clock.rate;
  }

  get stalled(): boolean {
    return this.stalledUntilMs > this.time.nowMs;
  }

  /** Whether all effects of all steps so far were performed. */
  get settled(): boolean {
    return this.#head === this.#queue.length && this.#inbox.length === 0;
  }

  /** Whether the disk lacks records that it refused. */
  get hasGap(): boolean {
    return this.#gap;
  }

  /** Compacts the disk before the next write. */
  compactSoon(): void {
    this.#compaction = { isDue: () => true, done: () => {} };
  }

  /** Compacts the disk before a write at which an effect that `matters` is waiting in the queue. */
  compactBefore(matters: (effect: Effect) => boolean, done: () => void): void {
    const isDue = () =>
      this.#queue.some((entry, at) =>
        at >= this.#head && !(entry instanceof Pending) && matters(entry)
      );
    this.#compaction = { isDue, done };
  }

  /** Feeds an input, now or when the process runs again. */
  deliver(input: Input): void {
    if (!this.alive) return;
    this.#inbox.push(input);
    if (!this.#busy && !this.stalled) this.#run();
  }

  /** Stalls the process for so long; inputs wait. */
  stall(forMs: number): void {
    this.stalledUntilMs = Math.max(this.stalledUntilMs, this.time.nowMs + forMs);
    this.time.arm(this.#wake, this.stalledUntilMs);
  }

  /** Suspends the whole machine for so long, including its monotonic clock. */
  suspend(forMs: number): void {
    this.#frozenSinceMs ??= this.time.nowMs;
    this.stall(forMs);
  }

  /** Ends the process. Effects that haven't been performed never will be. */
  end(): void {
    this.alive = false;
    this.time.disarm(this.#timer);
    this.time.disarm(this.#wake);
    this.time.disarm(this.#refusal);
    this.#inbox = [];
    this.#queue = [];
    this.#head = 0;
  }

  #run(): void {
    this.#busy = true;
    try {
      this.#carryOut();
      // By index, as inputs that arrive meanwhile are appended.
      for (let at = 0; at < this.#inbox.length && this.alive; at++) {
        this.#step(this.#inbox[at]!, this.nowMs());
        this.#carryOut();
      }
      this.#inbox.length = 0;
    } finally {
      this.#busy = false;
    }
    this.#armTimer();
  }

  #step(input: Input, nowMs: number): void {
    if (this.#answers.delete(input)) this.#untold--;
    const effects = this.machine.step(input, nowMs);
    this.steps++;
    this.port.stepped(input, effects);
    for (const effect of effects) {
      const persist = this.port.persistOf(effect);
      this.#queue.push(persist === null ? effect : new Pending(effect, persist));
    }
    if (this.eager && effects.length > 0) this.#writeEarly();
  }

  #writeEarly(): void {
    for (let at = this.#head; at < this.#queue.length; at++) {
      const entry = this.#queue[at]!;
      if (entry instanceof Pending && !entry.written) this.#write(entry);
    }
  }

  #write(entry: Pending<Effect, Stored>): void {
    entry.written = true;
    if (this.#gap || this.#compaction?.isDue()) this.#writeAnew();
    if (!this.#gap && this.disk.write(entry.persist.records)) {
      entry.upTo = this.disk.records.length;
      this.#untold++;
      return;
    }
    this.#gap = true;
    entry.refusedAtMs = this.time.nowMs + this.disk.refusalMs;
  }

  /**
   * Rewrites the disk before a write, as the program does: after a refusal records are missing, and nothing else
   * may be written before they are. Only when the machine has been told of everything on the disk; events that it
   * wants shown may still be in the queue.
   */
  #writeAnew(): void {
    if (this.disk.refuses || this.#untold > 0) return;
    const snapshot = this.port.snapshot();
    if (snapshot === null) return;
    this.disk.restore(snapshot);
    this.#gap = false;
    this.#compaction?.done();
    this.#compaction = null;
  }

  #carryOut(): void {
    while (this.alive && this.#head < this.#queue.length) {
      const entry = this.#queue[this.#head]!;
      if (entry instanceof Pending) {
        if (!entry.written) this.#write(entry);
        if (entry.persist.sync && entry.upTo > this.disk.synced) {
          this.disk.sync(() => this.#diskAnswered());
          break;
        }
        if (entry.refusedAtMs > this.time.nowMs) {
          this.time.arm(this.#refusal, entry.refusedAtMs);
          break;
        }
        this.#head++;
        const isStored = entry.upTo >= 0;
        const answer = this.port.persisted(entry.effect, isStored);
        if (isStored && answer !== null) this.#answers.add(answer);
        else if (isStored) this.#untold--;
        if (answer !== null) this.deliver(answer);
      } else {
        this.#head++;
        this.port.perform(entry);
      }
      if (this.alive) this.port.carriedOut();
    }
    if (this.#head === this.#queue.length) {
      this.#queue.length = 0;
      this.#head = 0;
    } else if (this.#head > COMPACT_AT) {
      this.#queue.splice(0, this.#head);
      this.#head = 0;
    }
  }

  #diskAnswered(): void {
    if (this.alive && !this.#busy && !this.stalled) this.#run();
  }

  #armTimer(): void {
    if (!this.alive) return;
    const dueMs = this.machine.nextDeadlineMs();
    if (dueMs === null) this.time.disarm(this.#timer);
    else {
      const worldMs = (dueMs - this.clock.offsetMs) / this.clock.rate;
      this.time.arm(this.#timer, worldMs + this.#frozenMs);
    }
  }

  #due(): void {
    if (this.stalled) return; // #awake checks again
    if (this.#lastTickMs !== this.time.nowMs) this.#ticksAtOnce = 0;
    this.#lastTickMs = this.time.nowMs;
    if (++this.#ticksAtOnce > TICKS_AT_ONCE_MAX) {
      throw new Error(`The machine's next deadline stays due: ${this.machine.nextDeadlineMs()}`);
    }
    this.#busy = true;
    try {
      // The division above may have rounded to just before the deadline.
      this.#step(this.port.tick, Math.max(this.nowMs(), this.machine.nextDeadlineMs() ?? 0));
    } finally {
      this.#busy = false;
    }
    this.#run();
  }

  /** Resumes as after SIGCONT: the event loop handles due timers first, then what arrived. */
  #awake(): void {
    if (this.stalled) return;
    if (this.#frozenSinceMs !== null) {
      this.#frozenMs += this.time.nowMs - this.#frozenSinceMs;
      this.#frozenSinceMs = null;
    }
    const dueMs = this.machine.nextDeadlineMs();
    if (dueMs !== null && dueMs <= this.nowMs()) this.#due();
    else this.#run();
  }
}
