import { assert, assertEquals } from "@std/assert";
import { NameColours } from "../../../lib/cli/rendering/name_colours.ts";

const FOUR = ["a", "b", "c", "d"];

Deno.test("NameColours gives the people who are present different colours, each its own for good", () => {
  const colours = new NameColours(false, () => FOUR);
  const given = FOUR.map((name) => colours.codeOf(name));
  assertEquals(new Set(given).size, 4);
  assertEquals(FOUR.map((name) => colours.codeOf(name)), given);
});

Deno.test("NameColours gives the colour of one who has gone to the next who comes", () => {
  let present = FOUR;
  const colours = new NameColours(false, () => present);
  const given = FOUR.map((name) => colours.codeOf(name));
  present = ["a", "b", "d"];
  assertEquals(colours.codeOf("g"), given[2]);
  present = [...present, "g"];
  assertEquals(colours.codeOf("h"), given[0], "there is none left");
});

Deno.test("NameColours has more colours where the terminal has 256", () => {
  const colours = new NameColours(true, () => []);
  const names = Array.from({ length: 14 }, (_, index) => `n${index}`);
  assertEquals(new Set(names.map((name) => colours.codeOf(name))).size, 14);
});

Deno.test("colours of names have a contrast of 3:1 with a white and with a black ground", () => {
  const colours = new NameColours(true, () => []);
  const codes = Array.from({ length: 14 }, (_, index) => colours.codeOf(`n${index}`));
  const [own, tones] = [codes.slice(0, 4), codes.slice(4)];
  assertEquals(own, [36, 32, 34, 94].map((code) => `\x1b[${code}m`), "the terminal chooses these");
  for (const code of tones) {
    const luminance = luminanceOf(Number(code.slice("\x1b[38;5;".length, -1)));
    const contrasts = [1.05 / (luminance + 0.05), (luminance + 0.05) / 0.05];
    assert(Math.min(...contrasts) >= 3, `${JSON.stringify(code)} has ${contrasts}`);
  }
});

/** Relative luminance, as WCAG 2.2 has it, of a tone of the cube of 6 x 6 x 6 that begins at 16. */
function luminanceOf(tone: number): number {
  const [red, green, blue] = [36, 6, 1].map((step) => {
    const level = Math.floor((tone - 16) / step) % 6;
    const value = (level === 0 ? 0 : 55 + 40 * level) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

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
