/** `/remove`, `/allow` and `/deputy` in rooms of real processes on loopback. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parseInvite } from "../../lib/protocols/mesh/schema/rotations.ts";
import { BUSY_MS, Node, type NodeOptions, Nodes, type ShownEvent } from "./node.ts";
import { slow } from "../given.ts";

const LISTEN = ["--host", "127.0.0.1", "--port", "0"];
/** Time for a removal to reach connected members. */
const REMOVED_MS_MAX = 5_000 + BUSY_MS;
const isReady = ({ event }: ShownEvent) => event === "ready";
const joined = (name: string) => (event: ShownEvent) =>
  event.event === "joined" && event.name === name;
const left = (name: string) => (event: ShownEvent) => event.event === "left" && event.name === name;
const says = (text: string) => (event: ShownEvent) =>
  event.event === "message" && event.text === text;

class Room extends Nodes {
  async start(name: string, args: readonly string[], options: NodeOptions = {}): Promise<Node> {
    const node = this.launch(name, args, options);
    await node.until(isReady);
    return node;
  }

  launch(name: string, args: readonly string[], options: NodeOptions = {}): Node {
    return this.add(Node.start(["mesh", name, ...args, ...LISTEN], options));
  }

  /** Joins at the member that founded an open room. */
  join(name: string, by: Node, options: NodeOptions = {}): Promise<Node> {
    return this.start(name, ["127.0.0.1", String(by.port)], options);
  }

  folder(): string {
    const folder = Deno.makeTempDirSync({ prefix: "p2pchat-e2e-" });
    this.defer(() => Deno.remove(folder, { recursive: true }));
    return folder;
  }
}

/** Types a command that is answered by an error or a notice. */
async function asked(node: Node, command: string, fields: Record<string, unknown>) {
  const ref = `${command}-${node.events.length}`;
  await node.command({ command, ...fields, ref });
  return await node.until((event) =>
    event.ref === ref && (event.event === "error" || event.event === "notice")
  );
}

/** How a program ends that isn't let in. */
async function refusal(node: Node) {
  const { code, last } = await node.ended();
  return [code, last?.event, last?.code];
}

const REMOVED = [4, "fatal", "kicked"];

Deno.test("mesh: the founder removes a member for good, others can't, and /allow takes it back", async () => {
  await using room = new Room();
  const data = room.folder();
  const ann = await room.start("Ann", []);
  const bob = await room.join("Bob", ann);
  const mal = await room.join("Mal", ann, { data });
  await Promise.all([ann.until(joined("Mal")), bob.until(joined("Mal"))]);

  assertEquals((await asked(bob, "remove", { name: "Mal" })).code, "not-allowed");
  assertEquals((await asked(bob, "deputy", { name: "Bob" })).code, "not-allowed");
  assertEquals((await asked(mal, "remove", { name: "Ann" })).code, "not-allowed");

  const since = performance.now();
  const told = await asked(ann, "remove", { name: "Mal" });
  assertStringIncludes(told.text, "can come back under a new key");
  assertEquals(await refusal(mal), REMOVED);
  for (const node of [ann, bob]) assertEquals((await node.until(left("Mal"))).reason, "removed");
  assert(performance.now() - since < REMOVED_MS_MAX);
  await ann.say("without Mal");
  await bob.until(says("without Mal"));

  // The same key, through another member, with an address or without.
  const args = ["127.0.0.1", String(bob.port)];
  assertEquals(await refusal(room.launch("Mal", args, { data })), REMOVED);
  assertEquals(await refusal(room.launch("Mal", [], { data })), REMOVED);

  assertStringIncludes((await asked(ann, "allow", { name: "Mal" })).text, "You have allowed Mal ");
  await bob.until(({ event, text }) => event === "notice" && /has allowed Mal /.test(text));
  const back = await room.join("Mal", bob, { data });
  await bob.until(says("without Mal"));
  await back.say("thanks");
  await ann.until(says("thanks"));
});

Deno.test("mesh: deputies remove, too, and whom one removed stays out when it is none any more", async () => {
  await using room = new Room();
  const [data, deputy] = [room.folder(), room.folder()];
  const ann = await room.start("Ann", []);
  const bob = await room.join("Bob", ann, { data: deputy });
  const mal = await room.join("Mal", bob, { data });
  await Promise.all([ann.until(joined("Mal")), bob.until(joined("Mal"))]);
  assertStringIncludes((await asked(ann, "deputy", { name: "Bob" })).text, "a deputy");
  await bob.until((event) =>
    event.event === "notice" && String(event.text).includes("made you a deputy")
  );
  assertEquals((await asked(bob, "remove", { name: "Ann" })).code, "not-allowed");
  await asked(bob, "remove", { name: "Mal" });
  assertEquals(await refusal(mal), REMOVED);
  assertEquals((await ann.until(left("Mal"))).reason, "removed");

  await asked(ann, "deputy", { name: "Bob", end: true });
  await bob.until((event) =>
    event.event === "notice" && String(event.text).includes("dismissed you as a deputy")
  );
  assertEquals((await asked(bob, "allow", { name: "Mal" })).code, "not-allowed");
  assertEquals(
    await refusal(room.launch("Mal", ["127.0.0.1", String(bob.port)], { data })),
    REMOVED,
  );
  // It is on disk at every member.
  await bob.type(":q");
  await bob.status;
  await ann.until(left("Bob"));
  const again = await room.join("Bob", ann, { data: deputy });
  assertEquals(
    await refusal(room.launch("Mal", ["127.0.0.1", String(again.port)], { data })),
    REMOVED,
  );
});

