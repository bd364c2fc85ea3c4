/**
 * Objects that no script should send: each is a command of the mode or a refusal with a sentence, which carries the
 * `ref` where that could be read.
 */

import { utf8 } from "../../../lib/base/crypto/crypto.ts";
import type { Random } from "../../sim/random.ts";
import { NO_TEXT, spoilt } from "../changes.ts";
import { MODES } from "../modes.ts";
import type { Target } from "../target.ts";

const FIELDS = [
  "name",
  "text",
  "n",
  "to",
  "rotate",
  "topic",
  "new",
  "seq",
  "part",
  "id",
  "__proto__",
];
const VALUES = ['"Bob"', '"two\\nlines"', '""', "1", "-1", "1e999", "0.5", "null", "true", "false"]
  .concat(["[]", "{}", '"\\ud800"', '"\\u0000"', '"/quit"', '"3"', `"${"x".repeat(300)}"`]);
const PIECES = [
  "{",
  "}",
  '"',
  ":",
  ",",
  "[",
  "]",
  "\\",
  "\\u",
  "null",
  "-",
  "e",
  " ",
  "\t",
  "\u2028",
]
  .concat(FIELDS, VALUES)
  .map(utf8)
  .concat(NO_TEXT);

function input(random: Random): Uint8Array {
  const { commandNames } = random.pick(MODES);
  const fields = [`"command":${JSON.stringify(random.pick([...commandNames, "none", ""]))}`];
  if (random.chance(0.5)) fields.push(`"ref":${random.pick(['"r"', "1", "null"])}`);
  for (let more = random.below(4); more > 0; more--) {
    fields.push(`"${random.pick(FIELDS)}":${random.pick(VALUES)}`);
  }
  return spoilt(utf8(`{${random.shuffled(fields).join(",")}}`), PIECES, random);
}

/** @returns Whether any mode understands it. */
function check(bytes: Uint8Array): boolean {
  const line = new TextDecoder().decode(bytes);
  return MODES.map((mode) => mode.isGood(line, true)).some((isGood) => isGood);
}

export const objectsTarget: Target = { name: "objects", pieces: PIECES, make: input, check };
