/** Leaving: what is handed over before, and what is told of what isn't. */

import { assert, assertEquals } from "@std/assert";
import { Admitting } from "../../../lib/protocols/mesh/joining/admitting.ts";
import type { MeshCommand } from "../../../lib/protocols/mesh/schema/events.ts";
import { SLOW } from "../../given.ts";
import { EvenWorld } from "../../sim/mesh/even_world.ts";
import type { Member } from "../../sim/mesh/member.ts";
import { replaced } from "../../sim/replaced.ts";
import { annAndBob, SECOND_MS } from "./mesh_cases.ts";

Deno.test("Mesh leaves within a second although a neighbour doesn't answer any more", () => {
  const world = new EvenWorld(4);
  const [ann, bob] = world.addAll("Ann", "Bob");
  world.gather([ann, bob], 10 * SECOND_MS);

  ann.process?.sim.stall(2 * SECOND_MS);
  bob.process?.command({ command: "quit" });
  world.pass(SECOND_MS);

  assertEquals([ann.process === null, bob.process], [false, null]);
});

Deno.test("Mesh leaves within a second where what was said last has waited for a new name", () => {
  const world = new EvenWorld(4, [], { disk: { syncMs: 20, slowChance: 0 } });
  const [, bob] = annAndBob(world);
  const { process } = bob;
  for (let n = 0; n < 6; n++) world.say(process!, `${n}`, null);
  process!.command({ command: "name", name: "Robert" });
  world.say(process!, "the last one", null);
  process!.command({ command: "quit" });
  world.pass(SECOND_MS);

  assertEquals(bob.process, null);
});

Deno.test("Mesh leaves with what waits for a name that nobody admits said under the one that it has", () => {
  const world = new EvenWorld(4);
  const [ann, bob] = annAndBob(world);
  const process = bob.process!;
  const restore = replaced(Admitting.prototype, "joinAsked", () => {})();
  try {
    const said = ["Robert", "Rob"].map((name) => {
      process.command({ command: "name", name });
      return world.say(process, `under ${name}`, null);
    });
    process.command({ command: "quit" });
    world.pass(11 * SECOND_MS);

    assertEquals(bob.process, null);
    assertEquals(said.map((one) => ann.shown.has(one)), [true, true]);
  } finally {
    restore();
  }
});

Deno.test("Mesh sends nothing of the room to who isn't listed any more, though the link stays", () => {
  for (const attack of ["leavesAndStays", "fallsSilentAndStays", "asksAgain"] as const) {
    const world = new EvenWorld(4);
    const [ann, bob] = annAndBob(world);
    const eve = world.add("Eve", { liar: attack });
    world.join(eve, ann);
    world.pass(SECOND_MS);
    const heard = (words: string) => {
      const said = world.say(ann.process!, words, null);
      world.pass(5 * SECOND_MS);
      return [bob, eve].map(({ shown }) => shown.has(said));
    };
    assertEquals(heard("all of you"), [true, true], attack);

    for (let waited = 0; ann.process!.probe!.lists(eve.key) !== false; waited++) {
      assert(waited < 300, `${attack}: Eve stays listed`);
      world.pass(SECOND_MS);
    }
    assertEquals(heard("Bob alone"), [true, false], attack);
  }
});

Deno.test("Mesh says on leaving whether what was said went to nobody", () => {
  const notices: string[] = [];
  const world = new EvenWorld(4, [{
    name: "notices",
    shown({ member }, event) {
      if (event.event === "notice") notices.push(`${member.name}: ${event.text}`);
    },
  }]);
  const [ann, bob] = world.addAll("Ann", "Bob");
  const command = (member: Member, command: MeshCommand) => {
    member.process?.command(command);
    world.pass(3 * SECOND_MS);
  };
  world.start(ann, { kind: "found" });
  world.pass(SECOND_MS);
  world.say(ann.process!, "is anybody here?", null);
  world.pass(SECOND_MS);
  world.join(bob, ann);
  world.pass(5 * SECOND_MS);
  command(ann, { command: "quit" });
  const heard = [...notices];

  world.say(bob.process!, "too late", null);
  world.pass(SECOND_MS);
  command(bob, { command: "quit" });

  const unheard = "Not delivered: your last messages; sent when you come back";
  assertEquals([heard, notices.slice(heard.length)], [
    ["Bob: Ann is the founder of this room, and can remove members"],
    [`Bob: ${unheard}`],
  ]);
});

