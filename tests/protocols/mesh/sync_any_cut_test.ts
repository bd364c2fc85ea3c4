import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { assertOneRoom, CutRoom } from "./cut_room.ts";
import { SLOW } from "../../given.ts";

/** What happens, step by step; numbers are taken modulo what there is. */
const happenings = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("say" as const), who: fc.nat(4) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("cut" as const), who: fc.nat(9) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("heal" as const), who: fc.nat(9) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("crash" as const), who: fc.nat(4) }) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant("wait" as const), who: fc.nat(15_000) }),
    },
  ),
  { minLength: 5, maxLength: 60 },
);

/**
 * What dora says is too old to be kept anywhere but for its end, which alone others get from her: she can't supply what
 * comes before it, and nobody's hash says so.
 */
const OVERTAKEN = [0, 0, 4, 0, 0, 2, 2, 3, 2, 2, 3].map((who) => ({ kind: "say" as const, who }));

function play(room: CutRoom, script: readonly { kind: keyof CutRoom | "wait"; who: number }[]) {
  for (const { kind, who } of script) {
    if (kind === "wait") room.network.run(who);
    else (room[kind] as (who: number) => void).call(room, who);
  }
  room.quiet();
}

for (const floods of [false, true]) {
  const how = floods ? "flooded" : "by anti-entropy alone";
  Deno.test(
    `Order and AntiEntropy, ${how}: all get all once through any cuts and crashes`,
    SLOW,
    () => {
      fc.assert(
        fc.property(happenings, (script) => {
          const room = new CutRoom(floods);
          play(room, script);

          assertOneRoom(room);
          for (const [name, shown] of room.shown) assertEquals(shown.length, room.said, name);
        }),
        { numRuns: 12 },
      );
    },
  );
}

for (const floods of [false, true]) {
  const how = floods ? "flooded" : "by anti-entropy alone";
  Deno.test(`Order and AntiEntropy, ${how}: nobody is told of more than was missed`, SLOW, () => {
    fc.assert(
      fc.property(happenings, (script) => {
        const room = new CutRoom(floods, { keptMessagesMax: 6 });
        play(room, script);

        assertOneRoom(room);
        for (const member of room.members) {
          const shown = member.member.shown.length;
          assert(shown + room.missedBy(member) <= room.said);
        }
      }),
      { numRuns: 12, examples: [[OVERTAKEN]] },
    );
  });
}
