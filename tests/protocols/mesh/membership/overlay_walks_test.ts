/** How newcomers are brought to others, and members' views mixed: walks and shuffles. */

import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { Overlay } from "../../../../lib/protocols/mesh/membership/overlay.ts";
import {
  OVERLAY_LAN,
  type OverlayEffect,
} from "../../../../lib/protocols/mesh/membership/overlay_io.ts";
import { OverlayWalks } from "../../../../lib/protocols/mesh/membership/overlay_walks.ts";
import { PassiveView } from "../../../../lib/protocols/mesh/membership/passive_view.ts";
import type { OverlayMessage } from "../../../../lib/protocols/mesh/schema/messages.ts";
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
  hans,
  message,
  neighbourDown,
  neighbourUp,
  overlayWith,
  peers,
  reply,
  self,
  send,
  up,
  withoutContacts,
} from "./overlay_cases.ts";

function offer(to: PeerKey, contact: PeerKey): OverlayEffect {
  return send(to, { type: "forward-join", contact: contactOf(contact), ttl: 0 });
}

function evicted(peer: PeerKey): OverlayEffect {
  return { type: "release", peer, reason: "its place in the active view went to another" };
}

// HyParView, section 4.2.
Deno.test("step() lets a newcomer in and sends it on two walks", () => {
  const overlay = overlayWith({ inbound: [ann, bob, carl] });
  up(overlay, fred, 1_000);

  const effects = overlay.step(message(fred, { type: "overlay-join" }), 1_000);

  const walk = { type: "forward-join", contact: contactOf(fred), ttl: 6 } as const;
  assertEquals(withoutContacts(effects), [
    reply(fred, true),
    neighbourUp(fred),
    send(ann, walk),
    send(bob, walk),
  ]);
});

Deno.test("step() makes one neighbour known once, however often it says that it has come in", () => {
  const overlay = overlayWith({ inbound: [ann, bob, carl] });

  const again = overlay.step(message(ann, { type: "overlay-join" }), 1_000);

  assertEquals(again, [reply(ann, true)]);
});

/** How often `peer` becomes a neighbour if it asks so often, at one moment, and goes each time. */
function comings(overlay: Overlay, peer: PeerKey, ask: OverlayMessage, nowMs: number): number {
  let ups = 0;
  for (let times = 0; times < 1_000; times++) {
    up(overlay, peer, nowMs); // nothing where the link is up still
    const effects = overlay.step(message(peer, ask), nowMs);
    ups += effects.filter(({ type }) => type === "neighbour-up").length;
    overlay.step(message(peer, { type: "disconnect" }), nowMs);
    if (times % 2 === 1) overlay.step({ type: "peer-down", peer, closed: true }, nowMs);
  }
  return ups;
}

for (
  const ask of [
    { type: "overlay-join" },
    { type: "neighbor", priority: "low" },
  ] as const satisfies readonly OverlayMessage[]
) {
  Deno.test(`step() takes in one that comes by ${ask.type} and goes once in 5 s, and at first 8 times`, () => {
    const overlay = overlayWith({ inbound: [ann, bob, carl] });

    assertEquals(comings(overlay, fred, ask, 1_000), 8);
    assertEquals(comings(overlay, fred, ask, 11_000), 2, "over other links as well");

    up(overlay, gina, 11_000);
    assertEquals(overlay.step(message(gina, ask), 11_000)[0], reply(gina, true), "another one");
  });
}

Deno.test("step() lets one go that has been a neighbour too often", () => {
  const overlay = overlayWith();
  comings(overlay, fred, { type: "overlay-join" }, 1_000);
  up(overlay, fred, 1_000);

  assertEquals(overlay.step(message(fred, { type: "overlay-join" }), 1_000), [
    reply(fred, false),
    { type: "release", peer: fred, reason: "it comes and goes too often" },
  ]);
});

Deno.test("step() evicts for one that comes in again as for any other: once in 5 s", () => {
  const overlay = overlayWith({ inbound: [ann, bob, carl, dora] });
  up(overlay, fred, 1_000);
  up(overlay, gina, 1_000);
  const comes = (peer: PeerKey, nowMs: number) => {
    const [answer] = overlay.step(message(peer, { type: "overlay-join" }), nowMs);
    if (peer === gina) overlay.step(message(peer, { type: "disconnect" }), nowMs);
    return answer;
  };
  comes(gina, 1_000);
  comes(fred, 1_000);
  up(overlay, hans, 1_000);

  assertEquals(comes(gina, 1_000), reply(gina, true), "the first who gives way");
  comes(hans, 1_000); // takes the free place
  assertEquals(comes(gina, 5_999), reply(gina, false));
  up(overlay, emil, 5_999);
  assertEquals(comes(emil, 5_999), reply(emil, true), "a newcomer, always");
  assertEquals(comes(gina, 6_000), reply(gina, true));
});

// HyParView, section 4.2, and our departure: nobody loses a link without being given another.
Deno.test("step() splits a link for a newcomer that finds the view full: who had dialled it dials", () => {
  const overlay = overlayWith({ inbound: [ann, bob, carl, dora, emil] });
  up(overlay, fred, 1_000);

  const effects = overlay.step(message(fred, { type: "overlay-join" }), 1_000);

  assertEquals(withoutContacts(effects).slice(0, 6), [
    reply(fred, true),
    offer(ann, fred),
    send(ann, { type: "disconnect" }),
    neighbourUp(fred),
    neighbourDown(ann),
    evicted(ann),
  ]);
});

