/** `p2pchat users`: the table of users that friends share, and the user's own row in it. */

import { keepOwn } from "../args/least_privilege.ts";
import { countText } from "../../base/text/words.ts";
import { P2pchatError } from "../../base/errors.ts";
import { shownName } from "../../base/text/names.ts";
import { isUsedProfile } from "../../store/profile/identity.ts";
import { RealDisk } from "../../store/disk/real_disk.ts";
import {
  formatUserInfo,
  nameWarning,
  parseUserInfo,
  type UserInfo,
  userInfoLine,
  type UserInfoRow,
} from "../../store/users/user_info.ts";
import { readUserInfo } from "../../store/users/user_info_file.ts";
import { showAnswer, showErrorBeside, showNoticeBeside } from "../session/answers.ts";
import { textWidth } from "../rendering/graphemes.ts";
import { openLog } from "../session/log.ts";
import { unsealing } from "../credentials/unsealing.ts";
import type { FileOptions } from "../args/options.ts";
import type { AddUserOptions, OwnUserOptions } from "./users_arguments.ts";
import { addressOfThisMachine, outwardHost } from "../session/advertised_address.ts";
import { openFolder, openOwnIdentity } from "../session/mode_session.ts";
import { checkContact, contactCard } from "../../store/users/contact_card.ts";
import { addToTable } from "./table_change.ts";
import type { ShownEvent } from "../rendering/user_interface.ts";

/** The event that each of the commands shows to scripts. */
interface UsersEvent extends ShownEvent {
  readonly event: "users";
  readonly file?: string;
  readonly users: readonly ReturnType<typeof shownUser>[];
}

/** Default port of a user's row. */
const FRIENDS_PORT_DEFAULT = 5_001;

/** More than anybody reads at once; correcting these reveals further ones. */
const COMPLAINTS_MAX = 20;

/**
 * Shows a table, or everything that is wrong with it.
 * @throws {P2pchatError} `bad-file`: the last complaint, after the others were shown.
 */
export async function checkUsers(options: FileOptions): Promise<void> {
  await openLog(options);
  const { file } = options;
  const bytes = await readUserInfo(new RealDisk(), file);
  const { rows, complaints } = parseUserInfo(file, bytes, COMPLAINTS_MAX + 1);
  const last = complaints.at(-1);
  if (last === undefined) {
    const users = rows.map(shownRow);
    const event = { event: "users", file, users } satisfies UsersEvent;
    return await showAnswer(options, event, tableText(rows));
  }
  for (const complaint of complaints.slice(0, -1)) await showErrorBeside(options, complaint);
  if (complaints.length <= COMPLAINTS_MAX) throw last;
  throw new P2pchatError(
    "bad-file",
    `Cannot use ${file}: more than ${COMPLAINTS_MAX} of its lines are wrong; correct those above, ` +
      "and check it again",
  );
}

/**
 * Adds a row to a table.
 * @throws {P2pchatError} `bad-file`, `in-use` or `disk`; the table is unchanged.
 */
export async function addUser(options: AddUserOptions): Promise<void> {
  await openLog(options);
  const { dataFolder, file, user, card } = options;
  const row = card === null
    ? await addToTable({ dataFolder, file, user })
    : await addToTable({ dataFolder, file, user: card, check: checkContact });
  const warning = nameWarning(row.name);
  if (warning !== null) await showNoticeBeside(options, warning);
  const users = [shownRow(row)];
  const event = { event: "users", file: options.file, users } satisfies UsersEvent;
  await showAnswer(
    options,
    event,
    `Added ${userInfoLine(row)} to ${options.file}, line ${row.line}.\n`,
  );
}

/**
 * Shows the user's own row, or contact card; creates the profile's identity where there is none.
 * @throws {P2pchatError} `store-corrupt`, `bad-file` or `disk`; `unreachable` where this machine's address isn't
 *   known.
 */
export async function showOwnUser(options: OwnUserOptions): Promise<void> {
  const disk = new RealDisk();
  const { folder, notices } = await openFolder(disk, options);
  keepOwn(folder);
  const isUsed = await isUsedProfile(disk, folder); // checked before the log is opened, which may be in that folder
  await openLog(options);
  const { fingerprint, isNew, takeNotices } = await openOwnIdentity(disk, folder, isUsed, {
    mark: null,
    unseal: unsealing(options, options.name),
  });
  const made = isNew && !isUsed
    ? [`A key was made for ${shownName(options.name)}, who had none here: it is in ${folder}`]
    : [];
  for (const notice of [...notices, ...made, ...takeNotices()]) {
    await showNoticeBeside(options, notice);
  }
  const endpoint = options.endpoint ??
    { host: addressOfThisMachine(await outwardHost()), port: FRIENDS_PORT_DEFAULT };
  const user = { name: options.name, endpoint, fingerprint };
  const card = options.isCard ? contactCard(user) : null;
  const shown = { ...shownUser(user), ...card === null ? {} : { card } };
  const event = { event: "users", users: [shown] } satisfies UsersEvent;
  await showAnswer(options, event, `${card ?? userInfoLine(user)}\n`);
}

/** A table in columns, which is itself a valid table, and the number of users as a comment. */
function tableText(rows: readonly UserInfoRow[]): string {
  const without = rows.filter(({ fingerprint }) => fingerprint === null).length;
  const count = countText(rows.length, "user");
  const note = without === 0 ? "" : `, ${without} without a fingerprint`;
  return `${formatUserInfo(rows, textWidth)}# ${count}${note}\n`;
}

function shownUser({ name, endpoint, fingerprint }: UserInfo) {
  return { name, host: endpoint.host, port: endpoint.port, key: fingerprint };
}

function shownRow(row: UserInfoRow) {
  return { ...shownUser(row), line: row.line };
}
