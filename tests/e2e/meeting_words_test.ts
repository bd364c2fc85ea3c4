/** Word codes through a meeting point, of people whom nobody can dial. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Node, Nodes, type ShownEvent } from "./node.ts";

const is = (event: string) => (shown: ShownEvent) => shown.event === event;
const joined = (name: string) => (shown: ShownEvent) =>
  shown.event === "joined" && shown.name === name;

const meeting = (state: string) => (shown: ShownEvent) =>
  shown.event === "meeting-point" && shown.state === state;
const saysBack = (shown: ShownEvent) =>
  shown.event === "notice" && shown.text.startsWith("Back in your last room");

/** A meeting point, and Ann, who has founded a room and is reached there alone. */
async function annAtMeetingPoint(nodes: Nodes, ...args: readonly string[]) {
  const point = nodes.add(
    Node.start(["regserver", "--meeting-point", "--host", "127.0.0.1", "--port", "0"]),
  );
  const { port } = await point.until(is("ready"));
  const at = `127.0.0.1:${port}`;
  const start = (name: string, ...more: readonly string[]) =>
    nodes.add(Node.start(["mesh", name, "--passive", "--meet", at, ...more]));
  const ann = start("Ann", ...args);
  await ann.until(meeting("registered"));
  return { at, ann, point, start };
}

async function wordsOf(node: Node, guest = ""): Promise<ShownEvent> {
  const from = node.events.length;
  await node.type(`/invite --words ${guest}`);
  return await node.until(is("words"), undefined, from);
}

Deno.test("meeting point: a code is found there by its number, and both sides are verified", async () => {
  await using nodes = new Nodes();
  const { at, ann, start } = await annAtMeetingPoint(nodes, "--private");
  const { words, line } = await wordsOf(ann, "Bob");
  assertEquals(line, `p2pchat mesh Bob --words ${words} --meet ${at}`);
  const bob = start("Bob", "--words", words);
  await ann.until(joined("Bob"));
  await bob.until(joined("Ann"));
  await bob.say("by words alone");
  await ann.until((shown) => shown.event === "message" && shown.text === "by words alone");
  for (const [node, other] of [[ann, "Bob"], [bob, "Ann"]] as const) {
    const { peers } = await node.ask("peers");
    assertEquals(peers.find(({ name }: ShownEvent) => name === other).verified, true);
  }

  // The code is used up, and its number still leads to whoever made it, to be told so.
  const late = await start("Late", "--words", words).ended();
  assertEquals([late.code, late.last?.code], [4, "bad-credentials"]);
  assertStringIncludes(late.last?.text, "each is valid once");
  await ann.until(({ event, text }) =>
    event === "notice" && text.includes(`Code ${words.split("-")[0]} is no longer valid`)
  );
  await ann.quit();
  const later = await start("Later", "--words", words).ended();
  assertEquals([later.code, later.last?.code], [3, "unreachable"]);
  assertStringIncludes(
    later.last?.text,
    "If it was used, or is older than 10 minutes, ask for another",
  );
});

Deno.test("meeting point: a code leads there, though it was made before its issuer was registered", async () => {
  await using nodes = new Nodes();
  const data = await Deno.makeTempDir();
  const start = (port: string) =>
    nodes.add(
      Node.start(["regserver", "--meeting-point", "--host", "127.0.0.1", "--port", port], { data }),
    );
  const point = start("0");
  const { port } = await point.until(is("ready"));
  await point.kill();
  const meet = ["--meet", `127.0.0.1:${port}`];
  // An address of no network, as one at home is for others.
  const elsewhere = ["--advertise", "192.0.2.1:9"];
  const ann = nodes.add(Node.start(["mesh", "Ann", "--port", "0", ...elsewhere, ...meet]));
  await ann.until(meeting("away"));
  const { words } = await wordsOf(ann);
  start(String(port));
  await ann.until(meeting("registered"));
  const bob = nodes.add(Node.start(["mesh", "Bob", "--passive", ...meet, "--words", words]));
  await bob.until(joined("Ann"));
});

Deno.test("meeting point: a wrong guess there voids the code, and says so to both", async () => {
  await using nodes = new Nodes();
  const { ann, start } = await annAtMeetingPoint(nodes);
  const { words } = await wordsOf(ann);
  const [number] = words.split("-");
  const mallory = start("Mallory", "--words", `${number}-zoo-zoo`);
  const { code, last } = await mallory.ended();
  assertEquals([code, last?.code], [4, "bad-credentials"]);
  const told = await ann.until((shown) => shown.event === "notice" && shown.warning === true);
  assertStringIncludes(told.text, "somebody at the meeting point (key");
  assert(!told.text.includes("relay"));
});

Deno.test("meeting point: who comes back without the flag is met there again, and makes codes that lead there", async () => {
  await using nodes = new Nodes();
  const { at, ann, point, start } = await annAtMeetingPoint(nodes, "--private");
  const { words } = await wordsOf(ann);
  const data = await Deno.makeTempDir();
  const bob = nodes.add(
    Node.start(["mesh", "Bob", "--passive", "--meet", at, "--words", words], { data }),
  );
  await bob.until(joined("Ann"));
  await bob.until(meeting("registered"));
  await bob.quit();

  const comeBack = () => nodes.add(Node.start(["mesh", "Bob", "--host", "127.0.0.1"], { data }));
  const back = comeBack();
  const told = await back.until(saysBack);
  const forget = "--meet names another, --meet none forgets it";
  assertStringIncludes(told.text, `Your meeting point is ${at}; ${forget}`);
  await back.until(meeting("registered"));
  const { words: again, line } = await wordsOf(back);
  assertEquals(line, `p2pchat mesh NAME --words ${again} --meet ${at}`);
  const cem = start("Cem", "--words", again);
  await cem.until(joined("Bob"));
  for (const node of [back, cem, ann]) {
    await node.quit();
  }

  // Whoever comes back while it is down is told so.
  await point.kill();
  const alone = comeBack();
  const away = await alone.until(meeting("away"));
  assertEquals(away.point, at);
  await alone.type("/invite --words");
  await alone.until(is("words"));
  const codeless = await alone.until(({ event, text }) =>
    event === "notice" && /nobody finds the code there/.test(text)
  );
  assertStringIncludes(codeless.text, `The meeting point at ${at} is away`);
});
