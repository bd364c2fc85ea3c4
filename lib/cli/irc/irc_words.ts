/**
 * The program's own sentences name commands as its console takes them. A client would take such a line for one of its own
 * commands, or say it to all: here they are named as the program is asked through a client.
 */

import { type DoorLine, type KnownCommands, withCommands } from "../doors/door_lines.ts";
import { momentText } from "../rendering/moments.ts";
import { SERVICE, typed } from "./lines/irc_names.ts";
import { OF_NO_ROOM } from "./rooms/room_choice.ts";

/** Clients have these themselves, and they do the same. */
const OF_CLIENTS: ReadonlySet<string> = new Set(["msg", "me", "whois"]);

/** During a call the console takes a letter. */
const HANG_UP = /\bq (?=withdraws|ends)/g;

/** A command with its arguments as it is typed in any window. @param channel The one of the room that is meant, where there are several. */
function typedAnywhere(command: string, channel: string | null): string {
  const [, name, rest] = /^\/(\S+)([^]*)$/.exec(command)!;
  if (OF_CLIENTS.has(name!)) return command;
  return typed(name!, OF_NO_ROOM.has(name!) ? null : channel) + rest;
}

/** The program's own sentence, with each command as it is typed in any window. */
export function sentenceText(
  text: string,
  commands: KnownCommands,
  channel: string | null,
): string {
  return lineText(withCommands(text, commands), channel);
}

/**
 * The time at which a line is shown is the client's to show.
 * @param nowMs Of an answer, when it was given: it tells of what was earlier, to which that time belongs.
 */
export function lineText(
  line: DoorLine,
  channel: string | null,
  nowMs: number | null = null,
): string {
  const parts = line.map((part) => {
    if (typeof part === "string") {
      return part.replace(HANG_UP, `${typedAnywhere("/hangup", channel)} `);
    }
    const [role, text] = part;
    if (role === "command") return typedAnywhere(text, channel);
    if (role !== "time" && role !== "then") return text;
    if (role === "time" || nowMs === null) return "";
    return momentText(Number(text), { nowMs, verbose: false });
  });
  return parts.join("").trim().replace(NOTICE, "");
}

/** What begins a line that isn't somebody's: clients show that by themselves. */
const NOTICE = /^\* (?=\S)/;

/** As `HelpEvent` has it. */
interface HelpEntry {
  readonly name: string;
  readonly form: string;
  readonly help: string;
  readonly example: string;
}

/** What only the program's own console has, or does: a screen, questions of its own, signals to who looks elsewhere. */
const OF_CONSOLE: ReadonlySet<string> = new Set(["clear", "show", "passwd", "forget-me", "notify"]);

/** Rooms are channels here, and the console's way is another one. */
const ROOM = { form: "#CHANNEL", help: "what you ask of me is done there from now on" };

/** What can be asked of the program through a client; of a single command with an example. */
export function helpLines(
  entries: readonly HelpEntry[],
  commands: KnownCommands,
): readonly string[] {
  const [first] = entries;
  const isOne = entries.length === 1;
  if (isOne && OF_CONSOLE.has(first!.name)) {
    return [`${first!.name} is for the program's own console alone`];
  }
  const listed = entries.filter(({ name }) =>
    isOne || !(OF_CONSOLE.has(name) || OF_CLIENTS.has(name))
  );
  const lines = listed.map(({ name, ...own }) => {
    const { form, help } = name === "room" ? ROOM : own;
    const asked = `${name} ${form.replace("[--copy]", "").replace(/ {2,}/, " ")}`.trim();
    const told = withCommands(withoutCopy(help), commands).map((part) =>
      typeof part === "string" ? part : part[1].slice(1)
    );
    return `${asked}: ${told.join("")}`;
  });
  if (isOne) return [...lines, `for example: ${typedAnywhere(exampleOf(first!), null)}`];
  return [`Write here, or /msg ${SERVICE} COMMAND anywhere:`, ...lines];
}

/** There is no clipboard here. */
function withoutCopy(help: string): string {
  return help.replace(/; --copy [^;]*/, "");
}

function exampleOf({ name, example }: HelpEntry): string {
  return name === "room" ? "/room #Club" : example;
}
