/**
 * How one who comes in meets the room: what is shown of the time before, and when the new begins.
 *
 * A newcomer is `ready` when the neighbour that let it in, or another one if that takes too long, has said how far
 * it is: the baseline. What lies below it and isn't later than the newcomer's first admission is history, of which
 * the last few messages are shown; all else was sent to a room with the newcomer in it, and is shown whatever way it
 * comes. Until the newcomer has caught up nothing is shown at all, so that an answer is never shown before its
 * question.
 *
 * One who returns has been told everything up to the last record `shown`; all that comes is new to it. One
 * that was killed on its way in goes on with the baseline it had, and with the time of its first admission.
 */

import { type Stream, type StreamKey, streamKey } from "../schema/structures.ts";
import type { StreamEntry } from "../schema/messages.ts";
import { ARRIVAL_HELD_MAX } from "../schema/limits.ts";

/** guess: a neighbour that doesn't answer for so long is busy; the user needn't wait for it. */
export const BASELINE_MS_MAX = 2_000;
/** The same in all, for a neighbour that answers each time: a comparison over a slow link takes several round trips. */
export const BASELINE_TOTAL_MS_MAX = 5_000;
/** As every wait that has no bound of its own. */
export const CATCH_UP_MS_MAX = 10_000;

/**
 * Once a newcomer was shown the history, more of it isn't shown as long as it comes, with no longer pauses than this
 * and no longer in all: then nothing counts as history any more. A neighbour may have told a baseline that isn't true,
 * and what others say who don't know yet that we are here would never be shown.
 */
export const HISTORY_QUIET_MS = 10_000;
export const HISTORY_LATE_MS_MAX = 120_000;

/** `joining`: the baseline isn't known. `catching-up`: nothing is shown yet. `here`: all is shown as it comes. */
export type ArrivalState = "joining" | "catching-up" | "here";

export class CatchUpGate<Shown> {
  #state: ArrivalState;
  readonly #admittedTime: number;
  /** Of streams that haven't come so far: what of their history comes late is never shown. */
  readonly #baseline = new Map<StreamKey, number>();
  #entries: readonly StreamEntry[] = [];
  /** Room time at or below which the neighbour that gave the baseline keeps nothing: it may have forgotten streams. */
  #floor = 0;
  /** Messages above the baseline, or that came before it was known, in the order of their delivery. */
  #held: {
    readonly stream: StreamKey;
    readonly counter: number;
    readonly time: number;
    readonly shown: Shown;
  }[] = [];

  /**
   * @param newcomer Whether it hasn't been shown anything of this room.
   * @param baseline What a process of this profile that was killed on the way in had as its baseline.
   * @param admittedTime Room time at which it was first let in: who reads that it joined and greets it may be quicker
   *   than the baseline.
   */
  constructor(
    newcomer: boolean,
    baseline: readonly StreamEntry[] | null,
    admittedTime = Infinity,
  ) {
    this.#admittedTime = admittedTime;
    this.#state = newcomer ? "joining" : "here";
    if (baseline !== null) this.setBaseline(baseline);
  }

  get state(): ArrivalState {
    return this.#state;
  }

  /** The baseline for the disk, while it is needed there: null before it is known, and once all is shown. */
  get baseline(): readonly StreamEntry[] | null {
    return this.#state === "catching-up" ? this.#entries : null;
  }

  /** Sets the baseline, the first neighbour's frontiers: what is below them, or not above its floor, is history. */
  setBaseline(entries: readonly StreamEntry[], floor = 0): void {
    if (this.#state !== "joining") return;
    this.#floor = floor;
    this.#entries = entries;
    for (const entry of entries) this.#baseline.set(streamKey(entry), entry.counter);
    this.#held = this.#held.filter(({ stream, counter, time }) =>
      !this.#isHistory(stream, counter, time)
    );
    this.#state = "catching-up";
  }

  /**
   * Takes in a delivered message of this room time.
   * @returns Whether it is to be shown now; otherwise it is history, or is given back by `finish`.
   */
  take(stream: Stream, counter: number, time: number, shown: Shown): boolean {
    const key = streamKey(stream);
    const isHistory = this.#isHistory(key, counter, time);
    if (counter > (this.#baseline.get(key) ?? Infinity)) this.#baseline.delete(key);
    if (this.#state === "here") return !isHistory;
    if (!isHistory) this.#held.push({ stream: key, counter, time, shown });
    return false;
  }

  /** No more history comes: all that comes from now on is shown. */
  forgetBaseline(): void {
    this.#baseline.clear();
    this.#floor = 0;
  }

  /** Whether a message of this room time was said to a room with this member in it. */
  isSaidTo(time: number): boolean {
    return time > this.#admittedTime;
  }

  #isHistory(stream: StreamKey, counter: number, time: number): boolean {
    const isBelow = counter <= (this.#baseline.get(stream) ?? 0) || time <= this.#floor;
    return isBelow && !this.isSaidTo(time);
  }

  /** Whether so many messages are held that we can't wait any longer for what is missing. */
  get full(): boolean {
    return this.#held.length >= ARRIVAL_HELD_MAX;
  }

  /**
   * Ends the arrival: we have caught up, or waited long enough.
   * @returns The held messages, to be shown after the history. Without a baseline only those that were surely said to
   *   this member: for its user it wasn't in the room until now.
   */
  finish(): readonly Shown[] {
    const hasBaseline = this.#state !== "joining";
    const held = this.#held.splice(0).filter(({ time }) => hasBaseline || this.isSaidTo(time));
    this.#state = "here";
    this.#entries = [];
    return held.map(({ shown }) => shown);
  }
}
