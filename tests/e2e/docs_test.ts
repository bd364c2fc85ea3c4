/** The examples in the user documentation work as printed. */

import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { P2pchatError } from "../../lib/base/errors.ts";
import { fileURLToPath } from "node:url";
import { parseCommandLine } from "../../lib/cli/args/arguments.ts";
import { friendsCommands } from "../../lib/cli/friends/friends_commands.ts";
import { meshCommands } from "../../lib/cli/mesh/mesh_commands.ts";
import { meshProgramCommand } from "../../lib/cli/mesh/mesh_arguments.ts";
import { friendsProgramCommand } from "../../lib/cli/friends/friends_arguments.ts";
import { registryProgramCommand } from "../../lib/cli/directory/registry_arguments.ts";
import { registryCommands } from "../../lib/cli/directory/registry_commands.ts";
import { PromptState } from "../../lib/cli/directory/prompt_state.ts";
import { regserverProgramCommand } from "../../lib/cli/directory/regserver_arguments.ts";
import { regserverCommands } from "../../lib/cli/directory/regserver_commands.ts";
import { COMMANDS } from "../../lib/cli/program.ts";
import { FORCED_EXIT_STATUS } from "../../lib/cli/streams/interrupts.ts";
import { HANDLERS } from "../../lib/cli/page/assets/happenings.js";
import { importRows } from "../../lib/cli/tools/accounts_import.ts";
import { parseAccounts } from "../../lib/store/accounts/accounts_csv.ts";
import { memberProgramCommand } from "../../lib/cli/group/member_arguments.ts";
import { memberCommands } from "../../lib/cli/group/member_commands.ts";
import { serveProgramCommand } from "../../lib/cli/group/serve_arguments.ts";
import { serveCommands } from "../../lib/cli/group/serve_commands.ts";
import { CALL_REASONS, LOGOUT_REASONS } from "../../lib/protocols/directory/schema/events.ts";
import * as directoryLimits from "../../lib/protocols/directory/schema/limits.ts";
import { EXIT_STATUS_BY_CODE } from "../../lib/base/errors.ts";
import { userInfoRows } from "../../lib/store/users/user_info.ts";
import { EXIT_STATUSES } from "../../tools/man_page.ts";
import { RECOVERY_SCENES } from "../sim/group/recovery_scenes.ts";
import { holds, Node, Nodes, type ShownEvent } from "./node.ts";
import { TextProgram } from "./text_program.ts";

const ROOT = new URL("../../", import.meta.url);

function page(path: string): Promise<string> {
  return Deno.readTextFile(new URL(path, ROOT));
}

Deno.test("docs/scripting.md: the bot tells the time to all, and in private", async () => {
  await using nodes = new Nodes();
  const ann = await nodes.ready("Ann", null);
  const bot = await runBot("clock.mjs", "127.0.0.1", String(ann.port));
  try {
    await ann.until((event) => event.event === "joined" && event.name === "clock");

    await ann.say("!time");
    const toAll = await ann.until(byClock);
    await ann.command({ command: "msg", name: "clock", text: "!time" });
    const toAnn = await ann.until((event) => byClock(event) && event.private);

    assertMatch(toAll.text, /^It is \d{4}-\d\d-\d\dT/);
    assertEquals([toAll.private, toAnn.private], [false, true]);
    assertEquals(ann.texts("clock").length, 2);
  } finally {
    await bot.kill();
    await ann.until((event) => event.event === "left" && event.name === "clock");
    await bot.remove();
  }
});

Deno.test("docs/scripting.md: the bot takes a call, and answers what is said in it, also when it was killed before", async () => {
  await using nodes = new Nodes();
  const registry = await openDirectory(nodes);
  const bot = await runBot("answering.mjs", registry);
  try {
    const ann = nodes.add(Node.start(["peer", "Ann", "--registry", registry, "--guest"]));
    await ann.until(({ event, users, name }) =>
      event === "users" && users.length === 2 || event === "presence" && name === "desk"
    );
    for (let call = 0; call < 2; call++) {
      const from = ann.events.length;
      if (call === 0) {
        await bot.kill();
        await ann.until(isDesk("offline"), undefined, from);
        const gone = ann.events.length;
        bot.startAgain();
        await ann.until(isDesk("free"), undefined, gone);
      }
      await ann.type("desk");
      await ann.until(
        ({ event, state }) => event === "call" && state === "connected",
        undefined,
        from,
      );
      await ann.say("hello");
      const answer = await ann.until(
        ({ event, self }) => event === "message" && !self,
        undefined,
        from,
      );
      assertEquals([answer.from, answer.text], ["desk", "You said 5 letters"]);
      await ann.say("bye");
      const end = await ann.until(
        ({ event, state }) => event === "call" && state === "ended",
        undefined,
        from,
      );
      assertEquals(end.reason, "hung-up");
    }
  } finally {
    await bot.kill();
    await bot.remove();
  }
});

