/**
 * docs/scripting.md: its tables have the commands and events that there are, and no others. What a row says of an event
 * is made into types, and the compiler compares them with the events of each mode, in both directions.
 */

import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { registryCommands } from "../../lib/cli/directory/registry_commands.ts";
import { PromptState } from "../../lib/cli/directory/prompt_state.ts";
import { friendsCommands } from "../../lib/cli/friends/friends_commands.ts";
import { memberCommands } from "../../lib/cli/group/member_commands.ts";
import { meshCommands } from "../../lib/cli/mesh/mesh_commands.ts";

const ROOT = new URL("../../", import.meta.url);
const PAGE = await Deno.readTextFile(new URL("docs/scripting.md", ROOT));

interface ModeOfEvents {
  readonly name: string;
  /** Where its table is: the heading, and which of the tables of events below it. */
  readonly heading: string;
  readonly table: number;
  /** Where its own events are declared. */
  readonly file: string;
  readonly type: string;
}

const ROOM: ModeOfEvents = {
  ...{ name: "mesh", heading: "What comes out", table: 0 },
  ...{ file: "lib/cli/mesh/mesh_rendering.ts", type: "MeshOwnEvent" },
};
const MODES: readonly ModeOfEvents[] = [
  ROOM,
  {
    ...{ name: "friends", heading: "Friends: `peer --users`", table: 0 },
    ...{ file: "lib/cli/friends/friends_rendering.ts", type: "FriendsOwnEvent" },
  },
  {
    ...{ name: "member", heading: "A group: `serve` and `peer --server`", table: 0 },
    ...{ file: "lib/cli/group/member_rendering.ts", type: "MemberOwnEvent" },
  },
  {
    ...{ name: "serve", heading: "A group: `serve` and `peer --server`", table: 1 },
    ...{ file: "lib/cli/group/serve_rendering.ts", type: "ServeOwnEvent" },
  },
  {
    ...{ name: "registry", heading: "A directory: `regserver` and `peer --registry`", table: 0 },
    ...{ file: "lib/cli/directory/registry_rendering.ts", type: "RegistryOwnEvent" },
  },
  {
    ...{ name: "regserver", heading: "A directory: `regserver` and `peer --registry`", table: 1 },
    ...{ file: "lib/cli/directory/regserver_rendering.ts", type: "RegserverOwnEvent" },
  },
];

/** The rows of a mode's table of events: what stands in the columns of fields and of when, by event. */
function rowsOf({ heading, table }: ModeOfEvents): ReadonlyMap<string, string> {
  return tableOf(heading, "event", table);
}

/** @param of What the first column has. @param at Which of these tables. */
function tableOf(heading: string, of: "event" | "command", at = 0): ReadonlyMap<string, string> {
  const from = PAGE.indexOf(`\n## ${heading}\n`);
  assert(from >= 0, heading);
  const section = PAGE.slice(from + 1).split("\n## ")[0]!;
  const found = section.split(new RegExp(`\n\\| \`${of}\` .*\n`))[at + 1];
  assert(found !== undefined, `${heading}, table ${at}`);
  const rows = new Map<string, string>();
  for (const line of found.split("\n")) {
    const [, name, text] = /^\| `([a-z-]+)` +\| (.*)/.exec(line) ?? [];
    if (!line.startsWith("|")) break;
    if (name !== undefined) rows.set(name, `${rows.get(name) ?? ""} ${text}`);
  }
  return rows;
}

function wordsIn(text: string): readonly string[] {
  return [...new Set([...text.matchAll(/`([A-Za-z][A-Za-z-]*)`/g)].map(([, word]) => word!))];
}

/** What stands in a row and is no field of the event: a value, an argument, another event's name, what a person gets. */
const PROSE = [
  ...["true", "false", "null", "ref", "room", "back", "n", "connected"],
  // Levels, and answers, of a command.
  ...["off", "mentions", "all", "yes", "no", "list", "join"],
];
/** Fields that the text below the tables explains, for all modes; as it does those in `changed`. */
const EVERYWHERE = ["verifiedAs", "shown", "ignored", "mention"];
/** Fields of a type that two modes share which one of them never has. */
const NEVER: Readonly<Record<string, readonly string[]>> = {
  "serve edit": ["history", "committedAt", "position"],
  "serve members": ["away", "name"],
};
/** The console's own, which no script is shown. */
const OF_TERMINALS = { events: ["own", "dropped"], fields: ["as", "again"] };

const TYPES = `
type Named<E, N> = E extends { readonly event: N } ? E : never;
type Keys<T> = T extends string ? never : T extends readonly (infer U)[] ? Keys<U>
  : T extends object ? { [K in keyof T & string]-?: K | (K extends "changed" ? never : Keys<T[K]>) }[keyof T & string]
  : never;
type Literals<T> = T extends string ? (string extends T ? never : T)
  : T extends readonly (infer U)[] ? Literals<U>
  : T extends object ? { [K in keyof T & string]-?: Literals<T[K]> }[keyof T & string]
  : never;
type None<T> = [T] extends [never] ? true : T;
`;

