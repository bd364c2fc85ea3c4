import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { markImitation, shownName } from "../../../lib/base/text/names.ts";
import { type PageVisitor, TOKEN } from "./page_visitor.ts";
import { clientFrame } from "./web_socket_client.ts";
import { ServedPage } from "./served_page.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);

Deno.test("the page is served with what keeps everything else out of it", () => {
  const page = new ServedPage();
  const { visitor } = page.connect();
  visitor.ask("GET", "/");
  page.run();

  assertEquals([visitor.status, visitor.body, visitor.hasEnded], [200, "<p>hi", true]);
  assertMatch(visitor.text, /\r\nContent-Security-Policy: default-src 'none'; script-src 'self';/);
  for (
    const header of [
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
      "X-Content-Type-Options: nosniff",
      "Referrer-Policy: no-referrer",
      "Cross-Origin-Opener-Policy: same-origin",
      "Cross-Origin-Resource-Policy: same-origin",
      "Cache-Control: no-store",
    ]
  ) assertStringIncludes(visitor.text, header);

  const head = page.connect().visitor;
  head.ask("HEAD", "/", { "Accept-Encoding": "gzip, br" });
  page.run();
  assertStringIncludes(head.text, "Content-Encoding: br\r\n");
  assertStringIncludes(head.text, "Content-Length: 9\r\n");
  assertEquals(head.body, "");
});

Deno.test("whatever is refused is refused in a sentence", () => {
  const cases: readonly (readonly [number, string, string, Record<string, string>])[] = [
    [404, "GET", "/../../etc/passwd", {}],
    [404, "GET", "/%2e%2e/users", {}],
    [404, "GET", "/constructor", {}],
    [421, "GET", "/", { Host: "evil.example:55108" }],
    [403, "GET", "/", { Origin: "http://evil.example" }],
    [405, "DELETE", "/", {}],
    [401, "POST", "/files", { Origin: "http://127.0.0.1:55108" }],
  ];
  for (const [status, method, path, headers] of cases) {
    const page = new ServedPage();
    const { visitor } = page.connect();
    visitor.ask(method, path, headers);
    page.run();
    assertEquals([visitor.status, visitor.hasEnded], [status, true], path);
    assertMatch(visitor.body, /^[A-Z].{10,}\.\n$/);
  }
  const page = new ServedPage();
  const { visitor } = page.connect();
  visitor.raw("\x16\x03\x01 hello\r\n\r\n");
  page.run();
  assertEquals(visitor.status, 400);
});

Deno.test("a window that proves to have the token is shown what was, and what comes", () => {
  const page = new ServedPage();
  page.show({ text: "before" });
  const { visitor } = page.challenged();
  const [challenge] = visitor.of("challenge");
  assertEquals(challenge?.["proof"], visitor.proof("program"));
  assert(!JSON.stringify(visitor.messages).includes("T".repeat(43)), "the token isn't sent");
  visitor.logIn("window-1");
  page.run();
  page.show({ text: "after" });

  const { commands, ...welcome } = visitor.welcome!;
  assert((commands as { name: string }[]).some(({ name }) => name === "msg"));
  assertEquals(
    { mode: welcome["mode"], resumed: welcome["resumed"], missed: welcome["missed"] },
    { mode: "mesh", resumed: false, missed: false },
  );
  assertEquals([welcome["last"], welcome["names"], welcome["version"]], [1, ["Bob"], "1.2.3"]);
  assertEquals(visitor.shown, ["before", "after"]);
});

