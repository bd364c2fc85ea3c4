import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { RequestId } from "../../../lib/base/ids.ts";
import { REMEMBERED_MAX } from "../../../lib/protocols/group/schema/limits.ts";
import type { GroupMessage } from "../../../lib/protocols/group/schema/messages.ts";
import { Program } from "./coordinator_program.ts";
import { Decider, editOf, requestOf } from "./edit_fixtures.ts";
import { COORDINATOR, GROUP, GroupNet, type Node } from "./group_net.ts";

/** Whom the node bans, and for what. */
function bans(net: GroupNet, node: Node): readonly string[] {
  const all = node.effects.flatMap((effect) =>
    effect.type === "part" ? [`${net.byKey(effect.peer).name}: ${effect.reason}`] : []
  );
  return [...new Set(all)];
}

Deno.test("who says that it is in a later view, and begins nothing, has nobody else thrown out", () => {
  const program = Program.of("ann", "bob", "eve");
  const eve = program.somebody("eve");
  const report = eve.report.bind(eve);
  eve.report = (flush): GroupMessage => {
    const said = report(flush);
    const lie = { number: eve.begun.number, round: 1 };
    return said.type === "report" ? { ...said, begun: lie, levelled: lie } : said;
  };
  eve.answers.delete("begin");
  program.joins("dan");
  program.pass(60_000);

  const names = program.status().members.map(({ name }) => name);
  assertEquals(["ann", "bob", "dan"].filter((name) => names.includes(name)), ["ann", "bob", "dan"]);
});

Deno.test("who is in no view, and says that it has begun one, has its members begin no round", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const ann = net.nodes[0]!;
  const eve = net.add("eve");
  eve.start();
  net.settle();
  net.coordinator.vanish();
  net.pass(5_000);

  const signed = ann.machine!.epoch!; // anybody is told it who says `returned`
  ann.feed({ type: "peer-message", peer: eve.key, message: { type: "begin", signed } });
  ann.feed({ type: "peer-reset", peer: eve.key });
  net.pass(1_000);

  assertEquals(ann.machine!.epoch, signed);
});

Deno.test("the log is asked for no more edits that others inquire of than are remembered", () => {
  const net = GroupNet.started(["ann", "bob", "mal"]);
  const [ann, bob, mal] = net.nodes as [Node, Node, Node];
  ann.say("first");
  net.settle();
  net.coordinator.vanish();
  net.pass(4_000);
  bob.effects.length = 0;
  for (let turn = 0; turn < 200; turn++) {
    const edits = Array.from({ length: 64 }, (_, at) => {
      const id = (turn * 64 + at).toString(16).padStart(64, "0") as RequestId;
      return { id, edit: 1, seq: 1, view: 1 };
    });
    bob.feed({ type: "peer-message", peer: mal.key, message: { type: "inquire", edits } });
  }
  const looks = bob.effects.filter(({ type }) => type === "look").length;

  assert(looks > 0 && looks <= REMEMBERED_MAX, `${looks}`);
});

Deno.test("nobody has a member banned for decisions that it passes on, by telling it of one again and again", () => {
  const net = GroupNet.started(["ann", "bob", "mal", "dan"]);
  const [ann, bob, mal, dan] = net.nodes as [Node, Node, Node, Node];
  for (let said = 0; said < 8; said++) ann.say(`${said}`);
  net.settle();
  dan.kill(); // so that nothing more gets into a log
  const decider = new Decider(COORDINATOR, GROUP);
  const all = Array.from({ length: 8 }, (_, at) => {
    const request = requestOf(bob, GROUP, at + 1, "edited");
    return decider.decides([editOf(at + 1, request)]);
  });
  for (const signed of all) net.coordinator.send(bob, { type: "committed", signed });
  net.settle();
  net.coordinator.vanish();
  net.pass(4_000);
  bob.effects.length = 0;
  for (let told = 0; told < 200; told++) {
    net.tell(mal, bob.key, { type: "committed", signed: all[0]! });
  }
  net.settle();

  assertEquals(bans(net, ann), []);
  const passedOn = ({ type, ...effect }: Node["effects"][number]) =>
    type === "tell" && "message" in effect && effect.message.type === "committed";
  assertEquals(bob.effects.filter(passedOn), []);
});

