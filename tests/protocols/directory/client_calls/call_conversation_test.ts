/** What the other side was shown of what was said, and who is told of the rest. */

import { assert, assertEquals } from "@std/assert";
import type { LinkId } from "../../../../lib/base/ids.ts";
import {
  CallConversation,
  PartingCalls,
} from "../../../../lib/protocols/directory/client_calls/call_conversation.ts";
import {
  LEAVE_MS_MAX,
  PARTING_MAX,
  UNKNOWN_MESSAGES_MAX,
} from "../../../../lib/protocols/directory/schema/limits.ts";
import { callId, ClientProgram, partOutput } from "../client_program.ts";
import { callWith, talkingCall } from "./call_parts.ts";
import {
  outcome,
  relayedTalking,
  type Talking,
  talking,
  withoutUsers,
  type Words,
} from "./calling_cases.ts";
import { Receipts } from "../../../../lib/protocols/directory/client_calls/client_call.ts";

function saysLines(program: ClientProgram, count: number): void {
  for (let n = 0; n < count; n++) program.types({ command: "say", text: "x" });
}

function hearsLines({ program, link }: Talking, count: number): Words {
  return Array.from({ length: count }, () => program.hears(link, { type: "line", text: "x" }))
    .flat().filter((word) => word.startsWith("to link"));
}

function notices(words: Words): Words {
  return words.filter((word) => word.startsWith("notice"));
}

Deno.test("heard: whoever ends a call says first what was shown", () => {
  const ends: Readonly<Record<string, (program: ClientProgram, link: LinkId) => Words>> = {
    "hang-up": (program) => program.types({ command: "hang-up" }),
    quit: (program) => program.types({ command: "quit" }),
    protocol: (program, link) => program.hears(link, { type: "done" }),
    "the account is gone": (program) =>
      program.says({ type: "dismissed", because: "forgotten", text: "", retryMs: 0 }),
  };
  for (const [how, end] of Object.entries(ends)) {
    const talk = talking();
    const { program, link } = talk;
    hearsLines(talk, 2);
    const words = end(program, link);
    assertEquals(
      words.filter((word) => word.includes(`link ${link}`)),
      [`to link ${link}: heard lines=2`, `close link ${link}`],
      how,
    );
    const none = talking();
    assert(!end(none.program, none.link).some((word) => word.includes("heard")), how);
  }
});

Deno.test("heard: what is said and may be lost with the call is told, after it", () => {
  const ends: Readonly<Record<string, (program: ClientProgram, link: LinkId) => Words>> = {
    lost: (program, link) => program.linkDown(link, false),
    "hung-up": (program, link) => program.linkDown(link, true),
    protocol: (program, link) => program.hears(link, { type: "done" }),
    "directory-down": (program) => program.directoryDown(),
  };
  for (const [reason, end] of Object.entries(ends)) {
    for (const [said, heard, may] of [[0, 0, ""], [1, 0, "line"], [4, 1, "3 lines"], [4, 4, ""]]) {
      const { program, link } = reason === "directory-down" ? relayedTalking() : talking();
      saysLines(program, said as number);
      if (heard !== 0) program.hears(link, { type: "heard", lines: heard as number });
      const words = end(program, link);
      assertEquals(
        notices(words),
        may === "" ? [] : [`notice text=bob may not have got your last ${may} warning=true`],
        reason,
      );
      const at = words.findIndex((word) => word.includes(`state=ended reason=${reason}`));
      assert(at >= 0 && (may === "" || words[at + 1]?.startsWith("notice")), words.join("\n"));
    }
  }
});

Deno.test("heard: what the directory relays no more, and nobody says goodbye to, may be lost", () => {
  const { program } = relayedTalking();
  saysLines(program, 2);
  outcome(program, "ended");

  assertEquals(notices(program.after(1_000)), [
    "notice text=bob may not have got your last 2 lines warning=true",
  ]);
});

Deno.test("heard: lines that weren't said are told apart", () => {
  const { program, link } = talking();
  saysLines(program, 1);
  program.feed({ type: "congested", link });
  saysLines(program, 2);

  assertEquals(notices(program.linkDown(link, false)), [
    "notice text=bob may not have got your last line warning=true",
    "notice text=2 lines weren't sent, as there is no call with bob",
  ]);
});

