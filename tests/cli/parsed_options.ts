/** What a command would be run with. */

import { assert } from "@std/assert";
import {
  type CommandLine,
  parseCommandLine,
  type ProgramCommand,
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

/** @param read The command's own reading of its line. */
export function parsedOptions<Options>(
  command: ProgramCommand,
  read: (line: CommandLine) => Options,
  args: readonly string[],
  variables = HOME,
): Options {
  let options: Options | undefined;
  const noting: ProgramCommand = {
    ...command,
    prepare(line) {
      options = read(line);
      return () => Promise.resolve();
    },
  };
  parseCommandLine(args, [noting], (name) => variables[name]);
  assert(options !== undefined, "the command is run");
  return options;
}
