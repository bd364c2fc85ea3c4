/** `p2pchat users`: the table of users that friends share, and one's own row in it. */

import { P2pchatError } from "../base/errors.ts";
import { visibleLines } from "../base/text.ts";
import { takeTurn } from "../store/file_turn.ts";
import { isUsedProfile, openProfileIdentity } from "../store/identity.ts";
import { profileFolder, tableLock } from "../store/paths.ts";
import { RealDisk } from "../store/real_disk.ts";
import {
  formatUserInfo,
  nameWarning,
  parseUserInfo,
  type UserInfo,
  userInfoLine,
  type UserInfoRow,
} from "../store/user_info.ts";
import { addUserInfo, readUserInfo } from "../store/user_info_file.ts";
import { SYSTEM_LINK_CLOCK } from "../transport/system_clock.ts";
import { endingOf } from "./errors.ts";
import { textWidth } from "./graphemes.ts";
import { JsonFormat } from "./json_format.ts";
import { openLog } from "./log.ts";
import type {
  AddUserOptions,
  CheckUsersOptions,
  CommonOptions,
  OwnUserOptions,
} from "./options.ts";
import { addressOfThisMachine } from "./own_address.ts";
import { randomBytes } from "./random_bytes.ts";
import { realTablePath } from "./table_path.ts";
import type { CommonEvent, ShownEvent } from "./user_interface.ts";
import { print, writeWhole } from "./write_whole.ts";

/** What each of the commands shows to a script. */
interface UsersEvent extends ShownEvent {
  readonly event: "users";
  readonly file?: string;
  readonly users: readonly ReturnType<typeof shownUser>[];
}

/** Where friends listen unless their table says otherwise. */
export const FRIENDS_PORT_DEFAULT = 5_001;

/** More than one reads at once; correcting these shows what is behind the rest. */
const COMPLAINTS_MAX = 20;

/**
 * Shows a table, or all that is wrong with it.
 * @throws {P2pchatError} `bad-file`: the last complaint, those before it have been shown.
 */
export async function checkUsers(options: CheckUsersOptions): Promise<void> {
  await openLog(options);
  const { file } = options;
  const bytes = await readUserInfo(new RealDisk(), file);
  const { rows, complaints } = parseUserInfo(file, bytes, COMPLAINTS_MAX + 1);
  const last = complaints.at(-1);
  if (last === undefined) {
    const users = rows.map(shownRow);
    return await show(options, { event: "users", file, users }, tableText(rows));
  }
  for (const complaint of complaints.slice(0, -1)) await showError(options, complaint);
  if (complaints.length <= COMPLAINTS_MAX) throw last;
  throw new P2pchatError(
    "bad-file",
    `Cannot use ${file}: more than ${COMPLAINTS_MAX} of its lines are wrong; correct those above, ` +
      "and check it again",
  );
}

/**
 * Adds a row to a table.
 * @throws {P2pchatError} `bad-file`, `in-use` or `disk`; the table is as it was.
 */
export async function addUser(options: AddUserOptions): Promise<void> {
  await openLog(options);
  const row = await addToTable(options);
  const warning = nameWarning(row.name);
  if (warning !== null) await showNotice(options, warning);
  const event = { event: "users", file: options.file, users: [shownRow(row)] } as const;
  await show(options, event, `Added ${userInfoLine(row)} to ${options.file}, line ${row.line}.\n`);
}

async function addToTable({ dataFolder, file, user }: AddUserOptions): Promise<UserInfoRow> {
  const disk = new RealDisk();
  const writer = String(Deno.pid);
  const real = await realTablePath(file);
  const turn = await takeTurn(
    disk,
    file,
    tableLock(dataFolder, real),
    writer,
    SYSTEM_LINK_CLOCK,
  );
  try {
    return await addUserInfo(disk, await behindLink(file, real), user, writer);
  } finally {
    turn.release();
  }
}

/**
 * Shows one's own row; the profile's identity is made where there is none.
 * @throws {P2pchatError} `store-corrupt`, `bad-file` or `disk`.
 */
export async function showOwnUser(options: OwnUserOptions): Promise<void> {
  const disk = new RealDisk();
  const folder = profileFolder(options.dataFolder, options.name);
  await disk.makeFolder(folder);
  const isUsed = await isUsedProfile(disk, folder); // before the log, which may be kept there
  await openLog(options);
  const { fingerprint, notice } = await openProfileIdentity(disk, folder, isUsed, randomBytes);
  if (notice !== null) await showNotice(options, notice);
  const endpoint = options.endpoint ??
    { host: addressOfThisMachine(), port: FRIENDS_PORT_DEFAULT };
  const user = { name: options.name, endpoint, fingerprint };
  await show(options, { event: "users", users: [shownUser(user)] }, `${userInfoLine(user)}\n`);
}

/** A table in columns, itself a table, and how many are in it. */
function tableText(rows: readonly UserInfoRow[]): string {
  const without = rows.filter(({ fingerprint }) => fingerprint === null).length;
  const count = rows.length === 1 ? "1 user" : `${rows.length} users`;
  const note = without === 0 ? "" : `, ${without} without a fingerprint`;
  return `${formatUserInfo(rows, textWidth)}# ${count}${note}\n`;
}

function shownUser({ name, endpoint, fingerprint }: UserInfo) {
  return { name, host: endpoint.host, port: endpoint.port, key: fingerprint };
}

function shownRow(row: UserInfoRow) {
  return { ...shownUser(row), line: row.line };
}

/** The last words of a command that did what it was asked for. */
async function show(options: CommonOptions, event: UsersEvent, text: string): Promise<void> {
  if (!options.json) return await print(visibleLines(text).join("\n"));
  const format = new JsonFormat();
  const bye = { event: "bye", reason: "done" };
  const lines = [event, bye].map((each) => format.format(each, undefined, Date.now()));
  await print(lines.join(""));
}

/** An error that more follow. */
async function showError(options: CommonOptions, error: P2pchatError): Promise<void> {
  const event = { event: "error", code: error.code, text: error.message } as const;
  await showBeside(options, event, endingOf(error, false, Date.now()).text);
}

/** What is worth knowing beside the answer. */
async function showNotice(options: CommonOptions, text: string): Promise<void> {
  await showBeside(options, { event: "notice", text }, `${visibleLines(text).join("\n")}\n`);
}

/** Something that isn't the answer: what a user redirects into a table holds no word of it. */
async function showBeside(options: CommonOptions, event: CommonEvent, text: string): Promise<void> {
  if (options.json) await print(new JsonFormat().format(event, undefined, Date.now()));
  else await writeWhole(Deno.stderr, text);
}

/** Where a symbolic link leads, otherwise the name that the user knows: the file is replaced, and the link is to stay. */
async function behindLink(path: string, real: string): Promise<string> {
  try {
    return (await Deno.lstat(path)).isSymlink ? real : path;
  } catch {
    return path; // whoever reads it says what is wrong
  }
}
