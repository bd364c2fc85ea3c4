import { assertEquals } from "@std/assert";
import { SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import type { Endpoint, LinkId, PeerKey, RoomId } from "../../../lib/base/ids.ts";
import type { MeshCommand } from "../../../lib/protocols/mesh/schema/events.ts";
import { parseInvite } from "../../../lib/protocols/mesh/schema/invite.ts";
import { Mesh } from "../../../lib/protocols/mesh/mesh.ts";
import type { MeshEffect } from "../../../lib/protocols/mesh/schema/mesh_io.ts";
import type { MeshRecord } from "../../../lib/protocols/mesh/schema/records.ts";
import { Room } from "../../../lib/protocols/mesh/room/room.ts";
import { fakeCrypto, fakeSigner } from "../../sim/fake_crypto.ts";
import { beaconOf, fakeEnvironment, keyOf } from "./membership_fixtures.ts";
import { forged, idOf } from "./order_members.ts";
import { EVEN_WORLD, plainMember } from "../../sim/mesh/even_world.ts";
import type { MeshChecker } from "../../sim/mesh/checker.ts";
import type { Member } from "../../sim/mesh/member.ts";
import { meshSubject } from "../../sim/mesh/mesh_subject.ts";
import { World } from "../../sim/mesh/world.ts";
import { Random } from "../../sim/random.ts";
import { replaced } from "../../sim/replaced.ts";
import { SLOW } from "../../given.ts";

const SECOND_MS = 1_000;

function quietWorld(checkers: readonly MeshChecker[] = []): World {
  return new World({ ...EVEN_WORLD, hosts: 4 }, meshSubject(), checkers);
}

function addMember(world: World, name: string): Member {
  return world.addMember(plainMember(fakeSigner(name), name));
}

function pass(world: World, forMs: number): void {
  world.time.runUntil(world.time.nowMs + forMs);
}

/** Ann, who has founded a room, and Bob, who has come in. */
function annAndBob(world: World): readonly [Member, Member] {
  const [ann, bob] = [addMember(world, "Ann"), addMember(world, "Bob")];
  world.start(ann, { kind: "found" });
  pass(world, SECOND_MS);
  world.start(bob, { kind: "join", contact: ann.endpoint });
  pass(world, 5 * SECOND_MS);
  return [ann, bob];
}

function neighboursOf(member: Member): readonly string[] {
  const keys = [...member.process?.probe?.activeView() ?? []];
  return member.world.members.filter(({ key }) => keys.includes(key)).map(({ name }) => name);
}

Deno.test("Mesh finds the room again by who let it in, although that one died in that moment", () => {
  const world = quietWorld();
  const [ann, bob] = [addMember(world, "Ann"), addMember(world, "Bob")];
  const founder = world.start(ann, { kind: "found" });
  pass(world, SECOND_MS);
  world.start(bob, { kind: "join", contact: ann.endpoint });
  while (!bob.disk.records.some(({ kind }) => kind === "claim")) pass(world, 1);
  world.end(founder, true, 0);
  pass(world, 10 * SECOND_MS);
  assertEquals(bob.process, null, "nobody has told him yet that he is in");

  world.start(bob, { kind: "resume", room: bob.room! });
  world.start(ann, { kind: "resume", room: ann.room! });
  pass(world, 30 * SECOND_MS);

  assertEquals([neighboursOf(ann), neighboursOf(bob)], [["Bob"], ["Ann"]]);
});

/** Where Ann can be dialled, as by a forwarded port: not where she says. */
const FORWARDED = { host: "203.0.113.7", port: 4_000 };

/** Ann, whom nobody reaches at the address that she announces, and Bob, who came in elsewhere and can't be dialled. */
function annBehindForwardedPort(world: World): readonly [Member, Member] {
  const [ann, bob] = [
    addMember(world, "Ann"),
    world.addMember({ ...plainMember(fakeSigner("Bob"), "Bob"), passive: true }),
  ];
  world.start(ann, { kind: "found" });
  world.network.unlisten(ann.endpoint);
  world.network.listen(FORWARDED, ann.process!);
  pass(world, SECOND_MS);
  world.start(bob, { kind: "join", contact: FORWARDED });
  pass(world, 5 * SECOND_MS);
  assertEquals(neighboursOf(bob), ["Ann"]);
  return [ann, bob];
}

Deno.test("Mesh finds a member where it came in, though it announces an address that nobody reaches", () => {
  const world = quietWorld();
  const [ann, bob] = annBehindForwardedPort(world);

  world.network.setCuts(() => true);
  pass(world, 25 * SECOND_MS);
  assertEquals([neighboursOf(ann), neighboursOf(bob)], [[], []]);
  world.network.setCuts(() => false);
  pass(world, 30 * SECOND_MS);

  assertEquals([neighboursOf(ann), neighboursOf(bob)], [["Bob"], ["Ann"]]);
});

Deno.test("Mesh is told where others reach it, if nobody does where it says that it is", () => {
  const notices: string[] = [];
  const invited: Endpoint[] = [];
  const world = quietWorld([{
    name: "notices",
    shown({ member }, event) {
      if (member.name !== "Ann") return;
      if (event.event === "notice") notices.push(event.text);
      if (event.event === "invite") invited.push(...parseInvite(event.invite).endpoints);
    },
  }]);
  const [ann] = annBehindForwardedPort(world);
  pass(world, 20 * SECOND_MS);
  assertEquals(notices, [
    "Nobody can dial you at 10.0.0.0:55107: a member came in at 203.0.113.7:4000; start with " +
    "--advertise 203.0.113.7:4000, and others find you there",
  ]);

  ann.process?.command({ command: "invite", rotate: false });
  pass(world, SECOND_MS);
  assertEquals(invited, [FORWARDED]);

  // Somebody in her own network comes by the address that she announced.
  world.network.listen(ann.endpoint, ann.process!);
  const cem = addMember(world, "Cem");
  world.start(cem, { kind: "join", contact: ann.endpoint });
  pass(world, 30 * SECOND_MS);
  assertEquals(notices.slice(1), ["Others can dial you at 10.0.0.0:55107 now"]);
});

Deno.test("Mesh that resumes dials a member where it was met, though it announces another address", () => {
  for (const isCompacted of [false, true]) {
    const world = quietWorld();
    const [ann, bob] = annBehindForwardedPort(world);
    if (isCompacted) {
      bob.process!.sim.compactSoon();
      world.say(bob.process!, "so that the log is written anew", null);
      pass(world, SECOND_MS);
    }
    world.end(bob.process!, false, 0);
    pass(world, 60 * SECOND_MS);

    world.start(bob, { kind: "resume", room: bob.room! });
    pass(world, 10 * SECOND_MS);

    assertEquals([neighboursOf(ann), neighboursOf(bob)], [["Bob"], ["Ann"]]);
  }
});

Deno.test("Mesh finds the room again within 5 s although a liar named many members that nobody answers for", () => {
  const world = quietWorld();
  const [ann, bob, cem] = [
    addMember(world, "Ann"),
    addMember(world, "Bob"),
    addMember(world, "Cem"),
  ];
  world.start(ann, { kind: "found" });
  pass(world, SECOND_MS);
  for (const member of [bob, cem]) world.start(member, { kind: "join", contact: ann.endpoint });
  pass(world, 5 * SECOND_MS);
  assertEquals(neighboursOf(bob), ["Ann", "Cem"]);
  bob.process!.sim.compactSoon();
  world.say(bob.process!, "so that the log is written anew", null);
  pass(world, SECOND_MS);
  world.end(bob.process!, false, 0);
  world.end(ann.process!, false, 0);
  // As a liar's beacons leave them; nobody answers there.
  const heardWallMs = bob.wallMs() + 1_000 * SECOND_MS;
  const silent = 3;
  world.network.setCuts((_, to) => to === silent);
  for (let port = 1; port <= 100; port++) {
    const endpoint = { host: "10.9.9.9", port };
    world.network.listen(endpoint, { host: silent, answer: "unreachable" });
    const beacon = beaconOf(`Nobody ${port}`, 1, { endpoint });
    bob.disk.write([{ kind: "member", beacon, heardWallMs }]);
  }

  world.start(bob, { kind: "resume", room: bob.room! });
  pass(world, 5 * SECOND_MS);

  assertEquals(neighboursOf(bob), ["Cem"]);
});

Deno.test("Mesh stays in the room where it was let in by one who went away before its welcome", () => {
  const ready: string[] = [];
  const world = quietWorld([{
    name: "ready",
    shown({ member }, event) {
      if (event.event === "ready") ready.push(member.name);
    },
  }]);
  const [ann, bob] = [addMember(world, "Ann"), addMember(world, "Bob")];
  const founder = world.start(ann, { kind: "found" });
  pass(world, SECOND_MS);
  world.start(bob, { kind: "join", contact: ann.endpoint });
  pass(world, 5 * SECOND_MS);
  world.end(bob.process!, false, 0);
  // Without his claim he is offered another one, and waits for a welcome.
  const isClaimed = (record: MeshRecord) =>
    record.kind === "claim" && record.claim.claim.value.key === bob.key;
  const image = world.imageOf(bob);
  const records = image.records.filter((record) => !isClaimed(record));
  world.restore(bob, { ...image, records });

  world.start(bob, { kind: "resume", room: bob.room! });
  while (!bob.disk.records.some(isClaimed)) pass(world, 1);
  world.end(founder, true, 0);
  pass(world, 10 * SECOND_MS);

  const incarnations = bob.disk.records.slice(records.length)
    .flatMap((record) => record.kind === "incarnation" ? [record.incarnation] : []);
  assertEquals(new Set(incarnations).size, 1, "he has entered it once");
  world.start(ann, { kind: "resume", room: ann.room! });
  pass(world, 30 * SECOND_MS);
  assertEquals([neighboursOf(ann), neighboursOf(bob)], [["Bob"], ["Ann"]]);
  assertEquals(ready, ["Ann", "Bob", "Bob", "Ann"]);
});

Deno.test("Mesh that wasn't in yet when the invite became void stays out, and lets nobody in by that", () => {
  const world = quietWorld();
  const [ann, bob] = [addMember(world, "Ann"), addMember(world, "Bob")];
  const founder = world.start(ann, { kind: "found", private: true });
  pass(world, SECOND_MS);
  founder.command({ command: "invite", rotate: false });
  const [invite] = world.invites.values();
  world.start(bob, { kind: "join", contact: ann.endpoint, invite: invite! });
  while (!bob.disk.records.some(({ kind }) => kind === "claim")) pass(world, 1);
  founder.command({ command: "invite", rotate: true });
  pass(world, 5 * SECOND_MS);
  assertEquals(bob.process, null, "refused");

  world.start(bob, { kind: "resume", room: bob.room! });
  pass(world, 5 * SECOND_MS);

  assertEquals(bob.process, null, "refused again");
});

Deno.test("Mesh asks again where a member lets in no more newcomers at this moment", () => {
  const contact = { host: "10.0.0.1", port: 1 };
  const mesh = new Mesh(
    {
      name: "Bob",
      advertise: { host: "10.0.0.2", port: 2 },
      passive: false,
      historyShown: 0,
      begin: { kind: "join", contact },
    },
    fakeSigner("Bob"),
    fakeEnvironment(0),
  );
  const link = 1 as LinkId;
  const up = { link, peer: fakeSigner("Ann").key, remote: contact, localHost: "", secret: null };
  const typesOf = (effects: readonly MeshEffect[]) => effects.map(({ type }) => type);

  const first = mesh.step({ type: "start" }, 0);
  mesh.step({ type: "link-up", ...up, dialled: true, attempt: 1 }, 1);
  const message = { type: "refuse", code: "too-fast", text: "", room: null } as const;
  const refused = mesh.step({ type: "message", link, message }, 2);
  const later = mesh.step({ type: "tick" }, mesh.nextDeadlineMs()!);

  assertEquals(typesOf(first), ["dial"]);
  assertEquals(typesOf(refused).includes("stop"), false);
  assertEquals(typesOf(later), ["dial"]);
});

Deno.test("Mesh asks another member where one says that there is no place, and ends where all do", () => {
  const endpoints = [1, 2].map((port) => ({ host: "203.0.113.1", port }));
  const invite = { room: "a".repeat(64) as RoomId, secret: null, endpoints };
  const mesh = new Mesh(
    {
      name: "Bob",
      advertise: { host: "10.0.0.2", port: 2 },
      passive: false,
      historyShown: 0,
      begin: { kind: "join", contact: endpoints[0]!, invite },
    },
    fakeSigner("Bob"),
    fakeEnvironment(0),
  );
  const full = { type: "refuse", code: "full", text: "full", room: null } as const;
  const told: string[] = [];
  const note = (effects: readonly MeshEffect[]) => {
    for (const effect of effects) {
      if (effect.type === "send") told.push(`${effect.link} ${effect.message.type}`);
      if (effect.type === "stop" && effect.outcome.kind === "fatal") told.push(effect.outcome.code);
    }
  };
  const attempts = mesh.step({ type: "start" }, 0)
    .flatMap((effect) => effect.type === "dial" ? [effect.attempt] : []);
  for (const attempt of attempts) {
    const link = attempt as LinkId;
    const [peer, remote] = [keyOf(`member ${attempt}`), endpoints[attempt - 1]!];
    const up = { link, peer, remote, localHost: "", secret: null, dialled: true, attempt };
    note(mesh.step({ type: "link-up", ...up }, attempt));
    note(mesh.step({ type: "message", link, message: full }, attempt));
  }

  assertEquals(told, ["1 join", "2 join", "full"]);
});

Deno.test("Mesh comes in within 2 s although those at the first addresses of an invite say nothing", () => {
  const world = quietWorld();
  const [ann, bob] = [addMember(world, "Ann"), addMember(world, "Bob")];
  const elsewhere = 3;
  const silent = [1, 2, 3].map((port) => ({ host: "10.0.0.9", port }));
  for (const at of silent) world.network.listen(at, { host: elsewhere, answer: "unreachable" });
  world.network.setCuts((_, to) => to === elsewhere);
  world.start(ann, { kind: "found" });
  pass(world, SECOND_MS);

  const [contact, ...others] = silent;
  const invite = { room: ann.room!, secret: null, endpoints: [...others, ann.endpoint] };
  world.start(bob, { kind: "join", contact: contact!, invite });
  pass(world, 2_200);

  assertEquals([neighboursOf(ann), neighboursOf(bob)], [["Bob"], ["Ann"]]);
});

Deno.test("Mesh asks who answers first to let it in, and says nothing to others that answer", () => {
  const random = new Random(1);
  const endpoints = [1, 2].map((port) => ({ host: "203.0.113.1", port }));
  const room = "a".repeat(64) as RoomId;
  const mesh = new Mesh(
    {
      name: "Ann",
      advertise: { host: null, port: 55_107 },
      passive: false,
      historyShown: 0,
      begin: { kind: "join", contact: endpoints[0]!, invite: { room, secret: null, endpoints } },
    },
    fakeSigner("Ann"),
    {
      random: () => 0.5,
      randomBytes: (length) => random.bytes(length),
      wallMs: () => 0,
      crypto: fakeCrypto,
      log: SILENT_LOGGER,
    },
  );
  const told = (effects: readonly MeshEffect[]) =>
    effects.flatMap((effect) => {
      if (effect.type === "send") return [`${effect.link} ${effect.message.type}`];
      if (effect.type === "close") return [`${effect.link} close`];
      return effect.type === "dial" ? [`dial ${effect.endpoint.port}`] : [];
    });
  const up = (attempt: number, nowMs: number) =>
    told(mesh.step({
      type: "link-up",
      link: attempt as LinkId,
      peer: String(attempt).padStart(64, "e") as PeerKey,
      dialled: true,
      remote: endpoints[attempt - 1]!,
      localHost: "203.0.113.9",
      attempt,
      secret: null,
    }, nowMs));

  assertEquals(told(mesh.step({ type: "start" }, 0)), ["dial 1", "dial 2"]);
  assertEquals([up(2, 10), up(1, 20)], [["2 join"], ["1 close"]]);
  const down = { type: "link-down", closed: true, reason: "" } as const;
  assertEquals(told(mesh.step({ ...down, link: 1 as LinkId }, 30)), []);
  assertEquals(told(mesh.step({ ...down, link: 2 as LinkId }, 40)), ["dial 1"]);
});

Deno.test("Mesh doesn't say that nobody answers to who was found while it dialled in vain", () => {
  const told: string[] = [];
  const world = quietWorld([{
    name: "told",
    shown({ member }, event) {
      if (member.name !== "Bob") return;
      if (event.event === "joined") told.push(event.name);
      if (event.event === "notice") told.push(event.text.slice(0, 26));
    },
  }]);
  const [ann, bob] = annAndBob(world);
  for (const member of [bob, ann]) {
    member.process!.command({ command: "quit" });
    pass(world, SECOND_MS);
  }
  // Where Ann was, nothing is ever said.
  const elsewhere = 3;
  world.network.listen(ann.endpoint, { host: elsewhere, answer: "unreachable" });
  world.network.setCuts((_, to) => to === elsewhere);
  ann.endpoint = { ...ann.endpoint, port: 1 };
  told.length = 0;

  world.start(bob, { kind: "resume", room: bob.room! });
  pass(world, SECOND_MS);
  world.start(ann, { kind: "resume", room: ann.room! });
  pass(world, 5 * SECOND_MS);

  assertEquals(told, ["Ann"]);

  for (const { process } of [ann, bob]) world.end(process!, true, 0);
  world.start(bob, { kind: "resume", room: bob.room! });
  pass(world, 5 * SECOND_MS);
  assertEquals(told, ["Ann", "Nobody of the room answers"]);
});

Deno.test("Mesh doesn't try to find those who were removed, and says so to whom they leave alone", () => {
  const told: string[] = [];
  const world = quietWorld([{
    name: "told",
    shown({ member }, event) {
      if (member.name === "Ann" && event.event === "notice") told.push(event.text);
    },
  }]);
  const [ann, bob] = annAndBob(world);
  pass(world, SECOND_MS);
  ann.process!.command({ command: "remove", name: "Bob" });
  pass(world, SECOND_MS);
  world.end(ann.process!, true, 0);
  assertEquals(bob.process?.outcome !== null, true);
  told.length = 0;

  world.start(ann, { kind: "resume", room: ann.room! });
  pass(world, 5 * SECOND_MS);

  assertEquals(told, ["All others of the room were removed; others can join"]);
});

Deno.test("Mesh keeps one of two copies of a profile that come in at two ends of a room that is cut", () => {
  const world = quietWorld();
  const [ann, bob] = [addMember(world, "Ann"), addMember(world, "Bob")];
  const carl = addMember(world, "Carl");
  world.start(ann, { kind: "found" });
  pass(world, SECOND_MS);
  const original = world.start(bob, { kind: "join", contact: ann.endpoint });
  world.start(carl, { kind: "join", contact: ann.endpoint });
  pass(world, 5 * SECOND_MS);
  const copy = world.addMember(bob.config);
  world.end(original, false, 0);
  world.restore(copy, world.imageOf(bob));

  // What both know of their last start is all they have to go by.
  const side = (host: number) => host === ann.index || host === bob.index;
  world.network.setCuts((from, to) => side(from) !== side(to));
  for (const [member, contact] of [[bob, ann], [copy, carl]] as const) {
    member.wallOffsetMs = -3_600_000;
    world.start(member, { kind: "join", contact: contact.endpoint });
  }
  pass(world, 2 * SECOND_MS);
  assertEquals([bob, copy].filter(({ present }) => present !== null).length, 2);
  world.network.setCuts(() => false);
  pass(world, 60 * SECOND_MS);

  assertEquals([bob, copy].filter(({ present }) => present !== null).length, 1);
});

Deno.test("Mesh finds its room again although one whom it remembers has gone", () => {
  const notices: string[] = [];
  const world = quietWorld([{
    name: "notices",
    shown(process, event) {
      if (event.event === "notice" && process.member === bob) notices.push(event.text);
    },
  }]);
  const [ann, bob, dora] = ["Ann", "Bob", "Dora"].map((name) => addMember(world, name)) as [
    Member,
    Member,
    Member,
  ];
  world.start(ann, { kind: "found" });
  pass(world, SECOND_MS);
  for (const member of [bob, dora]) {
    world.start(member, { kind: "join", contact: ann.endpoint });
    pass(world, 5 * SECOND_MS);
  }
  dora.process?.command({ command: "quit" });
  pass(world, 5 * SECOND_MS);
  // Where she was, nobody listens: that is known sooner than that somebody answers.
  world.network.listen(dora.endpoint, { host: dora.index, answer: "unreachable" });
  world.end(bob.process!, false, 0);
  pass(world, SECOND_MS);

  ann.process?.sim.stall(SECOND_MS / 2);
  world.start(bob, { kind: "resume", room: bob.room! });
  pass(world, 5 * SECOND_MS);

  assertEquals([neighboursOf(bob), notices], [["Ann"], []]);
});

Deno.test("Mesh takes a name that somebody had meanwhile, and gave up while it was away", () => {
  const events: string[] = [];
  const world = quietWorld([{
    name: "names",
    shown(process, event) {
      if (process.member !== yan || event.event === "message" || event.event === "joined") return;
      events.push("name" in event ? `${event.event} ${event.name}` : event.event);
    },
  }]);
  const [ann, yan] = [addMember(world, "Ann"), addMember(world, "Yan")];
  const other = world.addMember({ ...yan.config, signer: fakeSigner("another Yan") });
  world.start(ann, { kind: "found" });
  pass(world, SECOND_MS);
  const join = (member: Member) => {
    world.start(member, { kind: "join", contact: ann.endpoint });
    pass(world, 3 * SECOND_MS);
  };
  const command = (member: Member, command: MeshCommand) => {
    member.process?.command(command);
    pass(world, 3 * SECOND_MS);
  };
  join(yan);
  command(yan, { command: "name", name: "Yves" });
  join(other);
  command(yan, { command: "quit" });
  command(other, { command: "quit" });
  events.length = 0;

  join(yan);

  assertEquals(events, ["ready Yan"]);
});

Deno.test("Mesh takes the last of several names that are asked for at once, after the first", () => {
  const events: string[] = [];
  const world = quietWorld([{
    name: "names",
    shown(process, event) {
      if (process.member !== yan) return;
      if (event.event === "renamed") events.push(`renamed ${event.name}`);
      if (event.event === "error") events.push(`${event.code} ${event.text}`);
    },
  }]);
  const [ann, yan] = [addMember(world, "Ann"), addMember(world, "Yan")];
  world.start(ann, { kind: "found" });
  pass(world, SECOND_MS);
  world.start(yan, { kind: "join", contact: ann.endpoint });
  pass(world, 3 * SECOND_MS);

  for (const name of ["Yves", "Yoko", "Yuri"]) yan.process?.command({ command: "name", name });
  pass(world, 6 * SECOND_MS);

  assertEquals(events, [
    "busy The name Yoko wasn't taken: you asked for Yuri after it",
    "renamed Yves",
    "renamed Yuri",
  ]);
});

Deno.test("Mesh gives way, coming back alone, to who took the name that it had freed", () => {
  const world = quietWorld();
  const [ann, una] = [addMember(world, "Ann"), addMember(world, "Una")];
  const other = world.addMember({ ...una.config, signer: fakeSigner("another Una") });
  world.start(ann, { kind: "found" });
  pass(world, SECOND_MS);
  world.start(una, { kind: "join", contact: ann.endpoint });
  pass(world, 3 * SECOND_MS);
  una.process?.command({ command: "quit" });
  pass(world, 3 * SECOND_MS);
  world.start(other, { kind: "join", contact: ann.endpoint });
  pass(world, 10 * SECOND_MS);

  world.network.setCuts((from, to) => from === una.index || to === una.index);
  world.start(una, { kind: "resume", room: una.room! });
  pass(world, 10 * SECOND_MS);
  world.network.setCuts(() => false);
  pass(world, 120 * SECOND_MS);

  other.process?.command({ command: "peers" });
  pass(world, SECOND_MS);
  assertEquals(other.process?.peers?.[0]?.name, "Una");
});

Deno.test("Mesh remembers of one who quit at the same moment that she has quit", () => {
  const world = quietWorld();
  const [ann, bob] = [addMember(world, "Ann"), addMember(world, "Bob")];
  const other = world.addMember({ ...bob.config, signer: fakeSigner("another Bob") });
  world.start(ann, { kind: "found" });
  pass(world, SECOND_MS);
  world.start(bob, { kind: "join", contact: ann.endpoint });
  pass(world, 10 * SECOND_MS);
  for (const { process } of [ann, bob]) process?.command({ command: "quit" });
  pass(world, SECOND_MS);
  assertEquals([ann.process, bob.process], [null, null]);

  world.start(ann, { kind: "resume", room: ann.room! });
  pass(world, 15 * SECOND_MS);
  world.start(other, { kind: "join", contact: ann.endpoint });
  pass(world, 10 * SECOND_MS);

  assertEquals(neighboursOf(ann), ["Bob"], "his name is free");
});

Deno.test("Mesh leaves within a second although a neighbour doesn't answer any more", () => {
  const world = quietWorld();
  const [ann, bob] = [addMember(world, "Ann"), addMember(world, "Bob")];
  world.start(ann, { kind: "found" });
  pass(world, SECOND_MS);
  world.start(bob, { kind: "join", contact: ann.endpoint });
  pass(world, 10 * SECOND_MS);

  ann.process?.sim.stall(2 * SECOND_MS);
  bob.process?.command({ command: "quit" });
  pass(world, SECOND_MS);

  assertEquals([ann.process === null, bob.process], [false, null]);
});

Deno.test("Mesh gives a newcomer as new what was said as soon as others read that it joined", () => {
  const greetings: { readonly text: string; readonly history: boolean }[] = [];
  const world = quietWorld([{
    name: "greeting",
    shown(process, event) {
      if (event.event === "joined" && event.name === "Bob" && process.member === ann) {
        world.say(process, "welcome", null);
      } else if (event.event === "message" && process.member === bob) greetings.push(event);
    },
  }]);
  const [ann, bob] = [addMember(world, "Ann"), addMember(world, "Bob")];
  const founder = world.start(ann, { kind: "found" });
  pass(world, SECOND_MS);
  world.say(founder, "before", null);
  pass(world, SECOND_MS);

  world.start(bob, { kind: "join", contact: ann.endpoint });
  pass(world, 5 * SECOND_MS);

  const seen = greetings.map(({ text, history }) => [text.slice(3), history]);
  assertEquals(seen, [["before", true], ["welcome", false]]);
});

Deno.test("Mesh says to one what was typed after a line to all after that line, and has it in /history", () => {
  const seen: string[] = [];
  const world = quietWorld([{
    name: "order",
    shown(process, event) {
      if (event.event === "message") seen.push(`${process.label} ${event.text}`);
      if (event.event === "history") seen.push(event.messages.map(({ text }) => text).join());
    },
  }]);
  const [ann, bob] = [addMember(world, "Ann"), addMember(world, "Bob")];
  const founder = world.start(ann, { kind: "found" });
  pass(world, SECOND_MS);
  world.start(bob, { kind: "join", contact: ann.endpoint });
  pass(world, 5 * SECOND_MS);

  world.say(founder, "all", null);
  world.say(founder, "one", { name: "Bob", key: bob.key });
  founder.command({ command: "history", count: null });
  pass(world, 5 * SECOND_MS);

  // A history has nothing of what is private, and doesn't wait for it.
  assertEquals(seen, ["n0 m0 all", "m0 all", "n0 p1 one", "n1 m0 all", "n1 p1 one"]);
});

Deno.test(
  "Mesh takes a pipe of private messages as fast as they arrive, and refuses none",
  SLOW,
  () => {
    const errors: string[] = [];
    // The program's pause overtakes what waits for the disk, the simulator's doesn't.
    const disk = { syncMs: 0, slowChance: 0 };
    const world = new World({ ...EVEN_WORLD, hosts: 2, disk }, meshSubject(), [{
      name: "errors",
      shown(_, event) {
        if (event.event === "error") errors.push(event.text);
      },
    }]);
    const [ann, bob] = annAndBob(world);
    const process = ann.process!;
    const to = { name: "Bob", key: bob.key };
    const reasons = new Set<string>();
    let most = 0;

    const said = [world.say(process, "to all", null)];
    for (let turn = 0; said.length <= 2_000 && turn < 10_000; turn++) {
      if (process.pausedBecause !== null) reasons.add(process.pausedBecause);
      else for (let line = 0; line < 20; line++) said.push(world.say(process, "", to));
      most = Math.max(most, said.length - bob.shown.order.length);
      pass(world, 2);
    }
    pass(world, 5 * SECOND_MS);

    assertEquals(errors, []);
    assertEquals(bob.shown.order, said);
    assertEquals([reasons.has("waiting for Bob"), most > 900, most <= 1_000], [true, true, true]);
  },
);

Deno.test(
  "Mesh announces another box key each day, and what is private goes on arriving",
  SLOW,
  () => {
    const seen: string[] = [];
    const world = quietWorld([{
      name: "days",
      shown(process, event) {
        if (event.event === "message" && process.label === "n1") seen.push(event.text);
      },
    }]);
    const [ann, bob] = [addMember(world, "Ann"), addMember(world, "Bob")];
    const founder = world.start(ann, { kind: "found" });
    pass(world, SECOND_MS);
    world.start(bob, { kind: "join", contact: ann.endpoint });
    // The secret of the first key is forgotten with the third one.
    for (let day = 0; day < 3; day++) {
      pass(world, day === 0 ? 5 * SECOND_MS : 24 * 60 * 60 * SECOND_MS);
      world.say(founder, `day ${day}`, { name: "Bob", key: bob.key });
    }
    pass(world, 5 * SECOND_MS);

    assertEquals(seen, ["p0 day 0", "p1 day 1", "p2 day 2"]);
  },
);

Deno.test(
  "Mesh knows all members when it is ready, however far from them it comes in",
  SLOW,
  () => {
    for (let seed = 1; seed <= 20; seed++) {
      const told: string[] = [];
      const late: string[] = [];
      const watch: MeshChecker = {
        name: "members",
        shown(process, event) {
          if (process.member.name !== "Eve") return;
          if (event.event === "ready") process.command({ command: "peers" });
          if (event.event === "peers") told.push(...event.peers.map(({ name }) => name));
          if (event.event === "joined" && event.present !== true) late.push(event.name);
        },
      };
      const network = { seed, delayMs: 20, jitterMs: 20 };
      const world = new World({ ...EVEN_WORLD, ...network, hosts: 5 }, meshSubject(), [watch]);
      let contact: Member | null = null;
      for (const name of ["Ann", "Bob", "Cem", "Dan", "Eve"]) {
        const member = addMember(world, name);
        const join = contact === null ? null : { kind: "join", contact: contact.endpoint } as const;
        world.start(member, join ?? { kind: "found" });
        pass(world, 1.5 * SECOND_MS);
        contact = member;
      }

      assertEquals([told.toSorted(), late], [["Ann", "Bob", "Cem", "Dan", "Eve"], []], `${seed}`);
    }
  },
);

Deno.test(
  "Mesh shows who leaves as soon as it is ready as much of what was said as it asked for",
  SLOW,
  () => {
    for (let seed = 1; seed <= 10; seed++) {
      for (const historyShown of [0, 2]) {
        const seen: string[] = [];
        const watch: MeshChecker = {
          name: "history",
          shown(process, event) {
            if (process.member.name !== "Cem") return;
            if (event.event === "ready") process.command({ command: "quit" });
            if (event.event === "message") seen.push(event.text.slice(3));
          },
        };
        const network = { seed, delayMs: 20, jitterMs: 20 };
        const world = new World({ ...EVEN_WORLD, ...network, hosts: 3 }, meshSubject(), [watch]);
        const [ann, bob] = annAndBob(world);
        for (const text of ["one", "two", "three"]) {
          for (const { process } of [ann, bob]) world.say(process!, text, null);
          pass(world, SECOND_MS);
        }
        const config = { ...plainMember(fakeSigner("Cem"), "Cem"), historyShown };
        const cem = world.addMember(config);
        world.start(cem, { kind: "join", contact: ann.endpoint });
        pass(world, 5 * SECOND_MS);

        assertEquals(seen, historyShown === 0 ? [] : ["three", "three"], `${seed}`);
        assertEquals(cem.process, null);
      }
    }
  },
);

Deno.test("Mesh knows that the link is full which takes over from one that has gone", () => {
  const inputs: string[] = [];
  const { step } = Room.prototype;
  const undo = replaced(Room.prototype, "step", function (this: Room, input, nowMs) {
    if (this.signer.key === keyOf("Ann")) inputs.push(input.type);
    return step.call(this, input, nowMs);
  })();
  try {
    const world = new World({ ...EVEN_WORLD, hosts: 4, bytesPerMs: 1_000 }, meshSubject(), []);
    const [ann, bob] = annAndBob(world);
    const [first] = ann.process!.links.values();
    world.roam(bob, { host: "10.9.9.9", port: 55_107 });
    for (let line = 0; line < 60; line++) world.say(ann.process!, "x".repeat(30_000), null);
    while (ann.process!.links.size < 2) pass(world, 1);
    const second = [...ann.process!.links.values()].find((end) => end !== first)!;
    while (!inputs.includes("peer-again")) pass(world, 1);
    inputs.length = 0;
    second.sever();
    while (!inputs.includes("peer-up")) pass(world, 1);

    assertEquals(inputs.slice(-3), ["peer-down", "peer-up", "congested"]);
  } finally {
    undo();
  }
});

Deno.test("Mesh pushes nothing to a member that becomes a neighbour while its link is full", () => {
  const world = quietWorld();
  const [ann, bob] = annAndBob(world);
  const { room } = ann.process!.machine as Mesh;
  const { beacon, claim } = room!.machines.roster.credentialsOf(bob.key)!;
  const [peer, nowMs] = [bob.key, world.time.nowMs];
  const accepts = { type: "neighbor-reply", accepted: true } as const;
  const pushed = () => {
    const bundle = forged(fakeSigner("Ann"), "x");
    const { id, hop, reason, kept } = {
      id: idOf(bundle),
      hop: 0,
      reason: "push",
      kept: true,
    } as const;
    const said = { type: "delivered", bundle, id, from: null, hop, reason, kept } as const;
    return room!.machines.broadcast.step(said, nowMs).filter(({ type }) => type === "push").length;
  };
  assertEquals(pushed(), 1);

  room!.step({ type: "peer-down", peer, closed: true }, nowMs);
  room!.step({ type: "peer-up", peer, reached: null, endpoint: null, beacon, claim }, nowMs);
  room!.step({ type: "congested", peer }, nowMs);
  room!.step({ type: "message", from: peer, message: accepts }, nowMs);

  assertEquals([room!.neighbours, pushed()], [[peer], 0]);
});

Deno.test("Mesh takes a stall for one, however much waited to be read", () => {
  const stalls: string[] = [];
  const random = new Random(1);
  const log = { ...SILENT_LOGGER, info: (text: string) => stalls.push(text) };
  const mesh = new Mesh(
    {
      name: "Ann",
      advertise: { host: "10.0.0.1", port: 55_107 },
      passive: false,
      historyShown: 20,
      begin: { kind: "found" },
    },
    fakeSigner("Ann"),
    {
      random: random.next,
      randomBytes: (length) => random.bytes(length),
      wallMs: () => 1_000,
      crypto: fakeCrypto,
      log,
    },
  );
  const listing = { type: "command", command: { command: "peers" }, ref: undefined } as const;
  mesh.step({ type: "start" }, 0);
  mesh.step({ type: "room-opened", records: [] }, 0);

  for (let count = 0; count < 3; count++) mesh.step(listing, 30 * SECOND_MS);

  assertEquals(stalls, ["this process stood still"]);
});

Deno.test(
  "Mesh goes on to send to who dials anew while the link before, which is dead, is full",
  SLOW,
  () => {
    const afterMs: number[] = [];
    for (let seed = 1; seed <= 4; seed++) {
      const world = new World(
        { ...EVEN_WORLD, hosts: 4, seed, bytesPerMs: 1_000 },
        meshSubject(),
        [],
      );
      const [ann, bob] = annAndBob(world);
      pass(world, 2 * SECOND_MS);
      world.roam(bob, { host: "10.9.9.9", port: 55_107 });
      for (let line = 0; line < 80; line++) {
        world.say(ann.process!, "x".repeat(30_000), null);
        pass(world, 20);
      }

      const said = world.ledger.said;
      const sinceMs = world.time.nowMs;
      while (said.some((one) => !bob.shown.has(one))) pass(world, 100);
      afterMs.push(world.time.nowMs - sinceMs);
    }

    assertEquals(afterMs.filter((ms) => ms > 10 * SECOND_MS), []);
  },
);

Deno.test("Mesh says on leaving whether what was said went to nobody", () => {
  const notices: string[] = [];
  const world = quietWorld([{
    name: "notices",
    shown({ member }, event) {
      if (event.event === "notice") notices.push(`${member.name}: ${event.text}`);
    },
  }]);
  const [ann, bob] = [addMember(world, "Ann"), addMember(world, "Bob")];
  const command = (member: Member, command: MeshCommand) => {
    member.process?.command(command);
    pass(world, 3 * SECOND_MS);
  };
  world.start(ann, { kind: "found" });
  pass(world, SECOND_MS);
  world.say(ann.process!, "is anybody here?", null);
  pass(world, SECOND_MS);
  world.start(bob, { kind: "join", contact: ann.endpoint });
  pass(world, 5 * SECOND_MS);
  command(ann, { command: "quit" });
  const heard = [...notices];

  world.say(bob.process!, "too late", null);
  pass(world, SECOND_MS);
  command(bob, { command: "quit" });

  const unheard = "Nobody was here to get your last messages; they are sent when you come back";
  assertEquals([heard, notices], [[], [`Bob: ${unheard}`]]);
});

Deno.test(
  "Mesh leaves what was said with who stays, also where all others leave at once",
  SLOW,
  () => {
    const lacking: number[] = [];
    for (let seed = 1; seed <= 20; seed++) {
      const world = new World(
        { ...EVEN_WORLD, hosts: 4, seed, delayMs: 30, jitterMs: 30 },
        meshSubject(),
        [],
      );
      const [ann, bob] = annAndBob(world);
      const cat = addMember(world, "Cat");
      world.start(cat, { kind: "join", contact: ann.endpoint });
      pass(world, 700);

      for (let word = 0; word < 5; word++) {
        for (const { process } of [ann, bob]) world.say(process!, "", null);
        pass(world, 20);
      }
      for (const { process } of [ann, bob]) process!.command({ command: "quit" });
      pass(world, 20 * SECOND_MS);

      lacking.push(world.ledger.said.filter((said) => !cat.shown.has(said)).length);
    }

    assertEquals(lacking, lacking.map(() => 0));
  },
);

Deno.test("Mesh hands over on coming back what was said to nobody, however soon one leaves again", () => {
  const lacking: number[] = [];
  for (const stayMs of [0, 20, 50, 100]) {
    const world = quietWorld();
    const [ann, bob] = annAndBob(world);
    bob.process!.command({ command: "quit" });
    pass(world, 3 * SECOND_MS);
    const said = world.say(ann.process!, "is anybody here?", null);
    pass(world, SECOND_MS);
    ann.process!.command({ command: "quit" });
    pass(world, 3 * SECOND_MS);
    world.start(bob, { kind: "resume", room: bob.room! });
    pass(world, 6 * SECOND_MS);

    const back = world.start(ann, { kind: "resume", room: ann.room! });
    while (back.readyAtMs === null) pass(world, 1);
    pass(world, stayMs);
    back.command({ command: "quit" });
    pass(world, 10 * SECOND_MS);

    if (!bob.shown.has(said)) lacking.push(stayMs);
  }

  assertEquals(lacking, []);
});

Deno.test("Mesh tells who leaves what isn't known to have come to anybody, where the only other one was killed", () => {
  const notices: string[] = [];
  for (const isRead of [true, false]) {
    const world = quietWorld([{
      name: "notices",
      shown(_, event) {
        const isOfLeaving = event.event === "notice" && event.text.includes("come back");
        if (isOfLeaving) notices.push(`read: ${isRead}; ${event.text}`);
      },
    }]);
    const [ann, bob] = annAndBob(world);

    world.say(bob.process!, "one", null);
    pass(world, 5 * SECOND_MS);
    world.end(ann.process!, false, 0);
    if (!isRead) world.say(bob.process!, "two", null);
    pass(world, 10 * SECOND_MS);
    bob.process!.command({ command: "quit" });
    pass(world, 5 * SECOND_MS);
  }

  const text = "Some of your messages may not have arrived; they are sent when you come back";
  assertEquals(notices, [`read: false; ${text}`]);
});

Deno.test("Mesh leaves properly at whatever moment of its way in it is told to", SLOW, () => {
  const outcomes = new Set<string>();
  for (let afterMs = 0; afterMs < 200; afterMs++) {
    const seen: string[] = [];
    const world = quietWorld([{
      name: "seen",
      effect({ member }, effect) {
        if (effect.type === "stop") seen.push(`${member.name}: ${effect.outcome.kind}`);
      },
      shown({ member }, event) {
        if (event.event === "joined") seen.push(`${member.name}: ${event.name} joined`);
        if (event.event === "left") seen.push(`${member.name}: ${event.name} ${event.reason}`);
      },
    }]);
    const [ann, bob] = [addMember(world, "Ann"), addMember(world, "Bob")];
    world.start(ann, { kind: "found" });
    pass(world, SECOND_MS);
    world.start(bob, { kind: "join", contact: ann.endpoint });
    pass(world, afterMs);

    bob.process!.command({ command: "quit" });
    pass(world, 60 * SECOND_MS);

    outcomes.add(seen.filter((one) => one !== "Bob: Ann joined").toSorted().join(", "));
  }

  const left = "Ann: Bob joined, Ann: Bob quit, Bob: bye";
  assertEquals(outcomes, new Set(["Bob: bye", left]));
});

Deno.test("Mesh says that a line isn't sent which comes while it leaves", () => {
  const errors: string[] = [];
  const world = quietWorld([{
    name: "errors",
    shown(_, event, ref) {
      if (event.event === "error") errors.push(`${ref}: ${event.code} ${event.text}`);
    },
  }]);
  const [, bob] = annAndBob(world);
  world.say(bob.process!, "in time", null);

  bob.process!.command({ command: "quit" });
  bob.process!.command({ command: "say", text: "too late" }, "a");
  bob.process!.command({ command: "peers" }, "b");
  pass(world, SECOND_MS);

  assertEquals(errors, [
    "a: offline Cannot send that: this member is leaving the room",
    "b: offline Cannot do that: this member is leaving the room",
  ]);
});

Deno.test("Mesh calls nobody lost in its status who left properly while it wasn't there itself", () => {
  const problems: (readonly string[])[] = [];
  const world = quietWorld([{
    name: "problems",
    shown(_, event) {
      if (event.event === "status") problems.push(event.problems);
    },
  }]);
  const [ann, bob] = annAndBob(world);
  const command = (member: Member, command: MeshCommand) => {
    member.process!.command(command);
    pass(world, 5 * SECOND_MS);
  };
  for (const member of [bob, ann]) command(member, { command: "quit" });

  world.start(bob, { kind: "resume", room: bob.room! });
  pass(world, 5 * SECOND_MS);
  command(bob, { command: "status" });

  assertEquals(problems.flat().filter((text) => text.includes("lost")), []);
  assertEquals(problems.length, 1);
});

Deno.test("Mesh names the address that its machine has got, so that two who move one after the other meet", () => {
  const notices: string[] = [];
  const world = quietWorld([{
    name: "notices",
    shown({ member }, event) {
      if (event.event === "notice" && event.text.startsWith("Your")) notices.push(member.name);
    },
  }]);
  const [ann, bob] = annAndBob(world);

  for (const [at, member] of [ann, bob].entries()) {
    world.roam(member, { host: `10.9.0.${at}`, port: member.endpoint.port });
    pass(world, 20 * SECOND_MS);
    assertEquals([neighboursOf(ann), neighboursOf(bob)], [["Bob"], ["Ann"]]);
  }
  bob.process!.command({ command: "peers" });
  pass(world, SECOND_MS);

  assertEquals(bob.process!.peers?.map(({ host }) => host), ["10.9.0.1", "10.9.0.0"]);
  assertEquals(notices, ["Ann", "Bob"]);
});

Deno.test("Mesh announces no address that nobody can dial, until somebody can", () => {
  const notices: string[] = [];
  const world = quietWorld([{
    name: "notices",
    shown({ member }, event) {
      if (event.event === "notice") {
        notices.push(`${member.name}: ${event.text.split(/ now|: you/)[0]}`);
      }
    },
  }]);
  const [ann, bob] = [addMember(world, "Ann"), addMember(world, "Bob")];
  const fay = world.addMember({
    ...plainMember(fakeSigner("Fay"), "Fay"),
    natted: true,
    knowsAddress: false,
  });
  world.start(ann, { kind: "found" });
  pass(world, SECOND_MS);
  for (const member of [bob, fay]) {
    world.start(member, { kind: "join", contact: ann.endpoint });
    pass(world, SECOND_MS);
  }
  const hostsAt = (member: Member) => {
    member.process!.command({ command: "peers" });
    pass(world, SECOND_MS);
    return member.process!.peers?.map(({ name, host }) => `${name} ${host}`).toSorted();
  };
  const [host, port] = [fay.process!.seenHost, fay.endpoint.port];
  const others = [`Ann ${ann.endpoint.host}`, `Bob ${bob.endpoint.host}`];
  assertEquals(hostsAt(ann), [...others, `Fay ${host}`]);
  pass(world, 30 * SECOND_MS);

  assertEquals(notices, [`Fay: Nobody can dial you at ${host}:${port}`]);
  assertEquals([hostsAt(ann), hostsAt(fay)], [[...others, "Fay "], [...others, "Fay "]]);
  assertEquals([neighboursOf(fay).length, neighboursOf(ann).length], [2, 2]);

  world.network.listen({ host, port }, fay.process!);
  notices.length = 0;
  pass(world, 11 * 60 * SECOND_MS);
  assertEquals(notices, [`Fay: Others can dial you at ${host}:${port}`]);
  assertEquals(hostsAt(ann), [...others, `Fay ${host}`]);
});

Deno.test("Mesh lets a newcomer in instead of the oldest link that says nothing, and of no other", () => {
  const random = new Random(1);
  const mesh = new Mesh(
    {
      name: "Ann",
      advertise: { host: "203.0.113.1", port: 55_107 },
      passive: false,
      historyShown: 0,
      begin: { kind: "found" },
    },
    fakeSigner("Ann"),
    {
      random: () => 0.5,
      randomBytes: (length) => random.bytes(length),
      wallMs: () => 0,
      crypto: fakeCrypto,
      log: SILENT_LOGGER,
    },
  );
  const come = (id: number, nowMs: number) =>
    mesh.step({
      type: "link-up",
      link: id as LinkId,
      peer: String(id).padStart(64, "e") as PeerKey,
      dialled: false,
      remote: { host: "203.0.113.9", port: 40_000 + id },
      localHost: "203.0.113.1",
      attempt: null,
      secret: null,
    }, nowMs).flatMap((effect) => effect.type === "close" ? [effect.link] : []);
  mesh.step({ type: "start" }, 0);
  mesh.step({ type: "room-opened", records: [] }, 0);

  for (let id = 1; id <= 64; id++) assertEquals(come(id, 0), []);
  const join = { room: null, name: "Eve", incarnation: 1, endpoint: null, earlier: null };
  mesh.step({ type: "message", link: 1 as LinkId, message: { type: "join", ...join } }, 10);

  assertEquals(come(65, 240), [65], "nobody has been silent for long");
  assertEquals(come(66, 600), [2], "link 1 has asked to come in");
});

Deno.test("Mesh that is coming in closes a link that brings much meanwhile, and no other one", () => {
  const remote = { host: "203.0.113.9", port: 1 };
  const mesh = new Mesh(
    {
      name: "Bob",
      advertise: { host: "203.0.113.1", port: 55_107 },
      passive: false,
      historyShown: 0,
      begin: { kind: "join", contact: remote },
    },
    fakeSigner("Bob"),
    fakeEnvironment(0),
  );
  const closed = (input: Parameters<typeof mesh.step>[0]) =>
    mesh.step(input, 0).flatMap((effect) => effect.type === "close" ? [effect.link] : []);
  const come = (link: number, name: string) =>
    closed({
      type: "link-up",
      link: link as LinkId,
      peer: fakeSigner(name).key,
      dialled: false,
      remote,
      localHost: "203.0.113.1",
      attempt: null,
      secret: null,
    });
  const bring = (link: number, count: number) => {
    const message = { type: "unknown", code: 1 } as const;
    const inputs = Array.from(
      { length: count },
      () => closed({ type: "message", link: link as LinkId, message }),
    );
    return inputs.flat();
  };
  closed({ type: "start" });

  assertEquals(come(1, "Eve"), []);
  assertEquals(bring(1, 15), []);
  assertEquals(come(2, "Ann"), []);
  assertEquals(bring(1, 10_000), [1], "closed once, and nothing more is held");
  assertEquals([bring(2, 15), come(3, "Carl"), bring(3, 15)], [[], [], []]);
});
