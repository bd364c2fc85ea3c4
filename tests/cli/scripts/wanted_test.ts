import { assertEquals } from "@std/assert";
import type { WaitingDoor } from "../../../lib/cli/args/options.ts";
import { type Fields, isHeard, isWanted } from "../../../lib/cli/scripts/wanted.ts";

const ANY = { events: new Set(["message"]), from: null, mention: false };
const KEY = "ijtghrlfdthizyo5oecdgsej2yv";
const SAID: Fields = { event: "message", from: "Bob", shown: "Bob", key: KEY, self: false };

const CASES: readonly (readonly [
  what: string,
  event: Fields,
  door: Partial<Pick<WaitingDoor, "events" | "from" | "mention">>,
  expected: boolean,
])[] = [
  ["a message", SAID, {}, true],
  ["one's own message", { ...SAID, self: true }, {}, false],
  ["another event", { event: "joined", name: "Bob" }, {}, false],
  [
    "an event that is named",
    { event: "joined", name: "Bob" },
    { events: new Set(["joined"]) },
    true,
  ],
  [
    "who was there before",
    { event: "joined", name: "Bob", present: true },
    { events: new Set(["joined"]) },
    false,
  ],
  [
    "who was there before and is waited for by name",
    { event: "joined", name: "Bob", present: true },
    { events: new Set(["joined"]), from: "Bob" },
    true,
  ],
  ["a message where others are named", SAID, { events: new Set(["joined"]) }, false],
  ["the author's, in another case", SAID, { from: "BOB" }, true],
  ["somebody else's", SAID, { from: "Carol" }, false],
  ["the key's", SAID, { from: KEY.toUpperCase() }, true],
  ["that of somebody who takes the key for a name", { ...SAID, shown: KEY, key: "other" }, {
    from: KEY,
  }, false],
  ["the author's, with the mark", SAID, { from: "≈Bob" }, true],
  ["one that claims the name, and is shown under another", { ...SAID, shown: "Bob~k7f3" }, {
    from: "Bob",
  }, false],
  ["a friend's", { event: "connection", friend: "bob" }, {
    events: new Set(["connection"]),
    from: "Bob",
  }, true],
  ["nobody's", { event: "notice", text: "x" }, { events: new Set(["notice"]), from: "Bob" }, false],
  ["one without a mention", { ...SAID, mention: false }, { mention: true }, false],
  ["a mention", { ...SAID, mention: true }, { mention: true }, true],
];

for (const [what, event, door, expected] of CASES) {
  Deno.test(`isWanted() ${expected ? "takes" : "leaves"} ${what}`, () => {
    assertEquals(isWanted(event, { ...ANY, ...door }), expected);
  });
}

Deno.test("isHeard() is true of what others say", () => {
  assertEquals(isHeard(SAID), true);
  assertEquals(isHeard({ ...SAID, self: true }), false);
  assertEquals(isHeard({ event: "joined" }), false);
});
