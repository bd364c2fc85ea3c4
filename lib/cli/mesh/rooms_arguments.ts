/** The command line of `p2pchat rooms`. */

import { P2pchatError } from "../../base/errors.ts";
import { usersFolder } from "../../store/disk/paths.ts";
import { type CommandOf, wrongWords } from "../args/arguments.ts";
import { type Flags, optionsOf } from "../args/flags.ts";
import type { CommonOptions } from "../args/options.ts";
import { chosenName } from "../commands/command_arguments.ts";

const flags = {
  mine: { name: "mine", help: "the rooms that you were in, not those of this network" },
} satisfies Flags;

/** `p2pchat rooms --mine [NAME]`. */
export interface RoomsOptions extends CommonOptions {
  /** Valid and in NFC; null: the only profile. */
  readonly name: string | null;
}

export const roomsProgramCommand: CommandOf<RoomsOptions> = {
  name: "rooms",
  form: "--mine [NAME]",
  example: "p2pchat rooms --mine Alice",
  keeps: { folder: usersFolder, use: "read" },
  help: "the rooms that you were in, with members and last message; mesh NAME --room opens one",
  flags: Object.values(flags),
  options(line) {
    const [name, extra] = line.words;
    if (extra !== undefined) throw wrongWords(roomsProgramCommand, extra);
    if (!optionsOf(line, flags).mine) {
      const text =
        "The rooms of this network can't be listed yet; p2pchat rooms --mine NAME lists yours";
      throw new P2pchatError("usage", text);
    }
    return { ...line.common, name: name === undefined ? null : chosenName(name) };
  },
};
