/** `/help`: the table of commands, for people and for scripts. */

import { inWords } from "../../base/text/words.ts";
import { type Command, type CommandTable, TOPICS } from "../commands/commands.ts";
import type { Line } from "../rendering/user_interface.ts";

/** The answer to `/help`. */
export interface HelpEvent {
  readonly event: "help";
  readonly commands: readonly {
    readonly name: string;
    readonly aliases: readonly string[];
    readonly form: string;
    readonly help: string;
    readonly example: string;
  }[];
}

/** The commands in the order of the table, without their implementation. */
export function helpEvent<Target>(entries: readonly Command<Target>[]): HelpEvent {
  const commands = entries.map(({ name, aliases, form, help, example }) => ({
    name,
    aliases,
    form,
    help,
    example,
  }));
  return { event: "help", commands };
}

/**
 * A description is put beside its command if it has at least this many columns there, and at least as many as the
 * command; otherwise below it.
 */
const HELP_COLUMNS_MIN = 30;
const GAP = "  ";
/** In a mode of several rooms. */
const ROOM_KEYS: Line = ["Alt+N goes to room N, Alt+A to the next room with something new."];

/** The commands of the first hour, of all modes: with the line about the others ten lines at most. */
const FIRST_HOUR: ReadonlySet<string> = new Set(
  "msg call broadcast edit go abort add list peers log history invite send verify status quit exit logout"
    .split(" "),
);

/**
 * One line for each command. A single command is followed by its example, the whole table by the forms of other lines.
 * @param columns Width of the terminal; null in a pipe.
 * @param isBrief Only the commands of the first hour.
 */
export function helpLines<Target>(
  entries: readonly Command<Target>[],
  table: CommandTable<Target>,
  columns: number | null,
  isBrief: boolean,
): readonly Line[] {
  if (isBrief) return briefLines(entries, columns);
  const heads = entries.map((entry) => {
    const words = [...table.words].filter(([, name]) => name === entry.name).map(([word]) => word);
    const names = [`/${entry.name}`, ...entry.aliases.map((alias) => `/${alias}`), ...words];
    const form = entries.length === 1 ? entry.form : entry.listedAs ?? entry.form;
    return `${names.join(", ")}${form === "" ? "" : ` ${form}`}`;
  });
  const rows = entries.map(({ help }, index) => [heads[index]!, help] as const);
  if (entries.length === 1) {
    return [...twoColumns(rows, columns), [`for example: ${entries[0]!.example}`]];
  }
  const lines = twoColumns([...rows, ...table.bareForms], columns);
  const hasMessages = table.bareForms.length > 0;
  if (columns === null || !hasMessages) return lines;
  return [
    ...lines,
    ["Up and Ctrl+R find what you typed before."],
    ...(table.find("room") === undefined ? [] : [ROOM_KEYS]),
    ["Alt+Enter begins a new line; lines pasted at once are one message."],
  ];
}

function briefLines<Target>(
  entries: readonly Command<Target>[],
  columns: number | null,
): readonly Line[] {
  const names = entries.map(({ name }) => name);
  const topics = Object.keys(TOPICS).filter((topic) =>
    names.some((name) => TOPICS[topic]!.includes(name))
  );
  const rows = entries.filter(({ name }) => FIRST_HOUR.has(name))
    .map(({ name, form, listedAs, help }) => [`/${name} ${listedAs ?? form}`, help] as const);
  const others = `/help all lists all; /help ${inWords(topics, "or")} those`;
  return [...twoColumns(rows, columns), [others]];
}

function twoColumns(
  rows: readonly (readonly [head: string, help: string])[],
  columns: number | null,
): readonly Line[] {
  const width = Math.max(...rows.map(([head]) => head.length)) + GAP.length;
  if (columns !== null && columns - width < Math.max(HELP_COLUMNS_MIN, width)) {
    return rows.flatMap((
      [head, help],
    ): Line[] => [[head], [GAP + GAP, { text: help, as: "body" }]]);
  }
  return rows.map(([head, help]): Line => [head.padEnd(width), { text: help, as: "body" }]);
}
