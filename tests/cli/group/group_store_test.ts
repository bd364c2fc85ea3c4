/** The store of a member on a disk that fails. What it does on every disk is in `tests/contracts/`. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { batchFrom } from "../../../lib/protocols/group/schema/history.ts";
import type { MemberRecord } from "../../../lib/protocols/group/schema/records.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";
import { groupStoreContract } from "../../contracts/group_store_contract.ts";
import { FOUNDING, GROUP, logBytes, OTHER_FOUNDING, sixEntries } from "../group_logs.ts";
import { fetched, held, logged, openCoordinatorAt, openMemberAt } from "../group_stores.ts";
import { SLOW } from "../../given.ts";

const FOLDER = "/p/group";
const LOG = `${FOLDER}/log`;
const SIX = sixEntries();
const ANEW: MemberRecord = { kind: "new-log", founding: FOUNDING, because: null };
const GROUP_RECORD: MemberRecord = {
  kind: "group",
  group: GROUP,
  founding: FOUNDING,
  coordinator: SIX[0]!.batch.value.author,
};

groupStoreContract("group store on MemoryDisk", async (test) => {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p");
  await test({ disk, folder: "/p" });
});

async function newDisk(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p");
  return disk;
}

/** Numbers of the batches that are on a disk, in the log or held. */
async function batchesOn(disk: MemoryDisk): Promise<readonly number[]> {
  const { store, log, notices } = await openMemberAt(disk, FOLDER);
  const { batches } = await log.read(0, 1_000_000);
  const beyond = store.records.filter((record) => record.kind === "held");
  await store.close();
  // A write that is missing before another one looks as if somebody had changed the file.
  assertEquals(notices.filter((text) => !/^Dropped| is damaged, .*set aside/.test(text)), []);
  const isSame = (one: string) => SIX.findIndex(({ batch }) => batch.bytes.toHex() === one);
  return [...batches, ...beyond.map(({ batch }) => batch)].map(({ batch }) =>
    isSame(batch.bytes.toHex())
  );
}

Deno.test("a member's batches are on disk once held, whatever the log lost in a power cut", async () => {
  const disk = await newDisk();
  const { store } = await openMemberAt(disk, FOLDER);
  await store.append([GROUP_RECORD, ANEW], true);
  await store.append(held(SIX), true);
  await store.append(logged(SIX), false);

  const [cut, killed] = [disk.crash(), disk.kill()];

  assertEquals(cut.text(LOG), new TextDecoder().decode(logBytes([])));
  assertEquals(await batchesOn(cut), [0, 1, 2, 3]);
  assertEquals(killed.text(LOG), new TextDecoder().decode(logBytes(SIX)));
  assertEquals(await batchesOn(killed), [0, 1, 2, 3]);
});

Deno.test("what a member has fetched is on disk once it is appended with sync, whatever was held", async () => {
  const disk = await newDisk();
  const { store } = await openMemberAt(disk, FOLDER);
  await store.append([GROUP_RECORD, ANEW], true);
  await store.append(held(SIX, 0, 1), true);
  await store.append([...logged(SIX.slice(0, 1)), ...fetched(SIX.slice(1, 3))], true);
  await store.append(fetched(SIX.slice(3)), false);

  const cut = disk.crash();

  assertEquals(cut.text(LOG), new TextDecoder().decode(logBytes(SIX.slice(0, 3))));
  assertEquals(await batchesOn(cut), [0, 1, 2]);
});

Deno.test(
  "a power cut at any moment leaves every batch that was held, in order, once",
  SLOW,
  async () => {
    let points = 0;
    for (let seed = 0; seed < 3; seed++) {
      for (let stopAt = 2;; stopAt++) {
        let state = seed * 7_919 + stopAt + 1;
        const random = () => (state = state * 48_271 % 2_147_483_647) / 2_147_483_647;
        const disk = new MemoryDisk(seed === 0 ? {} : { random });
        await disk.makeFolder("/p");
        let after: MemoryDisk | null = null;
        let acknowledged = 0;
        let acknowledgedThen = 0;
        disk.fault = ({ number }) => {
          if (number === stopAt) {
            acknowledgedThen = acknowledged;
            after = disk.crash();
          }
          return null;
        };
        await lifeOf(disk, (count) => acknowledged = count).catch((error) => {
          if (!(error instanceof P2pchatError)) throw error;
        });
        if (after === null) break;
        points++;

        const survivor: MemoryDisk = after;
        survivor.fault = null;
        const found = await batchesOn(survivor);
        assertEquals(
          found,
          [0, 1, 2, 3].slice(0, found.length),
          `seed ${seed}, stopped at ${stopAt}`,
        );
        assert(found.length >= acknowledgedThen, `seed ${seed}, stopped at ${stopAt}: ${found}`);
      }
    }
    assert(points > 40, `${points} points`);
  },
);

