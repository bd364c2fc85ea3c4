/** Why input is paused: until the program is where lines can be sent, and then by the back pressure of its machine. */

import type { UserInterface } from "../rendering/user_interface.ts";

export class InputPause {
  readonly #ui: Pick<UserInterface<never, never>, "pauseInput">;
  #early: string | null = null;
  #machine: string | null = null;

  constructor(ui: Pick<UserInterface<never, never>, "pauseInput">) {
    this.#ui = ui;
  }

  /** Why lines can't be sent yet; null: they can. */
  early(reason: string | null): void {
    this.#early = reason;
    this.#tell();
  }

  /** Why the machine takes no further lines; null: it does. */
  machine(reason: string | null): void {
    this.#machine = reason;
    this.#tell();
  }

  #tell(): void {
    this.#ui.pauseInput(this.#early ?? this.#machine);
  }
}
