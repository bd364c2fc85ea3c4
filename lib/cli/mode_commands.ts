/** Commands that every mode has. */

import type { ModeCommand } from "../base/mode_machine.ts";
import { memberName } from "./command_arguments.ts";
import { type Command, command } from "./commands.ts";

/** Takes what the user asked for with one of them; events that answer it carry `ref`. */
type SinkOf<Name extends ModeCommand["command"]> = (
  command: Extract<ModeCommand, { readonly command: Name }>,
  ref: string | undefined,
) => void;

export const statusCommand: Command<SinkOf<"status">> = command({
  name: "status",
  aliases: [],
  form: "",
  args: {},
  help: "who is connected and how, what is unsent, what is wrong",
  example: "/status",
  run: (submit: SinkOf<"status">, _, ref) => submit({ command: "status" }, ref),
});

export const verifyCommand: Command<SinkOf<"verify">> = command({
  name: "verify",
  aliases: [],
  form: "NAME",
  args: { name: memberName },
  help: "digits to compare with NAME by voice",
  example: "/verify Bob",
  run: (submit: SinkOf<"verify">, { name }, ref) => submit({ command: "verify", name }, ref),
});

export const trustCommand: Command<SinkOf<"trust">> = command({
  name: "trust",
  aliases: [],
  form: "NAME",
  args: { name: memberName },
  help: "accept the key that NAME has now",
  example: "/trust Bob",
  run: (submit: SinkOf<"trust">, { name }, ref) => submit({ command: "trust", name }, ref),
});
