import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { JsonObject } from "../../../lib/cli/mcp/json_rpc.ts";
import type { ToolCall } from "../../../lib/cli/mcp/mcp_tools.ts";
import { ToolCalls } from "../../../lib/cli/mcp/tool_calls.ts";
import type { ToolResult } from "../../../lib/cli/mcp/tool_results.ts";
import { Hearers } from "../../../lib/cli/scripts/hearers.ts";
import type { Kept } from "../../../lib/cli/scripts/script_inbox.ts";
import type { Fields } from "../../../lib/cli/scripts/wanted.ts";

const START = 1_000;
const READY: Fields = { event: "ready", name: "bot", key: "own", members: [], names: ["Bob"] };
const WAIT: ToolCall = { tool: "wait", name: null, n: 10, timeoutMs: 30_000 };
const HISTORY: ToolCall = { tool: "history", command: { command: "history", n: 20 } };

type Effect = ReturnType<ToolCalls["step"]>[number];

class Run {
  readonly hearers: Hearers;
  /** What waits, as an inbox has it. */
  readonly waiting = new Map<string, Fields>();
  readonly calls: ToolCalls;
  /** Whether an address led here, and nobody was told. */
  isElsewhere = false;

  constructor(mode: Hearers["mode"] = "mesh", isListening = true) {
    this.hearers = new Hearers(mode);
    const next = (isWanted: (event: Fields, id: string) => boolean): Kept | null => {
      for (const [id, event] of this.waiting) if (isWanted(event, id)) return { id, event };
      return null;
    };
    this.calls = new ToolCalls({
      hearers: this.hearers,
      inbox: () => ({ next, isElsewhere: this.isElsewhere }),
      drawMark: () => "m4rk",
      isCommand: (name) => name === "trust",
    });
    if (isListening) this.listens();
  }

  listens(nowMs = START): readonly Effect[] {
    this.hearers.isListening = true;
    return [...this.shows(READY), ...this.calls.step({ type: "listening" }, nowMs)];
  }

  /** The mode says why it runs no command. */
  pauses(reason: string | null, nowMs = START): readonly Effect[] {
    this.hearers.pausedBecause = reason;
    return this.calls.step({ type: "paused" }, nowMs);
  }

  begin(call: number, asked: ToolCall, nowMs = START): readonly Effect[] {
    return this.calls.step({ type: "begin", call, asked }, nowMs);
  }

  shows(event: Fields, ref?: string, nowMs = START): readonly Effect[] {
    this.hearers.heard(event);
    return this.calls.step({ type: "event", event, ref }, nowMs);
  }

  /** Somebody says something. */
  says(id: string, text: string, more: JsonObject = {}, nowMs = START): readonly Effect[] {
    const event = message(id, text, more);
    this.waiting.set(id, event);
    return [...this.shows(event, undefined, nowMs), ...this.calls.step({ type: "came" }, nowMs)];
  }

  /** Answers all questions whose key it is that are among the effects. */
  knows(effects: readonly Effect[], who: JsonObject, nowMs = START): readonly Effect[] {
    return effects.flatMap((effect) => {
      if (effect.type !== "command") return [];
      const { command, name, ref } = effect.command;
      assertEquals(command, "whois");
      const event = { event: "whois", name, self: false, ...who };
      return this.shows(event, String(ref), nowMs);
    });
  }

  tick(nowMs: number): readonly Effect[] {
    return this.calls.step({ type: "tick" }, nowMs);
  }

  written(call: number): readonly Effect[] {
    const effects = this.calls.step({ type: "written", call }, START);
    for (const effect of effects) {
      if (effect.type === "take") { for (const { id } of effect.kept) this.waiting.delete(id); }
      if (effect.type === "told") this.isElsewhere = false;
    }
    return effects;
  }

  cancel(call: number): readonly Effect[] {
    return this.calls.step({ type: "cancel", call }, START);
  }
}

