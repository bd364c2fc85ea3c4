/** Who becomes a neighbour, and who stays one. */

import { assert, assertEquals } from "@std/assert";
import type { OverlayEffect } from "../../../../lib/protocols/mesh/membership/overlay_io.ts";
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
  hans,
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

// HyParView, section 4.3.
Deno.test("step() takes a neighbour while a place is free, and then refuses", () => {
  const overlay = overlayWith({ inbound: [ann, bob, carl, dora] });
  up(overlay, emil, 1_000);
  up(overlay, fred, 1_000);

  const fifth = overlay.step(message(emil, { type: "neighbor", priority: "low" }), 1_000);
  const sixth = overlay.step(message(fred, { type: "neighbor", priority: "low" }), 1_000);

  assertEquals(fifth, [reply(emil, true), neighbourUp(emil)]);
  assertEquals(sixth, [reply(fred, false)]);
  assertEquals(overlay.passiveView(), [contactOf(fred)]);
});

Deno.test("step() evicts for a request of high priority once in 5 s", () => {
  const overlay = overlayWith({ inbound: [ann, bob, carl, dora, emil] });
  for (const peer of [fred, gina, hans]) up(overlay, peer, 10_000);
  const high = { type: "neighbor", priority: "high" } as const;

  const first = overlay.step(message(fred, high), 10_000);
  const tooSoon = overlay.step(message(gina, high), 14_999);
  const later = overlay.step(message(gina, high), 15_000);

  assertEquals(withoutContacts(first)[0], reply(fred, true));
  assertEquals(withoutContacts(tooSoon), [reply(gina, false)]);
  assertEquals(withoutContacts(later)[0], reply(gina, true));
});

Deno.test("step() never evicts the two neighbours that it dialled first", () => {
  const overlay = overlayWith({ inbound: [carl, dora, emil], dialled: [ann, bob] });

  for (let i = 0; i < 20; i++) {
    const peer = keyOf(1_000 + i);
    up(overlay, peer, 10_000 + i * 5_000);
    overlay.step(message(peer, { type: "neighbor", priority: "high" }), 10_000 + i * 5_000);
  }

  assert(overlay.activeView().includes(ann) && overlay.activeView().includes(bob));
  assertEquals(overlay.activeView().length, 5);
});

Deno.test("step() makes a peer a neighbour only when it accepts", () => {
  const overlay = overlayWith({ inbound: [ann], roster: [contactOf(bob)] });

  const lost = overlay.step({ type: "peer-down", peer: ann, closed: true }, 1_000);
  const asked = up(overlay, bob, 1_100, true);
  const accepted = overlay.step(message(bob, { type: "neighbor-reply", accepted: true }), 1_200);

  assertEquals(lost, [neighbourDown(ann), dial(bob)]);
  assertEquals(asked, [send(bob, { type: "neighbor", priority: "high" })]);
  assertEquals(accepted, [neighbourUp(bob)]);
});

Deno.test("step() dials a neighbour again whose link broke, and not one that closed it", () => {
  const cases = [100, 4].flatMap((live) => [false, true].map((closed) => ({ live, closed })));
  const dialled = cases.map(({ live, closed }) => {
    const overlay = overlayWith({ inbound: [ann, bob], roster: [], live });
    const effects = overlay.step({ type: "peer-down", peer: ann, closed }, 1_000);
    return effects.filter(({ type }) => type === "dial");
  });

  assertEquals(dialled, [[dial(ann)], [], [dial(ann)], []]);
});

Deno.test("step() dials a neighbour again whose link broke, however many others it has still to try since it dialled it", () => {
  const overlay = overlayWith({ dialled: [ann], roster: peers.map((peer) => contactOf(peer)) });
  const dials = (effects: readonly OverlayEffect[]) =>
    effects.flatMap((effect) => effect.type === "dial" ? [effect.contact.key] : []);
  const first = dials(overlay.step({ type: "peer-down", peer: ann, closed: false }, 0));
  up(overlay, ann, 1, true);
  overlay.step(message(ann, { type: "neighbor-reply", accepted: true }), 1);
  const again = dials(overlay.step({ type: "peer-down", peer: ann, closed: false }, 2));
  for (let nowMs = 100; nowMs <= 4_000; nowMs += 100) {
    again.push(...dials(overlay.step({ type: "tick" }, nowMs)));
  }

  assert(first.includes(ann));
  assert(again.includes(ann), `${again.length} others`);
});

Deno.test("step() dials a neighbour that it knows at once where their link was closed, as one that is a day old is", () => {
  const overlay = overlayWith({ roster: [contactOf(ann)] });
  overlay.step({ type: "tick" }, 1_000);
  up(overlay, ann, 1_001, true);
  overlay.step(message(ann, { type: "neighbor-reply", accepted: true }), 1_002);

  const effects = overlay.step({ type: "peer-down", peer: ann, closed: true }, 1_003);

  assertEquals(effects, [neighbourDown(ann), dial(ann)]);
});

