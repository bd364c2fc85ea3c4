import { assertEquals, assertLess } from "@std/assert";
import { attentionOf, withMention } from "../../../lib/cli/rendering/attention.ts";
import { cpuMs } from "../../cpu_time.ts";
import { NOTIFY_LEVELS } from "../../../lib/store/profile/settings.ts";

type Event = Parameters<typeof attentionOf>[0];

/** The levels at which a user called Alice is told of it, and the title. */
function toldAt(event: Event): readonly string[] {
  const told = withMention(event, "Alice");
  const levels = NOTIFY_LEVELS.filter((level) => attentionOf(told, level) !== null);
  return [...levels, ...levels.slice(0, 1).map((level) => attentionOf(told, level)!.title)];
}

const ROOM = {
  event: "message",
  from: "Bob",
  shown: "Bob~k7",
  self: false,
  private: false,
  history: false,
};
const GROUP = { event: "message", seq: 4, from: "Bob", self: false, history: false };
const ALONE = { event: "message", from: "bob", self: false };
const BROADCAST = { event: "broadcast", from: "bob", history: false };

const CASES: readonly (readonly [string, Event, ...string[]])[] = [
  ["what is said in a room", { ...ROOM, text: "hi all" }, "all", "Bob~k7"],
  ["a mention in a room", { ...ROOM, text: "well, ALICE?" }, "mentions", "all", "Bob~k7"],
  ["a part of a word", { ...ROOM, text: "Alices, alice-2" }, "all", "Bob~k7"],
  ["a private message", { ...ROOM, text: "hi", private: true }, "mentions", "all", "Bob~k7 to you"],
  ["one's own", { ...ROOM, text: "Alice, hi", private: true, self: true }],
  ["the history", { ...ROOM, text: "Alice, hi", history: true }],
  ["what is said in a group", { ...GROUP, text: "hi" }, "all", "Bob"],
  ["a mention in a group", { ...GROUP, text: "hi alice" }, "mentions", "all", "Bob"],
  [
    "a friend's message, or one in a call",
    { ...ALONE, text: "hi" },
    "mentions",
    "all",
    "bob to you",
  ],
  ["a broadcast", { ...BROADCAST, text: "lunch" }, "all", "bob"],
  ["a mention in a broadcast", { ...BROADCAST, text: "lunch, alice" }, "mentions", "all", "bob"],
  ["a broadcast that an operator sees", { event: "broadcast", id: "1", from: "bob" }],
  ["a call", { event: "incoming", from: "bob" }, "mentions", "all", "bob is calling"],
  [
    "a vote",
    { event: "vote-wanted", by: "Bob", seq: 3, new: "x" },
    "mentions",
    "all",
    "Bob wants to change entry 3",
  ],
  ["somebody who joins", { event: "joined", name: "Alice" }],
];

for (const [title, event, ...told] of CASES) {
  Deno.test(`attentionOf(): ${title}`, () => assertEquals(toldAt(event), told));
}

Deno.test("withMention() compares names as everywhere, and takes whole words", () => {
  const isMention = (text: string, own: string) => withMention({ ...ROOM, text }, own)["mention"];
  const same = [["Jose\u0301, hi", "José"], ["(STRASSE)", "Straße"], ["ﬁn.", "Fin"], [
    "al-.",
    "Al-",
  ]];
  const others = [["Jose, hi", "José"], ["Strassen", "Straße"], ["Al~k7f3", "Al"], [
    ".al al-2",
    "Al",
  ]];
  for (const [text, own] of same) assertEquals(isMention(text!, own!), true, text);
  for (const [text, own] of others) assertEquals(isMention(text!, own!), false, text);
  for (const text of ["é ".repeat(30_000), `a${".".repeat(65_000)}`, "a-".repeat(32_000)]) {
    assertLess(cpuMs(() => isMention(`${text}! é`, "É")), 1_000);
  }
});

Deno.test("withMention() says of each text whether it names the user, and touches nothing else", () => {
  const of = (event: Event, own: string | null = "Alice") => withMention(event, own)["mention"];
  assertEquals(of({ ...ROOM, text: "alice!" }), true);
  assertEquals(of({ ...ROOM, text: "alice!" }, null), false);
  assertEquals(of({ ...ROOM, text: "alice!", self: true }), false);
  assertEquals(of({ ...ROOM, text: "alice!", history: true }), true);
  assertEquals(of({ event: "left", name: "Alice" }), undefined);
});
