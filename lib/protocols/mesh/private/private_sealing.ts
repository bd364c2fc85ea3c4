/**
 * Private messages on the wire: sealed to their receiver's box key (Noise N), signed inside, padded. Box keys are
 * only in memory: a new start forgets them, and what was sealed to a forgotten key can't be read any more.
 */

import { sameBytes } from "../../../base/collections/bytes.ts";
import { concatBytes, type Signer, utf8 } from "../../../base/crypto/crypto.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import { RemoteProtocolError } from "../../../base/errors.ts";
import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { Hash, MessageId, PeerKey, RoomId } from "../../../base/ids.ts";
import {
  bool,
  bytes,
  decode,
  encode,
  fixedBytes,
  hexId,
  list,
  oneOf,
  peerKey,
  record,
  uint,
} from "../../../base/schema/schema.ts";
import { openFrom, sealTo } from "../../noise/sealed_box.ts";
import { type KeyPair, keyPairFromSeed } from "../../noise/primitives.ts";
import { BUNDLE_TEXT_BYTES_MAX, HEADS_MAX } from "../schema/limits.ts";
import type { PrivateEffect } from "./private_messages_io.ts";
import { type Head, headSchema, type PrivateEnvelope, TAGS } from "../schema/structures.ts";

/** What binds a sealed text to its place; the prologue of the seal. */
const prologueSchema = record({
  room: hexId<RoomId>(),
  from: peerKey(),
  to: peerKey(),
  incarnation: uint(Number.MAX_SAFE_INTEGER),
  counter: uint(Number.MAX_SAFE_INTEGER),
  kind: oneOf(["message", "acknowledgement"]),
});

/** Lengths that a text is padded to, so that its length says little. */
const PADDED_BYTES = [256, 1_024, 4_096, 16_384, BUNDLE_TEXT_BYTES_MAX] as const;
const LENGTH_BYTES = 4;
const UTF8_STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const signedFields = {
  previous: uint(Number.MAX_SAFE_INTEGER),
  late: bool(),
  sentAt: uint(Number.MAX_SAFE_INTEGER),
  heads: list(headSchema, HEADS_MAX),
};
const signedRestSchema = record(signedFields);
const contentSchema = record({
  /** The sender's identity, over the prologue and everything below. */
  signature: fixedBytes(64),
  ...signedFields,
  /** The text's length (4 bytes, big-endian), the text, zeros. */
  padded: bytes(BUNDLE_TEXT_BYTES_MAX + LENGTH_BYTES),
});

/** What is inside a seal. */
export interface Content {
  /** Counter of the last message before it that its sender still holds; 0 for none. Once that is shown, this may be. */
  readonly previous: number;
  /** It was typed a while ago, or may have been shown by an earlier process of its receiver. */
  readonly late: boolean;
  /** The sender's wall clock when it was typed, ms. */
  readonly sentAt: number;
  /** The heads that its sender had been shown. */
  readonly heads: readonly Head[];
  readonly text: string;
}

/** Which of a sender's messages this is, or acknowledges. */
export type Place = Pick<PrivateEnvelope, "to" | "incarnation" | "counter" | "kind">;

export class PrivateSealing {
  /** The announced key, which is the last one, and the one before it. */
  readonly #boxKeys: KeyPair[] = [];

  constructor(
    readonly room: RoomId,
    readonly signer: Signer,
    readonly environment: Environment,
  ) {
    this.renewBoxKey();
  }

