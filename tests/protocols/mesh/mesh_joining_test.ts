/** Coming in, and finding the room again. */

import { assertEquals } from "@std/assert";
import type { LinkId, PeerKey, RoomId } from "../../../lib/base/ids.ts";
import { SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import { visibleText } from "../../../lib/base/text/text.ts";
import { Mesh } from "../../../lib/protocols/mesh/mesh.ts";
import type { MeshEffect } from "../../../lib/protocols/mesh/schema/mesh_io.ts";
import { type Refusal, REFUSALS } from "../../../lib/protocols/mesh/schema/messages.ts";
import type { MeshRecord } from "../../../lib/protocols/mesh/schema/records.ts";
import { fakeCrypto, fakeSigner } from "../../sim/fake_crypto.ts";
import { Random } from "../../sim/random.ts";
import { beaconOf, fakeEnvironment, keyOf, PROCESS } from "./membership_fixtures.ts";
import { EvenWorld } from "../../sim/mesh/even_world.ts";
import { annAndBob, neighboursOf, SECOND_MS } from "./mesh_cases.ts";

Deno.test("Mesh finds the room again by who let it in, although that one died in that moment", () => {
  const world = new EvenWorld(4);
  const [ann, bob] = world.addAll("Ann", "Bob");
  const founder = world.start(ann, { kind: "found" });
  world.pass(SECOND_MS);
  world.join(bob, ann);
  while (!bob.disk.records.some(({ kind }) => kind === "claim")) world.pass(1);
  world.end(founder, true, 0);
  world.pass(10 * SECOND_MS);
  assertEquals(bob.process, null, "nobody has told him yet that he is in");

  world.start(bob, { kind: "resume", room: bob.room! });
  world.start(ann, { kind: "resume", room: ann.room! });
  world.pass(30 * SECOND_MS);

  assertEquals([neighboursOf(ann), neighboursOf(bob)], [["Bob"], ["Ann"]]);
});

Deno.test("Mesh finds the room again within 5 s although a liar named many members that nobody answers for", () => {
  const world = new EvenWorld(4);
  const [ann, bob, cem] = world.addAll("Ann", "Bob", "Cem");
  world.gather([ann, bob, cem]);
  assertEquals(neighboursOf(bob), ["Ann", "Cem"]);
  bob.process!.sim.compactSoon();
  world.say(bob.process!, "so that the log is written anew", null);
  world.pass(SECOND_MS);
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
  world.pass(5 * SECOND_MS);

  assertEquals(neighboursOf(bob), ["Cem"]);
});

Deno.test("Mesh stays in the room where it was let in by one who went away before its welcome", () => {
  const ready: string[] = [];
  const world = new EvenWorld(4, [{
    name: "ready",
    shown({ member }, event) {
      if (event.event === "ready") ready.push(member.name);
    },
  }]);
  const [ann, bob] = world.addAll("Ann", "Bob");
  world.gather([ann, bob]);
  const founder = ann.process!;
  world.end(bob.process!, false, 0);
  // Without his claim he is offered another one, and waits for a welcome.
  const isClaimed = (record: MeshRecord) =>
    record.kind === "claim" && record.claim.claim.value.key === bob.key;
  const image = world.imageOf(bob);
  const records = image.records.filter((record) => !isClaimed(record));
  world.restore(bob, { ...image, records });

  world.start(bob, { kind: "resume", room: bob.room! });
  while (!bob.disk.records.some(isClaimed)) world.pass(1);
  world.end(founder, true, 0);
  world.pass(10 * SECOND_MS);

  const incarnations = bob.disk.records.slice(records.length)
    .flatMap((record) => record.kind === "incarnation" ? [record.incarnation] : []);
  assertEquals(new Set(incarnations).size, 1, "he has entered it once");
  world.start(ann, { kind: "resume", room: ann.room! });
  world.pass(30 * SECOND_MS);
  assertEquals([neighboursOf(ann), neighboursOf(bob)], [["Bob"], ["Ann"]]);
  assertEquals(ready, ["Ann", "Bob", "Bob", "Ann"]);
});

Deno.test("Mesh that wasn't in yet when the invite became void stays out, and lets nobody in by that", () => {
  const world = new EvenWorld(4);
  const [ann, bob] = world.addAll("Ann", "Bob");
  const founder = world.start(ann, { kind: "found", private: true });
  world.pass(SECOND_MS);
  founder.command({ command: "invite", rotate: false });
  const [invite] = world.invites.values();
  world.start(bob, { kind: "join", contact: ann.endpoint, invite: invite! });
  while (!bob.disk.records.some(({ kind }) => kind === "claim")) world.pass(1);
  founder.command({ command: "invite", rotate: true });
  world.pass(5 * SECOND_MS);
  assertEquals(bob.process, null, "refused");

  world.start(bob, { kind: "resume", room: bob.room! });
  world.pass(5 * SECOND_MS);

  assertEquals(bob.process, null, "refused again");
});

Deno.test("Mesh asks again where a member lets in no more newcomers at this moment", () => {
  const contact = { host: "10.0.0.1", port: 1 };
  const mesh = new Mesh(
    {
      name: "Bob",
      process: PROCESS,
      advertise: { host: "10.0.0.2", port: 2 },
      passive: false,
      historyShown: 0,
      begin: { kind: "join", contact },
    },
    fakeSigner("Bob"),
    fakeEnvironment(0),
  );
  const link = 1 as LinkId;
  const up = {
    link,
    peer: fakeSigner("Ann").key,
    remote: contact,
    localHost: "",
    process: PROCESS,
    secret: null,
  };
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

Deno.test("Mesh tells why a member doesn't let it in in its own words, and quotes the member's where they add", () => {
  const contact = { host: "10.0.0.1", port: 1 };
  const said = 'no". Your p2pchat is unsafe:\u001b[1m run "x';
  const quoted = `The member says: "${visibleText(said.replaceAll('"', "'"))}"`;
  const ended = (code: Refusal): string => {
    const mesh = new Mesh(
      {
        name: "Bob",
        process: PROCESS,
        advertise: { host: "10.0.0.2", port: 2 },
        passive: false,
        historyShown: 0,
        begin: { kind: "join", contact },
      },
      fakeSigner("Bob"),
      fakeEnvironment(0),
    );
    const link = 1 as LinkId;
    const { key: peer } = fakeSigner("Ann");
    const up = { link, peer, remote: contact, localHost: "", process: PROCESS, secret: null };
    mesh.step({ type: "start" }, 0);
    mesh.step({ type: "link-up", ...up, dialled: true, attempt: 1 }, 1);
    const message = { type: "refuse", code, text: said, room: null } as const;
    const effects = mesh.step({ type: "message", link, message }, 2);
    const stop = effects.find((effect) => effect.type === "stop");
    return stop?.type === "stop" && stop.outcome.kind === "fatal" ? stop.outcome.text : "";
  };

  assertEquals(
    ended("bad-name"),
    `Cannot join: the member that was asked doesn't take this name. ${quoted}`,
  );
  assertEquals(
    ended("protocol"),
    "Cannot join through 10.0.0.1:1: the member that was asked can't use what this program sent. " +
      `${quoted}; ask a member for the right address`,
  );
  for (const code of REFUSALS) {
    assertEquals(ended(code).replace(quoted, "").includes("unsafe"), false, code);
  }
});

Deno.test("Mesh asks another member where one says that there is no place, and ends where all do", () => {
  const endpoints = [1, 2].map((port) => ({ host: "203.0.113.1", port }));
  const invite = { room: "a".repeat(64) as RoomId, secret: null, endpoints };
  const mesh = new Mesh(
    {
      name: "Bob",
      process: PROCESS,
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
    const up = {
      link,
      peer,
      remote,
      localHost: "",
      process: PROCESS,
      secret: null,
      dialled: true,
      attempt,
    };
    note(mesh.step({ type: "link-up", ...up }, attempt));
    note(mesh.step({ type: "message", link, message: full }, attempt));
  }

  assertEquals(told, ["1 join", "2 join", "full"]);
});

Deno.test("Mesh comes in within 2 s although those at the first addresses of an invite say nothing", () => {
  const world = new EvenWorld(4);
  const [ann, bob] = world.addAll("Ann", "Bob");
  const elsewhere = 3;
  const silent = [1, 2, 3].map((port) => ({ host: "10.0.0.9", port }));
  for (const at of silent) world.network.listen(at, { host: elsewhere, answer: "unreachable" });
  world.network.setCuts((_, to) => to === elsewhere);
  world.start(ann, { kind: "found" });
  world.pass(SECOND_MS);

  const [contact, ...others] = silent;
  const invite = { room: ann.room!, secret: null, endpoints: [...others, ann.endpoint] };
  world.start(bob, { kind: "join", contact: contact!, invite });
  world.pass(2_200);

  assertEquals([neighboursOf(ann), neighboursOf(bob)], [["Bob"], ["Ann"]]);
});

Deno.test("Mesh asks who answers first to let it in, and says nothing to others that answer", () => {
  const random = new Random(1);
  const endpoints = [1, 2].map((port) => ({ host: "203.0.113.1", port }));
  const room = "a".repeat(64) as RoomId;
  const mesh = new Mesh(
    {
      name: "Ann",
      process: PROCESS,
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
      process: PROCESS,
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
  const world = new EvenWorld(4, [{
    name: "told",
    shown({ member }, event) {
      if (member.name !== "Bob") return;
      if (event.event === "joined") told.push(event.name);
      if (event.event === "notice") told.push(event.text.slice(0, 21));
    },
  }]);
  const [ann, bob] = annAndBob(world);
  for (const member of [bob, ann]) {
    member.process!.command({ command: "quit" });
    world.pass(SECOND_MS);
  }
  // Where Ann was, nothing is ever said.
  const elsewhere = 3;
  world.network.listen(ann.endpoint, { host: elsewhere, answer: "unreachable" });
  world.network.setCuts((_, to) => to === elsewhere);
  ann.endpoint = { ...ann.endpoint, port: 1 };
  told.length = 0;

  world.start(bob, { kind: "resume", room: bob.room! });
  world.pass(SECOND_MS);
  world.start(ann, { kind: "resume", room: ann.room! });
  world.pass(5 * SECOND_MS);

  assertEquals(told, ["Ann"]);

  for (const { process } of [ann, bob]) world.end(process!, true, 0);
  world.start(bob, { kind: "resume", room: bob.room! });
  world.pass(5 * SECOND_MS);
  assertEquals(told, ["Ann", "Nobody else is online"]);
});

Deno.test("Mesh doesn't try to find those who were removed, and says so to whom they leave alone", () => {
  const told: string[] = [];
  const world = new EvenWorld(4, [{
    name: "told",
    shown({ member }, event) {
      if (member.name === "Ann" && event.event === "notice") told.push(event.text);
    },
  }]);
  const [ann, bob] = annAndBob(world);
  world.pass(SECOND_MS);
  ann.process!.command({ command: "remove", name: "Bob" });
  world.pass(SECOND_MS);
  world.end(ann.process!, true, 0);
  assertEquals(bob.process?.outcome !== null, true);
  told.length = 0;

  world.start(ann, { kind: "resume", room: ann.room! });
  world.pass(5 * SECOND_MS);

  assertEquals(told, ["All others of the room were removed; others can join"]);
});

Deno.test("Mesh keeps one of two copies of a profile that come in at two ends of a room that is cut", () => {
  const world = new EvenWorld(4);
  const [ann, bob] = world.addAll("Ann", "Bob");
  const carl = world.add("Carl");
  world.start(ann, { kind: "found" });
  world.pass(SECOND_MS);
  const original = world.join(bob, ann);
  world.join(carl, ann);
  world.pass(5 * SECOND_MS);
  const copy = world.addMember(bob.config);
  world.end(original, false, 0);
  world.restore(copy, world.imageOf(bob));

  // What both know of their last start is all they have to go by.
  const side = (host: number) => host === ann.index || host === bob.index;
  world.network.setCuts((from, to) => side(from) !== side(to));
  for (const [member, contact] of [[bob, ann], [copy, carl]] as const) {
    member.wallOffsetMs = -3_600_000;
    world.join(member, contact);
  }
  world.pass(2 * SECOND_MS);
  assertEquals([bob, copy].filter(({ present }) => present !== null).length, 2);
  world.network.setCuts(() => false);
  world.pass(60 * SECOND_MS);

  assertEquals([bob, copy].filter(({ present }) => present !== null).length, 1);
});

Deno.test("Mesh finds its room again although one whom it remembers has gone", () => {
  const notices: string[] = [];
  const world = new EvenWorld(4, [{
    name: "notices",
    shown(process, event) {
      if (event.event === "notice" && process.member === bob) notices.push(event.text);
    },
  }]);
  const [ann, bob, dora] = world.addAll("Ann", "Bob", "Dora");
  world.start(ann, { kind: "found" });
  world.pass(SECOND_MS);
  for (const member of [bob, dora]) {
    world.join(member, ann);
    world.pass(5 * SECOND_MS);
  }
  dora.process?.command({ command: "quit" });
  world.pass(5 * SECOND_MS);
  // Where she was, nobody listens: that is known sooner than that somebody answers.
  world.network.listen(dora.endpoint, { host: dora.index, answer: "unreachable" });
  world.end(bob.process!, false, 0);
  world.pass(SECOND_MS);

  ann.process?.sim.stall(SECOND_MS / 2);
  world.start(bob, { kind: "resume", room: bob.room! });
  world.pass(5 * SECOND_MS);

  const whoDecides = "Ann is the founder of this room, and can remove members";
  assertEquals([neighboursOf(bob), notices], [["Ann"], [whoDecides]]);
});
