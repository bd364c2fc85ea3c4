import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { Broadcast } from "../../../../lib/protocols/mesh/broadcast/broadcast.ts";
import {
  BROADCAST_LAN,
  type BroadcastConfig,
  type BroadcastEffect,
} from "../../../../lib/protocols/mesh/broadcast/broadcast_io.ts";
import { LINK_MESSAGES_BURST } from "../../../../lib/protocols/mesh/schema/limits.ts";
import type {
  BroadcastMessage,
  BundleReason,
} from "../../../../lib/protocols/mesh/schema/messages.ts";
import type { Bundle } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { bundleOf, idOf } from "../stream_order.ts";
import { keyOf } from "../overlay_network.ts";
import { SLOW } from "../../../given.ts";

const [ann, bob, carl, dora] = [1, 2, 3, 4].map(keyOf) as [PeerKey, PeerKey, PeerKey, PeerKey];
/** Who speaks, somewhere in the room. */
const zoe = keyOf(99);

/** A member whose neighbours are these, with an order that delivers what it is told. */
class Member {
  readonly broadcast: Broadcast;
  frontier = 0;
  readonly waiting = new Set<number>();

  constructor(neighbours: readonly PeerKey[], config: Partial<BroadcastConfig> = {}, live = 10) {
    this.broadcast = new Broadcast({ ...BROADCAST_LAN, ...config }, {
      frontier: () => ({ counter: this.frontier }),
      has: (_stream, counter) => counter <= this.frontier || this.waiting.has(counter),
    });
    this.broadcast.step({ type: "members", live }, 0);
    for (const peer of neighbours) this.broadcast.step({ type: "neighbour-up", peer }, 0);
  }

  message(from: PeerKey, message: BroadcastMessage, nowMs: number): readonly BroadcastEffect[] {
    return this.broadcast.step({ type: "message", from, message }, nowMs);
  }

  tick(nowMs: number): readonly BroadcastEffect[] {
    return this.broadcast.step({ type: "tick" }, nowMs);
  }

  /** A bundle comes from a neighbour for the first time. */
  receive(
    from: PeerKey,
    bundle: Bundle,
    nowMs: number,
    options: { hop?: number; reason?: BundleReason; kept?: boolean } = {},
  ): readonly BroadcastEffect[] {
    const { hop = 3, reason = "push", kept = true } = options;
    this.message(from, { type: "bundle", bundle, claim: null, hop, reason }, nowMs);
    this.frontier = bundle.header.value.counter + bundle.header.value.count - 1;
    const delivered = {
      type: "delivered",
      bundle,
      id: idOf(bundle),
      from,
      hop,
      reason,
      kept,
    } as const;
    return this.broadcast.step(delivered, nowMs);
  }

  say(bundle: Bundle, nowMs: number): readonly BroadcastEffect[] {
    this.frontier = bundle.header.value.counter;
    const id = idOf(bundle);
    const reason = "push";
    return this.broadcast.step(
      { type: "delivered", bundle, id, from: null, hop: 0, reason, kept: true },
      nowMs,
    );
  }

  /** A bundle comes that is here already. */
  again(from: PeerKey, counter: number, nowMs: number, reason: BundleReason = "push") {
    const bundle = bundleOf(zoe, counter);
    this.message(from, { type: "bundle", bundle, claim: null, hop: 3, reason }, nowMs);
    const stream = { author: zoe, incarnation: 1 };
    return this.broadcast.step({ type: "duplicate", stream, counter, from, hop: 3, reason }, nowMs);
  }

  /** Neighbours leave the tree before the test begins. */
  pruned(...peers: readonly PeerKey[]): this {
    for (const peer of peers) this.message(peer, { type: "prune", source: zoe }, 0);
    return this;
  }
}

