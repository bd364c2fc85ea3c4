/** Admission, roster and names together: what the users of a room are shown. */

import { assert, assertEquals } from "@std/assert";
import {
  admitClaim,
  claimIdOf,
  completeClaim,
  signBeacon,
} from "../../../lib/protocols/mesh/schema/credentials.ts";
import { ROSTER_LAN } from "../../../lib/protocols/mesh/roster/roster_io.ts";
import { fakeCrypto, fakeSigner } from "../../sim/fake_crypto.ts";
import { Random } from "../../sim/random.ts";
import { keyOf } from "./membership_fixtures.ts";
import { faultsAfterQuiet, type Member, World } from "./membership_world.ts";
import { SLOW } from "../../given.ts";

/** `Bob~` and the start of the fingerprint, which in these tests is the key. */
function suffixed(name: string, member: Member): string {
  return `${name}~${member.key.slice(0, 4)}`;
}

Deno.test("membership: a newcomer sees who is there, the others see one join line", () => {
  const world = new World();
  const ann = world.start("Ann", null);
  const bob = world.start("Bob", ann);
  world.run(2_000);

  const carl = world.start("Carl", bob);
  world.run(2_000);

  assertEquals(ann.lines(), ["ready Ann", "joined Bob", "joined Carl"]);
  assertEquals(carl.lines(), ["ready Carl", "joined Bob", "joined Ann"]);
  assertEquals(faultsAfterQuiet(world), []);
});

Deno.test("membership: a second Bob is refused before anything is shown", () => {
  const world = new World();
  const ann = world.start("Ann", null);
  const bob = world.start("Bob", ann);
  world.run(2_000);

  const second = world.start("bob", ann, { seed: "another Bob" });
  world.run(10_000);

  assertEquals(second.lines(), ["fatal name-taken"]);
  assertEquals(ann.lines(), ["ready Ann", "joined Bob"]);
  assertEquals(bob.lines(), ["ready Bob", "joined Ann"]);
});

Deno.test("membership: of two who come in at once as Bob exactly one stays", SLOW, () => {
  for (let seed = 0; seed < 6; seed++) {
    const world = new World({ seed, latencyMs: 1 + (seed % 5) * 40, degree: seed % 2 ? 2 : 99 });
    const founder = world.start("Ann", null);
    const others = Array.from({ length: 8 }, (_, i) => world.start(`Peer${i}`, founder));
    world.run(20_000);

    const startedMs = world.time.nowMs;
    const bobs = [0, 1].map((i) => {
      const via = others[(seed + i * 4) % others.length]!;
      return world.start("Bob", via, { seed: `Bob ${seed} ${i}` });
    });
    world.run(60_000);

    assertEquals(bobs.filter(({ isGone }) => !isGone).length, 1, `seed ${seed}`);
    const loser = bobs.find(({ isGone }) => isGone)!;
    const last = loser.shown.at(-1)!;
    assertEquals(loser.lines().at(-1), "fatal name-taken", `seed ${seed}`);
    assert(last.atMs - startedMs < 6_000, `seed ${seed}: ended after ${last.atMs - startedMs} ms`);
    assertEquals(faultsAfterQuiet(world), [], `seed ${seed}`);
  }
});

Deno.test("membership: a quit is one line at once, everywhere, and frees the name", () => {
  const world = new World();
  const ann = world.start("Ann", null);
  const bob = world.start("Bob", ann);
  const carl = world.start("Carl", ann);
  world.run(3_000);

  bob.quit();
  world.run(100);
  const second = world.start("Bob", carl, { seed: "another Bob" });
  world.run(2_000);

  const expected = ["left Bob quit", `key-changed Bob`, `joined ${suffixed("Bob", second)}`];
  assertEquals(ann.lines().slice(3).sort(), expected.sort());
  assertEquals(second.isReady, true);
  assertEquals(faultsAfterQuiet(world), []);
});

Deno.test("membership: the name of one who had just come is free as soon as it has quit", () => {
  const world = new World();
  const ann = world.start("Ann", null);
  const carl = world.start("Carl", ann);
  world.run(3_000);
  const [smaller, larger] = ["one", "another"].toSorted((a, b) => keyOf(a) < keyOf(b) ? -1 : 1);
  const first = world.start("Bob", ann, { seed: smaller! });
  world.run(700);
  first.quit();
  world.run(300);

  const second = world.start("Bob", carl, { seed: larger! });
  world.run(700);

  assertEquals([first.isReady, second.isReady], [true, true]);
});

