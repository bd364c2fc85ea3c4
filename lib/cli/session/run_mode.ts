/**
 * What every mode does with its machine's host: makes its ports from the session, and runs it until the user
 * leaves.
 */

import { P2pchatError } from "../../base/errors.ts";
import type { ModeCommand, ModeOutcome } from "../../base/machine/mode_machine.ts";
import type { Fingerprint } from "../../base/text/fingerprint.ts";
import { shownName } from "../../base/text/names.ts";
import type { ModePorts } from "../../runtime/hosts/mode_host.ts";
import type { Links } from "../../transport/link.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import { type Session, showError, showNotices } from "./mode_session.ts";
import type { ShownEvent } from "../rendering/user_interface.ts";

interface ModeHost {
  run(): Promise<ModeOutcome>;
  /** Absent in a mode that heeds no refused keys. */
  command?(command: FoundCommand, ref: undefined): void;
}

type FoundCommand = Extract<ModeCommand, { readonly command: "refuse" | "unrefuse" }>;

/** All of a host's ports but `show`. */
export function modePorts<Event extends ShownEvent, Target>(
  { environment, ui }: Session<Event, Target>,
  links: Links,
): Omit<ModePorts<never>, "show" | "keepAnswer"> {
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

/** What another program of the profile was told is known here within this time, ms, and that of reading the file. */
const REREAD_MS = 1_000;

/** Follows what other programs of the profile are told of keys. @returns Ends that. */
function followKnownPeers<Event extends ShownEvent, Target>(
  { knownPeers, ui }: Session<Event, Target>,
  heed: (command: FoundCommand) => void,
): () => void {
  let timer: { cancel(): void } | null = null;
  let hasEnded = false;
  const look = async () => {
    try {
      for (const { name, fingerprint: key, isRefused } of await knownPeers.reread()) {
        if (hasEnded) return;
        ui.show({ event: "notice", ...foundNotice(shownName(name), key, isRefused) });
        heed({ command: isRefused ? "refuse" : "unrefuse", name, key });
      }
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      showError(ui, error);
    }
    if (!hasEnded) wait();
  };
  const wait = () => {
    timer = SYSTEM_LINK_CLOCK.at(SYSTEM_LINK_CLOCK.nowMs() + REREAD_MS, () => void look());
  };
  wait();
  return () => {
    hasEnded = true;
    timer?.cancel();
  };
}

function foundNotice(shown: string, key: Fingerprint, isRefused: boolean) {
  const text = isRefused
    ? `Another of your programs was told that ${key} isn't ${shown}'s key ` +
      `(/verify ${shown} no): here it counts as changed, too, until /trust ${shown}`
    : `Another of your programs was told that ${key} is ${shown}'s key after all ` +
      `(/trust ${shown}): here it isn't refused any more, either`;
  return isRefused ? { text, warning: true } as const : { text };
}

/**
 * Runs until the user leaves, and closes the links with a goodbye.
 * @throws {P2pchatError} The reason if it ends otherwise.
 */
export async function runMode<Event extends ShownEvent, Target>(
  session: Session<Event, Target>,
  links: Links,
  host: ModeHost,
): Promise<void> {
  const { environment, identity, ui } = session;
  const end = followKnownPeers(session, (command) => host.command?.(command, undefined));
  const outcome = await host.run().finally(end);
  await links.shutdown(outcome.kind === "bye" ? outcome.reason : outcome.code);
  if (outcome.kind === "fatal") throw new P2pchatError(outcome.code, outcome.text);
  environment.log.info("stopped", { reason: outcome.reason });
  showNotices(ui, ...identity.takeNotices());
  ui.show({ event: "bye", reason: outcome.reason }, outcome.ref);
}
