/**
 * A log under random appends, rewrites, disk faults, kills and power cuts, held against what was promised.
 * Every record has a number of its own, in the order of the calls.
 */

import { assert, assertEquals, fail } from "@std/assert";
import fc from "fast-check";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { AppendLog } from "../../../lib/store/log/append_log.ts";
import { type DiskOperationKind, MemoryDisk } from "../../doubles/memory_disk.ts";
import { Random } from "../../sim/random.ts";
import { SLOW } from "../../given.ts";

const PATH = "/data/log";
const FORMAT = { format: "test", version: 1 };

type Step =
  | {
    readonly type: "append";
    readonly count: number;
    readonly sync: boolean;
    readonly wait: boolean;
  }
  | { readonly type: "rewrite"; readonly appends: number }
  | { readonly type: "settle" }
  | { readonly type: "fault"; readonly kind: DiskOperationKind; readonly times: number }
  | { readonly type: "full"; readonly roomBytes: number }
  | { readonly type: "end"; readonly how: "kill" | "crash"; readonly afterOperations: number };

const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      type: fc.constant("append" as const),
      count: fc.integer({ min: 0, max: 4 }),
      sync: fc.boolean(),
      wait: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("rewrite" as const),
      appends: fc.integer({ min: 0, max: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ type: "settle" as const }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("fault" as const),
      kind: fc.constantFrom<DiskOperationKind[]>(
        "open",
        "read",
        "write",
        "truncate",
        "sync",
        "rename",
        "syncFolder",
      ),
      times: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("full" as const),
      roomBytes: fc.integer({ min: 0, max: 2_000 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("end" as const),
      how: fc.constantFrom("kill" as const, "crash" as const),
      afterOperations: fc.integer({ min: 0, max: 6 }),
    }),
  },
);

/** What became of a record, as far as whoever appended it knows. */
type Fate = "pending" | "written" | "synced" | "refused";

