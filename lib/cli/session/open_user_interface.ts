/** Chooses the user interface: for a person at a terminal, for a pipe, or for a script. */

import type { CommonOptions } from "../args/options.ts";
import { PipedInterface } from "../streams/piped_interface.ts";
import { isAtTerminal, processStreams, type Streams } from "../streams/streams.ts";
import { screenOf } from "../streams/text_format.ts";
import type { Mode, ShownEvent, UserInterface } from "../rendering/user_interface.ts";

/** Whether a person uses a terminal that can do more than print. */
export function isForPerson(
  options: CommonOptions,
  streams: Streams = processStreams(),
): boolean {
  return !options.json && isAtTerminal(streams) && canDoMore(streams);
}

/** Whether a terminal, where there is one, is known to do more than print. */
function canDoMore(streams: Streams): boolean {
  const kind = streams.variable("TERM") ?? "";
  return kind !== "" && kind !== "dumb";
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
  if (!isForPerson(options, streams)) {
    const isSeen = (streams.stdout.isTerminal || streams.stderr.isTerminal) && canDoMore(streams);
    const screen = options.json || !isSeen ? null : await screenOf(streams);
    return new PipedInterface(mode, options, streams, screen);
  }
  const { InteractiveInterface } = await import("../terminal/interactive_interface.ts");
  return new InteractiveInterface(mode, options, streams);
}
