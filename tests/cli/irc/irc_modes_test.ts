/** Groups, directories and several rooms. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { IrcBench, KEY } from "./irc_bench.ts";

const ALICE = `Alice!p2p@${KEY.alice}`;
const BOB = `Bob!p2p@${KEY.bob}`;
const SERVICE = "*p2pchat!p2p@p2pchat";

function inGroup(caps = ""): IrcBench {
  const bench = new IrcBench(["msg"]);
  bench.group();
  bench.join(caps);
  return bench;
}

function inDirectory(caps = ""): IrcBench {
  const bench = new IrcBench(["msg"]);
  bench.directory();
  bench.join(caps);
  return bench;
}

Deno.test("irc group: entries have their numbers, edits say which", () => {
  const bench = inGroup("message-tags");
  bench.said("Bob", "at seven?", { seq: 12, id: "e12" });
  const edit = { event: "edit", edit: 3, seq: 12, by: "Bob", text: "at eight?", reason: "" };
  bench.event({ ...edit, outcome: "committed", committedAt: "2026-01-31T12:00:00.000Z" });
  bench.event({ ...edit, outcome: "aborted" });

  assertEquals(bench.taken(), [
    `@msgid=e12;p2pchat/seq=12 :${BOB} PRIVMSG #room :[12] at seven?`,
    `@msgid=edit-3;p2pchat/seq=12 :${BOB} NOTICE #room :edited 12: at eight?`,
    `:${SERVICE} NOTICE #room :<edit> at eight?`,
  ]);
});

Deno.test("irc group: a line of an entry never looks like an entry of its own", () => {
  const bench = inGroup("message-tags");
  bench.said("Bob", "one\n[13] two\nedited 3: no", { seq: 12, id: "e12" });
  const edit = { event: "edit", edit: 3, seq: 12, by: "Bob", text: "a\nedited 13: b", reason: "" };
  bench.event({ ...edit, outcome: "committed", committedAt: "2026-01-31T12:00:00.000Z" });
  bench.said("Bob", "/me waves\n[14] bye", { seq: 13, id: "e13" });
  bench.said("Bob", `${"x".repeat(395)} [15] forged ${"y".repeat(200)}`, { seq: 14, id: "e14" });

  const lines = bench.bare().map((line) => line.replace(/^\S+ /, ""));
  assertEquals(lines.slice(0, 7), [
    "PRIVMSG #room :[12] one",
    "PRIVMSG #room :… [13] two",
    "PRIVMSG #room :… edited 3: no",
    "NOTICE #room :edited 12: a",
    "NOTICE #room :… edited 13: b",
    "PRIVMSG #room :\x01ACTION [13] waves\x01",
    "PRIVMSG #room :\x01ACTION … [14] bye\x01",
  ]);
  assert(lines.slice(8).every((line) => line.startsWith("PRIVMSG #room :… ")), lines.join("\n"));
});

Deno.test("irc group: what the program tells of several authors can't be forged by one", () => {
  const bench = inGroup();
  bench.line("PRIVMSG *p2pchat :log 5");
  bench.answer({ event: "log", text: "12:00 <Bob> hi\n12:01 <Carol> forged" });

  assertEquals(bench.bare(), [
    `:${SERVICE} PRIVMSG Alice :<log> 12:00 <Bob> hi`,
    `:${SERVICE} PRIVMSG Alice :… 12:01 <Carol> forged`,
  ]);
});

Deno.test("irc group: y and n go to the program, with what was asked where they were typed", () => {
  const bench = inGroup();
  const answers = (line: string) => {
    bench.line(`PRIVMSG #room :${line}`);
    return [bench.ran.command, bench.ran.questions];
  };
  assertEquals(answers("y"), [{ command: "msg", text: "y" }, []]);
  const vote = { event: "vote-wanted", seq: 1, by: "Bob", old: "a", new: "b" };
  bench.event({ ...vote, edit: 7 });
  bench.event({ ...vote, edit: 8 });
  assertEquals(answers("Y"), ["Y", ["vote 7", "vote 8"]]);
  assertEquals(answers("go"), [{ command: "msg", text: "go" }, []]);
  bench.line("PRIVMSG *p2pchat :go 7");
  assertEquals(bench.ran.command, "/go 7");
  bench.answer({ event: "error", code: "not-allowed", text: "Nothing was done: read it" });
});

Deno.test("irc group: all of a change comes, however long it is, or it is told that it didn't", () => {
  const bench = inGroup();
  const vote = { event: "vote-wanted", seq: 1, by: "Bob", old: "a", new: "b" };
  const rows = (count: number) => Array.from({ length: count }, (_, at) => `+ line ${at}`);
  bench.event({ ...vote, edit: 6, lines: ["change 6?"] });
  assertEquals(bench.asked.splice(0), [["vote 6", true]], "it may be a script");
  bench.answerPing();
  bench.event({ ...vote, edit: 7, lines: rows(600) });
  assertEquals(bench.taken().length, 601);
  assertEquals(bench.asked, [["vote 7", false]], "nobody has read it yet");
  bench.line("PONG asked-1");
  bench.event({ ...vote, edit: 8, lines: rows(3_000) });
  assertStringIncludes(
    bench.taken().at(-1)!,
    "... 1,000 more lines, which the program's own console",
  );
  assertEquals(bench.asked, [["vote 7", false], ["vote 7", true], ["vote 8", false]]);
});

Deno.test("irc group: nothing is private, and nobody's name is changed", () => {
  const bench = inGroup();
  const count = bench.runs.length;
  bench.line("PRIVMSG Bob :psst\nPRIVMSG Dora :psst\nNICK other");

  const text = "Nothing was sent: a group has no private messages; say it in the channel to all";
  const lines = bench.bare();
  assertEquals(lines[0], `:${BOB} NOTICE Alice :${text}`);
  assertEquals(lines[1], `:p2pchat.local 401 Alice Dora :${text}`);
  assert(lines[2]!.includes(" 447 "), lines[2]);
  assertEquals(bench.runs.length, count);
});

Deno.test("irc group: views tell who comes and goes", () => {
  const bench = inGroup();
  bench.view(["Alice", "Bob", "Carol"]);
  bench.view(["Alice", "Carol"], [{ name: "Bob", reason: "lost" }]);

  assertEquals(bench.bare(), [
    `:Carol!p2p@${KEY.carol} JOIN #room`,
    `:${BOB} QUIT :lost: no answer`,
  ]);
});

Deno.test("irc directory: the lobby is a channel, in which all are told", () => {
  const bench = inDirectory("echo-message labeled-response batch");
  bench.line("@label=b PRIVMSG #lobby :lunch");
  assertEquals(bench.ran.command, { command: "broadcast", text: "lunch" });
  const own = { event: "broadcast", from: "Alice", key: KEY.alice, self: true };
  bench.answer({ ...own, id: "b1", text: "lunch" });
  bench.answer({ event: "broadcast-sent", id: "b1", reached: 2, text: "lunch" });
  bench.event({ ...own, id: "b0", text: "from the console" });
  bench.event({ event: "broadcast", id: "b2", from: "Bob", key: KEY.bob, text: "where?" });
  bench.event({ event: "broadcast", id: "b3", from: "*directory*", key: "dir", text: "bye" });

  assertEquals(bench.taken(), [
    `@label=b :${ALICE} PRIVMSG #lobby :lunch`,
    `:${ALICE} PRIVMSG #lobby :from the console`,
    `:${BOB} PRIVMSG #lobby :where?`,
    ":*directory*!p2p@dir PRIVMSG #lobby :bye",
  ]);
});

Deno.test("irc directory: a client without echo-message isn't told what it has said itself", () => {
  const bench = inDirectory("labeled-response batch");
  const own = { event: "broadcast", from: "Alice", key: KEY.alice, self: true };
  bench.line("@label=b PRIVMSG #lobby :lunch");
  bench.answer({ ...own, id: "b1", text: "lunch" });
  bench.answer({ event: "broadcast-sent", id: "b1", reached: 2, text: "lunch" });
  bench.event({ ...own, id: "b2", text: "from the page" });

  assertEquals(bench.taken(), [
    "@label=b :p2pchat.local ACK",
    `:${ALICE} PRIVMSG #lobby :from the page`,
  ]);
});

Deno.test("irc directory: the answers speak of the directory, not of a room or its title", () => {
  const bench = inDirectory();
  bench.line("KICK #lobby Bob\nINVITE Bob #lobby\nJOIN #other\nMODE #lobby +i");
  const words = bench.bare().map((line) => line.slice(line.lastIndexOf(" :") + 2));
  assertEquals(words, [
    "Nobody was removed: the directory's operator decides who comes in, and who stays",
    "Nobody was invited: the directory's operator decides who comes in, and who stays",
    "There is no such channel: a directory has but one",
    "A directory has no modes to change; /msg *p2pchat help lists what can be done",
  ]);
  bench.line("TOPIC #lobby :ours\nPART #lobby\nQUIT");
  const lines = bench.bare();
  assertStringIncludes(lines[0]!, " 482 Alice #lobby :Nothing was done: a directory has no title");
  assertStringIncludes(
    lines[2]!,
    "still in the directory: /join #lobby shows it again; /msg *p2pchat quit leaves it",
  );
  assertStringIncludes(lines[3]!, "Goodbye: you are still in the directory");
});

Deno.test("irc: NAMES without a channel lists all of them", () => {
  const bench = inDirectory();
  bench.line("NAMES");
  assertEquals(bench.bare().map((line) => line.replace(/^\S+ /, "")), [
    "353 Alice = #lobby :Alice Bob Carol",
    "366 Alice #lobby :End of the list of names",
  ]);
  const nowhere = new IrcBench();
  nowhere.join();
  nowhere.line("NAMES");
  assertStringIncludes(nowhere.bare().join(), " * :End of the list of names");
});

Deno.test("irc directory: who is online is in the channel", () => {
  const bench = inDirectory();
  bench.event({ event: "presence", name: "Bob", key: KEY.bob, state: "busy" });
  bench.event({ event: "presence", name: "Bob", key: KEY.bob, state: "offline" });
  bench.event({ event: "presence", name: "Dora", key: "dorakey", state: "free", guest: true });
  bench.event({ event: "users", isAnswer: true, users: [] });
  bench.event({ event: "users", users: [{ name: "Dora", key: "dorakey", state: "free" }] });

  assertEquals(bench.bare(), [
    `:${BOB} QUIT :logged out`,
    ":Dora!p2p@dorakey JOIN #lobby",
    `:Carol!p2p@${KEY.carol} QUIT :logged out`,
  ]);
});

Deno.test("irc directory: who is away, or in a call, is away", () => {
  const bench = inDirectory("away-notify");
  const bob = { event: "presence", name: "Bob", key: KEY.bob };
  const flags: unknown[] = [];
  for (const state of [{ state: "busy" }, { state: "free" }, { state: "free", away: "lunch" }]) {
    bench.event({ ...bob, ...state });
    bench.line("WHO Bob");
    flags.push(...bench.bare().map((line) => / AWAY.*| Bob [HG] /.exec(line)?.[0] ?? ""));
  }
  assertEquals(flags, [
    ...[" AWAY :in a call", " Bob G ", ""],
    ...[" AWAY", " Bob H ", ""],
    ...[" AWAY :lunch", " Bob G ", ""],
  ]);
});

Deno.test("irc directory: who is written to alone is called, and told once connected", () => {
  const bench = inDirectory();
  bench.line("PRIVMSG Bob :hi\nPRIVMSG Bob :are you there?");
  assertEquals(bench.ran.command, { command: "call", name: "Bob" });
  bench.answer({ event: "call", peer: "Bob", state: "ringing" });
  const count = bench.runs.length;
  bench.line("PRIVMSG Carol :psst");
  assert(bench.bare().at(-1)!.includes("you are in a call with Bob"));
  assertEquals(bench.runs.length, count);
  bench.event({ event: "call", peer: "Bob", key: KEY.bob, state: "connected" });
  assertEquals(bench.runs.slice(-2).map(({ command }) => command), [
    { command: "msg", name: "Bob", text: "hi" }, // another may have been accepted meanwhile
    { command: "msg", name: "Bob", text: "are you there?" },
  ]);
  bench.taken();
  bench.said("Bob", "yes");
  bench.said("Alice", "from the console");
  assertEquals(bench.bare(), [
    `:${BOB} PRIVMSG Alice :yes`,
    `:${ALICE} PRIVMSG Bob :from the console`,
  ]);
});

Deno.test("irc directory: what a call that never was would have been told is counted", () => {
  const bench = inDirectory();
  bench.line("PRIVMSG Bob :hi\nPRIVMSG Bob :there?");
  bench.event({ event: "call", peer: "Bob", state: "declined" });
  assert(bench.bare().some((line) => line.includes("2 lines of yours weren't sent")));

  bench.line("PRIVMSG Eve :hi");
  bench.answer({ event: "error", code: "offline", text: "Eve isn't online" });
  const lines = bench.bare();
  assert(lines.some((line) => line.includes("What you wrote wasn't sent")), lines.join("\n"));
  assert(lines.at(-1)!.includes("Eve isn't online"));
  bench.line("PRIVMSG Bob :again");
  bench.event({ event: "call", peer: "Bob", key: "k", state: "connected", changed: true });
  assert(bench.bare().at(-2)!.endsWith("wasn't sent: it is ANOTHER than you verified"));
  assertEquals(bench.ran.command, { command: "call", name: "Bob" });
});

Deno.test("irc directory: whose name imitates another is told with the mark once the call is over", () => {
  const bench = inDirectory();
  const [name, shown] = ["B\u0435a", "\u2248B\u0435a"]; // with a Cyrillic letter
  bench.line(`PRIVMSG ${shown} :hi`);
  bench.answer({ event: "call", peer: name, state: "ringing" });
  bench.event({ event: "call", peer: name, state: "connected" });
  bench.event({ event: "call", peer: name, state: "ended" });
  bench.taken();
  bench.line(`PRIVMSG ${shown} :one more thing`);
  const [refused = ""] = bench.bare();
  assert(
    refused.includes(`the call with ${shown} is over; /msg *p2pchat call ${shown} calls`),
    refused,
  );
});

Deno.test("irc directory: what is written once a call is over is refused, and calls nobody", () => {
  const bench = inDirectory();
  bench.line("PRIVMSG Bob :hi");
  bench.answer({ event: "call", peer: "Bob", state: "ringing" });
  bench.event({ event: "call", peer: "Bob", state: "connected" });
  bench.event({ event: "call", peer: "Bob", state: "ended" });
  bench.taken();
  const { length } = bench.runs;
  bench.line("PRIVMSG Bob :one more thing\nPRIVMSG Bob :and another");
  assertEquals(bench.runs.length, length);
  const refused = `:${BOB} NOTICE Alice :Nothing was sent: the call with Bob is over; ` +
    "/msg *p2pchat call Bob calls again";
  assertEquals(bench.bare(), [refused, refused]);

  bench.line("PRIVMSG Carol :hi");
  assertEquals(bench.ran.command, { command: "call", name: "Carol" });
  bench.answer({ event: "call", peer: "Carol", state: "declined" });
  bench.line("PRIVMSG *p2pchat :call Bob");
  bench.answer({ event: "call", peer: "Bob", state: "ringing" });
  bench.line("PRIVMSG Bob :there you are");
  bench.event({ event: "call", peer: "Bob", state: "connected" });
  assertEquals(bench.ran.command, { command: "msg", name: "Bob", text: "there you are" });
});

Deno.test("irc directory: a call is answered in its query", () => {
  const bench = inDirectory();
  bench.event({ event: "incoming", call: "c", from: "Bob", key: KEY.bob });
  bench.line("PRIVMSG Bob :hello");
  assert(bench.bare().at(-1)!.includes("Bob is calling; y accepts"));
  bench.line("PRIVMSG Bob :y");
  assertEquals([bench.ran.command, bench.ran.questions], ["y", ["call c"]]);
});

Deno.test("irc directory: what is said in a call has the other's key as its host, also when it is shown again", () => {
  const bench = inDirectory("account-tag");
  const call = { event: "call", peer: "Guest", key: "guestkey" };
  bench.event({ ...call, state: "connected" });
  bench.said("Guest", "hi", { key: undefined, private: undefined });
  bench.said("Alice", "hello", { key: undefined, private: undefined });
  bench.event({ ...call, state: "ended" });
  const said = [
    ":Guest!p2p@guestkey PRIVMSG Alice :hi",
    `:${ALICE} PRIVMSG Guest :hello`,
  ];
  assertEquals(bench.taken().filter((line) => line.includes(" PRIVMSG ")), [
    `@account=guestkey ${said[0]}`,
    `@account=${KEY.alice} ${said[1]}`,
  ]);

  bench.step({ type: "gone", client: 1 });
  const again = bench.join("", 2).map((line) => line.replace(/\[[^\]]*\] /, ""));
  assertEquals(again.filter((line) => line.includes(" PRIVMSG ")), said);
});

Deno.test("irc directory: a client that comes while a call rings is told of it, and only then y accepts", () => {
  const bench = new IrcBench(["msg"]);
  bench.directory();
  bench.event({ event: "incoming", call: "c", from: "Bob", key: KEY.bob });
  assertEquals(bench.join().at(-1), `:${BOB} PRIVMSG Alice :<incoming>; here y or n is enough`);
  bench.line("PRIVMSG Bob :y");
  assertEquals([bench.ran.command, bench.ran.questions], ["y", ["call c"]]);

  bench.event({ event: "call", call: "c", peer: "Bob", key: KEY.bob, state: "connected" });
  bench.line("QUIT");
  assert(!bench.join("", 2).some((line) => line.includes("<incoming>")));
});

Deno.test("irc group: a client that comes while votes are wanted is asked, and its y counts", () => {
  const bench = new IrcBench(["msg"]);
  bench.group();
  const vote = { event: "vote-wanted", seq: 1, by: "Bob", old: "a", new: "b" };
  bench.event({ ...vote, edit: 7, lines: ["change 7?"] });
  bench.event({ ...vote, edit: 8, lines: ["change 8?"] });
  bench.event({ ...vote, edit: 9, lines: ["change 9?"] });
  bench.event({ event: "edit", edit: 7, seq: 1, by: "Bob", text: "b", outcome: "aborted" });
  bench.event({ event: "notice", edit: 9, text: "You agreed to the change of entry 1" });
  const asked = bench.join().filter((line) => line.includes("change "));
  assertEquals(asked, [`:${SERVICE} NOTICE #room :change 8?; here y or n is enough`]);
  bench.line("PRIVMSG #room :y");
  assertEquals(bench.ran.questions, ["vote 8"]);
});

Deno.test("irc rooms: a client that comes is told of the files offered meanwhile that may be fetched, each where it is for", () => {
  const bench = new IrcBench(["msg"]);
  bench.room();
  const offer = { event: "offer", from: "Bob", key: KEY.bob, self: false };
  const offers = (client: number) => bench.join("", client).filter((line) => line.includes("file"));
  bench.event({ ...offer, id: "1", file: 1, lines: ["file 1"] });
  bench.event({ ...offer, id: "2", file: 2, to: "Alice", lines: ["file 2"] });
  bench.event({ ...offer, id: "3", file: 3, lines: ["file 3"] });
  bench.event({ event: "transfer", id: "3", file: 3, state: "failed", reason: "withdrawn" });
  bench.event({ ...offer, file: 4, taken: true, lines: ["file 4"] });
  bench.event({ ...offer, file: 5, history: true, lines: ["file 5"] });
  assertEquals(offers(1), [
    `:${SERVICE} NOTICE #room :file 1; here y or n is enough`,
    `:${BOB} NOTICE Alice :file 2`,
  ]);
  bench.step({ type: "drained", client: 1 });
  bench.line("QUIT");
  assertEquals(offers(2), []);
});

Deno.test("irc rooms: who has fetched one's own file is told where it was offered", () => {
  const bench = new IrcBench(["msg"]);
  bench.room();
  bench.join();
  const offer = { event: "offer", from: "Alice", self: true };
  bench.event({ ...offer, file: 1 });
  bench.event({ ...offer, file: 2, to: "Bob" });
  bench.taken();
  const done = { event: "transfer", state: "done", self: true, to: "Bob" };
  for (const file of [1, 2]) bench.event({ ...done, file, lines: [`Bob has ${file}`] });
  assertEquals(bench.bare(), [
    `:${SERVICE} NOTICE #room :Bob has 1`,
    `:${BOB} NOTICE Alice :Bob has 2`,
  ]);
});

Deno.test("irc directory: an answer to who calls no more calls nobody", () => {
  const bench = inDirectory();
  bench.event({ event: "incoming", call: "c", from: "Bob", key: KEY.bob });
  bench.event({ event: "call", call: "c", peer: "Bob", state: "ended", reason: "cancelled" });
  bench.taken();
  const { length } = bench.runs;
  bench.line("PRIVMSG Bob :Y ");
  bench.line("PRIVMSG Bob :n");
  const refused = `:${BOB} NOTICE Alice :Nothing was sent: Bob isn't calling; ` +
    "/msg *p2pchat call Bob calls";
  assertEquals([bench.runs.length, bench.bare()], [length, [refused, refused]]);

  bench.line("PRIVMSG Bob :hi");
  assertEquals(bench.ran.command, { command: "call", name: "Bob" });
  bench.line("PRIVMSG Bob :y");
  bench.answer({ event: "call", peer: "Bob", state: "ringing" });
  bench.event({ event: "call", peer: "Bob", state: "connected" });
  assertEquals(bench.ran.command, { command: "msg", name: "Bob", text: "y" }, "in the call");
});

Deno.test("irc rooms: several rooms are several channels", () => {
  const bench = new IrcBench();
  bench.room("One");
  bench.event({ event: "ready", command: "mesh", name: "Alice", key: KEY.alice, room: "r2" });
  bench.answer({
    event: "rooms",
    rooms: [{ room: "r1", title: "One" }, { room: "r2", title: "Two" }],
  });
  bench.joined("Bob", KEY.bob, { room: "r2" });
  bench.joined("Bob", "another", { room: "r2" });
  const lines = bench.join();
  assert(lines.includes(`:${ALICE} JOIN #One`) && lines.includes(`:${ALICE} JOIN #Two`));
  assert(lines.some((line) => line.endsWith("#Two :Alice Bob Bob^anot")), lines.join("\n"));

  bench.line("PRIVMSG #two :hi");
  assertEquals(bench.ran.command, { command: "msg", text: "hi", room: "r2" });
  bench.said("Bob", "in two", { room: "r2" });
  bench.said("Bob", "in one", { room: "r1" });
  bench.event({ event: "left", name: "Bob", key: KEY.bob, reason: "quit", room: "r2" });
  bench.event({ event: "parted", number: 2, title: "Two", reason: "quit", room: "r2" });
  assertEquals(bench.bare(), [
    `:${BOB} PRIVMSG #Two :in two`,
    `:${BOB} PRIVMSG #One :in one`,
    `:${BOB} PART #Two :left`,
    `:${ALICE} PART #Two :left`,
  ]);
});

Deno.test("irc rooms: a room whose title can't be had is a channel all the same", () => {
  const bench = new IrcBench();
  bench.event({ event: "ready", command: "mesh", name: "Alice", key: KEY.alice, room: "r1" });
  bench.answer({ event: "error", code: "disk", text: "no" });

  assert(bench.join().includes(`:${ALICE} JOIN #room`));
});
