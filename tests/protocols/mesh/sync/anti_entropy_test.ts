import { assert, assertEquals, assertLess } from "@std/assert";
import fc from "fast-check";
import type { BundleId, Hash, PeerKey } from "../../../../lib/base/ids.ts";
import { AntiEntropy } from "../../../../lib/protocols/mesh/sync/anti_entropy.ts";
import type { AntiEntropyEffect } from "../../../../lib/protocols/mesh/sync/anti_entropy_io.ts";
import {
  INCARNATIONS_PER_AUTHOR_MAX,
  SYNC_LOOKS_BURST,
  SYNC_LOOKS_PER_SECOND,
  SYNC_QUESTIONS_BURST,
  SYNC_WINDOW_BYTES,
  WAITING_BUNDLES_MAX,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import { bucketOf, ID_UNKNOWN } from "../../../../lib/protocols/mesh/log/frontier_table.ts";
import type { SyncMessage } from "../../../../lib/protocols/mesh/schema/messages.ts";
import type { MeshRecord } from "../../../../lib/protocols/mesh/schema/records.ts";
import type { Bundle } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { windowBytesOf } from "../../../../lib/protocols/mesh/sync/sync_supply.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import { environment, forged, headOf, idOf, Member } from "../order_members.ts";
import { talk, talkSteps } from "../order_talk.ts";
import { bytesOf, recordsOf, type SyncMember, SyncNetwork } from "../sync_network.ts";
import { SLOW } from "../../../given.ts";

/** The records of somebody who received these bundles, and delivered what can be delivered of them. */
function recordsAfter(bundles: readonly Bundle[]): readonly MeshRecord[] {
  const [member, network] = [new Member("somebody"), new Member("network")];
  for (const bundle of bundles) member.receive(network, bundle);
  return member.disk;
}

function assertEqualRooms(network: SyncNetwork): void {
  const [first, ...others] = network.members;
  for (const other of others) {
    assertEquals(other.member.history(), first!.member.history());
    assertEquals(other.member.order.root(), first!.member.order.root());
  }
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
        network.run(4_000);

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
      network.run(120_000);

      assertEqualRooms(network);
      for (const { penalties } of network.members) assertEquals(penalties, []);
    }),
    { numRuns: 15 },
  );
});

function authorAt(place: number): PeerKey {
  return fakeSigner(`author ${place}`).key;
}

/** A room in which two take turns. */
function conversation(count: number, options = {}): readonly Bundle[] {
  const [one, two] = [new Member("one", options), new Member("two", options)];
  const bundles: Bundle[] = [];
  for (let turn = 0; turn < count; turn++) {
    const [speaker, listener] = turn % 2 === 0 ? [one, two] : [two, one];
    const bundle = speaker.sayOne(`${turn}`);
    listener.receive(speaker, bundle);
    bundles.push(bundle);
  }
  return bundles;
}

Deno.test("AntiEntropy gives a member that was away each of 2,000 messages once", SLOW, () => {
  const all = conversation(2_100);
  const network = new SyncNetwork();
  const there = ["ann", "bob"].map((name) => network.add(name, { records: recordsOf(all) }));
  const carl = network.add("carl", { records: recordsOf(all.slice(0, 100)), incarnation: 2 });
  for (const member of there) network.link(carl, member);

  network.run(5_000);

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
  network.run(5_000);
  const before = network.count("sync-summary");

  network.link(bob, carl);
  network.run(500);

  assertEquals([bob, carl].map(({ caughtUp }) => caughtUp.length > 0), [true, true]);
  assertEquals(network.count("sync-summary") - before, 1);
});

