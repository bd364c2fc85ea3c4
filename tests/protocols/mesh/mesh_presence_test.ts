/** Who is away, and comes back: what all who are here are shown of it. */

import { assertEquals } from "@std/assert";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { MeshEvent } from "../../../lib/protocols/mesh/schema/events.ts";
import { Room } from "./shown_room.ts";

const LUNCH = { command: "presence", change: { away: "lunch" } } as const;
const BACK = { command: "presence", change: { away: null } } as const;

function presences(events: readonly MeshEvent[]): readonly (string | undefined)[] {
  return events.flatMap((event) => event.event === "presence" ? [event.away] : []);
}

Deno.test("Mesh: who goes away and comes back is shown so to itself and to all others, once each", () => {
  const room = new Room();
  const [ben, cleo] = [room.joined("Ben"), room.joined("Cleo")];
  const about = { event: "presence", name: "Ben", key: fingerprintOf(ben.key) } as const;

  assertEquals(room.ask(ben, LUNCH), [{ ...about, self: true, away: "lunch" }]);
  assertEquals(room.ask(ben, BACK), [{ ...about, self: true }]);

  for (const other of [room.ann, cleo]) {
    const told = room.shown.get(other)!.filter(({ event }) => event === "presence");
    assertEquals(told, [{ ...about, self: false, away: "lunch" }, { ...about, self: false }]);
  }
});

Deno.test("Mesh: who comes in later is told who is away, and a list says it, also at the one that is", () => {
  const room = new Room();
  const ben = room.joined("Ben");
  room.ask(ben, LUNCH);
  const cleo = room.joined("Cleo");

  const joined = room.shown.get(cleo)!.flatMap((event) =>
    event.event === "joined" ? [[event.name, event.away]] : []
  );
  assertEquals(joined.toSorted(), [["Ann", undefined], ["Ben", "lunch"]]);
  for (const member of [room.ann, ben, cleo]) {
    const [listed] = room.ask(member, { command: "peers" });
    if (listed?.event !== "peers") throw new Error("no members were shown");
    const away = listed.peers.map(({ name, away }) => `${name} ${away}`);
    assertEquals(away.toSorted(), ["Ann undefined", "Ben lunch", "Cleo undefined"]);
  }
});

Deno.test("Mesh: of a hundred changes in one moment the others are shown the last", () => {
  const room = new Room();
  const ben = room.joined("Ben");
  for (let n = 1; n < 100; n++) {
    ben.process!.command({ command: "presence", change: { away: `${n}` } });
  }
  room.ask(ben, LUNCH);

  assertEquals(presences(room.shown.get(room.ann)!), ["lunch"]);
});

Deno.test("Mesh: who starts again is back", () => {
  const room = new Room();
  const ben = room.joined("Ben");
  room.ask(ben, LUNCH);
  room.ask(ben, { command: "quit" });
  room.joined("Ben");

  const joined = room.shown.get(room.ann)!.findLast(({ event }) => event === "joined");
  assertEquals(joined?.event === "joined" && [joined.name, joined.away], ["Ben", undefined]);
});
