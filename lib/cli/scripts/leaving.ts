/** Asks a mode to leave, once, and as soon as it heeds that. */

import type { InterruptCause } from "../rendering/user_interface.ts";

type Interrupted = (cause: InterruptCause) => boolean;

export class Leaving {
  #interrupted: Interrupted | null = null;
  #cause: InterruptCause | null = null;
  #isTold = false;

  /** Why the mode is to leave; null: it isn't. */
  get cause(): InterruptCause | null {
    return this.#cause;
  }

  /** Whoever is to be asked from now on. */
  heed(interrupted: Interrupted): void {
    this.#interrupted = interrupted;
    if (this.#cause !== null) this.#tell(this.#cause);
  }

  /** @returns That the mode leaves. */
  leave(cause: InterruptCause): true {
    this.#cause ??= cause;
    this.#tell(this.#cause);
    return true;
  }

  #tell(cause: InterruptCause): void {
    if (this.#isTold || this.#interrupted === null) return;
    this.#isTold = true;
    this.#interrupted(cause);
  }
}