function push(to: PeerKey, bundle: Bundle, hop: number): BroadcastEffect {
  return { type: "push", to, bundle, hop };
}
function send(
  to: PeerKey,
  message: Exclude<BroadcastMessage, { type: "bundle" }>,
): BroadcastEffect {
  return { type: "send", to, message };
}
function ihaveOf(counter: number, hop = 4): Extract<BroadcastMessage, { type: "ihave" }> {
  const id = idOf(bundleOf(zoe, counter));
  return { type: "ihave", entries: [{ author: zoe, incarnation: 1, counter, id }], hop };
}
function graft(to: PeerKey, after: number): BroadcastEffect {
  return send(to, { type: "graft", author: zoe, incarnation: 1, after });
}
function prune(to: PeerKey, source: PeerKey | null): BroadcastEffect {
  return send(to, { type: "prune", source });
}
const supplyFor = (to: PeerKey, after: number): BroadcastEffect => ({
  type: "supply",
  to,
  stream: { author: zoe, incarnation: 1 },
  after,
});

// Plumtree, section 3.2: eager push in the step of the delivery, lazy push a little later.
Deno.test("step() pushes to the tree at once and announces to the others within 50 ms", () => {
  const member = new Member([ann, bob, carl, dora]).pruned(carl);
  const bundle = bundleOf(zoe, 1);

  const atOnce = member.receive(ann, bundle, 1_000);
  const early = member.tick(1_049);
  const due = member.tick(1_050);

  assertEquals(atOnce, [push(bob, bundle, 4), push(dora, bundle, 4)]);
  assertEquals(early, []);
  assertEquals(due, [send(carl, ihaveOf(1))]);
  assertEquals(member.broadcast.nextDeadlineMs(), null);
});

Deno.test("step() announces a stream's latest bundle for all before it, several streams in one", () => {
  const member = new Member([ann, bob]).pruned(bob);
  const other = bundleOf(ann, 1);
  member.receive(ann, bundleOf(zoe, 1), 1_000);
  member.receive(ann, bundleOf(zoe, 2), 1_010);
  member.message(bob, { type: "prune", source: ann }, 1_010);
  member.receive(ann, other, 1_020, { hop: 1 });

  const effects = member.tick(1_050);

  assertEquals(effects, [
    send(bob, {
      type: "ihave",
      entries: [
        ...ihaveOf(2).entries,
        { author: ann, incarnation: 1, counter: 1, id: idOf(other) },
      ],
      hop: 4,
    }),
  ]);
});

Deno.test("step() tells a neighbour nothing of what it is known to have", () => {
  const member = new Member([ann, bob, carl]).pruned(carl);
  member.message(bob, ihaveOf(1), 900);

  const atOnce = member.receive(ann, bundleOf(zoe, 1), 1_000);
  member.message(carl, ihaveOf(1), 1_020);
  const due = member.tick(1_050);

  assertEquals(atOnce, []);
  assertEquals(due, []);
});

Deno.test("step() pushes an own bundle to all, with hop 1", () => {
  const member = new Member([ann, bob]);
  const bundle = bundleOf(zoe, 1);

  const effects = member.say(bundle, 1_000);

  assertEquals(effects, [push(ann, bundle, 1), push(bob, bundle, 1)]);
});

Deno.test("step() announces what came in catching up, and pushes what isn't kept to everybody", () => {
  const member = new Member([ann, bob, carl]).pruned(carl);
  const late = bundleOf(zoe, 2);

  const ranged = member.receive(ann, bundleOf(zoe, 1), 1_000, { reason: "range" });
  const announced = member.tick(1_050);
  const unkept = member.receive(ann, late, 2_000, { reason: "range", kept: false });

  assertEquals(ranged, []);
  assertEquals(announced, [send(bob, ihaveOf(1)), send(carl, ihaveOf(1))]);
  assertEquals(unkept, [push(bob, late, 4), push(carl, late, 4)]);
});

// Our departure from Plumtree, which prunes at the first duplicate.
Deno.test("step() prunes a link whose pushes came second three times within ten bundles", () => {
  const member = new Member([ann, bob]);
  const seen: (readonly BroadcastEffect[])[] = [];

  for (const counter of [1, 2, 3]) {
    member.receive(ann, bundleOf(zoe, counter), counter);
    seen.push(member.again(bob, counter, counter));
  }

  assertEquals(seen, [[], [], [prune(bob, zoe)]]);
  assertEquals(member.broadcast.eager(zoe), [ann]);
  assertEquals(member.broadcast.lazy(zoe), [bob]);
});

