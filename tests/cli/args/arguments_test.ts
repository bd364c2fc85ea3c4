import denoJson from "../../../deno.json" with { type: "json" };
import { assert, assertEquals, assertLess, assertStringIncludes, assertThrows } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import type { PeerKey, RoomId } from "../../../lib/base/ids.ts";
import {
  asksForJson,
  commandForm,
  COMMON_FLAGS,
  parseCommandLine,
  type ProgramCommand,
  type Request,
} from "../../../lib/cli/args/arguments.ts";
import { type MeshOptions, meshProgramCommand } from "../../../lib/cli/mesh/mesh_arguments.ts";
import { COMMANDS } from "../../../lib/cli/program.ts";
import { takesValue } from "../../../lib/cli/args/flags.ts";
import { usageText } from "../../../lib/cli/args/usage.ts";
import { VERSION } from "../../../lib/cli/session/version.ts";
import { encodeInvite, type Invite } from "../../../lib/protocols/mesh/schema/rotations.ts";
import { cpuMs } from "../../cpu_time.ts";
import { COMMON_OPTIONS, HOME, idle, parsedOptions } from "../parsed_options.ts";
import { fingerprintOf, parseFingerprint } from "../../../lib/base/text/fingerprint.ts";

const [MESH] = idle(meshProgramCommand) as readonly [ProgramCommand];
const USERS = COMMANDS.filter(({ name }) => name.startsWith("users "));

/** What `mesh` would be run with. */
function optionsOf(args: readonly string[], variables = HOME): MeshOptions {
  return parsedOptions(meshProgramCommand, args, variables);
}

function parse(...args: readonly string[]) {
  return parseCommandLine(args, [MESH], (name) => HOME[name]);
}

const INVITE: Invite = {
  room: "ab".repeat(32) as RoomId,
  secret: { epoch: 2, secret: new Uint8Array(16).fill(0x5e) },
  endpoints: [{ host: "192.0.2.7", port: 55_107 }],
};
const INVITE_TEXT = encodeInvite(INVITE);
/** As it was pasted without quotes; no part behind the first looks like an invite. */
const SPLIT = `${INVITE_TEXT.slice(0, -40)} ${INVITE_TEXT.slice(-40, -20)} ${
  INVITE_TEXT.slice(-20)
}`;
const MANY = Array.from(INVITE_TEXT.match(/.{1,25}/g)!).join(" ");
const NOWHERE = encodeInvite({ ...INVITE, endpoints: [] });

/** A fingerprint. */
const KEY = parseFingerprint("ijtghrlfdthizyo5oecdgsej2yv");
/** Another one. */
const OTHER = fingerprintOf("e".repeat(64) as PeerKey);
const GIVEN = { from: "argument", invite: INVITE } as const;

const DEFAULTS: MeshOptions = {
  meet: null,
  forgetsMeet: false,
  mapPort: false,
  passphraseFile: null,
  ...COMMON_OPTIONS,
  name: "Alice",
  contact: null,
  contactKey: null,
  invite: { from: "environment" },
  host: null,
  port: null,
  metrics: null,
  advertise: null,
  historyCount: null,
  keepsWords: true,
  foundNew: false,
  foundPrivate: false,
  room: null,
  title: null,
  words: null,
  passive: false,
  lan: false,
  downloads: null,
  save: null,
  filesMax: 10_000_000_000,
  script: null,
  doors: null,
};

