/** Inbound links, idle ones, and those of members that can't be dialled. */

import { assert, assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import type { OverlayEffect } from "../../../../lib/protocols/mesh/membership/overlay_io.ts";
import { contactOf } from "../overlay_network.ts";
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