Deno.test("step() doesn't prune for second places that lie apart, nor for what was asked for", () => {
  const member = new Member([ann, bob, carl]);
  let pruned = 0;

  for (let counter = 1; counter <= 40; counter++) {
    member.receive(ann, bundleOf(zoe, counter), counter);
    if (counter % 5 === 0) pruned += member.again(bob, counter, counter).length;
    pruned += member.again(carl, counter, counter, "graft").length;
  }

  assertEquals(pruned, 0);
});

Deno.test("step() leaves the winner alone when two links take turns in coming second", () => {
  const member = new Member([ann, bob]);
  const effects: BroadcastEffect[] = [];

  for (let counter = 1; counter <= 6; counter++) {
    const [first, second] = counter % 2 === 0 ? [ann, bob] : [bob, ann];
    member.receive(first, bundleOf(zoe, counter), counter);
    effects.push(...member.again(second, counter, counter));
  }

  assertEquals(effects, [prune(ann, zoe)]);
});

Deno.test("step() says prune once a second while what was under way still comes", () => {
  const member = new Member([ann, bob]);
  const effects: BroadcastEffect[] = [];

  for (let counter = 1; counter <= 100; counter++) {
    member.receive(ann, bundleOf(zoe, counter), 15 * counter);
    effects.push(...member.again(bob, counter, 15 * counter).filter(({ type }) => type === "send"));
  }

  assertEquals(effects, [prune(bob, zoe), prune(bob, zoe)]);
});

Deno.test("step() keeps one tree for all authors in a room of more than 64", () => {
  const member = new Member([ann, bob, carl], {}, 65);
  for (const author of [dora, keyOf(98), zoe]) {
    const bundle = bundleOf(author, 1);
    member.receive(ann, bundle, 1);
    member.frontier = 0;
  }

  const effects = [1, 2, 3].map((counter) => member.again(bob, counter, 2));
  member.message(carl, { type: "prune", source: null }, 3);

  assertEquals(effects, [[], [], [prune(bob, null)]]);
  assertEquals(member.broadcast.lazy(dora), [bob, carl]);
});

// Plumtree, section 3.2, tree repair.
Deno.test("step() asks who announced what doesn't come, then the next; the link is a branch then", () => {
  const member = new Member([ann, bob]).pruned(ann, bob);
  member.message(ann, ihaveOf(1), 1_000);
  member.message(bob, ihaveOf(1), 1_010);

  const early = member.tick(1_499);
  const first = member.tick(1_500);
  const next = member.tick(2_000);
  const lazy = member.broadcast.lazy(zoe);

  assertEquals(early, []);
  assertEquals(first, [graft(ann, 0)]);
  assertEquals(next, [graft(bob, 0)]);
  assertEquals(lazy, []);
});

Deno.test("step() prunes a grafted link at its first second place, unless it was first since", () => {
  const late = new Member([ann, bob]).pruned(bob);
  const better = new Member([ann, bob]).pruned(bob);
  for (const member of [late, better]) {
    member.message(bob, ihaveOf(1), 1_000);
    member.tick(1_500);
    member.receive(bob, bundleOf(zoe, 1), 1_600, { reason: "graft" });
    member.again(ann, 1, 1_700);
  }
  better.receive(bob, bundleOf(zoe, 2), 2_000);
  better.receive(ann, bundleOf(zoe, 3), 2_001);

  late.receive(ann, bundleOf(zoe, 2), 2_000);
  const first = late.again(bob, 2, 2_001);
  const later = better.again(bob, 3, 2_002);

  assertEquals(first, [prune(bob, zoe)]);
  assertEquals(late.broadcast.lazy(zoe), [bob]);
  assertEquals(later, []);
});

