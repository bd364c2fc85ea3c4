/**
 * How one who comes in meets the room: what is shown of the time before, and when the new begins.
 *
 * A newcomer is `ready` when the neighbour that let it in has said how far it is: the baseline. What lies below
 * it and isn't later than the newcomer's admission is history, of which the last few messages are shown; all
 * else was sent to a room with the newcomer in it, and is shown whatever way it comes. Until the newcomer has
 * caught up nothing is shown at all, so that an answer is never shown before its question.
 *
 * One who returns has been told everything up to the last record `shown`; all that comes is new to it. One
 * that was killed on its way in goes on with the baseline it had.
 */

import type { Stream, StreamKey } from "./stream.ts";
import { streamKey } from "./stream.ts";
import type { StreamEntry } from "./messages.ts";
import { ARRIVAL_HELD_MAX } from "./limits.ts";

/** guess: a neighbour that doesn't answer for so long is busy; the user needn't wait for it. */
export const BASELINE_MS_MAX = 2_000;
/** As every wait that has no bound of its own. */
export const CATCH_UP_MS_MAX = 10_000;

/** `joining`: the baseline isn't known. `catching-up`: nothing is shown yet. `here`: all is shown as it comes. */
export type ArrivalState = "joining" | "catching-up" | "here";

export class Arrival<Shown> {
  #state: ArrivalState;
  readonly #admittedTime: number;
  readonly #baseline = new Map<StreamKey, number>();
  #entries: readonly StreamEntry[] = [];
  /** What lies above the baseline, or came before it, in the order of its delivery. */
  #held: {
    readonly stream: StreamKey;
    readonly counter: number;
    readonly time: number;
    readonly shown: Shown;
  }[] = [];

  /**
   * @param newcomer Whether it hasn't been shown anything of this room.
   * @param baseline What a process of this profile that was killed on the way in had as its baseline.
   * @param admittedTime Room time at which this process was let in: who reads that it joined and greets it may
   *   be quicker than the baseline. Null where that time is an earlier process's.
   */
  constructor(
    newcomer: boolean,
    baseline: readonly StreamEntry[] | null,
    admittedTime: number | null = null,
  ) {
    this.#admittedTime = admittedTime ?? Infinity;
    this.#state = newcomer ? "joining" : "here";
    if (baseline !== null) this.setBaseline(baseline);
  }

  get state(): ArrivalState {
    return this.#state;
  }

  /** For the disk, while it is needed: null before it is known, and once all is shown. */
  get baseline(): readonly StreamEntry[] | null {
    return this.#state === "catching-up" ? this.#entries : null;
  }

  /** The first neighbour's frontiers: below them is history. */
  setBaseline(entries: readonly StreamEntry[]): void {
    if (this.#state !== "joining") return;
    this.#entries = entries;
    for (const entry of entries) this.#baseline.set(streamKey(entry), entry.counter);
    this.#held = this.#held.filter(({ stream, counter, time }) =>
      !this.#isHistory(stream, counter, time)
    );
    this.#state = "catching-up";
  }

  /**
   * Takes a delivered message in, said at this room time.
   * @returns Whether it is to be shown now; otherwise it is history, or is given back by `finish`.
   */
  take(stream: Stream, counter: number, time: number, shown: Shown): boolean {
    if (this.#state === "here") return true;
    const key = streamKey(stream);
    if (!this.#isHistory(key, counter, time)) {
      this.#held.push({ stream: key, counter, time, shown });
    }
    return false;
  }

  /** Whether a message of this room time was said to one who is just coming in. */
  isSaidTo(time: number): boolean {
    return this.#state !== "here" && time > this.#admittedTime;
  }

  #isHistory(stream: StreamKey, counter: number, time: number): boolean {
    return counter <= (this.#baseline.get(stream) ?? 0) && !this.isSaidTo(time);
  }

  /** Whether so much waits that what is missing must be given up. */
  get full(): boolean {
    return this.#held.length >= ARRIVAL_HELD_MAX;
  }

  /**
   * Caught up, or waited long enough.
   * @returns What was held, to be shown after the history. Without a baseline nothing is: until now this
   *   member wasn't in the room for its user.
   */
  finish(): readonly Shown[] {
    const held = this.#held.splice(0);
    const shown = this.#state === "joining" ? [] : held.map(({ shown }) => shown);
    this.#state = "here";
    this.#baseline.clear();
    this.#entries = [];
    return shown;
  }
}
