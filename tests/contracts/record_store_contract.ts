/** What the store of a coordinator does wherever a group is kept: in files, or in an engine. */

import { assertEquals } from "@std/assert";
import { fingerprintOf } from "../../lib/base/text/fingerprint.ts";
import type { PeerKey } from "../../lib/base/ids.ts";
import type { HistoryEnd } from "../../lib/protocols/group/schema/history.ts";
import type { CoordinatorRecord, NewLogRecord } from "../../lib/protocols/group/schema/records.ts";
import type { EntryLog } from "../../lib/runtime/entry_feed.ts";
import type { RecordStore } from "../../lib/runtime/record_log.ts";
import { editedEntries, endOf, FOUNDING, GROUP, OTHER_FOUNDING } from "../cli/group_logs.ts";
import { fetched } from "../cli/group_stores.ts";

const ALL = editedEntries();
const KEY = "b".repeat(64) as PeerKey;
const GROUP_RECORD: CoordinatorRecord = { kind: "group", group: GROUP, founding: FOUNDING };
const KEPT: readonly CoordinatorRecord[] = [
  GROUP_RECORD,
  { kind: "number", number: 3 },
  { kind: "kicked", key: fingerprintOf(KEY), name: "Mallory\n\t☕" },
  { kind: "secret", secret: { epoch: 1, secret: new Uint8Array(16).fill(7) } },
];
const ANEW: NewLogRecord = { kind: "new-log", founding: FOUNDING, because: null };

interface OpenedStore {
  readonly store: RecordStore<CoordinatorRecord>;
  readonly log: Pick<EntryLog, "read">;
  readonly history: HistoryEnd | null;
}

/** @param run Runs a test with a place whose store it may open again and again, one at a time. */
export function recordStoreContract(
  title: string,
  run: (test: (open: () => Promise<OpenedStore>) => Promise<void>) => Promise<void>,
): void {
  const contract = (name: string, test: (open: () => Promise<OpenedStore>) => Promise<void>) =>
    Deno.test(`${title}: ${name}`, () => run(test));

  contract("it begins with nothing", async (open) => {
    const { store, log, history } = await open();
    assertEquals([store.records, history], [[], null]);
    assertEquals((await log.read(0, 1_000)).batches, []);
    await store.close();
    await store.close();
  });

  contract("records are there again in the order of writing", async (open) => {
    const { store } = await open();
    await Promise.all(KEPT.map((record, at) => store.append([record], at % 2 === 0)));
    assertEquals(store.bytes > 0, true);
    await store.close();
    const again = await open();
    await again.store.close();
    assertEquals(again.store.records, KEPT);
  });

  contract(
    "the log that is handed over is read while it grows, and is there again",
    async (open) => {
      const { store, log } = await open();
      await store.append([...KEPT, ANEW], true);
      await store.append(fetched(ALL.slice(0, 2)), true);
      assertEquals((await log.read(0, 1_000_000)).batches.length, 2);
      await store.append(fetched(ALL.slice(2)), true);
      await store.close();

      const again = await open();
      assertEquals(again.history?.point, endOf(ALL).point);
      assertEquals((await again.log.read(0, 1_000_000)).batches.length, ALL.length);
      assertEquals(again.store.records, KEPT);
      await again.store.close();
    },
  );

  contract("a log that begins anew replaces the one before", async (open) => {
    const { store } = await open();
    await store.append([ANEW, ...fetched(ALL)], true);
    await store.append([{ ...ANEW, because: "unlike" }, ...fetched(ALL.slice(0, 1))], true);
    await store.close();
    const again = await open();
    assertEquals(again.history?.point, endOf(ALL.slice(0, 1)).point);
    await again.store.append(
      [{ kind: "new-log", founding: OTHER_FOUNDING, because: "foreign" }],
      true,
    );
    await again.store.close();
    const last = await open();
    await last.store.close();
    assertEquals(last.history?.position, 0);
  });

  contract(
    "rewrite() replaces the records, and keeps the log and what is appended meanwhile",
    async (open) => {
      const { store } = await open();
      await store.append([...KEPT, ANEW, ...fetched(ALL)], true);
      const rewritten = store.rewrite(new Set(KEPT.slice(0, 2)));
      const meanwhile: CoordinatorRecord = { kind: "number", number: 9 };
      await store.append([meanwhile], true);
      await rewritten;
      await store.close();
      const again = await open();
      await again.store.close();
      assertEquals(again.store.records, [...KEPT.slice(0, 2), meanwhile]);
      assertEquals(again.history?.point, endOf(ALL).point);
    },
  );
}
