import { assertEquals, assertRejects } from "@std/assert";
import { P2pchatError } from "../../lib/base/errors.ts";
import { AccountQuestions } from "../../lib/runtime/account_questions.ts";
import { MemoryAccounts } from "../doubles/memory_accounts.ts";
import { accountOf, keyNumber } from "../contracts/accounts_contract.ts";

const NOW_MS = 1_700_000_000_000.5;
const address = "198.51.100.1";
const [phone, laptop] = [keyNumber(1), keyNumber(2)];

/** A hasher whose work ends when a test says so, unless it is hasty. */
class Hasher {
  hashes = 0;
  readonly asked: string[] = [];
  waiting = 0;
  failure: P2pchatError | null = null;
  /** Before each answer. */
  before: () => Promise<void> = () => Promise.resolve();

  async hash(password: string, from: string): Promise<string> {
    await this.#work(from);
    return `${password} ${++this.hashes}`;
  }

  async verify(password: string, stored: string | null, from: string): Promise<boolean> {
    await this.#work(from);
    return stored?.split(" ")[0] === password;
  }

  needsRehash(stored: string): boolean {
    return stored.endsWith(" weak");
  }

  async #work(from: string): Promise<void> {
    this.asked.push(from);
    if (this.failure !== null) throw this.failure;
    await this.before();
  }
}

function world() {
  const accounts = new MemoryAccounts();
  const hasher = new Hasher();
  const warnings: string[] = [];
  const log = { warn: (text: string) => void warnings.push(text) };
  const questions = new AccountQuestions(accounts, hasher, () => NOW_MS, log);
  const signUp = (name: string, password: string) =>
    questions.answer({ ask: "sign-up", name, password, key: phone, address });
  const check = (name: string, password: string) =>
    questions.answer({ ask: "check-password", name, password, address });
  return { accounts, hasher, questions, warnings, signUp, check };
}

const WRONG = { outcome: "wrong" } as const;

Deno.test("sign-up makes an account with its device, and a name is given once", async () => {
  const { accounts, hasher, signUp } = world();
  const account = { name: "Ann", keys: [phone], version: "secret12 1" };

  assertEquals(await signUp("Ann", "secret12"), { outcome: "ok", account });
  assertEquals(await accounts.list(), [
    { name: "Ann", hash: "secret12 1", createdMs: 1_700_000_000_000, keys: [phone] },
  ]);
  assertEquals(await signUp("ANN", "secret12"), { outcome: "name-taken" });
  assertEquals(hasher.asked, [address]);
});

Deno.test("a name that is given while its password is hashed is taken", async () => {
  const { accounts, hasher, signUp } = world();
  hasher.before = () => accounts.signUp(accountOf("ann"));

  assertEquals(await signUp("Ann", "secret12"), { outcome: "name-taken" });
});

Deno.test("a password is checked as long for a name that nobody has", async () => {
  const { hasher, signUp, check } = world();
  const account = { name: "Ann", keys: [phone], version: "secret12 1" };
  await signUp("Ann", "secret12");
  hasher.asked.length = 0;

  assertEquals(await check("ann", "secret12"), { outcome: "ok", account });
  assertEquals([await check("ann", "secret13"), await check("bob", "secret12")], [WRONG, WRONG]);
  assertEquals(hasher.asked, [address, address, address]);
});

Deno.test("a password that is changed while it is checked is wrong", async () => {
  const { accounts, hasher, signUp, check } = world();
  await signUp("Ann", "secret12");
  hasher.before = async () => {
    const seen = await accounts.find("Ann");
    await accounts.setHash(seen!, "another1 2", []);
  };

  assertEquals(await check("ann", "secret12"), WRONG);
});

Deno.test("a password that is new by the time it was checked is right", async () => {
  const { accounts, hasher, check } = world();
  await accounts.signUp({ ...accountOf("Ann"), hash: "secret12 1" });
  hasher.before = async () => {
    hasher.before = () => Promise.resolve();
    await accounts.setHash((await accounts.find("Ann"))!, "secret12 2");
  };

  assertEquals((await check("ann", "secret12")).outcome, "ok");
});

Deno.test("a log-in makes a weak hash anew, and keeps the account's devices", async () => {
  const { accounts, warnings, check } = world();
  await accounts.signUp({ ...accountOf("Ann"), hash: "secret12 weak", keys: [phone, laptop] });

  assertEquals(await check("ann", "another1"), WRONG);
  assertEquals((await accounts.find("Ann"))?.hash, "secret12 weak");
  const account = { name: "Ann", keys: [phone, laptop], version: "secret12 1" };
  assertEquals(await check("ann", "secret12"), { outcome: "ok", account });
  assertEquals(await check("ann", "secret12"), { outcome: "ok", account });
  assertEquals((await accounts.find("Ann"))?.hash, "secret12 1");
  assertEquals(warnings, []);
});

Deno.test("two devices that log in at once with a weak hash are both in", async () => {
  const { accounts, check } = world();
  await accounts.signUp({ ...accountOf("Ann"), hash: "secret12 weak" });

  const answers = await Promise.all([check("ann", "secret12"), check("ann", "secret12")]);
  assertEquals(answers.map(({ outcome }) => outcome), ["ok", "ok"]);
});

