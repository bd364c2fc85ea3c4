import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { nodeCrypto, nodeSigner } from "../../lib/base/crypto.ts";
import { P2pchatError } from "../../lib/base/errors.ts";
import {
  exportLogOptions,
  logProgramCommands,
  verifyLogOptions,
} from "../../lib/cli/group_log_arguments.ts";
import { exportEntries, verifiedLog } from "../../lib/cli/group_log_commands.ts";
import type { ExportFormat, ExportLogOptions } from "../../lib/cli/options.ts";
import {
  batchFrom,
  HistoryEnd,
  signBatch,
  type SignedBatch,
} from "../../lib/protocols/group/history.ts";
import { MemoryDisk } from "../../lib/store/memory_disk.ts";
import { GROUP, logBytes, OTHER_GROUP, sixEntries, Speaker } from "./group_logs.ts";
import { parsedOptions } from "./parsed_options.ts";

const PATH = "/p/log";
const SIX = sixEntries();
const LINES = new TextDecoder().decode(logBytes(SIX)).split("\n").slice(0, -1);

function diskWith(content: string | Uint8Array): MemoryDisk {
  const disk = new MemoryDisk();
  disk.place(PATH, content);
  return disk;
}

async function complaintAbout(content: string | Uint8Array): Promise<P2pchatError> {
  return await assertRejects(() => verifiedLog(diskWith(content), PATH), P2pchatError);
}

Deno.test("verifiedLog() counts entries and authors of a log that fits", async () => {
  const verified = await verifiedLog(diskWith(logBytes(SIX)), PATH);

  const end = new HistoryEnd(nodeCrypto, GROUP);
  for (const batch of SIX) end.append(batch);
  const [alice, bob] = SIX.map(({ batch }) => batch.value.author);
  assertEquals(verified, {
    group: GROUP,
    entries: 6,
    digest: end.digest,
    authors: [
      { name: "alice", key: alice!, entries: 2 },
      { name: "bob", key: bob!, entries: 4 },
    ],
  });
});

Deno.test("verifiedLog() takes a log without entries, and one of many pieces", async () => {
  const speaker = new Speaker("dan", 4);
  const batches = Array.from({ length: 10 }, () => speaker.say("z".repeat(60_000)));
  const counts: number[] = [];
  const between = (entries: number) => {
    counts.push(entries);
    return Promise.resolve(true);
  };

  const none = await verifiedLog(diskWith(logBytes([])), PATH);
  const ten = await verifiedLog(diskWith(logBytes(batches)), PATH, between);

  assertEquals([none.entries, none.authors, ten.entries], [0, [], 10]);
  assertEquals(counts.at(-1), 10);
  assert(counts.length > 2);
});

/** Batches as somebody would write them who has no key of their authors: digests and checksums fit. */
function forged(change: (batches: SignedBatch[]) => void): Uint8Array {
  const batches = SIX.slice();
  change(batches);
  return logBytes(batches);
}

function edited(batch: SignedBatch, change: Partial<SignedBatch["batch"]["value"]>): SignedBatch {
  return batchFrom({ ...batch.batch.value, ...change }, batch.signature);
}

const mallory = nodeSigner(new Uint8Array(32).fill(66));

