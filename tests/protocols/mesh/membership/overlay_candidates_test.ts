/** Whom a member dials to fill its places, in which order, and when it pauses. */

import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import {
  ACQUAINTANCES_MAX,
  FILL_DIALS_BURST,
  INTRODUCED_DIALS_BURST,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import {
  Acquaintances,
  OverlayCandidates,
  type Wanted,
} from "../../../../lib/protocols/mesh/membership/overlay_candidates.ts";
import { OverlayDials } from "../../../../lib/protocols/mesh/membership/overlay_dials.ts";
import { PassiveView } from "../../../../lib/protocols/mesh/membership/passive_view.ts";
import { contactOf, keyOf } from "../overlay_network.ts";

const SELF = keyOf(50);
const CONFIG = { redialMinMs: 1_000, redialMaxMs: 60_000, redialIsolatedMaxMs: 5_000 };

interface Known {
  readonly live?: readonly PeerKey[];
  readonly remembered?: readonly PeerKey[];
  /** Former neighbours, the one to dial first last. */
  readonly met?: readonly PeerKey[];
  /** Whom Ann (1) named. */
  readonly named?: readonly PeerKey[];
}

function candidatesOf({ live = [], remembered = [], met = [], named = [] }: Known) {
  const half = () => 0.5;
  const passive = new PassiveView(100, half);
  passive.addAll(named.map(contactOf), keyOf(1));
  const acquaintances = new Acquaintances();
  for (const key of met) acquaintances.parted(contactOf(key), true);
  const dials = new OverlayDials();
  const directory = {
    live: () => live.map(contactOf),
    remembered: () => remembered.map(contactOf),
  };
  const part = new OverlayCandidates(
    CONFIG,
    SELF,
    passive,
    acquaintances,
    directory,
    dials,
    half,
  );
  const next = (wanted: Wanted, nowMs = 0) =>
    part.next(wanted, () => false, false, nowMs)?.key ?? null;
  /** Until a round is over, or a dial has to wait. */
  const round = (wanted: Wanted, nowMs = 0) => {
    const keys: PeerKey[] = [];
    for (let key; (key = next(wanted, nowMs)) !== null;) keys.push(key);
    return keys;
  };
  return { part, dials, next, round };
}

const keys = (...numbers: readonly number[]) => numbers.map(keyOf);

Deno.test("OverlayCandidates: each is tried once in a round; pauses grow, with nobody to 5 s, else to a minute", () => {
  for (const [wanted, longest] of [["any", 5_000], ["some", 60_000]] as const) {
    const { part, round } = candidatesOf({ live: keys(60, 50, 70) });
    const pauses: number[] = [];
    for (let nowMs = 0; pauses.length < 8;) {
      assertEquals(round(wanted, nowMs).toSorted(), keys(60, 70));
      assertEquals(round(wanted, nowMs), []);
      pauses.push(part.nextMs()! - nowMs);
      nowMs = part.nextMs()!;
      part.tick(nowMs);
    }

    const doubled = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000];
    assertEquals(pauses, doubled.map((ms) => Math.min(ms, longest)));

    assertEquals(round(wanted, 500_000).length, 2);
    part.encourage();
    part.lost(keyOf(60));
    assertEquals([part.nextMs(), round(wanted, 500_000)], [null, keys(60)]);
  }
});

Deno.test("OverlayCandidates: no round ends while a dial is under way, nor goes on over an excluded peer", () => {
  const { part } = candidatesOf({ live: keys(60) });
  const isExcluded = (key: PeerKey) => key === keyOf(60);
  assertEquals([part.next("some", isExcluded, true, 0), part.nextMs()], [null, null]);
  assertEquals([part.next("some", isExcluded, false, 0), part.nextMs()], [null, 1_000]);
});

Deno.test("OverlayCandidates: who was a neighbour and who is known by hearsay have turns; remembered ones are for need", () => {
  const known = { live: keys(60), met: keys(71, 70), remembered: keys(80) };
  assertEquals(candidatesOf(known).round("some"), keys(70, 60, 71));
  assertEquals(candidatesOf(known).round("any"), keys(70, 60, 71, 80));
});

Deno.test("OverlayCandidates: eight refusals end a round, unless there is no neighbour", () => {
  const { part, next } = candidatesOf({ live: keys(60, 61) });
  for (let n = 0; n < 8; n++) part.refused();
  assertEquals([part.refusals, next("some")], [8, null]);
  part.encourage();
  assertEquals(next("any"), keyOf(61));

  part.tick(10_000);
  assertEquals([part.refusals, next("any")], [8, keyOf(60)]);
  assertEquals(next("any"), null);
  part.tick(part.nextMs()!);
  assertEquals(part.refusals, 0);
});

