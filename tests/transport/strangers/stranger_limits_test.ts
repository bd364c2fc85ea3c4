import { assertEquals } from "@std/assert";
import { StrangerLimits, WaitingRoom } from "../../../lib/transport/strangers/stranger_limits.ts";

const LIMITS = {
  strangersMax: 3,
  strangersPerAddressMax: 2,
  unfinishedMs: 500,
};

Deno.test("placeFor() bounds strangers from one address, loopback exempt", () => {
  const limits = new StrangerLimits<string>(LIMITS);
  limits.add("a", "192.0.2.1", 0);
  limits.add("b", "192.0.2.1", 0);

  assertEquals(limits.placeFor("192.0.2.1", 0), { type: "none", untilMs: 500 });
  assertEquals(limits.placeFor("192.0.2.2", 0), { type: "free" });
  limits.remove("a");
  assertEquals(limits.placeFor("192.0.2.1", 0), { type: "free" });

  const local = new StrangerLimits<string>(LIMITS);
  local.add("a", "127.0.0.1", 0);
  local.add("b", "127.0.0.1", 0);
  assertEquals(local.placeFor("127.0.0.1", 0), { type: "free" });
});

Deno.test("placeFor() gives a newcomer the place of the oldest that hasn't got on for long", () => {
  const limits = new StrangerLimits<string>(LIMITS);
  limits.add("a", "127.0.0.1", 0);
  limits.add("b", "127.0.0.1", 100);
  limits.add("c", "127.0.0.1", 200);

  assertEquals(limits.placeFor("127.0.0.1", 499), { type: "none", untilMs: 500 });
  assertEquals(limits.placeFor("127.0.0.1", 500), { type: "instead of", stranger: "a" });
});

Deno.test("placeFor() makes room at a crowded address by that address alone", () => {
  const limits = new StrangerLimits<string>(LIMITS);
  limits.add("other", "192.0.2.9", 0);
  limits.add("a", "192.0.2.1", 100);
  limits.add("b", "192.0.2.1", 200);

  assertEquals(limits.placeFor("192.0.2.1", 599), { type: "none", untilMs: 600 });
  assertEquals(limits.placeFor("192.0.2.1", 600), { type: "instead of", stranger: "a" });
});

Deno.test("placeFor() slows an address that comes often, and never shuts it out", () => {
  const limits = new StrangerLimits<string>({
    perAddressPerSecond: 10,
    perAddressBurst: 3,
  });
  const comeAndGo = (host: string, nowMs: number) => {
    const place = limits.placeFor(host, nowMs);
    if (place.type === "none") return false;
    limits.add("one", host, nowMs);
    limits.remove("one");
    return true;
  };

  const times = Array.from({ length: 1_000 }, (_, nowMs) => nowMs);
  const came = times.filter((nowMs) => comeAndGo("192.0.2.1", nowMs));
  assertEquals(came.slice(0, 4), [0, 1, 2, 100]);
  assertEquals(came.length, 3 + 9);
  assertEquals(comeAndGo("192.0.2.2", 999), true);
  assertEquals(times.every((nowMs) => comeAndGo("127.0.0.1", nowMs)), true);
});

const SHARED = "192.0.2.1";
const OTHER = "192.0.2.2";

const FRIEND = "192.0.2.3";

/** A door with two places for each address, whose strangers never finish their handshakes. */
function door() {
  const limits = new StrangerLimits<string>({
    strangersMax: 8,
    strangersPerAddressMax: 2,
    unfinishedMs: 500,
  });
  const room = new WaitingRoom<string, string>(
    (host, nowMs) => limits.placeFor(host, nowMs),
    (host) => host === FRIEND,
  );
  return { limits, room };
}

Deno.test("WaitingRoom.next() calls those of one address in order, and others past them", () => {
  const { limits, room } = door();
  limits.add("silent", SHARED, 0);
  limits.add("silent too", SHARED, 100);
  for (const name of ["first", "second"]) assertEquals(room.enter(name, SHARED, 200), true);
  room.enter("elsewhere", OTHER, 200);

  assertEquals([room.isWaitedAt(SHARED), room.isWaitedAt("192.0.2.3")], [true, false]);
  assertEquals(room.next(200), { waiting: "elsewhere", place: { type: "free" } });
  assertEquals([room.next(200), room.dueMs], [null, 500]);
  const place = { type: "instead of", stranger: "silent" } as const;
  assertEquals(room.next(500), { waiting: "first", place });
});

Deno.test("WaitingRoom.next() gives up on who has waited for nearly as long as it would", () => {
  const { limits, room } = door();
  room.enter("newcomer", SHARED, 0);
  limits.add("one", SHARED, 7_900);
  limits.add("two", SHARED, 7_900);

  assertEquals([room.next(7_999), room.dueMs], [null, 8_000]);
  assertEquals(room.next(8_000)?.place.type, "none");
  assertEquals(room.size, 0);
});

Deno.test("WaitingRoom.enter() has bounds for one address, loopback exempt, and for all", () => {
  const { room } = door();
  const enter = (host: string, count: number) =>
    Array.from({ length: count }, (_, at) => room.enter(`${host} ${at}`, host, 0))
      .filter((entered) => entered).length;

  assertEquals(enter(SHARED, 150), 128);
  assertEquals(enter("127.0.0.1", 300), 128);
  assertEquals([enter(OTHER, 1), room.clear().length, room.size], [0, 256, 0]);
});

Deno.test("a newcomer gets in although eight from its address come back whenever they are thrown out", () => {
  const { limits, room } = door();
  const inside = new Set<string>();
  const entered: string[] = [];
  const call = (nowMs: number) => {
    for (let next; (next = room.next(nowMs)) !== null;) {
      const { waiting, place } = next;
      if (place.type === "instead of") {
        limits.remove(place.stranger);
        inside.delete(place.stranger);
        room.enter(place.stranger, SHARED, nowMs);
      }
      if (place.type === "none") continue;
      limits.add(waiting, SHARED, nowMs);
      inside.add(waiting);
      entered.push(waiting);
    }
  };

  for (let count = 0; count < 8; count++) room.enter(`silent ${count}`, SHARED, 0);
  for (let nowMs = 0; nowMs < 5_000; nowMs += 10) {
    if (nowMs === 1_000) room.enter("newcomer", SHARED, nowMs);
    call(nowMs);
  }

  assertEquals(entered.filter((who) => who === "newcomer").length > 0, true);
});

Deno.test("WaitingRoom.enter() lets a few of each preferred host wait where all others do", () => {
  const { room } = door();
  for (const host of [SHARED, OTHER]) {
    for (let count = 0; count < 128; count++) room.enter(`${host} ${count}`, host, 0);
  }
  const entered = Array.from({ length: 10 }, (_, count) => room.enter(`${count}`, FRIEND, 0));

  assertEquals(room.enter("stranger", "192.0.2.9", 0), false);
  assertEquals(entered.filter((each) => each).length, 8);
});

Deno.test("WaitingRoom.enter() lets in as many as it was told to", () => {
  const room = new WaitingRoom<number, string>(
    (_, nowMs) => ({ type: "none", untilMs: nowMs + 1 }),
    () => false,
    1_024,
  );

  const entered = Array.from({ length: 1_100 }, (_, at) => room.enter(at, "127.0.0.1", 0));

  assertEquals(entered.filter(Boolean).length, 1_024);
});