Deno.test("step() doesn't ask for what came meanwhile, or waits for its parents", () => {
  const member = new Member([ann, bob]);
  member.message(ann, ihaveOf(1), 1_000);
  member.message(ann, ihaveOf(3), 1_000);
  member.receive(bob, bundleOf(zoe, 1), 1_200);
  member.waiting.add(3);

  const whileWaiting = [2_000, 3_000, 4_000].map((nowMs) => member.tick(nowMs));
  member.waiting.delete(3); // it is dropped
  const dropped = member.tick(5_000);

  assertEquals(whileWaiting, [[], [], []]);
  assertEquals(dropped, [graft(ann, 1)]);
});

Deno.test("step() waits twice the lag that it measured, 50 ms to 1 s", () => {
  const slow = new Member([ann, bob]);
  slow.message(ann, ihaveOf(1), 1_000);
  slow.receive(bob, bundleOf(zoe, 1), 1_400);
  slow.message(ann, ihaveOf(2), 2_000);
  const quick = new Member([ann, bob]);
  for (let counter = 1; counter <= 40; counter++) {
    quick.receive(bob, bundleOf(zoe, counter), 1_000);
    quick.message(ann, ihaveOf(counter), 1_000);
  }
  quick.message(ann, ihaveOf(41), 2_000);
  const stuck = new Member([ann, bob]);
  stuck.message(ann, ihaveOf(1), 0);
  stuck.receive(bob, bundleOf(zoe, 1), 2_500);
  stuck.message(ann, ihaveOf(2), 4_000);

  const early = [slow.tick(2_799), quick.tick(2_049), stuck.tick(4_999)];
  const due = [slow.tick(2_800), quick.tick(2_050), stuck.tick(5_000)];

  assertEquals(early, [[], [], []]);
  assertEquals(due, [[graft(ann, 1)], [graft(ann, 40)], [graft(ann, 1)]]);
});

Deno.test("step() remembers for a while how late a bundle was after a lost packet", () => {
  const member = new Member([ann, bob]);
  member.message(ann, ihaveOf(1), 1_000);
  member.receive(bob, bundleOf(zoe, 1), 1_400);
  for (let counter = 2; counter <= 11; counter++) {
    member.receive(bob, bundleOf(zoe, counter), 2_000);
    member.message(ann, ihaveOf(counter), 2_000);
  }
  member.message(ann, ihaveOf(12), 5_000);

  const early = member.tick(5_400);
  const due = member.tick(5_450);

  assertEquals([early, due], [[], [graft(ann, 11)]]);
});

Deno.test("step() leaves what is far ahead to anti-entropy", () => {
  const member = new Member([ann]);

  const effects = member.message(ann, ihaveOf(1_025), 1_000);

  assertEquals(effects, [{ type: "far-ahead", peer: ann }]);
  assertEquals(member.broadcast.nextDeadlineMs(), null);
});

Deno.test("step() forgets what a neighbour announced that is gone", () => {
  const member = new Member([ann]);
  member.message(ann, ihaveOf(1), 1_000);

  member.broadcast.step({ type: "neighbour-down", peer: ann }, 1_100);
  const effects = member.tick(3_000);

  assertEquals(effects, []);
});

Deno.test("step() supplies who grafts, three times the same, and pushes to it from then on", () => {
  const member = new Member([ann, bob]).pruned(ann);
  member.receive(bob, bundleOf(zoe, 1), 1_000);
  const question = { type: "graft", author: zoe, incarnation: 1, after: 0 } as const;

  const answers = [1, 2, 3, 4].map((at) => member.message(ann, question, 1_000 + at));
  const nothingNew = member.message(ann, { ...question, after: 1 }, 2_000);

  assertEquals(answers, [[supplyFor(ann, 0)], [supplyFor(ann, 0)], [supplyFor(ann, 0)], []]);
  assertEquals(nothingNew, []);
  assertEquals(member.broadcast.eager(zoe), [ann, bob]);
});

