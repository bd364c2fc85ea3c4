/**
 * How the two sides of a call get a link: both dial, and the caller decides which link they talk on; where neither can
 * reach the other, the directory relays the bytes that they seal for each other.
 */

import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { LinkId } from "../../../base/ids.ts";
import { Deadlines } from "../../../base/machine/machine.ts";
import { UnknownMessages } from "../../../base/machine/unknown_messages.ts";
import { type CallLink, type ClientCall, hears, verdictOn } from "./client_call.ts";
import type { ClientInput } from "../schema/client_io.ts";
import { CALLEE_DIALS_MS, RELAY_BYTES_MAX, RELAY_CREDIT_BYTES } from "../schema/limits.ts";
import type { ClientOutput } from "../schema/client_output.ts";
import type { DirectoryMessage, DirectoryMessageOf } from "../schema/messages.ts";
import type { VisitLink } from "./visit_link.ts";

interface ConnectingParts {
  readonly out: ClientOutput;
  /** The call that is under way; null where there is none. */
  readonly call: () => ClientCall | null;
  readonly nextAttempt: () => number;
  /** Whether the key of the call's other side is still the one expected; if not, the call is over. */
  readonly isStillExpected: (call: ClientCall) => boolean;
  /** The conversation is on this link from now on. */
  readonly talks: (call: ClientCall, link: CallLink) => void;
}

export class Connecting {
  readonly deadlines = new Deadlines({
    /** When the callee dials, too. */
    dial: () => {
      const call = this.parts.call();
      if (call !== null) this.#dial(call);
    },
  });

  constructor(readonly parts: ConnectingParts) {}

  /** It is known where the other side is. */
  begins(call: ClientCall): void {
    if (call.isCaller) this.#dial(call);
    else this.deadlines.set("dial", this.parts.out.nowMs + CALLEE_DIALS_MS);
    for (const link of call.links.all) this.#consider(call, link);
  }

  #dial(call: ClientCall): void {
    const { key, endpoint } = call.met!;
    if (endpoint.port === 0) return;
    const { out, nextAttempt } = this.parts;
    const attempt = call.links.attempt = nextAttempt();
    out.push({ type: "dial", attempt, mode: "call", endpoint, expect: fingerprintOf(key) });
  }

  /** There is a way through the directory, too. */
  relays({ id: call, isCaller: isDialler, met }: ClientCall): void {
    const { out, nextAttempt } = this.parts;
    const attempt = nextAttempt();
    out.push({ type: "relay-open", call, attempt, isDialler, expect: met!.key });
  }

  linkUp(
    call: ClientCall | null,
    { link, peer, dialled, isRelayed, attempt }: Extract<ClientInput, { readonly type: "link-up" }>,
  ): void {
    const { out } = this.parts;
    if (attempt !== null) this.dialFailed(call, attempt); // that dial is over, in any case
    const isAwaited = call !== null && !call.isSelf &&
      (call.phase === "ringing" || call.phase === "accepted" || call.phase === "connecting");
    if (!isAwaited || (call.key !== null && call.key !== peer)) {
      return out.close(link, "there is no call with you");
    }
    const unknownMessages = new UnknownMessages();
    const added = { link, peer, dialled, isRelayed, talk: null, begun: null, unknownMessages };
    call.links.add(added);
    if (dialled) out.send(link, { type: "talk", call: call.idBytes });
    this.#consider(call, added);
  }

  dialFailed(call: ClientCall | null, attempt: number): void {
    if (call?.links.attempt === attempt) call.links.attempt = null;
  }

  /** A message came on a link other than that of the conversation. */
  message(call: ClientCall, link: LinkId, message: DirectoryMessage): void {
    const candidate = call.links.get(link);
    if (candidate === null) return; // being closed
    if (hears(candidate, message)) return this.#consider(call, candidate);
    call.links.drop(candidate, `${message.type} before begin isn't allowed`);
  }

  #consider(call: ClientCall, link: CallLink): void {
    if (call.phase !== "connecting") return; // first the directory must say whom we talk with
    const verdict = verdictOn(link, call);
    if (verdict === "waits") return;
    if (verdict !== "talks") return call.links.drop(link, verdict.refusedBecause);
    if (!this.parts.isStillExpected(call)) return;
    if (call.isCaller) this.parts.out.send(link.link, { type: "begin", call: call.idBytes });
    this.parts.talks(call, link);
  }

  /** The call is connected, or won't be. */
  over(): void {
    this.deadlines.clear("dial");
  }
}

/** What came of a relayed call since we last granted room: the credit minus this is what the other side may send. */
interface Room {
  cameBytes: number;
  /** How many of those bytes the channel has taken. */
  takenBytes: number;
}

interface RelayedCallsParts {
  readonly out: ClientOutput;
  /** Tells the instance of the directory that has the call. */
  readonly tell: (call: string, message: DirectoryMessage) => void;
  /** To the instance that relays, where that is another one. */
  readonly link: VisitLink;
}

/**
 * The call that is relayed, and the one before it while its goodbye goes out. In each direction, the sender is never
 * further ahead than the receiver has room for.
 */
export class RelayedCalls {
  readonly #calls = new Map<string, Room>();
  /** A call that our user has ended: the directory is told once everything has gone out. */
  #parting: { readonly call: string; readonly link: LinkId } | null = null;

  constructor(readonly parts: RelayedCallsParts) {}

  get isParting(): boolean {
    return this.#parting !== null;
  }

  /** Whether that goes through another instance of the directory than ours. */
  get isPartingElsewhere(): boolean {
    return this.#parting !== null && this.parts.link.isFor(this.#parting.call);
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
    if (this.#calls.delete(call)) this.parts.out.push({ type: "relay-close", call });
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
    this.parts.tell(call, { type: "hang-up", call: Uint8Array.fromHex(call), reason: "" });
    this.close(call);
    this.parts.link.close(call);
  }

  /** Our channel has sealed bytes for the other side. */
  send(call: string, bytes: Uint8Array): void {
    if (!this.#calls.has(call)) return;
    this.parts.tell(call, { type: "relay", call: Uint8Array.fromHex(call), bytes });
  }

  /** The channel took so many of the bytes that came: tells the other side once that is worth a message. */
  taken(call: string, bytes: number): void {
    const room = this.#calls.get(call);
    if (room === undefined) return;
    room.takenBytes = Math.min(room.takenBytes + bytes, room.cameBytes);
    if (room.takenBytes < RELAY_BYTES_MAX) return;
    this.parts.tell(call, {
      type: "relay-room",
      call: Uint8Array.fromHex(call),
      bytes: room.takenBytes,
    });
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
      this.parts.out.push({ type: "relay-room", call, bytes });
      return true;
    }
    const { bytes } = message;
    room.cameBytes += bytes.length;
    if (room.cameBytes > RELAY_CREDIT_BYTES) return false;
    this.parts.out.push({ type: "relay-bytes", call, bytes });
    return true;
  }
}
