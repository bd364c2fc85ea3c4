/** Whom a member dials, when, and how seldom for what a stranger names. */

import { assert, assertEquals } from "@std/assert";
import type { Endpoint, PeerKey } from "../../../../lib/base/ids.ts";
import { Overlay } from "../../../../lib/protocols/mesh/membership/overlay.ts";
import {
  OVERLAY_LAN,
  type OverlayEffect,
  type Standing,
} from "../../../../lib/protocols/mesh/membership/overlay_io.ts";
import { OverlayDials } from "../../../../lib/protocols/mesh/membership/overlay_dials.ts";
import type { Contact } from "../../../../lib/protocols/mesh/schema/messages.ts";
import { contactOf, keyOf, randomEnvironment } from "../overlay_network.ts";
import {
  ann,
  bob,
  carl,
  dial,
  dora,
  emil,
  fred,
  message,
  neighbourDown,
  overlayWith,
  peers,
  self,
  send,
  up,
} from "./overlay_cases.ts";

function failed({ key, endpoint }: Contact) {
  return { type: "dial-failed", peer: key, endpoint } as const;
}

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

Deno.test("OverlayDials: an address is free after 20 s, at once where it has met its member, and while it is remembered", () => {
  const dials = new OverlayDials();
  const { endpoint } = contactOf(ann);
  const free = (nowMs: number) => dials.isFree(endpoint, nowMs);
  assertEquals(free(0), true);
  dials.dialled(endpoint, 0);
  assertEquals([free(19_999), free(20_000)], [false, true]);
  dials.dialled(endpoint, 20_000);
  dials.reached(endpoint);
  assertEquals(free(20_001), true);
});

Deno.test("OverlayDials: one member causes eight dials, then six a minute, some kept for what is urgent", () => {
  const dials = new OverlayDials();
  let taken = 0;
  while (dials.mayIntroduce(ann, 0, 4) && dials.takeIntroduced(ann, 0)) taken++;
  assertEquals([taken, dials.mayIntroduce(ann, 0), dials.mayIntroduce(bob, 0, 4)], [4, true, true]);
  while (dials.takeIntroduced(ann, 0)) taken++;
  assertEquals([taken, dials.takeIntroduced(ann, 9_999), dials.takeIntroduced(ann, 10_000)], [
    8,
    false,
    true,
  ]);
});
