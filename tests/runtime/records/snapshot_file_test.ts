import { assert, assertEquals, assertThrows } from "@std/assert";
import { nodeCrypto, utf8 } from "../../../lib/base/crypto/crypto.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";
import type { Hash } from "../../../lib/base/ids.ts";
import { verdictOf } from "../../../lib/protocols/group/snapshot/cut_check.ts";
import { namesMessages } from "../../../lib/protocols/group/snapshot/cut_view.ts";
import type { Cut } from "../../../lib/protocols/group/schema/cut.ts";
import { parseSnapshot, snapshotText } from "../../../lib/runtime/records/snapshot_file.ts";
import { BOB, cutWith, replacedAt, texts } from "../../protocols/group/snapshot/cuts.ts";

function textOf(cut: Cut): string {
  return snapshotText(nodeCrypto, cut, verdictOf(cut));
}

/** With a checksum that fits. */
function summed(lines: readonly string[]): string {
  const text = `${lines.join("\n")}\n`;
  return `${text}sum\t${nodeCrypto.sha256<Hash>(utf8(text))}\n`;
}

function linesOf(text: string): readonly string[] {
  return text.trimEnd().split("\n").slice(0, -1);
}

const TEXT = textOf(cutWith());
/** A sequencer may tell of the same again. */
const TOLD = { after: 6, through: 7, seq: 7, ids: ["7".repeat(64)] };

Deno.test("parseSnapshot() reads what snapshotText() wrote", () => {
  const cuts = [
    cutWith(),
    cutWith({ coordinator: { decided: null, locks: [] }, tellings: [] }),
    { ...cutWith({ coordinator: { tellings: [] } }), members: [] },
    cutWith({
      tellings: [TOLD, { ...TOLD, through: 8, ids: [...TOLD.ids, "8".repeat(64)] }, TOLD],
    }),
    cutWith({ bob: { peers: replacedAt(BOB.peers, 0, { texts: 9, acked: 8 }) } }),
  ];
  for (const cut of cuts) {
    const { cut: read, written } = parseSnapshot(nodeCrypto, textOf(cut));

    assertEquals(read, cut);
    assertEquals(written, verdictOf(cut));
  }
});

Deno.test("snapshotText() writes lines that grep and cut can read", () => {
  const lines = TEXT.split("\n");

  assertEquals(lines.slice(0, 5), [
    "p2pchat-snapshot\t1",
    "snapshot\t20261120-204827-123-1f3a9c",
    `group\t${"6".repeat(64)}`,
    "view\t4\t0",
    "time\t2026-11-20T20:48:27.000Z\t2026-11-20T20:48:27.123Z",
  ]);
  const channels = lines.filter((line) => line.startsWith("channel\t"));
  assertEquals(channels.length, 12);
  assert(channels.includes("channel\tann\tcem\t1"));
  assert(channels.includes("channel\tann\t*coordinator*\t1"));
  assert(
    lines.some((line) =>
      line.startsWith("verdict\tconsistent\tnobody had received anything that wasn't sent yet;")
    ),
  );
});

Deno.test("parseSnapshot() doesn't take the file's word for it", () => {
  const cut = cutWith({ cem: { channels: [[], [], []] } });
  const lie = snapshotText(nodeCrypto, cut, { isConsistent: true, why: "all is well" });

  const { cut: read, written } = parseSnapshot(nodeCrypto, lie);

  assertEquals(written.isConsistent, true);
  assertEquals(verdictOf(read).isConsistent, false);
});

Deno.test("A file with any line changed is found out", () => {
  const lines = TEXT.trimEnd().split("\n");
  lines.forEach((line, index) => {
    const changed = replacedAt(lines, index, `${line}x`).join("\n") + "\n";
    const fault = index === 0 ? 'its version is "1x"' : "its checksum doesn't fit";
    assertThrows(() => parseSnapshot(nodeCrypto, changed), P2pchatError, fault);
  });
});

