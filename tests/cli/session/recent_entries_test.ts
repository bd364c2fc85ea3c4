import { assert, assertEquals } from "@std/assert";
import { RecentEntries } from "../../../lib/cli/tools/group_log_reader.ts";
import { COORDINATOR_NAME } from "../../../lib/protocols/group/schema/history.ts";
import { Decider, Speaker } from "../group_logs.ts";

const ALICE = new Speaker("alice", 1);
const AUTHOR = ALICE.named;
const SAID = { author: AUTHOR, incarnation: ALICE.incarnation };

Deno.test("RecentEntries has what was said as it reads after its last edit", () => {
  const recent = new RecentEntries();
  recent.added(ALICE.batch(["one", "two"]), 4);
  assertEquals(recent.get(6), { ...SAID, counter: 2, text: "two" });
  const bob = new Speaker("bob", 2);
  const { batch } = new Decider().decide([bob.ask(6, "due")], [ALICE.ask(6, "deux")]);
  assertEquals(batch.value.name, COORDINATOR_NAME);
  recent.added(batch.value, 6);

  assertEquals(recent.get(6), { ...SAID, counter: 2, text: "deux" });
  assertEquals(recent.get(5), { ...SAID, counter: 1, text: "one" });
});

Deno.test("RecentEntries doesn't make up an entry of which it has an edit alone", () => {
  const recent = new RecentEntries();
  recent.added(new Decider().decide([ALICE.ask(1, "uno")]).batch.value, 1);

  assertEquals(recent.get(1), null);
});

Deno.test("RecentEntries forgets those used longest ago, beyond 2 MB of text", () => {
  const recent = new RecentEntries();
  const text = "x".repeat(64 * 1_024);
  for (let seq = 1; seq <= 12; seq++) recent.set(seq, { ...SAID, counter: seq, text });
  assert(recent.get(1) !== null);
  for (let seq = 13; seq <= 24; seq++) recent.set(seq, { ...SAID, counter: seq, text });

  const kept = Array.from({ length: 24 }, (_, at) => at + 1).filter((seq) =>
    recent.get(seq) !== null
  );
  assertEquals(kept, [1, ...Array.from({ length: 14 }, (_, at) => at + 11)]);
});

Deno.test("RecentEntries bounds short entries, too", () => {
  const recent = new RecentEntries();
  for (let seq = 1; seq <= 10_000; seq++) recent.set(seq, { ...SAID, counter: seq, text: "" });

  assertEquals([recent.get(10_000 - 4_096), recent.get(10_000 - 4_095)?.text], [null, ""]);
});
