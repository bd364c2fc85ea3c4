/** Two that differ in any way become equal, with few and small messages. */

import { assert, assertEquals, assertLess } from "@std/assert";
import fc from "fast-check";
import type { BundleId, PeerKey } from "../../../../lib/base/ids.ts";
import { ID_UNKNOWN } from "../../../../lib/protocols/mesh/log/frontier_table.ts";
import { INCARNATIONS_PER_AUTHOR_MAX } from "../../../../lib/protocols/mesh/schema/limits.ts";
import type { MeshRecord } from "../../../../lib/protocols/mesh/schema/records.ts";
import type { Bundle } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { AntiEntropy } from "../../../../lib/protocols/mesh/sync/anti_entropy.ts";
import { SLOW } from "../../../given.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import { environment, forged, headOf, idOf, Member } from "../order_members.ts";
import { talk, talkSteps } from "../order_talk.ts";
import { bytesOf, recordsOf, SyncNetwork } from "../sync_network.ts";
import { assertEqualRooms, conversation } from "./sync_cases.ts";

/** The records of somebody who received these bundles, and delivered what can be delivered of them. */
function recordsAfter(bundles: readonly Bundle[]): readonly MeshRecord[] {
  const [member, network] = [new Member("somebody"), new Member("network")];
  for (const bundle of bundles) member.receive(network, bundle);
  return member.disk;
}

Deno.test(
  "AntiEntropy makes two equal that differ in any way, in both directions, with few messages",
  SLOW,
  () => {
    fc.assert(
      fc.property(talkSteps, fc.infiniteStream(fc.boolean()), (steps, coin) => {
        const all = talk(steps);
        const network = new SyncNetwork();
        const [ann, bob] = ["ann", "bob"].map((name) => {
          const had = all.filter(() => coin.next().value);
          return network.add(name, { records: recordsAfter(had), incarnation: 2 });
        });
        // What neither has can't be had: they end with the same part of the conversation.
        network.link(ann!, bob!);
        network.runUntil(4_000);

        assertEqualRooms(network);
        for (const member of network.members) {
          const shown = [...member.member.shown];
          assertEquals(new Set(shown).size, shown.length);
          assertEquals(member.penalties, []);
        }
        assertLess(network.sent.length, 30 + 2 * all.length);
      }),
      { numRuns: 60 },
    );
  },
);

Deno.test("AntiEntropy brings a chain of members to one history", () => {
  fc.assert(
    fc.property(talkSteps, (steps) => {
      const all = talk(steps);
      const network = new SyncNetwork();
      const names = ["ann", "bob", "carl", "dora"];
      names.forEach((name, place) => {
        const had = all.filter(({ header: { value } }) => value.author === authorAt(place));
        network.add(name, { records: recordsAfter(had), incarnation: 2 });
      });
      for (let place = 1; place < names.length; place++) {
        network.link(network.members[place - 1]!, network.members[place]!);
      }
      network.runUntil(120_000);

      assertEqualRooms(network);
      for (const { penalties } of network.members) assertEquals(penalties, []);
    }),
    { numRuns: 15 },
  );
});

function authorAt(place: number): PeerKey {
  return fakeSigner(`author ${place}`).key;
}

Deno.test("AntiEntropy gives a member that was away each of 2,000 messages once", SLOW, () => {
  const all = conversation(2_100);
  const network = new SyncNetwork();
  const there = ["ann", "bob"].map((name) => network.add(name, { records: recordsOf(all) }));
  const carl = network.add("carl", { records: recordsOf(all.slice(0, 100)), incarnation: 2 });
  for (const member of there) network.link(carl, member);

  network.runUntil(5_000);

  assertEquals(carl.member.shown.length, 2_000);
  assertEqualRooms(network);
  // Two neighbours have it all; only one of them sends it.
  assertLess(network.count("bundle"), 2_100);
  assertEquals(carl.penalties, []);
});

