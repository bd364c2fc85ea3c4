import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import type { FriendsOptions } from "../../../lib/cli/friends/friends_arguments.ts";
import { friendsProgramCommand } from "../../../lib/cli/friends/friends_arguments.ts";
import { usageText } from "../../../lib/cli/args/usage.ts";
import { COMMON_OPTIONS, parsedOptions } from "../parsed_options.ts";

/** What `peer` would be run with. */
function optionsOf(line: string): FriendsOptions {
  return parsedOptions(friendsProgramCommand, line.split(" "));
}

const DEFAULTS: FriendsOptions = {
  mapPort: false,
  passphraseFile: null,
  ...COMMON_OPTIONS,
  file: "users.txt",
  own: { name: "alice" },
  host: null,
  port: null,
  idleMs: 60_000,
  historyCount: null,
  keepsWords: true,
  queue: true,
  downloads: null,
  save: null,
  filesMax: 10_000_000_000,
  script: null,
  doors: null,
};

const UNDERSTOOD: readonly (readonly [line: string, differences: Partial<FriendsOptions>])[] = [
  ["peer alice --users users.txt", {}],
  ["peer --users users.txt alice", {}],
  ["peer alice --users=/etc/friends", { file: "/etc/friends" }],
  ["peer Zoe\u0308 --users users.txt", { own: { name: "Zoë" } }],
  ["peer --users users.txt --port 5001", { own: { port: 5_001 }, port: 5_001 }],
  ["peer alice --users users.txt --port 5001", { port: 5_001 }],
  ["peer alice --users users.txt --port 0 --host ::1", { port: 0, host: "::1" }],
  ["peer alice --users users.txt --idle 500ms", { idleMs: 500 }],
  ["peer alice --users users.txt --idle 30m", { idleMs: 1_800_000 }],
  ["peer alice --users users.txt --no-queue", { queue: false }],
  ["peer alice --users users.txt --history 5", { historyCount: 5 }],
  ["peer alice --users users.txt --no-history", { keepsWords: false }],
  ["peer alice --users users.txt --save in --files-max 2GB", { save: "in", filesMax: 2e9 }],
  ["peer alice --users users.txt --json --stay", { json: true, stay: true }],
];

for (const [line, differences] of UNDERSTOOD) {
  Deno.test(`parseCommandLine() understands "${line}"`, () => {
    assertEquals(optionsOf(line), { ...DEFAULTS, ...differences });
  });
}

const REFUSED: readonly (readonly [line: string, sentence: string])[] = [
  ["peer alice", "--users FILE is missing. Usage: p2pchat peer [NAME] --users FILE"],
  ["peer", "--users FILE is missing"],
  ["peer alice --users", "--users needs a value: FILE"],
  ["peer alice --users=", "--users needs a value: FILE"],
  ["peer --users users.txt", "Which row of users.txt is yours? Name yourself"],
  ["peer --users users.txt --port 0", "Which row of users.txt is yours?"],
  ["peer alice bob --users users.txt", "Usage: p2pchat peer [NAME] --users FILE"],
  ["peer alice --users users.txt --port 65536", "--port must be a whole number from 0 to 65535"],
  ["peer alice --users users.txt --idle 60", "--idle must be a duration"],
  [
    "peer alice --users users.txt --idle -1s",
    "--idle must be a duration of 24 days at most, such as",
  ],
  ["peer alice --idle -1s --users users.txt", 'not "-1s"'],
  ["peer alice --users users.txt --host a/b", "--host must be a host name or an IP address"],
  ["peer alice --users users.txt --no-queue=1", "--no-queue takes no value"],
  ["peer alice --users users.txt --private", "The command peer --users has no flag --private"],
  ["peer alice --user users.txt", "did you mean --users?"],
];

for (const [line, sentence] of REFUSED) {
  Deno.test(`parseCommandLine() refuses "${line}" and says why`, () => {
    const error = assertThrows(() => optionsOf(line), P2pchatError);
    assertEquals([error.code, error.exitStatus], ["usage", 2]);
    assertStringIncludes(error.message, sentence);
  });
}

Deno.test("parseCommandLine() refuses a bad name of one's own with bad-name", () => {
  const error = assertThrows(() => optionsOf("peer a/b --users users.txt"), P2pchatError);
  assertEquals([error.code, error.exitStatus], ["bad-name", 2]);
});

Deno.test("usageText() has an example of peer that the program understands, and every flag", () => {
  const text = usageText([friendsProgramCommand], [friendsProgramCommand]);

  assertStringIncludes(text, friendsProgramCommand.example);
  for (const { name } of friendsProgramCommand.flags) assertStringIncludes(text, `--${name}`);
  const args = friendsProgramCommand.example.split(" ").slice(1);
  assertEquals(optionsOf(args.join(" ")), DEFAULTS);
});
