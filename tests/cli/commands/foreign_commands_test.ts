import { assert, assertEquals } from "@std/assert";
import type { CommandTable } from "../../../lib/cli/commands/commands.ts";
import { outcomeOf } from "../command_outcome.ts";
import { friendsCommands, friendsCommandTable } from "../../../lib/cli/friends/friends_commands.ts";
import { memberCommands } from "../../../lib/cli/group/member_commands.ts";
import { meshCommands } from "../../../lib/cli/mesh/mesh_commands.ts";
import { Partner } from "../../../lib/cli/friends/partner.ts";
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

const LEAVING = {
  mesh: "quit",
  group: "exit",
  friends: "exit",
  registry: "logout",
  serve: "exit",
  regserver: "exit",
};
const LISTING = {
  mesh: "peers",
  group: "list",
  friends: "list",
  registry: "list",
  serve: "list",
  regserver: "list",
};
const HELP = Object.fromEntries(Object.keys(TABLES).map((mode) => [mode, "help"]));
// What goes to all in a group isn't taken for what goes to one.
const TO_ONE = { mesh: "msg", friends: "msg" };

const IGNORING = { mesh: "ignore", group: "ignore", friends: "ignore", registry: "ignore" };
const SEARCHING = { mesh: "search", group: "search", friends: "search", registry: "search" };

/** The command that each is, by mode; where it isn't named, there is none. */
const SAME: Readonly<Record<string, Partial<Record<keyof typeof TABLES, string>>>> = {
  "nick Zed": { mesh: "name" },
  "part": { ...LEAVING, mesh: "part" },
  "leave": { ...LEAVING, mesh: "part" },
  "QUIT": LEAVING,
  "exit": LEAVING,
  "w": LISTING,
  "who": LISTING,
  "names": LISTING,
  "peers": LISTING,
  "list": LISTING,
  "dm bob hi": TO_ONE,
  "query bob hi": TO_ONE,
  "log": { mesh: "history", friends: "history", group: "log", registry: "history" },
  "history": { mesh: "history", friends: "history", group: "log", registry: "history" },
  "wall hi": { registry: "broadcast", regserver: "broadcast" },
  "ban bob": { mesh: "remove", serve: "remove" },
  "block bob": IGNORING,
  "find tea": SEARCHING,
  "lastlog tea": SEARCHING,
  "sendfile tea.txt": { mesh: "send", friends: "send", registry: "send" },
  "savefile 1": { mesh: "get", friends: "get", registry: "get" },
  "download 1": { mesh: "get", friends: "get", registry: "get" },
  "transfers": { mesh: "files", friends: "files", registry: "files" },
  "?": HELP,
  "h": HELP,
};

for (const [typed, meant] of Object.entries(SAME)) {
  Deno.test(`/${typed}, as elsewhere, is run by its name here`, () => {
    for (const [mode, table] of Object.entries(TABLES)) {
      const name = meant[mode as keyof typeof TABLES];
      const word = typed.split(" ")[0]!;
      const outcome = table.parse(`/${typed}`, false);
      if (name === undefined) {
        assertEquals(outcome.type, "refused", mode);
        continue;
      }
      assertEquals(outcome.type, name === "help" ? "help" : "command", mode);
      const help = table.parse(`/help ${word}`, false);
      assert(help.type === "help", mode);
      assertEquals(help.entries.map((entry) => entry.name), [name], mode);
    }
  });
}

Deno.test("/dm without a text is refused with its form, by the word that was typed", () => {
  const outcome = meshCommands.parse("/dm bob", false);
  assert(outcome.type === "refused");
  assertEquals(outcome.error.message, "Usage: /dm NAME TEXT, for example /dm Bob are you coming?");
});

Deno.test("/me says what one does, to whom what one says goes", () => {
  const talking = { ...lobby, place: "talking" as const, peer: "bob" };
  const partner = new Partner("alice", "users.txt", true);
  partner.table(["bob"]);
  const tables = [
    meshCommands,
    memberCommands,
    registryCommands(() => talking, true),
    friendsCommandTable("bob", partner),
  ];
  const said = tables.map((table) =>
    outcomeOf(
      table as CommandTable<(command: unknown, ref: string | undefined) => void>,
      "/me waves",
    )
  );
  const text = "/me waves";
  assertEquals(said, [
    { command: { command: "say", text } },
    { command: { command: "msg", text } },
    { command: { command: "say", text } },
    { command: { command: "msg", name: "bob", text } },
  ]);
  assertEquals(
    tables.map((table) => table.mayBeKept("/me waves")),
    [true, true, false, false],
    "what one alone is to read isn't kept among typed lines",
  );
  const outcome = meshCommands.parse(`/me ${"x".repeat(65_536)}`, false);
  assertEquals(outcome.type === "refused" && outcome.error.code, "too-long");
});

