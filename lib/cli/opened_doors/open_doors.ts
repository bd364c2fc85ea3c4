/** Opens a page and an IRC client's door, in a profile. */

import type { DoorOptions, IrcOptions, WebDoor } from "../args/options.ts";
import { DoorsInterface } from "../doors/doors_interface.ts";
import type { Mode, ShownEvent } from "../rendering/user_interface.ts";
import { profileTurn, type Session } from "../session/mode_session.ts";
import { randomBytes } from "../session/random_bytes.ts";
import { VERSION } from "../session/version.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";

/** A mode, as the page knows it. */
export type ModeKind = "mesh" | "group" | "directory" | "friends";

/** Those that are open: a program may go on in another profile, and doors stay. */
const opened = new WeakSet<object>();

/** See `openAskedDoors`. @param keepsWords False with `--no-history`. */
export async function openDoors<Event extends ShownEvent, Target>(
  session: Session<Event, Target>,
  { web, irc }: DoorOptions,
  keepsWords: boolean,
  kind: ModeKind,
  rendering: () => Mode<Event, Target>["render"],
): Promise<void> {
  const { ui } = session;
  if (!(ui instanceof DoorsInterface) || opened.has(ui)) return;
  opened.add(ui);
  ui.renderBy(rendering());
  if (web !== null) await openWeb(session, ui, web, kind);
  if (irc !== null) await openIrc(session, ui, irc, keepsWords);
}

async function openWeb<Event extends ShownEvent, Target>(
  { disk, folder, environment }: Session<Event, Target>,
  ui: DoorsInterface<Event, Target>,
  door: WebDoor,
  mode: ModeKind,
): Promise<void> {
  const { openPage } = await import("../page/open_page.ts");
  const takeTurn = () => profileTurn(disk, folder);
  await openPage(ui, door, { disk, folder, environment, takeTurn, mode, version: VERSION });
}

async function openIrc<Event extends ShownEvent, Target>(
  { disk, folder, environment }: Session<Event, Target>,
  ui: DoorsInterface<Event, Target>,
  { place, passwordFile }: IrcOptions,
  keepsWords: boolean,
): Promise<void> {
  const { openIrcPassword } = await import("../irc/irc_password.ts");
  const { openIrcListener } = await import("../irc/irc_listener.ts");
  const { IrcShown } = await import("../irc/rooms/irc_shown.ts");
  const { IrcDoor } = await import("../irc/irc_door.ts");
  const warn = (text: string) => ui.show({ event: "notice", text, warning: true });
  const parts = { file: passwordFile, disk, folder, random: randomBytes, notice: warn };
  const password = await openIrcPassword(parts);
  const takeTurn = () => profileTurn(disk, folder);
  const shown = keepsWords ? await IrcShown.open({ disk, folder, takeTurn, warn }) : null;
  const { listener, at, warning } = await openIrcListener(place);
  if (warning !== null) warn(warning);
  const { wallMs } = environment;
  const nowMs = () => SYSTEM_LINK_CLOCK.nowMs();
  const own = { listener, password, shown, warn };
  await ui.attach("The IRC client's door", (host) => new IrcDoor({ host, ...own, nowMs, wallMs }));
  ui.announce({ event: "irc", ...at, passwordFile: password.path });
}