const UNDERSTOOD: readonly (readonly [line: string, differences: Partial<MeshOptions>])[] = [
  ["mesh Alice", {}],
  ["mesh Alice --no-history", { keepsWords: false }],
  ["mesh Bob localhost 55107", { name: "Bob", contact: { host: "localhost", port: 55107 } }],
  ["mesh Bob ::1 1", { name: "Bob", contact: { host: "::1", port: 1 } }],
  ["mesh Bob [::1] 65535", { name: "Bob", contact: { host: "::1", port: 65535 } }],
  ["mesh Bob localhost:55107", { name: "Bob", contact: { host: "localhost", port: 55107 } }],
  ["mesh Bob [fe80::1%eth0]:1", { name: "Bob", contact: { host: "fe80::1%eth0", port: 1 } }],
  [`mesh Bob ::1 1 --key ${KEY}`, {
    name: "Bob",
    contact: { host: "::1", port: 1 },
    contactKey: KEY,
  }],
  [`mesh Bob [::1]:1#${KEY.toUpperCase()}`, {
    name: "Bob",
    contact: { host: "::1", port: 1 },
    contactKey: KEY,
  }],
  ["mesh 007", { name: "007" }],
  ["mesh 1e3", { name: "1e3" }],
  ["--json mesh Alice", { json: true }],
  ["mesh --port 0 Alice", { port: 0 }],
  ["mesh Alice --port=8000 --host 10.0.0.1", { port: 8000, host: "10.0.0.1" }],
  ["mesh Alice --advertise chat.example", { advertise: { host: "chat.example", port: null } }],
  ["mesh Alice --advertise chat.example:80", { advertise: { host: "chat.example", port: 80 } }],
  ["mesh Alice --advertise [::1]:80", { advertise: { host: "::1", port: 80 } }],
  ["mesh Alice --advertise ::1", { advertise: { host: "::1", port: null } }],
  ["mesh Alice --meet none", { forgetsMeet: true }],
  ["mesh Alice --meet none:4400", {
    meet: { host: "none", port: 4_400, others: [], key: null },
  }],
  ["mesh Alice --meet meet.example.org", {
    meet: { host: "meet.example.org", port: null, others: [], key: null },
  }],
  [`mesh Alice --meet [::1]:7#${KEY}`, {
    meet: { host: "::1", port: 7, others: [], key: KEY },
  }],
  ["mesh Alice --history 0 --new --passive", {
    historyCount: 0,
    foundNew: true,
    passive: true,
  }],
  ["mesh Alice --private", { foundPrivate: true }],
  ["mesh Alice --new --private", { foundNew: true, foundPrivate: true }],
  ["mesh Alice --lan --title Tea", { lan: true, title: "Tea" }],
  ["mesh Alice --lan --new", { lan: true, foundNew: true }],
  [`mesh Bob --lan --invite ${NOWHERE}`, {
    name: "Bob",
    lan: true,
    invite: { from: "argument", invite: { ...INVITE, endpoints: [] } },
  }],
  ["mesh Alice --room 1A2b3c4d", { room: "1A2b3c4d" }],
  ["mesh Alice --room=club --title=Café", { room: "club", title: "Café" }],
  [`mesh Bob --invite ${INVITE_TEXT}`, { name: "Bob", invite: GIVEN }],
  [`mesh Bob --invite ${INVITE_TEXT.toUpperCase()}`, { name: "Bob", invite: GIVEN }],
  [`mesh Bob ::1 1 --invite ${NOWHERE}`, {
    name: "Bob",
    contact: { host: "::1", port: 1 },
    invite: { from: "argument", invite: { ...INVITE, endpoints: [] } },
  }],
  ["mesh Alice --invite", { invite: { from: "input" } }],
  ["mesh --invite= Alice", { invite: { from: "input" } }],
  ["mesh Alice --invite -", { invite: { from: "input" } }],
  ["mesh Alice --invite --json", { json: true, invite: { from: "input" } }],
  ["mesh Alice --invite-file /i", { invite: { from: "file", path: "/i" } }],
  ["mesh Alice --plain --no-color --stay --verbose", {
    plain: true,
    colour: false,
    stay: true,
    verbose: true,
  }],
  ["mesh Alice --data /d --log-file /l", { dataFolder: "/d", data: "/d", logFile: "/l" }],
  ["mesh Alice --data -1", { dataFolder: "-1", data: "-1" }],
];

for (const [line, differences] of UNDERSTOOD) {
  Deno.test(`parseCommandLine() understands "${line}"`, () => {
    assertEquals(optionsOf(line.split(" ")), { ...DEFAULTS, ...differences });
  });
}

Deno.test("parseCommandLine() refuses a path relative to a folder that is gone, a variable's too", () => {
  const removed = (line: string, home: string) => () =>
    optionsOf(line.split(" "), { ...HOME, P2PCHAT_FOLDER: "removed", P2PCHAT_HOME: home });
  const refused = [removed("mesh Alice", "rel"), removed("mesh Alice --data rel", "/d")];
  for (const parsed of refused) {
    const error = assertThrows(
      parsed,
      P2pchatError,
      "Cannot use rel: the folder in which this program",
    );
    assertEquals(error.code, "disk");
  }
  assertEquals(removed("mesh Alice --data /d", "rel")().dataFolder, "/d");
});

