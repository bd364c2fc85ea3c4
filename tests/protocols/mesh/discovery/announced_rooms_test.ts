import { assert, assertEquals } from "@std/assert";
import type { RoomId } from "../../../../lib/base/ids.ts";
import { AnnouncedRooms } from "../../../../lib/protocols/mesh/discovery/announced_rooms.ts";

const roomOf = (number: number) => number.toString(16).padStart(64, "0") as RoomId;
const LIFE_MS = 120_000;

function by(host: string, port: number, instance: string) {
  return { host, instance, at: { host, port } };
}

function announcement(number: number, title: string | null = null, words: readonly number[] = []) {
  return { version: 12, room: roomOf(number), title, tag: null, words };
}

Deno.test("AnnouncedRooms: members of one room are one entry, with the title of whoever has one", () => {
  const rooms = new AnnouncedRooms();
  rooms.heard(by("10.0.0.1", 1, "a"), announcement(1), LIFE_MS, 10);
  rooms.heard(by("10.0.0.2", 2, "b"), announcement(1, "x"), LIFE_MS, 20);
  rooms.heard(by("10.0.0.3", 3, "c"), announcement(2), LIFE_MS, 30);

  assertEquals(rooms.rooms(40).map(({ room, title, endpoints }) => [room, title, endpoints]), [
    [roomOf(1), "x", [{ host: "10.0.0.1", port: 1 }, { host: "10.0.0.2", port: 2 }]],
    [roomOf(2), null, [{ host: "10.0.0.3", port: 3 }]],
  ]);
});

Deno.test("AnnouncedRooms: an announcement counts for its time, unless it is made again or taken back", () => {
  const rooms = new AnnouncedRooms();
  const heard = (instance: string, nowMs: number) =>
    rooms.heard(by("10.0.0.1", 1, instance), announcement(1), LIFE_MS, nowMs);

  assert(heard("a", 0));
  assert(!heard("a", 60_000));
  assertEquals(rooms.rooms(60_000 + LIFE_MS - 1).length, 1);
  assertEquals(rooms.rooms(60_000 + LIFE_MS).length, 0);
  heard("b", 200_000);
  rooms.gone("10.0.0.2", "b");
  assertEquals(rooms.rooms(200_001).length, 1, "another machine can't take it back");
  rooms.gone("10.0.0.1", "b");
  assertEquals(rooms.rooms(200_002).length, 0);
});

Deno.test("AnnouncedRooms keeps 16 of one machine, 256 in all, however many are made up", () => {
  const rooms = new AnnouncedRooms();
  for (let at = 0; at < 10_000; at++) {
    const host = `10.${at >> 8}.${at & 255}.1`;
    rooms.heard(by(host, 1, `i${at}`), announcement(at), LIFE_MS, at);
    rooms.heard(by("10.9.9.9", 1, `i${at}`), announcement(at), LIFE_MS, at);
    assert(rooms.size <= 256);
  }
  const ofOne = rooms.rooms(10_000).filter(({ endpoints }) =>
    endpoints.some(({ host }) => host === "10.9.9.9")
  );
  assertEquals(ofOne.length, 16);
});

Deno.test("AnnouncedRooms: word codes are found by their number", () => {
  const rooms = new AnnouncedRooms();
  const heard = (host: string, words: readonly number[]) =>
    rooms.heard(by(host, 5, "a"), announcement(1, null, words), LIFE_MS, 0);
  heard("10.0.0.1", [7, 12]);
  heard("10.0.0.2", [8]);

  assertEquals(rooms.withWords(12, 1), [{ host: "10.0.0.1", port: 5 }]);
  assertEquals(rooms.withWords(9, 1), []);
  assertEquals(rooms.withWords(12, LIFE_MS), []);
});
