import { assertEquals, assertRejects } from "@std/assert";
import type { LinkClock } from "../../lib/transport/link.ts";
import { nodeCrypto } from "../../lib/base/crypto/crypto.ts";
import { type Fingerprint, fingerprintOf } from "../../lib/base/text/fingerprint.ts";
import { P2pchatError } from "../../lib/base/errors.ts";
import type { Hash, LinkId } from "../../lib/base/ids.ts";
import type { ModeOutcome } from "../../lib/base/machine/mode_machine.ts";
import type {
  CoordinatorEvent,
  MemberEvent,
  SnapshotView,
} from "../../lib/protocols/group/schema/events.ts";
import type { LastSaid } from "../../lib/protocols/group/schema/member_io.ts";
import { HistoryEnd } from "../../lib/protocols/group/schema/history.ts";
import type { CoordinatorRecord, MemberRecord } from "../../lib/protocols/group/schema/records.ts";
import type { Cut } from "../../lib/protocols/group/schema/cut.ts";
import { keyPairFromSeed } from "../../lib/protocols/noise/primitives.ts";
import {
  CoordinatorHost,
  type KeptSnapshot,
  type Snapshots,
} from "../../lib/runtime/hosts/coordinator_host.ts";
import type { EntryLog } from "../../lib/runtime/entry_feed.ts";
import { MemberHost } from "../../lib/runtime/hosts/member_host.ts";
import { MemoryDatagramNetwork } from "../doubles/memory_datagrams.ts";
import { HostWorld, MemoryStore, Reader, signerOf } from "./host_world.ts";
import { MemoryEntryLog } from "./memory_entry_log.ts";
import { groupIdOf } from "../../lib/protocols/group/schema/founding.ts";
import { SLOW } from "../given.ts";

const SERVER = { host: "127.0.0.1", port: 6_000 };
const ACCESS = { mode: "group", room: null, secrets: null, admit: () => null } as const;

function groupOf(records: readonly (MemberRecord | CoordinatorRecord)[]): Hash {
  const { founding } = records.find((record) => record.kind === "new-log")!;
  return groupIdOf(nodeCrypto, founding);
}

/** The log of a store in memory: what went there, in order. `pause` is before each item that is read. */
function logOf(
  store: MemoryStore<MemberRecord | CoordinatorRecord>,
  pause?: () => Promise<void>,
): EntryLog {
  const group = () => groupOf(store.records);
  const batches = () => {
    const begins = store.records.findLastIndex(({ kind }) => kind === "new-log");
    return store.records.slice(begins)
      .flatMap((record) => record.kind === "log" ? [record.batch] : []);
  };
  return new MemoryEntryLog(group, batches, pause);
}

/** Snapshots in memory, or a disk that refuses them. */
class MemorySnapshots implements Snapshots {
  readonly kept: Cut[] = [];
  refuses = false;

  keep(cut: Cut): Promise<KeptSnapshot> {
    if (this.refuses) return Promise.reject(new P2pchatError("disk", "Cannot write: it is full"));
    this.kept.push(cut);
    return Promise.resolve({ file: `/snapshots/${cut.id}.txt`, removed: [] });
  }

  list(): Promise<readonly SnapshotView[]> {
    if (this.refuses) return Promise.reject(new P2pchatError("disk", "Cannot read: it is gone"));
    return Promise.resolve(this.kept.map(({ id }) => ({
      id,
      file: `/snapshots/${id}.txt`,
      consistent: true,
      at: null,
      members: [],
      messages: 0,
    })));
  }
}

interface Kept {
  readonly records: readonly MemberRecord[];
  readonly history: HistoryEnd;
  /** What reading an entry of the log takes. */
  readonly readMs: number;
}

/** What a member's disk has whose log lacks all but so many batches: they are held beside it. */
function crashed(
  { records }: MemoryStore<MemberRecord>,
  logged: number,
  readMs: number,
): Kept {
  const history = new HistoryEnd(nodeCrypto, groupOf(records));
  const log = records.filter((record) => record.kind === "log").slice(0, logged);
  for (const { batch } of log) history.append(batch);
  const others = records.filter((record) =>
    record.kind !== "log" && (record.kind !== "held" || record.after >= history.position)
  );
  return { records: [...others, ...log], history, readMs };
}

