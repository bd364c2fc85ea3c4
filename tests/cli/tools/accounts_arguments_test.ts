import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { COMMANDS } from "../../../lib/cli/program.ts";
import { parseCommandLine } from "../../../lib/cli/args/arguments.ts";
import { usageText } from "../../../lib/cli/args/usage.ts";

function parsed(line: string) {
  const request = parseCommandLine(line.split(" "), ACCOUNTS, () => "/home/alice");
  return request.type;
}

Deno.test("accounts: each example of the usage is a command line", () => {
  for (const { example } of ACCOUNTS) {
    assertEquals(parsed(example.replace("p2pchat ", "")), "run", example);
    assertStringIncludes(usageText([], ACCOUNTS), example);
  }
});

const REFUSED: readonly (readonly [line: string, code: string, sentence: string])[] = [
  ["accounts list a b", "usage", "Usage: p2pchat accounts list [FILE]"],
  [
    "accounts add",
    "usage",
    "Usage: p2pchat accounts add NAME, for example p2pchat accounts add alice",
  ],
  ["accounts add a/b", "bad-name", 'Invalid name "a/b"'],
  ["accounts passwd", "usage", "Usage: p2pchat accounts passwd NAME"],
  ["accounts remove", "usage", "Usage: p2pchat accounts remove NAME..."],
  ["accounts remove bob -x", "usage", "The command accounts remove has no flag -x"],
  ["accounts remove bob *", "bad-name", 'Invalid name "*"'],
  ["accounts import", "usage", "Usage: p2pchat accounts import FILE"],
  ["accounts import a b", "usage", "Usage: p2pchat accounts import FILE"],
  [
    "accounts remove bob --password-file x",
    "usage",
    "The command accounts remove has no flag --password-file",
  ],
  ["accounts add bob --password x", "usage", "did you mean --password-file?"],
  ["accounts add bob --password-file", "usage", "--password-file needs a value: FILE"],
  [
    "accounts",
    "usage",
    "needs a second word; there are accounts list, accounts add, accounts passwd",
  ],
  ["accounts lst", "usage", "did you mean accounts list?"],
];

const ACCOUNTS = COMMANDS.filter(({ name }) => name.startsWith("accounts "));

for (const [line, code, sentence] of REFUSED) {
  Deno.test(`parseCommandLine() refuses "${line}" and says why`, () => {
    const error = assertThrows(() => parsed(line), P2pchatError);
    assertEquals([error.code, error.exitStatus], [code, 2]);
    assertStringIncludes(error.message, sentence);
  });
}

Deno.test("accounts add: a password that somebody gave as an argument is in no error", () => {
  for (const command of ["add", "passwd"]) {
    const error = assertThrows(() => parsed(`accounts ${command} bob hunter2`), P2pchatError);
    assert(!error.message.includes("hunter2"), error.message);
  }
});
