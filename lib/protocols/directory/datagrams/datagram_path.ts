/**
 * Datagrams between the directory and one client. They are sealed under keys that the directory drew and sent over
 * the link (`entered`): so they need no handshake of their own, and end with that link.
 *
 * On the wire each is a transport datagram as in `sealed_datagram/formats.ts`, with the session's number as index in
 * both directions. The sealed content is a message as on a link: its code and its fields. Each side's counters start
 * at 0.
 */

import type { Bytes } from "../../../base/crypto/crypto.ts";
import { RemoteProtocolError } from "../../../base/errors.ts";
import { invariant } from "../../../base/invariant.ts";
import { decode, encode, type MessageOf, type Schema } from "../../../base/schema/schema.ts";
import { CipherState } from "../../noise/cipher_state.ts";
import { EMPTY, TAG_BYTES } from "../../noise/primitives.ts";
import {
  decodeDatagram,
  SEALED_OFFSET,
  type Transport,
  writeTransportHeader,
} from "../../sealed_datagram/formats.ts";
import { DATAGRAM_BYTES_MAX } from "../../sealed_datagram/limits.ts";
import { ReplayWindow } from "../../sealed_datagram/replay_window.ts";
import { DATAGRAM_MESSAGES, type DirectoryMessageOf } from "../schema/messages.ts";
import { type Endpoint, isSameEndpoint } from "../../../base/ids.ts";
import { CHALLENGE_BYTES, HERE_MS, HERE_PADDING_BYTES, REPEAT_MS } from "../schema/limits.ts";
import { Deadlines } from "../../../base/machine/machine.ts";
import type { ClientOutput } from "../schema/client_output.ts";

/** The messages that may go in datagrams. */
export type DatagramMessage = MessageOf<typeof DATAGRAM_MESSAGES[number]>;

/** The form of each message. TypeScript can't see that a spec found by a message's type is that message's. */
const FORMS = DATAGRAM_MESSAGES.map(({ code, name, schema }) => ({
  code,
  name,
  schema: schema as unknown as Schema<DatagramMessage>,
}));

/** Codes take one byte. */
const CODE_BYTES = 1;

/** Bytes that sealing adds to a message's fields. */
const DATAGRAM_OVERHEAD_BYTES = SEALED_OFFSET + CODE_BYTES + TAG_BYTES;

