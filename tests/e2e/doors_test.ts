/** A console, a page and an IRC client at one member, at the same time. */

import { assert, assertEquals } from "@std/assert";
import { RawIrc } from "../raw_irc.ts";
import { BrowserWindow } from "./browser_window.ts";
import { DirectoryWorld } from "./directory_world.ts";
import { delivery, FriendsGroup } from "./friends_group.ts";
import { Node, Nodes, PROGRAM, type ShownEvent, untilRead } from "./node.ts";
import { hasScript, openTerminal } from "./pty.ts";

const DOORS = { args: ["--web", "0", "--irc", "0"] };
const CAPS = "echo-message server-time message-tags";
const isText = (text: string) => (event: ShownEvent) =>
  event.event === "message" && event.text === text;

const isWeb = ({ event }: ShownEvent) => event === "web";

/** A client of the program that is in. */
async function ircClient(node: Node): Promise<RawIrc> {
  const irc = await node.until(({ event }) => event === "irc");
  const [password] = (await Deno.readTextFile(irc["passwordFile"])).split("\n");
  const client = await RawIrc.open({ at: { host: irc["host"], port: irc["port"] } });
  await client.send("CAP LS 302", `CAP REQ :${CAPS}`, `PASS :${password}`, "NICK x");
  await client.send("USER x 0 * :x", "CAP END");
  await client.until(" 366 ");
  return client;
}

Deno.test("a console, a page and an IRC client at one member show the same; one that is killed costs the others nothing", async () => {
  await using nodes = new Nodes();
  const alice = await nodes.ready("Alice", null, DOORS);
  const bob = await nodes.ready("Bob", alice);
  const web = await alice.until(isWeb);
  const client = await ircClient(alice);
  using page = await BrowserWindow.open(web, "window-1");

  /** Each in turn, so that there is one order; `Bob` is another member. */
  const said = ["from Bob", "from the console", "from the page", "from IRC"];
  const saying = [
    () => bob.say(said[0]!),
    () => alice.say(said[1]!),
    () => page.run(said[2]!),
    () => client.send(`PRIVMSG #room :${said[3]}`),
  ];
  for (const [at, say] of saying.entries()) {
    const text = said[at]!;
    await say();
    await Promise.all([alice.until(isText(text)), bob.until(isText(text))]);
    await Promise.all([page.until(isText(text)), client.until(`:${text}`)]);
  }
  assertEquals(alice.texts(), said);
  assertEquals(page.texts, said);

  // Whose key it is, the others are told as well.
  await alice.ask("verify", { name: "Bob" });
  await alice.ask("verify", { name: "Bob", answer: "yes" });
  const found = await page.until(({ event }) => event === "verify");
  assertEquals([found["name"], found["answer"], found["verified"]], ["Bob", "yes", true]);
  await client.until("MODE #room +v Bob");
  await page.ask("/verify Bob");
  await page.ask("/verify Bob no");
  const lost = await alice.until(({ event, answer }) => event === "verify" && answer === "no");
  assertEquals([lost["verified"], lost["ref"]], [false, undefined]);
  await client.until("MODE #room -v Bob");
  assertEquals(page.events.filter(({ event }) => event === "verify").length, 3);

  // What one asks, the others aren't told.
  assertEquals((await page.ask("/who")).event, "peers");
  await client.send("PRIVMSG *p2pchat :status");
  assert((await client.until("PRIVMSG Alice :")).includes("*p2pchat"));
  assertEquals(alice.events.filter(({ event }) => event === "peers" || event === "status"), []);

  // Both are gone without a word.
  page.visit.conn.close();
  client.stream.close();
  await bob.say("still there?");
  await alice.until(isText("still there?"));
  await alice.say("yes");
  await bob.until(isText("yes"));
  using again = await BrowserWindow.open(web, "window-1", {
    run: page.welcome["run"],
    after: page.lastId,
  });
  await again.until(isText("yes"));
  assertEquals(again.welcome["resumed"], true);
  assertEquals(again.texts, ["still there?", "yes"], "nothing missed, nothing again");
});