class Run {
  readonly random: Random;
  disk: MemoryDisk;
  log: AppendLog | null = null;
  /** By number; those gone for good, with the process that had them, aren't there. */
  readonly fates = new Map<number, Fate>();
  readonly #pending = new Set<Promise<void>>();
  #nextNumber = 1;
  #nextDisk: MemoryDisk | null = null;
  /** Sees to it that what happens in a dead process is no news. */
  #life = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
    this.disk = new MemoryDisk({
      random: this.random.next,
      latency: () => this.random.chance(0.5) ? turns(this.random.below(9)) : null,
    });
  }

  async step(step: Step): Promise<void> {
    switch (step.type) {
      case "append": {
        const done = this.append(step.count, step.sync);
        if (step.wait) await done;
        return;
      }
      case "rewrite":
        return await this.rewrite(step.appends);
      case "settle":
        return await this.settle();
      case "fault": {
        let left = step.times;
        this.disk.fault = ({ kind }) => {
          if (kind !== step.kind || left === 0) return null;
          left--;
          if (kind !== "write" || this.random.chance(0.5)) return "EIO";
          return { shortWriteBytes: 1 + this.random.below(60) };
        };
        return;
      }
      case "full": {
        const { disk } = this;
        const used = disk.paths().reduce((sum, path) => sum + (disk.text(path)?.length ?? 0), 0);
        disk.bytesMax = disk.bytesMax === Infinity ? used + step.roomBytes : Infinity;
        return;
      }
      case "end":
        return await this.end(step.how, step.afterOperations);
    }
  }

  append(count: number, sync: boolean): Promise<void> {
    const { log } = this;
    if (log === null) fail("a log is open");
    const numbers = Array.from({ length: count }, () => this.#nextNumber++);
    for (const number of numbers) this.fates.set(number, "pending");
    const records = numbers.map((number) => ({ kind: "n", fields: [`${number}`, this.#filler()] }));
    const life = this.#life;
    const settle = (fate: Fate) => {
      if (life !== this.#life) return;
      for (const number of numbers) this.fates.set(number, fate);
    };
    const done = log.append(records, { sync }).then(
      () => settle(sync ? "synced" : "written"),
      (error) => {
        assert(error instanceof P2pchatError && error.code === "disk", String(error));
        settle("refused");
      },
    );
    this.#pending.add(done);
    void done.then(() => this.#pending.delete(done));
    return done;
  }

  /** Rewrites the log to what it has, so that a rewrite that fails or is cut short changes nothing. */
  async rewrite(appends: number): Promise<void> {
    await this.settle();
    const kept = [...this.fates].filter(([, fate]) => fate !== "refused").map(([number]) => number);
    const records = kept.map((number) => ({ kind: "n", fields: [`${number}`, this.#filler()] }));
    const life = this.#life;
    const rewritten = this.log?.rewrite(records).then(() => {
      if (life === this.#life) kept.forEach((number) => this.fates.set(number, "synced"));
    }, (error) => assert(error instanceof P2pchatError, String(error)));
    for (let i = 0; i < appends; i++) {
      void this.append(1, this.random.chance(0.5));
      await turns(this.random.below(12));
    }
    await rewritten;
  }

  async settle(): Promise<void> {
    await Promise.all(this.#pending);
  }

  /** Ends the process in the middle of what it does, starts it again and checks what it finds. */
  async end(how: "kill" | "crash", afterOperations: number): Promise<void> {
    const { disk } = this;
    const end = () => {
      this.#life++;
      this.#nextDisk = how === "kill" ? disk.kill() : disk.crash();
    };
    const last = disk.operations + afterOperations;
    const before = disk.fault;
    disk.fault = (operation) => {
      if (operation.number > last && this.#nextDisk === null) end();
      return before?.(operation) ?? null;
    };
    for (let i = 0; i < 3; i++) {
      void this.append(1 + this.random.below(3), this.random.chance(0.5));
      await turns(this.random.below(6));
    }
    if (this.random.chance(0.3)) await this.rewrite(this.random.below(3));
    await this.settle();
    if (this.#nextDisk === null) end();

    this.disk = this.#nextDisk ?? fail("the process has ended");
    this.#nextDisk = null;
    this.disk.fault = null;
    this.disk.bytesMax = Infinity;
    await this.start(how);
  }

  async start(how: "kill" | "crash" | "close"): Promise<void> {
    const { log, records } = await AppendLog.open(this.disk, PATH, FORMAT);
    const found = records.map(({ fields }) => Number(fields[0]));
    checkFound(found, this.fates, how);
    this.log = log;
    this.fates.clear();
    for (const number of found) this.fates.set(number, "synced");
  }

  #filler(): string {
    return "x".repeat(this.random.chance(0.1) ? this.random.below(6_000) : this.random.below(30));
  }
}

/** Lets others go on: that is what takes time here. */
async function turns(count: number): Promise<void> {
  for (let left = count; left > 0; left--) await Promise.resolve();
}

function checkFound(
  found: readonly number[],
  fates: ReadonlyMap<number, Fate>,
  how: "kill" | "crash" | "close",
): void {
  const context = `found ${found}, expected ${JSON.stringify([...fates])}, after ${how}`;
  const isFound = new Set(found);
  const last = found.at(-1) ?? 0;
  const acknowledged = [...fates].filter(([, fate]) => fate === "synced").map(([number]) => number);
  const lastAcknowledged = acknowledged.at(-1) ?? 0;

  found.forEach((number, i) =>
    assert(i === 0 || found[i - 1]! < number, `out of order: ${context}`)
  );
  for (const number of found) assert(fates.has(number), `never appended: ${number}: ${context}`);
  for (const [number, fate] of fates) {
    const kept = fate === "synced" || fate === "written" && (how !== "crash" || number < last);
    if (kept) assert(isFound.has(number), `lost: ${number}: ${context}`);
    // What was refused may be found only when the process ended before it could be taken back.
    if (fate === "refused" && number < lastAcknowledged) {
      assert(!isFound.has(number), `refused: ${number}: ${context}`);
    }
  }
}

Deno.test("AppendLog keeps its promises under faults, kills and power cuts", SLOW, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 2 ** 31 - 1 }),
      fc.array(stepArbitrary, { minLength: 3, maxLength: 30, size: "max" }),
      async (seed, steps) => {
        const run = new Run(seed);
        await run.disk.makeFolder("/data");
        await run.start("close");
        for (const step of steps) await run.step(step);

        run.disk.fault = null;
        run.disk.bytesMax = Infinity;
        await run.settle();
        // The first may still be refused by a repair that was under way when the disk was bad.
        await run.append(1, true);
        await run.append(1, true);
        await run.log?.close();
        assertEquals([...run.fates.values()].at(-1), "synced");
        assertEquals(run.disk.paths(), [PATH]);
        await run.start("close");
      },
    ),
    { numRuns: 100 },
  );
});