Deno.test(
  "Mesh leaves what was said with who stays, also where all others leave at once",
  SLOW,
  () => {
    const lacking: number[] = [];
    for (let seed = 1; seed <= 20; seed++) {
      const world = new EvenWorld(4, [], { seed, delayMs: 30, jitterMs: 30 });
      const [ann, bob] = annAndBob(world);
      const cat = world.add("Cat");
      world.join(cat, ann);
      world.pass(700);

      for (let word = 0; word < 5; word++) {
        for (const { process } of [ann, bob]) world.say(process!, "", null);
        world.pass(20);
      }
      for (const { process } of [ann, bob]) process!.command({ command: "quit" });
      world.pass(20 * SECOND_MS);

      lacking.push(world.ledger.said.filter((said) => !cat.shown.has(said)).length);
    }

    assertEquals(lacking, lacking.map(() => 0));
  },
);

Deno.test("Mesh hands over on coming back what was said to nobody, however soon one leaves again", () => {
  const lacking: number[] = [];
  for (const stayMs of [0, 20, 50, 100]) {
    const world = new EvenWorld(4);
    const [ann, bob] = annAndBob(world);
    bob.process!.command({ command: "quit" });
    world.pass(3 * SECOND_MS);
    const said = world.say(ann.process!, "is anybody here?", null);
    world.pass(SECOND_MS);
    ann.process!.command({ command: "quit" });
    world.pass(3 * SECOND_MS);
    world.start(bob, { kind: "resume", room: bob.room! });
    world.pass(6 * SECOND_MS);

    const back = world.start(ann, { kind: "resume", room: ann.room! });
    while (back.readyAtMs === null) world.pass(1);
    world.pass(stayMs);
    back.command({ command: "quit" });
    world.pass(10 * SECOND_MS);

    if (!bob.shown.has(said)) lacking.push(stayMs);
  }

  assertEquals(lacking, []);
});

Deno.test("Mesh tells who leaves what isn't known to have come to anybody, where the only other one was killed", () => {
  const notices: string[] = [];
  for (const isRead of [true, false]) {
    const world = new EvenWorld(4, [{
      name: "notices",
      shown(_, event) {
        const isOfLeaving = event.event === "notice" && event.text.includes("come back");
        if (isOfLeaving) notices.push(`read: ${isRead}; ${event.text}`);
      },
    }]);
    const [ann, bob] = annAndBob(world);

    world.say(bob.process!, "one", null);
    world.pass(5 * SECOND_MS);
    world.end(ann.process!, false, 0);
    if (!isRead) world.say(bob.process!, "two", null);
    world.pass(10 * SECOND_MS);
    bob.process!.command({ command: "quit" });
    world.pass(5 * SECOND_MS);
  }

  const text = "Perhaps not delivered: some of your messages; sent when you come back";
  assertEquals(notices, [`read: false; ${text}`]);
});

Deno.test("Mesh tells who leaves nothing of words that are known to have come, or that nobody is left to get", () => {
  const notices: string[] = [];
  const ways: Readonly<Record<string, (world: EvenWorld, ann: Member, bob: Member) => void>> = {
    answered: (world, _, bob) => {
      world.pass(100);
      world.say(bob.process!, "two", null);
      world.pass(100);
      world.end(bob.process!, false, 0);
    },
    removed: (world, ann) => {
      world.pass(100);
      ann.process!.command({ command: "remove", name: "Bob" });
    },
  };
  for (const [way, happens] of Object.entries(ways)) {
    const world = new EvenWorld(4, [{
      name: "notices",
      shown(_, event) {
        const isOfLeaving = event.event === "notice" && event.text.includes("when you come back");
        if (isOfLeaving) notices.push(`${way}: ${event.text}`);
      },
    }]);
    const [ann, bob] = annAndBob(world);
    world.say(ann.process!, "one", null);

    happens(world, ann, bob);
    world.pass(SECOND_MS);
    ann.process!.command({ command: "quit" });
    world.pass(20 * SECOND_MS);
  }

  assertEquals(notices, []);
});

