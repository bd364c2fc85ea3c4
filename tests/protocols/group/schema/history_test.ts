import { assertEquals, assertNotEquals } from "@std/assert";
import { nodeCrypto } from "../../../../lib/base/crypto/crypto.ts";
import type { Hash, PeerKey } from "../../../../lib/base/ids.ts";
import {
  type Batch,
  batchFrom,
  HistoryEnd,
} from "../../../../lib/protocols/group/schema/history.ts";

const GROUP = "ef".repeat(32) as Hash;
const NOBODY = new Uint8Array(64);

function batch(counter: number, texts: readonly string[]): Batch {
  const author = "cd".repeat(32) as PeerKey;
  const said = { kind: "texts" as const, group: GROUP, author, name: "ann" };
  const signedIn = { number: 300, round: 1 };
  const process = { incarnation: Uint8Array.from({ length: 8 }, (_, at) => at), counter, signedIn };
  return { ...said, ...process, sentAt: 1_764_307_129_457, texts, edits: [], rules: null };
}

/** The digest of a text that follows this one, and is said alone. */
function after(digest: Hash, counter: number, text: string): Hash {
  const end = new HistoryEnd(nodeCrypto, GROUP);
  const brought = { entries: 1, edits: [], rules: null, view: null };
  const spoken = { incarnation: "00", through: 1, signedIn: { number: 1, round: 0 } };
  end.appendKnown("ab".repeat(32) as PeerKey, spoken, brought, digest);
  end.append(batchFrom(batch(counter, [text]), NOBODY));
  return end.digest;
}

Deno.test("texts have the same digests whether they are said in one go, or one by one", () => {
  const texts = ["first", "", "ünï👩‍🚀", "x".repeat(127), "y".repeat(20_000), "\u2028\n\0", "last"];
  for (const counter of [1, 124, 16_380, 2 ** 40]) {
    const end = new HistoryEnd(nodeCrypto, GROUP);
    let before = end.digest;
    const { entries } = end.append(batchFrom(batch(counter, texts), NOBODY));
    for (const [index, { digest, position, text }] of entries.entries()) {
      assertEquals([position, text], [index + 1, texts[index]]);
      assertEquals(digest, after(before, counter + index, text));
      assertNotEquals(digest, before);
      before = digest;
    }
    assertEquals([end.digest, end.position], [before, texts.length]);
  }
});
