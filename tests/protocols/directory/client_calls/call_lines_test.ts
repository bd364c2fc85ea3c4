/** Lines of a call: in order, once, and none lost without a word. */

import { assert, assertEquals } from "@std/assert";
import {
  CallLines,
  Receipts,
} from "../../../../lib/protocols/directory/client_calls/client_call.ts";
import {
  HEARD_LINES_MAX,
  LINES_BYTES_MAX,
  LINES_MAX,
} from "../../../../lib/protocols/directory/schema/limits.ts";
import type { CallOutcome } from "../../../../lib/protocols/directory/schema/messages.ts";
import { BOB, callId, ClientProgram } from "../client_program.ts";
import {
  asked,
  CALL,
  outcome,
  ringing,
  talking,
  withoutUsers,
  type Words,
} from "./calling_cases.ts";

Deno.test("lines: they wait for the answer, and go out in order once connected", () => {
  const program = ringing();
  program.types({ command: "say", text: "one" }, "1");
  program.types({ command: "say", text: "two" }, "2");
  program.meet();
  const { link } = program.linkUp();

  const words = program.hears(link, { type: "talk", call: CALL });

  assertEquals(words.slice(-4), [
    `to link ${link}: line text=one`,
    "message from=ann text=one self=true ref=1",
    `to link ${link}: line text=two`,
    "message from=ann text=two self=true ref=2",
  ]);
});

Deno.test("lines: after a refusal they are dropped, with one notice", () => {
  const program = ringing();
  program.types({ command: "say", text: "one" });
  program.types({ command: "say", text: "two" });

  assertEquals(outcome(program, "busy"), [
    "call call=#1 peer=bob state=busy ref=r",
    "notice text=2 lines weren't sent, as there is no call with bob",
  ]);
});

Deno.test("lines: one with a ref that is dropped is answered by an error with it", () => {
  const codeOf = (state: CallOutcome, reason = "") => {
    const program = ringing();
    program.types({ command: "say", text: "one" }, "1");
    program.types({ command: "say", text: "two" });
    program.types({ command: "say", text: "three" }, "3");
    const words = outcome(program, state, reason).slice(1);
    const code = words[0]!.split(" ")[1]!;
    const text = "text=Not sent: there is no call with bob";
    assertEquals(words, [
      `error ${code} ${text} ref=1`,
      `error ${code} ${text} ref=3`,
      "notice text=1 line wasn't sent, as there is no call with bob",
    ]);
    return code.slice("code=".length);
  };

  const states = ["declined", "busy", "offline", "timeout", "unreachable", "cancelled"] as const;
  assertEquals(states.map((state) => codeOf(state)), [
    "declined",
    "busy",
    "offline",
    "timeout",
    "unreachable",
    "unreachable",
  ]);

  const { program, link } = talking();
  program.feed({ type: "congested", link });
  program.types({ command: "say", text: "late" }, "l");
  const words = program.feed({ type: "link-down", link, closed: false, reason: "reset" });
  assertEquals(words.filter((word) => word.endsWith(" ref=l")), [
    "error code=unreachable text=Not sent: there is no call with bob ref=l",
  ]);
});

Deno.test("lines: piped, hanging up comes after them, and what is piped after that waits", () => {
  const program = ringing();
  program.types({ command: "say", text: "one" });

  assertEquals(program.types({ command: "hang-up" }), [
    "input waiting for the end of the call with bob",
  ]);
  program.meet();
  const { link } = program.linkUp();
  const words = program.hears(link, { type: "talk", call: CALL });

  assertEquals(withoutUsers(words).slice(-6), [
    `to link ${link}: line text=one`,
    "message from=ann text=one self=true",
    `to link ${link}: hung-up`,
    "to directory: hang-up reason= call=#1",
    "call call=#1 peer=bob state=ended durationMs=0",
    "input goes on",
  ]);
});

Deno.test("lines: piped, hanging up after them is answered by the end of the call, however it ends", () => {
  const isSaid = (program: ClientProgram) => {
    program.meet();
    return program.hears(program.linkUp().link, { type: "talk", call: CALL });
  };
  const isDeclined = (program: ClientProgram) =>
    program.says({ type: "outcome", call: CALL, state: "declined", reason: "" });
  for (
    const [ends, end] of [
      [isSaid, "call call=#1 peer=bob state=ended durationMs=0 ref=h"],
      [isDeclined, "notice text=The call with bob is over ref=h"],
    ] as const
  ) {
    const program = ringing();
    program.types({ command: "say", text: "one" });
    program.types({ command: "hang-up" }, "h");

    const words = ends(program);
    assertEquals(words.filter((word) => word.endsWith(" ref=h")), [end]);
    assertEquals(words.filter((word) => word.endsWith(" ref=r")).length, 1);
  }
});

