/** The passphrase of a profile's key, as each start needs it: what asks is loaded only where there is one. */

import type { Unseal } from "../../store/profile/identity.ts";
import { fileName, type ValueFlag } from "../args/flags.ts";
import type { CommonOptions, PassphraseOptions } from "../args/options.ts";
import type { PassphraseDialogue } from "./passphrase_dialogue.ts";

export const PASSPHRASE_FILE_FLAG = {
  name: "passphrase-file",
  value: "FILE",
  help: "read your key's passphrase there",
  use: "read",
  parse: fileName,
} as const satisfies ValueFlag<string>;

/**
 * Opens the key of the profile of `name` where it is under a passphrase. It rejects with `bad-credentials` for a wrong
 * one, `usage` where there is none and nobody can be asked, `bad-file`.
 * @param dialogue Where a user interface asks questions already; null: the terminal is asked beside it.
 */
export function unsealing(
  options: CommonOptions & PassphraseOptions,
  name: string,
  dialogue: PassphraseDialogue | null = null,
): Unseal {
  return async (sealed) => {
    const { unsealed } = await import("./passphrase.ts");
    return await unsealed(options, sealed, name, true, dialogue);
  };
}
