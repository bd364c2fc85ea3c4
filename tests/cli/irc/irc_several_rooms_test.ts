/** Several rooms at one client: what is asked of the program is never done in a room that the user doesn't think of. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { IrcBench, KEY } from "./irc_bench.ts";

const SERVICE = "*p2pchat!p2p@p2pchat";

/** In #One, and then in #Two. */
function inTwo(caps = ""): IrcBench {
  const bench = new IrcBench();
  bench.room("One");
  bench.join(caps);
  opened(bench, "r2", "Two");
  bench.taken();
  return bench;
}

function opened(bench: IrcBench, room: string, title: string): void {
  bench.event({ event: "ready", command: "mesh", name: "Alice", key: KEY.alice, room });
  bench.answer({ event: "rooms", rooms: [{ room: "r1", title: "One" }, { room, title }] });
}

function asked(bench: IrcBench, line: string): unknown {
  const { length } = bench.runs;
  bench.line(`PRIVMSG *p2pchat :${line}`);
  return bench.runs.length === length ? null : bench.ran.command;
}

Deno.test("irc rooms: a command to the program goes where the client spoke last, and never to a room that was only opened", () => {
  const bench = inTwo();
  assertEquals(asked(bench, "send pic.bin"), null);
  assertEquals(bench.bare(), [
    `:${SERVICE} PRIVMSG Alice :error: Nothing was done: you are in #One and #Two; ` +
    "write the channel first, as in: /msg *p2pchat #One send ...",
  ]);
  bench.line("PRIVMSG #One :hi");
  assertEquals(asked(bench, "send pic.bin"), { line: "/send pic.bin", room: "r1" });
  bench.line("PRIVMSG #Two :hi");
  assertEquals(asked(bench, "/invite"), { line: "/invite", room: "r2" });
  opened(bench, "r3", "Three");
  assertEquals(asked(bench, "invite"), null);
  bench.line("PRIVMSG #Two :hi\nPART #Two");
  assertEquals(asked(bench, "invite"), null);
  bench.line("JOIN #Two");
  assertEquals(asked(bench, "invite"), { line: "/invite", room: "r2" });
});

Deno.test("irc rooms: another client has spoken nowhere, and neither has one whose room is gone", () => {
  const bench = inTwo();
  bench.line("PRIVMSG #Two :hi\nQUIT");
  bench.join("", 2);
  const { length } = bench.runs;
  bench.line("PRIVMSG *p2pchat :invite", 2);
  assertEquals(bench.runs.length, length);

  const left = inTwo();
  opened(left, "r3", "Three");
  left.line("PRIVMSG #Two :hi");
  left.event({ event: "parted", number: 2, title: "Two", reason: "quit", room: "r2" });
  assertEquals(asked(left, "invite"), null);
  left.event({ event: "parted", number: 3, title: "Three", reason: "quit", room: "r3" });
  assertEquals(asked(left, "invite"), "/invite");
});

Deno.test("irc rooms: the channel before a command says where, and room turns to one", () => {
  const bench = inTwo();
  bench.line("PRIVMSG #Two :hi");
  assertEquals(asked(bench, "#one send pic.bin"), { line: "/send pic.bin", room: "r1" });
  assertEquals(asked(bench, "#One /get 1"), { line: "/get 1", room: "r1" });
  assertEquals(asked(bench, "invite"), { line: "/invite", room: "r2" });
  bench.taken();
  assertEquals(asked(bench, "#Three invite"), null);
  assertStringIncludes(bench.bare().join(), "there is no channel #Three");
  assertEquals(asked(bench, "#One quit"), null);
  assertStringIncludes(bench.bare().join(), "/msg *p2pchat #One part leaves that one alone");
  assertEquals(asked(bench, "room #One"), "/room r1");
  assertEquals(asked(bench, "invite"), { line: "/invite", room: "r1" });
  assertEquals(asked(bench, "room 2"), "/room 2");
});

Deno.test("irc rooms: what is about no room, or about all, needs none", () => {
  const bench = inTwo();
  for (const line of ["help", "rooms", "join --new", "search pizza", "away lunch", "quit"]) {
    assertEquals(asked(bench, line), `/${line}`);
  }
  const one = new IrcBench();
  one.room("One");
  one.join();
  assertEquals(asked(one, "send pic.bin"), "/send pic.bin");
  assertEquals(asked(one, "#One send pic.bin"), "/send pic.bin");
});

