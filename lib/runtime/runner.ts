/**
 * Runs one machine over the world: feeds it inputs, carries out its effects in order, keeps one timer for its
 * earliest deadline.
 *
 * Records that wait for the disk are written together: all persists in the queue when a write begins share one write
 * and one sync, and the effects behind them run when it is done. The same goes for what is kept in files of its own.
 * Nothing waits for a timer, and a lone persist is written at once. It is safe to do a persist before effects that
 * stand before it in the list; the machine only relies on a persist not being done later than the effects behind it.
 */

import type { Clock } from "../base/machine/clock.ts";
import { invariant } from "../base/invariant.ts";
import type { Machine } from "../base/machine/machine.ts";
import { P2pchatError } from "../base/errors.ts";

/** What the runner needs to know of a persist effect. */
export interface Persist<Record> {
  readonly records: readonly Record[];
  readonly token: number | null;
  readonly sync: boolean;
}

export interface RunnerPorts<Input, Effect, Record> {
  readonly clock: Clock;
  /** The effect's records and token where it is a persist, else null. */
  persistOf(effect: Effect): Persist<Record> | null;
  /**
   * The write of an effect that is kept in a file of its own, beside the records; null for most effects. It resolves
   * when that effect is carried out and those behind it may go on, and rejects only for faults of our own.
   */
  keepingOf(effect: Effect): (() => Promise<void>) | null;
  /**
   * Carries out an effect past everything that waits, if it says nothing about what was stored. @returns False where
   * the effect has to run in its order.
   */
  executeAtOnce(effect: Effect): boolean;
  /** Writes the records in order; resolves when they are synced (or written, where `sync` is false). */
  append(records: readonly Record[], sync: boolean): Promise<void>;
  /** Carries out any other effect; it must not throw for anything outside the program. */
  execute(effect: Effect): void;
  persisted(token: number): Input;
  persistFailed(token: number | null, text: string): Input;
  readonly tick: Input;
  /** Called when the queue of effects passes its high mark (true) and when it is empty again (false). */
  saturated(full: boolean): void;
  /** A bug of our own, or of the runtime, or `in-use` of the store: nothing can be promised any more. */
  failed(error: unknown): void;
}

type OwnPorts<Input, Effect> =
  & Pick<RunnerPorts<Input, Effect, never>, "clock" | "execute" | "tick">
  & Partial<Pick<RunnerPorts<Input, Effect, never>, "failed">>;

/** The ports of a runner whose machine stores nothing. `failed`: by default a fault of ours is thrown. */
export function storingNothing<Input, Effect>(
  ports: OwnPorts<Input, Effect>,
): RunnerPorts<Input, Effect, never> {
  return {
    failed(error) {
      throw error;
    },
    ...ports,
    persistOf: () => null,
    keepingOf: () => null,
    executeAtOnce: () => false,
    append: () => Promise.resolve(),
    persisted: () => ports.tick,
    persistFailed: () => ports.tick,
    saturated: () => {},
  };
}

/** Effects in the queue: about a second of a busy room. Above this, sources are asked to pause. */
const QUEUED_EFFECTS_HIGH = 8_192;

/** What isn't the machine's, and has its place between effects. */
class Work {
  constructor(readonly run: () => void) {}
}

export class Runner<Input, Effect, Record> {
  /** Effects that wait, in the order in which the machine emitted them. */
  readonly #effects: (Effect | Work)[] = [];
  readonly #inputs: Input[] = [];
  /** How many effects at the head of the queue are cleared by a finished write; `#writeFailure` is how that ended. */
  #cleared = 0;
  #writeFailure: P2pchatError | null = null;
  #writing = false;
  #running = false;
  #saturated = false;
  #stopped = false;
  #timer: { readonly dueMs: number; cancel(): void } | null = null;

  constructor(
    readonly machine: Machine<Input, Effect>,
    readonly ports: RunnerPorts<Input, Effect, Record>,
  ) {}

