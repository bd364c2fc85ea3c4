/**
 * The one table of a mode's commands. Typed lines, JSON objects, `/help` and completion all come from it.
 *
 * An entry's `form` is the source of its syntax: a word in capitals is an argument, named in JSON by the
 * same word in lower case; `[N]` may be left out; `[--digest]` is a switch, `true` in JSON; anything else
 * stands for itself. An argument that `takesRest` reaches to the end of the line, or to the last occurrence of
 * what follows it.
 */

import { P2pchatError } from "../base/errors.ts";
import { didYouMean } from "../base/nearest.ts";
import { ownCommandFor } from "./foreign_commands.ts";
import { hasInvite, inviteMisplaced } from "../protocols/mesh/invite.ts";

/** One kind of argument: how its text becomes a value. */
export interface Argument<Value> {
  /** @throws {P2pchatError} Where `text` is no such value. */
  readonly parse: (text: string) => Value;
  readonly takesRest?: boolean;
  /** May be left out in an object even where the typed form needs it. */
  readonly optionalInObject?: boolean;
  readonly completesNames?: boolean;
  readonly completesCommands?: boolean;
  /** It stands there or not: `[--digest]`. */
  readonly isSwitch?: boolean;
}

type ArgumentTable = Readonly<Record<string, Argument<unknown>>>;

/** The parsed arguments of a command; those that may be left out are `undefined` then. */
type Values<Arguments extends ArgumentTable> = {
  readonly [Name in keyof Arguments]: Arguments[Name] extends Argument<infer Value> ? Value : never;
};

/** All that a command is. */
export interface CommandEntry<Target, Arguments extends ArgumentTable> {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly form: string;
  readonly args: Arguments;
  readonly help: string;
  readonly example: string;
  /** Nothing that was typed after it is run. */
  readonly leaves?: true;
  /**
   * Carries the command out; what it throws or rejects with is shown as an `error` with its `ref`.
   * Later lines don't wait for a returned promise.
   * @param isTyped Whether somebody typed the command's name: it is neither a bare line nor an object.
   */
  run(
    target: Target,
    values: Values<Arguments>,
    ref: string | undefined,
    isTyped: boolean,
  ): void | Promise<void>;
}

/** A command whose argument types are hidden, as a table holds it. */
export interface Command<Target> extends Omit<CommandEntry<Target, ArgumentTable>, "run"> {
  readonly syntax: RegExp;
  readonly argumentNames: readonly string[];
  /** Names of the arguments that the typed form can do without. */
  readonly optionalNames: ReadonlySet<string>;
  /**
   * Parses each text by its argument's kind, then runs. Separate steps, so that parsing errors come first.
   * @throws {P2pchatError} Where a text is no value of its kind.
   */
  bind(
    texts: Texts,
    ref: string | undefined,
    isTyped: boolean,
  ): (target: Target) => void | Promise<void>;
}

/** Argument texts by name, before parsing. */
export type Texts = Readonly<Record<string, string | undefined>>;

