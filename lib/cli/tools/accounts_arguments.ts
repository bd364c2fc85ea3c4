/** The command lines of `p2pchat accounts`. */

import { parseName } from "../../base/text/names.ts";
import { type CommandForm, type CommandOf, fileOptions, wrongWords } from "../args/arguments.ts";
import { chosenName } from "../commands/command_arguments.ts";
import type { FileNeed } from "../args/least_privilege.ts";
import { ACCOUNTS_FILE, regserverFolder } from "../../store/disk/paths.ts";
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
  flags: [],
  options: listAccountsOptions,
};

export const addAccountCommand: CommandOf<AccountPasswordOptions> = {
  name: "accounts add",
  form: "NAME",
  example: "p2pchat accounts add alice",
  keeps: { folder: regserverFolder, use: "make" },
  ledTo: accountsTable,
  help: "add an account; you type the password unseen",
  flags: [PASSWORD_FILE_FLAG],
  options: (line) => accountPasswordOptions(addAccountCommand, line),
};

export const changePasswordCommand: CommandOf<AccountPasswordOptions> = {
  name: "accounts passwd",
  form: "NAME",
  example: "p2pchat accounts passwd alice --password-file new-password",
  keeps: { folder: regserverFolder, use: "make" },
  ledTo: accountsTable,
  help: "change an account's password; all devices must log in again with it",
  flags: [PASSWORD_FILE_FLAG],
  options: (line) => accountPasswordOptions(changePasswordCommand, line),
};

export const removeAccountsCommand: CommandOf<RemoveAccountsOptions> = {
  name: "accounts remove",
  form: "NAME...",
  example: "p2pchat accounts remove alice bob",
  keeps: { folder: regserverFolder, use: "make" },
  ledTo: accountsTable,
  help: "remove accounts: all of these, or none",
  flags: [],
  options: removeAccountsOptions,
};

export const importAccountsCommand: CommandOf<FileOptions> = {
  name: "accounts import",
  form: "FILE",
  example: "p2pchat accounts import people.csv",
  keeps: { folder: regserverFolder, use: "make" },
  ledTo: accountsTable,
  fileUse: "read",
  help: "add accounts from a CSV file with the columns name,password",
  flags: [],
  options: (line) => fileOptions(line, importAccountsCommand),
};

/** `p2pchat accounts list [FILE]`. */
export interface ListAccountsOptions extends CommonOptions {
  /** Null: the file of this directory. */
  readonly file: string | null;
}

/** `p2pchat accounts add NAME` and `p2pchat accounts passwd NAME`. */
export interface AccountPasswordOptions extends CommonOptions {
  /** Valid and in NFC. */
  readonly name: string;
  /** Null: the password is in the environment, or the user is asked. */
  readonly passwordFile: string | null;
}

/** `p2pchat accounts remove NAME...`. */
export interface RemoveAccountsOptions extends CommonOptions {
  /** Valid and in NFC, at least one. */
  readonly names: readonly string[];
}

function listAccountsOptions({ words, common }: CommandLine): ListAccountsOptions {
  const [file, ...rest] = words;
  if (file === "" || rest.length > 0) throw wrongWords(listAccountsCommand, rest[0]);
  return { ...common, file: file ?? null };
}

function accountPasswordOptions(
  command: CommandForm,
  { words, common, value }: CommandLine,
): AccountPasswordOptions {
  const [name, ...rest] = words;
  if (name === undefined) throw wrongWords(command);
  // A word after the name may be a password, so the error doesn't quote it.
  if (rest.length > 0) throw wrongWords(command);
  const passwordFile = value<string>(PASSWORD_FILE_FLAG.name) ?? null;
  return { ...common, name: chosenName(name), passwordFile };
}

function removeAccountsOptions({ words, common }: CommandLine): RemoveAccountsOptions {
  if (words.length === 0) throw wrongWords(removeAccountsCommand);
  return { ...common, names: words.map(parseName) };
}