const REFUSED: readonly (readonly [line: string, sentence: string])[] = [
  ["mehs Alice", "No command mehs; did you mean mesh?"],
  [
    "Alice",
    "No command Alice; there are mesh, help, --version; to begin, p2pchat mesh NAME;",
  ],
  [`mesh Bob --key ${KEY}`, "--key is that of the member at HOST PORT, which is missing"],
  [`mesh Bob ::1 1 --key k7f3`, "--key must be a fingerprint (it must have 27 characters, has 4)"],
  [`mesh Bob [::1]:1#${OTHER} --key ${KEY}`, `--key is ${KEY}, and HOST has ${OTHER}`],
  ["foo", "No command foo; there are mesh, help, --version; "],
  ["help mush", "No command mush; did you mean mesh?"],
  [`${"x".repeat(39)}🌶🌶`, `No command ${"x".repeat(39)}🌶; `],
  ["version", "No command version; did you mean --version?"],
  ["mesh Bob --meet a,b", '--meet names one meeting point, not "a,b"'],
  [`mesh Bob --meet ${"a".repeat(200)}`, "--meet has a host of up to 199 bytes, not"],
  ["mesh Bob --meet a:0", "The port of --meet must be a whole number from 1 to 65535"],
  ["mesh", "A name is missing. Usage: p2pchat mesh NAME [HOST PORT], for example"],
  [
    "mesh Alice localhost",
    "The port is missing after localhost: p2pchat mesh Alice localhost 55107, unless the first line",
  ],
  [
    "mesh Alice localhost --data viel",
    "p2pchat mesh Alice localhost 55107 --data viel, unless the first line",
  ],
  ["mesh Alice localhost 1 2", "Usage: p2pchat mesh NAME [HOST PORT]"],
  ["mesh Alice localhost 0", 'PORT must be a whole number from 1 to 65535, not "0"'],
  ["mesh Alice localhost 65536", 'PORT must be a whole number from 1 to 65535, not "65536"'],
  [
    "mesh Alice ::1:21701",
    'HOST must be a host name or an IP address, not "::1:21701"; write [::1]:21701',
  ],
  ["mesh Alice x:1:2", 'HOST must be a host name or an IP address, not "x:1:2"'],
  ["mesh Alice local/host 1", 'HOST must be a host name or an IP address, not "local/host"'],
  ["mesh Alice --prot 1", "The command mesh has no flag --prot; did you mean --port?"],
  [
    "mesh Alice -p 1",
    "The command mesh has no flag -p; p2pchat help mesh lists all",
  ],
  [
    "mesh Alice --metrics 9090",
    '--metrics must be HOST:PORT, not "9090"; for this machine alone write 127.0.0.1:9090',
  ],
  ["mesh Alice --metrics here", '--metrics must be HOST:PORT, not "here"'],
  ["mesh Alice --metrics ::1", '--metrics must be HOST:PORT, not "::1"; write [::1]:PORT'],
  [
    "mesh Alice --metrics localhost:x",
    'The port of --metrics must be a whole number from 0 to 65535, not "x"',
  ],
  [
    "mesh Alice --metrics :9090",
    'The host of --metrics must be a host name or an IP address, not ""',
  ],
  ["mesh Alice --data /d\ufffd", '--data must be a path in UTF-8, not "/d\ufffd"'],
  ["mesh Alice --log-file \ufffd", '--log-file must be a path in UTF-8, not "\ufffd"'],
  ["mesh Alice --__proto__ x", "The command mesh has no flag --__proto__"],
  ["mesh Alice --privat", "The command mesh has no flag --privat; did you mean --private?"],
  [
    "mesh Alice --invite - --invite-file f",
    "--invite and --invite-file can't be given together",
  ],
  ["mesh Alice --private --invite", "--private creates a room, and --invite joins one"],
  ["mesh Alice --new --invite-file f", "--new creates a room, and --invite-file joins one"],
  [`mesh Alice --invite ${SPLIT}`, "Cannot read the invite: blanks part it into several words"],
  [`mesh Alice --invite ${MANY}`, "Cannot read the invite: blanks part it into several words"],
  [`mesh --invite ${SPLIT} Alice`, "Cannot read the invite: blanks part it into several words"],
  [
    `mesh Alice ${INVITE_TEXT}`,
    "That is an invite: put --invite in its place, and paste it when you are asked for it",
  ],
  [`mesh Alice ${INVITE_TEXT} 55107`, "That is an invite"],
  [`mesh Alice ${INVITE_TEXT.slice(0, 60)} 55107`, "That is an invite"],
  [`mesh ${INVITE_TEXT}`, "That is an invite"],
  [INVITE_TEXT, "That is an invite"],
  [`mesh Alice --port ${INVITE_TEXT}`, "That is an invite"],
  [`mesh Alice --host ${INVITE_TEXT}`, "That is an invite"],
  [`mesh Alice --invite-file=${INVITE_TEXT}`, "That is an invite"],
  [`mesh Alice --data /tmp/${INVITE_TEXT}`, "That is an invite"],
  [`mesh Alice --log-file ${INVITE_TEXT}`, "That is an invite"],
  [`mesh Alice --invite ${NOWHERE}`, "The invite names no address; add one: HOST PORT"],
  [
    `mesh Alice --private --invite ${INVITE_TEXT}`,
    "--private creates a room, and --invite joins one: start one, or join one",
  ],
  [
    "mesh Alice localhost 55107 --private",
    "--private creates a room, and localhost:55107 joins one: start one, or join one",
  ],
  [`mesh Alice --new --invite ${INVITE_TEXT}`, "--new creates a room, and --invite joins one"],
  ["mesh Alice --title=\u202ex", "--title must have 1 to 64 visible characters"],
  [`mesh Alice --title=${"x".repeat(65)}`, "--title must have 1 to 64 visible characters"],
  ["mesh Alice --room 1a2b --new", '--room "1a2b" goes back to a room, and --new leads to one'],
  ["mesh Alice localhost 1 --room 1a2b", "and localhost:1 leads to one: give one of them"],
  [`mesh Alice --room 1a2b --invite ${INVITE_TEXT}`, "and --invite leads to one"],
  ["mesh Alice --port", "--port needs a value: N"],
  ["mesh Alice --port --json", "--port needs a value: N"],
  ["mesh Alice --port 65536", '--port must be a whole number from 0 to 65535, not "65536"'],
  ["mesh Alice --port 1.5", '--port must be a whole number from 0 to 65535, not "1.5"'],
  ["mesh Alice --port -1", '--port must be a whole number from 0 to 65535, not "-1"'],
  ["mesh Alice --json -1", "The command mesh has no flag -1"],
  ["mesh Alice --port 1 --port 2", "--port is given 2 times; give it once"],
  ["mesh Alice --history 10001", '--history must be a whole number from 0 to 10000, not "10001"'],
  [
    "mesh Alice --advertise a:b",
    'The port of --advertise must be a whole number from 1 to 65535, not "b"',
  ],
  [
    "mesh Alice --advertise 0.0.0.0",
    "--advertise is wrong: the address 0.0.0.0 stands for all addresses of a machine, and nobody can dial it; " +
    "write the one at which others reach this machine",
  ],
  [
    "mesh Alice --advertise ::",
    "--advertise is wrong: the address :: stands for all addresses of a machine",
  ],
  ["mesh Alice --advertise [::0]:80", "the address ::0 stands for all addresses of a machine"],
  ["mesh Alice --_", "The command mesh has no flag --_;"],
  ["mesh Alice --_=x y", "The command mesh has no flag --_=x;"],
  ["mesh -_ Alice", "The command mesh has no flag -_;"],
  ["mesh Alice -a_b x", "The command mesh has no flag -a_b;"],
  ["mesh Alice --web 70000", "--web must be a whole number from 0 to 65535"],
  [
    "mesh Alice --web --once hi",
    "--web is beside a console, and --once, --wait and --mcp have none",
  ],
  ["mesh Alice --json=yes", "--json takes no value; leave out what follows it"],
  ["mesh Alice --no-color=yes", "--no-color takes no value; leave out what follows it"],
];