Deno.test("without the token nothing is shown, and the connection ends", () => {
  const page = new ServedPage();
  page.show({ text: "secret" });
  const stranger = page.challenged().visitor;
  stranger.logIn("window-1", {}, "U".repeat(43));
  page.run();
  const [refused] = stranger.of("refused");
  assertEquals([refused?.["code"], stranger.closed], ["bad-credentials", 1008]);
  assertEquals(stranger.shown, []);

  const reflecting = page.challenged().visitor;
  reflecting.send({
    type: "login",
    window: "window-1",
    proof: reflecting.of("challenge")[0]!["proof"],
  });
  page.run();
  assertEquals(reflecting.of("refused")[0]?.["code"], "bad-credentials");

  // A page that is connected to another port, where somebody passes on what is said.
  const relayed = page.challenged().visitor;
  const elsewhere = relayed.port + 1;
  const [{ proof }] = relayed.of("challenge") as [{ proof: string }];
  assertNotEquals(proof, relayed.proof("program", TOKEN, elsewhere));
  relayed.logIn("window-1", { proof: relayed.proof("window", TOKEN, elsewhere) });
  page.run();
  assertEquals(relayed.of("refused")[0]?.["code"], "bad-credentials");

  for (
    const message of [{ type: "run", line: "hi", ref: "1" }, { type: "ping" }, { type: "x" }, 7]
  ) {
    const early = page.challenged().visitor;
    early.send(message);
    page.run();
    assertEquals([early.of("refused")[0]?.["code"], early.closed], ["protocol", 1008]);
  }
  assertEquals(page.asked, []);
});

Deno.test("who says much without logging in is cut off; a window may say as much", () => {
  const page = new ServedPage();
  const pings = (visitor: PageVisitor) => {
    for (let count = 0; count < 1_000; count++) {
      visitor.raw(clientFrame(9, new Uint8Array()));
      page.run();
    }
  };
  const stranger = page.challenged().visitor;
  const { visitor } = page.window("window-1");
  pings(stranger);
  pings(visitor);
  assertEquals([stranger.closed, visitor.closed], [1009, null]);

  const early = page.connect().visitor;
  early.upgrade();
  for (let count = 0; count < 50; count++) early.raw(clientFrame(9, new Uint8Array(100)));
  page.run();
  assertEquals(early.closed, 1009);
});

Deno.test("what a window asks is run, and answered to it alone, also after a reload", () => {
  const page = new ServedPage();
  const first = page.window("window-1").visitor;
  const second = page.window("window-2").visitor;
  first.send({ type: "run", line: "/who", ref: "7" });
  second.send({ type: "run", command: { command: "msg", text: "hi" }, ref: "7" });
  page.run();
  assertEquals(page.asked.map(({ command }) => command), ["/who", { command: "msg", text: "hi" }]);
  first.send({ type: "run", line: "/who", room: "r1", ref: "8" });
  page.run();
  assertEquals(page.asked.at(-1)!.command, { line: "/who", room: "r1" });

  page.show({ event: "peers", ref: page.asked[0]!.ref });
  page.show({ text: "hi", ref: page.asked[1]!.ref });
  const fields = ({ events }: typeof first) =>
    events.map(({ fields: { event, ref } }) => `${event} ${ref ?? "-"}`);
  assertEquals(fields(first), ["peers 7", "message -"]);
  assertEquals(fields(second), ["message 7"]);

  const reloaded = page.window("window-1").visitor;
  assertEquals(fields(reloaded), ["peers 7", "message -"]);
  assertEquals([first.of("refused")[0]?.["code"], first.closed], ["replaced", 1008]);
  // What the other one alone is shown isn't waited for.
  page.show({ event: "peers", ref: page.asked[0]!.ref });
  const others = page.window("window-2").visitor;
  assertEquals(others.welcome!["last"], 3);
  assertEquals([fields(others), others.of("events").at(-1)!["last"]], [["message 7"], 3]);
});

Deno.test("a window whose place was taken is told so, however much waits for it", () => {
  const page = new ServedPage();
  const frozen = page.window("window-1");
  frozen.isStuck = true;
  page.show({ text: "x".repeat(3_000_000) });
  page.window("window-1");
  frozen.unstick();
  page.run();
  const { visitor } = frozen;
  assertEquals([visitor.of("refused")[0]?.["code"], visitor.closed], ["replaced", 1008]);
});

