import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Fingerprint } from "../../../../lib/base/text/fingerprint.ts";
import type { FoldedName, PeerKey } from "../../../../lib/base/ids.ts";
import { STRANGE_KEPT_MS } from "../../../../lib/base/machine/mode_limits.ts";
import type { KnownClaim } from "../../../../lib/protocols/mesh/schema/credentials.ts";
import {
  NAME_TAKEN_TOLD_MS,
  NAMES_APART_MAX,
  PINS_MAX,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import { RoomNames } from "../../../../lib/protocols/mesh/names/room_names.ts";
import type { NamesInput } from "../../../../lib/protocols/mesh/names/names_io.ts";
import { beaconOf, claimOf, keyOf, WALL_MS } from "../membership_fixtures.ts";
import { SLOW } from "../../../given.ts";

const [ann, bob, carl] = [keyOf("Ann"), keyOf("Bob"), keyOf("Carl")];
const folded = "bob" as FoldedName;

/** Ann's view of names; she herself is Ann. Nobody in the room vouches for those `unvouched`. */
function names(
  records: ConstructorParameters<typeof RoomNames>[0]["records"] = [],
  unvouched: ReadonlySet<PeerKey> = new Set(),
  claimants: readonly PeerKey[] = [],
): RoomNames {
  const isVouched = ({ signed }: KnownClaim) => !unvouched.has(signed.claim.value.key);
  const config = { self: ann, records, raceMs: 5_000, isVouched, claimants: () => claimants };
  const names = new RoomNames(config, (key) => `FP${key}`);
  names.step({ type: "own", claim: claimOf("Ann") }, 0);
  return names;
}

function joined(key: typeof bob, claim: KnownClaim): NamesInput {
  return { type: "joined", key, claim, beacon: beaconOf("Bob", 1).beacon.value, present: false };
}

Deno.test("Names give a name to the smaller claim and the other one a suffix", () => {
  const view = names();
  view.step(joined(bob, claimOf("Bob", "Bob", 200)), 0);

  const effects = view.step(joined(carl, claimOf("Carl", "BOB", 100)), 60_000);

  const suffixed = `Bob~FP${bob.slice(0, 2)}`;
  assertEquals(effects, [
    { type: "pin-contested", name: "BOB", known: "Bob", pinned: bob, key: carl },
    { type: "renamed", key: bob, from: "Bob", name: suffixed, lostTo: "BOB" },
  ]);
  assertEquals(view.ownerOf(folded), carl);
  assertEquals([view.keyOf("bob"), view.keyOf(suffixed.toLowerCase())], [carl, bob]);
  assertEquals([view.knownInstead(carl), view.knownInstead(bob)], [bob, null]);
});

Deno.test("Names show a key that was refused before as a stranger's, and warn once", () => {
  const refused = [{ name: "bob", fingerprint: `FP${bob}` as Fingerprint }];
  const config = { self: ann, records: [], raceMs: 0, isVouched: () => true, claimants: () => [] };
  const view = new RoomNames({ ...config, refused }, (key) => `FP${key}`);
  const comes = () => view.step(joined(bob, claimOf("Bob", "Bob", 100)), 0);
  const suffixed = `Bob~FP${bob.slice(0, 2)}`;

  assertEquals(comes(), [
    { type: "key-changed", name: "Bob", shown: suffixed, known: "Bob", key: bob },
  ]);
  view.step({ type: "left", key: bob, reason: "lost" }, 0);
  assertEquals(comes(), []);
  assertEquals([view.shownName(bob), view.isRefused(bob), view.isKnown(bob)], [
    suffixed,
    true,
    false,
  ]);

  const effects = view.step({ type: "trust", key: bob }, 0);

  assertEquals(effects.map(({ type }) => type), ["persist", "pin", "renamed"]);
  assertEquals([view.shownName(bob), view.isRefused(bob)], ["Bob", false]);
});

Deno.test("Names warn each time that a name is taken, of one key once a minute", () => {
  const view = names();
  view.step(joined(bob, claimOf("Bob", "Bob", 200)), 0);
  const warns = (atMs: number) => {
    const effects = [
      ...view.step(joined(carl, claimOf("Carl", "Bob", 100)), atMs),
      ...view.step({ type: "tick" }, atMs),
    ];
    view.step({ type: "left", key: carl, reason: "quit" }, atMs);
    return effects.map(({ type }) => type).filter((type) => type !== "renamed");
  };
  const start = 60_000;

  const contested = [start, start + NAME_TAKEN_TOLD_MS - 1, start + NAME_TAKEN_TOLD_MS].map(warns);
  view.step({ type: "left", key: bob, reason: "quit" }, 0);
  const changed = [3, 4].map((minutes) => warns(start + minutes * NAME_TAKEN_TOLD_MS));
  view.step(joined(carl, claimOf("Carl", "Bob", 100)), 5 * NAME_TAKEN_TOLD_MS);
  const fingerprint = `FP${carl}` as Fingerprint;
  view.step({ type: "refused", name: "Bob", fingerprint }, 5 * NAME_TAKEN_TOLD_MS);
  view.step({ type: "left", key: carl, reason: "quit" }, 5 * NAME_TAKEN_TOLD_MS);
  const refused = [5, 9].map((minutes) => warns(minutes * NAME_TAKEN_TOLD_MS));

  assertEquals(contested, [["pin-contested"], [], ["pin-contested"]]);
  assertEquals(changed, [["key-changed"], ["key-changed"]]);
  assertEquals(refused, [[], ["key-changed"]]);
});

Deno.test("Names tell who is meant of several told under a name lately, by the starts of their keys", () => {
  const view = names();
  const dan = keyOf("Dan");
  view.step(joined(bob, claimOf("Bob", "Bob", 300)), 0);
  view.step(joined(carl, claimOf("Carl", "Bob", 200)), 60_000);
  const one = view.severalTold("Bob", 60_000);
  view.step(joined(dan, claimOf("Dan", "Bob", 100)), 60_000);

  const [ofCarl, ofDan, ...more] = view.severalTold("bob", 60_000);

  assertEquals([one, more, view.shownName(dan)], [[], [], "Bob"]);
  assertEquals([view.keyOf(ofCarl!), view.keyOf(ofDan!)], [carl, dan]);
  assertEquals(view.severalTold(ofDan!, 60_000), []);
  assertEquals(view.severalTold("Bob", 60_000 + STRANGE_KEPT_MS), []);
});

Deno.test("Names show a key apart from the name's owner and from others, however their fingerprints begin", () => {
  const config = { self: ann, records: [], raceMs: 0, isVouched: () => true, claimants: () => [] };
  const ends = new Map([[carl, "22223333"], [bob, "22224444"], [keyOf("Dan"), "22225555"]]);
  const view = new RoomNames(config, (key) => `FP11${ends.get(key)}${key}`);
  view.step(joined(carl, claimOf("Carl", "Bob", 100)), 0);
  view.step(joined(bob, claimOf("Bob", "Bob", 200)), 0);
  view.step(joined(keyOf("Dan"), claimOf("Dan", "Bob", 300)), 0);

  const shown = [carl, bob, keyOf("Dan")].map((key) => view.shownName(key));
  assertEquals(shown, ["Bob", "Bob~FP1122224444", "Bob~FP1122225555"]);
});

Deno.test("Names show no key as another was shown who has left, nor as one whose digits were compared", () => {
  const [rob, mal] = [keyOf("Rob"), keyOf("Mal")];
  const starts = new Map([[carl, "aaaa"], [bob, "k7f3xxxx"], [mal, "k7f3yyyy"], [rob, "k7f3zzzz"]]);
  const fingerprintOf = (key: PeerKey) => `${starts.get(key)}${key}`;
  const base = { self: ann, records: [], raceMs: 0, isVouched: () => true, claimants: () => [] };
  const viewOf = (config: Partial<ConstructorParameters<typeof RoomNames>[0]>) => {
    const view = new RoomNames({ ...base, ...config }, fingerprintOf);
    view.step(joined(carl, claimOf("Carl", "Bob", 100)), 0);
    return view;
  };
  const shownTo = (view: RoomNames) => {
    view.step(joined(mal, claimOf("Mal", "Bob", 300)), 60_000);
    return view.shownName(mal);
  };

  const met = viewOf({});
  met.step(joined(bob, claimOf("Bob", "Bob", 200)), 0);
  assertEquals(met.shownName(bob), "Bob~k7f3");
  met.step({ type: "left", key: bob, reason: "quit" }, 0);
  assertEquals(shownTo(met), "Bob~k7f3yyyy");
  assertEquals(met.keyOf("Bob~k7f3"), null);
  met.step({ type: "left", key: mal, reason: "quit" }, 60_000);
  met.step(joined(rob, claimOf("Rob", "Bob", 400)), 60_000);
  assertEquals(met.shownName(rob), "Bob~k7f3zzzz");

  const read = viewOf({}); // the words of one who isn't here
  assertEquals(read.authorName(bob, "Bob"), "Bob~k7f3");
  assertEquals(shownTo(read), "Bob~k7f3yyyy");
  assertEquals(shownTo(viewOf({ claimants: () => [bob] })), "Bob~k7f3yyyy");
  const compared = { name: "Bob~k7f3", fingerprint: fingerprintOf(bob) as Fingerprint };
  assertEquals(shownTo(viewOf({ verified: [compared] })), "Bob~k7f3yyyy");
  assertEquals(shownTo(viewOf({ refused: [{ ...compared, name: "Bob" }] })), "Bob~k7f3yyyy");
  assertEquals(shownTo(viewOf({ verified: [{ ...compared, name: "Rob" }] })), "Bob~k7f3");
});

Deno.test("Names show a whole fingerprint under a name for which there was no room to remember who had it", () => {
  const view = names([], new Set(), [bob, carl]);
  const short = (at: number) => `Name ${at}~FP${bob.slice(0, 2)}`;
  for (let at = 0; at < NAMES_APART_MAX; at++) {
    assertEquals(view.authorName(bob, `Name ${at}`), short(at));
  }

  assertEquals(view.authorName(bob, "Bob"), `Bob~FP${bob}`);
  assertEquals(view.authorName(bob, "Name 1"), short(1));
});

Deno.test("Names look at few of a crowd that comes under one name, and have it as soon as its holder is forgotten", () => {
  let looks = 0;
  const config = { self: ann, records: [], raceMs: 0, isVouched: () => true, claimants: () => [] };
  const view = new RoomNames(config, (key) => {
    looks++;
    return `FP${key}`;
  });
  const crowd = Array.from({ length: 500 }, (_, at) => keyOf(`nobody ${at}`));
  for (const [at, key] of crowd.entries()) {
    view.step(joined(key, claimOf(`nobody ${at}`, "Bob", 1_000 + at)), 0);
  }
  for (const key of crowd.slice(0, 100)) view.step({ type: "forgotten", key }, 0);

  assertEquals(looks < 2 * crowd.length, true, `${looks} fingerprints`);
  const shown = crowd.slice(100).map((key) => view.shownName(key)!);
  assertEquals(new Set(shown).size, 400);
  assertEquals(shown.slice(1).every((name) => name.startsWith("Bob~FP")), true);
  assertEquals(view.ownerOf(folded), crowd[100]);
});

Deno.test("Names give a name back when its holder quits, and keep a lost one's", () => {
  const view = names();
  view.step(joined(carl, claimOf("Carl", "Bob", 100)), 0);
  view.step(joined(bob, claimOf("Bob", "Bob", 200)), 0);

  const lost = view.step({ type: "left", key: carl, reason: "lost" }, 0);
  assertEquals([lost, view.ownerOf(folded)], [[], carl]);
  const forgotten = view.step({ type: "forgotten", key: carl }, 0);

  assertEquals(forgotten.map(({ type }) => type), ["key-changed"]);
  assertEquals(view.ownerOf(folded), bob);
});

Deno.test("Names know everybody's key whom they knew, however many others come", SLOW, () => {
  const view = names([{ kind: "pin", name: "Bob", key: bob }]);
  const madeUp = claimOf("Mal");
  for (let number = 0; number < PINS_MAX; number++) {
    const name = `mal${number}`;
    const value = { ...madeUp.signed.claim.value, name, folded: name };
    const claim = {
      ...madeUp,
      signed: { ...madeUp.signed, claim: { ...madeUp.signed.claim, value } },
    };
    view.step(joined(keyOf("Mal"), claim), 0);
  }

  const met = view.step(joined(carl, claimOf("Carl", "Bob")), 0);

  assertEquals(met.map(({ type }) => type), ["key-changed"]);
  assertEquals(view.snapshot().length, PINS_MAX);
});

Deno.test("Names show a stranger under a known name with a suffix until it is trusted", () => {
  const view = names([{ kind: "pin", name: "Bob", key: bob }]);
  const shown = `Bob~FP${carl.slice(0, 2)}`;

  const met = view.step(joined(carl, claimOf("Carl", "Bob")), 0);
  const before = [view.shownName(carl), view.knownInstead(carl), view.keyOf("Bob")];
  const trusted = view.step({ type: "trust", key: carl }, 0);

  assertEquals(met, [{
    type: "key-changed",
    name: "Bob",
    shown,
    known: "Bob",
    pinned: bob,
    key: carl,
  }]);
  assertEquals(before, [shown, bob, carl]);
  assertEquals(trusted, [
    { type: "persist", records: [{ kind: "pin", name: "Bob", key: carl }] },
    { type: "pin", name: "Bob", key: carl, again: true },
    { type: "renamed", key: carl, from: shown, name: "Bob" },
  ]);
  assertEquals(view.knownInstead(carl), null);
});

Deno.test("Names tell whoever lost its own name in a race to leave, after a heal to stay", () => {
  for (const [atMs, consequence] of [[4_999, "leave"], [5_000, "stay"]] as const) {
    const view = names();
    const winner = claimOf("Bob", "ann", WALL_MS - 1);

    const effects = view.step(joined(bob, winner), atMs);

    const shown = `Ann~FP${ann.slice(0, 2)}`;
    assertEquals(effects.filter(({ type }) => type === "name-lost-self"), [
      { type: "name-lost-self", winner, shown, consequence },
    ]);
    assertEquals(view.step({ type: "tick" }, atMs), []);
  }
});

Deno.test("Names let nobody be driven out, and no pin move, by a claim that says it is old", () => {
  const view = names();
  view.step(joined(bob, claimOf("Bob", "Bob", WALL_MS)), 0);

  const ofBob = view.step(joined(carl, claimOf("Carl", "Bob", WALL_MS - 5_000)), 10);
  const ofAnn = view.step(joined(keyOf("Dora"), claimOf("Dora", "Ann", WALL_MS - 5_000)), 10);

  assertEquals(ofBob[0], {
    type: "pin-contested",
    name: "Bob",
    known: "Bob",
    pinned: bob,
    key: carl,
  });
  assertEquals([view.knownInstead(carl), view.knownInstead(bob)], [bob, null]);
  const lost = ofAnn.find((effect) => effect.type === "name-lost-self");
  assertEquals(lost?.consequence, "stay");
});

Deno.test("Names let nobody be driven out by an earlier claim of somebody who isn't here", () => {
  const view = names();
  const winner = claimOf("Bob", "ann", WALL_MS - 1);

  const effects = view.step({ type: "absent", key: bob, claim: winner }, 0);

  const lost = effects.filter((effect) => effect.type === "name-lost-self");
  assertEquals(lost.map(({ consequence }) => consequence), ["stay"]);
});

Deno.test("Names give no name to a claim that nobody vouches for while somebody else has a claim to it", () => {
  const unvouched = new Set([carl]);
  const view = names([], unvouched);
  view.step(joined(carl, claimOf("Carl", "Zoe", 1)), 0);
  view.step(joined(bob, claimOf("Bob", "Bob", 200)), 0);

  const reclaimed = view.step(
    { type: "reclaimed", key: carl, claim: claimOf("Carl", "Bob", 100) },
    0,
  );
  const before = view.ownerOf(folded);
  unvouched.clear();
  const vouched = view.step({ type: "vouched" }, 60_000);

  assertEquals(reclaimed, [
    { type: "renamed", key: carl, from: "Zoe", name: `Bob~FP${carl.slice(0, 2)}` },
  ]);
  assertEquals([before, view.ownerOf(folded)], [bob, carl]);
  assertEquals(vouched.map(({ type }) => type), ["pin-contested", "renamed", "renamed"]);
});

Deno.test("Names say once that our own name was lost, and that it is ours again", () => {
  const view = names();
  view.step(joined(bob, claimOf("Bob", "ann", 1)), 60_000);

  view.step({ type: "left", key: bob, reason: "lost" }, 61_000);
  const again = view.step(joined(bob, claimOf("Bob", "ann", 1)), 62_000);
  const quit = view.step({ type: "left", key: bob, reason: "quit" }, 63_000);

  assertEquals(again, []);
  assertEquals(quit, [
    { type: "renamed", key: ann, from: `Ann~FP${ann.slice(0, 2)}`, name: "Ann" },
  ]);
});

Deno.test("Names rename a member that takes another name, and free the old one", () => {
  const view = names();
  view.step(joined(bob, claimOf("Bob")), 0);

  const effects = view.step({ type: "reclaimed", key: bob, claim: claimOf("Bob", "Robert") }, 0);

  assertEquals(effects.filter(({ type }) => type === "renamed"), [
    { type: "renamed", key: bob, from: "Bob", name: "Robert" },
  ]);
  assertEquals([view.ownerOf(folded), view.keyOf("robert")], [null, bob]);
});

Deno.test("Names agree on every owner in whatever order members came", () => {
  const people = ["P0", "P1", "P2", "P3", "P4"];
  const claims = fc.tuple(...people.map((who) =>
    fc.record({
      who: fc.constant(who),
      name: fc.constantFrom("Bob", "bob", "Zoe"),
      time: fc.nat(3),
    })
  ));
  const orders = fc.shuffledSubarray(people, { minLength: people.length });
  fc.assert(
    fc.property(claims, orders, (all, order) => {
      const [one, other] = [people, order].map((whos) => {
        const view = names();
        for (const who of whos) {
          const { name, time } = all.find((claim) => claim.who === who)!;
          view.step(joined(keyOf(who), claimOf(who, name, time)), 0);
        }
        return [view.ownerOf(folded), view.ownerOf("zoe" as FoldedName)];
      });
      assertEquals(one, other);
    }),
    { numRuns: 50 },
  );
});

Deno.test("Names know whom they have met, each once, here, lost, or gone before this start", () => {
  const zoe = keyOf("Zoë");
  const view = names([{ kind: "pin", name: "Zoë", key: zoe }, {
    kind: "pin",
    name: "Bob",
    key: bob,
  }]);
  view.step(joined(bob, claimOf("Bob")), 0);
  view.step(joined(carl, claimOf("Carl")), 0);
  const here = view.known();
  view.step({ type: "left", key: carl, reason: "lost" }, 0);
  view.step({ type: "left", key: bob, reason: "quit" }, 0);

  assertEquals(here, ["Zoë", "Bob", "Carl"]);
  assertEquals(view.known(), here);
  assertEquals(view.known().map((name) => view.keyOf(name)), [zoe, bob, carl]);
  assertEquals(view.snapshot().map((record) => record.kind === "pin" && record.name), [...here]);
});

Deno.test("Names know nobody by a former name", () => {
  const view = names([{ kind: "pin", name: "Bob", key: bob }]);
  view.step(joined(bob, claimOf("Bob")), 0);
  view.step({ type: "reclaimed", key: bob, claim: claimOf("Bob", "Rob") }, 0);
  assertEquals(view.known(), ["Rob"]);
  view.step({ type: "left", key: bob, reason: "quit" }, 0);
  assertEquals(view.known(), ["Rob"]);
});

Deno.test("Names tell two authors apart who have gone, unless one is known by the name", () => {
  const claimants = [bob, carl];
  const pin = { kind: "pin", name: "Bob", key: bob } as const;
  const shown = (records: readonly (typeof pin)[]) =>
    claimants.map((key) => names(records, new Set(), claimants).authorName(key, "Bob"));

  const ofBob = `Bob~FP${bob.slice(0, 2)}`;
  const ofCarl = `Bob~FP${carl.slice(0, 2)}`;
  assertEquals(shown([]), [ofBob, ofCarl]);
  assertEquals(shown([pin]), ["Bob", ofCarl]);
  assertEquals(names([], new Set(), [bob]).authorName(bob, "Bob"), "Bob");
});

Deno.test("Names tell authors apart whose fingerprints begin the same, by the whole of it in a crowd", () => {
  const likeBob = `${bob.slice(0, 12)}${carl.slice(12)}` as PeerKey;
  const crowd = Array.from({ length: 100 }, (_, number) => keyOf(`Mal ${number}`));

  const ofTwo = names([], new Set(), [bob, likeBob]).authorName(bob, "Bob");
  const ofMany = names([], new Set(), [bob, ...crowd]).authorName(bob, "Bob");

  assertEquals([ofTwo, ofMany], [`Bob~FP${bob.slice(0, 14)}`, `Bob~FP${bob}`]);
});

Deno.test("Names show a stranger who is lost with a suffix too", () => {
  const view = names([{ kind: "pin", name: "Bob", key: bob }]);
  const shown = `Bob~FP${carl.slice(0, 2)}`;

  const told = view.step({ type: "absent", key: carl, claim: claimOf("Carl", "Bob") }, 0);

  assertEquals(told, []);
  assertEquals([view.shownName(carl), view.authorName(carl, "Bob")], [shown, shown]);
  assertEquals([view.keyOf("Bob"), view.knownInstead(carl)], [carl, bob]);
});

Deno.test("Names keep two apart who are both known, where one takes the name of the other who is away", () => {
  const view = names([
    { kind: "pin", name: "Bob", key: bob },
    { kind: "pin", name: "Carl", key: carl },
  ]);
  view.step(joined(carl, claimOf("Carl")), 0);

  const renamed = view.step({ type: "reclaimed", key: carl, claim: claimOf("Carl", "Bob") }, 0);

  const shown = `Bob~FP${carl.slice(0, 2)}`;
  assertEquals(renamed.map(({ type }) => type), ["renamed", "key-changed"]);
  assertEquals([shown, "Carl", "bob"].map((name) => view.keyOf(name)), [carl, carl, bob]);
  assertEquals([carl, bob].map((key) => view.knownInstead(key)), [null, null]);
});

Deno.test("Names let nobody have what is private for another by taking a known one's name first", () => {
  const view = names([
    { kind: "pin", name: "Bob", key: bob },
    { kind: "pin", name: "Carl", key: carl },
  ]);
  view.step(joined(bob, claimOf("Bob", "Bob", 200)), 0);

  view.step(joined(carl, claimOf("Carl", "Bob", 100)), 60_000);

  assertEquals([view.shownName(carl), view.keyOf("Bob"), view.knownInstead(carl)], [
    "Bob",
    carl,
    bob,
  ]);
  const apart = view.calledApart(carl);
  assertEquals([apart, view.keyOf(apart)], [`Bob~FP${carl.slice(0, 2)}`, carl]);
  assertEquals([bob, carl].map((key) => view.mayMean("bob", key)), [true, false]);
});

Deno.test("Names call whom we know as they were met, however a stranger writes the name", () => {
  const view = names();
  view.step(joined(bob, claimOf("Bob")), 0);
  view.step({ type: "left", key: bob, reason: "quit" }, 0);
  const restarted = names(view.snapshot());

  for (const later of [view, restarted]) {
    const met = later.step(joined(carl, claimOf("Carl", "BOB")), 0);

    const shown = `BOB~FP${carl.slice(0, 2)}`;
    assertEquals(met, [
      { type: "key-changed", name: "BOB", shown, known: "Bob", pinned: bob, key: carl },
    ]);
  }
});