Deno.test("docs/scripting.md: a bot that can't come in ends as its program does", async () => {
  for (
    const [name, ...address] of [["clock.mjs", "127.0.0.1", "1"], [
      "answering.mjs",
      "not:1:an address",
    ]]
  ) {
    const bot = await runBot(name!, ...address);
    assertEquals((await bot.status).code, name === "clock.mjs" ? 3 : 2);
    await bot.remove();
  }
});

const isDesk = (is: string) => ({ event, name, state }: ShownEvent) =>
  event === "presence" && name === "desk" && state === is;

/** Runs the script of that name from docs/scripting.md. */
async function runBot(name: string, ...args: readonly string[]) {
  const scripts = [...(await page("docs/scripting.md")).matchAll(/```js\n(.*?)```/gs)];
  const script = scripts.map(([, text]) => text!).find((text) =>
    text.startsWith(`// node ${name}`)
  );
  assert(script !== undefined);
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-bot-" });
  const path = `${folder}/${name}`;
  await Deno.writeTextFile(path, script);
  const started = () =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", path, ...args],
      cwd: fileURLToPath(ROOT),
      env: { P2PCHAT_HOME: folder },
      stdin: "null",
    }).spawn();
  let process = started();
  return {
    status: process.status,
    async kill() {
      process.kill("SIGKILL");
      await process.status;
    },
    startAgain: () => void (process = started()),
    // Its program notes when it left after it has said so.
    remove: () =>
      holds(
        "the bot's folder is removed",
        () =>
          Deno.remove(folder, { recursive: true }).then(() => true, (error) => {
            if (error.code === "ENOTEMPTY") return false;
            throw error;
          }),
      ),
  };
}

/** Starts a directory. @returns Its address. */
async function openDirectory(nodes: Nodes): Promise<string> {
  const directory = nodes.add(Node.start(["regserver", "--host", "127.0.0.1", "--port", "0"]));
  const { port } = await directory.until(({ event }) => event === "ready");
  return `127.0.0.1:${port}`;
}

function byClock(event: ShownEvent): boolean {
  return event.event === "message" && event.from === "clock";
}

/** The standing is fixed, as the meaning of lines doesn't matter here. */
const registryCommandTable = registryCommands(
  () => new PromptState("alice", () => 0).where,
  false,
);

/** The commands of the program whose names begin with this word. */
function programsOf(word: string) {
  return COMMANDS.filter(({ name }) => name.startsWith(`${word} `));
}

const MODES = [
  { page: "mesh.md", commands: meshCommands.commands, program: meshProgramCommand },
  { page: "friends.md", commands: friendsCommands.commands, program: friendsProgramCommand },
  { page: "group.md", commands: memberCommands.commands, program: memberProgramCommand },
  { page: "group.md", commands: serveCommands.commands, program: serveProgramCommand },
  {
    page: "directory.md",
    commands: registryCommandTable.commands,
    program: registryProgramCommand,
  },
  { page: "directory.md", commands: regserverCommands.commands, program: regserverProgramCommand },
];

for (const { page: name, commands, program } of MODES) {
  Deno.test(`docs/${name}: names each command and each flag of ${program.name} (${program.form})`, async () => {
    const text = await page(`docs/${name}`);
    const missing = [
      ...commands.map(({ name }) => name === "quit" ? ":q" : `/${name}`),
      ...program.flags.map(({ name }) => `--${name}`),
    ].filter((word) => !text.includes(`\`${word}`));
    assertEquals(missing, []);
  });
}

