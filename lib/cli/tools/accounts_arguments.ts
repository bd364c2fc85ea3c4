/** The command lines of `p2pchat accounts`. */

import { parseName } from "../../base/text/names.ts";
import { type CommandForm, type CommandOf, fileOptions, wrongWords } from "../args/arguments.ts";
import { chosenName } from "../commands/command_arguments.ts";
import type { FileNeed } from "../args/least_privilege.ts";
import { ACCOUNTS_FILE, regserverFolder } from "../../store/disk/paths.ts";
import { ENGINE_FLAGS, type EngineOptions, engineOptions } from "../engine/engine_flags.ts";
import type { CommandLine, CommonOptions, FileOptions } from "../args/options.ts";
import { PASSWORD_FILE_FLAG } from "../credentials/password_source.ts";

/** The accounts of the directory here: their file may be a link. */
export function accountsTable(line: CommandLine): Promise<readonly FileNeed[]> {
  return Promise.resolve([{ path: accountsPath(line), use: "replace" }]);
}

function accountsPath({ common }: CommandLine): string {
  return `${regserverFolder(common.dataFolder)}/${ACCOUNTS_FILE}`;
}

export const listAccountsCommand: CommandOf<ListAccountsOptions> = {
  name: "accounts list",
  form: "[FILE]",
  example: "p2pchat accounts list",
  keeps: { folder: regserverFolder, use: "read" },
  ledTo: (line) => Promise.resolve([{ path: accountsPath(line), use: "read" }]),
  fileUse: "read",
  help: "the accounts of the directory here, or all that is wrong with their file",
  flags: ENGINE_FLAGS,
  options: listAccountsOptions,
};

export const addAccountCommand: CommandOf<AccountPasswordOptions> = {
  name: "accounts add",
  form: "NAME",
  example: "p2pchat accounts add alice",
  keeps: { folder: regserverFolder, use: "make" },
  ledTo: accountsTable,
  help: "add an account; you type the password unseen",
  flags: [PASSWORD_FILE_FLAG, ...ENGINE_FLAGS],
  options: (line) => accountPasswordOptions(addAccountCommand, line),
};

export const changePasswordCommand: CommandOf<AccountPasswordOptions> = {
  name: "accounts passwd",
  form: "NAME",
  example: "p2pchat accounts passwd alice --password-file new-password",
  keeps: { folder: regserverFolder, use: "make" },
  ledTo: accountsTable,
  help: "change an account's password; all devices must log in again with it",
  flags: [PASSWORD_FILE_FLAG, ...ENGINE_FLAGS],
  options: (line) => accountPasswordOptions(changePasswordCommand, line),
};

export const removeAccountsCommand: CommandOf<RemoveAccountsOptions> = {
  name: "accounts remove",
  form: "NAME...",
  example: "p2pchat accounts remove alice bob",
  keeps: { folder: regserverFolder, use: "make" },
  ledTo: accountsTable,
  help: "remove accounts: all of these, or none",
  flags: ENGINE_FLAGS,
  options: removeAccountsOptions,
};

export const importAccountsCommand: CommandOf<ImportOptions> = {
  name: "accounts import",
  form: "FILE",
  example: "p2pchat accounts import people.csv",
  keeps: { folder: regserverFolder, use: "make" },
  ledTo: accountsTable,
  fileUse: "read",
  help:
    "add accounts from a CSV file with the columns name,password, or of another directory's accounts",
  flags: ENGINE_FLAGS,
  options: (line) => ({ ...fileOptions(line, importAccountsCommand), ...engineOptions(line) }),
};

export const exportAccountsCommand: CommandOf<ImportOptions> = {
  name: "accounts export",
  form: "FILE",
  example: "p2pchat accounts export accounts.csv --engine etcd://10.0.0.1:2379",
  keeps: { folder: regserverFolder, use: "make" },
  ledTo: accountsTable,
  fileUse: "replace",
  help: "all accounts, with their devices, into a new file for accounts import elsewhere",
  flags: ENGINE_FLAGS,
  options: (line) => ({ ...fileOptions(line, exportAccountsCommand), ...engineOptions(line) }),
};

/** `p2pchat accounts list [FILE]`. */
export interface ListAccountsOptions extends CommonOptions, EngineOptions {
  /** Null: the file of this directory. */
  readonly file: string | null;
}

/** `p2pchat accounts add NAME` and `p2pchat accounts passwd NAME`. */
export interface AccountPasswordOptions extends CommonOptions, EngineOptions {
  /** Valid and in NFC. */
  readonly name: string;
  /** Null: the password is in the environment, or the user is asked. */
  readonly passwordFile: string | null;
}

/** `p2pchat accounts import FILE` and `accounts export FILE`. */
export interface ImportOptions extends FileOptions, EngineOptions {}

/** `p2pchat accounts remove NAME...`. */
export interface RemoveAccountsOptions extends CommonOptions, EngineOptions {
  /** Valid and in NFC, at least one. */
  readonly names: readonly string[];
}

function listAccountsOptions(line: CommandLine): ListAccountsOptions {
  const [file, ...rest] = line.words;
  if (file === "" || rest.length > 0) throw wrongWords(listAccountsCommand, rest[0]);
  const engine = engineOptions(line);
  if (file !== undefined && engine.engine !== null) throw wrongWords(listAccountsCommand, file);
  return { ...line.common, file: file ?? null, ...engine };
}

function accountPasswordOptions(
  command: CommandForm,
  line: CommandLine,
): AccountPasswordOptions {
  const [name, ...rest] = line.words;
  if (name === undefined) throw wrongWords(command);
  // A word after the name may be a password, so the error doesn't quote it.
  if (rest.length > 0) throw wrongWords(command);
  const passwordFile = line.value<string>(PASSWORD_FILE_FLAG.name) ?? null;
  return { ...line.common, name: chosenName(name), passwordFile, ...engineOptions(line) };
}

function removeAccountsOptions(line: CommandLine): RemoveAccountsOptions {
  if (line.words.length === 0) throw wrongWords(removeAccountsCommand);
  return { ...line.common, names: line.words.map(parseName), ...engineOptions(line) };
}
