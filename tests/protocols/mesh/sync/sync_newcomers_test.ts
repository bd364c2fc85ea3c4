/** A newcomer, or who was away for long, gets what is kept and hears what is missing. */

import { assert, assertEquals } from "@std/assert";
import { BUCKETS } from "../../../../lib/protocols/mesh/log/frontier_table.ts";
import { SYNC_AGAIN_MS, SYNC_ENTRIES_MAX } from "../../../../lib/protocols/mesh/schema/limits.ts";
import type { SyncMessage } from "../../../../lib/protocols/mesh/schema/messages.ts";
import type { MeshRecord } from "../../../../lib/protocols/mesh/schema/records.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import { forged, headOf, idOf, Member } from "../order_members.ts";
import { recordsOf, SyncNetwork } from "../sync_network.ts";
import { assertEqualRooms, conversation } from "./sync_cases.ts";

Deno.test("AntiEntropy: a newcomer gets what is kept, and is caught up after two neighbours", () => {
  const all = conversation(300);
  const network = new SyncNetwork();
  const kept = { keptMessagesMax: 100 };
  const there = ["ann", "bob", "carl"].map((name) =>
    network.add(name, { records: recordsOf(all), ...kept })
  );
  const newcomer = network.add("newcomer", kept);
  const before = newcomer.sync.caughtUp();
  for (const member of there) network.link(newcomer, member);

  network.runUntil(2_000);

  assertEquals([before, newcomer.sync.caughtUp()], [false, true]);
  assertEquals(newcomer.member.shown.length, 100);
  assertEqualRooms(network);
  assert(!newcomer.member.effects.some(({ type }) => type === "skipped"));
  assertEquals(newcomer.sync.upToDate(there[0]!.key), true);
});

Deno.test("AntiEntropy: a newcomer is caught up as soon as one neighbour has sent what two have, without another round", () => {
  const all = conversation(50);
  const network = new SyncNetwork();
  const there = ["ann", "bob"].map((name) => network.add(name, { records: recordsOf(all) }));
  const newcomer = network.add("newcomer");
  for (const member of there) network.link(newcomer, member);

  network.runUntil(SYNC_AGAIN_MS - 1);

  assertEquals(newcomer.sync.caughtUp(), true);
  assertEquals(newcomer.member.shown.length, 50);
  assertEquals(newcomer.caughtUp.toSorted(), there.map(({ key }) => key).toSorted());
});

Deno.test("AntiEntropy: a newcomer gets the history once from two neighbours of which one is a moment ahead", () => {
  const speaker = new Member("speaker");
  const said = Array.from({ length: 101 }, (_, number) => speaker.sayOne(`${number}`));
  const network = new SyncNetwork();
  const ann = network.add("ann", { records: recordsOf(said.slice(0, 100)) });
  const bob = network.add("bob", { records: recordsOf(said) });
  const newcomer = network.add("newcomer");
  network.link(newcomer, ann);
  network.link(newcomer, bob);

  network.runUntil(SYNC_AGAIN_MS - 1);

  assertEquals(newcomer.member.shown.length, 101);
  assertEquals(newcomer.sync.caughtUp(), true);
  const toNewcomer = network.sent.filter(({ type }) => type === "bundle").length;
  assert(toNewcomer <= 103, `${toNewcomer} bundles were sent`); // and the last one to Ann
});

Deno.test("AntiEntropy: a newcomer turns to the second neighbour as soon as the one that sends is gone", () => {
  const all = conversation(100);
  const network = new SyncNetwork();
  const [ann, bob] = ["ann", "bob"].map((name) => network.add(name, { records: recordsOf(all) }));
  const newcomer = network.add("newcomer");
  network.link(newcomer, ann!);
  network.runUntil(5);
  network.link(newcomer, bob!);
  network.loses = ({ type }, from) => from === ann && (type === "bundle" || type === "sync-done");
  network.runUntil(100);
  const before = newcomer.member.shown.length;
  network.unlink(newcomer, ann!);
  network.runUntil(2 * SYNC_AGAIN_MS);

  assertEquals([before, newcomer.member.shown.length], [0, 100]);
  assertEquals(newcomer.sync.caughtUp(), true);
});

Deno.test("AntiEntropy: a newcomer asks the second of two neighbours at once where the first has far less", () => {
  const speaker = new Member("speaker");
  const said = Array.from({ length: 400 }, (_, number) => speaker.sayOne(`${number}`));
  const network = new SyncNetwork();
  network.delayMs = ({ member }) => member.name === "ann" ? 5 : 10;
  const ann = network.add("ann", { records: recordsOf(said.slice(0, 1)) });
  const bob = network.add("bob", { records: recordsOf(said) });
  const newcomer = network.add("newcomer");
  network.link(newcomer, ann);
  network.link(newcomer, bob);

  network.runUntil(SYNC_AGAIN_MS - 1);

  assertEquals(newcomer.member.shown.length, 400);
});

