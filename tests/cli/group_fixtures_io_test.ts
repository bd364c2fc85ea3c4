/**
 * Files that version 5 wrote, of a coordinator's state version 6, stay readable: once those are released, what is below
 * `fixtures/` is never written anew. Version 3, which was never released, is refused.
 */

import { fingerprintOf } from "../../lib/base/text/fingerprint.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { nodeCrypto } from "../../lib/base/crypto/crypto.ts";
import { P2pchatError } from "../../lib/base/errors.ts";
import { verifiedLog } from "../../lib/cli/tools/group_log_verify.ts";
import { isRequestAuthentic, requestId } from "../../lib/protocols/group/schema/edit.ts";
import { isSignedBy } from "../../lib/protocols/group/schema/epoch.ts";
import { MemoryDisk } from "../doubles/memory_disk.ts";
import { RealDisk } from "../../lib/store/disk/real_disk.ts";
import {
  Decider,
  editedEntries,
  endOf,
  FOUNDING,
  GROUP,
  openLogAt,
  Speaker,
} from "./group_logs.ts";
import { held, openCoordinatorAt, openMemberAt } from "./group_stores.ts";

const ALL = editedEntries();
const ALICE = new Speaker("alice", 1);
const BOB = new Speaker("bob", 2);
const OWN = ALICE.ask(2, "ho\tho");
const OTHER = BOB.ask(4, '{"command":"exit"}');
const OTHER_ID = requestId(nodeCrypto, OTHER.request.value);

function fixture(name: string): string {
  return fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));
}

/** A disk with a state and a log. */
async function diskWith(state: string, version: 3 | 5 | 6 = 5): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  disk.place("/p/state", await Deno.readTextFile(fixture(`${state}_${version}.txt`)));
  disk.place("/p/log", await Deno.readTextFile(fixture("group_log_5.txt")));
  return disk;
}

Deno.test("a log of version 4 is read and fits", async () => {
  const verified = await verifiedLog(new RealDisk(), fixture("group_log_5.txt"));

  assertEquals([verified.group, verified.entries, verified.edits], [GROUP, 6, 4]);
  assertEquals(verified.digest, endOf(ALL).digest);
  assertEquals(verified.authors.map(({ name, entries, edits }) => [name, entries, edits]), [
    ["alice", 2, 1],
    ["bob", 4, 2],
    ["carol", 0, 1],
  ]);
});

Deno.test("a member's state of version 5 is read", async () => {
  const disk = await diskWith("group_member");
  const { store, log, history, notices } = await openMemberAt(disk, "/p");
  const { batches } = await log.read(0, 1_000_000);
  await store.close();

  assertEquals([history?.point, batches, notices], [endOf(ALL).point, ALL, []]);
  const [group, promised, begun, prepared, asked, ...rest] = store.records;
  assertEquals(group?.kind === "group" && group.group, GROUP);
  assertEquals([promised, prepared, asked, ...rest], [
    { kind: "promised", ballot: { number: 3, round: 0 }, isLeaving: false },
    { kind: "prepared", edit: 8, view: 3, isConsented: true, signed: OTHER },
    { kind: "asked", edit: 9, signed: OWN },
    { kind: "dropped", position: 10 },
    { kind: "promised", ballot: { number: 3, round: 2 }, isLeaving: false },
    { kind: "said", batch: ALL[0]! },
    { kind: "settled", id: OTHER_ID },
    { kind: "out" },
  ]);
  assertEquals(
    prepared?.kind === "prepared" && isRequestAuthentic(nodeCrypto, prepared.signed),
    true,
  );
  if (begun?.kind !== "begun" || group?.kind !== "group") throw new Error("no epoch has begun");
  assertEquals(isSignedBy(nodeCrypto, group.coordinator, begun.signed), true);
  assertEquals(begun.signed.epoch.value.members.map(({ name }) => name), ["alice", "bob"]);
});

Deno.test("what a member of version 5 held and didn't log is read", async () => {
  const disk = await diskWith("group_member");
  const log = disk.text("/p/log")!.split("\n");
  disk.place("/p/log", `${log.slice(0, 6).join("\n")}\n`);
  const { store, history } = await openMemberAt(disk, "/p");
  await store.close();

  assertEquals(history?.position, 5);
  assertEquals(store.records.filter(({ kind }) => kind === "held"), held(ALL, 3));
});

Deno.test("a coordinator's state of version 6 is read", async () => {
  const { store, history } = await openCoordinatorAt(await diskWith("group_coordinator", 6), "/p");
  await store.close();

  assertEquals(history?.point, endOf(ALL).point);
  const [group, number, decided, ...rest] = store.records;
  assertEquals([group, number], [
    { kind: "group", group: GROUP, founding: FOUNDING },
    { kind: "number", number: 3 },
  ]);
  assertEquals(decided?.kind === "decided" && decided.signed.epoch.value.view, 3);
  const key = fingerprintOf(BOB.named.key);
  const incarnation = new Decider().incarnation.toHex();
  assertEquals(rest, [
    { kind: "confirmed", ballot: { number: 3, round: 0 } },
    { kind: "kicked", key, name: "bob" },
    { kind: "allowed", key },
    { kind: "given-up", ballot: { number: 2, round: 0 } },
    { kind: "edits", number: 64 },
    { kind: "committed", batch: ALL[3]! },
    { kind: "applied", incarnation, counter: 4 },
    {
      kind: "aborted",
      edit: 2,
      id: OTHER_ID,
      reason: { code: "no", who: [BOB.named.key], said: "" },
    },
    { kind: "rules", rules: { edits: "ask" } },
    { kind: "rules", rules: null },
  ]);
});

Deno.test("files of version 3 are refused, and stay as they are", async () => {
  const log = await Deno.readTextFile(fixture("group_log_3.txt"));
  const disk = new MemoryDisk();
  disk.place("/p/log", log);
  const logRefused = await assertRejects(() => openLogAt(disk, "/p/log"), P2pchatError);
  const [member, coordinator] = await Promise.all([
    assertRejects(async () => openMemberAt(await diskWith("group_member", 3), "/p"), P2pchatError),
    assertRejects(
      async () => openCoordinatorAt(await diskWith("group_coordinator", 3), "/p"),
      P2pchatError,
    ),
  ]);

  assertEquals([logRefused.code, disk.text("/p/log")], ["bad-file", log]);
  for (const { message } of [logRefused, member, coordinator]) {
    assertStringIncludes(message.replaceAll('"', ""), "its version is 3, this program reads ");
  }
});