/** The content of a message's datagram before sealing. */
export function encodeDatagram(message: DatagramMessage): Bytes {
  const form = FORMS.find(({ name }) => name === message.type);
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
export interface OpenedDatagram {
  /** Null for a message of a later version, or for no message at all. */
  readonly message: DatagramMessage | null;
  /** Whether it was sealed after all datagrams that came before. */
  readonly isNewest: boolean;
}

/** One side's keys and counters. */
export class DatagramPath {
  readonly #sending: CipherState;
  readonly #receiving: CipherState;
  readonly #window = new ReplayWindow();

  /** The keys have 32 bytes each: one seals what we send, the other opens what comes. */
  constructor(readonly index: number, sendingKey: Bytes, receivingKey: Bytes) {
    this.#sending = new CipherState(sendingKey);
    this.#receiving = new CipherState(receivingKey);
  }

  /** A whole datagram, in an array of its own. */
  seal(message: DatagramMessage): Bytes {
    return this.sealPlain(encodeDatagram(message));
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
  open({ counter, sealed }: Transport): OpenedDatagram | null {
    if (!this.#window.isFresh(counter)) return null;
    const plain = this.#receiving.openAt(counter, EMPTY, sealed);
    if (plain === null) return null;
    const isNewest = this.#window.isNewest(counter);
    this.#window.mark(counter);
    return { message: messageIn(plain), isNewest };
  }
}

function messageIn(plain: Bytes): DatagramMessage | null {
  const form = FORMS.find(({ code }) => code === plain[0]);
  if (form === undefined) return null;
  try {
    return decode(form.schema, plain.subarray(CODE_BYTES));
  } catch (error) {
    // Nothing depends on a datagram: a client that sends nonsense in them is still served over its link.
    if (!(error instanceof RemoteProtocolError)) throw error;
    return null;
  }
}

/** Size of a `prove` datagram: an address is challenged once as many bytes have come from it. */
const PROVE_BYTES = DATAGRAM_OVERHEAD_BYTES + CHALLENGE_BYTES;

/** An address that is challenged to prove that the client receives there. */
interface Asked {
  readonly endpoint: Endpoint;
  readonly challenge: Bytes;
  /** Bytes that came from there, less those sent there. */
  allowanceBytes: number;
}

/**
 * Where a client receives datagrams. Somebody on the way may forward its datagrams from another address, so an
 * address counts only once it has sent back a challenge; until then it is never sent more bytes than came from it.
 */
export class ProvenAddress {
  #endpoint: Endpoint | null = null;
  #asked: Asked | null = null;

  constructor(readonly path: DatagramPath, readonly randomBytes: (length: number) => Bytes) {}

  /** The address where the client has proved that it receives; null before it has. */
  get endpoint(): Endpoint | null {
    return this.#endpoint;
  }

  /**
   * An authentic datagram of `bytes` bytes came from `from`.
   * @returns The datagram to send back there; null: none.
   */
  heard(from: Endpoint, bytes: number, { message, isNewest }: OpenedDatagram): Bytes | null {
    if (this.#endpoint !== null && isSameEndpoint(from, this.#endpoint)) return null;
    if (this.#asked === null || !isSameEndpoint(from, this.#asked.endpoint)) {
      if (!isNewest) return null; // a late datagram doesn't say where the client is
      const challenge = this.randomBytes(CHALLENGE_BYTES);
      this.#asked = { endpoint: from, challenge, allowanceBytes: 0 };
    }
    const asked = this.#asked;
    if (message?.type === "proof" && message.challenge.toHex() === asked.challenge.toHex()) {
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

/** A client's datagrams to and from the directory, from when it is in until its link is gone. */
export class ClientPath {
  #path: DatagramPath | null = null;
  /** How many `here` we have sent without being asked to prove our address. */
  #unheard = 0;
  readonly deadlines = new Deadlines({
    /** When the directory is told again where datagrams reach us. */
    here: () => this.#here(),
  });

  /** @param directory The address that was dialled; `host` may be a name. */
  constructor(public directory: Endpoint, readonly out: ClientOutput) {}

  /** The link to the directory is up. @param directory Where, with the address that its name led to. */
  linked(directory: Endpoint): void {
    this.directory = directory;
  }

  entered({ index, toClient, toDirectory }: DirectoryMessageOf<"entered">): void {
    this.#path = new DatagramPath(index, toDirectory.slice(), toClient.slice());
    this.#unheard = 0;
    this.#here();
  }

  left(): void {
    this.#path = null;
    this.deadlines.clear("here");
  }

  #here(): void {
    this.send({ type: "here", padding: new Uint8Array(HERE_PADDING_BYTES) });
    this.deadlines.set("here", this.out.nowMs + (REPEAT_MS[this.#unheard++] ?? HERE_MS));
  }

  send(message: DatagramMessage, to = this.directory): void {
    if (this.#path !== null) {
      this.out.push({ type: "datagram", to, bytes: this.#path.seal(message) });
    }
  }

  /** The message of a datagram; null where it isn't the directory's, was replayed, or concerned only this path. */
  open(from: Endpoint, bytes: Uint8Array): DatagramMessage | null {
    const transport = this.#path === null ? null : transportOf(bytes);
    if (transport === null || transport.index !== this.#path!.index) return null;
    const message = this.#path!.open(transport)?.message ?? null;
    if (message?.type !== "prove") return message;
    this.#unheard = REPEAT_MS.length;
    this.deadlines.set("here", this.out.nowMs + HERE_MS);
    this.send({ type: "proof", challenge: message.challenge.slice() }, from);
    return null;
  }
}
