import { assertEquals } from "@std/assert";
import { fakeSigner } from "../../sim/fake_crypto.ts";
import { EVEN_WORLD, plainMember } from "../../sim/mesh/even_world.ts";
import { meshSubject } from "../../sim/mesh/mesh_subject.ts";
import { World } from "../../sim/mesh/world.ts";

const SECOND_MS = 1_000;

Deno.test("Mesh says that all have what one wrote, although others spoke at the same moment and all are quiet since", () => {
  const unconfirmed: string[] = [];
  const world = new World({ ...EVEN_WORLD, hosts: 3 }, meshSubject(), [{
    name: "status",
    shown({ member }, event) {
      if (event.event !== "status") return;
      unconfirmed.push(`${member.name} ${event.unconfirmed}`);
    },
  }]);
  const pass = (forMs: number) => world.time.runUntil(world.time.nowMs + forMs);
  const members = ["Ann", "Bob", "Cem"].map((name) =>
    world.addMember(plainMember(fakeSigner(name), name))
  );
  const [ann, ...others] = members;
  world.start(ann!, { kind: "found" });
  pass(SECOND_MS);
  for (const member of others) world.start(member, { kind: "join", contact: ann!.endpoint });
  pass(5 * SECOND_MS);

  for (const member of members) world.say(member.process!, "all at once", null);
  pass(30 * SECOND_MS);
  for (const member of members) member.process!.command({ command: "status" });

  assertEquals(unconfirmed, ["Ann 0", "Bob 0", "Cem 0"]);
});

Deno.test("Mesh doesn't call it the room where somebody new alone has come to one who lost all others", () => {
  const notices: string[] = [];
  const world = new World({ ...EVEN_WORLD, hosts: 3 }, meshSubject(), [{
    name: "links",
    shown({ member }, event) {
      if (event.event !== "notice" || !/\blink/i.test(event.text)) return;
      notices.push(`${member.name}: ${event.warning === true ? "! " : ""}${event.text}`);
    },
  }]);
  const pass = (forMs: number) => world.time.runUntil(world.time.nowMs + forMs);
  const [ann, bob, cem] = ["Ann", "Bob", "Cem"].map((name) =>
    world.addMember(plainMember(fakeSigner(name), name))
  );
  world.start(ann!, { kind: "found" });
  pass(SECOND_MS);
  world.start(bob!, { kind: "join", contact: ann!.endpoint });
  pass(5 * SECOND_MS);

  world.end(bob!.process!, false, 0);
  pass(15 * SECOND_MS);
  world.start(cem!, { kind: "join", contact: ann!.endpoint });
  pass(5 * SECOND_MS);

  assertEquals(notices, [
    "Ann: ! No link to any other member; trying those who were here",
    "Ann: Linked with another member again",
  ]);
});

Deno.test("Mesh tells nobody of links that are a day old and that only one side can dial anew, over a slow network", () => {
  const notices: string[] = [];
  const world = new World({ ...EVEN_WORLD, hosts: 3, delayMs: 300 }, meshSubject(), [{
    name: "links",
    shown({ member }, event) {
      if (event.event === "notice") notices.push(`${member.name}: ${event.text}`);
    },
  }]);
  const pass = (forMs: number) => world.time.runUntil(world.time.nowMs + forMs);
  const [ann, bob, cem] = ["Ann", "Bob", "Cem"].map((name) =>
    world.addMember({ ...plainMember(fakeSigner(name), name), passive: name === "Bob" })
  );
  world.start(ann!, { kind: "found" });
  pass(SECOND_MS);
  for (const member of [bob, cem]) world.start(member!, { kind: "join", contact: ann!.endpoint });
  pass(30 * SECOND_MS);
  const before = notices.length;

  const aged = [...bob!.process!.links.values()];
  for (const end of aged) end.close("this link is a day old; dial again");
  pass(30 * SECOND_MS);

  assertEquals(aged.length, 2);
  assertEquals(notices.slice(before), []);
});
