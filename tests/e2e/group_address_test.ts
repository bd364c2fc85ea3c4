/** A group has one place in the profile, whatever address is used for its coordinator. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Group, isIn, linesOf, shows } from "./group_world.ts";
import { canMakeHosts, Hosts } from "./hosts.ts";
import { Node, Nodes } from "./node.ts";
import { freePort } from "./ports.ts";

/** Starts a member that dials the coordinator at `server`, without waiting. */
function launchAt(group: Group, name: string, server: string): Node {
  const words = ["peer", name, "--server", server, "--host", "127.0.0.1"];
  return group.nodes.add(Node.start(words, { data: group.data(name) }));
}

/** Starts the coordinator at another port. */
async function serveElsewhere(group: Group, port: number): Promise<Node> {
  const words = ["serve", "--host", "127.0.0.1", "--port", String(port)];
  const node = group.nodes.add(Node.start(words, { data: group.serverData }));
  await node.until(({ event }) => event === "ready");
  return node;
}

function placesOf(group: Group, name: string): number {
  return [...Deno.readDirSync(`${group.data(name)}/users/${name}/group`)].length;
}

/** The lines that a program has shown since it last started to show the log. */
const lastShowing = (node: Node) => {
  const from = node.events.findLastIndex(({ event, seq }) => event === "message" && seq === 1);
  return node.events.slice(from).flatMap(({ event, seq, from: author, text }) =>
    event === "message" ? [`${seq} ${author}: ${text}`] : []
  );
};

const isSameGroup = ({ event, text }: Node["events"][number]) =>
  event === "notice" && /this profile has one log for both addresses/.test(text);

Deno.test("group: each message is one entry, however the sender spells its machine", async () => {
  await using group = await Group.open();
  const bob = await group.start("Bob");
  const servers = [`127.0.0.1:${group.port}`, `localhost:${group.port}`, `127.0.0.1:${group.port}`];

  for (const [index, server] of servers.entries()) {
    const ann = launchAt(group, "Ann", server);
    await ann.until(isIn("Ann"));
    await ann.say(`text ${index + 1}`);
    await bob.until(shows(`text ${index + 1}`));
    if (index === 1) await ann.kill();
    else {
      await ann.quit();
    }
  }

  assertEquals(linesOf(bob), ["1 Ann: text 1", "2 Ann: text 2", "3 Ann: text 3"]);
  assertEquals(placesOf(group, "Ann"), 1);
});

Deno.test("group: the last one finds its log when the coordinator has another address", async () => {
  await using group = new Group();
  const before = await group.serve();
  const first = await group.start("Ann");
  await first.say("one");
  await first.until(shows("one"));
  await Promise.all([first.kill(), before.kill()]);

  const port = freePort();
  await serveElsewhere(group, port);
  const ann = launchAt(group, "Ann", `127.0.0.1:${port}`);
  await ann.until(isIn("Ann"));
  await ann.say("two");
  await ann.until(shows("two"));

  assertEquals(linesOf(ann), ["1 Ann: one", "2 Ann: two"]);
  const told = await ann.until(isSameGroup);
  assertMatch(
    told.text,
    new RegExp(`^The coordinator at 127.0.0.1:${port} is .* ${group.server}:`),
  );
  await ann.quit();
  const again = launchAt(group, "Ann", `127.0.0.1:${port}`);
  await again.until(isIn("Ann"));
  assertEquals([linesOf(again).length, placesOf(group, "Ann")], [2, 1]);
});

Deno.test("group: whoever waits at a new address goes on in the log of the coordinator that comes", async () => {
  await using group = new Group();
  const before = await group.serve();
  const first = await group.start("Ann");
  await first.say("one");
  await first.until(shows("one"));
  await Promise.all([first.kill(), before.kill()]);

  const port = freePort();
  const ann = launchAt(group, "Ann", `127.0.0.1:${port}`);
  await ann.until(({ event }) => event === "ready");
  await ann.say("two");
  await ann.ask("status");
  await serveElsewhere(group, port);
  await ann.until(isSameGroup);
  await ann.until(shows("two"));
  await ann.say("three");
  await ann.until(shows("three"));

  assertEquals(lastShowing(ann), ["1 Ann: one", "2 Ann: two", "3 Ann: three"]);
  const { code, last } = await ann.quit();
  assertEquals([code, last?.event, ann.stderr], [0, "bye", []]);
  const again = launchAt(group, "Ann", `127.0.0.1:${port}`);
  await again.until(isIn("Ann"));
  assertEquals(linesOf(again), ["1 Ann: one", "2 Ann: two", "3 Ann: three"]);
  assert(!again.events.some(({ event }) => event === "error"));
});

Deno.test({
  name:
    "group: who waits for a coordinator of its own machine doesn't meet itself, nor keep its port",
  ignore: !canMakeHosts(),
  async fn() {
    await using hosts = await Hosts.open("Ann");
    const port = 25_208;
    await hosts.leavePort("Ann", port);
    await using nodes = new Nodes();
    const start = (...words: string[]) =>
      nodes.add(Node.start(words, { within: hosts.within("Ann") }));
    const ann = start("peer", "Ann", "--server", `127.0.0.1:${port}`, "--host", "127.0.0.1");
    const { reason } = await ann.until(({ event }) => event === "coordinator");
    assertEquals(reason, "nobody listens there");
    // Each dial holds the port for a moment: on a busy machine one of them may be there first.
    let began;
    for (let tries = 0; tries < 5 && began?.event !== "ready"; tries++) {
      const server = start("serve", "--host", "127.0.0.1", "--port", String(port));
      began = await server.until(({ event }) => event === "ready" || event === "fatal");
    }
    assertEquals(began?.event, "ready");
  },
});
