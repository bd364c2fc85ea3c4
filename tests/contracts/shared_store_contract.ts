/** What every engine does, whichever it is. */

import { assert, assertEquals } from "@std/assert";
import type {
  Changed,
  Entry,
  Follower,
  Outcome,
  Revision,
  SharedStore,
} from "../../lib/engine/shared_store.ts";

export interface SharedStoreFixture {
  /** Nothing is there below it, and what is put there may stay. */
  readonly prefix: string;
  readonly store: SharedStore;
  /** The same engine, as another program sees it. */
  readonly other: SharedStore;
  /** Resolves when the condition holds, in time that may be virtual. @throws Where it takes too long. */
  until(holds: () => boolean): Promise<void>;
  /** Lets so much time pass. */
  pass(ms: number): Promise<void>;
}

/** Three keys below a prefix. */
function keysBelow(prefix: string) {
  return { A: `${prefix}a`, B: `${prefix}b`, C: `${prefix}c` };
}

function done(outcome: Outcome): Revision {
  assert(outcome.outcome === "done", `${outcome.outcome}: ${JSON.stringify(outcome)}`);
  return outcome.revision;
}

/** Puts a value where there is none yet. */
async function put(
  store: SharedStore,
  key: string,
  value: string,
  lease?: string,
): Promise<Revision> {
  const under = lease === undefined ? {} : { lease };
  return done(
    await store.commit({ when: [{ key, is: "absent" }], puts: [{ key, value, ...under }] }),
  );
}

/** What a follower has heard: the entries as it knows them, and each call. */
class Heard implements Follower {
  readonly entries = new Map<string, string>();
  readonly calls: string[] = [];
  revision = 0;

  constructor(readonly prefix: string) {}

  all(entries: readonly Entry[], revision: Revision): void {
    this.entries.clear();
    for (const { key, value } of entries) this.entries.set(key, value);
    this.#heard("all", entries.map(({ key, value }) => `${key}=${value}`), revision);
  }

  changed(changes: readonly Changed[], revision: Revision): void {
    for (const { key, entry } of changes) {
      if (entry === null) this.entries.delete(key);
      else this.entries.set(key, entry.value);
    }
    const texts = changes.map(({ key, entry }) =>
      entry === null ? `-${key}` : `${key}=${entry.value}`
    );
    this.#heard("changed", texts.toSorted(), revision);
  }

  refused(error: Error): void {
    this.calls.push(error.message);
  }

  #heard(what: string, texts: readonly string[], revision: Revision): void {
    assert(revision > this.revision || this.calls.length === 0, "revisions rise");
    this.revision = revision;
    this.calls.push(
      `${what} ${texts.map((text) => text.replaceAll(this.prefix, "")).join(" ")}`.trim(),
    );
  }
}

