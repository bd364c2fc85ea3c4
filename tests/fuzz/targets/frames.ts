/**
 * Bytes that nobody would send, for the reader of frames: how a stream is cut changes nothing, and what is too long is
 * refused.
 */

import { assert, assertEquals } from "@std/assert";
import { concatBytes } from "../../../lib/base/crypto/crypto.ts";
import { RemoteProtocolError } from "../../../lib/base/errors.ts";
import { FrameReader } from "../../../lib/wire/frame.ts";
import type { Random } from "../../sim/random.ts";
import { frameOf } from "../../wire/frame_of.ts";
import { Decisions, spoilt } from "../changes.ts";
import { NUMBERS } from "../numbers.ts";
import type { Target } from "../target.ts";

const FRAME_BYTES_MAX = 1_024;
/** Nothing was refused. */
const END = "end";

/** What a reader makes of `stream` in chunks that end at `ends`. */
function readFrames(stream: Uint8Array, ends: readonly number[]): string {
  const reader = new FrameReader(FRAME_BYTES_MAX);
  const seen: string[] = [];
  let start = 0;
  try {
    for (const end of ends) {
      reader.push(stream.slice(start, end));
      start = end;
      for (let body = reader.next(); body !== null; body = reader.next()) {
        assert(body.length > 0 && body.length <= FRAME_BYTES_MAX);
        seen.push(body.toHex());
      }
    }
  } catch (error) {
    if (!(error instanceof RemoteProtocolError)) throw error;
    return [...seen, error.message].join(" ");
  }
  return [...seen, END].join(" ");
}

export const framesTarget: Target = {
  name: "frames",
  pieces: [...NUMBERS, frameOf(Uint8Array.of(1)).slice()],
  make(random: Random) {
    const frames = Array.from({ length: random.below(6) }, () => {
      const frame = frameOf(random.bytes(1 + random.below(random.pick([3, 300, 1_023]))));
      return random.chance(0.1) ? spoilt(frame, NUMBERS, random) : frame;
    });
    return concatBytes(...frames);
  },
  check(stream) {
    const decisions = new Decisions(stream);
    const { length } = stream;
    const cuts = Array.from({ length: decisions.below(12) }, () => decisions.below(length + 1));
    const whole = readFrames(stream, [length]);
    assertEquals(readFrames(stream, [...cuts.sort((a, b) => a - b), length]), whole);
    return whole.endsWith(END);
  },
};
