import { assert, assertEquals } from "@std/assert";
import { terminalsAsSvg } from "../../tools/terminals_svg.ts";

/** Browsers drop the blanks of a text that doesn't say so itself, and stretch what is left. */
function textsThatLoseBlanks(svg: string): readonly string[] {
  const texts = svg.match(/<text [^>]*>/g) ?? [];
  assert(texts.length > 0, "there is no text");
  return texts.filter((text) =>
    !text.includes(`xml:space="preserve"`) || !text.includes(`style="white-space:pre"`)
  );
}

Deno.test("terminals as a picture: each text keeps its blanks", () => {
  const svg = terminalsAsSvg([{
    title: "p2pchat",
    rows: [[{ text: "05:34", style: "2" }, { text: " * Bob joined", style: "" }]],
    columns: 20,
  }]);

  assertEquals(textsThatLoseBlanks(svg), []);
  assert(svg.includes("> * Bob joined</text>"), svg);
});

Deno.test("docs/session.svg: each text keeps its blanks", async () => {
  assertEquals(textsThatLoseBlanks(await Deno.readTextFile("docs/session.svg")), []);
});
