/** The command line: a table of commands with their flags, and the parsing and checking of arguments. */

import { parseArgs } from "@std/cli/parse-args";
import { userInfo } from "node:os";
import { isAbsolute, resolve } from "node:path";
import { P2pchatError } from "../../base/errors.ts";
import { hasInvite, inviteMisplaced } from "../../base/text/invite_text.ts";
import { dataFolder, fromHome } from "../../store/disk/paths.ts";
import { quotedStart, startOf } from "../../base/text/text.ts";
import { type Flag, takesValue } from "./flags.ts";
import type { FileNeed, FileUse } from "./least_privilege.ts";
import { didYouMean } from "../../base/text/nearest.ts";
import { inWords, usageOf } from "../../base/text/words.ts";
import type { CommandLine, CommonOptions, FileOptions, ServerAddress } from "./options.ts";

/** Reads one variable of the environment. */
type Variables = (name: string) => string | undefined;

/** How one of the program's commands is written. */
export interface CommandForm {
  /** One word, or two where several commands share a subject: `users add`. */
  readonly name: string;
  /** The flag that distinguishes it from other commands of the same name: exactly one of these must be given. */
  readonly chosenBy?: string;
  /** The words after the command's name, as the usage shows them. */
  readonly form: string;
  readonly help: string;
  readonly example: string;
  /** In addition to `COMMON_FLAGS`. */
  readonly flags: readonly Flag[];
  /** What is done with the file that its first word names, if that is FILE. */
  readonly fileUse?: FileUse;
  /** The folder in the data folder that it uses; absent where it leaves that alone. */
  readonly keeps?: { readonly folder: (data: string) => string; readonly use: "make" | "read" };
  /**
   * Files outside the data folder that it uses though the command line doesn't name them: a link or a file there leads
   * to them. Runs with all rights, and reads no more than is needed for that.
   */
  readonly ledTo?: (line: CommandLine) => Promise<readonly FileNeed[]>;
}

/** A command and what its words and flags mean. */
export interface CommandOf<Options> extends CommandForm {
  /**
   * Accesses neither network nor files.
   * @throws {P2pchatError} `usage` or `bad-name`; `bad-credentials` for an invite that can't be read.
   */
  readonly options: (line: CommandLine) => Options;
}

/** One of the program's commands. */
export interface ProgramCommand extends CommandForm {
  /** Checks the words and flags, and returns the work to do. @throws {P2pchatError} As `options` of `CommandOf`. */
  readonly prepare: (line: CommandLine) => () => Promise<void>;
}

/** The command with its work, which begins once the process has no rights but those that it needs. */
export function programCommand<Options>(
  command: CommandOf<Options>,
  work: (options: Options) => Promise<void>,
): ProgramCommand {
  return {
    ...command,
    prepare(line) {
      const options = command.options(line);
      return () => work(options);
    },
  };
}

/** The flags that all commands have. */
export const COMMON_FLAGS: readonly Flag[] = [
  {
    name: "data",
    value: "DIR",
    help: "keep files there (~/.local/share/p2pchat)",
    use: "write",
    parse: (text) => text,
  },
  { name: "json", help: "one JSON object per line, for scripts" },
  { name: "plain", help: "no progress lines that are rewritten" },
  { name: "no-color", help: "no colours" },
  { name: "stay", help: "keep running when input ends" },
  { name: "verbose", help: "seconds in times, and more notices" },
  {
    name: "log-file",
    value: "FILE",
    help: "write a log there",
    use: "write",
    parse: (text) => text,
  },
  { name: "help", help: "show this" },
];

/** What the command line asks for. */
export type Request =
  | { readonly type: "version" }
  /**
   * `about`: the command in question, all that share its first word if the second is missing, or none for all
   * commands.
   */
  | { readonly type: "help"; readonly about: readonly ProgramCommand[]; readonly asked: boolean }
  | {
    readonly type: "run";
    /** The files that it uses, those that its data folder leads to included. */
    readonly needs: () => Promise<readonly FileNeed[]>;
    readonly run: () => Promise<void>;
  };

/**
 * Parses the command line.
 * @throws {P2pchatError} `usage` or `bad-name`; nothing was accessed. The error never contains an invite.
 */
export function parseCommandLine(
  args: readonly string[],
  commands: readonly ProgramCommand[],
  variable: Variables,
): Request {
  try {
    return parsedCommandLine(args, commands, variable);
  } catch (error) {
    throw error instanceof P2pchatError && hasInvite(error.message) ? inviteMisplaced() : error;
  }
}

