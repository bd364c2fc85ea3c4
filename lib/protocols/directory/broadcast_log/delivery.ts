/** Which broadcasts one client was sent, and which of them it hasn't acknowledged. */

import type { Bytes } from "../../../base/crypto/crypto.ts";
import { utf8Length } from "../../../base/text/text.ts";
import type { Broadcast } from "./broadcasts.ts";
import { encodeDatagram } from "../datagrams/datagram_path.ts";
import { ACKNOWLEDGEMENTS_MAX, REPEAT_MS, WINDOW_BYTES_MAX, WINDOW_MAX } from "../schema/limits.ts";
import type { DirectoryMessageOf } from "../schema/messages.ts";

/** A `told` message, encoded once for many clients. */
export class ToldMessage {
  readonly textBytes: number;
  #plain: Bytes | null = null;

  constructor(readonly message: DirectoryMessageOf<"told">) {
    this.textBytes = utf8Length(message.text);
  }

  /** The encoded message, as it is sealed in datagrams. */
  get plain(): Bytes {
    return this.#plain ??= encodeDatagram(this.message);
  }
}

/** A broadcast that was sent and isn't acknowledged. */
export interface Unacknowledged {
  readonly telling: ToldMessage;
  /** When its datagram is repeated, or it goes over the link; null: it was sent over the link. */
  dueMs: number | null;
  /** How often its datagram was sent. */
  datagrams: number;
  /** When its datagram was last sent, if that, or its acknowledgement, is believed to be in flight; else null. */
  flyingSinceMs: number | null;
  /**
   * Whether it was repeated, and still not acknowledged in time; a single loss doesn't mean that the client is slow.
   */
  isLate: boolean;
}

export class Delivery {
  /** All up to this number are acknowledged, or not meant for this client. */
  #through: number;
  /** All up to this number were sent, or aren't meant for this client. */
  #position: number;
  /** Number of the last one sent on this link; 0: none. */
  #lastSent = 0;
  readonly #unacknowledged: Unacknowledged[] = [];
  #bytes = 0;
  /** Whether the datagram that was acknowledged last was late. */
  #wasLate = false;
  /** How many more acknowledgements may come. */
  #acknowledgements = 0;

  /** @param before Broadcasts up to this number were made before the client came in. */
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

  /** The broadcast isn't meant for this client. */
  skip({ number }: Broadcast): void {
    this.#position = number;
    if (this.#unacknowledged.length === 0) this.#through = number;
  }

  /** Number of the last one sent on this link; 0: none. */
  get lastSent(): number {
    return this.#lastSent;
  }

  /** The broadcast is being sent. */
  sent(telling: ToldMessage): Unacknowledged {
    const { message: { number }, textBytes } = telling;
    const sent = { telling, dueMs: null, datagrams: 0, flyingSinceMs: null, isLate: false };
    this.#unacknowledged.push(sent);
    this.#bytes += textBytes;
    this.#position = number;
    this.#lastSent = number;
    return sent;
  }

  /** The client has all up to there. @returns Those newly acknowledged; null where it wasn't sent so many. */
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

  /** Whether the client's datagrams are acknowledged late, or not at all. */
  get isSlow(): boolean {
    return this.#wasLate || this.#unacknowledged.some(({ isLate }) => isLate);
  }

  /** The broadcast's datagram is being sent. */
  datagramSent(sent: Unacknowledged, nowMs: number): void {
    sent.dueMs = nowMs + REPEAT_MS[sent.datagrams++]!;
    this.told();
  }

  /** The broadcast is sent, perhaps again: each time it may be acknowledged twice, by datagram and over the link. */
  told(): void {
    this.#acknowledgements = Math.min(this.#acknowledgements + 2, ACKNOWLEDGEMENTS_MAX);
  }

  /** An acknowledgement came. @returns False where more came than may. */
  takeAcknowledgement(): boolean {
    if (this.#acknowledgements === 0) return false;
    this.#acknowledgements -= 1;
    return true;
  }

  /** When something is due to be repeated. */
  nextMs(): number | null {
    let next: number | null = null;
    for (const { dueMs } of this.#unacknowledged) {
      if (dueMs !== null && (next === null || dueMs < next)) next = dueMs;
    }
    return next;
  }
}
