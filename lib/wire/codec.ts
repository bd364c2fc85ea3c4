/**
 * Bytes to typed messages and back: the only place where received bytes become values. A message is its code (a
 * varint), then its fields.
 */

import type { Bytes } from "../base/crypto/crypto.ts";
import { invariant } from "../base/invariant.ts";
import {
  type Fields,
  MESSAGE_CODE_MAX,
  type MessageOf,
  type MessageSpec,
} from "../base/schema/schema.ts";
import { type FieldCodec, Input, OUTPUT, varintBytes } from "../base/schema/schema_codec.ts";
import { FRAME_BYTES_MAX } from "./frame.ts";

/**
 * A message of a kind that this version doesn't know. The receiver replies with the protocol's `unknown` message.
 * That is an ordinary, known message, so the reply is never itself replied to.
 */
export interface UnknownMessage {
  readonly type: "unknown-message";
  readonly code: number;
}

/** Whether `message` is of an unknown kind: a later version sent it. */
export function isUnknown<Message extends { readonly type: string }>(
  message: Message | UnknownMessage,
): message is UnknownMessage {
  return message.type === "unknown-message";
}

/** Encodes and decodes one protocol's messages. */
export interface MessageCodec<Message> {
  /**
   * The bytes of `message`: a view into a buffer shared with other encodings; they never change.
   * @throws {InvariantError} If a field doesn't fit its schema: a bug of the caller.
   */
  encode(message: Message): Bytes;
  /**
   * The message in `bytes`; bytes after its known fields belong to a later version and are ignored.
   * @returns A message whose byte arrays are views into `bytes`.
   * @throws {RemoteProtocolError} If `bytes` aren't a message; the text names the field.
   */
  decode(bytes: Uint8Array): Message | UnknownMessage;
}

interface Named {
  readonly type: string;
}

/**
 * The codec of a protocol with the messages `specs`. Checks that codes and names are distinct and that each message
 * fits in a frame.
 */
export function createCodec<const Specs extends readonly MessageSpec<string, Fields>[]>(
  specs: Specs,
): MessageCodec<MessageOf<Specs[number]>> {
  const byCode: (() => FieldCodec<Named>)[] = [];
  const byName = new Map<
    string,
    { readonly code: number; readonly codec: () => FieldCodec<Named> }
  >();
  for (const { code, name, schema } of specs) {
    invariant(
      byCode[code] === undefined,
      `no two messages have the code ${code}, ${name} has it too`,
    );
    invariant(!byName.has(name), `no two messages have the name ${name}`);
    invariant(name !== "unknown-message", "unknown-message is what decoding says of no message");
    const bytesMax = varintBytes(code) + schema.bytesMax;
    invariant(
      bytesMax <= FRAME_BYTES_MAX,
      `a message fits in a frame of ${FRAME_BYTES_MAX} bytes, ${name} can have ${bytesMax}`,
    );
    // Compiled when first needed, so that starting the program doesn't wait for it.
    let compiled: FieldCodec<Named> | null = null;
    const codec = () => compiled ??= schema.compile(name);
    byCode[code] = codec;
    byName.set(name, { code, codec });
  }
  return {
    encode(message) {
      const spec = byName.get(message.type);
      invariant(spec !== undefined, `a message has a type of its protocol, has ${message.type}`);
      OUTPUT.begin();
      OUTPUT.uint(spec.code);
      spec.codec().write(OUTPUT, message);
      return OUTPUT.take();
    },
    decode(bytes) {
      const input = new Input(bytes);
      const code = input.uint("message code", MESSAGE_CODE_MAX);
      const codec = byCode[code];
      if (codec === undefined) return { type: "unknown-message", code };
      return codec().read(input) as MessageOf<Specs[number]>;
    },
  };
}
