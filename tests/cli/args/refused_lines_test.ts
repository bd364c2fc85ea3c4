/** What a command line is refused for: code, exit status, and one sentence, in both forms of output. */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { parseCommandLine } from "../../../lib/cli/args/arguments.ts";
import { COMMANDS } from "../../../lib/cli/program.ts";
import { usageText } from "../../../lib/cli/args/usage.ts";
import { endingOf } from "../../../lib/cli/session/answers.ts";
import { HOME } from "../parsed_options.ts";

type Refused = readonly [words: readonly string[], code: string, sentence: RegExp];

const MESH: readonly Refused[] = [
  [["mehs", "Bob"], "usage", /No command mehs; did you mean mesh\?/],
  [["chat"], "usage", /No command chat; there are mesh, .*p2pchat mesh NAME/],
  [["mesh"], "usage", /p2pchat mesh NAME \[HOST PORT\], for example p2pchat mesh Bob localhost/],
  [["--verison"], "usage", /no flag --verison; did you mean --version\?/],
  [["mesh", "Bob", "--verison"], "usage", /no flag --verison; did you mean --version\?/],
  [
    ["mesh", "Bob", "localhost"],
    "usage",
    /port is missing after localhost: p2pchat mesh Bob localhost 55107, unless/,
  ],
  [
    ["mesh", "Bob", "::1"],
    "usage",
    /port is missing after ::1: p2pchat mesh Bob ::1 55107, unless/,
  ],
  [["mesh", "Bob", "localhost:x"], "usage", /port of HOST .* from 1 to 65535, not "x"/],
  [["mesh", "Bob", "[::1]:0"], "usage", /port of HOST .* from 1 to 65535, not "0"/],
  [
    ["mesh", "Bob", "localhost", "5", "--new"],
    "usage",
    /--new creates a room, and localhost:5 joins one: start one, or join one/,
  ],
  [["mesh", "Bob", "localhost", "1", "2"], "usage", /mesh NAME \[HOST PORT\]/],
  [["mesh", "Bob", "localhost", "70000"], "usage", /PORT .* from 1 to 65535, not "70000"/],
  [["mesh", "Bob", "localhost", "x"], "usage", /PORT .* from 1 to 65535, not "x"/],
  [["mesh", "Bob", "a b", "1"], "usage", /HOST .* host name or an IP address, not "a b"/],
  [["mesh", "Bob", "--prot", "5"], "usage", /no flag --prot; did you mean --port\?/],
  [["mesh", "Bob", "--xyzzy"], "usage", /no flag --xyzzy; p2pchat help mesh lists/],
  [["mesh", "Bob", "--port"], "usage", /--port needs a value/],
  [["mesh", "Bob", "--port=-1"], "usage", /--port must be .* 0 to 65535, not "-1"/],
  [
    ["mesh", "Bob", "--port", "1", "--port", "2"],
    "usage",
    /--port is given 2 times; give it once/,
  ],
  [["mesh", "Bob", "--new=yes"], "usage", /--new takes no value/],
  [["mesh", "Bob", "--history", "ten"], "usage", /--history must be .* 0 to 10000, not "ten"/],
  [["mesh", "Bob", "--advertise", "a:b:c:x"], "usage", /--advertise .* IP address, not "a:b:c:x"/],
  [["mesh", "Bob", "--host", "127.0.0.1:5"], "usage", /--host .* IP address, not "127.0.0.1:5"/],
  [["mesh", ""], "bad-name", /it is empty/],
  [["mesh", "Bo b"], "bad-name", /"Bo b".*not blanks/],
  [["mesh", "_bob"], "bad-name", /start with a letter or a digit/],
  [["mesh", "*directory*"], "bad-name", /start with a letter|letters, digits,/],
  [["mesh", "x".repeat(33)], "bad-name", /at most 32 characters, this one has 33/],
  [["mesh", "Bob\x1b[2J"], "bad-name", /not U\+001B/],
  [["mesh", "Bob\u202e"], "bad-name", /U\+202E/],
  [["mesh", "Bob/../x"], "bad-name", /letters, digits, /],
  [["mesh", "Bob👍"], "bad-name", /letters, digits, /],
];

const USERS_COMMANDS: readonly Refused[] = [
  [["users"], "usage", /^The command users needs a second word; there are users check, users add,/],
  [
    ["users", "chek", "users.txt"],
    "usage",
    /^No command users chek; did you mean users check\?/,
  ],
];

const PEER = ["peer", "Alice", "--server", "127.0.0.1"];

