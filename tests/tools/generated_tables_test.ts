import { assertEquals, assertThrows } from "@std/assert";
import { tablesIn, withTables } from "../../tools/generated_tables.ts";

Deno.test("withTables() replaces what is between the markers, and nothing else", () => {
  const document = "a\n<!-- generated: x -->\nold\n<!-- end generated: x -->\nb\n";

  const written = withTables(document, { x: "$& new" });

  assertEquals(
    written,
    "a\n<!-- generated: x -->\n<!-- deno-fmt-ignore-start -->\n\n$& new\n\n" +
      "<!-- deno-fmt-ignore-end -->\n<!-- end generated: x -->\nb\n",
  );
  assertEquals(withTables(written, { x: "$& new" }), written);
});

Deno.test("withTables() refuses markers without a table, tables without markers, and repeats", () => {
  const marked = "<!-- generated: x -->\n<!-- end generated: x -->\n";

  assertThrows(() => withTables(marked, {}), Error, 'Cannot write "x"');
  assertThrows(() => withTables("", { x: "" }), Error, 'Cannot write "x"');
  assertThrows(() => withTables(marked + marked, { x: "" }), Error, "twice");
});

Deno.test("tablesIn() reads what withTables() wrote", () => {
  const marked = (name: string) => `<!-- generated: ${name} -->\n<!-- end generated: ${name} -->\n`;
  const tables = { x: "| a |\n| --- |", "y z": "b\n\nc" };

  assertEquals(tablesIn(withTables(marked("x") + marked("y z"), tables)), tables);
});
