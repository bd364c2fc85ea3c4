/**
 * The table of a mode's commands, the common source of typed lines, JSON objects, `/help` and completion.
 *
 * An entry's `form` defines its syntax: a word in capitals is an argument, named in JSON by the same word in lower
 * case; `[N]` is optional; `/TEXT/` may have blanks; `[--digest]` is a switch, `true` in JSON, typed before or behind
 * the others in any order; anything else is literal. An argument that `takesRest` extends to the end of the line, or to
 * the last occurrence of what follows it.
 */

import { usageOf } from "../../base/text/words.ts";
import { P2pchatError } from "../../base/errors.ts";
import { didYouMean } from "../../base/text/nearest.ts";
import { beginsCommand, quotedStart, startOf } from "../../base/text/text.ts";
import { isOfOthers, nearCommand, sameCommand, whoHas } from "./foreign_commands.ts";
import { hasInvite, inviteMisplaced, isWordCode } from "../../base/text/invite_text.ts";

/** Paths that begin as one that is being typed. */
export interface PathsFound {
  /** What all of them begin with, as it is typed; what was typed, where nothing more is certain. */
  readonly typed: string;
  /** What each is called in its folder; of a folder with a slash behind it. */
  readonly choices: readonly string[];
}

/**
 * Finds what goes on with a path as far as it is typed; null: nothing. Never rejects.
 * @param dataFolder This program's own, of which the user is offered nothing.
 */
export type FindPaths = (typed: string, dataFolder: string) => Promise<PathsFound | null>;

/** A kind of argument: how its text is parsed. */
export interface Argument<Value> {
  /** @throws {P2pchatError} Where `text` isn't a valid value. */
  readonly parse: (text: string) => Value;
  readonly takesRest?: boolean;
  /** What is typed for it, as the source of a regular expression; without it any word. One that is optional and doesn't fit is left out. */
  readonly typedAs?: string;
  /** Optional in a JSON object even where the typed form requires it. */
  readonly optionalInObject?: boolean;
  readonly completesNames?: boolean;
  readonly completesCommands?: boolean;
  /** Of a path, to the end of the line: how it is completed. Before it a name may be typed, where there is an argument for one. */
  readonly completesPaths?: FindPaths;
  /** A switch, which is given or not: `[--digest]`. */
  readonly isSwitch?: boolean;
}

type ArgumentTable = Readonly<Record<string, Argument<unknown>>>;

/** The parsed arguments of a command; missing optional ones are `undefined`. */
type Values<Arguments extends ArgumentTable> = {
  readonly [Name in keyof Arguments]: Arguments[Name] extends Argument<infer Value> ? Value : never;
};

/** The definition of a command. */
interface CommandEntry<Target, Arguments extends ArgumentTable> {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** Of what is typed after the name; by default nothing is. */
  readonly form?: string;
  /** The form among all commands, where the whole one would leave little room for help. */
  readonly listedAs?: string;
  readonly args?: Arguments;
  readonly help: string;
  /** By default the name alone. */
  readonly example?: string;
  /** Leaves the mode, always or for what the target says: lines typed after it aren't run. */
  readonly leaves?: true | ((target: Target) => boolean);
  /** What is typed of it is only for whom it is said to, or a secret, and isn't kept: always, or with a NAME. */
  readonly isPrivate?: "always" | "to-one";
  /**
   * The argument that names an entry of a log: an error about the command says which one was given. `line`: where that
   * is in what was typed after the command, if it doesn't have the form.
   */
  readonly aboutEntry?: { readonly argument: string; readonly line?: RegExp };
  /** A field that objects may have besides what is typed: `bind` is given it, and so is `run`, if it is an argument. */
  readonly fieldOfObjects?: string;
  /**
   * Runs the command. Errors, thrown or rejected, are shown as an `error` event with the command's `ref`. Later
   * lines don't wait for a returned promise.
   * @param isTyped Whether the command was typed by name, not as a bare line or an object.
   */
  run(
    target: Target,
    values: Values<Arguments>,
    ref: string | undefined,
    isTyped: boolean,
  ): void | Promise<void>;
}

