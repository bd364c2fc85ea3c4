/** The program from its arguments to its exit status. */

import { P2pchatError } from "../base/errors.ts";
import { isDoneWithin } from "../runtime/within.ts";
import { SYSTEM_LINK_CLOCK } from "../transport/system_clock.ts";
import {
  addAccountCommand,
  changePasswordCommand,
  exportAccountsCommand,
  importAccountsCommand,
  listAccountsCommand,
  removeAccountsCommand,
} from "./tools/accounts_arguments.ts";
import { endingOf, terminalAt } from "./session/answers.ts";
import {
  asksForJson,
  parseCommandLine,
  type ProgramCommand,
  programCommand,
} from "./args/arguments.ts";
import {
  exportLogCommand,
  verifyLogCommand,
  verifySnapshotCommand,
} from "./tools/group_log_arguments.ts";
import { keepOnly } from "./args/least_privilege.ts";
import { flushLog, logEnding, logFault, stackOf } from "./session/log.ts";
import { meshProgramCommand } from "./mesh/mesh_arguments.ts";
import { roomsProgramCommand } from "./mesh/rooms_arguments.ts";
import { useTimeZone, ZONE_VARIABLE } from "./rendering/moments.ts";
import { outputError } from "./streams/output_queue.ts";
import { processStreams, STANDARD_ERROR, STANDARD_OUTPUT, variable } from "./streams/streams.ts";
import { endRawMode } from "./streams/terminal_mode.ts";
import { friendsProgramCommand } from "./friends/friends_arguments.ts";
import { memberProgramCommand } from "./group/member_arguments.ts";
import { registryProgramCommand } from "./directory/registry_arguments.ts";
import { regserverProgramCommand } from "./directory/regserver_arguments.ts";
import { serveProgramCommand } from "./group/serve_arguments.ts";
import { USAGE_COLUMNS, usageText } from "./args/usage.ts";
import { passphraseCommand } from "./tools/passphrase_arguments.ts";
import {
  addUserCommand,
  checkUsersCommand,
  ownCardCommand,
  ownUserCommand,
} from "./tools/users_arguments.ts";
import { VERSION } from "./session/version.ts";
import { print, writeLast } from "./streams/write_whole.ts";

/** All commands of the program: what isn't used isn't loaded. */
export const COMMANDS: readonly ProgramCommand[] = [
  programCommand(
    meshProgramCommand,
    async (options) => await (await import("./mesh/mesh_mode.ts")).runMesh(options),
  ),
  programCommand(
    roomsProgramCommand,
    async (options) => await (await import("./mesh/rooms_command.ts")).listRooms(options),
  ),
  programCommand(
    serveProgramCommand,
    async (options) => await (await import("./group/serve_mode.ts")).runServe(options),
  ),
  programCommand(
    memberProgramCommand,
    async (options) => await (await import("./group/member_mode.ts")).runMember(options),
  ),
  programCommand(
    regserverProgramCommand,
    async (options) => await (await import("./directory/regserver_mode.ts")).runRegserver(options),
  ),
  programCommand(
    registryProgramCommand,
    async (options) => await (await import("./directory/registry_mode.ts")).runRegistry(options),
  ),
  programCommand(
    friendsProgramCommand,
    async (options) => await (await import("./friends/friends_mode.ts")).runFriends(options),
  ),
  programCommand(
    verifyLogCommand,
    async (options) => await (await import("./tools/group_log_verify.ts")).verifyLog(options),
  ),
  programCommand(
    exportLogCommand,
    async (options) => await (await import("./tools/group_log_export.ts")).exportLog(options),
  ),
  programCommand(
    verifySnapshotCommand,
    async (options) => await (await import("./tools/snapshot_store.ts")).verifySnapshot(options),
  ),
  programCommand(
    checkUsersCommand,
    async (options) => await (await import("./tools/users.ts")).checkUsers(options),
  ),
  programCommand(
    addUserCommand,
    async (options) => await (await import("./tools/users.ts")).addUser(options),
  ),
  programCommand(
    ownUserCommand,
    async (options) => await (await import("./tools/users.ts")).showOwnUser(options),
  ),
  programCommand(
    ownCardCommand,
    async (options) => await (await import("./tools/users.ts")).showOwnUser(options),
  ),
  programCommand(
    passphraseCommand,
    async (options) =>
      await (await import("./tools/passphrase_command.ts")).changePassphrase(options),
  ),
  programCommand(
    listAccountsCommand,
    async (options) => await (await import("./tools/accounts_command.ts")).listAccounts(options),
  ),
  programCommand(
    addAccountCommand,
    async (options) => await (await import("./tools/accounts_command.ts")).addAccount(options),
  ),
  programCommand(
    changePasswordCommand,
    async (options) => await (await import("./tools/accounts_command.ts")).changePassword(options),
  ),
  programCommand(
    removeAccountsCommand,
    async (options) => await (await import("./tools/accounts_command.ts")).removeAccounts(options),
  ),
  programCommand(
    importAccountsCommand,
    async (options) => await (await import("./tools/accounts_import.ts")).importAccounts(options),
  ),
  programCommand(
    exportAccountsCommand,
    async (options) => await (await import("./tools/accounts_export.ts")).exportAccounts(options),
  ),
];

