import { assert, assertEquals } from "@std/assert";
import { nodeCrypto, utf8 } from "../../../lib/base/crypto/crypto.ts";
import type { Hash, OfferId } from "../../../lib/base/ids.ts";
import { LeafSet, leavesText, readLeaves } from "../../../lib/protocols/transfer/leaf_set.ts";

const FILE = "ab".repeat(32) as OfferId;

function setOf(leaves: number, ...there: readonly number[]): LeafSet {
  const set = new LeafSet(leaves);
  for (const leaf of there) set.add(leaf);
  return set;
}

Deno.test("a set counts its leaves, and finds the next one missing, round the file's end", () => {
  const set = setOf(20, 0, 1, 2, 3, 4, 5, 6, 7, 8, 19);
  set.add(19);

  assertEquals(set.count, 10);
  assertEquals(set.nextMissing(0, () => true), 9);
  assertEquals(set.nextMissing(18, () => true), 18);
  assertEquals(set.nextMissing(19, () => true), 9);
  assertEquals(set.nextMissing(15, (leaf) => leaf < 12), 9);
  assertEquals(set.nextMissing(0, () => false), null);
  assert(!set.isFull);
  assert(setOf(3, 0, 1, 2).isFull);
  assertEquals(setOf(3, 0, 1, 2).nextMissing(1, () => true), null);
});

Deno.test("bits are those of a file of so many leaves, or none", () => {
  assertEquals(LeafSet.of(9, Uint8Array.of(0xff, 1))?.count, 9);
  assertEquals(LeafSet.of(8, Uint8Array.of(0xff))?.count, 8);
  assertEquals(LeafSet.of(9, Uint8Array.of(0xff, 2)), null);
  assertEquals(LeafSet.of(9, Uint8Array.of(0xff)), null);
  assertEquals(LeafSet.of(9, new Uint8Array(3)), null);
});

Deno.test("the file of leaves is read as it was written", () => {
  const text = leavesText(nodeCrypto, FILE, setOf(20, 0, 9, 19));

  assertEquals(text.split(" ").slice(0, 6).join(" "), `p2pchat-leaves 1 ${FILE} 3 20 AQII`);
  assertEquals(readLeaves(nodeCrypto, FILE, 20, text)?.bits(), setOf(20, 0, 9, 19).bits());
});

Deno.test("a file of leaves that was torn, changed, or is of another file gives no set", () => {
  const text = leavesText(nodeCrypto, FILE, setOf(20, 0, 9, 19));
  const signed = (said: string) => `${said} ${nodeCrypto.sha256<Hash>(utf8(said))}\n`;

  for (let end = 0; end < text.length; end++) {
    assertEquals(readLeaves(nodeCrypto, FILE, 20, text.slice(0, end)), null, `cut at ${end}`);
    const changed = `${text.slice(0, end)}${text[end] === "B" ? "C" : "B"}${text.slice(end + 1)}`;
    assertEquals(readLeaves(nodeCrypto, FILE, 20, changed), null, `changed at ${end}`);
  }
  assertEquals(readLeaves(nodeCrypto, "cd".repeat(32) as OfferId, 20, text), null);
  assertEquals(readLeaves(nodeCrypto, FILE, 21, text), null);
  assertEquals(readLeaves(nodeCrypto, FILE, 20, text + text), null);
  for (
    const said of [
      `p2pchat-leaves 2 ${FILE} 3 20 AQII`,
      `p2pchat-leaves 1 ${FILE} 4 20 AQII`,
      "x",
      "",
    ]
  ) {
    assertEquals(readLeaves(nodeCrypto, FILE, 20, signed(said)), null, said);
  }
});