const LIES: readonly (readonly [name: string, content: () => string | Uint8Array, RegExp])[] = [
  [
    "a changed text",
    () => LINES.with(5, LINES[5]!.replace("ünï", "uni")).join("\n") + "\n",
    /line 6, entry 5, is wrong, its checksum doesn't fit; .*what is before entry 5 is whole/,
  ],
  [
    "a changed text with a checksum that fits",
    () => LINES.with(5, withChecksum(LINES[5]!.replace("ünï", "uni"))).join("\n") + "\n",
    /line 6, entry 5, is wrong, its digest doesn't fit what it says/,
  ],
  [
    "a changed name with a checksum that fits",
    () => LINES.with(1, withChecksum(LINES[1]!.replace("alice", "alyce"))).join("\n") + "\n",
    /line 2, entry 1, is wrong, its digest doesn't fit.*nothing before it is whole/,
  ],
  [
    "a changed digest with a checksum that fits",
    () => LINES.with(1, withChecksum(LINES[1]!.replace(/^1\t../, "1\tff"))).join("\n") + "\n",
    /line 2, entry 1, is wrong, its digest doesn't fit/,
  ],
  [
    "lines that were swapped",
    () => [...LINES.slice(0, 5), LINES[6], LINES[5]].join("\n") + "\n",
    /line 6, entry 5, is wrong, entry 5 was expected, "6" is there/,
  ],
  [
    "a line that was removed",
    () => LINES.toSpliced(3, 1).join("\n") + "\n",
    /line 4, entry 3, is wrong, entry 3 was expected, "4" is there/,
  ],
  [
    "a line that was doubled",
    () => LINES.toSpliced(2, 0, LINES[1]!).join("\n") + "\n",
    /line 3, entry 2, is wrong, entry 2 was expected, "1" is there/,
  ],
  [
    "an end that was cut off",
    () => LINES.slice(0, 4).join("\n") + "\n",
    /line 3, entry 2, is wrong, lines that belong to it are missing; it was cut off there/,
  ],
  [
    "a last line that isn't whole",
    () => LINES.join("\n").slice(0, -20),
    /line 7, entry 6, is wrong, its end is missing/,
  ],
  [
    "a forged signature",
    () => forged((all) => all[2] = { ...all[2]!, signature: all[1]!.signature }),
    /line 6, entry 5, is wrong, alice's signature \(key [a-z2-7]{27}\) doesn't fit entry 5;/,
  ],
  [
    "a changed text with digests made anew",
    () => forged((all) => all[1] = edited(all[1]!, { texts: ["hi", "no", "how are you?"] })),
    /line 5, entry 4, is wrong, bob's signature .* doesn't fit entries 2 to 4;/,
  ],
  [
    "another author with digests made anew",
    () => forged((all) => all[2] = edited(all[2]!, { author: mallory.key, counter: 1 })),
    /alice's signature .* doesn't fit entry 5/,
  ],
  [
    "what was said in another group",
    () => {
      const batch = new Speaker("alice", 1).batch(["hello"], OTHER_GROUP);
      return logBytes([signBatch(nodeSigner(new Uint8Array(32).fill(1)), batch)]);
    },
    /alice's signature .* doesn't fit entry 1/,
  ],
  [
    "a message that is there twice",
    () => forged((all) => all.push(all[3]!)),
    /line 8, entry 7, is wrong, its author's counter is 4, 5 was expected/,
  ],
  [
    "a changed group",
    () => LINES.with(0, LINES[0]!.replace("5a5a", "5b5b")).join("\n") + "\n",
    /line 1 is wrong, it isn't the first line of a group's log/,
  ],
  [
    "a time that is none",
    () =>
      LINES.with(1, withChecksum(LINES[1]!.replace("2026-01-31T", "2026-01-31 "))).join("\n") +
      "\n",
    /line 2, entry 1, is wrong, no time is "2026-01-31 /,
  ],
];

for (const [name, content, sentence] of LIES) {
  Deno.test(`verifiedLog() finds ${name}`, async () => {
    const error = await complaintAbout(content());

    assertEquals([error.code, error.exitStatus], ["store-corrupt", 5]);
    assert(sentence.test(error.message), error.message);
    assertStringIncludes(error.message, `Cannot trust ${PATH}: line `);
  });
}

Deno.test("verifiedLog() says what is no log of this version", async () => {
  const cases = [
    ["", "it is empty"],
    ["Milk\nEggs\n", "it isn't the log of a group"],
    ["p2pchat\tgroup-log\t2\tnew\n", "its version is 2"],
  ] as const;
  for (const [content, found] of cases) {
    const error = await complaintAbout(content);
    assertEquals(error.code, "bad-file");
    assertStringIncludes(error.message, found);
  }
  const missing = await assertRejects(() => verifiedLog(new MemoryDisk(), PATH), P2pchatError);
  assertEquals(
    missing.message,
    `Cannot read ${PATH}: there is no such file; name the log of a group`,
  );
});

