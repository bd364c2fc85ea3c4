import { assert, assertEquals } from "@std/assert";
import type { LinkId, PeerKey, RoomId } from "../../../lib/base/ids.ts";
import type { MeshEvent } from "../../../lib/protocols/mesh/schema/events.ts";
import { type Invite, parseInvite } from "../../../lib/protocols/mesh/schema/rotations.ts";
import type { MeshConfig } from "../../../lib/protocols/mesh/schema/mesh_io.ts";
import type { MeshRecord } from "../../../lib/protocols/mesh/schema/records.ts";
import type { ModeOutcome } from "../../../lib/base/machine/mode_machine.ts";
import type { KeptWords } from "../../../lib/runtime/hosts/mode_host.ts";
import { MeshHost } from "../../../lib/runtime/hosts/mesh_host.ts";
import { HostWorld, MemoryStore } from "../host_world.ts";

class Store extends MemoryStore<MeshRecord> {
  /** Until it may be opened. */
  opened = Promise.resolve();
  isClosed = false;
  /** Until a key is kept. */
  pinned = Promise.resolve();

  pin(): Promise<void> {
    return this.pinned;
  }

  override close(): Promise<void> {
    this.isClosed = true;
    return super.close();
  }
}

interface Program {
  readonly host: MeshHost;
  readonly events: readonly MeshEvent[];
  /** What the log was told, without the fields. */
  readonly logged: readonly string[];
  readonly outcome: Promise<ModeOutcome>;
  readonly paused: readonly (string | null)[];
}

class World extends HostWorld {
  /** A program of the profile `seed` on a host of its own. */
  start(
    seed: number,
    name: string,
    store: Store,
    begin: MeshConfig["begin"],
    shown: (event: MeshEvent) => void = () => {},
    written: () => Promise<void> = () => Promise.resolve(),
    more: { readonly privateWords?: KeptWords<MeshEvent> } = {},
  ): Program {
    const { address, signer, process, environment, logged, open } = this.place(seed, 55_107);
    const { clock } = this.network;
    const events: MeshEvent[] = [];
    const paused: (string | null)[] = [];
    const late: { host: MeshHost | null } = { host: null };
    const links = open({
      mode: "mesh",
      get room() {
        return late.host?.room ?? null;
      },
      get secrets() {
        return late.host?.secrets ?? null;
      },
      admit: (peer, secret) => late.host?.admit(peer, secret) ?? null,
    }, () => late.host);
    const host = new MeshHost({
      name,
      process,
      advertise: address,
      passive: false,
      historyShown: 10,
      begin,
    }, {
      clock,
      environment,
      signer,
      links,
      openRoom: () => store.opened.then(() => store),
      show: (event) => {
        events.push(event);
        shown(event);
      },
      pauseInput: (reason) => paused.push(reason),
      flushed: () => Promise.resolve(),
      written,
      keepAnswer: () => Promise.resolve(),
      outputReady: () => null,
      ...more,
    });
    late.host = host;
    return { host, events, logged, paused, outcome: host.run() };
  }
}

const texts = ({ events }: Program) =>
  events.flatMap((event) => event.event === "message" ? [event.text] : []);

/** Ann has founded a room, and Bob has come in. */
async function annAndBob() {
  const world = new World();
  const stores = { ann: new Store(), bob: new Store() };
  const ann = world.start(1, "Ann", stores.ann, { kind: "found" });
  await world.pass(50);
  const contact = { host: "127.0.0.1", port: 55_107 };
  const bob = world.start(2, "Bob", stores.bob, { kind: "join", contact });
  await world.pass(2_000);
  return { world, ann, bob, stores };
}

Deno.test("MeshHost: two programs meet, talk over sealed links, and part", async () => {
  const { world, ann, bob } = await annAndBob();

  ann.host.command({ command: "say", text: "hello" }, undefined);
  await world.pass(100);
  bob.host.command({ command: "say", text: "hi" }, undefined);
  await world.pass(100);
  bob.host.command({ command: "quit" }, undefined);
  await world.pass(1_500);
  const outcome = await bob.outcome;

  assertEquals([texts(ann), texts(bob)], [["hello", "hi"], ["hello", "hi"]]);
  assertEquals(outcome, { kind: "bye", reason: "quit", ref: undefined });
  assertEquals(ann.events.at(-1)?.event, "left");
});