/** A disk that takes nothing for this long gets no more of the log. */
const LOG_FLUSH_MS_MAX = 2_000;

type Args = readonly string[];

/** Exit status of a program that was started without a command. */
const STATUS_NO_COMMAND = 2;

/** Runs the program with these arguments. @returns The exit status. Everything has been written by then. */
export async function runProgram(
  args: Args,
  commands: readonly ProgramCommand[] = COMMANDS,
): Promise<number> {
  const isJson = asksForJson(args, commands);
  const failed = Promise.withResolvers<number>();
  const fail = (error: unknown) => void reportEnding(error, args, isJson).then(failed.resolve);
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    fail(event.error);
  });
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    fail(event.reason);
  });
  try {
    return await Promise.race([execute(args, commands), failed.promise]);
  } catch (error) {
    return await reportEnding(error, args, isJson);
  } finally {
    await isDoneWithin(SYSTEM_LINK_CLOCK, LOG_FLUSH_MS_MAX, flushLog());
  }
}

async function execute(
  args: Args,
  commands: readonly ProgramCommand[],
): Promise<number> {
  const request = parseCommandLine(args, commands, variable);
  useTimeZone(variable(ZONE_VARIABLE) ?? "");
  switch (request.type) {
    case "version":
      await print(`p2pchat ${VERSION}\n`);
      return 0;
    case "help":
      await print(usageText(request.about, commands, usageColumns()));
      return request.asked ? 0 : STATUS_NO_COMMAND;
    case "run":
      keepOnly(await request.needs());
      await request.run();
      return 0;
  }
}

async function reportEnding(error: unknown, args: Args, isJson: boolean): Promise<number> {
  await endRawMode();
  if (error instanceof P2pchatError) logEnding(error);
  else {
    logFault(error);
    if (args.includes("--verbose")) await writeLast(STANDARD_ERROR, `${stackOf(error)}\n`);
  }
  const terminal = await terminalAt("stderr");
  const { status, channel, text } = endingOf(error, isJson, Date.now(), terminal);
  const failure = await writeLast(channel === "stdout" ? STANDARD_OUTPUT : STANDARD_ERROR, text);
  // A full disk takes no event; a person can still read why on stderr.
  if (channel === "stdout" && failure !== null && outputError(failure) !== null) {
    await writeLast(STANDARD_ERROR, endingOf(error, false, Date.now(), terminal).text);
  }
  return status;
}

/** A pipe has no width, and a narrow terminal would break words. */
function usageColumns(): number {
  const { stdout, size } = processStreams();
  return stdout.isTerminal ? Math.min(size().columns, USAGE_COLUMNS) : USAGE_COLUMNS;
}