for (const isUp of [true, false]) {
  const who = isUp ? "nobody, while the coordinator is there," : "nobody who is in no view";
  Deno.test(`${who} has a decision put in order that the coordinator doesn't tell`, () => {
    const net = GroupNet.started(["ann", "bob"]);
    const [ann, bob] = net.nodes as [Node, Node];
    bob.say("one");
    net.settle();
    const mal = net.add("mal");
    mal.start();
    net.settle();
    if (!isUp) net.coordinator.vanish();
    net.pass(4_000);

    // Of a history that was given up since, as it may be.
    const decider = new Decider(COORDINATOR, GROUP);
    const signed = decider.decides([editOf(1, requestOf(mal, GROUP, 1, "edited"))]);
    for (const { key } of isUp ? [bob, mal] : [mal]) {
      ann.feed({ type: "peer-message", peer: key, message: { type: "committed", signed } });
    }
    net.settle();

    assertEquals(bob.told("edit"), []);
    assertEquals(bans(net, ann), []);
  });
}

Deno.test("a newcomer keeps nothing in memory of what it has fetched and written", () => {
  const net = new GroupNet();
  const [bob, ann] = [net.add("bob"), net.add("ann")];
  bob.start();
  net.settle();
  net.coordinator.change(bob);
  net.settle();
  for (let said = 0; said < 20; said++) bob.say(`${said}`);
  net.settle();
  ann.start();
  net.settle();
  net.coordinator.catchUp(ann, bob);
  net.settle();

  assertEquals(ann.logged.length, 20);
  const kept = [...ann.machine!.snapshot()!].filter(({ kind }) => kind === "held");
  assertEquals(kept.length, 0);
});

Deno.test("nobody has members and the coordinator ban each other by making snapshots up", () => {
  const net = GroupNet.started(["mal", "ann", "bob", "cem"]);
  const [mal, ...honest] = net.nodes as [Node, Node, Node, Node];
  const { ballot } = mal.machine!.epoch!.epoch.value;
  const run = new Uint8Array(8).fill(0xaa);
  let number = 0;
  net.coordinator.got.length = 0;
  mal.lies = (_, message) => message.type === "marker" ? [] : [message];
  for (const { key } of honest) {
    for (let made = 0; made < 600; made++) {
      net.tell(mal, key, { type: "marker", attempt: { run, number: ++number }, ballot });
    }
    net.settle();
  }

  assertEquals(honest.map((node) => bans(net, node)), [[], [], []]);
  const program = Program.of("ann", "bob");
  const got = net.coordinator.got.filter(({ from }) => from.name === "ann");
  const words = got.flatMap(({ message }) => program.says("ann", message));
  assertEquals(words.filter((word) => word.startsWith("bans")), []);
  assertNotEquals(got.length, 0);
});

for (const [how, catchesUp] of [["catches up", true], ["is levelled", false]] as const) {
  Deno.test(`who ${how} keeps what comes before the first batch at fault, and refuses the rest`, () => {
    const net = GroupNet.started(["mal"]);
    const [mal] = net.nodes as [Node];
    for (const text of ["one", "two", "three"]) {
      mal.say(text);
      net.settle();
    }
    mal.lies = (_, message) => {
      if (message.type !== "history") return [message];
      const batches = message.batches.map((signed, index) =>
        index === 2 ? { ...signed, signature: new Uint8Array(64) } : signed
      );
      return [{ ...message, batches }];
    };
    const ann = net.add("ann");
    ann.start();
    net.settle();
    if (catchesUp) net.coordinator.catchUp(ann, mal);
    else net.coordinator.change(mal, ann);
    net.settle();

    const [error] = ann.told("error");
    assertEquals(error?.detail, "history: a batch isn't signed");
    assertEquals(ann.logged.length, 2);
  });
}
