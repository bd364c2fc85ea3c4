/** Who is listed is who receives: honest members run the built program, and one that lies listens on. */

import { assertEquals } from "@std/assert";
import { Node, type NodeOptions, Nodes, type ShownEvent } from "./node.ts";
import { slow } from "../given.ts";

const LISTEN = ["--host", "127.0.0.1", "--port", "0"];
const LISTENER = { module: "liars/listening_member.ts" };
const isReady = ({ event }: ShownEvent) => event === "ready";
const joined = (name: string) => (event: ShownEvent) =>
  event.event === "joined" && event.name === name;
const left = (name: string) => (event: ShownEvent) => event.event === "left" && event.name === name;
const says = (text: string) => (event: ShownEvent) =>
  event.event === "message" && event.text === text;

/** A private room of Ann, Bob and Eve. */
async function room(nodes: Nodes): Promise<{ ann: Node; bob: Node; eve: Node; invite: string }> {
  const start = async (name: string, args: readonly string[], options: NodeOptions = {}) => {
    const node = nodes.add(Node.start(["mesh", name, ...args, ...LISTEN], options));
    await node.until(isReady);
    return node;
  };
  const ann = await start("Ann", ["--private"]);
  const { invite } = await ann.ask("invite");
  const bob = await start("Bob", ["--invite", invite]);
  const eve = await start("Eve", ["--invite", invite], LISTENER);
  await Promise.all([ann.until(joined("Eve")), bob.until(joined("Eve"))]);
  await ann.say("welcome");
  await eve.until(says("welcome"));
  return { ann, bob, eve, invite };
}

for (const [line, reason] of [["quit!", "quit"], ["hush!", "lost"]] as const) {
  slow.test(`mesh: a member that is shown as left (${reason}) gets nothing more, whatever its program does`, async () => {
    await using nodes = new Nodes();
    const { ann, bob, eve } = await room(nodes);
    await eve.say(line);
    for (const honest of [ann, bob]) {
      assertEquals((await honest.until(left("Eve"))).reason, reason);
    }
    await eve.until(({ event }) => event === "unlinked");
    await ann.say("now that Eve is gone");
    await bob.until(says("now that Eve is gone"));
    await bob.ask("invite", { rotate: true });
    await bob.say("so it is");
    await ann.until(says("so it is"));
    const heard = eve.events.filter(({ event }) => event === "message").map(({ text }) => text);
    assertEquals(heard, ["welcome"]);
    assertEquals(eve.events.filter(({ text }) => String(text).includes("new invite")), []);
    const listed = (await ann.ask("peers")).peers.map(({ name }: { name: string }) => name);
    assertEquals(listed, ["Ann", "Bob"]);
  });
}
