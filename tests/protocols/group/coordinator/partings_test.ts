import { assertEquals } from "@std/assert";
import { Partings } from "../../../../lib/protocols/group/coordinator/partings.ts";
import {
  HELLO_MS_MAX,
  RETURN_PAUSE_FORGOTTEN_MS,
  RETURN_PAUSE_MS_MAX,
  RETURN_PAUSE_MS_MIN,
} from "../../../../lib/protocols/group/schema/limits.ts";
import { keyOf } from "../coordinator_program.ts";
import { Room } from "./coordinator_parts.ts";

function scene() {
  const room = new Room();
  const told: string[] = [];
  const partings = new Partings(
    room.attendance,
    room.out,
    ({ name }, reason) => told.push(`${name}: ${reason}`),
  );
  /** How long Ann is out this time, ms. */
  const pauses = () => {
    partings.pause(room.comes("ann"));
    room.words();
    return partings.notBeforeMs(keyOf("ann")) - room.out.nowMs;
  };
  return { room, told, partings, pauses };
}

Deno.test("Partings: who holds up the others again is out for twice as long, up to a limit", () => {
  const { room, pauses } = scene();
  const waits = [1, 2, 4, 8, 16].map((times) => times * RETURN_PAUSE_MS_MIN);
  assertEquals([...waits, RETURN_PAUSE_MS_MAX].map(() => pauses()), [
    ...waits,
    RETURN_PAUSE_MS_MAX,
  ]);

  room.output.pass(RETURN_PAUSE_MS_MAX + RETURN_PAUSE_FORGOTTEN_MS);
  assertEquals(pauses(), RETURN_PAUSE_MS_MIN, "what was long ago is forgotten");
});

Deno.test("Partings: who is to pause keeps its link, and has the time to say hello after the pause", () => {
  const { room, told, partings } = scene();
  partings.pause(room.comes("ann"));

  assertEquals(room.words(), [`ann: parted silent for ${RETURN_PAUSE_MS_MIN} ms`]);
  assertEquals(told, ["ann: lost"]);
  assertEquals(room.attendance.get(keyOf("ann")), null);
  const { greetByMs } = room.on("ann");
  assertEquals(greetByMs, room.out.nowMs + RETURN_PAUSE_MS_MIN + HELLO_MS_MAX);
  assertEquals([partings.wasOut(keyOf("ann")), partings.wasOut(keyOf("bob"))], [true, false]);
});

Deno.test("Partings: who is out for good is told why, and cut off; the last one isn't, as its goodbye is needed", () => {
  const { room, told, partings } = scene();
  partings.dismiss(room.comes("ann"), "kicked");
  partings.dismissLast(room.comes("bob"), "left");
  partings.gone(room.comes("cem"), "it said what it mustn't");

  assertEquals(room.words(), [
    "ann: parted kicked",
    "closes ann",
    "bob: parted left",
    "closes cem",
  ]);
  assertEquals(told, ["ann: removed", "bob: quit", "cem: lost"]);
  assertEquals(room.attendance.isLastLeaving, true);
  assertEquals(partings.reasonOf(keyOf("cem")), "it said what it mustn't");
  assertEquals([...room.attendance.all], []);
});
