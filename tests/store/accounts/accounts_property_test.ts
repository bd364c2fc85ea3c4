/**
 * The accounts of two programs under random changes, disk faults, kills and power cuts, held against what was
 * promised: what was acknowledged is there, what was refused isn't unless its outcome couldn't be known, and nothing
 * else changes.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { P2pchatError } from "../../../lib/base/errors.ts";
import type { Account } from "../../../lib/store/accounts/accounts.ts";
import type { AccountsFile } from "../../../lib/store/accounts/accounts_file.ts";
import { type DiskOperationKind, MemoryDisk } from "../../doubles/memory_disk.ts";
import { accountOf, hashNumber, keyNumber } from "../../contracts/accounts_contract.ts";
import { Random } from "../../sim/random.ts";
import { openAccounts } from "../accounts_files.ts";

const FOLDER = "/data/regserver";
const NAMES = ["al", "bob", "cy"] as const;

type Step =
  | {
    readonly type: "change";
    readonly program: 0 | 1;
    readonly kind: "signUp" | "setHash" | "addKey" | "remove";
    readonly name: typeof NAMES[number];
  }
  | { readonly type: "fault"; readonly kind: DiskOperationKind; readonly times: number }
  | { readonly type: "full"; readonly roomBytes: number }
  | { readonly type: "end"; readonly how: "kill" | "crash"; readonly afterOperations: number };

const change = fc.record({
  type: fc.constant("change" as const),
  program: fc.constantFrom(0 as const, 1 as const),
  kind: fc.constantFrom(
    "signUp" as const,
    "signUp",
    "setHash" as const,
    "addKey" as const,
    "remove" as const,
  ),
  name: fc.constantFrom(...NAMES),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: change },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("fault" as const),
      kind: fc.constantFrom<DiskOperationKind[]>(
        "stat",
        "open",
        "read",
        "write",
        "truncate",
        "sync",
        "rename",
        "overwrite",
        "syncFolder",
      ),
      times: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("full" as const),
      roomBytes: fc.integer({ min: 0, max: 400 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("end" as const),
      how: fc.constantFrom("kill" as const, "crash" as const),
      afterOperations: fc.integer({ min: 0, max: 15 }),
    }),
  },
);

class World {
  disk: MemoryDisk;
  programs: AccountsFile[] = [];
  /** What each name may be now: one thing, or more after a change whose outcome nobody was told. */
  readonly possible = new Map<string, readonly (Account | null)[]>(
    NAMES.map((name) => [name, [null]]),
  );
  #next = 1;
  #faults: { kind: DiskOperationKind; times: number } | null = null;
  #end: { how: "kill" | "crash"; at: number } | null = null;
  #survivor: MemoryDisk | null = null;

  constructor(seed: number) {
    this.disk = new MemoryDisk({ random: new Random(seed).next });
  }

  async start(): Promise<void> {
    this.disk.bytesMax = Infinity;
    this.#faults = this.#end = this.#survivor = null;
    this.disk.fault = ({ kind, number }) => {
      if (this.#end !== null && number >= this.#end.at) {
        this.#survivor ??= this.disk[this.#end.how]();
      }
      if (this.#faults?.kind !== kind || this.#faults.times === 0) return null;
      this.#faults.times--;
      return "EIO";
    };
    this.programs = [];
    for (let at = 0; at < 2; at++) {
      this.programs.push((await openAccounts(this.disk, FOLDER)).accounts);
    }
    await this.check(this.programs[0]!);
  }

  /** What is found is possible, and certain from then on. */
  async check(accounts: AccountsFile): Promise<void> {
    const list = await accounts.list();
    for (const name of NAMES) {
      const found = list.find((account) => account.name === name) ?? null;
      const text = JSON.stringify(found);
      const possible = this.possible.get(name)!;
      assert(
        possible.some((one) => JSON.stringify(one) === text),
        `${name} is ${text}, and must be one of ${JSON.stringify(possible)}`,
      );
      this.possible.set(name, [found]);
    }
    assertEquals(new Set(list.map(({ name }) => name)).size, list.length);
  }

  async run(one: Step): Promise<void> {
    switch (one.type) {
      case "fault":
        this.#faults = { kind: one.kind, times: one.times };
        return;
      case "full":
        this.disk.bytesMax = this.disk.paths().reduce(
          (sum, path) => sum + (this.disk.text(path) ?? "").length,
          one.roomBytes,
        );
        return;
      case "end":
        this.#end = { how: one.how, at: this.disk.operations + 1 + one.afterOperations };
        return;
      case "change":
        await this.#change(one);
    }
    if (this.#survivor === null) return;
    this.disk = this.#survivor;
    await this.start();
  }

  async #change({ program, kind, name }: Step & { readonly type: "change" }): Promise<void> {
    const accounts = this.programs[program]!;
    const before = this.possible.get(name)!;
    const seen = await accounts.find(name);
    const number = this.#next++;
    const other = seen ?? accountOf(name);
    const hash = hashNumber(number);
    const made: Account | null = kind === "signUp"
      ? accountOf(name, { hash })
      : kind === "setHash"
      ? { ...other, hash }
      : kind === "addKey"
      ? { ...other, keys: [...other.keys, keyNumber(number)].slice(-16) }
      : null;
    try {
      const done = kind === "signUp"
        ? (await accounts.signUp(made!), true)
        : kind === "setHash"
        ? await accounts.setHash(other, hash)
        : kind === "addKey"
        ? await accounts.addKey(other, keyNumber(number))
        : await accounts.remove(other);
      if (done) this.possible.set(name, [made]);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      if (error.code === "name-taken") return;
      assertEquals(error.code, "disk", error.message);
      this.possible.set(name, [...before, made]);
    }
  }
}

Deno.test("accounts: what was acknowledged is there, whatever the disk and the power do", async () => {
  const counts = { ends: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 30 }),
      fc.nat(),
      async (steps, seed) => {
        const world = new World(seed);
        await world.start();
        for (const one of steps) {
          await world.run(one);
          if (one.type === "end") counts.ends++;
        }
        counts.refused += [...world.possible.values()].filter(({ length }) => length > 1).length;
        world.disk = world.disk.crash();
        await world.start();
      },
    ),
    { numRuns: 150 },
  );
  assert(counts.ends > 100 && counts.refused > 10, JSON.stringify(counts));
});
