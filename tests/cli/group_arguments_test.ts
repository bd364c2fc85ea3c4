import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { P2pchatError } from "../../lib/base/errors.ts";
import { parseFingerprint } from "../../lib/base/text/fingerprint.ts";
import { parseCommandLine } from "../../lib/cli/args/arguments.ts";
import { friendsProgramCommand } from "../../lib/cli/friends/friends_arguments.ts";
import { memberProgramCommand } from "../../lib/cli/group/member_arguments.ts";
import type { MemberOptions } from "../../lib/cli/group/member_arguments.ts";
import type { ServeOptions } from "../../lib/cli/group/serve_arguments.ts";
import { serveProgramCommand } from "../../lib/cli/group/serve_arguments.ts";
import { usageText } from "../../lib/cli/args/usage.ts";
import type { PeerKey } from "../../lib/base/ids.ts";
import {
  encodeGroupInvite,
  type GroupInvite,
} from "../../lib/protocols/group/schema/group_secrets.ts";
import { EDIT_POLICIES } from "../../lib/protocols/group/schema/edit.ts";
import { COMMON_OPTIONS, HOME, idle, parsedOptions } from "./parsed_options.ts";

const COMMON = {
  ...COMMON_OPTIONS,
} as const;

const KEY = parseFingerprint("ijtghrlfdthizyo5oecdgsej2yv");

const MEMBER: MemberOptions = {
  passphraseFile: null,
  ...COMMON,
  name: "Alice",
  server: { host: "chat.example", port: 6_000 },
  otherServers: [],
  serverKey: null,
  invite: { from: "environment" },
  host: null,
  port: null,
  advertise: null,
  logPath: null,
  words: null,
  historyCount: null,
  wait: true,
  script: null,
  doors: null,
};

const GROUP_INVITE: GroupInvite = {
  coordinator: "ab".repeat(32) as PeerKey,
  secret: { epoch: 2, secret: new Uint8Array(16).fill(0x5e) },
  endpoint: { host: "192.0.2.7", port: 6_000 },
};
const INVITE = encodeGroupInvite(GROUP_INVITE);
/** As it was pasted without quotes; no part behind the first looks like an invite. */
const SPLIT = `${INVITE.slice(0, 20)} ${INVITE.slice(20, 50)} ${INVITE.slice(50)}`;

const MEMBERS: readonly (readonly [line: string, differences: Partial<MemberOptions>])[] = [
  ["peer Alice --server chat.example", {}],
  ["peer --server=chat.example Alice", {}],
  ["peer Alice --server chat.example:7000", { server: { host: "chat.example", port: 7_000 } }],
  ["peer Alice --server [::1]:7000", { server: { host: "::1", port: 7_000 } }],
  ["peer Alice --server chat.example --invite", { invite: { from: "input" } }],
  ["peer Alice --invite - --server chat.example", { invite: { from: "input" } }],
  ["peer Alice --invite-file /i --server chat.example", { invite: { from: "file", path: "/i" } }],
  [`peer Alice --server chat.example --invite ${INVITE}`, {
    invite: { from: "argument", invite: GROUP_INVITE },
  }],
  [`peer Alice --server chat.example#${KEY}`, { serverKey: KEY }],
  ["peer Alice --server ::1", { server: { host: "::1", port: 6_000 } }],
  ["peer Alice --server chat.example --port 9001 --host ::1", { port: 9_001, host: "::1" }],
  ["peer Alice --server chat.example --advertise me.example:7", {
    advertise: { host: "me.example", port: 7 },
  }],
  ["peer Alice --server one,two:7000,10.0.0.3", {
    server: { host: "one", port: 6_000 },
    otherServers: [{ host: "two", port: 7_000 }, { host: "10.0.0.3", port: 6_000 }],
  }],
  ["peer Alice --server one,two:7000", {
    server: { host: "one", port: 7_000 },
    otherServers: [{ host: "two", port: 7_000 }],
  }],
  ["peer Alice --server chat.example --db /tmp/log.txt --no-wait", {
    logPath: "/tmp/log.txt",
    wait: false,
  }],
];

