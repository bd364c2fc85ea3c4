/** The accounts in an engine. */

import { assertEquals, assertRejects } from "@std/assert";
import { P2pchatError } from "../../lib/base/errors.ts";
import type { PeerKey } from "../../lib/base/ids.ts";
import { HERE } from "../../lib/base/machine/user_presence.ts";
import { fingerprintOf } from "../../lib/base/text/fingerprint.ts";
import { onlineValue } from "../../lib/engine/directory/online_entries.ts";
import type { OnlineSession } from "../../lib/protocols/directory/schema/registrar_io.ts";
import type { Follower } from "../../lib/engine/shared_store.ts";
import { EngineAccounts } from "../../lib/engine/engine_accounts.ts";
import {
  accountOf,
  accountsContract,
  hashNumber,
  keyNumber,
} from "../contracts/accounts_contract.ts";
import { MemoryEngine, MemoryStore } from "../doubles/memory_store.ts";
import { VirtualClock } from "../runtime/virtual_clock.ts";

const GUEST: OnlineSession = {
  ...{ id: "s", instance: "two", name: "Zoe", isGuest: true, process: "p", rank: 1, isBusy: false },
  ...{ host: "10.0.0.2", port: 5_000, sinceMs: 0, isHeld: false, ...HERE },
  key: "ab".repeat(32) as PeerKey,
};

function instances() {
  const clock = new VirtualClock();
  const engine = new MemoryEngine(clock);
  const store = new MemoryStore(engine);
  const instance = (writer: string, store = new MemoryStore(engine)) =>
    new EngineAccounts({
      store,
      prefix: "p2pchat/",
      writer,
      nowMs: () => clock.nowMs(),
    });
  return { engine, clock, store, accounts: instance("one", store), others: instance("two") };
}

accountsContract("accounts in an engine", async (test) => {
  const { accounts, others } = instances();
  await test({ accounts, others, pass: () => Promise.resolve() });
});

Deno.test("EngineAccounts.signUp() leaves a name to another guest, who came in elsewhere just before", async () => {
  const { store, accounts } = instances();
  const own = accountOf("zoe", { keys: [fingerprintOf(GUEST.key)] });
  const other = keyNumber(9);
  const change = { when: [], puts: [{ key: "p2pchat/online/zoe", value: onlineValue(GUEST) }] };
  assertEquals((await store.commit(change)).outcome, "done");

  const error = await assertRejects(
    () => accounts.signUp({ ...own, keys: [other] }, other),
    P2pchatError,
  );
  assertEquals([error.code, await accounts.find("zoe")], ["name-taken", null]);
  await accounts.signUp(own, fingerprintOf(GUEST.key));
  assertEquals(await accounts.find("zoe"), own);
  await accounts.remove(own);
  await accounts.signUp({ ...own, keys: [] }); // the operator may
});

Deno.test("EngineAccounts: how many there are is known once they were counted, and at once by who follows them", async () => {
  const { accounts, others } = instances();
  await others.signUp(accountOf("bob"));
  assertEquals(accounts.size, 0);
  await accounts.count();
  assertEquals(accounts.size, 1);

  const watch = accounts.watch({ changed() {}, broken() {}, notice() {} });
  await Promise.resolve();
  await others.signUp(accountOf("cem"));
  await accounts.signUp(accountOf("dan"));
  await Promise.resolve();
  assertEquals(accounts.size, 3);
  await others.remove(accountOf("bob"));
  await Promise.resolve();
  assertEquals(accounts.size, 2);
  watch.close();
});

