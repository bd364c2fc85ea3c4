import { assertEquals } from "@std/assert";
import { finder } from "../../../lib/base/text/search.ts";

const FOUND: readonly (readonly [wanted: string, text: string, isFound: boolean])[] = [
  ["dinner", "Late DINNER?", true],
  ["DINNER", "late dinner", true],
  ["die", "STRAẞE", false],
  ["straße", "die STRASSE hier", true],
  ["STRASSE", "die Straße hier", true],
  ["οδος", "ΟΔΟΣ", true],
  ["οδος", "ΟΔΟΣΗΜΑΝΣΗ", true],
  ["ΟΔΟΣ", "η οδός, οδος", true],
  ["ﬁle", "the FILE", true],
  ["a.b", "axb", false],
  ["é", "cafe\u0301", true],
];

for (const [wanted, text, isFound] of FOUND) {
  Deno.test(`${wanted} is ${isFound ? "" : "not "}found in ${text}`, () => {
    assertEquals(finder(wanted)(text), isFound);
  });
}