function message(id: string, text: string, more: JsonObject = {}): Fields {
  return {
    ...{ event: "message", id, from: "Bob", shown: "Bob", key: "kB", text, self: false },
    ...{ private: false, sentAt: "2026-01-02T03:04:05.000Z", ...more },
  };
}

/** The only answer among the effects. */
function answerIn(effects: readonly Effect[], call: number): ToolResult {
  const answers = effects.filter(({ type }) => type === "answer");
  assertEquals(answers.length, 1, JSON.stringify(effects));
  const [answer] = answers;
  assert(answer?.type === "answer");
  assertEquals(answer.call, call);
  return answer.result;
}

function textsIn({ structured }: ToolResult): readonly string[] {
  return (structured as { messages: readonly { text: string }[] }).messages.map(({ text }) => text);
}

function firstIn({ structured }: ToolResult): JsonObject {
  return (structured as { messages: readonly JsonObject[] }).messages[0]!;
}

Deno.test("ToolCalls: wait gives what waits, with the key, and whether that is verified", () => {
  const run = new Run();
  run.says("1", "one");
  run.says("2", "two");

  const asked = run.begin(0, WAIT);
  const result = answerIn(run.knows(asked, { key: "kB", verified: true }), 0);

  assertEquals(asked.length, 1, "one question for one author");
  assertEquals(textsIn(result), ["one", "two"]);
  assertEquals(firstIn(result)["verified"], true);
  assertEquals(firstIn(result)["key"], "kB");
  assertStringIncludes(result.text, "from Bob, key kB, verified");
});

Deno.test("ToolCalls: a key is verified only where it is the one of that name, and nobody has changed it", () => {
  for (
    const [who, isVerified] of [
      [{ key: "kB", verified: true }, true],
      [{ key: "kB", verified: false }, false],
      [{ key: "other", verified: true }, false],
      [{ key: null, verified: true }, false],
      [{ key: "kB", verified: true, changed: { key: "kB" } }, false],
    ] as const
  ) {
    const run = new Run();
    run.says("1", "one");
    const result = answerIn(run.knows(run.begin(0, WAIT), who), 0);

    assertEquals(firstIn(result)["verified"], isVerified, JSON.stringify(who));
  }
});

Deno.test("ToolCalls: nobody knows who that is, or says so too late: it isn't verified", () => {
  const run = new Run();
  run.says("1", "one");
  const unknown = run.begin(0, WAIT).flatMap((effect) =>
    effect.type === "command"
      ? run.shows(
        { event: "error", code: "unknown-user", text: "who?" },
        String(effect.command["ref"]),
      )
      : []
  );
  const late = new Run();
  late.says("1", "one");
  late.begin(0, WAIT);
  assertEquals(late.tick(START + 1_999), []);

  assertEquals(firstIn(answerIn(unknown, 0))["verified"], false);
  assertEquals(firstIn(answerIn(late.tick(START + 2_000), 0))["verified"], false);
});

Deno.test("ToolCalls: a friend's message, which has no key, gets the one of the table", () => {
  const run = new Run("friends");
  run.says("1", "one", { key: undefined, shown: undefined });

  const result = answerIn(run.knows(run.begin(0, WAIT), { key: "kB", verified: true }), 0);

  assertEquals([firstIn(result)["key"], firstIn(result)["verified"]], ["kB", true]);
});

Deno.test("ToolCalls: a message is given to one wait, and taken once its answer has gone out", () => {
  const run = new Run();
  const [first, second] = [run.begin(0, WAIT), run.begin(1, WAIT)];
  assertEquals([first, second], [[], []]);
  const result = answerIn(run.knows(run.says("1", "one"), { key: "kB" }), 0);
  const third = run.begin(2, WAIT);

  assertEquals(textsIn(result), ["one"]);
  assertEquals(third, [], "it is held for the first");
  assertEquals(run.written(0), [{ type: "take", kept: [{ id: "1", event: message("1", "one") }] }]);
  assertEquals(run.written(0), [], "once");
  assertEquals(textsIn(answerIn(run.knows(run.says("2", "two"), { key: "kB" }), 1)), ["two"]);
});