Deno.test("a window that comes back gets what it hasn't seen; of another run, all", () => {
  const page = new ServedPage();
  for (const text of ["one", "two", "three"]) page.show({ text });
  const { run } = page.window("window-1").visitor.welcome as { run: string };
  const back = page.window("window-1", { run, after: 2 }).visitor;
  assertEquals([back.shown, back.welcome!["resumed"]], [["three"], true]);
  const other = page.window("window-1", { run: "another", after: 2 }).visitor;
  assertEquals([other.shown, other.welcome!["resumed"]], [["one", "two", "three"], false]);
  const ahead = page.window("window-1", { run, after: 99 }).visitor;
  assertEquals([ahead.shown.length, ahead.welcome!["resumed"]], [3, false]);

  page.events.splice(0, 2);
  page.wholeFrom = 3;
  const late = page.window("window-1", { run, after: 1 }).visitor;
  assertEquals([late.shown, late.welcome!["missed"]], [["three"], true]);
});

Deno.test("a window is shown what is still kept of the beginning, and goes on behind what is gone", () => {
  const page = new ServedPage();
  for (const text of ["entered", "two", "three"]) page.show({ text });
  page.events.splice(1, 1);
  page.wholeFrom = 3;
  const { visitor } = page.window("window-1");
  page.show({ text: "four" });

  assertEquals([visitor.shown, visitor.welcome!["missed"]], [["entered", "three", "four"], true]);
  assertEquals([visitor.welcome!["last"], visitor.closed], [3, null]);
});

Deno.test("many events come in several messages, in order", () => {
  const page = new ServedPage();
  for (let count = 0; count < 1_000; count++) page.show({ text: `m${count}` });
  const { visitor } = page.window("window-1");

  assertEquals(visitor.shown, page.events.map(({ fields }) => fields["text"]));
  assert(visitor.of("events").length >= 15);
  for (let count = 0; count < 5; count++) page.show({ text: "x".repeat(60_000) });
  const long = page.window("window-2", { run: visitor.welcome!["run"], after: 1_000 }).visitor;
  assertEquals(long.events.map(({ id }) => id), [1_001, 1_002, 1_003, 1_004, 1_005]);
  assert(long.of("events").length >= 3);
});

Deno.test("a window that takes nothing waits, costs the others nothing, and goes on where it was", () => {
  const page = new ServedPage();
  const slow = page.window("window-1");
  const quick = page.window("window-2").visitor;
  slow.isStuck = true;
  for (let count = 0; count < 100; count++) page.show({ text: `${count} ${"x".repeat(20_000)}` });
  page.server.prompted();
  page.run();
  assertEquals([quick.shown.length, slow.visitor.shown.length], [100, 0]);
  slow.unstick();
  page.run();
  assertEquals(slow.visitor.shown, quick.shown);
  assertEquals(slow.visitor.of("prompt").length, 1);
});

Deno.test("a window that goes on is told last how it is now, and not how it was meanwhile", () => {
  const page = new ServedPage();
  const slow = page.window("window-1");
  slow.isStuck = true;
  for (let count = 0; count < 100; count++) page.show({ text: "x".repeat(20_000) });
  page.server.paused("catching up");
  const { visitor } = slow;
  const received = visitor.received.bind(visitor);
  visitor.received = (bytes) => {
    received(bytes);
    if (visitor.of("events").length === 2) page.server.paused(null); // less waits, and more than nothing
  };
  slow.unstick();
  page.run();

  assertEquals(visitor.shown.length, 100);
  assertEquals(visitor.of("paused"), [{ type: "paused", reason: null }]);
});

Deno.test("a window that is stuck for long is cut off, and one that lost events is told to come back", () => {
  const page = new ServedPage();
  const stuck = page.window("window-1");
  const lost = page.window("window-2");
  stuck.isStuck = true;
  lost.isStuck = true;
  for (let count = 0; count < 100; count++) page.show({ text: "x".repeat(20_000) });
  page.events.splice(0, 100);
  page.wholeFrom = 101;
  lost.unstick();
  page.run();
  assertEquals(lost.visitor.closed, 1013);
  for (let count = 0; count < 3; count++) page.clock.advance(20_000);
  assert(stuck.isAborted);
});

Deno.test("a window that is silent for two pings is cut off; one that answers stays", () => {
  const page = new ServedPage();
  const silent = page.window("window-1");
  const alive = page.window("window-2");
  for (let count = 0; count < 5; count++) {
    page.clock.advance(20_000);
    page.run();
    alive.visitor.raw(clientFrame(10, utf8("")));
    page.run();
  }
  assertEquals([silent.isAborted, alive.isAborted], [true, false]);
  page.show({ text: "hi" });
  assertEquals(alive.visitor.shown, ["hi"]);
});

