import { assertEquals } from "@std/assert";
import { forgettingStore } from "../../../lib/cli/session/forgetting_store.ts";
import type { RecordStore } from "../../../lib/runtime/record_log.ts";

/** A store of words: those in capitals aren't to be on the disk. */
function newStore(records: readonly string[]) {
  const written: string[] = [];
  const store: RecordStore<string> = {
    records,
    bytes: 99,
    append(fresh, sync) {
      written.push(`${fresh.join()} ${sync ? "synced" : "written"}`);
      return Promise.resolve();
    },
    rewrite(all) {
      written.push(`anew: ${[...all].join()}`);
      return Promise.resolve();
    },
    close: () => Promise.resolve(void written.push("closed")),
  };
  const forgetting = {
    withoutWords: (word: string) => word === word.toUpperCase() ? null : word.replace("!", ""),
    withEarlierWords: (all: Iterable<string>, earlier: readonly string[]) => [...earlier, ...all],
  };
  return { store: forgettingStore(store, forgetting), written };
}

Deno.test("forgettingStore() writes what is kept of records, and syncs nothing for those of which nothing is", async () => {
  const { store, written } = newStore([]);
  await store.append(["a!", "SAID"], true);
  await store.append(["SAID"], true);
  await store.append(["b"], false);
  await store.close();
  assertEquals(written, ["a synced", " written", "b written", "closed"]);
});

Deno.test("forgettingStore() leaves what earlier starts have kept where it is, and has it when all is written anew", async () => {
  const { store, written } = newStore(["EARLIER", "a"]);
  assertEquals([store.records, store.bytes], [["EARLIER", "a"], 99]);
  await store.rewrite(["b"]);
  assertEquals(written, ["anew: EARLIER,a,b"]);
});