Deno.test("AntiEntropy has at most 256 KiB of a range in flight, and holds nothing for a slow reader", () => {
  const all = conversation(1_000);
  const ann = new Member("ann", { records: recordsOf(all) });
  const sync = new AntiEntropy(
    { key: ann.key, newcomer: false, mayBeOthers: () => false },
    environment(() => 0),
    ann.order,
  );
  const slow = new Member("slow").key;
  const wants = ["one", "two"].map((name) => ({
    author: fakeSigner(name).key,
    incarnation: 1,
    after: 0,
  }));
  sync.step({ type: "neighbour-up", peer: slow }, 0);

  const effects = sync.step({
    type: "message",
    from: slow,
    message: { type: "sync-want", entries: wants, windowBytes: 1_048_576 },
  }, 0);
  const sent = effects.flatMap((effect) => effect.type === "send-bundle" ? [effect.bundle] : []);
  const later = sync.step({
    type: "message",
    from: slow,
    message: { type: "sync-progress", bytes: windowBytesOf(sent[0]!) },
  }, 9_000);
  const given = sync.step({ type: "tick" }, 19_000);
  const confirmed = sync.step({
    type: "message",
    from: slow,
    message: { type: "sync-progress", bytes: 2 * windowBytesOf(sent[0]!) },
  }, 19_001);

  assertEquals(sent.length, SYNC_WINDOW_BYTES / windowBytesOf(sent[0]!));
  assertEquals(
    sent.map(({ header }) => header.value.time).join(),
    [...sent]
      .map(({ header }) => header.value.time).sort((a, b) => a - b).join(),
  );
  assertEquals(later.filter(({ type }) => type === "send-bundle").length, 1);
  assert(![...given, ...confirmed].some(({ type }) => type === "send-bundle"));
});

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

  network.run(2_000);

  assertEquals([before, newcomer.sync.caughtUp()], [false, true]);
  assertEquals(newcomer.member.shown.length, 100);
  assertEqualRooms(network);
  assert(!newcomer.member.effects.some(({ type }) => type === "skipped"));
  assertEquals(newcomer.sync.upToDate(there[0]!.key), true);
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

  network.run(5_000);

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
  network.run(30_000);

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
  network.run(30_000);

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

  const hashes = newcomer.member.order.bucketHashes();
  hear({ type: "sync-buckets", hashes: hashes.with(0, "f".repeat(64) as Hash) });
  const frontiers = { type: "sync-frontiers", buckets: [0], entries: [], unkept: [] } as const;
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

Deno.test("AntiEntropy: a newcomer in an empty room is caught up at once", () => {
  const network = new SyncNetwork();
  const [ann, newcomer] = [network.add("ann"), network.add("newcomer")];
  network.link(ann, newcomer);
  network.run(100);

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
  network.run(30_000);

  const missed = carl!.member.effects.flatMap((effect) =>
    effect.type === "skipped" ? [effect.messages] : []
  );
  assertEquals(missed.reduce((sum, messages) => sum + messages, 0), 150);
  assertEqualRooms(network);
  for (const { penalties } of network.members) assertEquals(penalties, []);
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
  network.run(20_000);

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
  network.run(100);

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
  network.run(5_000);
  network.link(bob!, carl);
  network.run(10_000);

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
          network.run(60_000);

          assertEqualRooms(network);
          for (const { penalties } of network.members) assertEquals(penalties, []);
        },
      ),
      { numRuns: 100 },
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
  network.run(100);
  ann.feed({ type: "congested", peer: carl.key });
  network.run(1_000);
  network.loses = () => false;
  ann.feed({ type: "drained", peer: carl.key });
  network.run(2_000);

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
  while (network.count("bundle") === 0) network.run(network.nowMs + 1);
  // Within one step the queue got full; it says so at once.
  ann.feed({ type: "congested", peer: carl.key });
  network.run(500);
  network.loses = () => false;
  ann.feed({ type: "drained", peer: carl.key });
  network.run(1_000);

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
  network.run(30_000);
  const sent = network.count("proof");
  network.run(90_000);

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
  network.run(1_000);
  const alone = carl.member.history().length;
  network.link(carl, honest!);
  network.run(3_000);

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
  network.run(1_000);
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
    network.run(5_000 * counter);
  }

  assertEquals(carl.member.history().length, 20 + 10);
});