/** Who said the last entry. */
function lastOf(kept: Kept | null): LastSaid | null {
  const log = kept?.records.filter((record) => record.kind === "log") ?? [];
  const last = log.findLast(({ batch }) => batch.batch.value.kind === "texts");
  if (last === undefined) return null;
  const { author: key, name, sentAt } = last.batch.batch.value;
  return { key, name, sentAt };
}

class World extends HostWorld {
  readonly datagrams = new MemoryDatagramNetwork({ latencyMs: 5, clock: this.network.clock });

  #output(reader: Reader) {
    return {
      pauseInput() {},
      flushed: () => Promise.resolve(),
      written: () => Promise.resolve(),
      keepAnswer: () => Promise.resolve(),
      outputReady: () => reader.ready(),
    };
  }

  /** @param leads As the host asks; by default there is no other program. */
  serve(leads?: () => boolean) {
    const place = this.place(99, SERVER.port, SERVER.host);
    const store = new MemoryStore<CoordinatorRecord>();
    const events: CoordinatorEvent[] = [];
    const reader = new Reader();
    const snapshots = new MemorySnapshots();
    const late: { host: CoordinatorHost | null } = { host: null };
    const links = place.open(ACCESS, () => late.host);
    const config = {
      listening: SERVER,
      failAfterMs: 3_000,
      membersMax: 64,
      mayFound: true,
      edits: "own" as const,
      voteTimeoutMs: 30_000,
      snapshotEveryMs: null,
      pins: new Map(),
      history: null,
    };
    late.host = new CoordinatorHost(config, {
      clock: this.network.clock,
      environment: place.environment,
      links,
      signer: place.signer,
      store,
      log: logOf(store),
      snapshots,
      datagrams: null,
      show: (event) => events.push(event),
      pin: () => Promise.resolve(),
      ...(leads === undefined ? {} : { leads }),
      ...this.#output(reader),
    });
    return { events, reader, snapshots, host: late.host, outcome: late.host.run() };
  }

  /** @param kept What its disk has, and the log's end there. @param pins Keys of others that it met before. */
  member(
    name: string,
    seed: number,
    kept: Kept | null = null,
    pins: ReadonlyMap<string, Fingerprint> = new Map(),
  ) {
    const place = this.place(seed, 0, `127.0.0.${seed + 1}`);
    const store = new MemoryStore<MemberRecord>();
    store.records.push(...kept?.records ?? []);
    const slow = () => {
      if (kept === null || kept.readMs === 0) return Promise.resolve();
      const { promise, resolve } = Promise.withResolvers<void>();
      const { clock } = this.network;
      clock.at(clock.nowMs() + kept.readMs, resolve);
      return promise;
    };
    const events: MemberEvent[] = [];
    const reader = new Reader();
    const late: { host: MemberHost | null } = { host: null };
    const links = place.open(ACCESS, () => late.host);
    const local = { host: `127.0.0.${seed + 1}`, port: 9_000 };
    const datagrams = this.datagrams.open(local);
    const clock: LinkClock = this.network.clock;
    late.host = new MemberHost({
      name,
      coordinator: SERVER,
      server: "here",
      expect: null,
      given: null,
      port: local.port,
      host: local.host,
      listening: local,
      pins,
      history: kept?.history ?? null,
      last: lastOf(kept),
      files: { log: "/data/log", knownPeers: "/data/known_peers" },
      wait: true,
    }, {
      clock,
      environment: place.environment,
      links,
      signer: place.signer,
      identity: {
        signer: place.signer,
        static: keyPairFromSeed(place.environment.randomBytes(32)),
      },
      datagrams,
      store,
      log: logOf(store, slow),
      show: (event) => events.push(event),
      keepSecret: () => Promise.resolve(),
      keepAddresses: () => Promise.resolve(),
      pin: () => Promise.resolve(),
      ...this.#output(reader),
    });
    const { host } = late;
    const say = (text: string) => host.command({ command: "msg", text }, undefined);
    const outcome: Promise<ModeOutcome> = host.run();
    const close = () => Promise.all([links.shutdown("ended"), datagrams.close()]);
    return { events, reader, store, host, say, outcome, close };
  }
}

const lines = ({ events }: { readonly events: readonly MemberEvent[] }) =>
  events.flatMap((event) => event.event === "message" ? [`${event.seq} ${event.text}`] : []);
