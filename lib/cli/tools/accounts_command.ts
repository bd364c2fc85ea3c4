/** `p2pchat accounts`: manages the accounts of the directory in the data folder, for its operator. */

import { commandToType } from "../../base/text/command_to_type.ts";
import { countText, dateText } from "../../base/text/words.ts";
import { P2pchatError } from "../../base/errors.ts";
import { foldName, shownName } from "../../base/text/names.ts";
import { parseScryptHash } from "../../base/crypto/password_hash.ts";
import { PasswordHasher } from "../../runtime/password_hasher.ts";
import type { Account, Accounts } from "../../store/accounts/accounts.ts";
import { OTHER_FILE, parseAccounts } from "../../store/accounts/accounts_csv.ts";
import {
  AccountsFile,
  accountsPath,
  type OpenedAccounts,
  readBytes,
} from "../../store/accounts/accounts_file.ts";
import { type Disk, NO_SUCH_FILE } from "../../store/disk/disk.ts";
import { regserverFolder } from "../../store/disk/paths.ts";
import { RealDisk } from "../../store/disk/real_disk.ts";
import { nameWarning } from "../../store/users/user_info.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import type { EngineOptions } from "../engine/engine_flags.ts";
import { showAnswer, showErrorBeside, showNoticeBeside } from "../session/answers.ts";
import { textWidth } from "../rendering/graphemes.ts";
import { openLog } from "../session/log.ts";
import type { CommonOptions } from "../args/options.ts";
import type {
  AccountPasswordOptions,
  ListAccountsOptions,
  RemoveAccountsOptions,
} from "./accounts_arguments.ts";
import { newPassword } from "../credentials/password_source.ts";
import { nodeScrypt } from "../credentials/scrypt.ts";
import { randomBytes } from "../session/random_bytes.ts";
import { processStreams } from "../streams/streams.ts";
import { behindLink, realTablePath } from "../session/table_path.ts";
import type { ShownEvent } from "../rendering/user_interface.ts";

/** The event that each of the commands shows to scripts. */
interface AccountsEvent extends ShownEvent {
  readonly event: "accounts";
  /** The file that contains, or contained, the accounts; or the engine. */
  readonly file: string;
  readonly accounts: readonly ReturnType<typeof shownAccount>[];
}

/** More than anybody reads at once; correcting these reveals further ones. */
const COMPLAINTS_MAX = 20;

/** Each hash takes 128 MiB. */
const HASHES_AT_ONCE_MAX = 4;

/** The `from` argument for passwords hashed here. */
export const OPERATOR = "operator";

/** Hashes passwords on all cores of the machine but one, and on four at most. */
export function openPasswordHasher(): {
  readonly hasher: PasswordHasher;
  readonly atOnceMax: number;
} {
  const atOnceMax = Math.max(1, Math.min(HASHES_AT_ONCE_MAX, navigator.hardwareConcurrency - 1));
  return { hasher: new PasswordHasher({ scrypt: nodeScrypt, randomBytes, atOnceMax }), atOnceMax };
}

/**
 * Shows a table of accounts, or everything that is wrong with it. Changes nothing, and creates no file.
 * @throws {P2pchatError} `store-corrupt` or `bad-file`: the last complaint, after the others were shown; `disk`.
 */
export async function listAccounts(options: ListAccountsOptions): Promise<void> {
  if (options.engine !== null) return await listEngineAccounts(options);
  await openLog(options);
  const file = options.file ?? await accountsFileIn(regserverFolder(options.dataFolder));
  const bytes = await readBytes(new RealDisk(), file);
  if (bytes === null && options.file !== null) {
    throw new P2pchatError("bad-file", `Cannot read ${file}: ${NO_SUCH_FILE}`);
  }
  const wayOut = options.file === null ? undefined : OTHER_FILE;
  const parsed = bytes === null ? null : parseAccounts(file, bytes, COMPLAINTS_MAX + 1, wayOut);
  await throwLast(options, file, parsed?.complaints ?? []);
  const accounts = [...parsed?.table.values() ?? []].map(({ account }) => account);
  const event = {
    event: "accounts",
    file,
    accounts: accounts.map(shownAccount),
  } satisfies AccountsEvent;
  // Tells an operator who runs this as another user, or with another folder, than the directory why the list is
  // empty.
  const missing = bytes === null ? `; there is no ${file} yet` : "";
  await showAnswer(options, event, `${tableText(accounts)}${missing}\n`);
}

