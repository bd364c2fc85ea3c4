import { assertEquals } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { InteractiveInterface } from "../../../lib/cli/terminal/interactive_interface.ts";
import {
  memberCommands,
  type MemberCommandSink,
  memberCommandTable,
} from "../../../lib/cli/group/member_commands.ts";
import { VoteQuestions } from "../../../lib/cli/group/vote_questions.ts";
import type { MemberCommand, MemberEvent } from "../../../lib/protocols/group/schema/events.ts";
import { MemberRendering } from "../../../lib/cli/group/member_rendering.ts";
import { OPTIONS } from "../echo_room.ts";
import { outcomeOf } from "../command_outcome.ts";
import { MemoryStreams, settle } from "../memory_streams.ts";

const wanted = (edit: number): MemberEvent => ({
  event: "vote-wanted",
  edit,
  seq: 43,
  by: "Bob",
  old: "at seven?",
  new: "at eight?",
  deadline: "2026-01-02T12:03:34Z",
});

/** Whether the vote is let through; why not, otherwise. */
function checked(votes: VoteQuestions, command: MemberCommand): string {
  try {
    votes.check(command);
    return "passed on";
  } catch (error) {
    if (!(error instanceof P2pchatError)) throw error;
    return `${error.code}: ${error.message}`;
  }
}

const GO: MemberCommand = { command: "go", edit: null };
const ABORT: MemberCommand = { command: "abort", edit: null };

Deno.test("a vote without a number is for no edit that was asked about after its line was begun", () => {
  const votes = new VoteQuestions();
  votes.shows(wanted(7));
  const runsGo = votes.lineBegins();
  votes.shows(wanted(8));
  const runsLater = votes.lineBegins();

  runsGo();
  assertEquals(
    checked(votes, GO),
    "not-allowed: Nothing was done: you were asked about edit 8 after you began that line; " +
      "if you mean that one, /go 8",
  );
  runsGo();
  assertEquals(checked(votes, ABORT).endsWith("/abort 8"), true);
  runsGo();
  assertEquals(checked(votes, { command: "go", edit: 7 }), "passed on");
  assertEquals(checked(votes, { command: "msg", text: "yes" }), "passed on");
  runsLater();
  assertEquals(checked(votes, GO), "passed on");
});

Deno.test("a vote by number is for no edit that was asked about after its line was begun", () => {
  const votes = new VoteQuestions();
  votes.shows(wanted(7));
  const runsGo = votes.lineBegins();
  votes.shows({ ...wanted(7), seq: 1, new: "I owe Bob 1,000" } as MemberEvent);
  votes.shows(wanted(8));

  for (const edit of [7, 8]) {
    runsGo();
    assertEquals(
      checked(votes, { command: "go", edit }),
      `not-allowed: Nothing was done: you were asked about edit ${edit} after you began that line; ` +
        `if you mean that one, /go ${edit}`,
    );
    runsGo();
    assertEquals(checked(votes, { command: "abort", edit }).startsWith("not-allowed"), true);
  }
  votes.lineBegins()();
  assertEquals(checked(votes, { command: "go", edit: 7 }), "passed on");
});

Deno.test("who is asked answers by a word, which is said while nobody asks", () => {
  const votes = new VoteQuestions();
  const table = memberCommandTable(votes);
  const said = (line: string) => {
    const outcome = outcomeOf<Parameters<MemberCommandSink>[0]>(table, line);
    if (typeof outcome === "string" || !("command" in outcome)) throw new Error(line);
    votes.check(outcome.command);
    return outcome.command;
  };
  const text = (text: string) => ({ command: "msg" as const, text });
  assertEquals(said("y"), text("y"));
  for (const word of ["y", "Yes", "go ", "n", "no", "Abort"]) {
    votes.shows(wanted(7));
    assertEquals(said(` ${word}`), text(` ${word}`));
    assertEquals(said("yes, at eight"), text("yes, at eight"));
    assertEquals(said(word), /^[yYg]/.test(word) ? GO : ABORT);
    assertEquals(said(word), text(word), "answered already");
  }
  // Which of two isn't known: both stay open until each is named, or over.
  votes.shows(wanted(7));
  votes.shows(wanted(8));
  assertEquals([said("y"), said("y")], [GO, GO]);
  assertEquals(said("/go 7"), { command: "go", edit: 7 });
  assertEquals(said("n"), ABORT);
  votes.shows({ event: "edit", edit: 8 } as MemberEvent);
  assertEquals([said("well"), said("y")], [text("well"), text("y")]);
});

