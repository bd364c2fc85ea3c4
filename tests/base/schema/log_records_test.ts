import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { InvariantError } from "../../../lib/base/invariant.ts";
import { MalformedError, P2pchatError } from "../../../lib/base/errors.ts";
import {
  cell,
  checkedText,
  count,
  packed,
  packedText,
  text,
  time,
  unpacked,
  word,
} from "../../../lib/base/schema/cells.ts";
import {
  columns,
  list,
  mapped,
  nullable,
  optional,
  recordLog,
  type RecordOf,
  row,
} from "../../../lib/base/schema/log_records.ts";
import { record, text as wireText, uint } from "../../../lib/base/schema/schema.ts";

const schema = record({ name: wireText(8), count: uint(9) });

const place = columns({ epoch: count(), number: count() });
const LOG = recordLog("notes", 1, {
  said: row("Somebody said something.", {
    sentAt: time(),
    text: text(),
    at: nullable(place),
    state: word({ yes: true, no: false }, (text) => `no answer is ${text}`),
    times: optional(count()),
  }),
  several: row("Numbers between two others.", {
    first: count(),
    middle: list(count()),
    last: text(),
  }),
  signed: row("A structure.", { signed: packed(schema, { name: ({ name }) => name }) }),
  counted: row("A number, in words.", {
    words: mapped(count(), (words: string) => words.length, (length) => "x".repeat(length)),
  }),
  nothing: row("Nothing.", {}),
});
type Note = RecordOf<typeof LOG>;

const SAID: Note = { kind: "said", sentAt: 0, text: "hi", at: null, state: true };
const ALL: readonly (readonly [Note, readonly string[]])[] = [
  [SAID, ["1970-01-01T00:00:00.000Z", "hi", "-", "-", "yes"]],
  [{ ...SAID, times: 3 }, ["1970-01-01T00:00:00.000Z", "hi", "-", "-", "yes", "3"]],
  [
    { ...SAID, at: { epoch: 5, number: 6 }, state: false },
    ["1970-01-01T00:00:00.000Z", "hi", "5", "6", "no"],
  ],
  [{ kind: "several", first: 1, middle: [], last: "z" }, ["1", "z"]],
  [{ kind: "several", first: 1, middle: [2, 3], last: "z" }, ["1", "2", "3", "z"]],
  [{ kind: "signed", signed: { name: "bob", count: 7 } }, ["bob", "A2JvYgc="]],
  [{ kind: "counted", words: "xxx" }, ["3"]],
  [{ kind: "nothing" }, []],
];

for (const [record, fields] of ALL) {
  const { kind } = record;

  Deno.test(`recordLog(): ${kind} is written as ${fields.join(" ")}, and read`, () => {
    assertEquals(LOG.line(record), { kind, fields });
    assertEquals(LOG.record({ kind, fields }), record);
  });
}

Deno.test("recordLog(): cells that a later version added at the end are ignored", () => {
  assertEquals(LOG.record({ kind: "counted", fields: ["1", "new"] }), {
    kind: "counted",
    words: "x",
  });
});

const DAMAGED: readonly (readonly [string, readonly string[], string])[] = [
  ["gone", [], "no such kind is known"],
  ["said", ["1970-01-01T00:00:00.000Z", "hi"], "field 2 is missing"],
  ["said", ["noon", "hi", "-", "-", "yes"], 'no time is "noon"'],
  ["said", ["1970-01-01T00:00:00.000Z", "hi", "-", "6", "yes"], 'no count is "-"'],
  ["said", ["1970-01-01T00:00:00.000Z", "hi", "-", "-", "perhaps"], "no answer is perhaps"],
  ["said", ["1970-01-01T00:00:00.000Z", "hi", "-", "-", "yes", "1e3"], 'no count is "1e3"'],
  ["several", ["1"], "field 1 is missing"],
  ["several", [], "field 0 is missing"],
  ["several", ["1", "x", "z"], 'no count is "x"'],
  ["signed", ["bob"], "field 1 is missing"],
];

for (const [kind, fields, fault] of DAMAGED) {
  Deno.test(`recordLog(): ${kind} of ${fields.join(" ")} is corrupt: ${fault}`, () => {
    const error = assertThrows(() => LOG.record({ kind, fields }), P2pchatError);

    assertEquals(error.code, "store-corrupt");
    assertEquals(
      error.message,
      `its record of kind "${kind}" says ${fault}: a newer version wrote it, or somebody changed it`,
    );
    assertEquals((error.cause as Error).name, "MalformedError");
  });
}

for (const bug of [new TypeError("of ours"), new RangeError("of ours"), new SyntaxError("ours")]) {
  Deno.test(`recordLog(): no file is called damaged for a ${bug.name} of our own`, () => {
    const throwing = cell<string>("text", (text) => text, () => {
      throw bug;
    });
    const { record } = recordLog("notes", 1, { said: row("", { text: throwing }) });

    assertStrictEquals(assertThrows(() => record({ kind: "said", fields: ["hello"] })), bug);
  });
}

Deno.test("columns(): only one of them takes what the others leave", () => {
  assertThrows(() => columns({ one: list(count()), other: list(count()) }), InvariantError);
  assertThrows(() => list(place), InvariantError);
  assertThrows(() => nullable(list(count())), InvariantError);
});

Deno.test("columns(): the last ones alone are left out", () => {
  assertThrows(() => columns({ one: optional(count()), other: count() }), InvariantError);
});

Deno.test("describe() names each cell for readers", () => {
  const described = Object.values(LOG.rows).map(({ column }) => column.describe(""));

  assertEquals(described, [
    [
      "`sentAt` time",
      "`text` text",
      "`at.epoch` count or `-`",
      "`at.number` count or `-`",
      "`state` `yes` or `no`",
      "`times` count, may be absent",
    ],
    ["`first` count", "`middle` count, any number of cells", "`last` text"],
    ["*name*", "`signed` base64"],
    ["`words` count"],
    [],
  ]);
});

Deno.test("checkedText() refuses what has a fault", () => {
  const even = checkedText<string>("even", (text) => text.length % 2 === 0 ? null : "it is odd");

  assertEquals(even.read(["hi"], 0, 1), "hi");
  assertThrows(() => even.read(["hey"], 0, 1), MalformedError, "it is odd");
});

Deno.test("unpacked() gives back what packedText() wrote", () => {
  const value = { name: "bob", count: 7 };

  assertEquals(unpacked(schema, packedText(schema, value)), value);
});

for (const wrong of ["", "?", "YQ", "A2JvYv8="]) {
  Deno.test(`unpacked() refuses ${JSON.stringify(wrong)} as malformed`, () => {
    assertThrows(() => unpacked(schema, wrong), MalformedError);
  });
}