/** What a member does with its store: compacted in the turn of an append, closed, opened again. */
async function lifeOf(disk: MemoryDisk, acknowledged: (count: number) => void): Promise<void> {
  const { store } = await openMemberAt(disk, FOLDER);
  await store.append([GROUP_RECORD, ANEW], true);
  await store.append(held(SIX, 0, 2), true);
  acknowledged(2);
  // As `RecordLog` does: the snapshot has the second batch in the log, which it is appended to now.
  const rewritten = store.rewrite([GROUP_RECORD]);
  const appended = store.append([...logged(SIX.slice(0, 2)), ...held(SIX, 2, 3)], true);
  await Promise.all([rewritten, appended.then(() => acknowledged(3))]);
  await store.append(logged(SIX.slice(2, 3)), false);
  await store.close();
  const again = await openMemberAt(disk, FOLDER);
  await again.store.append(held(SIX, 3), true);
  acknowledged(4);
  await again.store.append(logged(SIX.slice(3)), false);
  await again.store.rewrite([GROUP_RECORD]);
  await again.store.close();
}

Deno.test("a sync that failed before a restart costs nothing after it", async () => {
  const disk = await newDisk();
  const { store } = await openMemberAt(disk, FOLDER);
  await store.append([GROUP_RECORD, ANEW], true);
  await store.append([...held(SIX), ...logged(SIX)], true);
  disk.fault = ({ kind, path }) => kind === "sync" && path === LOG ? "EIO" : null;
  await assertRejects(() => store.rewrite([GROUP_RECORD]), P2pchatError);
  const restarted = disk.kill();
  restarted.fault = null;

  const again = await openMemberAt(restarted, FOLDER);
  await again.store.rewrite([GROUP_RECORD]);

  assertEquals(await batchesOn(restarted.crash()), [0, 1, 2, 3]);
});

const LOSSES:
  readonly (readonly [name: string, change: (disk: MemoryDisk) => void, text: RegExp])[] = [
    [
      "was removed",
      (disk) => void disk.remove(LOG),
      /has 0 of the 5 entries and edits that it had: the group is asked/,
    ],
    [
      "was replaced by an older copy",
      (disk) => disk.place(LOG, logBytes(SIX.slice(0, 2))),
      /has 4 of the 5 entries/,
    ],
    [
      "was replaced by that of another group",
      (disk) =>
        disk.place(
          LOG,
          logBytes(SIX.slice(0, 3).map((batch) => ({ ...batch, view: null })), OTHER_FOUNDING),
        ),
      /is the log of another group: it was set aside as/,
    ],
    [
      "was damaged where it had been synced",
      (disk) => disk.place(LOG, logBytes(SIX.slice(0, 3)).with(300, 0x21)),
      /of the 5 entries and edits that it had/,
    ],
  ];

for (const [name, change, text] of LOSSES) {
  Deno.test(`openGroup() comes back as a newcomer where the log ${name}`, async () => {
    const said: MemberRecord = { kind: "said", batch: SIX[3]! };
    const disk = await newDisk();
    const { store } = await openMemberAt(disk, FOLDER);
    await store.append([GROUP_RECORD, ANEW], true);
    await store.append([...held(SIX, 0, 3), ...logged(SIX.slice(0, 3)), said], true);
    await store.close();
    const last = await openMemberAt(disk, FOLDER);
    await last.store.append(held(SIX, 3), true);
    await last.store.close();
    change(disk);

    const found = await openMemberAt(disk, FOLDER);
    await found.store.close();
    const later = await openMemberAt(disk, FOLDER);
    await later.store.close();

    const expected: readonly MemberRecord[] = [GROUP_RECORD, said, GROUP_RECORD];
    assertEquals(found.store.records, expected);
    assert(text.test(found.notices.at(-1)!), String(found.notices));
    assertEquals([later.store.records, later.notices], [expected, []]);
  });
}