Deno.test("step() supplies the same three times, whatever else is asked for in between", () => {
  const member = new Member([ann, bob]).pruned(ann);
  for (const counter of [1, 2, 3]) member.receive(bob, bundleOf(zoe, counter), 1_000 + counter);
  const ask = (after: number, atMs: number) =>
    member.message(ann, { type: "graft", author: zoe, incarnation: 1, after }, atMs).length;

  const answers = [0, 1, 0, 1, 0, 1, 2, 0].map((after, at) => ask(after, 1_100 + at));

  assertEquals(answers, [1, 1, 1, 1, 0, 0, 1, 1]);
});

Deno.test("step() sends a large bundle whole to one branch and as its header to the others", () => {
  const member = new Member([ann, bob, carl, dora]).pruned(dora);
  const large = bundleOf(zoe, 1, { textBytes: 4_097 });

  const effects = member.receive(ann, large, 1_000);
  const later = member.tick(1_050);

  const header = { header: large.header, signature: large.signature };
  assertEquals(effects, [
    push(bob, large, 4),
    send(carl, { type: "preview", header, hop: 4 }),
  ]);
  assertEquals(later, [send(dora, ihaveOf(1))]);
});

Deno.test("step() sends no more headers alone than a neighbour allows", SLOW, () => {
  const [relay, receiver] = [new Member([ann, bob, carl]), new Member([ann])];
  const effects: BroadcastEffect[] = [];
  let previews = 0;

  for (let counter = 1; counter <= 100_000; counter++) { // 10,000 a second for 10 s
    const nowMs = 1_000 + counter / 10;
    const large = bundleOf(zoe, counter, { textBytes: 4_097 });
    for (const effect of relay.receive(ann, large, nowMs)) {
      if (effect.type !== "send" || effect.to !== carl) continue;
      if (effect.message.type === "preview") previews++;
      effects.push(...receiver.message(ann, effect.message, nowMs));
    }
    receiver.frontier = counter;
  }

  assertEquals(effects.filter(({ type }) => type === "penalise"), []);
  assertEquals(Math.round(previews / 1_000), 34); // three quarters of 4,096 a second, and once more at first
});

Deno.test("step() asks at once for what comes as its header alone", () => {
  const member = new Member([ann, bob]);
  const { header, signature } = bundleOf(zoe, 1, { textBytes: 10_000 });

  const effects = member.message(
    ann,
    { type: "preview", header: { header, signature }, hop: 2 },
    1_000,
  );
  const second = member.message(
    bob,
    { type: "preview", header: { header, signature }, hop: 2 },
    1_010,
  );

  assertEquals(effects, [graft(ann, 0)]);
  assertEquals(second, []);
});

Deno.test("step() doesn't wait for a neighbour whose queue is full: it falls behind, and is told nothing", () => {
  const member = new Member([ann, bob, carl]);
  const bundles = [1, 2, 3].map((counter) => bundleOf(zoe, counter)) as [Bundle, Bundle, Bundle];
  member.broadcast.step({ type: "congested", peer: bob }, 1_000);

  const first = member.receive(ann, bundles[0], 1_000);
  const second = member.receive(ann, bundles[1], 1_010);
  const quiet = member.tick(1_060);
  member.broadcast.step({ type: "drained", peer: bob }, 2_000);
  const stillQuiet = member.tick(2_050);
  member.broadcast.step({ type: "supplied", peer: bob }, 3_000);
  const caughtUp = member.tick(3_050);

  assertEquals(first, [{ type: "behind", peer: bob }, push(carl, bundles[0], 4)]);
  assertEquals(second, [push(carl, bundles[1], 4)]);
  assertEquals([quiet, stillQuiet], [[], []]);
  assertEquals(caughtUp, [send(bob, ihaveOf(2))]);
  assertEquals(member.broadcast.lazy(zoe), [bob]);
});

