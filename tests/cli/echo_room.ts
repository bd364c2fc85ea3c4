/** A mode whose commands are answered by notices: what the user interfaces are tested with. */

import type { MeshCommandSink } from "../../lib/cli/mesh/mesh_commands.ts";
import { meshCommands } from "../../lib/cli/mesh/mesh_commands.ts";
import { meshLines, type MeshOwnEvent } from "../../lib/cli/mesh/mesh_rendering.ts";
import type { CommonOptions } from "../../lib/cli/args/options.ts";
import type { InputHandler, Mode, UserInterface } from "../../lib/cli/rendering/user_interface.ts";
import { NOON_MS } from "./memory_streams.ts";

export const OPTIONS: CommonOptions = {
  dataFolder: "/nowhere",
  json: false,
  plain: false,
  colour: false,
  stay: false,
  verbose: false,
  logFile: null,
};

export const MODE: Mode<MeshOwnEvent, MeshCommandSink> = {
  commands: meshCommands,
  render: meshLines,
};

export type EchoInterface = UserInterface<MeshOwnEvent, MeshCommandSink>;

/** What happened, in order. */
export interface EchoRoom extends InputHandler<MeshCommandSink> {
  readonly happened: string[];
}

/** A room that notes what it is told; each message is answered by its event. */
export function echoRoom(ui: EchoInterface, leaves = true): EchoRoom {
  const happened: string[] = [];
  return {
    happened,
    target(command, ref) {
      if (command.command === "say") {
        happened.push(command.text);
        ui.show({ ...messageFrom("Alice", command.text), self: true }, ref);
      } else happened.push(JSON.stringify(command));
    },
    ended: () => void happened.push("(ended)"),
    interrupted(cause) {
      happened.push(`(${cause})`);
      return leaves;
    },
  };
}

export function messageFrom(from: string, text: string) {
  return {
    event: "message",
    id: "1",
    from,
    shown: from,
    key: "k",
    text,
    self: false,
    private: false,
    history: false,
    sentAt: new Date(NOON_MS).toISOString(),
  } as const;
}