Deno.test("EngineAccounts: whether an account is as it was found is a condition, not another question", async () => {
  const { engine, clock } = instances();
  let asked = 0;
  const store = new class extends MemoryStore {
    override get(key: string) {
      asked++;
      return super.get(key);
    }
  }(engine);
  const nowMs = () => clock.nowMs();
  const accounts = new EngineAccounts({ store, prefix: "p2pchat/", writer: "one", nowMs });
  const bob = accountOf("bob");
  await accounts.signUp(bob);

  assertEquals((await accounts.find("bob"))?.hash, bob.hash);
  const first = await accounts.unchanged("bob", bob.hash);
  assertEquals(asked, 1);
  // Whoever sees it fail comes again.
  assertEquals(await accounts.unchanged("bob", bob.hash), first);
  assertEquals(asked, 2);

  await accounts.find("bob");
  await accounts.addKey(bob, keyNumber(1));
  asked = 0;
  const changed = await accounts.unchanged("bob", bob.hash);
  assertEquals(asked, 1);
  const { modified } = engine.entries.get("p2pchat/accounts/bob")!;
  assertEquals(changed?.condition, { key: "p2pchat/accounts/bob", modified });

  await accounts.find("bob");
  const { value } = engine.entries.get("p2pchat/accounts/bob")!;
  const elsewhere = { ...JSON.parse(value), hash: hashNumber(2) };
  const put = { key: "p2pchat/accounts/bob", value: JSON.stringify(elsewhere) };
  engine.commit({ when: [{ key: put.key, modified }], puts: [put] });
  assertEquals(await accounts.unchanged("bob", hashNumber(2)) === null, false);
  assertEquals(await accounts.unchanged("bob", bob.hash), null);
});

Deno.test("EngineAccounts: a value is a line of JSON for people, and keeps fields of later versions", async () => {
  const { engine, accounts } = instances();
  const bob = accountOf("Bob", { keys: [keyNumber(1)] });
  await accounts.signUp(bob);
  const { value } = engine.entries.get("p2pchat/accounts/bob")!;
  assertEquals(JSON.parse(value), {
    name: "Bob",
    hash: bob.hash,
    created: new Date(bob.createdMs).toISOString(),
    keys: bob.keys,
    order: 0,
    change: "one 1",
  });

  const key = "p2pchat/accounts/bob";
  const put = { key, value: JSON.stringify({ ...JSON.parse(value), later: [1] }) };
  engine.commit({ when: [{ key, modified: engine.entries.get(key)!.modified }], puts: [put] });
  await accounts.setHash(bob, hashNumber(2));
  assertEquals(JSON.parse(engine.entries.get(key)!.value).later, [1]);
});

Deno.test("EngineAccounts: what isn't the account of its key is refused by name", async () => {
  const { engine, accounts } = instances();
  await accounts.signUp(accountOf("bob"));
  const { value } = engine.entries.get("p2pchat/accounts/bob")!;
  for (
    const bad of [
      "",
      "{}",
      "null",
      "{",
      value.replace("bob", "eve"),
      value.replace("scrypt", "md5"),
      value.replace(/"created":"[^"]*"/, '"created":{"toString":1,"valueOf":1}'), // which no text can be made of
    ]
  ) {
    const key = "p2pchat/accounts/al";
    const before = engine.entries.get(key);
    engine.commit({
      when: [before === undefined ? { key, is: "absent" } : { key, modified: before.modified }],
      puts: [{ key, value: bad }],
    });
    const error = await assertRejects(() => accounts.find("Al"), P2pchatError);
    assertEquals(error.code, "store-corrupt");
    assertEquals(
      error.message,
      "Cannot use the entry p2pchat/accounts/al of the engine: it isn't the account of that name; " +
        "correct or delete it",
    );
  }
});

Deno.test("EngineAccounts.watch() says which changes are this program's", async () => {
  const { accounts, others } = instances();
  const told: string[] = [];
  accounts.watch({
    changed: (changed, isOurs) =>
      told.push(...changed.map(({ name, now }) => `${name} ${now !== null} ${isOurs}`)),
    broken: (error) => told.push(error.message),
    notice: (text) => told.push(text),
  });
  await accounts.signUp(accountOf("bob"));
  await others.addKey(accountOf("bob"), keyNumber(1));
  await accounts.remove(accountOf("bob"));
  await accounts.signUp(accountOf("al"));
  await others.remove(accountOf("al"));

  assertEquals(told, [
    "bob true true",
    "bob true false",
    "bob false true",
    "al true true",
    "al false false",
  ]);
});

