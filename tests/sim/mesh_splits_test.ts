/** Cuts and long sleeps, each in a way that random runs rarely contain. */

import { assert, assertEquals } from "@std/assert";
import { KEPT_MESSAGES_MAX } from "../../lib/protocols/mesh/schema/limits.ts";
import { meshCheckers } from "./checkers/all.ts";
import type { MeshChecker } from "./mesh/checker.ts";
import { EvenWorld } from "./mesh/even_world.ts";
import type { Said } from "./mesh/ledger.ts";
import type { Member } from "./mesh/member.ts";
import { World } from "./mesh/world.ts";

const SECOND_MS = 1_000;
const HOUR_MS = 3_600 * SECOND_MS;
/** Longer than the name of a lost member is held. */
const FORGOTTEN_MS = 26 * HOUR_MS;

/** A room of these members, which all know each other. */
function openRoom(names: readonly string[], checkers: readonly MeshChecker[] = []): EvenWorld {
  const world = new EvenWorld(names.length + 1, [...meshCheckers(), ...checkers]);
  world.gather(world.addAll(...names), 15 * SECOND_MS);
  return world;
}

/** The joins and departures that members are shown, as "Ann: left Bob (lost)". */
function watchComings(): { readonly seen: string[]; readonly checker: MeshChecker } {
  const seen: string[] = [];
  const shown: MeshChecker["shown"] = ({ member: { name } }, event) => {
    if (event.event === "joined") seen.push(`${name}: joined ${event.name}`);
    if (event.event === "left") seen.push(`${name}: left ${event.name} (${event.reason})`);
  };
  return { seen, checker: { name: "comings", shown } };
}

function assertQuiet(world: World): void {
  for (const checker of world.checkers) checker.atQuiet?.(world);
}

Deno.test("a half that said little loses none of it to one that said more than is kept", () => {
  const missed = new Map<Member, number>();
  const world = openRoom(["Ann", "Bob", "Cem", "Dan"], [{
    name: "missed",
    shown({ member }, event) {
      const count = event.event === "notice" ? /^Missed (\d+) mess/.exec(event.text)?.[1] : null;
      missed.set(member, (missed.get(member) ?? 0) + Number(count ?? 0));
    },
  }]);
  const [ann, bob, cem, dan] = world.members as [Member, Member, Member, Member];
  const side = (host: number) => host === ann.index || host === bob.index;
  world.network.setCuts((from, to) => side(from) !== side(to));
  const quiet = [];
  for (let count = 0; count < 20; count++) {
    quiet.push(world.say(count % 2 === 0 ? cem.process! : dan.process!, "", null));
    world.pass(SECOND_MS);
  }
  for (let count = 0; count < KEPT_MESSAGES_MAX + 2_000; count++) {
    world.say(count % 2 === 0 ? ann.process! : bob.process!, "", null);
    if (count % 100 === 0) world.pass(500);
  }
  world.pass(5 * SECOND_MS);

  world.network.setCuts(() => false);
  world.pass(120 * SECOND_MS);

  for (const { name, shown } of [ann, bob]) {
    assertEquals(quiet.filter((said) => !shown.has(said)).length, 0, `${name} lacks some`);
  }
  // Messages typed at the same time may have any order in the room.
  const last = world.ledger.said.slice(-KEPT_MESSAGES_MAX + 500);
  for (const member of [cem, dan]) {
    const lacking = (said: readonly Said[]) => said.filter((word) => !member.shown.has(word));
    assertEquals(lacking(last), []);
    assertEquals(lacking(world.ledger.said).length, missed.get(member));
  }
  assertQuiet(world);
});

for (const machineSleeps of [false, true]) {
  const what = machineSleeps ? "whose machine slept" : "that was stopped";
  Deno.test(`a member ${what} for an hour is back by itself and takes nobody for lost`, () => {
    const { seen, checker } = watchComings();
    const world = openRoom(["Ann", "Bob", "Cem"], [checker]);
    const [ann, bob, cem] = world.members as [Member, Member, Member];
    seen.length = 0;
    world.stall(bob.process!, HOUR_MS, machineSleeps);
    const said = [];
    for (let minute = 0; minute < 60; minute++) {
      world.pass(60 * SECOND_MS);
      said.push(world.say(minute % 2 === 0 ? ann.process! : cem.process!, "", null));
    }
    world.pass(10 * SECOND_MS);

    assertEquals(said.filter((word) => !bob.shown.has(word)).length, 0);
    assertEquals(seen.toSorted(), [
      "Ann: joined Bob",
      "Ann: left Bob (lost)",
      "Cem: joined Bob",
      "Cem: left Bob (lost)",
    ]);
    assertQuiet(world);
  });
}