Deno.test("AntiEntropy compares once on a new link, between two who came with nothing as well", () => {
  const network = new SyncNetwork();
  const ann = network.add("ann", { records: recordsOf(conversation(20)) });
  const [bob, carl] = [network.add("bob"), network.add("carl")];
  for (const newcomer of [bob, carl]) network.link(newcomer, ann);
  network.runUntil(5_000);
  const before = network.count("sync-summary");

  network.link(bob, carl);
  network.runUntil(500);

  assertEquals([bob, carl].map(({ caughtUp }) => caughtUp.length > 0), [true, true]);
  assertEquals(network.count("sync-summary") - before, 1);
});

Deno.test("AntiEntropy: a quiet half of a healed room loses nothing that it had to say", () => {
  const kept = { keptMessagesMax: 50 };
  const loud = conversation(200, { wallMs: 100_000 });
  const quiet = new Member("quiet", { wallMs: 2_000 });
  const said = ["we are few", "but we are here"].map((text) => quiet.sayOne(text));
  const network = new SyncNetwork();
  const ann = network.add("ann", { records: recordsOf(loud), ...kept });
  const bob = network.add("bob", { records: recordsOf(said), ...kept });

  network.link(ann, bob);
  network.runUntil(20_000);

  assertEquals(ann.member.shown, ["we are few", "but we are here"]);
  assertEquals(bob.member.shown.length, 50);
  assertEqualRooms(network);
});

Deno.test("AntiEntropy takes both sides' missing parts in one round", () => {
  const network = new SyncNetwork();
  const [ann, bob] = ["ann", "bob"].map((name) => {
    const speaker = new Member(`speaker of ${name}`);
    const bundles = ["1", "2", "3"].map((text) => speaker.sayOne(`${name} ${text}`));
    return network.add(name, { records: recordsOf(bundles) });
  });
  network.link(ann!, bob!);
  network.runUntil(100);

  assertEqualRooms(network);
  assertEquals(ann!.member.history().length, 6);
  assertLess(network.sent.length, 15);
});

Deno.test("AntiEntropy finds two histories of one author when two halves meet, and closes both", () => {
  const eve = fakeSigner("eve");
  const start = forged(eve, "start");
  const fork = (text: string) =>
    forged(eve, text, { counter: 2, previous: idOf(start), heads: [headOf(start)], time: 20_000 });
  const network = new SyncNetwork();
  const [ann, bob] = ["left", "right"].map((side) =>
    network.add(side, { records: recordsOf([start, fork(side)]) })
  );
  const carl = network.add("carl", { records: recordsOf([start]) });

  network.link(ann!, bob!);
  network.runUntil(5_000);
  network.link(bob!, carl);
  network.runUntil(10_000);

  assertEqualRooms(network);
  assertEquals(ann!.member.history(), ["start"]);
  for (const { penalties } of network.members) assertEquals(penalties, []);
});

/** Eve's two histories, each in itself without fault, that part after `common` bundles. */
function twoHistories(common: number, length: number): readonly [Bundle[], Bundle[]] {
  const eve = fakeSigner("eve");
  const histories: [Bundle[], Bundle[]] = [[], []];
  histories.forEach((history, side) => {
    for (let counter = 1; counter <= length; counter++) {
      const before = history.at(-1);
      const follows = before === undefined ? {} : {
        previous: idOf(before),
        heads: [headOf(before)],
        time: before.header.value.time + 1,
      };
      const text = counter <= common ? `${counter}` : `${counter} to side ${side}`;
      history.push(forged(eve, text, { counter, ...follows }));
    }
  });
  return histories;
}