Deno.test(
  "AntiEntropy answers so many questions of one neighbour's, and more after a while",
  SLOW,
  () => {
    const network = new SyncNetwork();
    const ann = network.add("ann", { records: recordsOf(conversation(20)) });
    const bob = network.add("bob", { records: recordsOf(conversation(2)) });
    network.link(ann, bob);
    network.run(1_000);
    const ask = () => {
      const buckets = Array.from({ length: 256 }, (_, bucket) => bucket);
      const message = {
        type: "sync-frontiers",
        buckets,
        entries: [],
        reply: true,
        last: true,
        floor: 0,
        unkept: [],
      } as const;
      const effects = ann.sync.step({ type: "message", from: bob.key, message }, network.nowMs);
      return effects.some((effect) => effect.type === "send");
    };

    const answered = Array.from({ length: 3_000 }, ask).filter((isAnswered) => isAnswered).length;
    network.run(2_000);

    assert(answered > 900 && answered <= SYNC_QUESTIONS_BURST, `${answered}`);
    assert(ask());
  },
);

/** Somebody with so many streams of one author, each of one bundle. */
function withStreams(count: number): Member {
  const [ann, network] = [new Member("ann"), new Member("network")];
  for (let incarnation = 1; incarnation <= count; incarnation++) {
    ann.receive(network, forged(fakeSigner("liar"), `${incarnation}`, { incarnation }));
  }
  return ann;
}

const STREAMS = 4_000;
const LIAR = { author: fakeSigner("liar").key, incarnation: 1 };
const ALL_OF_LIAR = {
  type: "sync-frontiers",
  buckets: [bucketOf(LIAR.author)],
  entries: [],
  reply: true,
  last: true,
  floor: 0,
  unkept: [],
} as const;
const QUESTIONS: readonly SyncMessage[] = [
  ALL_OF_LIAR,
  { type: "sync-want", entries: [{ ...LIAR, after: 0 }], windowBytes: SYNC_WINDOW_BYTES },
  {
    ...ALL_OF_LIAR,
    entries: [{ ...LIAR, counter: 9, low: 1, id: "ab".repeat(32) as BundleId, closed: false }],
  },
];

for (const [place, message] of QUESTIONS.entries()) {
  Deno.test(
    `AntiEntropy looks at so much in a second for one neighbour that asks without end (${place})`,
    SLOW,
    () => {
      const { order, key } = withStreams(STREAMS);
      let looked = 0;
      const watched = new Proxy(order, {
        get(_, name) {
          const value = Reflect.get(order, name, order);
          if (typeof value !== "function") return value;
          return (...args: readonly unknown[]) => {
            const answer = value.apply(order, args);
            if (name === "entriesOf") looked += answer.length;
            if (name === "nextInOrder") looked++;
            return answer;
          };
        },
      });
      const sync = new AntiEntropy(
        { key, newcomer: false, mayBeOthers: () => false },
        environment(() => 0),
        watched,
      );
      const from = new Member("bob").key;
      sync.step({ type: "neighbour-up", peer: from }, 0);
      const ask = (nowMs: number) => sync.step({ type: "message", from, message }, nowMs);
      for (let ms = 0; ms < 10_000; ms += 5) ask(ms);
      looked = 0;
      const seconds = 20;
      for (let ms = 0; ms < seconds * 1_000; ms += 5) ask(10_000 + ms);

      // What is looked at twice, to compare it, is counted once.
      assertLess(looked, 2 * (seconds * SYNC_LOOKS_PER_SECOND + STREAMS));
      assertLess(STREAMS, looked);
      assert(ask(60_000).length > 0);
    },
  );
}