Deno.test("AntiEntropy: a newcomer gets a long range at once although nobody keeps what its first bundle answers", () => {
  const kept = 400;
  const [gone, speaker] = [new Member("gone"), new Member("speaker")];
  const first = gone.sayOne("first");
  speaker.receive(gone, first);
  const said = Array.from({ length: kept }, (_, number) => speaker.sayOne(`${number}`));
  const network = new SyncNetwork();
  const options = { keptMessagesMax: kept };
  const ann = network.add("ann", { records: recordsOf([first, ...said]), ...options });
  const newcomer = network.add("newcomer", options);
  network.link(newcomer, ann);

  network.runUntil(5_000);

  assertEquals(newcomer.sync.caughtUp(), true);
  assertEquals(newcomer.member.shown.length, kept);
  assertEqualRooms(network);
});

Deno.test("AntiEntropy: what is kept from before a gap is given to who comes in, and to who comes back", () => {
  const speaker = new Member("speaker");
  const said = ["1", "2", "3", "4"].map((text) => speaker.sayOne(text));
  const { author, incarnation } = said[0]!.header.value;
  const at = { author, incarnation, counter: 3, id: idOf(said[2]!), low: 4, closed: false };
  const skipped: MeshRecord = { kind: "frontier", entries: [at] };
  const [one, four] = recordsOf([said[0]!, said[3]!]);
  const network = new SyncNetwork();
  const there = ["ann", "bob"].map((name) =>
    network.add(name, { records: [one!, skipped, four!], incarnation: 2 })
  );
  const other = new Member("other").sayOne("elsewhere");
  const away = network.add("away", { records: recordsOf([other]), incarnation: 2 });
  const newcomer = network.add("newcomer");
  for (const member of there) for (const late of [away, newcomer]) network.link(late, member);
  network.link(there[0]!, there[1]!);
  network.runUntil(30_000);

  assertEquals([away, newcomer].map(({ member }) => member.shown.includes("1")), [true, true]);
  assertEqualRooms(network);
});

Deno.test("AntiEntropy: what a liar said before it spoke from the end of time is given to who comes in, and to who comes back", () => {
  const liar = fakeSigner("liar");
  const one = forged(liar, "one");
  const two = forged(liar, "two", {
    counter: 2,
    previous: idOf(one),
    time: one.header.value.time + 1,
  });
  const previous = { counter: 3, previous: idOf(two) };
  const nobody = { author: fakeSigner("nobody").key, incarnation: 1, counter: 1, id: idOf(one) };
  const heads = [{ ...nobody, time: 2 ** 52 - 1 }];
  const late = forged(liar, "late", { ...previous, heads, time: 2 ** 52 });
  const network = new SyncNetwork();
  const there = ["ann", "bob"].map((name) =>
    network.add(name, { records: recordsOf([one, two, late]), incarnation: 2 })
  );
  const other = new Member("other").sayOne("elsewhere");
  const away = network.add("away", { records: recordsOf([other]), incarnation: 2 });
  const newcomer = network.add("newcomer");
  for (const member of there) for (const late of [away, newcomer]) network.link(late, member);
  network.link(there[0]!, there[1]!);
  network.runUntil(30_000);

  assertEquals(there.map(({ member }) => member.order.frontier(late.header.value).counter), [3, 3]);
  assertEquals(newcomer.member.history(), ["one", "elsewhere", "two"]);
  assertEqualRooms(network);
});

Deno.test("AntiEntropy: a newcomer takes for what there was no answer about a gap", () => {
  const ann = new SyncNetwork().add("ann");
  const [via, bob] = [fakeSigner("via").key, fakeSigner("bob")];
  const one = forged(bob, "one");
  const after = { counter: 2, previous: idOf(one), heads: [headOf(one)] };
  const two = forged(bob, "two", { ...after, time: one.header.value.time + 1 });
  ann.member.step({ type: "neighbours", peers: [via] }, 0);
  ann.sync.step({ type: "neighbour-up", peer: via }, 0);
  ann.sync.step({ type: "tick" }, 0);
  ann.member.step({ type: "bundle", from: via, bundle: two, hop: 0, reason: "push" }, 300);
  ann.sync.step({ type: "stuck" }, 1_400);
  const answer = {
    type: "sync-frontiers",
    buckets: [],
    entries: [{ ...headOf(two), low: 1, closed: false }],
    reply: false,
    last: true,
    floor: 0,
    unkept: [],
  } as const;
  const effects = ann.sync.step({ type: "message", from: via, message: answer }, 1_600);

  assert(effects.some(({ type }) => type === "not-kept"));
  assertEquals(effects.filter(({ type }) => type === "frontiers"), []);
});

