/** `peer --server` and `serve` at a terminal, as a person uses them. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Group, isIn, isView, shows } from "./group_world.ts";
import { PROGRAM, type ShownEvent, untilRead } from "./node.ts";
import { freePort } from "./ports.ts";
import { hasScript, openTerminal, type Terminal } from "./pty.ts";

const CTRL_C = "\x03";

function terminalTest(name: string, test: () => Promise<void>): void {
  Deno.test({ name: `group at a terminal: ${name}`, ignore: !hasScript(), fn: test });
}

function openMember(group: Group, name: string): Promise<Terminal> {
  const command = [PROGRAM, ...group.words(name), "--data", group.data(name), "--no-color"];
  return openTerminal({ command, columns: 120 });
}

/** The lines on the screen, without their times. */
const lines = ({ screen }: Terminal) => screen.lines.map((line) => line.replace(/\d\d:\d\d /, ""));

terminalTest("history, the first line, numbers, and the half-typed line stays", async () => {
  await using group = new Group();
  const server = await group.serve();
  const bob = await group.start("Bob");
  await bob.say("at six?");
  await bob.until(shows("at six?"));
  await using terminal = await openMember(group, "Alice");
  await terminal.untilCursorLine("Alice @group> |");
  await server.until(isIn("Alice"));
  await terminal.until("that Bob is there", ({ text }) => text.includes("as Alice, with Bob;"));

  await terminal.press("/ver\t");
  await terminal.press("b\t");
  await terminal.untilCursorLine("Alice @group> /verify Bob |");
  await bob.say("or at\nseven?");
  await terminal.until("his message", ({ text }) => text.includes("seven?"));
  await terminal.untilCursorLine("Alice @group> /verify Bob |");
  await terminal.press("\x15fine with me\r");
  await bob.until(shows("fine with me"));
  await terminal.until("her own", ({ text }) => text.includes("<Alice> fine with me"));

  const shown = lines(terminal);
  const first = shown.findIndex((line) => line.startsWith("* In the group of"));
  assertMatch(
    shown[first]!,
    /^\* In the group of 127\.0\.0\.1:\d+ as Alice, with Bob; 1 entry, the last from Bob at /,
  );
  assertEquals(shown[shown.indexOf("-- now --") - 1], "1 <Bob> at six?");
  const second = shown.indexOf("2 <Bob> or at");
  assertMatch(shown[second + 1]!, /^ +seven\?$/);
  assert(shown.includes("3 <Alice> fine with me"), shown.join("\n"));
  assertEquals(terminal.screen.unexpected, []);
});

terminalTest("the coordinator goes and comes back, and Ctrl+C leaves", async () => {
  await using group = new Group();
  const server = await group.serve();
  await using terminal = await openMember(group, "Alice");
  await terminal.untilCursorLine("Alice @group> |");
  await server.kill();
  const away = "! The coordinator doesn't answer. Chat goes on; joining and editing wait.";
  await terminal.until("that it is away", ({ text }) => text.includes(away));
  const again = await group.serve();
  await terminal.until(
    "that it is back",
    ({ text }) => text.includes("* The coordinator is back."),
  );

  await terminal.press(CTRL_C);
  assertEquals(await terminal.ended(), 0);
  const left = await again.until(({ event }) => event === "left");
  assertEquals([left.name, left.reason], ["Alice", "quit"]);
});

