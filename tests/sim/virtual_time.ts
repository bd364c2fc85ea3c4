/**
 * Virtual time: a heap of timers. Time jumps from one timer to the next, so an hour of silence costs nothing.
 * Timers due at the same time run in the order in which they were armed.
 */

import { invariant } from "../../lib/base/invariant.ts";

/** A timer, which runs once each time it is armed. It can be moved, disarmed, and armed again while it runs. */
export class Timer {
  /** Its place in the heap; -1 where it isn't armed. */
  place = -1;
  atMs = 0;
  order = 0;

  constructor(readonly run: () => void) {}

  get armed(): boolean {
    return this.place >= 0;
  }
}

/** The clock of a simulated world, in ms since it began. */
export class VirtualTime {
  nowMs = 0;
  /** Called after each timer: what promises have to do is done before the next one. */
  settle: () => void = () => {};
  readonly #heap: Timer[] = [];
  #order = 0;

  /** Arms `timer` for `atMs`, or for now if that is past, replacing an earlier time. */
  arm(timer: Timer, atMs: number): void {
    invariant(!Number.isNaN(atMs), "a timer's time is a number");
    timer.atMs = Math.max(atMs, this.nowMs);
    timer.order = this.#order++;
    if (timer.place < 0) {
      timer.place = this.#heap.length;
      this.#heap.push(timer);
    } else {
      this.#sink(timer);
    }
    this.#rise(timer);
  }

  disarm(timer: Timer): void {
    const { place } = timer;
    if (place < 0) return;
    timer.place = -1;
    const last = this.#heap.pop()!;
    if (last === timer) return;
    last.place = place;
    this.#heap[place] = last;
    this.#sink(last);
    this.#rise(last);
  }

  /** Runs `action` once, in `delayMs`. */
  after(delayMs: number, action: () => void): Timer {
    const timer = new Timer(action);
    this.arm(timer, this.nowMs + delayMs);
    return timer;
  }

  /** Runs every timer due until `untilMs`, and advances the clock to it. */
  runUntil(untilMs: number): void {
    for (let next = this.#heap[0]; next !== undefined; next = this.#heap[0]) {
      if (next.atMs > untilMs) break;
      this.disarm(next);
      this.nowMs = next.atMs;
      next.run();
      this.settle();
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
  }

  #rise(timer: Timer): void {
    const heap = this.#heap;
    let { place } = timer;
    while (place > 0) {
      const parent = heap[(place - 1) >> 1]!;
      if (!before(timer, parent)) break;
      heap[place] = parent;
      const up = parent.place;
      parent.place = place;
      place = up;
    }
    heap[place] = timer;
    timer.place = place;
  }

  #sink(timer: Timer): void {
    const heap = this.#heap;
    let { place } = timer;
    for (;;) {
      const left = heap[2 * place + 1];
      if (left === undefined) break;
      const right = heap[2 * place + 2];
      const least = right !== undefined && before(right, left) ? right : left;
      if (!before(least, timer)) break;
      const down = least.place;
      heap[place] = least;
      least.place = place;
      place = down;
    }
    heap[place] = timer;
    timer.place = place;
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
