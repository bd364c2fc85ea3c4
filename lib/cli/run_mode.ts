/**
 * What every mode does with its machine's host: makes its ports from the session, and runs it until the user
 * leaves.
 */

import { P2pchatError } from "../base/errors.ts";
import type { ModeOutcome } from "../base/mode_machine.ts";
import type { ModePorts } from "../runtime/mode_host.ts";
import type { Links } from "../transport/link.ts";
import { SYSTEM_LINK_CLOCK } from "../transport/system_clock.ts";
import { type Session, showNotices } from "./session.ts";
import type { ShownEvent } from "./user_interface.ts";

/** All of a host's ports but `show`. */
export function modePorts<Event extends ShownEvent, Target>(
  { environment, ui }: Session<Event, Target>,
  links: Links,
): Omit<ModePorts<never>, "show"> {
  return {
    clock: SYSTEM_LINK_CLOCK,
    environment,
    links,
    pauseInput: (reason) => ui.pauseInput(reason),
    flushed: () => ui.flush(),
    written: () => ui.written(),
    outputReady: () => ui.ready(),
  };
}

/**
 * Runs until the user leaves, and closes the links with a goodbye.
 * @throws {P2pchatError} The reason if it ends otherwise.
 */
export async function runMode<Event extends ShownEvent, Target>(
  { environment, identity, ui }: Session<Event, Target>,
  links: Links,
  host: { run(): Promise<ModeOutcome> },
): Promise<void> {
  const outcome = await host.run();
  await links.shutdown(outcome.kind === "bye" ? outcome.reason : outcome.code);
  if (outcome.kind === "fatal") throw new P2pchatError(outcome.code, outcome.text);
  environment.log.info("stopped", { reason: outcome.reason });
  showNotices(ui, ...identity.takeNotices());
  ui.show({ event: "bye", reason: outcome.reason }, outcome.ref);
}
