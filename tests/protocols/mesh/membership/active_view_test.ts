/** Which neighbour gives way to another, and what both are told. */

import { assert, assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { ActiveView, OverlayLinks } from "../../../../lib/protocols/mesh/membership/active_view.ts";
import {
  OVERLAY_LAN,
  type OverlayEffect,
} from "../../../../lib/protocols/mesh/membership/overlay_io.ts";
import { contactOf, keyOf } from "../overlay_network.ts";
import {
  ann,
  bob,
  carl,
  dial,
  dora,
  emil,
  fred,
  gina,
  message,
  neighbourDown,
  neighbourUp,
  overlayWith,
  peers,
  reply,
  send,
  up,
  withoutContacts,
} from "./overlay_cases.ts";

/** A view into which links came in this order: `>` was dialled, `<` dialled us, `-` can't be dialled. */
function viewOf(links: Readonly<Record<string, number>>, passive = false) {
  const all = new OverlayLinks();
  const effects: OverlayEffect[] = [];
  const view = new ActiveView(
    { ...OVERLAY_LAN, passive },
    all,
    (effect) => void effects.push(effect),
  );
  Object.entries(links).forEach(([link, sinceMs]) => {
    const peer = keyOf(Number(link.slice(1)));
    const { endpoint } = contactOf(peer);
    all.add(peer, link[0] === "-" ? null : endpoint, link[0] === ">" ? endpoint : null, 0);
    view.activate(peer, sinceMs);
  });
  effects.splice(0);
  return { view, links: all, done: () => effects.splice(0) };
}

const forward = (to: number, named: number): OverlayEffect => ({
  type: "send",
  to: keyOf(to),
  message: { type: "forward-join", contact: contactOf(keyOf(named)), ttl: 0 },
});
const disconnect = (to: number): OverlayEffect => ({
  type: "send",
  to: keyOf(to),
  message: { type: "disconnect" },
});
const number = (peer: PeerKey | null) => peer === null ? null : Number.parseInt(peer, 16);

Deno.test("ActiveView: the two that we dialled first stay; of others we dialled the oldest goes, then of those that dialled us", () => {
  const { view } = viewOf({ ">1": 30, ">2": 10, ">3": 20, "<4": 0, "<5": 5 });
  assertEquals([view.victim(), view.inboundVictim(), view.oldestVictim()].map(number), [1, 4, 2]);

  assertEquals(number(viewOf({ ">1": 0, ">2": 1, "<5": 9, "<4": 5 }).view.victim()), 4);
  assertEquals(number(viewOf({ ">1": 0, ">2": 1 }).view.victim()), null);
  assertEquals(viewOf({ ">1": 0, ">2": 1, "<3": 2, "-4": 3 }).view.selfDialledCount(), 2);
});

Deno.test("ActiveView: who can't be dialled takes no place, and gives its slot where it has others", () => {
  const { view, links } = viewOf({ "<1": 0, "<2": 0, "<3": 0, "<4": 0, "<5": 0, "-6": 7, "-7": 3 });
  links.add(keyOf(8), null, null, 0);
  links.add(keyOf(9), contactOf(keyOf(9)).endpoint, null, 0);
  assertEquals([view.hasRoomFor(keyOf(8)), view.hasRoomFor(keyOf(9))], [true, false]);
  assertEquals(view.spareVictim(), null);
  for (const one of [6, 7]) links.get(keyOf(one))!.hasOthers = true;
  assertEquals(number(view.spareVictim()), 7);
});

Deno.test("ActiveView: who can't be dialled itself has three places, and takes one for each neighbour", () => {
  const { view, links } = viewOf({ ">1": 0, ">2": 0 }, true);
  links.add(keyOf(8), null, null, 0);
  assertEquals([view.sizeMax, view.hasRoomFor(keyOf(8))], [3, true]);
  links.add(keyOf(3), contactOf(keyOf(3)).endpoint, null, 0);
  view.activate(keyOf(3), 0);
  assertEquals(view.hasRoomFor(keyOf(8)), false);
  view.passive = false;
  assertEquals([view.sizeMax, view.hasRoomFor(keyOf(8))], [5, true]);
});

Deno.test("ActiveView: the one that gives way dials the newcomer where it had dialled us, else is dialled by it", () => {
  const { view, links, done } = viewOf({ "<1": 0, ">2": 0 });
  for (const one of [3, 4]) links.add(keyOf(one), contactOf(keyOf(one)).endpoint, null, 0);
  const released = (peer: number): OverlayEffect => ({
    type: "release",
    peer: keyOf(peer),
    reason: "its place in the active view went to another",
  });

  view.replace(keyOf(1), keyOf(3), 500);
  assertEquals(done(), [
    forward(1, 3),
    disconnect(1),
    { type: "neighbour-up", peer: keyOf(3) },
    { type: "neighbour-down", peer: keyOf(1) },
    released(1),
  ]);
  assertEquals(links.get(keyOf(1))?.idleUntilMs, 500 + OVERLAY_LAN.idleLinkMs);

  view.replace(keyOf(2), keyOf(4), 500);
  assertEquals(done(), [
    disconnect(2),
    { type: "neighbour-up", peer: keyOf(4) },
    { type: "neighbour-down", peer: keyOf(2) },
    released(2),
    forward(4, 2),
  ]);
});

Deno.test("ActiveView: a link is let go once, and who was no neighbour doesn't stop being one", () => {
  const { view, links, done } = viewOf({ "-1": 0 });
  links.add(keyOf(2), null, null, 0);
  view.dismiss(keyOf(1), 100);
  view.release(keyOf(1), "again", 200);
  view.deactivate(keyOf(1), 200);
  view.deactivate(keyOf(2), 200);
  assertEquals(done(), [
    disconnect(1),
    { type: "neighbour-down", peer: keyOf(1) },
    { type: "release", peer: keyOf(1), reason: "another has no neighbour" },
  ]);
  assertEquals(view.isolated, true);
});

Deno.test("step() keeps fewer neighbours while nobody can dial us, drops none, and is in no shuffle", () => {
  const inbound = [ann, bob, carl, dora];
  const overlay = overlayWith({ inbound, live: 40, roster: [emil, fred].map(contactOf) });
  const effectsUntil = (untilMs: number) => {
    const effects: OverlayEffect[] = [];
    for (
      let nowMs = overlay.nextDeadlineMs()!;
      nowMs < untilMs;
      nowMs = overlay.nextDeadlineMs()!
    ) {
      effects.push(...overlay.step({ type: "tick" }, nowMs));
    }
    return effects.map((effect) => effect.type === "send" ? effect.message.type : effect.type);
  };
  overlay.step({ type: "passive", passive: true }, 1_000);
  assertEquals([effectsUntil(120_000), overlay.activeView().length], [[], 4]);
  overlay.step({ type: "peer-down", peer: ann, closed: true }, 120_000);
  assertEquals([effectsUntil(180_000), overlay.activeView().length], [[], 3]);

  assertEquals(overlay.step({ type: "passive", passive: false }, 180_000)[0]?.type, "dial");
  assertEquals(effectsUntil(240_000).includes("shuffle"), true);
});

Deno.test("step() drops no link when a room of six becomes one of seven", () => {
  const overlay = overlayWith({ inbound: [ann, bob, carl, dora, emil], live: 6 });

  const effects = overlay.step({ type: "members", live: 7 }, 1_000);

  assertEquals(effects, []);
});

Deno.test("step() dials whom it isn't linked to when a room of seven becomes one of six", () => {
  const inbound = [ann, bob, carl, dora];
  const overlay = overlayWith({ inbound, live: 7, roster: [...inbound, emil].map(contactOf) });

  const effects = overlay.step({ type: "members", live: 6 }, 100);

  assertEquals(effects, [dial(emil)]);
});

Deno.test("step() keeps at most 16 inbound links: the one idle longest goes first", () => {
  const overlay = overlayWith({ inbound: [ann, bob, carl, dora, emil] });
  for (const peer of peers.slice(5, 16)) assertEquals(up(overlay, peer, 1_000), []);

  const seventeenth = up(overlay, peers[16]!, 1_001);

  assertEquals(seventeenth, [
    { type: "release", peer: peers[5]!, reason: "all inbound slots are in use" },
  ]);
});

Deno.test("step() tells of others to whom it turns away since all 16 inbound slots are in use", () => {
  const overlay = overlayWith({ inbound: [ann, bob] });
  for (const peer of peers.slice(20, 34)) {
    overlay.step({ type: "peer-up", peer, endpoint: null, reached: null }, 1_000);
    overlay.step(message(peer, { type: "neighbor", priority: "high" }), 1_000);
  }

  const effects = up(overlay, fred, 1_001);

  const release = { type: "release", peer: fred, reason: "all inbound slots are in use" } as const;
  const contacts = [ann, bob].map(contactOf);
  assertEquals(effects, [send(fred, { type: "shuffle-reply", contacts }), release]);
});

Deno.test("step() leaves the last slot, and those of who has others, to whom can't be dialled and has nobody", () => {
  const overlay = overlayWith({ inbound: [ann, bob] });
  const asks = (peer: PeerKey, priority: "low" | "high", nowMs: number) =>
    [
      overlay.step({ type: "peer-up", peer, endpoint: null, reached: null }, nowMs),
      overlay.step(message(peer, { type: "neighbor", priority }), nowMs),
    ].map(withoutContacts);
  const gone = (peer: PeerKey): readonly OverlayEffect[] => [
    send(peer, { type: "disconnect" }),
    neighbourDown(peer),
    { type: "release", peer, reason: "another has no neighbour" },
  ];
  const [first, second, ...others] = peers.slice(20, 33) as [PeerKey, PeerKey, ...PeerKey[]];
  for (const peer of [first, second, ...others]) asks(peer, "low", 1_000);

  const refused = asks(carl, "low", 1_001);
  const idle = overlay.step({ type: "tick" }, 4_001);
  overlay.step({ type: "peer-down", peer: carl, closed: true }, 4_001);
  const last = asks(dora, "high", 4_001);
  const inPlace = asks(emil, "high", 4_002);
  const tooSoon = asks(fred, "high", 9_001);
  const next = asks(gina, "high", 9_002);

  assertEquals(refused, [[], [reply(carl, false)]]);
  assertEquals(idle, [{ type: "release", peer: carl, reason: "no neighbour" }]);
  assertEquals(last, [[], [reply(dora, true), neighbourUp(dora)]]);
  assertEquals(inPlace, [gone(first), [reply(emil, true), neighbourUp(emil)]]);
  assertEquals(tooSoon, [
    [{ type: "release", peer: fred, reason: "all inbound slots are in use" }],
    [reply(fred, false)],
  ]);
  assertEquals(next, [gone(second), [reply(gina, true), neighbourUp(gina)]]);
});

Deno.test("step() asks for one slot as who needs it, and for others as who can do without, where it can't be dialled", () => {
  const asks = [false, true].map((passive) => {
    const overlay = overlayWith({ config: { passive }, roster: [ann, bob, carl].map(contactOf) });
    overlay.step({ type: "tick" }, 100_000);
    return [ann, bob, carl].map((peer) => up(overlay, peer, 100_001, true)[0]);
  });

  const asked = (...priorities: ("low" | "high")[]) =>
    [ann, bob, carl].map((peer, n) => send(peer, { type: "neighbor", priority: priorities[n]! }));
  assertEquals(asks, [asked("high", "high", "high"), asked("high", "low", "low")]);
});

Deno.test("step() gives members that can't be dialled inbound slots, no place in the active view", () => {
  const overlay = overlayWith({ inbound: [ann, bob, carl, dora, emil] });
  overlay.step({ type: "peer-up", peer: fred, endpoint: null, reached: null }, 1_000);

  const asked = overlay.step(message(fred, { type: "neighbor", priority: "low" }), 1_000);
  const walk = overlay.step(
    message(ann, { type: "forward-join", contact: contactOf(gina), ttl: 6 }),
    1_000,
  );

  assertEquals(asked, [reply(fred, true), neighbourUp(fred)]);
  assert(walk.every((effect) => effect.type !== "send" || effect.to !== fred));
});

Deno.test("step() has no further place where one that it dialled can't be dialled any more", () => {
  const overlay = overlayWith({ dialled: [ann, bob, carl, dora, emil] });
  overlay.step({ type: "peer-endpoint", peer: ann, endpoint: null }, 1_000);
  up(overlay, fred, 1_000);

  const asked = overlay.step(message(fred, { type: "neighbor", priority: "low" }), 1_000);

  assertEquals(asked, [reply(fred, false)]);
});

Deno.test("step() lets an idle link go after 3 s", () => {
  const overlay = overlayWith({ inbound: [ann, bob, carl, dora, emil] });
  up(overlay, fred, 1_000);

  const early = overlay.step({ type: "tick" }, 3_999);
  const due = overlay.step({ type: "tick" }, 4_000);

  assertEquals(early, []);
  assertEquals(due, [{ type: "release", peer: fred, reason: "no neighbour" }]);
});

Deno.test("step() asks over a link that came later than it was waited for, while dials are under way", () => {
  const overlay = overlayWith({ dialled: [ann], roster: peers.slice(10, 20).map(contactOf) });
  overlay.step({ type: "peer-down", peer: ann, closed: false }, 0); // four dials
  overlay.step({ type: "tick" }, 2_000); // four others

  const late = up(overlay, ann, 2_500, true);

  assertEquals(late[0], send(ann, { type: "neighbor", priority: "high" }));
});

Deno.test("step() asks over an idle link where it has no neighbour, however many dials are under way", () => {
  const overlay = overlayWith({ dialled: [ann], roster: peers.slice(10, 30).map(contactOf) });
  overlay.step({ type: "peer-down", peer: ann, closed: false }, 0);
  up(overlay, bob, 500);
  for (const nowMs of [2_000, 3_499]) overlay.step({ type: "tick" }, nowMs);

  const idle = overlay.step({ type: "tick" }, 3_500);

  assertEquals(idle[0], send(bob, { type: "neighbor", priority: "high" }));
});

Deno.test("step() lets a link go whose other side doesn't answer within 2 s, and tries the next", () => {
  const overlay = overlayWith({
    inbound: [bob, carl, dora, emil],
    roster: [contactOf(fred), contactOf(gina)],
  });
  overlay.step({ type: "tick" }, 1_000);
  up(overlay, fred, 1_100, true);

  const effects = overlay.step({ type: "tick" }, 3_100);

  assertEquals(effects, [
    { type: "release", peer: fred, reason: "no answer to a request" },
    dial(gina),
  ]);
});