Deno.test("EngineAccounts: a change that isn't known to be made is looked for", async () => {
  const { accounts, store } = instances();
  const commit = store.commit.bind(store);
  store.commit = async (change) => {
    await commit(change);
    return { outcome: "unknown", text: "no answer" };
  };
  const bob = accountOf("bob");
  await accounts.signUp(bob);
  assertEquals(await accounts.setHash(bob, hashNumber(2)), true);

  const changed = accountOf("bob", { hash: hashNumber(2) });
  assertEquals(await accounts.addKey(changed, keyNumber(1)), true);
  assertEquals(await accounts.remove(changed), true);
  assertEquals(await accounts.find("bob"), null);

  store.commit = commit;
  await accounts.signUp(bob);
  store.commit = () => Promise.resolve({ outcome: "unknown", text: "no answer" });
  for (
    const change of [
      () => accounts.setHash(bob, hashNumber(2)),
      () => accounts.addKey(bob, keyNumber(1)),
      () => accounts.remove(bob),
    ]
  ) {
    const { code, message } = await assertRejects(change, P2pchatError);
    assertEquals([code, message], [
      "in-doubt",
      "It isn't known whether this was done: change the account of bob. no answer",
    ]);
  }
  const get = store.get.bind(store);
  let asked = 0;
  store.get = (key) =>
    ++asked === 1 ? get(key) : Promise.reject(new P2pchatError("unreachable", "no answer"));
  const unseen = await assertRejects(() => accounts.addKey(bob, keyNumber(1)), P2pchatError);
  assertEquals(unseen.message.startsWith("It isn't known whether this was done"), true);
  store.get = get;

  const lost = await assertRejects(() => accounts.signUp(accountOf("al")), P2pchatError);
  assertEquals([lost.code, lost.message], [
    "in-doubt",
    "It isn't known whether this was done: sign up al. no answer",
  ]);
  store.commit = () =>
    Promise.resolve({ outcome: "refused", code: "unreachable", text: "the engine doesn't answer" });
  const refused = await assertRejects(() => accounts.signUp(accountOf("al")), P2pchatError);
  assertEquals(refused.code, "unreachable");
});

Deno.test("EngineAccounts: what stands deeper below its prefix is no account of it", async () => {
  const { engine, accounts } = instances();
  await accounts.signUp(accountOf("bob"));
  const { value } = engine.entries.get("p2pchat/accounts/bob")!;
  const key = "p2pchat/accounts/x/bob";
  engine.commit({ when: [{ key, is: "absent" }], puts: [{ key, value }] });
  const error = await assertRejects(() => accounts.list(), P2pchatError);
  assertEquals(error.code, "store-corrupt");
});

Deno.test("EngineAccounts.watch() goes on where an entry is odd, and tells after a gap what has changed alone", async () => {
  const { engine, accounts, store } = instances();
  await accounts.signUp(accountOf("bob"));
  const key = "p2pchat/accounts/odd";
  engine.commit({ when: [{ key, is: "absent" }], puts: [{ key, value: "{}" }] });
  const told: string[] = [];
  let follower: Follower | undefined;
  const follow = store.follow.bind(store);
  store.follow = (prefix, given) => follow(prefix, follower = given);
  accounts.watch({
    changed: (changed) => told.push(...changed.map(({ name, now }) => `${name} ${now !== null}`)),
    broken: (error) => told.push(`broken: ${error.message}`),
    notice: () => told.push("notice"),
  });
  assertEquals(told, ["notice"]);
  await accounts.signUp(accountOf("al"));
  const { entries, revision } = await store.read("p2pchat/accounts/");
  const gone = entries.filter(({ key }) => !key.endsWith("/bob") && !key.endsWith("/odd"));
  follower!.all(gone, revision + 1);
  assertEquals(told.slice(1), ["al true", "bob false"]);
});

Deno.test("EngineAccounts: sign-ups at once keep their order, also while all are counted", async () => {
  const { accounts, store } = instances();
  const count = store.count.bind(store);
  let asked = 0;
  store.count = async (prefix) => {
    for (let turns = 0; turns < 10 - 5 * asked; turns++) await Promise.resolve();
    asked++;
    return await count(prefix);
  };
  const names = Array.from({ length: 20 }, (_, n) => `user${(n * 7) % 20}`);
  await Promise.all(names.map((name) => accounts.signUp(accountOf(name))));
  assertEquals((await accounts.list()).map(({ name }) => name), names);
  assertEquals(asked, 1);
});
