/** The text of `help`: the commands first, then their flags. */

import { type CommandForm, commandForm, COMMON_FLAGS } from "./arguments.ts";
import { type Flag, takesValue } from "./flags.ts";
import { brokenAtWords, type Cells } from "../rendering/line_breaking.ts";

/** The width that nearly all terminals have at least; longer lines are hard to read. */
export const USAGE_COLUMNS = 80;
/** The description of a flag is put beside it if it has at least so many columns there; otherwise below it. */
const HELP_COLUMNS_MIN = 30;
const BELOW = "      ";

const ASCII_CELLS: Cells = {
  width: (text) => text.length,
  characters: (text) => Array.from(text, (segment) => ({ segment, width: 1 })),
};

/**
 * The usage of some commands with their flags; that of the whole program if `about` is empty.
 * @param columns The width at which lines are broken.
 */
export function usageText(
  about: readonly CommandForm[],
  commands: readonly CommandForm[],
  columns = USAGE_COLUMNS,
): string {
  const lines = about.length === 0
    ? programUsage(commands, columns)
    : commandsUsage(about, columns);
  const fitting = columns < USAGE_COLUMNS ? lines.flatMap((line) => folded(line, columns)) : lines;
  return fitting.join("\n") + "\n";
}

/** A line broken at the width, with further lines indented. */
function folded(line: string, columns: number): readonly string[] {
  if (line.length <= columns) return [line];
  const [indent] = /^ */.exec(line)!;
  const parts = brokenAtWords(line.trimStart(), columns + 1 - indent.length - 2, ASCII_CELLS);
  return parts.map((part, index) => `${indent}${index === 0 ? "" : "  "}${part}`);
}

function programUsage(commands: readonly CommandForm[], columns: number): string[] {
  const lines = ["p2pchat: chat from a terminal, end to end encrypted, without an account", ""];
  for (const entry of commands) {
    lines.push(`  ${commandForm(entry)}`, ...described("      ", entry.help, columns));
    lines.push(`      for example: ${entry.example}`);
  }
  lines.push(
    "  p2pchat help [COMMAND]",
    "      this text, or a command with its flags",
    "      for example: p2pchat help " + (commands[0]?.name ?? ""),
    "  p2pchat --version",
    "      the version",
    "",
    "Flags of all commands:",
    ...flagLines(COMMON_FLAGS, columns),
    "",
    "To begin, on each machine of one network:  p2pchat mesh NAME --lan",
    "To try it on one machine:                  p2pchat mesh Alice",
    "in another terminal:                       p2pchat mesh Bob localhost 55107",
  );
  return lines;
}

function commandsUsage(about: readonly CommandForm[], columns: number): string[] {
  const lines: string[] = [];
  for (const entry of about) {
    lines.push(commandForm(entry), ...described("    ", entry.help, columns));
    lines.push(`    for example: ${entry.example}`, "");
    lines.push(...groupedFlags(entry.flags, columns));
  }
  return [...lines, "All commands:", ...flagLines(COMMON_FLAGS, columns)];
}

/** The groups in which the flags of a command stand; the rest is below `More`. */
const GROUPS: Readonly<Record<string, string>> = {
  Joining: "server registry users title room new lan words invite invite-file key meet no-wait " +
    "login signup guest",
  Privacy: "private no-history passphrase-file password-file new-password-file trust-first",
  Network: "host port advertise map-port passive no-relay meeting-point metrics",
  Files: "downloads save files-max db",
  Scripts: "once to wait from mention event timeout mcp",
  More: "",
};

function groupedFlags(flags: readonly Flag[], columns: number): string[] {
  const named = Object.values(GROUPS).join(" ").split(" ");
  return Object.entries(GROUPS).flatMap(([group, names]) => {
    const own = flags.filter(({ name }) =>
      names === "" ? !named.includes(name) : names.split(" ").includes(name)
    );
    return own.length === 0 ? [] : [`${group}:`, ...flagLines(own, columns)];
  });
}

function flagLines(flags: readonly Flag[], columns: number): string[] {
  const heads = flags.map((flag) => `--${flag.name}${takesValue(flag) ? ` ${flag.value}` : ""}`);
  const width = Math.max(...heads.map((head) => head.length));
  const isBeside = columns - width - 4 >= HELP_COLUMNS_MIN;
  return flags.flatMap(({ help }, index) =>
    isBeside
      ? described(`  ${heads[index]!.padEnd(width)}  `, help, columns)
      : [`  ${heads[index]!}`, ...described(BELOW, help, columns)]
  );
}

/** A head and its description, broken at words; further lines are aligned with the start of the description. */
function described(head: string, text: string, columns: number): string[] {
  // One more than fits, because one column is left free.
  const parts = brokenAtWords(text, columns + 1 - head.length, ASCII_CELLS);
  return parts.map((part, index) => `${index === 0 ? head : " ".repeat(head.length)}${part}`);
}
