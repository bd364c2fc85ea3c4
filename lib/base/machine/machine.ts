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

/**
 * A machine's named deadlines; those due at once are served in the order of their declaration.
 *
 *     const DEADLINES = ["neighbourReply", "shuffle"] as const;
 *     const deadlines = new Deadlines(DEADLINES);
 */
export class Deadlines<Name extends string> {
  readonly #dueMs = new Map<Name, number>();

  constructor(readonly names: readonly Name[]) {}

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

  get(name: Name): number | null {
    return this.#dueMs.get(name) ?? null;
  }

  /** Removes and returns the deadlines due at `nowMs`, in the order of their declaration. */
  takeDue(nowMs: number): readonly Name[] {
    const due = this.names.filter((name) => (this.#dueMs.get(name) ?? Infinity) <= nowMs);
    for (const name of due) this.#dueMs.delete(name);
    return due;
  }

  nextMs(): number | null {
    let next: number | null = null;
    for (const dueMs of this.#dueMs.values()) if (next === null || dueMs < next) next = dueMs;
    return next;
  }
}

/** Machines that are served together; each is asked for its next deadline only when that may have changed. */
export class Timetable {
  readonly #entries = new Map<object, { readonly machine: Timed; dueMs: number | null }>();
  /** Machines whose deadlines may have changed. */
  readonly #changed = new Set<object>();

  constructor(machines: readonly Timed[]) {
    for (const machine of machines) {
      this.#entries.set(machine, { machine, dueMs: null });
      this.#changed.add(machine);
    }
  }

  /** To be called when the machine has had an input. */
  changed(machine: Timed): void {
    this.#changed.add(machine);
  }

  isDue(machine: Timed, nowMs: number): boolean {
    this.#update();
    return (this.#entries.get(machine)?.dueMs ?? Infinity) <= nowMs;
  }

  nextMs(): number | null {
    this.#update();
    let next: number | null = null;
    for (const { dueMs } of this.#entries.values()) next = earliestMs(next, dueMs);
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

type Timed = Pick<Machine<never, unknown>, "nextDeadlineMs">;

/** The earliest of several deadlines, `null` where there is none. */
export function earliestMs(...deadlines: readonly (number | null)[]): number | null {
  let next: number | null = null;
  for (const dueMs of deadlines) {
    if (dueMs !== null && (next === null || dueMs < next)) next = dueMs;
  }
  return next;
}