Deno.test(
  "AntiEntropy hashes so much in a second for one neighbour that changes something before each question",
  SLOW,
  () => {
    const member = withStreams(STREAMS);
    const { order, key } = member;
    const sync = new AntiEntropy(
      { key, newcomer: false, mayBeOthers: () => false },
      environment(() => 0),
      order,
    );
    const from = new Member("bob");
    sync.step({ type: "neighbour-up", peer: from.key }, 0);
    const seconds = 20;
    let hashed = 0;
    for (let count = 0; count < 50 * seconds; count++) {
      const incarnation = STREAMS + 1 + count;
      member.receive(from, forged(fakeSigner("liar"), `${incarnation}`, { incarnation }));
      const before = order.unhashed();
      const message = { type: "sync-summary", root: "cd".repeat(32) as Hash } as const;
      sync.step({ type: "message", from: from.key, message }, 20 * count);
      hashed += before - order.unhashed();
    }

    assertLess(hashed, seconds * SYNC_LOOKS_PER_SECOND + SYNC_LOOKS_BURST + 2 * STREAMS);
    assertLess(SYNC_LOOKS_BURST, hashed);
  },
);

Deno.test(
  "AntiEntropy begins no round with one that made it look at too much, until it may",
  SLOW,
  () => {
    const { order, key } = withStreams(STREAMS);
    const sync = new AntiEntropy(
      { key, newcomer: false, mayBeOthers: () => false },
      environment(() => 0.5),
      order,
    );
    const from = new Member("bob").key;
    sync.step({ type: "neighbour-up", peer: from }, 0);
    // The round that begins with the link has no answer, and is given up.
    const beganMs = 7_000;
    for (const ms of [1_000, beganMs]) sync.step({ type: "tick" }, ms);
    for (let count = 0; count < 100; count++) {
      sync.step({ type: "message", from, message: ALL_OF_LIAR }, beganMs);
    }
    const begins = (nowMs: number) => {
      const effects = [
        ...sync.step({ type: "behind", peer: from }, nowMs),
        ...sync.step({ type: "tick" }, nowMs),
      ];
      return effects.some((effect) =>
        effect.type === "send" && effect.message.type === "sync-summary"
      );
    };
    assertEquals([begins(beganMs + 10), begins(beganMs + 1_000)], [false, true]);
  },
);

Deno.test("AntiEntropy compares at once with a neighbour that is far ahead", SLOW, () => {
  const network = new SyncNetwork();
  const [ann, bob] = ["ann", "bob"].map((name) => network.add(name));
  network.link(ann!, bob!);
  network.run(3_000);
  for (let n = 0; n < 2_000; n++) bob!.member.sayOne(`${n}`);

  ann!.feed({ type: "far-ahead", peer: bob!.key });
  network.run(3_500);

  assertEquals(ann!.member.shown.length, 2_000);
  assertEqualRooms(network);
});

Deno.test(
  "AntiEntropy takes what it is being sent before it compares with another that is further ahead",
  SLOW,
  () => {
    const all = conversation(2_000);
    const network = new SyncNetwork();
    const ann = network.add("ann");
    const bob = network.add("bob", { records: recordsOf(all.slice(0, 1_900)) });
    const carl = network.add("carl");
    network.link(ann, carl);
    network.run(3_000);
    for (const bundle of all) carl.member.receive(bob.member, bundle);
    network.bytesPerMs = 200;
    network.link(ann, bob);
    network.run(3_200);
    assertEquals(ann.sync.sources(), new Set([bob.key]));
    network.sent.length = 0;

    ann.feed({ type: "far-ahead", peer: carl.key });
    network.run(8_000);

    assertEquals(ann.member.history(), carl.member.history());
    assertLess(network.sent.filter(({ type }) => type === "bundle").length, all.length + 1);
  },
);

Deno.test("AntiEntropy blames nobody whose promise was overtaken by the floor of what is kept", () => {
  const network = new SyncNetwork();
  const ann = network.add("ann", { records: recordsOf(conversation(20)), keptMessagesMax: 20 });
  const bob = network.add("bob", { keptMessagesMax: 20 });
  let asked = false;
  network.loses = ({ type }) => {
    if (type !== "sync-want" || asked) return false;
    // While the question is under way, ann takes in what pushes all of it out.
    asked = true;
    const other = new Member("other", { wallMs: 20_000 });
    for (let n = 0; n < 20; n++) ann.member.receive(other, other.sayOne(`late ${n}`));
    return false;
  };
  network.link(ann, bob);
  network.run(5_000);

  assert(asked);
  assertEquals(bob.penalties, []);
  assertEqualRooms(network);
});

