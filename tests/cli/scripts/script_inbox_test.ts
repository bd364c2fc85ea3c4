import { assert, assertEquals, assertRejects } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { INBOX_LOG } from "../../../lib/cli/scripts/inbox_records.ts";
import { ScriptInbox } from "../../../lib/cli/scripts/script_inbox.ts";
import type { Fields } from "../../../lib/cli/scripts/wanted.ts";
import { AppendLog } from "../../../lib/store/log/append_log.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";

const AT = "2026-01-02T12:03:04.000Z";
const FOLDER = "/p/room";
const READY: Fields = { event: "ready" };

interface Opened {
  readonly inbox: ScriptInbox;
  readonly warnings: readonly string[];
  readonly failures: readonly unknown[];
}

async function open(disk: MemoryDisk): Promise<Opened> {
  const warnings: string[] = [];
  const failures: unknown[] = [];
  const inbox = await ScriptInbox.open(
    disk,
    FOLDER,
    (text) => warnings.push(text),
    (error) => failures.push(error),
  );
  return { inbox, warnings, failures };
}

function said(id: string | number, more: Readonly<Record<string, unknown>> = {}): Fields {
  const about = typeof id === "number" ? { seq: id } : {};
  return {
    ...{ event: "message", id: String(id), from: "Bob", key: "k", text: `text ${id}` },
    ...{ self: false, history: false },
    ...about,
    ...more,
  };
}

const any = () => true;

/** The ids of all that waits, which is taken. */
async function takeAll(inbox: ScriptInbox): Promise<readonly unknown[]> {
  const ids: unknown[] = [];
  for (let next = inbox.next(any); next !== null; next = inbox.next(any)) {
    ids.push(next.event["id"]);
    await inbox.take(next.id);
  }
  return ids;
}

Deno.test("ScriptInbox keeps what others said until it was taken, also when the program is killed", async () => {
  const disk = new MemoryDisk();
  const { inbox } = await open(disk);
  inbox.heard(READY, AT);
  for (const id of ["a", "b", "c"]) inbox.heard(said(id), AT);
  inbox.heard(said("own", { self: true }), AT);
  inbox.heard({ event: "joined", name: "Bob" }, AT);
  await inbox.synced();
  await inbox.take(inbox.next(any)!.id);

  const { inbox: next } = await open(disk.crash());

  assertEquals(next.next(any)?.event, { ...said("b"), at: AT });
  assertEquals(next.next(({ id }) => id === "c")?.event["id"], "c");
  assertEquals(await takeAll(next), ["b", "c"]);
});

Deno.test("ScriptInbox takes nothing in twice: what the mode shows again after a kill is known", async () => {
  const disk = new MemoryDisk();
  const { inbox } = await open(disk);
  inbox.heard(READY, AT);
  inbox.heard(said("a"), AT);
  inbox.heard(said("b"), AT);
  await inbox.synced();
  await inbox.take(inbox.next(any)!.id);

  const { inbox: next } = await open(disk.kill());
  next.heard(said("a", { history: true }), AT);
  next.heard(said("b", { history: true }), AT);
  next.heard(said("c", { history: true }), AT);
  // Another one's may have the same id.
  next.heard(said("a", { key: "other" }), AT);

  assertEquals(await takeAll(next), ["b", "c", "a"]);
});

Deno.test("ScriptInbox begins with the first call: what was before is history, what comes between calls isn't", async () => {
  const disk = new MemoryDisk();
  const { inbox } = await open(disk);
  inbox.heard(said("before", { history: true }), AT);
  inbox.heard(READY, AT);
  inbox.heard(said("older", { history: true }), AT);
  assertEquals(inbox.next(any), null);
  await inbox.close();

  const { inbox: next } = await open(disk);
  next.heard(said("between", { history: true }), AT);

  assertEquals(await takeAll(next), ["between"]);
});

Deno.test("ScriptInbox: where an address led is kept until an agent was told, and is no call", async () => {
  const disk = new MemoryDisk();
  const { inbox } = await open(disk);
  inbox.ledHere();
  inbox.ledHere();
  await inbox.synced();

  const second = disk.crash();
  const { inbox: next } = await open(second);
  assertEquals([inbox.isElsewhere, next.isElsewhere], [true, true]);
  next.heard(said("before", { history: true }), AT); // nobody has asked for anything yet
  assertEquals(next.next(any), null);
  next.heard(READY, AT);
  next.heard(said("a"), AT);
  await next.putBack([]); // the file is written anew
  const third = second.crash();
  const { inbox: later } = await open(third);
  assertEquals(later.isElsewhere, true);
  await later.told();
  await later.told();

  const { inbox: last } = await open(third.crash());
  assertEquals([later.isElsewhere, last.isElsewhere], [false, false]);
  assertEquals(await takeAll(last), ["a"]);
});

