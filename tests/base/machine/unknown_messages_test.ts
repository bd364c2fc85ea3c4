import { assertEquals } from "@std/assert";
import { UNKNOWN_MESSAGES_MAX } from "../../../lib/base/machine/mode_limits.ts";
import { UnknownMessages } from "../../../lib/base/machine/unknown_messages.ts";

const FAULT = "too many messages of unknown types";

function faults(unknown: UnknownMessages, count: number, nowMs: number): number {
  return Array.from({ length: count }, () => unknown.fault(nowMs))
    .filter((fault) => fault === FAULT).length;
}

Deno.test("a flood of messages of unknown types is a fault", () => {
  assertEquals(faults(new UnknownMessages(), UNKNOWN_MESSAGES_MAX, 0), 0);
  assertEquals(faults(new UnknownMessages(), UNKNOWN_MESSAGES_MAX + 1, 0), 1);
});

Deno.test("a newer program that sends a few a minute may go on for days", () => {
  const unknown = new UnknownMessages();
  for (let minute = 0; minute < 5_000; minute++) {
    assertEquals(faults(unknown, UNKNOWN_MESSAGES_MAX, minute * 60_000), 0);
  }
  assertEquals(unknown.fault(4_999 * 60_000), FAULT);
});