Deno.test("two halves that were apart for more than a day find each other again, though all have forgotten the others", () => {
  const world = openRoom(["Ann", "Bob", "Cem", "Dan"]);
  const [ann, bob, cem, dan] = world.members as [Member, Member, Member, Member];
  // The other members' disks contain the member through which they have joined.
  ann.process!.command({ command: "quit" });
  world.pass(5 * SECOND_MS);
  const side = (host: number) => host === bob.index || host === cem.index;
  world.network.setCuts((from, to) => side(from) !== side(to));
  world.pass(FORGOTTEN_MS);

  world.network.setCuts(() => false);
  world.pass(120 * SECOND_MS);
  const said = world.say(bob.process!, "", null);
  world.pass(10 * SECOND_MS);

  assert(dan.shown.has(said));
  assertQuiet(world);
});

Deno.test("one who can't be dialled finds who comes back more than a day after all the others have quit", () => {
  const world = openRoom(["Ann", "Bob"]);
  const [ann, bob] = world.members as [Member, Member];
  const pat = world.add("Pat", { passive: true });
  world.join(pat, ann);
  world.pass(15 * SECOND_MS);
  for (const { process } of [ann, bob]) process!.command({ command: "quit" });
  world.pass(FORGOTTEN_MS);

  world.start(bob, { kind: "resume", room: bob.room! });
  world.pass(30 * SECOND_MS);
  const said = world.say(bob.process!, "", null);
  world.pass(10 * SECOND_MS);

  assert(pat.shown.has(said));
  assertQuiet(world);
});

Deno.test("a room all of whose members are started again at once is one within seconds, however many they are", () => {
  const world = openRoom(Array.from({ length: 24 }, (_, number) => `M${number}`));
  for (const { process } of world.members) world.end(process!, true, 0);
  world.pass(60 * SECOND_MS);

  for (const member of world.members) world.start(member, { kind: "resume", room: member.room! });
  world.pass(8 * SECOND_MS);
  const said = world.members.map(({ process }) => world.say(process!, "", null));
  world.pass(10 * SECOND_MS);

  const lacking = world.members.filter(({ shown }) => said.some((word) => !shown.has(word)));
  assertEquals(lacking.map(({ name }) => name), []);
  assertQuiet(world);
});

Deno.test("a room whose clocks all jump by hours and years, both ways, keeps its order and its members", () => {
  const { seen, checker } = watchComings();
  const world = openRoom(["Ann", "Bob", "Cem"], [checker]);
  seen.length = 0;
  const year = 365 * 24 * HOUR_MS;
  for (const jumpMs of [2 * HOUR_MS, -2 * HOUR_MS, 10 * year, -20 * year, 10 * year]) {
    for (const member of world.members) {
      member.wallOffsetMs += jumpMs;
      world.say(member.process!, "", null);
      world.pass(20 * SECOND_MS);
      for (const other of world.members) world.say(other.process!, "in answer", null);
      world.pass(20 * SECOND_MS);
    }
  }
  for (const process of world.present()) {
    process.command({ command: "history", count: null });
    process.command({ command: "peers" });
  }
  world.pass(SECOND_MS);

  assertEquals(seen, []);
  assertQuiet(world);
  for (const checker of world.checkers) checker.atAnswers?.(world);
  assert(world.ledger.said.every((said) => world.members.every(({ shown }) => shown.has(said))));
});

for (const names of [["Ann", "Bob"], ["Ann", "Bob", "Cem"], ["Ann", "Bob", "Cem", "Dan", "Eve"]]) {
  for (const [isPrivate, isOff] of [[false, false], [false, true], [true, false], [true, true]]) {
    const room = `${names.length} members of ${isPrivate ? "a private" : "an open"} room`;
    const when = isOff ? "while all are off" : "while they run";
    Deno.test(`${room} whose addresses are handed out anew ${when} are together within 10 s`, () => {
      const world = new EvenWorld(names.length, meshCheckers());
      const members = world.addAll(...names);
      const [founder, ...others] = members as [Member, ...Member[]];
      world.start(founder, { kind: "found", ...(isPrivate ? { private: true } : {}) });
      world.pass(SECOND_MS);
      for (const member of others) {
        const { room, process, endpoint: contact } = founder;
        const secret = process?.probe?.secrets()?.current() ?? null;
        const invite = { room: room!, secret, endpoints: [contact] };
        world.start(member, { kind: "join", contact, ...(isPrivate ? { invite } : {}) });
      }
      world.pass(15 * SECOND_MS);
      if (isOff) { for (const { process } of members) world.end(process!, false, 0); }
      world.handOut(members);
      if (isOff) {
        for (const member of members) world.start(member, { kind: "resume", room: member.room! });
      }
      world.pass(9.5 * SECOND_MS);
      const said = world.say(founder.process!, "", null);
      world.pass(0.5 * SECOND_MS);

      assertEquals(members.filter(({ shown }) => !shown.has(said)).map(({ name }) => name), []);
      assertQuiet(world);
    });
  }
}
