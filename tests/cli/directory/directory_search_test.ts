import { assertEquals, assertRejects } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { DirectorySearch } from "../../../lib/cli/directory/directory_search.ts";
import type { ByteStream } from "../../../lib/transport/byte_stream.ts";

/** A search whose network and clock the test plays. */
function searching(wait = true) {
  const told: string[] = [];
  const dials: { up(): void; fails(reason: string): void; isCancelled: boolean }[] = [];
  const timers = new Set<{ atMs: number; callback: () => void }>();
  let nowMs = 0;
  const search = new DirectorySearch({ host: "chat.example", port: 4400 }, {
    network: {
      connect: (_, connected, failed) => {
        const dial = {
          up: () => connected({ abort: () => told.push("closes") } as unknown as ByteStream),
          fails: failed,
          isCancelled: false,
        };
        dials.push(dial);
        return { missing: "no connection", cancel: () => dial.isCancelled = true };
      },
    },
    clock: {
      nowMs: () => nowMs,
      at: (atMs, callback) => {
        const timer = { atMs, callback };
        timers.add(timer);
        return { cancel: () => timers.delete(timer) };
      },
    },
    random: () => 0,
    wait,
    tell: (text) => told.push(text),
  });
  const pass = (ms: number) => {
    nowMs += ms;
    for (const timer of [...timers]) {
      if (timer.atMs <= nowMs && timers.delete(timer)) timer.callback();
    }
  };
  return { search, told, dials, timers, pass };
}

const DOWN = (reason: string) =>
  `No connection with the directory at chat.example:4400: ${reason}; trying again, and you are asked how to log ` +
  "in once it answers. Ctrl+C leaves";

Deno.test("a directory that isn't there is told once, and dialled until it is there", async () => {
  const { search, told, dials, timers, pass } = searching();
  const found = search.found();
  dials[0]!.fails("nobody listens there");
  pass(500);
  dials[1]!.fails("nobody listens there");
  pass(500);
  dials[2]!.up();

  assertEquals(await found, true);
  assertEquals(told, [DOWN("nobody listens there"), "closes"]);
  assertEquals([dials.length, timers.size], [3, 0]);
});

Deno.test("a directory from which nothing comes is given up after 10 s, and tried again", () => {
  const { search, told, dials, pass } = searching();
  void search.found();
  pass(10_000);
  pass(500);

  assertEquals(told, [DOWN("no connection within 10 s")]);
  assertEquals(dials.map(({ isCancelled }) => isCancelled), [true, false]);
});

Deno.test("a user who leaves isn't asked, and one who doesn't wait is told why", async () => {
  const leaving = searching();
  const found = leaving.search.found();
  leaving.search.cancel();
  assertEquals([await found, leaving.dials[0]!.isCancelled, leaving.timers.size], [false, true, 0]);

  const { search, dials } = searching(false);
  const refused = assertRejects(() => search.found(), P2pchatError, "can't be reached: nobody");
  dials[0]!.fails("nobody listens there");
  assertEquals((await refused).code, "unreachable");
});
