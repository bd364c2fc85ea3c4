import { assert, assertEquals } from "@std/assert";
import type { Endpoint, PeerKey } from "../../../../lib/base/ids.ts";
import type { Contact, OverlayMessage } from "../../../../lib/protocols/mesh/schema/messages.ts";
import { Overlay } from "../../../../lib/protocols/mesh/membership/overlay.ts";
import {
  OVERLAY_LAN,
  type OverlayConfig,
  type OverlayEffect,
  type Standing,
} from "../../../../lib/protocols/mesh/membership/overlay_io.ts";
import { Random } from "../../../sim/random.ts";
import { contactOf, keyOf, randomEnvironment } from "../overlay_network.ts";

const self = keyOf(50);
const peers = Array.from({ length: 40 }, (_, index) => keyOf(100 + index));
const [ann, bob, carl, dora, emil, fred, gina, hans] = peers as [
  PeerKey,
  PeerKey,
  PeerKey,
  PeerKey,
  PeerKey,
  PeerKey,
  PeerKey,
  PeerKey,
];

interface Setup {
  /** Neighbours that asked us, in this order, before those we dialled. */
  readonly inbound?: readonly PeerKey[];
  readonly dialled?: readonly PeerKey[];
  readonly live?: number;
  readonly roster?: readonly Contact[];
  readonly disk?: readonly Contact[];
  /** Of those on disk. */
  readonly met?: readonly Contact[];
  readonly standings?: () => readonly Standing[];
  readonly isHere?: (time: number) => boolean;
  readonly lastOwn?: () => number;
  readonly isCatchingUp?: () => boolean;
  readonly config?: Partial<OverlayConfig>;
  readonly random?: number | (() => number);
  readonly endpoints?: Readonly<Record<PeerKey, readonly Endpoint[]>>;
}

/** A member of a room at time 0, neighbours with these; only then it learns of others. */
function overlayWith(setup: Setup = {}): Overlay {
  const { inbound = [], dialled = [], live = 100, random = 0 } = setup;
  let roster: readonly Contact[] = [];
  let disk: readonly Contact[] = [];
  const overlay = new Overlay(
    { ...OVERLAY_LAN, ...setup.config },
    randomEnvironment(() => typeof random === "number" ? random : random()),
    self,
    {
      own: () => contactOf(self),
      endpointsOf: (peer) => setup.endpoints?.[peer] ?? [],
      live: () => roster,
      remembered: () => disk,
      met: (kind) => kind === "entrance" ? setup.met ?? [] : [],
      standings: () => setup.standings?.() ?? [],
      isHere: (time) => setup.isHere?.(time) ?? time === 0,
      lastOwn: () => setup.lastOwn?.() ?? 0,
      isCatchingUp: () => setup.isCatchingUp?.() ?? false,
    },
    0,
  );
  overlay.step({ type: "members", live }, 0);
  for (const peer of inbound) {
    up(overlay, peer, 0);
    overlay.step(message(peer, { type: "neighbor", priority: "low" }), 0);
  }
  for (const peer of dialled) {
    up(overlay, peer, 0, true);
    overlay.step({ type: "welcomed", by: peer }, 0);
    overlay.step(message(peer, { type: "neighbor-reply", accepted: true }), 0);
  }
  assertEquals(overlay.activeView(), [...inbound, ...dialled]);
  roster = setup.roster ?? [];
  disk = setup.disk ?? [];
  return overlay;
}

function up(
  overlay: Overlay,
  peer: PeerKey,
  nowMs: number,
  dialled = false,
): readonly OverlayEffect[] {
  const { endpoint } = contactOf(peer);
  const reached = dialled ? endpoint : null;
  return overlay.step({ type: "peer-up", peer, endpoint, reached }, nowMs);
}

