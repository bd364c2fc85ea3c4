/** `p2pchat rooms`: those of this network, or with `--mine` those of a profile, also while it is in some of them. */

import { P2pchatError } from "../../base/errors.ts";
import { nameFault, shownName } from "../../base/text/names.ts";
import { commandToType } from "../../base/text/command_to_type.ts";
import { inWords, numberText } from "../../base/text/words.ts";
import type { Disk } from "../../store/disk/disk.ts";
import { roomsFolder, usersFolder } from "../../store/disk/paths.ts";
import { RealDisk } from "../../store/disk/real_disk.ts";
import { ignoredKeys } from "../../store/profile/ignored.ts";
import { findProfileFolder } from "../../store/profile/profile_folder.ts";
import { showAnswer, showErrorBeside } from "../session/answers.ts";
import { openLog } from "../session/log.ts";
import { TextFormat } from "../streams/text_format.ts";
import { roomsLines } from "./mesh_rendering.ts";
import { MeshRooms } from "./mesh_rooms.ts";
import { type RoomsEvent, roomViews } from "./room_views.ts";
import type { RoomsOptions } from "./rooms_arguments.ts";

/**
 * Lists the rooms; changes nothing on the disk.
 * @throws {P2pchatError} `unknown-user` where there is no such profile; `usage` where one of several has to be named;
 *   `bad-file`, `store-corrupt` or `disk`.
 */
export async function listRooms(options: RoomsOptions): Promise<void> {
  if (!options.mine) {
    const { listAnnounced } = await import("../discovery/announced_command.ts");
    return await listAnnounced(options, options.forMs);
  }
  await openLog(options);
  const disk = new RealDisk();
  const name = options.name ?? await onlyProfile(disk, options);
  const folder = await findProfileFolder(disk, { dataFolder: options.dataFolder, name });
  if (folder === null) {
    throw new P2pchatError(
      "unknown-user",
      `${shownName(name)} has no profile in ${usersFolder(options.dataFolder)}; ${
        profilesText(await profiles(disk, options.dataFolder), options)
      }`,
    );
  }
  const faults: P2pchatError[] = [];
  const found = await MeshRooms.open(disk, roomsFolder(folder));
  const ignored = await ignoredKeys(disk, `${folder}/ignored`);
  const rooms = await roomViews(found, (key) => ignored.has(key), (error) => faults.push(error));
  for (const error of faults) await showErrorBeside(options, error);
  const event = { event: "rooms", rooms } satisfies RoomsEvent;
  const nowMs = Date.now();
  const format = new TextFormat({ ...options, colour: false, terminal: null }, nowMs);
  await showAnswer(
    options,
    event,
    roomsLines(event, nowMs).map((line) => format.format(line)).join(""),
  );
}

async function onlyProfile(disk: Disk, options: RoomsOptions): Promise<string> {
  const names = await profiles(disk, options.dataFolder);
  const [name, ...others] = names;
  if (name !== undefined && others.length === 0) return name;
  throw new P2pchatError("usage", `Name the profile: ${profilesText(names, options)}`);
}

async function profiles(disk: Disk, dataFolder: string): Promise<readonly string[]> {
  return (await disk.list(usersFolder(dataFolder))).filter((name) => nameFault(name) === null);
}

/** As many as a line has place for. */
const PROFILES_TOLD_MAX = 8;

function profilesText(names: readonly string[], { data }: RoomsOptions): string {
  if (names.length === 0) return `there is none yet, ${commandToType("mesh NAME", data)} makes one`;
  const told = names.slice(0, PROFILES_TOLD_MAX).map(shownName);
  const more = names.length - told.length;
  return `there are ${inWords(more > 0 ? [...told, `${numberText(more)} more`] : told)}`;
}
