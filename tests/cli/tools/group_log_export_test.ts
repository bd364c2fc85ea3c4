/** `p2pchat log export`: what is written, and what nobody can make it obey. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import { ROW_CELLS } from "../../../lib/cli/rendering/graphemes.ts";
import type { ExportFormat } from "../../../lib/cli/tools/group_log_arguments.ts";
import type { Deciders } from "../../../lib/cli/tools/group_log_verifier.ts";
import { exportEntries } from "../../../lib/cli/tools/group_log_export.ts";
import { batchFrom } from "../../../lib/protocols/group/schema/history.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";
import { Decider, GROUP, logBytes, placedOf, Speaker } from "../group_logs.ts";
import { diskWith, EDITED, LINES, PATH, SIX } from "./group_log_cases.ts";

Deno.test("exportEntries() says so where the log goes while it is read", async () => {
  const disk = new MemoryDisk();
  disk.place(PATH, logBytes(SIX));
  const write = async () => {
    await disk.remove(PATH);
    return true;
  };
  const error = await assertRejects(
    () => exportEntries(disk, PATH, "csv", write),
    P2pchatError,
    "it was removed meanwhile",
  );

  assertEquals(error.code, "disk");
});

async function exported(
  content: string | Uint8Array,
  format: ExportFormat,
  terminal: Parameters<typeof exportEntries>[5] = null,
) {
  const written: string[] = [];
  const notice = await exportEntries(
    diskWith(content),
    PATH,
    format,
    (text) => {
      written.push(text);
      return Promise.resolve(true);
    },
    null,
    terminal,
  );
  return { text: written.join(""), notice };
}

Deno.test("exportEntries() writes text that nothing obeys", async () => {
  const { text, notice } = await exported(logBytes(SIX), "text");

  assertEquals(notice, null);
  assertEquals(text.split("\n"), [
    "1 2026-01-31T12:00:01.000Z alice: hello",
    "2 2026-01-31T12:00:01.000Z bob: hi",
    "3 2026-01-31T12:00:01.000Z bob: tab␉here, line␊feed \\n ␛[2J",
    "4 2026-01-31T12:00:01.000Z bob: how are you?",
    "5 2026-01-31T12:00:02.000Z alice: ünï👩‍🚀",
    "6 2026-01-31T12:00:04.000Z bob: ",
    "",
  ]);
});

Deno.test("exportEntries() lets no row of an entry begin like another at a terminal, nor bury a letter under marks", async () => {
  const speaker = new Speaker("mallory", 4);
  const start = "1 2026-01-31T12:00:01.000Z mallory: ";
  const fake = "2 2026-01-31T12:00:05.000Z bob: I agree";
  const padded = "ok".padEnd(80 - start.length) + fake;
  const log = logBytes([
    speaker.say(padded, `ok\n${fake}`, `a${"\u0301".repeat(50)}`, "x"),
    new Decider().decide([
      speaker.ask(4, padded, GROUP, { entry: speaker.entry(4), old: "x" }),
    ]),
  ]);
  const { text } = await exported(log, "text", { ...ROW_CELLS, columns: () => 80 });
  const rows = text.split("\n").filter((row) => row.includes("bob"));
  assert(rows.length >= 3);
  for (const row of rows) assertMatch(row, /^ {10,}|^\d+ \S+ mallory: /);
  assert(text.match(/\u0301/g)!.length < 50);
});

/** Rows of cells, as RFC 4180 has them. */
function parsedCsv(text: string): readonly (readonly string[])[] {
  const rows: string[][] = [[]];
  for (
    const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)
  ) {
    rows.at(-1)!.push(quoted?.replaceAll('""', '"') ?? plain!);
    if (end === "\r\n") rows.push([]);
  }
  return rows.slice(0, -1);
}

Deno.test("exportEntries() writes entries as they read now, and what they were", async () => {
  const { text, notice } = await exported(logBytes(EDITED), "text");

  assertEquals(notice, null);
  assertEquals(text.split("\n"), [
    '1 2026-01-31T12:00:01.000Z alice: {"command":"x"}',
    "  at first: hello",
    "  edit 1 2026-01-31T12:01:00.000Z bob, agreed by alice: hello␉all",
    '  edit 4 2026-01-31T12:02:00.000Z alice: {"command":"x"}',
    "2 2026-01-31T12:00:01.000Z bob: hi",
    "3 2026-01-31T12:00:01.000Z bob: /exit",
    "  at first: tab␉here, line␊feed \\n ␛[2J",
    "  edit 3 2026-01-31T12:02:00.000Z carol, agreed by bob, alice: %s /exit ünï👩‍🚀",
    "  edit 5 2026-01-31T12:02:00.000Z bob: /exit",
    "4 2026-01-31T12:00:01.000Z bob: how are you?",
    "5 2026-01-31T12:00:02.000Z alice: ünï👩‍🚀",
    "6 2026-01-31T12:00:04.000Z bob: ",
    "",
  ]);
});

