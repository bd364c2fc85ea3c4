/** What the stores of a group's members and coordinator do on every disk that works. */

import { assertEquals, assertRejects } from "@std/assert";
import { P2pchatError } from "../../lib/base/errors.ts";
import type { PeerKey } from "../../lib/base/ids.ts";
import type { CoordinatorRecord, MemberRecord } from "../../lib/protocols/group/records.ts";
import { editedEntries, endOf, GROUP, logBytes, nameOf } from "../cli/group_logs.ts";
import { held, logged, openCoordinatorAt, openMemberAt } from "../cli/group_stores.ts";
import type { DiskFixture } from "./disk_contract.ts";

const ALL = editedEntries();
const KEY = "b".repeat(64) as PeerKey;

export function groupStoreContract(
  title: string,
  run: (test: (fixture: DiskFixture) => Promise<void>) => Promise<void>,
): void {
  const contract = (name: string, test: (fixture: DiskFixture) => Promise<void>) =>
    Deno.test(`${title}: ${name}`, () => run(test));

  contract("openGroup() begins with nothing", async ({ disk, folder }) => {
    const { store, history, last, notices } = await openMemberAt(disk, `${folder}/group`);
    await store.close();

    assertEquals([store.records, history, last, notices], [[], null, null, []]);
  });

  contract("append() puts each record where it belongs, in order", async ({ disk, folder }) => {
    const promised: MemberRecord = {
      kind: "promised",
      ballot: { number: 4, round: 0 },
      isLeaving: false,
    };
    const said: MemberRecord = { kind: "said", batch: ALL[3]! };
    const { store } = await openMemberAt(disk, folder);
    await Promise.all([
      store.append([promised, { kind: "new-log", group: GROUP, because: null }], true),
      store.append([...held(ALL, 0, 2), ...logged(ALL.slice(0, 2)), said], true),
      store.append(logged(ALL.slice(2, 3)), false),
    ]);
    await store.append(held(ALL, 2), true);
    await store.close();
    await store.close();

    assertEquals(await disk.read(`${folder}/log`), logBytes(ALL.slice(0, 3)));
    const again = await openMemberAt(disk, folder);
    await again.store.close();
    const { store: { records }, history, last, notices } = again;
    assertEquals(records, [promised, said, ...held(ALL, 3)]);
    assertEquals(history?.point, endOf(ALL.slice(0, 3)).point);
    assertEquals([last?.name, notices], ["bob", []]);
  });

  contract("rewrite() replaces the state, and keeps the log", async ({ disk, folder }) => {
    const out: MemberRecord = { kind: "out" };
    const { store, log } = await openMemberAt(disk, folder);
    await store.append([{ kind: "new-log", group: GROUP, because: null }], true);
    await store.append([...held(ALL), ...logged(ALL.slice(0, 3))], true);
    const rewritten = store.rewrite(new Set([out, ...held(ALL, 3)]));
    await store.append(logged(ALL.slice(3)), false);
    await rewritten;
    assertEquals((await log.tail(1, nameOf)).map(({ seq }) => seq), [6]);
    await store.close();

    const again = await openMemberAt(disk, folder);
    await again.store.close();
    assertEquals(again.store.records, [out]);
    assertEquals(await disk.read(`${folder}/log`), logBytes(ALL));
  });

  contract("openCoordinator() finds state and log", async ({ disk, folder }) => {
    const kept: readonly CoordinatorRecord[] = [
      { kind: "group", group: GROUP },
      { kind: "number", number: 3 },
      { kind: "kicked", key: KEY, name: "Mallory" },
    ];
    const { store } = await openCoordinatorAt(disk, folder);
    await store.append([...kept, { kind: "new-log", group: GROUP, because: null }], true);
    await store.append(logged(ALL), true);
    await store.close();

    const again = await openCoordinatorAt(disk, folder);
    await again.store.close();
    assertEquals(again.store.records, kept);
    assertEquals([again.history?.point, again.notices], [endOf(ALL).point, []]);
  });

  contract(
    "a member's log that was removed is put back, and nothing told as kept meanwhile",
    async (at) => {
      const { disk, folder } = at;
      const { store, log } = await openMemberAt(disk, folder);
      await store.append([{ kind: "new-log", group: GROUP, because: null }], true);
      await store.append([...held(ALL, 0, 3), ...logged(ALL.slice(0, 3))], true);
      await disk.remove(`${folder}/log`);

      await assertRejects(() => log.read(0, 1_000), P2pchatError, "it was removed");
      const error = await assertRejects(
        () => store.append([...logged(ALL.slice(3, 4)), ...held(ALL, 3, 4)], true),
        P2pchatError,
        `Cannot write ${folder}/log: it was removed or replaced`,
      );
      await store.append(logged(ALL.slice(4)), true);
      await store.close();

      assertEquals(error.code, "disk");
      assertEquals(await disk.read(`${folder}/log`), logBytes(ALL));
    },
  );

  contract("openGroup() refuses a log in use, and lets go of what it had", async (at) => {
    const [one, other] = [`${at.folder}/one`, `${at.folder}/other`];
    const first = await openMemberAt(at.disk, one, `${at.folder}/log`);
    const refused = () => openMemberAt(at.disk, other, `${at.folder}/log`);
    const error = await assertRejects(refused, P2pchatError);
    await first.store.close();
    const second = await refused();
    await second.store.close();

    assertEquals(error.code, "in-use");
  });
}
