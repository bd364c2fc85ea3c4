/**
 * The program's own sentences name commands as its console takes them. A client would take such a line for one of its own
 * commands, or say it to all: here they are named as the program is asked through a client.
 */

import { SERVICE, typed } from "./lines/irc_names.ts";
import { OF_NO_ROOM } from "./rooms/room_choice.ts";

/**
 * A line of parts: the program's own words; or what somebody else wrote, or what is to be copied, which stays as it is; or
 * an earlier time.
 */
export type IrcLine = readonly (string | { readonly text: string } | { readonly time: string })[];

/** How the program's sentences are made a client's. */
export interface IrcWords {
  /** Whether the mode has a command of that name: anything else, such as a path, stays as it is. */
  isCommand(name: string): boolean;
  /** The channel of the room that is meant, where there are several. */
  readonly channel: string | null;
}

/** Clients have these themselves, and they do the same. */
const OF_CLIENTS: ReadonlySet<string> = new Set(["msg", "me", "whois"]);

/** During a call the console takes a letter. */
const HANG_UP = /\bq (?=withdraws|ends)/g;

/**
 * A command, with what is in quotes before it, as that is somebody's: what is found in it has no name. What another one
 * has typed, or types elsewhere, is that one's console's.
 */
const COMMAND =
  /"(?:[^"\\]|\\.)*"|(?<![\w/.]|has typed )\/([a-z]+(?:-[a-z]+)*)\b(?![/.]\w| (?:\w+ )?there\b)/g;

function withCommands(
  text: string,
  { isCommand }: Pick<IrcWords, "isCommand">,
  form: (name: string) => string,
): string {
  return text.replace(HANG_UP, "/hangup ").replace(
    COMMAND,
    (found: string, name?: string) => name === undefined || !isCommand(name) ? found : form(name),
  );
}

/** The sentence, with each command as it is typed in any window. */
export function typedAnywhere(text: string, words: IrcWords): string {
  return withCommands(text, words, (name) => {
    if (OF_CLIENTS.has(name)) return `/${name}`;
    return typed(name, OF_NO_ROOM.has(name) ? null : words.channel);
  });
}

/** @param isAnswer It tells of what was earlier: when that was belongs to it. */
export function lineText(line: IrcLine, words: IrcWords, isAnswer = false): string {
  const parts = line.map((part) => {
    if (typeof part === "string") return typedAnywhere(part, words);
    return "text" in part ? part.text : isAnswer ? part.time : "";
  });
  return parts.join("").trim();
}

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
export function helpLines(entries: readonly HelpEntry[], words: IrcWords): readonly string[] {
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
    return `${asked}: ${withCommands(withoutCopy(help), words, (name) => name)}`;
  });
  if (isOne) return [...lines, `for example: ${typedAnywhere(exampleOf(first!), words)}`];
  return [`Write here, or /msg ${SERVICE} COMMAND anywhere:`, ...lines];
}

/** There is no clipboard here. */
function withoutCopy(help: string): string {
  return help.replace(/; --copy [^;]*/, "");
}

function exampleOf({ name, example }: HelpEntry): string {
  return name === "room" ? "/room #Club" : example;
}
