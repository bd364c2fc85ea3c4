import { assert, assertEquals } from "@std/assert";
import { BOB, callId, ClientProgram, FIRST_OWN } from "./client_program.ts";

const CALL = callId(1);

function quit(program: ClientProgram): readonly string[] {
  return program.types({ command: "quit" });
}

Deno.test("leaving: the link is closed properly", () => {
  assertEquals(quit(ClientProgram.in()), ["close directory", "bye quit"]);
});

Deno.test("leaving: before anything was reached", () => {
  const program = new ClientProgram();
  program.feed({ type: "start" });

  assertEquals(quit(program), ["bye quit"]);
});

Deno.test("leaving: a ringing call is waited for; what waits for it goes out, then it is hung up", () => {
  const program = ClientProgram.in();
  program.types({ command: "call", name: "bob" });
  program.types({ command: "say", text: "hello" });

  quit(program);
  assertEquals(program.after(29_000), []);
  program.meet();
  const { link } = program.linkUp();
  const words = program.hears(link, { type: "talk", call: CALL });

  assertEquals(words.filter((word) => !/^(users|input)/.test(word)).slice(-4), [
    "message from=ann text=hello self=true",
    `to link ${link}: hung-up`,
    "to directory: hang-up reason= call=#1",
    "call call=#1 peer=bob state=ended durationMs=0",
  ]);
  assertEquals(program.after(1_000).includes("bye quit"), false, "it is on its way");
  assertEquals(program.hears(link, { type: "heard", lines: 1 }), [`close link ${link}`]);
  const down = { type: "link-down", link, closed: true, reason: "hung up" } as const;
  assertEquals(program.feed(down), ["close directory", "bye quit"]);
});

Deno.test("leaving: what was said in a call that is over is waited for 10 s at most", () => {
  const program = ClientProgram.in();
  program.types({ command: "call", name: "bob" });
  program.meet();
  const { link } = program.linkUp();
  program.hears(link, { type: "talk", call: CALL });
  program.types({ command: "hang-up" });

  quit(program);
  assertEquals(program.after(9_999).includes("bye quit"), false);
  assertEquals(program.after(1).at(-1), "bye quit");
});

/** Ann has told all twice, and leaves before the directory has taken either. */
function tellsAndQuits(): ClientProgram {
  const program = ClientProgram.in();
  program.types({ command: "broadcast", text: "one" }, "a");
  program.types({ command: "broadcast", text: "two" }, "b");
  quit(program);
  program.says({ type: "broadcast-taken", own: FIRST_OWN, number: 7 });
  return program;
}

Deno.test("leaving: whom one's broadcasts have reached is waited for", () => {
  const program = tellsAndQuits();

  assertEquals(program.says({ type: "broadcast-taken", own: FIRST_OWN + 1, number: 8 }), []);
  assertEquals(program.says({ type: "broadcast-sent", number: 8, reached: 1 }), [
    'broadcast-sent id=8 reached=1 text=two start="two" ref=b',
  ]);
  assertEquals(program.says({ type: "broadcast-sent", number: 7, reached: 2 }), [
    'broadcast-sent id=7 reached=2 text=one start="one" ref=a',
    "close directory",
    "bye quit",
  ]);
});

Deno.test("leaving: whom one's broadcasts have reached is waited for 10 s at most, which is told", () => {
  const program = tellsAndQuits();
  program.says({ type: "broadcast-taken", own: FIRST_OWN + 1, number: 8 });

  const told = "notice text=Leaving when it is known whom your broadcasts have reached, or in 9 s";
  assertEquals(program.after(999), []);
  assertEquals(program.after(1), [told]);
  assertEquals(program.after(8_999), []);
  assertEquals(program.after(1), ["close directory", "bye quit"]);

  const down = tellsAndQuits();
  down.says({ type: "broadcast-taken", own: FIRST_OWN + 1, number: 8 });
  assertEquals(down.directoryDown().at(-1), "bye quit");
});

Deno.test("leaving: a report that was lost with a link isn't waited for any more", () => {
  const program = ClientProgram.in();
  program.types({ command: "broadcast", text: "one" }, "a");
  program.says({ type: "broadcast-taken", own: FIRST_OWN, number: 7 });
  program.directoryDown();
  program.after(2_000);
  program.directoryUp();
  program.entered();
  program.after(8_000);

  assertEquals(quit(program), ["close directory", "bye quit"]);
});

Deno.test("leaving: a refusal ends the waiting", () => {
  const program = ClientProgram.in();
  program.types({ command: "call", name: "bob" });
  program.types({ command: "say", text: "hello" });
  quit(program);

  assertEquals(program.says({ type: "outcome", call: CALL, state: "busy", reason: "" }), [
    "call call=#1 peer=bob state=busy",
    "notice text=1 line wasn't sent, as there is no call with bob",
    "close directory",
    "bye quit",
  ]);
});

Deno.test("leaving: lines that the link doesn't take are waited for, 10 s at most", () => {
  const program = ClientProgram.in();
  program.types({ command: "call", name: "bob" });
  program.meet();
  const { link } = program.linkUp();
  program.hears(link, { type: "talk", call: CALL });
  program.feed({ type: "congested", link });
  program.types({ command: "say", text: "hello" });

  assertEquals(quit(program), ["input waiting for the end of the call with bob"]);

  assertEquals(program.after(9_999), []);
  const words = program.after(1);
  assert(words.includes(`close link ${link}`), words.join("\n"));
  assertEquals(words.at(-1), "bye quit");
});

Deno.test("leaving: whoever calls isn't declined, but told by the directory that nobody is here", () => {
  const program = ClientProgram.in();
  program.says({ type: "incoming", call: CALL, from: "bob", guest: false, key: BOB });

  assertEquals(quit(program), [
    "call call=#1 peer=bob state=ended reason=quit",
    "close directory",
    "bye quit",
  ]);
});

Deno.test("leaving: what is told to all goes out first, 10 s at most", () => {
  const program = ClientProgram.in();
  program.types({ command: "broadcast", text: "one" });
  assertEquals(quit(program), []);
  program.says({ type: "broadcast-taken", own: FIRST_OWN, number: 1 });
  assertEquals(program.says({ type: "broadcast-sent", number: 1, reached: 1 }).slice(1), [
    "close directory",
    "bye quit",
  ]);

  const late = ClientProgram.in();
  late.types({ command: "broadcast", text: "one" }, "a");
  late.types({ command: "broadcast", text: "two" }, "b");
  quit(late);
  assertEquals(late.after(9_999), [
    "notice text=Leaving when the directory has what waits for it, or in 9 s",
  ]);
  assertEquals(late.after(1), [
    `error code=in-doubt text=It isn't known whether "one" was sent: you left before ref=a`,
    `error code=not-logged-in text="two" wasn't sent: you left before ref=b`,
    "close directory",
    "bye quit",
  ]);
});

Deno.test("leaving: nothing comes after the end", () => {
  const program = ClientProgram.in();
  quit(program);

  assertEquals(program.directoryDown(), []);
  assertEquals(program.machine.nextDeadlineMs(), null);
});