Deno.test(
  "membership: a killed member is lost within 5 s, and its name held until it is forgotten",
  SLOW,
  () => {
    const deadKeptMs = 600_000; // a day is 17 x 8,640 beacons
    const world = new World({ degree: 4, rosterTiming: { ...ROSTER_LAN, deadKeptMs } });
    const founder = world.start("Ann", null);
    for (let i = 0; i < 15; i++) world.start(`Peer${i}`, founder);
    const bob = world.start("Bob", founder);
    world.run(20_000);

    const killedMs = world.time.nowMs;
    world.kill(bob);
    world.run(5_000);

    for (const member of world.live()) {
      const left = member.shown.at(-1)!;
      assertEquals(member.lines().at(-1), "left Bob lost");
      assert(
        left.atMs - killedMs < 2_500,
        `${member.name} saw it after ${left.atMs - killedMs} ms`,
      );
    }
    const second = world.start("Bob", founder, { seed: "another Bob" });
    world.run(5_000);
    assertEquals(second.lines(), ["fatal name-taken"]);
    world.run(deadKeptMs);
    const third = world.start("Bob", founder, { seed: "another Bob" });
    world.run(5_000);
    assertEquals(third.isReady, true);
    assertEquals(faultsAfterQuiet(world), []);
  },
);

Deno.test("membership: a member whose neighbours die with it is lost within 35 s", () => {
  const world = new World({ degree: 2 });
  const founder = world.start("Ann", null);
  for (let i = 0; i < 11; i++) world.start(`Peer${i}`, founder);
  world.run(30_000);

  const dead = [founder, ...founder.neighbours().map(({ peer }) => peer)];
  const killedMs = world.time.nowMs;
  for (const member of dead) world.kill(member);
  world.run(60_000);

  for (const member of world.live()) {
    const lost = member.shown.filter(({ event }) => event === "left");
    assertEquals(lost.length, dead.length, member.name);
    const lastMs = lost.at(-1)!.atMs - killedMs;
    assert(lastMs < 35_000, `${member.name} saw the last one after ${lastMs} ms`);
  }
  assertEquals(faultsAfterQuiet(world), []);
});

Deno.test("membership: Bob killed and back at once is welcome, with one line for each", () => {
  for (const afterMs of [10, 500, 1_700, 4_000]) {
    const world = new World();
    const ann = world.start("Ann", null);
    const bob = world.start("Bob", ann);
    const carl = world.start("Carl", ann);
    world.run(3_000);

    world.kill(bob);
    world.run(afterMs);
    const back = world.start("Bob", carl, { records: bob.records });
    world.run(3_000);

    assertEquals(back.isReady, true, `back after ${afterMs} ms`);
    assertEquals(ann.lines().slice(3), ["left Bob lost", "joined Bob"], `after ${afterMs} ms`);
    assertEquals(faultsAfterQuiet(world), []);
  }
});

Deno.test("membership: Bob back before his dead link is noticed replaces himself", () => {
  const world = new World();
  const ann = world.start("Ann", null);
  const bob = world.start("Bob", ann);
  world.run(3_000);

  // A power cut: no link says that it ended.
  world.stop(bob, 1_000_000_000);
  const back = world.start("Bob", ann, { records: bob.records });
  world.run(20_000);

  assertEquals(back.isReady, true);
  assertEquals(ann.lines().slice(2), ["left Bob replaced", "joined Bob"]);
});

Deno.test("membership: the same key twice leaves the later one", () => {
  for (const clockMs of [0, -86_400_000]) {
    const world = new World();
    const ann = world.start("Ann", null);
    const bob = world.start("Bob", ann);
    const carl = world.start("Carl", ann);
    world.run(3_000);

    const later = world.start("Bob", carl, { records: bob.records, clockMs });
    world.run(3_000);

    assertEquals(bob.lines().at(-1), "fatal replaced");
    assertEquals(later.isGone, false);
    assertEquals(ann.lines().slice(3), ["left Bob replaced", "joined Bob"]);
    assertEquals(faultsAfterQuiet(world), []);
  }
});

