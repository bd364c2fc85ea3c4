/**
 * A link through the directory, as a client's host makes it: a stream over `relayed` bytes with a handshake,
 * messages, a goodbye, and a keep-alive each second. As in the program, each side proves its key, and any change,
 * loss or repetition in transit ends the link. Nothing is encrypted, as nobody here reads the bytes.
 */

import { type Bytes, concatBytes, type Signer, utf8 } from "../../../lib/base/crypto/crypto.ts";
import type { LinkId, PeerKey } from "../../../lib/base/ids.ts";
import type { ClientInput } from "../../../lib/protocols/directory/schema/client_io.ts";
import {
  RELAY_BYTES_MAX,
  RELAY_CREDIT_BYTES,
} from "../../../lib/protocols/directory/schema/limits.ts";
import {
  DIRECTORY_MESSAGES,
  type DirectoryMessage,
} from "../../../lib/protocols/directory/schema/messages.ts";
import { createCodec } from "../../../lib/wire/codec.ts";
import { fakeCrypto } from "../fake_crypto.ts";
import type { ChannelConfig } from "../../../lib/protocols/noise/config.ts";
import { Pings, Sign } from "../pings.ts";
import { Timer, type VirtualTime } from "../virtual_time.ts";

const CODEC = createCodec(DIRECTORY_MESSAGES);
const HELLO = 1;
const WELCOME = 2;
const MESSAGE = 3;
const CLOSE = 4;
const PING = 5;
const CONFIRM = 6;
const ANSWER = 7;
const HEADER_BYTES = 5;
const BODY_BYTES_MAX = 128 * 1_024;
const NONCE_BYTES = 16;
const SIGNATURE_BYTES = 64;

const PING_MS = 1_000;
const DEAD_MS = 3_500;
const CLOSE_MS_MAX = 1_000;

export interface RelayPort {
  readonly time: VirtualTime;
  readonly signer: Signer;
  randomBytes(length: number): Bytes;
  readonly isStalled: boolean;
  readonly stalledUntilMs: number;
  /** How its links have pings; null: see `Network`. */
  readonly pinged: ChannelConfig | null;
  nextLink(): LinkId;
  deliver(input: ClientInput): void;
  /** The link has come up or gone down: messages may be sent while it is up. */
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
  /** The key that the other side claims, and has proved once the link is up. */
  #peer: PeerKey | null = null;
  #pings: Pings | null = null;
  readonly #nonce: Bytes;
  /** Both sides' nonces, the dialler's first. */
  #nonces: Bytes | null = null;
  #sent = 0;
  #received = 0;
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
    this.#nonce = port.randomBytes(NONCE_BYTES);
    if (isDialler) this.#frame(HELLO, this.#hello());
    port.time.arm(this.#alive, port.time.nowMs + PING_MS);
  }

