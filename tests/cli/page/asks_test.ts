import { assert, assertEquals } from "@std/assert";
import { AT, NOW_MS, pageOf } from "./events_given.ts";
import { type Any, page } from "./page_modules.ts";

const { inPlace, isSteady, mainPlace, meant, questionsIn, standing } = page;

function asked(...edits: readonly number[]): Any {
  const state = pageOf("group", [
    { event: "ready", command: "member", name: "Alice", host: "h", port: 1, key: "a" },
    ...edits.map((edit) => {
      const vote = { event: "vote-wanted", edit, seq: 3, by: "Bob", old: "a", new: "b" };
      return { ...vote, deadline: "2026-11-27T13:00:00.000Z", at: AT };
    }),
  ]);
  const votes = ["go", "abort"].map((name) => ({ name, aliases: [], form: "[EDIT]" }));
  return { ...state, commands: [...state.commands, ...votes] };
}

Deno.test("page: new questions come above those that stand there already", () => {
  assertEquals(inPlace([], ["a", "b"]), ["a", "b"]);
  assertEquals(inPlace(["a", "b"], ["a", "b", "c", "d"]), ["c", "d", "a", "b"]);
  assertEquals(inPlace(["c", "a", "b"], ["b", "c", "d"]), ["d", "c", "b"]);
});

Deno.test("page: a press counts for what has stood in its place for a second", () => {
  let stands = standing(new Map(), new Map([["a", 500]]), 0);
  assertEquals([999, 1_000].map((nowMs) => isSteady(stands, "a", nowMs)), [false, true]);

  // Another one comes above it, and goes.
  stands = standing(stands, new Map([["a", 500], ["b", 400]]), 5_000);
  assertEquals(["a", "b"].map((key) => isSteady(stands, key, 5_000)), [true, false]);
  stands = standing(stands, new Map([["b", 500]]), 7_000);
  assertEquals([7_000, 7_999, 8_000].map((nowMs) => isSteady(stands, "b", nowMs)), [
    false,
    false,
    true,
  ]);
  assert(!isSteady(stands, "a", 99_000), "it is gone");

  // By little and little it is another place as well.
  for (let px = 1; px <= 5; px++) {
    stands = standing(stands, new Map([["b", 500 + px]]), 9_000 + px);
  }
  assert(!isSteady(stands, "b", 9_100));
});

Deno.test("page: what the user scrolls stays what may be pressed, and what others move doesn't", () => {
  let stands = standing(new Map(), new Map([["a", 500]]), 0);
  stands = standing(stands, new Map([["a", 300], ["b", 400]]), 2_000, true);
  assertEquals(["a", "b"].map((key) => isSteady(stands, key, 2_000)), [true, true]);
  stands = standing(stands, new Map([["a", 300], ["b", 350]]), 3_000);
  assertEquals(["a", "b"].map((key) => isSteady(stands, key, 3_000)), [true, false]);
  // Scrolling makes nothing steady that has just come.
  stands = standing(stands, new Map([["b", 300]]), 3_500, true);
  assertEquals([3_999, 4_000].map((nowMs) => isSteady(stands, "b", nowMs)), [false, true]);
});

function called(): Any {
  return pageOf("directory", [
    { event: "session", state: "up", name: "Alice", guest: false },
    { event: "incoming", call: "c", from: "bob", key: "b", guest: false, verified: false },
  ]);
}

Deno.test("page: a letter goes to the program where something is asked, or was when it was begun", () => {
  const state = asked(7, 8);
  const place = mainPlace(state);
  assertEquals(questionsIn(state, place), ["vote 7", "vote 8"]);
  assertEquals(meant(state, place, "y"), { line: "y" });
  assertEquals(meant(state, place, "/go"), { line: "/go" });
  assertEquals(meant(state, place, " y").command, { command: "msg", text: " y" });
  const quiet = asked();
  assertEquals(meant(quiet, mainPlace(quiet), "n", "vote 7"), { line: "n" });
  assertEquals(meant(quiet, mainPlace(quiet), "n").command, { command: "msg", text: "n" });
});

Deno.test("page: a call is asked about in the lobby, and in the conversation with the caller", () => {
  const state = called();
  const with_ = (person: string) => ({ ...mainPlace(state), type: "call", person, parent: "main" });
  assertEquals(questionsIn(state, mainPlace(state)), ["call c"]);
  assertEquals([questionsIn(state, with_("bob")), questionsIn(state, with_("eve"))], [
    ["call c"],
    [],
  ]);
  assertEquals(meant(state, with_("bob"), "y"), { line: "y" });
  const refused = "Not sent: bob is calling: y accepts, n declines.";
  assertEquals(meant(state, with_("bob"), "no, later").error, refused);
});

Deno.test("page: a file is asked about where it is offered, for two minutes, unless it isn't to be fetched", () => {
  const offer = (more: Any = {}) => ({
    ...{ event: "offer", file: 2, id: "f2", from: "Bob", key: "b", self: false, room: "r1" },
    ...{ name: "a.txt", size: 1, ...more },
  });
  const asks = (more?: Any, then: readonly Any[] = [], nowMs = NOW_MS) => {
    const state = pageOf("mesh", [
      { event: "ready", command: "mesh", name: "Alice", host: "h", port: 1, key: "a", room: "r1" },
      ...[offer(more), ...then],
    ]);
    const place = [...state.places.values()].find(({ chunks }: Any) => chunks.length > 0);
    return questionsIn(state, place, nowMs);
  };
  assertEquals([asks(), asks({}, [], NOW_MS + 120_000)], [["offer f2"], []]);
  for (const no of ["history", "taken", "unfetchable", "self"]) {
    assertEquals(asks({ [no]: true }), []);
  }
  const done = { event: "transfer", file: 2, id: "f2", room: "r1", state: "done" };
  assertEquals(asks({}, [done]), []);
});
