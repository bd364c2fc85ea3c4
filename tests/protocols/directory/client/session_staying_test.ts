/** A client comes back by itself, or ends, and says why. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { LinkId } from "../../../../lib/base/ids.ts";
import type { DirectoryMessageOf } from "../../../../lib/protocols/directory/schema/messages.ts";
import { refusedText } from "../../../../lib/protocols/directory/schema/refusal_text.ts";
import { callId, ClientProgram, LOG_IN } from "../client_program.ts";
import { GUEST, SIGN_UP, tried } from "./session_cases.ts";

/** Ann, who talks with bob directly, comes back to the directory, and isn't let in. */
function refusedInCall(
  code: DirectoryMessageOf<"refused">["code"],
  isInteractive = false,
  told: string | null = null,
): { readonly program: ClientProgram; readonly link: LinkId; readonly words: readonly string[] } {
  const program = ClientProgram.in({ config: { isInteractive } });
  program.types({ command: "call", name: "bob" });
  program.meet();
  const { link } = program.linkUp();
  program.hears(link, { type: "talk", call: callId(1) });
  program.directoryDown();
  if (told !== null) program.types({ command: "broadcast", text: told });
  program.after(1_000);
  program.directoryUp();
  return { program, link, words: program.refuses(code) };
}

Deno.test("staying: who was logged in comes in again by its key, a guest under its name, nothing typed", () => {
  for (
    const [entry, guest, again] of [[LOG_IN, false, "resume ann"], [
      GUEST,
      true,
      "guest ann",
    ]] as const
  ) {
    const program = ClientProgram.linked();
    program.feed({ type: "enter", entry });
    program.entered({ guest });

    assertEquals(program.directoryDown("nothing was heard")[0]?.slice(0, 18), "session state=down");
    assertEquals(program.after(1_000), ["dial directory chat.example:4400 directory"]);
    program.directoryUp();

    assertEquals(tried(program).at(-1), again);
    const ranks = program.sent.map(({ message }) => message.type === "enter" ? message.rank : null);
    assertEquals([ranks[0], ranks.at(-1)], [0, 1_000]);
    assertEquals(
      program.entered({ guest })[0],
      `session state=up name=ann guest=${guest} key=directory`,
    );
  }
});

Deno.test("staying: a directory whose clock was set back takes nobody's rank", () => {
  const program = ClientProgram.in();
  for (const rank of [1_000, 400, 1_000]) {
    program.directoryDown();
    program.after(5_000);
    program.directoryUp();
    program.entered({ rank });
  }
  const ranks = program.sent.map(({ message }) => message.type === "enter" ? message.rank : null);
  assertEquals(ranks.filter((rank) => rank !== null), [0, 1_000, 1_000, 1_000]);
});

Deno.test("staying: 45 s after the directory's return one is in again, however long it was away", () => {
  for (const random of [0, 0.999]) {
    const program = ClientProgram.in({ random });
    program.directoryDown();
    let dialledMs = program.nowMs;
    let longestMs = 0;
    for (let n = 0; n < 60; n++) {
      const untilMs = program.machine.nextDeadlineMs()!;
      program.after(untilMs - program.nowMs);
      longestMs = Math.max(longestMs, program.nowMs - dialledMs);
      dialledMs = program.nowMs;
      const down = program.dialFails().filter((word) => word.startsWith("session"));
      assertEquals(down, [], "it is told once");
    }
    // A dial itself takes 10 s at most.
    assert(longestMs <= 30_000, `${longestMs} ms between two dials`);
    assert(longestMs >= 15_000, `${longestMs} ms between two dials is too often`);
  }
});

Deno.test("staying: a directory that isn't there is dialled again, and said to be down", () => {
  const program = new ClientProgram();
  program.feed({ type: "start" });

  assertEquals(program.dialFails(), [
    "session state=down name= guest=false reason=nobody listens",
  ]);
  assertEquals(program.after(500), ["dial directory chat.example:4400 directory"]);
});

