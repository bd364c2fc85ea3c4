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
import { DATAGRAM_MESSAGES } from "../schema/messages.ts";

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
export const DATAGRAM_OVERHEAD_BYTES = SEALED_OFFSET + CODE_BYTES + TAG_BYTES;

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