  /**
   * Steps the machine and carries out the effects that needn't wait. An input fed from within an effect is handled
   * after it.
   */
  feed(input: Input): void {
    if (this.#stopped) return;
    this.#inputs.push(input);
    if (!this.#running) this.#run();
  }

  /** Does `work` when all effects that wait now have been carried out, or when this is stopped. */
  inOrder(work: () => void): void {
    if (this.#stopped) return work();
    this.#effects.push(new Work(work));
    if (!this.#running) this.#run();
  }

  /** How many effects wait to be carried out. */
  get queued(): number {
    return this.#effects.length;
  }

  /** After this there is no step, effect or timer. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#timer = null;
    this.#inputs.length = 0;
    for (const left of this.#effects.splice(0)) if (left instanceof Work) left.run();
  }

  #run(): void {
    this.#running = true;
    try {
      this.#carryOut();
      let input: Input | undefined;
      while ((input = this.#inputs.shift()) !== undefined) {
        for (const effect of this.machine.step(input, this.ports.clock.nowMs())) {
          if (!this.ports.executeAtOnce(effect)) this.#effects.push(effect);
        }
        this.#carryOut();
      }
      if (this.#stopped) return;
      this.#watchQueue();
      this.#arm();
    } catch (error) {
      this.stop();
      this.ports.failed(error);
    } finally {
      this.#running = false;
    }
  }

  /** Carries out effects from the head of the queue until one has to wait for the disk. */
  #carryOut(): void {
    while (this.#effects.length > 0) {
      const effect = this.#effects[0] as Effect | Work;
      const isWork = effect instanceof Work;
      const persist = isWork ? null : this.ports.persistOf(effect);
      const isKept = !isWork && this.ports.keepingOf(effect) !== null;
      if (this.#cleared === 0) {
        if (this.#writing) return;
        if (persist !== null || isKept) {
          // Persists added later in this turn share the write.
          this.#writing = true;
          queueMicrotask(() => this.#write());
          return;
        }
      } else this.#cleared--;
      this.#effects.shift();
      if (isWork) effect.run();
      else if (persist !== null) this.#answer(persist);
      else this.ports.execute(effect);
    }
  }

  #answer(persist: Persist<Record>): void {
    if (this.#writeFailure !== null) {
      this.#inputs.push(this.ports.persistFailed(persist.token, this.#writeFailure.message));
    } else if (persist.token !== null) this.#inputs.push(this.ports.persisted(persist.token));
  }

  #write(): void {
    if (this.#stopped) return;
    const batch = this.#effects.length;
    const records: Record[] = [];
    const kept = new Set<Promise<void>>(); // one write may keep many
    let sync = false;
    for (const effect of this.#effects) {
      if (effect instanceof Work) continue;
      const keep = this.ports.keepingOf(effect);
      if (keep !== null) kept.add(keep());
      const persist = this.ports.persistOf(effect);
      if (persist === null) continue;
      for (const record of persist.records) records.push(record);
      sync ||= persist.sync;
    }
    const appended = this.ports.append(records, sync);
    (kept.size === 0 ? appended : allDone([appended, ...kept])).then(
      () => this.#written(batch, null),
      (error) => this.#written(batch, error),
    );
  }

  #written(batch: number, error: unknown): void {
    if (this.#stopped) return;
    // If another program has taken the store's place, nothing can go on.
    if (error !== null && (!(error instanceof P2pchatError) || error.code === "in-use")) {
      this.stop();
      this.ports.failed(error);
      return;
    }
    invariant(batch <= this.#effects.length, "effects wait in the queue until their write is done");
    this.#writing = false;
    this.#cleared = batch;
    this.#writeFailure = error;
    if (!this.#running) this.#run();
  }

  #watchQueue(): void {
    if (!this.#saturated && this.#effects.length > QUEUED_EFFECTS_HIGH) {
      this.#saturated = true;
      this.ports.saturated(true);
    } else if (this.#saturated && this.#effects.length === 0) {
      this.#saturated = false;
      this.ports.saturated(false);
    }
  }

  #arm(): void {
    const dueMs = this.machine.nextDeadlineMs();
    if (dueMs === (this.#timer?.dueMs ?? null)) return;
    this.#timer?.cancel();
    this.#timer = null;
    if (dueMs === null) return;
    const timer = this.ports.clock.at(dueMs, () => {
      this.#timer = null;
      this.feed(this.ports.tick);
    });
    this.#timer = { dueMs, cancel: () => timer.cancel() };
  }
}

/**
 * Resolves when all are done; rejects then if one has failed, preferring a fault of our own to an error of the disk.
 */
async function allDone(work: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  const failures = results.flatMap((result) => result.status === "rejected" ? [result.reason] : []);
  if (failures.length > 0) {
    throw failures.find((reason) => !(reason instanceof P2pchatError)) ?? failures[0];
  }
}
