/** Chooses the user interface: for a person at a terminal, for a pipe, or for a script. */

import type { CommonOptions } from "./options.ts";
import { PipedInterface } from "./piped_interface.ts";
import { isAtTerminal, processStreams, type Streams } from "./streams.ts";
import type { Mode, ShownEvent, UserInterface } from "./user_interface.ts";

/** Whether a person uses a terminal that can do more than print. */
export function isForPerson(
  options: CommonOptions,
  streams: Streams = processStreams(),
): boolean {
  const kind = streams.variable("TERM") ?? "";
  return !options.json && isAtTerminal(streams) && kind !== "" && kind !== "dumb";
}

/**
 * Opens the user interface; it handles signals from now on, input from `listen` on. The caller closes it. A
 * terminal that can do no more than print (`TERM=dumb`, or no `TERM`) is treated as a pipe.
 */
export async function openUserInterface<Event extends ShownEvent, Target>(
  mode: Mode<Event, Target>,
  options: CommonOptions,
  streams: Streams = processStreams(),
): Promise<UserInterface<Event, Target>> {
  if (!isForPerson(options, streams)) return new PipedInterface(mode, options, streams);
  const { InteractiveInterface } = await import("./interactive_interface.ts");
  return new InteractiveInterface(mode, options, streams);
}