Deno.test("ToolCalls: what a cancelled wait held goes to the next one", () => {
  const run = new Run();
  run.begin(0, WAIT);
  run.says("1", "one");
  run.begin(1, WAIT);

  const after = run.cancel(0);

  assertEquals(textsIn(answerIn(run.knows(after, { key: "kB" }), 1)), ["one"]);
  assertEquals(run.written(0), [], "it was never given");
});

Deno.test("ToolCalls: a wait that is given up when its answer is out puts back what it gave", () => {
  const run = new Run();
  run.says("1", "one");
  run.knows(run.begin(0, WAIT), { key: "kB" });
  const before = new Run();
  before.says("1", "one");
  before.knows(before.begin(0, WAIT), { key: "kB" });

  assertEquals(before.cancel(0), [], "not taken yet: it only isn't held any more");
  assertEquals(textsIn(answerIn(before.knows(before.begin(1, WAIT), { key: "kB" }), 1)), ["one"]);
  run.written(0);
  assertEquals(run.cancel(0).map(({ type }) => type), ["put-back"]);
  assertEquals(run.cancel(0), []);
});

Deno.test("ToolCalls: what is cancelled waits for nothing, says nothing, and takes nothing from the next one", () => {
  const send: ToolCall = { tool: "send", text: "hi", name: null, timeoutMs: 10_000 };
  const before = new Run("mesh", false);
  before.begin(0, send);
  before.begin(1, HISTORY);
  before.begin(2, WAIT);
  for (const call of [0, 1, 2]) assertEquals(before.cancel(call), []);

  assertEquals(before.calls.nextDeadlineMs(), null);
  assertEquals(before.listens(), [], "neither said nor asked");

  const run = new Run();
  run.begin(0, WAIT);
  run.begin(1, HISTORY);
  run.begin(2, send);
  for (const call of [0, 1, 2]) run.cancel(call);

  assertEquals(run.calls.nextDeadlineMs(), null);
  assertEquals(run.says("1", "one"), [], "held for nobody");
  assertEquals(run.shows({ event: "history", messages: [] }, "mcp-1"), []);
  assertEquals(run.tick(START + 60_000), []);
  assertEquals(textsIn(answerIn(run.knows(run.begin(3, WAIT), { key: "kB" }), 3)), ["one"]);
});

Deno.test("ToolCalls: wait takes n messages at most, of one person if asked, and says whether there are more", () => {
  const run = new Run();
  for (let at = 0; at < 5; at++) run.says(`b${at}`, `b${at}`);
  run.says("c", "Carol's", { from: "Carol", shown: "Carol", key: "kC" });

  const carol = answerIn(run.knows(run.begin(0, { ...WAIT, name: "carol" }), { key: "kC" }), 0);
  const two = answerIn(run.knows(run.begin(1, { ...WAIT, n: 2 }), { key: "kB" }), 1);
  const rest = answerIn(run.knows(run.begin(2, WAIT), { key: "kB" }), 2);

  assertEquals([textsIn(carol), carol.structured?.["more"]], [["Carol's"], false]);
  assertEquals([textsIn(two), two.structured?.["more"]], [["b0", "b1"], true]);
  assertStringIncludes(two.text, "call wait again");
  assertEquals([textsIn(rest), rest.structured?.["more"]], [["b2", "b3", "b4"], false]);
});

Deno.test("ToolCalls: an answer of long messages ends before it is too long for a model, and one alone is given whole", () => {
  const run = new Run();
  const long = "x".repeat(40_000);
  run.says("1", long);
  run.says("2", long);

  const first = answerIn(run.knows(run.begin(0, WAIT), { key: "kB" }), 0);
  const second = answerIn(run.knows(run.begin(1, WAIT), { key: "kB" }), 1);

  assertEquals([textsIn(first), first.structured?.["more"]], [[long], true]);
  assertEquals([textsIn(second), second.structured?.["more"]], [[long], false]);
});

