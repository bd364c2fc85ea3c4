/** Who is dialled although no place is free. */

import { assertEquals } from "@std/assert";
import type { Contact } from "../../../../lib/protocols/mesh/schema/messages.ts";
import type { Standing } from "../../../../lib/protocols/mesh/membership/overlay_io.ts";
import { OverlayRareDials } from "../../../../lib/protocols/mesh/membership/overlay_rare_dials.ts";
import { contactOf, keyOf } from "../overlay_network.ts";

const [ann, bob, cem] = [1, 2, 3].map((index) => contactOf(keyOf(index))) as [
  Contact,
  Contact,
  Contact,
];

/** @param chance What is drawn. @param met Those of the remembered that we know at first hand. */
function dialsWith(
  { remembered = [], ahead = [], met = [] }: {
    readonly remembered?: readonly Contact[];
    readonly ahead?: readonly Contact[];
    readonly met?: readonly Contact[];
  },
  chance: () => number,
) {
  const standings: readonly Standing[] = ahead.map((contact) => ({
    contact,
    madeMs: 0,
    latest: 7,
    reach: Infinity,
    isEqual: false,
  }));
  return new OverlayRareDials(
    { rareDialsPerRoom: 32, rareDialIntervalMs: 30_000 },
    {
      remembered: () => remembered,
      standings: () => standings,
      isHere: (time) => time === 0,
      lastOwn: () => 0,
      isCatchingUp: () => false,
    },
    {
      oneOf: (contacts) => contacts[0] ?? null,
      metOf: (contacts) => contacts.find((contact) => met.includes(contact)) ?? null,
    },
    chance,
    0,
  );
}

/** Whom it dials until then, of so many members, and at which seconds. */
function dialled(
  part: OverlayRareDials,
  live: number,
  untilMs: number,
  isFree = (_: Contact) => true,
) {
  const dials: [number, string, Contact][] = [];
  for (let nowMs; (nowMs = part.nextMs()!) <= untilMs;) {
    for (const { contact, purpose } of part.takeDue(live, isFree, nowMs)) {
      dials.push([Math.round(nowMs / 1_000), purpose, contact]);
    }
  }
  return dials;
}

Deno.test("OverlayRareDials: 32 of all members dial who isn't seen in the room, each half a minute", () => {
  const remembered = [ann, bob];
  const dials = (live: number, chance: number) =>
    dialled(dialsWith({ remembered }, () => chance), live, 70_000, ({ key }) => key !== ann.key);
  assertEquals(dials(64, 0.49), [[30, "rejoin", bob], [60, "rejoin", bob]]);
  assertEquals(dials(64, 0.51), []);
  assertEquals(dials(20, 0.99).length, 1); // all of them; the pauses are longer
});

Deno.test("OverlayRareDials: who was met is dialled in half of all cases, however many are said to be there", () => {
  const found = { remembered: [ann, bob], met: [bob] };
  assertEquals(dialled(dialsWith(found, () => 0.49), 1_000_000, 35_000), [[30, "rejoin", bob]]);
  assertEquals(dialled(dialsWith(found, () => 0.51), 1_000_000, 35_000), []);
});

Deno.test("OverlayRareDials: who has what isn't here is dialled once it had 30 s, the next one sooner where that was in vain", () => {
  const part = dialsWith({ ahead: [ann, bob, cem] }, () => 0.5);
  assertEquals(dialled(part, 3, 70_000), [[40, "withheld", ann], [70, "withheld", bob]]);

  part.inVain("rejoin");
  assertEquals(dialled(part, 3, 80_000), []);
  part.inVain("withheld");
  assertEquals(dialled(part, 3, 90_000), [[90, "withheld", cem]]);
});

Deno.test("OverlayRareDials: one that is ahead of a large room is dialled by 32 of all, several by as many each", () => {
  const dials = (ahead: readonly Contact[], chance: number) =>
    dialled(dialsWith({ ahead }, () => chance), 640, 45_000).length;
  assertEquals([dials([ann], 0.049), dials([ann], 0.051), dials([ann, bob], 0.099)], [1, 0, 1]);
});