Deno.test("exportEntries() writes JSON that has each edit", async () => {
  const { text } = await exported(logBytes(EDITED), "json");

  const entries = text.trimEnd().split("\n").map((line) => JSON.parse(line));
  const third = EDITED[2]!.batch.value.texts[1]!;
  assertEquals(
    entries.map((entry) => entry.original),
    SIX.flatMap(({ batch }) => batch.value.texts),
  );
  assertEquals(entries.map((entry) => entry.text), [
    '{"command":"x"}',
    "hi",
    "/exit",
    "how are you?",
    "ünï👩‍🚀",
    "",
  ]);
  assertEquals(entries.map((entry) => entry.edits.length), [2, 0, 2, 0, 0, 0]);
  const between = "%s /exit ünï👩‍🚀";
  const committedAt = "2026-01-31T12:02:00.000Z";
  const [bob, carol] = [new Speaker("bob", 2), new Speaker("carol", 3)]
    .map(({ signer }) => fingerprintOf(signer.key));
  assertEquals(entries[2].edits, [
    {
      edit: 3,
      by: "carol",
      old: third,
      new: between,
      agreed: ["bob", "alice"],
      committedAt,
      key: carol,
    },
    { edit: 5, by: "bob", old: between, new: "/exit", agreed: [], committedAt, key: bob },
  ]);
  const digests = placedOf(EDITED).entries.map(({ digest }) => digest);
  assertEquals(entries.map((entry) => entry.digest), digests);
});

Deno.test("exportEntries() writes CSV that says how often an entry was edited, by whom and when", async () => {
  const { text } = await exported(logBytes(EDITED), "csv");

  const [head, ...rows] = parsedCsv(text);
  const cells = (row: readonly string[], ...names: readonly string[]) =>
    names.map((name) => row[head!.indexOf(name)]!);
  assertEquals(rows.map((row) => cells(row, "text", "original", "edits", "editedBy", "editedAt")), [
    [
      '{"command":"x"}',
      "hello",
      "2",
      "bob; alice",
      "2026-01-31T12:01:00.000Z; 2026-01-31T12:02:00.000Z",
    ],
    ["hi", "hi", "0", "", ""],
    [
      "/exit",
      "tab\there, line\nfeed \\n ␛[2J",
      "2",
      "carol; bob",
      "2026-01-31T12:02:00.000Z; 2026-01-31T12:02:00.000Z",
    ],
    ["how are you?", "how are you?", "0", "", ""],
    ["ünï👩‍🚀", "ünï👩‍🚀", "0", "", ""],
    ["", "", "0", "", ""],
  ]);
});

Deno.test("exportEntries() writes CSV that no spreadsheet computes", async () => {
  const speaker = new Speaker("dan", 4);
  const texts = [
    "=1+1",
    "+1",
    "-1",
    "@x",
    "\t=1",
    "\r=1",
    "a=1",
    "'=1",
    "\n=1",
    "＝1",
    "＠x",
    "x;=1+1;y",
    "x\t@y|-z\n+1; a=1",
  ];
  const { text } = await exported(
    logBytes([
      speaker.say(...texts, "x"),
      new Decider().decide([
        speaker.ask(14, "=HYPERLINK(1)", GROUP, { entry: speaker.entry(14), old: "x" }),
      ]),
    ]),
    "csv",
  );

  const rows = parsedCsv(text).slice(1);
  const shown = [
    "'=1+1",
    "'+1",
    "'-1",
    "'@x",
    "'\t'=1",
    "␍=1",
    "a=1",
    "'=1",
    "'\n'=1",
    "'＝1",
    "'＠x",
    "x;'=1+1;y",
    "x\t'@y|'-z\n'+1; a=1",
  ];
  assertEquals(rows.map((row) => row[3]), [...shown, "'=HYPERLINK(1)"]);
  assertEquals(rows.map((row) => row[7]), [...shown, "x"]);
});

