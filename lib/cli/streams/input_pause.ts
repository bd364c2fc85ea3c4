/**
 * Why input is paused: until the program is where lines can be sent, then by the back pressure of its machine, and while
 * a command is carried out that changes what lines mean.
 */

import type { UserInterface } from "../rendering/user_interface.ts";

export class InputPause {
  readonly #ui: Pick<UserInterface<never, never>, "pauseInput">;
  #early: string | null = null;
  #machine: string | null = null;
  /** How many such commands are being carried out. */
  #moves = 0;

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

  /**
   * A command begins after which a line may mean something else: what follows waits until all that it causes is shown,
   * which may be only when something else has been stored.
   * @returns Ends that; to be called once.
   */
  moves(): () => void {
    this.#moves += 1;
    this.#tell();
    return () => {
      this.#moves -= 1;
      this.#tell();
    };
  }

  #tell(): void {
    const moving = this.#moves > 0 ? "carrying out what you typed before" : null;
    this.#ui.pauseInput(this.#early ?? this.#machine ?? moving);
  }
}