for (const [line, sentence] of REFUSED) {
  Deno.test(`parseCommandLine() refuses "${line}" and says why`, () => {
    const error = assertThrows(() => optionsOf(line.split(" ")), P2pchatError);
    assertEquals([error.code, error.exitStatus], ["usage", 2]);
    assertStringIncludes(error.message, sentence);
    assertEquals(error.message.includes(INVITE_TEXT), false);
  });
}

Deno.test("parseCommandLine() says where a word code belongs that is given as an invite", () => {
  for (const code of ["22-fix-fine", "7 Cross clock"]) {
    const error = assertThrows(() => optionsOf(["mesh", "Alice", "--invite", code]), P2pchatError);
    assertEquals([error.code, error.exitStatus], ["bad-credentials", 4]);
    assertStringIncludes(error.message, "with --words in place of --invite");
    assertEquals(error.message.includes(code), false);
  }
});

for (const line of ["mesh Alice --invite hello", "mesh Alice ::1 1 --invite hello"]) {
  Deno.test(`parseCommandLine() refuses "${line}" with bad-credentials and says why`, () => {
    const error = assertThrows(() => optionsOf(line.split(" ")), P2pchatError);
    assertEquals([error.code, error.exitStatus], ["bad-credentials", 4]);
    assertStringIncludes(error.message, "Cannot read the invite: a character of it is wrong");
  });
}

