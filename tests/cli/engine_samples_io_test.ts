/**
 * What instances of a version have in an engine, as it stands in `tests/samples/engine.txt`, a key and its value in each
 * line: this program goes on with it as with what others of its time have left, and puts the same.
 *
 * `UPDATE=1` writes the file anew: after the number in `schema` was raised; or where all that changed are fields that
 * were added, which others pass over. The records in the logs have their versions (`record_forms_io_test.ts`).
 */

import { assert, assertEquals } from "@std/assert";
import { nodeCrypto } from "../../lib/base/crypto/crypto.ts";
import { type Fingerprint, fingerprintOf } from "../../lib/base/text/fingerprint.ts";
import type { FoldedName, PeerKey } from "../../lib/base/ids.ts";
import {
  EngineGroupStore,
  SECRETS_NAME,
  secretsIn,
} from "../../lib/cli/group/engine_group_store.ts";
import { EngineSnapshots } from "../../lib/cli/group/engine_snapshots.ts";
import { endpointIn, instanceText } from "../../lib/cli/group/group_engine.ts";
import { SnapshotStore } from "../../lib/cli/tools/snapshot_store.ts";
import { Candidacy } from "../../lib/engine/candidacy.ts";
import { EngineRegistrar } from "../../lib/engine/directory/engine_registrar.ts";
import { broadcastsId } from "../../lib/engine/directory/shared_broadcasts.ts";
import { EngineAccounts } from "../../lib/engine/engine_accounts.ts";
import { FencedLog } from "../../lib/engine/fenced_log.ts";
import { isFresh, joinInstances, noteFresh } from "../../lib/engine/join_instances.ts";
import {
  type BroadcastRecord,
  DIRECTORY_NAME,
  type OnlineSession,
  type RegistrarAnswer,
  type RegistrarChange,
  type RegistrarQuestion,
} from "../../lib/protocols/directory/schema/registrar_io.ts";
import type { NewLogRecord } from "../../lib/protocols/group/schema/records.ts";
import { joinCells, splitCells } from "../../lib/store/disk/record_line.ts";
import { accountOf, keyNumber } from "../contracts/accounts_contract.ts";
import { MemoryDisk } from "../doubles/memory_disk.ts";
import { MemoryEngine, MemoryStore } from "../doubles/memory_store.ts";
import { cutWith } from "../protocols/group/snapshot/cuts.ts";
import { VirtualClock } from "../runtime/virtual_clock.ts";
import { editedEntries, endOf, FOUNDING, portsOf } from "./group_logs.ts";
import { fetched } from "./group_stores.ts";

const FILE = new URL("../samples/engine.txt", import.meta.url);
const WAY_OUT =
  "engines that are in use hold what is of the form in tests/samples/engine.txt: change it back, " +
  "or raise the number in `schema`, then write that file anew " +
  "(UPDATE=1 deno test -A tests/cli/engine_samples_io_test.ts)";

const DIRECTORY = "p2pchat/";
const GROUP = "p2pchat/group/team/";
const WALL_MS = 1_790_000_000_000;
const KEY = "ab".repeat(32) as PeerKey;
const FINGERPRINT: Fingerprint = fingerprintOf(KEY);
const ENDPOINT = { host: "192.0.2.1", port: 55_107 };
const ADDRESS = { host: "192.0.2.1", port: 6_000 };

/** Those that only stand there as long as their lease lasts, which must have one. */
const LEASED = /^p2pchat\/group\/team\/(leader$|standby\/)/;

