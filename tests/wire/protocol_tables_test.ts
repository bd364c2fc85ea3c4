import { assertEquals } from "@std/assert";
import {
  bool,
  embedded,
  hexId,
  list,
  message,
  record,
  uint,
} from "../../lib/base/schema/schema.ts";
import {
  fieldTable,
  messageTable,
  namedSchemas,
  protocolTables,
  structureTables,
} from "../../tools/protocol_tables.ts";
import { withTables } from "../../tools/generated_tables.ts";
import protocol from "../../PROTOCOL.md" with { type: "text" };

const headSchema = record({ author: hexId(), counter: uint(9) });
const signedHeadSchema = record({ head: embedded(headSchema, 99) });
const schemas = namedSchemas({ headSchema, signedHeadSchema, HEADS_MAX: 3 });
const about = { from: "ann | bob", to: "carl", when: "it is due", answer: "none" };
const specs = [
  message(1, "heads", { ...about, lane: "control" }, { heads: list(headSchema, 3), last: bool() }),
  message(128, "bye", { ...about, lane: "data" }, {}),
];

Deno.test("PROTOCOL.md has the tables of the code (else run tools/protocol_tables.ts)", () => {
  const written = protocol.split("\n");
  const generated = withTables(protocol, protocolTables()).split("\n");

  const different = generated.findIndex((line, index) => line !== written[index]);

  assertEquals(written[different], generated[different], `line ${different + 1}`);
  assertEquals(written.length, generated.length);
});

Deno.test("messageTable() prints a row for each message", () => {
  assertEquals(
    messageTable(specs),
    [
      "| Code | Message | From | To | When | Answer | Lane | Bytes at most |",
      "| --- | --- | --- | --- | --- | --- | --- | --- |",
      "| 1 | `heads` | ann \\| bob | carl | it is due | none | control | 102 |",
      "| 128 | `bye` | ann \\| bob | carl | it is due | none | data | 2 |",
    ].join("\n"),
  );
});

Deno.test("fieldTable() prints a row for each field, structures by name", () => {
  assertEquals(
    fieldTable(specs, schemas),
    [
      "| Message | Field | Form |",
      "| --- | --- | --- |",
      "| `heads` | `heads` | list of 3 x *head* |",
      "|  | `last` | bool |",
    ].join("\n"),
  );
});

Deno.test("structureTables() prints a table for each structure that has a name", () => {
  assertEquals(
    structureTables(schemas),
    [
      "**head**, 33 bytes",
      "",
      "| Field | Form |",
      "| --- | --- |",
      "| `author` | id |",
      "| `counter` | 0..9 |",
      "",
      "**signed head**, 34 to 100 bytes",
      "",
      "| Field | Form |",
      "| --- | --- |",
      "| `head` | *head* in its exact bytes, 99 B |",
    ].join("\n"),
  );
});