Deno.test("parseCommandLine() refuses a bad name with bad-name and the reason", () => {
  const error = assertThrows(() => optionsOf(["mesh", "Al ice"]), P2pchatError);
  assertEquals([error.code, error.exitStatus], ["bad-name", 2]);
  assertStringIncludes(error.message, "blanks");
});

for (
  const line of [
    "mesh NAME 192.168.1.5 55107",
    "peer NAME --server chat.example",
    "peer NAME --users users.txt",
    "peer NAME --registry chat.example",
    "users add users.txt NAME 192.168.1.5 5001",
    "accounts add NAME",
  ]
) {
  Deno.test(`parseCommandLine() takes no placeholder for a name: ${line}`, () => {
    const parse = () => parseCommandLine(line.split(" "), COMMANDS, (name) => HOME[name]);
    const error = assertThrows(parse, P2pchatError);
    assertEquals([error.code, error.exitStatus], ["bad-name", 2]);
    assertStringIncludes(error.message, "NAME stands for a name of your choice");
  });
}

const FOLDERS: readonly (readonly [Readonly<Record<string, string>>, string])[] = [
  [{ HOME: "/h" }, "/h/.local/share/p2pchat"],
  [{ HOME: "/h", XDG_DATA_HOME: "/x" }, "/x/p2pchat"],
  [{ HOME: "/h", XDG_DATA_HOME: "relative" }, "/h/.local/share/p2pchat"],
  [{ HOME: "/h", XDG_DATA_HOME: "/x", P2PCHAT_HOME: "/p" }, "/p"],
  [{ HOME: "/h", P2PCHAT_HOME: "" }, "/h/.local/share/p2pchat"],
  [{ HOME: "/h/", P2PCHAT_HOME: "~/p" }, "/h/p"],
  [{ HOME: "/state", P2PCHAT_USER_HOME: "/h", P2PCHAT_HOME: "~" }, "/h"],
];

Deno.test("parseCommandLine() makes the home folder of ~ in every path, whatever names it", async () => {
  const data = optionsOf(["mesh", "Alice", "--data=~/d", "--log-file=~/l"], { HOME: "/h" });
  assertEquals([data.dataFolder, data.logFile], ["/h/d", "/h/l"]);
  const check = parseCommandLine(["users", "check", "~/u"], COMMANDS, () => "/h");
  assert(check.type === "run");
  assertEquals(await check.needs(), [{ path: "/h/u", use: "read" }]);

  for (const { name, chosenBy, flags, fileUse } of COMMANDS) {
    const word = fileUse === undefined ? "Alice" : "/u";
    for (const flag of [...COMMON_FLAGS, ...flags]) {
      if (!takesValue(flag) || flag.use === undefined) continue;
      const chosen = chosenBy === undefined || chosenBy === flag.name ? [] : [`--${chosenBy}=h:1`];
      const line = [...name.split(" "), word, ...chosen, `--${flag.name}=~bob/x`];
      const error = assertThrows(() => parseCommandLine(line, COMMANDS, () => "/h"), P2pchatError);
      assertEquals(error.code, "usage");
      assertStringIncludes(error.message, `home folder is meant by --${flag.name} "~bob/x"`);
    }
  }
});

for (const [variables, folder] of FOLDERS) {
  Deno.test(`parseCommandLine() finds the data folder in ${JSON.stringify(variables)}`, () => {
    assertEquals(optionsOf(["mesh", "Alice"], variables).dataFolder, folder);
    assertEquals(optionsOf(["mesh", "Alice", "--data", "/d"], variables).dataFolder, "/d");
  });
}

Deno.test("parseCommandLine() heeds NO_COLOR unless it is empty", () => {
  assertEquals(optionsOf(["mesh", "Alice"], { ...HOME, NO_COLOR: "1" }).colour, false);
  assertEquals(optionsOf(["mesh", "Alice"], { ...HOME, NO_COLOR: "" }).colour, true);
});