const members = ({ events }: { readonly events: readonly MemberEvent[] }) => {
  const view = events.findLast((event) => event.event === "view");
  return view?.event === "view" ? view.members : [];
};

async function annAndBob() {
  const world = new World();
  const server = world.serve();
  const ann = world.member("Ann", 1);
  await world.pass(500);
  const bob = world.member("Bob", 2);
  await world.pass(2_000);
  return { world, server, ann, bob };
}

Deno.test("MemberHost: two members talk through sealed datagrams, let in by a coordinator that reads nothing", async () => {
  const { world, server, ann, bob } = await annAndBob();
  assertEquals([members(ann), members(bob)], [["Ann", "Bob"], ["Ann", "Bob"]]);

  ann.say("hello");
  bob.say("hi");
  await world.pass(500);

  assertEquals([...lines(ann)].map((line) => line.slice(2)).sort(), ["hello", "hi"]);
  assertEquals(lines(bob), lines(ann));
  const kinds = (store: MemoryStore<MemberRecord>) =>
    store.records.filter(({ kind }) => kind === "log").length;
  assertEquals([kinds(ann.store), kinds(bob.store)], [2, 2]);
  assertEquals(server.events.filter(({ event }) => event === "entry").length, 2);
  assertEquals(JSON.stringify(server.events).includes("hello"), false);
});

Deno.test("MemberHost: who leaves cut off from the coordinator has left for the others, who fails is lost", async () => {
  for (const leaves of [true, false]) {
    const { world, server, ann, bob } = await annAndBob();
    world.cut("127.0.0.2", SERVER.host);

    ann.store.refuses = !leaves;
    if (leaves) ann.host.command({ command: "quit" }, undefined);
    else ann.say("not on the disk");
    await world.pass(10_000);
    assertEquals((await ann.outcome).kind, leaves ? "bye" : "fatal");

    const left = server.events.find((event) => event.event === "left");
    const reason = leaves ? "quit" as const : "lost" as const;
    assertEquals(left?.event === "left" && left.reason, reason);
    const view = bob.events.findLast((event) => event.event === "view");
    assertEquals(view?.event === "view" && view.left, [{ name: "Ann", reason }]);
  }
});

Deno.test("MemberHost: a long state file is compacted although a message's first write is waited for", async () => {
  const { world, ann } = await annAndBob();
  ann.store.extraBytes = 64 * 1_024 * 1_024;

  ann.say("hello");
  await world.pass(500);

  assertEquals(ann.store.rewrites, 1);
});

Deno.test("MemberHost: a status has the way to those heard", async () => {
  const { world, ann } = await annAndBob();

  ann.host.command({ command: "status" }, undefined);
  await world.pass(50);

  const status = ann.events.findLast((event) => event.event === "status");
  const [own, other] = status?.event === "status" ? status.members : [];
  assertEquals([own?.name, other?.name, own?.roundTripMs], ["Ann", "Bob", null]);
  assertEquals(Math.round(other!.roundTripMs!), 10);
});

Deno.test("MemberHost: who reads nothing holds up nobody, and gets all of it afterwards", async () => {
  const { world, ann, bob } = await annAndBob();
  bob.reader.stop();

  for (let number = 0; number < 50; number++) ann.say(`text ${number}`);
  await world.pass(6_000);
  assertEquals([lines(ann).length, lines(bob).length], [50, 0]);
  assertEquals(members(ann), ["Ann", "Bob"]);
  bob.reader.goOn();
  await world.pass(100);

  assertEquals(lines(bob), lines(ann));
});

for (const readMs of [0, 1_000]) {
  Deno.test(`MemberHost: what goes to the log at the start is shown once, in order, as history, where reading takes ${readMs} ms`, async () => {
    const world = new World();
    world.serve();
    const before = world.member("Ann", 1);
    await world.pass(1_000);
    for (let number = 1; number <= 5; number++) {
      before.say(`text ${number}`);
      await world.pass(100);
    }
    before.host.command({ command: "quit" }, undefined);
    await world.pass(2_000);
    await Promise.all([before.close(), world.pass(100)]);

    const ann = world.member("Ann", 1, crashed(before.store, 2, readMs));
    await world.pass(15_000);
    ann.say("text 6");
    await world.pass(1_000);

    const numbers = [1, 2, 3, 4, 5, 6];
    assertEquals(lines(ann), numbers.map((number) => `${number} text ${number}`));
    const history = ann.events.flatMap((event) => event.event === "message" ? [event.history] : []);
    assertEquals(history, numbers.map((number) => number <= 5));
  });
}

