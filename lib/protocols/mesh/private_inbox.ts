/**
 * Private messages from others: which of each sender's were shown, so that each is shown once, and what came before
 * its turn.
 *
 * A sender sends nothing of an incarnation before its receiver has, or will never get, all of those before: so what
 * is below all that is known here of a sender was shown. Several incarnations are known, and not the latest alone:
 * of two copies of a profile each may have typed something, and the one that came in first is no older message of
 * the other one.
 */

import { dropOldestUnkept } from "../../base/bounded.ts";
import { DeadlineQueue } from "../../base/deadline_queue.ts";
import type { PeerKey } from "../../base/ids.ts";
import { addTo, removeFrom } from "../../base/sets_by_key.ts";
import {
  FRONTIER_AUTHORS_MAX,
  HEAD_MEMORY_BYTES,
  INCARNATIONS_PER_AUTHOR_MAX,
  PRIVATE_EARLY_BYTES_MAX,
  PRIVATE_EARLY_MAX,
  PRIVATE_EARLY_STREAMS_MAX,
  PRIVATE_MEMORY_BYTES_MIN,
} from "./limits.ts";
import type { ReceivedPlace, ShownBundles } from "./private_messages_io.ts";
import type { Content } from "./private_sealing.ts";
import type { MeshRecord } from "./records.ts";
import { type Stream as RoomStream, type StreamKey, streamKey } from "./stream.ts";

interface Early extends Content {
  readonly arrivedMs: number;
  /** In memory. */
  readonly bytes: number;
}

/** Of one incarnation of a sender. */
interface Stream {
  readonly from: PeerKey;
  readonly incarnation: number;
  /** The last counter that was handed to the user. */
  shown: number;
  /** The last one that the user has seen: it is acknowledged. */
  seen: number;
  /** Those that came before their turn, by counter; at most PRIVATE_EARLY_MAX for each sender. */
  readonly early: Map<number, Early>;
  /** Of the room: what the next one waits for first; null where it waits for none. */
  cause: StreamKey | null;
}

/** A message whose turn has come. */
export interface Received {
  readonly place: ReceivedPlace;
  readonly content: Content;
}

/**
 * What becomes of a message that came: it is `again`, known through this counter; or waits for its turn here, as a
 * `new` one or as it did before.
 */
export type Reception = { readonly again: number } | "new" | "known" | "no room";

export class PrivateInbox {
  /** By sender, then incarnation; who wrote last is at the end. */
  readonly #senders = new Map<PeerKey, Map<number, Stream>>();
  /** Those with messages that came before their turn; at most `PRIVATE_EARLY_STREAMS_MAX`. */
  readonly #waiting = new Set<Stream>();
  /** Those of them whose turn it is, once what their sender had been shown is: until when that is waited for. */
  readonly #next = new DeadlineQueue<Stream>();
  /** The same, by what they wait for first: a crowd of others costs no step. */
  readonly #byCause = new Map<StreamKey, Set<Stream>>();
  /** Those of which something may be due. */
  readonly #unsettled = new Set<Stream>();
  /** What came early takes so much. */
  #earlyBytes = 0;
  /** Handed to the user, and not seen yet. */
  #unseen = 0;

  constructor(
    records: readonly MeshRecord[],
    readonly room: Pick<ShownBundles, "isShown">,
    readonly isHere: (sender: PeerKey) => boolean,
    readonly causeMs: number,
  ) {
    for (const record of records) {
      if (record.kind !== "private-received") continue;
      const stream = this.#streamFor(record.from, record.incarnation);
      if (stream !== null) stream.seen = stream.shown = Math.max(stream.seen, record.counter);
    }
  }

  /** Whether the user hasn't seen something yet that was handed out to be shown. */
  get isAwaitingSeen(): boolean {
    return this.#unseen > 0;
  }

  /** The records that a compacted log needs. */
  snapshot(): readonly MeshRecord[] {
    return [...this.#senders.values()].flatMap((streams) =>
      [...streams.values()].filter(({ seen }) => seen > 0).map(receivedRecord)
    );
  }

  postpone(delayMs: number): void {
    for (const { early } of this.#waiting) {
      for (const [counter, one] of early) {
        early.set(counter, { ...one, arrivedMs: one.arrivedMs + delayMs });
      }
    }
    this.#next.postpone(delayMs);
  }

  /** When the next one is shown although what its sender had been shown hasn't come. */
  nextDeadlineMs(): number | null {
    return this.#next.nextMs();
  }

