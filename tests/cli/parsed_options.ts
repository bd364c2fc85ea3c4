/** What a command would be run with. */

import { assert } from "@std/assert";
import {
  type CommandOf,
  parseCommandLine,
  type ProgramCommand,
  programCommand,
} from "../../lib/cli/args/arguments.ts";
import type { CommonOptions } from "../../lib/cli/args/options.ts";

export const HOME: Readonly<Record<string, string>> = { HOME: "/home/alice" };

/** What every command is told there where nothing else is said. */
export const COMMON_OPTIONS: CommonOptions = {
  dataFolder: "/home/alice/.local/share/p2pchat",
  json: false,
  plain: false,
  colour: true,
  stay: false,
  verbose: false,
  logFile: null,
};

/** Commands that do nothing. */
export function idle(...commands: readonly CommandOf<unknown>[]): readonly ProgramCommand[] {
  return commands.map((command) => programCommand(command, () => Promise.resolve()));
}

/** The options that a command reads from its line. */
export function parsedOptions<Options>(
  command: CommandOf<Options>,
  args: readonly string[],
  variables = HOME,
): Options {
  let options: Options | undefined;
  const noting: CommandOf<Options> = {
    ...command,
    options: (line) => options = command.options(line),
  };
  parseCommandLine(args, idle(noting), (name) => variables[name]);
  assert(options !== undefined, "the command is run");
  return options;
}