Deno.test("irc rooms: an answer names the room, and leaves lines whole that may be copied", () => {
  const bench = inTwo("labeled-response batch");
  bench.line("PRIVMSG #Two :hi");
  bench.taken();
  asked(bench, "status");
  bench.answer({ event: "status", text: "all is well", room: "r2" });
  asked(bench, "verify Bob");
  bench.answer({ event: "error", code: "offline", text: "Bob isn't here", room: "r2" });
  asked(bench, "rooms");
  bench.answer({ event: "rooms", rooms: [], lines: ["1  One"] });
  asked(bench, "invite");
  bench.answer({ event: "invite", room: "r2", lines: ["Others join with: p2pchat", "and a word"] });

  assertEquals(bench.bare(), [
    `:${SERVICE} PRIVMSG Alice :#Two: <status> all is well`,
    `:${SERVICE} PRIVMSG Alice :error: #Two: Bob isn't here`,
    `:${SERVICE} PRIVMSG Alice :1  One`,
    `:${SERVICE} PRIVMSG Alice :In #Two:`,
    `:${SERVICE} PRIVMSG Alice :Others join with: p2pchat`,
    `:${SERVICE} PRIVMSG Alice :and a word`,
  ]);
});

Deno.test("irc rooms: a nick is the user's in all rooms, and somebody is asked about where they are", () => {
  const bench = inTwo("labeled-response batch");
  bench.joined("Carol", KEY.carol, { room: "r2" });
  const { length } = bench.runs;
  bench.taken();
  bench.line("@label=n NICK Bobby");
  const [first, second] = bench.runs.slice(length);
  assertEquals(first!.command, { line: "/name Bobby", room: "r1" });
  assertEquals(second!.command, { line: "/name Bobby", room: "r2" });
  const renamed = { event: "renamed", key: KEY.alice, from: "Alice", name: "Bobby" };
  bench.event({ ...renamed, room: "r1", ref: first!.ref });
  const why = { event: "error", code: "name-taken", text: "somebody is called Bobby" };
  bench.event({ ...why, room: "r2", ref: second!.ref });
  assertEquals(bench.taken(), [
    `@label=n :Alice!p2p@${KEY.alice} NICK Bobby`,
    ":p2pchat.local 433 Bobby Bobby :#Two: somebody is called Bobby",
  ]);

  bench.line("PRIVMSG *p2pchat :name Ally");
  assertEquals(bench.runs.slice(-2).map(({ command }) => command), [
    { line: "/name Ally", room: "r1" },
    { line: "/name Ally", room: "r2" },
  ]);
  bench.line("WHOIS Carol");
  assertEquals(bench.ran.command, { command: "whois", name: "Carol", room: "r2" });
  assert(bench.bare().length === 0);
});

/** Whom the program was asked to tell it, and where; or the refusal. */
function told(bench: IrcBench, nick: string): unknown {
  const { length } = bench.runs;
  bench.taken();
  bench.line(`PRIVMSG ${nick} :secret`);
  return bench.runs.length > length ? bench.ran.command : bench.bare().join("\n");
}

const left = (name: string, key: string, room: string) =>
  ({ event: "left", name, key, reason: "quit", room }) as const;

Deno.test("irc rooms: what is for somebody who has left goes to them, and to nobody of that name elsewhere", () => {
  const bench = inTwo();
  bench.event(left("Bob", KEY.bob, "r1"));
  bench.joined("Bob", KEY.bob, { room: "r2" });
  bench.joined("Bob", "mallory", { room: "r1" });
  const toBob = { command: "msg", name: "Bob", text: "secret", room: "r2" };
  assertEquals(told(bench, "Bob"), toBob);
  bench.event(left("Bob", KEY.bob, "r2"));
  assertEquals(told(bench, "Bob"), toBob);
  assertEquals(told(bench, "Bob^mall"), { ...toBob, room: "r1" });
  bench.line("WHOIS bob");
  assertEquals(bench.ran.command, { command: "whois", name: "Bob", room: "r2" });

  bench.joined("Bob", "mallory", { room: "r2" });
  assertStringIncludes(
    String(told(bench, "Bob")),
    " NOTICE Alice :Nothing was sent: that Bob isn't here; Bob^mall, who has the same name, has",
  );
  bench.event({ event: "parted", number: 2, title: "Two", reason: "quit", room: "r2" });
  assertStringIncludes(String(told(bench, "Bob")), "Bob was in a room that you have left");
});

