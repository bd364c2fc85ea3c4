/** Links for files: to whom, and how long they stay. */

import { assert, assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import type { Overlay } from "../../../../lib/protocols/mesh/membership/overlay.ts";
import { OVERLAY_LAN } from "../../../../lib/protocols/mesh/membership/overlay_io.ts";
import {
  FILE_LINKS_MAX,
  FILE_LINKS_WANTED_MAX,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
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
  overlayWith,
  peers,
  up,
} from "./overlay_cases.ts";

const RELEASED = (peer: PeerKey) => ({ type: "release", peer, reason: "no neighbour" } as const);

/** A member whose five places are taken, in a room with these. */
function full(others: readonly PeerKey[]): Overlay {
  return overlayWith({
    inbound: [ann, bob, carl],
    dialled: [dora, emil],
    roster: others.map(contactOf),
  });
}

function want(overlay: Overlay, holders: readonly PeerKey[], nowMs: number, others = false) {
  return overlay.step({ type: "file-links", wanted: { holders, others } }, nowMs);
}

/** Whom it dials in this time, as its deadlines say; without rare dials. */
function dialled(overlay: Overlay, fromMs: number, toMs: number) {
  const found: (readonly [number, PeerKey])[] = [];
  for (let nowMs = fromMs; nowMs < toMs; nowMs += 500) {
    for (const effect of overlay.step({ type: "tick" }, nowMs)) {
      if (effect.type === "dial") found.push([nowMs, effect.contact.key]);
    }
  }
  return found;
}

Deno.test("who has a file is dialled, and not asked to be a neighbour; who is linked isn't dialled", () => {
  const overlay = full([ann, fred]);

  assertEquals(want(overlay, [ann, fred, gina], 1_000), [dial(fred)]);
  assertEquals(up(overlay, fred, 1_100, true), []);
  assertEquals(dialled(overlay, 1_100, 4_000), []);
});

Deno.test("a link for files stays while content goes over it, at both ends, and ends as idle after that", () => {
  for (const isDialled of [true, false]) {
    const overlay = full([fred]);
    up(overlay, fred, 1_000, isDialled);
    overlay.step({ type: "file-traffic", peer: fred }, 3_000);
    overlay.step({ type: "file-traffic", peer: fred }, 10_000);

    const endMs = 10_000 + OVERLAY_LAN.fileLinkMs;
    assertEquals(overlay.step({ type: "tick" }, endMs - 1).includes(RELEASED(fred)), false);
    assertEquals(
      overlay.step({ type: "tick" }, endMs).find(({ type }) => type === "release"),
      RELEASED(fred),
    );
  }
});

Deno.test("content on a neighbour's link doesn't make it idle", () => {
  const overlay = full([]);
  overlay.step({ type: "file-traffic", peer: ann }, 1_000);

  const effects = overlay.step({ type: "tick" }, 1_000 + OVERLAY_LAN.fileLinkMs);

  assertEquals(effects.filter(({ type }) => type === "release"), []);
});

Deno.test("who can't be reached is dialled less and less often, at each address in turn", () => {
  const second = { host: "192.0.2.7", port: 7 };
  const overlay = overlayWith({
    inbound: [ann, bob, carl],
    dialled: [dora, emil],
    roster: [contactOf(fred)],
    endpoints: { [fred]: [contactOf(fred).endpoint, second] },
  });
  const at: (readonly [number, number])[] = [];
  const note = (nowMs: number, effects: ReturnType<Overlay["step"]>) => {
    for (const effect of effects) {
      if (effect.type === "dial") at.push([nowMs, effect.contact.endpoint.port]);
    }
  };
  note(0, want(overlay, [fred], 0));
  for (let nowMs = 500; nowMs < 120_000; nowMs += 500) {
    note(nowMs, overlay.step({ type: "tick" }, nowMs));
  }

  const own = contactOf(fred).endpoint.port;
  const ports = at.slice(0, 2).map(([, port]) => port);
  assertEquals(ports, [own, 7]);
  const waits = at.map(([nowMs], index) => nowMs - (at[index - 1]?.[0] ?? nowMs)).slice(1);
  assertEquals(waits.some((wait) => wait < 2_000), false);
  assertEquals(at.length < 10, true, "not at each look");
});

Deno.test("others are dialled one after the other, each once in a round, until nobody is looked for", () => {
  const overlay = full([fred, gina, hans]);
  want(overlay, [], 0, true);
  const first = dialled(overlay, 0, 5_000).map(([, key]) => key);
  want(overlay, [], 5_000);

  assertEquals(new Set([fred, ...first]).size, 3);
  assertEquals(dialled(overlay, 5_000, 15_000), []);
});

Deno.test("no more are dialled for files than is bounded, and nobody who isn't in the room", () => {
  const crowd = peers.slice(5);
  const overlay = full(crowd);

  const effects = want(overlay, [keyOf(9_999), ...crowd], 0);

  assertEquals(effects.length, FILE_LINKS_WANTED_MAX);
});

Deno.test("members that are away, however many, don't keep one who is there from being dialled", () => {
  const overlay = full([fred]);
  const away = Array.from({ length: 2 * FILE_LINKS_WANTED_MAX }, (_, at) => keyOf(5_000 + at));

  assertEquals(want(overlay, [...away, fred], 0), [dial(fred)]);
});

Deno.test("members that keep links that were dialled for files don't get more and more of them", () => {
  const liars = Array.from({ length: 3 * FILE_LINKS_MAX }, (_, at) => keyOf(5_000 + at));
  const overlay = full(liars);
  const open = new Set<PeerKey>();
  want(overlay, [], 0, true);
  const note = (effects: ReturnType<Overlay["step"]>, nowMs: number) => {
    for (const effect of effects) {
      if (effect.type === "release") open.delete(effect.peer);
      if (effect.type !== "dial") continue;
      open.add(effect.contact.key);
      note(up(overlay, effect.contact.key, nowMs, true), nowMs);
    }
  };
  for (let nowMs = 1; nowMs < 200_000; nowMs += 1_000) {
    note(overlay.step({ type: "tick" }, nowMs), nowMs);
    for (const peer of open) overlay.step({ type: "file-traffic", peer }, nowMs);
    assert(open.size <= FILE_LINKS_MAX + 1, `${open.size} links`);
  }
  assert(open.size > FILE_LINKS_MAX / 2, "they keep them");
});

Deno.test("where inbound slots are short, the idle link goes whose content is longest ago", () => {
  const overlay = overlayWith({
    config: { inboundLinksMax: 3 },
    dialled: [ann, bob, carl, dora, emil],
  });
  for (const peer of [fred, gina, hans]) up(overlay, peer, 1_000);
  for (const [at, peer] of [hans, gina, fred].entries()) {
    overlay.step({ type: "file-traffic", peer }, 2_000 + at);
  }

  const effects = up(overlay, peers[10]!, 3_000);
  assertEquals(effects, [
    { type: "release", peer: hans, reason: "all inbound slots are in use" },
  ]);
  overlay.step(message(peers[10]!, { type: "neighbor", priority: "low" }), 3_000);
});