Deno.test("AntiEntropy doesn't get time and again what it has no place for and a neighbour that is behind keeps", () => {
  const old = Array.from(
    { length: 200 },
    (_, n) => forged(fakeSigner("liar"), `${n}`, { incarnation: n + 1, time: 4_000 + n }),
  );
  const all = conversation(60);
  const network = new SyncNetwork();
  const ann = network.add("ann", { records: recordsOf(old) });
  const bob = network.add("bob", {
    records: recordsOf([...old, ...all]),
    keptMessagesMax: 50,
    incarnation: 2,
  });
  let sent = 0;
  // Ann doesn't catch up.
  network.loses = (message, from) => {
    if (message.type !== "bundle") return false;
    if (from === ann) sent++;
    return from === bob;
  };
  network.link(ann, bob);
  network.run(5_000);

  assert(sent > 0 && sent <= 2 * old.length, `${sent}`);
});

Deno.test("AntiEntropy gets soon again what came when there was no room for it", () => {
  const all = conversation(10);
  const network = new SyncNetwork();
  const ann = network.add("ann", { records: recordsOf(all) });
  const bob = network.add("bob");
  const other = new Member("other");
  const [, ...waiting] = Array.from(
    { length: WAITING_BUNDLES_MAX + 1 },
    (_, n) => other.sayOne(`${n}`),
  );
  for (const bundle of waiting) bob.member.receive(ann.member, bundle);
  // All that follows it is to wait for it.
  let came = 0;
  network.loses = ({ type }) => type === "bundle" && came++ === 0;
  network.link(ann, bob);
  network.run(2_000);

  assertEquals(came, 2 * all.length);
  assertEqualRooms(network);
});

Deno.test("AntiEntropy: a round ends by its deadline when the neighbour falls silent at any step", () => {
  const all = conversation(40);
  const steps = ["sync-summary", "sync-buckets", "sync-frontiers", "bundle", "sync-done"] as const;
  for (const silentFrom of steps) {
    const network = new SyncNetwork();
    const [mute, honest] = ["mute", "honest"].map((name) =>
      network.add(name, { records: recordsOf(all) })
    );
    const carl = network.add("carl", { records: recordsOf(all.slice(0, 2)), incarnation: 2 });
    network.loses = (message, from) => {
      if (from === mute && message.type === silentFrom) mute.mute = true;
      return from === mute && mute.mute;
    };
    network.link(carl, mute!);
    network.run(1_000);
    network.link(carl, honest!);
    network.run(30_000);

    assertEquals(carl.member.history().length, 40, silentFrom);
    assertEquals(carl.sync.sources().size, 0, silentFrom);
  }
});

/** All that there is in these authors' buckets: so much of each. */
function saysToHave(counter: number, ...authors: readonly PeerKey[]): SyncMessage {
  const rest = { incarnation: 1, low: 1, counter, id: ID_UNKNOWN, closed: false };
  return {
    type: "sync-frontiers",
    buckets: authors.map(bucketOf).sort((a, b) => a - b),
    entries: authors.map((author) => ({ author, ...rest })),
    reply: true,
    last: true,
    floor: 0,
    unkept: [],
  };
}

Deno.test("AntiEntropy: a range ends by its deadline though what wasn't asked for goes on coming in it", () => {
  const network = new SyncNetwork();
  const [liar, carl] = [network.add("liar"), network.add("carl")];
  network.loses = ({ type }, from) => from === liar && type.startsWith("sync-");
  network.link(carl, liar);
  carl.receive(liar, saysToHave(5, fakeSigner("nobody").key));
  const open = Array.from({ length: 60 }, (_, n) => {
    const bundle = new Member(`stranger ${n}`).sayOne("unasked");
    carl.receive(liar, { type: "bundle", bundle, claim: null, hop: 0, reason: "range" });
    network.run(n * 500);
    return carl.sync.sources().size;
  });

  assertEquals([open[0], open.at(-1)], [1, 0]);
});