Deno.test("a seventeenth window is refused in words, and comes in when another is closed", () => {
  const page = new ServedPage();
  const windows = Array.from({ length: 16 }, (_, at) => page.window(`window-${at}`));
  const late = page.window("window-16").visitor;
  assertEquals([late.of("refused")[0]?.["code"], late.closed], ["full", 1013]);
  windows[3]!.visitor.raw(clientFrame(8, utf8("")));
  page.run();
  assert(page.window("window-16").visitor.welcome !== undefined);
  windows[4]!.hangUp();
  page.run();
  assert(page.window("window-17").visitor.welcome !== undefined);
  assert(page.window("window-5").visitor.welcome !== undefined, "its own place is its own");
});

Deno.test("a thousand connections that say nothing are in nobody's way, and end", () => {
  const page = new ServedPage();
  const window = page.window("window-1").visitor;
  const silent = Array.from({ length: 1_000 }, () => page.connect());
  page.run();
  page.clock.advance(0);
  assertEquals(silent.filter(({ isAborted }) => !isAborted).length, 128);
  const { visitor } = page.connect();
  visitor.ask("GET", "/");
  page.run();
  assertEquals(visitor.status, 200);
  assert(page.window("window-2").visitor.welcome !== undefined);
  page.show({ text: "hi" });
  assertEquals(window.shown, ["hi"]);

  page.clock.advance(10_000);
  page.run();
  page.clock.advance(1_000);
  assert(silent.every(({ isAborted }) => isAborted));
  assertEquals(silent.at(-1)!.visitor.status, 408);
});

Deno.test("one byte at a time isn't a way to stay, before or after the upgrade", () => {
  const page = new ServedPage();
  const slow = page.connect();
  for (let second = 0; second < 12; second++) {
    slow.visitor.raw("G");
    page.clock.advance(1_000);
    page.run();
  }
  assertEquals([slow.isAborted, slow.visitor.status], [true, 408]);
  const undecided = page.challenged();
  page.clock.advance(10_000);
  page.run();
  assertEquals(undecided.visitor.closed, 1013);
  page.clock.advance(1_000);
  assert(undecided.isAborted);
});

Deno.test("a message that is too long closes its window, and a text that is long as may be is run", () => {
  const page = new ServedPage();
  const other = page.window("window-2").visitor;
  const { visitor } = page.window("window-1");
  const text = "\u0001".repeat(65_536);
  visitor.send({ type: "run", command: { command: "msg", text }, ref: "1" });
  page.run();
  assertEquals(page.asked.map(({ command }) => command), [{ command: "msg", text }]);
  visitor.raw(clientFrame(1, new Uint8Array(100 * 1_024 * 1_024)).subarray(0, 70_000));
  page.run();
  assertEquals(visitor.closed, 1009);
  page.show({ text: "hi" });
  assertEquals(other.shown, ["hi"]);
});

Deno.test("a flood of messages is refused, and each refusal says which it was", () => {
  const page = new ServedPage();
  const { visitor } = page.window("window-1");
  for (let count = 0; count < 150; count++) {
    visitor.send({ type: "run", line: "x", ref: `${count}` });
  }
  page.run();
  assertEquals(page.asked.length, 98, "two were to come in");
  assertEquals(visitor.of("refused").map(({ code, ref }) => [code, ref])[0], ["too-fast", "98"]);
  page.clock.advance(1_000);
  visitor.send({ type: "run", line: "y", ref: "later" });
  page.run();
  assertEquals(page.asked.at(-1)!.command, "y");
  assertEquals(visitor.closed, null);

  const odd = page.window("window-2").visitor;
  for (let count = 0; count < 150; count++) odd.send({ type: "odd" });
  page.run();
  const codes = odd.of("refused").map(({ code }) => code);
  assertEquals([codes[97], codes[98], codes.length], ["protocol", "too-fast", 150]);
});

