/** What a neighbour says to have and doesn't give. */

import { assert, assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import type { Bundle } from "../../../../lib/protocols/mesh/schema/structures.ts";
import type { AntiEntropyEffect } from "../../../../lib/protocols/mesh/sync/anti_entropy_io.ts";
import {
  MOST_MUTE_MS_MAX,
  MUTE_MS_MAX,
  SYNC_PROGRESS_MS_MAX,
  WAITING_BUNDLES_MAX,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import { forged, headOf, idOf } from "../order_members.ts";
import { recordsOf, type SyncMember, SyncNetwork } from "../sync_network.ts";
import { gap, says } from "../log/order_cases.ts";
import { conversation, saysToHave } from "./sync_cases.ts";

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
  network.runUntil(3_000);

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
    network.runUntil(second * 1_000);
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
  network.runUntil(3_000);

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
    network.runUntil(8_000);

    assert(ranges > 3, `${ranges}`);
    assertEquals(told, []);
  }
});

Deno.test("AntiEntropy doesn't take the late end of a range that it gave up for the end of the next one", () => {
  const network = new SyncNetwork();
  const [slow, carl] = [
    network.add("slow"),
    network.add("carl", { records: recordsOf(conversation(2)) }),
  ];
  network.loses = ({ type }, from) => from === slow && type.startsWith("sync-");
  network.link(carl, slow);
  const told: unknown[] = [];
  const ghost = fakeSigner("ghost");
  onNotGiven(carl, ({ given, counter, isOver }) => isOver && told.push([given, counter]));
  const says = () => carl.receive(slow, saysToHave(50, ghost.key));
  const ends = () => carl.receive(slow, { type: "sync-done" });

  says();
  network.runUntil(SYNC_PROGRESS_MS_MAX + 10); // nothing of it came: it is given up, which counts once
  says();
  ends(); // of the first range
  ends(); // answers what was asked in between: the rooms are the same
  assertEquals(told, []);
  ends();
  assertEquals(told, [[0, 50]], "the second one brought nothing, too");
});

Deno.test("AntiEntropy tells of all that didn't come time and again, of however many streams something was announced", () => {
  const network = new SyncNetwork();
  const [liar, carl] = [network.add("liar"), network.add("carl")];
  network.loses = ({ type }, from) => from === liar && type.startsWith("sync-");
  network.link(carl, liar);
  const told = new Set<PeerKey>();
  onNotGiven(carl, ({ stream, isOver }) => isOver && told.add(stream.author));
  const ghosts = Array.from(
    { length: WAITING_BUNDLES_MAX + 1 },
    (_, n) => fakeSigner(`ghost ${n}`).key,
  );
  for (let range = 0; range < 4; range++) {
    carl.receive(liar, saysToHave(50, ...ghosts));
    network.runUntil((range + 1) * (SYNC_PROGRESS_MS_MAX + 10)); // nothing of it came: it is given up
  }

  assertEquals(told, new Set(ghosts));
});

/** When Carl goes on without what nobody keeps, and what he blames others for, while so many liars answer nothing. */
function goesOnAmong(liars: number, liarsAsk: boolean) {
  const { bob: sender, carl: gone, dora, all, entry } = gap();
  gone.receive(sender, all[4]!, 0, "range");
  for (const neighbour of [sender, dora]) says(gone, neighbour, [entry], 1);
  const network = new SyncNetwork();
  const records = recordsOf(all.slice(0, 2));
  const carl = network.add("carl", { records });
  const bob = network.add("bob", { records: gone.disk });
  network.link(carl, bob);
  const question = saysToHave(0);
  for (let n = 0; n < liars; n++) {
    const liar = network.add(`liar ${n}`, { records });
    liar.mute = true;
    network.link(carl, liar);
    const asks = () => {
      liar.send(carl.key, question);
      network.at(4_000, asks);
    };
    if (liarsAsk) asks();
  }
  while (network.nowMs < 600_000 && !carl.member.shown.includes("5")) {
    network.runUntil(network.nowMs + 250);
  }
  return { afterMs: network.nowMs, penalties: carl.penalties };
}

Deno.test("AntiEntropy and order: who answers nothing holds up what is missing for 12 s, most neighbours for 60, and nobody else is blamed", () => {
  for (const [liars, mostMs] of [[1, MUTE_MS_MAX], [2, MOST_MUTE_MS_MAX]] as const) {
    for (const liarsAsk of [false, true]) {
      const { afterMs, penalties } = goesOnAmong(liars, liarsAsk);
      assertEquals([afterMs >= mostMs, afterMs < mostMs + 1_000, penalties], [true, true, []]);
    }
  }
});
