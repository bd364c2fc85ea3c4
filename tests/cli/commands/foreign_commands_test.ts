import { assert, assertEquals } from "@std/assert";
import { friendsCommands } from "../../../lib/cli/friends/friends_commands.ts";
import { memberCommands } from "../../../lib/cli/group/member_commands.ts";
import { meshCommands } from "../../../lib/cli/mesh/mesh_commands.ts";
import { registryCommands } from "../../../lib/cli/directory/registry_commands.ts";
import { PromptState } from "../../../lib/cli/directory/prompt_state.ts";
import { regserverCommands } from "../../../lib/cli/directory/regserver_commands.ts";
import { serveCommands } from "../../../lib/cli/group/serve_commands.ts";

const lobby = new PromptState("ann", () => 0).where;

const TABLES = {
  mesh: meshCommands,
  group: memberCommands,
  friends: friendsCommands,
  registry: registryCommands(() => lobby, true),
  serve: serveCommands,
  regserver: regserverCommands,
};

const NOWHERE = { mesh: "", group: "", friends: "", registry: "", serve: "", regserver: "" };

const HELP = Object.fromEntries(Object.keys(TABLES).map((mode) => [mode, "/help [TOPIC]"]));

/** What each is here, by mode; empty where nothing does that. */
const FOREIGN: Readonly<Record<string, Partial<Record<keyof typeof TABLES, string>>>> = {
  "nick": { ...NOWHERE, mesh: "/name NEW" },
  "part": { mesh: "/quit", group: "/exit", friends: "/exit", registry: "/logout", serve: "/exit" },
  "names": { mesh: "/peers", group: "/list", registry: "/list [PART]", regserver: "/list" },
  // What goes to all in a group must not be taken for what goes to one.
  "w": {
    ...NOWHERE,
    mesh: "/msg NAME TEXT",
    friends: "/msg NAME TEXT",
    registry: "/call NAME",
  },
  "kick": { mesh: "/remove NAME", group: "", serve: "/remove NAME" },
  "?": HELP,
  "h": HELP,
  "JOIN": NOWHERE,
  "me": NOWHERE,
};

for (const [name, here] of Object.entries(FOREIGN)) {
  Deno.test(`who types /${name}, as elsewhere, reads what does that here`, () => {
    for (const [mode, head] of Object.entries(here)) {
      const outcome = TABLES[mode as keyof typeof TABLES].parse(`/${name} x`, false);
      assert(outcome.type === "refused", mode);
      const told = outcome.error.message.split(", //")[0];
      const hint = head === "" ? "; /help lists them" : `; here it is ${head}`;
      assertEquals(told, `There is no command /${name}${hint}`, mode);
    }
  });
}
