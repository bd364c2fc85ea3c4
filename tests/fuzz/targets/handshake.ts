/**
 * Two channels whose wire is changed as an input's bytes say: whatever comes in, a machine answers and never throws,
 * ends once, tells nobody's words wrong, and holds no link with somebody else than it says.
 */

import { assert } from "@std/assert";
import { concatBytes } from "../../../lib/base/crypto/crypto.ts";
import { ANN, BOB, Pair, seedOf, type Side } from "../../protocols/noise/channel_pair.ts";
import type { Random } from "../../sim/random.ts";
import { Decisions } from "../changes.ts";
import { NUMBERS } from "../numbers.ts";
import type { Target } from "../target.ts";

const SECRET = { epoch: 1, key: seedOf("psk") };
const WORDS = "what was said";

/** `bytes` with a bit flipped, a part left out, repeated, moved or put in; cut into parts at random. */
function onWire(bytes: Uint8Array, random: Random, changes: number): readonly Uint8Array[] {
  let wire = new Uint8Array(bytes);
  for (let left = changes; left > 0 && wire.length > 0; left--) {
    const at = random.below(wire.length);
    const to = at + random.below(wire.length - at + 1);
    switch (random.below(4)) {
      case 0:
        wire[at]! ^= 1 << random.below(8);
        break;
      case 1:
        wire = concatBytes(wire.subarray(0, at), wire.subarray(to));
        break;
      case 2:
        wire = concatBytes(wire.subarray(0, to), wire.subarray(at));
        break;
      default:
        wire = concatBytes(
          wire.subarray(0, at),
          random.bytes(random.below(300)),
          wire.subarray(at),
        );
    }
  }
  const parts: Uint8Array[] = [];
  for (let at = 0; at < wire.length;) {
    const length = random.chance(0.8) ? wire.length : 1 + random.below(40);
    parts.push(wire.subarray(at, at + length));
    at += length;
  }
  return parts;
}

function checkSide(side: Side, key: string): void {
  const ends = side.told.filter(({ type }) => type === "failed" || type === "closed");
  assert(ends.length <= 1, "a channel ends once");
  assert(ends.length === 0 || side.told.at(-1) === ends[0], "nothing is told after the end");
  assert(
    ends.length === 0 || side.channel.nextDeadlineMs() === null,
    "nothing is awaited after it",
  );
  for (const each of side.told) {
    if (each.type === "established") assert(each.peer === key, "it is who it says");
  }
  for (const lane of ["control", "data"] as const) {
    assert(WORDS.repeat(20).startsWith(side.heard(lane)), "words come whole and in order");
  }
}

/** One pair of channels. @returns Whether both came up. */
function bothCameUp(random: Random): boolean {
  const psk = random.chance(0.5);
  const pair = new Pair({
    target: { secret: psk ? SECRET : null },
    access: { secrets: psk ? () => [SECRET.key] : null },
    config: { rekeyRecords: 1 + random.below(5) },
  });
  const changedWrite = random.below(12);
  let write = 0;
  pair.onWire = (bytes) =>
    onWire(bytes, random, write++ === changedWrite ? 1 + random.below(3) : 0);
  pair.settle();
  for (let turn = 0; turn < 10; turn++) {
    pair[random.pick(["ann", "bob"] as const)].send(
      WORDS,
      random.pick(["control", "data"] as const),
      pair.nowMs,
    );
    pair.settle().pass(random.below(1_500));
  }
  if (random.chance(0.5)) pair.ann.step({ type: "close", reason: "quit" }, pair.nowMs);
  pair.settle().pass(20_000);
  checkSide(pair.ann, BOB.key);
  checkSide(pair.bob, ANN.key);
  return pair.ann.events[0] === "established" && pair.bob.events[0] === "established";
}

export const handshakeTarget: Target = {
  name: "handshake",
  pieces: NUMBERS,
  bytesMax: 4_096,
  make: (random: Random) => random.bytes(random.below(600)),
  check: (input) => bothCameUp(new Decisions(input)),
};
