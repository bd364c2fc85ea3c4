/** The command line of `p2pchat rooms`. */

import { P2pchatError } from "../../base/errors.ts";
import { usersFolder } from "../../store/disk/paths.ts";
import { type CommandOf, wrongWords } from "../args/arguments.ts";
import { durationWithin, type Flags, optionsOf } from "../args/flags.ts";
import { quotedStart } from "../../base/text/text.ts";
import { commandToType } from "../../base/text/command_to_type.ts";
import type { CommonOptions } from "../args/options.ts";
import { chosenName } from "../commands/command_arguments.ts";

/** How long rooms are listened for where nothing else is said. */
const LISTENING_MS_DEFAULT = 3_000;

const flags = {
  mine: { name: "mine", help: "the rooms that you were in, not those of this network" },
  forMs: {
    name: "for",
    value: "3s",
    help: "listen for so long (3s)",
    parse: durationWithin(100, 60 * 60 * 1_000),
  },
} satisfies Flags;

/** `p2pchat rooms [--mine [NAME]]`. */
export interface RoomsOptions extends CommonOptions {
  /** Whether the rooms of a profile are meant. */
  readonly mine: boolean;
  /** Whose, valid and in NFC; null: the only profile. */
  readonly name: string | null;
  /** How long rooms of this network are listened for, ms. */
  readonly forMs: number;
}

export const roomsProgramCommand: CommandOf<RoomsOptions> = {
  name: "rooms",
  form: "[--mine [NAME]]",
  example: "p2pchat rooms",
  keeps: { folder: usersFolder, use: "read" },
  help: "the rooms announced on this network; --mine: those that you were in",
  flags: Object.values(flags),
  options(line) {
    const [name, extra] = line.words;
    const { mine, forMs } = optionsOf(line, flags);
    if (extra !== undefined) throw wrongWords(roomsProgramCommand, extra);
    if (mine && forMs !== null) {
      const text = "--for is how long to listen for rooms of this network, and --mine lists " +
        "yours: give one of them";
      throw new P2pchatError("usage", text);
    }
    if (!mine && name !== undefined) {
      throw new P2pchatError(
        "usage",
        `The rooms of this network are nobody's own; ${
          commandToType(`rooms --mine ${quotedStart(name)}`, line.common.data)
        } lists those that a profile was in`,
      );
    }
    return {
      ...line.common,
      mine,
      name: name === undefined ? null : chosenName(name),
      forMs: forMs ?? LISTENING_MS_DEFAULT,
    };
  },
};
