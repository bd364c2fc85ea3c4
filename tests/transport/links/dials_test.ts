import { assertEquals, assertThrows } from "@std/assert";
import type { PeerKey } from "../../../lib/base/ids.ts";
import { InvariantError } from "../../../lib/base/invariant.ts";
import type { ByteStream } from "../../../lib/transport/byte_stream.ts";
import { Dials } from "../../../lib/transport/links/dials.ts";

const THERE = { host: "there", port: 1 };
const STREAM = {} as ByteStream;

/** Dials of 10 s over a network that does what the test says, and all that came of them. */
function dials() {
  const told: unknown[] = [];
  type Failed = (reason: string, isSelf?: boolean) => void;
  const attempts: { connected(stream: ByteStream): void; readonly failed: Failed }[] = [];
  const network = {
    connect(_: unknown, connected: (stream: ByteStream) => void, failed: Failed) {
      const at = attempts.push({ connected, failed });
      return { missing: "no connection", cancel: () => void told.push(`${at} cancelled`) };
    },
  };
  const all = new Dials(network, 10_000, "our key" as PeerKey, (attempt, { reason, text, key }) => {
    told.push(`${attempt} ${reason}: ${text}, of ${all.size}${key === null ? "" : `, ${key}`}`);
  });
  const add = (attempt: number, nowMs: number) =>
    all.add(attempt, THERE, nowMs, (stream, endsAtMs) => {
      assertEquals(stream, STREAM);
      told.push(`${attempt} connected until ${endsAtMs}, of ${all.size}`);
    });
  return { all, add, attempts, told };
}

Deno.test("Dials.add(): each comes by a stream, with the time that is left, or fails; then it is over", () => {
  const { all, add, attempts, told } = dials();

  assertEquals([add(1, 0), add(2, 500), all.size], [10_000, 10_500, 2]);
  attempts[0]!.connected(STREAM);
  attempts[1]!.failed("nobody listens there");
  add(3, 600);
  attempts[2]!.failed("nobody else does", true);
  all.check(20_000);

  assertEquals(told, [
    "1 connected until 10000, of 1",
    "2 unreachable: nobody listens there, of 0",
    "3 unreachable: nobody else does, of 0, our key",
  ]);
  assertEquals(all.nextDeadlineMs(), null);
});

Deno.test("Dials.check() ends those whose time is over, and says what hasn't come", () => {
  const { all, add, told } = dials();
  for (const [attempt, nowMs] of [[1, 500], [2, 0], [3, 700]] as const) add(attempt, nowMs);

  assertEquals(all.nextDeadlineMs(), 10_000);
  all.check(9_999);
  assertEquals(told, []);
  all.check(10_000);

  assertEquals(told, ["2 cancelled", "2 timeout: no connection within 10 s, of 2"]);
  assertEquals(all.nextDeadlineMs(), 10_500);
});

Deno.test("Dials.giveUp() cancels one that has no stream yet, and leaves all others alone", () => {
  const { all, add, attempts, told } = dials();
  for (const attempt of [1, 2, 3]) add(attempt, 0);
  attempts[0]!.connected(STREAM);
  told.length = 0;

  assertEquals([1, 2, 2].map((attempt) => all.giveUp(attempt, "cancelled")), [false, true, false]);

  assertEquals(told, ["2 cancelled", "2 refused: given up: cancelled, of 1"]);
  assertEquals(all.size, 1);
});

Deno.test("Dials.giveUpAll() ends all, in the order in which they were begun", () => {
  const { all, add, told } = dials();
  for (const attempt of [1, 2]) add(attempt, 0);

  all.giveUpAll("quit");

  assertEquals(told, [
    "1 cancelled",
    "1 refused: given up: quit, of 1",
    "2 cancelled",
    "2 refused: given up: quit, of 0",
  ]);
});

Deno.test("Dials.add(): a number may be used again when its dial is over, not before", () => {
  const { all, add } = dials();
  add(1, 0);

  assertThrows(() => add(1, 0), InvariantError);
  all.giveUp(1, "cancelled");
  add(1, 0);
});