/** A command as stored in a table, without the types of its arguments. */
export interface Command<Target> extends Omit<CommandEntry<Target, ArgumentTable>, "run"> {
  readonly aliases: readonly string[];
  readonly form: string;
  readonly args: ArgumentTable;
  readonly example: string;
  readonly syntax: RegExp;
  readonly argumentNames: readonly string[];
  /** Names of the arguments that are optional in the typed form. */
  readonly optionalNames: ReadonlySet<string>;
  /**
   * Parses each argument, and returns the work to run. The steps are separate, so that parsing errors come first.
   * @throws {P2pchatError} Where a text isn't valid for its argument.
   */
  bind(
    texts: Texts,
    ref: string | undefined,
    isTyped: boolean,
  ): (target: Target) => void | Promise<void>;
}

/** Unparsed arguments by name. */
export type Texts = Readonly<Record<string, string | undefined>>;

/** Makes an entry of the table, checking its argument types and then hiding them. */
export function command<Target, Arguments extends ArgumentTable = Record<never, never>>(
  entry: CommandEntry<Target, Arguments>,
): Command<Target> {
  const byDefault = { aliases: [], form: "", args: {} as ArgumentTable, example: `/${entry.name}` };
  const full = { ...byDefault, ...entry };
  const { form, args, fieldOfObjects: field } = full;
  const { syntax, argumentNames, optionalNames } = syntaxOf(form, args);
  const bound = field === undefined ? argumentNames : [...argumentNames, field];
  return {
    ...full,
    syntax,
    argumentNames,
    optionalNames,
    bind(texts, ref, isTyped) {
      const values: Record<string, unknown> = {};
      for (const name of bound) {
        const text = texts[name];
        const argument = args[name]!;
        if (text !== undefined && argument.takesRest !== true && hasInvite(text)) {
          throw inviteMisplaced();
        }
        values[name] = text === undefined ? undefined : argument.parse(text);
      }
      return (target) => entry.run(target, values as Values<Arguments>, ref, isTyped);
    },
  };
}

const SWITCH = /\[--([a-z]+)\]/;

function syntaxOf(form: string, args: ArgumentTable) {
  const argumentNames: string[] = [];
  const optionalNames = new Set<string>();
  let pattern = "";
  let endsInRest = false;
  const all = form.split(" ").filter((token) => token !== "");
  const switches = all.flatMap((token) => SWITCH.exec(token)?.[1] ?? []);
  const hasSwitch = switches.length > 0;
  for (const switched of switches) {
    argumentNames.push(switched);
    optionalNames.add(switched);
    // Looked for in all, as nobody remembers the order of the form; and once, as a line may be long.
    pattern += `(?:(?=[^]*(?<!\\S)(--${switched})(?!\\S))|)`;
  }
  const tokens = all.filter((token) => !SWITCH.test(token));
  const given = hasSwitch ? `(?:(?:^|\\s)\\s*--(?:${switches.join("|")})(?!\\S))*` : "";
  pattern += given;
  let gap = "";
  for (const [at, token] of tokens.entries()) {
    const word = /^(\[?)(\/?)([A-Z]+)\2\]?$/.exec(token);
    if (word === null) {
      pattern += `${gap}${RegExp.escape(token)}`;
      gap = "\\s";
      continue;
    }
    const name = word[3]!.toLowerCase();
    const isBetweenSlashes = word[2] !== "";
    argumentNames.push(name);
    endsInRest = args[name]?.takesRest === true;
    const value = isBetweenSlashes
      ? "\\s*\\/([^]+)\\/"
      : endsInRest
      ? "([^]+)"
      : hasSwitch
      ? "\\s*((?!--)\\S+)"
      : `\\s*(${args[name]?.typedAs ?? "\\S+"})`;
    if (word[1] === "[") {
      optionalNames.add(name);
      const isBeforeRequired = tokens.slice(at + 1).some((later) => !later.startsWith("["));
      if (gap === "" && isBeforeRequired) {
        pattern += `(?:${value}\\s)?`;
        continue;
      }
      pattern += `(?:${gap}${value})?`;
    } else {
      pattern += `${gap}${value}`;
    }
    const mayLeaveOut = isBetweenSlashes || args[name]?.typedAs !== undefined;
    gap = mayLeaveOut && gap !== "\\s" ? "(?:^|\\s)" : "\\s";
  }
  pattern += given;
  const end = endsInRest ? "" : "\\s*";
  return { syntax: new RegExp(`^${pattern}${end}$`, "u"), argumentNames, optionalNames };
}

