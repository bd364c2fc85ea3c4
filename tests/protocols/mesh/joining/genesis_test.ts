import { assert } from "@std/assert";
import { type Environment, SILENT_LOGGER } from "../../../../lib/base/machine/environment.ts";
import { freshIncarnation } from "../../../../lib/protocols/mesh/joining/genesis.ts";
import { fakeCrypto } from "../../../sim/fake_crypto.ts";
import { Random } from "../../../sim/random.ts";

function environmentAt(wallMs: number, random: () => number): Environment {
  return {
    random,
    randomBytes: (length) => new Uint8Array(length),
    wallMs: () => wallMs,
    crypto: fakeCrypto,
    log: SILENT_LOGGER,
  };
}

Deno.test("freshIncarnation() is higher a millisecond later, whatever chance says", () => {
  const now = freshIncarnation(environmentAt(1_000, () => 0.999), 1);
  const later = freshIncarnation(environmentAt(1_001, () => 0), 1);
  assert(later > now);
});

Deno.test("freshIncarnation() is no lower than what is known, where the clock is slow", () => {
  for (const known of [5_000_000, 5_000_001, 5_000_191]) {
    assert(freshIncarnation(environmentAt(1_000, () => 0), known) >= known);
  }
});

Deno.test("freshIncarnation() differs between two who know the same, but by chance", () => {
  const { next } = new Random(1);
  const fresh = () => freshIncarnation(environmentAt(0, next), 900);
  const equal = Array.from({ length: 1_000 }, () => fresh() === fresh()).filter(Boolean);
  assert(equal.length < 15, `${equal.length} of 1,000 pairs are equal`);
});