function failed({ key, endpoint }: Contact) {
  return { type: "dial-failed", peer: key, endpoint } as const;
}
function message(from: PeerKey, message: OverlayMessage) {
  return { type: "message", from, message } as const;
}
function send(to: PeerKey, message: OverlayMessage): OverlayEffect {
  return { type: "send", to, message };
}
function reply(to: PeerKey, accepted: boolean): OverlayEffect {
  return send(to, { type: "neighbor-reply", accepted });
}
function dial(peer: PeerKey): OverlayEffect {
  return { type: "dial", contact: contactOf(peer) };
}
function neighbourUp(peer: PeerKey): OverlayEffect {
  return { type: "neighbour-up", peer };
}
function neighbourDown(peer: PeerKey): OverlayEffect {
  return { type: "neighbour-down", peer };
}
function offer(to: PeerKey, contact: PeerKey): OverlayEffect {
  return send(to, { type: "forward-join", contact: contactOf(contact), ttl: 0 });
}
function evicted(peer: PeerKey): OverlayEffect {
  return { type: "release", peer, reason: "its place in the active view went to another" };
}
/** Effects without the contacts that are handed on: they don't matter here. */
function withoutContacts(effects: readonly OverlayEffect[]): readonly OverlayEffect[] {
  return effects.filter((e) => e.type !== "send" || e.message.type !== "shuffle-reply");
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

Deno.test("step() passes a walk on, and notes the newcomer at the third hop", () => {
  const overlay = overlayWith({ inbound: [ann, bob] });

  const early = overlay.step(
    message(ann, { type: "forward-join", contact: contactOf(fred), ttl: 6 }),
    1_000,
  );
  const third = overlay.step(
    message(ann, { type: "forward-join", contact: contactOf(gina), ttl: 3 }),
    1_000,
  );

  assertEquals(early, [
    send(bob, { type: "forward-join", contact: contactOf(fred), ttl: 5 }),
  ]);
  assertEquals(third, [
    send(bob, { type: "forward-join", contact: contactOf(gina), ttl: 2 }),
  ]);
  assertEquals(overlay.passiveView(), [contactOf(gina)]);
});

Deno.test("step() dials nobody whom a stranger names", () => {
  const overlay = overlayWith({ inbound: [ann] });
  up(overlay, bob, 100);

  const walk = overlay.step(
    message(bob, { type: "forward-join", contact: contactOf(fred), ttl: 1 }),
    100,
  );
  const shuffle = overlay.step(
    message(bob, { type: "shuffle", origin: contactOf(fred), ttl: 1, contacts: [] }),
    100,
  );

  assertEquals([walk, shuffle], [[], []]);
  assertEquals(overlay.passiveView(), []);
});

const ELSEWHERE = { host: "203.0.113.7", port: 4_000 };

Deno.test("step() dials a member where it was met, then where it says that it is, each with its own time", () => {
  const told = contactOf(ann).endpoint;
  const overlay = overlayWith({
    roster: [contactOf(ann)],
    endpoints: { [ann]: [ELSEWHERE, told] },
  });
  const dialAt = (endpoint: Endpoint): OverlayEffect => ({
    type: "dial",
    contact: { key: ann, endpoint },
  });

  assertEquals(overlay.step({ type: "members", live: 2 }, 0), [dialAt(ELSEWHERE)]);
  assertEquals(overlay.step({ type: "tick" }, 2_000), [dialAt(told)]);
  // The first dial's end is late, and says nothing of the second.
  assertEquals(overlay.step(failed({ key: ann, endpoint: ELSEWHERE }), 2_500), []);
  const up = { type: "peer-up", peer: ann, endpoint: told, reached: told } as const;
  const asks = send(ann, { type: "neighbor", priority: "high" });
  assertEquals(overlay.step(up, 3_000), [asks]);
});

Deno.test("step() comes back to a lost neighbour where it was met, and tells others where it says that it is", () => {
  const told = contactOf(ann).endpoint;
  const overlay = overlayWith({ inbound: [bob], live: 100 });
  overlay.step({ type: "peer-up", peer: ann, endpoint: told, reached: ELSEWHERE }, 0);
  overlay.step({ type: "welcomed", by: ann }, 0);
  overlay.step(message(ann, { type: "neighbor-reply", accepted: true }), 0);

  const asked = overlay.step(message(bob, { type: "neighbor", priority: "high" }), 0);
  assertEquals(asked.at(-1), send(bob, { type: "shuffle-reply", contacts: [contactOf(ann)] }));
  overlay.step({ type: "peer-down", peer: bob, closed: true }, 0);
  const lost = overlay.step({ type: "peer-down", peer: ann, closed: false }, 0);

  const dialled = lost.flatMap((effect) => effect.type === "dial" ? [effect.contact] : []);
  assertEquals(dialled, [{ key: ann, endpoint: ELSEWHERE }]);
});

/** How many dials these steps bring, each of which is refused at once. */
function dialsOf(overlay: Overlay, effects: readonly OverlayEffect[], nowMs: number): number {
  let dials = 0;
  for (const effect of effects) {
    if (effect.type !== "dial") continue;
    dials += 1 + dialsOf(overlay, overlay.step(failed(effect.contact), nowMs), nowMs);
  }
  return dials;
}

Deno.test("step() dials a few of those whom one neighbour names in walks and offers, in a minute", () => {
  for (const ttl of [0, 1]) {
    const overlay = overlayWith({ inbound: [ann, bob, carl, dora] });
    let dials = 0;
    for (let i = 0; i < 600; i++) {
      const contact = contactOf(keyOf(1_000 + i));
      const offered = message(ann, { type: "forward-join", contact, ttl });
      dials += dialsOf(overlay, overlay.step(offered, 100 * i), 100 * i);
    }

    assert(dials >= 8 && dials <= 14, `${dials} dials`);
  }
});

Deno.test("step() dials few of the contacts that one neighbour sends", () => {
  const overlay = overlayWith({ inbound: [ann, bob, carl, dora] });
  let dials = 0;
  for (let i = 0; i < 60; i++) {
    const contacts = Array.from({ length: 16 }, (_, j) => contactOf(keyOf(1_000 + 16 * i + j)));
    const handed = message(ann, { type: "shuffle-reply", contacts });
    dials += dialsOf(overlay, overlay.step(handed, 1_000 * i), 1_000 * i);
    dials += dialsOf(overlay, overlay.step({ type: "tick" }, 1_000 * i), 1_000 * i);
  }

  assert(dials >= 4 && dials <= 10, `${dials} dials`);
});

Deno.test("step() passes on few walks of one neighbour's", () => {
  const overlay = overlayWith({ inbound: [ann, bob, carl, dora, emil] });
  let passed = 0;
  for (let i = 0; i < 600; i++) {
    const walk = { type: "forward-join", contact: contactOf(keyOf(1_000 + i)), ttl: 6 } as const;
    passed += overlay.step(message(ann, walk), 100 * i).length;
  }

  assertEquals(passed, 64 + 59);
});

Deno.test("step() dials one address once in 20 s whatever members are said to be there", () => {
  const { endpoint } = contactOf(fred);
  const liars = [ann, bob, carl, dora];
  const roster = peers.slice(10, 30).map((key) => ({ key, endpoint }));
  const overlay = overlayWith({ inbound: liars, roster });
  const dialsAtMs: number[] = [];
  for (let nowMs = 0; nowMs < 60_000; nowMs += 500) {
    const contact = { key: keyOf(1_000 + nowMs), endpoint };
    const from = liars[(nowMs / 500) % liars.length]!;
    const offered = message(from, { type: "forward-join", contact, ttl: 0 });
    for (const input of [offered, { type: "tick" }] as const) {
      if (dialsOf(overlay, overlay.step(input, nowMs), nowMs) > 0) dialsAtMs.push(nowMs);
    }
  }

  assertEquals(dialsAtMs, [0, 20_000, 40_000]);
});

Deno.test("step() dials an address again at once where it has met the member there", () => {
  const overlay = overlayWith({ inbound: [ann, bob, carl], dialled: [dora] });
  const offered = message(ann, { type: "forward-join", contact: contactOf(dora), ttl: 0 });
  overlay.step({ type: "peer-down", peer: dora, closed: true }, 1_000);

  const dials = [1_000, 1_500].map((nowMs) =>
    dialsOf(overlay, overlay.step(offered, nowMs), nowMs)
  );

  assertEquals(dials, [1, 1]);
});

Deno.test("step() fills places with two dials a second, where nobody is at a thousand members' addresses", () => {
  const roster = Array.from({ length: 1_000 }, (_, i) => contactOf(keyOf(1_000 + i)));
  const overlay = overlayWith({ inbound: [ann], roster });
  let dials = 0;
  for (let nowMs = 0; nowMs < 60_000; nowMs += 100) {
    dials += dialsOf(overlay, overlay.step({ type: "tick" }, nowMs), nowMs);
  }

  assert(dials <= 32 + 120, `${dials} dials`);
});

Deno.test("step() recovers four dials at a time, 2 s each: passive view, roster, disk", () => {
  const [known, second, live, third, disk, last] = peers.slice(20, 26).map(contactOf) as [
    Contact,
    Contact,
    Contact,
    Contact,
    Contact,
    Contact,
  ];
  const overlay = overlayWith({ inbound: [ann], roster: [live, third], disk: [disk, last] });
  overlay.step(message(ann, { type: "shuffle-reply", contacts: [known, second] }), 0);

  const atOnce = overlay.step({ type: "peer-down", peer: ann, closed: true }, 100);
  const early = overlay.step({ type: "tick" }, 2_099);
  const next = overlay.step({ type: "tick" }, 2_100);
  const none = overlay.step({ type: "tick" }, 4_100);

  const dials = (...contacts: Contact[]) => contacts.map((contact) => ({ type: "dial", contact }));
  assertEquals(atOnce, [
    neighbourDown(ann),
    ...dials(known, second, live, third) as OverlayEffect[],
  ]);
  assertEquals(early, []);
  assertEquals(next, dials(disk, last) as OverlayEffect[]);
  assertEquals(none, []);
  assertEquals(overlay.passiveView(), []); // those that don't answer are forgotten
});

Deno.test("step() dials by turns those who were neighbours, the last one first, and those it was told of", () => {
  const told = peers.slice(20, 25).map(contactOf);
  const overlay = overlayWith({ dialled: [ann, bob, carl], inbound: [dora], roster: told });
  overlay.step({ type: "tick" }, 0); // it learns of them
  const lost = (peer: PeerKey) =>
    overlay.step({ type: "peer-down", peer, closed: false }, 10)
      .flatMap((effect) => effect.type === "dial" ? [effect.contact.key] : []);

  const dialled = [dora, carl, bob, ann].flatMap(lost);
  const next = overlay.step({ type: "tick" }, 2_010)
    .flatMap((effect) => effect.type === "dial" ? [effect.contact.key] : []);

  assertEquals(dialled, [dora, told[0]!.key, carl, bob]);
  assertEquals(next, [ann, told[1]!.key, told[2]!.key, told[3]!.key]);
});

Deno.test("step() begins with those whom an earlier process of this profile met", () => {
  const disk = peers.slice(20, 40).map(contactOf);
  const directory = {
    own: () => contactOf(self),
    endpointsOf: () => [],
    live: () => [],
    remembered: () => disk,
    met: (kind: "entrance" | "caller") => kind === "entrance" ? disk.slice(18) : [],
    standings: () => [],
    isHere: () => true,
    lastOwn: () => 0,
    isCatchingUp: () => false,
  };
  const overlay = new Overlay(OVERLAY_LAN, randomEnvironment(() => 0), self, directory, 0);

  const dialled = overlay.step({ type: "members", live: 1 }, 0);

  assertEquals(dialled, [disk[19]!, disk[0]!, disk[18]!, disk[1]!].map(({ key }) => dial(key)));
});

Deno.test("step() tries dead addresses again after pauses that grow to 5 s where it has nobody", () => {
  const overlay = overlayWith({ disk: [contactOf(ann)], random: 0.5 });
  const dialsAtMs: number[] = [];

  for (let nowMs = overlay.nextDeadlineMs()!; nowMs < 60_000; nowMs = overlay.nextDeadlineMs()!) {
    for (const effect of overlay.step({ type: "tick" }, nowMs)) {
      if (effect.type === "dial") dialsAtMs.push(nowMs);
    }
  }

  // Pauses of 1, 2, 4, 5 and 5 s, and 2 s for each dial between them.
  assertEquals(dialsAtMs.slice(0, 5), [1_000, 5_000, 11_000, 18_000, 25_000]);
});

Deno.test("step() leaves a full room alone after eight refusals", () => {
  const roster = peers.slice(10, 30).map(contactOf);
  const overlay = overlayWith({ inbound: [ann, bob, carl, dora], roster, random: 0.5 });
  let asked = 0;

  const settle = (effects: readonly OverlayEffect[]) => {
    for (const effect of effects) {
      if (effect.type !== "dial") continue;
      const { key } = effect.contact;
      asked++;
      up(overlay, key, 1_000, true);
      settle(overlay.step(message(key, { type: "neighbor-reply", accepted: false }), 1_000));
    }
  };
  settle(overlay.step({ type: "tick" }, 1_000));
  const after = overlay.step({ type: "tick" }, 1_500);

  assertEquals(asked, 8);
  assertEquals(after, []);
});

Deno.test("step() dials all members of a small room; of a pair, the smaller key at once", () => {
  const smaller = keyOf(1);
  const roster = [smaller, ann, carl].map(contactOf);
  const overlay = overlayWith({ inbound: [carl], roster });

  const atOnce = overlay.step({ type: "members", live: 4 }, 1_000);
  const early = overlay.step({ type: "tick" }, 1_999);
  const turn = overlay.step({ type: "tick" }, 2_000);

  assertEquals(atOnce, [dial(ann)]);
  assertEquals(early, []);
  assertEquals(turn, [dial(smaller)]);
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

Deno.test("postpone() gives the other side the time that a stall took", () => {
  const overlay = overlayWith({ inbound: [bob, carl, dora, emil], roster: [contactOf(fred)] });
  overlay.step({ type: "tick" }, 1_000);
  up(overlay, fred, 1_100, true);

  overlay.postpone(10_000);
  const effects = overlay.step({ type: "tick" }, 13_099);

  assertEquals(effects, []);
});

Deno.test("step() now and then dials a remembered member, and exchanges members with it", () => {
  const overlay = overlayWith({
    inbound: [ann, bob, carl, dora, emil],
    live: 32,
    disk: [contactOf(fred)],
    random: 0.5,
  });

  const early = overlay.step({ type: "tick" }, 29_999);
  const due = overlay.step({ type: "tick" }, 30_000);
  const answered = up(overlay, fred, 30_100, true);

  assertEquals(early, []);
  assertEquals(due.filter(({ type }) => type === "dial"), [dial(fred)]);
  assertEquals(answered[0], send(fred, { type: "neighbor", priority: "high" }));
  assert(
    answered[1]?.type === "send" && answered[1].message.type === "shuffle-reply" &&
      answered[1].message.contacts.length === 5,
  );
});

/** Members that a liar may have made up, but for the first ones, whom we had met. */
const CROWD = Array.from({ length: 400 }, (_, index) => contactOf(keyOf(1_000 + index)));
const MET = CROWD.slice(0, 8);
const MET_KEYS = new Set(MET.map(({ key }) => key));

Deno.test("step() now and then dials a neighbour that it had, however many others it remembers", () => {
  const inbound = [ann, bob, carl, dora, emil];
  const overlay = overlayWith({ inbound, live: 32, disk: CROWD, met: MET, random: 0.3 });

  const due = overlay.step({ type: "tick" }, 30_000);

  const dialled = due.flatMap((effect) => effect.type === "dial" ? [effect.contact] : []);
  assertEquals(dialled.length, 1);
  assert(MET_KEYS.has(dialled[0]!.key));
});

Deno.test("step() dials a neighbour that it had every second time while it has none", () => {
  const random = new Random(1);
  const overlay = overlayWith({
    inbound: [ann],
    disk: CROWD,
    met: MET,
    random: () => random.next(),
  });
  const dialled: Contact[] = [];
  const carryOut = (effects: readonly OverlayEffect[], nowMs: number) => {
    for (const effect of effects) {
      if (effect.type !== "dial") continue;
      dialled.push(effect.contact);
      carryOut(overlay.step(failed(effect.contact), nowMs), nowMs);
    }
  };
  carryOut(overlay.step({ type: "peer-down", peer: ann, closed: true }, 0), 0);
  for (let nowMs = 100; nowMs <= 120_000; nowMs += 100) {
    carryOut(overlay.step({ type: "tick" }, nowMs), nowMs);
  }

  const ofMet = dialled.filter((contact) => MET_KEYS.has(contact.key)).length;
  assert(ofMet > dialled.length / 3, `${ofMet} of ${dialled.length}`);
  assert(ofMet < dialled.length * 2 / 3, `${ofMet} of ${dialled.length}`);
});

Deno.test("step() leaves the rare dial to others in a large room: 32 of all members dial", () => {
  const overlay = overlayWith({
    inbound: [ann, bob, carl, dora, emil],
    live: 1_000,
    disk: [contactOf(fred)],
    random: 0.5,
  });

  const due = overlay.step({ type: "tick" }, 30_000);

  assertEquals(due.filter(({ type }) => type === "dial"), []);
});

Deno.test("step() dials those whom it met and lost however many are said to be there", () => {
  const random = new Random(1);
  const overlay = overlayWith({
    inbound: [ann, bob, carl, dora, emil],
    live: 100_000,
    disk: CROWD,
    met: MET,
    random: () => random.next(),
  });

  const dialled = dialledInVain(overlay, 20 * 60_000);

  assert(dialled.length > 10 && dialled.length < 30, `${dialled.length} of 40 times`);
  assertEquals(dialled.filter((contact) => !MET_KEYS.has(contact.key)), []);
});

/** Members that say to have what isn't here. */
function ahead(contacts: readonly Contact[]): readonly Standing[] {
  return contacts.map((contact) => ({
    contact,
    madeMs: 0,
    latest: 7,
    reach: Infinity,
    isEqual: false,
  }));
}

/** Whom it dials within so long, nobody being there. */
function dialledInVain(overlay: Overlay, untilMs: number): readonly Contact[] {
  const dialled: Contact[] = [];
  for (let nowMs = 0; nowMs <= untilMs; nowMs += 1_000) {
    for (const effect of overlay.step({ type: "tick" }, nowMs)) {
      if (effect.type !== "dial") continue;
      dialled.push(effect.contact);
      overlay.step(failed(effect.contact), nowMs);
    }
  }
  return dialled;
}

Deno.test("step() takes who has what all neighbours withhold for the neighbour that it dialled first", () => {
  const overlay = overlayWith({
    inbound: [ann, bob, carl],
    dialled: [dora, emil],
    live: 32,
    standings: () => ahead([contactOf(fred)]),
  });

  const early = dialledInVain(overlay, 39_000);
  const due = overlay.step({ type: "tick" }, 40_000);
  up(overlay, fred, 40_100, true);
  overlay.step(message(fred, { type: "neighbor-reply", accepted: true }), 40_200);

  assertEquals(early, []);
  assertEquals(due, [dial(fred)]);
  assertEquals(new Set(overlay.activeView()), new Set([ann, bob, carl, emil, fred]));
});

Deno.test("step() dials those it had met by turns with a crowd that says to have what isn't here", () => {
  const random = new Random(1);
  const overlay = overlayWith({
    inbound: [ann, bob, carl, dora, emil],
    live: 400,
    standings: () => ahead(CROWD),
    met: MET,
    random: () => random.next(),
  });

  const dialled = dialledInVain(overlay, 400_000);

  const ofMet = dialled.filter((contact) => MET_KEYS.has(contact.key)).length;
  assert(dialled.length <= 400 / 10, `${dialled.length} dials`);
  assert(ofMet > dialled.length / 4, `${ofMet} of ${dialled.length}`);
});

Deno.test("step() leaves one member that is ahead of a large room to others: 32 of all members dial it", () => {
  const setup = { inbound: [ann, bob, carl, dora, emil], live: 1_000, random: 0.5 };
  const one = overlayWith({ ...setup, standings: () => ahead([contactOf(fred)]) });
  const many = overlayWith({ ...setup, standings: () => ahead(CROWD.slice(0, 20)) });

  assertEquals(dialledInVain(one, 120_000), []);
  assert(dialledInVain(many, 120_000).length > 0);
});

Deno.test("step() answers a shuffle that ends here to the walk's last step, and takes it in", () => {
  const overlay = overlayWith({ inbound: [ann, bob] });
  overlay.step(message(ann, { type: "shuffle-reply", contacts: [contactOf(dora)] }), 0);
  const contacts = [contactOf(emil), contactOf(self), contactOf(bob)];

  const effects = overlay.step(
    message(ann, { type: "shuffle", origin: contactOf(fred), ttl: 1, contacts }),
    0,
  );

  assertEquals(effects[0], send(ann, { type: "shuffle-reply", contacts: [contactOf(dora)] }));
  const known = overlay.passiveView().map(({ key }) => key);
  assertEquals(new Set(known), new Set([dora, fred, emil]));
});

Deno.test("step() passes a shuffle on with one hop less, not to its origin", () => {
  const overlay = overlayWith({ inbound: [ann, bob, carl, dora, emil] });
  const contacts = [contactOf(fred)];

  const effects = overlay.step(
    message(bob, { type: "shuffle", origin: contactOf(ann), ttl: 99, contacts }),
    0,
  );

  assertEquals(effects, [
    send(carl, { type: "shuffle", origin: contactOf(ann), ttl: 5, contacts }),
  ]);
});
