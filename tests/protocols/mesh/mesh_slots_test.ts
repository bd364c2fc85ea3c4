import { assertEquals } from "@std/assert";
import type { MeshEvent } from "../../../lib/protocols/mesh/schema/events.ts";
import { EvenWorld } from "../../sim/mesh/even_world.ts";
import type { Member } from "../../sim/mesh/member.ts";
import { SLOW } from "../../given.ts";

/** Some whom others can dial, and many who can't be dialled, all of whom came in through the first one. */
class Room {
  readonly shown = new Map<Member, MeshEvent[]>();
  readonly members: readonly Member[];
  readonly #world: EvenWorld;

  constructor(dialled: number, passive: number) {
    this.#world = new EvenWorld(dialled + passive, [{
      name: "shown",
      shown: ({ member }, event) => {
        this.shown.set(member, [...this.shown.get(member) ?? [], event]);
      },
    }]);
    this.members = Array.from(
      { length: dialled + passive },
      (_, index) => this.#world.add(`M${index}`, { passive: index >= dialled }),
    );
    const [first, ...others] = this.members;
    this.#world.start(first!, { kind: "found" });
    for (const member of others) {
      this.pass(1_000);
      this.#world.join(member, first!);
    }
  }

  pass(forMs: number): void {
    this.#world.pass(forMs);
  }

  /** @returns How many read what each of them says. */
  readersOfEach(): readonly number[] {
    const texts = this.members.map((member) => this.#world.say(member.process!, "hi", null).text);
    this.pass(30_000);
    const read = [...this.shown.values()].flatMap((events) =>
      events.flatMap((event) => event.event === "message" ? [event.text] : [])
    );
    return texts.map((text) => read.filter((one) => one === text).length);
  }
}

Deno.test("Mesh links all who can't be dialled, as long as there are slots for each", SLOW, () => {
  const [dialled, passive] = [3, 20];
  const room = new Room(dialled, passive);
  room.pass(60_000);

  const all = dialled + passive;
  assertEquals(room.readersOfEach(), Array.from({ length: all }, () => all));
});

Deno.test("Mesh tells who came in and found no neighbour, and says so in its status", () => {
  const room = new Room(1, 17);
  room.pass(20_000);
  const apart = room.members.at(-1)!;

  const warned = room.members.filter((member) =>
    room.shown.get(member)!.some((event) =>
      event.event === "notice" && event.text.startsWith("No link to any other member")
    )
  );
  apart.process!.command({ command: "status" });

  assertEquals(warned, [apart]);
  const status = room.shown.get(apart)!.at(-1);
  const problems = status?.event === "status" ? status.problems : [];
  assertEquals(problems.map((problem) => problem.split(";")[0]), ["no link to any other member"]);
});

Deno.test(
  "Mesh doesn't tell who has a neighbour by the time that it is ready that it had none before",
  SLOW,
  () => {
    const room = new Room(2, 30);
    room.pass(120_000);

    const told = [...room.shown.values()].map((events) =>
      events.flatMap((event) =>
        event.event === "notice" && /^(No link to|Linked with)/.test(event.text) ? [event.text] : []
      ).at(-1) ?? ""
    );
    assertEquals(told.filter((text) => text.startsWith("No link")), []);
  },
);
