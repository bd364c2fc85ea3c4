/** Removals in rooms that are cut, and by members that have no right to them. */

import { assertEquals } from "@std/assert";
import { Recipients } from "./checkers/m7_recipients.ts";
import { ExactlyOnce } from "./checkers/m1_exactly_once.ts";
import { CausalOrder } from "./checkers/m3_causal_order.ts";
import { fakeSigner } from "./fake_crypto.ts";
import type { MeshChecker } from "./mesh/checker.ts";
import { EVEN_WORLD, plainMember } from "./mesh/even_world.ts";
import type { Member } from "./mesh/member.ts";
import { meshSubject } from "./mesh/mesh_subject.ts";
import { World } from "./mesh/world.ts";

const SECOND_MS = 1_000;

function pass(world: World, seconds: number): void {
  world.time.runUntil(world.time.nowMs + seconds * SECOND_MS);
}

/** A room that the first of these has founded, in which they all know each other. */
class RemovalRoom {
  readonly world: World;
  readonly members: Readonly<Record<string, Member>>;
  /** Who has ended, and how. */
  readonly ended: string[] = [];
  /** Departures that members are shown, as "Ann: Bob (lost)". */
  readonly left: string[] = [];

  constructor(names: readonly string[]) {
    const checker: MeshChecker = {
      name: "removals",
      shown: ({ member }, event) => {
        if (event.event === "left") {
          this.left.push(`${member.name}: ${event.name} (${event.reason})`);
        }
      },
      ended: ({ member, outcome }) => {
        this.ended.push(`${member.name}: ${outcome?.kind === "fatal" ? outcome.code : "bye"}`);
      },
    };
    const checkers = [new Recipients(), new ExactlyOnce(), new CausalOrder(), checker];
    this.world = new World({ ...EVEN_WORLD, hosts: names.length + 1 }, meshSubject(), checkers);
    this.members = Object.fromEntries(
      names.map((name) => [name, this.world.addMember(plainMember(fakeSigner(name), name))]),
    );
    const [founder, ...others] = this.world.members as [Member, ...Member[]];
    this.world.start(founder, { kind: "found" });
    pass(this.world, 1);
    for (const member of others) {
      this.world.start(member, { kind: "join", contact: founder.endpoint });
    }
    pass(this.world, 15);
  }

  /** Cuts the room into these and the others. */
  cut(...names: readonly string[]): void {
    const half = new Set(names.map((name) => this.members[name]!.index));
    this.world.network.setCuts((from, to) => half.has(from) !== half.has(to));
    pass(this.world, 40);
  }

  heal(): void {
    this.world.network.setCuts(() => false);
    pass(this.world, 90);
  }

  types(name: string, command: "remove" | "allow" | "deputy", whom: string): void {
    const { process } = this.members[name]!;
    process!.command(
      command === "deputy" ? { command, name: whom, appoint: true } : { command, name: whom },
    );
  }

  /** Whom each member that runs lists, itself included. */
  lists(): Readonly<Record<string, string>> {
    const present = this.world.present();
    for (const process of present) process.command({ command: "peers" });
    pass(this.world, 1);
    return Object.fromEntries(present.map(({ member, peers }) => [
      member.name,
      peers!.map(({ name }) => name).toSorted().join(" "),
    ]));
  }
}

Deno.test("two halves that removed different members end up with the union of it", () => {
  const room = new RemovalRoom(["Ann", "Bob", "Cem", "Dan", "Eve", "Fay"]);
  room.types("Ann", "deputy", "Bob");
  pass(room.world, 5);
  room.cut("Ann", "Cem", "Dan");
  room.types("Ann", "remove", "Dan");
  room.types("Ann", "remove", "Fay");
  room.types("Bob", "remove", "Eve");
  room.types("Bob", "remove", "Cem");
  pass(room.world, 5);
  assertEquals(room.ended.toSorted(), ["Dan: kicked", "Eve: kicked"]);
  assertEquals(room.lists(), { Ann: "Ann Cem", Cem: "Ann Cem", Bob: "Bob Fay", Fay: "Bob Fay" });

  room.heal();

  assertEquals(room.ended.toSorted(), [
    "Cem: kicked",
    "Dan: kicked",
    "Eve: kicked",
    "Fay: kicked",
  ]);
  assertEquals(room.lists(), { Ann: "Ann Bob", Bob: "Ann Bob" });
});

Deno.test("a key that one half has removed and the other has allowed is what the founder says", () => {
  const room = new RemovalRoom(["Ann", "Bob", "Cem", "Dan"]);
  room.types("Ann", "deputy", "Bob");
  pass(room.world, 5);
  room.cut("Ann", "Cem");
  room.types("Bob", "remove", "Dan");
  room.types("Ann", "remove", "Dan");
  room.types("Ann", "allow", "Dan");
  pass(room.world, 5);
  assertEquals(room.ended, ["Dan: kicked"]);

  room.heal();
  const { Dan: dan, Bob: bob } = room.members;
  room.world.start(dan!, { kind: "join", contact: bob!.endpoint });
  pass(room.world, 15);

  assertEquals(Object.values(room.lists()), new Array(4).fill("Ann Bob Cem Dan"));
});

Deno.test("a removal reaches connected members within 5 s, and one who was away when it is back", () => {
  const room = new RemovalRoom(["Ann", "Bob", "Cem", "Dan"]);
  const { world, members } = room;
  members["Cem"]!.process!.command({ command: "quit" });
  pass(world, 5);
  room.left.length = 0;
  room.types("Ann", "remove", "Dan");
  pass(world, 1);
  assertEquals(room.left.toSorted(), ["Ann: Dan (removed)", "Bob: Dan (removed)"]);

  world.start(members["Cem"]!, { kind: "resume", room: members["Cem"]!.room! });
  pass(world, 15);
  assertEquals(room.lists(), { Ann: "Ann Bob Cem", Bob: "Ann Bob Cem", Cem: "Ann Bob Cem" });
  // Through the one who was away, too.
  world.start(members["Dan"]!, { kind: "join", contact: members["Cem"]!.endpoint });
  pass(world, 15);
  assertEquals(room.ended, ["Cem: bye", "Dan: kicked", "Dan: kicked"]);
});
