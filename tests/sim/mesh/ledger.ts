/**
 * The room from its users' view: who typed which message, knowing which others, and who was shown it. The simulator
 * records only what it types and what is shown, so that checkers don't rely on anything that the protocol reports.
 *
 * Each process of a member types a stream of numbered messages. What an author knew when typing is, for each stream,
 * the last number that it had been shown; within its own stream an author knows everything it typed. Messages shown
 * while the disk refused them (the user is told that they aren't stored) are known to that process only: the next
 * process can't reference them, so an answer typed there isn't held back for them. Nor is it held back for messages
 * shown before one that is proven to be a lie: the answer references the lie in their place, and members that never
 * accepted the lie don't know what it referenced. The program may know about the lie before its user does.
 */

import type { MeshEvent } from "../../../lib/protocols/mesh/schema/events.ts";
import {
  type Header,
  type Stream,
  type StreamKey,
  streamKey,
} from "../../../lib/protocols/mesh/schema/structures.ts";

export type MessageEvent = Extract<MeshEvent, { readonly event: "message" }>;

/** A message that a user typed. Its text is unique. */
export interface Said {
  readonly index: number;
  readonly text: string;
  /** The author's index and key. */
  readonly author: number;
  readonly key: string;
  /** The stream of the author's process: each start begins another one. */
  readonly stream: number;
  /** Its number in the stream, from 1. */
  readonly place: number;
  readonly saidAtMs: number;
  /** By stream: the last place that its author knew. */
  knew: readonly number[];
  /** The receiver of a private message; null for one to all. */
  readonly to: string | null;
  /** Whether its author is a liar: then nothing is promised about it. */
  readonly lie: boolean;
  /** Room time of its bundle, once there is one. */
  time: number | null;
  /** The id that programs gave it, once it was shown anywhere. */
  id: string | null;
  /** Whether the author was told that it isn't sent, or won't arrive. */
  refused: boolean;
}

/** The messages that one profile's user was shown, in order. */
export class ShownLog {
  readonly order: Said[] = [];
  readonly #shown = new Set<Said>();
  /** By stream: the last place shown since the last lie, of the messages that the profile's program can know. */
  last: number[] = [];
  /** The indices in `order` before which a lie was shown. */
  readonly #lies = new Set<number>();
  /** Messages that were shown, but that the running program doesn't know. */
  readonly #forgotten = new Set<Said>();

  has(said: Said): boolean {
    return this.#shown.has(said);
  }

  /** Whether it was shown and the running program still has it. */
  holds(said: Said): boolean {
    return this.#shown.has(said) && !this.#forgotten.has(said);
  }

  /** Notes that a message was shown, perhaps not for the first time. */
  add(said: Said): void {
    if (!this.#shown.has(said)) this.order.push(said);
    this.#shown.add(said);
    this.#forgotten.delete(said);
    if (said.to === null) raise(this.last, said.stream, said.place);
  }

  /**
   * A process starts on a profile whose disk had refused some of the shown messages: the program knows only those
   * that are `stored`, whatever its user remembers.
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

  /** The shown messages to all that the running program still has. */
  *held(): Generator<Said> {
    for (const said of this.order) {
      if (said.to === null && !this.#forgotten.has(said)) yield said;
    }
  }

  addLie(): void {
    this.last = [];
    this.#lies.add(this.order.length);
  }

  /** The first `count` messages as a separate log, for a copy of the profile. */
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

/** Raises `values[at]` to `value` if it is less; missing values are 0. */
export function raise(values: number[], at: number, value: number): void {
  while (values.length <= at) values.push(0);
  if (value > values[at]!) values[at] = value;
}

export class Ledger {
  readonly said: Said[] = [];
  /** Shown texts of authors that liars invented; the mesh keeps them with the other messages. */
  readonly madeUp = new Set<string>();
  readonly #byText = new Map<string, Said>();
  /** By the programs' streams. */
  readonly #byStream = new Map<StreamKey, { readonly said: Said; readonly counter: number }[]>();
  #streams = 0;
  readonly #places: number[] = [];
  /** By stream: what its messages so far knew, and so what all later ones know. */
  readonly #knew: number[][] = [];

  newStream(): number {
    this.#places.push(0);
    this.#knew.push([]);
    return this.#streams++;
  }

  byText(text: string): Said | undefined {
    return this.#byText.get(text);
  }

  /**
   * Notes that a member types `words`, with an index that makes the text unique; `to`: the receiver of a private
   * message.
   */
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
    // Later messages don't depend on a private one.
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

  /** The message is in a bundle with this header. */
  bundled(said: Said, { author, incarnation, counter, time }: Header): void {
    said.time = time;
    const key = streamKey({ author, incarnation });
    const stream = this.#byStream.get(key) ?? [];
    this.#byStream.set(key, stream);
    stream.push({ said, counter });
  }

  /** The messages of a program's stream up to this counter. */
  *upTo(stream: Stream, counter: number): Generator<Said> {
    for (const bundled of this.#byStream.get(streamKey(stream)) ?? []) {
      if (bundled.counter <= counter) yield bundled.said;
    }
  }

  /** A bundle with the message was made: of what the message knew, the bundle can reference only `named`, by stream. */
  limit(said: Said, named: readonly number[]): void {
    if (said.to !== null) return;
    const limited = said.knew.map((place, stream) =>
      stream === said.stream ? place : Math.min(place, named[stream] ?? 0)
    );
    said.knew = limited;
    this.#knew[said.stream] = [...limited];
  }
}