Deno.test("who asks on without reading the answers is closed, whatever it asks", () => {
  const malformed = clientFrame(1, utf8(`{"type":"run","ref":"${"r".repeat(64)}"}`));
  const ping = clientFrame(9, utf8("x".repeat(125)));
  for (const frame of [malformed, ping]) {
    const page = new ServedPage();
    const deaf = page.window("window-1");
    const other = page.window("window-2").visitor;
    deaf.isStuck = true;
    for (let count = 0; count < 10_000; count++) {
      deaf.visitor.raw(frame);
      if (count % 100 === 0) page.run();
    }
    page.run();
    page.show({ text: "hi" });
    assertEquals(other.shown, ["hi"]);
    deaf.unstick();
    page.run();
    const { closed } = deaf.visitor;
    const refused = deaf.visitor.of("refused").length;
    assertEquals(closed, 1013);
    assert(refused < 8_000, `${refused} refusals waited`);
    const back = page.window("window-1").visitor;
    assertEquals(back.shown, ["hi"], "it may come back at once");
  }
});

Deno.test("a window that reads slowly isn't taken for one that asks too much", () => {
  const page = new ServedPage();
  const slow = page.window("window-1");
  slow.isStuck = true;
  page.show({ text: "x".repeat(3_000_000) });
  for (const line of ["/who", "/status"]) slow.visitor.send({ type: "run", line, ref: line });
  slow.visitor.send({ type: "ping" });
  page.run();
  page.clock.advance(20_000);
  assertEquals(page.asked.map(({ command }) => command), ["/who", "/status"]);
  slow.unstick();
  page.run();
  page.show({ text: "hi" });
  assertEquals([slow.visitor.shown.at(-1), slow.visitor.of("pong").length], ["hi", 1]);
  page.clock.advance(20_000);
  slow.visitor.raw(clientFrame(10, utf8("")));
  page.run();
  page.clock.advance(20_000);
  assertEquals([slow.isAborted, slow.visitor.closed], [false, null]);
});

Deno.test("what is malformed is refused, and the window stays", () => {
  const page = new ServedPage();
  const { visitor } = page.window("window-1");
  const odd = [{ type: "run", line: "x" }, { type: "run", ref: "1" }, [], null, { type: 3 }];
  for (const message of odd) visitor.send(message);
  visitor.send({ type: "run", line: "x", command: {}, ref: "1" });
  visitor.send({ type: "run", line: "x", ref: "r".repeat(65) });
  visitor.raw(clientFrame(1, utf8("{")));
  page.run();
  assertEquals(visitor.of("refused").length, 8);
  assertEquals([visitor.closed, page.asked], [null, []]);
  visitor.send({ type: "ping" });
  page.run();
  assertEquals(visitor.of("pong").length, 1);
});

Deno.test("prompt, pauses and progress are told to all windows; at the end they say goodbye", async () => {
  const page = new ServedPage();
  const { visitor } = page.window("window-1");
  page.server.paused("joining");
  page.server.prompted();
  page.server.progress("Catching up");
  page.run();
  assertEquals(visitor.messages.slice(-3), [
    { type: "paused", reason: "joining" },
    { type: "prompt", text: "Alice", self: "Alice" },
    { type: "progress", text: "Catching up" },
  ]);
  assertEquals(page.window("window-2").visitor.welcome!["progress"], "Catching up");
  await page.server.close();
  page.run();
  assertEquals(visitor.closed, 1001);
});

Deno.test("names, titles and file names reorder and hide nothing, whoever chose them", () => {
  const page = new ServedPage();
  page.names = ["Bob\u202e"];
  const { visitor } = page.window("window-1");
  const odd = "a\u202etxt.exe\u001b[2J\n\u009b";
  const path = "/home/b/\u00e4 b.txt";
  page.show({ name: odd, of: [{ title: odd, away: odd }, odd], path, text: `${odd}\n\ttwo` });
  const seen = (line: string) => `a<U+202E>txt.exe\u241b[2J${line}\u241b[`;
  const name = seen("\u240a");
  const of = [{ title: name, away: name }, name];
  const expected = { event: "message", name, of, path, text: `${seen("\n")}\n\ttwo` };
  assertEquals(visitor.events.map(({ fields }) => fields), [expected]);
  assertEquals(visitor.welcome!["names"], ["Bob<U+202E>"]);
});

