import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { nodeSigner } from "../../../lib/base/crypto/crypto.ts";
import { SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";
import type { RoomId } from "../../../lib/base/ids.ts";
import { MeshRooms, type OpenTogether } from "../../../lib/cli/mesh/mesh_rooms.ts";
import type { MeshRecord } from "../../../lib/protocols/mesh/schema/records.ts";
import type { RoomStore } from "../../../lib/runtime/hosts/mesh_host.ts";
import { RecordLog } from "../../../lib/runtime/record_log.ts";
import { ASKED_PINS, KnownPeers, PINS_MAX } from "../../../lib/store/profile/known_peers.ts";
import { writeAll } from "../../../lib/store/disk/disk.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";
import { Table } from "../../../lib/store/disk/table.ts";
import { utf8 } from "../../../lib/base/crypto/crypto.ts";
import { VirtualClock } from "../../runtime/virtual_clock.ts";
import { SLOW } from "../../given.ts";

const ROOM = "ab".repeat(32) as RoomId;
const PORT = 1;

function pin(number: number) {
  const { key } = nodeSigner(new Uint8Array(32).fill(number));
  return { kind: "pin" as const, name: `Bob${number}`, key };
}

/** As the host of a room that meets these at once. */
async function meet(
  room: Pick<RoomStore, "append" | "pin">,
  ...met: readonly ReturnType<typeof pin>[]
): Promise<void> {
  const pinned = met.map(({ name, key }) => room.pin({ name, key, again: false }));
  await Promise.all([room.append(met, true), ...pinned]);
}

Deno.test(
  "a room goes on where no more keys can be remembered, and says so once",
  SLOW,
  async () => {
    const disk = new MemoryDisk();
    await disk.makeFolder("/p");
    const file = await disk.openAppend("/p/known_peers", { empty: true });
    writeAll(file, utf8("# full\n".repeat(PINS_MAX - ASKED_PINS - 1)));
    file.close();
    const knownPeers = await KnownPeers.open(disk, "/p/known_peers");
    const rooms = await MeshRooms.open(disk, "/p/mesh");
    const warnings: string[] = [];
    const warn = (text: string) => warnings.push(text);
    const room = await rooms.openRoom(ROOM, 1, knownPeers, () => 0, warn, false);

    for (const number of [1, 2, 3]) await meet(room, pin(number));
    await room.close();

    assertEquals(warnings.length, 1);
    assertEquals(knownPeers.pins().map(({ name }) => name), ["Bob1"]);
  },
);

Deno.test("a room's keys that come at once are written at once", async () => {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p");
  const knownPeers = await KnownPeers.open(disk, "/p/known_peers");
  const rooms = await MeshRooms.open(disk, "/p/mesh");
  const room = await rooms.openRoom(ROOM, 1, knownPeers, () => 0, () => {}, false);
  let writes = 0;
  const { rename } = disk;
  disk.rename = (from, to) => {
    if (to === "/p/known_peers") writes++;
    return rename.call(disk, from, to);
  };

  await meet(room, ...Array.from({ length: 50 }, (_, number) => pin(number + 1)));
  await room.close();

  const again = await KnownPeers.open(disk, "/p/known_peers");
  assertEquals(again.pins().length, 50);
  assertEquals(writes <= 2, true, `${writes}`);
});

/** The room as a start finds it. */
async function openedRoom(
  disk: MemoryDisk,
  warn: (text: string) => void = () => {},
): Promise<{ readonly room: RoomStore; readonly knownPeers: KnownPeers }> {
  await disk.makeFolder("/p");
  const knownPeers = await KnownPeers.open(disk, "/p/known_peers");
  const rooms = await MeshRooms.open(disk, "/p/mesh");
  const room = await rooms.openRoom(ROOM, PORT, knownPeers, () => 0, warn, false);
  return { room, knownPeers };
}

async function pinnedAtStart(disk: MemoryDisk): Promise<readonly string[]> {
  const { room } = await openedRoom(disk);
  await room.close();
  return room.records.flatMap((record) => record.kind === "pin" ? [record.name] : []);
}

/** A room's log as its host keeps it; the machine has in memory what `all` has. */
function recordLog(room: RoomStore, all: readonly MeshRecord[]): RecordLog<MeshRecord, never> {
  return new RecordLog<MeshRecord, never>(room, {
    clock: new VirtualClock(),
    log: SILENT_LOGGER,
    snapshot: () => all,
    shown: (through) => through,
    flushed: () => Promise.resolve(),
    written: () => Promise.resolve(),
    restored: () => {},
    failed: (error) => {
      throw error;
    },
  });
}

Deno.test("keys met while the disk refuses are known at the next start, but not those that the user deleted", async () => {
  const disk = new MemoryDisk();
  const { room, knownPeers } = await openedRoom(disk);
  const all: MeshRecord[] = [];
  const log = recordLog(room, all);
  const append: RoomStore["append"] = (records, sync) => {
    all.push(...records);
    return log.append(records, sync);
  };
  const meetOne = (number: number) => meet({ append, pin: room.pin }, pin(number));
  await meetOne(1);
  await meetOne(2);
  await knownPeers.forget(`mesh:${ROOM}`, "Bob2"); // as a line that an editor took away
  disk.fault = ({ kind }) => kind === "write" ? "ENOSPC" : null;
  await assertRejects(() => meetOne(3), P2pchatError);
  await assertRejects(() => meetOne(4), P2pchatError); // the gap is still open: this one never gets to the log
  disk.fault = null;
  await meetOne(5);

  const known = new Set(await pinnedAtStart(disk.kill()));
  assertEquals([...known], ["Bob1", "Bob3", "Bob4", "Bob5"]);
});

Deno.test("a key that known_peers couldn't take is in it when the log is brought back", async () => {
  const disk = new MemoryDisk();
  const { room } = await openedRoom(disk);
  const log = recordLog(room, [pin(1)]);
  disk.fault = ({ kind }) => kind === "write" ? "ENOSPC" : null;
  const append: RoomStore["append"] = (records, sync) => log.append(records, sync);
  await assertRejects(() => meet({ append, pin: room.pin }, pin(1)), P2pchatError);
  disk.fault = null;
  await log.append([], true);

  assertEquals(await pinnedAtStart(disk.kill()), ["Bob1"]);
});

for (const how of ["kill", "crash"] as const) {
  Deno.test(`a key that was met is known at the next start, at whichever write after it a ${how} comes`, async () => {
    const stops: string[] = [];
    for (let stopAt = 1;; stopAt++) {
      const disk = new MemoryDisk();
      let isTold = false;
      const { room } = await openedRoom(disk, () => isTold = true);
      const before = disk.operations;
      let after: MemoryDisk | null = null;
      disk.fault = ({ kind, number, path }) => {
        if (number !== before + stopAt) return null;
        stops.push(`${kind} ${path}`);
        after = disk[how]();
        after.fault = null;
        return null;
      };
      let stored = 0;
      const run = async () => {
        for (const number of [1, 2]) {
          await meet(room, pin(number));
          if (!isTold) stored = number; // else known_peers didn't take it
        }
      };
      await run().catch((error) => {
        if (!(error instanceof P2pchatError)) throw error;
      });
      if (after === null) break;

      const survivor: MemoryDisk = after;
      const known = await pinnedAtStart(survivor);
      assertEquals(known, ["Bob1", "Bob2"].slice(0, known.length), stops.at(-1));
      assertEquals(known.length >= stored, true, stops.at(-1));
    }
    assertEquals(stops.length > 10, true, `${stops.length}`);
  });
}

Deno.test("a room's log waits for no key, while another program writes known_peers", async () => {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p");
  const turn = Promise.withResolvers<void>();
  let isBusy = false;
  const knownPeers = await KnownPeers.open(disk, "/p/known_peers", async () => {
    if (isBusy) await turn.promise;
    return { release: () => {} };
  });
  const rooms = await MeshRooms.open(disk, "/p/mesh");
  const room = await rooms.openRoom(ROOM, PORT, knownPeers, () => 0, () => {}, false);
  isBusy = true;
  const done: string[] = [];
  const met = meet(room, pin(1)).then(() => done.push("met"));
  const stored = room.append([pin(1)], true).then(() => done.push("stored"));
  await stored;
  const before = [...done];
  turn.resolve();
  await met;

  assertEquals(before, ["stored"]);
  assertEquals(knownPeers.pins().map(({ name }) => name), ["Bob1"]);
  await room.close();
});

for (const how of ["kill", "crash"] as const) {
  Deno.test(`of two keys of a name one is known at the next start, at whichever write of /trust a ${how} comes`, async () => {
    const [old, trusted] = [pin(1), { ...pin(2), name: "Bob1" }];
    for (let stopAt = 1;; stopAt++) {
      const disk = new MemoryDisk();
      const { room } = await openedRoom(disk);
      await meet(room, old);
      const before = disk.operations;
      let after: MemoryDisk | null = null;
      disk.fault = ({ number }) => {
        if (number === before + stopAt) after = disk[how]();
        return null;
      };
      await meet(room, trusted).catch(() => {});
      if (after === null) break;

      const survivor: MemoryDisk = after;
      survivor.fault = null;
      const { room: again } = await openedRoom(survivor);
      const keys = again.records.flatMap((record) => record.kind === "pin" ? [record.key] : []);
      assertEquals(keys.length, 1, `at ${stopAt}`);
      await again.close();
    }
  });
}

Deno.test("a name that has another key than before the room's log was lost is told of", async () => {
  const disk = new MemoryDisk();
  const { room: before } = await openedRoom(disk);
  await meet(before, pin(1), pin(2));
  await before.close();
  await disk.remove(`/p/mesh/${ROOM}/log`);
  const warnings: string[] = [];
  const { room } = await openedRoom(disk, (text) => warnings.push(text));

  await meet(room, pin(1), { ...pin(3), name: "bob2" });
  await meet(room, { ...pin(4), name: "Bob2" }); // by /trust: the user knows

  assertEquals(warnings.length, 1);
  assertMatch(
    warnings[0]!,
    /^bob2 has the key \w{27} here; it was \w{27} since 1970-01-01: perhaps somebody else\. \/verify bob2 tells$/,
  );
  await room.close();
});

Deno.test("what is in a room's log is stored, also where the room can't be remembered as the last", async () => {
  const disk = new MemoryDisk();
  const warnings: string[] = [];
  const { room } = await openedRoom(disk, (text) => warnings.push(text));
  const last = async () => (await MeshRooms.open(disk, "/p/mesh")).last;
  disk.fault = ({ kind, path }) =>
    kind === "open" && path.startsWith("/p/mesh/last") ? "ENOSPC" : null;

  for (const number of [1, 2]) await room.append([pin(number)], true);

  disk.fault = null;
  assertEquals([warnings.length, await last()], [1, null]);
  assertMatch(warnings[0]!, /^Cannot open \/p\/mesh\/last\.new: No space left on device; /);
  await room.rewrite([pin(1), pin(2)]);
  assertEquals([warnings.length, await last()], [1, ROOM]);
  await room.close();
});

for (const row of [["../../else"], [ROOM, "0"], [ROOM, "65536"], [ROOM, "no port"], [ROOM, ""]]) {
  Deno.test(`a last room that nobody wrote so, ${JSON.stringify(row)}, is refused`, async () => {
    const disk = new MemoryDisk();
    await disk.makeFolder("/p/mesh");
    const format = { format: "mesh-last-room", version: 1 };
    await (await Table.open(disk, "/p/mesh/last", format)).table.write([row]);

    const open = () => MeshRooms.open(disk, "/p/mesh");

    const { code, message } = await assertRejects(open, P2pchatError);
    assertEquals([code, message.split(";")[0]], [
      "store-corrupt",
      "Cannot read /p/mesh/last: line 2 is damaged, it isn't a room and a port",
    ]);
  });
}

type Visit = readonly [room: RoomId, port: number | null, title: string | null];

/** Rooms that a profile was in, one after the other. */
function visited(disk: MemoryDisk, ...visits: readonly Visit[]): Promise<void> {
  return visitedWith(disk, { mark: null, current: null }, ...visits);
}

async function visitedWith(
  disk: MemoryDisk,
  together: OpenTogether,
  ...visits: readonly Visit[]
): Promise<void> {
  await disk.makeFolder("/p");
  const knownPeers = await KnownPeers.open(disk, "/p/known_peers");
  for (const [room, port, title] of visits) {
    const rooms = await MeshRooms.open(disk, "/p/mesh", { title, together });
    const store = await rooms.openRoom(room, port, knownPeers, () => 0, () => {}, false);
    await store.append([pin(1)], true);
    await store.close();
  }
}

const THIRD = "cd".padEnd(64, "f") as RoomId;
const [ONE, OTHER] = ["ab", "abc0"].map((start) => start.padEnd(64, "f") as RoomId) as [
  RoomId,
  RoomId,
];

Deno.test("a room of the profile's is found by its title, or the first characters of its id, if no other is", async () => {
  const disk = new MemoryDisk();
  await visited(disk, [ONE, null, "Café"], [OTHER, null, null]);
  await disk.makeFolder("/p/mesh/aside");
  const rooms = await MeshRooms.open(disk, "/p/mesh");

  assertEquals(["ABFF", OTHER, "CAFÉ", "cafe\u0301"].map((wanted) => rooms.named(wanted)), [
    ONE,
    OTHER,
    ONE,
    ONE,
  ]);
  const faults = ["ab", "cd"].map((start) =>
    assertThrows(() => rooms.named(start), P2pchatError).message
  );
  const start = "of this profile's rooms has the title";
  assertEquals(faults, [
    `More than one ${start} "ab", or an id that begins so: give more of the id of one of these: abc0ffff, abffffff ("Café")`,
    `None ${start} "cd", or an id that begins so: it was in abc0ffff, abffffff ("Café")`,
  ]);
});

Deno.test("each room keeps its port and its title, and the one that was entered last is the first", async () => {
  const disk = new MemoryDisk();
  await visited(disk, [ONE, 1, "home"], [OTHER, 2, null], [ONE, null, null]);
  const rooms = await MeshRooms.open(disk, "/p/mesh");

  assertEquals(rooms.all, [ONE, OTHER]);
  assertEquals(rooms.all.map((room) => [rooms.portOf(room), rooms.titleOf(room)]), [
    [1, "home"],
    [2, null],
  ]);
  await visited(disk, [ONE, 3, "work"]);
  const { last, remembered } = await MeshRooms.open(disk, "/p/mesh");
  assertEquals([last, remembered.length, remembered[0]], [
    ONE,
    2,
    { room: ONE, port: 3, title: "work", together: null, meet: null },
  ]);
});

Deno.test("a room's meeting point is the last one that was given there, and no other room's", async () => {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p");
  const knownPeers = await KnownPeers.open(disk, "/p/known_peers");
  const visits: readonly (readonly [RoomId, string | null])[] = [
    [ONE, "first.example"],
    [ONE, "[::1]:4401"],
    [OTHER, null],
    [ONE, null],
  ];
  for (const [room, meet] of visits) {
    const rooms = await MeshRooms.open(disk, "/p/mesh", { meet });
    const store = await rooms.openRoom(room, null, knownPeers, () => 0, () => {}, false);
    await store.append([pin(1)], true);
    await store.close();
  }
  const rooms = await MeshRooms.open(disk, "/p/mesh");
  assertEquals([rooms.meetOf(ONE), rooms.meetOf(OTHER), rooms.portOf(ONE), rooms.titleOf(ONE)], [
    "[::1]:4401",
    null,
    null,
    null,
  ]);

  const last = await MeshRooms.open(disk, "/p/mesh", { meet: "" });
  const store = await last.openRoom(ONE, null, knownPeers, () => 0, () => {}, false);
  await store.append([pin(2)], true);
  await store.close();
  assertEquals((await MeshRooms.open(disk, "/p/mesh")).meetOf(ONE), null, "it is forgotten");
});

Deno.test("the room where the user was is the first at the next start, which knows what else was open", async () => {
  const disk = new MemoryDisk();
  await visited(disk, [ONE, 1, "home"], [THIRD, 3, null], [OTHER, 2, null]);
  const open = async (together?: OpenTogether) =>
    await MeshRooms.open(disk, "/p/mesh", together === undefined ? {} : { together });
  const together = { mark: "m", current: ONE as RoomId | null };
  await (await open(together)).noteOpen([ONE, OTHER, THIRD]);
  const again = await open();
  assertEquals(again.last, ONE);
  assertEquals(again.togetherWith(ONE).map(({ room }) => room), [OTHER, THIRD]);

  // A room that is stored late doesn't come before the one where the user is.
  await visitedWith(disk, together, [THIRD, 4, null]);
  assertEquals((await open()).last, ONE);
  await (await open(together)).noteOpen([ONE, THIRD]); // the other one was left
  const later = await open();
  assertEquals([later.last, later.portOf(THIRD)], [ONE, 4]);
  assertEquals(later.togetherWith(ONE).map(({ room }) => room), [THIRD]);
  assertEquals(later.togetherWith(OTHER), []);

  await visited(disk, [ONE, 1, "home"]); // alone, and of the others nothing more is said
  assertEquals((await open()).togetherWith(ONE), []);
});

Deno.test("two processes of a profile are in two rooms at once, and not in one", async () => {
  const disk = new MemoryDisk();
  const [one, two, three] = await Promise.all(
    [1, 2, 3].map((pid) => MeshRooms.open(disk, "/p/mesh", { pid })),
  );
  await one!.enter(ONE);
  await two!.enter(OTHER);

  const { code, message } = await assertRejects(() => three!.enter(ONE), P2pchatError);

  assertEquals(code, "in-use");
  assertMatch(
    message,
    /^Cannot be in the room abffffff twice: process 1 is in it as you already; /,
  );
  one!.leave();
  await three!.enter(ONE);
});