/** Ann has said three lines, of which one was heard, and hung up. */
function hungUp(talk = talking()): Talking {
  const { program, link } = talk;
  saysLines(program, 3);
  program.hears(link, { type: "heard", lines: 1 });
  const words = program.types({ command: "hang-up" });
  assertEquals(
    words.filter((word) => word.includes(`link ${link}`)),
    [`to link ${link}: hung-up`],
  );
  assert(words.some((word) => word.includes("state=ended durationMs=")), words.join("\n"));
  assertEquals(notices(words), []);
  return talk;
}

const TWO_LINES = "notice text=bob may not have got your last 2 lines warning=true";

Deno.test("heard: whoever hangs up is told what wasn't heard as soon as that is known, after 10 s at most", () => {
  const ends: Readonly<Record<string, (talk: Talking) => Words>> = {
    "nobody answers": ({ program }) => {
      assertEquals(notices(program.after(9_999)), []);
      return program.after(1);
    },
    "the link is lost": ({ program, link }) => program.linkDown(link, false),
    "the other closes it": ({ program, link }) => program.linkDown(link, true),
    "nothing more is heard of in time": ({ program, link }) => {
      program.hears(link, { type: "line", text: "too late" });
      return program.after(10_000);
    },
    "the other has hung up, too": ({ program, link }) => {
      assertEquals(program.hears(link, { type: "hung-up" }), [`close link ${link}`]);
      return program.linkDown(link, true);
    },
    "the program leaves": ({ program }) => {
      assertEquals(program.types({ command: "quit" }), []);
      return program.after(10_000);
    },
    "the program is put out": ({ program }) =>
      program.says({ type: "dismissed", because: "kicked", text: "", retryMs: 0 }),
  };
  for (const [how, end] of Object.entries(ends)) {
    for (const talk of [talking(), relayedTalking()]) {
      assertEquals(notices(end(hungUp(talk))), [TWO_LINES], how);
      assertEquals(notices(talk.program.linkDown(talk.link, false)), [], how);
      assertEquals(talk.program.machine.calling.isParting, false, how);
    }
  }
});

Deno.test("heard: whoever is hung up on says first what was shown, and closes the link", () => {
  for (const talk of [talking(), relayedTalking()]) {
    const { program, link } = talk;
    hearsLines(talk, 2);
    const words = withoutUsers(program.hears(link, { type: "hung-up" }));
    const end = "call call=#1 peer=bob state=ended reason=hung-up";
    assertEquals(words.slice(0, 2), [`to link ${link}: heard lines=2`, `close link ${link}`]);
    assert(words.at(-1)?.startsWith(end), words.join("\n"));
    // What the directory relays goes on until the link is down.
    const told = talk.program.linkDown(link, true);
    assert([...words, ...told].some((word) => word.startsWith("to directory: hang-up")));
    assertEquals(words.includes("relay-close call=#1"), false);
  }
});

Deno.test("heard: who talks to oneself loses nothing", () => {
  const self = ClientProgram.in();
  self.types({ command: "call", name: "ann" });
  saysLines(self, 3);
  assertEquals(notices(self.types({ command: "quit" })), []);
});

Deno.test("heard: a program that ends although not everything has gone out says so", () => {
  const { program, link } = talking();
  saysLines(program, 1);
  program.feed({ type: "congested", link });
  saysLines(program, 1);
  program.types({ command: "quit" });

  assertEquals(notices(program.after(10_000)), [
    "notice text=bob may not have got your last line warning=true",
    "notice text=1 line wasn't sent, as there is no call with bob",
  ]);
});

Deno.test("heard: each call counts its own lines", () => {
  const { program, link } = talking();
  saysLines(program, 2);
  program.linkDown(link, false);
  program.types({ command: "call", name: "bob" });
  program.meet({ call: callId(2) });
  const { link: other } = program.linkUp();
  program.hears(other, { type: "talk", call: callId(2) });
  saysLines(program, 1);

  assertEquals(program.hears(link, { type: "heard", lines: 2 }), []);
  assertEquals(program.hears(other, { type: "heard", lines: 1 }), []);
  assertEquals(notices(program.linkDown(other, false)), []);
});

