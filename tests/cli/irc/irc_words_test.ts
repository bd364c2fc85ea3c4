import { assert, assertEquals } from "@std/assert";
import { helpEvent } from "../../../lib/cli/args/help_text.ts";
import type { CommandTable } from "../../../lib/cli/commands/commands.ts";
import { registryCommands } from "../../../lib/cli/directory/registry_commands.ts";
import {
  type RegistryOwnEvent,
  RegistryRendering,
} from "../../../lib/cli/directory/registry_rendering.ts";
import { memberCommands } from "../../../lib/cli/group/member_commands.ts";
import { type MemberOwnEvent, MemberRendering } from "../../../lib/cli/group/member_rendering.ts";
import { type DoorLine, doorRendering } from "../../../lib/cli/doors/door_lines.ts";
import { helpLines, lineText, sentenceText } from "../../../lib/cli/irc/irc_words.ts";
import { meshCommands } from "../../../lib/cli/mesh/mesh_commands.ts";
import { meshLines } from "../../../lib/cli/mesh/mesh_rendering.ts";
import type { Mode, ShownEvent } from "../../../lib/cli/rendering/user_interface.ts";

const group: Mode<MemberOwnEvent, never>["render"] = (event, context) =>
  new MemberRendering().lines(event, context);
const directory: Mode<RegistryOwnEvent, never>["render"] = (event, context) =>
  new RegistryRendering().lines(event, context);

const lobby = {
  ...{ place: "lobby", peer: "", wasInCall: false, isAccepted: false, isJustOver: false } as const,
};
const calls = registryCommands(() => lobby, true);

/** What a client is shown of an event. */
function shown<Event extends ShownEvent>(
  table: CommandTable<never>,
  render: Mode<Event, never>["render"],
  event: Readonly<Record<string, unknown>>,
  channel: string | null = null,
): string {
  const [line] = doorRendering(render, table, () => 0)(event, null);
  return lineText(line!, channel);
}

const OFFER = {
  ...{ event: "offer", file: 1, id: "i", from: "Bob", key: "k", self: false },
  ...{ name: "a.txt", size: 1, digest: "d" },
};
const VOTE = {
  ...{ event: "vote-wanted", edit: 7, seq: 1, by: "Bob", deadline: "1970-01-01T00:00:30.000Z" },
  ...{ old: "at seven?", new: 'at eight? "/go" says yes' },
};
const CALL = { event: "call", call: "1", peer: "bob", reason: "", route: "direct" };
const INCOMING = { event: "incoming", call: "1", from: "bob", key: "k", guest: false };

Deno.test("irc words: what a person is asked or told names what a client can send", () => {
  assertEquals(
    [
      shown(meshCommands, meshLines, OFFER),
      shown(meshCommands, meshLines, OFFER, "#Club"),
      shown(meshCommands, meshLines, { ...OFFER, self: true, to: "Bob" }),
      shown(memberCommands, group, VOTE),
      shown(calls, directory, INCOMING),
      shown(calls, directory, { ...CALL, state: "ringing" }),
      shown(calls, directory, { ...CALL, state: "connected" }),
    ],
    [
      "Bob offers a.txt (1 B): /msg *p2pchat get 1 fetches it",
      "Bob offers a.txt (1 B): /msg *p2pchat #Club get 1 fetches it",
      "You offer a.txt (1 B) to Bob; /msg *p2pchat cancel 1 takes that back",
      "? Bob wants to change entry 1 (edit 7, 30 s): /msg *p2pchat go 7 agrees, " +
      "/msg *p2pchat abort 7 refuses",
      "? bob is calling: /msg *p2pchat accept or /msg *p2pchat decline within 30 s",
      "Asking the directory for bob; /msg *p2pchat hangup withdraws",
      "Connected with bob, directly. Not verified: /msg *p2pchat verify bob",
    ],
  );
});

Deno.test("irc words: what somebody else wrote stays as it is, and what clients have themselves", () => {
  const typed = (text: string, channel: string | null = null) =>
    sentenceText(text, meshCommands, channel);
  for (
    const text of [
      "write it with /msg Bob TEXT, or see /whois Bob",
      'Bob said "first /quit"; "\\"/quit" is one',
      "it lies in /home/help and /help/me, /tmp or a/quit",
      "No command /nonsense",
      "you can talk once Bob has typed /trust Alice",
    ]
  ) assertEquals(typed(text), text);
  assertEquals(
    typed("ask for the invite that /invite shows there; /status says more"),
    "ask for the invite that /invite shows there; /msg *p2pchat status says more",
  );
  assertEquals(
    typed("/rooms shows yours, /part leaves this one", "#Two"),
    "/msg *p2pchat rooms shows yours, /msg *p2pchat #Two part leaves this one",
  );
  const line: DoorLine = ["You say ", ["body", "/quit"], ": ", ["command", "/quit"]];
  assertEquals(lineText(line, null), "You say /quit: /msg *p2pchat quit");
});

const TABLES: Readonly<Record<string, CommandTable<never>>> = {
  ...{ mesh: meshCommands, group: memberCommands, directory: calls },
};

for (const [mode, table] of Object.entries(TABLES)) {
  Deno.test(`irc words: the help of ${mode} has what works at a client, as it is typed there`, () => {
    const [head, ...lines] = helpLines(helpEvent(table.commands).commands, table);

    assertEquals(head, "Write here, or /msg *p2pchat COMMAND anywhere:");
    for (const line of lines) {
      assert(!/Ctrl|Alt\+|terminal|screen|--copy|(?<!\w)\/[a-z]/.test(line), line);
    }
    const names = lines.map((line) => /^\S+?(?=[ :])/.exec(line)![0]);
    for (const name of ["clear", "show", "passwd", "forget-me", "msg"]) {
      assert(!names.includes(name), name);
    }
    for (const name of ["verify", "status", "help", "away", "back"]) {
      assert(names.includes(name), name);
    }
  });
}

Deno.test("irc words: one command is explained with an example, and the console's own as such", () => {
  const explained = (name: string) => {
    const entry = meshCommands.find(name)!;
    return helpLines(helpEvent([entry]).commands, meshCommands);
  };

  assertEquals(explained("get").at(-1), "for example: /msg *p2pchat get 2");
  assertEquals(explained("whoami")[0], "whoami: your name, key and address");
  assertEquals(explained("room"), [
    "room #CHANNEL: what you ask of me is done there from now on",
    "for example: /msg *p2pchat room #Club",
  ]);
  assertEquals(explained("clear"), ["clear is for the program's own console alone"]);
});
