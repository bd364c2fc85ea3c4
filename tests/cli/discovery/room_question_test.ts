import { assertEquals } from "@std/assert";
import type { RoomId } from "../../../lib/base/ids.ts";
import {
  chosenBy,
  inOrder,
  offerText,
  questionText,
  titled,
} from "../../../lib/cli/discovery/room_question.ts";
import type { AnnouncedRoom } from "../../../lib/protocols/mesh/discovery/announced_rooms.ts";

function announced(room: string | null, title: string | null = null): AnnouncedRoom {
  return {
    room: room === null ? null : room.repeat(32) as RoomId,
    tag: room === null ? "cd".repeat(16) : null,
    title,
    version: 1,
    endpoints: [{ host: "10.0.0.5", port: 55_107 }],
    firstMs: 0,
  };
}

const TEA = announced("aa", "Tea");
const DINNER = announced("bb", "dinner");
const OTHER_DINNER = announced("cc", "Dinner");
const UNTITLED = announced("01");
const PRIVATE = announced(null);

Deno.test("inOrder() is by title, then by id, private ones last, however they were heard", () => {
  const wanted = [DINNER, OTHER_DINNER, TEA, UNTITLED, PRIVATE];
  assertEquals(inOrder([PRIVATE, UNTITLED, TEA, OTHER_DINNER, DINNER]), wanted);
  assertEquals(inOrder([TEA, OTHER_DINNER, PRIVATE, DINNER, UNTITLED]), wanted);
});

Deno.test("titled() finds a title however it is written, the whole of it", () => {
  assertEquals(titled([TEA, DINNER, UNTITLED], "DINNER"), [DINNER]);
  assertEquals(titled([TEA, DINNER, UNTITLED], "Din"), []);
  assertEquals(titled([TEA, UNTITLED], null), []);
});

Deno.test("chosenBy() takes a number or a title, where it is that of one room", () => {
  const offered = [DINNER, TEA, UNTITLED];
  assertEquals(chosenBy(offered, " 2 "), TEA);
  assertEquals(chosenBy(offered, "tea"), TEA);
  assertEquals(chosenBy(offered, "0"), "none");
  for (const wrong of ["", "4", "Te", "-1"]) assertEquals(chosenBy(offered, wrong), null);
  assertEquals(chosenBy([DINNER, OTHER_DINNER], "Dinner"), null);
  const numbered = announced("dd", "1");
  assertEquals(chosenBy([TEA, numbered], "1"), TEA);
});

Deno.test("offerText() and questionText() say what is offered, and what was asked for", () => {
  assertEquals(offerText([TEA, UNTITLED], null), "Several rooms are announced on this network:");
  assertEquals(
    offerText([TEA], "Lunch"),
    'No room with the title "Lunch" is announced on this network, but another one is:',
  );
  assertEquals(
    offerText([DINNER, OTHER_DINNER], "dinner"),
    'Several rooms with the title "dinner" are announced on this network:',
  );
  assertEquals(
    questionText([TEA, DINNER], "a new one"),
    "Which one (1 to 2, or its title; 0 for a new one)? ",
  );
  assertEquals(questionText([TEA], "a new one"), "Which one (1, or its title; 0 for a new one)? ");
});
