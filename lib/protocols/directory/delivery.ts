/** How far one client has been told what was told to all, and what it hasn't acknowledged. */

import type { Bytes } from "../../base/crypto.ts";
import { utf8Length } from "../../base/text.ts";
import type { Broadcast } from "./broadcasts.ts";
import { encodeDatagram } from "./datagram_path.ts";
import { ACKNOWLEDGEMENTS_MAX, REPEAT_MS, WINDOW_BYTES_MAX, WINDOW_MAX } from "./limits.ts";
import type { DirectoryMessageOf } from "./messages.ts";

/** What is told to many, as it is sent. */
export class ToldMessage {
  readonly textBytes: number;
  #plain: Bytes | null = null;

  constructor(readonly message: DirectoryMessageOf<"told">) {
    this.textBytes = utf8Length(message.text);
  }

  /** As it is sealed in datagrams. */
  get plain(): Bytes {
    return this.#plain ??= encodeDatagram(this.message);
  }
}

/** One that was sent and isn't acknowledged. */
export interface Unacknowledged {
  readonly telling: ToldMessage;
  /** When its datagram is repeated, or it goes over the link; null: it has gone there. */
  dueMs: number | null;
  /** How often its datagram was sent. */
  datagrams: number;
  /** When its datagram was sent last, while it, or its acknowledgement, is thought to be on its way; null otherwise. */
  flyingSinceMs: number | null;
  /** It was repeated, and not acknowledged in time then either: one that is lost says nothing of its client. */
  isLate: boolean;
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
  /** The last datagram that was acknowledged was late. */
  #wasLate = false;
  /** How many acknowledgements of what it was told may still come. */
  #acknowledgements = 0;

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

  /** The last one that was sent on this link; 0: none. */
  get lastSent(): number {
    return this.#lastSent;
  }

  /** It is sent now. */
  sent(telling: ToldMessage): Unacknowledged {
    const { message: { number }, textBytes } = telling;
    const sent = { telling, dueMs: null, datagrams: 0, flyingSinceMs: null, isLate: false };
    this.#unacknowledged.push(sent);
    this.#bytes += textBytes;
    this.#position = number;
    this.#lastSent = number;
    return sent;
  }

  /** It has all up to there. @returns Those that weren't acknowledged before; null where it wasn't sent so many. */
  acknowledged(through: number): readonly Unacknowledged[] | null {
    if (through > Math.max(this.#lastSent, this.#through)) return null;
    let had = 0;
    for (const { telling } of this.#unacknowledged) {
      if (telling.message.number > through) break;
      this.#bytes -= telling.textBytes;
      had += 1;
    }
    const acknowledged = this.#unacknowledged.splice(0, had);
    const last = acknowledged.findLast(({ datagrams }) => datagrams > 0);
    this.#wasLate = last?.isLate ?? this.#wasLate;
    const isAll = this.#unacknowledged.length === 0;
    this.#through = isAll ? this.#position : Math.max(this.#through, through);
    return acknowledged;
  }

  /** Whether datagrams take long to be acknowledged, or aren't. */
  get isSlow(): boolean {
    return this.#wasLate || this.#unacknowledged.some(({ isLate }) => isLate);
  }

  /** Its datagram goes out now. */
  datagramSent(sent: Unacknowledged, nowMs: number): void {
    sent.dueMs = nowMs + REPEAT_MS[sent.datagrams++]!;
    this.told();
  }

  /** It goes out, again perhaps: each time it may be acknowledged, and both ways. */
  told(): void {
    this.#acknowledgements = Math.min(this.#acknowledgements + 2, ACKNOWLEDGEMENTS_MAX);
  }

  /** One came. @returns False where more came than it was told anything. */
  takeAcknowledgement(): boolean {
    if (this.#acknowledgements === 0) return false;
    this.#acknowledgements -= 1;
    return true;
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
