import { assertEquals } from "@std/assert";
import type { MeshChecker } from "../../sim/mesh/checker.ts";
import { EvenWorld } from "../../sim/mesh/even_world.ts";

const SECOND_MS = 1_000;

Deno.test("Mesh says that all have what one wrote, although others spoke at the same moment and all are quiet since", () => {
  const unconfirmed: string[] = [];
  const world = new EvenWorld(3, [{
    name: "status",
    shown({ member }, event) {
      if (event.event !== "status") return;
      unconfirmed.push(`${member.name} ${event.unconfirmed}`);
    },
  }]);
  const members = world.addAll("Ann", "Bob", "Cem");
  world.gather(members);

  for (const member of members) world.say(member.process!, "all at once", null);
  world.pass(30 * SECOND_MS);
  for (const member of members) member.process!.command({ command: "status" });

  assertEquals(unconfirmed, ["Ann 0", "Bob 0", "Cem 0"]);
});

Deno.test("Mesh says of nobody new that the link is there again, to one who lost all others", () => {
  const notices: string[] = [];
  const world = new EvenWorld(3, [{
    name: "links",
    shown({ member }, event) {
      if (event.event !== "notice" || !/\blink/i.test(event.text)) return;
      notices.push(`${member.name}: ${event.warning === true ? "! " : ""}${event.text}`);
    },
  }]);
  const [ann, bob, cem] = world.addAll("Ann", "Bob", "Cem");
  world.gather([ann, bob]);

  world.end(bob.process!, false, 0);
  world.pass(15 * SECOND_MS);
  world.join(cem, ann);
  world.pass(5 * SECOND_MS);

  assertEquals(notices, [
    "Ann: ! No link to any other member; trying those who were here",
  ]);
});

Deno.test("Mesh names who is linked again, to one who lost all others", () => {
  const notices: string[] = [];
  const world = new EvenWorld(3, [{
    name: "links",
    shown({ member }, event) {
      if (event.event === "notice" && /^Linked/.test(event.text)) {
        notices.push(`${member.name}: ${event.text}`);
      }
    },
  }]);
  const [ann, bob] = world.addAll("Ann", "Bob");
  world.gather([ann, bob]);

  world.end(bob.process!, false, 0);
  world.pass(15 * SECOND_MS);
  world.start(bob, { kind: "resume", room: bob.room! });
  world.pass(20 * SECOND_MS);

  assertEquals(notices, ["Ann: Linked with Bob again"]);
});

Deno.test("Mesh tells nobody of links that are a day old and that only one side can dial anew, over a slow network", () => {
  const notices: string[] = [];
  const watch: MeshChecker = {
    name: "links",
    shown({ member }, event) {
      if (event.event === "notice") notices.push(`${member.name}: ${event.text}`);
    },
  };
  const world = new EvenWorld(3, [watch], { delayMs: 300 });
  const [ann, bob, cem] = [
    world.add("Ann"),
    world.add("Bob", { passive: true }),
    world.add("Cem"),
  ];
  world.gather([ann, bob, cem], 30 * SECOND_MS);
  const before = notices.length;

  const aged = [...bob.process!.links.values()];
  for (const end of aged) end.close("this link is a day old; dial again");
  world.pass(30 * SECOND_MS);

  assertEquals(aged.length, 2);
  assertEquals(notices.slice(before), []);
});