terminalTest(
  "who is asked about an edit reads so above a half-typed line, and says yes, then no",
  async () => {
    await using group = await Group.open();
    await using alice = await openMember(group, "Alice");
    await alice.untilCursorLine("Alice @group> |");
    await using bob = await openMember(group, "Bob");
    await bob.untilCursorLine("Bob @group> |");
    await bob.press("at seven?\r");
    await alice.until("his entry", () => lines(alice).includes("1 <Bob> at seven?"));

    await bob.press("half a line\x1b[D\x1b[D");
    await bob.untilCursorLine("Bob @group> half a li|ne");
    await alice.press("/edit at eight? - 1\rmeanwhile");
    await bob.untilCursorLine("Bob @group (edit 1: y/n)> half a li|ne");
    const [question, ...rows] = lines(bob).slice(-4, -1);
    assertMatch(
      question!,
      /^\? Alice wants to change entry 1 \(edit 1, (30|2\d) s\): y agrees, n refuses$/,
    );
    assertEquals(rows, ["      - at seven?", "      + at eight?"]);
    const waiting = "* Edit 1: waiting for Bob to agree to change entry 1 (30 s)";
    await alice.until("that he is asked", () => lines(alice).includes(waiting));
    await alice.untilCursorLine("Alice @group> meanwhile|");

    await bob.press("\x05\x15/go\r");
    const edited = "* Entry 1 now reads: at eight?   (edit 1, asked by Alice, agreed by Bob)";
    await alice.until("that it is changed", () => lines(alice).includes(edited));
    await bob.untilCursorLine("Bob @group> |");
    await bob.until("that it is changed", () => lines(bob).at(-2) === edited);
    assertEquals(lines(bob).slice(-4, -2), [
      "Bob @group (edit 1: y/n)> /go",
      "* You agreed to the change of entry 1",
    ]);
    await alice.untilCursorLine("Alice @group> meanwhile|");

    await bob.press("/msg alice hi\r");
    const isForAll = "error: Not sent: a group has no private messages";
    await bob.until("that nothing is private", ({ text }) => text.includes(isForAll));

    await bob.press("/go"); // begun before anybody asks
    await bob.untilCursorLine("Bob @group> /go|");
    await alice.press("\x15/edit at nine? - 1\r");
    await bob.until("the question", ({ text }) => text.includes("+ at nine?"));
    await bob.press("\r");
    const later =
      "error: Nothing was done: you were asked after you began that line; /go 2 answers";
    await bob.until("that it isn't taken for a yes", () => lines(bob).includes(later));
    await bob.press("/abort\r");
    const ends = [
      [alice, "! Your edit 2 of entry 1 was aborted: Bob said no"],
      [bob, "! Edit 2 of entry 1, asked by Alice, was aborted: you said no"],
    ] as const;
    for (const [terminal, aborted] of ends) {
      await terminal.until("that it isn't", () => lines(terminal).includes(aborted));
      assertEquals(terminal.screen.unexpected, []);
    }
  },
);

terminalTest(
  "with --edits ask all others are asked; of two questions each has its number, and its end",
  async () => {
    await using group = await Group.open("--edits", "ask", "--vote-timeout", "9s");
    const [alice, carol] = await group.startAll("Alice", "Carol");
    await using bob = await openMember(group, "Bob");
    await bob.untilCursorLine("Bob @group> |");
    for (const node of [alice!, carol!]) await node.until(isView("Alice", "Bob", "Carol"));
    await alice!.say("one");
    await carol!.until(shows("one"));
    await carol!.say("two");
    await alice!.until(shows("two"));
    const asked = (edit: number) => (event: ShownEvent) =>
      event.event === "vote-wanted" && event.edit === edit;

    await bob.press("half");
    await alice!.type("/edit uno - 1");
    await carol!.until(asked(1));
    await bob.until("the question", ({ text }) => /entry 1 \(edit 1, \d s\)/.test(text));
    await carol!.type("/edit due - 2");
    await bob.untilCursorLine("Bob @group (edit 1: y/n; 1 more)> half|");
    await bob.press("\x15/go\r");
    const which = "error: 2 edits wait for your vote: /go 1, /go 2";
    await bob.until("that it isn't clear which", () => lines(bob).includes(which));
    await bob.press("/go 1\r");
    await carol!.type("/go 1");
    await alice!.until(asked(2));
    await alice!.type("/go 2");
    await bob.until(
      "that one is changed",
      ({ text }) =>
        /Entry 1 now reads: uno {3}\(edit 1, asked by Alice, agreed by (Bob and Carol|Carol and Bob)\)/
          .test(text),
    );

    const late = "! Edit 2 of entry 2, asked by Carol, was aborted: you didn't answer in time";
    await bob.until("that he was late", () => lines(bob).includes(late));
    await bob.press("/go\r");
    const none = "error: No edit waits for your vote";
    await bob.until("that nobody asks any more", () => lines(bob).includes(none));
    assertEquals(bob.screen.unexpected, []);
  },
);

function rowsOf(word: string, count: number): string {
  return Array.from({ length: count }, (_, at) => `${word} ${at}`).join("\n");
}