Deno.test("a device is added although another log-in has made the hash anew since its password was checked", async () => {
  const { accounts, hasher, questions, check } = world();
  await accounts.signUp({ ...accountOf("Ann"), hash: "secret12 weak", keys: [phone] });
  hasher.waiting = 1;
  assertEquals((await check("ann", "secret12")).outcome, "ok");
  hasher.waiting = 0;
  assertEquals((await check("ann", "secret12")).outcome, "ok");
  const of = { name: "ann", version: "secret12 weak", address } as const;
  const add = { ask: "add-key", ...of, key: laptop } as const;

  const account = { name: "Ann", keys: [phone, laptop], version: "secret12 1" };
  assertEquals(await questions.answer(add), { outcome: "ok", account });
  const changed = { ask: "set-password", ...of, password: "another1", key: laptop } as const;
  assertEquals((await questions.answer(changed)).outcome, "ok");
  assertEquals(await questions.answer(add), WRONG);
});

Deno.test("a weak hash stays while others wait", async () => {
  const { accounts, hasher, check } = world();
  await accounts.signUp({ ...accountOf("Ann"), hash: "secret12 weak" });
  hasher.waiting = 1;

  assertEquals((await check("ann", "secret12")).outcome, "ok");
  assertEquals((await accounts.find("Ann"))?.hash, "secret12 weak");
});

Deno.test("a hash that can't be made anew keeps nobody out, and is logged", async () => {
  const { accounts, warnings, check } = world();
  await accounts.signUp({ ...accountOf("Ann"), hash: "secret12 weak" });
  accounts.failure = new P2pchatError("disk", "Cannot change it");

  assertEquals((await check("ann", "secret12")).outcome, "ok");
  assertEquals(warnings, ["an account's hash stays weaker than today's"]);
});

Deno.test("what is asked of a version is done for that one alone", async () => {
  const { accounts, questions, signUp } = world();
  await signUp("Ann", "secret12");
  const of = { name: "ann", version: "secret12 1", address } as const;
  const add = { ask: "add-key", ...of, key: laptop } as const;
  const set = { ask: "set-password", ...of, password: "another1", key: laptop } as const;
  const remove = { ask: "remove", ...of } as const;

  const both = { name: "Ann", keys: [phone, laptop], version: "secret12 1" };
  assertEquals(await questions.answer(add), { outcome: "ok", account: both });
  const other = { name: "Ann", keys: [laptop], version: "another1 2" };
  assertEquals(await questions.answer(set), { outcome: "ok", account: other });
  for (const question of [add, set, remove]) assertEquals(await questions.answer(question), WRONG);
  assertEquals((await accounts.find("ann"))?.keys, [laptop]);
  assertEquals(await questions.answer({ ...remove, version: "another1 2" }), {
    outcome: "ok",
    account: other,
  });
  assertEquals(await accounts.list(), []);
  for (const question of [add, set, remove, { ask: "find", name: "ann" } as const]) {
    assertEquals(await questions.answer(question), WRONG);
  }
});

Deno.test("an account that is changed or removed under a change's hands isn't that version", async () => {
  const { accounts, hasher, questions, signUp } = world();
  await signUp("Ann", "secret12");
  hasher.before = async () => {
    await accounts.remove((await accounts.find("Ann"))!);
  };

  const password = "another1";
  const of = { name: "ann", version: "secret12 1", address } as const;
  assertEquals(await questions.answer({ ask: "set-password", ...of, password, key: phone }), WRONG);
});

for (const code of ["full", "too-fast"] as const) {
  Deno.test(`where too many wait, ${code}, that is said`, async () => {
    const { hasher, signUp, check } = world();
    hasher.failure = new P2pchatError(code, "Too many");

    assertEquals(await signUp("Ann", "secret12"), { outcome: "full" });
    assertEquals(await check("Ann", "secret12"), { outcome: "full" });
  });
}

for (const code of ["disk", "bad-file", "store-corrupt", "in-use", "in-doubt"] as const) {
  Deno.test(`accounts that can't be changed, ${code}, are the disk's refusal, with why`, async () => {
    const { accounts, questions, signUp } = world();
    await signUp("Ann", "secret12");
    accounts.failure = new P2pchatError(code, "Cannot change it");
    const isDamaged = code === "store-corrupt" ? { isDamaged: true } as const : {};
    const isInDoubt = code === "in-doubt" ? { isInDoubt: true } as const : {};
    const disk = { outcome: "disk", text: "Cannot change it", ...isDamaged, ...isInDoubt } as const;

    assertEquals(await signUp("Bob", "secret12"), disk);
    const of = { name: "ann", version: "secret12 1" };
    assertEquals(await questions.answer({ ask: "add-key", ...of, key: laptop }), disk);
    assertEquals(await questions.answer({ ask: "remove", ...of }), disk);
  });
}

Deno.test("a bug stays one", async () => {
  const { hasher, check } = world();
  hasher.before = () => Promise.reject(new TypeError("a bug"));

  await assertRejects(() => check("ann", "secret12"), TypeError, "a bug");
});