async function exported(content: string | Uint8Array, format: ExportFormat) {
  const written: string[] = [];
  const notice = await exportEntries(diskWith(content), PATH, format, (text) => {
    written.push(text);
    return Promise.resolve(true);
  });
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
    "key",
    "text",
    "sentAt",
    "digest",
  ]);
});

Deno.test("exportEntries() writes CSV with quotes where they are needed", async () => {
  const speaker = new Speaker("dan", 4);
  const { text } = await exported(
    logBytes([speaker.say('say "hi", all'), speaker.say("one\tand\ntwo\r")]),
    "csv",
  );

  const [head, first, ...rest] = text.split("\r\n");
  assertEquals(head, "seq,sentAt,from,text,key,id,digest");
  assert(first!.startsWith('1,2026-01-31T12:00:01.000Z,dan,"say ""hi"", all",'), first);
  assert(rest[0]!.startsWith('2,2026-01-31T12:00:02.000Z,dan,"one\tand\ntwo␍",'), rest[0]);
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

Deno.test("exportEntries() leaves out what is being written", async () => {
  const { text, notice } = await exported(LINES.join("\n").slice(0, -20), "text");

  assertEquals(text.split("\n").length, 6);
  assert(/^The last \d+ bytes of \/p\/log, from line 7 on, are left out/.test(notice!), notice!);
});

Deno.test("exportEntries() reads no further than it is listened to", async () => {
  const speaker = new Speaker("dan", 4);
  const disk = diskWith(
    logBytes(Array.from({ length: 40 }, () => speaker.say("z".repeat(60_000)))),
  );
  let [reads, writes] = [0, 0];
  disk.fault = ({ kind }) => {
    if (kind === "read") reads++;
    return null;
  };

  const notice = await exportEntries(disk, PATH, "json", () => {
    writes++;
    return Promise.resolve(false);
  });

  assertEquals([notice, reads, writes], [null, 1, 1]);
});

const [VERIFY, EXPORT] = logProgramCommands as readonly [
  typeof logProgramCommands[number],
  typeof logProgramCommands[number],
];

function exportOf(line: string): ExportLogOptions {
  return parsedOptions(EXPORT, exportLogOptions, line.split(" "));
}

Deno.test("p2pchat log understands its words", () => {
  const verify = parsedOptions(VERIFY, verifyLogOptions, ["log", "verify", "a.txt"]);

  assertEquals(verify.file, "a.txt");
  assertEquals([exportOf("log export a.txt").file, exportOf("log export a.txt").format], [
    "a.txt",
    "text",
  ]);
  assertEquals(exportOf("log export --format csv a.txt").format, "csv");
  assertEquals(exportOf("log export a.txt --json").format, "json");
  assertEquals(exportOf("log export a.txt --json --format text").format, "text");
});

const REFUSED = [
  ["log export", "The form is p2pchat log export FILE [--format text|json|csv], for example"],
  ["log export a b", "The form is p2pchat log export FILE"],
  ["log export a --format xml", '--format must be text, json or csv, is "xml"'],
  ["log export a --format jsn", "did you mean json?"],
  ["log export a --format", "--format needs a value: FORMAT"],
] as const;

for (const [line, sentence] of REFUSED) {
  Deno.test(`p2pchat refuses "${line}" and says why`, () => {
    const error = assertThrows(() => exportOf(line), P2pchatError);

    assertEquals(error.code, "usage");
    assertStringIncludes(error.message, sentence);
  });
}

Deno.test("p2pchat log verify wants one file", () => {
  for (const words of [["log", "verify"], ["log", "verify", "a", "b"]]) {
    const error = assertThrows(() => parsedOptions(VERIFY, verifyLogOptions, words), P2pchatError);
    assertStringIncludes(error.message, "The form is p2pchat log verify FILE");
  }
});
