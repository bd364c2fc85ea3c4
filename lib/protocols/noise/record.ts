/**
 * Records: what a channel carries after the handshake. Two bytes of length (big-endian, of what follows), then
 * one sealed Noise transport message whose plaintext is a kind and up to 16 KiB - 1 of content.
 *
 * Each direction is rekeyed after a number of records or bytes; both sides count, and no message announces it.
 */

import { type Bytes, utf8 } from "../../base/crypto/crypto.ts";
import { RemoteProtocolError } from "../../base/errors.ts";
import type { CipherState } from "./cipher_state.ts";
import type { Lane } from "./channel_io.ts";
import type { ChannelConfig } from "./config.ts";
import { EMPTY, TAG_BYTES } from "./primitives.ts";
import {
  type Page,
  RECORD_KIND_BYTES,
  RECORD_LENGTH_BYTES,
  RECORD_PLAINTEXT_BYTES_MAX,
  RecordLane,
} from "./record_lane.ts";

/** First byte of a record's plaintext. */
const RECORD_KINDS = {
  /** Listener to dialler, the first record of all, empty: your proof was accepted. */
  welcome: 1,
  /** Bytes of the control lane. */
  control: 2,
  /** Bytes of the data lane. */
  data: 3,
  /** Number of a request for a sign of life, 4 bytes. */
  ping: 4,
  /** The number of the ping it answers. */
  pong: 5,
  /** Last record of a direction: why the link ends, UTF-8, at most 256 bytes. */
  close: 6,
  /** Bytes of the bulk lane, which the other side has asked for: a version that doesn't know it never does. */
  bulk: 7,
} as const;

type RecordKind = keyof typeof RECORD_KINDS;

const KINDS_BY_BYTE = new Map<number, RecordKind>(
  Object.entries(RECORD_KINDS).map(([kind, byte]) => [byte, kind as RecordKind]),
);

const SEALED_BYTES_MIN = RECORD_KIND_BYTES + TAG_BYTES;
const SEALED_BYTES_MAX = RECORD_PLAINTEXT_BYTES_MAX + TAG_BYTES;
/** Longest reason in a close record. */
export const CLOSE_REASON_BYTES_MAX = 256;

// One for all channels: a small record is filled and sealed within one call.
const scratch = new Uint8Array(RECORD_KIND_BYTES + CLOSE_REASON_BYTES_MAX);

/** Counts a direction's records and bytes, and rekeys when it is time. */
class KeySchedule {
  #records = 0;
  #bytes = 0;

  constructor(
    readonly cipher: CipherState,
    readonly config: Pick<ChannelConfig, "rekeyRecords" | "rekeyBytes">,
  ) {}

  count(sealedBytes: number): void {
    this.#records += 1;
    this.#bytes += sealedBytes;
    if (this.#records < this.config.rekeyRecords && this.#bytes < this.config.rekeyBytes) return;
    this.cipher.rekey();
    this.#records = 0;
    this.#bytes = 0;
  }
}

/** Seals records, one after the other, into a buffer for one write. */
export class RecordWriter {
  readonly #keys: KeySchedule;

  constructor(cipher: CipherState, config: Pick<ChannelConfig, "rekeyRecords" | "rekeyBytes">) {
    this.#keys = new KeySchedule(cipher, config);
  }

  /** Writes a record with `content` to `out` at `offset`. @returns Where it ends. */
  write(out: Uint8Array, offset: number, kind: RecordKind, content: Uint8Array): number {
    scratch.set(content, RECORD_KIND_BYTES);
    return this.#seal(out, offset, kind, scratch.subarray(0, RECORD_KIND_BYTES + content.length));
  }

  /** Writes the record that a lane has filled, and releases its page. @returns Where it ends. */
  writePage(out: Uint8Array, offset: number, kind: Lane, page: Page): number {
    const end = this.#seal(out, offset, kind, page.bytes.subarray(0, page.end));
    RecordLane.release(page);
    return end;
  }