/** The `ref` of a typed command with `--copy`. */
export const COPY_REF = "copy";

/** The result of parsing a line of input. */
export type ParsedLine<Target> =
  | { readonly type: "empty" }
  | {
    readonly type: "help";
    readonly ref: string | undefined;
    readonly entries: readonly Command<Target>[];
    /** What is asked for isn't named. */
    readonly isBrief: boolean;
  }
  | { readonly type: "show"; readonly ref: string | undefined; readonly number: number }
  | { readonly type: "clear"; readonly ref: string | undefined }
  | {
    readonly type: "command";
    readonly ref: string | undefined;
    readonly leaves: (target: Target) => boolean;
    readonly invocation: Invocation;
    /** The one that it is for, where it says so. */
    readonly room?: string;
    /** Whether its answer is to be put on the clipboard: its last text to be copied. The answer carries `COPY_REF`. */
    readonly copies: boolean;
    readonly run: (target: Target) => void | Promise<void>;
  }
  | { readonly type: "refused"; readonly ref: string | undefined; readonly error: P2pchatError };

/** A command with its unparsed arguments. */
export interface Invocation {
  readonly command: string;
  readonly texts: Texts;
  /** Whether the line was the command, typed by its name. */
  readonly isTyped?: true;
}

interface CommandTableOptions<Target> {
  readonly commands: readonly Command<Target>[];
  /** The meaning of a line that isn't a command, in the present state: for example chat. May throw a P2pchatError. */
  readonly bareLine: (line: string) => Invocation;
  /**
   * Whether a bare line isn't shown as one's own message in the present state, so that a terminal has to keep the line
   * on the screen.
   */
  readonly chatIsSilent?: (line: string) => boolean;
  /**
   * An example object that sends a text, for error messages; if the message is for everybody, the text is its only
   * argument. Null: nothing in this mode sends one.
   */
  readonly textObject?: string | null;
  /** What completion writes after a name at the start of a line; by default a blank. */
  readonly afterName?: string;
  /** The way out for a typed command that is one in other modes, where it isn't the one of its name; null: none. */
  readonly elsewhere?: (name: string, rest: string) => string | null;
  /** Forms of lines that aren't commands, for `/help`: head and description. */
  readonly bareForms?: readonly (readonly [head: string, help: string])[];
  /** In a mode of several rooms: `target` as it is in one of them, which objects name in their field `room`. */
  readonly inRoom?: (target: Target, room: string) => Target;
}

