/** The accounts in an engine. */

import { assertEquals, assertRejects } from "@std/assert";
import { P2pchatError } from "../../lib/base/errors.ts";
import { EngineAccounts } from "../../lib/engine/engine_accounts.ts";
import {
  accountOf,
  accountsContract,
  hashNumber,
  keyNumber,
} from "../contracts/accounts_contract.ts";
import { MemoryEngine, MemoryStore } from "../doubles/memory_store.ts";
import { VirtualClock } from "../runtime/virtual_clock.ts";

function instances() {
  const clock = new VirtualClock();
  const engine = new MemoryEngine(clock);
  const instance = (writer: string) =>
    new EngineAccounts({
      store: new MemoryStore(engine),
      prefix: "p2pchat/",
      writer,
      nowMs: () => clock.nowMs(),
    });
  return { engine, clock, accounts: instance("one"), others: instance("two") };
}

accountsContract("accounts in an engine", async (test) => {
  const { accounts, others } = instances();
  await test({ accounts, others, pass: () => Promise.resolve() });
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