function parsedCommandLine(
  args: readonly string[],
  commands: readonly ProgramCommand[],
  variable: Variables,
): Request {
  const allFlags = [...COMMON_FLAGS, ...commands.flatMap((entry) => entry.flags)];
  const given = parsedFlags(args, allFlags);
  if (given.unknown !== null) throw unknownFlagOfAny(given, given.unknown, commands);

  if (given.isOn("version")) return { type: "version" };
  // An invite taken for a host, or for a file, would be shown, logged and stored as that one.
  const others = given.names.filter((flag) => flag !== "invite").map(given.text);
  if ([...given.words, ...others].some((text = "") => hasInvite(text))) throw inviteMisplaced();
  if (given.words[0] === undefined) {
    const [flag] = given.names;
    if (flag !== undefined && !given.isOn("help")) {
      throw new P2pchatError(
        "usage",
        `The command is missing: --${flag} needs one; p2pchat help lists them`,
      );
    }
    return { type: "help", about: [], asked: given.isOn("help") };
  }
  if (given.words[0] === "help") {
    const about = given.words.slice(1);
    return { type: "help", about: about.length === 0 ? [] : named(about, commands), asked: true };
  }
  if (given.isOn("help")) return { type: "help", about: named(given.words, commands), asked: true };
  const entry = chosen(given, commands);
  const home = () => variable("P2PCHAT_USER_HOME") || variable("HOME") || accountHome() || null;
  const words = given.words.slice(entry.name.split(" ").length).map((word, at) =>
    at === 0 && entry.fileUse !== undefined ? fromHome(word, "FILE", home) : word
  );
  const textOf = (flag: Flag) => {
    const text = given.text(flag.name);
    if (text === undefined || !takesValue(flag) || flag.use === undefined) return text;
    return flag.isPath?.(text) === false ? text : fromHome(text, `--${flag.name}`, home);
  };

  const ownFlags = [...COMMON_FLAGS, ...entry.flags];
  for (const flag of given.names) {
    if (!ownFlags.some((own) => own.name === flag)) throw unknownFlag(`--${flag}`, ownFlags, entry);
  }
  const values = new Map<string, unknown>();
  for (const flag of ownFlags) {
    const text = textOf(flag);
    if (text === undefined || !takesValue(flag)) continue;
    if (text === "" && flag.isAskedFor !== true && flag.like === undefined) {
      throw new P2pchatError("usage", `--${flag.name} needs a value: ${flag.value}`);
    }
    values.set(flag.name, flag.parse(text, `--${flag.name}`));
  }
  const paths = pathsOf(textOf, words, entry, ownFlags);
  checkPaths(paths, variable(FOLDER_VARIABLE));
  const value = <Value>(flag: string) => values.get(flag) as Value | undefined;
  const data = value<string>("data");
  const common: CommonOptions = {
    dataFolder: dataFolder({ flag: data ?? null, variable, home }),
    ...(data === undefined ? {} : { data }),
    json: given.isOn("json"),
    plain: given.isOn("plain"),
    colour: !given.isOn("no-color") && !variable("NO_COLOR"),
    stay: given.isOn("stay"),
    verbose: given.isOn("verbose"),
    logFile: value<string>("log-file") ?? null,
  };
  if (entry.keeps !== undefined) checkFound(common.dataFolder, variable(FOLDER_VARIABLE)); // a variable may name it
  const line = { words, common, value, isOn: given.isOn };
  const needs = async () => [
    ...(entry.keeps === undefined ? [] : [kept(entry.keeps, common.dataFolder)]),
    ...[...paths].flatMap(([what, need]) => what === "--data" ? [] : [need]),
    ...await entry.ledTo?.(line) ?? [],
  ];
  try {
    return { type: "run", needs, run: entry.prepare(line) };
  } catch (error) {
    throw error instanceof P2pchatError ? withMisplaced(error, args, words, ownFlags) : error;
  }
}

function kept({ folder, use }: NonNullable<CommandForm["keeps"]>, data: string): FileNeed {
  return { path: folder(data), use };
}

/** The files and folders named on the command line, by the flag or variable that names them. */
function pathsOf(
  textOf: (flag: Flag) => string | undefined,
  words: readonly string[],
  { fileUse }: Pick<CommandForm, "fileUse">,
  flags: readonly Flag[],
): ReadonlyMap<string, FileNeed> {
  const paths = new Map<string, FileNeed>();
  for (const flag of flags) {
    const path = textOf(flag);
    if (path === undefined || !takesValue(flag) || flag.use === undefined) continue;
    if (flag.isPath?.(path) === false) continue;
    paths.set(`--${flag.name}`, { path, use: flag.use });
  }
  const [first] = words;
  if (first !== undefined && fileUse !== undefined) {
    paths.set("FILE", { path: first, use: fileUse });
  }
  return paths;
}

