/** How much one neighbour gets, asks and costs at once. */

import { assert, assertEquals, assertLess } from "@std/assert";
import type { BundleId, Hash } from "../../../../lib/base/ids.ts";
import { bucketOf } from "../../../../lib/protocols/mesh/log/frontier_table.ts";
import {
  SYNC_LOOKS_BURST,
  SYNC_LOOKS_PER_SECOND,
  SYNC_QUESTIONS_BURST,
  SYNC_WINDOW_BYTES,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import type { SyncMessage } from "../../../../lib/protocols/mesh/schema/messages.ts";
import { AntiEntropy } from "../../../../lib/protocols/mesh/sync/anti_entropy.ts";
import { windowBytesOf } from "../../../../lib/protocols/mesh/sync/sync_peer.ts";
import { SLOW } from "../../../given.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import { environment, forged, Member } from "../order_members.ts";
import { recordsOf, SyncNetwork } from "../sync_network.ts";
import { conversation } from "./sync_cases.ts";

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

Deno.test(
  "AntiEntropy answers so many questions of one neighbour's, and more after a while",
  SLOW,
  () => {
    const network = new SyncNetwork();
    const ann = network.add("ann", { records: recordsOf(conversation(20)) });
    const bob = network.add("bob", { records: recordsOf(conversation(2)) });
    network.link(ann, bob);
    network.runUntil(1_000);
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
    network.runUntil(2_000);

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
      for (let ms = 0; ms < 10_000; ms += 20) ask(ms);
      looked = 0;
      const seconds = 8;
      for (let ms = 0; ms < seconds * 1_000; ms += 20) ask(10_000 + ms);

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
    const seconds = 8;
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
