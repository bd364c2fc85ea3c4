/** The command line of `p2pchat passphrase`. */

import { usersFolder } from "../../store/disk/paths.ts";
import { type CommandOf, wrongWords } from "../args/arguments.ts";
import { fileName, type Flags, type OptionsOf, optionsOf } from "../args/flags.ts";
import type { CommonOptions } from "../args/options.ts";
import { chosenName } from "../commands/command_arguments.ts";
import { PASSPHRASE_FILE_FLAG } from "../credentials/unsealing.ts";

const flags = {
  passphraseFile: { ...PASSPHRASE_FILE_FLAG, help: "the present passphrase is in that file" },
  newPassphraseFile: {
    name: "new-password-file",
    value: "FILE",
    help: "the new passphrase is in that file",
    use: "read",
    parse: fileName,
  },
} satisfies Flags;

/** `p2pchat passphrase NAME`. */
export interface ChangePassphraseOptions extends CommonOptions, OptionsOf<typeof flags> {
  /** Valid and in NFC. */
  readonly name: string;
}

export const passphraseCommand: CommandOf<ChangePassphraseOptions> = {
  name: "passphrase",
  form: "NAME",
  example: "p2pchat passphrase alice",
  keeps: { folder: usersFolder, use: "make" },
  help: "encrypt your key with a passphrase; an empty new one takes it away",
  flags: Object.values(flags),
  options(line) {
    const [name, ...rest] = line.words;
    // A word after the name may be a passphrase, so the error doesn't quote it.
    if (name === undefined || rest.length > 0) throw wrongWords(passphraseCommand);
    return { ...line.common, ...optionsOf(line, flags), name: chosenName(name) };
  },
};
