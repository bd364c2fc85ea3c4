/** The command line of `p2pchat regserver`. */

import { regserverFolder } from "../../store/disk/paths.ts";
import { REGSERVER_PORT_DEFAULT } from "../args/default_ports.ts";
import type { BroadcastPolicy } from "../../protocols/directory/schema/directory_io.ts";
import {
  CLIENTS_MAX,
  CLIENTS_MAX_DEFAULT,
  SIGN_UPS_MAX_DEFAULT,
  TTL_MS_DEFAULT,
  TTL_MS_MAX,
} from "../../protocols/directory/schema/limits.ts";
import { accountsTable } from "../tools/accounts_arguments.ts";
import { type CommandLine, type ProgramCommand, wrongWords } from "../args/arguments.ts";
import {
  advertiseFlag,
  durationWithin,
  hostFlag,
  listenPort,
  oneOf,
  wholeNumber,
} from "../args/flags.ts";
import type { AdvertisedAddress, RegserverOptions } from "../args/options.ts";

/** The greatest limit of sign-ups per hour and address: more wouldn't be people. */
const SIGN_UPS_MAX = 10_000;

const words = { name: "regserver", form: "", example: "p2pchat regserver" };

export const regserverProgramCommand: ProgramCommand = {
  ...words,
  keeps: { folder: regserverFolder, use: "make" },
  ledTo: accountsTable,
  help:
    "the directory: accounts, who is online, calls between two, broadcasts; it cannot listen to calls",
  flags: [
    hostFlag("listen"),
    {
      name: "port",
      value: "N",
      help: `listen at this port, TCP and UDP (${REGSERVER_PORT_DEFAULT})`,
      parse: listenPort,
    },
    advertiseFlag("people"),
    {
      name: "max-clients",
      value: "N",
      help: `clients logged in at once, at most (${CLIENTS_MAX_DEFAULT})`,
      parse: wholeNumber(1, CLIENTS_MAX),
    },
    {
      name: "accounts",
      value: "WHICH",
      help:
        "required: no guests; optional (default): guests may use any free name without an account",
      ...oneOf(["required", "optional"]),
    },
    {
      name: "signup-limit",
      value: "N",
      help: `sign-ups in an hour from one address, at most (${SIGN_UPS_MAX_DEFAULT})`,
      parse: wholeNumber(0, SIGN_UPS_MAX),
    },
    {
      name: "no-relay",
      help: "do not relay calls between users who cannot connect directly",
    },
    {
      name: "broadcast",
      value: "WHO",
      help: "who may send broadcasts: all (default), accounts, or the operator alone",
      ...oneOf<BroadcastPolicy>(["all", "accounts", "operator"]),
    },
    {
      name: "broadcast-ttl",
      value: "TIME",
      help: `how long a broadcast is kept for accounts that are away (${TTL_MS_DEFAULT / 60_000}m)`,
      parse: durationWithin(0, TTL_MS_MAX),
    },
  ],
  prepare(line) {
    const options = regserverOptions(line);
    return async () => {
      const { runRegserver } = await import("./regserver_mode.ts");
      await runRegserver(options);
    };
  },
};

/**
 * The options of `regserver`.
 * @throws {P2pchatError} `usage`.
 */
export function regserverOptions(line: CommandLine): RegserverOptions {
  if (line.words.length > 0) throw wrongWords(words, line.words[0]);
  return {
    ...line.common,
    host: line.value<string>("host") ?? null,
    port: line.value<number>("port") ?? REGSERVER_PORT_DEFAULT,
    advertise: line.value<AdvertisedAddress>("advertise") ?? null,
    clientsMax: line.value<number>("max-clients") ?? CLIENTS_MAX_DEFAULT,
    guests: line.value<string>("accounts") !== "required",
    signUpsMax: line.value<number>("signup-limit") ?? SIGN_UPS_MAX_DEFAULT,
    relays: !line.isOn("no-relay"),
    broadcast: line.value<BroadcastPolicy>("broadcast") ?? "all",
    ttlMs: line.value<number>("broadcast-ttl") ?? TTL_MS_DEFAULT,
  };
}