/** What comes near is said; what doesn't isn't. */
const NEAR: Readonly<Record<string, Partial<Record<keyof typeof TABLES, string>>>> = {
  "kick": { mesh: "/remove NAME", group: "", serve: "/remove NAME" },
  "ban": { regserver: "/kick NAME", group: "" },
  "dm": { registry: "/call NAME" },
  "mute": { mesh: "/ignore NAME", friends: "/ignore NAME" },
  "notice": { mesh: "/msg NAME TEXT" },
  "dcc": { mesh: "/send [NAME] FILE" },
  "seen": { mesh: "/whois NAME" },
};

for (const [name, here] of Object.entries(NEAR)) {
  Deno.test(`who types /${name}, as elsewhere, reads what comes near here`, () => {
    for (const [mode, head] of Object.entries(here)) {
      const outcome = TABLES[mode as keyof typeof TABLES].parse(`/${name} x`, false);
      assert(outcome.type === "refused", mode);
      const told = outcome.error.message.split(", //")[0];
      const hint = head === "" ? "; /help lists them" : `; here it is ${head}`;
      assertEquals(told, `No command /${name}${hint}`, mode);
    }
  });
}

Deno.test("who types what another mode has reads where that is, and no command that is spelt nearly so", () => {
  const told = (table: CommandTable<never>, line: string) => {
    const outcome = table.parse(line, false);
    assert(outcome.type === "refused", line);
    return outcome.error.message;
  };
  assertEquals(
    told(meshCommands, "/edit foo - 1"),
    "No command /edit here: it is for members of groups; what was said here can't be changed",
  );
  assertEquals(
    told(serveCommands, "/EDIT foo - 1"),
    "No command /EDIT here: it is for members of groups",
  );
  assertEquals(told(memberCommands, "/join"), "No command /join here: it is for rooms");
  const modesOf = (name: string) =>
    Object.entries(TABLES).filter(([mode, { commands }]) =>
      mode !== "regserver" && commands.some((command) => command.name === name)
    ).map(([mode]) => mode);
  const names = new Set(
    Object.values(TABLES).flatMap(({ commands }) => commands.map(({ name }) => name)),
  );
  const wrong: string[] = [];
  for (const [mode, table] of Object.entries(TABLES)) {
    for (const name of names) {
      const outcome = table.parse(`/${name} x`, false);
      const text = outcome.type === "refused" ? outcome.error.message : "";
      const [, whom] = /here: it is for ([^;]*)/.exec(text) ?? [];
      const isOthers = whom === undefined || `${WHOSE[whom]}` === `${modesOf(name)}`;
      if (/did you mean/.test(text) || !isOthers) wrong.push(`${mode}: ${text}`);
    }
  }
  assertEquals(wrong, []);
});

/** The modes that have a command, by whom it is said to be for; who runs a directory goes with its users. */
const WHOSE: Readonly<Record<string, readonly string[]>> = {
  "those who chat": ["mesh", "group", "friends", "registry"],
  "members of groups": ["group"],
  "a group's coordinator": ["serve"],
  "rooms": ["mesh"],
  "rooms and a group's coordinator": ["mesh", "serve"],
  "rooms, friends and calls": ["mesh", "friends", "registry"],
  "tables of friends": ["friends"],
  "directories": ["registry"],
};

Deno.test("who would write to one alone reads the way out where that can't be", () => {
  const refusal = (table: { parse(line: string, objects: boolean): unknown }, line: string) => {
    const outcome = table.parse(line, false) as ReturnType<typeof memberCommands.parse>;
    assert(outcome.type === "refused", line);
    return outcome.error.message;
  };
  for (const word of ["dm", "query", "whisper", "TELL"]) {
    assertEquals(
      refusal(memberCommands, `/${word} Cob are you there?`),
      `Not sent: a group has no private messages; without /${word.toLowerCase()} it goes to all`,
    );
    for (const place of ["talking", "calling"] as const) {
      const table = registryCommands(() => ({ ...lobby, place, peer: "Cob" }), true);
      assertEquals(
        refusal(table, `/${word} Cob are you there?`),
        "Nothing was sent: what you type goes to Cob alone: leave the name out",
      );
    }
  }
  for (const typed of ["/history Ben 3", "/history Ben"]) {
    assertEquals(
      refusal(memberCommands, typed),
      "A group has no private messages, so none with Ben; /log 20 shows the last of what all " +
        "said, /search TEXT finds some of it",
    );
  }
  for (const typed of ["/history 3", "/log /Ben/ 3", "/log --digest"]) {
    assertEquals(memberCommands.parse(typed, false).type, "command", typed);
  }
});
