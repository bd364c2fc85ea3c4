/**
 * Tab completion: command names after a slash or as arguments, names of people in texts or as arguments, there also
 * after `@`, and paths of files.
 */

import { foldName, MIXED_SCRIPTS_MARK, shownName } from "../../base/text/names.ts";
import { beginsCommand } from "../../base/text/text.ts";
import type {
  Argument,
  Command,
  CommandTable,
  FindPaths,
  PathsFound,
} from "../commands/commands.ts";

export interface Completion {
  /** Where the completed word starts. */
  readonly start: number;
  /** The text that replaces the word up to the cursor; the word itself where nothing is certain. */
  readonly replacement: string;
  /** All candidates, if there are several. */
  readonly choices: readonly string[];
}

/** The most candidates listed. */
const CHOICES_MAX = 40;

/**
 * Completes the word before `cursor`; `null` where nothing fits.
 * @param names Names of the people who are present.
 * @param away Other known names, offered after those, and only as the argument of a command.
 */
export function complete<Target>(
  text: string,
  cursor: number,
  table: CommandTable<Target>,
  names: readonly string[],
  away: () => readonly string[] = () => [],
): Completion | null {
  let start = cursor;
  while (start > 0 && !/\s/.test(text[start - 1]!)) start--;
  const word = text.slice(start, cursor);
  const offered = offeredAfter(text.slice(0, start), word, table);
  if (offered === "nothing") return null;
  if (offered === "commands") {
    const slash = word.startsWith("/") ? "/" : "";
    const commands = table.commands.flatMap((entry) => [entry.name, ...entry.aliases]);
    const fitting = commands.map((name) => slash + name).filter((name) => name.startsWith(word));
    return completion(start, word, fitting.sort(), " ");
  }
  if (word === "" && start === 0) return null;
  if (word.startsWith("@")) {
    const named = namesFitting(word.slice(1), names).map((name) => `@${name}`);
    return completion(start, word, named, " ");
  }
  const others = offered === "receivers" ? namesFitting(word, away()) : [];
  const fitting = distinct([...namesFitting(word, names), ...others]);
  return completion(start, word, fitting, start === 0 ? table.afterName : " ");
}

/** A path that is being typed. */
interface AskedPath {
  readonly start: number;
  readonly typed: string;
  readonly find: FindPaths;
  /** Names that may be meant as well. */
  readonly names: readonly string[];
}

/** The path that is typed before `cursor`, in a command that takes one; null where there is none. */
export function askedPath<Target>(
  text: string,
  cursor: number,
  table: CommandTable<Target>,
  names: readonly string[],
  away: () => readonly string[] = () => [],
): AskedPath | null {
  const [whole, command] = /^\/(\S+)\s+/.exec(text.slice(0, cursor)) ?? [];
  const entry = command === undefined ? undefined : table.find(command);
  if (whole === undefined || entry === undefined) return null;
  const args = entry.argumentNames.map((name) => entry.args[name]);
  const find = args.find((argument) => argument?.completesPaths !== undefined)?.completesPaths;
  if (find === undefined) return null;
  const typed = text.slice(whole.length, cursor);
  const takesName = args.some((argument) => argument?.completesNames === true);
  const [here, others] = takesName ? [names, away()] : [[], []];
  const [named, name] = /^(\S+)\s+/.exec(typed) ?? [];
  if (named === undefined || name === undefined) {
    const fitting = distinct([...namesFitting(typed, here), ...namesFitting(typed, others)]);
    return { start: whole.length, typed, find, names: fitting };
  }
  const isName = [...here, ...others].some((each) =>
    [each, shownName(each)].some((form) => foldName(form) === foldName(name))
  );
  const start = whole.length + (isName ? named.length : 0);
  return { start, typed: text.slice(start, cursor), find, names: [] };
}

/** Each once, as it comes first: somebody who is here is also among those who are known. */
function distinct(names: readonly string[]): readonly string[] {
  const seen = new Set<string>();
  return names.filter((name) => seen.size < seen.add(foldName(name)).size);
}

/** What was found of it. */
export function completedPath(
  { start, typed, names }: AskedPath,
  found: PathsFound | null,
): Completion | null {
  if (found === null) return completion(start, typed, names, " ");
  const choices = [...names, ...found.choices];
  if (names.length > 0) {
    return { start, replacement: typed, choices: choices.slice(0, CHOICES_MAX) };
  }
  const isCertain = choices.length === 1;
  return {
    start,
    replacement: found.typed,
    choices: isCertain ? [] : choices.slice(0, CHOICES_MAX),
  };
}

/** The names, as they are shown, that begin with `word`, sorted. */
function namesFitting(word: string, names: readonly string[]): readonly string[] {
  const starts = [foldName(word), foldName(`${MIXED_SCRIPTS_MARK}${word}`)];
  return names.map(shownName)
    .filter((name) => starts.some((start) => foldName(name).startsWith(start))).sort();
}

/**
 * What is offered after `before`: command names, the people a command can be about, the people a text can mention,
 * or nothing.
 */
function offeredAfter<Target>(
  before: string,
  word: string,
  table: CommandTable<Target>,
): "commands" | "receivers" | "names" | "nothing" {
  if (before === "") return beginsCommand(word) ? "commands" : "names";
  if (!beginsCommand(before)) return "names";
  const [command = "", ...words] = before.slice(1).trim().split(/\s+/);
  const argument = argumentAt(table.find(command), words.length);
  if (argument?.completesCommands === true) return "commands";
  if (argument?.completesNames === true) return "receivers";
  return argument?.takesRest === true ? "names" : "nothing";
}

/** The argument that the command's word at `index` belongs to. */
function argumentAt<Target>(
  entry: Command<Target> | undefined,
  index: number,
): Argument<unknown> | undefined {
  if (entry === undefined) return undefined;
  const args = entry.argumentNames.map((name) => entry.args[name]);
  return args.slice(0, index + 1).find((argument) => argument?.takesRest === true) ?? args[index];
}

function completion(
  start: number,
  word: string,
  fitting: readonly string[],
  after: string,
): Completion | null {
  const [first, ...others] = fitting;
  if (first === undefined) return null;
  if (others.length === 0) return { start, replacement: first + after, choices: [] };
  const common = commonStart(fitting);
  return {
    start,
    replacement: common.length >= word.length ? common : word,
    choices: fitting.slice(0, CHOICES_MAX),
  };
}

function commonStart(words: readonly string[]): string {
  let length = 0;
  const [first = ""] = words;
  for (const character of first) {
    const next = first.slice(0, length + character.length);
    if (!words.every((word) => word.startsWith(next))) break;
    length = next.length;
  }
  return first.slice(0, length);
}
