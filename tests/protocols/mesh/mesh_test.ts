/** A room of whole members: names, what is said, full and dead links. */

import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import { assertEquals } from "@std/assert";
import type { LinkId, PeerKey } from "../../../lib/base/ids.ts";
import { SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import { Mesh } from "../../../lib/protocols/mesh/mesh.ts";
import type { MeshConfig } from "../../../lib/protocols/mesh/schema/mesh_io.ts";
import { Room } from "../../../lib/protocols/mesh/room/room.ts";
import type { MeshCommand } from "../../../lib/protocols/mesh/schema/events.ts";
import { SLOW } from "../../given.ts";
import { fakeCrypto, fakeSigner } from "../../sim/fake_crypto.ts";
import type { MeshChecker } from "../../sim/mesh/checker.ts";
import { EvenWorld } from "../../sim/mesh/even_world.ts";
import type { Member } from "../../sim/mesh/member.ts";
import { Random } from "../../sim/random.ts";
import { LinkTable } from "../../../lib/protocols/mesh/links/link_table.ts";
import { replaced, together } from "../../sim/replaced.ts";
import { fakeEnvironment, keyOf, PROCESS } from "./membership_fixtures.ts";
import { annAndBob, neighboursOf, SECOND_MS } from "./mesh_cases.ts";
import { forged, idOf } from "./order_members.ts";

Deno.test("Mesh takes a name that somebody had meanwhile, and gave up while it was away", () => {
  const events: string[] = [];
  const world = new EvenWorld(4, [{
    name: "names",
    shown(process, event) {
      if (process.member !== yan || event.event === "message" || event.event === "joined") return;
      events.push("name" in event ? `${event.event} ${event.name}` : event.event);
    },
  }]);
  const [ann, yan] = world.addAll("Ann", "Yan");
  const other = world.add(yan.name, { signer: fakeSigner("another Yan") });
  world.start(ann, { kind: "found" });
  world.pass(SECOND_MS);
  const join = (member: Member) => {
    world.join(member, ann);
    world.pass(3 * SECOND_MS);
  };
  const command = (member: Member, command: MeshCommand) => {
    member.process?.command(command);
    world.pass(3 * SECOND_MS);
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

Deno.test("Mesh says each line under the name that was typed before it, also where the user leaves at once", () => {
  const events: string[] = [];
  const world = new EvenWorld(4, [{
    name: "names",
    shown({ member }, event) {
      if (event.event === "renamed" && event.self === true) {
        events.push(`${member === yan ? "" : `${member.name}: `}renamed ${event.name}`);
      }
      if (event.event === "error") events.push(`${member.name}: ${event.code} ${event.text}`);
      if (member === ann && event.event === "message") events.push(`<${event.from}> ${event.text}`);
    },
  }]);
  const [ann, yan] = world.addAll("Ann", "Yan");
  world.gather([ann, yan], 3 * SECOND_MS);

  const process = yan.process!;
  const take = (name: string) => process.command({ command: "name", name });
  world.say(process, "a", null);
  take("Yves");
  world.say(process, "b", null);
  take("Ann");
  world.say(process, "c", { name: "Ann", key: fingerprintOf(fakeSigner("Ann").key) });
  take("Yuri");
  world.say(process, "d", null);
  process.command({ command: "quit" });
  world.pass(10 * SECOND_MS);

  assertEquals(events.filter((event) => event.startsWith("<")).toSorted(), [
    "<Yan> m0 a",
    "<Yuri> m3 d",
    "<Yves> m1 b",
    "<Yves> p2 c",
  ]);
  assertEquals(events.filter((event) => !event.startsWith("<")), [
    "renamed Yves",
    "Yan: name-taken Cannot take the name Ann: somebody in the room has that name; choose another one",
    "renamed Yuri",
  ]);
});

Deno.test("Mesh: who quit and comes back alone has her name from who took it meanwhile", () => {
  const world = new EvenWorld(4);
  const [ann, una] = world.addAll("Ann", "Una");
  const other = world.add(una.name, { signer: fakeSigner("another Una") });
  world.gather([ann, una], 3 * SECOND_MS);
  una.process?.command({ command: "quit" });
  world.pass(3 * SECOND_MS);
  world.join(other, ann);
  world.pass(10 * SECOND_MS);

  world.network.setCuts((from, to) => from === una.index || to === una.index);
  world.start(una, { kind: "resume", room: una.room! });
  world.pass(10 * SECOND_MS);
  world.network.setCuts(() => false);
  world.pass(120 * SECOND_MS);

  other.process?.command({ command: "peers" });
  world.pass(SECOND_MS);
  assertEquals(other.process?.peers?.[0]?.name.startsWith("Una~"), true);
});

Deno.test("Mesh remembers of one who quit at the same moment that she has quit", () => {
  const world = new EvenWorld(4);
  const [ann, bob] = world.addAll("Ann", "Bob");
  const other = world.add(bob.name, { signer: fakeSigner("another Bob") });
  world.gather([ann, bob], 10 * SECOND_MS);
  for (const { process } of [ann, bob]) process?.command({ command: "quit" });
  world.pass(SECOND_MS);
  assertEquals([ann.process, bob.process], [null, null]);

  world.start(ann, { kind: "resume", room: ann.room! });
  world.pass(15 * SECOND_MS);
  world.join(other, ann);
  world.pass(10 * SECOND_MS);

  assertEquals(neighboursOf(ann), ["Bob"], "his name is free");
});

Deno.test("Mesh gives a newcomer as new what was said as soon as others read that it joined", () => {
  const greetings: { readonly text: string; readonly history: boolean }[] = [];
  const world = new EvenWorld(4, [{
    name: "greeting",
    shown(process, event) {
      if (event.event === "joined" && event.name === "Bob" && process.member === ann) {
        world.say(process, "welcome", null);
      } else if (event.event === "message" && process.member === bob) greetings.push(event);
    },
  }]);
  const [ann, bob] = world.addAll("Ann", "Bob");
  const founder = world.start(ann, { kind: "found" });
  world.pass(SECOND_MS);
  world.say(founder, "before", null);
  world.pass(SECOND_MS);

  world.join(bob, ann);
  world.pass(5 * SECOND_MS);

  const seen = greetings.map(({ text, history }) => [text.slice(3), history]);
  assertEquals(seen, [["before", true], ["welcome", false]]);
});

Deno.test("Mesh says to one what was typed after a line to all after that line, and has it in /history", () => {
  const seen: string[] = [];
  const world = new EvenWorld(4, [{
    name: "order",
    shown(process, event) {
      if (event.event === "message") seen.push(`${process.label} ${event.text}`);
      if (event.event === "history") seen.push(event.messages.map(({ text }) => text).join());
    },
  }]);
  const [ann, bob] = world.addAll("Ann", "Bob");
  world.gather([ann, bob]);
  const founder = ann.process!;

  world.say(founder, "all", null);
  world.say(founder, "one", { name: "Bob", key: bob.key });
  founder.command({ command: "history", count: null });
  world.pass(5 * SECOND_MS);

  // A history has nothing of what is private, and doesn't wait for it.
  assertEquals(seen, ["n0 m0 all", "m0 all", "n0 p1 one", "n1 m0 all", "n1 p1 one"]);
});

Deno.test("Mesh has the profile keep what is private before it is shown, and answers of it after what was typed before", () => {
  const seen: string[] = [];
  const world = new EvenWorld(4, [{
    name: "order",
    effect(process, effect) {
      if (effect.type === "keep") seen.push(`${process.label} keeps ${effect.words.text}`);
      if (effect.type === "recall") seen.push(`${process.label} recalls ${effect.event.name}`);
    },
    shown(process, event) {
      if (event.event === "message") seen.push(`${process.label} shows ${event.text}`);
    },
  }]);
  const [ann, bob] = world.addAll("Ann", "Bob");
  world.gather([ann, bob]);
  const founder = ann.process!;

  world.say(founder, "psst", { name: "Bob", key: bob.key });
  founder.command({ command: "history", count: null, name: "Bob" });
  world.pass(5 * SECOND_MS);

  const [annSees, bobSees] = ["n0", "n1"].map((label) =>
    seen.filter((each) => each.startsWith(label)).map((each) => each.replace(/p\d /, ""))
  );
  assertEquals(annSees, ["n0 keeps psst", "n0 shows psst", "n0 recalls Bob"]);
  assertEquals(bobSees, ["n1 keeps psst", "n1 shows psst"]);
});

Deno.test(
  "Mesh takes a pipe of private messages as fast as they arrive, and refuses none",
  SLOW,
  () => {
    const errors: string[] = [];
    // The program's pause overtakes what waits for the disk, the simulator's doesn't.
    const disk = { syncMs: 0, slowChance: 0 };
    const watch: MeshChecker = {
      name: "errors",
      shown(_, event) {
        if (event.event === "error") errors.push(event.text);
      },
    };
    const world = new EvenWorld(2, [watch], { disk });
    const [ann, bob] = annAndBob(world);
    const process = ann.process!;
    const to = { name: "Bob", key: bob.key };
    const reasons = new Set<string>();
    let most = 0;

    const said = [world.say(process, "to all", null)];
    for (let turn = 0; said.length <= 1_200 && turn < 10_000; turn++) {
      if (process.pausedBecause !== null) reasons.add(process.pausedBecause);
      else for (let line = 0; line < 20; line++) said.push(world.say(process, "", to));
      most = Math.max(most, said.length - bob.shown.order.length);
      world.pass(2);
    }
    world.pass(5 * SECOND_MS);

    assertEquals(errors, []);
    assertEquals(bob.shown.order, said);
    assertEquals([reasons.has("waiting for Bob"), most > 900, most <= 1_000], [true, true, true]);
  },
);

Deno.test(
  "Mesh announces another box key after a day, and what is private goes on arriving",
  SLOW,
  () => {
    const seen: string[] = [];
    const world = new EvenWorld(4, [{
      name: "days",
      shown(process, event) {
        if (event.event === "message" && process.label === "n1") seen.push(event.text);
      },
    }]);
    const [ann, bob] = world.addAll("Ann", "Bob");
    const founder = world.start(ann, { kind: "found" });
    world.pass(SECOND_MS);
    world.join(bob, ann);
    for (let day = 0; day < 2; day++) {
      world.pass(day === 0 ? 5 * SECOND_MS : 24 * 60 * 60 * SECOND_MS);
      world.say(founder, `day ${day}`, { name: "Bob", key: bob.key });
    }
    world.pass(5 * SECOND_MS);

    assertEquals(seen, ["p0 day 0", "p1 day 1"]);
  },
);

Deno.test(
  "Mesh knows all members when it is ready, however far from them it comes in",
  SLOW,
  () => {
    for (let seed = 1; seed <= 8; seed++) {
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
      const world = new EvenWorld(5, [watch], { seed, delayMs: 20, jitterMs: 20 });
      let contact: Member | null = null;
      for (const name of ["Ann", "Bob", "Cem", "Dan", "Eve"]) {
        const member = world.add(name);
        const join = contact === null ? null : { kind: "join", contact: contact.endpoint } as const;
        world.start(member, join ?? { kind: "found" });
        world.pass(1.5 * SECOND_MS);
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
        const world = new EvenWorld(3, [watch], { seed, delayMs: 20, jitterMs: 20 });
        const [ann, bob] = annAndBob(world);
        for (const text of ["one", "two", "three"]) {
          for (const { process } of [ann, bob]) world.say(process!, text, null);
          world.pass(SECOND_MS);
        }
        const cem = world.add("Cem", { historyShown });
        world.join(cem, ann);
        world.pass(5 * SECOND_MS);

        assertEquals(seen, historyShown === 0 ? [] : ["three", "three"], `${seed}`);
        assertEquals(cem.process, null);
      }
    }
  },
);

Deno.test("Mesh knows that the link is full which takes over from one that has gone", () => {
  const inputs: string[] = [];
  const { peerUp, peerDown, congested } = Room.prototype;
  const { promote } = LinkTable.prototype;
  const undo = together(
    replaced(Room.prototype, "peerUp", function (this: Room, arrived) {
      if (this.signer.key === keyOf("Ann")) inputs.push("peer-up");
      peerUp.call(this, arrived);
    }),
    replaced(Room.prototype, "peerDown", function (this: Room, ...of) {
      if (this.signer.key === keyOf("Ann")) inputs.push("peer-down");
      peerDown.apply(this, of);
    }),
    replaced(Room.prototype, "congested", function (this: Room, peer) {
      if (this.signer.key === keyOf("Ann")) inputs.push("congested");
      congested.call(this, peer);
    }),
    replaced(LinkTable.prototype, "promote", function (this: LinkTable, ...of) {
      const promotion = promote.apply(this, of);
      if (this.self === keyOf("Ann")) inputs.push(promotion.kind);
      return promotion;
    }),
  )();
  try {
    const world = new EvenWorld(4, [], { bytesPerMs: 1_000 });
    const [ann, bob] = annAndBob(world);
    const [first] = ann.process!.links.values();
    world.roam(bob, { host: "10.9.9.9", port: 55_107 });
    for (let line = 0; line < 60; line++) world.say(ann.process!, "x".repeat(30_000), null);
    while (ann.process!.links.size < 2) world.pass(1);
    const second = [...ann.process!.links.values()].find((end) => end !== first)!;
    while (!inputs.includes("second")) world.pass(1);
    inputs.length = 0;
    second.sever();
    while (!inputs.includes("peer-up")) world.pass(1);

    assertEquals(inputs.slice(-3), ["peer-down", "peer-up", "congested"]);
  } finally {
    undo();
  }
});

Deno.test("Mesh pushes nothing to a member that becomes a neighbour while its link is full", () => {
  const world = new EvenWorld(4);
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

  room!.peerDown(peer, true);
  room!.peerUp({ peer, reached: null, endpoint: null, beacon, claim });
  room!.congested(peer);
  room!.message(peer, accepts);

  assertEquals([room!.neighbours, pushed()], [[peer], 0]);
});

/** A mesh without a world; `told`: what it logs at level info. */
function meshAlone(begin: MeshConfig["begin"], told: string[] = []): Mesh {
  const random = new Random(1);
  return new Mesh(
    {
      name: "Ann",
      process: PROCESS,
      advertise: { host: "10.0.0.1", port: 55_107 },
      passive: false,
      historyShown: 20,
      begin,
    },
    fakeSigner("Ann"),
    {
      random: random.next,
      randomBytes: (length) => random.bytes(length),
      wallMs: () => 1_000,
      crypto: fakeCrypto,
      log: { ...SILENT_LOGGER, info: (text: string) => told.push(text) },
    },
  );
}

const LISTING = { type: "command", command: { command: "peers" }, ref: undefined } as const;

Deno.test("Mesh takes a stall for one, however much waited to be read", () => {
  const stalls: string[] = [];
  const mesh = meshAlone({ kind: "found" }, stalls);
  mesh.step({ type: "start" }, 0);
  mesh.step({ type: "room-opened", records: [] }, 0);

  for (let count = 0; count < 3; count++) mesh.step(LISTING, 30 * SECOND_MS);

  assertEquals(stalls, ["this process stood still"]);
});

Deno.test("Mesh that stood still leaves others the time that they had left", () => {
  const mesh = meshAlone({ kind: "join", contact: { host: "10.0.0.2", port: 4_000 } });
  mesh.step({ type: "start" }, 1_000);
  const dueMs = mesh.nextDeadlineMs();

  const effects = mesh.step(LISTING, 60_000);

  assertEquals([dueMs, mesh.nextDeadlineMs()], [3_000, 60_000]);
  assertEquals(effects.filter(({ type }) => type !== "show"), []);
});

Deno.test(
  "Mesh goes on to send to who dials anew while the link before, which is dead, is full",
  SLOW,
  () => {
    const afterMs: number[] = [];
    for (let seed = 1; seed <= 4; seed++) {
      const world = new EvenWorld(4, [], { seed, bytesPerMs: 1_000 });
      const [ann, bob] = annAndBob(world);
      world.pass(2 * SECOND_MS);
      world.roam(bob, { host: "10.9.9.9", port: 55_107 });
      for (let line = 0; line < 80; line++) {
        world.say(ann.process!, "x".repeat(30_000), null);
        world.pass(20);
      }

      const said = world.ledger.said;
      const sinceMs = world.time.nowMs;
      while (said.some((one) => !bob.shown.has(one))) world.pass(100);
      afterMs.push(world.time.nowMs - sinceMs);
    }

    assertEquals(afterMs.filter((ms) => ms > 10 * SECOND_MS), []);
  },
);

Deno.test("Mesh lets a newcomer in instead of the oldest link that says nothing, and of no other", () => {
  const random = new Random(1);
  const mesh = new Mesh(
    {
      name: "Ann",
      process: PROCESS,
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
      process: PROCESS,
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
      process: PROCESS,
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
      process: PROCESS,
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
