import { assertEquals, assertRejects } from "@std/assert";
import { P2pchatError } from "../../lib/base/errors.ts";
import { MemoryAccounts } from "./memory_accounts.ts";
import { accountOf, accountsContract } from "../contracts/accounts_contract.ts";

accountsContract("MemoryAccounts", async (test) => {
  const accounts = new MemoryAccounts();
  await test({ accounts, others: accounts, pass: () => Promise.resolve() });
});

Deno.test("MemoryAccounts refuse what can't be stored, and go on", async () => {
  const accounts = new MemoryAccounts();
  await accounts.signUp(accountOf("bob"));
  accounts.failure = new P2pchatError("disk", "full");

  await assertRejects(() => accounts.signUp(accountOf("eve")), P2pchatError, "full");
  await assertRejects(() => accounts.remove(accountOf("bob")), P2pchatError, "full");
  assertEquals(await accounts.list(), [accountOf("bob")]);
  accounts.failure = null;
  await accounts.signUp(accountOf("eve"));

  assertEquals(await accounts.find("eve"), accountOf("eve"));
});
