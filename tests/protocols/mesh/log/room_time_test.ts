import { assertEquals } from "@std/assert";
import {
  TIME_FIRST_MS_MAX,
  TIME_STEP_MS_MAX,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import { RoomTime } from "../../../../lib/protocols/mesh/log/room_time.ts";

const YEAR_MS = 365 * 24 * 3_600_000;
const NOW_MS = 1_800_000_000_000;

/** A member that has delivered something of now, and a way to set its clock. */
function roomTime(wallMs = NOW_MS) {
  const clock = { wallMs };
  const time = new RoomTime(() => clock.wallMs);
  time.believe(NOW_MS);
  return { clock, time };
}

/** How far somebody gets in steps of `stepMs`, each message following the one before. */
function drivenTo(time: RoomTime, stepMs: number): number {
  while (time.latest - NOW_MS < 50 * YEAR_MS && time.believe(time.latest + stepMs));
  return time.latest;
}

Deno.test("RoomTime is driven no further by many steps than by one jump", () => {
  const reached = [60_000_000, TIME_STEP_MS_MAX, YEAR_MS].map((stepMs) =>
    Math.round((drivenTo(roomTime().time, stepMs) - NOW_MS) / YEAR_MS)
  );
  assertEquals(reached, [20, 20, 20]);
});

Deno.test("RoomTime: who is driven as far as it gets believes what follows, and who comes in later too", () => {
  const { time } = roomTime();
  const end = drivenTo(time, TIME_STEP_MS_MAX / 100);
  const later = Array.from({ length: 1_000 }, (_, message) => end + message + 1);
  const { time: newcomer } = roomTime();
  newcomer.comesIn();

  assertEquals(later.every((at) => time.believe(at)), true);
  assertEquals(newcomer.believe(later.at(-1)!), true);
  newcomer.caughtUp();
  assertEquals(newcomer.believe(newcomer.latest + TIME_STEP_MS_MAX), false);
});

Deno.test("RoomTime forgets a year of jumps in ten days", () => {
  const { clock, time } = roomTime();
  drivenTo(time, TIME_STEP_MS_MAX);
  const day = 24 * 3_600_000;
  const mayJump = () => time.believe(time.latest + day + YEAR_MS / 2);

  assertEquals(mayJump(), false);
  clock.wallMs += 6 * day;
  assertEquals([mayJump(), mayJump()], [true, false]);
});

Deno.test("RoomTime goes along with everybody where this machine's clock stands at 1970", () => {
  const { clock, time } = roomTime(0);
  const hour = 3_600_000;
  for (let hours = 1; hours < 30_000; hours++) {
    clock.wallMs += hour;
    // Others' clocks are some minutes apart.
    assertEquals(time.believe(NOW_MS + hours * hour + (hours % 7) * 60_000), true);
  }
});

Deno.test("RoomTime believes of the first no more than a hundred years", () => {
  const time = new RoomTime(() => NOW_MS);
  assertEquals(time.believe(NOW_MS + TIME_FIRST_MS_MAX + 1), false);
  assertEquals(time.believe(NOW_MS + TIME_FIRST_MS_MAX), true);
});

Deno.test("RoomTime comes back from its records, and has one only where it has jumped", () => {
  const { time } = roomTime();
  const none = [time.record(), time.takeRecord()];
  drivenTo(time, YEAR_MS);
  const record = time.takeRecord()!;
  const after = new RoomTime(() => NOW_MS);
  after.restore(record);

  assertEquals(none, [null, null]);
  assertEquals(time.takeRecord(), null);
  assertEquals([after.latest, after.record()], [time.latest, record]);
  assertEquals(after.believe(after.latest + YEAR_MS), false);
  assertEquals(after.believe(after.latest + 1), true);
});

Deno.test("RoomTime comes back to where the first has taken it, whatever comes first then", () => {
  const time = new RoomTime(() => NOW_MS);
  time.believe(NOW_MS + 30 * YEAR_MS);
  const after = new RoomTime(() => NOW_MS);
  after.restore(time.takeRecord()!);

  assertEquals([NOW_MS, NOW_MS + 30 * YEAR_MS].map((at) => after.believe(at)), [true, true]);
  assertEquals(time.takeRecord(), null);
});
