/** How a passphrase is asked for by a user interface that is open already. */

import type { Dialogue } from "../rendering/user_interface.ts";

/** Where an open user interface asks: it reads the terminal, and nobody else may beside it. */
export interface PassphraseDialogue extends Pick<Dialogue, "ask" | "wait" | "forgetTypedAhead"> {
  /** Shows a notice. */
  tell(text: string): void;
}
