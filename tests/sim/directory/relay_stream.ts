/**
 * A link through the directory, as its host makes one: a stream over `relayed` bytes, with a handshake, messages,
 * a goodbye, and a sign of life each second. The handshake proves nothing here: who is at the other end says so.
 */

import type { LinkId, PeerKey } from "../../../lib/base/ids.ts";
import { concatBytes, utf8 } from "../../../lib/base/crypto.ts";
import type { ClientInput } from "../../../lib/protocols/directory/client_io.ts";
import { RELAY_BYTES_MAX, RELAY_CREDIT_BYTES } from "../../../lib/protocols/directory/limits.ts";
import {
  DIRECTORY_MESSAGES,
  type DirectoryMessage,
} from "../../../lib/protocols/directory/messages.ts";
import { createCodec } from "../../../lib/wire/codec.ts";
import { Timer, type VirtualTime } from "../virtual_time.ts";

const CODEC = createCodec(DIRECTORY_MESSAGES);
const HELLO = 1;
const WELCOME = 2;
const MESSAGE = 3;
const CLOSE = 4;
const PING = 5;
const HEADER_BYTES = 5;

const PING_MS = 1_000;
const DEAD_MS = 3_500;
const CLOSE_MS_MAX = 1_000;

export interface RelayPort {
  readonly time: VirtualTime;
  readonly key: PeerKey;
  readonly isStalled: boolean;
  nextLink(): LinkId;
  deliver(input: ClientInput): void;
  /** The link is up, or down: messages may be sent on it. */
  changed(stream: RelayStream): void;
}

export class RelayStream {
  link: LinkId | null = null;
  isOver = false;
  #roomBytes = RELAY_CREDIT_BYTES;
  #out = new Uint8Array();
  #in = new Uint8Array();
  #closing = false;
  #heardMs: number;
  readonly #alive = new Timer(() => this.#tick());
  readonly #closed = new Timer(() => this.#down(true, "closed"));

  constructor(
    readonly call: string,
    readonly attempt: number,
    readonly isDialler: boolean,
    readonly expect: PeerKey,
    readonly port: RelayPort,
  ) {
    this.#heardMs = port.time.nowMs;
    if (isDialler) this.#frame(HELLO, utf8(port.key));
    port.time.arm(this.#alive, port.time.nowMs + PING_MS);
  }

  send(message: DirectoryMessage): void {
    if (!this.#closing) this.#frame(MESSAGE, CODEC.encode(message));
  }

  close(): void {
    if (this.#closing || this.isOver) return;
    this.#frame(CLOSE, new Uint8Array());
    this.#closing = true;
    const { time } = this.port;
    time.arm(this.#closed, time.nowMs + (this.#out.length === 0 ? 2 : CLOSE_MS_MAX));
  }

  /** The other side took so much. */
  room(bytes: number): void {
    this.#roomBytes += bytes;
    this.#pump();
  }

  came(bytes: Uint8Array): void {
    if (this.isOver) return;
    this.#heardMs = this.port.time.nowMs;
    this.#in = concatBytes(this.#in, bytes);
    this.port.deliver({ type: "relay-taken", call: this.call, bytes: bytes.length });
    while (!this.isOver && this.#in.length >= HEADER_BYTES) {
      const size = new DataView(this.#in.buffer, this.#in.byteOffset).getUint32(1);
      if (this.#in.length < HEADER_BYTES + size) return;
      const kind = this.#in[0]!;
      const body = this.#in.slice(HEADER_BYTES, HEADER_BYTES + size);
      this.#in = this.#in.slice(HEADER_BYTES + size);
      this.#took(kind, body);
    }
  }

  #took(kind: number, body: Uint8Array): void {
    if (kind === CLOSE) return this.#down(true, "closed by the other side");
    if (kind === MESSAGE && this.link !== null && !this.#closing) {
      const message = CODEC.decode(body) as DirectoryMessage;
      return this.port.deliver({ type: "message", link: this.link, message });
    }
    if (kind !== HELLO && kind !== WELCOME) return;
    if (kind === HELLO) this.#frame(WELCOME, utf8(this.port.key));
    const peer = new TextDecoder().decode(body) as PeerKey;
    this.link = this.port.nextLink();
    this.port.changed(this);
    const { isDialler: dialled } = this;
    const attempt = dialled ? this.attempt : null;
    const up = { link: this.link, peer, dialled, attempt, host: "", isRelayed: true };
    this.port.deliver({ type: "link-up", ...up });
  }

  /** There is no such stream any more; nothing is told but the end of its link. */
  end(): void {
    this.#down(false, "the relay is over");
  }

  #down(closed: boolean, reason: string): void {
    if (this.isOver) return;
    this.isOver = true;
    const { time } = this.port;
    time.disarm(this.#alive);
    time.disarm(this.#closed);
    this.port.changed(this);
    if (this.link !== null) {
      return this.port.deliver({ type: "link-down", link: this.link, closed, reason });
    }
    if (!this.isDialler) return;
    const { attempt } = this;
    this.port.deliver({
      type: "dial-failed",
      attempt,
      reason: "unreachable",
      text: reason,
      key: null,
    });
  }

  /** The process is gone. */
  drop(): void {
    this.isOver = true;
    this.port.time.disarm(this.#alive);
    this.port.time.disarm(this.#closed);
  }

  #tick(): void {
    const { time, isStalled } = this.port;
    if (isStalled) this.#heardMs = time.nowMs;
    else if (time.nowMs - this.#heardMs > DEAD_MS) return this.#down(false, "nothing was heard");
    else if (this.link !== null) this.#frame(PING, new Uint8Array());
    if (!this.isOver) time.arm(this.#alive, time.nowMs + PING_MS);
  }

  #frame(kind: number, body: Uint8Array): void {
    if (this.#closing || this.isOver) return;
    const header = new Uint8Array(HEADER_BYTES);
    header[0] = kind;
    new DataView(header.buffer).setUint32(1, body.length);
    this.#out = concatBytes(this.#out, header, body);
    this.#pump();
  }

  #pump(): void {
    while (!this.isOver && this.#out.length > 0 && this.#roomBytes > 0) {
      const size = Math.min(this.#out.length, this.#roomBytes, RELAY_BYTES_MAX);
      const bytes = this.#out.slice(0, size);
      this.#out = this.#out.slice(size);
      this.#roomBytes -= size;
      this.port.deliver({ type: "relayed", call: this.call, bytes });
    }
    const { time } = this.port;
    if (this.#closing && !this.isOver && this.#out.length === 0) {
      time.arm(this.#closed, time.nowMs + 2);
    }
  }
}
