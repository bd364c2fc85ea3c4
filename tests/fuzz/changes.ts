/** Inputs as nobody would write them: how they come from others. */

import { concatBytes } from "../../lib/base/crypto/crypto.ts";
import { Random } from "../sim/random.ts";

/** What is no UTF-8. */
export const NO_TEXT: readonly Uint8Array<ArrayBuffer>[] = [
  Uint8Array.of(0xff, 0xfe),
  Uint8Array.of(0xed, 0xa0, 0x80),
  Uint8Array.of(0xc3),
];

/** Bytes changed in some places, each of which becomes one of `pieces`; or plain noise. */
export function spoilt(
  whole: Uint8Array,
  pieces: readonly Uint8Array[],
  random: Random,
): Uint8Array {
  if (random.chance(0.05)) return random.bytes(random.below(300));
  let bytes = whole;
  for (let changes = random.below(4); changes > 0; changes--) {
    const from = random.below(bytes.length + 1);
    const to = random.chance(0.6) ? from : Math.min(bytes.length, from + random.below(12));
    bytes = concatBytes(bytes.subarray(0, from), random.pick(pieces), bytes.subarray(to));
  }
  return bytes;
}

export interface Ingredients {
  readonly pieces: readonly Uint8Array[];
  readonly others: readonly Uint8Array[];
  readonly bytesMax: number;
}

/** A kept input changed in one to four places, as AFL's havoc stage does, its end that of another one at times. */
export function changed(
  input: Uint8Array,
  { pieces, others, bytesMax }: Ingredients,
  random: Random,
): Uint8Array {
  let bytes = input;
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    bytes = changedOnce(bytes, pieces, others, random);
  }
  if (random.chance(REPEATED_PART)) bytes = repeated(bytes, bytesMax, random);
  return bytes.subarray(0, bytesMax);
}

/** Of inputs of the greatest length, so many: they take the time of a hundred others. */
const REPEATED_PART = 0.01;

/** A part of it over and over: what takes more than linear time takes too long now. */
function repeated(bytes: Uint8Array, bytesMax: number, random: Random): Uint8Array {
  const [from, end] = partOf(bytes, random, random.pick([1, 4, 80]));
  const part = bytes.subarray(from, end);
  const times = part.length === 0 ? 0 : Math.floor((bytesMax - bytes.length) / part.length);
  const parts = Array<Uint8Array>(Math.max(0, times)).fill(part);
  return concatBytes(bytes.subarray(0, end), ...parts, bytes.subarray(end));
}

function partOf(bytes: Uint8Array, random: Random, lengthMax: number): [number, number] {
  const from = random.below(bytes.length + 1);
  return [from, Math.min(bytes.length, from + 1 + random.below(lengthMax))];
}

function changedOnce(
  bytes: Uint8Array,
  pieces: readonly Uint8Array[],
  others: readonly Uint8Array[],
  random: Random,
): Uint8Array {
  const [from, end] = partOf(bytes, random, random.pick([1, 8, 200]));
  const [before, part, after] = [
    bytes.subarray(0, from),
    bytes.subarray(from, end),
    bytes.subarray(end),
  ];
  switch (random.below(9)) {
    case 0:
    case 1: // another bit or number in one place
      return withByte(
        bytes,
        from,
        (byte) => random.chance(0.5) ? byte ^ (1 << random.below(8)) : byte + random.below(9) - 4,
      );
    case 2: // a part left out
      return concatBytes(before, after);
    case 3: // cut off
      return before;
    case 4: // a part again, here
      return concatBytes(before, part, part, after);
    case 5: { // a part again, elsewhere
      const at = random.below(bytes.length + 1);
      return concatBytes(bytes.subarray(0, at), part, bytes.subarray(at));
    }
    case 6: // a piece put in
      return concatBytes(before, random.pick(pieces), part, after);
    case 7: // a piece in the place of a part
      return concatBytes(before, random.pick(pieces), after);
    default: { // the end of another one
      const other = random.pick(others);
      return concatBytes(before, other.subarray(random.below(other.length + 1)));
    }
  }
}

function withByte(bytes: Uint8Array, at: number, change: (byte: number) => number): Uint8Array {
  const copy = new Uint8Array(bytes);
  if (at < copy.length) copy[at] = change(copy[at]!);
  return copy;
}

/**
 * The shortest that is found by leaving parts out, halves first, as delta debugging does (Zeller, Hildebrandt, 2002).
 * @param isSame Whether a shorter one does for what the input is for.
 */
export async function shortened(
  input: Uint8Array,
  isSame: (shorter: Uint8Array) => Promise<boolean>,
  triesMax: number,
): Promise<Uint8Array> {
  let [bytes, tries] = [input, 0];
  for (let length = bytes.length; length >= 1; length = Math.floor(length / 2)) {
    for (let from = 0; from < bytes.length && tries < triesMax;) {
      const shorter = concatBytes(bytes.subarray(0, from), bytes.subarray(from + length));
      tries++;
      if (await isSame(shorter)) bytes = shorter;
      else from += length;
    }
  }
  return bytes;
}

/**
 * Draws what the bytes of an input say, and by chance, the same each time, when they are used up: programs that take
 * decisions are fuzzed so, as with libFuzzer's FuzzedDataProvider. A byte is the first and the last one of a draw.
 */
export class Decisions extends Random {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    super(bytes.reduce((sum, byte) => (sum * 31 + byte) >>> 0, 7));
    this.#bytes = bytes;
  }

  override bits(): number {
    const bits = super.bits();
    // The generator is warmed up before there are bytes.
    const byte = #bytes in this ? this.#bytes[this.#at++] : undefined;
    return byte === undefined ? bits : ((byte << 24) | (bits & 0xffff00) | byte) >>> 0;
  }
}