Deno.test("AntiEntropy: a range that brings nothing ends by its deadline, however much more its sender says to have", () => {
  const network = new SyncNetwork();
  const [liar, carl] = [network.add("liar"), network.add("carl")];
  network.loses = ({ type }, from) => from === liar && type.startsWith("sync-");
  network.link(carl, liar);
  const blamedAfter = Array.from({ length: 60 }, (_, n) => n / 2).find((seconds) => {
    carl.receive(liar, saysToHave(5, fakeSigner(`n ${seconds}`).key));
    network.run(seconds * 1_000);
    return carl.penalties.length > 0;
  });

  // The second such range.
  assert(blamedAfter !== undefined && blamedAfter < 25, `${blamedAfter}`);
});

Deno.test("AntiEntropy begins anew with a neighbour that restarted in the middle of a round", () => {
  const all = conversation(600);
  const network = new SyncNetwork();
  const ann = network.add("ann", { records: recordsOf(all) });
  const bob = network.add("bob", { records: recordsOf(all.slice(0, 10)), incarnation: 2 });
  network.link(ann, bob);
  network.run(80);
  const halfway = bob.member.shown.length;
  network.unlink(ann, bob);
  network.members.pop();
  const again = network.add("bob", { records: bob.member.disk, incarnation: 3 });
  network.link(ann, again);
  network.run(5_000);

  assert(halfway > 0 && halfway < 590, `${halfway}`);
  assertEquals(bob.member.shown.length + again.member.shown.length, 590);
  assertEqualRooms(network);
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
    network.run(10_000);

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
    network.run(60_000);

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
  network.run(5_000);

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
  network.run(1_000);
  network.sent.length = 0;
  network.run(101_000);

  assertEquals(
    new Set(network.sent.map(({ type }) => type)),
    new Set(["sync-summary", "sync-done"]),
  );
  const perMember = network.count("sync-summary") / 2;
  assert(perMember >= 8 && perMember <= 13.5, `${perMember}`);
});

/** Calls `heard` with what `member` is told of as not given, in that step. */
function onNotGiven(
  { sync }: SyncMember,
  heard: (effect: Extract<AntiEntropyEffect, { readonly type: "not-given" }>) => void,
): void {
  const step = sync.step.bind(sync);
  sync.step = (input, nowMs) => {
    const effects = step(input, nowMs);
    for (const effect of effects) if (effect.type === "not-given") heard(effect);
    return effects;
  };
}

Deno.test("AntiEntropy tells of what it asked for twice in vain, and not where ranges are cut off before", () => {
  const all = conversation(40);
  const ghost = fakeSigner("ghost");
  const hidden = forged(ghost, "never given", { time: 5_000 });
  const network = new SyncNetwork();
  const ann = network.add("ann", { records: recordsOf([...all, hidden]) });
  const carl = network.add("carl", { records: recordsOf(all.slice(0, 2)), incarnation: 2 });
  const told: (readonly [PeerKey, number, number])[] = [];
  onNotGiven(carl, ({ stream, counter, throughTime }) => {
    told.push([stream.author, counter, carl.member.history().length]);
    assertEquals(throughTime, Infinity); // nothing came, again and again
  });
  let inRange = 0;
  network.loses = (message, from) => {
    if (message.type === "sync-done") inRange = 0;
    if (from !== ann || message.type !== "bundle") return false;
    return message.bundle.header.value.author === ghost.key || ++inRange > 10;
  };
  network.link(ann, carl);
  network.run(3_000);

  assertEquals(carl.member.history().length, 40);
  assert(told.length > 0);
  for (const what of told) assertEquals(what, [ghost.key, 1, 40]);
});

