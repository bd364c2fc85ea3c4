/** Removals in rooms that are cut, and by members that have no right to them. */

import { assertEquals } from "@std/assert";
import { Recipients } from "./checkers/m7_recipients.ts";
import { ExactlyOnce } from "./checkers/m1_exactly_once.ts";
import { CausalOrder } from "./checkers/m3_causal_order.ts";
import { Removals } from "./checkers/removals.ts";
import type { Attack } from "./mesh/attacks.ts";
import type { MeshChecker } from "./mesh/checker.ts";
import { EvenWorld } from "./mesh/even_world.ts";
import type { Invite } from "../../lib/protocols/mesh/schema/rotations.ts";
import type { Member } from "./mesh/member.ts";
import { Random } from "./random.ts";

const SECOND_MS = 1_000;

function pass(world: EvenWorld, seconds: number): void {
  world.pass(seconds * SECOND_MS);
}

/** A room that the first of these has founded, in which they all know each other. */
class RemovalRoom {
  readonly world: EvenWorld;
  readonly members: Readonly<Record<string, Member>>;
  /** Who has ended, and how. */
  readonly ended: string[] = [];
  /** What others' messages members are shown, as "Ann: hello", and whether they are earlier, or of somebody removed. */
  readonly said: string[] = [];
  /** Warnings that members are shown of their invite, as "Ann: ...". */
  readonly warned: string[] = [];
  /** What members are told of those whom a removal's list of who stays leaves out. */
  readonly leftOut: string[] = [];
  /** Departures that members are shown, as "Ann: Bob (lost)". */
  readonly left: string[] = [];

  constructor(
    names: readonly string[],
    readonly isPrivate = false,
    seed = 1,
    liars: Readonly<Record<string, Attack>> = {},
  ) {
    const checker: MeshChecker = {
      name: "removals",
      shown: ({ member }, event) => {
        if (event.event === "notice" && event.warning === true && event.text.includes("invite")) {
          this.warned.push(`${member.name}: ${event.text}`);
        }
        if (event.event === "notice" && event.text.includes("can't stay")) {
          this.leftOut.push(`${member.name}: ${event.text}`);
        }
        if (event.event === "message" && !event.self) {
          const marks = [event.history ? "earlier" : "", event.removed === true ? "removed" : ""];
          this.said.push([`${member.name}: ${event.text}`, ...marks.filter(Boolean)].join(", "));
        }
        if (event.event === "left") {
          this.left.push(`${member.name}: ${event.name} (${event.reason})`);
        }
      },
      ended: ({ member, outcome }) => {
        this.ended.push(`${member.name}: ${outcome?.kind === "fatal" ? outcome.code : "bye"}`);
      },
    };
    const checkers = [
      new Recipients(),
      new Removals(),
      new ExactlyOnce(),
      new CausalOrder(),
      checker,
    ];
    this.world = new EvenWorld(names.length + 5, checkers, { seed });
    this.members = Object.fromEntries(
      names.map((name) => [name, this.world.add(name, { liar: liars[name] ?? null })]),
    );
    const [founder, ...others] = this.world.members as [Member, ...Member[]];
    this.world.start(founder, { kind: "found", ...(isPrivate ? { private: true } : {}) });
    pass(this.world, 1);
    for (const member of others) this.joins(member, founder);
    pass(this.world, 15);
  }

  /** @param invite By default the one that the contact's user would give. */
  joins(member: Member, contact: Member, invite: Invite | null = this.inviteOf(contact)): void {
    const begin = { kind: "join", contact: contact.endpoint } as const;
    this.world.start(member, invite === null ? begin : { ...begin, invite });
  }

  /** The present invite there; null in an open room. */
  inviteOf(member: Member): Invite | null {
    const secret = member.process?.probe?.secrets()?.current() ?? null;
    return secret === null ? null : { room: member.room!, secret, endpoints: [member.endpoint] };
  }

  /** Somebody whom nobody has seen comes with this invite. */
  comes(name: string, contact: Member, invite: Invite | null): Member {
    const member = this.world.add(name);
    this.joins(member, contact, invite);
    return member;
  }

