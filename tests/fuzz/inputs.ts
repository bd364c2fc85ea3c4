// deno-lint-ignore-file no-console -- part of programs of their own, run by `make fuzz`
/** Inputs as nobody would write them: how one is spoilt, and how they are tried for a time. */

import { concatBytes } from "../../lib/base/crypto.ts";
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

/**
 * Tries inputs for `SECONDS` (10), drawn from `SEED` (by chance); ends with status 1, and what repeats it, where one
 * fails.
 * @param what What they are for; the program is `tests/fuzz/FILE`.
 * @param check Throws where something is wrong. @returns Whether the input has no fault.
 */
export async function tryInputs(
  what: string,
  file: string,
  input: (random: Random) => Uint8Array,
  check: (input: Uint8Array) => boolean | Promise<boolean>,
): Promise<void> {
  const seed = Number(Deno.env.get("SEED") || Math.floor(Math.random() * 2 ** 32));
  const untilMs = performance.now() + 1_000 * Number(Deno.env.get("SECONDS") || 10);
  const random = new Random(seed);
  let [inputs, good] = [0, 0];
  let bytes: Uint8Array = new Uint8Array();
  try {
    for (; performance.now() < untilMs; inputs++) {
      bytes = input(random);
      if (await check(bytes)) good++;
    }
  } catch (error) {
    console.error(error);
    console.error(`${what}: failed after ${inputs} inputs; the last one was`);
    console.error(bytes.toHex());
    console.error(`Again: SEED=${seed} deno run --allow-env tests/fuzz/${file}`);
    Deno.exit(1);
  }
  console.log(`${what}: ${inputs} inputs (${good} without a fault), seed ${seed}`);
}
