/** Offers and withdrawals on their way to one peer: no faster than it looks at them. What waits keeps its order. */

import { Fifo } from "../../base/collections/fifo.ts";
import { TokenBucket } from "../../base/rates/token_bucket.ts";
import { NEWS_SENT_BURST, NEWS_SENT_PER_S, NEWS_WAITING_MAX } from "./limits.ts";
import type { TransferMessage } from "./messages.ts";

type News = Extract<TransferMessage, { readonly type: "offer" | "withdraw" }>;

export class NewsQueue {
  readonly #rate = new TokenBucket(NEWS_SENT_PER_S, NEWS_SENT_BURST);
  readonly #waiting = new Fifo<News>();

  constructor(readonly send: (message: News) => void) {}

  get size(): number {
    return this.#waiting.size;
  }

  /** Where too many wait, it is lost: the peer hears of it by others, or with its next link. */
  push(message: News, nowMs: number): void {
    if (this.#waiting.size < NEWS_WAITING_MAX) this.#waiting.push(message);
    this.pump(nowMs);
  }

  /** Sends what may be sent now. */
  pump(nowMs: number): void {
    while (this.#waiting.size > 0 && this.#rate.take(nowMs)) this.send(this.#waiting.shift()!);
  }

  /** When the next one may be sent; null where none waits. */
  dueMs(nowMs: number): number | null {
    if (this.#waiting.size === 0) return null;
    const lacking = Math.max(0, 1 - this.#rate.available(nowMs));
    return nowMs + Math.ceil(lacking / NEWS_SENT_PER_S * 1_000);
  }
}