Deno.test("AntiEntropy tells of what doesn't come for 5 s, though something else does", () => {
  const network = new SyncNetwork();
  const [liar, carl] = [network.add("liar"), network.add("carl")];
  network.loses = ({ type }, from) => from === liar && type.startsWith("sync-");
  network.link(carl, liar);
  const told: unknown[] = [];
  const [ghost, talker] = [fakeSigner("ghost"), fakeSigner("talker")];
  onNotGiven(carl, ({ stream, given, counter, isOver }) => {
    told.push([network.nowMs, stream.author, given, counter, isOver]);
  });
  let previous: Bundle | null = null;
  for (let second = 0; second <= 12; second++) {
    network.run(second * 1_000);
    carl.receive(liar, saysToHave(50, ghost.key, talker.key));
    const bundle = forged(talker, "a little", {
      counter: second + 1,
      previous: previous === null ? null : idOf(previous),
    });
    carl.receive(liar, { type: "bundle", bundle, claim: null, hop: 0, reason: "range" });
    previous = bundle;
  }

  assertEquals(carl.sync.sources().size, 1);
  assertEquals(told, [5, 6, 7, 8, 9, 10, 11, 12].map((s) => [s * 1_000, ghost.key, 0, 50, false]));
});

Deno.test("AntiEntropy tells of what didn't come although a part of its stream did, time and again", () => {
  const ghost = fakeSigner("ghost");
  const first = forged(ghost, "1", { time: 5_000 });
  const after = (before: Bundle, text: string) =>
    forged(ghost, text, {
      counter: before.header.value.counter + 1,
      previous: idOf(before),
      heads: [headOf(before)],
      time: before.header.value.time + 1,
    });
  const second = after(first, "2");
  const third = after(second, "3");
  const network = new SyncNetwork();
  const ann = network.add("ann", { records: recordsOf([first, second, third]) });
  // What comes can't be taken in: its author's claim never comes.
  const carl = network.add("carl", { knowsClaim: () => false });
  const told: unknown[] = [];
  onNotGiven(carl, ({ given, counter, throughTime }) => told.push([given, counter, throughTime]));
  network.loses = (message, from) =>
    from === ann && message.type === "bundle" && message.bundle.header.value.counter > 2;
  network.link(ann, carl);
  network.run(3_000);

  assert(told.length > 0);
  for (const what of told) assertEquals(what, [2, 3, second.header.value.time]);
});

Deno.test("AntiEntropy tells of nothing where a range brings more, or brought all once, though all that came waits", () => {
  const ghost = fakeSigner("ghost");
  const said = [forged(ghost, "1", { time: 5_000 })];
  while (said.length < 8) {
    const before = said.at(-1)!;
    said.push(forged(ghost, "on", {
      counter: said.length + 1,
      previous: idOf(before),
      heads: [headOf(before)],
      time: before.header.value.time + 1,
    }));
  }
  /** Where the range ends that comes after so many others. */
  const endings = [
    (ranges: number) => 2 + ranges,
    (ranges: number) => ranges < 2 ? said.length : 2,
  ];
  for (const endOf of endings) {
    const network = new SyncNetwork();
    const ann = network.add("ann", { records: recordsOf(said) });
    const carl = network.add("carl", { knowsClaim: () => false });
    const told: unknown[] = [];
    onNotGiven(carl, (effect) => told.push(effect));
    let ranges = 0;
    network.loses = (message, from) => {
      if (from === ann && message.type === "sync-done") ranges++;
      if (from !== ann || message.type !== "bundle") return false;
      return message.bundle.header.value.counter > endOf(ranges);
    };
    network.link(ann, carl);
    network.run(8_000);

    assert(ranges > 3, `${ranges}`);
    assertEquals(told, []);
  }
});

Deno.test("AntiEntropy refuses what breaks the form of a round", () => {
  const ann = new Member("ann");
  const peer = new Member("peer").key;
  const sync = new AntiEntropy(
    { key: ann.key, newcomer: true, mayBeOthers: () => false },
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