Deno.test("MeshHost: a long history is made piece by piece, and shown before what is said meanwhile", async () => {
  const world = new World();
  let recalls = 0;
  const privateWords: KeptWords<MeshEvent> = {
    keep: () => Promise.resolve(),
    recalled: ({ event }) => {
      recalls++;
      return Promise.resolve(event);
    },
  };
  const more = { privateWords };
  const ann = world.start(1, "Ann", new Store(), { kind: "found" }, undefined, undefined, more);
  await world.pass(50);
  for (let at = 0; at < 1_000; at++) ann.host.command({ command: "say", text: `${at}` }, undefined);
  await world.pass(100);
  const { clock } = world.network;
  const turnsFor = async (action: () => void) => {
    const before = ann.events.length;
    action();
    for (let turns = 0; turns < 100; turns++) {
      for (let at = 0; at < 20; at++) await Promise.resolve(); // whatever doesn't wait for a turn of the clock
      if (ann.events.length > before) return turns;
      clock.advance(0);
    }
    return NaN;
  };
  const asks = () => ann.host.command({ command: "history", count: 900 }, "h");

  const inOneGo = await turnsFor(asks);
  const before = ann.events.length;
  clock.lookMs = 5;
  const turns = await turnsFor(() => {
    asks();
    ann.host.command({ command: "say", text: "meanwhile" }, undefined);
  });
  clock.lookMs = 0;
  await world.pass(100);

  assertEquals([inOneGo, turns], [0, 3], "between four pieces, where they take long");
  const [history, message, ...rest] = ann.events.slice(before);
  assert(history?.event === "history" && message?.event === "message");
  const expected = Array.from({ length: 900 }, (_, at) => `${at + 100}`);
  assertEquals(history.messages.map(({ text }) => text), expected);
  assertEquals([message.text, rest], ["meanwhile", []]);
  assertEquals(recalls, 0, "what was said privately isn't asked for");

  ann.host.command({ command: "history", count: 2, text: "9" }, "s");
  await world.pass(100);
  const found = ann.events.at(-1);
  assert(found?.event === "history");
  assertEquals([found.messages.map(({ text }) => text), recalls], [["998", "999"], 1]);
});

Deno.test("MeshHost: a link that is a day old is dialled anew, and nobody reads of it or misses a word", async () => {
  const { world, ann, bob } = await annAndBob();
  const before = [ann, bob].map(({ events }) => events.length);

  for (let link = 1; link < 10; link++) ann.host.aged(link as LinkId);
  ann.host.command({ command: "say", text: "hello" }, undefined);
  await world.pass(15_000);

  const shown = [ann, bob].map(({ events }, at) => events.slice(before[at]).map((e) => e.event));
  assertEquals(shown, [["message"], ["message"]]);
  assertEquals(ann.logged.filter((line) => line === "link down").length > 0, true);
});

Deno.test("MeshHost: who leaves while the room is being opened leaves when it is, and closes it", async () => {
  const world = new World();
  const store = new Store();
  const opened = Promise.withResolvers<void>();
  store.opened = opened.promise;
  const ann = world.start(1, "Ann", store, { kind: "found" });
  let isOver = false;
  const over = ann.outcome.then(() => isOver = true);
  await world.pass(50);
  assert(ann.host.room !== null);

  ann.host.command({ command: "quit" }, undefined);
  await world.pass(12_000);
  const wasOver = isOver;
  opened.resolve();
  await over;

  assertEquals([wasOver, store.isClosed], [false, true]);
});

