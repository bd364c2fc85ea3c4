import { assert, assertEquals } from "@std/assert";
import { ClientLog } from "../../../../lib/protocols/directory/client/client_log.ts";
import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import { foldName } from "../../../../lib/base/text/names.ts";
import type { ClientRecord } from "../../../../lib/protocols/directory/schema/client_records.ts";
import { BOB, DIRECTORY } from "../client_program.ts";

const ANN = foldName("ann");
const SPEAKER = { directory: fingerprintOf(DIRECTORY), key: fingerprintOf(BOB) };
const AT = { store: "aa", as: ANN };

function heard(number: number, store = "aa", as = ANN): ClientRecord & { readonly kind: "heard" } {
  const text = `text ${number}`;
  return {
    kind: "heard",
    ...SPEAKER,
    store,
    as,
    number,
    own: number,
    from: "bob",
    sentAt: 0,
    isLasting: true,
    text,
  };
}

function numbers(log: ClientLog): readonly number[] {
  return log.takeUnshown().map(({ number }) => number);
}

Deno.test("a compacted log holds up to where all is stored, and what wasn't shown", () => {
  const log = new ClientLog([heard(1), heard(2), { kind: "shown", ...AT, number: 1 }]);
  log.stored(heard(3));
  log.stored(heard(4));

  const before = new ClientLog(log.snapshot(null)!);
  const seen = new ClientLog(log.snapshot({ ...AT, number: 3 })!);

  assertEquals(numbers(before), [2, 3, 4]);
  assertEquals(numbers(seen), [4]);
  assertEquals([before.through(AT), seen.through(AT)], [4, 4]);
});

Deno.test("a log that is compacted again and again keeps the last ones alone", () => {
  let log = new ClientLog([]);
  for (let n = 1; n <= 1_000; n++) {
    log.stored(heard(n));
    if (n % 100 === 0) log = new ClientLog(log.snapshot({ ...AT, number: n })!);
  }

  const snapshot = log.snapshot({ ...AT, number: 1_000 }) ?? log.snapshot(null)!;

  assertEquals(snapshot.filter(({ kind }) => kind === "heard").length, 256);
  assertEquals(log.through(AT), 1_000);
});

Deno.test("a log isn't compacted while more waits to be shown than is held", () => {
  const log = new ClientLog([]);
  for (let n = 1; n <= 300; n++) log.stored(heard(n));

  assertEquals(log.snapshot(null), null);
  assertEquals(log.snapshot({ ...AT, number: 10 }), null);
  assert(log.snapshot({ ...AT, number: 300 }) !== null);
});

Deno.test("of several directories and accounts each has its own numbers, the oldest are forgotten", () => {
  const records = Array.from({ length: 70 }, (_, n) => heard(n + 1, `store ${n}`));
  const bob = foldName("bob");

  const log = new ClientLog([...records, heard(7, "store 69", bob)]);
  const again = new ClientLog(log.snapshot(null)!);

  for (const each of [log, again]) {
    assertEquals(each.last(ANN), { store: "store 69", as: ANN, number: 70 });
    assertEquals(each.last(bob), { store: "store 69", as: bob, number: 7 });
    assertEquals(each.through({ store: "store 6", as: ANN }), 0);
    assertEquals(each.through({ store: "store 7", as: ANN }), 8);
    assertEquals(each.last(foldName("eve")), null);
  }
});

Deno.test("a broadcast that was stored without its words is never shown, and known to have come", () => {
  const forgotten = { ...heard(2), text: "" };
  const log = new ClientLog([heard(1), forgotten, heard(3)]);
  assertEquals(numbers(log), [1, 3]);
  assertEquals([log.through(AT), log.ownOf({ ...SPEAKER, as: ANN, from: "bob" })], [3, 3]);
  const shown = new ClientLog([heard(1), forgotten, { kind: "shown", ...AT, number: 2 }]);
  assertEquals(numbers(shown), []);
});