const GROUP: readonly Refused[] = [
  [
    ["peer", "Alice"],
    "usage",
    /--server, --registry or --users is missing\. The forms are .*, or /,
  ],
  [[...PEER, "--users", "u"], "usage", /--server and --users can't be given together/],
  [["peer", "--server", "127.0.0.1"], "usage", /A name is missing\. .*peer NAME --server/],
  [["peer", "a b", "--server", "h"], "bad-name", /"a b".*not blanks/],
  [["peer", "*coordinator*", "--server", "h"], "bad-name", /letters, digits,|start with/],
  [[...PEER, "--idle", "1s"], "usage", /peer --server has no flag --idle/],
  [[...PEER, "--port", "70000"], "usage", /--port must be .* "70000"/],
  [["peer", "Alice", "--server", "a:b:c"], "usage", /--server/],
  [
    ["serve", "Alice"],
    "usage",
    /Unexpected argument "Alice". Usage: p2pchat serve$/,
  ],
  [["serve", "--fail-after", "3"], "usage", /--fail-after must be a duration/],
  [["serve", "--fail-after", "1ms"], "usage", /from 500ms to 10m in ms, s, m, h or d, not "1ms"/],
  [
    ["serve", "--photo", "5m"],
    "usage",
    /serve has no flag --photo; p2pchat help serve lists/,
  ],
  [["serve", "--max-clients", "0"], "usage", /--max-clients must be .*from 1 to 64/],
];

const USERS = ["--users", "none.txt"];

const FRIENDS: readonly Refused[] = [
  [
    ["peer"],
    "usage",
    /--server, --registry or --users is missing\. .*peer \[NAME\] --users FILE/,
  ],
  [["peer", "alice"], "usage", /--server, --registry or --users is missing/],
  [["peer", "alice", "--users"], "usage", /--users needs a value/],
  [["peer", "alice", "--users", ""], "usage", /--users needs a value: FILE/],
  [["peer", "alice", "bob", ...USERS], "usage", /peer \[NAME\] --users FILE/],
  [["peer", ...USERS], "usage", /Which row of none\.txt is yours\? Name yourself, .* --port/],
  [["peer", ...USERS, "--port", "0"], "usage", /Which row of none\.txt is yours\?/],
  [["peer", "alice", ...USERS, "--port", "70000"], "usage", /--port must be .* "70000"/],
  [["peer", "alice", ...USERS, "--idle", "soon"], "usage", /--idle must be a duration .* "soon"/],
  [["peer", "alice", ...USERS, "--host", "a:1"], "usage", /--host must be .* "a:1"/],
  [
    ["peer", "alice", ...USERS, "--no-queu"],
    "usage",
    /no flag --no-queu; did you mean --no-queue\?/,
  ],
  [["peer", "al ice", ...USERS], "bad-name", /"al ice".*not blanks/],
  [["peer", "*directory*", ...USERS], "bad-name", /letters, digits,|start with/],
];

const GUEST = ["peer", "alice", "--registry", "127.0.0.1:1", "--host", "127.0.0.1"];
const SECRET = "correct horse";

/** A script comes in one way, under a name, and its password is never an argument. */
const DIRECTORY: readonly Refused[] = [
  [[...GUEST, "--login", "--guest"], "usage", /./],
  [[...GUEST, "--guest", "--new-password-file", "p.txt"], "usage", /./],
  [[...GUEST, "--login", "--password", SECRET], "usage", /./],
  [["peer", "--guest", ...GUEST.slice(2)], "usage", /./],
];

for (const [mode, cases] of Object.entries({ MESH, USERS_COMMANDS, GROUP, FRIENDS, DIRECTORY })) {
  for (const [words, code, sentence] of cases) {
    Deno.test(`command line (${mode.toLowerCase().replace("_", " ")}): refused is ${JSON.stringify(words.join(" "))}`, () => {
      const error = assertThrows(
        () => parseCommandLine(words, COMMANDS, (name) => HOME[name]),
        P2pchatError,
      );

      const inText = endingOf(error, false, 0);
      const inJson = endingOf(error, true, 0);
      const { event, code: given, text } = JSON.parse(inJson.text);
      assertEquals([event, given, inText.status, inJson.status], ["fatal", code, 2, 2]);
      assertEquals(inText.text, `error: ${text}\n`);
      assertMatch(text, sentence);
      // deno-lint-ignore no-control-regex -- that is what must not be there
      assert(!/[\x00-\x1f\x7f\u202e]/.test(text), "nothing that moves a cursor");
      assert(!text.includes(SECRET), "no secret is repeated");
    });
  }
}

Deno.test("command line: help of a command that several modes have shows an example of each", () => {
  const text = (command: string) => {
    const request = parseCommandLine([command, "--help"], COMMANDS, (name) => HOME[name]);
    assert(request.type === "help");
    return usageText(request.about, COMMANDS);
  };
  assertMatch(text("serve"), /for example: p2pchat serve/);
  assertMatch(text("peer"), /for example: p2pchat peer Alice --server/);
  assertMatch(text("peer"), /p2pchat peer alice --users users\.txt/);
});
