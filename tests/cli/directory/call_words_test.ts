import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../lib/base/ids.ts";
import type { PrivateWords } from "../../../lib/base/schema/private_words.ts";
import { type Fingerprint, fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import { CallWords } from "../../../lib/cli/directory/call_words.ts";
import { fakeSigner } from "../../sim/fake_crypto.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";

const [HERE, THERE] = ["h", "t"] as unknown as [Fingerprint, Fingerprint];
const BOB = fakeSigner("bob").key;

function wordsOn(disk: MemoryDisk, keepsWords = true) {
  const identity = { signer: fakeSigner("ann") };
  const warnings: string[] = [];
  const words = new CallWords({
    ...{ disk, folder: "/p/registry", name: "ann", keepsWords },
    identity: identity as ConstructorParameters<typeof CallWords>[0]["identity"],
    warn: (text) => void warnings.push(text),
  });
  const keep = (text: string, more: Partial<PrivateWords> = {}) => {
    const said = { id: text, key: BOB, name: "bob", self: false, text, sentAt: 1, ...more };
    return words.keep({ words: said });
  };
  const asks = async (about: { readonly name?: string; readonly key?: string } = {}) => {
    const event = { event: "history", messages: [], ...about } as const;
    const answer = await words.recalled({ type: "recall", event, count: 9, ref: undefined });
    return answer.event === "history" ? answer.messages.map(({ text }) => text) : null;
  };
  return { words, keep, asks, warnings };
}

async function newDisk(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p/registry");
  return disk;
}

Deno.test("CallWords: what was said is found by name and by key, at the directory where it was said alone", async () => {
  const disk = await newDisk();
  const { words, keep, asks } = wordsOn(disk);
  assertEquals(await asks(), [], "before a directory was met");
  words.isAt(HERE);
  assertEquals(await asks(), []);
  assertEquals(await disk.list("/p/registry"), [], "a question makes no folder");
  await keep("here");
  await keep("another key", { key: fakeSigner("bob's phone").key });
  await keep("another name", { name: "robert", self: true });
  await keep("carol", { key: "c0".repeat(32) as PeerKey, name: "carol" });
  words.isAt(THERE);
  await keep("there");
  assertEquals(await asks(), ["there"]);
  words.isAt(HERE);
  const bob = { name: "BOB", key: fingerprintOf(BOB) };
  assertEquals(await asks(bob), ["here", "another key", "another name"]);
  assertEquals(await asks({ name: "bob" }), ["here", "another key"]);
  await words.close();
  assertEquals(await disk.list("/p/registry"), ["h", "t"]);

  const again = wordsOn(disk);
  again.words.isAt(HERE);
  assertEquals((await again.asks())!.length, 4);
});

Deno.test("CallWords: with --no-history nothing is on the disk, and it is found as long as the program runs", async () => {
  const disk = await newDisk();
  const { words, keep, asks } = wordsOn(disk, false);
  words.isAt(HERE);
  await keep("said");
  assertEquals(await asks({ name: "bob" }), ["said"]);
  await words.close();
  assertEquals(await disk.list("/p/registry"), []);
});

Deno.test("CallWords: a disk that refuses is told once, and the call goes on", async () => {
  const disk = await newDisk();
  const { words, keep, warnings } = wordsOn(disk);
  words.isAt(HERE);
  disk.fault = ({ kind }) => kind === "makeFolder" ? "ENOSPC" : null;
  await keep("lost");
  await keep("lost, too");
  assertEquals(warnings.length, 1);
  await words.close();
});