const literal = (words: readonly string[]) =>
  words.length === 0 ? "never" : words.map((word) => JSON.stringify(word)).join(" | ");

function checksOf(mode: ModeOfEvents, roomRows: ReadonlyMap<string, string>): string {
  const { name, file, type } = mode;
  const own = rowsOf(mode);
  const all = new Map([...roomRows, ...own]);
  const url = (path: string) => JSON.stringify(new URL(path, ROOT).href);
  const names = literal([...all.keys()]);
  const lines = [
    `import type { ${type} } from ${url(file)};`,
    `type ${name} = ${type} | CommonEvent | HelpEvent | Named<ModeEvent, "notice" | "error">;`,
    `export const ${name}_undocumented: None<Exclude<${name}["event"], ${names} | ${
      literal(OF_TERMINALS.events)
    }>> = true;`,
    `export const ${name}_unknown: None<Exclude<${literal([...own.keys()])} , ${name}["event"] | ${
      literal(["fatal"])
    }>> = true;`,
  ];
  for (const [event, text] of all) {
    if (event === "fatal" || (!own.has(event) && mode !== ROOM && !roomRows.has(event))) continue;
    const id = `${name}_${event.replaceAll("-", "_")}`;
    const [cell = ""] = text.split(" | ");
    const isElsewhere = /see below|as in |as a client's|as above|as `/.test(text);
    const never = NEVER[`${name} ${event}`] ?? [];
    const words = literal([...wordsIn(text), ...EVERYWHERE, ...OF_TERMINALS.fields, ...never]);
    const fields = literal(wordsIn(cell).filter((word) => !EVERYWHERE.includes(word)));
    lines.push(`type E_${id} = Named<${name}, ${JSON.stringify(event)}>;`);
    if (!isElsewhere) {
      lines.push(
        `export const ${id}_missing: None<Exclude<Keys<E_${id}>, "event" | ${words}>> = true;`,
      );
    }
    if (own.has(event)) {
      lines.push(
        `export const ${id}_odd: None<Exclude<${fields}, Keys<E_${id}> | Literals<E_${id}> | ${
          literal(PROSE)
        } | ${names}>> = true;`,
      );
    }
  }
  return lines.join("\n");
}

Deno.test("docs/scripting.md: each event and each field is in its mode's table, and no other", async () => {
  const room = rowsOf(ROOM);
  assert(room.has("joined") && rowsOf(MODES[3]!).has("recovered"), "it reads the tables");
  const common = [
    `import type { CommonEvent } from ${
      JSON.stringify(new URL("lib/cli/rendering/user_interface.ts", ROOT).href)
    };`,
    `import type { ModeEvent } from ${
      JSON.stringify(new URL("lib/base/machine/mode_machine.ts", ROOT).href)
    };`,
    `import type { HelpEvent } from ${
      JSON.stringify(new URL("lib/cli/args/help_text.ts", ROOT).href)
    };`,
  ];
  const text = [...common, TYPES, ...MODES.map((mode) => checksOf(mode, room))].join("\n");
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-events-" });
  try {
    const path = `${folder}/event_tables.ts`;
    await Deno.writeTextFile(path, text);
    const config = fileURLToPath(new URL("deno.json", ROOT));
    const args = ["check", "--quiet", "--config", config, path];
    const { success, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
    const told = new TextDecoder().decode(stderr);
    // What isn't `true` has the words; the line says which mode and event it is, and whether they are missing there.
    const faults = [...told.matchAll(/assignable to type '(.*)'\.[^]*?event_tables\.ts:(\d+)/g)]
      .map(([, words, at]) => {
        const [, check] = /const (\w+)/.exec(text.split("\n")[Number(at) - 1]!)!;
        return `${check}: ${words}`;
      });
    assertEquals(faults, []);
    assert(success, told);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** A clipboard; and what `/msg` of a call is refused with. */
const ONLY_AT_TERMINALS = ["copy"];

const COMMANDS = [
  { heading: "What goes in", table: meshCommands },
  { heading: "Friends: `peer --users`", table: friendsCommands },
  { heading: "A group: `serve` and `peer --server`", table: memberCommands },
  {
    heading: "A directory: `regserver` and `peer --registry`",
    table: registryCommands(() => new PromptState("ann", () => 0).where, false),
  },
];

for (const { heading, table } of COMMANDS) {
  Deno.test(`docs/scripting.md: "${heading}" has commands that there are, with their arguments`, () => {
    for (const [name, text] of tableOf(heading, "command")) {
      const command = table.find(name);
      assert(command !== undefined, `there is ${name}`);
      const [cell = ""] = text.split(" | ");
      const odd = wordsIn(cell).filter((word) =>
        ![...PROSE, ...command.argumentNames, command.fieldOfObjects].includes(word)
      );
      assertEquals(odd, [], name);
      const missing = command.argumentNames.filter((word) => !wordsIn(cell).includes(word));
      assertEquals(missing.filter((word) => !ONLY_AT_TERMINALS.includes(word)), [], name);
    }
  });
}