  #seal(out: Uint8Array, offset: number, kind: RecordKind, plaintext: Uint8Array): number {
    plaintext[0] = RECORD_KINDS[kind];
    const sealedBytes = plaintext.length + TAG_BYTES;
    out[offset] = sealedBytes >>> 8;
    out[offset + 1] = sealedBytes;
    const start = offset + RECORD_LENGTH_BYTES;
    this.#keys.cipher.sealInto(out, start, EMPTY, plaintext);
    this.#keys.count(sealedBytes);
    return start + sealedBytes;
  }
}

/** A record that was opened. */
export interface OpenedRecord {
  readonly kind: RecordKind;
  /** A new array that nobody else uses. */
  readonly content: Bytes;
  /** Bytes of input that it took. */
  readonly inputBytes: number;
}

/** Opens records in the order of their sealing. */
export class RecordReader {
  readonly #keys: KeySchedule;

  constructor(cipher: CipherState, config: Pick<ChannelConfig, "rekeyRecords" | "rekeyBytes">) {
    this.#keys = new KeySchedule(cipher, config);
  }

  /** How many bytes are missing of a record that has begun with `part`: of its length, where that isn't whole. */
  missingBytes(part: Uint8Array): number {
    if (part.length < RECORD_LENGTH_BYTES) return RECORD_LENGTH_BYTES - part.length;
    return RECORD_LENGTH_BYTES + sealedBytesAt(part, 0) - part.length;
  }

  /**
   * Opens the record that starts at `offset`, or `null` while it is incomplete.
   * @throws {RemoteProtocolError} If its length is impossible, it isn't authentic, or its kind is unknown.
   */
  read(input: Uint8Array, offset: number): OpenedRecord | null {
    if (input.length - offset < RECORD_LENGTH_BYTES) return null;
    const sealedBytes = sealedBytesAt(input, offset);
    if (sealedBytes < SEALED_BYTES_MIN || sealedBytes > SEALED_BYTES_MAX) {
      throw new RemoteProtocolError(
        `Cannot read a record: its length must be ${SEALED_BYTES_MIN} to ${SEALED_BYTES_MAX}, is ${sealedBytes}`,
      );
    }
    const start = offset + RECORD_LENGTH_BYTES;
    if (input.length - start < sealedBytes) return null;
    const plaintext = this.#keys.cipher.open(EMPTY, input.subarray(start, start + sealedBytes));
    this.#keys.count(sealedBytes);
    const kind = KINDS_BY_BYTE.get(plaintext[0]!);
    if (kind === undefined) {
      throw new RemoteProtocolError(`Cannot read a record: it is of unknown kind ${plaintext[0]}`);
    }
    return {
      kind,
      content: plaintext.subarray(RECORD_KIND_BYTES),
      inputBytes: RECORD_LENGTH_BYTES + sealedBytes,
    };
  }
}

/** The length with which a record begins. */
function sealedBytesAt(input: Uint8Array, offset: number): number {
  return input[offset]! * 256 + input[offset + 1]!;
}

/** A close record's content: `reason`, cut to what fits. */
export function encodeCloseReason(reason: string): Bytes {
  const bytes = utf8(reason);
  return bytes.length <= CLOSE_REASON_BYTES_MAX ? bytes : bytes.slice(0, CLOSE_REASON_BYTES_MAX);
}

const DECODER = new TextDecoder();

/** A close record's reason: text from another program, at most 256 bytes, to be shown with care. */
export function decodeCloseReason(content: Uint8Array): string {
  return DECODER.decode(content.subarray(0, CLOSE_REASON_BYTES_MAX));
}

/** Bytes of a ping's number. */
export const PING_NUMBER_BYTES = 4;

/** A ping record's content. `number` is 0 to 2^32 - 1. */
export function encodePingNumber(number: number): Bytes {
  const content = new Uint8Array(PING_NUMBER_BYTES);
  new DataView(content.buffer).setUint32(0, number);
  return content;
}

/**
 * The number in a ping or pong record.
 * @throws {RemoteProtocolError} If the content isn't one number.
 */
export function decodePingNumber(content: Uint8Array): number {
  if (content.length !== PING_NUMBER_BYTES) {
    throw new RemoteProtocolError(
      `Cannot read a ping: it has ${content.length} bytes, not ${PING_NUMBER_BYTES}`,
    );
  }
  return new DataView(content.buffer, content.byteOffset).getUint32(0);
}