/** Lets all go on that waits for nothing else. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 200; turn++) await Promise.resolve();
}

class World {
  readonly clock = new VirtualClock();
  readonly engine = new MemoryEngine(this.clock);
  readonly store = new MemoryStore(this.engine);

  /** All keys and their values. */
  lines(): readonly string[] {
    return [...this.engine.entries.values()].map(({ key, value }) => joinCells([key, value]))
      .sort();
  }

  /** Puts what the sample has at these keys, in their order. @returns The lease of those that have one. */
  async fill(keys: RegExp): Promise<string> {
    const lease = await this.store.grant(60_000);
    for (const [key, value] of kept()) {
      if (!keys.test(key)) continue;
      const put = LEASED.test(key) ? { key, value, lease } : { key, value };
      await this.store.commit({ when: [{ key, is: "absent" }], puts: [put] });
    }
    return lease;
  }

  // A directory.

  accounts(writer: string): EngineAccounts {
    const { store, clock } = this;
    return new EngineAccounts({ store, prefix: DIRECTORY, writer, nowMs: () => clock.nowMs() });
  }

  async join(): Promise<void> {
    const directory = { what: "directory", prefix: DIRECTORY, keyFile: "/p/identity" } as const;
    await joinInstances(this.store, { ...directory, key: FINGERPRINT });
  }

  /** An instance of the directory that runs. */
  async instance(id: string): Promise<Instance> {
    const { store, clock } = this;
    const registrar = await EngineRegistrar.open({
      ...{ store, clock, prefix: DIRECTORY, accounts: this.accounts(id), instance: id },
      ...{ wallMs: () => WALL_MS, clientsMax: 10, version: "1" },
    });
    const news: RegistrarChange[] = [];
    registrar.begin({
      address: ADDRESS,
      news: (changes) => void news.push(...changes),
      stateChanged() {},
      notice: never,
      failed: never,
    });
    await settled();
    const ask = (question: RegistrarQuestion) =>
      new Promise<RegistrarAnswer>((resolve) => registrar.ask(question, resolve));
    return { registrar, news, ask };
  }

  // A group.

  candidacy(id: string, heard: Pick<Heard, "leaderIs" | "candidatesAre" | "heeds">): Candidacy {
    const { store, clock } = this;
    return new Candidacy({
      ...{ store, clock, prefix: GROUP, id, value: instanceText(id, ENDPOINT), ...heard },
      odd: never,
      troubled: never,
      refused: never,
    });
  }

  async lead(): Promise<{ readonly led: EngineGroupStore; readonly snapshots: EngineSnapshots }> {
    const { store, clock } = this;
    const disk = new MemoryDisk();
    await disk.makeFolder("/p");
    const leader = instanceText("leads", ENDPOINT);
    const ports = { store, prefix: GROUP };
    const fenced = await FencedLog.lead({ ...ports, clock, leader, lost: never });
    assert(fenced instanceof FencedLog);
    const copy = "/p/engine-log";
    const led = await EngineGroupStore.open({ ...portsOf(disk), ...ports, fenced, copy });
    const files = new SnapshotStore(disk, nodeCrypto, "/p");
    return { led, snapshots: new EngineSnapshots({ ...ports, fenced, crypto: nodeCrypto, files }) };
  }
}

type Heard = ConstructorParameters<typeof Candidacy>[0];

interface Instance {
  readonly registrar: EngineRegistrar;
  readonly news: readonly RegistrarChange[];
  ask(question: RegistrarQuestion): Promise<RegistrarAnswer>;
}

function never(found: unknown): never {
  throw new Error(String(found));
}

const ANN = accountOf("Ann", { keys: [keyNumber(1)] });
const SESSION: OnlineSession = {
  ...{ id: "a-1", instance: "a", name: "Ann", isGuest: false, key: KEY, process: "01" },
  ...{ rank: WALL_MS, host: "10.0.0.2", port: 5_000, isBusy: false, away: null },
  ...{ sinceMs: WALL_MS, isHeld: false },
};
const GUEST: OnlineSession = { ...SESSION, id: "a-2", name: "Gus", isGuest: true };
const CLAIM = { ask: "claim", over: null, account: null, seen: 0, number: 1 } as const;
const SAID: BroadcastRecord = {
  ...{ kind: "broadcast", number: WALL_MS, from: "Ann", fromKey: KEY, fromAccount: true, own: 1 },
  ...{ sentAt: WALL_MS, takenAt: WALL_MS, ttlMs: 60_000, text: 'hello\tthere, "you"' },
  signature: new Uint8Array(64).fill(7),
};
const OPERATORS: BroadcastRecord = {
  ...SAID,
  ...{ number: WALL_MS + 1, from: DIRECTORY_NAME, fromKey: null, fromAccount: false, own: 2 },
};
const LIMIT = { what: "wrong/ann", max: 1, withinMs: 60_000 };
const STORE = "0123456789abcdef";

const SECRET = { epoch: 1, secret: new Uint8Array(16).fill(0x11) };
const STATES = [{ kind: "number", number: 5 }, { kind: "secret", secret: SECRET }] as const;
const LATER = { kind: "number", number: 6 } as const;
const ANEW: NewLogRecord = { kind: "new-log", founding: FOUNDING, because: null };
const ENTRIES = editedEntries();
const SNAPSHOT = "20260102-030405-006-abcdef";

/** What an instance of a directory leaves. */
async function ofDirectory(): Promise<readonly string[]> {
  const world = new World();
  await world.join();
  await broadcastsId(world.store, DIRECTORY, STORE);
  await world.accounts("one").signUp(ANN);
  const { registrar, ask } = await world.instance("a");
  await ask({ ...CLAIM, session: SESSION, account: ANN.hash });
  await ask({ ...CLAIM, session: GUEST, number: 2 });
  await ask({ ask: "tell", broadcast: SAID });
  await ask({ ask: "tell", broadcast: OPERATORS });
  await ask({ ask: "count", limits: [LIMIT], stamp: "a 1" });
  registrar.order({ order: "set-presence", session: "a-1", presence: { away: "lunch" } });
  registrar.order({ order: "release", session: "a-2", heldMs: 10_000, through: null });
  registrar.order({
    order: "mark",
    through: SAID.number,
    sessions: 1,
    except: ["zoe" as FoldedName],
  });
  registrar.order({ order: "kick", name: "Mal", key: KEY });
  registrar.order({ order: "reached", number: SAID.number, count: 3 });
  await settled();
  return world.lines();
}

