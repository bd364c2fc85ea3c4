// What members are told of removals, of their end, and of who decides, in an even world.

import { assertEquals } from "@std/assert";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { MeshCommand, MeshEvent } from "../../../lib/protocols/mesh/schema/events.ts";
import { fakeSigner } from "../../sim/fake_crypto.ts";
import { EvenWorld } from "../../sim/mesh/even_world.ts";
import type { Member } from "../../sim/mesh/member.ts";

const SECOND_MS = 1_000;

const keyOf = (name: string) => fingerprintOf(fakeSigner(name).key);

/** Ann's room with these members. `told`: notices and errors, by member. */
function annsRoom(...names: readonly string[]) {
  const told: string[] = [];
  const events: (readonly [string, MeshEvent])[] = [];
  const world = new EvenWorld(names.length + 4, [{
    name: "rulings",
    shown({ member }, event) {
      events.push([member.name, event]);
      const isTold = event.event === "notice" || event.event === "error";
      if (isTold) told.push(`${member.name}: ${event.text.replace(/ \(\w+'s key: [^)]*\)/g, "")}`);
    },
  }]);
  const pass = (seconds: number) => world.pass(seconds * SECOND_MS);
  const add = (name: string) => world.add(name);
  const join = (member: Member, through: Member) => {
    const secret = through.process?.probe?.secrets()?.current() ?? null;
    const { endpoint: contact, room, endpoint } = through;
    const invite = secret === null
      ? {}
      : { invite: { room: room!, secret, endpoints: [endpoint] } };
    world.start(member, { kind: "join", contact, ...invite });
    pass(15);
  };
  const found = (isPrivate: boolean) => {
    world.start(ann, { kind: "found", ...(isPrivate ? { private: true } : {}) });
    pass(1);
    for (const member of others) join(member, ann);
    told.length = 0;
  };
  const back = (member: Member) => {
    const process = world.start(member, { kind: "resume", room: member.room! });
    pass(20);
    return process;
  };
  /** What all are told of this command, in the order of their names. */
  const toldOf = (member: Member, command: MeshCommand): readonly string[] => {
    told.length = 0;
    member.process?.command(command);
    pass(5);
    return told.toSorted();
  };
  const leaves = (member: Member) => {
    member.process?.command({ command: "quit" });
    pass(5);
  };
  const [ann, ...others] = ["Ann", ...names].map(add) as [Member, ...Member[]];
  const ofAnn = (command: MeshCommand) => toldOf(ann, command);
  return { world, told, events, pass, add, join, found, back, toldOf, ofAnn, leaves, ann, others };
}

Deno.test("Mesh tells all members who has removed somebody who was away, and who has allowed that one to come back", () => {
  const { found, ofAnn, toldOf, leaves, events, others } = annsRoom("Bob", "Cem", "Tim");
  const [bob, , tim] = others as [Member, Member, Member];
  found(false);
  ofAnn({ command: "deputy", name: "Bob", appoint: true });
  leaves(tim);
  const open = "; this room is open, so the same person can come back under a new key";

  assertEquals(toldOf(bob, { command: "remove", name: "Tim" }), [
    `Ann: Bob has removed Tim, who was away, for good${open}`,
    `Bob: You have removed Tim, who was away, for good${open}`,
    `Cem: Bob has removed Tim, who was away, for good${open}`,
  ]);
  assertEquals(toldOf(bob, { command: "allow", name: "Tim" }), [
    "Ann: Bob has allowed Tim to come back",
    "Bob: You have allowed Tim to come back",
    "Cem: Bob has allowed Tim to come back",
  ]);
  const ruled = { name: "Tim", key: keyOf("Tim"), by: "Bob", byKey: keyOf("Bob") };
  const ofCem = events.flatMap(([name, event]) => {
    if (name !== "Cem" || (event.event !== "removed" && event.event !== "allowed")) return [];
    return [event];
  });
  assertEquals(ofCem, [
    { event: "removed", ...ruled, away: true },
    { event: "allowed", ...ruled },
  ]);
});

Deno.test("Mesh tells who comes back, once, what was decided meanwhile, and a newcomer nothing of it", () => {
  const { told, found, ofAnn, toldOf, leaves, back, add, join, ann, others } = annsRoom(
    ..."Bob Gus Tim Vic Wes".split(" "),
  );
  const [bob, gus, tim, vic, wes] = others as [Member, Member, Member, Member, Member];
  found(false);
  toldOf(ann, { command: "remove", name: "Wes" });
  leaves(gus);
  ofAnn({ command: "deputy", name: "Bob", appoint: true });
  toldOf(bob, { command: "remove", name: "Tim" });
  toldOf(bob, { command: "remove", name: "Vic" });
  toldOf(bob, { command: "allow", name: "Vic" });
  ofAnn({ command: "allow", name: "Wes" });
  told.length = 0;

  back(gus);
  const ofGus = () => told.filter((text) => text.startsWith("Gus: ")).toSorted();
  assertEquals(ofGus(), [
    "Gus: Ann has allowed Wes to come back",
    "Gus: Ann has made Bob a deputy, who can /remove and /allow members",
    "Gus: Bob has removed Tim for good; this room is open, so the same person can come back under a new key",
  ]);
  leaves(gus);
  told.length = 0;
  back(gus);
  assertEquals(ofGus(), []);

  join(add("Hal"), bob);
  const ofHal = told.filter((text) => text.startsWith("Hal: "));
  assertEquals(ofHal, [
    "Hal: Ann is the founder of this room, Bob is a deputy: they can remove members",
  ]);
  void [tim, vic, wes];
});

