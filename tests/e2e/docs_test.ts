/** What the user pages show works as it stands there. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import { parseCommandLine } from "../../lib/cli/arguments.ts";
import { friendsCommands } from "../../lib/cli/friends_commands.ts";
import { meshCommands } from "../../lib/cli/mesh_commands.ts";
import { meshProgramCommand } from "../../lib/cli/mesh_arguments.ts";
import { friendsProgramCommand } from "../../lib/cli/friends_arguments.ts";
import { usersProgramCommands } from "../../lib/cli/users_arguments.ts";
import { accountsProgramCommands } from "../../lib/cli/accounts_arguments.ts";
import { importRows } from "../../lib/cli/import_file.ts";
import { parseAccounts } from "../../lib/store/accounts_csv.ts";
import { memberProgramCommand } from "../../lib/cli/member_arguments.ts";
import { memberCommands } from "../../lib/cli/member_commands.ts";
import { serveProgramCommand } from "../../lib/cli/serve_arguments.ts";
import { serveCommands } from "../../lib/cli/serve_commands.ts";
import { userInfoRows } from "../../lib/store/user_info.ts";
import { RECOVERY_SCENES } from "../sim/group/recovery_scenes.ts";
import { Nodes, type ShownEvent } from "./node.ts";

const ROOT = new URL("../../", import.meta.url);

function page(path: string): Promise<string> {
  return Deno.readTextFile(new URL(path, ROOT));
}

Deno.test("docs/scripting.md: the bot tells the time to all, and in private", async () => {
  const bot = /```js\n(.*?)```/s.exec(await page("docs/scripting.md"))?.[1];
  assert(bot !== undefined);
  await using nodes = new Nodes();
  const ann = await nodes.ready("Ann", null);
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-bot-" });
  const path = `${folder}/clock.mjs`;
  await Deno.writeTextFile(path, bot);
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", path, "127.0.0.1", String(ann.port)],
    cwd: fileURLToPath(ROOT),
    env: { P2PCHAT_HOME: folder },
    stdin: "null",
  }).spawn();
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
    process.kill("SIGKILL");
    await process.status;
    await ann.until((event) => event.event === "left" && event.name === "clock");
    await Deno.remove(folder, { recursive: true });
  }
});

function byClock(event: ShownEvent): boolean {
  return event.event === "message" && event.from === "clock";
}

const MODES = [
  { page: "mesh.md", commands: meshCommands.commands, program: meshProgramCommand },
  { page: "friends.md", commands: friendsCommands.commands, program: friendsProgramCommand },
  { page: "group.md", commands: memberCommands.commands, program: memberProgramCommand },
  { page: "group.md", commands: serveCommands.commands, program: serveProgramCommand },
];

for (const { page: name, commands, program } of MODES) {
  Deno.test(`docs/${name}: names each command and each flag of ${program.name}`, async () => {
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
  const mesh = await page("lib/protocols/mesh/events.ts");
  const friends = await page("lib/protocols/friends/events.ts");
  const group = await page("lib/protocols/group/events.ts");
  const common = await page("lib/base/mode_machine.ts");
  const declared = mesh.slice(0, mesh.indexOf("export type MeshCommand")) +
    friends.slice(0, friends.indexOf("export type FriendsCommand")) +
    group.replace(/export type \w+Command =.*?;\n(?=\n|$)/gs, "") +
    common.slice(
      common.indexOf("export type ModeEvent"),
      common.indexOf("/** What the user may ask"),
    ) +
    await page("lib/cli/help_text.ts");
  const names = (pattern: RegExp) => [...declared.matchAll(pattern)].map(([, name]) => name!);
  const events = names(/readonly event: "(\w+)"/g);
  // The console makes digits of the two keys, and the program itself says how it ends.
  const fields = names(/readonly (\w+)\??: /g).filter((name) => !/^(own|peer)Key$/.test(name));
  const commands = MODES.flatMap(({ commands }) =>
    commands.flatMap(({ name, argumentNames }) => [name, ...argumentNames])
  );

  const missing = [...events, ...fields, ...commands, "digits", "fatal", "bye", "at", "ref"]
    .filter((name) => !new RegExp(`[\`"]${name}[\`"]`).test(text));

  assert(events.includes("verify") && fields.includes("upToDate"), "it reads the declarations");
  assertEquals([...new Set(missing)], []);
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
    const request = parseCommandLine(words.slice(1), usersProgramCommands, () => "/home/alice");
    assertEquals(request.type, "run");
  }
  assertEquals(lines.length, usersProgramCommands.length);
});

Deno.test("docs/directory.md: its commands are those there are, its table and its import are some", async () => {
  const text = await page("docs/directory.md");
  const [commands, people, table] = [...text.matchAll(/```text\n(.*?)```/gs)].map((match) =>
    match[1]!
  );
  const lines = commands!.trimEnd().split("\n").map((line) => line.split(/ {2,}/)[0]!.split(" "));
  const bytes = (text: string) => new TextEncoder().encode(text);

  for (const words of lines) {
    const request = parseCommandLine(words.slice(1), accountsProgramCommands, () => "/home/alice");
    assertEquals(request.type, "run");
  }
  assertEquals(lines.length, accountsProgramCommands.length);
  const rows = importRows("people.csv", bytes(people!)).map((row) => "name" in row && row.name);
  assertEquals(rows, ["alice", "Zoë"]);
  const { table: accounts, complaints } = parseAccounts("accounts.csv", bytes(table!));
  assertEquals([accounts.size, complaints], [1, []]);
});

Deno.test("pages: every link to a file of ours leads to one", async () => {
  const ours = [...Deno.readDirSync(new URL("docs/", ROOT))].filter(({ isFile }) => isFile);
  const broken: string[] = [];
  for (const path of ["README.md", "PROTOCOL.md", ...ours.map(({ name }) => `docs/${name}`)]) {
    for (const [, target] of (await page(path)).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)) {
      const file = new URL(target!, new URL(path, ROOT));
      const isThere = await Deno.stat(file).then(() => true, () => false);
      if (!isThere) broken.push(`${path}: ${target}`);
    }
  }
  assertEquals(broken, []);
});
