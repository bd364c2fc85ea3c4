/** What a line does in a mode, for tests of its commands. */

import { assertEquals } from "@std/assert";
import type { CommandTable } from "../../lib/cli/commands/commands.ts";

export type Outcome<Command> =
  | { readonly command: Command; readonly ref?: string }
  | {
    readonly error: string;
    readonly text: string;
    readonly ref?: string;
    /** The entry that it is about. */
    readonly seq?: number;
  }
  | { readonly help: readonly string[]; readonly ref?: string }
  | { readonly clear: true; readonly ref?: string }
  | { readonly show: number; readonly ref?: string }
  | "nothing";

/** @param objects Whether a line that starts with `{` is an object, as with `--json`. */
export function outcomeOf<Command>(
  table: CommandTable<(command: Command, ref: string | undefined) => void>,
  line: string,
  objects = false,
): Outcome<Command> {
  const parsed = table.parse(line, objects);
  const ref = "ref" in parsed && parsed.ref !== undefined ? { ref: parsed.ref } : {};
  switch (parsed.type) {
    case "empty":
      return "nothing";
    case "help":
      return { help: parsed.entries.map((entry) => entry.name), ...ref };
    case "clear":
      return { clear: true, ...ref };
    case "show":
      return { show: parsed.number, ...ref };
    case "refused": {
      const { code, message, seq } = parsed.error;
      return { error: code, text: message, ...ref, ...(seq === undefined ? {} : { seq }) };
    }
    case "command": {
      const outcomes: Outcome<Command>[] = [];
      parsed.run((command, ref) =>
        outcomes.push({ command, ...(ref === undefined ? {} : { ref }) })
      );
      assertEquals(outcomes.length, 1);
      return outcomes[0]!;
    }
  }
}