Deno.test("staying: without waiting, a directory that isn't there ends the program", () => {
  const program = new ClientProgram({ config: { wait: false } });
  program.feed({ type: "start" });

  assertEquals(program.dialFails(), ["fatal unreachable"]);
  assertStringIncludes(
    program.fatal,
    "nobody listens; check the address and that it runs, or leave",
  );
});

Deno.test("staying: it is no use to wait where another command of p2pchat runs", () => {
  const program = new ClientProgram({ config: { wait: false } });
  program.feed({ type: "start" });

  program.dialFails(undefined, "wrong-mode");

  assertMatch(program.fatal, /nobody listens; check the address$/);
});

Deno.test("staying: an account whose device isn't known any more is asked for the password, a script ends", () => {
  const script = ClientProgram.in();
  const user = ClientProgram.in({ config: { isInteractive: true } });
  for (const program of [script, user]) {
    program.directoryDown();
    program.after(1_000);
    program.directoryUp();
  }

  assertEquals(script.refuses("bad-credentials").at(-1), "fatal bad-credentials");
  assertEquals(user.refuses("bad-credentials").at(-1), "ask-to-enter");
});

Deno.test("staying: a sign-up that was done, and whose answer was lost, isn't refused by its own account", () => {
  const program = ClientProgram.linked();
  program.feed({ type: "enter", entry: SIGN_UP });
  program.directoryDown();
  program.after(1_000);
  program.directoryUp();
  program.refuses("bad-credentials");

  assertEquals(tried(program), ["sign-up ann longenough", "resume ann", "sign-up ann longenough"]);
});

Deno.test("staying: a log-in that has changed the password, and whose answer was lost, takes the new one", () => {
  const program = ClientProgram.linked();
  program.feed({ type: "enter", entry: { ...LOG_IN, newPassword: "longer than before" } });
  program.directoryDown();
  program.after(1_000);
  program.directoryUp();
  program.refuses("bad-credentials");

  assertEquals(tried(program).at(-1), "log-in ann longer than before");
  assertEquals(program.refuses("bad-credentials").at(-1), "fatal bad-credentials");
});

Deno.test("staying: a log-in that was to change the password, which the directory's engine may have done, takes the new one", () => {
  const program = ClientProgram.linked();
  program.feed({ type: "enter", entry: { ...LOG_IN, newPassword: "longer than before" } });
  program.refuses("engine", 1_000);
  program.after(1_000);
  program.directoryUp();
  program.refuses("bad-credentials");

  assertEquals(tried(program).at(-1), "log-in ann longer than before");
});

Deno.test("coming in: who changes the password with the log-in is told, once, however long it took", () => {
  const entry = { ...LOG_IN, newPassword: "longer than before" };
  const told = ["session state=up name=ann guest=false key=directory", "password-changed"];
  const program = ClientProgram.linked();
  program.feed({ type: "enter", entry });
  assertEquals(program.entered().slice(0, 2), told);
  program.directoryDown();
  program.after(1_000);
  program.directoryUp();
  assert(!program.entered().includes("password-changed"));

  const unsure = ClientProgram.linked();
  unsure.feed({ type: "enter", entry });
  unsure.directoryDown();
  unsure.after(1_000);
  unsure.directoryUp();
  unsure.refuses("bad-credentials");
  assertEquals(unsure.entered().slice(0, 2), told);
});

Deno.test("staying: a full directory is tried visibly, at least every minute, for 10 min", () => {
  const program = ClientProgram.linked();
  program.feed({ type: "enter", entry: LOG_IN });
  const startMs = program.nowMs;
  let words: readonly string[] = program.refuses("full", 90_000);
  let tries = 0;
  while (words.at(-1) !== "fatal full") {
    assert(words.some((word) => /^error .*The directory is full; trying again in /.test(word)));
    const before = program.nowMs;
    program.after(program.machine.nextDeadlineMs()! - program.nowMs);
    assert(program.nowMs - before <= 60_000);
    program.directoryUp();
    words = program.refuses("full", 90_000);
    assert(++tries < 20);
  }
  assert(program.nowMs - startMs >= 600_000 && program.nowMs - startMs <= 665_000);
});