Deno.test("ToolCalls: nothing comes in time: an empty answer, at once where no time is given", () => {
  const run = new Run();
  const none = answerIn(run.begin(0, { ...WAIT, timeoutMs: 0 }), 0);
  run.begin(1, WAIT);
  assertEquals(run.calls.nextDeadlineMs(), START + 30_000);
  assertEquals(run.tick(START + 29_999), []);
  const late = answerIn(run.tick(START + 30_000), 1);

  assertEquals([textsIn(none), none.isError], [[], undefined]);
  assertEquals([textsIn(late), late.isError], [[], undefined]);
  assertStringIncludes(late.text, "No message has come within 30 s");
});

Deno.test("ToolCalls: when the input ends waits end, and what is under way goes on", () => {
  const run = new Run();
  run.begin(0, WAIT);
  run.begin(1, { tool: "members", command: { command: "peers" } });

  const ended = run.calls.step({ type: "ending" }, START);

  answerIn(ended, 0);
});

Deno.test("ToolCalls: before the mode takes commands calls are kept; where that takes long they are told so", () => {
  const run = new Run("mesh", false);
  run.waiting.set("1", message("1", "one"));
  assertEquals([...run.begin(0, WAIT), ...run.begin(1, HISTORY)], []);
  const asked = run.listens(START + 5_000);
  const never = new Run("mesh", false);
  never.begin(0, WAIT);

  assertEquals(asked.map((effect) => effect.type === "command" && effect.command["command"]), [
    "whois",
    "history",
  ]);
  const late = answerIn(never.tick(START + 15_000), 0);
  assertEquals(late.isError, true);
  assertStringIncludes(late.text, "isn't in the chat yet");
});

Deno.test("ToolCalls: in another room than the last one nothing is done before an answer has gone out that says so", () => {
  const send: ToolCall = { tool: "send", text: "hi", name: null, timeoutMs: 10_000 };
  for (const isBegunBefore of [true, false]) {
    const run = new Run("mesh", !isBegunBefore);
    run.waiting.set("1", message("1", "one"));
    if (isBegunBefore) {
      for (const [call, asked] of [send, WAIT].entries()) run.begin(call, asked);
    }
    run.isElsewhere = true;
    const told = isBegunBefore ? run.listens() : [...run.begin(0, send), ...run.begin(1, WAIT)];

    assertEquals(told.map(({ type }) => type), ["answer", "answer"], "nothing is said, or taken");
    for (const call of [0, 1]) {
      const effects = told.filter((effect) => effect.type === "answer" && effect.call === call);
      const { isError, text } = answerIn(effects, call);
      assertEquals(isError, true);
      assertStringIncludes(text, "another room than the one you were in last");
      assertStringIncludes(text, "(not-allowed)");
    }
    assertEquals([...run.cancel(0), ...run.written(0)], [], "nobody has read that one");
    assertEquals(run.begin(2, HISTORY).map(({ type }) => type), ["answer"]);
    assertEquals(run.written(1), [{ type: "told" }]);
    assertEquals(run.begin(3, HISTORY).map(({ type }) => type), ["command"]);
    assertEquals(textsIn(answerIn(run.knows(run.begin(4, WAIT), { key: "kB" }), 4)), ["one"]);
  }
});

Deno.test("ToolCalls: why this isn't in the chat is told soon; a wait has its time for it to come in", () => {
  const run = new Run("mesh", false);
  run.begin(0, WAIT);
  run.begin(1, HISTORY);
  run.begin(2, { tool: "send", text: "hi", name: null, timeoutMs: 5_000 });

  assertEquals(run.pauses("Nobody answers at 192.0.2.7. It is tried again", START + 1), []);
  assertEquals(run.tick(START + 2_999), []);
  const told = answerIn(run.tick(START + 3_000), 1);
  assertEquals(run.begin(3, HISTORY, START + 3_000), []);
  const now = answerIn(run.begin(4, { ...WAIT, timeoutMs: 0 }, START + 3_000), 4);
  const unsaid = answerIn(run.tick(START + 5_000), 2);
  const again = answerIn(run.tick(START + 6_000), 3);
  assertEquals(run.tick(START + 29_999), []);
  const late = answerIn(run.tick(START + 30_000), 0);

  for (const { text, isError } of [told, again, now, late]) {
    assertEquals(isError, true);
    assertStringIncludes(text, "isn't in the chat yet, and nothing was done. Nobody answers at");
  }
  assertStringIncludes(unsaid.text, "(Nobody answers at 192.0.2.7. It is tried again)");
  assertStringIncludes(unsaid.text, "nothing was said");
});