for (const [line, differences] of MEMBERS) {
  Deno.test(`parseCommandLine() understands "${line}"`, () => {
    assertEquals(parsedOptions(memberProgramCommand, line.split(" ")), {
      ...MEMBER,
      ...differences,
    });
  });
}

const SERVE: ServeOptions = {
  mapPort: false,
  group: null,
  engine: null,
  engineCa: null,
  engineCert: null,
  engineKey: null,
  engineUser: null,
  enginePasswordFile: null,
  ...COMMON,
  host: null,
  port: 6_000,
  metrics: null,
  advertise: null,
  failAfterMs: 3_000,
  edits: "own",
  voteTimeoutMs: 30_000,
  membersMax: 64,
  private: false,
  foundNew: false,
  snapshotEveryMs: null,
};

const ENGINE = {
  text: "etcd://e/x",
  nodes: ["http://e:2379"],
  isSecure: false,
  prefix: "x/",
};

const SERVERS: readonly (readonly [line: string, differences: Partial<ServeOptions>])[] = [
  ["serve", {}],
  ["serve --port 7000 --host 10.0.0.1", { port: 7_000, host: "10.0.0.1" }],
  ["serve --port 0", { port: 0 }],
  ["serve --new", { foundNew: true }],
  ["serve --private", { private: true }],
  ["serve --advertise chat.example", { advertise: { host: "chat.example", port: null } }],
  ["serve --fail-after 500ms --max-clients 1", { failAfterMs: 500, membersMax: 1 }],
  ["serve --fail-after 10m --max-clients 64", { failAfterMs: 600_000 }],
  ...EDIT_POLICIES.map((edits) => [`serve --edits ${edits}`, { edits }] as const),
  ["serve --snapshot-every 1m", { snapshotEveryMs: 60_000 }],
  ["serve --vote-timeout 500ms", { voteTimeoutMs: 500 }],
  ["serve --vote-timeout 1440m", { voteTimeoutMs: 86_400_000 }],
  ["serve --engine etcd://e/x --group team.1", { engine: ENGINE, group: "team.1" }],
];

for (const [line, differences] of SERVERS) {
  Deno.test(`parseCommandLine() understands "${line}"`, () => {
    assertEquals(parsedOptions(serveProgramCommand, line.split(" ")), {
      ...SERVE,
      ...differences,
    });
  });
}

const COMMANDS = idle(serveProgramCommand, memberProgramCommand, friendsProgramCommand);
const FORMS =
  "The forms are p2pchat peer NAME --server HOST[:PORT], or p2pchat peer [NAME] --users FILE";