/** What the launcher says of the folder in which it was started (`tools/launcher.sh`). */
const FOLDER_VARIABLE = "P2PCHAT_FOLDER";
const FOLDER_PROBLEMS: Readonly<Record<string, string>> = {
  removed:
    "the folder in which this program was started has been removed; start it in another one, or give the " +
    "whole path",
  closed:
    "the folder in which this program was started lies in one that this user may not enter, and files are found " +
    "by their whole paths; start it in another one",
};

/** @throws {P2pchatError} `disk` where the path is relative to a folder that can't be used. */
function checkFound(path: string, folder = ""): void {
  const problem = isAbsolute(path) ? undefined : FOLDER_PROBLEMS[folder];
  if (problem !== undefined) throw new P2pchatError("disk", `Cannot use ${path}: ${problem}`);
}

/**
 * @throws {P2pchatError} `usage` where a path can't be used as given, or where two files would be the same one; `disk`
 *   where the folder that it is relative to can't be used.
 */
function checkPaths(paths: ReadonlyMap<string, FileNeed>, folder = ""): void {
  const log = paths.get("--log-file")?.path;
  for (const [what, { path }] of paths) {
    // The runtime replaces bytes that aren't UTF-8 by this character.
    if (path.includes("\ufffd")) {
      const text = `${what} must be a path in UTF-8, not ${quotedStart(path)}; name another one`;
      throw new P2pchatError("usage", text);
    }
    checkFound(path, folder);
    if (log === undefined || what === "--log-file" || resolve(path) !== resolve(log)) continue;
    const text = `--log-file and ${what} can't be one file; name another one with --log-file`;
    throw new P2pchatError("usage", text);
  }
}

/** Whether errors should be JSON, as far as that is known before the arguments have been checked. */
export function asksForJson(
  args: readonly string[],
  commands: readonly Pick<CommandForm, "flags">[],
): boolean {
  const { before } = withJoinedValues(args, commands.flatMap(({ flags }) => flags));
  return before.includes("--json") && !before.includes("--mcp"); // whose output is none of ours
}

/**
 * The error for a command with too few or too many words.
 * @param extra The first excess word, if any.
 */
export function wrongWords(
  entry: Pick<CommandForm, "name" | "form" | "example">,
  extra?: string,
): P2pchatError {
  const fault = extra === undefined ? "" : `Unexpected argument ${quotedStart(extra)}. `;
  return new P2pchatError("usage", fault + usageOf(commandForm(entry), entry.example));
}

/** The error for a command that lacks something. @param what `A name`. */
export function missing(
  what: string,
  entry: Pick<CommandForm, "name" | "form" | "example">,
): P2pchatError {
  return new P2pchatError("usage", `${what} is missing. ${wrongWords(entry).message}`);
}

/** The options of a command whose one word is a file. @throws {P2pchatError} `usage` unless exactly one is given. */
export function fileOptions(
  { words, common }: Pick<CommandLine, "words" | "common">,
  entry: Pick<CommandForm, "name" | "form" | "example">,
): FileOptions {
  const [file = "", ...rest] = words;
  if (file === "" || rest.length > 0) throw wrongWords(entry, rest[0]);
  return { ...common, file };
}

/**
 * The address that `flag` names, of a command with one word at most.
 * @throws {P2pchatError} `usage` for more words, or without the flag.
 */
export function serverAddress(
  line: CommandLine,
  flag: "server" | "registry",
  entry: Pick<CommandForm, "name" | "form" | "example">,
): ServerAddress {
  const address = line.value<ServerAddress>(flag);
  const [, extra] = line.words;
  if (extra !== undefined) {
    // Where a log-in takes a password, that may be it.
    throw wrongWords(entry, flag === "registry" ? undefined : extra);
  }
  if (address === undefined) {
    throw missing(`--${flag}`, entry);
  }
  return address;
}

interface Given {
  readonly words: readonly string[];
  /** The first unknown flag, as it was given. */
  readonly unknown: string | null;
  /** The flags that were given. */
  readonly names: readonly string[];
  text(name: string): string | undefined;
  isOn(name: string): boolean;
}