Deno.test("lines: piped, hanging up after them waits as long as the other takes some, and 10 s longer", () => {
  const program = ringing();
  program.meet();
  const { link } = program.linkUp();
  program.hears(link, { type: "talk", call: CALL });
  const isSaid = (word: string) => word.startsWith(`to link ${link}: line`);
  const ends = (word: string) => word.startsWith("call") || word.startsWith("notice");
  program.feed({ type: "congested", link });
  for (let at = 0; at < 6; at++) program.types({ command: "say", text: `${at}`.repeat(60_000) });
  program.types({ command: "hang-up" }, "h");

  assertEquals(program.after(9_000).filter(ends), []);
  assertEquals(program.feed({ type: "drained", link }).filter(isSaid).length, 2);
  program.feed({ type: "congested", link });
  assertEquals(program.after(9_000).filter(ends), []);

  const words = program.after(1_000);
  assertEquals(words.includes(`to link ${link}: hung-up`), true);
  assertEquals(words.filter(ends), [
    "call call=#1 peer=bob state=ended durationMs=19000 ref=h",
    "notice text=4 lines weren't sent, as there is no call with bob",
  ]);
  assertEquals(words.at(-1), "input goes on");
});

Deno.test("lines: at a terminal, hanging up withdraws", () => {
  const program = ringing({ config: { isInteractive: true } });
  program.types({ command: "say", text: "one" });

  assert(program.types({ command: "hang-up" })[0]?.endsWith("hang-up reason=cancelled call=#1"));
});

/** Bob calls again. */
function callsAgain(program: ClientProgram): Words {
  return program.says({ type: "incoming", call: callId(2), from: "bob", guest: false, key: BOB });
}

Deno.test("whoever has hung up and calls again is asked for once we know that", () => {
  const { program, link } = talking();
  assertEquals(callsAgain(program), []);
  const words = program.feed({ type: "link-down", link, closed: true, reason: "hung up" });

  assertEquals(withoutUsers(words).slice(-2), [
    "call call=#1 peer=bob state=ended reason=hung-up durationMs=0",
    "incoming call=#2 from=bob key=bob guest=false",
  ]);
  program.types({ command: "accept" });
  assertEquals(program.machine.calling.call?.phase, "accepted");
});

Deno.test("whoever calls again before the first call is answered is told that we are busy", () => {
  const [answer] = callsAgain(asked());

  assert(answer?.includes("reason=busy"), answer);
});

Deno.test("lines: what a link doesn't take waits, and the input pauses before too much does", () => {
  const { program, link } = talking();
  program.feed({ type: "congested", link });
  const say = () => program.types({ command: "say", text: "x" });

  for (let n = 0; n < 500; n++) assertEquals(say(), []);
  assertEquals(say(), ["input waiting for bob"]);
  for (let n = 501; n < 1_000; n++) assertEquals(say(), []);
  assertEquals(say()[0]?.split(" ")[1], "code=full");

  const words = program.feed({ type: "drained", link });
  assertEquals(words.filter((word) => word.startsWith("to link")).length, 1_000);
  assertEquals(words.at(-1), "input goes on");
});

Deno.test("lines: none is empty, none too long, and none holds what UTF-8 can't", () => {
  const { program, link } = talking();

  assertEquals(program.types({ command: "say", text: "" }), []);
  assertEquals(
    program.types({ command: "say", text: "x".repeat(65_537) })[0]?.split(" ")[1],
    "code=too-long",
  );
  assertEquals(
    program.types({ command: "say", text: "\ud800" })[0],
    `to link ${link}: line text=\ufffd`,
  );
});

Deno.test("lines: those of the other are shown under its name", () => {
  const { program, link } = talking();

  assertEquals(program.hears(link, { type: "line", text: "q" }), [
    "message from=bob text=q self=false",
  ]);
});

// The queue, and the count, alone.

Deno.test("CallLines: so many lines, or so many bytes, fill it, whichever come first", () => {
  const lines = new CallLines();
  const add = (text: string, times: number) => {
    for (let n = 0; n < times; n++) lines.add({ text, ref: undefined });
  };

  add("x", LINES_MAX / 2);
  assertEquals([lines.size, lines.fill], [LINES_MAX / 2, 0.5]);
  while (lines.shift() !== undefined);
  add("é".repeat(LINES_BYTES_MAX / 8), 4);
  assertEquals([lines.size, lines.fill], [4, 1], "in UTF-8");
  lines.shift();
  assertEquals(lines.fill, 0.75);
});

Deno.test("Receipts: what was said and not reported may be lost; no report is of more, nor of less than before", () => {
  const receipts = new Receipts();
  for (let n = 0; n < 3; n++) receipts.said();

  assertEquals([receipts.heard(0), receipts.heard(4), receipts.unheard], [false, false, 3]);
  assertEquals([receipts.heard(2), receipts.unheard], [true, 1]);
  assertEquals([receipts.heard(2), receipts.heard(1), receipts.unheard], [false, false, 1]);
  assertEquals([receipts.heard(3), receipts.unheard], [true, 0]);
});

Deno.test("Receipts: what was shown is reported soon, 32 lines at once, and each line in one report", () => {
  const receipts = new Receipts();
  const shows = (lines: number) => {
    for (let n = 0; n < lines; n++) receipts.shown();
    return receipts.owed;
  };

  assertEquals([shows(0), shows(1), shows(HEARD_LINES_MAX - 2)], ["nothing", "soon", "soon"]);
  assertEquals([shows(1), receipts.tell(), receipts.owed], ["now", HEARD_LINES_MAX, "nothing"]);
  assertEquals([shows(1), receipts.tell()], ["soon", HEARD_LINES_MAX + 1]);
});