Deno.test("docs/scripting.md: names each event, each field and each command with its arguments", async () => {
  const text = await page("docs/scripting.md");
  const mesh = await page("lib/protocols/mesh/schema/events.ts");
  const friends = await page("lib/protocols/friends/events.ts");
  const group = await page("lib/protocols/group/schema/events.ts");
  const directory = await page("lib/protocols/directory/schema/events.ts");
  const common = await page("lib/base/machine/mode_machine.ts");
  const between = (text: string, start: string, end: string) => {
    const [from, to] = [text.indexOf(start), text.indexOf(end)];
    assert(from >= 0 && to > from, `${start} comes before ${end}`);
    return text.slice(from, to);
  };
  const declared = between(mesh, "", "export type MeshCommand") +
    between(friends, "", "export type FriendsCommand") +
    group.replace(/export type \w+Command =.*?;\n(?=\n|$)/gs, "") +
    between(directory, "", "export type ClientCommand") +
    between(common, "export type ModeEvent", "export type ModeCommand") +
    await page("lib/cli/args/help_text.ts");
  const names = (pattern: RegExp) => [...declared.matchAll(pattern)].map(([, name]) => name!);
  const events = names(/readonly event: "(\w+)"/g);
  // The console makes digits of the two keys, and the program itself says how it ends.
  const fields = names(/readonly (\w+)\??: /g).filter((name) => !/^(own|peer)Key$/.test(name));
  const commands = MODES.flatMap(({ commands }) =>
    commands.flatMap(({ name, argumentNames }) => [name, ...argumentNames])
  );

  const said = ["digits", "fatal", "bye", "at", "ref", ...Object.keys(HANDLERS)];
  const missing = [...events, ...fields, ...commands, ...said]
    .filter((name) => !new RegExp(`[\`"]${name}[\`"]`).test(text));

  assert(events.includes("verify") && fields.includes("upToDate"), "it reads the declarations");
  assertEquals([...new Set(missing)], []);
});

/** The values of `reason` in the row of a directory's event that begins with `start`, sorted. */
async function reasonsIn(start: string): Promise<readonly string[]> {
  const text = await page("docs/scripting.md");
  const directory = text.slice(text.indexOf("\n## A directory: "));
  const row = directory.split("\n").find((line) => line.replaceAll(/ +/g, " ").startsWith(start));
  const reasons = row?.slice(row.lastIndexOf("`reason`")) ?? "";
  const words = [...reasons.matchAll(/`([a-z-]+)`/g)].map(([, word]) => word!);
  return [...new Set(words.slice(1))].sort();
}

Deno.test("docs/scripting.md: names each reason with which a call ends, and no other", async () => {
  const states = ["ended", "declined", "unreachable"];
  assertEquals(await reasonsIn("| `call` | `call`, "), [...CALL_REASONS, ...states].sort());
});

Deno.test("docs/scripting.md: names each reason with which a client leaves the directory, and no other", async () => {
  assertEquals(await reasonsIn("| `logout` | `name`, "), [...LOGOUT_REASONS].sort());
});

Deno.test("docs/scripting.md: names each code, and with which status it ends", async () => {
  const rows = [...(await page("docs/scripting.md")).matchAll(/^\| `([a-z-]+)` +\| (\d) +\| \S/gm)];

  assertEquals(
    rows.map(([, code, status]) => [code, Number(status)]),
    Object.entries(EXIT_STATUS_BY_CODE),
  );
});

Deno.test("docs/scripting.md: its exit statuses are those of the program, and of the manual page", async () => {
  const [, ending = ""] = (await page("docs/scripting.md")).split("\n## How it ends\n");
  const rows = [...ending.matchAll(/^\| (\d+) +\| (\S.*?) +\|$/gm)];
  const statuses = new Set([0, ...Object.values(EXIT_STATUS_BY_CODE), FORCED_EXIT_STATUS]);

  assertEquals(rows.map(([, status]) => Number(status)), [...statuses]);
  assertEquals(rows.map(([, status, text]) => [Number(status), text!] as const), [
    ...EXIT_STATUSES,
  ]);
});

Deno.test("docs/group-crashes.md: each row on recovery is a scene that is played, and each scene a row", async () => {
  const text = await page("docs/group-crashes.md");
  const recovery = text.slice(text.indexOf("\n## Recovery\n"));
  const tables = recovery.split("\n### ").slice(1).map((part) => {
    const [heading, ...lines] = part.split("\n");
    const cells = lines.filter((line) => line.startsWith("|")).map((line) => line.split("|")[1]!);
    return [heading!, cells.slice(2).map((cell) => cell.trim())];
  });

  const scenes = Object.entries(RECOVERY_SCENES).map(([table, rows]) => [table, Object.keys(rows)]);
  assertEquals(tables, scenes);
});

