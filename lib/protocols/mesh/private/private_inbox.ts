/**
 * Private messages from others: which ones of each sender were shown, so that each is shown once, and those that came
 * before their turn.
 *
 * A sender sends nothing of an incarnation before its receiver has, or will never get, all of the earlier ones: so a
 * message of an incarnation below all that are known of its sender was shown. Several incarnations are known, not
 * only the latest: each of two copies of a profile may have typed something, and the messages of the one that joined
 * first aren't older messages of the other.
 */

import { addTo, dropOldestUnkept, removeFrom } from "../../../base/collections/bounded.ts";
import { DeadlineQueue } from "../../../base/collections/deadline_queue.ts";
import type { PeerKey } from "../../../base/ids.ts";
import {
  FRONTIER_AUTHORS_MAX,
  HEAD_MEMORY_BYTES,
  INCARNATIONS_PER_AUTHOR_MAX,
  PRIVATE_EARLY_BYTES_MAX,
  PRIVATE_EARLY_MAX,
  PRIVATE_EARLY_STREAMS_MAX,
  PRIVATE_MEMORY_BYTES_MIN,
} from "../schema/limits.ts";
import type { ReceivedPlace, ShownBundles } from "./private_messages_io.ts";
import type { Content } from "./private_sealing.ts";
import type { MeshRecord } from "../schema/records.ts";
import { type Stream as RoomStream, type StreamKey, streamKey } from "../schema/structures.ts";

interface Early extends Content {
  readonly arrivedMs: number;
  /** How much memory the message takes. */
  readonly bytes: number;
}

/** The messages of one incarnation of a sender. */
interface Stream {
  readonly from: PeerKey;
  readonly incarnation: number;
  /** The last counter that was handed to the user. */
  shown: number;
  /** The last counter that the user has seen, which is acknowledged. */
  seen: number;
  /** Messages that came before their turn, by counter; at most PRIVATE_EARLY_MAX for each sender. */
  readonly early: Map<number, Early>;
  /** The stream of the room for which the next message waits first; null where it waits for none. */
  cause: StreamKey | null;
}

/** A message whose turn has come. */
export interface Received {
  readonly place: ReceivedPlace;
  readonly content: Content;
}

/**
 * The outcome for a received message: it was shown before, and is acknowledged `again` through this counter; or it
 * waits for its turn here, as a `new` one, or as a `known` one that waited already.
 */
type Reception = { readonly again: number } | "new" | "known" | "no room";

export class PrivateInbox {
  /** By sender, then incarnation; the sender that wrote last is at the end. */
  readonly #senders = new Map<PeerKey, Map<number, Stream>>();
  /** Streams with messages that came before their turn; at most `PRIVATE_EARLY_STREAMS_MAX`. */
  readonly #waiting = new Set<Stream>();
  /** Streams whose next message waits only for what its sender had been shown, and until when it waits. */
  readonly #next = new DeadlineQueue<Stream>();
  /** The same streams, by what they wait for first, so that a crowd of others costs no time. */
  readonly #byCause = new Map<StreamKey, Set<Stream>>();
  /** Streams of which a message may be due. */
  readonly #unsettled = new Set<Stream>();
  /** Memory of all messages that came before their turn. */
  #earlyBytes = 0;
  /** How many batches were handed to the user and not seen yet. */
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

  /** Whether messages were handed out to be shown that the user hasn't seen yet. */
  get isAwaitingSeen(): boolean {
    return this.#unseen > 0;
  }

  /** The records that a compacted log needs. */
  snapshot(): readonly MeshRecord[] {
    return [...this.#senders.values()].flatMap((streams) =>
      [...streams.values()].filter(({ seen }) => seen > 0).map(receivedRecord)
    );
  }

  /** When the next message is shown although what its sender had been shown wasn't shown here. */
  nextMs(): number | null {
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
    // `previous`, the last message before it that its sender still holds, only falls; an older copy may come later.
    const previous = Math.min(content.previous, known?.previous ?? Infinity);
    const arrivedMs = known?.arrivedMs ?? nowMs;
    stream.early.set(counter, { ...content, previous, arrivedMs, bytes });
    this.#earlyBytes += bytes - (known?.bytes ?? 0);
    this.#waiting.add(stream);
    if (isShownNow) this.#unsettled.add(stream);
    else this.#await(stream);
    return known === undefined ? "new" : "known";
  }

  /** More of this stream of the room was shown; null: of any stream. */
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

  /** Takes all messages whose turn has come: a non-empty list, in order, for each stream that has any. */
  takeDue(nowMs: number): readonly (readonly Received[])[] {
    for (const stream of this.#next.takeDue(nowMs)) this.#unsettled.add(stream);
    const due = [...this.#unsettled].map((stream) => this.#takeDueOf(stream, nowMs));
    this.#unsettled.clear();
    return due.filter((some) => some.length > 0);
  }

  /**
   * The user has seen this message, and all before it.
   * @returns The record that says so; null where a later one is about to be seen, too: the last one of a burst counts
   *   for all.
   */
  seen({ from, incarnation, counter }: ReceivedPlace): MeshRecord | null {
    this.#unseen--;
    // The stream may have been forgotten meanwhile, for thousands of others: its sender is answered all the same.
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

  /** Has the stream's next message looked at again when what it waits for is shown, or its time is over. */
  #await(stream: Stream): void {
    const next = nextOf(stream)?.[1] ?? null;
    this.#next.set(stream, next === null ? null : next.arrivedMs + this.causeMs);
    const cause = next === null ? null : this.#causeOf(next);
    if (cause === stream.cause) return;
    if (stream.cause !== null) removeFrom(this.#byCause, stream.cause, stream);
    stream.cause = cause;
    if (cause !== null) addTo(this.#byCause, cause, stream);
  }

  /** Null for an incarnation older than all that are known of this sender. */
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

  /** Forgets the longest silent sender of those that aren't here: one that is here may still repeat its messages. */
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
 * The lowest message whose turn it is. A lower one that waits never has a turn: its sender holds nothing before this
 * one any more, for instance since another copy of our profile has acknowledged it.
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