for (const [columns, rows] of [[80, 50], [40, 20]] as const) {
  terminalTest(
    `y agrees to all that was shown, however long it is, at ${columns}x${rows}`,
    async () => {
      await using group = await Group.open("--edits", "ask");
      const alice = await group.start("Alice");
      const command = [PROGRAM, ...group.words("Bob"), "--data", group.data("Bob"), "--no-color"];
      await using bob = await openTerminal({ command, columns, rows });
      await bob.untilCursorLine("Bob @group> |");
      await alice.until(isView("Alice", "Bob"));
      await alice.ask("msg", { text: rowsOf("line", 60) });
      await alice.ask("edit", { n: 1, text: rowsOf("other", 60) });
      await bob.untilCursorLine("Bob @group (edit 1: y/n)> |");
      for (const row of ["- line 0", "- line 59", "+ other 0", "+ other 59"]) {
        assert(bob.raw.includes(`      ${row}\r`), row);
      }
      await untilRead();
      await bob.press("y\r");
      await alice.until(({ event, outcome }) => event === "edit" && outcome === "committed");
      await bob.untilCursorLine("Bob @group> |");
    },
  );
}

terminalTest("a y that was meant for something else signs nothing, and isn't said", async () => {
  await using group = await Group.open("--edits", "ask");
  const alice = await group.start("Alice");
  await using bob = await openMember(group, "Bob");
  await bob.untilCursorLine("Bob @group> |");
  await alice.until(isView("Alice", "Bob"));
  const isRefused = (why: string) =>
    bob.until(why, ({ text }) => text.includes(`error: Nothing was done: ${why}`));
  await alice.ask("msg", { text: "at seven?" });
  await bob.press("y"); // begun before anybody asks
  await bob.untilCursorLine("Bob @group> y|");
  await alice.ask("edit", { n: 1, text: "at eight?" });
  await bob.untilCursorLine("Bob @group (edit 1: y/n)> y|");
  await bob.press("\r");
  await isRefused("you were asked after you began that line; /go 1 answers, y after a ");
  await alice.ask("edit", { n: 1, text: "at nine?" }).catch(() => {}); // the entry is locked
  await untilRead();
  await alice.ask("msg", { text: "Coming? y/n" });
  await bob.until("what she says", ({ text }) => text.includes("Coming? y/n"));
  await bob.press("y\r");
  await isRefused("Alice has written or asked since; /go 1 answers");
  await bob.press(" y\r");
  await alice.until(shows(" y"));
  assertEquals(alice.events.filter(({ event }) => event === "edit"), []);
  await bob.press("/go 1\r");
  await alice.until(({ event, outcome }) => event === "edit" && outcome === "committed");

  await alice.ask("edit", { n: 1, text: "at ten?" });
  await bob.untilCursorLine("Bob @group (edit 2: y/n)> |");
  await bob.press("y\r");
  await isRefused("too soon after the question; /go 2 answers");
  await bob.press("n\x15/abort 2\r");
  await alice.until(({ event, outcome }) => event === "edit" && outcome === "aborted");
  assertEquals(alice.texts(), ["at seven?", "Coming? y/n", " y"]);
});

terminalTest("a change too long to be shown at once is agreed to after all of it was", async () => {
  await using group = await Group.open("--edits", "ask");
  const alice = await group.start("Alice");
  await using bob = await openMember(group, "Bob");
  await bob.untilCursorLine("Bob @group> |");
  await alice.until(isView("Alice", "Bob"));
  await alice.ask("msg", { text: "one" });
  await alice.ask("edit", { n: 1, text: rowsOf("line", 400) });
  await bob.untilCursorLine("Bob @group (edit 1: y/n)> |");
  await untilRead();
  const refused = "error: Nothing was done: first /show 1";
  for (const [at, line] of ["y", "/go", "/go 1"].entries()) {
    await bob.press(`${line}\r`);
    await bob.until(line, ({ text }) => text.split(refused).length === at + 2);
  }
  await bob.press("/show 1\r");
  await bob.until("the end", ({ text }) => text.includes("+ line 399"));
  await bob.press("/go 1\r");
  await alice.until(({ event, outcome }) => event === "edit" && outcome === "committed");
});

