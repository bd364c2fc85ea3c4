/** Changes of the user's own account in a directory, with passwords typed unseen. */

import { P2pchatError } from "../../base/errors.ts";
import { shownName } from "../../base/text/names.ts";
import type { ClientCommand } from "../../protocols/directory/schema/events.ts";
import type { LogInDialogue } from "./log_in_dialogue.ts";
import type { PromptState, Whereabouts } from "./prompt_state.ts";

/** The `ref` of what was asked at a terminal, where commands have none. */
export const ACCOUNT_REF = "account";

export interface OwnAccountPorts {
  /** Asks for passwords. */
  readonly comingIn: Pick<
    LogInDialogue,
    "expected" | "password" | "newPassword" | "checking" | "over" | "dropTypedAhead"
  >;
  readonly standing: Pick<PromptState, "name" | "isGuest" | "isUp"> & {
    readonly where: Pick<Whereabouts, "place">;
  };
  /** Whether the user can be asked. */
  readonly mayAsk: boolean;
  /** The account's password from a file or the environment; null: there is none. */
  readonly password: string | null;
  submit(command: ClientCommand, ref: string | undefined): void;
  notice(text: string): void;
}

export class OwnAccount {
  readonly #ports: OwnAccountPorts;
  #isAsking = false;
  /** Whether the directory hasn't answered yet. */
  #isChecking = false;

  constructor(ports: OwnAccountPorts) {
    this.#ports = ports;
  }

  /**
   * `/passwd`. Rejects with `usage` where the user can't be asked, `not-allowed` during a call, and `not-logged-in`
   * for guests and while disconnected from the directory.
   */
  async changePassword(): Promise<void> {
    const { comingIn } = this.#ports;
    const why =
      "nobody can be asked for passwords here; log in with --login --new-password-file FILE instead";
    await this.#asking("/passwd", why, async () => {
      const old = await comingIn.password("Password now: ");
      if (!old) return null; // Enter alone, too
      const fresh = await comingIn.newPassword("New password");
      return !fresh ? null : { command: "passwd", old, new: fresh };
    });
  }

  /** `/forget-me`. Rejects as `changePassword` does. */
  async forget(ref: string | undefined): Promise<void> {
    const { comingIn, standing, mayAsk, password: given, submit } = this.#ports;
    if (given !== null && !mayAsk) return submit({ command: "forget-me", password: given }, ref);
    const why = "nobody can be asked for the password here";
    await this.#asking("/forget-me", why, async () => {
      const prompt = `Password, to remove the account ${shownName(standing.name)}: `;
      const password = await comingIn.password(prompt);
      return !password ? null : { command: "forget-me", password };
    });
  }

  /** An event with that `ref` was shown: ends the questions if it answers what was asked. */
  answered(ref: string | undefined): void {
    if (!this.#isChecking || ref !== ACCOUNT_REF) return;
    this.#isChecking = false;
    this.#ports.comingIn.over(true);
  }

  /** Withdraws the question being asked, if any. @returns Whether there was one. */
  giveUp(): boolean {
    if (this.#isAsking) this.#ports.comingIn.over(false);
    return this.#isAsking;
  }

  /** Checks whether the command is possible now; if not, discards input typed ahead, which may be a password. */
  #check(command: string, why: string): void {
    try {
      this.#checkPlace(command, why);
    } catch (error) {
      this.#ports.comingIn.dropTypedAhead();
      throw error;
    }
  }

  #checkPlace(command: string, why: string): void {
    const { mayAsk, standing } = this.#ports;
    if (standing.isGuest) {
      throw new P2pchatError("not-logged-in", `${command} is for accounts: a guest has none`);
    }
    if (!mayAsk) throw new P2pchatError("usage", `Nothing is done: ${why}`);
    if (!standing.isUp) {
      throw new P2pchatError("not-logged-in", "Nothing is done: you aren't in the directory now");
    }
    if (standing.where.place === "lobby") return;
    throw new P2pchatError(
      "not-allowed",
      `${command} isn't possible during a call, where a password would be said to the other side; ` +
        "first end the call with q",
    );
  }

  /**
   * Asks questions, then submits the command they lead to, or reports that the user gave up.
   * @param why Why the command can't be run where the user can't be asked.
   * @param work Asks the questions; null: the user gave up.
   */
  async #asking(
    command: string,
    why: string,
    work: () => Promise<ClientCommand | null>,
  ): Promise<void> {
    const { comingIn, submit, notice } = this.#ports;
    this.#check(command, why);
    this.#isAsking = true;
    let asked: ClientCommand | null = null;
    try {
      const isExpected = await comingIn.expected(command);
      if (isExpected) {
        this.#check(command, why); // the user may have taken long to press Enter
        asked = await work();
      }
    } finally {
      this.#isAsking = false;
      if (asked === null) comingIn.over(false);
    }
    if (asked === null) return notice("Nothing was changed");
    this.#isChecking = true;
    comingIn.checking();
    submit(asked, ACCOUNT_REF);
  }
}