Deno.test("MemberHost: who reads slowly gets each entry once, also where the log comes anew meanwhile", async () => {
  const { world, server, ann, bob } = await annAndBob();
  ann.say("text 1");
  await world.pass(500);
  bob.reader.stop();
  for (let number = 2; number <= 50; number++) ann.say(`text ${number}`);
  await world.pass(3_000);

  server.host.command({ command: "recover", name: "Bob" }, undefined);
  const isSetAside = () => bob.store.records.at(-1)?.kind === "new-log";
  for (let ms = 0; ms < 100 && !isSetAside(); ms++) await world.pass(1);
  assertEquals([isSetAside(), lines(bob).length], [true, 1]);
  bob.reader.goOn();
  await world.pass(10_000);

  assertEquals([lines(ann).length, members(bob)], [50, ["Ann", "Bob"]]);
  assertEquals(lines(bob), lines(ann));
});

Deno.test("MemberHost: a coordinator that said garbage is dialled until it is let in again", async () => {
  const { world, ann } = await annAndBob();
  const coordinator = () => ann.events.findLast((event) => event.event === "coordinator");

  ann.host.frame(1 as LinkId, new Uint8Array(100).fill(0xff));
  await world.pass(30_000);
  assertEquals(coordinator()?.state, "down");
  await world.pass(40_000);

  assertEquals(coordinator()?.state, "up");
  assertEquals(members(ann).toSorted(), ["Ann", "Bob"]);
});

Deno.test("CoordinatorHost: whoever proves a key and says nothing is let go of within 15 s", async () => {
  const world = new World();
  const { events } = world.serve();
  world.member("Ann", 1);

  const end = await world.silentFor15s(SERVER, "group");

  assertEquals(end, { closed: true, reason: "no hello came" });
  assertEquals(events.map(({ event }) => event), ["ready", "joining", "joined", "view"]);
});

Deno.test("CoordinatorHost: where another program may lead it does nothing more, and ends with why", async () => {
  const world = new World();
  let leads = true;
  const { host, events, outcome } = world.serve(() => leads);
  await world.pass(100);
  const answers = () => events.filter(({ event }) => event === "members").length;
  host.command({ command: "list" }, undefined);
  await world.pass(100);
  assertEquals(answers(), 1);

  leads = false;
  host.command({ command: "list" }, undefined);
  await world.pass(10_000);
  assertEquals(answers(), 1);
  host.giveWay(new P2pchatError("in-use", "another one leads"));
  const error = await assertRejects(() => outcome, P2pchatError);
  assertEquals(error.message, "another one leads");
});

Deno.test("MemberHost: an edit is shown to all members, and /entry and /log have it", async () => {
  const { world, server, ann, bob } = await annAndBob();
  ann.say("at seven?");
  await world.pass(500);

  ann.host.command({ command: "edit", seq: 1, text: "at eight?" }, "e");
  await world.pass(1_000);
  bob.host.command({ command: "entry", seq: 1 }, "n");
  bob.host.command({ command: "entry", seq: 2 }, "m");
  bob.host.command({ command: "log", count: 5, digest: false }, "l");
  await world.pass(50);

  const edits = ann.events.filter((event) => event.event === "edit");
  assertEquals(edits, bob.events.filter((event) => event.event === "edit"));
  const [{ committedAt = "" } = {}] = edits;
  assertEquals(edits, [{
    event: "edit",
    edit: 1,
    seq: 1,
    by: "Ann",
    text: "at eight?",
    outcome: "committed",
    reason: "nobody had to be asked",
    agreed: [],
    committedAt,
    history: false,
    position: 2,
  }]);
  const [entry, error, log] = bob.events.slice(-3);
  assertEquals(entry?.event === "entry" && [entry.text, entry.edits], ["at eight?", [
    {
      edit: 1,
      by: "Ann",
      old: "at seven?",
      new: "at eight?",
      agreed: [],
      committedAt: committedAt!,
    },
  ]]);
  assertEquals(error?.event === "error" && [error.code, error.seq], ["no-such-entry", 2]);
  assertEquals(log?.event === "log" && log.entries.map(({ text, edits }) => [text, edits]), [
    ["at eight?", 1],
  ]);
  assertEquals(JSON.stringify(server.events).includes("seven"), false);
});