Deno.test("OverlayCandidates: who has no place for us is left alone for ten seconds, unless there is no other", () => {
  const { part, next } = candidatesOf({ live: keys(60) });
  part.avoid(keyOf(60), 0);
  assertEquals(next("some", 9_999), null);
  part.encourage();
  assertEquals(next("any", 9_999), keyOf(60));
  part.lost(keyOf(60));
  assertEquals(next("some", 10_000), keyOf(60));
});

Deno.test("OverlayCandidates: in a small room the smaller key dials at once, the larger a second later", () => {
  const { part, next } = candidatesOf({ live: keys(40, 60) });
  assertEquals([next("all"), next("all"), part.nextMs()], [keyOf(60), null, 1_000]);
  part.tick(1_000);
  assertEquals(next("all", 1_000), keyOf(40));
});

Deno.test("OverlayCandidates: whom a member named is dialled from half of what that one may cause, but for need", () => {
  const named = keys(...Array.from({ length: 20 }, (_, n) => 100 + n));
  const kept = (wanted: Wanted) => {
    const { round, dials } = candidatesOf({ named: named.slice(0, 20) });
    const tried = round(wanted).length;
    let left = 0;
    while (dials.takeIntroduced(keyOf(1), 0)) left++;
    return [tried, left];
  };
  const half = INTRODUCED_DIALS_BURST / 2;
  assertEquals([kept("some"), kept("any")], [[half, half], [20, INTRODUCED_DIALS_BURST]]);
});

Deno.test("OverlayCandidates: dials that fill places have a rate; what it forbids is tried a second later", () => {
  const crowd = keys(...Array.from({ length: 100 }, (_, n) => 100 + n));
  const { part, round } = candidatesOf({ live: crowd });
  assertEquals([round("any").length, part.nextMs()], [FILL_DIALS_BURST, 1_000]);
  part.tick(1_000);
  assertEquals(round("any", 1_000).length, 2);
});

Deno.test("OverlayCandidates: those met get every second turn of a choice, however many the others are", () => {
  const crowd = Array.from({ length: 100 }, (_, n) => contactOf(keyOf(100 + n)));
  const met = contactOf(keyOf(70));
  const acquaintances = new Acquaintances();
  acquaintances.parted(met, true);
  let turn = 0;
  const part = new OverlayCandidates(
    CONFIG,
    SELF,
    new PassiveView(1, () => 0),
    acquaintances,
    { live: () => [], remembered: () => [] },
    new OverlayDials(),
    () => (turn++ % 2) / 2, // heads, then the choice of the middle one
  );

  const chosen = Array.from({ length: 4 }, () => (turn = 0, part.oneOf([...crowd, met])));
  turn = 1;
  const other = part.oneOf([...crowd, met]);

  assertEquals(chosen, [met, met, met, met]);
  assertEquals([other, part.metOf(crowd)], [crowd[0]!, null]);
});

const ann = contactOf(keyOf(1));
const bob = contactOf(keyOf(2));
const carl = contactOf(keyOf(3));
const dora = contactOf(keyOf(4));

Deno.test("Acquaintances: those we dialled come first, the last one to go before the others, each once", () => {
  const met = new Acquaintances();
  met.parted(ann, true);
  met.parted(bob, false);
  met.parted(carl, true);
  met.parted(dora, false);
  met.parted(bob, true);
  met.cameInThrough(ann);

  assertEquals(met.neighbours, [bob, carl, ann, dora]);
  assertEquals(met.all, met.neighbours);
});

Deno.test("Acquaintances: who can't be reached comes last, and is remembered", () => {
  const met = new Acquaintances();
  for (const contact of [ann, bob, carl]) met.parted(contact, true);

  met.failed(carl.key);
  met.failed(dora.key);

  assertEquals(met.neighbours, [bob, ann, carl]);
});

Deno.test("Acquaintances: a crowd that dials us displaces none that we dialled, nor who let us in", () => {
  const met = new Acquaintances();
  met.cameInThrough(ann);
  met.parted(bob, true);
  for (let index = 100; index < 1_100; index++) met.parted(contactOf(keyOf(index)), false);

  const { all } = met;
  assertEquals([all[0], all.at(-1)], [bob, ann]);
  assertEquals(all.length, ACQUAINTANCES_MAX + 2);
  assertEquals(met.has(keyOf(100)), false);
});
