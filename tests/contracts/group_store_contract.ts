/** What the stores of a group's members and coordinator do on every disk that works. */

import { fingerprintOf } from "../../lib/base/text/fingerprint.ts";
import { assertEquals, assertRejects } from "@std/assert";
import { P2pchatError } from "../../lib/base/errors.ts";
import type { PeerKey } from "../../lib/base/ids.ts";
import type { CoordinatorRecord, MemberRecord } from "../../lib/protocols/group/schema/records.ts";
import { editedEntries, endOf, FOUNDING, GROUP, logBytes, nameOf } from "../cli/group_logs.ts";
import { held, logged, openCoordinatorAt, openMemberAt } from "../cli/group_stores.ts";
import type { DiskFixture } from "./disk_contract.ts";

const ALL = editedEntries();
type Store = Awaited<ReturnType<typeof openMemberAt>>["store"];
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
      store.append([promised, { kind: "new-log", founding: FOUNDING, because: null }], true),
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
    await store.append([{ kind: "new-log", founding: FOUNDING, because: null }], true);
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
      { kind: "group", group: GROUP, founding: FOUNDING },
      { kind: "number", number: 3 },
      { kind: "kicked", key: fingerprintOf(KEY), name: "Mallory" },
    ];
    const { store } = await openCoordinatorAt(disk, folder);
    await store.append([...kept, { kind: "new-log", founding: FOUNDING, because: null }], true);
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
      await store.append([{ kind: "new-log", founding: FOUNDING, because: null }], true);
      await store.append([...held(ALL, 0, 3), ...logged(ALL.slice(0, 3))], true);
      await disk.remove(`${folder}/log`);

      const meanwhile = (await log.tail(1, nameOf)).map(({ seq }) => seq);
      const error = await assertRejects(
        () => store.append([...logged(ALL.slice(3, 4)), ...held(ALL, 3, 4)], true),
        P2pchatError,
        `Cannot write ${folder}/log: it was removed or replaced`,
      );
      await store.append(logged(ALL.slice(4)), true);
      await store.close();

      assertEquals(error.code, "disk");
      assertEquals(meanwhile, [endOf(ALL.slice(0, 3)).seq], "it is read on from the open file");
      assertEquals(await disk.read(`${folder}/log`), logBytes(ALL));
    },
  );

  for (
    const [name, call] of Object.entries({
      "close()": (store: Store) => store.close(),
      "rewrite()": (store: Store) => store.rewrite([]),
    })
  ) {
    contract(`${name} puts a log back that was removed`, async ({ disk, folder }) => {
      const { store, log } = await openMemberAt(disk, folder);
      await store.append([{ kind: "new-log", founding: FOUNDING, because: null }], true);
      await store.append([...held(ALL), ...logged(ALL)], true);
      await disk.remove(`${folder}/log`);
      await call(store);
      const found = await disk.read(`${folder}/log`);
      const read = await log.read(0, 1_000_000);
      await store.close();
      const again = await openMemberAt(disk, folder);
      await again.store.close();

      assertEquals(found, logBytes(ALL));
      assertEquals(read.batches.length, name === "close()" ? 0 : ALL.length);
      assertEquals([again.history?.point, again.notices], [endOf(ALL).point, []]);
    });
  }

  /** A member whose log was removed, and its lock with it. */
  async function logRemoved({ disk, folder }: Parameters<Parameters<typeof contract>[1]>[0]) {
    const db = `${folder}/db`;
    const { store } = await openMemberAt(disk, `${folder}/one`, db);
    await store.append([{ kind: "new-log", founding: FOUNDING, because: null }], true);
    await store.append([...held(ALL), ...logged(ALL)], true);
    await disk.remove(db);
    await disk.remove(`${db}.lock`);
    return { disk, folder, db, store };
  }

  contract("a log isn't put back over that of another program", async (place) => {
    const { disk, folder, db, store } = await logRemoved(place);
    const other = await openMemberAt(disk, `${folder}/other`, db);
    await other.store.append([{ kind: "new-log", founding: FOUNDING, because: null }], true);
    await other.store.append([...held(ALL, 0, 2), ...logged(ALL.slice(0, 2))], true);

    const refused = await assertRejects(
      () => store.rewrite([]),
      P2pchatError,
      "begun anew there",
    );
    const begun = other.log.end?.point;
    await other.store.close();
    const ended = await assertRejects(() => store.close(), P2pchatError, "begun anew there");

    assertEquals([refused.code, ended.code], ["in-use", "in-use"]);
    assertEquals(begun, endOf(ALL.slice(0, 2)).point);
    assertEquals(await disk.read(db), logBytes(ALL.slice(0, 2)));
  });

  contract("a log is put back with its lock where both were removed", async (place) => {
    const { disk, folder, db, store } = await logRemoved(place);
    await store.rewrite([]);
    const other = () => openMemberAt(disk, `${folder}/other`, db);
    const refused = await assertRejects(other, P2pchatError);
    await store.close();
    await (await other()).store.close();

    assertEquals(refused.code, "in-use");
    assertEquals(await disk.read(db), logBytes(ALL));
  });

  contract("a new log isn't begun over that of another program", async ({ disk, folder }) => {
    const db = `${folder}/db`;
    const { store } = await openMemberAt(disk, `${folder}/one`, db);
    await disk.remove(`${db}.lock`);
    const other = await openMemberAt(disk, `${folder}/other`, db);
    await other.store.append([{ kind: "new-log", founding: FOUNDING, because: null }], true);
    await other.store.append([...held(ALL), ...logged(ALL)], true);
    const begin = () =>
      store.append([{ kind: "new-log", founding: FOUNDING, because: null }], true);
    const error = await assertRejects(begin, P2pchatError);
    await store.close();
    await other.store.close();

    assertEquals(error.code, "in-use");
    assertEquals(await disk.read(db), logBytes(ALL));
  });

  contract("a removed log that the group replaces is set aside whole", async ({ disk, folder }) => {
    const { store, later } = await openMemberAt(disk, folder);
    await store.append([{ kind: "new-log", founding: FOUNDING, because: null }], true);
    await store.append([...held(ALL), ...logged(ALL)], true);
    await disk.remove(`${folder}/log`);
    await store.append([{ kind: "new-log", founding: FOUNDING, because: "unlike" }], false);
    await store.close();
    const aside = (await disk.list(folder)).find((name) => name.startsWith("log.damaged-"));

    assertEquals(later.length, 1);
    assertEquals(await disk.read(`${folder}/${aside}`), logBytes(ALL));
  });

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
