/** Handles the user's input in every mode: commands, and other causes for leaving. */

import type { Logger } from "../base/environment.ts";
import type { ModeCommand } from "../base/mode_machine.ts";
import type { CommandSink } from "./mode_commands.ts";
import type { InputHandler } from "./user_interface.ts";

type Quit = Extract<ModeCommand, { readonly command: "quit" }>;

export interface ModeInput<Asked> {
  readonly handler: InputHandler<CommandSink<Asked>>;
  /** Leaves for a cause other than a command. @returns That the program is leaving. */
  leave(cause: string): true;
}

/** Makes the handler of input. Logs why the user leaves. */
export function inputTo<Asked extends { readonly command: string }>(
  log: Logger,
  submit: CommandSink<Asked | Quit>,
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
  return { handler: { target, ended: () => leave("end of input"), interrupted: leave }, leave };
}

const LEAVING = "asked to leave";