Deno.test("Mesh tells who is removed by whom, then and at a later start, and who has allowed that one back", () => {
  const { told, found, ofAnn, toldOf, back, others } = annsRoom("Bob", "Tim", "Vic");
  const [bob, tim, vic] = others as [Member, Member, Member];
  found(false);
  ofAnn({ command: "deputy", name: "Bob", appoint: true });
  const [ofTim, ofVic] = [tim, vic].map(({ process }) => process!);
  const saidTo = ({ outcome }: NonNullable<Member["process"]>) =>
    outcome?.kind === "fatal" ? outcome.text : null;
  toldOf(bob, { command: "remove", name: "Tim" });
  ofAnn({ command: "remove", name: "Vic" });

  const ask = (name: string) => `ask ${name} to /allow you back, or found another room with --new`;
  const byBob = `Bob, a deputy of the room's founder, has removed you for good; ${ask("Bob")}`;
  assertEquals([ofTim, ofVic].map((process) => saidTo(process!)), [
    byBob,
    `Ann, the founder of the room, has removed you for good; ${ask("Ann")}`,
  ]);
  const again = back(tim);
  assertEquals(saidTo(again), byBob);

  ofAnn({ command: "allow", name: "Tim" });
  ofAnn({ command: "allow", name: "Vic" });
  told.length = 0;
  back(tim);
  back(vic);
  assertEquals(told.filter((text) => text.includes("has allowed")), [
    "Tim: Ann has allowed you back, overruling Bob: only Ann can decide on you from now on",
    "Vic: Ann has allowed Tim to come back, overruling Bob: only Ann can decide on Tim from now on",
    "Vic: Ann has allowed you back",
  ]);
});

Deno.test("Mesh tells who is removed which of their private messages haven't arrived, as it tells who leaves", () => {
  const { world, pass, found, ofAnn, leaves, others } = annsRoom("Tim", "Vic");
  const [tim, vic] = others as [Member, Member];
  found(false);
  leaves(vic);
  const process = tim.process!;
  world.say(process, "hi", { name: "Vic", key: keyOf("Vic") });
  pass(5);

  assertEquals(ofAnn({ command: "remove", name: "Tim" }).filter((text) => text.startsWith("Tim")), [
    "Tim: Kept: 1 private message for Vic; sent when you are both here again",
  ]);
  assertEquals(process.outcome?.kind, "fatal");
});

Deno.test("Mesh lists who is removed, and by whom, also to a newcomer, until that is taken back", () => {
  const { found, ofAnn, toldOf, add, join, events, others } = annsRoom("Bob", "Tim", "Vic");
  const [bob] = others as [Member];
  found(false);
  ofAnn({ command: "deputy", name: "Bob", appoint: true });
  toldOf(bob, { command: "remove", name: "Tim" });
  ofAnn({ command: "remove", name: "Vic" });
  const cem = add("Cem");
  join(cem, bob);
  const listed = () => {
    events.length = 0;
    toldOf(cem, { command: "peers" });
    const list = events.flatMap(([, event]) => event.event === "peers" ? [event] : [])[0];
    return list?.removed?.map(({ key, byKey }) => [key, byKey]);
  };

  assertEquals(listed(), [[keyOf("Tim"), keyOf("Bob")], [keyOf("Vic"), keyOf("Ann")]]);
  for (const name of ["Tim", "Vic"]) ofAnn({ command: "allow", name });
  assertEquals(listed(), undefined);
});

Deno.test("Mesh names the removed to whoever would allow somebody back who isn't among them", () => {
  const { found, ofAnn } = annsRoom("Tim");
  found(false);
  const allow = () => ofAnn({ command: "allow", name: "Dave" });

  assertEquals(allow(), ["Ann: Cannot allow Dave: nobody is removed"]);
  ofAnn({ command: "remove", name: "Tim" });
  assertEquals(allow(), ["Ann: Cannot allow Dave: these were removed: Tim"]);
});

