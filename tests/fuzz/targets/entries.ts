/**
 * What somebody has put in the engine that no instance writes: below the prefix of a directory, of its accounts, and of a
 * group's log. Whatever it is, an instance goes on or says why it doesn't; it tells its directory only what that can take;
 * and a log that could be read is read again as it was written.
 *
 * An input's first byte says who reads it; then come parcels (`parcels.ts`), each an entry, as `KEY VALUE`: its kind says
 * whether it is there before, or comes later, or goes.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { concatBytes, utf8 } from "../../../lib/base/crypto/crypto.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";
import type { PeerKey } from "../../../lib/base/ids.ts";
import { parseHost, PORT_MAX } from "../../../lib/base/text/endpoints.ts";
import { foldName, nameFault } from "../../../lib/base/text/names.ts";
import { utf8Length } from "../../../lib/base/text/text.ts";
import { EngineAccounts } from "../../../lib/engine/engine_accounts.ts";
import { FencedLog } from "../../../lib/engine/fenced_log.ts";
import { joinInstances } from "../../../lib/engine/join_instances.ts";
import {
  type BroadcastRecord,
  DIRECTORY_NAME,
  type OnlineSession,
  type RegistrarChange,
  type RegistrarOrder,
  type RegistrarQuestion,
} from "../../../lib/protocols/directory/schema/registrar_io.ts";
import type { Account } from "../../../lib/store/accounts/accounts.ts";
import { accountOf, hashNumber, keyNumber } from "../../contracts/accounts_contract.ts";
import { MemoryEngine, MemoryStore } from "../../doubles/memory_store.ts";
import { openRegistrar } from "../../engine/directory/registrars.ts";
import { VirtualClock } from "../../runtime/virtual_clock.ts";
import type { Random } from "../../sim/random.ts";
import { NO_TEXT, spoilt } from "../changes.ts";
import { parcelOf, parcelsIn } from "../parcels.ts";
import type { Target } from "../target.ts";

const PREFIX = "p/";
const WALL_MS = 1_790_000_000_000;
const KEY = "ab".repeat(32) as PeerKey;
const SESSION: OnlineSession = {
  ...{ id: "a-1", instance: "a", name: "Ann", isGuest: true, key: KEY, process: "01", rank: 1 },
  ...{ host: "10.0.0.1", port: 0, isBusy: false, sinceMs: WALL_MS, isHeld: false, away: null },
};
const BROADCAST: BroadcastRecord = {
  ...{ kind: "broadcast", number: 0, from: "Ann", fromKey: KEY, fromAccount: false, own: 1 },
  ...{ sentAt: WALL_MS, takenAt: WALL_MS, ttlMs: 60_000, text: "hi" },
  signature: new Uint8Array(64),
};
const LIMITS = [{ what: "x", max: 2, withinMs: 60_000 }];
const QUESTIONS: readonly RegistrarQuestion[] = [
  { ask: "claim", session: SESSION, over: null, account: null, seen: 0, number: 1 },
  { ask: "tell", broadcast: BROADCAST },
  { ask: "count", limits: LIMITS, stamp: "s" },
];
const ORDERS: readonly RegistrarOrder[] = [
  { order: "set-busy", session: SESSION.id, isBusy: true },
  { order: "mark", through: 1, sessions: 1, except: [] },
  { order: "kick", name: "Bob", key: KEY },
  { order: "uncount", whats: ["x"], stamp: "t", isAll: false },
  { order: "reached", number: 1, count: 1 },
];

/** An engine in which somebody does what the input says. */
class World {
  readonly clock = new VirtualClock();
  readonly engine = new MemoryEngine(this.clock);
  readonly store = new MemoryStore(this.engine);
  readonly #later: { readonly key: string; readonly value: string | null }[] = [];

  constructor(input: Uint8Array) {
    for (const { kind, bytes } of parcelsIn(input)) {
      const text = new TextDecoder().decode(bytes);
      const space = text.indexOf(" ");
      const key = PREFIX + text.slice(0, Math.max(0, space));
      const value = text.slice(space + 1);
      if ((kind & 1) === 0) this.put(key, value);
      else this.#later.push({ key, value: (kind & 2) === 0 ? value : null });
    }
  }

