/** `--irc`, by the built program: clients that are sockets; irssi and WeeChat are in `irc_clients_pty_test.ts`. */

import { assert, assertEquals, assertLess } from "@std/assert";
import { utf8 } from "../../lib/base/crypto/crypto.ts";
import { type IrcAddress, RawIrc } from "../raw_irc.ts";
import { DirectoryWorld } from "./directory_world.ts";
import { Group, isView } from "./group_world.ts";
import { Node, type ShownEvent, untilRead } from "./node.ts";

const CAPS = "echo-message server-time message-tags batch labeled-response draft/chathistory";

/** Where the program serves IRC, and with which password. */
async function served(node: Node): Promise<{ readonly at: IrcAddress; readonly password: string }> {
  const event = await node.until(({ event }) => event === "irc");
  const [password] = (await Deno.readTextFile(event["passwordFile"])).split("\n");
  const { host, port, path } = event as ShownEvent;
  return { at: path === undefined ? { host, port } : { path }, password: password! };
}

/** A client that has come in to the program. @param caps Separated by blanks. */
async function joined(node: Node, caps = ""): Promise<RawIrc> {
  const { at, password } = await served(node);
  const client = await RawIrc.open({ at });
  if (caps !== "") await client.send("CAP LS 302", `CAP REQ :${caps}`);
  await client.send(`PASS :${password}`, "NICK someone", "USER u 0 * :Real");
  if (caps !== "") await client.send("CAP END");
  await client.until(" 366 ");
  return client;
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The text of each message of a kind. */
const texts = (node: Node) =>
  node.events.filter(({ event }) => event === "message").map(({ text }) => text);

Deno.test("irc: a client is in the room, talks to all and to one, and leaves; the member stays", async () => {
  await using alice = await Node.ready("Alice", null, { args: ["--irc", "--title", "The Club"] });
  await using bob = await Node.ready("Bob", alice);
  await alice.until(({ event }) => event === "joined");
  const { at, password } = await served(alice);
  const client = await RawIrc.open({ at });
  await client.send("CAP LS 302", `CAP REQ :${CAPS}`, `PASS ${password}`, "NICK x", "USER x 0 * x");
  await client.send("CAP END");
  const welcome = await client.until(" 366 ");
  assert(welcome.includes(" 001 Alice :"), welcome);
  assert(welcome.includes(" 332 Alice #The-Club :The Club"), welcome);
  assert(/ 353 Alice = #The-Club :Alice Bob\r\n/.test(welcome), welcome);

  // To all, and back; the console is shown the same.
  await client.send("@label=7 PRIVMSG #The-Club :hello from IRC");
  const heard = await bob.until(({ event }) => event === "message");
  assertEquals([heard.text, heard.from, heard.private], ["hello from IRC", "Alice", false]);
  const own = await alice.until(({ event, self }) => event === "message" && self === true);
  assertEquals([own.text, own.ref], ["hello from IRC", undefined]);
  const echo = await client.until("hello from IRC");
  assert(echo.includes(`msgid=${own.id};`) && echo.includes("label=7"), echo);
  await bob.ask("msg", { text: "good\r\n:evil!x@y PRIVMSG #The-Club :lies\0" });
  assert(/:Bob!p2p@\S+ PRIVMSG #The-Club :good␍\r\n/.test(await client.until(":good")));
  assert((await client.until("lies")).includes(":Bob!"), "a line of Bob's, not another's");

  // To one alone.
  await client.send("PRIVMSG Bob :psst");
  const alone = await bob.until(({ event, private: isPrivate }) =>
    event === "message" && isPrivate
  );
  assertEquals(alone.text, "psst");
  await bob.ask("msg", { name: "Alice", text: "what?" });
  assert(/:Bob!\S+ PRIVMSG Alice :what\?/.test(await client.until("what?")));
  await client.send("PRIVMSG Nobody :psst");
  await client.until(" 401 Alice Nobody :");

  // The program itself.
  await client.send("PRIVMSG *p2pchat :status", "WHOIS Bob", "PRIVMSG *p2pchat :invite");
  assert(/:\*p2pchat!\S+ PRIVMSG Alice :.*Bob/.test(await client.until("Bob")));
  assert(/ 330 Alice Bob \S{20,} :/.test(await client.until(" 318 ")));
  await client.until("p2pchat mesh NAME");
  await client.send("PRIVMSG *p2pchat :help", "PRIVMSG *p2pchat :/nonsense");
  assert(/ PRIVMSG Alice :verify NAME \[ANSWER\]: /.test(await client.until(":verify NAME")));
  assert(/ PRIVMSG Alice :error: .*nonsense/.test(await client.until("nonsense")));

  // Presence.
  await bob.ask("away", { text: "lunch" });
  await bob.ask("back");
  await client.send("QUIT :later");
  await client.until("ERROR");
  client.close();
  await bob.ask("msg", { text: "meanwhile" });
  await alice.until(({ text }) => text === "meanwhile");
  const again = await joined(alice);
  assert(/PRIVMSG #The-Club :\[\d\d:\d\d\] meanwhile\r\n/.test(await again.until("meanwhile")));
  again.close();
  assertEquals(bob.events.filter(({ event }) => event === "left"), []);
});

Deno.test("irc: a wrong password and a second client are refused; a killed or hung client costs nothing", async () => {
  await using alice = await Node.ready("Alice", null, { args: ["--irc", "0"] });
  const { at, password } = await served(alice);
  assert("port" in at && at.port > 0, "any free port");
  const stranger = await RawIrc.open({ at });
  const told = await stranger.join("wrong");
  assert(told.includes(" 464 ") && told.includes("ERROR :"), told);
  assert(!told.includes("Alice"), told);
  stranger.close();

  const first = await joined(alice, CAPS);
  const second = await RawIrc.open({ at });
  const refused = second.join(password);
  await first.until("PING");
  await first.send("PONG x");
  assert((await refused).includes("ERROR :Another client is connected"), await refused);
  second.close();
  await alice.ask("msg", { text: "one" });
  await first.until(":one");

  first.stream.close(); // as when its process is killed
  await alice.ask("msg", { text: "two" });
  let client = await RawIrc.open({ at });
  for (let isIn = false; !isIn; client = isIn ? client : await RawIrc.open({ at })) {
    isIn = (await client.join(password)).includes(" 366 ");
  }
  assert((await client.until("two")).includes(":Alice!"));
  const next = await RawIrc.open({ at });
  const startMs = performance.now();
  assert((await next.join(password)).includes(" 366 "), "the one before doesn't answer");
  assertLess(performance.now() - startMs, 10_000);
  await next.stream.write(new Uint8Array([...utf8("PRIVMSG #room :caf"), 0xe9, 10]));
  await next.until("isn't UTF-8");
  next.close();
  client.close();
});

Deno.test("irc: whatever a client sends, others notice nothing", async () => {
  await using alice = await Node.ready("Alice", null, { args: ["--irc"] });
  const { at } = await served(alice);
  const garbage = await RawIrc.open({ at });
  await garbage.stream.write(crypto.getRandomValues(new Uint8Array(60_000)));
  garbage.close();
  const get = await RawIrc.open({ at });
  await get.send("GET / HTTP/1.1", "Host: example.org", "", "\0\0\0", ":::::", "@@@ @;;; :x");
  get.close();
  const long = await joined(alice);
  const told = long.until("ERROR");
  const part = new Uint8Array(1_048_576).fill(0x78);
  try {
    for (let sent = 0; sent < 100; sent++) {
      for (let rest = part; rest.length > 0;) rest = rest.subarray(await long.stream.write(rest));
    }
  } catch {
    // It is closed before the end.
  }
  assert((await told).includes("A line is too long"));
  long.close();
  const silent: RawIrc[] = [];
  for (let count = 0; count < 20; count++) silent.push(await RawIrc.open({ at }));
  await silent[0]!.until("ERROR"); // so many don't wait at once
  (await joined(alice)).close();
  for (const each of silent) each.close();

  await alice.ask("msg", { text: "all is well" });
  assertEquals(texts(alice), ["all is well"]);
});

Deno.test("irc: neither wrong passwords nor pages of strangers keep the user's client out", async () => {
  await using alice = await Node.ready("Alice", null, { args: ["--irc", "0"] });
  const { at } = await served(alice);
  const form = "PASS :guess\r\nNICK a\r\nUSER a 0 * a\r\n";
  for (let count = 0; count < 10; count++) {
    const posted = await RawIrc.open({ at });
    await posted.send(
      "POST / HTTP/1.1",
      "Host: 127.0.0.1",
      `Content-Length: ${form.length}`,
      "",
      form,
    );
    assertEquals(await posted.upTo("never"), "", "it is told nothing");
    posted.close();
  }
  for (let count = 0; count < 10; count++) {
    const guessing = await RawIrc.open({ at });
    assert((await guessing.join(`guess${count}`)).includes(" 464 "));
    guessing.close();
  }
  await alice.until(({ event, text }) => event === "notice" && /tries passwords/.test(text));
  (await joined(alice)).close();
});

Deno.test("irc: a client that asks for very much at once gets it, and keeps nobody waiting", async () => {
  await using alice = await Node.ready("Alice", null, { args: ["--irc", "0", "--web", "0"] });
  await using bob = await Node.ready("Bob", alice);
  await alice.until(({ event }) => event === "joined");
  for (let count = 0; count < 300; count++) await bob.ask("msg", { text: `m${count}` });
  await alice.until(({ text }) => text === "m299");
  const client = await joined(alice, CAPS);
  const asked = 200;
  const all = client.until("last answer");
  await client.send(...Array.from({ length: asked }, () => "CHATHISTORY LATEST #room * 300"));
  await client.send("PING :last answer");

  // The console and the other member are heard meanwhile.
  await alice.ask("status");
  await bob.ask("msg", { text: "are you there?" });
  await alice.until(({ text }) => text === "are you there?");
  assertEquals((await all).split(" BATCH +").length, asked + 1);
  assertEquals(bob.events.filter(({ event }) => event === "left"), []);
  client.close();
});

Deno.test("irc: a socket is the user's alone, with the user's own password; what can't be is told", async () => {
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-irc-" });
  const path = `${folder}/irc`;
  await Deno.writeTextFile(`${folder}/password`, "open sesame\n", { mode: 0o600 });
  const args = ["--irc", path, "--irc-password-file", `${folder}/password`];
  await using alice = await Node.ready("Alice", null, { args });
  assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
  assertEquals(await served(alice), { at: { path }, password: "open sesame" });
  const client = await joined(alice);
  await client.send("PRIVMSG #room :hi");
  await alice.until(({ text }) => text === "hi");
  await client.send("PRIVMSG *p2pchat :quit");
  assert((await client.until("ERROR")).includes("ERROR :"));
  assertEquals((await alice.status).code, 0);
  client.close();
  assertEquals(isThere(path), false, "it leaves no socket behind");
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    await using next = await Node.ready("Next", null, { args });
    await served(next);
    assertEquals(isThere(path), true);
    next.signal(signal);
    await next.status;
    assertEquals(isThere(path), false, signal);
  }

  // What was left by a killed program is no obstacle; another program is.
  await using killed = await Node.ready("Killed", null, { args });
  await served(killed);
  await killed.kill();
  assertEquals(isThere(path), true);
  await using first = await Node.ready("First", null, { args });
  await using second = Node.mesh("Second", null, { args });
  const { code, text } = await second.until(({ event }) => event === "fatal");
  assertEquals(code, "in-use", text);
  assertEquals((await second.status).code, 4);
  await first.type(":q");
  await first.status;
  await Deno.chmod(folder, 0o777);
  await using third = Node.mesh("Third", null, { args });
  const refused = await third.until(({ event }) => event === "fatal");
  assertEquals(refused["code"], "not-allowed");
  assert(refused["text"].includes(`others of this machine can write to ${folder},`));
  assertEquals((await third.status).code, 4);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("irc: a group's entries have numbers, edits say which, and go agrees", async () => {
  await using group = new Group();
  await group.serve("--edits", "ask");
  const [alice, bob] = [await group.start("Alice", "--irc"), await group.start("Bob")];
  const client = await joined(alice, CAPS);
  await client.send("PRIVMSG #room :at seven?");
  assert(/p2pchat\/seq=1[; ].* PRIVMSG #room :\[1\] at seven\?/.test(await client.until("seven")));
  await bob.until(({ text }) => text === "at seven?");
  await bob.ask("edit", { n: 1, text: "at eight?" });
  const asked = await client.until("at eight?");
  assert(
    / NOTICE #room :.*: \/msg \*p2pchat go 1 agrees, .*; here y or n is enough/.test(asked),
    asked,
  );
  await client.send("PRIVMSG *p2pchat :go 1"); // y may come before anybody could have read the question
  assert(/:Bob!\S+ NOTICE #room :edited 1: at eight\?/.test(await client.until("edited 1")));
  await client.send("PRIVMSG Bob :psst");
  assert(/^(@\S+ )?:Bob!\S+ NOTICE Alice :/.test(await client.until(":Nothing was sent")));
  client.close();

  // A client without echo-message isn't told what it says itself: its number is in the log.
  const plain = await joined(alice);
  await plain.send("PRIVMSG #room :bring a pen");
  await bob.until(({ event, seq }) => event === "message" && seq === 2);
  await plain.send("PRIVMSG *p2pchat :log 1");
  const line = / PRIVMSG Alice :(\d+) \d\d:\d\d <Alice> bring a pen\r\n/.exec(
    await plain.until("a pen"),
  );
  assertEquals(line?.[1], "2");
  await plain.send("PRIVMSG *p2pchat :edit bring two pens - 2");
  await bob.until(({ event }) => event === "vote-wanted");
  await bob.ask("go");
  await plain.until(" NOTICE #room :edited 2: bring two pens");
  plain.close();
});

Deno.test("irc: all that an edit changes comes, and only then, and after two seconds, y agrees", async () => {
  await using group = await Group.open("--edits", "ask");
  const alice = await group.start("Alice", "--irc");
  const bob = await group.start("Bob");
  await alice.until(isView("Alice", "Bob"));
  const client = await joined(alice);
  const text = (word: string) => Array.from({ length: 300 }, (_, at) => `${word} ${at}`).join("\n");
  await bob.ask("msg", { text: text("old") });
  await client.until("old 199");
  await client.send("PONG :it answers them");
  await bob.ask("edit", { n: 1, text: text("new") });
  const asked = await client.until(" PING asked-1");
  for (const row of ["- old 0\r", "- old 299\r", "+ new 0\r", "+ new 150\r"]) {
    assert(asked.includes(row), row);
  }
  const refused = async (why: string) => {
    await client.send("PRIVMSG #room :y");
    await client.until(` 404 Alice #room :Nothing was done: ${why}`);
  };
  await untilRead();
  // A client that takes nothing is sent it all the same.
  await refused("not all of it was shown here; the program's own console has it; y after a blank");
  await client.send("PONG :asked-1");
  await refused("too soon after the question; /msg *p2pchat");
  await untilRead();
  await client.send("PRIVMSG #room :y");
  await bob.until(({ event, outcome }) => event === "edit" && outcome === "committed");
  assertEquals(bob.texts().filter((said) => said === "y"), []);
  client.close();
});

Deno.test("irc: a file is offered where it is for: to all in the channel, to one in a query", async () => {
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-irc-" });
  for (const name of ["all.txt", "one.txt"]) await Deno.writeTextFile(`${folder}/${name}`, name);
  await using alice = await Node.ready("Alice", null, { args: ["--irc", "0"] });
  await using bob = await Node.ready("Bob", alice);
  await alice.until(({ event }) => event === "joined");
  const client = await joined(alice);

  await bob.ask("send", { file: `${folder}/all.txt` });
  const all = await client.until("all.txt");
  const offered = "Bob offers all.txt (7 B); --save DIR would fetch it";
  assert(all.endsWith(`:*p2pchat!p2p@p2pchat NOTICE #room :${offered}\r\n`), all);
  await bob.ask("send", { name: "Alice", file: `${folder}/one.txt` });
  const one = await client.until("one.txt");
  assert(/:Bob!p2p@\S+ NOTICE Alice :Bob offers one.txt \(7 B\) to you alone; /.test(one), one);

  // What nobody has fetched is told to be no more, where it was offered.
  await bob.ask("cancel", { n: 1 });
  await client.until(":*p2pchat!p2p@p2pchat NOTICE #room :! Failed: all.txt: ");
  await bob.ask("cancel", { n: 2 });
  await client.until(" NOTICE Alice :! Failed: one.txt: the offer was withdrawn");
  client.close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("irc: what a client was shown before the program was started again isn't shown again, and nothing else is left out", async () => {
  const data = await Deno.makeTempDir({ prefix: "p2pchat-irc-" });
  await using bob = await Node.ready("Bob", null);
  const start = (...args: readonly string[]) =>
    Node.ready("Alice", bob, { data, args: ["--irc", "0", "--history", "9", ...args] });
  await using first = await start();
  await bob.until(({ event }) => event === "joined");
  await bob.ask("msg", { text: "read" });
  await bob.ask("msg", { name: "Alice", text: "read alone" });
  await first.until(({ text }) => text === "read alone");
  const reader = await joined(first);
  await reader.until("read alone");
  await reader.send("QUIT");
  await reader.until("ERROR :Goodbye");
  reader.close();
  await bob.ask("msg", { text: "unread" });
  await first.until(({ text }) => text === "unread");
  await first.type(":q");
  await first.status;

  await using second = await start();
  await second.until(({ text }) => text === "unread");
  const client = await joined(second);
  await client.send("PING :all was shown");
  const shown = await client.until("all was shown");
  assert(/ PRIVMSG #room :.*unread/.test(shown), shown);
  assert(!/ PRIVMSG \S+ :.*read alone| PRIVMSG #room :.*\bread\b/.test(shown), shown);
  client.close();
  await second.type(":q");
  await second.status;

  // Whoever keeps nothing, has nothing of it known.
  await Deno.remove(`${data}/users/Alice/irc_shown`);
  await using third = await start("--no-history");
  const last = await joined(third);
  await bob.ask("msg", { text: "not kept" });
  await last.until("not kept");
  await last.send("QUIT");
  await last.until("ERROR :Goodbye");
  await third.type(":q");
  await third.status;
  assertEquals(isThere(`${data}/users/Alice/irc_shown`), false);
  last.close();
  await Deno.remove(data, { recursive: true });
});

Deno.test("irc: a group's entries and edits that a client was shown aren't shown again when the program is started again", async () => {
  await using group = new Group();
  await group.serve();
  const [alice, bob] = [await group.start("Alice", "--irc", "0"), await group.start("Bob")];
  await alice.until(({ event, members }) => event === "view" && members.length === 2);
  await bob.ask("msg", { text: "at seven?" });
  await bob.ask("edit", { n: 1, text: "at eight?" });
  await alice.until(({ event }) => event === "edit");
  const reader = await joined(alice);
  await reader.until("edited 1: at eight?");
  await reader.send("QUIT");
  await reader.until("ERROR :Goodbye");
  reader.close();
  await bob.ask("msg", { text: "unread" });
  await alice.until(({ text }) => text === "unread");
  await alice.type(":q");
  await alice.status;

  const back = await group.start("Alice", "--irc", "0");
  await back.until(({ text }) => text === "unread");
  const client = await joined(back);
  await client.send("PING :all was shown");
  const shown = await client.until("all was shown");
  assert(/ PRIVMSG #room :.*\[2\] unread/.test(shown), shown);
  assert(!/at (seven|eight)/.test(shown), shown);
  client.close();
});

Deno.test("irc: a directory's lobby is a channel, and a call a query", async () => {
  const { world } = await DirectoryWorld.open([]);
  await using _ = world;
  const [alice, bob] = [await world.guest("alice", { args: ["--irc"] }), await world.guest("bob")];
  await alice.until(({ event, name }) => event === "presence" && name === "bob");
  const client = await joined(alice, CAPS);
  await client.send("PRIVMSG #lobby :lunch?");
  assertEquals((await bob.until(({ event }) => event === "broadcast")).text, "lunch?");
  await client.until(":lunch?");
  await bob.ask("broadcast", { text: "soon" });
  assert(/:bob!\S+ PRIVMSG #lobby :soon/.test(await client.until("soon")));

  await client.send("PRIVMSG bob :are you there?");
  await bob.until(({ event }) => event === "incoming");
  await bob.type("/accept");
  assertEquals((await bob.until(({ event }) => event === "message")).text, "are you there?");
  await bob.type("yes");
  assert(/:bob!\S+ PRIVMSG alice :yes/.test(await client.until(":yes")));
  client.close();
});

Deno.test("irc: a further room is a channel of its own, and what is said in it stays there", async () => {
  await using alice = await Node.ready("Alice", null, { args: ["--irc", "--title", "One"] });
  await using bob = await Node.ready("Bob", null);
  await bob.ask("msg", { text: "before" });
  const client = await joined(alice, "echo-message server-time");
  await client.send("NICK Ally");
  await client.until(" NICK Ally");
  await client.send(`PRIVMSG *p2pchat :join 127.0.0.1 ${bob.port} --title Two`);
  assert(/ 353 Ally = #Two :Ally( Bob)?\r\n/.test(await client.until(" 366 Ally #Two ")));
  assert(/^@time=\S+ :Bob!\S+ PRIVMSG #Two :before\r/m.test(await client.until("before")));
  await bob.until(({ event, name }) => event === "renamed" && name === "Ally");
  await client.send("PRIVMSG #Two :hello, two", "PRIVMSG #One :hello, one");
  const { from } = await bob.until(({ text }) => text === "hello, two");
  assertEquals(from, "Ally");
  await bob.ask("msg", { text: "hello, Ally" });
  assert(/:Bob!\S+ PRIVMSG #Two :hello, Ally/.test(await client.until("hello, Ally")));
  assertEquals(texts(bob), ["before", "hello, two", "hello, Ally"]);
  client.close();
});

Deno.test("irc: why the program ends is told to the client", async () => {
  await using alice = await Node.ready("Alice", null);
  await using bob = await Node.ready("Bob", alice, { args: ["--irc"] });
  const client = await joined(bob);
  await alice.ask("remove", { name: "Bob" });

  const told = await client.until("ERROR");
  assert(/ERROR :.*removed/.test(told), told);
  assertEquals((await bob.status).code, 4);
  client.close();
});
