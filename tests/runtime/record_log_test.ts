import { assertEquals, assertRejects } from "@std/assert";
import { SILENT_LOGGER } from "../../lib/base/machine/environment.ts";
import { P2pchatError } from "../../lib/base/errors.ts";
import { RecordLog } from "../../lib/runtime/record_log.ts";
import { MemoryStore } from "./host_world.ts";
import { VirtualClock } from "./virtual_clock.ts";

const MUCH_BYTES = 64 * 1_024 * 1_024;

/** A log whose machine's snapshot says what it was asked for, and whose output is read when the test says so. */
class World {
  readonly clock = new VirtualClock();
  restored = 0;
  /** Whether the machine still has all that wasn't shown. */
  canTell = true;
  isWriting = false;
  mayFail = false;
  readonly failures: unknown[] = [];
  #read = Promise.withResolvers<void>();
  readonly log: RecordLog<string, number>;

  constructor(readonly store = new MemoryStore<string>()) {
    this.log = new RecordLog(store, {
      clock: this.clock,
      log: SILENT_LOGGER,
      snapshot: (through) =>
        this.canTell && !this.isWriting ? [`all, of which ${through} was shown`] : null,
      isWriting: () => this.isWriting,
      shown: (through) => `shown ${through}`,
      flushed: () => this.#read.promise,
      written: () => this.#read.promise,
      restored: () => this.restored++,
      failed: (error) => {
        if (this.mayFail) this.failures.push(error);
        else throw error;
      },
    });
  }

  /** What waits in the output is read; what comes from now on waits. */
  async read(): Promise<void> {
    this.#read.resolve();
    this.#read = Promise.withResolvers<void>();
    await turns();
  }