  #hello(): Bytes {
    return concatBytes(this.#nonce, utf8(this.port.signer.key));
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

  /** The other side has consumed this many bytes. */
  room(bytes: number): void {
    this.#roomBytes += bytes;
    this.#pump();
  }

  came(bytes: Uint8Array): void {
    if (this.isOver) return;
    this.#heardMs = this.port.time.nowMs;
    this.#pings?.heard(null);
    this.#in = concatBytes(this.#in, bytes);
    this.port.deliver({ type: "relay-taken", call: this.call, bytes: bytes.length });
    while (!this.isOver && this.#in.length >= HEADER_BYTES) {
      const size = new DataView(this.#in.buffer, this.#in.byteOffset).getUint32(1);
      if (size > BODY_BYTES_MAX) return this.#down(false, "a frame that is too long");
      const end = HEADER_BYTES + size + SIGNATURE_BYTES;
      if (this.#in.length < end) return;
      const kind = this.#in[0]!;
      const body = this.#in.slice(HEADER_BYTES, HEADER_BYTES + size);
      const signature = this.#in.slice(HEADER_BYTES + size, end);
      this.#in = this.#in.slice(end);
      this.#took(kind, body, signature);
    }
  }

  /** The signed data of a frame: everything known about the stream, and the frame's place in it. */
  #signed(isDiallers: boolean, at: number, kind: number, body: Uint8Array): Bytes {
    const place = Uint8Array.of(isDiallers ? 1 : 0, kind, at >> 16, (at >> 8) & 0xff, at & 0xff);
    const own = utf8(this.port.signer.key);
    const others = utf8(this.#peer ?? "");
    const [dialler, accepter] = this.isDialler ? [own, others] : [others, own];
    return concatBytes(this.#nonces ?? new Uint8Array(), dialler, accepter, place, body);
  }

  #took(kind: number, body: Uint8Array, signature: Uint8Array): void {
    const isFirst = this.#peer === null;
    if (isFirst && kind !== (this.isDialler ? WELCOME : HELLO)) {
      return this.#down(false, "no handshake");
    }
    if (isFirst) {
      const nonce = body.slice(0, NONCE_BYTES);
      this.#peer = new TextDecoder().decode(body.subarray(NONCE_BYTES)) as PeerKey;
      const nonces = this.isDialler ? [this.#nonce, nonce] : [nonce, this.#nonce];
      if (this.isDialler && this.#peer !== this.expect) {
        return this.#down(false, "somebody else is there");
      }
      // The first frame proves nothing, as it may be replayed.
      if (this.isDialler) this.#nonces = concatBytes(...nonces);
      else {
        this.#received++;
        this.#nonces = concatBytes(...nonces);
        return this.#frame(WELCOME, this.#hello());
      }
    }
    const signed = this.#signed(!this.isDialler, this.#received++, kind, body);
    if (!fakeCrypto.verify(this.#peer!, signed, signature)) {
      return this.#down(false, "a broken seal");
    }
    switch (kind) {
      case CLOSE:
        return this.#down(true, "closed by the other side");
      case WELCOME:
        this.#frame(CONFIRM, new Uint8Array());
        return this.#up();
      case CONFIRM:
        return this.#up();
      case PING:
      case ANSWER:
        if (body.length > 0) this.#pings?.heard(new Sign(kind === ANSWER, numberIn(body)));
        return;
      case MESSAGE: {
        if (this.link === null || this.#closing) return;
        const message = CODEC.decode(body) as DirectoryMessage;
        return this.port.deliver({ type: "message", link: this.link, message });
      }
    }
  }

  #up(): void {
    if (this.link !== null) return this.#down(false, "two handshakes");
    const peer = this.#peer!;
    this.link = this.port.nextLink();
    this.port.changed(this);
    const { isDialler: dialled } = this;
    const attempt = dialled ? this.attempt : null;
    const up = { link: this.link, peer, dialled, attempt, host: "", isRelayed: true };
    this.port.deliver({ type: "link-up", ...up });
    const { time, pinged } = this.port;
    if (pinged === null) return;
    time.disarm(this.#alive);
    this.#pings = new Pings(time, pinged, {
      owner: this.port,
      dialled,
      sign: (sign) => {
        if (!sign.isAnswer) this.#pings?.wrote(sign);
        this.#frame(sign.isAnswer ? ANSWER : PING, bodyOf(sign.number));
      },
      lose: (reason) => this.#down(false, reason),
    });
  }

  /** The stream no longer exists; only the end of its link is reported. */
  end(): void {
    this.#down(false, "the relay is over");
  }

  #down(closed: boolean, reason: string): void {
    if (this.isOver) return;
    this.isOver = true;
    const { time } = this.port;
    this.#pings?.stop();
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

  /** The process has ended. */
  drop(): void {
    this.isOver = true;
    this.#pings?.stop();
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
    const signature = this.port.signer.sign(this.#signed(this.isDialler, this.#sent++, kind, body));
    this.#out = concatBytes(this.#out, header, body, signature);
    this.#pings?.wrote(null);
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

function bodyOf(number: number): Bytes {
  const body = new Uint8Array(4);
  new DataView(body.buffer).setUint32(0, number);
  return body;
}

function numberIn(body: Uint8Array): number {
  return new DataView(body.buffer, body.byteOffset).getUint32(0);
}
