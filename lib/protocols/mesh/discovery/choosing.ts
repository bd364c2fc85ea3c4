/**
 * Which of the announced rooms to join. One's own is taken as soon as it is heard; another one when it was the only one
 * for a moment. Of several, some may just be about to become one, as their founders have met: that is waited for, and
 * then it is the user's choice.
 */

import { Deadlines } from "../../../base/machine/machine.ts";
import type { RoomId } from "../../../base/ids.ts";
import type { AnnouncedRoom } from "./announced_rooms.ts";

/** Where nothing was announced by then, a room is founded. */
const SEEKING_MS = 1_500;
/** For other rooms, and for other members of the same one. */
const GATHERING_MS = 500;
/** Founders that met have become one room by then. */
const MERGING_MS = 700;
/** However many rooms are made up one after the other. */
const SEEKING_MS_MAX = 3_000;

export type Choice =
  /** One of those that were looked for. */
  | { readonly kind: "own"; readonly room: RoomId; readonly announced: AnnouncedRoom }
  | { readonly kind: "other"; readonly announced: AnnouncedRoom }
  | { readonly kind: "several"; readonly announced: readonly AnnouncedRoom[] }
  /** Nothing of use is announced, private rooms perhaps. */
  | { readonly kind: "none"; readonly hasPrivate: boolean };

/** What is announced, as the one that looks for a room sees it. */
export interface Seen {
  /** The rooms that it looks for. */
  readonly own: readonly (readonly [RoomId, AnnouncedRoom])[];
  /** Those that it could join instead. */
  readonly others: readonly AnnouncedRoom[];
  /** Whether there are private ones, into which nobody comes by that they are announced. */
  readonly hasPrivate: boolean;
}

export class Choosing {
  /** Null while nothing is to be chosen. */
  #sinceMs: number | null = null;
  readonly #deadlines = new Deadlines({
    /** When it may be time to decide. */
    decide: (nowMs) => this.#consider(nowMs),
    /** When it is asked once more, as messages get lost. */
    ask: () => this.ask(),
  });

  /** @param waits Whether another room is only taken when the ones that are looked for have had their time. */
  constructor(
    readonly seen: (nowMs: number) => Seen,
    readonly waits: boolean,
    readonly ask: () => void,
    readonly chosen: (choice: Choice) => void,
  ) {}

  begin(nowMs: number): void {
    this.#sinceMs = nowMs;
    this.ask();
    this.#deadlines.set("ask", nowMs + 1_000);
    this.#deadlines.set("decide", nowMs + SEEKING_MS);
  }

  /** Something was heard. */
  heard(nowMs: number): void {
    if (this.#sinceMs !== null) this.#consider(nowMs);
  }

  nextMs(): number | null {
    return this.#deadlines.nextMs();
  }

  tick(nowMs: number): void {
    this.#deadlines.tick(nowMs);
  }

  stop(): void {
    this.#sinceMs = null;
    this.#deadlines.clearAll();
  }

  #consider(nowMs: number): void {
    const sinceMs = this.#sinceMs;
    if (sinceMs === null) return;
    const { own: [own], others, hasPrivate } = this.seen(nowMs);
    if (own !== undefined) return this.#choose({ kind: "own", room: own[0], announced: own[1] });
    const dueMs = this.#dueMs(sinceMs, others);
    if (nowMs < dueMs) return this.#deadlines.set("decide", dueMs);
    const [first, ...more] = others;
    if (first === undefined) this.#choose({ kind: "none", hasPrivate });
    else if (more.length === 0) this.#choose({ kind: "other", announced: first });
    else this.#choose({ kind: "several", announced: others });
  }

  #dueMs(sinceMs: number, others: readonly AnnouncedRoom[]): number {
    const [first, ...more] = others;
    if (first === undefined || (this.waits && more.length === 0)) return sinceMs + SEEKING_MS;
    if (more.length === 0) return first.firstMs + GATHERING_MS;
    const latestMs = Math.max(...others.map(({ firstMs }) => firstMs));
    return Math.max(
      sinceMs + SEEKING_MS,
      Math.min(sinceMs + SEEKING_MS_MAX, latestMs + MERGING_MS),
    );
  }

  #choose(choice: Choice): void {
    this.stop();
    this.chosen(choice);
  }
}
