/**
 * Relayed calls: bytes that the two sides have sealed for each other, where neither can reach the other. In each
 * direction, the sender is never further ahead than the receiver has room for.
 */

import type { LinkId } from "../../../base/ids.ts";
import type { ClientOutput } from "../schema/client_output.ts";
import { RELAY_BYTES_MAX, RELAY_CREDIT_BYTES } from "../schema/limits.ts";
import type { DirectoryMessage, DirectoryMessageOf } from "../schema/messages.ts";

/** What came of a relayed call since we last granted room: the credit minus this is what the other side may send. */
interface Room {
  cameBytes: number;
  /** How many of those bytes the channel has taken. */
  takenBytes: number;
}

/** The call that is relayed, and the one before it while its goodbye goes out. */
export class RelayedCalls {
  readonly #calls = new Map<string, Room>();
  /** A call that our user has ended: the directory is told once everything has gone out. */
  #parting: { readonly call: string; readonly link: LinkId } | null = null;

  constructor(readonly out: ClientOutput, readonly tell: (message: DirectoryMessage) => void) {}

  get isParting(): boolean {
    return this.#parting !== null;
  }

  /** The directory relays the call from now on. @returns False where it did before. */
  open(call: string): boolean {
    if (this.#calls.has(call)) return false;
    this.parted();
    this.#calls.set(call, { cameBytes: 0, takenBytes: 0 });
    return true;
  }

  close(call: string): void {
    if (this.#parting?.call === call) return;
    if (this.#calls.delete(call)) this.out.push({ type: "relay-close", call });
  }

  /** Our user has ended the call: its stream stays until the link is down, or another call begins. */
  part(call: string, link: LinkId): void {
    this.#parting = { call, link };
  }

  /** @returns Whether it was the link of the call that our user has ended. */
  linkDown(link: LinkId): boolean {
    if (this.#parting?.link !== link) return false;
    this.parted();
    return true;
  }

  /** The goodbye of the earlier call has gone out, or isn't waited for any more. */
  parted(): void {
    if (this.#parting === null) return;
    const { call } = this.#parting;
    this.#parting = null;
    this.tell({ type: "hang-up", call: Uint8Array.fromHex(call), reason: "" });
    this.close(call);
  }

  /** Our channel has sealed bytes for the other side. */
  send(call: string, bytes: Uint8Array): void {
    if (!this.#calls.has(call)) return;
    this.tell({ type: "relay", call: Uint8Array.fromHex(call), bytes });
  }

  /** The channel took so many of the bytes that came: tells the other side once that is worth a message. */
  taken(call: string, bytes: number): void {
    const room = this.#calls.get(call);
    if (room === undefined) return;
    room.takenBytes = Math.min(room.takenBytes + bytes, room.cameBytes);
    if (room.takenBytes < RELAY_BYTES_MAX) return;
    this.tell({ type: "relay-room", call: Uint8Array.fromHex(call), bytes: room.takenBytes });
    room.cameBytes -= room.takenBytes;
    room.takenBytes = 0;
  }

  /**
   * Bytes from the directory, or room, as the other side took so many of ours; ignored where the call is over here.
   * @returns Whether there was room for the bytes, as the sender knows.
   */
  came(message: DirectoryMessageOf<"relay" | "relay-room">): boolean {
    const call = message.call.toHex();
    const room = this.#calls.get(call);
    if (room === undefined) return true;
    if (message.type === "relay-room") {
      const bytes = Math.min(message.bytes, RELAY_CREDIT_BYTES);
      this.out.push({ type: "relay-room", call, bytes });
      return true;
    }
    const { bytes } = message;
    room.cameBytes += bytes.length;
    if (room.cameBytes > RELAY_CREDIT_BYTES) return false;
    this.out.push({ type: "relay-bytes", call, bytes });
    return true;
  }
}
