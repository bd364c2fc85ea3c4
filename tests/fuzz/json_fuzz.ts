/**
 * Objects that no script should send: each is a command of the mode or a refusal with a sentence, which carries the
 * `ref` where that could be read. `SECONDS` (10) and `SEED` (by chance); a failure prints the seed that repeats it.
 */

import { assert, assertEquals } from "@std/assert";
import { utf8 } from "../../lib/base/crypto.ts";
import type { CommandTable, ParsedLine } from "../../lib/cli/commands.ts";
import { friendsCommands } from "../../lib/cli/friends_commands.ts";
import { memberCommands } from "../../lib/cli/member_commands.ts";
import { meshCommands } from "../../lib/cli/mesh_commands.ts";
import { regserverCommands } from "../../lib/cli/regserver_commands.ts";
import { serveCommands } from "../../lib/cli/serve_commands.ts";
import type { Random } from "../sim/random.ts";
import { NO_TEXT, spoilt, tryInputs } from "./inputs.ts";

interface Mode {
  readonly names: readonly string[];
  readonly isGood: (line: string) => boolean;
}

const MODES: readonly Mode[] = [
  modeOf(meshCommands),
  modeOf(friendsCommands),
  modeOf(memberCommands),
  modeOf(regserverCommands),
  modeOf(serveCommands),
];

function modeOf<Target>(table: CommandTable<Target>): Mode {
  return {
    names: table.commands.flatMap(({ name, aliases }) => [name, ...aliases]),
    isGood: (line) => checkParsed(table.parse(line, true)),
  };
}

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
  const { names } = random.pick(MODES);
  const fields = [`"command":${JSON.stringify(random.pick([...names, "none", ""]))}`];
  if (random.chance(0.5)) fields.push(`"ref":${random.pick(['"r"', "1", "null"])}`);
  for (let more = random.below(4); more > 0; more--) {
    fields.push(`"${random.pick(FIELDS)}":${random.pick(VALUES)}`);
  }
  return spoilt(utf8(`{${random.shuffled(fields).join(",")}}`), PIECES, random);
}

/** @returns Whether any mode understands it. */
function check(bytes: Uint8Array): boolean {
  const line = new TextDecoder().decode(bytes);
  return MODES.map(({ isGood }) => isGood(line)).some((isGood) => isGood);
}

/** A refusal is a sentence that fits on a screen and can be printed. @returns Whether it is none. */
export function checkParsed<Target>(parsed: ParsedLine<Target>): boolean {
  if (parsed.type !== "refused") return true;
  const { code, message } = parsed.error;
  assert(["usage", "unknown-command", "bad-name", "too-long", "unknown-user"].includes(code), code);
  assert(message.length > 0 && message.length < 1_000, message);
  assertEquals(typeof (parsed.ref ?? ""), "string");
  return false;
}

if (import.meta.main) await tryInputs("JSON", "json_fuzz.ts", input, check);