const REFUSED: readonly (readonly [line: string, sentence: string])[] = [
  ["peer", `--server or --users is missing. ${FORMS}`],
  ["peer Alice", `--server or --users is missing. ${FORMS}`],
  ["peer Alice --users u --server h", `--server and --users can't be given together. ${FORMS}`],
  ["peer --server chat.example", "A name is missing. Usage: p2pchat peer NAME --server HOST"],
  ["peer Alice Bob --server h", "Usage: p2pchat peer NAME --server HOST[:PORT], for example"],
  [`peer Alice ${INVITE} --server h`, "That is an invite: put --invite in its place"],
  [`peer Alice --server h --invite ${SPLIT}`, "blanks part it into several words"],
  ["peer Alice --server one,", '--server must be a host name or an IP address, not ""'],
  ["serve --group team", "--group is given without --engine: a group in an engine has both"],
  ["serve --engine etcd://e", "--engine is given without --group: a group in an engine has both"],
  [
    "serve --engine etcd://e --group a/b",
    '--group must be at most 64 letters, digits and ._-, not "a/b"',
  ],
  ["peer Alice --server", "--server needs a value: HOST[:PORT]"],
  ["peer Alice --server a/b", '--server must be a host name or an IP address, not "a/b"'],
  ["peer Alice --server h:0", "The port of --server must be a whole number from 1 to 65535"],
  ["peer Alice --server h 6000", 'Unexpected argument "6000"'],
  ["peer Alice --server h:6000 Bob", 'Unexpected argument "Bob"'],
  ["peer Alice --server h:6000 6000", 'Unexpected argument "6000"'],
  ["peer Alice --server h --db=", "--db needs a value: FILE"],
  ["peer Alice --server h --db /d/f --log-file /d/./f", "--log-file and --db can't be one file"],
  ["peer Alice --server h --port 65536", "--port must be a whole number from 0 to 65535"],
  ["peer Alice --server h --idle 1s", "The command peer --server has no flag --idle"],
  ["peer Alice --server h --no-queue", "The command peer --server has no flag --no-queue"],
  ["peer Alice --users u --no-wait", "The command peer --users has no flag --no-wait"],
  ["peer Alice --users u --db f", "The command peer --users has no flag --db"],
  ["peer Alice --users u --advertise h", "The command peer --users has no flag --advertise"],
  [
    "peer Alice --server h --advertise [::]:9000",
    "--advertise is wrong: the address :: stands for all addresses of a machine, and nobody can dial it; " +
    "write the one at which other members reach this machine",
  ],
  ["peer Alice --server h --fail-after 1s", "The command peer --server has no flag --fail-after"],
  ["serve --db f", "The command serve has no flag --db"],
  ["serve Alice", 'Unexpected argument "Alice". Usage: p2pchat serve'],
  ["serve --advertise 0.0.0.0:1", "at which members reach this machine"],
  ["serve --port x", '--port must be a whole number from 0 to 65535, not "x"'],
  [
    "serve --fail-after 499ms",
    '--fail-after must be a duration from 500ms to 10m in ms, s, m, h or d, not "499ms"',
  ],
  [
    "serve --fail-after 11m",
    "--fail-after must be a duration from 500ms to 10m in ms, s, m, h or d",
  ],
  [
    "serve --fail-after 3",
    '--fail-after must be a duration from 500ms to 10m in ms, s, m, h or d, not "3"',
  ],
  ["serve --edits never", '--edits must be own, ask or auto, not "never"'],
  ["serve --edits aks", "did you mean ask?"],
  ["serve --edits", "--edits needs a value: WHO"],
  [
    "serve --vote-timeout 499ms",
    "--vote-timeout must be a duration from 500ms to 1d in ms, s, m, h or d",
  ],
  [
    "serve --vote-timeout 1441m",
    "--vote-timeout must be a duration from 500ms to 1d in ms, s, m, h or d",
  ],
  ["peer Alice --server h --edits ask", "The command peer --server has no flag --edits"],
  ["serve --max-clients 0", "--max-clients must be a whole number from 1 to 64"],
  ["serve --max-clients 65", "--max-clients must be a whole number from 1 to 64"],
];

for (const [line, sentence] of REFUSED) {
  Deno.test(`parseCommandLine() refuses "${line}" and says why`, () => {
    const error = assertThrows(
      () => parseCommandLine(line.split(" "), COMMANDS, (name) => HOME[name]),
      P2pchatError,
    );
    assertEquals([error.code, error.exitStatus], ["usage", 2]);
    assertStringIncludes(error.message, sentence);
  });
}

Deno.test("parseCommandLine() refuses a bad name of a member with bad-name", () => {
  const line = ["peer", "a/b", "--server", "h"];
  const error = assertThrows(
    () => parseCommandLine(line, COMMANDS, (name) => HOME[name]),
    P2pchatError,
  );
  assertEquals([error.code, error.exitStatus], ["bad-name", 2]);
});

Deno.test("parseCommandLine() explains all commands of one name", () => {
  for (const line of [["help", "peer"], ["peer", "--help"]]) {
    const request = parseCommandLine(line, COMMANDS, (name) => HOME[name]);
    assertEquals(request, {
      type: "help",
      about: COMMANDS.slice(1),
      asked: true,
    });
  }
});

Deno.test("usageText() has examples of a group that the program understands, and every flag", () => {
  const about = [serveProgramCommand, memberProgramCommand];
  const text = usageText(about, COMMANDS);

  assertStringIncludes(text, "\nJoining:\n  --server ");
  assertStringIncludes(text, "p2pchat serve\n");
  for (const { example, flags } of about) {
    assertStringIncludes(text, example);
    for (const { name } of flags) assertStringIncludes(text, `--${name}`);
    const request = parseCommandLine(example.split(" ").slice(1), COMMANDS, (name) => HOME[name]);
    assertEquals(request.type, "run");
  }
});