Deno.test("MemberHost: edits that are in the log at the start are shown as they were when they came", async () => {
  const world = new World();
  world.serve();
  const before = world.member("Ann", 1);
  await world.pass(1_000);
  before.say("text 1");
  await world.pass(100);
  before.host.command({ command: "edit", seq: 1, text: "text one" }, undefined);
  await world.pass(500);
  before.say("text 2");
  await world.pass(100);
  before.host.command({ command: "quit" }, undefined);
  await world.pass(2_000);
  await Promise.all([before.close(), world.pass(100)]);

  const ann = world.member("Ann", 1, crashed(before.store, 3, 0));
  await world.pass(15_000);

  const shown = (events: readonly MemberEvent[]) =>
    events.filter((event) => event.event === "message" || event.event === "edit");
  const earlier = shown(before.events).map((event) => ({ ...event, history: true }));
  assertEquals(earlier.map(({ event }) => event), ["message", "edit", "message"]);
  assertEquals<unknown>(shown(ann.events), earlier);
});

Deno.test("MemberHost: a stranger is shown so at the next start, in /log and in /entry, too", async () => {
  const pins = new Map([["bob", fingerprintOf(signerOf(7).key)]]);
  const world = new World();
  world.serve();
  const before = world.member("Ann", 1, null, pins);
  await world.pass(1_000);
  const bob = world.member("Bob", 2);
  await world.pass(2_000);
  bob.say("text 1");
  await world.pass(500);
  bob.host.command({ command: "edit", seq: 1, text: "text one" }, undefined);
  await world.pass(500);
  before.host.command({ command: "quit" }, undefined);
  await world.pass(2_000);
  await Promise.all([before.close(), world.pass(100)]);

  const ann = world.member("Ann", 1, crashed(before.store, 2, 0), pins);
  await world.pass(15_000);
  ann.host.command({ command: "log", count: 5, digest: false }, "l");
  ann.host.command({ command: "entry", seq: 1 }, "n");
  await world.pass(50);

  const bobs = `Bob~${fingerprintOf(signerOf(2).key).slice(0, 4)}`;
  const shown = (events: readonly MemberEvent[]) =>
    events.filter((event) => event.event === "message" || event.event === "edit");
  const live = shown(before.events);
  assertEquals(live.map((event) => event.event === "edit" ? event.by : event.shown), [bobs, bobs]);
  assertEquals<unknown>(shown(ann.events), live.map((event) => ({ ...event, history: true })));
  const ready = ann.events.find((event) => event.event === "ready");
  const [log, entry] = ann.events.slice(-2);
  assertEquals([
    ready?.event === "ready" && ready.last?.shown,
    log?.event === "log" && log.entries[0]?.shown,
    entry?.event === "entry" && entry.shown,
    entry?.event === "entry" && entry.edits[0]?.by,
  ], [bobs, bobs, bobs, bobs]);
  const key = fingerprintOf(signerOf(2).key);
  assertEquals<unknown>([live[0]?.event === "message" && live[0].key, log], [key, {
    event: "log",
    entries: [{ ...(log?.event === "log" ? log.entries[0]! : {}), from: "Bob", key }],
  }]);
});

Deno.test("CoordinatorHost: a snapshot is kept and shown, and others are listed", async () => {
  const { world, server } = await annAndBob();

  server.host.command({ command: "snapshot" }, "s");
  await world.pass(500);
  server.host.command({ command: "snapshots" }, "l");
  await world.pass(50);

  const [cut] = server.snapshots.kept;
  assertEquals(cut?.members.map(({ name }) => name), ["Ann", "Bob"]);
  const [snapshot, list] = server.events.slice(-2);
  assertEquals(snapshot?.event === "snapshot" && [snapshot.file, snapshot.consistent], [
    `/snapshots/${cut!.id}.txt`,
    true,
  ]);
  assertEquals(list?.event === "snapshots" && list.snapshots.map(({ id }) => id), [cut!.id]);
});

