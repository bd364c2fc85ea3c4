// What people copy from the program's own lines, at a terminal that is too narrow for it.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ROW_CELLS } from "../../../lib/cli/rendering/graphemes.ts";
import { TextFormat } from "../../../lib/cli/streams/text_format.ts";
import type { Line } from "../../../lib/cli/rendering/user_interface.ts";
import { NOON_MS } from "../memory_streams.ts";

const SAID: Line = [{ timeMs: NOON_MS }, " <Bob> ", { text: "hi", as: "body" }];

function terminalOf(columns: number) {
  return { colour: false, verbose: false, terminal: { ...ROW_CELLS, columns: () => columns } };
}

Deno.test("TextFormat leaves whole what people copy from the program's own lines: addresses with keys, paths, digests", () => {
  const format = new TextFormat(terminalOf(40), NOON_MS);
  const key = "k7f3".padEnd(27, "q");
  for (
    const copied of [
      `chat.example.org:4400#${key}`,
      "/home/somebody/.local/share/p2pchat/users/Alice/known_peers",
      "0af1".repeat(16),
    ]
  ) {
    const words = (blanks: number) => `\n${" ".repeat(blanks)}${copied};\n${" ".repeat(blanks)}`;
    assertEquals(
      format.format([`Write this: ${copied}; then start again`]),
      `Write this:${words(2)}then start again\n`,
    );
    assertEquals(
      format.format([{ timeMs: NOON_MS }, " ! ", `Write this: ${copied}; then start again`]),
      `12:03 ! Write this:${words(8)}then start again\n`,
    );
    // Behind a person's text, too.
    assertStringIncludes(
      format.format([...SAID, ` ${copied}`]),
      `\n            ${copied}\n`,
    );
  }
  assertEquals(
    format.format([`! It is ${key}, it was ${key}`]),
    `! It is ${key}, it\n  was ${key}\n`,
  );
});

Deno.test("TextFormat leaves no word of others whole in a line of the program's that may be taken for another", () => {
  const format = new TextFormat(terminalOf(20), NOON_MS);
  const name = "k7f3".padEnd(32, "q");
  const rows = (text: string) => format.format([text]).split("\n").slice(1, -1);
  for (const said of [name, `${name}~${name}`, `"/${"x".repeat(17)}12:03:<Bob>"`]) {
    assert(rows(`Declined by ${said}`).every((row) => row.startsWith("  ") && row.length < 20));
  }
});
