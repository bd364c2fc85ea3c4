/**
 * Datagrams between a server and one program that has a link to it. They are sealed under keys that the server drew
 * and sent over that link: so they need no handshake of their own, and end with the link.
 *
 * On the wire each is a transport datagram as in `formats.ts`, with the session's number as index in both directions.
 * The sealed content is a message as on a link: its code and its fields. Each side's counters start at 0.
 */

import type { Bytes } from "../../base/crypto/crypto.ts";
import { RemoteProtocolError } from "../../base/errors.ts";
import { type Endpoint, isSameEndpoint } from "../../base/ids.ts";
import { invariant } from "../../base/invariant.ts";
import { decode, encode, type Schema } from "../../base/schema/schema.ts";
import { CipherState } from "../noise/cipher_state.ts";
import { EMPTY, TAG_BYTES } from "../noise/primitives.ts";
import { decodeDatagram, SEALED_OFFSET, type Transport, writeTransportHeader } from "./formats.ts";
import {
  CHALLENGE_BYTES,
  DATAGRAM_BYTES_MAX,
  HERE_MS,
  HERE_PADDING_BYTES,
  HERE_REPEAT_MS,
} from "./limits.ts";
import { ReplayWindow } from "./replay_window.ts";

/** The messages by which a program shows where it receives datagrams; both protocols that have them declare them. */
type AddressMessage =
  /** From the program; so long that its answer isn't longer. */
  | { readonly type: "here"; readonly padding: Uint8Array }
  /** From the server, to the address that isn't proven: `proof` answers it. */
  | { readonly type: "prove"; readonly challenge: Uint8Array }
  | { readonly type: "proof"; readonly challenge: Uint8Array };

/** A message that may go in a datagram: its code of one byte, and its form. */
interface DatagramForm<Message> {
  readonly code: number;
  readonly name: string;
  readonly schema: Schema<Message>;
}

/** The forms of these messages. TypeScript can't see that a spec found by a message's type is that message's. */
export function formsOf<Message>(
  specs: readonly { readonly code: number; readonly name: string; readonly schema: unknown }[],
): readonly DatagramForm<Message>[] {
  return specs.map(({ code, name, schema }) => ({ code, name, schema: schema as Schema<Message> }));
}

const CODE_BYTES = 1;

/** Bytes that sealing adds to a message's fields. */
const KEYED_OVERHEAD_BYTES = SEALED_OFFSET + CODE_BYTES + TAG_BYTES;

/** The content of a message's datagram before sealing. */
export function encodePlain<Message extends { readonly type: string }>(
  forms: readonly DatagramForm<Message>[],
  message: Message,
): Bytes {
  const form = forms.find(({ name }) => name === message.type);
  invariant(form !== undefined, `${message.type} goes in datagrams`);
  const fields = encode(form.schema, message);
  const plain = new Uint8Array(CODE_BYTES + fields.length);
  plain[0] = form.code;
  plain.set(fields, CODE_BYTES);
  return plain;
}

/** A datagram that may belong to a session, which its index identifies; null for anything else. */
export function transportOf(bytes: Uint8Array): Transport | null {
  const datagram = decodeDatagram(bytes);
  return datagram?.type === "transport" ? datagram : null;
}

/** The content of an authentic datagram. */
export interface OpenedDatagram<Message> {
  /** Null for a message of a later version, or for no message at all. */
  readonly message: Message | null;
  /** Whether it was sealed after all datagrams that came before. */
  readonly isNewest: boolean;
}

/** One side's keys and counters. */
export class KeyedPath<Message extends { readonly type: string }> {
  readonly #forms: readonly DatagramForm<Message>[];
  readonly #sending: CipherState;
  readonly #receiving: CipherState;
  readonly #window = new ReplayWindow();

  /** The keys have 32 bytes each: one seals what we send, the other opens what comes. */
  constructor(
    forms: readonly DatagramForm<Message>[],
    readonly index: number,
    sendingKey: Bytes,
    receivingKey: Bytes,
  ) {
    this.#forms = forms;
    this.#sending = new CipherState(sendingKey);
    this.#receiving = new CipherState(receivingKey);
  }