Deno.test("step() tells a neighbour again 10 s after its queue drained, supplied or not", () => {
  const member = new Member([ann, bob]);
  member.broadcast.step({ type: "congested", peer: bob }, 1_000);
  member.receive(ann, bundleOf(zoe, 1), 1_000);
  member.tick(1_050);
  member.broadcast.step({ type: "drained", peer: bob }, 2_000);
  member.tick(2_050);

  const early = member.tick(11_999);
  member.tick(12_000);
  const late = member.tick(12_050);

  assertEquals(early, []);
  assertEquals(late, [send(bob, ihaveOf(1))]);
});

Deno.test("step() answers a graft over a full link when there is room again", () => {
  const member = new Member([ann, bob]);
  member.receive(ann, bundleOf(zoe, 1), 1_000);
  member.broadcast.step({ type: "congested", peer: bob }, 1_000);

  const full = member.message(bob, { type: "graft", author: zoe, incarnation: 1, after: 0 }, 1_010);
  const drained = member.broadcast.step({ type: "drained", peer: bob }, 2_000);

  assertEquals(full, []);
  assertEquals(drained, [supplyFor(bob, 0)]);
});

// Plumtree, section 3.3.
Deno.test("step() takes a way that is shorter by two hops, three times running, once a second", () => {
  const member = new Member([ann, bob]).pruned(bob);
  const effects: (readonly BroadcastEffect[])[] = [];

  for (const counter of [1, 2, 3]) {
    member.receive(ann, bundleOf(zoe, counter), counter, { hop: 8 });
    effects.push(member.message(bob, ihaveOf(counter, 6), counter));
  }

  assertEquals(effects, [[], [], [graft(bob, 3), prune(ann, zoe)]]);
  assertEquals(member.broadcast.eager(zoe), [bob]);
});

Deno.test("step() penalises more than 4,096 announced entries a second, counted as entries", () => {
  const member = new Member([ann]);
  member.frontier = 1;
  const entry = ihaveOf(1).entries[0]!;
  const message = { type: "ihave", entries: Array(256).fill(entry), hop: 1 } as const;
  let accepted = 0;
  let effects: readonly BroadcastEffect[] = [];

  while (effects.length === 0 && accepted < 1_000_000) {
    effects = member.message(ann, message, 1_000);
    if (effects.length === 0) accepted += 256;
  }
  const later = member.message(ann, message, 1_100);

  assertEquals(accepted, 40_960); // ten seconds' worth may have been held back
  assertEquals(effects, [{
    type: "penalise",
    peer: ann,
    fault: "flood",
    text: "more than 4096 announcements a second",
  }]);
  assertEquals(later, []);
});

Deno.test("step() penalises floods of grafts and of prunes", () => {
  const member = new Member([ann]);
  const question = { type: "graft", author: zoe, incarnation: 1, after: 0 } as const;
  const flood = (message: BroadcastMessage, count: number) =>
    Array.from({ length: count }, () => member.message(ann, message, 0)).flat()
      .map((effect) => effect.type === "penalise" ? effect.text : effect.type);

  const grafts = flood(question, 2_001);
  const prunes = flood({ type: "prune", source: zoe }, 101);

  assertEquals(grafts, ["more than 200 grafts a second"]);
  assertEquals(prunes, ["more than 10 prunes a second"]);
});

Deno.test("step() penalises a flood of duplicates, but none of what others bring at the same pace", () => {
  const member = new Member([ann, bob]);
  const faults: string[] = [];
  const comesAgain = (counter: number, reason: BundleReason) => {
    for (const effect of member.again(bob, counter, 0, reason)) {
      if (effect.type === "penalise") faults.push(effect.text);
    }
  };
  for (let counter = 1; counter <= LINK_MESSAGES_BURST; counter++) {
    member.receive(ann, bundleOf(zoe, counter), 0);
    for (const reason of ["push", "range"] as const) comesAgain(counter, reason);
  }
  assertEquals(faults, []);
  for (let n = 0; n <= LINK_MESSAGES_BURST; n++) comesAgain(1, "range");
  assertEquals([...new Set(faults)], ["more than 5000 duplicates a second"]);
});