Deno.test("a console, a page and an IRC client in a directory show the same, in the lobby and in a call", async () => {
  const { world } = await DirectoryWorld.open([]);
  await using _ = world;
  const [alice, bob] = [await world.guest("alice", DOORS), await world.guest("bob")];
  await alice.until(({ event, name }) => event === "presence" && name === "bob");
  const client = await ircClient(alice);
  using page = await BrowserWindow.open(await alice.until(isWeb), "window-1");
  const isTold = (text: string) => (event: ShownEvent) =>
    event.event === "broadcast" && event.text === text;

  // What was typed in one place is shown in the others; the console shows what it was given itself once it has arrived.
  await alice.ask("broadcast", { text: "by the console" });
  await Promise.all([page.until(isTold("by the console")), client.until(":by the console")]);
  await page.ask({ command: "broadcast", text: "by the page" });
  await Promise.all([alice.until(isTold("by the page")), client.until(":by the page")]);
  await client.send("PRIVMSG #lobby :by IRC");
  await Promise.all([alice.until(isTold("by IRC")), page.until(isTold("by IRC"))]);
  await client.until(":by IRC");
  await bob.until(isTold("by IRC"));
  const told = ({ events }: { readonly events: readonly ShownEvent[] }) =>
    events.filter(({ event }) => event === "broadcast").map(({ text, self }) => [text, self]);
  assertEquals(told(page), [["by the console", true], ["by the page", true], ["by IRC", true]]);
  assertEquals(told(alice), [["by the page", true], ["by IRC", true]]);

  await client.send("PRIVMSG bob :first");
  await bob.until(({ event }) => event === "incoming");
  await bob.type("/accept");
  const said = ["first", "second", "third", "fourth"];
  const saying = [
    () => Promise.resolve(),
    () => alice.say(said[1]!),
    () => Promise.resolve(page.run(said[2]!)),
    () => bob.say(said[3]!),
  ];
  for (const [at, say] of saying.entries()) {
    const text = said[at]!;
    await say();
    await Promise.all([alice, bob, page].map((each) => each.until(isText(text))));
    assert(/ PRIVMSG (bob|alice) :/.test(await client.until(`:${text}`)), text);
  }
  assertEquals([alice.texts(), page.texts], [said, said]);
  client.close();
});

Deno.test("a console and two windows of a page among friends show the same", async () => {
  await using friends = new FriendsGroup("alice", "bob");
  const [alice, bob] = [await friends.start("alice", "--web", "0"), await friends.start("bob")];
  const web = await alice.until(isWeb);
  using first = await BrowserWindow.open(web, "window-1");
  using second = await BrowserWindow.open(web, "window-2");
  await alice.tell("bob", "by the console");
  await Promise.all([first, second].map((page) => page.until(isText("by the console"))));
  first.run({ command: "msg", name: "bob", text: "by a window" });
  await Promise.all([alice, second, bob].map((each) => each.until(isText("by a window"))));
  await bob.tell("alice", "by bob");
  await Promise.all([alice, first, second].map((each) => each.until(isText("by bob"))));

  const all = ["by the console", "by a window", "by bob"];
  assertEquals([first.texts, second.texts], [all, all]);
  assertEquals(alice.texts(), all.slice(1), "what is typed there it doesn't repeat");
  const [own] = first.events.filter(isText("by a window"));
  assertEquals([own?.["self"], own?.["to"], own?.["from"]], [true, "bob", "alice"]);
  // The words come before how they fare, and once.
  await second.until((event) => delivery("delivered", "bob")(event) && event.id === own?.["id"]);
  const about = second.events.filter(({ id }) => id === own?.["id"]);
  assertEquals(about.map(({ event, state }) => state ?? event), ["message", "queued", "delivered"]);
});

Deno.test({
  name: "a terminal among friends shows what was said on a page once, with whether it has arrived",
  ignore: !hasScript(),
  async fn() {
    await using friends = new FriendsGroup("alice", "bob");
    const bob = await friends.start("bob");
    const command = `exec "${PROGRAM}" peer alice --users "${friends.file}" --host 127.0.0.1 ` +
      `--data "${friends.data("alice")}" --web 0`;
    await using terminal = await openTerminal({ command: ["sh", "-c", command], columns: 160 });
    const address = /http:\S+#[A-Za-z0-9_-]{43}/;
    await terminal.until("the page's address", ({ text }) => address.test(text));
    const [url] = address.exec(terminal.screen.lines.join("\n"))!;
    using page = await BrowserWindow.open({ event: "web", url } as ShownEvent, "window-1");
    page.run({ command: "msg", name: "bob", text: "by the page" });
    await bob.until(isText("by the page"));
    await terminal.until("the own line", ({ text }) => text.includes("✓ "));
    // What one asks is answered there, also where the answer comes later.
    await terminal.press("/get 77\r");
    await terminal.until("no such file", ({ text }) => text.includes("There is no file 77"));
    const refused = await page.ask("/get 78");
    assertEquals(refused.event, "error");
    await terminal.press("bob/typed\r");
    await page.until(isText("typed"));
    const linesWith = (part: string) =>
      terminal.screen.lines.filter((line) => line.includes(part)).length;
    assertEquals([linesWith("by the page"), linesWith("no file 78")], [1, 0]);
    assertEquals(page.events.filter(({ text }) => String(text).includes("no file 77")), []);
  },
});

