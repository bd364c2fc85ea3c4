/** The command line of `p2pchat peer --server`. */

import { usersFolder } from "../../store/disk/paths.ts";
import { chosenName } from "../commands/command_arguments.ts";
import { MEMBER_PORTS, SERVE_PORT_DEFAULT } from "../args/default_ports.ts";
import { P2pchatError } from "../../base/errors.ts";
import { fingerprintOf } from "../../base/text/fingerprint.ts";
import { type GroupInvite, parseGroupInvite } from "../../protocols/group/schema/group_secrets.ts";
import {
  type CommandLine,
  type ProgramCommand,
  serverAddress,
  wrongWords,
} from "../args/arguments.ts";
import {
  advertiseFlag,
  fileName,
  hostFlag,
  listenPort,
  server,
  SERVER_FORM,
} from "../args/flags.ts";
import type { AdvertisedAddress, MemberOptions } from "../args/options.ts";
import { inviteFlags, inviteSource, takenInvite } from "../credentials/invites.ts";
import { processStreams, type Streams } from "../streams/streams.ts";

const words = {
  name: "peer",
  chosenBy: "server",
  form: "NAME --server HOST[:PORT]",
  example: "p2pchat peer Alice --server 192.168.1.5",
};

export const memberProgramCommand: ProgramCommand = {
  ...words,
  keeps: { folder: usersFolder, use: "make" },
  help: "a group whose members all hold the same log, in one order; HOST runs p2pchat serve",
  flags: [
    {
      name: "server",
      value: SERVER_FORM,
      help: `where the group's coordinator listens (port ${SERVE_PORT_DEFAULT}), and its key`,
      parse: server,
    },
    ...inviteFlags("private group"),
    hostFlag("receive datagrams"),
    {
      name: "port",
      value: "N",
      help:
        `receive datagrams at this UDP port (the one used last time, or else the first free one from ` +
        `${MEMBER_PORTS.first} to ${MEMBER_PORTS.last})`,
      parse: listenPort,
    },
    advertiseFlag("other members"),
    {
      name: "db",
      value: "FILE",
      help: "keep the log there, from now on (below the profile)",
      use: "keep-log",
      parse: fileName,
    },
    { name: "no-wait", help: "end if the coordinator doesn't answer at the start" },
  ],
  async ledTo(line) {
    const { rememberedLogs } = await import("./member_place.ts");
    const logs = await rememberedLogs(memberOptions(line));
    return logs.map((path) => ({ path, use: "keep-log" }));
  },
  prepare(line) {
    const given = memberOptions(line);
    return async () => {
      const { runMember } = await import("./member_mode.ts");
      const { options, invite } = await withInvite(given, processStreams());
      await runMember(options, invite);
    };
  },
};

/**
 * The options of `peer --server`.
 * @throws {P2pchatError} `usage` or `bad-name`.
 */
export function memberOptions(line: CommandLine): MemberOptions {
  const [name] = line.words;
  if (name === undefined) {
    throw new P2pchatError("usage", `A name is missing. ${wrongWords(words).message}`);
  }
  // Before what is said of other words, which may be the rest of an invite that was broken into words.
  const invite = inviteSource(line, parseGroupInvite);
  const { host, port, key } = serverAddress(line, "server", words);
  return {
    ...line.common,
    name: chosenName(name),
    server: { host, port: port ?? SERVE_PORT_DEFAULT },
    serverKey: key,
    invite,
    host: line.value<string>("host") ?? null,
    port: line.value<number>("port") ?? null,
    advertise: line.value<AdvertisedAddress>("advertise") ?? null,
    logPath: line.value<string>("db") ?? null,
    wait: !line.isOn("no-wait"),
  };
}

/**
 * The options with the key of the coordinator that the invite names, and the invite; null where there is none.
 * @throws {P2pchatError} `usage`, `bad-credentials` or `bad-file`.
 */
async function withInvite(
  options: MemberOptions,
  streams: Streams,
): Promise<{ readonly options: MemberOptions; readonly invite: GroupInvite | null }> {
  const invite = await takenInvite(options.invite, parseGroupInvite, { streams, options });
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
