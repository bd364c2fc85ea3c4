/** The command lines of `p2pchat accounts`. */

import { parseName } from "../../base/text/names.ts";
import { type CommandLine, type ProgramCommand, wrongWords } from "../args/arguments.ts";
import { chosenName } from "../commands/command_arguments.ts";
import type { FileNeed } from "../args/least_privilege.ts";
import { ACCOUNTS_FILE, regserverFolder } from "../../store/disk/paths.ts";
import type {
  AccountPasswordOptions,
  ImportAccountsOptions,
  ListAccountsOptions,
  RemoveAccountsOptions,
} from "../args/options.ts";
import { PASSWORD_FILE_FLAG } from "../credentials/password_source.ts";

const listWords = {
  name: "accounts list",
  form: "[FILE]",
  example: "p2pchat accounts list",
};

const addWords = {
  name: "accounts add",
  form: "NAME",
  example: "p2pchat accounts add alice",
};

const passwdWords = {
  name: "accounts passwd",
  form: "NAME",
  example: "p2pchat accounts passwd alice --password-file new-password",
};

const removeWords = {
  name: "accounts remove",
  form: "NAME...",
  example: "p2pchat accounts remove alice bob",
};

const importWords = {
  name: "accounts import",
  form: "FILE",
  example: "p2pchat accounts import people.csv",
};

/** The accounts of the directory here: their file may be a link. */
export function accountsTable(line: CommandLine): Promise<readonly FileNeed[]> {
  return Promise.resolve([{ path: accountsPath(line), use: "replace" }]);
}

function accountsPath({ common }: CommandLine): string {
  return `${regserverFolder(common.dataFolder)}/${ACCOUNTS_FILE}`;
}

export const accountsProgramCommands: readonly ProgramCommand[] = [
  {
    ...listWords,
    keeps: { folder: regserverFolder, use: "read" },
    ledTo: (line) => Promise.resolve([{ path: accountsPath(line), use: "read" }]),
    fileUse: "read",
    help: "the accounts of the directory here, or all that is wrong with their file",
    flags: [],
    prepare(line) {
      const options = listAccountsOptions(line);
      return async () => await (await import("./accounts_command.ts")).listAccounts(options);
    },
  },
  {
    ...addWords,
    keeps: { folder: regserverFolder, use: "make" },
    ledTo: accountsTable,
    help: "add an account; you type the password unseen",
    flags: [PASSWORD_FILE_FLAG],
    prepare(line) {
      const options = accountPasswordOptions(addWords, line);
      return async () => await (await import("./accounts_command.ts")).addAccount(options);
    },
  },
  {
    ...passwdWords,
    keeps: { folder: regserverFolder, use: "make" },
    ledTo: accountsTable,
    help: "change an account's password; all devices must log in again with it",
    flags: [PASSWORD_FILE_FLAG],
    prepare(line) {
      const options = accountPasswordOptions(passwdWords, line);
      return async () => await (await import("./accounts_command.ts")).changePassword(options);
    },
  },
  {
    ...removeWords,
    keeps: { folder: regserverFolder, use: "make" },
    ledTo: accountsTable,
    help: "remove accounts: all of these, or none",
    flags: [],
    prepare(line) {
      const options = removeAccountsOptions(line);
      return async () => await (await import("./accounts_command.ts")).removeAccounts(options);
    },
  },
  {
    ...importWords,
    keeps: { folder: regserverFolder, use: "make" },
    ledTo: accountsTable,
    fileUse: "read",
    help: "add accounts from a CSV file with the columns name,password",
    flags: [],
    prepare(line) {
      const options = importAccountsOptions(line);
      return async () => await (await import("./accounts_import.ts")).importAccounts(options);
    },
  },
];

function listAccountsOptions({ words, common }: CommandLine): ListAccountsOptions {
  const [file, ...rest] = words;
  if (file === "" || rest.length > 0) throw wrongWords(listWords, rest[0]);
  return { ...common, file: file ?? null };
}

function accountPasswordOptions(
  form: typeof addWords,
  { words, common, value }: CommandLine,
): AccountPasswordOptions {
  const [name, ...rest] = words;
  if (name === undefined) throw wrongWords(form);
  // A word after the name may be a password, so the error doesn't quote it.
  if (rest.length > 0) throw wrongWords(form);
  const passwordFile = value<string>(PASSWORD_FILE_FLAG.name) ?? null;
  return { ...common, name: chosenName(name), passwordFile };
}

function removeAccountsOptions({ words, common }: CommandLine): RemoveAccountsOptions {
  if (words.length === 0) throw wrongWords(removeWords);
  return { ...common, names: words.map(parseName) };
}

function importAccountsOptions({ words, common }: CommandLine): ImportAccountsOptions {
  const [file = "", ...rest] = words;
  if (file === "" || rest.length > 0) throw wrongWords(importWords, rest[0]);
  return { ...common, file };
}
