import { assertEquals } from "@std/assert";
import { WaitingInput } from "../../../lib/cli/group/member_mode.ts";
import { VirtualClock } from "../../runtime/virtual_clock.ts";

/** Lines that wait, and how many were left each time when they were given up. */
function waiting(areAll: boolean) {
  const clock = new VirtualClock();
  const givenUp: number[] = [];
  const input = new WaitingInput(clock, ({ count }) => void givenUp.push(count()));
  const lines = { areAll, left: 5_000, count: () => lines.left };
  input.waits(lines);
  return { clock, givenUp, input, lines };
}

Deno.test("WaitingInput gives up what waits for a server that lets nobody in, read to its end or not", () => {
  for (const areAll of [true, false]) {
    const { clock, givenUp } = waiting(areAll);
    clock.advance(9_000);
    assertEquals(givenUp, []);
    clock.advance(2_000);
    assertEquals(givenUp, [5_000]);
    assertEquals(clock.isIdle, true);
  }
});

Deno.test("WaitingInput gives nothing up as long as lines are run", () => {
  const { clock, givenUp, lines } = waiting(true);
  for (let turn = 0; turn < 5; turn++) {
    clock.advance(8_000);
    lines.left -= 100;
  }
  assertEquals(givenUp, []);
  clock.advance(20_000);
  assertEquals(givenUp, [4_500]);
});

Deno.test("WaitingInput waits for a group it was in, unless the input has come to its end", () => {
  for (const areAll of [true, false]) {
    const { clock, givenUp, input } = waiting(areAll);
    input.letIn();
    clock.advance(60_000);
    assertEquals(givenUp, areAll ? [5_000] : []);
  }
});

Deno.test("WaitingInput gives nothing up when all was run, or the program has ended", () => {
  const run = waiting(true);
  run.lines.left = 0;
  run.clock.advance(60_000);
  const ended = waiting(true);
  ended.input.close();
  ended.clock.advance(60_000);
  assertEquals([run.givenUp, ended.givenUp], [[], []]);
});