Deno.test("CoordinatorHost: a disk that refuses a snapshot is told to who asked, and the group goes on", async () => {
  const { world, server, ann } = await annAndBob();
  server.snapshots.refuses = true;

  server.host.command({ command: "snapshot" }, "s");
  await world.pass(500);
  server.host.command({ command: "snapshots" }, "l");
  await world.pass(50);
  ann.say("hello");
  await world.pass(500);

  const errors = server.events.flatMap((event) =>
    event.event === "error" ? [[event.code, event.text]] : []
  );
  assertEquals(errors, [
    ["disk", "Cannot write: it is full"],
    ["disk", "Cannot read: it is gone"],
  ]);
  assertEquals(lines(ann), ["1 hello"]);
});

Deno.test("CoordinatorHost: what all share isn't told while nobody reads", async () => {
  const { world, server, ann } = await annAndBob();
  const consistent = () =>
    server.events.flatMap((event) => event.event === "consistent" ? [event.seq] : []);
  ann.say("one");
  await world.pass(500);
  server.reader.stop();
  ann.say("two");
  await world.pass(500);
  server.reader.goOn();
  await world.pass(50);
  ann.say("three");
  await world.pass(500);

  assertEquals(consistent(), [1, 3]);
});

Deno.test("CoordinatorHost: entries that nobody reads of are counted, and the group goes on", async () => {
  const { world, server, ann, bob } = await annAndBob();
  server.reader.stop();
  const before = server.events.length;

  for (let number = 0; number < 50; number++) ann.say(`text ${number}`);
  await world.pass(6_000);
  assertEquals([lines(bob).length, server.events.length - before], [50, 0]);
  server.reader.goOn();
  await world.pass(50);

  const told = server.events.slice(before);
  assertEquals(told, [{
    event: "notice",
    text:
      "50 events were dropped because nobody read the output; /status, /edits and /states say how " +
      "things stand",
    warning: true,
  }]);
  assertEquals(members(ann), ["Ann", "Bob"]);
});

Deno.test(
  "CoordinatorHost: edits that nobody reads of are shown as long as they are few, then counted",
  SLOW,
  async () => {
    const { world, server, ann } = await annAndBob();
    ann.say("at seven?");
    await world.pass(500);
    const before = server.events.length;
    server.reader.stop();

    const text = "x".repeat(60_000);
    for (let number = 0; number < 24; number++) {
      ann.host.command({ command: "edit", seq: 1, text: `${number} ${text}` }, undefined);
      await world.pass(500);
    }
    const committed = ann.events.filter((event) =>
      event.event === "edit" && event.outcome === "committed"
    );
    assertEquals(committed.length, 24);
    server.host.command({ command: "edits" }, "e");
    const whileUnread = server.events.slice(before);
    assertEquals(whileUnread.map(({ event }) => event), [
      ...Array.from({ length: 17 }, () => "edit"),
      "edits",
    ]);
    server.reader.goOn();
    await world.pass(50);

    assertEquals(server.events.slice(before + whileUnread.length), [{
      event: "notice",
      text:
        "7 events were dropped because nobody read the output; /status, /edits and /states say how " +
        "things stand",
      warning: true,
    }]);
  },
);

Deno.test("MemberHost: a disk that refuses ends the member, and the others go on without it", async () => {
  const { world, ann, bob } = await annAndBob();
  bob.store.refuses = true;

  ann.say("hello");
  await world.pass(8_000);

  const outcome = await bob.outcome;
  assertEquals([outcome.kind, outcome.kind === "fatal" && outcome.code], ["fatal", "disk"]);
  assertEquals([members(ann), lines(ann)], [["Ann"], ["1 hello"]]);
});

Deno.test("MemberHost: who quits has said everything, and parts", async () => {
  const { world, server, ann, bob } = await annAndBob();
  bob.say("bye");
  bob.host.command({ command: "quit" }, "q");
  await world.pass(3_000);

  assertEquals(await bob.outcome, { kind: "bye", reason: "quit", ref: "q" });
  assertEquals([lines(ann), members(ann)], [["1 bye"], ["Ann"]]);
  const left = server.events.find(({ event }) => event === "left");
  assertEquals(left, { event: "left", name: "Bob", reason: "quit" });
});
