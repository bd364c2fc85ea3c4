// Causal order where members fall behind by more than is kept, and catch up with several who are at different places.

import fc from "fast-check";
import { assertCausal, assertOneRoom, CutRoom } from "./cut_room.ts";
import { SLOW } from "../../given.ts";

const KEPT_MESSAGES_MAX = 6;

type Happening = readonly ["say" | "cut" | "heal" | "split" | "crash" | "wait", number, number?];

const kind = <K extends Happening[0]>(name: K, max: number) =>
  fc.tuple(fc.constant(name), fc.nat(max));

/** `say`: who, and how much; `split`: who is on which side, bit by bit; `wait`: how long, ms. */
const happenings: fc.Arbitrary<readonly Happening[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.tuple(fc.constant("say" as const), fc.nat(4), fc.integer({ min: 1, max: 5 })),
    },
    { weight: 3, arbitrary: kind("split" as const, 31) },
    { weight: 2, arbitrary: kind("cut" as const, 9) },
    { weight: 4, arbitrary: kind("heal" as const, 9) },
    { weight: 1, arbitrary: kind("crash" as const, 4) },
    { weight: 4, arbitrary: kind("wait" as const, 400) },
    { weight: 1, arbitrary: kind("wait" as const, 12_000) },
  ),
  { minLength: 5, maxLength: 60 },
);

/** What went wrong once. */
const EXAMPLES: readonly (readonly Happening[])[] = [
  // emil goes on without what bob said to ann, who speaks to him through dora, who is behind herself.
  [["wait", 3_782], ["say", 1, 6], ["say", 0, 1]],
  // What dora's next process names waits at ann itself, for what was before it.
  [["say", 3, 2], ["crash", 3], ["say", 3, 5], ["say", 0, 3], ["split", 7]],
  // Between what is kept and the last that was let go of.
  [["split", 8], ["heal", 5], ["say", 0, 3], ["wait", 4_341], ["say", 3, 4], ["say", 2, 1], [
    "say",
    3,
    3,
  ]],
  // What is late keeps those from coming by whom one sees that it is.
  [["say", 1, 3], ["crash", 0], ["wait", 292], ["say", 0, 2], ["crash", 0], ["say", 0, 3], [
    "say",
    1,
    3,
  ]],
  // dora went on without what bob followed, and never had any of it: ann goes on after her.
  [
    ["split", 9],
    ["say", 2, 1],
    ["wait", 116],
    ["split", 15],
    ["say", 0, 4],
    ["heal", 5],
    [
      "say",
      0,
      1,
    ],
    ["say", 1, 1],
    ["wait", 2_670],
    ["cut", 0],
    ["say", 0, 1],
    ["wait", 191],
    ["say", 0, 1],
  ],
  // What bob followed is here, and isn't known to be late or in time.
  [
    ["say", 0, 3],
    ["split", 10],
    ["say", 4, 4],
    ["say", 3, 8],
    ["say", 4, 3],
    ["wait", 5_185],
    [
      "say",
      1,
      3,
    ],
    ["split", 0],
    ["say", 4, 3],
    ["wait", 258],
  ],
  // What is named waits itself, beside what names it.
  [["say", 1, 5], ["split", 5], ["wait", 102], ["heal", 7], ["cut", 0], ["split", 2], [
    "say",
    1,
    4,
  ], ["say", 3, 2]],
];

function play(room: CutRoom, script: readonly Happening[]): void {
  for (const [what, which, count] of script) {
    if (what === "wait") room.network.run(which);
    else for (let times = count ?? 1; times > 0; times--) room[what](which);
  }
  room.quiet();
}

for (const floods of [false, true]) {
  const how = floods ? "flooded" : "by anti-entropy alone";
  Deno.test(
    `Order and AntiEntropy, ${how}: no answer is shown before what its author had been shown`,
    SLOW,
    () => {
      fc.assert(
        fc.property(happenings, (script) => {
          const room = new CutRoom(floods, { keptMessagesMax: KEPT_MESSAGES_MAX });
          room.network.runUntil(2_000); // nobody is a newcomer any more
          for (let who = 0; who < 5; who++) room.say(who);
          room.network.runUntil(5_000);
          play(room, script);

          assertCausal(room);
          assertOneRoom(room);
        }),
        { numRuns: 15, examples: EXAMPLES.map((script) => [script]) },
      );
    },
  );
}
