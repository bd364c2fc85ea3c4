/** The command line of `p2pchat peer --server`. */

import { PASSPHRASE_FILE_FLAG } from "../credentials/unsealing.ts";
import { usersFolder } from "../../store/disk/paths.ts";
import { chosenName } from "../commands/command_arguments.ts";
import {
  type CommonOptions,
  type InviteSource,
  MEMBER_PORTS,
  SERVE_PORT_DEFAULT,
} from "../args/options.ts";
import { P2pchatError } from "../../base/errors.ts";
import type { Endpoint } from "../../base/ids.ts";
import { type Fingerprint, fingerprintOf } from "../../base/text/fingerprint.ts";
import { type GroupInvite, parseGroupInvite } from "../../protocols/group/schema/group_secrets.ts";
import { type CommandOf, missing, serverAddress } from "../args/arguments.ts";
import {
  advertiseFlag,
  fileName,
  type Flags,
  historyFlag,
  hostFlag,
  listenPort,
  noWaitFlag,
  type OptionsOf,
  optionsOf,
  serverEndpoints,
  serverFlag,
} from "../args/flags.ts";
import { inviteFlags, inviteSource, takenInvite } from "../credentials/invites.ts";
import { checkNoOther, checkWordsAlone, wordsFlag } from "../words/word_flag.ts";
import { DOOR_FLAGS, doorOptions } from "../args/door_flags.ts";
import { scriptDoor, type ScriptedMode, scriptFlags } from "../args/script_flags.ts";
import type { CommonEvent } from "../rendering/user_interface.ts";
import type { MemberOwnEvent } from "./member_rendering.ts";
import type { Streams } from "../streams/streams.ts";

const flags = {
  server: serverFlag("server", "the group's coordinator", SERVE_PORT_DEFAULT),
  host: hostFlag("receive datagrams"),
  port: {
    name: "port",
    value: "N",
    help: `receive at this UDP port (${MEMBER_PORTS.first} to ${MEMBER_PORTS.last})`,
    parse: listenPort,
  },
  advertise: advertiseFlag("other members"),
  logPath: {
    name: "db",
    value: "FILE",
    help: "keep the log there from now on",
    use: "keep-log" as const,
    parse: fileName,
  },
  words: wordsFlag,
  historyCount: historyFlag,
  wait: noWaitFlag("the coordinator"),
  passphraseFile: PASSPHRASE_FILE_FLAG,
} satisfies Flags;

/** Whether an event comes without a command that asks for it: such can be waited for. */
const events = {
  ready: true,
  view: true,
  joining: true,
  left: true,
  coordinator: true,
  message: true,
  "vote-wanted": true,
  edit: true,
  "catching-up": true,
  presence: true,
  notice: true,
  error: true,
  "edit-started": false,
  log: false,
  entry: false,
  digest: false,
  members: false,
  status: false,
  whois: false,
  verify: false,
  returned: false,
  ignored: false,
  web: false,
  irc: false,
  bye: false,
} satisfies Record<MemberOwnEvent["event"] | CommonEvent["event"], boolean>;

const SCRIPTED: ScriptedMode = { mode: "group", events };

/** `p2pchat peer NAME --server HOST[:PORT]`. */
export interface MemberOptions extends CommonOptions, Omit<OptionsOf<typeof flags>, "server"> {
  /** Valid and in NFC. */
  readonly name: string;
  /** The coordinator's address. */
  readonly server: Endpoint;
  /** Those of other instances of it. */
  readonly otherServers: readonly Endpoint[];
  /** The key that the coordinator must have; `null`: the one met before, or else whoever answers first. */
  readonly serverKey: Fingerprint | null;
  /** Where an invite to a private group is. */
  readonly invite: InviteSource<GroupInvite>;
}

export const memberProgramCommand: CommandOf<MemberOptions> = {
  name: "peer",
  chosenBy: "server",
  form: "NAME --server HOST[:PORT]",
  example: "p2pchat peer Alice --server 192.168.1.5",
  keeps: { folder: usersFolder, use: "make" },
  help: "one log for all; HOST runs p2pchat serve",
  flags: [
    ...Object.values(flags),
    ...inviteFlags("private group", "; none: an open group"),
    ...scriptFlags(SCRIPTED),
    ...DOOR_FLAGS,
  ],
  async ledTo(line) {
    const { rememberedLogs } = await import("./member_place.ts");
    const logs = await rememberedLogs(memberProgramCommand.options(line));
    return logs.map((path) => ({ path, use: "keep-log" }));
  },
  options(line) {
    const [name] = line.words;
    if (name === undefined) throw missing("A name", memberProgramCommand);
    // Before what is said of other words, which may be the rest of an invite that was broken into words.
    const invite = line.value<string>("invite") === "none"
      ? { from: "none" } as const
      : inviteSource(line, parseGroupInvite);
    const address = serverAddress(line, "server", memberProgramCommand);
    const options = optionsOf(line, flags);
    checkWordsAlone(options.words, invite);
    const { first, others } = serverEndpoints(address, SERVE_PORT_DEFAULT);
    const script = scriptDoor(line, SCRIPTED, options);
    return {
      ...line.common,
      ...options,
      name: chosenName(name),
      server: first,
      otherServers: others,
      serverKey: address.key,
      invite,
      script,
      doors: doorOptions(line, script !== null),
    };
  },
};

/**
 * The options with the key of the coordinator that the invite names, and the invite; null where there is none.
 * @throws {P2pchatError} `usage`, `bad-credentials` or `bad-file`.
 */
export async function withInvite(
  options: MemberOptions,
  streams: Streams,
): Promise<{ readonly options: MemberOptions; readonly invite: GroupInvite | null }> {
  const invite = await takenInvite(options.invite, parseGroupInvite, { streams, options });
  checkNoOther(options.words, invite);
  return withCoordinatorOf(invite, options);
}

/** @throws {P2pchatError} `usage` where `--server` names another key. */
export function withCoordinatorOf(
  invite: GroupInvite | null,
  options: MemberOptions,
): { readonly options: MemberOptions; readonly invite: GroupInvite | null } {
  if (invite === null) return { options, invite };
  const { serverKey } = options;
  const key = fingerprintOf(invite.coordinator);
  if (serverKey === null || serverKey === key) {
    return { options: { ...options, serverKey: key }, invite };
  }
  throw new P2pchatError(
    "usage",
    `The invite is of a coordinator with the key ${key}, and --server has ${serverKey}; give one of them`,
  );
}
