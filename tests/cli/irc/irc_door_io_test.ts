import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { CommandTable } from "../../../lib/cli/commands/commands.ts";
import { OpenQuestions } from "../../../lib/cli/commands/open_questions.ts";
import { IrcDoor } from "../../../lib/cli/irc/irc_door.ts";
import { WAITING_MAX } from "../../../lib/cli/irc/irc_gateway.ts";
import { openIrcListener } from "../../../lib/cli/irc/irc_listener.ts";
import { openIrcPassword } from "../../../lib/cli/irc/irc_password.ts";
import { RealDisk } from "../../../lib/store/disk/real_disk.ts";
import { Client } from "../../irc_framework.ts";
import { RawIrc } from "../../raw_irc.ts";
import { PASSWORD, ServedIrc } from "./irc_served.ts";

type Heard = Readonly<Record<string, unknown>>;

/** The next event of that name for which `isIt` holds. */
function heard(client: Client, name: string, isIt = (_: Heard) => true): Promise<Heard> {
  return new Promise((resolve) => client.on(name, (event) => isIt(event) && resolve(event)));
}

Deno.test("irc door: irc-framework comes in, talks and is talked to", async () => {
  await using served = await ServedIrc.open();
  const client = new Client();
  client.requestCap("draft/chathistory");
  const names = heard(client, "userlist");
  client.connect({
    ...{ host: "127.0.0.1", port: served.port, nick: "whoever", password: PASSWORD },
    ...{ auto_reconnect: false, ping_interval: 0, enable_echomessage: true, version: null },
  });

  const users = (await names)["users"] as readonly Heard[];
  assertEquals(users.map(({ nick, modes }) => [nick, modes]), [["Alice", []], ["Bob", ["v"]]]);
  assertEquals(client.user.nick, "Alice");
  assertEquals(client.network.supports("CHATHISTORY"), "500");
  const caps = ["server-time", "message-tags", "batch", "echo-message", "draft/chathistory"];
  for (const cap of caps) assert(client.network.cap.enabled.includes(cap), cap);

  const echo = heard(client, "privmsg");
  client.say("#Club", "hello");
  const { nick, target, message } = await echo;
  assertEquals([nick, target, message], ["Alice", "#Club", "hello"]);
  assertEquals(served.ran.at(-1)?.command, { command: "msg", text: "hello" });

  const answer = heard(client, "privmsg", ({ nick }) => nick === "Bob");
  served.said("Bob", "hi\u0002 there\r:evil KILL");
  const said = await answer;
  assertEquals([said["target"], said["message"]], ["#Club", "hi␂ there␍:evil KILL"]);
  assert(typeof (said["tags"] as Heard)["msgid"] === "string");

  const action = heard(client, "action");
  served.said("Bob", "/me waves");
  assertEquals((await action)["message"], "waves");

  const history = heard(client, "batch end chathistory");
  client.raw("CHATHISTORY LATEST #Club * 10");
  assertEquals(((await history)["commands"] as readonly unknown[]).length >= 3, true);

  const closed = heard(client, "socket close");
  client.quit();
  await closed;
});

/** A client of irc-framework that is in. */
async function framework({ port }: ServedIrc): Promise<Client> {
  const client = new Client();
  client.requestCap("draft/chathistory");
  client.connect({
    ...{ host: "127.0.0.1", port, nick: "whoever", password: PASSWORD },
    ...{ auto_reconnect: false, ping_interval: 0, enable_echomessage: true, version: null },
  });
  await heard(client, "userlist");
  return client;
}

async function quit(client: Client, served: ServedIrc): Promise<void> {
  const closed = heard(client, "socket close");
  client.quit();
  await closed;
  await served.door.close();
}

Deno.test("irc door: irc-framework in two rooms: each has its own words, and its own history", async () => {
  const served = await ServedIrc.open({ type: "port", port: 0 }, (served) => served.rooms());
  const client = await framework(served);
  const second = heard(client, "privmsg", ({ message }) => message === "to the second");
  client.say("#Two", "to the second");
  assertEquals((await second)["target"], "#Two");
  assertEquals(served.ran.at(-1)?.command, { command: "msg", text: "to the second", room: "r2" });

  const first = heard(client, "privmsg", ({ nick }) => nick === "Bob");
  served.said("Bob", "in the first", { room: "r" });
  assertEquals((await first)["target"], "#Club");
  const history = heard(client, "batch end chathistory");
  client.raw("CHATHISTORY LATEST #Two * 10");
  const commands = (await history)["commands"] as readonly { readonly params: string[] }[];
  assertEquals(commands.map(({ params }) => params), [["#Two", "to the second"]]);

  const parted = heard(client, "part");
  served.show({ event: "parted", number: 2, title: "Two", reason: "quit", room: "r2" });
  assertEquals((await parted)["channel"], "#Two");
  await quit(client, served);
});