Deno.test("who answers as the question ends doesn't say that to all", () => {
  const votes = new VoteQuestions();
  const table = memberCommandTable(votes);
  const said = (line: string) => outcomeOf<Parameters<MemberCommandSink>[0]>(table, line);
  const isOver = { event: "edit", edit: 7 } as MemberEvent;
  const text = (text: string) => ({ command: { command: "msg", text } as const });
  votes.shows(wanted(7));
  votes.shows(isOver);
  assertEquals(said("y"), {
    error: "not-allowed",
    text: "Nothing was said: the edit that you were asked about is over; to say that to all, " +
      "type it again",
  });
  assertEquals(said("y"), text("y"));
  votes.shows(wanted(7));
  votes.shows(isOver);
  assertEquals([said("well"), said("n")], [text("well"), text("n")], "not an answer any more");
});

Deno.test("a vote that nobody typed is for the edit that waits for it", () => {
  const votes = new VoteQuestions();
  votes.shows(wanted(7));
  votes.shows(wanted(8));
  assertEquals(checked(votes, GO), "passed on");
});

Deno.test("when a line at a door was begun says nothing of the next vote of a script, which types none", () => {
  const votes = new VoteQuestions();
  votes.shows(wanted(7));
  votes.lineBegins(true)();
  assertEquals(checked(votes, GO), "passed on");
  votes.lineBegins(true)();
  assertEquals(checked(votes, { command: "msg", text: "at the door" }), "passed on");
  votes.shows(wanted(8));
  assertEquals(checked(votes, { command: "go", edit: 8 }), "passed on");
});

Deno.test("a vote that waited while input was paused is for no edit that was asked about meanwhile", async () => {
  const streams = new MemoryStreams();
  streams.isTerminal = true;
  const mode = { commands: memberCommands, render: () => [] };
  const ui = new InteractiveInterface(mode, OPTIONS, streams);
  const votes = new VoteQuestions();
  const asked: Parameters<MemberCommandSink>[0][] = [];
  ui.listen({
    target(command) {
      votes.check(command);
      asked.push(command);
    },
    ended() {},
    interrupted: () => true,
    lineBegins: () => votes.lineBegins(),
  });
  votes.shows(wanted(7));
  ui.pauseInput("waiting for Bob");
  streams.type("/go\r/abort\r/go 7\r");
  await settle();
  votes.shows(wanted(8));
  streams.type("/go\r");
  await settle();
  ui.pauseInput(null);
  await settle();
  assertEquals(asked, [{ command: "go", edit: 7 }, GO]);
  await ui.close();
});

Deno.test("nobody agrees to a text that was folded before it was shown whole", async () => {
  const streams = new MemoryStreams();
  streams.isTerminal = true;
  const rendering = new MemberRendering();
  const votes = new VoteQuestions();
  const mode = {
    commands: memberCommands,
    render: rendering.lines.bind(rendering),
    folded: votes.folded.bind(votes),
  };
  const ui = new InteractiveInterface(mode, OPTIONS, streams);
  const asked: Parameters<MemberCommandSink>[0][] = [];
  ui.listen({
    target(command) {
      votes.check(command);
      asked.push(command);
    },
    ended() {},
    interrupted: () => true,
  });
  const event = {
    ...wanted(7) as MemberEvent & { readonly event: "vote-wanted" },
    new: `At eight.${"\n".repeat(160)}I sell the house for 1 EUR.`,
  };
  votes.shows(event);
  ui.show(event);
  await settle();
  streams.type("/go\r/go 7\r");
  await settle();
  assertEquals(asked, []);
  const why = "isn't on the screen in full: first /show 1";
  assertEquals((streams.stdoutText + streams.stderrText).replace(/\s+/g, " ").includes(why), true);
  streams.type("/abort 7\r/show 1\r/go\r");
  await settle();
  assertEquals(asked, [{ command: "abort", edit: 7 }, GO]);

  ui.show(event); // as /status does: once is enough
  await settle();
  streams.type("/go 7\r");
  await settle();
  assertEquals(asked.length, 3);
  await ui.close();
});

Deno.test("a script's vote isn't measured by a line that was typed at a door before", () => {
  const votes = new VoteQuestions();
  votes.shows(wanted(7));
  votes.lineBegins(true)(); // a line that is no command
  votes.shows(wanted(8));
  assertEquals(checked(votes, { command: "go", edit: 8 }), "passed on");
});

Deno.test("a text that is folded at the terminal is seen whole at a door, and may be agreed to there", () => {
  const votes = new VoteQuestions();
  const text = "At eight.\n".repeat(100);
  votes.shows({ ...wanted(7) as MemberEvent & { readonly event: "vote-wanted" }, new: text });
  votes.folded([{ text, as: "body" }], 1);

  const go: MemberCommand = { command: "go", edit: 7 };
  votes.lineBegins()();
  assertEquals(checked(votes, go).endsWith("first /show 1"), true);
  votes.lineBegins(true)();
  assertEquals(checked(votes, go), "passed on");
  votes.lineBegins()();
  assertEquals(checked(votes, go).endsWith("first /show 1"), true);
});