Deno.test("openGroup() misses what was fetched for a view that hasn't begun, and was cut from the log since", async () => {
  const ballot = { number: 2, round: 0 };
  for (const ending of ["kill", "crash"] as const) {
    for (const left of [3, 1, 0]) {
      const disk = await newDisk();
      const { store } = await openMemberAt(disk, FOLDER);
      await store.append([GROUP_RECORD, ANEW], true);
      await store.append(fetched(SIX), true);
      await store.append([{ kind: "levelled", ballot }], true);
      const survivor = disk[ending]();
      survivor.place(LOG, logBytes(SIX.slice(0, left)));

      const found = await openMemberAt(survivor, FOLDER);
      await found.store.close();

      assertEquals(found.store.records, [GROUP_RECORD, GROUP_RECORD], "it is a newcomer");
      const lost = /has \d of the 6 entries and edits that it had/;
      assert(lost.test(found.notices.join()), `${ending}, ${left} left: ${found.notices}`);
    }
  }
});

Deno.test("openGroup() shows nothing of another group's log, which it sets aside", async () => {
  for (const isEmptied of [false, true]) {
    const disk = await newDisk();
    const { store } = await openMemberAt(disk, FOLDER);
    await store.append([GROUP_RECORD, ANEW], true);
    if (!isEmptied) await store.append([...held(SIX, 0, 3), ...logged(SIX.slice(0, 3))], true);
    else await store.append(held(SIX, 0, 1), true);
    await store.close();
    const foreign = logBytes(
      SIX.slice(0, 3).map((batch) => ({ ...batch, view: null })),
      OTHER_FOUNDING,
    );
    disk.place(LOG, foreign);

    const found = await openMemberAt(disk, FOLDER);
    const { batches } = await found.log.read(0, 1_000_000);
    await found.store.close();

    assertEquals([found.history?.group, found.history?.position, found.last], [GROUP, 0, null]);
    assertEquals(batches, []);
    const kept = found.store.records.filter(({ kind }) => kind === "held");
    assertEquals(
      kept,
      isEmptied ? held(SIX, 0, 1) : [],
      "what the log never had isn't lost with it",
    );
    const [, aside] = /set aside as (\S+),/.exec(found.notices.join()) ?? [];
    assertEquals(disk.text(aside!), new TextDecoder().decode(foreign));
  }
});

Deno.test("openGroup() relies on a log that it finds without a state", async () => {
  const disk = await newDisk();
  disk.place("/p/kept.txt", logBytes(SIX));
  const { store, history, notices } = await openMemberAt(disk, FOLDER, "/p/kept.txt");
  await store.close();
  disk.place("/p/kept.txt", logBytes(SIX.slice(0, 1)));
  const less = await openMemberAt(disk, FOLDER, "/p/kept.txt");
  await less.store.close();

  assertEquals([history?.position, notices], [6, []]);
  assertEquals(less.store.records, []);
});

Deno.test("a full disk refuses what goes into the log, and then everything", async () => {
  const disk = await newDisk();
  const { store } = await openMemberAt(disk, FOLDER);
  await store.append([GROUP_RECORD, ANEW], true);
  await store.append(held(SIX), true);
  disk.fault = ({ kind, path }) => kind === "write" && path === LOG ? "ENOSPC" : null;
  const refused = await assertRejects(() => store.append(logged(SIX), false), P2pchatError);
  disk.fault = null;
  const after = await assertRejects(() => store.append([{ kind: "out" }], true), P2pchatError);
  await assertRejects(() => store.rewrite([GROUP_RECORD]), P2pchatError);
  await store.close();

  assertEquals([refused.code, after], ["disk", refused]);
  assertEquals(await batchesOn(disk), [0, 1, 2, 3]);
});

Deno.test("append() tells that it set a log aside, and keeps the order of what comes", async () => {
  const disk = await newDisk();
  const { store, later } = await openMemberAt(disk, FOLDER);
  await store.append([ANEW, ...logged(SIX.slice(0, 2))], true);
  const anew = { kind: "new-log", founding: FOUNDING, because: "unlike" } as const;
  await Promise.all([
    store.append([{ kind: "dropped", position: 0 }, anew], true),
    store.append(logged(SIX.slice(0, 1)), false),
    store.append([...logged(SIX.slice(1, 3)), ...held(SIX, 3)], true),
  ]);
  await store.close();

  assertEquals(disk.text(LOG), new TextDecoder().decode(logBytes(SIX.slice(0, 3))));
  assertEquals(later.length, 1);
  assertStringIncludes(later[0]!, `${LOG} differs from the log of the group`);
  const again = await openMemberAt(disk, FOLDER);
  await again.store.close();
  assertEquals(again.store.records, [{ kind: "dropped", position: 0 }, ...held(SIX, 3)]);
});