Deno.test("irc door: irc-framework in a directory: all are told, one is called, and what was typed elsewhere is there", async () => {
  const served = await ServedIrc.open({ type: "port", port: 0 }, (served) => served.directory());
  const client = await framework(served);
  const told = heard(client, "privmsg", ({ message }) => message === "lunch?");
  client.say("#lobby", "lunch?");
  const { nick, target } = await told;
  assertEquals([nick, target], ["Alice", "#lobby"]);

  const asked = served.asked();
  client.say("Bob", "are you there?");
  assertEquals(await asked, { command: "call", name: "Bob" });
  served.show({ event: "call", call: "c", peer: "Bob", state: "ringing" });
  const said = heard(client, "privmsg", ({ message }) => message === "are you there?");
  served.show({ event: "call", call: "c", peer: "Bob", state: "connected" });
  assertEquals((await said)["target"], "Bob");
  const typed = heard(client, "privmsg", ({ message }) => message === "from the page");
  served.said("Alice", "from the page");
  const own = await typed;
  assertEquals([own["nick"], own["target"]], ["Alice", "Bob"]);
  await quit(client, served);
});

Deno.test("irc door: while the program has others to serve a client's lines wait, and it hears what happens", async () => {
  await using served = await ServedIrc.open();
  const client = await RawIrc.open(served);
  await client.join(PASSWORD);
  served.said("Bob", "before");
  await client.until("before");
  const others = Promise.withResolvers<void>();
  served.held = others.promise;
  await client.send(...Array.from({ length: 1_800 }, () => "CHATHISTORY LATEST #club * 500"));
  await client.send("PRIVMSG #club :last");
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
  served.said("Bob", "meanwhile");

  assert(!(await client.until("meanwhile")).includes("before"), "nothing is answered");
  assertEquals(served.ran, []);
  served.held = null;
  const asked = served.asked();
  others.resolve();
  assertEquals(await asked, { command: "msg", text: "last" });
  client.close();
});

Deno.test("irc door: whoever asks for more than it reads gets it once it reads, and isn't dropped", async () => {
  await using served = await ServedIrc.open();
  for (let at = 0; at < 300; at++) served.said("Bob", `n${at} ${"x".repeat(3_000)}`);
  const client = await RawIrc.open(served);
  await client.join(PASSWORD);
  await client.send(...Array.from({ length: 5 }, () => "CHATHISTORY LATEST #club * 300"));
  await client.send("PING :last");

  const answers = await client.until(" PONG p2pchat.local :last");
  assertEquals(answers.split(" n299 x").length, 1 + 6, "those of the replay, too");
  client.close();
});

/** A connection of which nothing is heard, and that takes everything. */
class SilentConnection {
  isClosed = false;
  readonly #gone = Promise.withResolvers<null>();
  read = () => this.#gone.promise;
  write = (bytes: Uint8Array) => Promise.resolve(bytes.length);
  closeWrite = () => Promise.resolve();
  close(): void {
    this.isClosed = true;
    this.#gone.resolve(null);
  }
}