  put(key: string, value: string | null): void {
    const puts = value === null ? [] : [{ key, value }];
    this.engine.commit({ when: [], puts, deletes: value === null ? [key] : [] });
  }

  putLater(): void {
    for (const { key, value } of this.#later) this.put(key, value);
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    for (let turn = 0; turn < 30; turn++) await Promise.resolve();
  }
}

/** What people are told. */
function checkSentence(text: string): void {
  assertMatch(text, /^[A-Z].+$/s);
}

function checkError(error: unknown): void {
  if (!(error instanceof P2pchatError)) throw error;
  checkSentence(error.message);
}

// A directory.

function isCount(number: number): boolean {
  return Number.isSafeInteger(number) && number >= 0;
}

function checkSession(session: OnlineSession): void {
  const { name, key, rank, host, port, sinceMs, away } = session;
  assert(nameFault(name) === null && /^[0-9a-f]{64}$/.test(key));
  assert(isCount(rank) && isCount(port) && port <= PORT_MAX && sinceMs >= 0);
  assert(parseHost(host) === host && (away === null || utf8Length(away) <= 1_024));
  for (const each of ["id", "instance", "process"] as const) {
    assert(typeof session[each] === "string");
  }
  for (const each of ["isGuest", "isBusy", "isHeld"] as const) {
    assert(typeof session[each] === "boolean");
  }
}

function checkChange(change: RegistrarChange): void {
  switch (change.change) {
    case "present":
      return checkSession(change.session);
    case "gone":
      return assertEquals(nameFault(change.name), null);
    case "broadcast": {
      const { number, text, from, fromKey, signature, ...times } = change.broadcast;
      assert([number, times.own, times.sentAt, times.takenAt, times.ttlMs].every(isCount));
      assert(text !== "" && text.isWellFormed() && signature.length === 64);
      return assert(fromKey === null || nameFault(from) === null);
    }
    case "kicked":
      return assert(nameFault(change.name) === null && /^[0-9a-f]{64}$/.test(change.key));
    case "reached":
      return assert(isCount(change.number) && isCount(change.count));
    case "instances":
      for (const { address: { host, port }, room } of change.instances) {
        assert(parseHost(host) === host && port > 0 && port <= PORT_MAX && isCount(room));
      }
  }
}

/** @returns Whether it heard of somebody, or of a broadcast. */
async function directory(world: World): Promise<boolean> {
  const { clock, store } = world;
  const registrar = await openRegistrar("a", {
    store,
    prefix: PREFIX,
    clock,
    accounts: new Map(),
    wallMs: () => WALL_MS + clock.nowMs(),
  });
  let isHeard = false;
  let last = 0;
  let answers = 0;
  const failures: unknown[] = [];
  registrar.begin({
    address: { host: "10.0.0.1", port: 5 },
    news(changes) {
      for (const change of changes) {
        checkChange(change);
        if (change.change !== "broadcast") isHeard ||= change.change === "present";
        else {
          assert(change.broadcast.number > last, "numbers rise");
          last = change.broadcast.number;
          isHeard = true;
        }
      }
    },
    stateChanged() {},
    notice: checkSentence,
    failed: (error) => failures.push(error),
  });
  await world.pass(10);
  world.putLater();
  for (const question of QUESTIONS) registrar.ask(question, () => answers++);
  for (let step = 0; step < 12; step++) await world.pass(100);
  for (const order of ORDERS) registrar.order(order);
  for (let step = 0; step < 4; step++) await world.pass(1_000);
  assertEquals(failures, []);
  assertEquals(answers, QUESTIONS.length, "each question is answered");
  const closing = registrar.close();
  await world.pass(3_000);
  await closing;
  return isHeard;
}

// Its accounts.

function checkAccount({ name, hash, createdMs, keys }: Account): void {
  assert(nameFault(name) === null && createdMs >= 0 && hash.length > 0 && keys.length <= 64);
}

/** @returns Whether all of them could be read. */
async function accounts(world: World): Promise<boolean> {
  const { clock, store } = world;
  const ports = { store, prefix: PREFIX, writer: "w", nowMs: () => clock.nowMs() };
  const accounts = new EngineAccounts(ports);
  const watch = accounts.watch({
    changed: (changes) => changes.forEach(({ now }) => now === null || checkAccount(now)),
    broken: checkError,
    notice: checkSentence,
  });
  world.putLater();
  let isGood = true;
  const tries = async (work: () => Promise<unknown>) => {
    try {
      await work();
    } catch (error) {
      checkError(error);
      isGood = false;
    }
  };
  for (const name of ["alice", "Bob"]) {
    await tries(async () => {
      const found = await accounts.find(name);
      if (found === null) return await accounts.signUp(accountOf(name));
      checkAccount(found);
      assertEquals(foldName(found.name), foldName(name));
      const hash = hashNumber(7);
      if (!await accounts.setHash(found, hash)) return;
      const again = await accounts.find(name);
      assertEquals(again, { ...found, hash, keys: again!.keys }, "the rest stays");
      await accounts.addKey(again!, keyNumber(9));
    });
  }
  await tries(async () => (await accounts.list()).forEach(checkAccount));
  watch.close();
  return isGood;
}

// A group's log.

/** @param compacts Whether the first who leads writes it anew, too. @returns Whether it could be read. */
async function log(world: World, compacts: boolean): Promise<boolean> {
  const { clock, store } = world;
  const lead = (leader: string) =>
    FencedLog.lead({ store, prefix: PREFIX, clock, leader, lost: checkError });
  let first: Awaited<ReturnType<typeof lead>>;
  try {
    const joining = { what: "group", prefix: PREFIX, key: keyNumber(1), keyFile: "/k" } as const;
    await joinInstances(store, joining);
    first = await lead("one");
  } catch (error) {
    checkError(error);
    return false;
  }
  if (!(first instanceof FencedLog)) return false;
  const lines = [...first.takeLines(), "added"];
  await first.append(["added"]);
  if (compacts) {
    await first.rewrite(lines);
    await first.append(["more"]);
    lines.push("more");
  }
  await first.close();
  const second = await lead("two");
  assert(second instanceof FencedLog, "nobody leads any more");
  assertEquals(second.takeLines(), lines);
  await second.close();
  return true;
}

// What instances write.

type Value = string | Readonly<Record<string, unknown>> | readonly unknown[];

const ONLINE = {
  ...{ name: "Bob", guest: false, instance: "b", session: "b-1", key: KEY, process: "01" },
  ...{ rank: 1, host: "10.0.0.2", port: 5, busy: false, since: "2026-01-02T12:03:04.000Z" },
  away: "lunch",
};
const TOLD = {
  ...{ number: WALL_MS + 7, from: "Bob", by: "guest", key: KEY, own: 1, sentAt: 1, takenAt: 2 },
  ...{ ttlMs: 60_000, text: "hi", signature: "0".repeat(128) },
};
const CALL = {
  ...{ call: "ab".repeat(16), name: "Bob", session: "b-1", to: "Ann", toSession: "a-1" },
  ...{ state: "ringing", reason: "", relays: true, instance: "b" },
};
const ACCOUNT = {
  ...{ name: "alice", hash: hashNumber(1), created: "2026-01-02T12:03:04.000Z" },
  ...{ keys: [keyNumber(1)], change: "w 1", order: 1, more: { a: 1 } },
};

/** By who reads them. */
const ENTRIES: readonly (readonly (readonly [key: string, value: Value])[])[] = [
  [
    ["online/bob", ONLINE],
    ["online/ann", { ...ONLINE, name: "Ann" }],
    ["online/ann", { ...ONLINE, name: "Ann", instance: "a", session: "a-1" }],
    ["instances/b", { host: "10.0.0.2", port: 5, clients: 1, room: 9, version: "1", beat: 3 }],
    ["instances/a", { host: "10.0.0.2", port: 5, clients: 1, room: 9, version: "1", beat: 3 }],
    ["tell/last", { number: WALL_MS + 7, key: KEY, own: 1 }],
    [`tell/m/000${WALL_MS + 7}`, TOLD],
    [`tell/m/000${WALL_MS + 8}`, {
      ...TOLD,
      number: WALL_MS + 8,
      by: "operator",
      key: null,
      from: DIRECTORY_NAME,
    }],
    [`tell/own/${KEY}/1`, { number: WALL_MS + 7, key: KEY, own: 1 }],
    ["calls/a/1", CALL],
    ["calls/b/1", CALL],
    ["kicked/bob", { name: "Bob", key: KEY, at: 1 }],
    ["reached/7/b", { count: 3 }],
    ["heard/bob", { through: 7, at: "b", session: 1 }],
    ["heard/ann", { through: 7 }],
    ["marks/b", { through: 7, sessions: 2, except: ["ann"] }],
    ["marks/a", { through: 7, sessions: 2, except: [] }],
    ["counts/x", [[WALL_MS, "t"], [WALL_MS + 1, "u"]]],
  ],
  [
    ["accounts/alice", ACCOUNT],
    ["accounts/bob", { ...ACCOUNT, name: "Bob", keys: [] }],
    ["accounts/", ACCOUNT],
  ],
  [
    ["head", { base: 1, from: 1, chunks: 1, fence: 5 }],
    ["head", { base: 0, from: 0, chunks: 0 }],
    ["base/1/000000", "5 0\nbase\n"],
    ["base/2/000000", "5 0\nleft over\n"],
    ["log/0000000000", "5 0\nzero\n"],
    ["log/0000000001", "5 1\none\nmore\n"],
    ["log/0000000002", "5 2\ntwo\n"],
    ["leader", "5"],
    ["schema", { now: 1, min: 1 }],
    ["identity", keyNumber(1)],
  ],
];
const READERS: readonly ((world: World) => Promise<boolean>)[] = [
  directory,
  accounts,
  (world) => log(world, false),
  (world) => log(world, true),
];

const ODD = ["null", "[]", "{}", "-1", "0.5", "1e999", "9007199254740991", "4503599627370497", '""']
  .concat(['{"toString":1,"valueOf":1}', '"\\ud800"', '"x"', "true", '{"__proto__":1}', "[null]"])
  .concat(['"Bob"', '"2026-01-02"', '"a"', '"toString"']);

/** The value with a field that is another one, or isn't there. */
function valueText(value: Value, random: Random): string {
  if (typeof value === "string") return value;
  const text = JSON.stringify(value);
  const fields = text.match(/"\w+":("[^"]*"|[^,}\[{]+|\[[^\]]*\])/g) ?? [];
  if (fields.length === 0 || random.chance(0.5)) return text;
  const field = random.pick(fields);
  return text.replace(field, `${field.slice(0, field.indexOf(":"))}:${random.pick(ODD)}`);
}

/** The key with a part that no instance gives it. */
function oddKey(key: string, random: Random): string {
  const parts = key.split("/");
  parts[random.below(parts.length)] = random.pick(["x", "", "-1", "1e999", "9007199254740992"]);
  return parts.join("/");
}

function make(random: Random): Uint8Array {
  const reader = random.pick([0, 0, 0, 1, 2, 3]);
  const entries = ENTRIES[Math.min(reader, 2)]!;
  const parcels = Array.from({ length: 1 + random.below(6) }, () => {
    const [key, value] = random.pick(entries);
    const other = random.chance(0.05) ? random.pick(entries)[0] : key;
    const odd = random.chance(0.1) ? oddKey(other, random) : other;
    const text = utf8(`${odd} ${valueText(value, random)}`);
    return parcelOf(random.below(4), random.chance(0.15) ? spoilt(text, PIECES, random) : text);
  });
  return concatBytes(Uint8Array.of(reader), ...parcels);
}

const PIECES = ENTRIES.flat().map(([key]) => key)
  .concat(ODD, ["{", "}", '"', ":", ",", "/", "\n", " ", "0", "9", "x", "base/", "log/"])
  .map(utf8)
  .concat(NO_TEXT);

export const entriesTarget: Target = {
  name: "entries",
  pieces: PIECES,
  bytesMax: 8_192,
  make,
  check: (input) => READERS[(input[0] ?? 0) % READERS.length]!(new World(input.subarray(1))),
};
