/**
 * What goes through the directory where two can't reach each other: bytes that they have sealed for each other, each
 * direction no further ahead than the other side takes them.
 */

import type { ClientOutput } from "./client_output.ts";
import { RELAY_BYTES_MAX, RELAY_CREDIT_BYTES } from "./limits.ts";
import type { DirectoryMessage } from "./messages.ts";

export class Relayed {
  /** Came since the other side was told last that there is room: its credit less this is what it may send. */
  #cameBytes = 0;
  /** Of those, what the channel took. */
  #takenBytes = 0;

  constructor(
    readonly call: string,
    readonly out: ClientOutput,
    readonly tell: (message: DirectoryMessage) => void,
  ) {}

  /** Our channel has sealed bytes for the other side. */
  send(bytes: Uint8Array): void {
    this.tell({ type: "relay", call: Uint8Array.fromHex(this.call), bytes });
  }

  /** Bytes came. @returns Whether there was room for them, as whoever sent them knows. */
  came(bytes: Uint8Array): boolean {
    this.#cameBytes += bytes.length;
    if (this.#cameBytes > RELAY_CREDIT_BYTES) return false;
    this.out.push({ type: "relay-bytes", call: this.call, bytes });
    return true;
  }

  /** The channel took so much of what came: the other side is told when that is worth it. */
  taken(bytes: number): void {
    this.#takenBytes = Math.min(this.#takenBytes + bytes, this.#cameBytes);
    if (this.#takenBytes < RELAY_BYTES_MAX) return;
    const call = Uint8Array.fromHex(this.call);
    this.tell({ type: "relay-room", call, bytes: this.#takenBytes });
    this.#cameBytes -= this.#takenBytes;
    this.#takenBytes = 0;
  }

  /** The other side took what went out. */
  room(bytes: number): void {
    this.out.push({
      type: "relay-room",
      call: this.call,
      bytes: Math.min(bytes, RELAY_CREDIT_BYTES),
    });
  }
}