  take({ from, incarnation, counter }: ReceivedPlace, content: Content, nowMs: number): Reception {
    const stream = this.#streamFor(from, incarnation);
    if (stream === null) return { again: counter };
    if (counter <= stream.shown) return { again: stream.seen };
    const known = stream.early.get(counter);
    const bytes = memoryOf(content);
    const isShownNow = content.previous <= stream.shown && this.#isCaused(content);
    if (!isShownNow && !this.#hasRoomFor(stream, known, bytes)) return "no room"; // its sender sends it again
    // What its sender holds before it only gets less, and an older one may come later.
    const previous = Math.min(content.previous, known?.previous ?? Infinity);
    const arrivedMs = known?.arrivedMs ?? nowMs;
    stream.early.set(counter, { ...content, previous, arrivedMs, bytes });
    this.#earlyBytes += bytes - (known?.bytes ?? 0);
    this.#waiting.add(stream);
    if (isShownNow) this.#unsettled.add(stream);
    else this.#await(stream);
    return known === undefined ? "new" : "known";
  }

  /** More of this stream of the room was shown, or of any (null). */
  shown(of: RoomStream | null): void {
    const some = of === null ? this.#waiting : this.#byCause.get(streamKey(of)) ?? [];
    for (const stream of some) this.#unsettled.add(stream);
  }

  #hasRoomFor(stream: Stream, known: Early | undefined, bytes: number): boolean {
    const isOneMore = !this.#waiting.has(stream);
    if (isOneMore && this.#waiting.size >= PRIVATE_EARLY_STREAMS_MAX) return false;
    if (this.#earlyBytes + bytes - (known?.bytes ?? 0) > PRIVATE_EARLY_BYTES_MAX) return false;
    if (known !== undefined) return true;
    let early = 0;
    for (const of of this.#senders.get(stream.from)?.values() ?? []) early += of.early.size;
    return early < PRIVATE_EARLY_MAX;
  }

  #isCaused(content: Content): boolean {
    return this.#causeOf(content) === null;
  }

  /** The stream of the first head that isn't shown. */
  #causeOf({ heads }: Content): StreamKey | null {
    const head = heads.find((head) => !this.room.isShown(head));
    return head === undefined ? null : streamKey(head);
  }

  /** Takes all whose turn has come: of each sender's incarnation some in their order, one at least. */
  takeDue(nowMs: number): readonly (readonly Received[])[] {
    for (const stream of this.#next.takeDue(nowMs)) this.#unsettled.add(stream);
    const due = [...this.#unsettled].map((stream) => this.#takeDueOf(stream, nowMs));
    this.#unsettled.clear();
    return due.filter((some) => some.length > 0);
  }

  /**
   * The user has seen this one, and all before it.
   * @returns What says so on disk; null where a later one is about to be seen, too: of a burst the last one speaks
   *   for all.
   */
  seen({ from, incarnation, counter }: ReceivedPlace): MeshRecord | null {
    this.#unseen--;
    // Where it was forgotten meanwhile, for thousands of others, its sender is answered all the same.
    const stream = this.#senders.get(from)?.get(incarnation);
    if (stream !== undefined) stream.seen = Math.max(stream.seen, counter);
    if (stream !== undefined && stream.shown > counter) return null;
    return { kind: "private-received", from, incarnation, counter };
  }

  #takeDueOf(stream: Stream, nowMs: number): readonly Received[] {
    const due: Received[] = [];
    const { from, incarnation, early } = stream;
    for (let next; (next = nextOf(stream)) !== null;) {
      const [counter, content] = next;
      if (!this.#isCaused(content) && content.arrivedMs + this.causeMs > nowMs) break;
      this.#drop(stream, counter);
      stream.shown = counter;
      due.push({ place: { from, incarnation, counter }, content });
    }
    for (const counter of early.keys()) if (counter <= stream.shown) this.#drop(stream, counter);
    this.#await(stream);
    if (due.length > 0) this.#unseen++;
    return due;
  }

  /** Its next one is looked at again when what it waits for is shown, or when that was waited for. */
  #await(stream: Stream): void {
    const next = nextOf(stream)?.[1] ?? null;
    this.#next.set(stream, next === null ? null : next.arrivedMs + this.causeMs);
    const cause = next === null ? null : this.#causeOf(next);
    if (cause === stream.cause) return;
    if (stream.cause !== null) removeFrom(this.#byCause, stream.cause, stream);
    stream.cause = cause;
    if (cause !== null) addTo(this.#byCause, cause, stream);
  }

  /** Null for one that is older than all that is known of this sender. */
  #streamFor(from: PeerKey, incarnation: number): Stream | null {
    const streams = this.#senders.get(from) ?? new Map<number, Stream>();
    this.#senders.delete(from);
    this.#senders.set(from, streams);
    const known = streams.get(incarnation);
    if (known !== undefined) return known;
    if (streams.size >= INCARNATIONS_PER_AUTHOR_MAX) {
      const oldest = Math.min(...streams.keys());
      if (incarnation < oldest) return null;
      this.#forget(streams.get(oldest)!);
      streams.delete(oldest);
    }
    const stream = { from, incarnation, shown: 0, seen: 0, early: new Map(), cause: null };
    streams.set(incarnation, stream);
    this.#forgetSilent();
    return stream;
  }

  /** Whoever was silent the longest goes, of those who aren't here: what one who is here wrote can be repeated to us. */
  #forgetSilent(): void {
    dropOldestUnkept(this.#senders, FRONTIER_AUTHORS_MAX, this.isHere, (streams) => {
      for (const stream of streams.values()) this.#forget(stream);
    });
  }

  #forget(stream: Stream): void {
    for (const counter of stream.early.keys()) this.#drop(stream, counter);
    this.#await(stream);
    this.#unsettled.delete(stream);
  }

  #drop(stream: Stream, counter: number): void {
    this.#earlyBytes -= stream.early.get(counter)?.bytes ?? 0;
    stream.early.delete(counter);
    if (stream.early.size === 0) this.#waiting.delete(stream);
  }
}

function memoryOf({ text, heads }: Content): number {
  return 2 * text.length + HEAD_MEMORY_BYTES * heads.length + PRIVATE_MEMORY_BYTES_MIN;
}

/**
 * The lowest whose turn it is. What waits below it never has one: its sender holds nothing before this one any more,
 * since another copy of our profile has acknowledged it, say.
 */
function nextOf({ early, shown }: Stream): readonly [number, Early] | null {
  let next: readonly [number, Early] | null = null;
  for (const [counter, content] of early) {
    if (counter <= shown || content.previous > shown) continue;
    if (next === null || counter < next[0]) next = [counter, content];
  }
  return next;
}

function receivedRecord({ from, incarnation, seen: counter }: Stream): MeshRecord {
  return { kind: "private-received", from, incarnation, counter };
}
