import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { checkSpelling, drawnCode, readCode } from "../../../lib/protocols/words/word_codes.ts";
import fc from "fast-check";

Deno.test("the list has 2,048 words of three letters or more, which differ in the first four", () => {
  assertEquals(wordlist.length, 2_048);
  assertEquals(new Set(wordlist.map((word) => word.slice(0, 4))).size, 2_048);
  assertEquals(wordlist.every((word) => /^[a-z]{3,8}$/.test(word)), true);
});

Deno.test("drawnCode() takes 22 bits, eleven for each word", () => {
  const drawn = (bits: number) => {
    const random = new Uint8Array(4);
    new DataView(random.buffer).setUint32(0, bits);
    return drawnCode(7, random).text;
  };

  assertEquals(drawn(0), "7-abandon-abandon");
  assertEquals(drawn(2 ** 22 - 1), "7-zoo-zoo");
  assertEquals(drawn(2 ** 11), "7-abandon-ability");
  assertEquals(drawn(2 ** 22), drawn(0));
});

Deno.test("readCode() reads every code as it is shown, shouted, or with four letters of each word", () => {
  const word = fc.integer({ min: 0, max: 2_047 });
  fc.assert(fc.property(fc.integer({ min: 1, max: 99 }), word, word, (number, first, second) => {
    const words = [wordlist[first]!, wordlist[second]!];
    const code = { number, text: `${number}-${words.join("-")}` };
    assertEquals(readCode(code.text), code);
    assertEquals(readCode(` ${number} ${words.join(" ").toUpperCase()} `), code);
    const starts = words.map((each) => each.slice(0, 4)).join("-");
    assertEquals(readCode(`${number}-${starts}`), code);
  }));
});

Deno.test("readCode() and checkSpelling() refuse what can be no code, and don't repeat it", () => {
  for (
    const [typed, fault] of [
      ["7-zebra", "no word code"],
      ["7-zebra-zoo-zoo", "no word code"],
      ["", "no word code"],
      ["100-cross-clock", "begins with a number"],
      ["0-cross-clock", "begins with a number"],
      ["cross-7-clock", "begins with a number"],
      ["7-crosswise-clock", "the first word"],
      ["7-cross-cloc", null],
      ["7-cross-clockwork", "the second word"],
      ["7-cross-clo", "the second word"],
    ] as const
  ) {
    if (fault === null) {
      checkSpelling(readCode(typed));
      assertEquals(readCode(typed).text, "7-cross-clock");
      continue;
    }
    const error = assertThrows(() => checkSpelling(readCode(typed)), P2pchatError);
    assertEquals(error.code, "usage");
    assertStringIncludes(error.message, fault);
    assertEquals(typed !== "" && error.message.includes(typed), false);
  }
});
