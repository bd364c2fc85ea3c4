import { assertEquals } from "@std/assert";
import { NameColours } from "../../../lib/cli/rendering/name_colours.ts";

const SIX = ["a", "b", "c", "d", "e", "f"];

Deno.test("NameColours gives the people who are present different colours, each its own for good", () => {
  const colours = new NameColours(false, () => SIX);
  const given = SIX.map((name) => colours.codeOf(name));
  assertEquals(new Set(given).size, 6);
  assertEquals(SIX.map((name) => colours.codeOf(name)), given);
});

Deno.test("NameColours gives the colour of one who has gone to the next who comes", () => {
  let present = SIX;
  const colours = new NameColours(false, () => present);
  const given = SIX.map((name) => colours.codeOf(name));
  present = ["a", "b", "c", "e", "f"];
  assertEquals(colours.codeOf("g"), given[3]);
  present = [...present, "g"];
  assertEquals(colours.codeOf("h"), given[0], "there is none left");
});

Deno.test("NameColours has more colours where the terminal has 256", () => {
  const colours = new NameColours(true, () => []);
  const names = Array.from({ length: 14 }, (_, index) => `n${index}`);
  assertEquals(new Set(names.map((name) => colours.codeOf(name))).size, 14);
});

Deno.test("NameColours remembers 512 names", () => {
  let asked = 0;
  const colours = new NameColours(false, () => {
    asked++;
    return [];
  });
  for (let index = 0; index < 520; index++) colours.codeOf(`n${index}`);
  const before = asked;
  colours.codeOf("n519");
  assertEquals(asked, before);
  colours.codeOf("n0");
  assertEquals(asked, before + 1);
});