async function listEngineAccounts(options: ListAccountsOptions): Promise<void> {
  const { accounts, file } = await openAccounts(options);
  const all = await accounts.list();
  const event = {
    event: "accounts",
    file,
    accounts: all.map(shownAccount),
  } satisfies AccountsEvent;
  await showAnswer(options, event, `${tableText(all)}\n`);
}

async function throwLast(
  options: CommonOptions,
  file: string,
  complaints: readonly P2pchatError[],
): Promise<void> {
  const last = complaints.at(-1);
  if (last === undefined) return;
  for (const complaint of complaints.slice(0, -1)) await showErrorBeside(options, complaint);
  if (complaints.length <= COMPLAINTS_MAX) throw last;
  throw new P2pchatError(
    last.code,
    `Cannot use ${file}: more than ${COMPLAINTS_MAX} of its lines are wrong; correct those above, ` +
      "and look at it again",
  );
}

/**
 * Adds an account.
 * @throws {P2pchatError} `name-taken`, `weak-password`, `bad-credentials`, `usage`, or why the accounts can't be
 *   changed.
 */
export async function addAccount(options: AccountPasswordOptions): Promise<void> {
  const { name } = options;
  const { accounts, file } = await openAccounts(options);
  const taken = await accounts.find(name);
  if (taken !== null) {
    throw new P2pchatError(
      "name-taken",
      `Cannot add ${shownName(name)}: there has been an account ${shownName(taken.name)} since ${
        dateText(taken.createdMs)
      }; ` +
        `to change its password, ${
          commandToType(`accounts passwd ${shownName(taken.name)}`, options.data)
        }`,
    );
  }
  const warning = nameWarning(name);
  if (warning !== null) await showNoticeBeside(options, warning);
  const hash = await openPasswordHasher().hasher.hash(await passwordFor(options), OPERATOR);
  const account: Account = { name, hash, createdMs: Date.now(), keys: [] };
  await accounts.signUp(account);
  await showChanged(options, file, [account], `Added ${shownName(name)}.`);
}

/**
 * Changes an account's password; its devices need it for their next log-in.
 * @throws {P2pchatError} `unknown-user`; `in-use` where the account was changed meanwhile; others as `addAccount`.
 */
export async function changePassword(options: AccountPasswordOptions): Promise<void> {
  const { accounts, file } = await openAccounts(options);
  const [seen] = await found(accounts, file, [options.name], options);
  const hash = await openPasswordHasher().hasher.hash(await passwordFor(options), OPERATOR);
  if (!await accounts.setHash(seen!, hash, [])) throw changedMeanwhile(seen!.name);
  const text = `Changed the password of ${
    shownName(seen!.name)
  }; its devices need it to come in again.`;
  await showChanged(options, file, [{ ...seen!, hash, keys: [] }], text);
}

/**
 * Removes accounts.
 * @throws {P2pchatError} `unknown-user`: none was removed; `in-use`; or why the accounts can't be changed.
 */
export async function removeAccounts(options: RemoveAccountsOptions): Promise<void> {
  const { accounts, file } = await openAccounts(options);
  const seen = await found(accounts, file, options.names, options);
  const removed: Account[] = [];
  try {
    for (const account of seen) {
      if (!await accounts.remove(account)) throw changedMeanwhile(account.name);
      removed.push(account);
    }
  } catch (error) {
    if (removed.length > 0) {
      await showNoticeBeside(options, `Removed before that: ${namesOf(removed)}`);
    }
    throw error;
  }
  await showChanged(options, file, removed, `Removed ${namesOf(removed)}.`);
}

/**
 * Opens the accounts of the directory in the data folder, or in the engine, for changes.
 * @throws {P2pchatError} Why they can't be read.
 */
