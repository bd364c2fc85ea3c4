/** The commands of all modes, and what is promised of every line. */

import { assert, assertEquals } from "@std/assert";
import type { Completion } from "../../lib/cli/terminal/completion.ts";
import { complete } from "../../lib/cli/terminal/completion.ts";
import type { CommandTable, ParsedLine } from "../../lib/cli/commands/commands.ts";
import { friendsCommands } from "../../lib/cli/friends/friends_commands.ts";
import { memberCommands } from "../../lib/cli/group/member_commands.ts";
import { meshCommands } from "../../lib/cli/mesh/mesh_commands.ts";
import { registryCommands } from "../../lib/cli/directory/registry_commands.ts";
import type { Place } from "../../lib/cli/directory/prompt_state.ts";
import { regserverCommands } from "../../lib/cli/directory/regserver_commands.ts";
import { serveCommands } from "../../lib/cli/group/serve_commands.ts";

export interface Mode {
  readonly commandNames: readonly string[];
  /** @returns Whether the line is understood; with `objects`, as scripts write it. */
  isGood(line: string, objects: boolean): boolean;
  complete(text: string, cursor: number): Completion | null;
}

const NAMES = ["Bob", "bob~k7f3", "Zoë", "ﬀ"];

function modeOf<Target>(table: CommandTable<Target>): Mode {
  return {
    commandNames: table.commands.flatMap(({ name, aliases }) => [name, ...aliases]),
    isGood: (line, objects) => checkParsed(table.parse(line, objects)),
    complete: (text, cursor) => complete(text, cursor, table, NAMES, () => NAMES),
  };
}

function clientMode(place: Place, isInteractive: boolean): Mode {
  const peer = place === "lobby" ? "" : "Bob";
  const where = { place, peer, isAccepted: false, wasInCall: isInteractive, isJustOver: false };
  return modeOf(registryCommands(() => where, isInteractive, (name) => name === "Bob"));
}

export const MODES: readonly Mode[] = [
  modeOf(meshCommands),
  modeOf(friendsCommands),
  modeOf(memberCommands),
  modeOf(regserverCommands),
  modeOf(serveCommands),
  ...(["lobby", "asked", "calling", "talking", "refused"] as const).flatMap((place) => [
    clientMode(place, true),
    clientMode(place, false),
  ]),
];

const CODES = [
  "usage",
  "unknown-command",
  "bad-name",
  "too-long",
  "unknown-user",
  "not-allowed",
  "no-such-entry",
];

/** A refusal is a sentence that fits on a screen. @returns Whether it is none. */
export function checkParsed<Target>(parsed: ParsedLine<Target>): boolean {
  if (parsed.type !== "refused") return true;
  const { code, message } = parsed.error;
  assert(CODES.includes(code), `${code}: ${message}`);
  assert(message.length > 0 && message.length < 1_000, message);
  assertEquals(typeof (parsed.ref ?? ""), "string");
  return false;
}
