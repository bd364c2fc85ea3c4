import { assertEquals, assertRejects } from "@std/assert";
import { type ErrorCode, P2pchatError } from "../../../lib/base/errors.ts";
import { goOnPatiently } from "../../../lib/cli/scripts/patient_start.ts";
import type { CommonEvent, InterruptCause } from "../../../lib/cli/rendering/user_interface.ts";
import { VirtualClock } from "../../runtime/virtual_clock.ts";

type Attempt = ErrorCode | "in";

const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

/** A start that has failed; what the further attempts come to, and those by another way, one after the other. */
function failed(
  attempts: readonly Attempt[],
  { others = null, code = "unreachable" }: {
    readonly others?: readonly Attempt[] | null;
    readonly code?: ErrorCode;
  } = {},
) {
  const clock = new VirtualClock();
  const happened: string[] = [];
  let interrupted: (cause: InterruptCause) => boolean = () => false;
  let isIn = false;
  const place = {
    leftBecause: null as InterruptCause | null,
    heedInterrupts: (heed: typeof interrupted) => void (interrupted = heed),
    pauseInput: (reason: string) => void happened.push(`paused: ${reason}`),
    show: (event: CommonEvent) => void happened.push("text" in event ? event.text : event.event),
  };
  const attempting = (what: string, left: Attempt[]) => () => {
    const next = left.shift()!;
    happened.push(`${what} at ${clock.nowMs()}`);
    if (next === "in") return Promise.resolve(what);
    return Promise.reject(new P2pchatError(next, `${what} failed`));
  };
  const other = others === null
    ? null
    : { text: "Back instead", enter: attempting("other", [...others]) };
  const ended = goOnPatiently(
    {
      ...{ place, clock, random: () => 1 },
      isIn: () => isIn,
      otherWay: () => Promise.resolve(other),
      left: "left",
    },
    attempting("same", [...attempts]),
    new P2pchatError(code, "it failed"),
  );
  return {
    ended,
    clock,
    happened,
    async passes(ms: number) {
      await settled();
      clock.advance(ms);
      await settled();
    },
    leaves() {
      place.leftBecause = "interrupt";
      interrupted("interrupt");
    },
    comesIn: () => void (isIn = true),
  };
}

const AGAIN = "It is tried again by itself, at least every 30 s";

Deno.test("goOnPatiently(): the same is tried again, ever more rarely, until it is in", async () => {
  const { ended, happened, passes, clock } = failed(["unreachable", "timeout", "too-fast", "in"]);
  for (let at = 0; at < 70; at++) await passes(125);

  assertEquals(await ended, "same");
  assertEquals(happened.filter((each) => each.startsWith("same")), [
    "same at 1000",
    `same failed. ${AGAIN}`,
    "same at 2500",
    "same at 4750",
    "same at 8125",
  ]);
  assertEquals(happened.slice(0, 2), [`it failed. ${AGAIN}`, `paused: it failed. ${AGAIN}`]);
  assertEquals(clock.isIdle, true);
});

Deno.test("goOnPatiently(): another way is taken at once, and where that fails both in turn", async () => {
  const { ended, happened, passes } = failed(["full"], { others: ["unreachable", "in"] });
  await passes(0);
  await passes(1_000);

  assertEquals(await ended, "other");
  assertEquals(happened, [
    "it failed. Back instead",
    "other at 0",
    `paused: it failed. ${AGAIN}`,
    "same at 1000",
    "same failed. Back instead",
    "other at 1000",
  ]);
});

for (const code of ["bad-credentials", "key-changed", "name-taken", "in-use", "kicked"] as const) {
  Deno.test(`goOnPatiently(): ${code} doesn't pass by itself`, async () => {
    const first = failed([], { code });
    await assertRejects(() => first.ended, P2pchatError, "it failed");
    const later = failed([code]);
    const rejected = assertRejects(() => later.ended, P2pchatError, "same failed");
    await later.passes(1_000);
    await rejected;
    const other = failed([], { others: [code] });
    await assertRejects(() => other.ended, P2pchatError, "other failed");
  });
}

Deno.test("goOnPatiently(): who leaves meanwhile isn't kept, and nothing is tried any more", async () => {
  const { ended, happened, passes, leaves, clock } = failed(["in"]);
  await passes(10);
  leaves();

  assertEquals([await ended, clock.isIdle], ["left", true]);
  assertEquals(happened.some((each) => each.startsWith("same at")), false);
});

Deno.test("goOnPatiently(): what fails once this is in is no start", async () => {
  const { ended, comesIn } = failed([]);
  comesIn();
  await assertRejects(() => ended, P2pchatError, "it failed");
});
