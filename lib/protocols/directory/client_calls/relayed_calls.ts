/**
 * Relayed calls: bytes that the two sides have sealed for each other, where neither can reach the other. In each
 * direction, the sender is never further ahead than the receiver has room for.
 */

import type { LinkId } from "../../../base/ids.ts";
import type { ClientOutput } from "../schema/client_output.ts";
import { RELAY_BYTES_MAX, RELAY_CREDIT_BYTES } from "../schema/limits.ts";
import type { DirectoryMessage, DirectoryMessageOf } from "../schema/messages.ts";

class Relayed {
  /** Bytes that came since we last granted room: the credit minus these is what the other side may send. */
  #cameBytes = 0;
  /** How many of those bytes the channel has taken. */
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

  /** Bytes came. @returns Whether there was room for them, as the sender knows. */
  came(bytes: Uint8Array): boolean {
    this.#cameBytes += bytes.length;
    if (this.#cameBytes > RELAY_CREDIT_BYTES) return false;
    this.out.push({ type: "relay-bytes", call: this.call, bytes });
    return true;
  }

  /** The channel took so many of the bytes that came: tells the other side once that is worth a message. */
  taken(bytes: number): void {
    this.#takenBytes = Math.min(this.#takenBytes + bytes, this.#cameBytes);
    if (this.#takenBytes < RELAY_BYTES_MAX) return;
    const call = Uint8Array.fromHex(this.call);
    this.tell({ type: "relay-room", call, bytes: this.#takenBytes });
    this.#cameBytes -= this.#takenBytes;
    this.#takenBytes = 0;
  }

  /** The other side took so many of the bytes that we sent. */
  room(bytes: number): void {
    this.out.push({
      type: "relay-room",
      call: this.call,
      bytes: Math.min(bytes, RELAY_CREDIT_BYTES),
    });
  }
}

/** The call that is relayed, and the one before it while its goodbye goes out. */
export class RelayedCalls {
  readonly #calls = new Map<string, Relayed>();
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
    this.#calls.set(call, new Relayed(call, this.out, this.tell));
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

  send(call: string, bytes: Uint8Array): void {
    this.#calls.get(call)?.send(bytes);
  }

  taken(call: string, bytes: number): void {
    this.#calls.get(call)?.taken(bytes);
  }

  /**
   * Bytes or room from the directory; ignored where the call is over here. @returns Whether there was room for the
   * bytes.
   */
  came(message: DirectoryMessageOf<"relay" | "relay-room">): boolean {
    const relayed = this.#calls.get(message.call.toHex());
    if (message.type === "relay") return relayed?.came(message.bytes) ?? true;
    relayed?.room(message.bytes);
    return true;
  }
}