const isDeclined = (file: number) => (event: ShownEvent) =>
  event.event === "transfer" && event["file"] === file && event["state"] === "cancelled" &&
  event["reason"] === "declined";

/** A file that Bob offers to the room. */
async function offered(bob: Node, folder: string, name: string): Promise<void> {
  await Deno.writeTextFile(`${folder}/${name}`, name);
  await bob.ask("send", { file: `${folder}/${name}` });
}

Deno.test("a file that is declined at one door is declined at all, and who comes later isn't asked", async () => {
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-doors-" });
  await using nodes = new Nodes();
  const alice = await nodes.ready("Alice", null, DOORS);
  const bob = await nodes.ready("Bob", alice);
  const web = await alice.until(isWeb);
  using page = await BrowserWindow.open(web, "window-1");
  for (const name of ["one.txt", "two.txt"]) await offered(bob, folder, name);
  const isOffer = (file: number) => (event: ShownEvent) =>
    event.event === "offer" && event["file"] === file;
  await Promise.all([1, 2].map((file) => page.until(isOffer(file))));

  const answer = await page.ask({ command: "cancel", n: 1 });
  assert(isDeclined(1)(answer), JSON.stringify(answer));
  await alice.until(isDeclined(1));
  // An IRC client that comes now is asked about the other one alone.
  const client = await ircClient(alice);
  const told = await client.until("two.txt (7 B); --save DIR would fetch it");
  assert(!told.includes("one.txt"), told);
  await client.send("PRIVMSG *p2pchat :cancel 2");
  await client.until("Declined two.txt; /msg *p2pchat get 2 fetches it after all");
  await Promise.all([alice, page].map((each) => each.until(isDeclined(2))));
  client.close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test({
  name: "a file that is declined on the page isn't fetched by y at the terminal, and the reverse",
  ignore: !hasScript(),
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "p2pchat-doors-" });
    await Deno.mkdir(`${folder}/saved`);
    await using bob = await Node.ready("Bob", null);
    const command = `exec "${PROGRAM}" mesh Alice 127.0.0.1 ${bob.port} --host 127.0.0.1 ` +
      `--data "${folder}/alice" --downloads "${folder}/saved" --web 0`;
    await using terminal = await openTerminal({ command: ["sh", "-c", command], columns: 160 });
    const address = /http:\S+#[A-Za-z0-9_-]{43}/;
    const shows = (what: RegExp) => terminal.until(String(what), ({ text }) => what.test(text));
    await shows(address);
    const [url] = address.exec(terminal.screen.lines.join("\n"))!;
    const web = { event: "web", url } as ShownEvent;
    using first = await BrowserWindow.open(web, "window-1");
    using second = await BrowserWindow.open(web, "window-2");
    await offered(bob, folder, "one.txt");
    await shows(/\? Bob offers one\.txt .*: y fetches it/);

    await first.ask({ command: "cancel", n: 1 });
    await second.until(isDeclined(1));
    await shows(/\* Declined one\.txt; \/get 1 fetches it after all/);
    await terminal.press("y\r");
    await bob.until(isText("y")); // it answers nothing, and is said

    await offered(bob, folder, "two.txt");
    await shows(/\? Bob offers two\.txt .*: y fetches it/);
    await untilRead();
    await terminal.press("n\r");
    await shows(/\* Declined two\.txt; \/get 2 fetches it after all/);
    await Promise.all([first, second].map((page) => page.until(isDeclined(2))));
    // A window that comes later, or is loaded again, is told of both what the others were.
    using third = await BrowserWindow.open(web, "window-3");
    await Promise.all([1, 2].map((file) => third.until(isDeclined(file))));

    await first.ask({ command: "get", n: 1 });
    await shows(/\* one\.txt is here: /);
    await Deno.remove(folder, { recursive: true });
  },
});
