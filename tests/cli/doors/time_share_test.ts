import { assertEquals } from "@std/assert";
import { TimeShare } from "../../../lib/cli/doors/time_share.ts";
import { settle } from "../memory_streams.ts";

/** Time that passes only when it is said. */
class GivenTime {
  nowMs = 0;
  /** How long each rest is that isn't over. */
  readonly rests: number[] = [];
  readonly #over: (() => void)[] = [];
  readonly share = new TimeShare({
    nowMs: () => this.nowMs,
    rest: (ms) => {
      this.rests.push(ms);
      return new Promise((resolve) => this.#over.push(resolve));
    },
  });

  /** The first rest is over. */
  async pass(): Promise<void> {
    this.rests.shift();
    this.#over.shift()!();
    await settle();
  }
}

Deno.test("time share: what is quick isn't held up, and nothing is armed while nothing is done", async () => {
  const time = new GivenTime();
  assertEquals(time.rests, []);
  for (let count = 0; count < 100; count++) assertEquals(time.share.ready(), null);
  assertEquals(time.rests, [0]);
  time.nowMs = 9;
  assertEquals(time.share.ready(), null);
  await time.pass();
  assertEquals(time.rests, []);
  assertEquals(time.share.ready(), null);
});

Deno.test("time share: after what took long the rest of the program has as long, to a bound", async () => {
  const time = new GivenTime();
  assertEquals(time.share.ready(), null);
  time.nowMs = 130;
  let isOver = false;
  void time.share.ready()!.then(() => isOver = true);
  await time.pass();
  assertEquals([time.rests, isOver], [[130], false]);
  assertEquals(time.share.ready() === null, false);
  await time.pass();
  assertEquals([time.rests, isOver], [[], true]);
  assertEquals(time.share.ready(), null);

  time.nowMs += 60_000; // a search through a very long log
  await time.pass();
  assertEquals(time.rests, [1_000]);
});

Deno.test("time share: what follows by promises from what is done is measured, too", async () => {
  const time = new GivenTime();
  assertEquals(time.share.ready(), null);
  const over = time.share.over();
  time.nowMs = 500; // done after the command, before anything else had its turn
  await time.pass();
  assertEquals(time.rests, [500]);
  let isOver = false;
  void over.then(() => isOver = true);
  await settle();
  assertEquals(isOver, false);
  await time.pass();
  assertEquals(isOver, true);
});

Deno.test("time share: whoever waits for the next turn gets it, also where nothing was done", async () => {
  const time = new GivenTime();
  let isOver = false;
  void time.share.over().then(() => isOver = true);
  await time.pass();
  assertEquals(isOver, true);
});
