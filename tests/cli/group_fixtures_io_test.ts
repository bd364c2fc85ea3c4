/** Files that version 1 wrote stay readable: what is below `fixtures/` is never written anew. */

import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { nodeCrypto } from "../../lib/base/crypto.ts";
import { verifiedLog } from "../../lib/cli/group_log_commands.ts";
import { isSignedBy } from "../../lib/protocols/group/epoch.ts";
import { MemoryDisk } from "../../lib/store/memory_disk.ts";
import { RealDisk } from "../../lib/store/real_disk.ts";
import { endOf, GROUP, sixEntries } from "./group_logs.ts";
import { held, openCoordinatorAt, openMemberAt } from "./group_stores.ts";

const SIX = sixEntries();

function fixture(name: string): string {
  return fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));
}

/** A disk with the files of version 1. */
async function diskWith(state: string): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  disk.place("/p/state", await Deno.readTextFile(fixture(state)));
  disk.place("/p/log", await Deno.readTextFile(fixture("group_log_1.txt")));
  return disk;
}

Deno.test("a log of version 1 is read and fits", async () => {
  const verified = await verifiedLog(new RealDisk(), fixture("group_log_1.txt"));

  assertEquals([verified.group, verified.entries], [GROUP, 6]);
  assertEquals(verified.digest, "c428c343567e57371da5161ab915467bc58be7f4991c2c6dab466c473552f52d");
  assertEquals(verified.authors.map(({ name, entries }) => [name, entries]), [
    ["alice", 2],
    ["bob", 4],
  ]);
});

Deno.test("a member's state of version 1 is read", async () => {
  const disk = await diskWith("group_member_1.txt");
  const { store, log, history, notices } = await openMemberAt(disk, "/p");
  const { batches } = await log.read(0, 1_000_000);
  await store.close();

  assertEquals([history?.point, batches, notices], [endOf(SIX).point, SIX, []]);
  const [group, promised, begun, dropped, again, said, out, ...rest] = store.records;
  assertEquals(group?.kind === "group" && group.group, GROUP);
  assertEquals([promised, dropped, again, said, out, rest], [
    { kind: "promised", ballot: { number: 3, round: 0 }, isLeaving: false },
    { kind: "dropped", position: 5 },
    { kind: "promised", ballot: { number: 3, round: 2 }, isLeaving: false },
    { kind: "said", batch: SIX[0]! },
    { kind: "out" },
    [],
  ]);
  if (begun?.kind !== "begun" || group?.kind !== "group") throw new Error("no epoch has begun");
  assertEquals(isSignedBy(nodeCrypto, group.coordinator, begun.signed), true);
  assertEquals(begun.signed.epoch.value.members.map(({ name }) => name), ["alice", "bob"]);
});

Deno.test("what a member of version 1 held and didn't log is read", async () => {
  const disk = await diskWith("group_member_1.txt");
  const log = disk.text("/p/log")!.split("\n");
  disk.place("/p/log", `${log.slice(0, 5).join("\n")}\n`);
  const { store, history } = await openMemberAt(disk, "/p");
  await store.close();

  assertEquals(history?.position, 4);
  assertEquals(store.records.filter(({ kind }) => kind === "held"), held(SIX, 2));
});

Deno.test("a coordinator's state of version 1 is read", async () => {
  const { store, history } = await openCoordinatorAt(
    await diskWith("group_coordinator_1.txt"),
    "/p",
  );
  await store.close();

  assertEquals(history?.point, endOf(SIX).point);
  const key = SIX[1]!.batch.value.author;
  const [group, number, decided, ...rest] = store.records;
  assertEquals([group, number], [{ kind: "group", group: GROUP }, { kind: "number", number: 3 }]);
  assertEquals(decided?.kind === "decided" && decided.signed.epoch.value.view, 3);
  assertEquals(rest, [
    { kind: "confirmed", ballot: { number: 3, round: 0 } },
    { kind: "kicked", key, name: "bob" },
    { kind: "allowed", key },
    { kind: "given-up", ballot: { number: 2, round: 0 } },
  ]);
});