Deno.test("MeshHost: who leaves waits for private messages to arrive, and reads which ones are kept", async () => {
  for (const isCut of [false, true]) {
    const { world, ann, bob } = await annAndBob();
    if (isCut) world.network.cut("127.0.0.1", "127.0.0.2");

    ann.host.command({ command: "msg", name: "Bob", text: "psst" }, "r");
    ann.host.command({ command: "quit" }, undefined);
    await world.pass(11_000);
    await ann.outcome;

    const deliveries = ann.events.flatMap((event) =>
      event.event === "delivery" ? [[event.to, event.state]] : []
    );
    assertEquals(texts(bob), isCut ? [] : ["psst"]);
    const notices = ann.events.flatMap((event) => event.event === "notice" ? [event.text] : []);
    assertEquals(
      deliveries,
      isCut ? [["Bob", "queued"]] : [["Bob", "queued"], ["Bob", "delivered"]],
    );
    assertEquals(
      notices.filter((text) => text.startsWith("Kept: 1 private message for Bob;")).length,
      isCut ? 1 : 0,
    );
  }
});

Deno.test("MeshHost: a newcomer's key that isn't kept for long holds up what a member sends by half a second", async () => {
  const { world, ann, bob, stores } = await annAndBob();
  stores.ann.pinned = new Promise(() => {});
  const contact = { host: "127.0.0.1", port: 55_107 };
  world.start(3, "Carl", new Store(), { kind: "join", contact });
  await world.pass(1_000);
  ann.host.command({ command: "say", text: "hello" }, undefined);
  await world.pass(100);

  const joined = ann.events.flatMap((event) => event.event === "joined" ? [event.name] : []);
  assertEquals([joined.at(-1), texts(bob)], ["Carl", ["hello"]]);
});

Deno.test("MeshHost: /trust isn't answered before the key is kept", async () => {
  const { world, ann, stores } = await annAndBob();
  const notices = () => ann.events.filter(({ event }) => event === "notice").length;
  const pinned = Promise.withResolvers<void>();
  stores.ann.pinned = pinned.promise;
  const before = notices();
  ann.host.command({ command: "trust", name: "Bob" }, undefined);
  await world.pass(5_000);
  const waiting = notices() - before;
  pinned.resolve();
  await world.pass(10);

  assertEquals([waiting, notices() - before], [0, 1]);
});

Deno.test("MeshHost: a private message that nobody reads is kept by its sender", async () => {
  const world = new World();
  const stores = { ann: new Store(), bob: new Store() };
  const ann = world.start(1, "Ann", stores.ann, { kind: "found" });
  await world.pass(50);
  const contact = { host: "127.0.0.1", port: 55_107 };
  const read = Promise.withResolvers<void>();
  const bob = world.start(2, "Bob", stores.bob, { kind: "join", contact }, undefined, () => {
    return read.promise;
  });
  await world.pass(2_000);

  ann.host.command({ command: "msg", name: "Bob", text: "psst" }, "r");
  await world.pass(500);
  const states = () =>
    ann.events.flatMap((event) => event.event === "delivery" ? [event.state] : []);
  const [shown, before] = [texts(bob), states()];
  read.resolve();
  await world.pass(100);

  assertEquals([shown, before], [["psst"], ["queued"]]);
  assertEquals(states(), ["queued", "delivered"]);
});

Deno.test("MeshHost: a status tells the round trip to a direct neighbour", async () => {
  const { world, ann } = await annAndBob();
  await world.pass(3_000);

  ann.host.command({ command: "status" }, undefined);
  await world.pass(20);

  const status = ann.events.find((event) => event.event === "status");
  assertEquals(status?.event === "status" && status.members[0]?.roundTripMs, 10);
});

Deno.test("MeshHost: a line that the disk refuses is not sent, and the next one is", async () => {
  const { world, ann, bob, stores } = await annAndBob();

  stores.ann.refuses = true;
  ann.host.command({ command: "say", text: "lost" }, "r1");
  await world.pass(200);
  stores.ann.refuses = false;
  ann.host.command({ command: "say", text: "kept" }, "r2");
  await world.pass(200);

  assertEquals([texts(ann), texts(bob)], [["kept"], ["kept"]]);
  assertEquals(ann.events.find((event) => event.event === "error"), {
    event: "error",
    code: "disk",
    text: "Your message wasn't sent: Cannot write: it is full",
    unsent: true,
  });
});

