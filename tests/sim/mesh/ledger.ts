/**
 * The room as its users lived it: who typed what, knowing what, and who was shown it. Kept by the simulator
 * from what it typed and saw alone, so that checkers judge the protocol by nothing the protocol says.
 *
 * Each process of a member types a stream of numbered messages. What somebody knew when typing is, for each
 * stream, the last number that they had been shown: within a stream a user knows all that they typed. What
 * was shown while the disk refused it (the user is told that it isn't kept) is known to that process alone:
 * the next one can't name it, and an answer typed there isn't held back for it. Nor is it for what came
 * before another's message that is proven to be a lie: it stood for that, and those who never took it in
 * don't know what it stood for. The program may know of the lie before its user does.
 */

import type { MeshEvent } from "../../../lib/protocols/mesh/events.ts";
import { type Stream, type StreamKey, streamKey } from "../../../lib/protocols/mesh/stream.ts";
import type { Header } from "../../../lib/protocols/mesh/structures.ts";

export type MessageEvent = Extract<MeshEvent, { readonly event: "message" }>;

/** One message that a user typed. Its text is its own: no other has the same. */
export interface Said {
  readonly index: number;
  readonly text: string;
  /** Index of the member, and its key. */
  readonly author: number;
  readonly key: string;
  /** The author's process: each start types a stream of its own. */
  readonly stream: number;
  /** From 1 in its stream. */
  readonly place: number;
  readonly saidAtMs: number;
  /** By stream: the last place that its author had been shown. */
  knew: readonly number[];
  /** The receiver of a private message; null for one to all. */
  readonly to: string | null;
  /** Said by one whose program lies: nothing is promised of it. */
  readonly lie: boolean;
  /** Room time of its bundle, once that is made. */
  time: number | null;
  /** What the program called it, once it was shown anywhere. */
  id: string | null;
  /** Whether the author was told that it isn't sent, or won't arrive. */
  refused: boolean;
}

/** What one profile's user has been shown, in order. */
export class ShownLog {
  readonly order: Said[] = [];
  readonly #shown = new Set<Said>();
  /** By stream: the last place shown since the last lie, of what the profile's program can know of. */
  last: number[] = [];
  /** Where in `order` a lie was shown. */
  readonly #lies = new Set<number>();
  /** Shown once, and not known to the program that runs. */
  readonly #forgotten = new Set<Said>();

  has(said: Said): boolean {
    return this.#shown.has(said);
  }

  /** Notes that it was shown, perhaps not for the first time. */
  add(said: Said): void {
    if (!this.#shown.has(said)) this.order.push(said);
    this.#shown.add(said);
    this.#forgotten.delete(said);
    if (said.to === null) raise(this.last, said.stream, said.place);
  }

  /**
   * A process begins on a profile whose disk had refused some of what was shown: of all this, its program
   * knows what is `stored`, whatever its user remembers.
   */
  knowOnly(stored: (said: Said) => boolean): void {
    this.last = [];
    this.order.forEach((said, at) => {
      if (this.#lies.has(at)) this.last = [];
      if (!stored(said)) this.#forgotten.add(said);
      else if (said.to === null) raise(this.last, said.stream, said.place);
    });
    if (this.#lies.has(this.order.length)) this.last = [];
  }

  /** What was said to all, was shown, and can be had from the program that runs. */
  *held(): Generator<Said> {
    for (const said of this.order) {
      if (said.to === null && !this.#forgotten.has(said)) yield said;
    }
  }

  addLie(): void {
    this.last = [];
    this.#lies.add(this.order.length);
  }

  /** A log of its own with the same content: a profile was copied. */
  copy(count: number): ShownLog {
    const log = new ShownLog();
    for (const [at, said] of this.order.slice(0, count).entries()) {
      if (this.#lies.has(at)) log.addLie();
      log.add(said);
    }
    if (this.#lies.has(count)) log.addLie();
    return log;
  }
}

/** Sets `values[at]` to `value` where it is less; what isn't there is 0. */
export function raise(values: number[], at: number, value: number): void {
  while (values.length <= at) values.push(0);
  if (value > values[at]!) values[at] = value;
}

export class Ledger {
  readonly said: Said[] = [];
  /** What liars had made-up authors say, and was shown: it is kept beside the rest. */
  readonly madeUp = new Set<string>();
  readonly #byText = new Map<string, Said>();
  /** In the streams of the program. */
  readonly #byStream = new Map<StreamKey, { readonly said: Said; readonly counter: number }[]>();
  #streams = 0;
  readonly #places: number[] = [];
  /** By stream: what its messages so far knew, and so all that follow. */
  readonly #knew: number[][] = [];

  newStream(): number {
    this.#places.push(0);
    this.#knew.push([]);
    return this.#streams++;
  }

  byText(text: string): Said | undefined {
    return this.#byText.get(text);
  }

  /** Notes that a member types `words`, made a text of its own, or sends it to `to` alone. */
  type(
    author: {
      readonly index: number;
      readonly key: string;
      readonly shown: ShownLog;
      readonly config: { readonly liar: string | null };
    },
    stream: number,
    words: string,
    nowMs: number,
    to: string | null,
  ): Said {
    const index = this.said.length;
    const place = ++this.#places[stream]!;
    // No later one follows a private message.
    const known = to === null ? this.#knew[stream]! : [...this.#knew[stream]!];
    author.shown.last.forEach((last, other) => raise(known, other, last));
    raise(known, stream, place - 1);
    const knew = [...known];
    const said: Said = {
      index,
      text: `${to === null ? "m" : "p"}${index} ${words}`,
      author: author.index,
      key: author.key,
      stream,
      place,
      saidAtMs: nowMs,
      knew,
      to,
      lie: to === null && author.config.liar !== null,
      time: null,
      id: null,
      refused: false,
    };
    this.said.push(said);
    this.#byText.set(said.text, said);
    return said;
  }

  /** It is in a bundle with this header. */
  bundled(said: Said, { author, incarnation, counter, time }: Header): void {
    said.time = time;
    const key = streamKey({ author, incarnation });
    const stream = this.#byStream.get(key) ?? [];
    this.#byStream.set(key, stream);
    stream.push({ said, counter });
  }

  /** What was said in a stream of the program's, up to this counter. */
  *upTo(stream: Stream, counter: number): Generator<Said> {
    for (const bundled of this.#byStream.get(streamKey(stream)) ?? []) {
      if (bundled.counter <= counter) yield bundled.said;
    }
  }

  /** A bundle of it is made: of what it knew, it can name no more than `named`, by stream. */
  limit(said: Said, named: readonly number[]): void {
    if (said.to !== null) return;
    const limited = said.knew.map((place, stream) =>
      stream === said.stream ? place : Math.min(place, named[stream] ?? 0)
    );
    said.knew = limited;
    this.#knew[said.stream] = [...limited];
  }
}
