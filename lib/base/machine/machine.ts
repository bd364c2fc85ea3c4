/**
 * The form that every protocol has: a deterministic state machine without I/O.
 *
 * The caller's duties, the same for the program (`lib/runtime/`) and the simulator (`tests/sim/`):
 * 1. Feed one input at a time, with a monotonic `nowMs` that never goes back.
 * 2. Carry out the effects of a step in list order; a `persist` is synced before any later `send` goes out.
 * 3. Call `step({ type: "tick" })` at `nextDeadlineMs()` or later. A tick that comes early changes nothing.
 */
export interface Machine<Input, Effect> {
  step(input: Input, nowMs: number): readonly Effect[];
  /** Monotonic time of the earliest deadline, or `null` where there is none. */
  nextDeadlineMs(): number | null;
}

/** Of a machine's effects the one of this type. */
export type EffectOf<Effect, Type> = Extract<Effect, { readonly type: Type }>;

/** What has deadlines: a part of a machine, or several parts. */
export interface Timed {
  /** Monotonic time of the earliest deadline, or `null` where there is none. */
  nextMs(): number | null;
  /** Serves what is due at `nowMs`. */
  tick(nowMs: number): void;
}

/** All that has deadlines in a machine, declared once; what is due at once is served in this order. */
export class Agenda implements Timed {
  constructor(readonly parts: readonly Timed[]) {}

  nextMs(): number | null {
    let next: number | null = null;
    for (const part of this.parts) next = earlierMs(next, part.nextMs());
    return next;
  }

  tick(nowMs: number): void {
    for (const part of this.parts) part.tick(nowMs);
  }
}

/** What has one deadline, which something else keeps. */
export function whenDue(nextMs: () => number | null, serve: (nowMs: number) => void): Timed {
  const tick = (nowMs: number) => {
    if ((nextMs() ?? Infinity) <= nowMs) serve(nowMs);
  };
  return { nextMs, tick };
}

/** What each step looks at in any case: when its time has come, all it needs is a step. */
export function servedEachStep(nextMs: () => number | null): Timed {
  return { nextMs, tick: () => {} };
}

/**
 * Named deadlines, each with what to do then; those due at once are served in the order of their declaration.
 *
 *     readonly #deadlines = new Deadlines({
 *       /** When a neighbour counts as silent. *\/
 *       reply: (nowMs) => this.#lost(nowMs),
 *       /** When we know other peers. *\/
 *       shuffle: () => this.#shuffle(),
 *     });
 */
export class Deadlines<Name extends string, Result = void> implements Timed {
  readonly #dueMs = new Map<Name, number>();
  readonly #names: readonly Name[];

  constructor(readonly actions: Readonly<Record<Name, (nowMs: number) => Result>>) {
    this.#names = Object.keys(actions) as Name[];
  }

  set(name: Name, atMs: number): void {
    this.#dueMs.set(name, atMs);
  }

  /** Sets the deadline, unless an earlier one is set. */
  setEarliest(name: Name, atMs: number): void {
    const dueMs = this.#dueMs.get(name);
    if (dueMs === undefined || atMs < dueMs) this.#dueMs.set(name, atMs);
  }

  clear(name: Name): void {
    this.#dueMs.delete(name);
  }

  clearAll(): void {
    this.#dueMs.clear();
  }

  get(name: Name): number | null {
    return this.#dueMs.get(name) ?? null;
  }

  nextMs(): number | null {
    let next: number | null = null;
    for (const dueMs of this.#dueMs.values()) next = earlierMs(next, dueMs);
    return next;
  }

  /**
   * Removes the deadlines due at `nowMs`, then serves them: one that is set meanwhile waits for the next tick.
   * @returns What the actions returned.
   */
  tick(nowMs: number): readonly Result[] {
    const due = this.#names.filter((name) => (this.#dueMs.get(name) ?? Infinity) <= nowMs);
    for (const name of due) this.#dueMs.delete(name);
    return due.map((name) => this.actions[name](nowMs));
  }
}

/** Machines that are served together; each is asked for its next deadline only when that may have changed. */
export class Timetable {
  readonly #entries = new Map<object, { readonly machine: Clocked; dueMs: number | null }>();
  /** Machines whose deadlines may have changed. */
  readonly #changed = new Set<object>();

  constructor(machines: readonly Clocked[]) {
    for (const machine of machines) {
      this.#entries.set(machine, { machine, dueMs: null });
      this.#changed.add(machine);
    }
  }

  /** To be called when the machine has had an input. */
  changed(machine: Clocked): void {
    this.#changed.add(machine);
  }

  isDue(machine: Clocked, nowMs: number): boolean {
    this.#update();
    return (this.#entries.get(machine)?.dueMs ?? Infinity) <= nowMs;
  }

  nextMs(): number | null {
    this.#update();
    let next: number | null = null;
    for (const { dueMs } of this.#entries.values()) next = earlierMs(next, dueMs);
    return next;
  }

  #update(): void {
    if (this.#changed.size === 0) return;
    for (const machine of this.#changed) {
      const entry = this.#entries.get(machine);
      if (entry !== undefined) entry.dueMs = entry.machine.nextDeadlineMs();
    }
    this.#changed.clear();
  }
}

type Clocked = Pick<Machine<never, unknown>, "nextDeadlineMs">;

/** The earliest of several deadlines, `null` where there is none. */
export function earliestMs(...deadlines: readonly (number | null)[]): number | null {
  let next: number | null = null;
  for (const dueMs of deadlines) next = earlierMs(next, dueMs);
  return next;
}

/** As `earliestMs`, of two, for what is asked at every step: no list is made. */
function earlierMs(one: number | null, other: number | null): number | null {
  return one === null || (other !== null && other < one) ? other : one;
}
