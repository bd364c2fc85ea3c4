/** A console, a page and an IRC client at one member, at the same time. */

import { assert, assertEquals } from "@std/assert";
import { RawIrc } from "../raw_irc.ts";
import { BrowserWindow } from "./browser_window.ts";
import { Nodes, type ShownEvent } from "./node.ts";

const DOORS = { args: ["--web", "0", "--irc"] };
const CAPS = "echo-message server-time message-tags";
const isText = (text: string) => (event: ShownEvent) =>
  event.event === "message" && event.text === text;

Deno.test("a console, a page and an IRC client at one member show the same; one that is killed costs the others nothing", async () => {
  await using nodes = new Nodes();
  const alice = await nodes.ready("Alice", null, DOORS);
  const bob = await nodes.ready("Bob", alice);
  const irc = await alice.until(({ event }) => event === "irc");
  const web = await alice.until(({ event }) => event === "web");
  const [password] = (await Deno.readTextFile(irc["passwordFile"])).split("\n");
  const client = await RawIrc.open({ at: { host: irc["host"], port: irc["port"] } });
  await client.send("CAP LS 302", `CAP REQ :${CAPS}`, `PASS :${password}`, "NICK x");
  await client.send("USER x 0 * :x", "CAP END");
  await client.until(" 366 ");
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
