import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { RoomId } from "../../../../lib/base/ids.ts";
import {
  announcedTag,
  recognisedTags,
} from "../../../../lib/protocols/mesh/discovery/room_tags.ts";

const DAY_MS = 86_400_000;
const NOW_MS = 20_000 * DAY_MS + 5_000;
const room = "ab".repeat(32) as RoomId;
const secretOf = (epoch: number, byte: number) => ({
  epoch,
  secret: new Uint8Array(32).fill(byte),
});
const ROOM = { room, secrets: [secretOf(2, 7), secretOf(1, 6)] };

Deno.test("announcedTag(): who has the secret recognises it, a day apart too, and nobody else", () => {
  const tag = announcedTag(ROOM, NOW_MS)!;

  assertEquals(tag.length, 32);
  for (const atMs of [NOW_MS - DAY_MS, NOW_MS, NOW_MS + DAY_MS]) {
    assert(recognisedTags(ROOM, atMs).includes(tag));
  }
  assert(!recognisedTags(ROOM, NOW_MS + 2 * DAY_MS).includes(tag));
  const others = { room, secrets: [secretOf(2, 8)] };
  assert(!recognisedTags(others, NOW_MS).includes(tag));
});

Deno.test("announcedTag() is another one each day, in each epoch and in each room", () => {
  const tag = announcedTag(ROOM, NOW_MS);
  const others = [
    announcedTag(ROOM, NOW_MS + DAY_MS),
    announcedTag({ room, secrets: [secretOf(1, 7)] }, NOW_MS),
    announcedTag({ ...ROOM, room: "ac".repeat(32) as RoomId }, NOW_MS),
  ];

  for (const other of others) assertNotEquals(other, tag);
  assertEquals(announcedTag({ room, secrets: [] }, NOW_MS), null);
});

Deno.test("recognisedTags(): a member that missed a rotation is recognised by its secret", () => {
  const behind = { room, secrets: [secretOf(1, 6)] };

  assert(recognisedTags(ROOM, NOW_MS).includes(announcedTag(behind, NOW_MS)!));
});