Deno.test("docs/friends.md: its table is one, and its commands are those there are", async () => {
  const text = await page("docs/friends.md");
  const [, , table, commands] = [...text.matchAll(/```text\n(.*?)```/gs)].map((match) => match[1]!);
  const lines = commands!.trimEnd().split("\n").map((line) => line.split(/ {2,}/)[0]!.split(" "));

  assertEquals(
    userInfoRows("users.txt", new TextEncoder().encode(table)).map(({ name }) => name),
    ["alice", "bob", "carol"],
  );
  for (const words of lines) {
    const request = parseCommandLine(words.slice(1), programsOf("users"), () => "/home/alice");
    assertEquals(request.type, "run");
  }
  assertEquals(lines.length, programsOf("users").length);
});

Deno.test("docs/directory.md: the operator's commands are those there are, its table and its import are some", async () => {
  const text = await page("docs/directory.md");
  const accounts = text.slice(text.indexOf("\n## Accounts: "));
  const [commands, people, table] = [...accounts.matchAll(/```text\n(.*?)```/gs)].map((match) =>
    match[1]!
  );
  const lines = commands!.trimEnd().split("\n").map((line) => line.split(/ {2,}/)[0]!.split(" "));
  const bytes = (text: string) => new TextEncoder().encode(text);

  for (const words of lines) {
    const request = parseCommandLine(words.slice(1), programsOf("accounts"), () => "/home/alice");
    assertEquals(request.type, "run");
  }
  assertEquals(lines.length, programsOf("accounts").length);
  const rows = importRows("people.csv", bytes(people!)).map((row) => "name" in row && row.name);
  assertEquals(rows, ["alice", "Zoë"]);
  const { table: known, complaints } = parseAccounts("accounts.csv", bytes(table!));
  assertEquals([known.size, complaints], [1, []]);
});