/** A door at which so many connect, one as soon as the other is taken. */
function doorOf(connections: number, nowMs: () => number) {
  const all: SilentConnection[] = [];
  const end = Promise.withResolvers<never>();
  end.promise.catch(() => {}); // the door may be about to ask for the next one
  const listener = {
    accept() {
      if (all.length === connections) return end.promise;
      all.push(new SilentConnection());
      return Promise.resolve(all.at(-1));
    },
    close: () => end.reject(new Deno.errors.BadResource()),
  };
  const host = {
    events: [],
    wholeFrom: 1,
    ready: () => null,
    questions: new OpenQuestions(),
    run: () => {},
    commands: new CommandTable<never>({
      commands: [],
      bareLine: () => ({ command: "", texts: {} }),
    }),
  };
  const door = new IrcDoor({
    ...{ host, listener: listener as unknown as Deno.Listener, render: () => [] },
    password: { path: "", is: () => false },
    ...{ shown: null, warn: () => {}, nowMs, wallMs: Date.now },
  });
  return { door, all };
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("irc door: who comes isn't taken before who came earlier had a chance, or has gone", async () => {
  const { door, all } = doorOf(200, () => 0); // time stands still
  for (let turns = 0; turns < 50; turns++) await turn();
  assertEquals(all.length, WAITING_MAX);

  all[3]!.close();
  while (all.length === WAITING_MAX) await turn();
  for (let turns = 0; turns < 50; turns++) await turn();
  assertEquals(all.length, WAITING_MAX + 1);
  assertEquals(all.filter(({ isClosed }) => isClosed).length, 1);
  await door.close();
});

Deno.test("irc door: however many come, few are open at once", async () => {
  const { door, all } = doorOf(200, () => performance.now());
  while (all.length < 200) await new Promise((resolve) => setTimeout(resolve, 0));

  assertEquals(all.filter(({ isClosed }) => !isClosed).length, WAITING_MAX + 16);
  assert(!all.at(-1)!.isClosed, "the latest may still come in");
  await door.close();
  assert(all.every(({ isClosed }) => isClosed));
});

Deno.test("irc door: a wrong password is told before the connection ends", async () => {
  await using served = await ServedIrc.open();
  const client = await RawIrc.open(served);

  const told = await client.join("wrong");

  assert(told.includes(" 464 "), told);
  assert(/ERROR :.*password/.test(told), told);
  client.close();
});

Deno.test("irc door: whoever types goes on while the machine's clock is set back, and is told what it says", async () => {
  let wallMs = Date.UTC(2026, 0, 31, 12);
  await using served = await ServedIrc.open(undefined, undefined, () => wallMs);
  const client = await RawIrc.open(served);
  await client.send("CAP REQ :server-time", "CAP END");
  await client.join(PASSWORD);
  wallMs -= 86_400_000;
  await client.send("PRIVMSG #Club :hi", "PING :last");

  await client.until(" PONG ");
  await client.send("TIME");
  assert((await client.until(" 391 ")).includes("2026-01-30"));
  client.close();
});

Deno.test("irc door: another is told while the last lines of a client that is gone are being said, and none is lost", async () => {
  await using served = await ServedIrc.open();
  const first = await RawIrc.open(served);
  await first.join(PASSWORD);
  const released = Promise.withResolvers<void>();
  served.held = released.promise;
  await first.send("PRIVMSG #club :one", "PRIVMSG #club :two");
  first.close();
  let told = "";
  while (!told.includes("ERROR :Another client's last lines are still being said")) {
    const next = await RawIrc.open(served);
    told = await next.join(PASSWORD); // until the lines have come, it is told of a client that is connected
    next.close();
  }

  served.held = null;
  released.resolve();
  while (served.ran.length < 2) await served.asked();
  assertEquals(served.ran.map(({ command }) => (command as { text: string }).text), ["one", "two"]);
});

Deno.test("irc door: a client that was killed makes room for another", async () => {
  await using served = await ServedIrc.open();
  const first = await RawIrc.open(served);
  await first.join(PASSWORD);
  first.close();
  // Until the end of the first one is known, another is refused.
  for (let isIn = false; !isIn;) {
    const next = await RawIrc.open(served);
    isIn = (await next.join(PASSWORD)).includes(" 366 ");
    next.close();
  }
});

Deno.test("irc door: a line of 100 MB ends the connection, and costs nothing", async () => {
  await using served = await ServedIrc.open();
  const client = await RawIrc.open(served);
  await client.join(PASSWORD);
  const part = new Uint8Array(1_048_576).fill(0x78);
  const told = client.until("ERROR");
  let sent = 0;
  try {
    for (; sent < 100; sent++) {
      for (let rest = part; rest.length > 0;) {
        rest = rest.subarray(await client.stream.write(rest));
      }
    }
  } catch {
    // It is closed.
  }

  assert((await told).includes("ERROR :A line is too long"), `${sent} MiB`);
  client.close();
});

Deno.test("irc door: a client that reads nothing is dropped, and the door goes on", async () => {
  await using served = await ServedIrc.open();
  const slow = await RawIrc.open(served);
  await slow.join(PASSWORD);
  const text = "x".repeat(60_000);
  for (let at = 0; at < 300; at++) served.said("Bob", text);
  const next = await RawIrc.open(served);

  const told = await next.join(PASSWORD);
  assert(told.includes(" 366 "), told);
  slow.close();
  next.close();
});

Deno.test("irc door: what a client sent is done before it is told goodbye", async () => {
  await using served = await ServedIrc.open();
  const client = await RawIrc.open(served);
  await client.join(PASSWORD);
  const asked = served.asked();
  await client.send("PRIVMSG #club :last words", "QUIT :bye");

  assertEquals(await asked, { command: "msg", text: "last words" });
  assert((await client.until("ERROR")).includes("ERROR :Goodbye"));
  client.close();
});

Deno.test("irc door: the program's end is told to who is connected", async () => {
  const served = await ServedIrc.open();
  const client = await RawIrc.open(served);
  await client.join(PASSWORD);
  const told = client.until("ERROR");
  await Promise.all([served.door.close(), told]);

  assert((await told).includes("ERROR :The program ends"));
  client.close();
});

Deno.test("irc door: a socket is the user's alone, and one left by a killed program is replaced", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/irc`;
  const served = await ServedIrc.open({ type: "path", path });

  assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
  const client = await RawIrc.open(served);
  assert((await client.join(PASSWORD)).includes(" JOIN #Club"));
  await assertRejects(() => openIrcListener({ type: "path", path }), P2pchatError, "listens there");
  client.close();
  await served.door.close();

  // As after `kill -9`: the socket is there, and nobody listens.
  const script = `Deno.listen({ transport: "unix", path: ${
    JSON.stringify(path)
  } }); Deno.kill(Deno.pid, "SIGKILL")`;
  await new Deno.Command(Deno.execPath(), { args: ["eval", script] }).output();
  assert((await Deno.lstat(path)).isSocket);
  await (await ServedIrc.open({ type: "path", path })).door.close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("irc door: what isn't a socket is never removed; a taken port is told", async () => {
  const path = await Deno.makeTempFile();
  await assertRejects(
    () => openIrcListener({ type: "path", path }),
    P2pchatError,
    "isn't a socket",
  );
  assertEquals((await Deno.stat(path)).isFile, true);
  await Deno.remove(path);
  const nowhere = { type: "path", path: "/nowhere/irc" } as const;
  await assertRejects(() => openIrcListener(nowhere), P2pchatError, "Cannot serve IRC at /nowhere");

  await using served = await ServedIrc.open();
  assert(served.port > 0, "0 is any free one");
  const taken = { type: "port", port: served.port } as const;
  await assertRejects(() => openIrcListener(taken), P2pchatError, "another program listens");
});

Deno.test("irc door: where the usual port is another program's, the user is warned of that one", async () => {
  const { listener } = await openIrcListener({ type: "port", port: null }); // unless it is taken already
  const moved = await openIrcListener({ type: "port", port: null });

  assert("port" in moved.at);
  assertEquals(
    moved.warning,
    `IRC is at port ${moved.at.port}, as another program listens at 6667: a client that connects ` +
      "there tells that program your password; on a machine that others use --irc PATH is safe from that",
  );
  listener.close();
  moved.listener.close();
});

Deno.test("irc password: one is made, mode 0600, and stays; a file of the user's goes before", async () => {
  const folder = await Deno.makeTempDir();
  const parts = {
    ...{ file: null, disk: new RealDisk(() => performance.now()), folder },
    random: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
    notice: () => {},
  };
  const made = await openIrcPassword(parts);
  const text = (await Deno.readTextFile(made.path)).trim();

  assertEquals((await Deno.stat(made.path)).mode! & 0o777, 0o600);
  assert(/^[a-z2-7]{32}$/.test(text), text);
  assert(made.is(text) && !made.is("") && !made.is(`${text}x`));
  assert((await openIrcPassword(parts)).is(text), "the same at the next start");
  await Deno.chmod(made.path, 0o644);
  await openIrcPassword(parts);
  assertEquals((await Deno.stat(made.path)).mode! & 0o777, 0o600);

  const file = `${folder}/own`;
  await Deno.writeTextFile(file, "a pass phrase\r\nrest\n");
  const notices: string[] = [];
  const ofUser = { ...parts, file, notice: (text: string) => void notices.push(text) };
  const own = await openIrcPassword(ofUser);
  assert(own.is("a pass phrase") && !own.is(text));
  assertEquals(notices.length, 1, "others can read it");
  await Deno.chmod(file, 0o600);
  await Deno.writeTextFile(file, "pass word\n");
  assert((await openIrcPassword(ofUser)).is("pass word"));
  assertStringIncludes(notices[1]!, "is short: whoever has this machine, too, can guess it");
  assertEquals(notices.length, 2);
  await Deno.writeTextFile(file, "\n");
  await assertRejects(() => openIrcPassword({ ...parts, file }), P2pchatError, "no password");
  await assertRejects(
    () => openIrcPassword({ ...parts, file: `${folder}/none` }),
    P2pchatError,
    "Cannot take the password",
  );
  await Deno.remove(folder, { recursive: true });
});
