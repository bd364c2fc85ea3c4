import { MalformedError } from "../../../lib/base/errors.ts";
import { assertEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import type { SignedBatch } from "../../../lib/protocols/group/schema/history.ts";
import {
  BatchReader,
  lineName,
  type LoggedBatch,
} from "../../../lib/runtime/records/group_log_lines.ts";
import { checksumOf, checksumText } from "../../../lib/store/disk/record_line.ts";
import { editedEntries, endOf, GROUP, logBytes } from "../../cli/group_logs.ts";

const ALL = editedEntries();

/** What a reader makes of the lines of these batches, without the first line of the file. */
function read(batches: readonly SignedBatch[]): readonly LoggedBatch[] {
  const bytes = Buffer.from(logBytes(batches));
  const reader = new BatchReader(GROUP, 0, 0);
  const found: LoggedBatch[] = [];
  for (let from = bytes.indexOf("\n") + 1; from < bytes.length;) {
    const to = bytes.indexOf("\n", from);
    const batch = reader.add(bytes, from, to);
    if (batch !== null) found.push(batch);
    from = to + 1;
  }
  return found;
}

Deno.test("BatchReader: a batch knows its place before it is taken apart", () => {
  const found = read(ALL);

  assertEquals(found.map(({ kind, position, seq }) => [kind, position, seq]), [
    ["texts", 0, 0],
    ["edits", 1, 1],
    ["texts", 2, 1],
    ["edits", 5, 4],
    ["texts", 8, 4],
    ["texts", 9, 5],
  ]);
  assertEquals(found.map(({ count, entries }) => [count, entries]), [
    [1, 1],
    [1, 0],
    [3, 3],
    [3, 0],
    [1, 1],
    [1, 1],
  ]);
  assertEquals(found.map((batch) => batch.edited()), [[], [1], [], [3, 1, 3], [], []]);
  assertEquals(
    found.map(({ author, counter, name }) => [author, counter, name]),
    ALL.map(({ batch: { value } }) => [value.author, value.counter, value.name]),
  );
  assertEquals(
    found.map(({ digest }) => digest),
    ALL.map((_, at) => endOf(ALL.slice(0, at + 1)).digest),
  );
  assertEquals(found.map((batch) => batch.signed()), ALL);
});

Deno.test("BatchReader: what is no digest is refused, though the checksum fits: a history would go on from it", () => {
  const [line = ""] = new TextDecoder().decode(logBytes(ALL)).split("\n").slice(1);
  const cells = line.split("\t").slice(0, -1);
  for (const digest of ["", "f".repeat(63), "F".repeat(64), `${"f".repeat(63)}\ufffd`]) {
    const checked = Buffer.from(cells.with(1, digest).join("\t"));
    const bytes = Buffer.from(`${checked}\t${checksumText(checksumOf(checked))}\n`);

    const reader = new BatchReader(GROUP, 0, 0);

    assertThrows(
      () => reader.add(bytes, 0, bytes.length - 1),
      MalformedError,
      "its digest is none",
    );
  }
});

Deno.test("lineName() names the edit that a line says, or the entry that should be there", () => {
  const lines = ["edit 7\tx", "43\tx", "edit 07\tx", "edit 7", "", "ed\tit"];

  assertEquals(lines.map((line) => lineName(line, 42)), [
    "edit 7",
    "entry 43",
    "entry 43",
    null,
    null,
    "entry 43",
  ]);
});
