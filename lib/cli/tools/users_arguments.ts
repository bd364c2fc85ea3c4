/** The command lines of `p2pchat users`. */

import { P2pchatError } from "../../base/errors.ts";
import { parseFingerprint } from "../../base/text/fingerprint.ts";
import type { Endpoint } from "../../base/ids.ts";
import { tableLocks, usersFolder } from "../../store/disk/paths.ts";
import { friendHostFault } from "../../store/users/user_info.ts";
import { type CommandLine, type ProgramCommand, wrongWords } from "../args/arguments.ts";
import { chosenName } from "../commands/command_arguments.ts";
import { endpoint } from "../args/flags.ts";
import type { AddUserOptions, CheckUsersOptions, OwnUserOptions } from "../args/options.ts";

const checkWords = {
  name: "users check",
  form: "FILE",
  example: "p2pchat users check users.txt",
};

const addWords = {
  name: "users add",
  form: "FILE NAME HOST PORT [FINGERPRINT]",
  example: "p2pchat users add users.txt bob 192.168.1.5 5001",
};

const keyWords = {
  name: "users key",
  form: "NAME [HOST PORT]",
  example: "p2pchat users key alice 192.168.1.4 5001",
};

export const usersProgramCommands: readonly ProgramCommand[] = [
  {
    ...checkWords,
    fileUse: "read",
    help: "show a table of users, or all that is wrong with it",
    flags: [],
    prepare(line) {
      const options = checkUsersOptions(line);
      return async () => await (await import("./users.ts")).checkUsers(options);
    },
  },
  {
    ...addWords,
    fileUse: "replace",
    keeps: { folder: tableLocks, use: "make" },
    help: "add somebody to a table of users, which is created if there is none",
    flags: [],
    prepare(line) {
      const options = addUserOptions(line);
      return async () => await (await import("./users.ts")).addUser(options);
    },
  },
  {
    ...keyWords,
    keeps: { folder: usersFolder, use: "make" },
    help: "your own row, with your key's fingerprint, for the tables of your friends",
    flags: [],
    prepare(line) {
      const options = ownUserOptions(line);
      return async () => await (await import("./users.ts")).showOwnUser(options);
    },
  },
];

function checkUsersOptions({ words, common }: CommandLine): CheckUsersOptions {
  const [file = "", ...rest] = words;
  if (file === "" || rest.length > 0) throw wrongWords(checkWords, rest[0]);
  return { ...common, file };
}

function addUserOptions({ words, common }: CommandLine): AddUserOptions {
  const [file = "", name, hostText, portText, fingerprint, ...rest] = words;
  if (file === "" || name === undefined || hostText === undefined) throw wrongWords(addWords);
  if (portText === undefined || rest.length > 0) throw wrongWords(addWords, rest[0]);
  const user = {
    name: chosenName(name),
    endpoint: friendEndpoint(hostText, portText),
    fingerprint: fingerprint === undefined ? null : parseFingerprint(fingerprint),
  };
  return { ...common, file, user };
}

function ownUserOptions({ words, common }: CommandLine): OwnUserOptions {
  const [name, hostText, portText, ...rest] = words;
  if (name === undefined || rest.length > 0) throw wrongWords(keyWords, rest[0]);
  if (hostText !== undefined && portText === undefined) throw wrongWords(keyWords);
  return {
    ...common,
    name: chosenName(name),
    endpoint: hostText === undefined ? null : friendEndpoint(hostText, portText!),
  };
}

/** `HOST PORT` of a row, which friends can dial. */
function friendEndpoint(hostText: string, portText: string): Endpoint {
  const found = endpoint(hostText, portText);
  const fault = friendHostFault(found.host);
  if (fault === null) return found;
  throw new P2pchatError("usage", `HOST is wrong: ${fault.found}; ${fault.advice}`);
}
