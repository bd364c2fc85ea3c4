import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../lib/base/ids.ts";
import type { PrivateWords } from "../../../lib/base/schema/private_words.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import { inTime, PrivateHistory } from "../../../lib/cli/session/private_history.ts";
import { PrivateLog } from "../../../lib/cli/session/private_log.ts";
import type { MeshEvent } from "../../../lib/protocols/mesh/schema/events.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";

const [bob, carol] = ["b0", "ca"].map((byte) => byte.repeat(32) as PeerKey) as [PeerKey, PeerKey];
const at = (second: number) => `2026-01-01T00:00:0${second}.000Z`;

async function newHistory() {
  const disk = new MemoryDisk();
  await disk.makeFolder("/r");
  let opened = 0;
  const history = new PrivateHistory<MeshEvent>({
    open: () => {
      opened++;
      return Promise.resolve(new PrivateLog(disk, "/r", () => {}));
    },
    ownKey: "own key",
    ownName: () => "Alice",
    shownName: (key, name) => key === bob ? "Robert" : name,
    isWith: ({ key }, about) => key !== null && fingerprintOf(key) === about.key,
  });
  const keep = (text: string, second: number, of: Partial<PrivateWords> = {}) =>
    history.keep({
      words: {
        ...{ id: text, key: bob, name: "Bob", self: false, text, sentAt: Date.parse(at(second)) },
        ...of,
      },
    });
  const asks = async (
    event: Partial<MeshEvent & { readonly event: "history" }>,
    count = 9,
    before?: string,
  ) => {
    const messages = event.messages ?? [];
    const asked = { ...event, event: "history", messages } as const;
    const until = before === undefined ? {} : { before };
    const recall = { type: "recall", event: asked, count, ref: undefined, ...until } as const;
    const answer = await history.recalled(recall);
    return answer.event === "history" ? answer : null;
  };
  return { history, keep, asks, opened: () => opened };
}

Deno.test("PrivateHistory answers with what was said both ways, by key, under the names of today", async () => {
  const { history, keep, asks, opened } = await newHistory();
  assertEquals(opened(), 0);
  await keep("hi", 3);
  await keep("yes?", 2, { self: true });
  await keep("not this", 4, { key: carol, name: "Bob" });
  const about = { name: "Robert", key: fingerprintOf(bob) };
  const answer = await asks(about);
  assertEquals({ ...answer, messages: [] }, { event: "history", ...about, messages: [] });
  const key = fingerprintOf(bob);
  assertEquals(answer?.messages, [
    {
      ...{ id: "hi", from: "Bob", shown: "Robert", key, text: "hi", sentAt: at(3) },
      ...{ private: true, self: false },
    },
    {
      ...{ id: "yes?", from: "Alice", shown: "Alice", key: "own key", text: "yes?" },
      ...{ sentAt: at(2), private: true, self: true, to: "Robert" },
    },
  ]);
  const texts = async (count: number, searched: string) =>
    (await asks({ ...about, searched }, count))?.messages.map(({ text }) => text);
  assertEquals(await texts(9, "HI"), ["hi"]);
  assertEquals((await asks(about, 1))?.messages.map(({ text }) => text), ["yes?"]);
  assertEquals(await texts(0, "hi"), []);
  assertEquals(opened(), 1);
  await history.close();
});

Deno.test("PrivateHistory: those that share a write share its promise", async () => {
  const { history, keep } = await newHistory();
  await keep("first", 0);
  const kept = [keep("second", 1), keep("third", 2)];
  assertEquals(new Set(kept).size, 1);
  await Promise.all(kept);
  await history.close();
});

Deno.test("PrivateHistory gives what was said before a message, nothing before one that it doesn't have", async () => {
  const { history, keep, asks } = await newHistory();
  for (const [at, text] of ["a", "b", "c", "d"].entries()) await keep(text, at);
  await keep("c", 5, { key: carol });
  const about = { name: "Robert", key: fingerprintOf(bob) };
  const before = async (id: string, count: number) =>
    (await asks(about, count, id))?.messages.map(({ text }) => text);

  assertEquals(await before("c", 9), ["a", "b"]);
  assertEquals(await before("d", 2), ["b", "c"]);
  assertEquals(await before("a", 2), []);
  assertEquals(await before("z", 2), []);
  await history.close();
});

Deno.test("PrivateHistory puts what it finds among what was found in public, the last of all", async () => {
  const { history, keep, asks } = await newHistory();
  await keep("private x", 2);
  await keep("private", 3);
  await keep("last x", 5);
  const said = { from: "Bob", shown: "Bob", key: "k" };
  const messages = [1, 4].map((second) => ({
    ...said,
    ...{ id: `${second}`, text: `${second} x`, sentAt: at(second) },
  }));
  const found = async (count: number) =>
    (await asks({ searched: "x", messages }, count))?.messages.map(({ text }) => text);
  assertEquals(await found(9), ["1 x", "private x", "4 x", "last x"]);
  assertEquals(await found(2), ["4 x", "last x"]);
  await history.close();
});

Deno.test("inTime() leaves each list in its order, whatever their times are", () => {
  const some = [3, 1, 4].map((second) => ({ sentAt: at(second), of: "some" }));
  const others = [2, 0, 5].map((second) => ({ sentAt: at(second), of: "others" }));
  const merged = inTime(some, others);
  for (const [of, all] of Object.entries({ some, others })) {
    assertEquals(merged.filter((one) => one.of === of), all);
  }
  assertEquals(merged.map(({ sentAt }) => Number(sentAt.slice(18, 19))), [2, 0, 3, 1, 4, 5]);
});