Deno.test("ToolCalls: a wait that comes in while it waits goes on in the chat", () => {
  const run = new Run("mesh", false);
  run.pauses("Nobody answers");
  run.begin(0, WAIT);
  run.pauses(null, START + 20_000);
  run.listens(START + 20_000);

  const asked = run.says("1", "one", {}, START + 21_000);

  assertEquals(asked.map(({ type }) => type), ["command"]);
});

Deno.test("ToolCalls: where nobody can have said anything, a wait says why", () => {
  const textOf = (run: Run) => answerIn(run.begin(0, { ...WAIT, timeoutMs: 0 }), 0).text;
  const alone = new Run();
  const joined = new Run();
  joined.shows({ event: "joined", name: "Bob", key: "kB" });
  const outside = new Run("group");
  outside.shows({ event: "coordinator", state: "down", reason: "nobody listens there" });
  const inside = new Run("group");
  inside.shows({ event: "view", members: ["bot"] });

  assertStringIncludes(textOf(alone), "No message waits. Nobody else is in the room now.");
  assertEquals(textOf(joined), "No message waits.");
  assertStringIncludes(
    textOf(outside),
    "hasn't let this in yet. Its coordinator isn't there (nobody listens there).",
  );
  assertEquals(textOf(inside), "No message waits.");
});

Deno.test("ToolCalls: who is in a group that hasn't let this in, or has no coordinator, comes with that", () => {
  const run = new Run("group");
  run.shows({ event: "coordinator", state: "down", reason: "nobody listens there" });
  run.begin(0, { tool: "members", command: { command: "list" } });

  const { text } = answerIn(run.shows({ event: "members", members: [], keys: [] }, "mcp-0"), 0);

  assertStringIncludes(text, "Nobody. The group hasn't let this in yet. Its coordinator isn't");
});

Deno.test("ToolCalls: a wait for one person says whose message it was that didn't come", () => {
  const run = new Run();
  run.shows({ event: "joined", name: "Bob", key: "kB" });
  const waits = { tool: "wait", name: "Dave", n: 1, timeoutMs: 2_000 } as const;
  run.begin(0, waits);
  const now = answerIn(run.begin(1, { ...waits, timeoutMs: 0 }), 1);

  assertEquals(now.text, "No message of Dave's waits.");
  assertEquals(
    answerIn(run.tick(START + 2_000), 0).text,
    "No message of Dave's has come within 2 s.",
  );
});

Deno.test("ToolCalls: errors name tools and their arguments, and what only a person can type", () => {
  const run = new Run();
  const told = (code: string, text: string) => {
    run.begin(0, { tool: "verify", command: { command: "verify", name: "x" } });
    return answerIn(run.shows({ event: "error", code, text }, "mcp-0"), 0).text;
  };
  const friends = new Run("friends");
  friends.shows({ ...READY, names: ["Ann", "Bob"] });

  assertEquals(
    told("unknown-user", "Nobody here is called x; /peers shows who is here"),
    "Nobody here is called x; members shows who is here (unknown-user)",
  );
  assertStringIncludes(told("key-changed", "refused until /trust x"), "only a person can type");
  const unsaid = friends.begin(0, { tool: "send", text: "hi", name: null, timeoutMs: 1_000 });
  assertStringIncludes(answerIn(unsaid, 0).text, "name one with the argument name");
});

