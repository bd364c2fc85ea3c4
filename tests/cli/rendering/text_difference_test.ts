import { assert, assertEquals } from "@std/assert";
import { differenceOf, type DifferenceRow } from "../../../lib/cli/rendering/text_difference.ts";
import { Random } from "../../sim/random.ts";

const shown = (rows: readonly DifferenceRow[]) =>
  rows.map((row) => "told" in row ? row.told : `${row.sign} ${row.text}`);

const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => `line ${from + at}`);

Deno.test("what differs is shown, and how much stays is counted", () => {
  const old = lines(0, 60).join("\n");
  const text = [...lines(0, 20), "new", ...lines(21, 58), "line 59", ""].join("\n");
  assertEquals(shown(differenceOf(old, text)), [
    "... 20 lines unchanged",
    "- line 20",
    "+ new",
    "... 37 lines unchanged",
    "- line 58",
    "... 1 line unchanged",
    "+ ",
  ]);
  assertEquals(shown(differenceOf("at seven?", "at eight?")), ["- at seven?", "+ at eight?"]);
  assertEquals(shown(differenceOf("same", "same")), ["... 1 line unchanged"]);
});

Deno.test("of long lines the part that differs is shown, whole characters of it", () => {
  const [head, tail] = ["a".repeat(299) + "e\u0301", "z".repeat(300)];
  assertEquals(shown(differenceOf(`${head}5${tail}`, `${head}700${tail}`)), [
    "... 261 characters before and 260 after unchanged",
    `- ${head.slice(-40)}5${tail.slice(-40)}`,
    `+ ${head.slice(-40)}700${tail.slice(-40)}`,
  ]);
  const thumbs = "\u{1f44d}".repeat(200);
  const rows = differenceOf(`${thumbs}a`, `${thumbs}b`);
  assert(rows.every((row) => "told" in row || row.text.isWellFormed()));
});

Deno.test("whatever the texts: the rows make the new one of the old one, in any size", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = new Random(seed);
    const some = () =>
      Array.from(
        { length: random.below(12) + 1 },
        () => "abc"[random.below(3)]!.repeat(random.below(4)),
      );
    const [old, text] = [some(), some()];
    const made: string[] = [];
    let at = 0;
    for (const row of differenceOf(old.join("\n"), text.join("\n"))) {
      if ("told" in row) {
        const count = Number(/\d+/.exec(row.told)![0]);
        made.push(...old.slice(at, at + count));
        at += count;
      } else if (row.sign === "+") made.push(row.text);
      else assertEquals(row.text, old[at++], `seed ${seed}`);
    }
    assertEquals([made, at], [text, old.length], `seed ${seed}`);
  }
  const [old, text] = [lines(0, 2_000).join("\n"), lines(2_000, 4_000).join("\n")];
  assertEquals(differenceOf(`same\n${old}`, `same\n${text}`).length, 4_001);
});
