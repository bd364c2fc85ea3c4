/**
 * A range that is being sent to one neighbour, in room order, so that parents come first. Nothing is copied: it
 * holds only a position in the kept bundles and how far each stream was sent. The neighbour's confirmations set
 * the pace.
 */

import { lastCounter, wireBytes } from "../log/bundle.ts";
import { SYNC_BUNDLE_BYTES_MIN, SYNC_STREAMS_MAX, SYNC_WINDOW_BYTES } from "../schema/limits.ts";
import type { OrderQueries, RoomPosition } from "../log/order_io.ts";
import { type Stream, type StreamKey, streamKey } from "../schema/author_stream.ts";
import type { Bundle } from "../schema/structures.ts";
import type { BundleId } from "../../../base/ids.ts";

/** How many bytes of the window a bundle takes, on both sides. */
export function windowBytesOf(bundle: Bundle): number {
  return Math.max(SYNC_BUNDLE_BYTES_MIN, wireBytes(bundle));
}

/** An id before all others: a position before the first bundle of a time. */
const BEFORE_ALL = "" as BundleId;

export class SyncSupply {
  /** How far each stream was sent. */
  readonly #sentTo = new Map<StreamKey, number>();
  #position: RoomPosition | null = null;
  #sentBytes = 0;
  #confirmedBytes = 0;
  #windowBytes = 0;
  /** Kept bundles that were looked at and weren't asked for, since the last `takePassedOver`. */
  #passedOver = 0;
  /** Questions that this range answers, each with one `sync-done`. */
  questions = 0;
  /** Whether the link was given all of it. */
  isSent = false;

  constructor(readonly order: Pick<OrderQueries, "firstKept" | "nextInOrder">) {}

  get begun(): boolean {
    return this.#sentBytes > 0;
  }

  /**
   * Adds a further question.
   * @returns False where too many streams are asked for.
   */
  add(wants: readonly (Stream & { readonly after: number })[], windowBytes: number): boolean {
    this.questions++;
    this.#windowBytes = Math.min(windowBytes, SYNC_WINDOW_BYTES);
    for (const want of wants) {
      const first = this.order.firstKept(want, want.after);
      if (first === null) continue;
      if (this.#sentTo.size >= SYNC_STREAMS_MAX) return false;
      this.#sentTo.set(streamKey(want), want.after);
      // Bundles of this stream may come before what was sent already.
      if (this.#position === null || first.time <= this.#position.time) {
        this.#position = { time: first.time, id: BEFORE_ALL };
      }
    }
    return true;
  }

  /**
   * The neighbour has taken in so many bytes since it began to ask. It may count those of an earlier range that was
   * given up; one that confirms too much has too much in flight to itself, and costs us nothing.
   */
  confirm(bytes: number): void {
    this.#confirmedBytes = Math.max(this.#confirmedBytes, Math.min(bytes, this.#sentBytes));
  }

  takePassedOver(): number {
    const passedOver = this.#passedOver;
    this.#passedOver = 0;
    return passedOver;
  }

  /** The next bundle; `null` at the end, `"full"` while the window is full. */
  next(): Bundle | "full" | null {
    while (this.#sentBytes - this.#confirmedBytes < this.#windowBytes) {
      const entry = this.#sentTo.size === 0 ? null : this.order.nextInOrder(this.#position);
      if (entry === null) return null;
      this.#position = entry;
      const header = entry.bundle.header.value;
      const key = streamKey(header);
      const last = lastCounter(header);
      const sentTo = this.#sentTo.get(key);
      if (sentTo === undefined || last <= sentTo) {
        this.#passedOver++;
        continue;
      }
      this.#sentTo.set(key, last);
      this.#sentBytes += windowBytesOf(entry.bundle);
      return entry.bundle;
    }
    return "full";
  }
}