Deno.test("ToolCalls: history comes with keys, one's own as such, and without what ignored people say", () => {
  const run = new Run();
  run.begin(0, HISTORY);
  const messages = [
    { ...message("1", "one"), ignored: true },
    message("2", "two"),
    message("3", "mine", { from: "bot", shown: "bot", key: "own", self: undefined }),
  ];
  const questions = run.shows({ event: "history", messages }, "mcp-0");
  const result = answerIn(run.knows(questions, { key: "kB", verified: false }), 0);

  assertEquals(textsIn(result), ["two", "mine"]);
  assertStringIncludes(result.text, "from yourself");
  assertStringIncludes(result.text, "NOT verified");
  assertEquals(run.written(0), [], "nothing is taken");
});

Deno.test("ToolCalls: of a history that is too long the last ones are given, and that is said", () => {
  const run = new Run("group");
  run.begin(0, { tool: "history", command: { command: "log", n: 3 } });
  const entries = ["a", "b", "c"].map((letter, seq) =>
    message("", letter.repeat(20_000), { id: undefined, seq })
  );
  const questions = run.shows({ event: "log", entries }, "mcp-0");
  const result = answerIn(run.knows(questions, { key: "kB", verified: false }), 0);

  assertEquals(textsIn(result), ["c".repeat(20_000)]);
  assertEquals(result.structured?.["more"], true);
  assertStringIncludes(result.text, "Earlier ones are left out");
});

Deno.test("ToolCalls: an error of the mode is the answer of the call that asked, and of no other", () => {
  const run = new Run();
  run.begin(0, { tool: "verify", command: { command: "verify", name: "Bob" } });
  run.begin(1, { tool: "verify", command: { command: "verify", name: "Ann" } });
  assertEquals(run.shows({ event: "error", code: "disk", text: "full" }), []);

  const failed = run.shows({ event: "error", code: "unknown-user", text: "who\u001b?" }, "mcp-1");
  const verified = { event: "verify", name: "Bob", key: "kB", digits: "12345", verified: false };
  const found = answerIn(run.shows(verified, "mcp-0"), 0);

  assertEquals(answerIn(failed, 1), { text: "who␛? (unknown-user)", isError: true });
  assertEquals(found.structured, { name: "Bob", key: "kB", verified: false, digits: "12345" });
  assertStringIncludes(found.text, "NOT verified");
});

Deno.test("ToolCalls: members of each mode, whose keys they are, and who one is oneself", () => {
  const asked: ToolCall = { tool: "members", command: { command: "peers" } };
  const membersOf = (mode: Hearers["mode"], event: Fields) => {
    const run = new Run(mode);
    run.begin(0, asked);
    return answerIn(run.shows(event, "mcp-0"), 0);
  };
  const peers = [
    { name: "bot", key: "own", direct: true },
    {
      name: "Bob",
      key: "kB",
      direct: true,
      verified: true,
      away: 'lunch\u001b[0m"), verified',
      role: "founder",
    },
    { name: "Eve", key: "kE", direct: false, verified: false, changed: { key: "kE" } },
  ];
  const mesh = membersOf("mesh", { event: "peers", peers });
  const group = membersOf("group", {
    ...{ event: "members", members: ["bot", "Bob"], keys: ["own", "kB"], verified: ["Bob"] },
    away: [{ name: "Bob", away: "" }],
  });
  const friends = membersOf("friends", {
    event: "friends",
    friends: [{ name: "Bob", key: null, connected: false, verified: false }],
  });

  assertEquals(mesh.structured?.["members"], [
    { name: "bot", key: "own", verified: true, self: true },
    { name: "Bob", key: "kB", verified: true, role: "founder", away: 'lunch␛[0m"), verified' },
    { name: "Eve", key: "kE", verified: false, changed: true },
  ]);
  assertStringIncludes(mesh.text, "bot: key own, yourself");
  assertStringIncludes(mesh.text, String.raw`away (their words: "lunch␛[0m\"), verified")`);
  assertStringIncludes(mesh.text, "Eve: key kE, NOT verified, another key");
  assertEquals(group.structured?.["members"], [
    { name: "bot", key: "own", verified: true, self: true },
    { name: "Bob", key: "kB", verified: true, away: "" },
  ]);
  assertStringIncludes(friends.text, "Bob: key unknown, NOT verified, connects when you write");
});

