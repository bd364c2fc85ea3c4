/** The command line of `p2pchat regserver`. */

import { P2pchatError } from "../../base/errors.ts";
import { quotedStart } from "../../base/text/text.ts";
import { inWords } from "../../base/text/words.ts";
import { regserverFolder } from "../../store/disk/paths.ts";
import { type CommonOptions, REGSERVER_PORT_DEFAULT } from "../args/options.ts";
import type { BroadcastPolicy } from "../../protocols/directory/schema/directory_io.ts";
import {
  CLIENTS_MAX,
  CLIENTS_MAX_DEFAULT,
  SIGN_UPS_MAX_DEFAULT,
  TTL_MS_DEFAULT,
  TTL_MS_MAX,
} from "../../protocols/directory/schema/limits.ts";
import {
  LINKS_DEFAULT,
  LINKS_MAX,
  RATE_DEFAULT,
  RATE_MAX,
  RATE_MIN,
  ROOM_LINKS_DEFAULT,
  ROOM_RATE_DEFAULT,
} from "../../protocols/meeting_point/limits.ts";
import type { MeetingLimits } from "../../protocols/meeting_point/meeting_io.ts";
import { ENGINE_FLAGS, type EngineOptions, engineOptions } from "../engine/engine_flags.ts";
import { accountsTable } from "../tools/accounts_arguments.ts";
import { type CommandOf, wrongWords } from "../args/arguments.ts";
import {
  advertiseFlag,
  checkMapPort,
  dataSize,
  durationWithin,
  type Flags,
  hostFlag,
  listenPort,
  MAPPED_ALONE,
  MAPPED_OR_NAMED,
  mapPortFlag,
  metricsFlag,
  oneOf,
  type OptionsOf,
  optionsOf,
  wholeNumber,
} from "../args/flags.ts";

/** The greatest limit of sign-ups per hour and address: more wouldn't be people. */
const SIGN_UPS_MAX = 10_000;

/** What a meeting point allows, as it is given behind `--meeting-point`. */
const MEETING_LIMITS = {
  links: ["links", wholeNumber(1, LINKS_MAX)],
  rate: ["rate", dataSize(RATE_MIN, RATE_MAX)],
  "room-links": ["roomLinks", wholeNumber(1, LINKS_MAX)],
  "room-rate": ["roomRate", dataSize(RATE_MIN, RATE_MAX)],
} as const;

function meetingLimits(text: string, what: string): MeetingLimits {
  const given = (text === "" ? [] : text.split(",")).map((part) => {
    const [name = "", value = ""] = part.split("=");
    if (!Object.hasOwn(MEETING_LIMITS, name)) {
      const names = inWords(Object.keys(MEETING_LIMITS), "or");
      throw new P2pchatError("usage", `${what} has no limit ${quotedStart(name)}: ${names}`);
    }
    const [limit, parse] = MEETING_LIMITS[name as keyof typeof MEETING_LIMITS];
    return [limit, parse(value, `${what} ${name}`)] as const;
  });
  return {
    links: LINKS_DEFAULT,
    rate: RATE_DEFAULT,
    roomLinks: ROOM_LINKS_DEFAULT,
    roomRate: ROOM_RATE_DEFAULT,
    ...Object.fromEntries(given),
  };
}

const flags = {
  host: hostFlag("listen"),
  port: {
    name: "port",
    value: "N",
    help: `listen at this port, TCP and UDP (${REGSERVER_PORT_DEFAULT})`,
    parse: listenPort,
    default: REGSERVER_PORT_DEFAULT,
  },
  advertise: advertiseFlag("people"),
  mapPort: mapPortFlag,
  clientsMax: {
    name: "max-clients",
    value: "N",
    help: `users at once, at most (${CLIENTS_MAX_DEFAULT})`,
    parse: wholeNumber(1, CLIENTS_MAX),
    default: CLIENTS_MAX_DEFAULT,
  },
  accounts: {
    name: "accounts",
    value: "WHICH",
    help: "required: no guests; optional (default): guests, too",
    ...oneOf(["required", "optional"]),
    default: "optional",
  },
  signUpsMax: {
    name: "signup-limit",
    value: "N",
    help: `sign-ups in an hour from one address (${SIGN_UPS_MAX_DEFAULT})`,
    parse: wholeNumber(0, SIGN_UPS_MAX),
    default: SIGN_UPS_MAX_DEFAULT,
  },
  relays: {
    name: "no-relay",
    help: "relay no calls",
  },
  broadcast: {
    name: "broadcast",
    value: "WHO",
    help: "who may broadcast: all (default), accounts, operator",
    ...oneOf<BroadcastPolicy>(["all", "accounts", "operator"]),
    default: "all" as const,
  },
  ttlMs: {
    name: "broadcast-ttl",
    value: "TIME",
    help: `how long a broadcast waits for accounts (${TTL_MS_DEFAULT / 60_000}m)`,
    parse: durationWithin(0, TTL_MS_MAX),
    default: TTL_MS_DEFAULT,
  },
  meeting: {
    name: "meeting-point",
    value: "[LIMIT=N,...]",
    help: `be a meeting point for rooms (mesh --meet); ${
      inWords(Object.keys(MEETING_LIMITS), "and")
    }`,
    like: /=/,
    takes: "limits, such as links=64,rate=1MB",
    parse: meetingLimits,
  },
  metrics: metricsFlag,
} satisfies Flags;

/** `p2pchat regserver`. */
export interface RegserverOptions
  extends CommonOptions, EngineOptions, Omit<OptionsOf<typeof flags>, "accounts"> {
  /** False: only accounts may enter. */
  readonly guests: boolean;
}

export const regserverProgramCommand: CommandOf<RegserverOptions> = {
  name: "regserver",
  form: "",
  example: "p2pchat regserver",
  keeps: { folder: regserverFolder, use: "make" },
  ledTo: accountsTable,
  help: "the directory: accounts, calls between two, broadcasts; it can't read calls",
  flags: [...Object.values(flags), ...ENGINE_FLAGS],
  options(line) {
    if (line.words.length > 0) throw wrongWords(regserverProgramCommand, line.words[0]);
    const { accounts, ...options } = optionsOf(line, flags);
    const engine = engineOptions(line);
    checkMapPort({ ...options, ...engine }, { advertise: MAPPED_OR_NAMED, engine: MAPPED_ALONE });
    return {
      ...line.common,
      ...options,
      ...engine,
      guests: accounts !== "required",
    };
  },
};