Deno.test("membership: the same key twice, each let in by the other's side of a split", () => {
  const world = new World();
  const ann = world.start("Ann", null);
  const bob = world.start("Bob", ann);
  const carl = world.start("Carl", ann);
  world.run(3_000);
  world.split((member) => member === carl ? 1 : 0);
  world.run(60_000);

  const later = world.start("Bob", carl, { records: bob.records });
  world.run(20_000);
  world.heal();
  world.run(20_000);

  assertEquals(bob.lines().at(-1), "fatal replaced");
  assertEquals(later.isGone, false);
  assertEquals(faultsAfterQuiet(world), []);
});

Deno.test("membership: the later of two Bobs stays after a heal, under another name", () => {
  const world = new World();
  const ann = world.start("Ann", null);
  const carl = world.start("Carl", ann);
  world.run(3_000);
  world.split((member) => member === carl ? 1 : 0);
  world.run(60_000);
  const first = world.start("Bob", ann, { seed: "first Bob" });
  world.run(1_000);
  const second = world.start("Bob", carl, { seed: "second Bob" });
  world.run(60_000);

  world.heal();
  world.run(20_000);

  assertEquals(first.lines().slice(2).sort(), [`joined ${suffixed("Bob", second)}`, "joined Carl"]);
  assertEquals(second.lines().filter((line) => line.startsWith("error")), ["error name-taken"]);
  assertEquals(carl.names.shownName(second.key), suffixed("Bob", second));
  assertEquals(carl.names.shownName(first.key), "Bob");
  assert(carl.lines().includes("pin-contested Bob"));
  assertEquals(faultsAfterQuiet(world), []);

  const end = second.neighbours()[0]!;
  second.admit({ type: "claim-name", link: end.id, name: "Robert" });
  world.run(3_000);
  assertEquals(ann.lines().at(-1), `renamed ${suffixed("Bob", second)} Robert`);
  assertEquals(second.lines().at(-1), `renamed ${suffixed("Bob", second)} Robert`);
});

Deno.test("membership: nobody gets a live member's name by a claim that says it is older", () => {
  const world = new World();
  const ann = world.start("Ann", null);
  const bob = world.start("Bob", ann);
  const eve = world.start("Eve", ann);
  world.run(1_000);

  // Signed by a key of Eve's alone, as old as the room is.
  const signer = fakeSigner("another Bob");
  const { key } = signer;
  const bobs = bob.roster.selfClaim().claim.value;
  const { time } = bob.admission.links.room!.genesis.genesis.value;
  const older = { ...bobs, key, admitter: key, after: null, time };
  const forged = completeClaim(fakeCrypto, signer, admitClaim(fakeCrypto, signer, older));
  const { value } = eve.roster.selfBeacon().beacon;
  const named = claimIdOf(fakeCrypto, forged);
  const beacon = signBeacon(fakeCrypto, signer, { ...value, key, claim: named });
  for (const type of ["claims", "beacons"] as const) {
    const message = type === "claims"
      ? { type, claims: [forged] }
      : { type, beacons: [{ signed: beacon, ageMs: 0 }] };
    ann.enrol({ type: "message", from: eve.key, message });
  }
  world.run(5_000);

  for (const member of [ann, bob, eve]) {
    assertEquals(member.names.shownName(bob.key), "Bob");
    assert(member.names.shownName(key)!.startsWith("Bob~"));
  }
  assertEquals(bob.isGone, false);
});

Deno.test("membership: a newcomer believes claims although who admitted them is long forgotten", () => {
  const world = new World({ rosterTiming: { ...ROSTER_LAN, deadKeptMs: 60_000 } });
  const ann = world.start("Ann", null);
  const [gus, hal] = [world.start("Gus", ann), world.start("Hal", ann)];
  world.run(1_000);
  const [bob, carl] = [world.start("Bob", gus), world.start("Carl", hal)];
  world.run(1_000);
  gus.quit();
  hal.quit();
  world.run(100_000);

  const nina = world.start("Nina", bob);
  world.run(500); // Bob is still her only neighbour

  assertEquals([gus, hal].map(({ key }) => nina.roster.member(key)), [null, null]);
  for (const { key } of [bob, carl]) {
    assert(nina.roster.isVouched(nina.roster.member(key)!.claim));
  }
});

