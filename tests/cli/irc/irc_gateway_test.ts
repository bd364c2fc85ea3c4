import { assert, assertEquals } from "@std/assert";
import {
  ANSWER_MS_MAX,
  CHANCE_MS,
  PING_AFTER_MS,
  REGISTRATION_MS_MAX,
  REPLAYED_MAX,
  WAITING_MAX,
} from "../../../lib/cli/irc/irc_gateway.ts";
import { LINES_BEFORE_MAX } from "../../../lib/cli/irc/irc_registration.ts";
import { RECEIPT_AFTER_MS } from "../../../lib/cli/irc/irc_receipts.ts";
import { IrcBench, KEY, PASSWORD } from "./irc_bench.ts";

const ALICE = `Alice!p2p@${KEY.alice}`;
const BOB = `Bob!p2p@${KEY.bob}`;
const SERVICE = "*p2pchat!p2p@p2pchat";

function inRoom(caps = "", title: string | null = null): IrcBench {
  const bench = new IrcBench();
  bench.room(title);
  bench.join(caps);
  return bench;
}

/** Lines that say something. */
const said = (lines: readonly string[]) => lines.filter((line) => line.includes(" PRIVMSG "));

/** The numerics among lines. */
const numerics = (lines: readonly string[]) =>
  lines.map((line) => /^:\S+ (\d{3}) /.exec(line)?.[1]).filter((each) => each !== undefined);

Deno.test("irc: a client that gives the password is let in, and is in the room", () => {
  const bench = new IrcBench();
  bench.room("The Club");

  const lines = bench.join();

  assertEquals(numerics(lines), [
    ...["001", "002", "003", "004", "005", "005", "375", "372", "372", "372", "376"],
    ...["332", "353", "366"],
  ]);
  assert(lines[0]!.startsWith(":p2pchat.local 001 Alice :"), lines[0]);
  assert(lines.includes(`:${ALICE} JOIN #The-Club`));
  assert(lines.includes(":p2pchat.local 332 Alice #The-Club :The Club"));
  assert(lines.includes(":p2pchat.local 353 Alice = #The-Club :Alice Bob"));
  assertEquals(bench.closed, []);
});

Deno.test("irc: what the server supports is told", () => {
  const bench = new IrcBench();
  bench.room();
  const told = bench.join().filter((line) => line.includes(" 005 ")).join(" ");

  const some = [
    "CASEMAPPING=ascii",
    "NICKLEN=32",
    "CHATHISTORY=500",
    "UTF8ONLY",
    "CLIENTTAGDENY=*",
  ];
  for (const token of some) {
    assert(told.includes(` ${token} `), told);
  }
});

Deno.test("irc: a wrong password, or none, is refused and nothing is told", () => {
  for (const pass of ["PASS :wrong\n", ""]) {
    const bench = new IrcBench();
    bench.room();
    bench.step({ type: "connected", client: 1 });
    bench.line(`${pass}NICK a\nUSER a 0 * a`);

    const lines = bench.bare();

    assertEquals(numerics(lines), ["464"]);
    assert(lines.at(-1)!.startsWith("ERROR :"));
    assert(!lines.join().includes("Alice"), lines.join());
    assertEquals(bench.closed, [1]);
  }
});

Deno.test("irc: whoever has the password comes in, however many were wrong before; the user is told of many", () => {
  const bench = new IrcBench();
  bench.room();
  const guess = (client: number, password: string) => {
    bench.step({ type: "connected", client });
    bench.line(`PASS :${password}\nNICK a\nUSER a 0 * a`, client);
    return bench.bare(client).at(-1)!;
  };
  for (let client = 1; client <= 5; client++) assert(guess(client, "wrong").includes("ERROR"));
  assertEquals(bench.warned, [], "they may be typing errors");
  for (let client = 6; client <= 200; client++) guess(client, "wrong");
  assertEquals(bench.warned.length, 1);

  assert(guess(201, PASSWORD).includes(" 366 "));
  bench.step({ type: "gone", client: 201 });
  for (let client = 202; client <= 206; client++) guess(client, "wrong");
  bench.nowMs += 3_600_000;
  assertEquals(bench.warned.length, 1, "one right one ends the row");
  guess(207, "wrong");
  assertEquals(bench.warned.length, 2);
});

Deno.test("irc: of connections that say nothing the oldest give way", () => {
  const bench = new IrcBench();
  bench.room();
  for (let client = 1; client <= WAITING_MAX; client++) bench.step({ type: "connected", client });
  assertEquals(bench.closed, []);

  assert(bench.join("", 100).some((line) => line.includes(" 366 ")));
  assertEquals(bench.closed, [1]);
  assert(bench.bare(1).at(-1)!.startsWith("ERROR :"));
});

Deno.test("irc: whoever has given the password doesn't give way, however slowly the rest comes", () => {
  const bench = new IrcBench();
  bench.room();
  bench.step({ type: "connected", client: 1 });
  bench.line(`PASS :${PASSWORD}\nCAP LS 302\nNICK a`);
  for (let client = 2; client <= 100; client++) bench.step({ type: "connected", client });
  bench.line("USER a 0 * a\nCAP END");

  assert(bench.bare().some((line) => line.includes(" 366 ")));
  assertEquals(bench.closed, Array.from({ length: 99 - (WAITING_MAX - 1) }, (_, at) => at + 2));
});

Deno.test("irc: of those that have given the password the first gives way to more of them", () => {
  const bench = new IrcBench();
  bench.room();
  for (let client = 1; client <= WAITING_MAX + 1; client++) {
    bench.step({ type: "connected", client });
    bench.line(`PASS :${PASSWORD}`, client);
  }

  assertEquals(bench.closed, [1]);
});

/** What is read of connections, so long after they were taken: the rest of the program has its time, too. */
const READ_MS = 40;