Deno.test("step() remembers a neighbour where it says that it can be dialled now", () => {
  const overlay = overlayWith({ inbound: [ann, bob] });
  const endpoint = { host: "10.9.0.1", port: 7 };

  overlay.step({ type: "peer-endpoint", peer: ann, endpoint }, 1_000);
  overlay.step(message(ann, { type: "disconnect" }), 2_000);

  assertEquals(overlay.passiveView(), [{ key: ann, endpoint }]);
});

Deno.test("step() takes in a peer that asked while it was asked, once", () => {
  const overlay = overlayWith({ roster: [contactOf(bob)] });
  overlay.step({ type: "tick" }, 1_000);
  up(overlay, bob, 1_000, true);

  const crossed = overlay.step(message(bob, { type: "neighbor", priority: "low" }), 1_010);
  const answer = overlay.step(message(bob, { type: "neighbor-reply", accepted: true }), 1_020);

  assertEquals(crossed, [reply(bob, true), neighbourUp(bob)]);
  assertEquals(answer, []);
});

Deno.test("step() sends away who accepts what isn't asked any more", () => {
  const overlay = overlayWith({ inbound: [ann, bob, carl, dora, emil] });
  up(overlay, fred, 1_000);

  const effects = overlay.step(message(fred, { type: "neighbor-reply", accepted: true }), 1_000);

  assertEquals(effects, [
    send(fred, { type: "disconnect" }),
    { type: "release", peer: fred, reason: "the place it was asked for is taken" },
  ]);
});

Deno.test("step() takes nobody in whom it has just refused, though it had asked as well", () => {
  const overlay = overlayWith({
    inbound: [ann, bob, carl, dora, emil],
    live: 32,
    disk: [contactOf(fred)],
    random: 0.5,
  });
  overlay.step({ type: "tick" }, 30_000);
  up(overlay, fred, 30_100, true);

  const crossed = overlay.step(message(fred, { type: "neighbor", priority: "low" }), 30_200);
  const accepted = overlay.step(message(fred, { type: "neighbor-reply", accepted: true }), 30_210);

  assertEquals(crossed, [reply(fred, false)]);
  assertEquals(accepted[0], send(fred, { type: "disconnect" }));
  assertEquals(overlay.activeView(), [ann, bob, carl, dora, emil]);
});

Deno.test("step() answers no to what still comes over a link that it let go", () => {
  const overlay = overlayWith({ inbound: [ann, bob, carl, dora] });
  up(overlay, fred, 1_000);
  overlay.step(message(fred, { type: "neighbor-reply", accepted: true }), 1_000);

  const asked = overlay.step(message(fred, { type: "neighbor", priority: "high" }), 1_100);
  const accepted = overlay.step(message(fred, { type: "neighbor-reply", accepted: true }), 1_200);
  const other = overlay.step(message(fred, { type: "disconnect" }), 1_300);

  assertEquals(asked, [reply(fred, false)]);
  assertEquals(accepted, [send(fred, { type: "disconnect" })]);
  assertEquals(other, []);
});

Deno.test("step() lets a peer go again where a second link took the place of the one it let go", () => {
  const overlay = overlayWith({ inbound: [ann, bob, carl, dora, emil] });
  up(overlay, fred, 1_000);
  overlay.step(message(fred, { type: "neighbor-reply", accepted: true }), 1_000);

  const effects = overlay.step({ type: "tick" }, 4_000);

  assertEquals(effects, [{ type: "release", peer: fred, reason: "no neighbour" }]);
});

Deno.test("step() replaces a neighbour that sends disconnect, and remembers it", () => {
  const overlay = overlayWith({
    inbound: [ann, bob, carl, dora, emil],
    roster: [contactOf(hans), contactOf(ann)],
  });

  const effects = overlay.step(message(ann, { type: "disconnect" }), 1_000);

  assertEquals(effects, [neighbourDown(ann), dial(hans)]);
  assertEquals(overlay.passiveView(), [contactOf(ann)]);
});

Deno.test("step() takes up the offer that comes with a disconnect", () => {
  const overlay = overlayWith({ inbound: [ann, bob, carl, dora, emil] });

  const offered = overlay.step(
    message(ann, { type: "forward-join", contact: contactOf(fred), ttl: 0 }),
    1_000,
  );
  const displaced = overlay.step(message(ann, { type: "disconnect" }), 1_000);
  up(overlay, fred, 1_050, true);
  const accepted = overlay.step(message(fred, { type: "neighbor-reply", accepted: true }), 1_060);

  assertEquals(offered, [dial(fred)]);
  assertEquals(displaced, [neighbourDown(ann)]);
  assertEquals(accepted, [neighbourUp(fred)]);
});
