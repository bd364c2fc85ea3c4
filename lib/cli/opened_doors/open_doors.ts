/** Opens the doors that the command line asks for, in a profile. They are closed with the user interface. */

import type { CommonOptions, IrcOptions } from "../args/options.ts";
import { DoorsInterface } from "../doors/doors_interface.ts";
import type { Mode, ShownEvent } from "../rendering/user_interface.ts";
import type { Session } from "../session/mode_session.ts";
import { randomBytes } from "../session/random_bytes.ts";

/** Those that are open: a program may go on in another profile, and doors stay. */
const opened = new WeakSet<object>();

/**
 * @param render As the mode's, of this door alone: what some events look like depends on those before.
 * @throws {P2pchatError} `port-in-use`, `in-use`, `bad-file` or `disk`.
 */
export async function openDoors<Event extends ShownEvent, Target>(
  session: Session<Event, Target>,
  { doors = null }: CommonOptions,
  render: Mode<Event, Target>["render"],
): Promise<void> {
  const { ui } = session;
  if (doors === null || !(ui instanceof DoorsInterface) || opened.has(ui)) return;
  opened.add(ui);
  if (doors.irc !== null) await openIrc(session, ui, doors.irc, render);
}

async function openIrc<Event extends ShownEvent, Target>(
  { disk, folder, environment }: Session<Event, Target>,
  ui: DoorsInterface<Event, Target>,
  { place, passwordFile }: IrcOptions,
  render: Mode<Event, Target>["render"],
): Promise<void> {
  const { openIrcPassword } = await import("../irc/irc_password.ts");
  const { openIrcListener } = await import("../irc/irc_listener.ts");
  const { IrcDoor } = await import("../irc/irc_door.ts");
  const { renderingOf } = await import("../irc/irc_rendering.ts");
  const notice = (text: string) => ui.show({ event: "notice", text, warning: true });
  const parts = { file: passwordFile, disk, folder, random: randomBytes, notice };
  const password = await openIrcPassword(parts);
  const { listener, at } = await openIrcListener(place);
  const nowMs = environment.wallMs;
  const rendering = renderingOf(render, nowMs);
  await ui.attach(
    "The IRC client's door",
    (host) => new IrcDoor({ host, listener, password, render: rendering, nowMs }),
  );
  ui.announce({ event: "irc", ...at, passwordFile: password.path });
}