export async function openAccounts(
  options: CommonOptions & EngineOptions,
): Promise<{ readonly accounts: Accounts; readonly file: string }> {
  const folder = regserverFolder(options.dataFolder);
  await openLog(options);
  const { engine } = options;
  if (engine !== null) {
    const { openEngineAccounts } = await import("../engine/open_engine.ts");
    const notice = (text: string) => showNoticeBeside(options, text);
    return { accounts: await openEngineAccounts(engine, options, notice), file: engine.text };
  }
  const { accounts, notices, file } = await openAccountsFile(new RealDisk(), folder);
  for (const notice of notices) await showNoticeBeside(options, notice);
  return { accounts, file };
}

/**
 * Opens the accounts of the directory in `folder`.
 * @throws {P2pchatError} `bad-file` for a dangling symbolic link; or why they can't be read.
 */
export async function openAccountsFile(
  disk: Disk,
  folder: string,
): Promise<OpenedAccounts & { readonly file: string }> {
  const file = await accountsFileIn(folder);
  const options = { writer: String(Deno.pid), clock: SYSTEM_LINK_CLOCK, path: file };
  return { ...await AccountsFile.open(disk, folder, options), file };
}

/** The path of the accounts of the directory in `folder`, with symbolic links resolved. */
async function accountsFileIn(folder: string): Promise<string> {
  const path = accountsPath(folder);
  return await behindLink(path, await realTablePath(path));
}

async function passwordFor(options: AccountPasswordOptions): Promise<string> {
  return await newPassword({
    file: options.passwordFile,
    mayAsk: !options.json,
    streams: processStreams(),
    notice: (text) => showNoticeBeside(options, text),
  }, options.name);
}

/** The accounts with these names, each once. */
async function found(
  accounts: Accounts,
  file: string,
  names: readonly string[],
  { data }: CommonOptions,
): Promise<readonly Account[]> {
  const known = new Map<string, Account>();
  const unknown: string[] = [];
  for (const name of names) {
    const account = await accounts.find(name);
    if (account === null) unknown.push(name);
    else known.set(foldName(name), account);
  }
  if (unknown.length === 0) return [...known.values()];
  throw new P2pchatError(
    "unknown-user",
    `There is no account ${unknown.join(", ")} in ${file}; nothing was changed, ${
      commandToType("accounts list", data)
    } shows all`,
  );
}

function changedMeanwhile(name: string): P2pchatError {
  return new P2pchatError(
    "in-use",
    `Cannot change ${
      shownName(name)
    }: the account was given another password, or removed, meanwhile; try again`,
  );
}

async function showChanged(
  options: CommonOptions,
  file: string,
  accounts: readonly Account[],
  text: string,
): Promise<void> {
  const event = {
    event: "accounts",
    file,
    accounts: accounts.map(shownAccount),
  } satisfies AccountsEvent;
  await showAnswer(options, event, `${text}\n`, true);
}

function namesOf(accounts: readonly Account[]): string {
  return accounts.map(({ name }) => shownName(name)).join(", ");
}

function shownAccount({ name, hash, createdMs, keys }: Account) {
  return { name, created: dateText(createdMs), keys, canLogIn: parseScryptHash(hash) !== null };
}

/** The accounts in columns, without a final line feed and without the hashes, which nobody needs to see. */
function tableText(accounts: readonly Account[]): string {
  const rows = accounts.map((account) => {
    const { name, created, keys, canLogIn } = shownAccount(account);
    const devices = keys.length === 0 ? "-" : String(keys.length);
    const note = canLogIn ? "" : "  its hash can't be checked here: give it a password (passwd)";
    return { cells: [shownName(name), created.slice(0, 10), devices], note };
  });
  const heads = ["# name", "created", "devices"];
  const widths = heads.map((head, at) =>
    rows.reduce((most, { cells }) => Math.max(most, textWidth(cells[at]!)), head.length)
  );
  const line = (cells: readonly string[]) =>
    cells.map((cell, at) => cell + " ".repeat(widths[at]! - textWidth(cell))).join("  ").trimEnd();
  const count = countText(accounts.length, "account");
  const lines = [line(heads), ...rows.map(({ cells, note }) => line(cells) + note), `# ${count}`];
  return lines.join("\n");
}