  /** The public box key to put into our beacon. */
  get boxKey(): Uint8Array {
    return (this.#boxKeys.at(-1) as KeyPair).publicKey;
  }

  /** Draws a new box key; keeps the previous one, and forgets those before. */
  renewBoxKey(): void {
    this.#boxKeys.push(keyPairFromSeed(this.environment.randomBytes(32)));
    if (this.#boxKeys.length > 2) this.#boxKeys.shift();
  }

  /** Seals and floods; does nothing if the receiver's beacon names an impossible key, by which it hurts only itself. */
  flood(place: Place, boxKey: Uint8Array, content: Content): readonly PrivateEffect[] {
    const bound = { room: this.room, from: this.signer.key, ...place };
    const prologue = encode(prologueSchema, bound);
    const padded = pad(utf8(content.text));
    const signature = this.signer.sign(this.#signed(prologue, content, padded));
    const { previous, late, sentAt, heads } = content;
    const fields = { signature, previous, late, sentAt, heads, padded };
    const plaintext = encode(contentSchema, fields);
    try {
      const sealed = sealTo(boxKey, prologue, plaintext, this.environment.randomBytes(32));
      return [{ type: "flood", envelope: { ...bound, boxKey, sealed }, except: null }];
    } catch (error) {
      if (!(error instanceof RemoteProtocolError)) throw error;
      const fields = { key: fingerprintOf(place.to), reason: error.message };
      this.environment.log.info("private message not sealed", fields);
      return [];
    }
  }

  /** The content of an envelope that is sealed to us and signed by its sender, else null. */
  open(envelope: PrivateEnvelope): Content | null {
    const pair = this.#boxKeys.find(({ publicKey }) => sameBytes(publicKey, envelope.boxKey));
    if (pair === undefined) return null; // sealed to an earlier key: the sender seals it anew
    const { room, from, to, incarnation, counter, kind } = envelope;
    const prologue = encode(prologueSchema, { room, from, to, incarnation, counter, kind });
    try {
      const content = decode(contentSchema, openFrom(pair, prologue, envelope.sealed));
      const { signature, previous, late, sentAt, heads, padded } = content;
      const signed = this.#signed(prologue, content, padded);
      if (!this.environment.crypto.verify(from, signed, signature)) {
        throw new RemoteProtocolError("Cannot accept a private message: its signature is wrong");
      }
      return { previous, late, sentAt, heads, text: unpad(padded) };
    } catch (error) {
      if (!(error instanceof RemoteProtocolError)) throw error;
      // Anybody may have made it: no neighbour answers for what it cannot check.
      const fields = { key: fingerprintOf(from), reason: error.message };
      this.environment.log.info("private envelope dropped", fields);
      return null;
    }
  }

  /** A message's id, the same at both ends, and in every process of either. */
  messageId(from: PeerKey, to: PeerKey, incarnation: number, counter: number): MessageId {
    const { room } = this;
    const place = { room, from, to, incarnation, counter, kind: "message" } as const;
    return this.environment.crypto.sha256<MessageId>(
      utf8(TAGS.message),
      encode(prologueSchema, place),
    );
  }

  #signed(
    prologue: Uint8Array,
    { previous, late, sentAt, heads }: Omit<Content, "text">,
    padded: Uint8Array,
  ): Uint8Array {
    const rest = encode(signedRestSchema, { previous, late, sentAt, heads });
    const hash = this.environment.crypto.sha256<Hash>(
      utf8(TAGS.privateMessage),
      prologue,
      rest,
      padded,
    );
    return Uint8Array.fromHex(hash);
  }
}

function pad(text: Uint8Array): Uint8Array {
  const size = PADDED_BYTES.find((bytes) => bytes >= text.length) ?? BUNDLE_TEXT_BYTES_MAX;
  const length = new Uint8Array(LENGTH_BYTES);
  new DataView(length.buffer).setUint32(0, text.length);
  return concatBytes(length, text, new Uint8Array(size - text.length));
}

/** @throws {RemoteProtocolError} If it doesn't hold a valid text. */
function unpad(padded: Uint8Array): string {
  if (padded.length < LENGTH_BYTES) throw badText();
  const length = new DataView(padded.buffer, padded.byteOffset, padded.length).getUint32(0);
  if (length > padded.length - LENGTH_BYTES) throw badText();
  try {
    return UTF8_STRICT.decode(padded.subarray(LENGTH_BYTES, LENGTH_BYTES + length));
  } catch (cause) {
    throw badText(cause);
  }
}

function badText(cause?: unknown): RemoteProtocolError {
  return new RemoteProtocolError("Cannot read a private message: its text isn't UTF-8", { cause });
}