Deno.test("parseCommandLine() tells help that was asked for from help that is needed", () => {
  const ofAll: Request = { type: "help", about: [], asked: true };
  const ofMesh: Request = { type: "help", about: [MESH], asked: true };

  assertEquals(parse(), { ...ofAll, asked: false });
  assertEquals(parse("help"), ofAll);
  assertEquals(parse("--help"), ofAll);
  assertEquals(parse("help", "mesh"), ofMesh);
  assertEquals(parse("mesh", "--help"), ofMesh);
  assertEquals(parse("mesh", "Alice", "localhost", "-h"), ofMesh);
  assertEquals(parse("--version"), { type: "version" });
});

Deno.test("parseCommandLine() says that the command is missing where flags alone are given", () => {
  const refused = assertThrows(() => parse("--once", "hi"), P2pchatError);
  const text = "The command is missing: --once needs one; p2pchat help lists them";
  assertEquals([refused.code, refused.message], ["usage", text]);
});

Deno.test("parseCommandLine() refuses 64 KB of letters behind one dash at once", () => {
  const letters = `-${"x".repeat(65_535)}`;
  const tookMs = cpuMs(() => {
    const refused = assertThrows(
      () => parseCommandLine(["mesh", "Alice", letters], COMMANDS, (name) => HOME[name]),
      P2pchatError,
    );
    assertEquals(refused.code, "usage");
    assertLess(refused.message.length, 500);
  });
  assertLess(tookMs, 5_000, "hours, where it grows with the square");
});

Deno.test("parseCommandLine() knows commands of two words, and all that begin with one", () => {
  const commands = [MESH, ...USERS];
  const request = (line: string) =>
    parseCommandLine(line.split(" "), commands, (name) => HOME[name]);
  const [, add] = USERS;

  assertEquals(request("users check users.txt").type, "run");
  for (const line of ["help users", "users --help", "--help users"]) {
    assertEquals(request(line), { type: "help", about: USERS, asked: true });
  }
  for (const line of ["help users add", "users add --help", "users add f n -h"]) {
    assertEquals(request(line), { type: "help", about: [add!], asked: true });
  }
  const refused: readonly (readonly [line: string, sentence: string])[] = [
    ["users", "The command users needs a second word; there are users check, users add, users key"],
    ["users chek f", "No command users chek; did you mean users check?"],
    [
      "users del f bob",
      "No command users del; there are users check, users add, users key, users card;",
    ],
    [
      "users frobnicate",
      "No command users frobnicate; there are users check, users add, users key, users card; p2pchat --help says",
    ],
    ["help users frobnicate", "No command users frobnicate; there are users check, "],
    ["user add f", "No command user; did you mean users?"],
    ["chat", "No command chat; there are "],
    ["help chat", "No command chat; there are "],
    ["add f", "No command add"],
    ["--foo", "There is no flag --foo; p2pchat help lists all"],
    [
      "users check",
      "Usage: p2pchat users check FILE, for example p2pchat users check users.txt",
    ],
    ["users check a b", "Usage: p2pchat users check FILE, for example"],
    [
      "users add f bob b",
      "Usage: p2pchat users add FILE CARD | FILE NAME HOST PORT [FINGERPRINT], for",
    ],
    [
      "users add f junk",
      '"junk" is no contact card: one begins with p2pchat-card:, as p2pchat users card NAME prints it; without',
    ],
    [
      "users add f",
      "Usage: p2pchat users add FILE CARD | FILE NAME HOST PORT [FINGERPRINT], for",
    ],
    ["users add f bob b 1 k x", "Usage: p2pchat users add FILE CARD | FILE NAME HOST PORT"],
    ["users add f bob b/ 1", 'HOST must be a host name or an IP address, not "b/"'],
    ["users add f bob b 0", 'PORT must be a whole number from 1 to 65535, not "0"'],
    ["users add f bob b 1 k7", 'Cannot use fingerprint "k7": it must have 27 characters, has 2;'],
    ["users check /a\ufffd", 'FILE must be a path in UTF-8, not "/a\ufffd"; name another one'],
    ["users check /a --log-file /b/../a", "--log-file and FILE can't be one file"],
    ["users key", "Usage: p2pchat users key NAME [HOST PORT], for example"],
    ["users key bob b", "Usage: p2pchat users key NAME [HOST PORT], for example"],
    ["users key bob b 1 2", "Usage: p2pchat users key NAME [HOST PORT], for example"],
    ["users key bob --port 1", "The command users key has no flag --port"],
  ];
  for (const [line, sentence] of refused) {
    const error = assertThrows(() => request(line), P2pchatError, sentence);
    assertEquals(error.code, "usage");
  }
  assertEquals(assertThrows(() => request("users add f a/b b 1"), P2pchatError).code, "bad-name");
});

