/** Which keys a member remembers under which names. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import { INCARNATION_BYTES } from "../../../../lib/protocols/group/schema/limits.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import { GroupNet, type Node } from "../group_net.ts";
import { messagesOf } from "./member_cases.ts";

Deno.test("Member shows a name with the fingerprint's start where another key is pinned", () => {
  const net = new GroupNet();
  const ann = net.add("ann");
  const bob = net.add("bob");
  const eve = net.add("eve");
  const pins = new Map([["bob", "aaaaaaaaaaaaaaaaaaaaaaaaaaa" as never]]);
  ann.start({ pins });
  bob.start();
  net.settle();
  net.coordinator.change(ann, bob);
  net.settle();

  bob.say("it's me");
  net.settle();

  const [said] = messagesOf(ann);
  assert(/^bob~[a-z2-7]{4}$/.test(said!.shown));
  assertEquals([said!.from, said!.key], ["bob", fingerprintOf(bob.key)]);
  const errors = ann.events.filter((event) => event.event === "error");
  assertEquals(errors.map((event) => "code" in event && event.code), ["key-changed"]);
  ann.command({ command: "trust", name: "bob" });
  bob.say("again");
  net.settle();
  assertEquals(messagesOf(ann)[1]!.from, "bob");
  assertEquals(eve.machine, null);
});

Deno.test("Member that comes back remembers and tells whose keys were in its last view", () => {
  const net = GroupNet.started(["ann", "bob", "cem"]);
  const [ann] = net.nodes;
  ann!.kill();
  ann!.effects = [];

  const pins = new Map([["bob", "aaaaaaaaaaaaaaaaaaaaaaaaaaa" as never]]);
  ann!.start({ pins });
  net.settle();

  assertEquals(ann!.told("error").map(({ code }) => code), ["key-changed"]);
  const pinned = ann!.effects.flatMap((effect) => effect.type === "pin" ? effect.name : []);
  assertEquals(pinned, ["cem", "*coordinator*"]);
});

function pinnedBy(node: Node): readonly string[] {
  return node.effects.flatMap((effect) => effect.type === "pin" ? effect.name : []);
}

Deno.test("Strangers who only ask to come in take no name, and nobody is told of their keys", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes as [Node, Node];
  const at = { incarnation: new Uint8Array(INCARNATION_BYTES), host: "10.0.9.9", port: 9_000 };
  const members = [ann, bob].map(({ key, name }) => ({ ...at, key, name }));
  for (let number = 0; number < 10; number++) {
    const strangers = ["dan", "bob"].map((name) => {
      return { ...at, key: net.add(`${name} ${number}`).key, name };
    });
    net.coordinator.send(ann, {
      type: "peers",
      members: [...members, ...strangers],
      joining: [],
      paths: [],
    });
    net.settle();
  }
  assertEquals(pinnedBy(ann), ["*coordinator*", "bob"]);

  const dan = net.add("dan");
  dan.start();
  net.settle();
  net.coordinator.catchUp(dan, ann, bob);
  net.settle();
  assertEquals(pinnedBy(ann), ["*coordinator*", "bob"]);
  net.coordinator.change(ann, bob, dan);
  net.settle();
  dan.say("here I am");
  net.settle();

  assertEquals(pinnedBy(ann), ["*coordinator*", "bob", "dan"]);
  assertEquals(messagesOf(ann).map(({ from }) => from), ["dan"]);
  assertEquals(ann.told("error"), []);
});

Deno.test("Newcomer remembers whose keys the group's members have before it shows what was said", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes as [Node, Node];
  bob.say("one");
  net.settle();
  const [carol, eve] = [net.add("carol"), net.add("eve")];
  eve.start();
  carol.start({ pins: new Map([["bob", fingerprintOf(eve.key)]]) });
  net.settle();
  assertEquals(pinnedBy(carol), ["*coordinator*"]);

  net.coordinator.catchUp(carol, ann, bob);
  net.settle();

  assertEquals(pinnedBy(carol), ["*coordinator*", "ann"]);
  const shown = carol.events.filter(({ event }) => event === "error" || event === "message");
  assertEquals(shown.map(({ event }) => event), ["error", "message"]);
  assert(/^bob~[a-z2-7]{4}$/.test(messagesOf(carol)[0]!.shown));
});

Deno.test("Member's user needs no digits and no trust of their own", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann] = net.nodes;
  ann!.say("one");
  net.settle();

  ann!.command({ command: "verify", name: "ann" });
  ann!.command({ command: "trust", name: "ann" });
  net.settle();

  const errors = ann!.events.filter((event) => event.event === "error");
  assertEquals(errors.map(({ code }) => code), ["unknown-user", "unknown-user"]);
  assertEquals(errors.every(({ text }) => text.startsWith("ann is you: ")), true);
});

Deno.test("Member's user refuses the key of somebody who isn't here", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann] = net.nodes as [Node, Node];
  const zoe = fakeSigner("zoe").key;
  ann.command({ command: "verify", name: "zoe", answer: "no", known: [fingerprintOf(zoe)] });
  net.settle();

  assertEquals(ann.told("verify").map(({ answer }) => answer), ["no"]);
  assertMatch(ann.machine!.names.shown(zoe, "zoe"), /^zoe~/);
});

Deno.test("Member's user says whom they mean where several had a name, and nobody is refused by guess", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann] = net.nodes as [Node, Node];
  const { names } = ann.machine!;
  const zoes = ["one", "two"].map((who) => fakeSigner(who).key);
  for (const key of zoes) names.shown(key, "zoe");
  const [first, second] = zoes.map((key) => names.of(key));

  ann.command({ command: "verify", name: "zoe", answer: "no" });
  ann.command({ command: "trust", name: "Zoe" });
  ann.command({ command: "verify", name: second! });
  net.settle();

  assertEquals(ann.told("error").map(({ code, text }) => `${code}: ${text}`), [
    `unknown-user: Several are called zoe: /verify ${first} or /verify ${second}`,
    `unknown-user: Several are called Zoe: /trust ${first} or /trust ${second}`,
  ]);
  assertEquals(ann.told("verify").map(({ name, peerKey }) => [name, peerKey]), [
    [second!, zoes[1]!],
  ]);
});