Deno.test(
  "AntiEntropy makes one history of a liar's, whoever kept what and knew which proofs",
  SLOW,
  () => {
    const length = 5;
    const known = fc.record({
      side: fc.constantFrom(0, 1),
      bundles: fc.integer({ min: 0, max: length }),
      /** Counters of proofs; those where the histories don't differ are none. */
      proofs: fc.array(fc.integer({ min: 1, max: length }), { maxLength: 2 }),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 3 }),
        fc.array(known, { minLength: 2, maxLength: 4 }),
        (common, all) => {
          const histories = twoHistories(common, length);
          const network = new SyncNetwork();
          const members = all.map(({ side, bundles, proofs }, index) => {
            const records = recordsOf(histories[side]!.slice(0, bundles));
            for (const counter of proofs.filter((at) => at > common)) {
              const [first, second] = histories.map((history) => history[counter - 1]!);
              records.push({ kind: "proof", proof: { first: first!, second: second! } });
            }
            return network.add(`m${index}`, { records });
          });
          for (const [index, member] of members.entries()) {
            for (const other of members.slice(0, index)) network.link(member, other);
          }
          network.runUntil(60_000);

          assertEqualRooms(network);
          for (const { penalties } of network.members) assertEquals(penalties, []);
        },
      ),
      { numRuns: 50 },
    );
  },
);

Deno.test("AntiEntropy ends a range of which a full queue dropped some, and begins another at once", () => {
  const all = conversation(400);
  const network = new SyncNetwork();
  const ann = network.add("ann", { records: recordsOf(all) });
  const carl = network.add("carl", { records: recordsOf(all.slice(0, 2)), incarnation: 2 });
  network.loses = (message) => message.type === "bundle" && network.count("bundle") > 30;
  network.link(ann, carl);
  network.runUntil(100);
  ann.feed({ type: "congested", peer: carl.key });
  network.runUntil(1_000);
  network.loses = () => false;
  ann.feed({ type: "drained", peer: carl.key });
  network.runUntil(2_000);

  assertEqualRooms(network);
  assertEquals(carl.member.history().length, 400);
  assertEquals(carl.penalties, []);
});

Deno.test("AntiEntropy ends a range, too, whose end would have been dropped with the last of it", () => {
  const all = conversation(40);
  const network = new SyncNetwork();
  const ann = network.add("ann", { records: recordsOf(all) });
  const carl = network.add("carl", { records: recordsOf(all.slice(0, 2)), incarnation: 2 });
  network.loses = ({ type }, from) =>
    from === ann && (type === "bundle" || type === "sync-done") && network.count("bundle") > 20;
  network.link(ann, carl);
  while (network.count("bundle") === 0) network.run(1);
  // Within one step the queue got full; it says so at once.
  ann.feed({ type: "congested", peer: carl.key });
  network.runUntil(500);
  network.loses = () => false;
  ann.feed({ type: "drained", peer: carl.key });
  network.runUntil(1_000);

  assertEquals(carl.member.history().length, 40);
  assertEquals(carl.penalties, []);
});

Deno.test("AntiEntropy comes to an end where more of a liar's starts are proven than are remembered", () => {
  const eve = fakeSigner("eve");
  const proofs = Array.from({ length: 3 * INCARNATIONS_PER_AUTHOR_MAX }, (_, index): MeshRecord => {
    const [first, second] = ["left", "right"].map((text) =>
      forged(eve, text, { incarnation: index + 1 })
    );
    return { kind: "proof", proof: { first: first!, second: second! } };
  });
  const network = new SyncNetwork();
  const start = recordsOf([new Member("ann").sayOne("hello")]);
  const members = [0, 1, 2].map((nth) =>
    network.add(`m${nth}`, { records: [...start, ...proofs.filter((_, at) => at % 3 === nth)] })
  );
  for (const [index, member] of members.entries()) {
    for (const other of members.slice(0, index)) network.link(member, other);
  }
  network.runUntil(30_000);
  const sent = network.count("proof");
  network.runUntil(90_000);

  assertEqualRooms(network);
  assertEquals(network.count("proof"), sent);
  assertLess(sent, 500);
});