Deno.test("asksForJson() sees the flag in arguments that are wrong, not behind --, nor as a text", () => {
  const asks = (...args: readonly string[]) => asksForJson(args, COMMANDS);
  assertEquals(asks("mehs", "--json"), true);
  assertEquals(asks("mesh", "--", "--json"), false);
  assertEquals(asks("mesh", "Ann", "--once", "--json"), false);
});

Deno.test("usageText() has an example and every flag of each command", () => {
  const commands = [MESH, ...USERS];
  const all = usageText([], commands);
  for (const command of commands) {
    assertStringIncludes(all, command.example);
    const one = usageText([command], commands);
    assertStringIncludes(one, command.example);
    for (const flag of command.flags) assertStringIncludes(one, `--${flag.name}`);
    // The example is one: the program understands it.
    parseCommandLine(command.example.split(" ").slice(1), commands, (name) => HOME[name]);
  }
});

Deno.test("usageText() fits into 80 columns, but for the forms of commands, and loses no word", () => {
  for (const about of [[], ...COMMANDS.map((command) => [command])]) {
    const text = usageText(about, COMMANDS);
    const forms = COMMANDS.flatMap((command) => [commandForm(command), command.example]);
    for (const line of text.split("\n")) {
      assert(line.length <= 80 || forms.some((form) => line.endsWith(form)), line);
    }
    const words = text.replaceAll(/\s+/g, " ");
    for (const { help, flags } of about) {
      for (const said of [help, ...flags.map((flag) => flag.help)]) {
        assertStringIncludes(words, said);
      }
    }
  }
});

Deno.test("usageText() breaks no word in a narrow terminal, and loses none", () => {
  for (const about of [[], ...COMMANDS.map((command) => [command])]) {
    const wide = usageText(about, COMMANDS).split(/\s+/).filter((word) => word !== "");
    for (const columns of [40, 60, 79]) {
      const text = usageText(about, COMMANDS, columns);
      assertEquals(text.split(/\s+/).filter((word) => word !== ""), wide);
      for (const line of text.split("\n")) assert(line.length <= columns, line);
    }
  }
  const narrow = usageText([meshProgramCommand], COMMANDS, 40).split("\n");
  assertEquals(narrow.slice(0, 3), [
    "p2pchat mesh NAME [HOST PORT]",
    "    a room without a server: create one,",
    "    or join through any member",
  ]);
});

Deno.test("usageText() ends with what to begin with, where it is still on the screen", () => {
  const lines = usageText([], [meshProgramCommand]).trimEnd().split("\n");
  assertEquals(lines.slice(-3), [
    "To begin, on each machine of one network:  p2pchat mesh NAME --lan",
    "To try it on one machine:                  p2pchat mesh Alice",
    "in another terminal:                       p2pchat mesh Bob localhost 55107",
  ]);
});

Deno.test("usageText() promises of --plain what it does: progress, not the prompt, stays as it is", () => {
  assertStringIncludes(usageText([], [meshProgramCommand]), "no progress lines that are rewritten");
});

Deno.test("VERSION is that of deno.json", () => {
  assertEquals(VERSION, denoJson.version);
});

Deno.test("parseCommandLine() takes what follows --web for its port only where it is a number", () => {
  const doorsOf = (line: string) => {
    const { name, doors } = optionsOf(line.split(" "));
    return [name, doors?.web?.port];
  };
  assertEquals(doorsOf("mesh Alice --web"), ["Alice", null]);
  assertEquals(doorsOf("mesh --web Alice"), ["Alice", null]);
  assertEquals(doorsOf("mesh --web --plain Alice"), ["Alice", null]);
  assertEquals(doorsOf("mesh Alice --web 5000"), ["Alice", 5_000]);
  assertEquals(doorsOf("mesh --web=0 Alice"), ["Alice", 0]);
  assertEquals(doorsOf("mesh Alice"), ["Alice", undefined]);
});