const upload = (ticket: unknown, bytes: number, name = "a%20b.txt") => ({
  Origin: "http://127.0.0.1:55108",
  Authorization: `Bearer ${ticket}`,
  "Content-Length": `${bytes}`,
  "X-File-Name": name,
});

/** Sends a file of `bytes`, as far as `body` goes. */
function sent(page: ServedPage, ticket: unknown, bytes: number, body?: string) {
  const connection = page.connect();
  connection.visitor.ask("POST", "/files", upload(ticket, bytes), body);
  return connection;
}

Deno.test("a file that is dropped onto the page is stored until the end, and none comes after that", async () => {
  const page = new ServedPage();
  const window = page.window("window-1").visitor;
  const { visitor } = sent(page, window.welcome!["ticket"], 10, "hello");
  await page.settle();
  visitor.raw("world too much");
  await page.settle();

  assertEquals(visitor.status, 201);
  const answer = JSON.parse(visitor.body);
  assertEquals([answer.name, answer.bytes], ["a b.txt", 10]);
  assertMatch(answer.path, /^\/p\/uploads\/run\/1\/a b\.txt$/);
  assertEquals(new TextDecoder().decode((await page.disk.read(answer.path))!), "helloworld");
  const half = sent(page, window.welcome!["ticket"], 10, "hel");
  await page.settle();
  await page.server.close();
  assertEquals([half.isAborted, await page.disk.stat("/p/uploads/run")], [true, null]);
});

Deno.test("one file at a time for each window, and nobody's without a ticket", async () => {
  const page = new ServedPage();
  const window = page.window("window-1").visitor;
  const first = sent(page, window.welcome!["ticket"], 10, "hel");
  await page.settle();
  const second = sent(page, window.welcome!["ticket"], 10, "hel").visitor;
  const stranger = sent(page, "x".repeat(43), 10, "hel").visitor;
  await page.settle();
  assertEquals([second.status, stranger.status], [429, 401]);

  first.hangUp();
  await page.settle();
  const third = sent(page, window.welcome!["ticket"], 3, "hel").visitor;
  await page.settle();
  assertEquals(third.status, 201);
});

Deno.test("a file that is too large, or stops coming, is refused in words", async () => {
  const page = new ServedPage();
  const window = page.window("window-1").visitor;
  const large = sent(page, window.welcome!["ticket"], 99_000_000_000, "hel").visitor;
  await page.settle();
  assertEquals([large.status, JSON.parse(large.body).code], [413, "too-long"]);
  const stalled = sent(page, window.welcome!["ticket"], 10, "hel").visitor;
  await page.settle();
  page.clock.advance(30_000);
  await page.settle();
  assertEquals([stalled.status, JSON.parse(stalled.body).code], [500, "timeout"]);
  const empty = sent(page, window.welcome!["ticket"], 0).visitor;
  await page.settle();
  assertEquals(empty.status, 201);
});

Deno.test("a window is told which names have a mark before it is shown them, also one that comes later", () => {
  const page = new ServedPage();
  const { visitor } = page.window("window-1");
  page.show({ from: "Alice" });
  for (let number = 0; number < 1_500; number++) markImitation(`aIice${number}`);
  assertEquals(shownName("B\u043eb1~k7f3"), "\u2248B\u043eb1~k7f3"); // as the event's line has it
  page.show({ from: "AIice7~k7f3" });
  const marks = visitor.of("marked").flatMap(({ names }) => names as string[]);
  // Other tests of the process may have marked names, too.
  assertEquals(marks.filter((name) => name.startsWith("aiice")).length, 1_500);
  assert(["aiice7", "b\u043eb1"].every((name) => marks.includes(name)));
  const order = visitor.messages.map(({ type }) => type);
  assert(order.lastIndexOf("marked") < order.lastIndexOf("events"));
  const told = visitor.of("marked").length;
  markImitation("AIICE7");
  page.show({ from: "AIICE7" });
  assertEquals(visitor.of("marked").length, told, "known already");

  const later = page.window("window-2").visitor;
  assertEquals(later.of("marked").flatMap(({ names }) => names as string[]), marks);
});