Deno.test("staying: where its engine doesn't answer, a directory is tried again, which is told once, until it is full or gone", () => {
  const program = ClientProgram.linked();
  program.feed({ type: "enter", entry: LOG_IN });
  assertEquals(program.refuses("engine", 1_000), [
    "close directory",
    "session state=down name=ann guest=false reason=its engine doesn't answer isCutOff=true",
    "error code=disk text=The directory's engine doesn't answer; trying again until it does",
  ]);
  for (let n = 0; n < 10; n++) {
    program.after(1_000);
    program.directoryUp();
    assertEquals(program.refuses("engine", 1_000), ["close directory"]);
  }
  program.after(1_000);
  program.directoryUp();
  assert(program.refuses("full", 1_000).some((word) => word.includes("The directory is full")));
  program.after(1_000);
  program.directoryUp();
  assert(program.refuses("engine", 1_000).some((word) => word.startsWith("error code=disk")));
  program.after(1_000);
  program.directoryUp();
  assert(program.entered().some((word) => word.startsWith("session state=up")));
});

Deno.test("staying: a directory that has too many passwords to check isn't called full", () => {
  const program = ClientProgram.linked();
  program.feed({ type: "enter", entry: LOG_IN });
  const busy = () => program.refuses("checking", 90_000);
  let words: readonly string[] = busy();
  const text = "The directory is checking too many passwords at the moment; trying again in ";
  assert(words.some((word) => word.startsWith("error") && word.includes(text)), words.join("\n"));
  assert(words.every((word) => !/is full|directory says/.test(word)), words.join("\n"));
  while (words.at(-1) !== "fatal full") {
    program.after(program.machine.nextDeadlineMs()! - program.nowMs);
    program.directoryUp();
    words = busy();
  }
  const account = refusedText("checking", "", "account", 5_000);
  assertEquals(
    account,
    "The directory is checking too many passwords at the moment; try again in 5 s",
  );
});

Deno.test("staying: while it can't be reached, or oneself stands still, a directory isn't taken for full", () => {
  const program = ClientProgram.linked();
  program.feed({ type: "enter", entry: LOG_IN });
  program.refuses("full", 15_000);
  program.nowMs += 3_600_000;
  program.feed({ type: "tick" });
  program.directoryUp();
  assert(program.refuses("full", 15_000).every((word) => !word.startsWith("fatal")));
  for (let passedMs = 0; passedMs < 600_000; passedMs += 20_000) {
    program.after(20_000);
    program.dialFails();
  }
  program.after(30_000);
  program.directoryUp();
  assert(program.refuses("full", 15_000).every((word) => !word.startsWith("fatal")));
});

Deno.test("staying: that a full directory isn't there any more is told", () => {
  const program = ClientProgram.linked();
  program.feed({ type: "enter", entry: LOG_IN });
  program.refuses("full", 15_000);
  program.after(15_000);

  assertEquals(program.dialFails(), [
    "session state=down name=ann guest=false reason=nobody listens",
  ]);
  program.after(1_000);
  assertEquals(program.dialFails(), []);
});

Deno.test("staying: the directory's answer is awaited for a minute", () => {
  const program = ClientProgram.linked();
  program.feed({ type: "enter", entry: LOG_IN });

  assertEquals(program.after(59_999), []);
  assertEquals(program.after(1).slice(0, 1), ["close directory"]);
});