  epochs(): Readonly<Record<string, number | undefined>> {
    return Object.fromEntries(
      this.world.present().map(({ member }) => [member.name, this.inviteOf(member)?.secret?.epoch]),
    );
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
    if (command === "remove") this.world.removals.add(this.members[whom]!.key);
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

Deno.test("words of who is removed aren't live, and are marked, where they come after that; others stay as they are", () => {
  const room = new RemovalRoom(["Ann", "Bob", "Cem", "Mal"]);
  const { world, members: { Mal: mal } } = room;
  world.say(mal!.process!, "before", null);
  pass(world, 2);
  room.cut("Ann", "Cem");
  room.types("Ann", "remove", "Mal");
  pass(world, 5);
  // In this half nobody knows of it yet.
  world.say(mal!.process!, "after", null);
  pass(world, 5);

  room.heal();

  assertEquals(room.said.toSorted(), [
    "Ann: m0 before",
    "Ann: m1 after, earlier, removed",
    "Bob: m0 before",
    "Bob: m1 after",
    "Cem: m0 before",
    "Cem: m1 after, earlier, removed",
  ]);

  // To a newcomer both are the same: the times are Mal's, and who brought them may say what it likes.
  room.said.length = 0;
  room.comes("Dan", room.members["Bob"]!, null);
  pass(world, 15);
  assertEquals(room.said, [
    "Dan: m0 before, earlier, removed",
    "Dan: m1 after, earlier, removed",
  ]);
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

Deno.test("a removal is taken in by those whom a liar has shown it before, as if they were removed", () => {
  const room = new RemovalRoom(["Ann", "Bob", "Cem", "Eve", "Mal"], false, 1, {
    Mal: "tellsRemoved",
  });
  const { world, members } = room;
  const [ann, mal] = [members["Ann"]!.index, members["Mal"]!.index];
  // For a while Ann is linked with Mal alone.
  world.network.setCuts((from, to) => (from === ann || to === ann) && from !== mal && to !== mal);
  pass(world, 40);
  room.left.length = 0;
  room.types("Ann", "remove", "Eve");
  pass(world, 5);
  world.network.setCuts(() => false);
  pass(world, 20);

  const stored = ["Bob", "Cem"].map((name) =>
    members[name]!.disk.records.filter(({ kind }) => kind === "ruling").length
  );
  assertEquals(stored, [1, 1]);
  assertEquals(room.left.filter((line) => /^(Bob|Cem): Eve/.test(line)).toSorted(), [
    "Bob: Eve (removed)",
    "Cem: Eve (removed)",
  ]);
  assertEquals(room.ended, ["Eve: kicked"]);
});

Deno.test("who knows that it was removed doesn't go on alone, lets nobody in, and comes back once it is allowed", () => {
  const room = new RemovalRoom(["Ann", "Bob", "Mal"]);
  const { world, members } = room;
  const { Ann: ann, Bob: bob, Mal: mal } = members;
  room.types("Ann", "remove", "Mal");
  pass(world, 5);
  assertEquals(room.ended, ["Mal: kicked"]);

  world.network.setCuts((from, to) => (from === mal!.index) !== (to === mal!.index));
  world.start(mal!, { kind: "resume", room: mal!.room! });
  pass(world, 120);
  assertEquals(room.ended, ["Mal: kicked", "Mal: timeout"]);

  world.network.setCuts(() => false);
  world.start(mal!, { kind: "resume", room: mal!.room! });
  pass(world, 30);
  assertEquals(room.ended, ["Mal: kicked", "Mal: timeout", "Mal: kicked"]);

  room.types("Ann", "allow", "Mal");
  pass(world, 5);
  world.start(mal!, { kind: "resume", room: mal!.room! });
  pass(world, 30);
  assertEquals(room.lists(), { Ann: "Ann Bob Mal", Bob: "Ann Bob Mal", Mal: "Ann Bob Mal" });
  for (const away of [ann, bob]) away!.process!.command({ command: "quit" });
  pass(world, 10);
  mal!.process!.command({ command: "quit" });
  pass(world, 10);
  world.start(mal!, { kind: "resume", room: mal!.room! });
  pass(world, 30);
  assertEquals(room.lists(), { Mal: "Mal" });
});

Deno.test("private: who was removed comes back by nothing that it has, through nobody; who was away learns the secret", () => {
  const room = new RemovalRoom(["Ann", "Bob", "Cem", "Mal"], true);
  const { world, members } = room;
  const { Ann: ann, Bob: bob, Cem: cem, Mal: mal } = members;
  const old = room.inviteOf(ann!);
  cem!.process!.command({ command: "quit" });
  mal!.process!.command({ command: "quit" });
  pass(world, 5);
  // Mal goes on with what it has; Cem is away.
  room.types("Ann", "remove", "Mal");
  pass(world, 5);
  assertEquals(room.epochs(), { Ann: 2, Bob: 2 });
  room.ended.length = 0;

  world.start(mal!, { kind: "resume", room: mal!.room! });
  pass(world, 15);
  room.joins(mal!, bob!, old);
  pass(world, 15);
  room.comes("Pip", ann!, old);
  room.comes("Pop", bob!, old);
  pass(world, 15);
  assertEquals(room.ended.toSorted(), [
    "Mal: kicked",
    "Mal: kicked",
    "Pip: bad-credentials",
    "Pop: bad-credentials",
  ]);

  // Through another than who removed, who isn't there by then.
  ann!.process!.command({ command: "quit" });
  pass(world, 5);
  world.start(cem!, { kind: "resume", room: cem!.room! });
  pass(world, 15);
  assertEquals(room.epochs(), { Bob: 2, Cem: 2 });
  room.ended.length = 0;
  room.comes("Puk", cem!, old);
  pass(world, 15);
  room.joins(mal!, cem!, old);
  pass(world, 15);
  assertEquals(room.ended, ["Puk: bad-credentials", "Mal: kicked"]);
  assertEquals(room.lists(), { Bob: "Bob Cem", Cem: "Bob Cem" });
});

Deno.test("private: a key that the removed one has admitted, and that nobody ever saw, isn't let in by the old invite", () => {
  const room = new RemovalRoom(["Ann", "Bob", "Cem", "Mal"], true, 1, { Mal: "vouchesUnseen" });
  const { world, members: { Ann: ann, Bob: bob } } = room;
  const old = room.inviteOf(ann!);
  pass(world, 10);
  room.types("Ann", "remove", "Mal");
  pass(world, 10);
  assertEquals([room.lists()["Ann"], room.epochs()["Ann"]], ["Ann Bob Cem", 2]);
  room.ended.length = 0;

  room.comes("Pip", bob!, old);
  pass(world, 20);

  assertEquals([room.ended, room.lists()["Ann"]], [["Pip: bad-credentials"], "Ann Bob Cem"]);
});

/** A private room in two halves: Ann has removed Mal, as Cem has heard, and Bob, who is with Mal, hasn't. */
function removedElsewhere() {
  const room = new RemovalRoom(["Ann", "Bob", "Cem", "Mal"], true);
  const { world, members: { Ann, Bob, Cem, Mal } } = room;
  const old = room.inviteOf(Ann!);
  room.cut("Ann", "Cem");
  room.types("Ann", "remove", "Mal");
  pass(world, 5);
  const rotates = (member: Member, times: number) => {
    for (let count = 0; count < times; count++) {
      member.process!.command({ command: "invite", rotate: true });
      pass(world, 2);
    }
    return room.inviteOf(member);
  };
  return { room, world, ann: Ann!, bob: Bob!, cem: Cem!, mal: Mal!, old, rotates };
}

Deno.test("private: a key let in by the old invite where the removal wasn't known yet is out when it is", () => {
  const { room, world, ann, bob, old } = removedElsewhere();
  // In Mal's half, which knows nothing of it: one that stays linked, and one that will come again later.
  room.comes("Pip", bob, old);
  const returns = room.comes("Pop", bob, old);
  pass(world, 15);
  assertEquals(room.lists()["Bob"], "Bob Mal Pip Pop");
  returns.process!.command({ command: "quit" });
  pass(world, 5);

  room.heal();

  assertEquals(room.ended.includes("Mal: kicked"), true);
  assertEquals(room.leftOut, [
    "Bob: Pip can't stay: Ann has removed somebody, and made a new invite without knowing Pip, " +
    "who needs it to come back",
  ]);
  const listed = room.lists();
  assertEquals([listed["Ann"], listed["Bob"], listed["Cem"]], new Array(3).fill("Ann Bob Cem"));
  assertEquals(room.warned, [
    "Pip: Bob doesn't let you in any more: your invite has been revoked; ask a member for another " +
    "(/invite shows it), and start again with --invite",
  ]);
  const { Pip: pip, ...others } = room.epochs();
  assertEquals([pip, others], [1, { Ann: 2, Bob: 2, Cem: 2 }]);
  for (const contact of [ann, bob]) {
    room.ended.length = 0;
    room.joins(returns, contact, old);
    pass(world, 15);
    assertEquals(room.ended, ["Pop: bad-credentials"]);
  }
  // With the present invite anybody is let in, as ever.
  room.joins(returns, bob, room.inviteOf(ann));
  pass(world, 20);
  assertEquals(room.lists()["Ann"], "Ann Bob Cem Pop");
});

Deno.test("private: an invite of which only the removed one knew opens nothing at who came back by it", () => {
  const room = new RemovalRoom(["Ann", "Bob", "Cem", "Mal"], true);
  const { world, members: { Ann: ann, Cem: cem, Mal: mal } } = room;
  cem!.process!.command({ command: "quit" });
  pass(world, 5);
  room.cut("Cem", "Mal");
  mal!.process!.command({ command: "invite", rotate: true });
  pass(world, 2);
  const given = room.inviteOf(mal!)!;
  room.joins(cem!, mal!);
  // Mal is killed before it has told Cem of its rotation.
  const isIn = () => cem!.disk.records.filter(({ kind }) => kind === "invited").length === 2;
  for (let ms = 0; ms < 1_000 && !isIn(); ms++) world.pass(1);
  for (const { process } of [mal!, cem!]) world.end(process!, false, 0);
  world.start(cem!, { kind: "resume", room: cem!.room! });
  room.heal();
  const { secret: earlier } = room.inviteOf(ann!)!;
  assertEquals([room.inviteOf(cem!)?.secret, earlier?.epoch], [earlier, 1]);

  room.types("Ann", "remove", "Mal");
  pass(world, 15);
  const { secret } = room.inviteOf(ann!)!;
  assertEquals([room.inviteOf(cem!)?.secret, secret?.epoch], [secret, 2]);
  room.ended.length = 0;
  room.comes("Pip", cem!, given);
  pass(world, 15);

  assertEquals([room.ended, room.lists()["Ann"]], [["Pip: bad-credentials"], "Ann Bob Cem"]);
});

Deno.test("private: a later invite, made where the removal wasn't known, opens nothing once it is", () => {
  const { room, world, bob, mal, rotates } = removedElsewhere();
  rotates(bob, 2);
  const known = room.inviteOf(mal);
  assertEquals(known?.secret?.epoch, 3);

  room.heal();

  assertEquals(room.epochs(), { Ann: 4, Bob: 4, Cem: 4 });
  room.ended.length = 0;
  room.comes("Pip", bob, known);
  pass(world, 15);
  assertEquals(room.ended, ["Pip: bad-credentials"]);
});

Deno.test("private: an invite made where another was thought to be removed opens nothing once Mal is", () => {
  const room = new RemovalRoom(["Ann", "Bob", "Cem", "Dan", "Mal"], true);
  const { world, members: { Ann: ann, Bob: bob, Mal: mal } } = room;
  room.types("Ann", "remove", "Dan");
  pass(world, 5);
  room.cut("Ann", "Cem");
  // As many as Bob knows of, but not the same.
  room.types("Ann", "allow", "Dan");
  pass(world, 2);
  room.types("Ann", "remove", "Mal");
  pass(world, 5);
  for (let count = 0; count < 3; count++) {
    bob!.process!.command({ command: "invite", rotate: true });
    pass(world, 2);
  }
  const known = room.inviteOf(mal!);

  room.heal();

  const { secret } = known!;
  assertEquals(new Set(Object.values(room.epochs())), new Set([secret!.epoch + 1]));
  room.ended.length = 0;
  room.comes("Pip", ann!, known);
  pass(world, 20);
  assertEquals(room.ended, ["Pip: bad-credentials"]);
});

Deno.test("private: who uses up the epochs doesn't keep its removal from voiding the invite that it knows", () => {
  for (const afterMs of [0, 250, 500, 750]) {
    const room = new RemovalRoom(["Ann", "Bob", "Mal"], true, 1, { Mal: "usesEpochsUp" });
    const { world, members: { Ann: ann, Bob: bob } } = room;
    pass(world, 10 + afterMs / 1_000);
    const known = room.inviteOf(ann!); // Mal's
    assertEquals(known!.secret!.epoch > 1_000, true);
    room.types("Ann", "remove", "Mal");
    pass(world, 5);
    const { Ann: epoch, Bob: others } = room.epochs();
    assertEquals([epoch! > known!.secret!.epoch, others], [true, epoch]);
    room.ended.length = 0;
    for (const contact of [ann!, bob!]) {
      room.comes("Pip", contact, known);
      pass(world, 15);
    }
    assertEquals(room.ended, ["Pip: bad-credentials", "Pip: bad-credentials"]);
  }
});

Deno.test("private: whom Mal's half has let in is out in the end, although Mal made later invites and Ann isn't there", () => {
  const { room, world, ann, bob, cem, mal, old, rotates } = removedElsewhere();
  room.comes("Pip", bob, old);
  pass(world, 15);
  const theirs = rotates(mal, 2);
  room.comes("Pop", bob, theirs);
  pass(world, 15);
  assertEquals(room.lists()["Bob"], "Bob Mal Pip Pop");
  const current = room.inviteOf(ann)?.secret?.secret.toHex();
  ann.process!.command({ command: "quit" });
  pass(world, 5);

  room.heal();

  assertEquals(room.lists()["Cem"], "Bob Cem");
  assertEquals(room.warned.map((text) => text.split(":")[0]).toSorted(), ["Pip", "Pop"]);
  const knows = room.world.present().filter(({ member }) =>
    room.inviteOf(member)?.secret?.secret.toHex() === current
  );
  assertEquals(knows.map(({ member }) => member.name).toSorted(), ["Bob", "Cem"]);
  room.ended.length = 0;
  room.comes("Puk", cem, theirs);
  pass(world, 20);
  assertEquals(room.ended, ["Puk: bad-credentials"]);
});

Deno.test("private: an invite made in the removed one's half lets nobody in, also where nobody is there who may remove", () => {
  const { room, world, ann, bob, cem, mal, rotates } = removedElsewhere();
  rotates(bob, 2);
  const known = room.inviteOf(mal);
  ann.process!.command({ command: "quit" });
  pass(world, 5);
  room.heal();
  assertEquals(room.epochs(), { Bob: 3, Cem: 3 });
  room.ended.length = 0;
  for (const contact of [bob, cem]) {
    room.comes("Pip", contact, known);
    pass(world, 20);
  }
  assertEquals(room.ended, ["Pip: bad-credentials", "Pip: bad-credentials"]);

  // Whoever asks for an invite there gets one that opens.
  cem.process!.command({ command: "invite", rotate: false });
  pass(world, 5);
  room.comes("Pop", bob, room.inviteOf(bob));
  pass(world, 20);
  world.start(ann, { kind: "resume", room: ann.room! });
  pass(world, 60);
  assertEquals(new Set(Object.values(room.lists())), new Set(["Ann Bob Cem Pop"]));
  assertEquals(room.epochs(), { Ann: 4, Bob: 4, Cem: 4, Pop: 4 });
});

Deno.test("private: who knows of a removal doesn't come in through somebody who is out since", () => {
  const { room, world, bob, cem, old } = removedElsewhere();
  const pip = room.comes("Pip", bob, old);
  pass(world, 15);
  room.heal();
  cem.process!.command({ command: "quit" });
  pass(world, 5);
  room.ended.length = 0;

  room.joins(cem, pip, room.inviteOf(pip));
  pass(world, 50);

  assertEquals(room.ended, ["Cem: bad-credentials"]);
  assertEquals([pip.process!.links.size, room.lists()["Pip"]?.includes("Cem")], [0, false]);
  room.joins(cem, bob);
  pass(world, 20);
  assertEquals([room.lists()["Cem"], room.epochs()["Cem"]], ["Ann Bob Cem", 2]);
});

Deno.test("private: two who remove somebody at once don't keep out whom the invite that counts lets in later", () => {
  const room = new RemovalRoom(["Ann", "Bob", "Cem", "Mal", "Eve"], true);
  const { world, members: { Ann: ann } } = room;
  room.types("Ann", "deputy", "Bob");
  pass(world, 5);
  room.types("Ann", "remove", "Mal");
  room.types("Bob", "remove", "Mal");
  pass(world, 5);
  assertEquals(room.epochs(), { Ann: 2, Bob: 2, Cem: 2, Eve: 2 });
  room.warned.length = 0; // whose rotation lost was told so

  // Neither removal names them, and each is told of both by the one that came before.
  let contact = ann!;
  for (const name of ["Pip", "Pop", "Puk"]) {
    contact = room.comes(name, contact, room.inviteOf(contact));
    pass(world, 15);
  }

  assertEquals(new Set(Object.values(room.lists())), new Set(["Ann Bob Cem Eve Pip Pop Puk"]));
  assertEquals(room.warned, []);
  assertEquals(room.ended, ["Mal: kicked"]);
  // Nor does anybody who makes an invite later, or removes somebody else.
  room.types("Ann", "remove", "Eve");
  pass(world, 5);
  assertEquals(Object.values(room.epochs()), new Array(6).fill(3));
  ann!.process!.command({ command: "invite", rotate: true });
  pass(world, 5);
  assertEquals(Object.values(room.epochs()), new Array(6).fill(4));
  assertEquals(room.warned, []);
});

for (const isPrivate of [false, true]) {
  Deno.test(`${isPrivate ? "private" : "open"}: whoever is let in just before a removal is in at all, or is told at once that it isn't`, () => {
    const names = ["Ann", "Bob", "Cem", "Dan"];
    for (const removed of ["Bob", "Cem"]) {
      const outcomes = new Set<string>();
      for (const afterMs of [20, 40, 60, 80, 90, 100, 110, 120, 140, 1_000]) {
        const room = new RemovalRoom(names, isPrivate);
        const { world, members: { Ann: ann, Bob: bob } } = room;
        const pip = room.comes("Pip", bob!, room.inviteOf(ann!));
        pass(world, afterMs / 1_000);
        room.types("Ann", "remove", removed);
        const about = `${removed} is removed after ${afterMs} ms`;
        pass(world, 4);
        const end = room.ended.find((line) => line.startsWith("Pip")) ?? "in";
        outcomes.add(end);
        if (end !== "in") {
          assertEquals(pip.readyAtMs, null, `${about}: it was told before that it is in`);
        }
        pass(world, 40);
        const stay = [
          ...names.filter((name) => name !== removed),
          ...(end === "in" ? ["Pip"] : []),
        ];
        assertEquals(
          room.lists(),
          Object.fromEntries(stay.map((name) => [name, stay.join(" ")])),
          about,
        );
        assertEquals(room.warned, [], about);
      }
      assertEquals(outcomes.has("in"), true);
      assertEquals(outcomes.size > 1, isPrivate || removed === "Bob");
    }
  });
}

/** What may happen to the others while somebody is removed, in any combination. */
Deno.test("private: however the room was cut or left when it happened, those who weren't removed end up with one secret, alone", () => {
  for (let seed = 1; seed <= 25; seed++) {
    const random = new Random(seed);
    const names = ["Ann", "Bob", "Cem", "Dan", "Mal"];
    const room = new RemovalRoom(names, true, seed);
    const { world, members } = room;
    const { Ann: ann, Mal: mal } = members;
    const old = room.inviteOf(ann!);
    const others = ["Bob", "Cem", "Dan"];
    const away = others.filter(() => random.chance(0.3));
    for (const name of away) members[name]!.process!.command({ command: "quit" });
    pass(world, 5);
    const half = ["Ann", ...others.filter(() => random.chance(0.5))];
    if (random.chance(0.7)) room.cut(...half);
    room.types("Ann", "remove", "Mal");
    pass(world, random.chance(0.5) ? 5 : 0.05);
    const strangers: Member[] = [];
    for (const contact of others.filter((name) => members[name]!.present !== null)) {
      if (random.chance(0.5)) {
        strangers.push(room.comes(`${contact}2`, members[contact]!, old));
      }
      if (random.chance(0.3)) {
        members[contact]!.process!.command({ command: "invite", rotate: true });
      }
    }
    pass(world, 10);
    room.heal();
    for (const name of away) {
      world.start(members[name]!, { kind: "resume", room: members[name]!.room! });
    }
    if (mal!.present === null) world.start(mal!, { kind: "resume", room: mal!.room! });
    pass(world, 60);
    for (const stranger of strangers) {
      if (stranger.present === null) room.joins(stranger, ann!, old);
    }
    pass(world, 60);

    const stay = ["Ann", ...others];
    const listed = room.lists();
    const epochs = room.epochs();
    const about = `seed ${seed}`;
    for (const name of stay) {
      assertEquals(listed[name], stay.join(" "), `${about}: who is listed at ${name}`);
      assertEquals(epochs[name], epochs["Ann"], `${about}: the epoch at ${name}`);
    }
    const known = [...strangers, mal!].flatMap((each) => {
      const epoch = each.present === null ? undefined : epochs[each.name];
      return epoch === epochs["Ann"] ? [each.name] : [];
    });
    assertEquals(known, [], `${about}: nobody else knows the secret`);
  }
});