Deno.test("membership: /name frees the old name for others and keeps it for its first holder", () => {
  const world = new World();
  const ann = world.start("Ann", null);
  const bob = world.start("Bob", ann);
  world.run(3_000);

  bob.admit({ type: "claim-name", link: bob.neighbours()[0]!.id, name: "Robert" });
  world.run(2_000);
  const taken = world.start("Robert", ann, { seed: "another" });
  const second = world.start("Bob", ann, { seed: "second Bob" });
  world.run(2_000);

  assertEquals(ann.lines()[2], "renamed Bob Robert");
  assertEquals(taken.lines(), ["fatal name-taken"]);
  assertEquals(second.isReady, true);
  bob.admit({ type: "claim-name", link: bob.neighbours()[0]!.id, name: "Bob" });
  world.run(2_000);
  assertEquals(bob.lines().at(-1), "error name-taken");
});

Deno.test("membership: a stopped member blames nobody when it wakes, and is shown as joined again", () => {
  const world = new World();
  const ann = world.start("Ann", null);
  const bob = world.start("Bob", ann);
  const carl = world.start("Carl", ann);
  world.run(3_000);

  world.stop(bob, 60_000);
  world.run(90_000);

  assertEquals(ann.lines().slice(3), ["left Bob lost", "joined Bob"]);
  assertEquals(carl.lines().slice(3), ["left Bob lost", "joined Bob"]);
  assertEquals(bob.lines().slice(3), []);
  assertEquals(faultsAfterQuiet(world), []);
});

Deno.test("membership: a link that is cut between two of three costs nobody its place", () => {
  const world = new World();
  const ann = world.start("Ann", null);
  const bob = world.start("Bob", ann);
  const carl = world.start("Carl", ann);
  world.run(3_000);

  const end = bob.neighbours().find(({ peer }) => peer === carl)!;
  world.closeLink(end, false);
  world.run(30_000);

  for (const member of [ann, bob, carl]) {
    assertEquals(member.lines().filter((line) => line.startsWith("left")), []);
  }
});

/** Joins, quits, kills, stops, splits and heals; then quiet. */
function stormyRoom(seed: number): World {
  const world = new World({ seed, degree: 4, latencyMs: 5 });
  const random = new Random(seed + 1_000);
  const founder = world.start("Ann", null);
  world.run(1_000);
  let count = 0;
  for (let round = 0; round < 60; round++) {
    const live = world.live().filter(({ isStopped }) => !isStopped);
    const some = live[random.below(live.length)] ?? founder;
    const dice = random.below(12);
    if (dice < 5) {
      // Few names for many keys: they meet.
      world.start(`Name${random.below(8)}`, some, { seed: `${seed} ${count++}` });
    } else if (dice === 5 && live.length > 3) some.quit();
    else if (dice === 6 && live.length > 3) world.kill(some);
    else if (dice === 7 && live.length > 3) world.stop(some, 1_000 + random.below(40_000));
    else if (dice === 8) {
      const gone = world.members.filter((member) => member.isGone && member.isReady);
      const back = gone[random.below(gone.length)];
      if (back !== undefined) {
        const { name, records, key } = back;
        if (!world.live().some((member) => member.key === key)) {
          world.start(name, some, { seed: back.options.seed!, records });
        }
      }
    } else if (dice === 9) world.split(() => random.below(2));
    else if (dice === 10) world.heal();
    world.run(random.below(8_000));
  }
  world.heal();
  world.run(150_000);
  return world;
}

Deno.test(
  "membership: after quiet all agree on who is there and whose names are whose",
  SLOW,
  () => {
    for (let seed = 1; seed <= 6; seed++) {
      const world = stormyRoom(seed);

      assertEquals(faultsAfterQuiet(world), [], `seed ${seed}`);
    }
  },
);

Deno.test("membership: nobody is believed to be there on the word of an old beacon", SLOW, () => {
  const world = new World();
  const ann = world.start("Ann", null);
  const bob = world.start("Bob", ann);
  const carl = world.start("Carl", ann);
  world.run(3_000);
  const old = bob.roster.selfBeacon();
  bob.quit();
  world.run(25 * 60 * 60 * 1_000); // long forgotten, but for the floor
  const before = ann.lines().length;

  ann.enrol({
    type: "message",
    from: carl.key,
    message: { type: "beacons", beacons: [{ signed: old, ageMs: 0 }] },
  });
  world.run(1_000);

  assertEquals(ann.roster.member(bob.key), null);
  assertEquals(ann.lines().length, before);
});