Deno.test("A file that lacks a line is found out, also with a checksum that fits", () => {
  const lines = linesOf(TEXT);
  lines.forEach((line, index) => {
    const rest = summed(lines.toSpliced(index, 1));
    const error = assertThrows(
      () => parseSnapshot(nodeCrypto, rest),
      P2pchatError,
      undefined,
      line,
    );
    assertEquals(error.exitStatus, 5);
  });
});

/** One line for each of so many. */
function crowd(): string {
  return Array.from({ length: 64 }, (_, n) => `$1${n}$2`).join("\n");
}

/** Each a change of one line, with a checksum that fits. */
const FORGED: readonly (readonly [what: string, from: RegExp, to: string, fault: RegExp])[] = [
  ["an id", /^(text\t.*\t)[0-9a-f]{64}$/m, `$1${"0".repeat(64)}`, /its ids, its counts/],
  ["a count", /^channel\tann\tcem\t1$/m, "channel\tann\tcem\t0", /its ids, its counts/],
  ["a run that ends before it begins", /^(run\tann\tcem\t.*\t)5\t5$/m, "$15\t4", /line \d+: a run/],
  ["a name", /^run\tann\tcem/m, "run\tann\tdan", /line \d+: no member is called "dan"/],
  [
    "a name that nobody can have",
    /^member\tann/m,
    "member\tann\\nbob",
    /line \d+: no member can be called "ann␊bob"/,
  ],
  ["a number", /^told\tann\t3$/m, "told\tann\t3.5", /line \d+: no count is "3.5"/],
  [
    "a number of any length",
    /^told\tann\t3$/m,
    `told\tann\t${"9".repeat(5_000)}`,
    /line \d+: no count is "9{60}..."$/,
  ],
  [
    "a kind of any length",
    /^told\tann/m,
    `t${"o".repeat(5_000)}\tann`,
    /line \d+: no line is of kind "to{59}..."$/,
  ],
  ["a kind", /^told\tann/m, "tell\tann", /line \d+: no line is of kind "tell"/],
  [
    "a key",
    /^coordinator\t[0-9a-f]{64}/m,
    "coordinator\tme",
    /line \d+: no id or key|"coordinator"|no id/,
  ],
  [
    "an entry that wasn't told",
    /^entry\tann\t6/m,
    "entry\tann\t9",
    /line \d+: entry 9 wasn't told/,
  ],
  [
    "more runs than there are",
    /^(run\tann\tcem\t.*)$/m,
    Array(9).fill("$1").join("\n"),
    /than 8 runs/,
  ],
  ["more members than there are", /^(member\tbob)(.*)$/m, crowd(), /than 64 members/],
  ["a blank line", /^view\t4\t0$/m, "view\t4\t0\n", /line \d+: no line is of kind ""/],
];

for (const [what, from, to, fault] of FORGED) {
  Deno.test(`parseSnapshot() finds ${what} that somebody changed`, () => {
    const text = linesOf(TEXT).join("\n");
    const forged = text.replace(from, to);
    assert(forged !== text, "something was changed");

    const error = assertThrows(
      () => parseSnapshot(nodeCrypto, summed(forged.split("\n"))),
      P2pchatError,
    );

    assertEquals(error.code, "store-corrupt");
    assert(fault.test(error.message), error.message);
  });
}

Deno.test("parseSnapshot() refuses what is something else", () => {
  for (const text of ["", "hello\n", "p2pchat-snapshot\t2\n", `${"x".repeat(1_000)}`]) {
    const error = assertThrows(() => parseSnapshot(nodeCrypto, text), P2pchatError);
    assertEquals(error.code, "bad-file", text);
  }
});

Deno.test("A snapshot with very much under way counts it, and names none of it", () => {
  const many = 70_000;
  const cut = cutWith({
    ann: { sent: many + 4 },
    bob: { peers: replacedAt(BOB.peers, 0, { texts: many + 4, acked: 8 }) },
    cem: { channels: [[texts("ann", 5, many + 4)], [], []] },
  });
  assertEquals(namesMessages(cut), false);

  const text = textOf(cut);

  assertEquals(parseSnapshot(nodeCrypto, text).cut, cut);
  assert(text.length < 10_000);
  assert(text.includes(`channel\tann\tcem\t${many}\n`));
});