Deno.test("staying: a directory that never answers is given up after 10 min by who was never in alone", () => {
  const never = ClientProgram.linked();
  never.feed({ type: "enter", entry: LOG_IN });
  const once = ClientProgram.in();
  once.directoryDown();
  for (const program of [never, once]) {
    let fatal: string | undefined;
    let passedMs = 0;
    for (; passedMs < 900_000 && fatal === undefined; passedMs += 100) {
      const words = program.after(100);
      fatal = words.find((word) => word.startsWith("fatal"));
      if (words.some((word) => word.startsWith("dial"))) program.directoryUp();
    }
    assertEquals(fatal, program === never ? "fatal timeout" : undefined);
    assert(passedMs > 600_000);
  }
});

Deno.test("staying: a directory that ends each link instead of an answer is given up after 10 min, too", () => {
  const program = ClientProgram.linked();
  program.feed({ type: "enter", entry: LOG_IN });
  program.directoryDown();
  let fatal: string | undefined;
  let passedMs = 0;
  for (; passedMs < 900_000 && fatal === undefined; passedMs += 100) {
    if (!program.after(100).some((word) => word.startsWith("dial"))) continue;
    program.directoryUp();
    fatal = program.directoryDown().find((word) => word.startsWith("fatal"));
  }
  assertEquals(fatal, "fatal timeout");
  assert(passedMs > 600_000);
});

Deno.test("staying: who leaves during a call isn't asked any more how to come in", () => {
  const { program, link } = refusedInCall("name-taken", true);
  program.types({ command: "quit" });
  assertEquals(program.linkDown(link, true), ["close directory", "bye quit"]);
});

Deno.test("staying: one's account coming in from somewhere else ends the program, for good", () => {
  const program = ClientProgram.in();

  const words = program.says({ type: "dismissed", because: "replaced", text: "", retryMs: 0 });

  assertEquals(words, [
    "close directory",
    "session state=replaced name=ann guest=false",
    "fatal replaced",
  ]);
  assertEquals(program.after(600_000), []);
});

Deno.test("staying: whoever comes back and hears that another came in meanwhile ends, for good", () => {
  const program = ClientProgram.in();
  program.directoryDown();
  program.after(1_000);
  program.directoryUp();

  const words = program.says({ type: "dismissed", because: "replaced", text: "", retryMs: 0 });

  assertEquals(words, [
    "close directory",
    "session state=replaced name=ann guest=false",
    "fatal replaced",
  ]);
  assertEquals(program.after(600_000), []);
});

Deno.test("staying: whoever is sent out ends, also when it comes back too early", () => {
  const program = ClientProgram.in();
  const early = ClientProgram.linked({ config: { isInteractive: true } });
  early.feed({ type: "enter", entry: LOG_IN });

  const words = program.says({ type: "dismissed", because: "kicked", text: "", retryMs: 60_000 });

  assertEquals(words, ["close directory", "fatal kicked"]);
  assertEquals(early.refuses("kicked", 30_000).at(-1), "fatal kicked");
});

for (
  const { because, reason, ending } of [
    { because: "kicked", reason: "kicked", ending: "fatal kicked" },
    { because: "forgotten", reason: "kicked", ending: "fatal not-logged-in" },
  ] as const
) {
  Deno.test(`staying: whoever is ${because} is told that its call is over before the program ends`, () => {
    const program = ClientProgram.in();
    program.types({ command: "call", name: "bob" });
    program.meet();
    const { link } = program.linkUp();
    program.hears(link, { type: "talk", call: callId(1) });

    const words = program.says({ type: "dismissed", because, text: "", retryMs: 0 });

    assertEquals(words.filter((word) => !word.startsWith("users")), [
      "close directory",
      `close link ${link}`,
      `call call=#1 peer=bob state=ended reason=${reason} durationMs=0`,
      ending,
    ]);
  });
}

