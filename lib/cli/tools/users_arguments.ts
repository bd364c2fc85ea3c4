/** The command lines of `p2pchat users`. */

import { P2pchatError } from "../../base/errors.ts";
import { quotedStart } from "../../base/text/text.ts";
import { parseFingerprint } from "../../base/text/fingerprint.ts";
import type { Endpoint } from "../../base/ids.ts";
import { tableLocks, usersFolder } from "../../store/disk/paths.ts";
import { CARD_START, type Contact, parseContactCard } from "../../store/users/contact_card.ts";
import { friendHostFault, type UserInfo } from "../../store/users/user_info.ts";
import { type CommandForm, type CommandOf, fileOptions, wrongWords } from "../args/arguments.ts";
import { chosenName } from "../commands/command_arguments.ts";
import { PASSPHRASE_FILE_FLAG } from "../credentials/unsealing.ts";
import { endpoint } from "../args/flags.ts";
import type {
  CommandLine,
  CommonOptions,
  FileOptions,
  PassphraseOptions,
} from "../args/options.ts";

export const checkUsersCommand: CommandOf<FileOptions> = {
  name: "users check",
  form: "FILE",
  example: "p2pchat users check users.txt",
  fileUse: "read",
  help: "show a table of users, or all that is wrong with it",
  flags: [],
  options: (line) => fileOptions(line, checkUsersCommand),
};

export const addUserCommand: CommandOf<AddUserOptions> = {
  name: "users add",
  form: "FILE CARD | FILE NAME HOST PORT [FINGERPRINT]",
  example: "p2pchat users add users.txt bob 192.168.1.5 5001",
  fileUse: "replace",
  keeps: { folder: tableLocks, use: "make" },
  help: "add somebody to a table of users, which is created if there is none",
  flags: [],
  options: addUserOptions,
};

export const ownUserCommand: CommandOf<OwnUserOptions> = {
  name: "users key",
  form: "NAME [HOST PORT]",
  example: "p2pchat users key alice 192.168.1.4 5001",
  keeps: { folder: usersFolder, use: "make" },
  help: "your own row, with your key's fingerprint, for the tables of your friends",
  flags: [PASSPHRASE_FILE_FLAG],
  options: (line) => ownUserOptions(ownUserCommand, line, false),
};

export const ownCardCommand: CommandOf<OwnUserOptions> = {
  name: "users card",
  form: "NAME [HOST PORT]",
  example: "p2pchat users card alice 192.168.1.4 5001",
  keeps: { folder: usersFolder, use: "make" },
  help: "your contact card, one word to pass on, which /add and users add take",
  flags: [PASSPHRASE_FILE_FLAG],
  options: (line) => ownUserOptions(ownCardCommand, line, true),
};

/** `p2pchat users add FILE NAME HOST PORT [FINGERPRINT]`. */
export interface AddUserOptions extends FileOptions {
  readonly user: UserInfo;
  /** The card that the user is from; null where the words say it. */
  readonly card: Contact | null;
}

function addUserOptions({ words, common }: CommandLine): AddUserOptions {
  const [file = "", name, hostText, portText, fingerprint, ...rest] = words;
  if (file !== "" && name?.startsWith(CARD_START)) {
    if (hostText !== undefined) throw wrongWords(addUserCommand, hostText);
    const card = parseContactCard(name);
    return { ...common, file, user: card, card };
  }
  if (file === "" || name === undefined) throw wrongWords(addUserCommand);
  if (hostText === undefined) {
    const text =
      `${quotedStart(name)} is no contact card: one begins with ${CARD_START}, as p2pchat ` +
      "users card NAME prints it; without a card, NAME HOST PORT say whom to add";
    throw new P2pchatError("usage", text);
  }
  if (portText === undefined || rest.length > 0) throw wrongWords(addUserCommand, rest[0]);
  const user = {
    name: chosenName(name),
    endpoint: friendEndpoint(hostText, portText),
    fingerprint: fingerprint === undefined ? null : parseFingerprint(fingerprint),
  };
  return { ...common, file, user, card: null };
}

/** `p2pchat users key NAME [HOST PORT]`. */
export interface OwnUserOptions extends CommonOptions, PassphraseOptions {
  /** Valid and in NFC. */
  readonly name: string;
  /** Null: this machine's address and the default port. */
  readonly endpoint: Endpoint | null;
  /** Whether the row is wanted as a contact card. */
  readonly isCard: boolean;
}

function ownUserOptions(
  command: CommandForm,
  { words, common, value }: CommandLine,
  isCard: boolean,
): OwnUserOptions {
  const [name, hostText, portText, ...rest] = words;
  if (name === undefined || rest.length > 0) throw wrongWords(command, rest[0]);
  if (hostText !== undefined && portText === undefined) throw wrongWords(command);
  return {
    ...common,
    name: chosenName(name),
    isCard,
    passphraseFile: value<string>(PASSPHRASE_FILE_FLAG.name) ?? null,
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
