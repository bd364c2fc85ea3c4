// Which typed lines may be found at a later start.

import { assertEquals } from "@std/assert";
import { randomBytes } from "node:crypto";
import { INVITE_KINDS, inviteText } from "../../../lib/base/text/invite_text.ts";
import { friendsCommands } from "../../../lib/cli/friends/friends_commands.ts";
import { memberCommands } from "../../../lib/cli/group/member_commands.ts";
import { meshCommands } from "../../../lib/cli/mesh/mesh_commands.ts";
import { registryCommands } from "../../../lib/cli/directory/registry_commands.ts";
import type { Place } from "../../../lib/cli/directory/prompt_state.ts";

const INVITE = inviteText(Uint8Array.of(INVITE_KINDS.room, ...randomBytes(60)));

function directory(place: Place) {
  const where = { place, peer: "bob", isAccepted: false, isJustOver: false, wasInCall: false };
  return registryCommands(() => where, true);
}

const TABLES = {
  room: meshCommands,
  group: memberCommands,
  friends: friendsCommands,
  lobby: directory("lobby"),
  call: directory("talking"),
};

const CASES: readonly (readonly [table: keyof typeof TABLES, line: string, kept: boolean])[] = [
  ["room", "are you coming?", true],
  ["room", "//x", true],
  ["room", "/history 20", true],
  ["room", "/verify Bob yes", true],
  ["room", "/msg Bob the key is 42", false],
  ["room", "/dm Bob the key is 42", false],
  ["room", "/tell Bob the key is 42", false],
  ["room", "/invite", false],
  ["room", "/invite --rotate", false],
  ["room", INVITE, false],
  ["room", `join with ${INVITE}, please`, false],
  ["room", "p2pchat mesh Bob --invite abc", false],
  ["room", "/join 7-cross-clock", false],
  ["room", "7 cross clock", true],
  ["room", "", false],
  ["group", "are you coming?", true],
  ["group", "/edit at eight - 43", true],
  ["friends", "bob/hello", false],
  ["friends", "/msg bob hello", false],
  ["friends", "hello", false],
  ["friends", "/list", true],
  ["lobby", "bob", true],
  ["lobby", "2 lunch is ready", true],
  ["lobby", "n not now", false],
  ["call", "hi", false],
  ["call", "/msg hi", false],
  ["call", "2 tell bob", false],
  ["call", "q", true],
];

for (const [table, line, kept] of CASES) {
  const shown = line.replace(INVITE, "INVITE");
  Deno.test(`${kept ? "kept" : "not kept"} of what is typed (${table}): ${shown}`, () => {
    assertEquals(TABLES[table].mayBeKept(line), kept);
  });
}