Deno.test("MeshHost: compaction keeps what is being said just then", async () => {
  const { world, ann, stores } = await annAndBob();
  const said = ["one", "two", "three", "four"];

  for (const text of said) {
    stores.ann.extraBytes = 64 * 1_024 * 1_024;
    ann.host.command({ command: "say", text }, undefined);
    ann.host.command({ command: "say", text: `${text} more` }, undefined);
    await world.pass(200);
  }

  const kept = stores.ann.records.flatMap((record) =>
    record.kind === "bundle" ? record.bundle.texts.value : []
  );
  assertEquals(stores.ann.rewrites, said.length);
  assertEquals(new Set(kept), new Set(said.flatMap((text) => [text, `${text} more`])));
});

Deno.test("MeshHost: after refused writes the log is written anew, with all that was shown", async () => {
  const { world, ann, bob, stores } = await annAndBob();

  stores.bob.refuses = true;
  ann.host.command({ command: "say", text: "while it was full" }, undefined);
  await world.pass(200);
  const written = stores.bob.records.length;
  stores.bob.refuses = false;
  ann.host.command({ command: "say", text: "after" }, undefined);
  await world.pass(200);

  const kept = stores.bob.records.flatMap((record) =>
    record.kind === "bundle" ? record.bundle.texts.value : []
  );
  assertEquals(texts(bob), ["while it was full", "after"]);
  assert(written > 0 && stores.bob.rewrites === 1);
  assertEquals([...new Set(kept)], ["while it was full", "after"]);
  assertEquals(bob.logged.filter((message) => /disk/.test(message)).slice(-2), [
    "the disk refused to write",
    "the disk writes again, the log was written anew",
  ]);
});

Deno.test("MeshHost: that what comes isn't kept is said once, and when it is again", async () => {
  const { world, ann, bob, stores } = await annAndBob();
  const before = bob.events.length;
  const told = () =>
    bob.events.slice(before).flatMap((event) =>
      event.event === "error" || event.event === "notice" ? [event.text] : []
    );

  stores.bob.refuses = true;
  for (const text of ["one", "two", "three"]) {
    ann.host.command({ command: "say", text }, undefined);
    await world.pass(100);
  }
  await world.pass(61_000);
  const whileFull = told();
  stores.bob.refuses = false;
  await world.pass(31_000);

  assertEquals(texts(bob), ["one", "two", "three"]);
  assertEquals(whileFull, [
    "Cannot write: it is full; until then incoming messages are shown but not saved, and you are told when saving works again",
  ]);
  assertEquals(told().slice(1), [
    "Writing to the disk works again: messages received meanwhile are saved now",
  ]);
  assertEquals(stores.bob.records.filter(({ kind }) => kind === "bundle").length, 3);
});

Deno.test("MeshHost: a program that was killed goes on where its disk is", async () => {
  const { world, ann, stores } = await annAndBob();
  ann.host.command({ command: "say", text: "seen" }, undefined);
  await world.pass(200);
  // For Ann it is dead: nothing of it arrives any more, and what it goes on writing is another disk's.
  world.cut("127.0.0.1", "127.0.0.2");
  const disk = new Store();
  disk.records = [...stores.bob.records];
  await world.pass(4_000);
  ann.host.command({ command: "say", text: "missed" }, undefined);
  await world.pass(100);

  const again = world.start(2, "Bob", disk, { kind: "resume", room: roomOf(ann) });
  await world.pass(3_000);

  assertEquals(texts(again), ["missed"]);
  assert(again.events.some((event) => event.event === "message" && event.history));
});

