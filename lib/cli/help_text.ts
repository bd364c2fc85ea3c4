/** `/help`: the table of commands, for people and for scripts. */

import type { Command, CommandTable } from "./commands.ts";
import type { Line } from "./user_interface.ts";

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

/** One line for each command; the example where a single one was asked about. */
export function helpLines<Target>(
  entries: readonly Command<Target>[],
  table: CommandTable<Target>,
): readonly Line[] {
  const heads = entries.map((entry) => {
    const words = [...table.words].filter(([, name]) => name === entry.name).map(([word]) => word);
    const names = [`/${entry.name}`, ...entry.aliases.map((alias) => `/${alias}`), ...words];
    return `${names.join(", ")}${entry.form === "" ? "" : ` ${entry.form}`}`;
  });
  const width = Math.max(...heads.map((head) => head.length));
  const lines = entries.map((entry, index): Line => [
    `${heads[index]!.padEnd(width)}  ${entry.help}`,
  ]);
  if (entries.length > 1) return lines;
  return [...lines, ...entries.map((entry): Line => [`for example: ${entry.example}`])];
}
