/**
 * A process of the simulated world: runs one machine as the program's runner does, with a clock, a disk and
 * a queue of effects of its own, and can be stalled, killed at any effect, or deprived of its disk.
 *
 * Effects are carried out in list order; a synced `persist` holds back all that follow it. As the contract
 * allows, an eager process writes records before earlier effects are carried out, so that many share one
 * sync.
 */

import type { Machine } from "../../lib/base/machine.ts";
import type { SimDisk } from "./disk.ts";
import { Timer, type VirtualTime } from "./virtual_time.ts";

/** What an effect asks of the disk. */
export interface Persist<Stored> {
  readonly records: readonly Stored[];
  readonly sync: boolean;
}

/** The protocol's side of a process: what its inputs and effects mean. */
export interface ProcessPort<Input, Effect, Stored> {
  readonly tick: Input;
  /** What an effect asks of the disk; null where it asks nothing. */
  persistOf(effect: Effect): Persist<Stored> | null;
  /** Carries out an effect that isn't for the disk. */
  perform(effect: Effect): void;
  /** Tells of a persist that its turn came; the answer to the machine, null where it wants none. */
  persisted(effect: Effect, stored: boolean): Input | null;
  /** Called after each step, before any of its effects is carried out. */
  stepped(input: Input, effects: readonly Effect[]): void;
  /** Called after each effect was carried out. */
  carriedOut(): void;
  /** All that the machine would have on its disk; null where it has nothing yet, or can't tell now. */
  snapshot(): readonly Stored[] | null;
}

/** A monotonic clock: where it starts, and how fast it runs beside the world's. */
export interface SimClock {
  readonly offsetMs: number;
  readonly rate: number;
}

/** A machine that wants a tick this often at one instant never lets time go on. */
const TICKS_AT_ONCE_MAX = 1_000;
/** The front of a queue is given back once it is this long. */
const COMPACT_AT = 1_024;

class Pending<Effect, Stored> {
  written = false;
  /** The disk's length with these records; -1 where it refused them. */
  upTo = -1;
  /** Nobody is told before this time that the disk refused it. */
  refusedAtMs = 0;
  constructor(readonly effect: Effect, readonly persist: Persist<Stored>) {}
}

export class SimProcess<Input, Effect, Stored> {
  alive = true;
  /** Where nothing runs until then: a stopped process, a host that is suspended. */
  stalledUntilMs = 0;
  steps = 0;
  #busy = false;
  /** The disk refused records that the machine takes for written. */
  #gap = false;
  /** Whether a write is preceded by a compaction, and what happens after it; null where none is wanted. */
  #compaction: { readonly isDue: () => boolean; readonly done: () => void } | null = null;
  /** Writes that are done, and of which the machine wasn't told. */
  #untold = 0;
  /** What tells it, on the way. */
  readonly #answers = new Set<Input>();
  /** How long the monotonic clock has stood still so far, and since when it does; null while it runs. */
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

  /** Whether every effect of every step so far was carried out. */
  get settled(): boolean {
    return this.#head === this.#queue.length && this.#inbox.length === 0;
  }

  /** Whether the disk lacks what it refused. */
  get hasGap(): boolean {
    return this.#gap;
  }

  /** The disk is written anew, as short as can be, before the next write. */
  compactSoon(): void {
    this.#compaction = { isDue: () => true, done: () => {} };
  }

  /** The same when other effects that `matter` wait behind the write, or before it. */
  compactBefore(matters: (effect: Effect) => boolean, done: () => void): void {
    const isDue = () =>
      this.#queue.some((entry, at) =>
        at >= this.#head && !(entry instanceof Pending) && matters(entry)
      );
    this.#compaction = { isDue, done };
  }

  /** Feeds one input, now or when the process runs again. */
  deliver(input: Input): void {
    if (!this.alive) return;
    this.#inbox.push(input);
    if (!this.#busy && !this.stalled) this.#run();
  }

  /** Nothing runs for so long; what arrives meanwhile waits. */
  stall(forMs: number): void {
    this.stalledUntilMs = Math.max(this.stalledUntilMs, this.time.nowMs + forMs);
    this.time.arm(this.#wake, this.stalledUntilMs);
  }

  /** The same where the whole machine sleeps, and its monotonic clock with it. */
  suspend(forMs: number): void {
    this.#frozenSinceMs ??= this.time.nowMs;
    this.stall(forMs);
  }

  /** Nothing of it runs any more, and what it hadn't carried out never will be. */
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
      // By index: what arrives while an input is served comes after those that wait already.
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
   * As the program does, before a write: where something was refused it is missing, and nothing else is written
   * before. The machine was told of all that is on the disk; what it wants shown may wait in the queue.
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
    if (this.stalled) return; // #awake looks again
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

  /** As after SIGCONT: the event loop finds its timers due first, then what arrived. */
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
