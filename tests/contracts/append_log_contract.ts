/** What a log does on every disk that works. What it does on one that fails is in `tests/store/`. */

import { assertEquals, assertRejects } from "@std/assert";
import { P2pchatError } from "../../lib/base/errors.ts";
import type { LogRecord } from "../../lib/base/schema/log_records.ts";
import { AppendLog, type OpenedLog } from "../../lib/store/log/append_log.ts";
import { replaceFile } from "../../lib/store/disk/replacement.ts";
import type { DiskFixture } from "./disk_contract.ts";

const FORMAT = { format: "contract", version: 1 };

export function appendLogContract(
  title: string,
  run: (test: (fixture: DiskFixture) => Promise<void>) => Promise<void>,
): void {
  const contract = (
    name: string,
    test: (open: () => Promise<OpenedLog>, fixture: DiskFixture) => Promise<void>,
  ) =>
    Deno.test(
      `${title}: ${name}`,
      () =>
        run((fixture) =>
          test(() => AppendLog.open(fixture.disk, `${fixture.folder}/log`, FORMAT), fixture)
        ),
    );

  contract("open() makes an empty log", async (open) => {
    const { log, records, notices } = await open();
    await log.close();

    assertEquals([records, notices], [[], []]);
  });

  contract("open() gives what was appended, any text, in order", async (open) => {
    const texts = [
      "",
      " ",
      "a\tb",
      "one\ntwo\r\n",
      "\\",
      "\\n",
      "\0\x1b[2J\x7f\x9b",
      "ünï👩‍🚀\u2028\ufeff",
    ];
    const appended = [
      ...texts.map((text, i) => record(`kind-${i}`, text)),
      record("none"),
      record("many", ...texts, "\ud800", "x\udfffy"),
    ];
    const { log } = await open();
    for (const one of appended) await log.append([one]);
    await log.close();

    const { log: again, records } = await open();
    await again.close();
    assertEquals(records, appended);
    assertEquals(again.count, appended.length);
  });

  contract("append() keeps the order of the calls, synced or not", async (open) => {
    const { log } = await open();
    const appends: Promise<void>[] = [];
    const expected: LogRecord[] = [];
    for (let i = 0; i < 60; i++) {
      const records = Array.from({ length: i % 4 }, (_, k) => record("n", `${i}.${k}`));
      expected.push(...records);
      appends.push(log.append(records, { sync: i % 3 !== 0 }));
      if (i % 7 === 0) await appends[i];
    }
    await Promise.all(appends);
    await log.close();

    const { log: again, records } = await open();
    await again.close();
    assertEquals(records, expected);
  });

  contract("append() without sync has written when it returns", async (open) => {
    const { log } = await open();
    const appended = log.append([record("n", "1")], { sync: false });
    const count = log.count;
    await appended;
    await log.close();

    assertEquals(count, 1);
  });

  contract("rewrite() replaces what was, and keeps what comes meanwhile", async (open, at) => {
    const { log } = await open();
    const before = log.append([record("old", "1"), record("old", "2")]);
    const rewritten = log.rewrite([record("kept", "2")]);
    const during = [
      log.append([record("new", "3")]),
      log.append([record("new", "4")], { sync: false }),
    ];
    await Promise.all([before, rewritten, ...during]);
    await log.append([record("new", "5")]);
    await log.close();

    const { log: again, records } = await open();
    await again.close();
    assertEquals(records.map(({ fields }) => fields[0]), ["2", "3", "4", "5"]);
    assertEquals(await at.disk.list(at.folder), ["log"]);
  });

  contract("rewrite() of much lets appends through", async (open) => {
    const { log } = await open();
    const many = Array.from({ length: 3_000 }, (_, i) => record("kept", `${i}`, "x".repeat(300)));
    let rewritten = false;
    let acknowledgedMeanwhile = 0;
    const done = log.rewrite(many).then(() => rewritten = true);
    for (let i = 0; !rewritten; i++) {
      await log.append([record("new", `${i}`)]);
      if (!rewritten) acknowledgedMeanwhile++;
    }
    await done;
    const count = log.count;
    await log.close();

    const { log: again, records } = await open();
    await again.close();
    assertEquals(acknowledgedMeanwhile > 0, true);
    assertEquals(records.length, count);
    assertEquals(records.slice(0, 3_000), many);
    assertEquals(
      records.slice(3_000).map(({ fields }) => fields[0]),
      Array.from({ length: count - 3_000 }, (_, i) => `${i}`),
    );
  });

  const losses: Readonly<Record<string, (at: DiskFixture) => Promise<void>>> = {
    removed: ({ disk, folder }) => disk.remove(`${folder}/log`),
    replaced: ({ disk, folder }) => replaceFile(disk, `${folder}/log`, new Uint8Array(9)),
  };
  for (const [lost, lose] of Object.entries(losses)) {
    contract(
      `a file that was ${lost} refuses what is to be kept, and is written anew`,
      async (open, at) => {
        const { log } = await open();
        await log.append([record("n", "1")], { sync: false });
        await lose(at);

        const error = await assertRejects(
          () => log.append([record("n", "2")]),
          P2pchatError,
          `Cannot write ${at.folder}/log: it was removed or replaced while the program ran`,
        );
        await log.append([record("n", "3")]);
        await log.close();

        const { log: again, records } = await open();
        await again.close();
        assertEquals(error.code, "disk");
        assertEquals(records, [record("n", "1"), record("n", "3")]);
        assertEquals(await at.disk.list(at.folder), ["log"]);
      },
    );
  }

  contract("open() gives the records to `visit` where there is one", async (open, at) => {
    const { log } = await open();
    await log.append([record("n", "1"), record("n", "2")]);
    await log.close();

    const visited: LogRecord[] = [];
    const visit = (one: LogRecord) => void visited.push(one);
    const opened = await AppendLog.open(at.disk, `${at.folder}/log`, { ...FORMAT, visit });
    await opened.log.close();
    assertEquals(visited, [record("n", "1"), record("n", "2")]);
    assertEquals(opened.records, []);
  });

  contract("open() refuses another format and a newer version", async (open, at) => {
    await (await open()).log.close();

    for (const other of [{ format: "contrast", version: 1 }, { format: "contract", version: 2 }]) {
      const error = await assertRejects(
        () => AppendLog.open(at.disk, `${at.folder}/log`, other),
        P2pchatError,
        `${at.folder}/log`,
      );
      assertEquals(error.code, "bad-file");
    }
  });

  contract("a log is text: one line a record, tabs between fields", async (open, at) => {
    const { log } = await open();
    await log.append([record("message", "ann", "one\ntwo"), record("left", "bob")]);
    await log.append([record("message", "ann", "a\tb")]);
    await log.close();

    const text = new TextDecoder().decode(await at.disk.read(`${at.folder}/log`) ?? undefined);
    assertEquals(
      text.split("\n").map((line) => line.split("\t").slice(1)),
      [
        ["0", "p2pchat", "contract", "1"],
        ["+1", "message", "ann", "one\\ntwo"],
        ["2", "left", "bob"],
        ["+3", "message", "ann", "a\\tb"],
        [],
      ],
    );
  });
}

function record(kind: string, ...fields: readonly string[]): LogRecord {
  return { kind, fields };
}
