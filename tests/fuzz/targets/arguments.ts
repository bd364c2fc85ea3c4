/**
 * Command lines that no shell should start the program with, words and flags with a NUL between them: each is understood,
 * without a look at network or files, or refused with `usage`, `bad-name` or `bad-credentials` in a sentence that repeats no invite.
 */

import { assert } from "@std/assert";
import { utf8 } from "../../../lib/base/crypto/crypto.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { COMMON_FLAGS, parseCommandLine } from "../../../lib/cli/args/arguments.ts";
import { COMMANDS } from "../../../lib/cli/program.ts";
import { usageText } from "../../../lib/cli/args/usage.ts";
import { hasInvite } from "../../../lib/base/text/invite_text.ts";
import type { Random } from "../../sim/random.ts";
import { NO_TEXT, spoilt } from "../changes.ts";
import { INVITE } from "./invites.ts";
import type { Target } from "../target.ts";

const FLAGS = [...COMMON_FLAGS, ...COMMANDS.flatMap(({ flags }) => flags)]
  .map(({ name }) => `--${name}`);
const WORDS = [
  "Alice",
  "localhost",
  "55107",
  "0",
  "65536",
  "-1",
  "30s",
  "500ms",
  "1e9h",
  "99999999d",
]
  .concat(["10.0.0.1:4400", "[::1]:6000", "host:", ":1", "own", "ask", "all", "nobody", "3", "1.5"])
  .concat(["/tmp/x", "users.txt", "≈Вob", "b".repeat(33), "", "-", "--", "-x", "--no-such", INVITE])
  .concat(["help", "users add", "e\u0301", "\u202e", "x".repeat(300)]);
const PIECES = ["\0", "=", " ", "\n", "\x1b[2J"].concat(FLAGS, WORDS).map(utf8).concat(NO_TEXT);

const ENVIRONMENT: Readonly<Record<string, string>> = { HOME: "/home/alice" };

function make(random: Random): Uint8Array {
  const command = random.pick(COMMANDS);
  const words = command.name.split(" ");
  if (command.chosenBy !== undefined) words.push(`--${command.chosenBy}`, random.pick(WORDS));
  for (let more = random.below(6); more > 0; more--) {
    const flag = random.chance(0.8) && command.flags.length > 0
      ? `--${random.pick(command.flags).name}`
      : random.pick(FLAGS);
    const word = random.pick(WORDS);
    words.push(...random.pick([[word], [word], [flag, word], [`${flag}=${word}`]]));
  }
  return spoilt(utf8(words.join("\0")), PIECES, random);
}

function check(input: Uint8Array): boolean {
  const args = new TextDecoder().decode(input).split("\0");
  try {
    const request = parseCommandLine(args, COMMANDS, (name) => ENVIRONMENT[name]);
    if (request.type === "help") assert(usageText(request.about, COMMANDS).length > 0);
    return true;
  } catch (error) {
    if (!(error instanceof P2pchatError)) throw error;
    const { code, message } = error;
    assert(["usage", "bad-name", "bad-credentials"].includes(code), `${code}: ${message}`);
    // A path is repeated whole: it must be found.
    assert(message.length > 0 && message.length < 1_000 + input.length, message);
    assert(!hasInvite(message), "what is as good as a secret isn't repeated");
    return false;
  }
}

export const argumentsTarget: Target = { name: "arguments", pieces: PIECES, make, check };