  /** A whole datagram, in an array of its own. */
  seal(message: Message): Bytes {
    return this.sealPlain(encodePlain(this.#forms, message));
  }

  /** Like `seal`, for a message that is encoded already. */
  sealPlain(plain: Bytes): Bytes {
    const datagram = new Uint8Array(SEALED_OFFSET + plain.length + TAG_BYTES);
    invariant(datagram.length <= DATAGRAM_BYTES_MAX, "each message fits in a datagram");
    writeTransportHeader(datagram, this.index, this.#sending.counter);
    this.#sending.sealInto(datagram, SEALED_OFFSET, EMPTY, plain);
    return datagram;
  }

  /**
   * Opens a datagram that has our index.
   * @returns Null for a datagram that was changed, replayed, or sealed with another key: nothing changes then.
   */
  open({ counter, sealed }: Transport): OpenedDatagram<Message> | null {
    if (!this.#window.isFresh(counter)) return null;
    const plain = this.#receiving.openAt(counter, EMPTY, sealed);
    if (plain === null) return null;
    const isNewest = this.#window.isNewest(counter);
    this.#window.mark(counter);
    return { message: this.#messageIn(plain), isNewest };
  }

  #messageIn(plain: Bytes): Message | null {
    const form = this.#forms.find(({ code }) => code === plain[0]);
    if (form === undefined) return null;
    try {
      return decode(form.schema, plain.subarray(CODE_BYTES));
    } catch (error) {
      // Nothing depends on a datagram: whoever sends nonsense in them is still served over its link.
      if (!(error instanceof RemoteProtocolError)) throw error;
      return null;
    }
  }
}

/** Size of a `prove` datagram: an address is challenged once as many bytes have come from it. */
const PROVE_BYTES = KEYED_OVERHEAD_BYTES + CHALLENGE_BYTES;

/** An address that is challenged to prove that the program receives there. */
interface Asked {
  readonly endpoint: Endpoint;
  readonly challenge: Bytes;
  /** Bytes that came from there, less those sent there. */
  allowanceBytes: number;
}

/**
 * The server's side: where a program receives datagrams. Somebody on the way may forward its datagrams from another
 * address, so an address counts only once it has sent back a challenge; until then it is never sent more bytes than
 * came from it.
 */
export class ProvenAddress<Path extends { seal(message: AddressMessage): Bytes }> {
  #endpoint: Endpoint | null = null;
  #asked: Asked | null = null;

  constructor(readonly path: Path, readonly randomBytes: (length: number) => Bytes) {}

  /** The address where the program has proved that it receives; null before it has. */
  get endpoint(): Endpoint | null {
    return this.#endpoint;
  }

  /**
   * An authentic datagram of `bytes` bytes came from `from`.
   * @returns The datagram to send back there; null: none.
   */
  heard(
    from: Endpoint,
    bytes: number,
    { message, isNewest }: OpenedDatagram<{ readonly type: string }>,
  ): Bytes | null {
    if (this.#endpoint !== null && isSameEndpoint(from, this.#endpoint)) return null;
    if (this.#asked === null || !isSameEndpoint(from, this.#asked.endpoint)) {
      if (!isNewest) return null; // a late datagram doesn't say where the program is
      const challenge = this.randomBytes(CHALLENGE_BYTES);
      this.#asked = { endpoint: from, challenge, allowanceBytes: 0 };
    }
    const asked = this.#asked;
    if (isProof(message) && message.challenge.toHex() === asked.challenge.toHex()) {
      this.#endpoint = asked.endpoint;
      this.#asked = null;
      return null;
    }
    asked.allowanceBytes += bytes;
    if (asked.allowanceBytes < PROVE_BYTES) return null;
    const prove = this.path.seal({ type: "prove", challenge: asked.challenge });
    // The rest isn't saved up, so that a flood isn't answered with a flood.
    asked.allowanceBytes = 0;
    return prove;
  }
}

function isProof(
  message: { readonly type: string } | null,
): message is AddressMessage & { readonly type: "proof" } {
  return message?.type === "proof";
}

/** The program's side: it says where it is, again and again, and answers challenges. */
export class OwnAddress<Message extends { readonly type: string }> {
  #path: KeyedPath<Message | AddressMessage> | null = null;
  /** How many `here` were sent without being asked to prove the address. */
  #unheard = 0;
  #dueMs: number | null = null;

  /** @param transmit To the server, or to the address that is named. */
  constructor(readonly transmit: (bytes: Bytes, to: Endpoint | null) => void) {}

  /** The server has drawn other keys: it is told at once where we are. */
  keyed(path: KeyedPath<Message | AddressMessage>, nowMs: number): void {
    this.#path = path;
    this.#unheard = 0;
    this.#here(nowMs);
  }

  /** The keys count no more. */
  left(): void {
    this.#path = null;
    this.#dueMs = null;
  }

  /** The number in datagrams to us; null while there are no keys. */
  get index(): number | null {
    return this.#path?.index ?? null;
  }

  /** Dropped while there are no keys. */
  send(message: Message | AddressMessage, to: Endpoint | null = null): void {
    if (this.#path !== null) this.transmit(this.#path.seal(message), to);
  }

  /** The message of a datagram; null where it isn't the server's, was replayed, or concerned only this path. */
  open(
    from: Endpoint,
    transport: Transport,
    nowMs: number,
  ): Exclude<Message | AddressMessage, { readonly type: "prove" }> | null {
    if (this.#path === null || transport.index !== this.#path.index) return null;
    const message = this.#path.open(transport)?.message ?? null;
    if (!isProve(message)) {
      return message as Exclude<Message | AddressMessage, { readonly type: "prove" }> | null;
    }
    this.#unheard = HERE_REPEAT_MS.length;
    this.#dueMs = nowMs + HERE_MS;
    this.send({ type: "proof", challenge: message.challenge.slice() }, from);
    return null;
  }

  nextMs(): number | null {
    return this.#dueMs;
  }

  tick(nowMs: number): void {
    if (this.#dueMs !== null && this.#dueMs <= nowMs) this.#here(nowMs);
  }

  #here(nowMs: number): void {
    this.send({ type: "here", padding: new Uint8Array(HERE_PADDING_BYTES) });
    this.#dueMs = nowMs + (HERE_REPEAT_MS[this.#unheard++] ?? HERE_MS);
  }
}

function isProve(
  message: { readonly type: string } | null,
): message is AddressMessage & { readonly type: "prove" } {
  return message?.type === "prove";
}