/** An entry of the table, its types checked here and hidden from there on. */
export function command<Target, Arguments extends ArgumentTable>(
  entry: CommandEntry<Target, Arguments>,
): Command<Target> {
  const { syntax, argumentNames, optionalNames } = syntaxOf(entry.form, entry.args);
  return {
    ...entry,
    syntax,
    argumentNames,
    optionalNames,
    bind(texts, ref, isTyped) {
      const values: Record<string, unknown> = {};
      for (const name of argumentNames) {
        const text = texts[name];
        const argument = entry.args[name]!;
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
  const hasSwitch = SWITCH.test(form);
  for (const token of form.split(" ").filter((token) => token !== "")) {
    const switched = SWITCH.exec(token)?.[1];
    if (switched !== undefined) {
      argumentNames.push(switched);
      optionalNames.add(switched);
      pattern += `(?:(?:^|\\s)\\s*(--${switched}))?`;
      continue;
    }
    const word = /^(\[?)([A-Z]+)\]?$/.exec(token);
    const gap = pattern === "" ? "" : "\\s";
    if (word === null) {
      pattern += `${gap}${RegExp.escape(token)}`;
      continue;
    }
    const name = word[2]!.toLowerCase();
    argumentNames.push(name);
    endsInRest = args[name]?.takesRest === true;
    const value = endsInRest ? "([^]+)" : hasSwitch ? "\\s*((?!--)\\S+)" : "\\s*(\\S+)";
    if (word[1] === "[") {
      optionalNames.add(name);
      pattern += `(?:${gap}${value})?`;
    } else {
      pattern += `${gap}${value}`;
    }
  }
  const end = endsInRest ? "" : "\\s*";
  return { syntax: new RegExp(`^${pattern}${end}$`, "u"), argumentNames, optionalNames };
}

/** A line of input, understood or not. */
export type ParsedLine<Target> =
  | { readonly type: "empty" }
  | {
    readonly type: "help";
    readonly ref: string | undefined;
    readonly entries: readonly Command<Target>[];
  }
  | {
    readonly type: "command";
    readonly ref: string | undefined;
    readonly leaves: boolean;
    readonly run: (target: Target) => void | Promise<void>;
  }
  | { readonly type: "refused"; readonly ref: string | undefined; readonly error: P2pchatError };

/** What a line that isn't a command means: one that is, with its argument texts. */
export interface Invocation {
  readonly command: string;
  readonly texts: Texts;
  /** The line is that command, by its name. */
  readonly isTyped?: true;
}

export interface CommandTableOptions<Target> {
  readonly commands: readonly Command<Target>[];
  /** What a line of no command means, here and now: chat, for example. May throw a P2pchatError. */
  readonly bareLine: (line: string) => Invocation;
  /**
   * Whether what a bare line says, here and now, isn't shown as a message of one's own: a terminal keeps the line,
   * then.
   */
  readonly chatIsSilent?: () => boolean;
  /**
   * An object that sends a text, as people are told; where all are meant, nothing but the text is needed. Null:
   * nothing here sends one.
   */
  readonly textObject?: string | null;
  /** What follows a name at the start of a line, as completion writes it; a blank where nothing is said. */
  readonly afterName?: string;
  /** Forms of lines that are no commands, for `/help`: head and description. */
  readonly bareForms?: readonly (readonly [head: string, help: string])[];
}

/** Lines that leave in every mode, as a whole and exactly so. */
const LEAVING_WORDS = [":q", ":quit"];

interface InputObject extends Readonly<Record<string, unknown>> {
  readonly command?: unknown;
  readonly ref?: unknown;
}

export class CommandTable<Target> {
  readonly commands: readonly Command<Target>[];
  readonly afterName: string;
  readonly bareForms: readonly (readonly [head: string, help: string])[];
  readonly #byName = new Map<string, Command<Target>>();
  readonly #bareLine: (line: string) => Invocation;
  readonly #words: ReadonlyMap<string, string>;
  readonly #textObject: string | null;
  readonly #chatIsSilent: () => boolean;

  constructor(options: CommandTableOptions<Target>) {
    this.commands = [...options.commands, helpEntry()];
    for (const entry of this.commands) {
      for (const name of [entry.name, ...entry.aliases]) this.#byName.set(name, entry);
    }
    this.#bareLine = options.bareLine;
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

  /** Whether what a bare line says leaves no trace of its own. */
  get chatIsSilent(): boolean {
    return this.#chatIsSilent();
  }

  /** Lines that are commands as a whole, for `/help`. */
  get words(): ReadonlyMap<string, string> {
    return this.#words;
  }

  /** The command of that name or alias, without its slash. */
  find(name: string): Command<Target> | undefined {
    return this.#byName.get(name);
  }

  /** Understands one line. With `objects`, a line that starts with `{` must be a JSON object of a command. */
  parse(line: string, objects: boolean): ParsedLine<Target> {
    if (line.trim() === "") return { type: "empty" };
    if (objects && line.startsWith("{")) return this.#parseObject(line);
    try {
      const { command, texts, isTyped = false } = this.#invocationOf(line);
      return this.#bound(this.#known(command), texts, undefined, isTyped);
    } catch (error) {
      return refused(error, undefined);
    }
  }

  #invocationOf(line: string): Invocation {
    // `:q ` is easily typed; ` :q` is chat.
    const word = this.#words.get(line.trimEnd());
    if (word !== undefined) return { command: word, texts: {} };
    if (!line.startsWith("/")) return this.#bareLine(line);
    if (line.startsWith("//")) return this.#bareLine(line.slice(1));

    const name = /^\S+/.exec(line.slice(1))?.[0] ?? "";
    // Where a line needs more than its text, a slash before it doesn't make it one.
    const wayOut = this.chatIsSilent ? "" : `, //${shortened(name)} says it as text`;
    const entry = this.#known(name, wayOut);
    const rest = line.slice(1 + name.length);
    // Only the gap's first character goes: a text keeps the blanks it starts with.
    const match = entry.syntax.exec(rest.slice(1));
    if (match === null) throw formError(entry);
    const texts: Record<string, string | undefined> = {};
    entry.argumentNames.forEach((argument, index) => texts[argument] = match[index + 1]);
    if (blankRestOf(entry, texts) !== undefined) throw formError(entry);
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
      return this.#bound(entry, textsOf(entry, object), ref, false);
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
      return { type: "help", ref, entries: this.#helpedBy(texts["topic"]) };
    }
    const run = entry.bind(texts, ref, isTyped);
    return { type: "command", ref, leaves: entry.leaves === true, run };
  }

  #helpedBy(name: string | undefined): readonly Command<Target>[] {
    if (name === undefined) return this.commands;
    return [this.#known(this.#words.get(name) ?? name.replace(/^\//, ""))];
  }

  /** @param wayOut What else may have been meant. */
  #known(name: string, wayOut = ""): Command<Target> {
    const entry = this.#byName.get(name);
    if (entry !== undefined) return entry;
    throw new P2pchatError(
      "unknown-command",
      `There is no command /${shortened(name)}${this.#hint(name) || `; /help lists them${wayOut}`}`,
    );
  }

  /** Which command was meant, as far as that can be guessed: a word of other programs is no slip of the pen. */
  #hint(name: string): string {
    const own = ownCommandFor(name, this.commands);
    if (own === undefined) return didYouMean(name, this.#byName.keys(), (known) => `/${known}`);
    return own === null ? "" : `; here it is ${headOf(own)}`;
  }
}

function helpEntry<Target>(): Command<Target> {
  return command<Target, { topic: Argument<string> }>({
    name: "help",
    aliases: [],
    form: "[TOPIC]",
    args: { topic: { parse: (text) => text, completesCommands: true } },
    help: "list the commands, or explain one",
    example: "/help",
    run() {}, // answered by the user interface, which alone knows how to show it
  });
}

function parsedObject(line: string, textObject: string | null): InputObject {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new P2pchatError(
      "usage",
      `A line that starts with { must be one JSON object (${(cause as Error).message})` +
        (textObject === null ? "" : `; send other text as ${textObject}`),
      { cause },
    );
  }
  return value as InputObject; // what starts with { and parses is an object
}

function textsOf<Target>(entry: Command<Target>, object: InputObject): Texts {
  const texts: Record<string, string | undefined> = {};
  for (const [field, value] of Object.entries(object)) {
    if (field === "command" || field === "ref") continue;
    if (!entry.argumentNames.includes(field)) {
      const fields = entry.argumentNames.length === 0 ? "none" : entry.argumentNames.join(", ");
      throw new P2pchatError(
        "usage",
        `The command ${entry.name} has no field ${shortened(field)}; its fields: ${fields}`,
      );
    }
    if (value === null || value === undefined) continue;
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

function formError<Target>(entry: Command<Target>): P2pchatError {
  const form = entry.form === "" ? `/${entry.name} alone` : headOf(entry);
  return new P2pchatError("usage", `The form is ${form}, for example ${entry.example}`);
}

function refused<Target>(error: unknown, ref: string | undefined): ParsedLine<Target> {
  if (!(error instanceof P2pchatError)) throw error;
  return { type: "refused", ref, error: hasInvite(error.message) ? inviteMisplaced() : error };
}

/** The argument whose text is missing, as it is blank: a line of blanks says nothing either. */
function blankRestOf<Target>(entry: Command<Target>, texts: Texts): string | undefined {
  return entry.argumentNames.find((name) =>
    entry.args[name]?.takesRest === true && !entry.optionalNames.has(name) &&
    texts[name]?.trim() === ""
  );
}

/** Error texts quote what somebody typed, but not all of it. */
function shortened(word: string): string {
  const LENGTH_MAX = 40;
  return word.length > LENGTH_MAX ? `${word.slice(0, LENGTH_MAX)}...` : word;
}
