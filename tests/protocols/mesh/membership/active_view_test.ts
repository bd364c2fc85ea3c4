/** Which neighbour gives way to another, and what both are told. */

import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { ActiveView } from "../../../../lib/protocols/mesh/membership/active_view.ts";
import {
  OVERLAY_LAN,
  type OverlayEffect,
} from "../../../../lib/protocols/mesh/membership/overlay_io.ts";
import { OverlayLinks } from "../../../../lib/protocols/mesh/membership/overlay_links.ts";
import { contactOf, keyOf } from "../overlay_network.ts";

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
