/** What the user is told of, and what not: the commands that no machine knows of, as they are the same in every mode. */

import { P2pchatError } from "../../base/errors.ts";
import type { Settings } from "../../store/profile/settings.ts";
import type { OwnCommand } from "../commands/mode_commands.ts";
import { attentionOf } from "../rendering/attention.ts";
import type { Attention, CommonEvent, ShownEvent } from "../rendering/user_interface.ts";

type Fields = ShownEvent & Readonly<Record<string, unknown>>;

/** Shows the answer to a command. */
type Answer = (event: CommonEvent) => void;

const NOTIFY_TEXTS = {
  off: "You are told of nothing while you aren't looking at the terminal",
  mentions:
    "While you aren't looking at the terminal, you are told of your name, of what is for you alone, " +
    "and of votes and calls",
  all:
    "While you aren't looking at the terminal, you are told of all that others say, and of votes and calls",
} as const;

export class Peace {
  constructor(readonly settings: Settings) {}

  /** What the user is to be told of an event that has been shown. */
  attention(event: Fields): Attention | null {
    return attentionOf(event, this.settings.notify);
  }

  /** Carries out a command, and shows its answer. */
  async command(command: OwnCommand, answer: Answer): Promise<void> {
    try {
      const text = await this.#done(command);
      answer({ event: "notice", text });
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      answer({ event: "error", code: error.code, text: error.message });
    }
  }

  async #done({ level }: OwnCommand): Promise<string> {
    if (level !== undefined) await this.settings.setNotify(level);
    return `${NOTIFY_TEXTS[this.settings.notify]} (/notify ${this.settings.notify})`;
  }
}