Deno.test("Mesh leaves properly at whatever moment of its way in it is told to", SLOW, () => {
  const outcomes = new Set<string>();
  for (let afterMs = 0; afterMs < 200; afterMs += 3) {
    const seen: string[] = [];
    const world = new EvenWorld(4, [{
      name: "seen",
      effect({ member }, effect) {
        if (effect.type === "stop") seen.push(`${member.name}: ${effect.outcome.kind}`);
      },
      shown({ member }, event) {
        if (event.event === "joined") seen.push(`${member.name}: ${event.name} joined`);
        if (event.event === "left") seen.push(`${member.name}: ${event.name} ${event.reason}`);
      },
    }]);
    const [ann, bob] = world.addAll("Ann", "Bob");
    world.start(ann, { kind: "found" });
    world.pass(SECOND_MS);
    world.join(bob, ann);
    world.pass(afterMs);

    bob.process!.command({ command: "quit" });
    world.pass(60 * SECOND_MS);

    outcomes.add(seen.filter((one) => one !== "Bob: Ann joined").toSorted().join(", "));
  }

  const left = "Ann: Bob joined, Ann: Bob quit, Bob: bye";
  assertEquals(outcomes, new Set(["Bob: bye", left]));
});

Deno.test("Mesh says that a line isn't sent which comes while it leaves", () => {
  const errors: string[] = [];
  const world = new EvenWorld(4, [{
    name: "errors",
    shown(_, event, ref) {
      if (event.event === "error") errors.push(`${ref}: ${event.code} ${event.text}`);
    },
  }]);
  const [, bob] = annAndBob(world);
  world.say(bob.process!, "in time", null);

  bob.process!.command({ command: "quit" });
  bob.process!.command({ command: "say", text: "too late" }, "a");
  bob.process!.command({ command: "peers" }, "b");
  world.pass(SECOND_MS);

  assertEquals(errors, [
    "a: offline Cannot send that: you are leaving the room",
    "b: offline Cannot do that: you are leaving the room",
  ]);
});

Deno.test("Mesh calls nobody lost in its status who left properly while it wasn't there itself", () => {
  const problems: (readonly string[])[] = [];
  const world = new EvenWorld(4, [{
    name: "problems",
    shown(_, event) {
      if (event.event === "status") problems.push(event.problems);
    },
  }]);
  const [ann, bob] = annAndBob(world);
  const command = (member: Member, command: MeshCommand) => {
    member.process!.command(command);
    world.pass(5 * SECOND_MS);
  };
  for (const member of [bob, ann]) command(member, { command: "quit" });

  world.start(bob, { kind: "resume", room: bob.room! });
  world.pass(5 * SECOND_MS);
  command(bob, { command: "status" });

  assertEquals(problems.flat().filter((text) => text.includes("lost")), []);
  assertEquals(problems.length, 1);
});

Deno.test("Mesh tells who is removed that words may not have arrived only where nobody has said that it has them", () => {
  const notices: string[] = [];
  for (const waitedMs of [100, 30 * SECOND_MS]) {
    const world = new EvenWorld(4, [{
      name: "notices",
      shown(_, event) {
        const isOfLeaving = event.event === "notice" && event.text.includes("when you come back");
        if (isOfLeaving) notices.push(`after ${waitedMs} ms: ${event.text}`);
      },
    }]);
    const [ann, bob] = annAndBob(world);
    world.say(bob.process!, "one", null);
    world.pass(waitedMs);
    ann.process!.command({ command: "remove", name: "Bob" });
    world.pass(5 * SECOND_MS);
  }
  assertEquals(notices, [
    "after 100 ms: Perhaps not delivered: some of your messages; sent when you come back",
  ]);
});