function parsedFlags(args: readonly string[], flags: readonly Flag[]): Given {
  const switches = flags.filter((flag) => !takesValue(flag)).map((flag) => flag.name);
  const valued = flags.filter(takesValue).map((flag) => flag.name);
  const { before, behind } = withJoinedValues(args, flags);
  // Checked before parsing: the parser treats a switch that begins with "no-" and has a value as another flag.
  for (const name of switches) {
    if (before.some((arg) => arg.startsWith(`--${name}=`))) {
      throw new P2pchatError("usage", `--${name} takes no value; leave out what follows it`);
    }
  }
  // The parser uses "_" as the key for words that aren't flags.
  const isOfWords = (arg: string) => WORDS_FLAG.test(arg);
  let unknown = before.find(isOfWords) ?? null;
  const parsed = parseArgs([...before.filter((arg) => !isOfWords(arg)), ...behind], {
    boolean: [...switches, "version"],
    string: ["_", ...valued],
    collect: valued,
    alias: { help: "h", version: "V" },
    unknown(arg, key) {
      if (key === undefined) return true;
      unknown ??= arg.replace(/=.*$/s, "");
      return false;
    },
  });
  const texts = (name: string) => (parsed[name] ?? []) as readonly string[];
  for (const name of valued) {
    if (texts(name).length > 1) {
      throw new P2pchatError(
        "usage",
        `--${name} is given ${texts(name).length} times; give it once`,
      );
    }
  }
  const isOn = (name: string) => parsed[name] === true;
  return {
    words: parsed._.map(String),
    unknown,
    names: [...switches.filter(isOn), ...valued.filter((name) => texts(name).length > 0)],
    text: (name) => texts(name)[0],
    isOn,
  };
}

/**
 * The error where its cause may be the last word: it stands behind a flag of whose values it is none. That is all there is
 * to say, unless it is the first word of the command, too, and was meant as that.
 */
function withMisplaced(
  error: P2pchatError,
  args: readonly string[],
  words: readonly string[],
  flags: readonly Flag[],
): P2pchatError {
  const last = words.at(-1);
  const before = args[args.lastIndexOf(last ?? "") - 1];
  const flag = flags.find(({ name }) => `--${name}` === before);
  if (error.code !== "usage" || last === undefined || flag === undefined) return error;
  if (!takesValue(flag) || flag.takes === undefined) return error;
  const fault = `${before} takes ${flag.takes}, which ${quotedStart(last)} isn't`;
  const text = words.length > 1 ? fault : `${fault}. ${error.message}`;
  return new P2pchatError("usage", text, { cause: error });
}

/** Matches `--_`, and `_` among letters after a single dash. */
const WORDS_FLAG = /^--_(=|$)|^-[^=-]*_/;

/** Letters after a single dash that are examined: only two letters are known, and parsing takes quadratic time. */
const LETTERS_MAX = 64;

/**
 * The arguments before `--`, each flag joined with its value where the parser would take that for something else: a text,
 * which may begin as it likes, and `-`, or what begins with a dash and a digit, as no flag does. A flag whose value may be
 * left out is ended where the word behind it is none.
 */
function withJoinedValues(
  args: readonly string[],
  flags: readonly Flag[],
): { readonly before: readonly string[]; readonly behind: readonly string[] } {
  const valued = new Map(flags.filter(takesValue).map((flag) => [`--${flag.name}`, flag]));
  const before: string[] = [];
  let at = 0;
  for (; at < args.length && args[at] !== "--"; at += 1) {
    const arg = args[at]!;
    const next = args[at + 1];
    const flag = valued.get(arg);
    if (flag?.like !== undefined && !flag.like.test(next ?? "")) before.push(`${arg}=`);
    else if (flag !== undefined && next !== undefined && (flag.isText || /^-(\d|$)/.test(next))) {
      before.push(`${arg}=${next}`);
      at += 1;
    } else before.push(/^-[^-]/.test(arg) ? arg.slice(0, LETTERS_MAX) : arg);
  }
  return { before, behind: args.slice(at) };
}

/** The command that was given; if several have its name, the one selected by a flag. */
function chosen(given: Given, commands: readonly ProgramCommand[]): ProgramCommand {
  const named = commands.filter((candidate) => isNamed(candidate, given.words));
  const [entry] = named;
  if (entry === undefined) throw unknownCommand(given.words, commands);
  if (named.length === 1) return entry;
  const meant = named.filter(({ chosenBy }) => given.names.includes(chosenBy!));
  if (meant.length === 1) return meant[0]!;
  const forms = named.map(commandForm).join(", or ");
  const flags = (meant.length === 0 ? named : meant).map(({ chosenBy }) => `--${chosenBy}`);
  const fault = meant.length === 0
    ? `${inWords(flags, "or")} is missing`
    : `${inWords(flags, "and")} can't be given together`;
  throw new P2pchatError("usage", `${fault}. The forms are ${forms}`);
}