Deno.test("MeshHost: whoever returns knows who is here when it is ready", async () => {
  const { world, ann, bob, stores } = await annAndBob();
  const contact = { host: "127.0.0.1", port: 55_107 };
  world.start(3, "Cem", new Store(), { kind: "join", contact });
  await world.pass(1_000);
  bob.host.command({ command: "quit" }, undefined);
  await world.pass(1_000);

  const again = world.start(
    2,
    "Bob",
    stores.bob,
    { kind: "resume", room: roomOf(ann) },
    (event) => {
      if (event.event === "ready") again.host.command({ command: "peers" }, undefined);
    },
  );
  await world.pass(1_000);

  const peers = again.events.find((event) => event.event === "peers");
  const names = peers?.event === "peers" ? peers.peers.map(({ name }) => name) : [];
  assertEquals(names, ["Bob", "Ann", "Cem"]);
  assertEquals(again.events[0]?.event, "ready");
});

Deno.test("MeshHost: whoever returns waits a second at most for who is here", async () => {
  const readyAfterMs: number[] = [];
  // Somewhere on the way in: what has come by then decides what it waits for.
  for (let cutAtMs = 10; cutAtMs <= 100; cutAtMs += 10) {
    const { world, ann, bob, stores } = await annAndBob();
    bob.host.command({ command: "quit" }, undefined);
    await world.pass(1_000);
    const again = world.start(2, "Bob", stores.bob, { kind: "resume", room: roomOf(ann) });
    await world.pass(cutAtMs);
    world.cut("127.0.0.1", "127.0.0.3");
    const isReady = () => again.events.some(({ event }) => event === "ready");
    for (let ms = 0; ms < 2_000 && !isReady(); ms += 10) {
      await world.pass(10);
      if (isReady()) readyAfterMs.push(ms);
    }
  }

  assert(readyAfterMs.some((ms) => ms > 900 && ms <= 1_000), readyAfterMs.join());
});

Deno.test("MeshHost: input pauses while a newcomer catches up, and goes on then", async () => {
  const { bob } = await annAndBob();

  assertEquals(bob.paused, ["catching up with the room", null]);
});

function roomOf({ host }: Program): RoomId {
  assert(host.room !== null);
  return host.room;
}

Deno.test("MeshHost: garbage shuts out the key that sent it, and nobody else at its address", async () => {
  const { world, ann } = await annAndBob();
  const outcomes: string[] = [];
  const come = async (link: number, key: string) => {
    const before = ann.logged.length;
    const peer = key.repeat(64) as PeerKey;
    const remote = { host: "203.0.113.9", port: 40_000 + link };
    const info = {
      peer,
      process: "1",
      remote,
      localHost: "",
      dialled: false,
      attempt: null,
      secret: null,
      roomNamed: false,
    };
    ann.host.linkUp(link as LinkId, info);
    outcomes.push(ann.logged.slice(before).find((text) => text.startsWith("link"))!);
    await world.pass(10);
  };

  await come(1_001, "e");
  ann.host.frame(1_001 as LinkId, new Uint8Array(100).fill(1));
  ann.host.linkDown(1_001 as LinkId, { closed: true, reason: "garbage" });
  await come(1_002, "e");
  await come(1_003, "d");
  await world.pass(60_000);
  await come(1_004, "e");

  assertEquals(outcomes, ["link up", "link refused", "link up", "link up"]);
});

Deno.test("MeshHost: whoever proves a key and says nothing is let go of within 15 s", async () => {
  const { world, ann } = await annAndBob();
  const said = ann.events.length;

  const end = await world.silentFor15s({ host: "127.0.0.1", port: 55_107 }, "mesh");

  assertEquals(end, { closed: true, reason: "nothing came that could follow (silent)" });
  assert(ann.logged.includes("link down"));
  assertEquals(ann.events.slice(said), []);
});