/** Registers the tests; `run` hands a fixture with an empty engine to each, and cleans up after it. */
export function sharedStoreContract(
  title: string,
  run: (test: (fixture: SharedStoreFixture) => Promise<void>) => Promise<void>,
  options: Omit<Deno.TestDefinition, "name" | "fn"> = {},
): void {
  const contract = (name: string, test: (fixture: SharedStoreFixture) => Promise<void>) =>
    Deno.test({ name: `${title}: ${name}`, ...options, fn: () => run(test) });

  contract(
    "what is put is there for everybody, with its revisions",
    async ({ prefix, store, other }) => {
      const { A } = keysBelow(prefix);
      assertEquals(await store.get(A), null);
      const created = await put(store, A, 'a {"name":"Zoë ☕"}\n');
      const first = {
        key: A,
        value: 'a {"name":"Zoë ☕"}\n',
        modified: created,
        created,
        lease: null,
      };
      assertEquals(await other.get(A), first);

      const modified = done(
        await other.commit({
          when: [{ key: A, modified: created }],
          puts: [{ key: A, value: "second" }],
        }),
      );
      assert(modified > created);
      assertEquals(await store.get(A), { ...first, value: "second", modified });
    },
  );

  contract(
    "a change whose conditions don't hold changes nothing, and says what there is",
    async ({ prefix, store }) => {
      const { A, B, C } = keysBelow(prefix);
      const revision = await put(store, A, "one");
      const conditions = [
        { key: A, is: "absent" },
        { key: A, modified: revision - 1 },
        { key: A, created: revision + 1 },
        { key: B, modified: revision },
      ] as const;
      for (const condition of conditions) {
        const outcome = await store.commit({
          when: [{ key: C, is: "absent" }, condition],
          puts: [{ key: B, value: "two" }],
          deletes: [A],
        });
        const seen = condition.key === A ? await store.get(A) : null;
        assertEquals(outcome, { outcome: "conflict", seen: [null, seen] });
      }
      assertEquals((await store.read(prefix)).entries.map(({ value }) => value), ["one"]);
    },
  );

  contract(
    "a change puts and deletes several keys at one revision",
    async ({ prefix, store, other }) => {
      const { A, B, C } = keysBelow(prefix);
      const created = await put(store, A, "one");
      const revision = done(
        await store.commit({
          when: [{ key: A, created }, { key: B, is: "absent" }],
          puts: [{ key: B, value: "two" }, { key: C, value: "three" }],
          deletes: [A],
        }),
      );
      const { entries } = await other.read(prefix);
      assertEquals(entries.map(({ key, value, modified }) => [key, value, modified]), [
        [B, "two", revision],
        [C, "three", revision],
      ]);
    },
  );

  contract(
    "of changes for one key at once, from wherever, one is made",
    async ({ prefix, store, other }) => {
      const { A } = keysBelow(prefix);
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          (n % 2 === 0 ? store : other).commit({
            when: [{ key: A, is: "absent" }],
            puts: [{ key: A, value: `${n}` }],
          })),
      );
      const made = outcomes.flatMap(({ outcome }, n) => outcome === "done" ? [`${n}`] : []);
      assertEquals(made, [(await store.get(A))!.value]);
    },
  );

  contract(
    "of changes that each rely on what another one takes away, one is made",
    async ({ prefix, store, other }) => {
      const { A, B } = keysBelow(prefix);
      const crossed = await Promise.all([
        store.commit({ when: [{ key: A, is: "absent" }], puts: [{ key: B, value: "b" }] }),
        store.commit({ when: [{ key: B, is: "absent" }], puts: [{ key: A, value: "a" }] }),
      ]);
      assertEquals(crossed.map(({ outcome }) => outcome), ["done", "conflict"]);
      assertEquals((await other.read(prefix)).entries.map(({ key }) => key), [B]);
    },
  );

  contract(
    "a thousand changes at once are all made, each with its own outcome",
    async (fixture) => {
      const { prefix, store, other, until } = fixture;
      const heard = new Heard(prefix);
      const following = other.follow(prefix, heard);
      await until(() => heard.calls.length > 0);
      const keys = Array.from(
        { length: 1_000 },
        (_, n) => `${prefix}${String(n).padStart(4, "0")}`,
      );
      const outcomes = await Promise.all(
        keys.map((key, n) =>
          store.commit({
            when: [{ key: n % 10 === 9 ? keys[n - 1]! : key, is: "absent" }],
            puts: [{ key, value: "v" }],
          })
        ),
      );
      const made = keys.filter((_, n) => outcomes[n]!.outcome === "done");
      assertEquals(made.length, 900);
      assertEquals((await other.read(prefix)).entries.map(({ key }) => key), made);
      assertEquals([await store.count(prefix), await store.count(`${prefix}00`)], [900, 90]);
      await until(() => heard.entries.size === 900);
      assertEquals([...heard.entries.keys()].toSorted(), made);
      following.close();
    },
  );

  contract("who reads or follows some names hears of no other key", async (fixture) => {
    const { prefix, store, other, until } = fixture;
    const { A, B, C } = keysBelow(prefix);
    await put(store, A, "one");
    await put(store, B, "two");
    const { entries } = await other.read(prefix, ["a", "c"]);
    assertEquals(entries.map(({ key }) => key), [A]);
    const heard = new Heard(prefix);
    const following = other.follow(prefix, heard, ["a", "c"]);
    await until(() => heard.calls.length === 1);
    done(await store.commit({ when: [{ key: C, is: "absent" }], puts: [], deletes: [B] }));
    await put(store, C, "three");
    await until(() => heard.calls.length === 2);
    assertEquals(heard.calls, ["all a=one", "changed c=three"]);
    following.close();
  });

  contract("who follows is told all there is, then each change once, in order", async (fixture) => {
    const { prefix, store, other, until } = fixture;
    const { A, B, C } = keysBelow(prefix);
    await put(store, A, "one");
    const heard = new Heard(prefix);
    const following = other.follow(prefix, heard);
    await until(() => heard.calls.length === 1);
    const created = await put(store, B, "two");
    await put(store, `elsewhere/${prefix}`, "x");
    done(
      await other.commit({
        when: [{ key: B, created }],
        puts: [{ key: C, value: "three" }, { key: B, value: "2" }],
        deletes: [A],
      }),
    );
    await until(() => heard.calls.length === 3);
    assertEquals(heard.calls, ["all a=one", "changed b=two", "changed -a b=2 c=three"]);

    following.restart();
    await put(store, A, "again");
    await until(() => heard.calls.length === 4);
    assertEquals(heard.calls[3], "changed a=again");
    following.close();
    await put(store, `${prefix}d`, "not told");
    assertEquals(heard.calls.length, 4);
  });

  contract(
    "what is put under a lease is gone when the lease ends, all at once",
    async (fixture) => {
      const { prefix, store, other, until } = fixture;
      const { A, B, C } = keysBelow(prefix);
      const heard = new Heard(prefix);
      const following = other.follow(prefix, heard);
      await until(() => heard.calls.length === 1);
      const lease = await store.grant(4_000);
      await put(store, A, "one", lease);
      await put(store, B, "two", lease);
      await put(store, C, "stays");
      assertEquals((await other.get(A))?.lease, lease);
      await until(() => heard.entries.size === 1);
      assertEquals(heard.calls.at(-1), "changed -a -b");
      assertEquals([await store.renew(lease), await store.get(B)], [false, null]);
      following.close();
    },
  );

  contract("a lease that is renewed goes on, one that is ended is over", async (fixture) => {
    const { prefix, store, pass } = fixture;
    const { A } = keysBelow(prefix);
    const lease = await store.grant(5_000);
    await put(store, A, "one", lease);
    for (let n = 0; n < 4; n++) {
      await pass(1_500);
      assertEquals(await store.renew(lease), true);
    }
    assertEquals((await store.get(A))?.value, "one");
    await store.revoke(lease);
    assertEquals(await store.get(A), null);
    await store.revoke(lease);
    assertEquals(await store.renew(lease), false);
  });

  contract(
    "a change under a lease that is over isn't made, those beside it are",
    async ({ prefix, store }) => {
      const { A, B } = keysBelow(prefix);
      const lease = await store.grant(2_000);
      await store.revoke(lease);
      const [over, made] = await Promise.all([
        store.commit({ when: [{ key: A, is: "absent" }], puts: [{ key: A, value: "a", lease }] }),
        store.commit({ when: [{ key: B, is: "absent" }], puts: [{ key: B, value: "b" }] }),
      ]);
      assertEquals(over.outcome === "refused" && over.code, "lease-over");
      done(made);
      assertEquals((await store.read(prefix)).entries.map(({ key }) => key), [B]);
    },
  );

  contract("a mebibyte is too long, and a little less isn't", async ({ prefix, store }) => {
    const { A } = keysBelow(prefix);
    const value = "x".repeat(1024 * 1024 - A.length * 2);
    const change = (value: string) =>
      ({ when: [{ key: A, is: "absent" }], puts: [{ key: A, value }] }) as const;
    const refused = await store.commit(change(`${value}x`));
    assertEquals(refused.outcome === "refused" && refused.code, "too-long");
    done(await store.commit(change(value)));
    assertEquals((await store.get(A))?.value.length, value.length);
  });
}