/** The command as typed, without optional flags. */
export function commandForm({ name, form }: Pick<CommandForm, "name" | "form">): string {
  return `p2pchat ${name} ${form}`.trimEnd();
}

/** The command in users' terms: `peer --users` where several have the same name. */
export function commandTitle({ name, chosenBy }: CommandForm): string {
  return chosenBy === undefined ? name : `${name} --${chosenBy}`;
}

function isNamed(entry: ProgramCommand, words: readonly string[]): boolean {
  return entry.name.split(" ").every((word, at) => word === words[at]);
}

/** The commands whose name `words` begin with; if there is just one word, all commands that begin with it. */
function named(
  words: readonly string[],
  commands: readonly ProgramCommand[],
): readonly ProgramCommand[] {
  const entries = commands.filter((candidate) => isNamed(candidate, words));
  if (entries.length > 0) return entries;
  const family = familyOf(words[0]!, commands);
  if (family.length === 0 || words.length > 1) throw unknownCommand(words, commands);
  return family;
}

/** The two-word commands that begin with `word`. */
function familyOf(word: string, commands: readonly ProgramCommand[]): readonly ProgramCommand[] {
  return commands.filter((candidate) => candidate.name.startsWith(`${word} `));
}

function unknownCommand(
  words: readonly string[],
  commands: readonly ProgramCommand[],
): P2pchatError {
  const [first, second] = words as readonly [string, ...string[]];
  const family = familyOf(first, commands);
  const names = family.length > 0
    ? family.map(({ name }) => name)
    : [...new Set(commands.map(({ name }) => name.split(" ")[0]!)), "help", "--version"];
  const there = `; there are ${names.join(", ")}`;
  if (family.length > 0 && second === undefined) {
    return new P2pchatError("usage", `The command ${first} needs a second word${there}`);
  }
  const given = family.length > 0 ? `${first} ${second}` : first;
  const begin = family.length > 0 ? "" : `; to begin, ${FIRST_COMMAND}`;
  const meant = family.length > 0
    ? didYouMean(second!, names.map((name) => name.split(" ")[1]!), (word) => `${first} ${word}`)
    : didYouMean(first, names);
  const hint = meant || `${there}${begin}; p2pchat --help says more`;
  return new P2pchatError("usage", `No command ${startOf(given, 40)}${hint}`);
}

/** What most people want who type a name, say, in place of a command. */
const FIRST_COMMAND = "p2pchat mesh NAME";

/** The error for an unknown flag, with a suggestion from the given command's flags if the command is known. */
function unknownFlagOfAny(
  given: Given,
  flag: string,
  commands: readonly ProgramCommand[],
): P2pchatError {
  const named = commands.filter((candidate) => isNamed(candidate, given.words));
  const candidates = named.length > 0 ? named : commands;
  const flags = [...candidates.flatMap((entry) => entry.flags), ...COMMON_FLAGS];
  return unknownFlag(flag, flags, candidates.length === 1 ? candidates[0]! : null);
}

/** Former names of flags, each with what takes its place. */
const FORMER: Readonly<Record<string, string>> = {
  "--format": "name it after FILE",
  "--keys": "name them after FILE",
  "--max-members": "--max-clients",
  "--meeting-links": "--meeting-point links=N",
  "--meeting-rate": "--meeting-point rate=SIZE",
  "--meeting-room-links": "--meeting-point room-links=N",
  "--meeting-room-rate": "--meeting-point room-rate=SIZE",
  "--new-passphrase-file": "--new-password-file",
  "--remove": "type an empty new passphrase",
  "--send-from": "start p2pchat in that folder",
};

function unknownFlag(
  given: string,
  flags: readonly Flag[],
  entry: ProgramCommand | null,
): P2pchatError {
  const names = [...flags.map(({ name }) => name), "version"];
  const of = entry === null ? "There is no flag" : `The command ${commandTitle(entry)} has no flag`;
  const see = entry === null ? "p2pchat help" : `p2pchat help ${entry.name}`;
  const hint = Object.hasOwn(FORMER, given)
    ? ` any more: ${FORMER[given]}`
    : didYouMean(given.replace(/^-+/, ""), names, (name) => `--${name}`) ||
      `; ${see} lists all`;
  return new P2pchatError("usage", `${of} ${startOf(given, 40)}${hint}`);
}

/**
 * The user's home folder in the system's user database, for when the environment names none; null where it has
 * none.
 */
function accountHome(): string | null {
  try {
    return userInfo().homedir;
  } catch {
    return null; // the system doesn't know the user, as in some containers
  }
}