Deno.test("a log that begins anew is never missed by the state, whenever the machine stops", async () => {
  for (let stopAt = 2;; stopAt++) {
    const disk = await newDisk();
    let after: MemoryDisk | null = null;
    disk.fault = ({ number }) => {
      if (number === stopAt) after = disk.crash();
      return null;
    };
    const life = async () => {
      const { store } = await openMemberAt(disk, FOLDER);
      await store.append([ANEW, ...held(SIX), ...logged(SIX)], true);
      await store.rewrite([GROUP_RECORD]);
      await store.append([{ ...ANEW, because: "unlike" }], true);
      await Promise.all([
        store.append(fetched(SIX), true),
        store.append([{ ...ANEW, because: "unlike" }], true),
      ]);
      await store.append(held(SIX, 0, 1), true);
      await store.close();
    };
    await life().catch((error) => {
      if (!(error instanceof P2pchatError)) throw error;
    });
    if (after === null) break;
    const survivor: MemoryDisk = after;
    survivor.fault = null;

    const { store, notices } = await openMemberAt(survivor, FOLDER);
    await store.close();

    assertEquals(notices, [], `stopped at ${stopAt}`);
    assertEquals(store.records.filter(({ kind }) => kind === "out"), []);
  }
});

Deno.test("the coordinator's log is on disk once it is appended with sync", async () => {
  const disk = await newDisk();
  const { store } = await openCoordinatorAt(disk, FOLDER);
  await store.append([{ kind: "new-log", founding: FOUNDING, because: null }], true);
  await store.append(fetched(SIX.slice(0, 3)), true);
  await store.append(fetched(SIX.slice(3)), false);

  const { store: found, history } = await openCoordinatorAt(disk.crash(), FOLDER);
  await found.close();

  assertEquals(history?.position, 5);
});

Deno.test("openCoordinator() tells that its log lost entries", async () => {
  const disk = await newDisk();
  const { store } = await openCoordinatorAt(disk, FOLDER);
  await store.append([{ kind: "new-log", founding: FOUNDING, because: null }], true);
  await store.append(logged(SIX), true);
  await store.close();
  disk.place(LOG, logBytes(SIX.slice(0, 1)));

  const { store: found, notices } = await openCoordinatorAt(disk, FOLDER);
  await found.close();

  assertEquals(found.records, []);
  assertStringIncludes(notices.at(-1)!, "has 1 of the 6 entries and edits that it had");
});

Deno.test("openGroup() shows nothing of a log that the user names for the first time but what its authors have signed", async () => {
  const { batch, signature, view } = SIX[1]!;
  const words = batchFrom({ ...batch.value, texts: ["I owe Mallory 1,000"] }, signature);
  const forged = logBytes([SIX[0]!, { ...words, view }]);
  const got = async (isKnown: boolean, content = forged) => {
    const disk = await newDisk();
    disk.place("/p/got.txt", content);
    const { store, history, notices } = await openMemberAt(disk, FOLDER, "/p/got.txt", isKnown);
    await store.close();
    return { seq: history?.seq, notices: notices.map((text) => text.replace(/ \(key \w+\)/, "")) };
  };

  assertEquals(await got(false), {
    seq: 1,
    notices: [
      "Line 3 of /p/got.txt is damaged, bob's signature doesn't fit entry 2: the file was set aside as " +
      "/p/got.txt.damaged-20260131T120000Z, the entry before it is kept, and the group is asked for the rest",
    ],
  });
  assertEquals(await got(false, logBytes(SIX)), { seq: 6, notices: [] });
  assertEquals((await got(true)).seq, 2, "the program's own log isn't verified at each start");
});

Deno.test("openGroup() leaves alone what the user names, and never was a log", async () => {
  const disk = await newDisk();
  const { store } = await openMemberAt(disk, FOLDER);
  await store.append([ANEW, ...logged(SIX.slice(0, 1))], true);
  await store.close();
  const thesis = new TextEncoder().encode("a thesis\n");
  disk.place("/p/thesis.txt", thesis);

  const error = await assertRejects(
    () => openMemberAt(disk, FOLDER, "/p/thesis.txt", false),
    P2pchatError,
  );

  assertEquals(error.code, "bad-file");
  assertEquals(await disk.read("/p/thesis.txt"), thesis);
});