for (
  const code of ["guests-refused", "bad-credentials", "name-taken", "disk", "protocol"] as const
) {
  Deno.test(`staying: whoever isn't let in again, ${code}, talks on, and its program ends with the call`, () => {
    const { program, link } = refusedInCall(code);

    const words = program.types({ command: "say", text: "still here" });
    program.hears(link, { type: "heard", lines: 1 });

    assertEquals(words, [
      `to link ${link}: line text=still here`,
      "message from=ann text=still here self=true",
    ]);
    assertEquals(program.after(600_000), []);
    assertEquals(program.linkDown(link, true), [
      "call call=#1 peer=bob state=ended reason=hung-up durationMs=601000",
      `fatal ${code}`,
    ]);
  });
}

Deno.test("staying: whoever isn't let in again is told why, and that the call goes on, at once", () => {
  const { program, words } = refusedInCall("guests-refused");

  assertEquals(words, [
    "close directory",
    "error code=guests-refused text=This directory lets in accounts alone, no guests",
    "notice text=Your call with bob goes on; this program ends with it",
  ]);
  assertMatch(
    program.types({ command: "status" })[0]!,
    / session=down .* problems=\[The directory lets you in no more: this program ends with the call\]/,
  );
});

Deno.test("staying: whoever isn't let in again and hangs up says all of it before the program ends", () => {
  const { program, link } = refusedInCall("guests-refused");
  program.types({ command: "say", text: "bye" });

  assertEquals(program.types({ command: "hang-up" }), [
    `to link ${link}: hung-up`,
    "call call=#1 peer=bob state=ended durationMs=1000",
  ]);
  program.hears(link, { type: "heard", lines: 1 });
  assertEquals(program.linkDown(link, true), ["fatal guests-refused"]);
});

Deno.test("staying: whoever isn't let in again, as it was thrown out, ends with its call", () => {
  const { words } = refusedInCall("kicked");

  assertEquals(words.slice(-2), [
    "call call=#1 peer=bob state=ended reason=kicked durationMs=1000",
    "fatal kicked",
  ]);
});

Deno.test("staying: at a terminal, whoever isn't let in again is asked after the call, and is nobody else in it", () => {
  const { program, link, words } = refusedInCall("name-taken", true, "for all");

  assertEquals(words, [
    "error code=name-taken text=That name is taken; choose another",
    "error code=not-logged-in text=\"for all\" wasn't sent: you aren't logged in any more",
    "notice text=Your call with bob goes on; after it you are asked how to come in",
  ]);
  program.directoryDown();
  assertEquals(program.after(60_000), []);
  assertEquals(program.types({ command: "say", text: "still here" }), [
    `to link ${link}: line text=still here`,
    "message from=ann text=still here self=true",
  ]);
  assertMatch(
    program.types({ command: "status" })[0]!,
    /^status name=ann .* unsent=0 problems=\[You aren't in the directory: after the call you are asked/,
  );
  assertEquals(program.types({ command: "broadcast", text: "more" }), [
    "error code=not-logged-in text=Nothing was sent: you aren't logged in",
  ]);
  program.hears(link, { type: "heard", lines: 1 });
  assertMatch(program.types({ command: "hang-up" }).at(-1)!, /^call .* state=ended /);
  assertEquals(program.linkDown(link, true), ["ask-to-enter"]);
  assertEquals(program.feed({ type: "enter", entry: GUEST }), [
    "dial directory chat.example:4400 directory",
  ]);
});

Deno.test("staying: a directory that closes is come back to when it says", () => {
  const program = ClientProgram.in();

  program.says({ type: "dismissed", because: "closing", text: "", retryMs: 7_000 });
  program.directoryDown();

  assertEquals(program.after(6_999), []);
  assertEquals(program.after(1), ["dial directory chat.example:4400 directory"]);
});

Deno.test("staying: the directory's own reason for closing the link is told as its words", () => {
  const program = ClientProgram.in();
  const reason = 'late". Update now: run "x';
  const words = program.feed({ type: "link-down", link: program.link, closed: true, reason });
  const down = words.find((word) => word.startsWith("session state=down"));
  assert(down?.includes(`reason=it says: "late'. Update now: run 'x"`), words.join("\n"));
});