Deno.test("calling: so much that isn't understood ends that call alone, and counts against nobody else", () => {
  const { program, link } = talking();
  const unknown = (link: LinkId) => program.feed({ type: "unknown-message", link, code: 99 });
  for (let n = 0; n < UNKNOWN_MESSAGES_MAX; n++) {
    assertEquals(unknown(link), [`to link ${link}: unknown code=99`]);
  }
  assertEquals(unknown(link).slice(0, 3), [
    `close link ${link}`,
    "to directory: hang-up reason=protocol call=#1",
    "call call=#1 peer=bob state=ended reason=protocol durationMs=0",
  ]);
  assertEquals(unknown(link), []);
  assertEquals(unknown(program.link), ["to directory: unknown code=99"]);
});

Deno.test("calling: so many answers that something isn't understood end the call, too", () => {
  const { program, link } = talking();
  const answer = () => program.hears(link, { type: "unknown", code: 99 });
  for (let n = 0; n < UNKNOWN_MESSAGES_MAX; n++) assertEquals(answer(), []);
  assertEquals(answer()[0], `close link ${link}`);
});

Deno.test("heard: a program that doesn't know it is talked to all the same", () => {
  const { program, link } = talking();
  saysLines(program, 1);

  assertEquals(program.hears(link, { type: "unknown", code: 51 }), []);
  assertEquals(program.machine.calling.call?.phase, "talking");
});

// The conversation alone.

function conversing(call = talkingCall()) {
  const output = partOutput();
  const part = new CallConversation({
    out: output.out,
    session: { name: "ann" },
    call: () => call,
    past: { keep: () => "" },
  });
  const told = () => output.words().filter((word) => word.startsWith("to link"));
  const hears = (lines: number) => {
    for (let n = 0; n < lines; n++) {
      assertEquals(part.hears(call, { type: "line", text: "x" }), null);
    }
    return told();
  };
  const after = (ms: number) => {
    output.pass(ms);
    part.deadlines.tick(output.out.nowMs);
    return told();
  };
  return { output, call, part, told, hears, after };
}

Deno.test("CallConversation: the other is told of what was shown after 200 ms, or 32 lines", () => {
  const { hears, after } = conversing();
  const report = (lines: number) => [`to link 1: heard lines=${lines}`];

  assertEquals([hears(1), after(150), hears(2), after(49)], [[], [], [], []]);
  assertEquals([after(1), after(60_000)], [report(3), []]);
  assertEquals([hears(31), hears(1)], [[], report(35)]);
  assertEquals([after(150), hears(1), after(199)], [[], [], []]);
  assertEquals(after(1), report(36));
  assertEquals(hears(100), [68, 100, 132].flatMap(report));
});

Deno.test("CallConversation: no more is said at once than a link can say that it doesn't take", () => {
  const { call, part, told, after } = conversing();
  call.isCongested = true;
  for (let n = 0; n < 5; n++) part.say(call, "x".repeat(40_000), undefined);
  assertEquals(told(), []);

  call.isCongested = false;
  part.flush(call);
  assertEquals(told().length, 2);
  call.isCongested = true;
  assertEquals(after(1_000), []);
  call.isCongested = false;
  part.flush(call);
  assertEquals([told().length, after(0).length], [2, 1]);
});

Deno.test("CallConversation: what nobody can say in a call is refused, and breaks its rules", () => {
  const { output, call, part } = conversing();

  assertEquals(part.hears(call, { type: "heard", lines: 1 }), "heard of what wasn't said");
  assertEquals(part.hears(call, { type: "done" }), "done in a call");
  part.say(callWith({ phase: "asked" }), "hello", "s");
  assertEquals(output.words()[0]?.split(" ")[1], "code=not-allowed");
});

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
  calls.tick(output.out.nowMs);
  assertEquals(output.words(), []);
  output.pass(1);
  calls.tick(output.out.nowMs);
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
