// deno-lint-ignore-file no-console -- a program of its own, run by `make fuzz`
/**
 * Bytes that nobody would send, for the codec and the frame reader: whatever they are, decoding gives a
 * value or a `RemoteProtocolError`, a value encodes to what it came from, and how a stream is cut changes
 * nothing. `SECONDS` (10) and `SEED` (by chance); a failure prints the seed that repeats it.
 */

import { assert, assertEquals } from "@std/assert";
import { concatBytes } from "../../lib/base/crypto.ts";
import { RemoteProtocolError } from "../../lib/base/errors.ts";
import { encodeFrame, FrameReader } from "../../lib/wire/frame.ts";
import { Random } from "../sim/random.ts";
import { PROTOCOLS, type SampledProtocol } from "../wire/protocols.ts";

/** A protocol's valid messages. */
function validOf({ samples }: SampledProtocol): readonly Uint8Array[] {
  return samples.map(({ bytes }) => bytes);
}

const ALL_VALID = PROTOCOLS.flatMap(validOf);

/** What breaks decoders: the ends of ranges, lengths beyond everything, numbers in more bytes than needed. */
const NASTY = ["00", "01", "7f", "80", "8000", "ffffffff0f", "ffffffffffffff0f", "ffffffffffffff7f"]
  .concat(["8080808010", "80".repeat(12), "eda080", "c080", "f4908080", "efbfbd", "00".repeat(40)])
  .map((digits) => Uint8Array.fromHex(digits));

/** A valid message after one to four changes, or plain noise. */
function input(valid: readonly Uint8Array[], random: Random): Uint8Array {
  if (random.chance(0.05)) return random.bytes(random.below(300));
  let bytes = random.pick(valid);
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    bytes = changed(bytes, valid, random);
  }
  return bytes;
}

function changed(
  bytes: Uint8Array,
  others: readonly Uint8Array[],
  random: Random,
): Uint8Array<ArrayBuffer> {
  const place = random.below(bytes.length + 1);
  const before = bytes.subarray(0, place);
  switch (random.below(5)) {
    case 0: { // one bit
      const flipped = new Uint8Array(bytes);
      if (place < bytes.length) flipped[place]! ^= 1 << random.below(8);
      return flipped;
    }
    case 1: // cut off
      return before.slice();
    case 2: // something nasty put in
      return concatBytes(before, random.pick(NASTY), bytes.subarray(place));
    case 3: { // something nasty put over what is there
      const nasty = random.pick(NASTY);
      return concatBytes(before, nasty, bytes.subarray(place + nasty.length));
    }
    default: { // the end of another message
      const other = random.pick(others);
      return concatBytes(before, other.subarray(random.below(other.length)));
    }
  }
}

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
  assertEquals(again.subarray(0, length), bytes.subarray(0, length), "a message has one form");
  return true;
}

const FRAME_BYTES_MAX = 1_024;

/** What a reader makes of `stream` in chunks that end at `ends`. */
function readFrames(stream: Uint8Array, ends: readonly number[]): string {
  const reader = new FrameReader(FRAME_BYTES_MAX);
  let seen = "";
  let start = 0;
  try {
    for (const end of ends) {
      reader.push(stream.slice(start, end));
      start = end;
      for (let body = reader.next(); body !== null; body = reader.next()) {
        assert(body.length > 0 && body.length <= FRAME_BYTES_MAX);
        seen += `${body.toHex()} `;
      }
    }
  } catch (error) {
    if (!(error instanceof RemoteProtocolError)) throw error;
    return `${seen}${error.message}`;
  }
  return `${seen}${reader.atBoundary}`;
}

function tryFrames(random: Random): void {
  const frames = Array.from({ length: random.below(6) }, () => {
    const frame = encodeFrame(random.bytes(1 + random.below(random.pick([3, 300, 1_023]))));
    return random.chance(0.1) ? changed(frame, ALL_VALID, random) : frame;
  });
  const stream = concatBytes(...frames);
  const cuts = Array.from({ length: random.below(12) }, () => random.below(stream.length + 1));
  const ends = [...cuts.sort((a, b) => a - b), stream.length];
  assertEquals(readFrames(stream, ends), readFrames(stream, [stream.length]));
}

if (import.meta.main) {
  const seed = Number(Deno.env.get("SEED") || Math.floor(Math.random() * 2 ** 32));
  const untilMs = performance.now() + 1_000 * Number(Deno.env.get("SECONDS") || 10);
  const random = new Random(seed);
  const counts = { messages: 0, accepted: 0, streams: 0 };
  let bytes: Uint8Array = new Uint8Array();
  try {
    while (performance.now() < untilMs) {
      for (let round = 0; round < 100; round++) {
        const protocol = random.pick(PROTOCOLS);
        bytes = input(validOf(protocol), random);
        counts.messages++;
        if (isMessage(protocol, bytes)) counts.accepted++;
      }
      tryFrames(random);
      counts.streams++;
    }
  } catch (error) {
    console.error(error);
    console.error(`codec: failed after ${JSON.stringify(counts)}; the last message was`);
    console.error(bytes.toHex());
    console.error(`Again: SEED=${seed} deno run --allow-env tests/fuzz/codec_fuzz.ts`);
    Deno.exit(1);
  }
  const { messages, accepted, streams } = counts;
  console.log(
    `codec: ${messages} messages (${accepted} accepted), ${streams} streams of frames, seed ${seed}`,
  );
}