Deno.test("ScriptInbox: a call that was killed before the mode was ready wasn't the first", async () => {
  const disk = new MemoryDisk();
  const { inbox } = await open(disk);
  inbox.heard(said("before", { history: true }), AT);
  await inbox.close();

  const { inbox: next } = await open(disk);
  next.heard(said("before", { history: true }), AT);

  assertEquals(next.next(any), null);
});

Deno.test("ScriptInbox of a group goes by numbers: the log that is shown at each start is known", async () => {
  const disk = new MemoryDisk();
  const { inbox } = await open(disk);
  for (const seq of [1, 2, 3]) inbox.heard(said(seq, { history: true }), AT);
  inbox.heard({ ...READY, entries: 3 }, AT);
  inbox.heard(said(4), AT);
  assertEquals(await takeAll(inbox), ["4"]);
  await inbox.close();

  const { inbox: next } = await open(disk);
  for (const seq of [1, 2, 3, 4, 5, 6]) next.heard(said(seq, { history: true }), AT);
  assertEquals(await takeAll(next), ["5", "6"]);
  // Another group's log, which begins anew.
  next.heard({ event: "view", entries: 0 }, AT);
  next.heard(said(1), AT);

  assertEquals(await takeAll(next), ["1"]);
});

Deno.test("ScriptInbox is bounded: the oldest go, and that is told once", async () => {
  const disk = new MemoryDisk();
  const { inbox, warnings } = await open(disk);
  inbox.heard(READY, AT);
  for (let at = 0; at < 10_003; at++) inbox.heard(said(`m${at}`), AT);
  await inbox.synced();

  assertEquals(inbox.next(any)?.event["id"], "m3");
  assertEquals(warnings.length, 1);
  const { inbox: next } = await open(disk);
  assertEquals(next.next(any)?.event["id"], "m3");
});

Deno.test("ScriptInbox: its file stays small, and still knows what it had", async () => {
  const disk = new MemoryDisk();
  const { inbox } = await open(disk);
  inbox.heard(READY, AT);
  const text = "x".repeat(60_000);
  for (let at = 0; at < 40; at++) {
    inbox.heard(said(`m${at}`, { text }), AT);
    if (at > 0) await takeAll(inbox);
  }
  inbox.heard(said("last"), AT);
  await inbox.synced();
  await inbox.close();

  const { inbox: next } = await open(disk);
  for (let at = 0; at < 40; at++) next.heard(said(`m${at}`, { text, history: true }), AT);

  assert(disk.text(`${FOLDER}/inbox`)!.length < 1_500_000, "it was written anew");
  assertEquals(await takeAll(next), ["last"]);
});

Deno.test("ScriptInbox: where the disk refuses, nothing counts as shown", async () => {
  const disk = new MemoryDisk();
  const { inbox, failures } = await open(disk);
  inbox.heard(READY, AT);
  await inbox.synced();
  disk.fault = ({ kind }) => kind === "write" ? "ENOSPC" : null;
  inbox.heard(said("a"), AT);

  const { code } = await assertRejects(() => inbox.synced(), P2pchatError);
  await assertRejects(() => inbox.take(inbox.next(any)!.id), P2pchatError);
  await inbox.close();

  assertEquals([code, failures.length], ["disk", 1]);
});

Deno.test("ScriptInbox: a damaged record is told with its line", async () => {
  const disk = new MemoryDisk();
  const { inbox } = await open(disk);
  inbox.heard(READY, AT);
  await inbox.close();
  const { log } = await open(disk).then(({ inbox }) => inbox);
  await log.append([{ kind: "came", fields: ["id", "no event"] }]);
  await log.close();

  const { code, message } = await assertRejects(() => open(disk), P2pchatError);

  assertEquals(code, "store-corrupt");
  assertEquals(message.includes("line 3"), true, message);
});

Deno.test("ScriptInbox names its file and the line of a record that is none", async () => {
  const disk = new MemoryDisk();
  await disk.makeFolder(FOLDER);
  const { log } = await AppendLog.open(disk, `${FOLDER}/inbox`, INBOX_LOG.name);
  await log.append([{ kind: "seen", fields: [] }], { sync: true });
  await log.close();

  const error = await assertRejects(() => open(disk), P2pchatError);

  assertEquals(error.code, "store-corrupt");
  assert(error.message.startsWith(`Cannot read ${FOLDER}/inbox: line 2 is damaged`), error.message);
});