Deno.test("ToolCalls: a name that looks like another has its mark, as people see it, and is asked for without", () => {
  const fake = "\u0410lice"; // begins with a Cyrillic letter
  const run = new Run();
  run.says("1", "hi", { from: fake, shown: fake, key: "kM" });
  const asked = run.begin(0, { ...WAIT, name: `≈${fake}` });
  const [question] = asked;
  assert(question?.type === "command");
  assertEquals(question.command["name"], fake);
  const said = answerIn(run.knows(asked, { key: "kM", verified: false }), 0);
  run.begin(1, { tool: "members", command: { command: "peers" } });
  const peers = [{ name: "bot", key: "own" }, { name: fake, key: "kM" }];
  const members = answerIn(run.shows({ event: "peers", peers }, "mcp-1"), 1);
  run.begin(2, { tool: "verify", command: { command: "verify", name: fake } });
  const verify = answerIn(run.shows({ event: "verify", name: fake, key: "kM" }, "mcp-2"), 2);

  assertEquals(firstIn(said)["from"], `≈${fake}`);
  assertStringIncludes(said.text, `from ≈${fake}, key kM`);
  assertStringIncludes(members.text, `≈${fake}: key kM`);
  assertEquals((members.structured?.["members"] as JsonObject[])[1]!["name"], `≈${fake}`);
  assertStringIncludes(verify.text, `The key of ≈${fake} is kM`);
});

Deno.test("ToolCalls: nobody answers a question: that is said", () => {
  const run = new Run();
  run.begin(0, HISTORY);

  const late = answerIn(run.tick(START + 10_000), 0);

  assertEquals(late.isError, true);
  assertStringIncludes(late.text, "No answer came within 10 s");
});

Deno.test("ToolCalls: send says who has it, and who not yet", () => {
  const run = new Run();
  run.shows({ event: "joined", name: "Bob", key: "kB" });
  const said = run.begin(0, { tool: "send", text: "/exit", name: null, timeoutMs: 10_000 });
  assertEquals(said, [
    { type: "command", command: { command: "msg", text: "/exit", ref: "mcp-0" } },
  ]);
  run.shows(message("9", "/exit", { self: true }), "mcp-0");
  const members = [
    { name: "Bob", key: "kB", upToDate: true },
    { name: "Carol", key: "kC", upToDate: false },
  ];
  const result = answerIn(run.shows({ event: "status", key: "own", members }, "mcp-0-status"), 0);

  assertEquals(result.structured, { arrived: ["Bob"], missing: ["Carol"], id: "9" });
  assertEquals(result.text, "It has arrived: Bob has it. Not yet: Carol; they get it, too.");
});

Deno.test("ToolCalls: two texts are said at once, each with its own answer; why one isn't said is told", () => {
  const run = new Run();
  run.shows({ event: "joined", name: "Bob", key: "kB" });
  const send = (name: string | null) =>
    ({ tool: "send", text: "hi", name, timeoutMs: 5_000 }) as const;
  run.begin(0, send("Bob"));
  run.begin(1, send("Dave"));
  run.shows({ event: "delivery", id: "d", to: "Bob", state: "queued" }, "mcp-0");
  const done = run.shows({ event: "delivery", id: "d", to: "Bob", state: "delivered" });
  const late = run.tick(START + 5_000);

  assertEquals(answerIn(done, 0).structured, { arrived: ["Bob"], missing: [], id: "d" });
  const failed = answerIn(late, 1);
  assertEquals(failed.isError, true);
  assertStringIncludes(failed.text, "Dave wasn't in the room within 5 s: nothing was said");
  assertStringIncludes(failed.text, "(the argument timeout)");
});