Deno.test("step() splits the link that we had dialled ourselves by having the newcomer dial", () => {
  const overlay = overlayWith({ inbound: [ann, bob], dialled: [carl, dora, emil] });
  up(overlay, fred, 1_000);

  const effects = overlay.step(message(fred, { type: "overlay-join" }), 1_000);

  assertEquals(withoutContacts(effects).slice(0, 6), [
    reply(fred, true),
    send(emil, { type: "disconnect" }),
    neighbourUp(fred),
    neighbourDown(emil),
    evicted(emil),
    offer(fred, emil),
  ]);
});

Deno.test("step() ends a walk by giving up a neighbour for the newcomer, at most once a second", () => {
  const overlay = overlayWith({ inbound: [ann, bob, carl, dora, emil] });
  const walk = (peer: PeerKey) =>
    message(ann, { type: "forward-join", contact: contactOf(peer), ttl: 1 });

  const first = overlay.step(walk(fred), 10_000);
  const second = overlay.step(walk(gina), 10_999);
  up(overlay, fred, 11_000, true);
  const accepted = overlay.step(message(fred, { type: "neighbor-reply", accepted: true }), 11_010);

  assertEquals(first, [dial(fred)]);
  assertEquals(second, []);
  assertEquals(overlay.passiveView().map(({ key }) => key), [gina, ann]);
  assertEquals(accepted.slice(0, 3), [
    offer(ann, fred),
    send(ann, { type: "disconnect" }),
    neighbourUp(fred),
  ]);
});

const CONFIG = { ...OVERLAY_LAN, shuffleActiveCount: 1, shufflePassiveCount: 1 };

/** The walks of a member that has these neighbours, and knows those others. */
function walksOf(neighbours: readonly PeerKey[], known: readonly PeerKey[] = []) {
  const passive = new PassiveView(30, () => 0);
  passive.addAll(known.map(contactOf));
  const links = {
    activeView: () => neighbours,
    contacts: () => neighbours.map(contactOf),
    isActive: (peer: PeerKey) => neighbours.includes(peer),
  };
  const part = new OverlayWalks(CONFIG, self, links, passive, () => 0);
  return { part, known: () => passive.contacts.map(({ key }) => key) };
}

Deno.test("OverlayWalks: a newcomer's walk goes on to another, is known from its third hop on, and ends somewhere", () => {
  const { part, known } = walksOf([ann, bob]);
  const onward = (to: PeerKey, contact: PeerKey, ttl: number) => ({
    to,
    message: { type: "forward-join", contact: contactOf(contact), ttl } as const,
  });
  assertEquals(part.joinStep(ann, contactOf(fred), 6), onward(bob, fred, 5));
  assertEquals([known(), part.joinStep(ann, contactOf(fred), 99)], [[], onward(bob, fred, 5)]);
  assertEquals(part.joinStep(ann, contactOf(gina), 3), onward(bob, gina, 2));
  assertEquals(known(), [gina]);
  assertEquals(part.joinStep(ann, contactOf(hans), 1), null);
  assertEquals(walksOf([ann, fred]).part.joinStep(ann, contactOf(fred), 6), null);
});

Deno.test("OverlayWalks: a shuffle names others than its receiver, and what it sent makes room for the answer", () => {
  const { part, known } = walksOf([ann, bob, carl], [dora, emil]);
  const contacts = [bob, dora].map(contactOf);
  const message = { type: "shuffle", origin: contactOf(self), ttl: 6, contacts } as const;
  assertEquals(part.shuffle(contactOf(self)), { to: ann, message });

  part.answered(ann, [fred, bob, self].map(contactOf));
  assertEquals(known(), [dora, emil, fred]);
  assertEquals(walksOf([]).part.shuffle(contactOf(self)), null);
});

Deno.test("OverlayWalks: another's shuffle goes on with a hop less, or is taken in and answered by its last step", () => {
  const contacts = [emil, self, bob].map(contactOf);
  const shuffle = (origin: PeerKey, ttl: number) =>
    ({ type: "shuffle", origin: contactOf(origin), ttl, contacts }) as const;
  const { part, known } = walksOf([ann, bob, carl], [dora]);
  assertEquals(part.shuffleStep(bob, shuffle(ann, 99)), { to: carl, message: shuffle(ann, 5) });
  assertEquals([part.shuffleStep(ann, shuffle(self, 1)), known()], [null, [dora]]);

  const answer = { type: "shuffle-reply", contacts: [contactOf(dora)] } as const;
  assertEquals(part.shuffleStep(ann, shuffle(fred, 1)), { to: ann, message: answer });
  assertEquals(known(), [dora, fred, emil]);
  const direct = walksOf([ann, bob], [dora]).part;
  assertEquals(direct.shuffleStep(ann, shuffle(bob, 1))?.to, bob);
});

Deno.test("OverlayWalks: who needs members is handed eight others", () => {
  const known = Array.from({ length: 20 }, (_, index) => peers[20 + index]!);
  const handed = walksOf([ann, bob], known).part.hand(ann);
  const contacts = [bob, ...known.slice(0, 7)].map(contactOf);
  assertEquals(handed, { to: ann, message: { type: "shuffle-reply", contacts } });
  assertEquals(walksOf([ann]).part.hand(ann), null);
});