  /** The disk refuses a write, and takes the next one. */
  async refuseOne(): Promise<void> {
    this.store.refuses = true;
    await assertRejects(() => this.log.append(["lost"], true), P2pchatError);
    this.store.refuses = false;
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

Deno.test("RecordLog takes for shown, in a compaction, what was seen and nothing that only waits", async () => {
  const world = new World();
  const { store, log } = world;
  log.noteShown(1);
  await world.read();
  log.noteShown(2);
  store.extraBytes = MUCH_BYTES;

  await log.append(["three"], true);

  assertEquals(store.records, ["all, of which 1 was shown", "three"]);
  await world.read();
  assertEquals(store.records.at(-1), "shown 2");
});

Deno.test("RecordLog takes for shown, after a refused write, what was seen and nothing that only waits", async () => {
  const world = new World();
  const { store, log } = world;
  log.noteShown(1);
  await world.refuseOne();

  await log.append(["two"], true);

  assertEquals(store.records, ["all, of which null was shown", "two"]);
  await world.read();
  assertEquals(store.records.at(-1), "shown 1");
});

Deno.test("RecordLog notes what was seen while the disk refused, or while the log was written anew", async () => {
  const world = new World();
  const { store, log } = world;
  await world.refuseOne();
  log.noteShown(1);
  await world.read();
  assertEquals(store.records, []);
  log.noteShown(2);
  const rewriting = Promise.withResolvers<void>();
  const { rewrite } = MemoryStore.prototype;
  store.rewrite = async (records) => {
    await rewriting.promise;
    await rewrite.call(store, records);
  };

  const written = log.append(["three"], true);
  await world.read();
  rewriting.resolve();
  await written;

  assertEquals(store.records, ["all, of which 1 was shown", "shown 2", "three"]);
});

Deno.test("RecordLog compacts a log that is long when it is opened, whenever it was written, and not again at once", async () => {
  const store = new MemoryStore<string>();
  store.extraBytes = MUCH_BYTES;
  const { log } = new World(store);

  await log.append(["one"], true);
  await log.append(["two"], true);

  assertEquals([store.records, store.rewrites], [
    ["all, of which null was shown", "one", "two"],
    1,
  ]);
});

Deno.test("RecordLog compacts in the turn of the append: a snapshot has no more than was given to it", async () => {
  const world = new World();
  const { store, log } = world;
  store.extraBytes = MUCH_BYTES;

  const written = log.append(["three"], true);
  world.canTell = false; // what the machine has from now on
  await written;

  assertEquals(store.records, ["all, of which null was shown", "three"]);
});

Deno.test("RecordLog refuses writes while the log lacks some and can't be written anew", async () => {
  const world = new World();
  const { store, log, clock } = world;
  await world.refuseOne();
  world.canTell = false;

  const error = await assertRejects(() => log.append(["two"], true), P2pchatError, "read");
  assertEquals([error.code, store.records, world.restored], ["disk", [], 0]);

  world.canTell = true;
  clock.advanceTo(30_000);
  await turns();
  assertEquals([store.records.length, world.restored], [1, 1]);
  await log.append(["three"], true);
  assertEquals(store.records.at(-1), "three");
});

Deno.test("RecordLog says how much room it takes to write a long log anew", async () => {
  const world = new World();
  const { store, log } = world;
  await world.refuseOne();
  store.refuses = true;
  const refusal = () => assertRejects(() => log.append(["one"], true), P2pchatError);
  const short = await refusal();
  store.extraBytes = MUCH_BYTES;
  const long = await refusal();

  assertEquals(
    long.message,
    `${short.message}; all of the log is written anew, which takes 64 MiB; that is tried again within 30 s`,
  );
});

Deno.test("RecordLog tries seldom to write a long log anew, however much is to be stored, and goes on then", async () => {
  const world = new World();
  const { store, log, clock } = world;
  await world.refuseOne();
  let tries = 0;
  const { rewrite } = MemoryStore.prototype;
  store.rewrite = (records) => {
    tries++;
    return rewrite.call(store, records);
  };
  store.refuses = true;
  store.extraBytes = MUCH_BYTES;
  const triesAfter: number[] = [];
  for (let second = 0; second <= 100; second++) {
    for (let count = 0; count < 10; count++) {
      await assertRejects(() => log.append(["one"], false), P2pchatError, "takes 64 MiB");
    }
    triesAfter.push(tries);
    clock.advance(1_000);
    await turns();
  }

  assertEquals([0, 1, 10, 100].map((second) => triesAfter[second]), [1, 2, 5, 10]);
  store.refuses = false;
  clock.advance(30_000);
  await turns();
  assertEquals([store.records.length, world.restored], [1, 1]);
  await log.append(["two"], true);
  assertEquals(store.records.at(-1), "two");
});

Deno.test("RecordLog tries to write a long log anew for what is to be synced: whoever must store it ends otherwise", async () => {
  const world = new World();
  const { store, log, clock } = world;
  await world.refuseOne();
  store.refuses = true;
  store.extraBytes = MUCH_BYTES;
  await assertRejects(() => log.append(["a note"], false));
  clock.advance(1_000);
  await turns();
  store.refuses = false;

  await log.append(["a decision"], true);

  assertEquals(store.records.at(-1), "a decision");
});

Deno.test("RecordLog tries to write a short log anew for each record", async () => {
  const world = new World();
  const { store, log } = world;
  await world.refuseOne();
  await world.refuseOne();

  await log.append(["three"], true);

  assertEquals(store.records, ["all, of which null was shown", "three"]);
});

Deno.test("RecordLog.close() notes what was read in time, and waits no longer for what wasn't", async () => {
  for (const isRead of [true, false]) {
    const world = new World();
    const { store, log, clock } = world;
    await log.append(["one"], true);
    log.noteShown(1);
    let isClosed = false;
    const closed = log.close().then(() => isClosed = true);
    await turns();
    clock.advanceTo(1_999);
    await turns();
    assertEquals(isClosed, false);

    if (isRead) await world.read();
    clock.advanceTo(2_000);
    await closed;
    await world.read(); // too late for the log

    assertEquals(store.records, isRead ? ["one", "shown 1"] : ["one"]);
  }
});

Deno.test("RecordLog puts compaction off where the log can't be written anew", async () => {
  const world = new World();
  const { store, log } = world;
  world.canTell = false;
  store.extraBytes = MUCH_BYTES;
  await log.append(["one"], true);
  world.canTell = true;
  await log.append(["two"], true);
  assertEquals(store.records, ["one", "two"]);

  store.extraBytes *= 2;
  await log.append(["three"], true);

  assertEquals(store.records, ["all, of which null was shown", "three"]);
});

Deno.test("RecordLog compacts at the first append at which its machine isn't writing", async () => {
  const world = new World();
  const { store, log } = world;
  store.extraBytes = MUCH_BYTES;
  world.isWriting = true;
  await log.append(["one"], true);
  await log.append(["two"], true);
  assertEquals(store.records, ["one", "two"]);

  world.isWriting = false;
  await log.append(["three"], true);

  assertEquals(store.records, ["all, of which null was shown", "three"]);
});

Deno.test("RecordLog ends where another program has taken its place when it tries again", async () => {
  const world = new World();
  await world.refuseOne();
  const taken = new P2pchatError("in-use", "Cannot write: another has begun there");
  world.store.rewrite = () => Promise.reject(taken);
  world.mayFail = true;
  world.clock.advanceTo(30_000);
  await turns();
  world.clock.advanceTo(90_000);
  await turns();

  assertEquals(world.failures, [taken]);
});
