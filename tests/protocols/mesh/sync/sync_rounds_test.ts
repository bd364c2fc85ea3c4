/** When rounds begin, and that each ends. */

import { assert, assertEquals, assertLess } from "@std/assert";
import { WAITING_BUNDLES_MAX } from "../../../../lib/protocols/mesh/schema/limits.ts";
import { talkTimeMs } from "../../../../lib/base/machine/common_times.ts";
import { AntiEntropy } from "../../../../lib/protocols/mesh/sync/anti_entropy.ts";
import { SLOW } from "../../../given.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import { environment, forged, Member } from "../order_members.ts";
import type { AntiEntropyEffect } from "../../../../lib/protocols/mesh/sync/anti_entropy_io.ts";
import { recordsOf, SyncNetwork } from "../sync_network.ts";
import { assertEqualRooms, conversation, saysToHave } from "./sync_cases.ts";

Deno.test("AntiEntropy compares with a neighbour some 10 s later, when all members speak", () => {
  const begins = (random: number) => {
    const ann = new Member("ann");
    const config = { key: ann.key, newcomer: false, mayBeOthers: () => false };
    const env = { ...environment(() => 0), random: () => random };
    const sync = new AntiEntropy(config, env, ann.order);
    sync.step({ type: "neighbour-up", peer: fakeSigner("bob").key }, 100);
    const asked = (nowMs: number) =>
      sync.step({ type: "tick" }, nowMs).some((effect) =>
        effect.type === "send" && effect.message.type === "sync-summary"
      );
    for (;;) {
      const nowMs = sync.nextDeadlineMs()!;
      if (asked(nowMs) && nowMs > 5_100) return nowMs;
    }
  };
  const times = [0, 0.5, 0.99].map(begins);
  assertEquals(times, [7_600, 10_100, 12_550].map(talkTimeMs));
});

Deno.test("AntiEntropy asks a neighbour ever more rarely that doesn't answer, until it does: its answers fill its queue", () => {
  const ann = new Member("ann");
  const config = { key: ann.key, newcomer: false, mayBeOthers: () => false };
  const sync = new AntiEntropy(config, environment(() => 0.5), ann.order);
  const peer = fakeSigner("bob").key;
  const asked = (effects: readonly AntiEntropyEffect[]) =>
    effects.some((effect) => effect.type === "send" && effect.message.type === "sync-summary");
  /** The seconds at which it was asked. */
  const askedFrom = (fromS: number, toS: number) => {
    const seconds: number[] = [];
    for (let at = fromS; at < toS; at++) {
      if (asked(sync.step({ type: "behind", peer }, at * 1_000))) seconds.push(at);
    }
    return seconds;
  };
  sync.step({ type: "neighbour-up", peer }, 0);
  const before = askedFrom(1, 190);
  assertEquals(before.map((at, index) => at - (before[index - 1] ?? at)), [0, 5, 10, 20, 40, 60]);

  const message = { type: "sync-buckets", hashes: ann.order.bucketHashes() } as const;
  sync.step({ type: "message", from: peer, message }, 190_000);
  assertEquals(askedFrom(191, 193), [191]);
});

Deno.test("AntiEntropy compares at once with a neighbour that is far ahead", SLOW, () => {
  const network = new SyncNetwork();
  const [ann, bob] = ["ann", "bob"].map((name) => network.add(name));
  network.link(ann!, bob!);
  network.runUntil(3_000);
  for (let n = 0; n < 2_000; n++) bob!.member.sayOne(`${n}`);

  ann!.feed({ type: "far-ahead", peer: bob!.key });
  network.runUntil(3_500);

  assertEquals(ann!.member.shown.length, 2_000);
  assertEqualRooms(network);
});

Deno.test(
  "AntiEntropy takes what it is being sent before it compares with another that is further ahead",
  SLOW,
  () => {
    const all = conversation(1_000);
    const network = new SyncNetwork();
    const ann = network.add("ann");
    const bob = network.add("bob", { records: recordsOf(all.slice(0, 950)) });
    const carl = network.add("carl");
    network.link(ann, carl);
    network.runUntil(3_000);
    for (const bundle of all) carl.member.receive(bob.member, bundle);
    network.bytesPerMs = 200;
    network.link(ann, bob);
    network.runUntil(3_200);
    assertEquals(ann.sync.sources(), new Set([bob.key]));
    network.sent.length = 0;

    ann.feed({ type: "far-ahead", peer: carl.key });
    network.runUntil(8_000);

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
  network.runUntil(5_000);

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
  network.runUntil(5_000);

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
  network.runUntil(2_000);

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
    network.runUntil(1_000);
    network.link(carl, honest!);
    network.runUntil(30_000);

    assertEquals(carl.member.history().length, 40, silentFrom);
    assertEquals(carl.sync.sources().size, 0, silentFrom);
  }
});

Deno.test("AntiEntropy: a range ends by its deadline though what wasn't asked for goes on coming in it", () => {
  const network = new SyncNetwork();
  const [liar, carl] = [network.add("liar"), network.add("carl")];
  network.loses = ({ type }, from) => from === liar && type.startsWith("sync-");
  network.link(carl, liar);
  carl.receive(liar, saysToHave(5, fakeSigner("nobody").key));
  const open = Array.from({ length: 60 }, (_, n) => {
    const bundle = new Member(`stranger ${n}`).sayOne("unasked");
    carl.receive(liar, { type: "bundle", bundle, claim: null, hop: 0, reason: "range" });
    network.runUntil(n * 500);
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
    network.runUntil(seconds * 1_000);
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
  network.runUntil(80);
  const halfway = bob.member.shown.length;
  network.unlink(ann, bob);
  network.remove(bob);
  const again = network.add("bob", { records: bob.member.disk, incarnation: 3 });
  network.link(ann, again);
  network.runUntil(5_000);

  assert(halfway > 0 && halfway < 590, `${halfway}`);
  assertEquals(bob.member.shown.length + again.member.shown.length, 590);
  assertEqualRooms(network);
});