slow.test("mesh: in a private room neither an old invite nor a copied profile helps who was removed, and who was away comes back", async () => {
  await using room = new Room();
  const [malData, cemData] = [room.folder(), room.folder()];
  const ann = await room.start("Ann", ["--private"]);
  const { invite } = await ann.ask("invite");
  const bob = await room.start("Bob", ["--invite", invite]);
  const cem = await room.start("Cem", ["--invite", invite], { data: cemData });
  const mal = await room.start("Mal", ["--invite", invite], { data: malData });
  await Promise.all([ann, bob].map((node) => node.until(joined("Mal"))));
  await cem.type(":q");
  await cem.status;
  await Promise.all([ann, bob, mal].map((node) => node.until(left("Cem"))));
  // A backup of the profile, made while it was a member.
  const backup = room.folder();
  await new Deno.Command("cp", { args: ["-r", `${malData}/.`, backup] }).output();

  await asked(ann, "remove", { name: "Mal" });
  assertEquals(await refusal(mal), REMOVED);
  await bob.until(left("Mal"));
  await bob.until((event) =>
    event.event === "notice" && String(event.text).includes("a new invite")
  );
  const { epoch } = parseInvite((await bob.ask("invite")).invite).secret!;
  assertEquals(epoch, 2);

  for (const [data, by] of [[malData, ann], [backup, bob]] as const) {
    const args = ["127.0.0.1", String(by.port), "--invite", invite];
    assertEquals(await refusal(room.launch("Mal", args, { data })), REMOVED);
  }
  assertEquals(await refusal(room.launch("Mal", [], { data: malData })), REMOVED);
  // The old invite under a new key.
  const stranger = room.launch("Mallory", ["--invite", invite]);
  assertEquals(await refusal(stranger), [4, "fatal", "bad-credentials"]);
  // Even with the new one the removed key stays out.
  const fresh = (await bob.ask("invite")).invite;
  assertEquals(await refusal(room.launch("Mal", ["--invite", fresh], { data: malData })), REMOVED);

  const back = await room.start("Cem", [], { data: cemData });
  await ann.until(joined("Cem"));
  await ann.say("only among us");
  await back.until(says("only among us"));
  assertEquals(parseInvite((await back.ask("invite")).invite).secret!.epoch, 2);
  assertEquals(
    await refusal(
      room.launch("Mal", ["127.0.0.1", String(back.port), "--invite", fresh], { data: malData }),
    ),
    REMOVED,
  );
});

Deno.test("mesh: a removal by somebody who has no right to it counts nowhere", async () => {
  await using room = new Room();
  const ann = await room.start("Ann", []);
  const bob = await room.join("Bob", ann);
  const mal = await room.join("Mal", ann, { module: "liars/usurping_member.ts" });
  await Promise.all([ann.until(joined("Mal")), bob.until(joined("Mal"))]);
  await mal.say("usurp!");
  await mal.say("mine now");
  await ann.say("still here");
  await bob.until(says("still here"));
  await bob.say("so am I");
  await ann.until(says("so am I"));
  for (const node of [ann, bob]) {
    assertEquals(node.events.filter(({ reason }) => reason === "removed"), []);
    const names = (await node.ask("peers")).peers.map(({ name }: { name: string }) => name);
    assert(names.includes("Ann") && names.includes("Bob"), String(names));
  }
});

Deno.test("mesh: who was removed and stays gets nothing more, whatever its program does", async () => {
  await using room = new Room();
  const ann = await room.start("Ann", []);
  const bob = await room.join("Bob", ann);
  const eve = await room.join("Eve", ann, { module: "liars/listening_member.ts" });
  await Promise.all([ann.until(joined("Eve")), bob.until(joined("Eve"))]);
  await ann.say("welcome");
  await eve.until(says("welcome"));
  await eve.say("hush!");
  await asked(ann, "remove", { name: "Eve" });
  assertEquals((await bob.until(left("Eve"))).reason, "removed");
  await eve.until(({ event }) => event === "unlinked");
  await ann.say("without Eve");
  await bob.until(says("without Eve"));
  await bob.say("done");
  await ann.until(says("done"));
  const heard = eve.events.filter(({ event }) => event === "message").map(({ text }) => text);
  assertEquals(heard, ["welcome"]);
});