/** The blanks are those that JSON allows around a value. */
const OBJECT_START = /^[ \t]*\{/;

/** Whether a line of a script must be a JSON object. */
export function isObjectLine(line: string): boolean {
  return OBJECT_START.test(line);
}

/** Lines that leave in every mode; the whole line must match exactly. */
const LEAVING_WORDS = [":q", ":quit"];
/** Means `:q` to whoever has typed that for years. */
const SAVE_AND_QUIT = ":wq";

interface InputObject extends Readonly<Record<string, unknown>> {
  readonly command?: unknown;
  readonly ref?: unknown;
  readonly room?: unknown;
}

export class CommandTable<Target> {
  readonly commands: readonly Command<Target>[];
  readonly afterName: string;
  readonly bareForms: readonly (readonly [head: string, help: string])[];
  readonly #byName = new Map<string, Command<Target>>();
  readonly #bareLine: (line: string) => Invocation;
  readonly #words: ReadonlyMap<string, string>;
  readonly #textObject: string | null;
  readonly #chatIsSilent: (line: string) => boolean;
  readonly #elsewhere: (name: string, rest: string) => string | null;
  /** As the option; without its types, a table takes whatever takes more than its own target. */
  readonly #inRoom: ((target: never, room: string) => unknown) | undefined;

  constructor(options: CommandTableOptions<Target>) {
    this.commands = [...options.commands, clearEntry(), showEntry(), helpEntry()];
    for (const entry of this.commands) {
      for (const name of [entry.name, ...entry.aliases]) this.#byName.set(name, entry);
    }
    this.#bareLine = options.bareLine;
    this.#inRoom = options.inRoom;
    this.#elsewhere = options.elsewhere ?? (() => null);
    this.#chatIsSilent = options.chatIsSilent ?? (() => false);
    this.#textObject = options.textObject === undefined
      ? '{"command":"msg","text":"..."}'
      : options.textObject;
    this.afterName = options.afterName ?? " ";
    this.bareForms = options.bareForms ?? [];
    const leaving = this.commands.find(({ leaves }) => leaves === true);
    this.#words = new Map(
      leaving === undefined ? [] : LEAVING_WORDS.map((word) => [word, leaving.name]),
    );
  }

  /** As the option of the same name, for a line that is no command; a doubled slash at its start is one of text. */
  chatIsSilent(line: string): boolean {
    return this.#chatIsSilent(line.startsWith("//") ? line.slice(1) : line);
  }

  /** Whole lines that are commands, for `/help`. */
  get words(): ReadonlyMap<string, string> {
    return this.#words;
  }

  /** The command with that name or alias, without the slash. */
  find(name: string): Command<Target> | undefined {
    return this.#byName.get(name);
  }

  /**
   * Parses one line. With `objects`, a line that starts with `{`, perhaps after blanks, must be a JSON object of a
   * command: what was meant for one person must not be said to all because of a blank.
   * @param ref Of a line that is no object: what the answers to it carry.
   * @param room Of such a line: the room that it is for, where there are several.
   */
  parse(line: string, objects: boolean, ref?: string, room?: string): ParsedLine<Target> {
    if (line.trim() === "") return { type: "empty" };
    if (objects && isObjectLine(line)) return this.#parseObject(line);
    return this.parsed(() => this.#invocationOf(line), ref, room);
  }

  /** What `invocation` returns, as it is run. @param ref As for `parse`. @param room As for `parse`. */
  parsed(invocation: () => Invocation, ref?: string, room?: string): ParsedLine<Target> {
    try {
      const { command, texts, isTyped = false } = invocation();
      const bound = this.#bound(this.#known(command), texts, ref, isTyped);
      if (room === undefined || this.#inRoom === undefined) return bound;
      const targetIn = this.#inRoom as NonNullable<CommandTableOptions<Target>["inRoom"]>;
      return inRoom(bound, room, targetIn);
    } catch (error) {
      return refused(error, ref);
    }
  }

  /** Whether the line is a command that leaves the target. */
  leaves(line: string, target: Target): boolean {
    const parsed = this.parse(line, false);
    return parsed.type === "command" && parsed.leaves(target);
  }

  /** Whether the line may be kept where it is found at a later start: nothing private, no secret, no mistyped command. */
  mayBeKept(line: string): boolean {
    const isSecret = hasInvite(line) || /(?:^|\s)--(?:invite|words)\b/.test(line) ||
      isWordCode(/^\/\S+\s(.*)/.exec(line)?.[1] ?? "");
    if (line.trim() === "" || isSecret) return false;
    try {
      const { command, texts } = this.#invocationOf(line);
      const { isPrivate } = this.#known(command);
      return isPrivate === undefined || (isPrivate === "to-one" && texts["name"] === undefined);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      return false; // it may be a private message by another program's command
    }
  }

  #invocationOf(line: string): Invocation {
    // A trailing blank is easily typed, so `:q ` leaves; ` :q` is chat.
    const typed = line.trimEnd();
    const word = this.#words.get(typed === SAVE_AND_QUIT ? ":q" : typed);
    if (word !== undefined) return { command: word, texts: {} };
    if (!beginsCommand(line)) {
      return this.#bareLine(line.startsWith("//") ? line.slice(1) : line);
    }

    const name = /^\S+/.exec(line.slice(1))?.[0] ?? "";
    // Where a message needs more than its text (a receiver), a doubled slash doesn't turn the line into one.
    const wayOut = this.chatIsSilent(`/${line}`) ? "" : `, //${shortened(name)} sends it as text`;
    const rest = line.slice(1 + name.length);
    const other = this.#elsewhere(name, rest.trim());
    if (other !== null) throw new P2pchatError("usage", other);
    const entry = this.#known(name, wayOut);
    // Only the first blank is a separator: a text keeps further leading blanks.
    const match = entry.syntax.exec(rest.slice(1));
    if (match === null) throw aboutEntry(entry, givenIn(entry, rest), formError(entry, name));
    const texts: Record<string, string | undefined> = {};
    entry.argumentNames.forEach((argument, index) => texts[argument] = match[index + 1]);
    if (blankRestOf(entry, texts) !== undefined) {
      throw aboutEntry(entry, texts, formError(entry, name));
    }
    return { command: entry.name, texts, isTyped: true };
  }

  #parseObject(line: string): ParsedLine<Target> {
    let ref: string | undefined;
    try {
      const object = parsedObject(line, this.#textObject);
      if (object.ref !== undefined && typeof object.ref !== "string") {
        throw new P2pchatError("usage", "The field ref of an object must be a string");
      }
      ref = object.ref;
      if (typeof object.command !== "string") {
        throw new P2pchatError(
          "usage",
          'An object needs a command, for example {"command":"help"}; other lines must not start with {',
        );
      }
      const entry = this.#known(object.command);
      const { room, ...others } = object;
      if (this.#inRoom === undefined || room === undefined) {
        return this.#bound(entry, textsOf(entry, object), ref, false);
      }
      if (typeof room !== "string") {
        throw new P2pchatError("usage", "The field room of an object must be a string");
      }
      const targetIn = this.#inRoom as NonNullable<CommandTableOptions<Target>["inRoom"]>;
      return inRoom(this.#bound(entry, textsOf(entry, others), ref, false), room, targetIn);
    } catch (error) {
      return refused(error, ref);
    }
  }

  #bound(
    entry: Command<Target>,
    texts: Texts,
    ref: string | undefined,
    isTyped: boolean,
  ): ParsedLine<Target> {
    if (entry.name === "help") {
      const { topic } = texts;
      return { type: "help", ref, entries: this.#helpedBy(topic), isBrief: topic === undefined };
    }
    if (entry.name === "clear") return { type: "clear", ref };
    try {
      if (entry.name === "show") {
        return { type: "show", ref, number: foldedNumber.parse(texts["n"]!) };
      }
      const copies = texts["copy"] !== undefined;
      const run = entry.bind(texts, copies ? COPY_REF : ref, isTyped);
      const { leaves = false } = entry;
      const mayLeave = typeof leaves === "function" ? leaves : () => leaves;
      const invocation = { command: entry.name, texts };
      return { type: "command", ref, leaves: mayLeave, invocation, copies, run };
    } catch (error) {
      throw aboutEntry(entry, texts, error);
    }
  }

  #helpedBy(name: string | undefined): readonly Command<Target>[] {
    if (name === undefined || name === "all") return this.commands;
    const topic = this.commands.filter(({ name: each }) => TOPICS[name]?.includes(each));
    if (topic.length > 0) return topic;
    return [this.#known(this.#words.get(name) ?? name.replace(/^\//, ""))];
  }

  /** @param wayOut The alternative to suggest. */
  #known(name: string, wayOut = ""): Command<Target> {
    const entry = this.#byName.get(name) ?? sameCommand(name, this.commands);
    if (entry !== undefined) return entry;
    throw new P2pchatError(
      "unknown-command",
      `No command /${shortened(name)}${this.#hint(name) || `; /help lists them${wayOut}`}`,
    );
  }

  /**
   * A suggestion for an unknown command: what comes near to another chat program's command, whom it is for in another
   * mode, otherwise a similar name.
   */
  #hint(name: string): string {
    const near = nearCommand(name, this.commands);
    if (near !== undefined) return `; here it is ${headOf(near)}`;
    const others = whoHas(name);
    if (others !== undefined) {
      const isSaid = name.toLowerCase() === "edit" && this.#textObject !== null;
      return ` here: it is for ${others}${isSaid ? "; what was said here can't be changed" : ""}`;
    }
    return isOfOthers(name) ? "" : didYouMean(name, this.#byName.keys(), (known) => `/${known}`);
  }
}

/** The line, run in a room of that id. */
function inRoom<Target>(
  line: ParsedLine<Target>,
  room: string,
  targetIn: (target: Target, room: string) => Target,
): ParsedLine<Target> {
  if (line.type !== "command") return line;
  return { ...line, room, run: (target) => line.run(targetIn(target, room)) };
}

const foldedNumber: Argument<number> = {
  parse(text) {
    if (/^[1-9][0-9]{0,8}$/.test(text)) return Number(text);
    throw new P2pchatError(
      "usage",
      `The number of a folded text must be 1 or more, not ${quotedStart(text)}`,
    );
  },
};

function clearEntry<Target>(): Command<Target> {
  return command<Target, Record<never, never>>({
    name: "clear",
    help: "clear the screen, as Ctrl+L does",
    run() {}, // the user interface handles it, as only it has a screen
  });
}

function showEntry<Target>(): Command<Target> {
  return command<Target, { n: Argument<number> }>({
    name: "show",
    form: "N",
    args: { n: foldedNumber },
    help: "show all of folded text N",
    example: "/show 1",
    run() {}, // the user interface handles it, as only it knows what it folded
  });
}

/** Of each topic the commands, those of all modes. */
export const TOPICS: Readonly<Record<string, readonly string[]>> = {
  files: ["send", "files", "get", "cancel"],
  keys: ["verify", "trust", "whois", "whoami"],
  rooms: ["rooms", "join", "room", "invite", "part", "remove", "allow", "deputy", "name"],
  people: ["list", "peers", "away", "back", "ignore", "unignore", "ignored", "notify"],
  edits: ["edit", "go", "abort", "entry", "log"],
  calls: ["call", "accept", "decline", "hangup", "missed"],
};

function helpEntry<Target>(): Command<Target> {
  return command<Target, { topic: Argument<string> }>({
    name: "help",
    form: "[TOPIC]",
    args: { topic: { parse: (text) => text, completesCommands: true } },
    help: "first commands; all, those of a topic, or one",
    example: "/help all",
    run() {}, // the user interface handles it, as only it knows how to show the help
  });
}

function parsedObject(line: string, textObject: string | null): InputObject {
  let value: unknown;
  try {
    value = JSON.parse(line, (_, field) => field ?? undefined); // null: as if left out
  } catch (cause) {
    const wayOut = textObject === null ? "" : `; send other text as ${textObject}`;
    throw new P2pchatError(
      "usage",
      "A line that starts with { must be one JSON object, complete on that line, as jq -c writes it " +
        `(${(cause as Error).message})${wayOut}`,
      { cause },
    );
  }
  return value as InputObject; // text that starts with { and parses is an object
}

/** @throws {P2pchatError} Where a field is missing, or isn't one of this command. */
function textsOf<Target>(entry: Command<Target>, object: InputObject): Texts {
  try {
    return checkedTexts(entry, object);
  } catch (error) {
    throw aboutEntry(entry, object, error);
  }
}

function checkedTexts<Target>(entry: Command<Target>, object: InputObject): Texts {
  const texts: Record<string, string | undefined> = {};
  for (const [field, value] of Object.entries(object)) {
    if (field === "command" || field === "ref") continue;
    if (!entry.argumentNames.includes(field) && field !== entry.fieldOfObjects) {
      const fields = entry.argumentNames.length === 0 ? "none" : entry.argumentNames.join(", ");
      throw new P2pchatError(
        "usage",
        `The command ${entry.name} has no field ${shortened(field)}; its fields: ${fields}`,
      );
    }
    if (value === undefined) continue;
    if (entry.args[field]?.isSwitch === true) {
      if (typeof value !== "boolean") {
        throw new P2pchatError(
          "usage",
          `The field ${field} of ${entry.name} must be true or false`,
        );
      }
      if (value) texts[field] = `--${field}`;
      continue;
    }
    if (typeof value !== "string" && typeof value !== "number") {
      throw new P2pchatError(
        "usage",
        `The field ${field} of ${entry.name} must be a string or a number`,
      );
    }
    texts[field] = String(value);
  }
  for (const name of entry.argumentNames) {
    const mayLack = entry.optionalNames.has(name) || entry.args[name]?.optionalInObject === true;
    if (texts[name] === undefined && !mayLack) {
      throw new P2pchatError("usage", `The command ${entry.name} needs the field ${name}`);
    }
    if (texts[name] === "" && !mayLack) throw emptyField(entry, name);
  }
  const blank = blankRestOf(entry, texts);
  if (blank !== undefined) throw emptyField(entry, blank);
  return texts;
}

function emptyField<Target>(entry: Command<Target>, name: string): P2pchatError {
  return new P2pchatError("usage", `The field ${name} of ${entry.name} must not be empty`);
}

function headOf<Target>({ name, form }: Command<Target>): string {
  return `/${name} ${form}`.trimEnd();
}

/** @param typed The command's name as the user typed it, or an alias. */
function formError<Target>(entry: Command<Target>, typed: string): P2pchatError {
  const form = headOf({ ...entry, name: typed });
  const example = entry.example.replace(`/${entry.name}`, `/${typed}`);
  return new P2pchatError("usage", usageOf(form, example));
}

/** What was typed after a command, where it doesn't have the form. */
function givenIn<Target>({ aboutEntry }: Command<Target>, rest: string): Texts {
  return aboutEntry === undefined
    ? {}
    : { [aboutEntry.argument]: aboutEntry.line?.exec(rest)?.[1] };
}

/** The error, with the number of the entry that the command names, where it names one. */
function aboutEntry<Target>(
  { aboutEntry }: Command<Target>,
  given: Readonly<Record<string, unknown>>,
  error: unknown,
): unknown {
  if (aboutEntry === undefined || !(error instanceof P2pchatError)) return error;
  const number = given[aboutEntry.argument];
  const isGiven = typeof number === "number" || typeof number === "string" && number.trim() !== "";
  const seq = isGiven ? Number(number) : NaN;
  if (!Number.isInteger(seq)) return error;
  return new P2pchatError(error.code, error.message, { cause: error, seq });
}

function refused<Target>(error: unknown, ref: string | undefined): ParsedLine<Target> {
  if (!(error instanceof P2pchatError)) throw error;
  return { type: "refused", ref, error: hasInvite(error.message) ? inviteMisplaced() : error };
}

/** The name of a blank argument that `takesRest`: a blank text counts as missing. */
function blankRestOf<Target>(entry: Command<Target>, texts: Texts): string | undefined {
  return entry.argumentNames.find((name) =>
    entry.args[name]?.takesRest === true && !entry.optionalNames.has(name) &&
    texts[name]?.trim() === ""
  );
}

/** For error texts: what the user typed, shortened if long. */
function shortened(word: string): string {
  const LENGTH_MAX = 40;
  const start = startOf(word, LENGTH_MAX);
  return start.length < word.length ? `${start}...` : word;
}
