// `/help` speaks in one voice: what a command does is said as what to do, what it shows as what that is.

import { assertEquals } from "@std/assert";
import type { CommandTable } from "../../lib/cli/commands/commands.ts";
import { friendsCommands } from "../../lib/cli/friends/friends_commands.ts";
import { memberCommands } from "../../lib/cli/group/member_commands.ts";
import { meshCommands } from "../../lib/cli/mesh/mesh_commands.ts";
import { COMMANDS } from "../../lib/cli/program.ts";
import { registryCommands } from "../../lib/cli/directory/registry_commands.ts";
import { regserverCommands } from "../../lib/cli/directory/regserver_commands.ts";
import { serveCommands } from "../../lib/cli/group/serve_commands.ts";

const lobby = () => ({ place: "lobby", peer: "" }) as never;

const TABLES: Readonly<Record<string, CommandTable<never>>> = {
  mesh: meshCommands,
  serve: serveCommands,
  member: memberCommands,
  friends: friendsCommands,
  regserver: regserverCommands,
  registry: registryCommands(lobby, true),
};

/** The first words of help that end as a third person's verb does, and are none. */
const NOUNS = ["clients,", "members,", "users,", "messages", "edits", "calls", "links,"];

for (const [mode, { commands, bareForms }] of Object.entries(TABLES)) {
  Deno.test(`/help of ${mode} says what to do, and not what is done`, () => {
    const helps = [...commands.map(({ help }) => help), ...bareForms.map(([, help]) => help)];
    const firsts = helps.map((help) => help.split(" ")[0]!);

    assertEquals(firsts.filter((word) => /s,?$/.test(word) && !NOUNS.includes(word)), []);
  });
}

/** A place, and no condition. */
const PLACE = /^where |, where (?:they|all) |\bwhere each member's/;

Deno.test("a condition in the help of commands and flags begins with if", () => {
  const helps = COMMANDS.flatMap(({ help, flags }) => [
    help,
    ...flags.map((flag) => flag.help),
  ]);

  assertEquals(helps.filter((help) => /\bwhere\b/.test(help) && !PLACE.test(help)), []);
});