Deno.test("Mesh lists founder and deputies as such, everywhere", () => {
  const { found, ofAnn, toldOf, leaves, back, events, ann, others } = annsRoom("Bob", "Cem");
  const [bob, cem] = others as [Member, Member];
  found(false);
  ofAnn({ command: "deputy", name: "Bob", appoint: true });
  for (const member of [bob, cem]) {
    events.length = 0;
    toldOf(member, { command: "peers" });
    toldOf(member, { command: "status" });
    const roles = events.flatMap(([, event]) => {
      const people: readonly { readonly name: string; readonly role?: string }[] =
        event.event === "peers"
          ? event.peers
          : event.event === "status"
          ? [event, ...event.members]
          : [];
      const each = people.map(({ name, role }) => `${name} ${role ?? "member"}`).toSorted();
      return each.length > 0 ? [each] : [];
    });

    assertEquals(roles, [
      ["Ann founder", "Bob deputy", "Cem member"],
      ["Ann founder", "Bob deputy", "Cem member"],
    ]);
  }
  // Also where one comes back, of whom nobody asks for a list.
  leaves(ann);
  events.length = 0;
  back(ann);
  const came = events.flatMap(([who, event]) =>
    event.event === "joined" && who !== "Ann" ? [[who, event.name, event.role]] : []
  );
  assertEquals(came.toSorted(), [["Bob", "Ann", "founder"], ["Cem", "Ann", "founder"]]);
});

Deno.test("Mesh says what a refused key's owner still reads and may do, and marks it in the list", () => {
  const { found, ofAnn, toldOf, events, others } = annsRoom("Bob", "Cem");
  const [bob, cem] = others as [Member, Member];
  found(false);
  ofAnn({ command: "deputy", name: "Bob", appoint: true });
  const refuses = (member: Member, name: string) => {
    toldOf(member, { command: "verify", name });
    return toldOf(member, { command: "verify", name, answer: "no" }).map((text) =>
      text.replaceAll(/~\w+/g, "~k")
    );
  };
  const reads = (name: string) => `${name}~k still reads all that is said to the room`;

  ofAnn({ command: "verify", name: "Bob" });
  assertEquals(refuses(others[0]!, "Ann"), [
    `Bob: ${
      reads("Ann")
    }, and is its founder: nobody can /remove Ann~k; found another room with /join --new`,
  ]);
  assertEquals(refuses(cem, "Bob"), [
    `Cem: ${reads("Bob")}, and is a deputy: only the founder can /remove Bob~k; ask for that`,
  ]);
  assertEquals(refuses(bob, "Cem"), [`Bob: ${reads("Cem")}: /remove Cem~k shuts that key out`]);
  events.length = 0;
  toldOf(cem, { command: "peers" });
  const marked = events.flatMap(([, event]) => event.event === "peers" ? event.peers : [])
    .flatMap(({ changed }) => changed === undefined ? [] : [[changed.name, changed.key]]);
  assertEquals(marked, [["Bob", keyOf("Bob")]]);
});

Deno.test("Mesh takes over a deputy's removal of which the founder hears only after ending that, and says whose it was", () => {
  for (const isPrivate of [false, true]) {
    const { found, ofAnn, told, events, pass, toldOf, back, leaves, ann, others } = annsRoom(
      ...["Ben", "Cy", "Fay"],
    );
    const [ben, , fay] = others as [Member, Member, Member];
    found(isPrivate);
    ofAnn({ command: "deputy", name: "Ben", appoint: true });
    leaves(ann);
    toldOf(ben, { command: "remove", name: "Cy" });
    leaves(ben);
    leaves(fay);
    back(ann);
    ofAnn({ command: "deputy", name: "Ben", appoint: false });

    [told.length, events.length] = [0, 0];
    back(fay);
    pass(20);
    const how = isPrivate
      ? "earlier invites admit nobody any more"
      : "this room is open, so the same person can come back under a new key";
    assertEquals(told.filter((line) => line.includes("Cy")).toSorted(), [
      "Ann: You have removed Cy, who was away, for good, as Ben had, who isn't a deputy any more: " +
      `/allow Cy takes it back; ${how}`,
      "Fay: Ben's removal of Cy stays in force, now as Ann's",
    ]);
    const decided = events.flatMap(([name, event]) =>
      event.event === "allowed" || event.event === "removed"
        ? [`${name} ${event.event} ${event.by}`]
        : []
    );
    assertEquals(decided.toSorted(), ["Ann removed Ann"]);
  }
});

Deno.test("Mesh sends nothing to whom the user has removed that was typed after it, and refuses a removal that the disk refuses", () => {
  const { world, told, events, found, pass, ann, others } = annsRoom("Bob", "Tim");
  const [, tim] = others as [Member, Member];
  found(false);
  const { disk } = ann;
  const type = (command: MeshCommand) => ann.process!.command(command);
  const saidTo = (name: string) =>
    events.flatMap(([to, event]) => to === name && event.event === "message" ? [event.text] : []);
  disk.refuses = true;
  type({ command: "remove", name: "Tim" });
  pass(1);
  const [refusal] = told.filter((text) => text.startsWith("Ann: Cannot remove Tim: "));
  assertEquals(refusal?.endsWith("; nobody was removed"), true);
  assertEquals(ann.process!.probe!.isRemoved(fakeSigner("Tim").key), false);

  disk.refuses = false;
  const before = world.say(ann.process!, "before", null).text;
  type({ command: "remove", name: "Tim" });
  const after = world.say(ann.process!, "after", null).text;
  type({ command: "quit" });
  pass(5);
  assertEquals([saidTo("Bob"), saidTo("Tim")], [[before, after], [before]]);
  assertEquals(tim.process, null, "it has ended");
});