Deno.test("AntiEntropy asks another when a neighbour says that it has more and sends nothing", () => {
  const all = conversation(20);
  const network = new SyncNetwork();
  const [liar, honest] = ["liar", "honest"].map((name) =>
    network.add(name, { records: recordsOf(all) })
  );
  const carl = network.add("carl", { records: recordsOf(all.slice(0, 2)), incarnation: 2 });
  network.loses = (message, from) => from === liar && message.type === "bundle";
  network.link(carl, liar!);
  network.runUntil(1_000);
  const alone = carl.member.history().length;
  network.link(carl, honest!);
  network.runUntil(3_000);

  assertEquals(alone, 2);
  assertEquals(carl.member.history().length, 20);
  assert(carl.penalties.length > 0);
});

Deno.test("AntiEntropy asks another for what a neighbour doesn't give that sends a little of something else", () => {
  const all = conversation(20);
  const network = new SyncNetwork();
  const [liar, honest] = ["liar", "honest"].map((name) =>
    network.add(name, { records: recordsOf(all) })
  );
  const carl = network.add("carl", { records: recordsOf(all.slice(0, 2)), incarnation: 2 });
  network.loses = ({ type }, from) => from === liar && (type === "bundle" || type === "sync-done");
  network.link(carl, liar!);
  network.runUntil(1_000);
  network.link(carl, honest!);
  let previous: Bundle | null = null;
  for (let counter = 1; counter <= 10; counter++) {
    const bundle = forged(liar!.member.signer, "a little", {
      incarnation: 9,
      counter,
      previous: previous === null ? null : idOf(previous),
    });
    carl.receive(liar!, { type: "bundle", bundle, claim: null, hop: 0, reason: "range" });
    previous = bundle;
    network.runUntil(5_000 * counter);
  }

  assertEquals(carl.member.history().length, 20 + 10);
});

Deno.test(
  "AntiEntropy keeps messages small, and gets there, with thousands of streams that differ",
  SLOW,
  () => {
    const count = 3_000;
    const bundles = Array.from(
      { length: count },
      (_, n) => forged(fakeSigner(`author ${n}`), `${n}`, { time: 5_000 + n }),
    );
    const network = new SyncNetwork();
    const ann = network.add("ann", { records: recordsOf(bundles.slice(0, 2_000)) });
    const bob = network.add("bob", { records: recordsOf(bundles.slice(1_000)) });
    network.link(ann, bob);
    network.runUntil(10_000);

    assertEqualRooms(network);
    assertEquals(ann.member.order.messages(), count);
    const largest = Math.max(...network.sent.map(bytesOf));
    assertLess(largest, 128 * 1024);
  },
);

Deno.test(
  "AntiEntropy gets there on a line of 16 KiB a second where whole pages of streams differ",
  SLOW,
  () => {
    const bundles = Array.from(
      { length: 2_000 },
      (_, n) => forged(fakeSigner(`author ${n}`), `${n}`, { time: 5_000 + n }),
    );
    const network = new SyncNetwork();
    network.bytesPerMs = 16;
    const ann = network.add("ann", { records: recordsOf(bundles.slice(0, 1_000)) });
    const bob = network.add("bob", { records: recordsOf(bundles.slice(1_000)) });
    network.link(ann, bob);
    network.runUntil(60_000);

    assertEqualRooms(network);
    assertEquals(ann.member.order.messages(), 2_000);
    const pages = network.sent.filter((message) =>
      message.type === "sync-frontiers" && message.entries.length > 500
    );
    assertEquals(pages.length, 4, "each asks once, and is answered");
  },
);

