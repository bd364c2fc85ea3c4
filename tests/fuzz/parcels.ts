/** Inputs of several messages: a row of parcels, each a byte that says to whom and when, a length in two, and its bytes. */

import { concatBytes } from "../../lib/base/crypto/crypto.ts";
import { RemoteProtocolError } from "../../lib/base/errors.ts";
import { isUnknown, type MessageCodec } from "../../lib/wire/codec.ts";

const HEAD_BYTES = 3;

export function parcelOf(kind: number, bytes: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(kind, bytes.length >> 8, bytes.length), bytes);
}

/** All of the parcels; the last one may be cut off. */
export function* parcelsIn(
  input: Uint8Array,
): Generator<{ readonly kind: number; readonly bytes: Uint8Array }> {
  for (let at = 0; at + HEAD_BYTES <= input.length;) {
    const [kind = 0, high = 0, low = 0] = input.subarray(at, at + HEAD_BYTES);
    at += HEAD_BYTES;
    const length = high * 256 + low;
    yield { kind, bytes: input.subarray(at, at + length) };
    at += length;
  }
}

/** The messages among the parcels; what is none is passed over. */
export function* messagesIn<Message extends { readonly type: string }>(
  input: Uint8Array,
  codec: MessageCodec<Message>,
): Generator<{ readonly kind: number; readonly message: Message }> {
  for (const { kind, bytes } of parcelsIn(input)) {
    try {
      const message = codec.decode(bytes);
      if (!isUnknown(message)) yield { kind, message };
    } catch (error) {
      if (!(error instanceof RemoteProtocolError)) throw error;
    }
  }
}
