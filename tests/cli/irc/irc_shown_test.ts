/** What a client was shown before a restart of the program isn't shown again; all else is. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { KEEP_EVERY_MS } from "../../../lib/cli/irc/irc_gateway.ts";
import { IrcShown } from "../../../lib/cli/irc/rooms/irc_shown.ts";
import { Table } from "../../../lib/store/disk/table.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";
import { IrcBench, KEY } from "./irc_bench.ts";

/** What a client that comes is shown that was said. */
function replayed(bench: IrcBench, client = 1): readonly string[] {
  return texts(bench.join("server-time", client));
}

function texts(lines: readonly string[]): readonly string[] {
  return lines.filter((line) => / PRIVMSG | NOTICE #/.test(line))
    .map((line) => line.slice(line.indexOf(" :") + 2));
}

/** The client answers for all that it was shown, and vanishes. */
function read(bench: IrcBench, client = 1): void {
  bench.answerPing(client);
  bench.step({ type: "gone", client });
}

Deno.test("irc shown: what was shown before a restart isn't shown again, however often the program is started", () => {
  const first = new IrcBench();
  first.room();
  first.said("Bob", "read", { id: "a" });
  first.said("Bob", "read privately", { id: "b", private: true });
  assertEquals(replayed(first), ["read", "read privately"]);
  read(first);
  first.said("Bob", "unread", { id: "c" });

  const second = first.again();
  const saidAgain = (bench: IrcBench) => {
    const again = { history: true };
    bench.said("Bob", "read", { id: "a", ...again });
    bench.said("Bob", "unread", { id: "c", ...again });
    bench.said("Bob", "read privately", { id: "b", private: true, ...again });
  };
  second.room();
  saidAgain(second);
  second.said("Bob", "new", { id: "d" });
  assertEquals(replayed(second), ["unread", "new"]);
  read(second);

  const third = second.again();
  assertEquals(replayed(third), []);
  third.room();
  third.bare();
  saidAgain(third); // while a client is there
  third.said("Carol", "read", { id: "a" });
  assertEquals(texts(third.bare()), ["read"], "of another author");
});

Deno.test("irc shown: a room that is opened while a client is there doesn't show again what it was shown", () => {
  const first = new IrcBench();
  first.room();
  first.said("Bob", "read", { id: "a" });
  first.join();
  read(first);

  const next = first.again();
  next.join("server-time");
  next.event({ event: "ready", command: "mesh", name: "Alice", key: KEY.alice, room: "r1" });
  next.said("Bob", "read", { id: "a", history: true });
  next.said("Bob", "unread", { id: "b", history: true });
  next.answer({ event: "rooms", rooms: [{ room: "r1", title: null }] });
  assertEquals(texts(next.bare()), ["unread"]);
});

Deno.test("irc shown: entries of a group and edits are known, and those of the next group at its address aren't taken for them", () => {
  const first = new IrcBench();
  const entry = {
    id: "e1",
    seq: 1,
    position: 1,
    history: true,
    sentAt: "2026-01-01T12:00:00.000Z",
  };
  const edit = {
    event: "edit",
    edit: 1,
    seq: 1,
    by: "Bob",
    text: "at eight?",
    outcome: "committed",
  };
  const committedAt = "2026-01-01T12:01:00.000Z";
  const happened = (bench: IrcBench) => {
    bench.said("Bob", "at seven?", entry);
    bench.event({ ...edit, committedAt, history: true, position: 2 });
    bench.group();
  };
  happened(first);
  assertEquals(replayed(first), ["[1] at seven?", "edited 1: at eight?"]);
  read(first);

  const again = first.again();
  happened(again);
  assertEquals(replayed(again), []);

  const other = first.again();
  other.said("Bob", "at seven?", { ...entry, sentAt: "2026-02-01T12:00:00.000Z" });
  other.event({ ...edit, committedAt: "2026-02-01T12:01:00.000Z", history: true, position: 2 });
  other.group();
  assertEquals(replayed(other), ["[1] at seven?", "edited 1: at eight?"]);
});

Deno.test("irc shown: in a directory calls and broadcasts are known", () => {
  const call = { event: "call", peer: "Bob", key: KEY.bob, state: "connected" };
  const line = { event: "message", id: "c-1", from: "Bob", text: "hello", self: false };
  const own = { event: "message", id: "c-2", from: "Alice", text: "hello, Bob", self: true };
  const sentAt = "2026-01-01T12:00:00.000Z";
  const broadcast = { event: "broadcast", id: "1", from: "Carol", key: KEY.carol, text: "lunch?" };
  const first = new IrcBench();
  first.directory();
  for (const fields of [call, line, own, { ...broadcast, sentAt }]) first.event(fields);
  assertEquals([...replayed(first)].sort(), ["hello", "hello, Bob", "lunch?"]);
  read(first);

  const next = first.again();
  next.directory();
  const again = { history: true, sentAt };
  for (const fields of [{ ...broadcast, ...again }, call]) next.event(fields);
  assertEquals(replayed(next), []);
  for (const fields of [line, own]) next.event({ ...fields, ...again });
  next.event({ ...line, text: "hello?", ...again });
  assertEquals(texts(next.bare()), ["hello?"]);
});

Deno.test("irc shown: it is kept once a client has read it, when it leaves, and now and then", () => {
  const bench = new IrcBench();
  bench.room();
  bench.join();
  bench.said("Bob", "one");
  bench.answerPing();
  assertEquals(bench.kept.length, 0);
  bench.said("Bob", "two");
  bench.answerPing(); // with the tick, what was read by then
  assertEquals(bench.kept.length, 1);
  bench.said("Bob", "three");
  bench.answerPing();
  assertEquals(bench.kept.length, 1, "just before it was kept");
  bench.nowMs += KEEP_EVERY_MS;
  bench.step({ type: "tick" });
  assertEquals(bench.kept.length, 3);

  bench.said("Bob", "unread");
  bench.step({ type: "closing" });
  assertEquals(bench.kept.length, 3);
  bench.join("", 2);
  bench.step({ type: "drained", client: 2 });
  bench.line("QUIT", 2);
  assertEquals(bench.kept.length, 4);
});

Deno.test("irc shown: of a private room, and of what has no name, nothing is kept", () => {
  const bench = new IrcBench();
  const ready = { event: "ready", command: "mesh", name: "Alice", key: KEY.alice, room: "r1" };
  bench.event({ ...ready, private: true });
  bench.answer({ event: "rooms", rooms: [] });
  bench.joined("Bob", KEY.bob);
  bench.said("Bob", "in private");
  bench.said("Bob", "to one alone", { private: true });
  bench.join();
  read(bench);
  assertEquals(bench.kept, []);

  const nameless = new IrcBench();
  nameless.room();
  nameless.said("Bob", "nameless", { id: undefined });
  nameless.join();
  read(nameless);
  assertEquals(nameless.kept, []);
});

async function opened(disk: MemoryDisk, warned: string[] = []): Promise<IrcShown> {
  await disk.makeFolder("/p");
  const takeTurn = () => Promise.resolve({ release: () => {} });
  return await IrcShown.open({ disk, folder: "/p", takeTurn, warn: (text) => warned.push(text) });
}

Deno.test("IrcShown: the next start knows what was added, by whichever program of the profile", async () => {
  const disk = new MemoryDisk();
  const [one, other] = [await opened(disk), await opened(disk)];
  one.add(["a", "b"]);
  await one.settled();
  other.add(["c"]);
  other.add(["a"]);
  await other.settled();
  assertEquals(one.has("a"), false, "in this run it has ids");

  const next = await opened(disk.crash());
  assertEquals(["a", "b", "c", "d"].map((each) => next.has(each)), [true, true, true, false]);
});

Deno.test("IrcShown: the oldest go beyond 10,000", async () => {
  const disk = new MemoryDisk();
  const shown = await opened(disk);
  shown.add(Array.from({ length: 10_000 }, (_, at) => `m${at}`));
  shown.add(["m0", "new"]);
  await shown.settled();

  const next = await opened(disk);
  assertEquals(["m0", "m1", "m2", "new"].map((each) => next.has(each)), [true, false, true, true]);
});

Deno.test("IrcShown: a damaged file, or one of another version, is told of, stays, and keeps nobody away", async () => {
  const later = { format: "irc-shown", version: 2 };
  for (const isDamaged of [true, false]) {
    const disk = new MemoryDisk();
    await disk.makeFolder("/p");
    if (isDamaged) disk.place("/p/irc_shown", "nonsense");
    else await (await Table.open(disk, "/p/irc_shown", later)).table.write([["a"]]);
    const content = disk.text("/p/irc_shown");
    const warned: string[] = [];
    const shown = await opened(disk, warned);
    shown.add(["a"]);
    await shown.settled();

    assertEquals([shown.has("a"), disk.text("/p/irc_shown"), warned.length], [false, content, 1]);
    assertStringIncludes(warned[0]!, "An IRC client may be shown again what it has seen: ");
    assertStringIncludes(warned[0]!, "/p/irc_shown");
  }
});

Deno.test("IrcShown: where the disk refuses, the file stays as it was", async () => {
  const disk = new MemoryDisk();
  const shown = await opened(disk);
  shown.add(["a"]);
  await shown.settled();
  disk.fault = () => "ENOSPC";
  shown.add(["b"]);
  await shown.settled();
  disk.fault = null;

  const next = await opened(disk);
  assertEquals([next.has("a"), next.has("b")], [true, false]);
});