terminalTest("the coordinator's own prompt and first line", async () => {
  await using group = new Group();
  const port = freePort();
  const words = ["serve", "--host", "127.0.0.1", "--port", String(port)];
  const command = [PROGRAM, ...words, "--data", group.serverData, "--no-color"];
  await using terminal = await openTerminal({ command, columns: 120 });
  await terminal.untilCursorLine("serve> |");
  assertEquals(
    terminal.screen.lines[0],
    `Listening at ${port}. Members join with: p2pchat peer NAME --server 127.0.0.1:${port}`,
  );

  await terminal.press("/status\r");
  await terminal.until("the answer", ({ text }) => text.includes("Nobody has been in the group"));
  await terminal.press("/exit\r");
  assertEquals(await terminal.ended(), 0);
});

terminalTest(
  "who comes back is shown the last 20 entries, and since when they were away",
  async () => {
    await using group = new Group();
    await group.serve();
    const bob = await group.start("Bob");
    {
      await using first = await openMember(group, "Alice");
      await first.untilCursorLine("Alice @group> |");
      for (let n = 1; n <= 23; n++) await bob.say(`text ${n}`);
      await first.until("all", ({ text }) => text.includes("23 <Bob>") || text.includes("text 23"));
      await first.press(CTRL_C);
      assertEquals(await first.ended(), 0);
    }
    await bob.say("news");
    await bob.until(shows("news"));
    await using again = await openMember(group, "Alice");
    await again.until("the news", ({ text }) => text.includes("<Bob> news"));

    const shown = lines(again);
    const from = shown.indexOf("... 3 earlier entries: /log N");
    const away = shown.findIndex((line) => line.startsWith("-- missed since "));
    assertEquals(shown[from + 1], "4 <Bob> text 4");
    assertEquals(shown[away - 1], "23 <Bob> text 23");
    assert(shown.findIndex((line) => line === "24 <Bob> news") > away, shown.join("\n"));
  },
);

terminalTest("what was said is found by its present text", async () => {
  await using group = new Group();
  await group.serve();
  await using alice = await openMember(group, "Alice");
  await alice.untilCursorLine("Alice @group> |");
  await alice.press("Dinner at six?\rno\rlate dinner\r");
  await alice.until("the third", () => lines(alice).includes("3 <Alice> late dinner"));
  await alice.press("/edit breakfast - 3\r");
  await alice.until("the edit", ({ text }) => text.includes("Entry 3 now reads: breakfast"));

  await alice.press("/search DINNER\r");
  const isFound = (line: string) => line === "1 <Alice> Dinner at six?";
  await alice.until("the first again", () => lines(alice).filter(isFound).length === 2);
  await alice.press("/log /fast/ 5\r");
  await alice.until("the edited one", () => lines(alice).includes("3 (edited) <Alice> breakfast"));
  await alice.press("/search supper\r");
  await alice.until("that there is none", () => lines(alice).includes('No entry has "supper".'));
  assertEquals(lines(alice).filter((line) => line === "3 <Alice> late dinner").length, 1);
  const edited = (line: string) => line === "3 (edited) <Alice> breakfast";
  assertEquals(lines(alice).filter(edited).length, 1);
});

terminalTest(
  "who was in a private group is asked before a later open one, which scripts name",
  async () => {
    await using group = new Group();
    const server = await group.serve("--private");
    const { invite } = await server.ask("invite");
    for (const name of ["Alice", "Bob"]) {
      const member = group.launch(name, { env: { P2PCHAT_INVITE: invite } });
      await member.until(isIn(name));
      await member.type("/exit");
      await member.ended();
    }
    await server.type("/exit");
    await server.ended();
    await group.serve("--new");

    const { code, last } = await group.launch("Bob").ended();
    assertEquals([code, last?.code], [4, "bad-credentials"]);
    assertMatch(last?.text, /, an open one with --invite none$/);
    const bob = await group.start("Bob", "--invite", "none");
    await bob.type("/exit");
    await bob.ended();
    await group.start("Bob"); // from now on by itself

    await using alice = await openMember(group, "Alice");
    await alice.untilCursorLine("Join an open group there? (y/n) |");
    await alice.press("y\r");
    await alice.untilCursorLine("Alice @group> |");
    await alice.until("that Bob is there", ({ text }) => text.includes("as Alice, with Bob"));
  },
);
