/** Offers go to a peer as fast as it looks at them, and no faster: none is lost. */

import { assertEquals } from "@std/assert";
import { LEAF_BYTES, NEWS_SENT_BURST } from "../../../lib/protocols/transfer/limits.ts";
import { fileOf, machineOf, offerOf, only, sent, signerOf, type TestMachine } from "./fixtures.ts";

/** What one machine sends goes to the other, at once; time passes until nothing waits. */
function exchange(ann: TestMachine, bob: TestMachine, nowMs: number): number {
  let most = 0;
  let effects = ann.step({ type: "peer-up", peer: bob.key }, nowMs);
  bob.step({ type: "peer-up", peer: ann.key }, nowMs);
  for (let turns = 0; turns < 1_000; turns++) {
    const messages = only(effects, "send").map(({ message }) => message);
    most = Math.max(most, messages.length);
    for (const message of messages) bob.step({ type: "message", from: ann.key, message }, nowMs);
    const dueMs = ann.machine.nextDeadlineMs();
    if (dueMs === null || dueMs - nowMs > 60_000) return most;
    nowMs = Math.max(nowMs, dueMs);
    effects = ann.step({ type: "tick" }, nowMs);
  }
  throw new Error("it never ends");
}

Deno.test("Transfers: more files than are looked at at once are all offered when a link comes up", () => {
  const [ann, bob] = [machineOf(1), machineOf(2)];
  for (let n = 0; n < 100; n++) {
    const file = fileOf(1 + n % LEAF_BYTES);
    const { signed } = offerOf(signerOf(10 + Math.floor(n / 10)), file, { at: n });
    ann.step({ type: "restore", offer: signed, kind: "whole", name: null });
  }
  const most = exchange(ann, bob, 0);

  assertEquals(bob.machine.list.length, 100);
  assertEquals(most, NEWS_SENT_BURST);
});

Deno.test("Transfers: what waits for a peer that has gone is forgotten, and offered with its next link", () => {
  const [ann, bob] = [machineOf(1), machineOf(2)];
  for (let n = 0; n < 50; n++) {
    const { signed } = offerOf(signerOf(10 + Math.floor(n / 10)), fileOf(1), { at: n });
    ann.step({ type: "restore", offer: signed, kind: "whole", name: null });
  }
  ann.step({ type: "peer-up", peer: bob.key });
  ann.step({ type: "peer-down", peer: bob.key });
  assertEquals(sent(ann.step({ type: "tick" }, 60_000)), []);
  exchange(ann, bob, 60_000);
  assertEquals(bob.machine.list.length, 50);
});

Deno.test("Transfers: the name under which a file is fetched is stored as it begins, and when it changes, and restored", () => {
  const bob = machineOf(2);
  const { signed, id } = offerOf(signerOf(1), fileOf(3 * LEAF_BYTES));
  bob.step({ type: "peer-up", peer: signerOf(1).key });
  bob.step({ type: "message", from: signerOf(1).key, message: { type: "offer", offer: signed } });
  const get = (as?: string) =>
    bob.step({
      type: "command",
      command: { command: "get", file: 1, ...(as === undefined ? {} : { as }) },
      ref: undefined,
    });
  assertEquals(only(get("mine.txt"), "begin").map(({ name }) => name), ["mine.txt"]);
  assertEquals(only(get(), "rename"), []);
  const effects = get("yours.txt");
  const [rename] = only(effects, "rename");
  assertEquals([rename?.file, rename?.name, only(effects, "show")], [id, "yours.txt", []]);
  const answered = bob.step({ type: "renamed", token: rename!.token });
  assertEquals(only(answered, "show").map(({ event }) => event.event), ["transfer"]);

  const later = machineOf(2);
  const begun = later.step({ type: "restore", offer: signed, kind: "part", name: "yours.txt" });
  assertEquals(only(begun, "begin").map(({ name }) => name), ["yours.txt"]);
});

Deno.test("Transfers: who comes later hears of what is for all also from who only heard of it, and of nothing for one alone", () => {
  const bob = machineOf(2);
  const ann = signerOf(1);
  bob.step({ type: "peer-up", peer: ann.key });
  for (const to of [null, bob.key]) {
    const { signed } = offerOf(ann, fileOf(7), { to });
    bob.step({ type: "message", from: ann.key, message: { type: "offer", offer: signed } });
  }
  assertEquals(bob.machine.list.length, 2);
  const told = sent(bob.step({ type: "peer-up", peer: signerOf(3).key }));
  assertEquals(told.map((message) => message.type === "offer" && message.offer.offer.value.to), [
    null,
  ]);
});
