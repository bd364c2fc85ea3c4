import { assert, assertEquals } from "@std/assert";
import fc from "../../../fast_check.ts";
import type { RoomId } from "../../../../lib/base/ids.ts";
import { utf8Length } from "../../../../lib/base/text/text.ts";
import {
  type Announcement,
  announcementIn,
  textsOf,
  titleIn,
} from "../../../../lib/protocols/mesh/discovery/announcement.ts";

const ROOM = "ab".repeat(32) as RoomId;
const OPEN: Announcement = { version: 12, room: ROOM, title: "Größe 日本", tag: null, words: [7] };
const PRIVATE: Announcement = {
  version: 12,
  room: null,
  title: null,
  tag: "cd".repeat(16),
  words: [],
};

Deno.test("announcementIn() reads what textsOf() makes", () => {
  for (const one of [OPEN, PRIVATE, { ...OPEN, title: null, words: [1, 99_999, 0] }]) {
    assertEquals(announcementIn(textsOf(one)), one);
  }
});

Deno.test("textsOf() tells no title of a private room", () => {
  assertEquals(textsOf({ ...PRIVATE, title: "Ours" }), ["v=12", `tag=${PRIVATE.tag}`]);
});

Deno.test("textsOf(): a title of wide characters fits into a text of DNS-SD", () => {
  const title = "👩".repeat(64);
  const texts = textsOf({ ...OPEN, title });

  assert(texts.every((text) => utf8Length(text) <= 255), String(texts.map(utf8Length)));
  assertEquals(announcementIn(texts)?.title, "👩".repeat(60));
});

Deno.test("announcementIn() takes no announcement that says of no room, or of two", () => {
  const cases: readonly (readonly string[])[] = [
    [],
    ["v=12"],
    [`room=${ROOM}`],
    ["v=12", "room=abcd"],
    ["v=12", `room=${ROOM.toUpperCase()}`],
    ["v=12", `room=${ROOM}`, `tag=${PRIVATE.tag}`],
    ["v=-1", `room=${ROOM}`],
    ["v=12", `tag=${ROOM}`],
  ];

  for (const texts of cases) assertEquals(announcementIn(texts), null, texts.join());
});

Deno.test("announcementIn() drops a title that could do something to a terminal, and odd numbers", () => {
  const texts = ["v=12", `room=${ROOM}`, "title=\x1b[2Jx", "words=1,x"];

  assertEquals(announcementIn(texts), { ...OPEN, title: null, words: [] });
  const many = announcementIn(["v=12", `room=${ROOM}`, "words=1,1,2,3,4,5,6,7,8,9,10"]);
  assertEquals(many?.words, [1, 2, 3, 4, 5, 6, 7, 8]);
});

Deno.test("announcementIn() never throws, and what it takes can be announced again", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("v=12", `room=${ROOM}`, `tag=${PRIVATE.tag}`),
    fc.string({ unit: "binary" }).map((title) => `title=${title}`),
  );

  fc.assert(fc.property(fc.array(text), (texts) => {
    const read = announcementIn(texts);
    if (read === null || read.title !== null && utf8Length(read.title) > 240) return;
    assertEquals(announcementIn(textsOf(read)), read);
  }));
});

Deno.test("titleIn() takes visible characters, 64 at most", () => {
  assertEquals(titleIn("  Stand-up "), "Stand-up");
  for (const text of ["", " ", "a\nb", "\u202ex", "x".repeat(65)]) {
    assertEquals(titleIn(text), null);
  }
});
