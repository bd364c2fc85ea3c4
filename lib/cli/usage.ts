/** What `help` prints: tasks first, flags after them. */

import { commandForm, commandTitle, COMMON_FLAGS, type ProgramCommand } from "./arguments.ts";
import { type Flag, takesValue } from "./flags.ts";
import { brokenAtWords, type Cells } from "./line_breaking.ts";

/** What a terminal has at least, nearly always. */
const COLUMNS = 80;

const ASCII_CELLS: Cells = {
  width: (text) => text.length,
  characters: (text) => Array.from(text, (segment) => ({ segment, width: 1 })),
};

/** The usage of some commands with their flags; of the whole program where none is asked about. */
export function usageText(
  about: readonly ProgramCommand[],
  commands: readonly ProgramCommand[],
): string {
  const lines = about.length === 0 ? programUsage(commands) : commandsUsage(about);
  return lines.join("\n") + "\n";
}

function programUsage(commands: readonly ProgramCommand[]): string[] {
  const lines = ["p2pchat: chat from a terminal, end to end encrypted, without an account", ""];
  for (const entry of commands) {
    lines.push(`  ${commandForm(entry)}`, ...described("      ", entry.help));
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
    ...flagLines(COMMON_FLAGS),
    "",
    "To begin:             p2pchat mesh Alice",
    "in another terminal:  p2pchat mesh Bob localhost 55107",
  );
  return lines;
}

function commandsUsage(about: readonly ProgramCommand[]): string[] {
  const lines: string[] = [];
  for (const entry of about) {
    lines.push(commandForm(entry), ...described("    ", entry.help));
    lines.push(`    for example: ${entry.example}`, "");
    if (entry.flags.length === 0) continue;
    lines.push(`Flags of ${commandTitle(entry)}:`, ...flagLines(entry.flags), "");
  }
  return [...lines, "Flags of all commands:", ...flagLines(COMMON_FLAGS)];
}

function flagLines(flags: readonly Flag[]): string[] {
  const heads = flags.map((flag) => `--${flag.name}${takesValue(flag) ? ` ${flag.value}` : ""}`);
  const width = Math.max(...heads.map((head) => head.length));
  return flags.flatMap(({ help }, index) => described(`  ${heads[index]!.padEnd(width)}  `, help));
}

/** A head and what is said of it, broken at words; what doesn't fit goes on below where it begins. */
function described(head: string, text: string): string[] {
  // One more than fit: that one stays free.
  const parts = brokenAtWords(text, COLUMNS + 1 - head.length, ASCII_CELLS);
  return parts.map((part, index) => `${index === 0 ? head : " ".repeat(head.length)}${part}`);
}
