/** How far one client has been told what was told to all, and what it hasn't acknowledged. */

import { utf8Length } from "../../base/text.ts";
import type { Broadcast } from "./broadcasts.ts";
import { REPEAT_MS, WINDOW_BYTES_MAX, WINDOW_MAX } from "./limits.ts";
import type { DirectoryMessageOf } from "./messages.ts";

/** One that was sent and isn't acknowledged. */
export interface Unacknowledged {
  readonly message: DirectoryMessageOf<"told">;
  readonly bytes: number;
  /** When its datagram is repeated, or it goes over the link; null: it has gone there. */
  dueMs: number | null;
  /** How often its datagram was sent. */
  datagrams: number;
}

export class Delivery {
  /** All up to this number are acknowledged, or not for this client. */
  #through: number;
  /** All up to this number are sent, or not for this client. */
  #position: number;
  /** The last one that was sent on this link; 0: none. */
  #lastSent = 0;
  readonly #unacknowledged: Unacknowledged[] = [];
  #bytes = 0;

  /** @param before Those up to this number were made before it came. */
  constructor(had: number, readonly before: number) {
    this.#through = had;
    this.#position = had;
  }

  get through(): number {
    return this.#through;
  }

  get position(): number {
    return this.#position;
  }

  get unacknowledged(): readonly Unacknowledged[] {
    return this.#unacknowledged;
  }

  /** Whether another one may be sent. */
  get hasRoom(): boolean {
    return this.#unacknowledged.length < WINDOW_MAX && this.#bytes < WINDOW_BYTES_MAX;
  }

  /** It isn't for this client. */
  skip({ number }: Broadcast): void {
    this.#position = number;
    if (this.#unacknowledged.length === 0) this.#through = number;
  }

  /** It is sent now. */
  sent({ number, from, sentAt, text }: Broadcast): Unacknowledged {
    const message = { type: "told", number, after: this.#lastSent, from, sentAt, text } as const;
    const sent = { message, bytes: utf8Length(text), dueMs: null, datagrams: 0 };
    this.#unacknowledged.push(sent);
    this.#bytes += sent.bytes;
    this.#position = number;
    this.#lastSent = number;
    return sent;
  }

  /** It has all up to there. @returns False where it wasn't sent so many. */
  acknowledged(through: number): boolean {
    if (through > Math.max(this.#lastSent, this.#through)) return false;
    let had = 0;
    for (const { message, bytes } of this.#unacknowledged) {
      if (message.number > through) break;
      this.#bytes -= bytes;
      had += 1;
    }
    this.#unacknowledged.splice(0, had);
    const isAll = this.#unacknowledged.length === 0;
    this.#through = isAll ? this.#position : Math.max(this.#through, through);
    return true;
  }

  /** Its datagram goes out now. */
  datagramSent(sent: Unacknowledged, nowMs: number): void {
    sent.dueMs = nowMs + REPEAT_MS[sent.datagrams++]!;
  }

  /** When something is to be sent again. */
  nextMs(): number | null {
    let next: number | null = null;
    for (const { dueMs } of this.#unacknowledged) {
      if (dueMs !== null && (next === null || dueMs < next)) next = dueMs;
    }
    return next;
  }

  postpone(delayMs: number): void {
    for (const sent of this.#unacknowledged) if (sent.dueMs !== null) sent.dueMs += delayMs;
  }
}