Deno.test("AntiEntropy asks for what is missing by itself, however much else differs", () => {
  const all = conversation(20);
  const time = all.at(-1)!.header.value.time;
  const liar = fakeSigner("liar");
  const lies: Bundle[] = [];
  for (let n = 0; n < 12; n++) {
    const author = fakeSigner(`nobody ${n}`).key;
    const invented = { author, incarnation: 1, counter: 1, time, id: ID_UNKNOWN };
    const last = lies.at(-1);
    lies.push(forged(liar, `${n}`, {
      counter: n + 1,
      previous: last === undefined ? null : idOf(last),
      heads: [...(last === undefined ? [] : [headOf(last)]), invented],
      time: time + 1 + n,
    }));
  }
  // All of them wait for the first lie.
  const after = Array.from(
    { length: 200 },
    (_, n) =>
      forged(fakeSigner(`author ${n}`), `after ${n}`, {
        heads: [headOf(lies.at(-1)!)],
        time: time + 100 + n,
      }),
  );
  const network = new SyncNetwork();
  const ann = network.add("ann", { records: recordsOf([...all, ...lies, ...after]) });
  const carl = network.add("carl", { records: recordsOf(all), incarnation: 2 });
  network.link(carl, ann);
  network.runUntil(5_000);

  assertEquals(carl.member.order.messages(), all.length + lies.length + after.length);
  assertEquals(carl.penalties, []);
  const pages = network.sent.filter((message) =>
    message.type === "sync-frontiers" && message.buckets.length > 0
  );
  // One in each direction on the new link, and one each when the range has ended.
  assert(pages.length <= 4, `${pages.length}`);
});

Deno.test("AntiEntropy compares 40 bytes with one neighbour every 10 s when nothing happens", () => {
  const all = conversation(10);
  const network = new SyncNetwork();
  const members = ["ann", "bob"].map((name) => network.add(name, { records: recordsOf(all) }));
  network.link(members[0]!, members[1]!);
  network.runUntil(1_000);
  network.sent.length = 0;
  network.runUntil(101_000);

  assertEquals(
    new Set(network.sent.map(({ type }) => type)),
    new Set(["sync-summary", "sync-done"]),
  );
  const perMember = network.count("sync-summary") / 2;
  assert(perMember >= 8 && perMember <= 13.5, `${perMember}`);
});

Deno.test("AntiEntropy refuses what breaks the form of a round", () => {
  const ann = new Member("ann");
  const peer = new Member("peer").key;
  const sync = new AntiEntropy(
    { key: ann.key, newcomer: false, mayBeOthers: () => false },
    environment(() => 0),
    ann.order,
  );
  sync.step({ type: "neighbour-up", peer }, 0);

  const few = sync.step({
    type: "message",
    from: peer,
    message: { type: "sync-buckets", hashes: [] },
  }, 1);
  const stream = { author: peer, incarnation: 1, id: ID_UNKNOWN, closed: false };
  const impossible = [
    [{ ...stream, low: 1, counter: Number.MAX_SAFE_INTEGER }, 0],
    [{ ...stream, low: 1, counter: 5 }, 6],
    [{ ...stream, low: 7, counter: 5 }, 0],
  ] as const;
  for (const [entry, unkept] of impossible) {
    const message = {
      type: "sync-frontiers",
      buckets: [],
      entries: [entry],
      reply: true,
      last: true,
      floor: 0,
      unkept: [unkept],
    } as const;
    const effects = sync.step({ type: "message", from: peer, message }, 1);
    assertEquals(effects.map(({ type }) => type), ["penalise"]);
  }
  const stray = [
    { type: "sync-progress", bytes: 5 },
    { type: "sync-done" },
    {
      type: "sync-frontiers",
      buckets: [1],
      entries: [],
      reply: false,
      last: true,
      floor: 0,
      unkept: [],
    },
  ] as const;

  assertEquals(few.map(({ type }) => type), ["penalise"]);
  for (const message of stray) {
    assertEquals(sync.step({ type: "message", from: peer, message }, 2), []);
  }
  const stranger = "ee".repeat(32) as PeerKey;
  const root = "00".repeat(32) as BundleId;
  const summary = { type: "sync-summary", root: root as never } as const;
  assertEquals(sync.step({ type: "message", from: stranger, message: summary }, 3), []);
});