/** What one of a group leaves. */
async function ofGroup(): Promise<readonly string[]> {
  const world = new World();
  await noteFresh(world.store, { prefix: GROUP, key: FINGERPRINT });
  const group = { what: "group", prefix: GROUP, keyFile: "/p/identity" } as const;
  await joinInstances(world.store, { ...group, key: FINGERPRINT });
  world.candidacy("stands", {
    leaderIs() {},
    candidatesAre() {},
    heeds: { name: SECRETS_NAME, is() {} },
  });
  const { led, snapshots } = await world.lead();
  await led.append([...STATES, ANEW], true);
  await led.pin("Ann", KEY);
  await led.rewrite(STATES);
  await led.append([LATER, ...fetched(ENTRIES)], true);
  await snapshots.keep({ ...cutWith(), id: SNAPSHOT });
  await settled();
  return world.lines();
}

/** Of each line, the key and the value. */
function kept(): readonly (readonly [key: string, value: string])[] {
  const lines = Deno.readTextFileSync(FILE).trimEnd().split("\n");
  return lines.map((line) => splitCells(line) as readonly [key: string, value: string]);
}

Deno.test("what is in an engine is written as ever", async () => {
  const now = [...await ofDirectory(), ...await ofGroup()];
  if (Deno.env.get("UPDATE") === "1") Deno.writeTextFileSync(FILE, [...now, ""].join("\n"));
  assertEquals(now, kept().map(joinCells), WAY_OUT);
});

Deno.test("a directory goes on with what instances of its time have in an engine", async () => {
  const world = new World();
  await world.fill(/^p2pchat\/(?!calls|group)/);
  await world.join();
  assertEquals(await broadcastsId(world.store, DIRECTORY, "f".repeat(16)), STORE);
  assertEquals(await world.accounts("b").find("ANN"), ANN);

  const { news, ask } = await world.instance("b");
  await world.fill(/^p2pchat\/calls/);
  const presents = [{ ...SESSION, away: "lunch" }, { ...GUEST, isHeld: true }];
  const [first] = news;
  assert(first?.change === "instances");
  assertEquals(first.instances.map(({ id, address, room }) => [id, address, room]), [
    ["b", ADDRESS, 10],
    ["a", ADDRESS, 10],
  ]);
  assertEquals(news.filter(({ change }) => change !== "instances"), [
    { change: "kicked", name: "Mal", key: KEY },
    { change: "reached", number: SAID.number, instance: "a", count: 3 },
    { change: "broadcast", broadcast: SAID, isNew: false },
    { change: "broadcast", broadcast: OPERATORS, isNew: false },
    ...presents.map((session) => ({ change: "present", session }) as const),
  ], WAY_OUT);

  const session = { ...SESSION, id: "b-1", instance: "b" };
  assertEquals(
    await ask({ ...CLAIM, session, over: "a-1", account: ANN.hash }),
    { outcome: "done", heard: SAID.number },
  );
  assertEquals(await ask({ ask: "tell", broadcast: { ...SAID, number: 0 } }), {
    outcome: "before",
    number: SAID.number,
  });
  assertEquals(await ask({ ask: "count", limits: [LIMIT], stamp: "b 1" }), {
    outcome: "too-many",
    retryMs: LIMIT.withinMs,
  });
});

Deno.test("a group goes on with what coordinators of its time have in an engine", async () => {
  const world = new World();
  const lease = await world.fill(/^p2pchat\/group/);
  const group = { what: "group", prefix: GROUP, keyFile: "/p/identity" } as const;
  await joinInstances(world.store, { ...group, key: FINGERPRINT });
  assertEquals(await isFresh(world.store, { prefix: GROUP, key: FINGERPRINT }), true);
  const heard: unknown[] = [];
  const candidacy = world.candidacy("stands-too", {
    leaderIs: (value) => void heard.push(value === null ? null : endpointIn(value)),
    candidatesAre: (values) => void heard.push(values.map(endpointIn)),
    heeds: { name: SECRETS_NAME, is: (value) => void heard.push(secretsIn(value!).current) },
  });
  assertEquals(heard, [ENDPOINT, SECRET, [ENDPOINT]], WAY_OUT);
  await candidacy.close();

  world.engine.end(lease);
  const { led, snapshots } = await world.lead();
  assertEquals(led.records, [...STATES, LATER], WAY_OUT);
  assertEquals([...led.pins], [["ann", FINGERPRINT]]);
  assertEquals(led.log.end?.point, endOf(ENTRIES).point);
  assertEquals((await snapshots.list()).map(({ id, file }) => [id, file]), [
    [SNAPSHOT, `/p/snapshots/${SNAPSHOT}.txt`],
  ]);
});
