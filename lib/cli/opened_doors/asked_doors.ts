/** Opens the doors that the command line asks for; without any, nothing for that is loaded. */

import type { DoorOptions } from "../args/options.ts";
import type { Mode, ShownEvent } from "../rendering/user_interface.ts";
import type { Session } from "../session/mode_session.ts";
import type { ModeKind } from "./open_doors.ts";

interface AskingOptions {
  readonly doors?: DoorOptions | null;
  /** False with `--no-history`; absent where there is none. */
  readonly keepsWords?: boolean;
}

/**
 * Opens them in the profile of the session, once in a run of the program. They are closed with its user interface.
 * @param rendering Makes a rendering as the mode's, for a door alone: what some events look like depends on those before.
 * @throws {P2pchatError} `port-in-use`, `in-use`, `bad-file` or `disk`.
 */
export async function openAskedDoors<Event extends ShownEvent, Target>(
  session: Session<Event, Target>,
  { doors = null, keepsWords = true }: AskingOptions,
  kind: ModeKind,
  rendering: () => Mode<Event, Target>["render"],
): Promise<void> {
  if (doors === null) return;
  const { openDoors } = await import("./open_doors.ts");
  await openDoors(session, doors, keepsWords, kind, rendering);
}
