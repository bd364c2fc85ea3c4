/** Calls that our user has ended, until it is known what the other side was shown. */

import { assertEquals } from "@std/assert";
import type { LinkId } from "../../../../lib/base/ids.ts";
import { Receipts } from "../../../../lib/protocols/directory/client_calls/client_call.ts";
import { PartingCalls } from "../../../../lib/protocols/directory/client_calls/parting_calls.ts";
import {
  LEAVE_MS_MAX,
  PARTING_MAX,
} from "../../../../lib/protocols/directory/schema/client_limits.ts";
import { partOutput } from "../client_program.ts";

const LINK = 1 as LinkId;

function saidOf(lines: number): Receipts {
  const receipts = new Receipts();
  for (let n = 0; n < lines; n++) receipts.said();
  return receipts;
}

/** Our user has ended a call with Bob after so many lines. */
function parted(lines: number) {
  const output = partOutput();
  const calls = new PartingCalls(output.out);
  calls.add(LINK, { peer: "bob", receipts: saidOf(lines) });
  return { output, calls };
}

const warning = (what: string) => `notice text=bob may not have got your last ${what} warning=true`;

Deno.test("PartingCalls: where all was heard, the link is closed at once", () => {
  const { output } = parted(0);

  assertEquals(output.words(), ["close link 1"]);
});

Deno.test("PartingCalls: the link stays until the rest was heard, and what more comes isn't shown", () => {
  const { output, calls } = parted(3);
  assertEquals(output.words(), ["to link 1: hung-up"]);
  const hears = (message: Parameters<PartingCalls["message"]>[1]) => {
    assertEquals(calls.message(LINK, message), true);
    return output.words();
  };

  assertEquals(hears({ type: "line", text: "too late" }), []);
  assertEquals(hears({ type: "heard", lines: 2 }), []);
  assertEquals(hears({ type: "heard", lines: 4 }), [], "more than was said");
  assertEquals(hears({ type: "heard", lines: 3 }), ["close link 1"]);
  assertEquals([calls.linkDown(LINK), output.words()], [true, []]);
  assertEquals([calls.linkDown(LINK), calls.message(LINK, { type: "hung-up" })], [false, false]);
});

Deno.test("PartingCalls: who has hung up, too, reports no more: the link is closed, and our user warned", () => {
  const { output, calls } = parted(2);
  output.words();

  calls.message(LINK, { type: "hung-up" });
  assertEquals(output.words(), ["close link 1"]);
  calls.linkDown(LINK);
  assertEquals(output.words(), [warning("2 lines")]);
});

Deno.test("PartingCalls: what isn't heard of in time may be lost", () => {
  const { output, calls } = parted(1);
  output.words();

  assertEquals(calls.nextMs(), output.out.nowMs + LEAVE_MS_MAX);
  output.pass(LEAVE_MS_MAX - 1);
  calls.tick();
  assertEquals(output.words(), []);
  output.pass(1);
  calls.tick();
  assertEquals(output.words(), ["close link 1", warning("line")]);
  assertEquals([calls.size, calls.nextMs()], [0, null]);
});

Deno.test("PartingCalls: so many are waited for, each for itself, and the oldest is given up for one more", () => {
  const output = partOutput();
  const calls = new PartingCalls(output.out);
  for (let n = 1; n <= PARTING_MAX; n++) {
    calls.add(n as LinkId, { peer: "bob", receipts: saidOf(n) });
  }
  output.words();

  calls.add(99 as LinkId, { peer: "bob", receipts: saidOf(1) });
  assertEquals(output.words(), ["close link 1", warning("line"), "to link 99: hung-up"]);
  calls.giveUp();
  assertEquals(output.words().length, 2 * PARTING_MAX);
});