Deno.test("irc rooms: a nick stays somebody's while they are away, or are called otherwise", () => {
  const bench = inTwo();
  bench.event(left("Bob", KEY.bob, "r1"));
  bench.joined("Bob", KEY.bob, { room: "r2" });
  bench.event(left("Bob", KEY.bob, "r2"));
  bench.taken();
  bench.joined("Bob", "mallory", { room: "r1" });
  bench.joined("Bob", KEY.bob, { room: "r2" });
  bench.event({ event: "renamed", key: KEY.bob, from: "Bob", name: "Rob", room: "r2" });
  bench.joined("Bob", "eve", { room: "r2" });

  assertEquals(bench.bare(), [
    ":Bob^mall!p2p@mallory JOIN #One",
    `:Bob!p2p@${KEY.bob} JOIN #Two`,
    `:Bob!p2p@${KEY.bob} NICK Rob`,
    ":Bob^eve!p2p@eve JOIN #Two",
  ]);
  const toRob = { command: "msg", name: "Rob", text: "secret", room: "r2" };
  assertEquals(told(bench, "Bob"), toRob);
});

Deno.test("irc rooms: who has only written has the nick, too, and one's own words are in that window", () => {
  const bench = inTwo();
  bench.said("Carol", "psst", { private: true, room: "r2" });
  bench.joined("Carol", "mallory", { room: "r1" });
  bench.taken();
  bench.said("Alice", "yes?", { private: true, to: "Carol", room: "r2" });
  bench.said("Alice", "who is that?", { private: true, to: "Carol", room: "r1" });
  assertEquals(bench.bare().map((line) => line.split(" ")[2]), ["Carol", "Carol^mall"]);
  const toCarol = { command: "msg", name: "Carol", text: "secret", room: "r2" };
  assertEquals(told(bench, "Carol"), toCarol);
});

Deno.test("irc rooms: a nick that nobody has had is the only one's of that name, or nobody's", () => {
  const bench = inTwo();
  bench.joined("Ärger", "one", { room: "r2" });
  assertEquals(told(bench, "ärger"), { command: "msg", name: "Ärger", text: "secret", room: "r2" });
  bench.joined("Ärger", "two", { room: "r1" });
  assertStringIncludes(
    String(told(bench, "ärger")),
    "several are called ärger: write to Ärger^two or Ärger",
  );
  assertStringIncludes(
    String(told(bench, "Dora")),
    "Nothing was sent: nobody here is Dora; you are in #One and #Two; write the channel first, " +
      "as in: /msg *p2pchat #One msg Dora ...",
  );
});

Deno.test("irc rooms: what was said in a room before is its authors', in its channel, with the times", () => {
  const enter = (caps: string) => {
    const bench = inTwo(caps);
    bench.said("Bob", "long ago", { room: "r2" });
    bench.taken();
    bench.event({ event: "ready", command: "mesh", name: "Alice", key: KEY.alice, room: "r3" });
    const { ref } = bench.ran;
    for (const text of ["one", "two"]) bench.said("Bob", text, { room: "r3", history: true });
    bench.event({ event: "rooms", rooms: [{ room: "r3", title: "Three" }], ref });
    bench.said("Bob", "three", { room: "r3", history: true });
    bench.said("Bob", "four", { room: "r3" });
    return bench.taken().filter((line) => !line.includes(" PING "));
  };
  const joined = [
    `:Alice!p2p@${KEY.alice} JOIN #Three`,
    ":p2pchat.local 353 Alice = #Three :Alice",
    ":p2pchat.local 366 Alice #Three :End of the list of names",
  ];
  const from = `:Bob!p2p@${KEY.bob} PRIVMSG #Three`;
  assertEquals(enter("").filter((line) => !line.includes(" 332 ")), [
    ...joined,
    `${from} :[11:00] one`,
    `${from} :[11:00] two`,
    `${from} :[11:00] three`,
    `${from} :four`,
  ]);
  const earlier = "time=2026-01-31T11:00:00.000Z";
  const tagged = enter("server-time batch").filter((line) => !line.includes(" 332 "));
  assertEquals(tagged.slice(joined.length, -1), [
    ":p2pchat.local BATCH +b1 chathistory #Three",
    `@${earlier};batch=b1 ${from} :one`,
    `@${earlier};batch=b1 ${from} :two`,
    ":p2pchat.local BATCH -b1",
    `@${earlier} ${from} :three`,
  ]);
  const asking = enter("server-time batch draft/chathistory message-tags");
  assertEquals(asking.filter((line) => /:(one|two)$/.test(line)), [], "it asks for it itself");
});

