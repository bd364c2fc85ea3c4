/**
 * Bytes that nobody would send, for the codecs of all protocols: decoding gives a value or a `RemoteProtocolError`, and
 * a value encodes to what it came from. An input's first byte says which protocol it is for.
 */

import { assertEquals } from "@std/assert";
import { concatBytes } from "../../../lib/base/crypto/crypto.ts";
import { RemoteProtocolError } from "../../../lib/base/errors.ts";
import type { Random } from "../../sim/random.ts";
import { PROTOCOLS, type SampledProtocol } from "../../wire/protocols.ts";
import { spoilt } from "../changes.ts";
import { NUMBERS } from "../numbers.ts";
import type { Target } from "../target.ts";

/** @returns Whether `bytes` were a message. */
function isMessage({ codec }: SampledProtocol, bytes: Uint8Array): boolean {
  let message: ReturnType<typeof codec.decode>;
  try {
    message = codec.decode(bytes);
  } catch (error) {
    if (error instanceof RemoteProtocolError) return false;
    throw error;
  }
  if (message.type === "unknown-message") return false;
  const again = codec.encode(message);
  const length = Math.min(again.length, bytes.length); // an older program's lacks a trailing field
  assertEquals(
    again.subarray(0, length).toHex(),
    bytes.subarray(0, length).toHex(),
    "a message has one form",
  );
  return true;
}

export const codecTarget: Target = {
  name: "codec",
  pieces: NUMBERS,
  make(random: Random) {
    const at = random.below(PROTOCOLS.length);
    const { samples } = PROTOCOLS[at]!;
    const { bytes } = random.pick(samples);
    const ends = [random.pick(samples).bytes, bytes];
    const end = ends[random.chance(0.2) ? 0 : 1]!;
    const joined = concatBytes(
      bytes.subarray(0, random.below(bytes.length + 1)),
      end.subarray(random.below(end.length + 1)),
    );
    return concatBytes(
      Uint8Array.of(at),
      spoilt(random.chance(0.5) ? bytes : joined, NUMBERS, random),
    );
  },
  check(input) {
    const protocol = PROTOCOLS[(input[0] ?? 0) % PROTOCOLS.length]!;
    return isMessage(protocol, input.subarray(1));
  },
};