Deno.test("README.md, docs: each command line in a block is one", async () => {
  const paths = ["README.md"];
  for await (const { name } of Deno.readDir(new URL("docs", ROOT))) {
    if (name.endsWith(".md")) paths.push(`docs/${name}`);
  }
  const first = new Set(COMMANDS.map(({ name }) => name.split(" ")[0]!));
  const lines: string[] = [];
  for (const path of paths) {
    const text = (await page(path)).replaceAll(/\\\n\s*/g, "");
    for (const [block] of text.matchAll(/^```(?:sh|text|ini)\n.*?^```/gms)) {
      for (const [, command] of block.matchAll(/^(?:.*[ /])?p2pchat (\S.*)$/gm)) {
        const line = command!.split(/ {2,}| [#<>|]/)[0]!.trim();
        // What a script puts in isn't known here.
        if (first.has(line.split(" ")[0]!) && !line.includes("$")) lines.push(`${path}: ${line}`);
      }
    }
  }

  assert(lines.length >= 60, `${lines.length}`);
  for (const line of lines) {
    const words = line.slice(line.indexOf(": ") + 2).replace(" NAME", " Ann").split(" ");
    assertEquals(parseCommandLine(words, COMMANDS, () => "/home/alice").type, "run", line);
  }
});

Deno.test("docs/irc.md, README.md: --irc is there in the modes that have it, and friends are told that they have none", async () => {
  const modes = [
    "mesh Alice",
    "peer Alice --server h",
    "peer alice --registry h",
    "peer alice --users u",
  ];
  const programs = COMMANDS.filter(({ name }) => name === "mesh" || name === "peer");
  const parsed = modes.map((mode) => () =>
    parseCommandLine([...mode.split(" "), "--irc"], programs, () => "/home/alice").type
  );
  const friends = parsed.pop()!;
  for (const mode of parsed) assertEquals(mode(), "run");
  assertThrows(friends, P2pchatError, "The command peer --users has no flag --irc");

  assertStringIncludes(await page("docs/irc.md"), "friends (`peer --users`) have none");
  assertStringIncludes(await page("README.md"), "with `--irc` (not among friends)");
});

Deno.test("docs/directory.md: its limits are those of the program", async () => {
  const text = await page("docs/directory.md");
  const limits = text.slice(text.indexOf("\n## Limits\n"), text.indexOf("\n## Accounts: "));
  const [, , ...rows] = limits.split("\n").filter((line) => line.startsWith("|"));
  const of = directoryLimits;
  const number = (value: number) => value.toLocaleString("en");
  const seconds = (ms: number) => `${ms / 1_000} s`;
  const minutes = (ms: number) => `${ms / 60_000} min`;

  assertEquals(rows.map((row) => row.split("|")[2]!.trim()), [
    `${number(of.CLIENTS_MAX_DEFAULT)} (${number(of.CLIENTS_MAX)})`,
    seconds(of.HELLO_MS_MAX),
    seconds(of.GUEST_HELD_MS),
    `${of.WRONG_MAX}, ${of.WRONG_FROM_ADDRESS_MAX}, ${seconds(of.LOCK_OUT_MS)}`,
    `${of.SIGN_UPS_MAX_DEFAULT}`,
    `${of.REFUSALS_MAX}`,
    seconds(of.RINGING_MS_MAX),
    `${seconds(of.DIRECT_MS_MAX)}, ${seconds(of.CONNECTING_MS_MAX)}`,
    `${of.RELAY_BYTES_PER_S / 1_024} KiB`,
    `${of.CALLS_BURST}, ${1 / of.CALLS_PER_S} s`,
    `${of.RINGS_BURST}, ${1 / of.RINGS_PER_S} s`,
    `${of.MISSED_MAX}`,
    `${number(of.TEXT_BYTES_MAX)} bytes`,
    `${of.BROADCASTS_MAX}`,
    `${number(of.KEPT_MAX)} or ${of.KEPT_BYTES_MAX / 1_024 ** 2} MiB`,
    `${minutes(of.TTL_MS_DEFAULT)} (${of.TTL_MS_MAX / 86_400_000} days)`,
    seconds(of.KICKED_MS),
    minutes(of.FULL_MS_MAX),
  ]);
  assertEquals([of.SIGN_UPS_MS, of.BROADCASTS_MS], [3_600_000, 60_000]);
});

Deno.test("docs/directory.md: the session reads as it does", async () => {
  const text = await page("docs/directory.md");
  const session = /```text\n(\$ p2pchat regserver\n.*?)```/s.exec(text)![1]!;
  // Addresses, keys and durations are other ones each time.
  const plain = (line: string) =>
    line.replace(/192\.168\.1\.5|127\.0\.0\.1:\d+/g, "HOST").replace(/at \d+\./, "at PORT.")
      .replace(/\b[a-z2-7]{27}\b/, "KEY").replace(/after .*/, "after a while");
  // What is asked, typed or advised stands at a terminal alone.
  const atTerminal = /^(?:[$?] |and at|\w+ \(.*\)>|1\) |Name:|Password|Repeat it:|Call somebody)/;
  const told = (part: string) =>
    part.trimEnd().split("\n").filter((line) => !atTerminal.test(line))
      .map((line) => plain(line.replace(/^\d\d:\d\d /, "")));
  const [ofDirectory, ofAlice] = session.split(/\n\n/).map(told);

  const port = ["--host", "127.0.0.1", "--port", "0"];
  await using directory = TextProgram.start(["regserver", ...port]);
  const [, at] = await directory.until(/Listening at (\d+)/);
  const come = ["--registry", `127.0.0.1:${at}`, "--host", "127.0.0.1"];
  await using bob = TextProgram.start(["peer", "bob", ...come, "--guest"]);
  await bob.until(/Online/);
  const env = { P2PCHAT_PASSWORD: "correct horse" };
  await using alice = TextProgram.start(["peer", "alice", ...come, "--signup", "--trust-first"], {
    env,
  });
  await alice.until(/Online/);
  await alice.type("bob", "shall we?");
  await bob.until(/is calling/);
  await bob.type("/accept", "at seven");
  await alice.until(/at seven/);
  await alice.type("q");
  await alice.until(/hung up.*\n.*Online.*\n/);

  const linesOfDirectory = () => directory.lines.slice(0, ofDirectory!.length).map(plain);
  await holds("it has shown it", () => linesOfDirectory().length === ofDirectory!.length);
  assertEquals(linesOfDirectory(), ofDirectory);
  assertEquals(alice.lines.map(plain), ofAlice);
});
