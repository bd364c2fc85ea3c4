import { assertEquals } from "@std/assert";
import { withTables } from "../../tools/generated_tables.ts";
import { recordTables } from "../../tools/record_tables.ts";
import page from "../../docs/records.md" with { type: "text" };

Deno.test("docs/records.md has the tables of the code (else run tools/record_tables.ts)", () => {
  assertEquals(page, withTables(page, recordTables()));
});