Deno.test("MeshHost: a crowd that has shaken hands and says nothing makes room for who comes in", async () => {
  for (const [silentMs, notices] of [[600, 0], [0, 1]] as const) {
    const world = new World();
    const ann = world.start(1, "Ann", new Store(), { kind: "found" });
    await world.pass(50);
    for (let at = 0; at < 64; at++) {
      const remote = { host: "203.0.113.9", port: 40_000 + at };
      const peer = String(10 + at).padEnd(64, "e") as PeerKey;
      const info = {
        peer,
        process: "1",
        remote,
        localHost: "",
        dialled: false,
        attempt: null,
        secret: null,
        roomNamed: false,
      };
      ann.host.linkUp(1_000 + at as LinkId, info);
    }
    await world.pass(silentMs);

    const contact = { host: "127.0.0.1", port: 55_107 };
    const bob = world.start(2, "Bob", new Store(), { kind: "join", contact });
    await world.pass(3_000);

    const said = bob.events.map((event) => event.event === "notice" ? event.text : event.event);
    assertEquals(said.includes("ready"), true, `${said}`);
    const triedAgain = "Not let in yet: the member closed the connection; trying again";
    assertEquals(said.filter((text) => text === triedAgain).length, notices);
  }
});

/** The invite that a program shows. */
async function inviteOf(world: World, { host, events }: Program, rotate = false) {
  const before = events.length;
  host.command({ command: "invite", rotate }, undefined);
  await world.pass(200);
  const shown = events.slice(before).find((event) => event.event === "invite");
  assert(shown?.event === "invite");
  return parseInvite(shown.invite);
}

const joinWith = (invite: Invite) =>
  ({ kind: "join", contact: invite.endpoints[0]!, invite }) as const;
const isReady = ({ events }: Program) => events.some(({ event }) => event === "ready");
const codeOf = async ({ outcome }: Program) => {
  const ended = await outcome;
  return ended.kind === "fatal" ? ended.code : ended.kind;
};

Deno.test("MeshHost: an invite opens a private room, and nothing else does", async () => {
  const world = new World();
  const ann = world.start(1, "Ann", new Store(), { kind: "found", private: true });
  await world.pass(50);
  const invite = await inviteOf(world, ann);
  const [contact] = invite.endpoints;
  assert(invite.secret !== null && contact !== undefined);
  const { epoch } = invite.secret;

  const bob = world.start(2, "Bob", new Store(), joinWith(invite));
  await world.pass(2_000);
  const secret = { epoch, secret: new Uint8Array(16) };
  const wrong = world.start(3, "Cem", new Store(), joinWith({ ...invite, secret }));
  const none = world.start(4, "Dan", new Store(), { kind: "join", contact });
  const open = world.start(5, "Eva", new Store(), joinWith({ ...invite, secret: null }));
  await world.pass(2_000);

  assertEquals([ann, bob, wrong, none, open].map(isReady), [true, true, false, false, false]);
  assertEquals(
    await Promise.all([wrong, none, open].map(codeOf)),
    Array(3).fill("bad-credentials"),
  );
  assertEquals((await inviteOf(world, bob)).secret, invite.secret);
});

Deno.test("MeshHost: after a rotation the invite before lets nobody in who wasn't in, and members back in", async () => {
  const world = new World();
  const stores = { ann: new Store(), bob: new Store() };
  const ann = world.start(1, "Ann", stores.ann, { kind: "found", private: true });
  await world.pass(50);
  const first = await inviteOf(world, ann);
  const bob = world.start(2, "Bob", stores.bob, joinWith(first));
  await world.pass(2_000);
  bob.host.command({ command: "quit" }, undefined);
  await world.pass(1_500);
  await bob.outcome;

  const second = await inviteOf(world, ann, true);
  const room = first.room;
  const late = world.start(3, "Cem", new Store(), joinWith(first));
  const back = world.start(2, "Bob", stores.bob, { kind: "resume", room });
  const invited = world.start(4, "Dan", new Store(), joinWith(second));
  await world.pass(3_000);

  assertEquals([back, invited].map(isReady), [true, true]);
  assertEquals(await codeOf(late), "bad-credentials");
  for (const program of [ann, back, invited]) {
    assertEquals((await inviteOf(world, program)).secret, second.secret);
  }
  const told = back.events.filter((event) =>
    event.event === "notice" && event.text.startsWith("Ann has made a new invite")
  );
  assertEquals(told.length, 1);
  assert(stores.bob.records.some(({ kind }) => kind === "rotation"));
});