Deno.test("step() sends no more than three quarters of what a receiver allows", () => {
  const member = new Member([ann, bob]).pruned(bob);
  let sent = 0;

  for (let author = 0; author < 4_000; author++) {
    member.message(bob, { type: "prune", source: keyOf(author) }, 1_000 * author);
  }
  const fresh = new Member([ann, bob], {}, 1_000);
  fresh.message(bob, { type: "prune", source: null }, 0);
  for (let author = 0; author < 4_000; author++) {
    fresh.receive(ann, bundleOf(keyOf(1_000 + author), 1), 0);
  }
  for (let nowMs = 0; nowMs < 1_000; nowMs += 50) {
    for (const effect of fresh.tick(nowMs)) {
      if (effect.type === "send" && effect.message.type === "ihave") {
        sent += effect.message.entries.length;
      }
    }
  }

  assertEquals(sent <= 2 * 3_072, true);
  assertEquals(sent, 4_000);
});

/** ann announces `count` bundles one after the other, and never sends one; time passes for each. */
function breakPromises(
  member: Member,
  count: number,
  afterEach: (counter: number, nowMs: number) => void = () => {},
): readonly string[] {
  const penalties: string[] = [];
  for (let i = 1; i <= count; i++) {
    const beginMs = i * 20_000;
    member.message(ann, ihaveOf(member.frontier + 1), beginMs);
    for (let nowMs = beginMs; nowMs < beginMs + 15_000; nowMs += 500) {
      if (nowMs === beginMs + 2_000) afterEach(member.frontier + 1, nowMs);
      for (const effect of member.tick(nowMs)) {
        if (effect.type === "penalise") penalties.push(`${effect.fault} ${i}`);
      }
    }
  }
  return penalties;
}

Deno.test("step() penalises ten announced bundles that it asked for in vain", () => {
  const penalties = breakPromises(new Member([ann, bob]), 12);

  assertEquals(penalties, ["broken-promise 10"]);
});

Deno.test("step() holds nothing against who announced what then came by another way", () => {
  const member = new Member([ann, bob]);

  const penalties = breakPromises(member, 12, (counter, nowMs) => {
    member.receive(bob, bundleOf(zoe, counter), nowMs);
  });

  assertEquals(penalties, []);
});

Deno.test("step() holds nothing against who announced what was then skipped, or came in a range", () => {
  const skipped = new Member([ann, bob]);
  const ranged = new Member([ann, bob]);

  const penalties = [
    breakPromises(skipped, 12, (counter) => skipped.frontier = counter),
    breakPromises(ranged, 12, (counter, nowMs) => {
      ranged.receive(ann, bundleOf(zoe, counter), nowMs, { reason: "range" });
    }),
  ];

  assertEquals(penalties, [[], []]);
});

Deno.test("step() holds nothing against a link over which other bundles come slowly", () => {
  const member = new Member([ann, bob]);
  const penalties: BroadcastEffect[] = [];
  member.message(ann, ihaveOf(1), 0);

  for (let nowMs = 0; nowMs < 120_000; nowMs += 500) {
    const other = bundleOf(dora, nowMs + 1);
    if (nowMs % 2_500 === 0) {
      member.message(
        ann,
        { type: "bundle", bundle: other, claim: null, hop: 1, reason: "push" },
        nowMs,
      );
      member.message(ann, ihaveOf(1 + nowMs / 500), nowMs);
    }
    penalties.push(...member.tick(nowMs).filter(({ type }) => type === "penalise"));
  }

  assertEquals(penalties, []);
});

Deno.test("step() ignores what comes from somebody who is no neighbour", () => {
  const member = new Member([ann]);

  const effects = member.message(bob, ihaveOf(1), 1_000);

  assertEquals(effects, []);
  assertEquals(member.broadcast.nextDeadlineMs(), null);
});

Deno.test("step() passes on what the order wants", () => {
  const member = new Member([ann]);

  const effects = member.broadcast.step(
    { type: "want", from: ann, stream: { author: zoe, incarnation: 1 }, after: 4 },
    1_000,
  );

  assertEquals(effects, [graft(ann, 4)]);
});
