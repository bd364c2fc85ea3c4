/** Handles the user's input in every mode: commands, and other causes for leaving. */

import type { Logger } from "../../base/machine/environment.ts";
import type { ModeCommand } from "../../base/machine/mode_machine.ts";
import type { CommandSink } from "../commands/mode_commands.ts";
import type { InputHandler } from "../rendering/user_interface.ts";

type Quit = Extract<ModeCommand, { readonly command: "quit" }>;

export interface ModeInput<Asked> {
  readonly handler: InputHandler<CommandSink<Asked>>;
  /** Leaves for a cause other than a command. @returns That the program is leaving. */
  leave(cause: string): true;
}

/**
 * Makes the handler of input. Logs why the user leaves.
 * @param answering Whoever carries out the commands, and may be at work on earlier ones; null where nobody is.
 */
export function inputTo<Asked extends { readonly command: string }>(
  log: Logger,
  submit: CommandSink<Asked | Quit>,
  answering: () => { answer(show: () => void): void } | null,
): ModeInput<Asked> {
  const target: CommandSink<Asked> = (command, ref) => {
    if (command.command === "quit") log.info(LEAVING, { cause: "command" });
    submit(command, ref);
  };
  const leave = (cause: string) => {
    log.info(LEAVING, { cause });
    submit({ command: "quit" }, undefined);
    return true as const;
  };
  const answer = (show: () => void) => {
    const host = answering();
    if (host === null) show();
    else host.answer(show);
  };
  const ended = () => leave("end of input");
  return { handler: { target, ended, interrupted: leave, answer }, leave };
}

const LEAVING = "asked to leave";