Deno.test("irc rooms: the nick that the client chose is the user's in a room that is joined later", () => {
  const enter = (refused: boolean) => {
    const bench = inTwo();
    bench.line("NICK Bobby");
    for (const { ref } of bench.runs.slice(-2)) {
      bench.event({ event: "renamed", key: KEY.alice, from: "Alice", name: "Bobby", ref });
    }
    bench.event({ event: "ready", command: "mesh", name: "Alice", key: KEY.alice, room: "r3" });
    const [titles, name] = bench.runs.slice(-2);
    assertEquals(titles!.command, { command: "rooms" });
    assertEquals(name!.command, { line: "/name Bobby", room: "r3" });
    bench.event({ event: "rooms", rooms: [{ room: "r3", title: "Three" }], ref: titles!.ref });
    const { ref } = name!;
    bench.event(
      refused
        ? { event: "error", code: "name-taken", text: "somebody is Bobby", room: "r3", ref }
        : { event: "renamed", key: KEY.alice, from: "Alice", name: "Bobby", room: "r3", ref },
    );
    return bench.bare().filter((line) => / (NICK|JOIN|433) /.test(line));
  };
  const lines = [
    `:Alice!p2p@${KEY.alice} NICK Bobby`,
    `:Bobby!p2p@${KEY.alice} JOIN #Three`,
  ];
  assertEquals(enter(false), lines);
  assertEquals(enter(true), [
    ...lines,
    ":p2pchat.local 433 Bobby Bobby :#Three: somebody is Bobby",
  ]);

  // The console's name is that of a room: the client is told of it before it is in the next one.
  const bench = inTwo();
  bench.event({ event: "renamed", key: KEY.alice, from: "Alice", name: "Ally", room: "r2" });
  opened(bench, "r3", "Three");
  assertEquals(bench.ran.command, { command: "rooms" });
  assertEquals(bench.bare().filter((line) => / (NICK|JOIN) /.test(line)), [
    `:Alice!p2p@${KEY.alice} NICK Ally`,
    `:Ally!p2p@${KEY.alice} NICK Alice`,
    `:Alice!p2p@${KEY.alice} JOIN #Three`,
  ]);
});

Deno.test("irc rooms: what WHOIS and KICK say is to be typed does it, whatever the nick is", () => {
  const bench = inTwo();
  bench.joined("j.doe", KEY.bob, { room: "r1" });
  bench.joined("j.doe", "mallory", { room: "r2" });
  bench.taken();
  bench.line("WHOIS j|doe^mall\nKICK #Two j|doe^mall");
  bench.answer({ event: "whois", name: "j.doe", key: "mallory", host: "", room: "r2" });
  const lines = bench.bare();
  for (const command of ["verify", "remove"]) {
    const hint = lines.find((line) => line.includes(` ${command} `)) ?? "";
    const [, typed] = /\/msg \*p2pchat (.*?)(?: shuts .*)?$/.exec(hint) ?? [];
    assertEquals(asked(bench, typed!), { line: `/${command} j.doe`, room: "r2" }, hint);
  }
});

Deno.test("irc rooms: channels are counted as they are listed", () => {
  const bench = inTwo();
  bench.event({ event: "ready", command: "mesh", name: "Alice", key: KEY.alice, room: "r3" });
  bench.line("LUSERS\nLIST");
  const lines = bench.bare();
  assertEquals(lines[0], ":p2pchat.local 251 Alice :There are 2 people in 2 channels");
  assertEquals(lines.filter((line) => line.includes(" 322 ")).length, 2);
});

Deno.test("irc rooms: what a client tells a service goes to nobody who is called so", () => {
  const bench = new IrcBench();
  bench.room("One");
  bench.joined("NickServ", KEY.carol);
  assert(bench.join().some((line) => line.endsWith(" #One :Alice Bob ≈NickServ")));
  const refused = ":p2pchat.local 401 Alice NickServ :Nothing was sent: there are no services " +
    "here; whoever is called so has the nick ≈NickServ";
  assertEquals(told(bench, "NickServ"), refused);
  assertEquals(told(bench, "≈NickServ"), { command: "msg", name: "NickServ", text: "secret" });
});