Deno.test("AntiEntropy: a newcomer hears up to which room time a neighbour keeps nothing", () => {
  const newcomer = new SyncNetwork().add("newcomer");
  const via = fakeSigner("via").key;
  newcomer.sync.step({ type: "neighbour-up", peer: via }, 0);
  newcomer.sync.step({ type: "tick" }, 0);
  const hear = (message: SyncMessage) =>
    newcomer.sync.step({ type: "message", from: via, message }, 200);

  const buckets = Array.from({ length: BUCKETS }, (_, bucket) => bucket);
  const frontiers = { type: "sync-frontiers", buckets, entries: [], unkept: [] } as const;
  const effects = hear({ ...frontiers, reply: false, last: true, floor: 1_000 });

  const floors = effects.flatMap((effect) => effect.type === "frontiers" ? [effect.floor] : []);
  assertEquals(floors, [1_000]);
});

Deno.test("AntiEntropy: a newcomer hears how far a neighbour is that has just what came already", () => {
  const newcomer = new SyncNetwork().add("newcomer");
  const [via, other] = [fakeSigner("via").key, fakeSigner("other").key];
  const bundle = forged(fakeSigner("Ann"), "before");
  newcomer.sync.step({ type: "neighbour-up", peer: via }, 0);
  newcomer.member.step({ type: "bundle", from: other, bundle, hop: 0, reason: "push" }, 100);

  const message = { type: "sync-summary", root: newcomer.member.order.root() } as const;
  const effects = newcomer.sync.step({ type: "message", from: via, message }, 200);

  const heard = effects.flatMap((effect) => effect.type === "frontiers" ? effect.entries : []);
  assertEquals(heard.map(({ author, counter }) => [author, counter]), [[fakeSigner("Ann").key, 1]]);
});

Deno.test("AntiEntropy: a newcomer that has nothing asks for all at once, without comparing hashes first", () => {
  const network = new SyncNetwork();
  const ann = network.add("ann", { records: recordsOf(conversation(10)) });
  const newcomer = network.add("newcomer");
  const asked: string[] = [];
  network.loses = ({ type }, from) => {
    if (from === newcomer) asked.push(type);
    return from === ann && type === "sync-summary";
  };
  network.link(newcomer, ann);
  network.runUntil(60); // two round trips, and the bundles

  assertEquals(newcomer.member.shown.length, 10);
  assertEquals(asked.slice(0, 2), ["sync-frontiers", "sync-want"]);
});

Deno.test("AntiEntropy: a newcomer to a room of many authors asks page after page", () => {
  const network = new SyncNetwork();
  const said = Array.from(
    { length: SYNC_ENTRIES_MAX + 200 },
    (_, number) => forged(fakeSigner(`author ${number}`), `${number}`),
  );
  const ann = network.add("ann", { records: recordsOf(said) });
  const newcomer = network.add("newcomer");
  network.link(newcomer, ann);
  network.runUntil(5_000);

  assertEquals(newcomer.member.shown.length, said.length);
  assertEqualRooms(network);
});

Deno.test("AntiEntropy: a newcomer in an empty room is caught up at once", () => {
  const network = new SyncNetwork();
  const [ann, newcomer] = [network.add("ann"), network.add("newcomer")];
  network.link(ann, newcomer);
  network.runUntil(100);

  assertEquals(newcomer.sync.caughtUp(), true);
  assertEquals(newcomer.caughtUp, [ann.key]);
});

Deno.test("AntiEntropy: who was away for longer than anybody keeps is told how much was missed", () => {
  const all = conversation(300);
  const network = new SyncNetwork();
  const kept = { keptMessagesMax: 100 };
  const [ann, bob] = ["ann", "bob"].map((name) =>
    network.add(name, { records: recordsOf(all), ...kept })
  );
  const records = recordsOf(all.slice(0, 50));
  const [carl, dora] = ["carl", "dora"].map((name) =>
    network.add(name, { records, incarnation: 2, ...kept })
  );
  // Carl's neighbours: two who were there, and one who was away as he was.
  for (const other of [dora!, ann!, bob!]) network.link(carl!, other);
  network.runUntil(30_000);

  const missed = carl!.member.effects.flatMap((effect) =>
    effect.type === "skipped" ? [effect.messages] : []
  );
  assertEquals(missed.reduce((sum, messages) => sum + messages, 0), 150);
  assertEqualRooms(network);
  for (const { penalties } of network.members) assertEquals(penalties, []);
});