/** A flood of connections, each of which comes again once it is closed, and a client with the password among them. */
class Flood {
  readonly bench = new IrcBench();
  /** Those that aren't taken yet, as a system keeps them. */
  readonly #queue: (readonly string[])[] = [];
  readonly #open = new Map<number, { readonly lines: readonly string[]; readMs: number }>();
  #count = 0;
  #friend: number | null = null;

  constructor(connections: number, readonly lines: readonly string[]) {
    this.bench.room();
    for (let at = 0; at < connections; at++) this.#queue.push(lines);
  }

  /** @returns After how many ms it is in; null: it was closed. */
  friendComesIn(): number | null {
    this.pass();
    this.#queue.push([`PASS :${PASSWORD}`, "CAP LS 302", "NICK a", "USER a 0 * a"]);
    for (let ms = 0; ms < 30_000; ms++) {
      this.pass();
      if (this.#friend === null) continue;
      if (this.bench.closed.includes(this.#friend)) return null;
      const sent = this.bench.sentSoFar(this.#friend).join();
      if (sent.includes(" 366 ")) return ms;
      if (sent.includes(" LS ")) this.bench.line("CAP END", this.#friend);
    }
    throw new Error("It waits forever");
  }

  /** A millisecond. */
  pass(): void {
    const { bench } = this;
    bench.nowMs += 1;
    for (let taken = 0; taken < 8 && bench.gateway.crowdedMs(bench.nowMs) === 0; taken++) {
      const lines = this.#queue.shift();
      if (lines === undefined) break;
      const client = ++this.#count;
      if (lines !== this.lines) this.#friend = client;
      this.#open.set(client, { lines, readMs: bench.nowMs + READ_MS });
      bench.step({ type: "connected", client });
    }
    for (const [client, { lines, readMs }] of this.#open) {
      if (readMs === bench.nowMs) { for (const line of lines) bench.line(line, client); }
    }
    for (const client of bench.closed) {
      if (client !== this.#friend && this.#open.delete(client)) this.#queue.push(this.lines);
    }
  }
}

Deno.test("irc: whoever has the password is heard, and in soon, whatever a flood of connections says", () => {
  const guess = ["PASS :wrong", "NICK a", "USER a 0 * a"];
  for (const lines of [guess, ["PASS :wrong"], []]) {
    const ms = new Flood(300, lines).friendComesIn();
    assert(ms !== null && ms < 2_000, `${lines}: ${ms}`);
  }
});

Deno.test("irc: a place is free at once where somebody leaves, or is in", () => {
  const bench = new IrcBench();
  const crowdedMs = () => bench.gateway.crowdedMs(bench.nowMs);
  for (let client = 1; client < WAITING_MAX; client++) bench.step({ type: "connected", client });
  assertEquals(crowdedMs(), 0);
  bench.step({ type: "connected", client: WAITING_MAX });
  assertEquals(crowdedMs(), CHANCE_MS);
  bench.nowMs += 1;
  assertEquals(crowdedMs(), CHANCE_MS - 1);
  bench.step({ type: "gone", client: 3 });
  assertEquals(crowdedMs(), 0);
  bench.join("", 99);
  assertEquals(crowdedMs(), 0, "who is in takes no place");
});

Deno.test("irc: who says much before telling who it is takes nobody's time for long", () => {
  const bench = new IrcBench();
  bench.step({ type: "connected", client: 1 });
  bench.line("PING x\n".repeat(LINES_BEFORE_MAX - 1));
  assertEquals(bench.closed, []);
  bench.line("PING x");

  assertEquals(bench.closed, [1]);
  assert(bench.bare().at(-1)!.includes("too much"));
});

Deno.test("irc: what a browser sends for a page is cut off without a word", () => {
  const bench = new IrcBench();
  bench.room();
  for (const [at, line] of ["POST / HTTP/1.1", "get /x", "OPTIONS * HTTP/1.1"].entries()) {
    bench.step({ type: "connected", client: at });
    bench.line(`${line}\nPASS :${PASSWORD}\nNICK a\nUSER a 0 * a`, at);
    assertEquals(bench.taken(at), []);
  }
  assertEquals(bench.cut, [0, 1, 2]);
  bench.step({ type: "connected", client: 3 });
  bench.step({ type: "line", client: 3, line: { bytes: 9_000, isUnended: true } });
  assertEquals(bench.cut, [0, 1, 2, 3]);
  assert(bench.join("", 4).some((line) => line.includes(" 366 ")));
  bench.line("POST / HTTP/1.1", 4);
  assertEquals(numerics(bench.bare(4)), ["421"], "later it is a command, which there isn't");
});

Deno.test("irc: a second client is refused in words, and the first one goes on", () => {
  const bench = inRoom();
  assertEquals(bench.join("", 2), []);
  assert(/ PING \d+$/.test(bench.bare()[0]!));
  bench.line("PONG x");

  assert(bench.bare(2).at(-1)!.startsWith("ERROR :Another client is connected"));
  assertEquals(bench.closed, [2]);
  bench.said("Bob", "hi");
  assertEquals(bench.bare(), [`:${BOB} PRIVMSG #room :hi`]);
});

Deno.test("irc: a client that hangs gives way within 10 s to one with the password, and to no other", () => {
  const bench = inRoom();
  bench.step({ type: "connected", client: 2 });
  bench.line("PASS :wrong\nNICK a\nUSER a 0 * a", 2);
  assertEquals([bench.closed, bench.bare()], [[2], []]);
  assertEquals([bench.join("", 3), bench.join("", 4)], [[], []]);
  assertEquals(bench.gateway.nextDeadlineMs(), bench.nowMs + ANSWER_MS_MAX);
  bench.nowMs += ANSWER_MS_MAX - 1;
  bench.step({ type: "tick" });
  assertEquals(bench.closed, [2]);
  bench.nowMs += 1;
  bench.step({ type: "tick" });

  assert(bench.bare().at(-1)!.startsWith("ERROR :No answer to PING"));
  assert(bench.bare(3).some((line) => line.includes(" 366 ")));
  assertEquals(bench.closed, [2, 1, 4]);
  assertEquals(bench.join("", 5), []);
  bench.step({ type: "gone", client: 3 });
  assert(bench.bare(5).some((line) => line.includes(" 366 ")), "whoever waits is in at once");
});

Deno.test("irc: what isn't UTF-8 is answered with FAIL, and done or said by nobody; a client may leave so", () => {
  for (
    const [caps, fail] of [["standard-replies", "FAIL PRIVMSG INVALID_UTF8"], [
      "",
      "NOTICE Alice :PRIVMSG",
    ]]
  ) {
    const bench = inRoom(caps);
    const runs = bench.runs.length;
    const { length } = bench.bare();
    bench.step({ type: "line", client: 1, line: { replaced: "PRIVMSG #room :caf\ufffd" } });
    assert(bench.bare()[0]!.startsWith(`:p2pchat.local ${fail}`), `${length}`);
    bench.step({ type: "line", client: 1, line: { replaced: "QUIT :\ufffd" } });
    assertEquals([bench.runs.length, bench.closed], [runs, [1]]);
  }
  const bench = new IrcBench();
  bench.room();
  bench.step({ type: "connected", client: 1 });
  bench.line(`PASS :${PASSWORD}\nNICK a`);
  bench.step({ type: "line", client: 1, line: { replaced: "USER a 0 * :J\ufffdrg" } });
  assert(bench.bare().some((line) => line.includes(" 366 ")), "nobody reads that name");
});

Deno.test("irc: a second client is told if the first one's last lines are still being said", () => {
  const bench = inRoom();
  bench.behind.add(1);

  assert(
    bench.join("", 2).at(-1)!.startsWith("ERROR :Another client's last lines are still being"),
  );
});

Deno.test("irc: once a client is gone another one is let in", () => {
  const bench = inRoom();
  bench.step({ type: "gone", client: 1 });

  assert(bench.join("", 2).some((line) => line.includes(" 366 ")));
});

Deno.test("irc: who doesn't register is closed, and who is silent is asked and then gone", () => {
  const bench = new IrcBench();
  bench.room();
  bench.step({ type: "connected", client: 1 });
  assertEquals(bench.gateway.nextDeadlineMs(), bench.nowMs + REGISTRATION_MS_MAX);
  bench.nowMs += REGISTRATION_MS_MAX;
  bench.step({ type: "tick" });
  assertEquals(bench.closed, [1]);

  bench.join("", 2);
  bench.nowMs += PING_AFTER_MS;
  bench.step({ type: "tick" });
  assert(/^:p2pchat\.local PING \d+$/.test(bench.bare(2)[0]!));
  bench.line("PONG p2pchat.local", 2);
  bench.nowMs += PING_AFTER_MS;
  bench.step({ type: "tick" });
  bench.nowMs += PING_AFTER_MS;
  bench.step({ type: "tick" });
  assertEquals(bench.closed, [1, 2]);
});

Deno.test("irc: before the log-in a directory says where that is done", () => {
  const bench = new IrcBench();
  const registry = "dir.example";
  bench.event({ event: "ready", command: "peer", name: "Alice", key: KEY.alice, registry });
  assert(bench.join().at(-1)!.includes("You aren't logged in yet: log in at the console"));
});

Deno.test("irc: before the program is in a room there is no channel, and then it comes", () => {
  const bench = new IrcBench();
  assert(bench.join().at(-1)!.includes("isn't in a room yet"));
  bench.room();

  const lines = bench.bare();

  assert(lines.some((line) => line.endsWith(" NICK Alice")), lines.join("\n"));
  assert(lines.includes(`:${ALICE} JOIN #room`));
  assert(lines.includes(`:${BOB} JOIN #room`));
});

Deno.test("irc: what is said in the channel is said in the room", () => {
  const bench = inRoom();
  bench.line("PRIVMSG #ROOM :hello all");

  assertEquals(bench.ran.command, { command: "msg", text: "hello all" });
  bench.said("Alice", "hello all", { ref: bench.ran.ref });
  assertEquals(bench.bare(), []); // the client has shown it itself
  bench.said("Alice", "from the console");
  assertEquals(bench.bare(), [`:${ALICE} PRIVMSG #room :from the console`]);
});

Deno.test("irc: with echo-message and a label the client is told of its own message", () => {
  const bench = inRoom("echo-message labeled-response batch server-time message-tags account-tag");
  bench.line("@label=x1 PRIVMSG #room :hi");
  assertEquals(bench.taken(), []);
  bench.said("Alice", "hi", { ref: bench.ran.ref, id: "id1" });

  assertEquals(bench.taken(), [
    `@time=2026-01-31T12:00:04.000Z;msgid=id1;account=alicekey;label=x1 :${ALICE} PRIVMSG #room :hi`,
  ]);
});

Deno.test("irc: without echo-message a label is acknowledged; an error carries it, too", () => {
  const bench = inRoom("labeled-response batch");
  bench.line("@label=x1 PRIVMSG #room :hi");
  bench.said("Alice", "hi", { ref: bench.ran.ref });
  assertEquals(bench.taken(), ["@label=x1 :p2pchat.local ACK"]);

  bench.line("@label=x2 PRIVMSG Bbo :hi");
  bench.answer({ event: "error", code: "unknown-user", text: "nobody is called Bbo" });
  assertEquals(bench.taken(), [
    "@label=x2 :p2pchat.local 401 Alice Bbo :nobody is called Bbo",
  ]);
  bench.joined("Bob", KEY.bob);
  bench.taken();
  bench.line("@label=x5 PRIVMSG Bob :hi");
  bench.answer({ event: "error", code: "full", text: "100 messages wait already" });
  assertEquals(bench.taken(), [
    `@label=x5 :Bob!p2p@${KEY.bob} NOTICE Alice :100 messages wait already`,
  ]);
  bench.line("@label=x3 PONG");
  assertEquals(bench.taken(), ["@label=x3 :p2pchat.local ACK"]);
  bench.line("@label=x4 MOTD");
  const lines = bench.taken();
  assertEquals(lines[0], "@label=x4 :p2pchat.local BATCH +b1 labeled-response");
  assert(lines.slice(1, -1).every((line) => line.startsWith("@batch=b1 :")));
  assertEquals(lines.at(-1), ":p2pchat.local BATCH -b1");
});

Deno.test("irc: a private message is a query, both ways", () => {
  const bench = inRoom("echo-message");
  bench.line("PRIVMSG Bob :psst");
  assertEquals(bench.ran.command, { command: "msg", name: "Bob", text: "psst" });
  bench.said("Alice", "psst", { private: true, to: "Bob", ref: bench.ran.ref });
  bench.said("Bob", "what", { private: true });

  assertEquals(bench.bare(), [
    `:${ALICE} PRIVMSG Bob :psst`,
    `:${BOB} PRIVMSG Alice :what`,
  ]);
});

Deno.test("irc: a message by its author's other name goes to that name", () => {
  const bench = inRoom();
  bench.joined("4.2", "odd");
  bench.taken();
  bench.line("PRIVMSG _4|2 :hi");
  assertEquals(bench.ran.command, { command: "msg", name: "4.2", text: "hi" });
  bench.line("PRIVMSG j|doe :are you away?");
  assertEquals(bench.ran.command, { command: "msg", name: "j.doe", text: "are you away?" });
});

Deno.test("irc: several lines are several messages", () => {
  const bench = inRoom();
  bench.said("Bob", "one\n\ntwo");
  assertEquals(bench.bare(), [
    `:${BOB} PRIVMSG #room :one`,
    `:${BOB} PRIVMSG #room :two`,
  ]);
});

Deno.test("irc: no line break, NUL or question in a text reaches the client as such", () => {
  const bench = inRoom();
  bench.said("Bob", "a\r\nb\0c\x01VERSION\x01\u2028d");

  assertEquals(bench.bare(), [
    `:${BOB} PRIVMSG #room :a␍`,
    `:${BOB} PRIVMSG #room :b␀c␁VERSION␁<U+2028>d`,
  ]);
});

Deno.test("irc: nothing that others write in any event is obeyed by a client", () => {
  const evil = "\x02b\x03,4r\x16\x07\x1b[2J\x01DCC\x01\u202e\r\nQUIT\0";
  const bench = inRoom("away-notify extended-join account-tag echo-message batch");
  bench.said("Bob", evil);
  bench.said("Bob", `/me ${evil}`, { private: true });
  bench.event({ event: "presence", name: "Bob", key: KEY.bob, self: false, away: evil });
  bench.joined("Carol", KEY.carol, { away: evil });
  bench.line("WHOIS Bob");
  bench.answer({ event: "whois", name: "Bob", key: KEY.bob, away: evil });
  bench.line("WHO #room\nLIST\nTOPIC #room\nPRIVMSG *p2pchat :x");
  bench.answer({ event: "error", code: "usage", text: evil });
  bench.line("PRIVMSG Bob :x\nNICK y");
  bench.answer({ event: "error", code: "usage", text: evil });
  bench.event({ event: "offer", file: 1, from: "Bob", key: KEY.bob, name: evil, text: evil });
  bench.event({ event: "notice", text: evil });
  bench.event({ event: "left", name: "Bob", key: KEY.bob, reason: "quit" });

  const lines = bench.bare();
  for (const line of lines) {
    // deno-lint-ignore no-control-regex
    assert(!/[\x00-\x1f\u202e]/.test(line.replace(/:\x01ACTION (.*)\x01$/, "$1")), line);
  }
  assertEquals(
    lines.filter((line) => line.includes("␂b␃,4r␖␇")).length,
    lines.filter((line) => line.includes(",4r")).length,
  );
  assert(lines.some((line) => / AWAY :␂/.test(line)) && lines.some((line) => / 301 /.test(line)));
});

Deno.test("irc: /me is an action on both sides; other questions go to nobody", () => {
  const bench = inRoom();
  bench.said("Bob", "/me waves");
  assertEquals(bench.bare(), [`:${BOB} PRIVMSG #room :\x01ACTION waves\x01`]);
  bench.line("PRIVMSG #room :\x01ACTION bows\x01");
  assertEquals(bench.ran.command, { command: "msg", text: "/me bows" });
  const count = bench.runs.length;
  bench.line("PRIVMSG Bob :\x01VERSION\x01");
  assertEquals(bench.bare(), [`:${SERVICE} NOTICE Alice :CTCP VERSION isn't passed on`]);
  assertEquals(bench.runs.length, count);
});

Deno.test("irc: what says nothing is refused, or ignored", () => {
  const bench = inRoom("labeled-response batch");
  const count = bench.runs.length;
  const asked = (line: string) => {
    bench.line(line);
    return bench.taken();
  };

  for (
    const text of ["\x01ACTION \x01", "\x01ACTION\x01", "   ", "\x02\x02", "\0", "\x01ACTION \x02 "]
  ) {
    for (const target of ["#room", "Bob", "*p2pchat"]) {
      const lines = asked(`@label=x PRIVMSG ${target} :${text}`);
      assertEquals(lines, [
        "@label=x :p2pchat.local 412 Alice :Nothing was sent: there is no text",
      ], JSON.stringify(text));
    }
  }
  for (const text of ["\x01", "\x01\x01", "\x01 \x01"]) {
    assertEquals(asked(`PRIVMSG #room :${text}`), []);
    assertEquals(asked(`NOTICE #room :${text}`), []);
  }
  assertEquals(bench.runs.length, count);
  bench.line("PRIVMSG #room :a\0b");
  assertEquals(bench.ran.command, { command: "msg", text: "ab" });
});

Deno.test("irc: a parameter that is too long leaves room for what is said of it", () => {
  const bench = inRoom();
  const long = "x".repeat(1_900);
  bench.line(
    `JOIN #${long}\nNAMES #${long}\n${long}\nMODE #${long}\nWHOWAS ${long}\nTOPIC #${long}`,
  );

  const lines = bench.bare();
  assertEquals(numerics(lines), ["403", "366", "403", "406", "369", "403"]);
  for (const line of lines) assert(/ :[A-Z]/.test(line), line);
});

Deno.test("irc: who comes, goes, is called otherwise or away is told", () => {
  const bench = inRoom("away-notify extended-join");
  bench.joined("Carol", KEY.carol, { verified: true });
  bench.event({ event: "presence", name: "Carol", key: KEY.carol, self: false, away: "lunch" });
  bench.event({ event: "presence", name: "Carol", key: KEY.carol, self: false });
  bench.event({ event: "renamed", key: KEY.carol, from: "Carol", name: "Caro" });
  bench.event({ event: "left", name: "Caro", key: KEY.carol, reason: "lost" });

  assertEquals(bench.bare(), [
    `:Carol!p2p@${KEY.carol} JOIN #room ${KEY.carol} Carol`,
    ":p2pchat.local MODE #room +v Carol",
    `:Carol!p2p@${KEY.carol} AWAY :lunch`,
    `:Carol!p2p@${KEY.carol} AWAY`,
    `:Carol!p2p@${KEY.carol} NICK Caro`,
    `:Caro!p2p@${KEY.carol} QUIT :lost: no answer`,
  ]);
});

Deno.test("irc: the user is away, is back, and takes another name", () => {
  const bench = inRoom();
  bench.line("AWAY :lunch");
  assertEquals(bench.ran.command, { command: "away", text: "lunch" });
  const own = { event: "presence", name: "Alice", key: KEY.alice, self: true };
  bench.answer({ ...own, away: "lunch" });
  bench.line("AWAY");
  assertEquals(bench.ran.command, { command: "back" });
  bench.answer(own);
  bench.line("NICK _3po");
  assertEquals(bench.ran.command, "/name 3po");
  bench.answer({ event: "renamed", key: KEY.alice, from: "Alice", name: "3po" });
  bench.line("NICK Bob");
  bench.answer({ event: "error", code: "name-taken", text: "somebody is called Bob" });

  assertEquals(bench.bare(), [
    ":p2pchat.local 306 Alice :You are away",
    ":p2pchat.local 305 Alice :You are no longer away",
    `:${ALICE} NICK _3po`,
    ":p2pchat.local 433 _3po Bob :somebody is called Bob",
  ]);
});

Deno.test("irc: of two that are sent at once the second counts, and each is answered", () => {
  const bench = inRoom();
  bench.line("AWAY :lunch\nAWAY\nNICK Bobby\nNICK Alice");
  assertEquals(bench.bare(), []);
  const [away, back, bobby, alice] = bench.runs.slice(-4);
  assertEquals([away, back, bobby, alice].map((ran) => ran!.command), [
    { command: "away", text: "lunch" },
    { command: "back" },
    "/name Bobby",
    "/name Alice",
  ]);
  const own = { event: "presence", name: "Alice", key: KEY.alice, self: true };
  const renamed = { event: "renamed", key: KEY.alice };
  bench.event({ ...own, away: "lunch", ref: away!.ref });
  bench.event({ ...own, ref: back!.ref });
  bench.event({ ...renamed, from: "Alice", name: "Bobby", ref: bobby!.ref });
  bench.event({ ...renamed, from: "Bobby", name: "Alice", ref: alice!.ref });
  bench.line("AWAY :tea\nAWAY :tea");
  const [first, second] = bench.runs.slice(-2);
  bench.event({ ...own, away: "tea" }); // as another room shows it
  bench.event({ ...own, away: "tea", ref: first!.ref });
  bench.event({ ...own, away: "tea", ref: second!.ref });
  bench.line("NICK Alice");

  assertEquals(bench.bare(), [
    ":p2pchat.local 306 Alice :You are away",
    ":p2pchat.local 305 Alice :You are no longer away",
    `:${ALICE} NICK Bobby`,
    `:Bobby!p2p@${KEY.alice} NICK Alice`,
    ":p2pchat.local 306 Alice :You are away",
    ":p2pchat.local 306 Alice :You are away",
  ]);
});

Deno.test("irc: *p2pchat does what the console does, and answers alone", () => {
  const bench = inRoom();
  bench.line("PRIVMSG *p2pchat :status");
  assertEquals(bench.ran.command, "/status");
  bench.answer({ event: "status", text: "all is well" });
  bench.line("PRIVMSG *P2PCHAT :/verify Bob");
  assertEquals(bench.ran.command, "/verify Bob");
  bench.answer({ event: "error", code: "offline", text: "Bob isn't here" });
  bench.event({ event: "notice", text: "worth knowing" });

  assertEquals(bench.bare(), [
    `:${SERVICE} PRIVMSG Alice :<status> all is well`,
    `:${SERVICE} PRIVMSG Alice :error: Bob isn't here`,
    `:${SERVICE} NOTICE #room :<notice> worth knowing`,
  ]);
});

Deno.test("irc: what the program tells names commands as a client reaches them", () => {
  const bench = new IrcBench(["verify", "get", "trust", "help", "rooms"]);
  bench.room();
  bench.join();
  bench.line("PRIVMSG *p2pchat :help");
  const verify = { name: "verify", form: "NAME", help: "digits to compare; see /trust" };
  const example = "/verify Bob";
  bench.answer({ event: "help", commands: [{ ...verify, example }, { ...verify, name: "show" }] });
  bench.line("PRIVMSG *p2pchat :get");
  bench.answer({ event: "error", code: "usage", text: "Usage: /get N, for example /get 2" });
  bench.event({
    event: "notice",
    lines: [["Bob isn't verified: ", ["name", "/x"], ": ", ["command", "/verify Bob"]]],
  });
  bench.line("PRIVMSG #room :hi");
  bench.answer({ event: "error", code: "too-long", text: "Too long: /help" });

  assertEquals(bench.bare(), [
    `:${SERVICE} PRIVMSG Alice :Write here, or /msg *p2pchat COMMAND anywhere:`,
    `:${SERVICE} PRIVMSG Alice :verify NAME: digits to compare; see trust`,
    `:${SERVICE} PRIVMSG Alice :error: Usage: /msg *p2pchat get N, for example ` +
    "/msg *p2pchat get 2",
    `:${SERVICE} NOTICE #room :Bob isn't verified: /x: /msg *p2pchat verify Bob`,
    ":p2pchat.local NOTICE Alice :PRIVMSG: Too long: /msg *p2pchat help",
  ]);
});

Deno.test("irc: what is with one alone goes to the conversation with that one", () => {
  const bench = inRoom();
  const offer = { event: "offer", from: "Bob", key: KEY.bob, self: false, name: "a.txt" };
  const transfer = { event: "transfer", from: "Bob", name: "a.txt" };
  const gone = { ...transfer, state: "failed", reason: "withdrawn", text: "" };
  bench.event({ ...offer, file: 1, to: "Alice", lines: ["one"] });
  bench.event({ ...gone, file: 1, lines: ["one is gone"] });
  bench.event({ ...offer, file: 2, lines: ["two"] });
  bench.event({ ...transfer, file: 2, state: "started", lines: ["fetching two"] });
  bench.event({ ...gone, file: 2, lines: ["two is gone"] });
  bench.event({ ...offer, from: "Alice", self: true, file: 3, to: "Bob", lines: ["mine"] });
  bench.event({ ...transfer, self: true, file: 3, to: "Bob", state: "done", lines: ["fetched"] });
  bench.event({ ...offer, from: "Alice", self: true, file: 4, lines: ["for all"] });
  bench.event({ ...transfer, self: true, file: 4, state: "cancelled", lines: ["taken back"] });

  assertEquals(bench.bare(), [
    `:${BOB} NOTICE Alice :one`,
    `:${BOB} NOTICE Alice :one is gone`,
    `:${SERVICE} NOTICE #room :two; here y or n is enough`,
    `:${SERVICE} NOTICE Alice :fetching two`,
    `:${SERVICE} NOTICE #room :two is gone`,
    `:${BOB} NOTICE Alice :mine`,
    `:${BOB} NOTICE Alice :fetched`,
    `:${SERVICE} NOTICE #room :for all`,
    `:${SERVICE} NOTICE #room :taken back`,
  ]);
});

Deno.test("irc: that a private message goes well is no news", () => {
  const bench = inRoom();
  bench.line("PRIVMSG Bob :psst");
  for (const state of ["queued", "delivered", "failed"]) {
    bench.answer({ event: "delivery", id: "1", to: "Bob", state });
  }
  bench.event({ event: "delivery", to: "Bob", state: "queued", waiting: 2, lines: ["waits"] });

  assertEquals(bench.bare(), [
    `:Bob!p2p@${KEY.bob} NOTICE Alice :<delivery> failed`,
    `:Bob!p2p@${KEY.bob} NOTICE Alice :waits`,
  ]);
});

Deno.test("irc: WHOIS says who somebody is, by the program's own words", () => {
  const bench = inRoom("labeled-response batch");
  bench.line("@label=w WHOIS bob");
  assertEquals(bench.ran.command, { command: "whois", name: "Bob" });
  bench.answer({
    ...{ event: "whois", name: "Bob", self: false, key: KEY.bob, host: "10.0.0.2", port: 7 },
    ...{ route: "direct", verified: true, since: "2026-01-01" },
  });

  const lines = bench.taken();
  assert(lines[0]!.startsWith("@label=w :p2pchat.local BATCH +"));
  assertEquals(numerics(lines.map((line) => line.replace(/^@\S+ /, ""))), [
    ...["311", "319", "312", "330", "378", "320", "320", "318"],
  ]);
  assert(lines.some((line) => line.includes(`330 Alice bob ${KEY.bob} :`)), lines.join("\n"));
  assert(lines.some((line) => line.includes("is verified")));
  bench.line("WHOIS nobody");
  bench.answer({ event: "error", code: "unknown-user", text: "who?" });
  assertEquals(numerics(bench.bare()), ["401", "318"]);
});

Deno.test("irc: channels and people are listed", () => {
  const bench = inRoom("userhost-in-names", "Club");
  const asked = (line: string) => {
    bench.line(line);
    return bench.bare();
  };

  assertEquals(asked("NAMES #club"), [
    `:p2pchat.local 353 Alice = #Club :${ALICE} ${BOB}`,
    ":p2pchat.local 366 Alice #Club :End of the list of names",
  ]);
  assertEquals(asked("WHO #club").slice(1), [
    `:p2pchat.local 352 Alice #Club p2p ${KEY.bob} p2pchat.local Bob H :0 Bob`,
    ":p2pchat.local 315 Alice #club :End of the list",
  ]);
  assertEquals(numerics(asked("WHO Bob")), ["352", "315"]);
  assertEquals(numerics(asked("LIST")), ["321", "322", "323"]);
  assertEquals(asked("TOPIC #club"), [":p2pchat.local 332 Alice #Club :Club"]);
  assertEquals(numerics(asked("TOPIC #club :new")), ["482"]);
  assertEquals(numerics(asked("MODE #club")), ["324", "329"]);
  assertEquals(numerics(asked("MODE #club +i")), ["482"]);
  assertEquals(numerics(asked("MODE Alice")), ["221"]);
  assertEquals(asked("ISON Bob Eve alice"), [":p2pchat.local 303 Alice :Bob alice"]);
  assertEquals(asked("USERHOST Bob"), [`:p2pchat.local 302 Alice :Bob=+p2p@${KEY.bob}`]);
  assertEquals(numerics(asked("LUSERS")), ["251"]);
  assertEquals(asked("PING :a b"), [":p2pchat.local PONG p2pchat.local :a b"]);
  assertEquals(numerics(asked("KICK #club Bob")), ["482"]);
  assertEquals(numerics(asked("INVITE Bob #club")), ["482"]);
  assertEquals(numerics(asked("JOIN #other")), ["403"]);
  assertEquals(numerics(asked("JOIN #club")), []);
  assertEquals(numerics(asked("NOSUCH")), ["421"]);
  assertEquals(numerics(asked("constructor")), ["421"]);
  assertEquals(numerics(asked("PRIVMSG #club")), ["461"]);
  assertEquals(numerics(asked("PRIVMSG #club :")), ["412"]);
  assertEquals(numerics(asked("USER a 0 * a")), ["462"]);
});

Deno.test("irc: many names take several lines, each short enough", () => {
  const bench = new IrcBench();
  bench.room();
  for (let at = 0; at < 300; at++) bench.joined(`Пользователь${at}`, `key${at}`);

  const lines = bench.join().filter((line) => line.includes(" 353 "));

  const names = lines.flatMap((line) => line.split(" :")[1]!.split(" "));
  assertEquals(names.length, 302);
  for (const line of lines) assert(new TextEncoder().encode(line).length <= 510);
});

Deno.test("irc: a channel that is closed is quiet, and comes back; the user stays in it", () => {
  const bench = inRoom();
  const count = bench.runs.length;
  bench.line("PART #room :bye");
  assertEquals(bench.bare()[0], `:${ALICE} PART #room`);
  bench.said("Bob", "hi");
  bench.joined("Carol", KEY.carol);
  assertEquals(bench.bare(), []);
  bench.line("JOIN #room");
  assert(bench.bare()[1]!.endsWith(":Alice Bob Carol"));
  assertEquals(bench.runs.length, count);
});

Deno.test("irc: QUIT ends the connection alone", () => {
  const bench = inRoom();
  const count = bench.runs.length;
  bench.line("QUIT :bye");

  assertEquals(bench.bare(), ["ERROR :Goodbye: you are still in the room"]);
  assertEquals([bench.closed, bench.runs.length], [[1], count]);
});

Deno.test("irc: what was said meanwhile is shown once to a client that can't ask for it", () => {
  const bench = inRoom("server-time");
  bench.said("Bob", "seen");
  bench.answerPing();
  bench.step({ type: "gone", client: 1 });
  bench.said("Bob", "meanwhile");
  bench.said("Alice", "from the console");
  bench.said("Bob", "to you", { private: true });

  assertEquals(said(bench.join("", 2)).map((line) => line.replace(/\[\d\d:\d\d\]/, "[t]")), [
    `:${BOB} PRIVMSG #room :[t] meanwhile`,
    `:${ALICE} PRIVMSG #room :[t] from the console`,
    `:${BOB} PRIVMSG Alice :[t] to you`,
  ]);
  bench.answerPing(2);
  bench.step({ type: "gone", client: 2 });
  assertEquals(said(bench.join("", 3)), []);
});

Deno.test("irc: of very much that was said meanwhile the last is shown, and the rest counted", () => {
  const bench = new IrcBench();
  bench.room();
  for (let at = 0; at < REPLAYED_MAX + 10; at++) bench.said("Bob", `n${at}`);

  const lines = bench.join("batch server-time");

  assert(lines.some((line) => line.includes(":10 earlier messages aren't shown")));
  assertEquals(lines.filter((line) => line.includes(" PRIVMSG ")).length, REPLAYED_MAX);
  assert(lines.some((line) => line.endsWith("chathistory #room")));
});

Deno.test("irc: where some that was said isn't kept any more, the count of what is left out is a least one", () => {
  const bench = new IrcBench();
  bench.room();
  bench.wholeFrom = 3;
  bench.said("Bob", "kept");
  const text = "Earlier messages may be left out here; the console, or its history, has them";
  assert(bench.join("server-time").some((line) => line.endsWith(`:${text}`)));
  bench.answerPing();
  bench.step({ type: "gone", client: 1 });
  assert(!bench.join("server-time", 2).some((line) => line.includes("left out")), "it was told");
  bench.step({ type: "gone", client: 2 });

  for (let at = 0; at < REPLAYED_MAX + 10; at++) bench.said("Bob", `n${at}`);
  bench.wholeFrom = bench.events.at(-1)!.id;
  const lines = bench.join("server-time", 3);
  assert(lines.some((line) => line.includes(":At least 10 earlier messages aren't shown again")));
});

Deno.test("irc: a line that a client hasn't answered for is shown to the next one, though its socket took it", () => {
  const bench = inRoom();
  bench.said("Bob", "seen");
  bench.answerPing();
  bench.said("Bob", "said to a client that was killed");
  bench.step({ type: "drained", client: 1 });
  bench.nowMs += RECEIPT_AFTER_MS;
  bench.step({ type: "tick" });
  bench.step({ type: "drained", client: 1 });
  bench.step({ type: "gone", client: 1 });

  const again = said(bench.join("", 2));
  assertEquals(again.length, 1, again.join());
  assert(again[0]!.endsWith("said to a client that was killed"), again[0]);
  // What was asked of an earlier client proves nothing of this one.
  for (let id = 0; id <= bench.events.length; id++) bench.line(`PONG ${id}`, 2);
  bench.line("PONG\nPONG :\nPONG p2pchat.local", 2);
  bench.step({ type: "gone", client: 2 });
  assertEquals(said(bench.join("", 3)).length, 1);
});

Deno.test("irc: a client is asked once for all that came in a second, and never for nothing", () => {
  const bench = inRoom();
  bench.answerPing();
  assertEquals(bench.gateway.nextDeadlineMs(), bench.nowMs + PING_AFTER_MS);
  bench.said("Bob", "one");
  const dueMs = bench.nowMs + RECEIPT_AFTER_MS;
  assertEquals(bench.gateway.nextDeadlineMs(), dueMs);
  bench.nowMs -= 1;
  bench.said("Bob", "two"); // a second after the one before, but for a millisecond
  assertEquals(bench.gateway.nextDeadlineMs(), dueMs);
  bench.taken();
  bench.nowMs = dueMs;
  bench.step({ type: "tick" });
  const asked = bench.bare();
  assertEquals(asked.length, 1);
  // It is still alive, and says so in time: it isn't asked anew before there is more.
  bench.line("PING :x");
  assertEquals(bench.gateway.nextDeadlineMs(), bench.nowMs + PING_AFTER_MS);
});

Deno.test("irc: after a QUIT only what its socket hasn't taken is shown again", () => {
  const bench = inRoom("echo-message");
  bench.said("Bob", "read");
  bench.step({ type: "drained", client: 1 });
  bench.line("QUIT");
  assertEquals(said(bench.join("", 2)), []);

  // What is said at a client without an echo sends it nothing: nothing of it is to be read.
  bench.step({ type: "drained", client: 2 });
  bench.line("PRIVMSG #room :my last words", 2);
  bench.said("Alice", "my last words", { ref: bench.ran.ref });
  bench.line("QUIT", 2);
  assertEquals(said(bench.join("", 3)), []);

  bench.step({ type: "drained", client: 3 });
  bench.said("Bob", "still in the queue");
  bench.line("QUIT", 3);
  assertEquals(said(bench.join("", 4)).length, 1);
  bench.line("QUIT", 4); // it hasn't read anything
  assertEquals(said(bench.join("", 5)).length, 1);
});

Deno.test("irc: the program's end is told, and what it leaves", () => {
  const ended = (begin: (bench: IrcBench) => void) => {
    const bench = new IrcBench();
    begin(bench);
    bench.join();
    bench.step({ type: "closing" });
    assertEquals(bench.closed, [1]);
    return bench.bare();
  };

  assertEquals(ended(() => {}), ["ERROR :The program ends"]);
  assertEquals(ended((bench) => bench.room()), ["ERROR :The program ends, and leaves the room"]);
  const second = { event: "ready", command: "mesh", name: "Alice", key: KEY.alice, room: "r2" };
  const inTwo = (bench: IrcBench) => (bench.room(), bench.event(second));
  assertEquals(ended(inTwo), ["ERROR :The program ends, and leaves all your rooms"]);
  assertEquals(ended((bench) => bench.group()), ["ERROR :The program ends, and leaves the group"]);
  assertEquals(ended((bench) => bench.directory()), [
    "ERROR :The program ends, and leaves the directory",
  ]);
});

Deno.test("irc: lines that are too long are refused, and one that never ends closes", () => {
  const bench = inRoom();
  bench.step({ type: "line", client: 1, line: { bytes: 9_000, isUnended: false } });
  assertEquals(numerics(bench.bare()), ["417"]);
  bench.step({ type: "line", client: 1, line: { bytes: 9_000, isUnended: true } });
  assertEquals(bench.closed, []);
  bench.step({ type: "line", client: 1, line: { bytes: 2_000_000, isUnended: true } });
  assertEquals(bench.closed, [1]);
});

Deno.test("irc: of two with one name what one says to that name is the first one's, and the other's once that one has left", () => {
  const bench = inRoom("echo-message");
  bench.joined("Bob", "another");
  const targetOf = (to: string) => {
    bench.taken();
    bench.said("Alice", "psst", { private: true, to });
    return / PRIVMSG (\S+) :psst$/.exec(bench.bare().at(-1) ?? "")?.[1];
  };
  assertEquals([targetOf("Bob"), targetOf("Nobody")], ["Bob", "Nobody"]);
  bench.event({ event: "left", name: "Bob", key: KEY.bob, reason: "quit" });
  assertEquals(targetOf("Bob"), "Bob^anot");
  bench.event({ event: "left", name: "Bob", key: "another", reason: "quit" });
  assertEquals(targetOf("Bob"), "Bob^anot");
});

Deno.test("irc: a flood in one place leaves out nothing that was said in others meanwhile", () => {
  const bench = new IrcBench();
  bench.room();
  bench.said("Bob", "important", { private: true });
  for (let at = 0; at < REPLAYED_MAX + 10; at++) bench.said("Carol", `n${at}`);
  bench.said("Carol", "psst", { private: true });

  const lines = bench.join("batch server-time").filter((line) => line.includes(" PRIVMSG "));

  assertEquals(lines.length, REPLAYED_MAX);
  const texts = lines.map((line) => line.slice(line.lastIndexOf(":") + 1));
  assertEquals(texts.filter((text) => !text.startsWith("n")), ["important", "psst"]);
  assertEquals(texts.find((text) => text.startsWith("n")), "n12");
});

Deno.test("irc: what is told of a private message stands in the conversation with its receiver", () => {
  const bench = inRoom();
  bench.joined("Bob", KEY.bob);
  bench.taken();
  bench.line("PRIVMSG Bob :hi");
  bench.answer({ event: "delivery", id: "m1", to: "Bob", state: "queued", waiting: 1 });
  bench.event({ event: "notice", text: "Bob has the message that waited", to: "Bob" });
  bench.event({ event: "notice", text: "well" });
  const BOB = `Bob!p2p@${KEY.bob}`;
  assertEquals(bench.bare(), [
    `:${BOB} NOTICE Alice :<delivery> queued`,
    `:${BOB} NOTICE Alice :<notice> Bob has the message that waited`,
    ":*p2pchat!p2p@p2pchat NOTICE #room :<notice> well",
  ]);
});
