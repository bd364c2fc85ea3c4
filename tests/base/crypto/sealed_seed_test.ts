import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  openSeed,
  parseSealedSeed,
  sealedCells,
  type SealedSeed,
  sealSeed,
} from "../../../lib/base/crypto/sealed_seed.ts";

const SEED = new Uint8Array(32).fill(7);
const KEY = new Uint8Array(32).fill(8);
const AS = {
  ln: 17,
  r: 8,
  p: 1,
  salt: new Uint8Array(16).fill(9),
  fingerprint: "xsazfbd3ockoqe46yrkpuxern4x",
};

function sealed(): SealedSeed {
  return sealSeed(SEED, KEY, AS);
}

Deno.test("sealSeed(): the same key opens what it sealed, through the row, and nothing of the seed is in it", () => {
  const cells = sealedCells(sealed());

  const read = parseSealedSeed(cells, AS.fingerprint);
  assert(typeof read !== "string", String(read));
  assertEquals(openSeed(read, KEY), SEED);
  assertEquals(cells.join(" ").includes("0707"), false);
  assertEquals(cells.slice(0, 6), ["sealed", "scrypt", "17", "8", "1", "09".repeat(16)]);
});

Deno.test("openSeed() refuses another key, and whatever is changed: seed, tag, salt, cost, whose it is", () => {
  const whole = sealed();
  const flipped = (bytes: Uint8Array<ArrayBuffer>, at: number) =>
    bytes.with(at, bytes[at]! ^ 1) as Uint8Array<ArrayBuffer>;
  const changed: readonly (readonly [string, SealedSeed])[] = [
    ["the seed", { ...whole, box: flipped(whole.box, 0) }],
    ["the tag", { ...whole, box: flipped(whole.box, 47) }],
    ["the salt", { ...whole, salt: flipped(whole.salt, 3) }],
    ["the cost", { ...whole, ln: 16 }],
    ["r", { ...whole, r: 4 }],
    ["p", { ...whole, p: 2 }],
    ["whose it is", { ...whole, fingerprint: `y${AS.fingerprint.slice(1)}` }],
  ];

  assertEquals(openSeed(whole, flipped(KEY, 0)), null);
  for (const [what, other] of changed) assertEquals(openSeed(other, KEY), null, what);
});

Deno.test("parseSealedSeed() refuses a cost that a hostile file may ask for, before anything is computed", () => {
  const with_ = (...cost: readonly string[]) => {
    const cells = sealedCells(sealed()).toSpliced(2, 3, ...cost);
    return parseSealedSeed(cells, AS.fingerprint);
  };

  for (
    const cost of [["30", "8", "1"], ["17", "8", "9999"], ["17", "33", "1"], ["9999", "1", "1"]]
  ) {
    assertStringIncludes(String(with_(...cost)), "more memory or time", cost.join());
  }
  assert(typeof with_("17", "8", "2") !== "string", "twice the work of ours is done");
});

Deno.test("parseSealedSeed() takes a whole row and nothing else", () => {
  const cells = sealedCells(sealed());
  const others: readonly (readonly string[])[] = [
    cells.slice(0, -1),
    [...cells, "x"],
    cells.with(1, "argon2id"),
    cells.with(2, "017"),
    cells.with(2, "-1"),
    cells.with(5, "09"),
    cells.with(5, "zz".repeat(16)),
    cells.with(6, cells[6]!.slice(2)),
    cells.with(6, cells[6]!.toUpperCase()),
    [],
  ];
  for (const other of others) {
    const found = parseSealedSeed(other, AS.fingerprint);
    assertEquals(found, "it holds no seed under a passphrase", other.join(" "));
  }
});
