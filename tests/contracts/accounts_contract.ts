/** What every store of accounts does, whichever it is. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { P2pchatError } from "../../lib/base/errors.ts";
import { fingerprintOf } from "../../lib/base/text/fingerprint.ts";
import type { PeerKey } from "../../lib/base/ids.ts";
import type { Account, Accounts } from "../../lib/store/accounts/accounts.ts";

/** An empty store. */
export interface AccountsFixture {
  readonly accounts: Accounts;
  /** The same accounts, as another program sees them. */
  readonly others: Accounts;
  /** Lets as much time pass as it takes until those who watch are told. */
  pass(): Promise<void>;
}

const CREATED_MS = 1_790_000_000_000;

/** A device's fingerprint. */
export function keyNumber(number: number) {
  return fingerprintOf(number.toString(16).padStart(64, "a") as PeerKey);
}

export function accountOf(name: string, more: Partial<Account> = {}): Account {
  return { name, hash: hashNumber(1), createdMs: CREATED_MS, keys: [], ...more };
}

export function hashNumber(number: number): string {
  const salt = number.toString().padStart(22, "A");
  return `$scrypt$ln=17,r=8,p=1$${salt}$${"h".repeat(43)}`;
}

/** Registers the tests; `run` hands a fixture to each and cleans up after it. */
export function accountsContract(
  title: string,
  run: (test: (fixture: AccountsFixture) => Promise<void>) => Promise<void>,
): void {
  const contract = (name: string, test: (fixture: AccountsFixture) => Promise<void>) =>
    Deno.test(`${title}: ${name}`, () => run(test));

  contract("an account is found under all forms of its name", async ({ accounts, others }) => {
    const zoe = accountOf("Zoë", { keys: [keyNumber(1), keyNumber(2)] });
    assertEquals(await accounts.find("Zoë"), null);
    await accounts.signUp(zoe);

    for (const name of ["Zoë", "ZOE\u0308"]) {
      assertEquals(await accounts.find(name), zoe);
      assertEquals(await others.find(name), zoe);
    }
    assertEquals(await accounts.find("Zoe"), null);
  });

  contract("signUp() refuses a name that is taken, however it is written", async (fixture) => {
    const { accounts, others } = fixture;
    await others.signUp(accountOf("straße"));

    const error = await assertRejects(() => accounts.signUp(accountOf("STRASSE")), P2pchatError);

    assertEquals(error.code, "name-taken");
    assertEquals(await accounts.list(), [accountOf("straße")]);
  });

  contract("of sign-ups for one name at once, exactly one is taken", async (fixture) => {
    const { accounts, others } = fixture;
    const attempts = [accounts, others, accounts, others].map((store, at) =>
      store.signUp(accountOf("bob", { hash: hashNumber(at) }))
    );

    const outcomes = await Promise.allSettled(attempts);

    const taken = outcomes.map(({ status }) => status === "fulfilled");
    assertEquals(taken.filter(Boolean).length, 1);
    const winner = accountOf("bob", { hash: hashNumber(taken.indexOf(true)) });
    assertEquals(await accounts.list(), [winner]);
    assertEquals(await others.list(), [winner]);
  });

  contract("list() has those signed up first at the start", async ({ accounts, others }) => {
    for (const name of ["zoe", "bob", "Al"]) await accounts.signUp(accountOf(name));
    await others.setHash(accountOf("bob"), hashNumber(2));

    const names = (await accounts.list()).map(({ name }) => name);

    assertEquals(names, ["zoe", "bob", "Al"]);
    assertEquals(accounts.size, 3);
  });

  contract(
    "setHash() changes the one that was seen, and keeps what it is told to",
    async (fixture) => {
      const { accounts, others } = fixture;
      const keys = [keyNumber(1), keyNumber(2), keyNumber(3)];
      const before = accountOf("bob", { keys });
      await accounts.signUp(before);

      assert(await accounts.setHash(before, hashNumber(2)));
      assertEquals(await others.find("bob"), { ...before, hash: hashNumber(2) });
      const seen = (await others.find("bob"))!;
      assert(await others.setHash(seen, hashNumber(3), [keyNumber(2), keyNumber(9)]));
      assertEquals(await accounts.find("bob"), {
        ...before,
        hash: hashNumber(3),
        keys: [keyNumber(2)],
      });
    },
  );

  contract("what was seen before another change isn't changed", async ({ accounts, others }) => {
    const seen = accountOf("bob", { keys: [keyNumber(1)] });
    await accounts.signUp(seen);
    const now = { ...seen, hash: hashNumber(2) };
    assert(await others.setHash(seen, now.hash));

    const outcomes = [
      await accounts.setHash(seen, hashNumber(3)),
      await accounts.addKey(seen, keyNumber(2)),
      await accounts.remove(seen),
      await accounts.remove(accountOf("eve")),
    ];

    assertEquals(outcomes, [false, false, false, false]);
    assertEquals(await accounts.list(), [now]);
  });

  contract("of changes of one account at once, one is made", async ({ accounts, others }) => {
    const seen = accountOf("bob");
    await accounts.signUp(seen);

    const done = await Promise.all([
      accounts.setHash(seen, hashNumber(2)),
      others.setHash(seen, hashNumber(3)),
      accounts.setHash(seen, hashNumber(4)),
    ]);

    assertEquals(done.filter(Boolean).length, 1);
    assertEquals((await others.find("bob"))?.hash, hashNumber(2 + done.indexOf(true)));
  });

  contract("addKey() keeps the 16 devices used last, the last one at the end", async (fixture) => {
    const { accounts, others } = fixture;
    const seen = accountOf("bob");
    await accounts.signUp(seen);
    for (let device = 0; device < 16; device++) await accounts.addKey(seen, keyNumber(device));
    await others.addKey(seen, keyNumber(0));
    assert(await accounts.addKey(seen, keyNumber(0)));
    assert(await accounts.addKey(seen, keyNumber(16)));

    const devices = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 16];
    assertEquals((await others.find("bob"))?.keys, devices.map(keyNumber));
  });

  contract("remove() frees the name", async ({ accounts, others }) => {
    await accounts.signUp(accountOf("bob"));
    await accounts.signUp(accountOf("al"));

    assert(await others.remove(accountOf("bob")));

    assertEquals(await accounts.list(), [accountOf("al")]);
    await accounts.signUp(accountOf("BOB"));
    assertEquals(await others.find("bob"), accountOf("BOB"));
  });

  contract("watch() tells of each change, whoever made it", async (fixture) => {
    const { accounts, others, pass } = fixture;
    await accounts.signUp(accountOf("early"));
    const told = new Set<string>();
    const watch = accounts.watch({
      changed: (changed) => {
        for (const { name, createdMs, now } of changed) {
          const before = createdMs === null ? "none" : createdMs - CREATED_MS;
          const is = now === null ? "none" : `${now.createdMs - CREATED_MS}`;
          const keys = now === null || now.keys.length === 0 ? "" : ` with ${now.keys.length} key`;
          told.add(`${name}: ${before} is ${is}${keys}`);
        }
      },
      broken: (error) => told.add(error.message),
      notice: (text) => told.add(text),
    });
    const toldSince = async () => {
      await pass();
      const names = [...told].sort();
      told.clear();
      return names;
    };
    assertEquals(await toldSince(), []);

    await accounts.signUp(accountOf("own"));
    await others.signUp(accountOf("new"));
    assertEquals(await toldSince(), ["new: none is 0", "own: none is 0"]);
    await others.addKey(accountOf("own"), keyNumber(1));
    await others.remove(accountOf("early"));
    assertEquals(await toldSince(), ["early: 0 is none", "own: 0 is 0 with 1 key"]);
    await others.remove(accountOf("own"));
    await others.signUp(accountOf("own", { createdMs: CREATED_MS + 1 }));
    const anew = await toldSince();
    assert(anew.some((one) => one.startsWith("own: 0 is ")), `it was made anew: ${anew}`);
    assert(anew.some((one) => one.endsWith(" is 1")), `it was made anew: ${anew}`);
    watch.close();
    await others.remove(accountOf("new"));
    assertEquals(await toldSince(), []);
  });
}