Deno.test("exportEntries() writes JSON that has each text as it was said", async () => {
  const { text } = await exported(logBytes(SIX), "json");

  const entries = text.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(entries.map((entry) => entry.text), SIX.flatMap(({ batch }) => batch.value.texts));
  assertEquals(entries.map((entry) => entry.seq), [1, 2, 3, 4, 5, 6]);
  assertEquals(
    entries.map((entry) => entry.digest),
    LINES.slice(1).map((line) => line.split("\t")[1]),
  );
  assertEquals(entries[0].event, "entry");
  assert(!Number.isNaN(Date.parse(entries[0].at)));
  assertEquals(Object.keys(entries[0]).slice(2), [
    "seq",
    "id",
    "from",
    "shown",
    "key",
    "text",
    "sentAt",
    "digest",
    "original",
    "edits",
  ]);
});

Deno.test("exportEntries() writes CSV whose cells are in quotes, but for numbers", async () => {
  const speaker = new Speaker("dan", 4);
  const { text } = await exported(
    logBytes([speaker.say('say "hi", all'), speaker.say("one\tand\ntwo\r")]),
    "csv",
  );

  const [head, first, ...rest] = text.split("\r\n");
  assertEquals(head, "seq,sentAt,from,text,key,id,digest,original,edits,editedBy,editedAt");
  assert(first!.startsWith('1,"2026-01-31T12:00:01.000Z","dan","say ""hi"", all",'), first);
  assert(rest[0]!.startsWith('2,"2026-01-31T12:00:02.000Z","dan","one\tand\ntwo␍",'), rest[0]);
  assertEquals(rest.slice(1), [""]);
});

Deno.test("exportEntries() writes all before what is damaged, and then says so", async () => {
  const written: string[] = [];
  const disk = diskWith(LINES.with(5, `${LINES[5]}x`).join("\n") + "\n");
  const error = await assertRejects(
    () =>
      exportEntries(disk, PATH, "text", (text) => {
        written.push(text);
        return Promise.resolve(true);
      }),
    P2pchatError,
    `Cannot read all of ${PATH}: line 6, entry 5, is wrong`,
  );

  assertEquals(error.code, "store-corrupt");
  assertEquals(written.join("").split("\n").length, 5);
});

Deno.test("exportEntries() writes no words that their author hasn't signed, and nothing under a coordinator who isn't known", async () => {
  const { batch, signature, view } = SIX[1]!;
  const words = batchFrom({ ...batch.value, texts: ["I owe Mallory 1,000"] }, signature);
  const log = logBytes([SIX[0]!, { ...words, view }]);
  const written: string[] = [];
  const write = (text: string) => {
    written.push(text);
    return Promise.resolve(true);
  };
  const failure = (deciders: Deciders | null, content = log) =>
    assertRejects(
      () => exportEntries(diskWith(content), PATH, "text", write, deciders),
      P2pchatError,
    );
  const { code, message } = await failure(null);

  assertEquals(code, "store-corrupt");
  assertMatch(
    message,
    /line 3, entry 2, is wrong, bob's signature \(key \w+\) doesn't fit entry 2/,
  );
  assertEquals(written, ["1 2026-01-31T12:00:01.000Z alice: hello\n"]);
  const keys = new Set([fingerprintOf(new Speaker("eve", 9).signer.key)]);
  const foreign = await failure({ group: null, keys }, logBytes(SIX));
  assertStringIncludes(foreign.message, "which isn't among the keys given");
  assertEquals(written.length, 1);
});

Deno.test("exportEntries() leaves out what is being written", async () => {
  const { text, notice } = await exported(LINES.join("\n").slice(0, -20), "text");

  assertEquals(text.split("\n").length, 6);
  assert(/^The last \d+ bytes of \/p\/log, from line 7 on, are left out/.test(notice!), notice!);
});

Deno.test("exportEntries() goes on no further than it is listened to", async () => {
  const speaker = new Speaker("dan", 4);
  const disk = diskWith(
    logBytes(Array.from({ length: 40 }, () => speaker.say("z".repeat(60_000)))),
  );
  let [reads, readsBefore, writes] = [0, 0, 0];
  disk.fault = ({ kind }) => {
    if (kind === "read") reads++;
    return null;
  };

  const notice = await exportEntries(disk, PATH, "json", () => {
    readsBefore = reads;
    return Promise.resolve(++writes < 2);
  });

  assertEquals([notice, reads - readsBefore, writes], [null, 0, 2]);
});
