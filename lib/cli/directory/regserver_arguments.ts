/** The command line of `p2pchat regserver`. */

import { P2pchatError } from "../../base/errors.ts";
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
    help: `clients logged in at once, at most (${CLIENTS_MAX_DEFAULT})`,
    parse: wholeNumber(1, CLIENTS_MAX),
    default: CLIENTS_MAX_DEFAULT,
  },
  accounts: {
    name: "accounts",
    value: "WHICH",
    help:
      "required: no guests; optional (default): guests may use any free name without an account",
    ...oneOf(["required", "optional"]),
    default: "optional",
  },
  signUpsMax: {
    name: "signup-limit",
    value: "N",
    help: `sign-ups in an hour from one address, at most (${SIGN_UPS_MAX_DEFAULT})`,
    parse: wholeNumber(0, SIGN_UPS_MAX),
    default: SIGN_UPS_MAX_DEFAULT,
  },
  relays: {
    name: "no-relay",
    help: "do not relay calls between users who cannot connect directly",
  },
  broadcast: {
    name: "broadcast",
    value: "WHO",
    help: "who may send broadcasts: all (default), accounts, or the operator alone",
    ...oneOf<BroadcastPolicy>(["all", "accounts", "operator"]),
    default: "all" as const,
  },
  ttlMs: {
    name: "broadcast-ttl",
    value: "TIME",
    help: `how long a broadcast is kept for accounts that are away (${TTL_MS_DEFAULT / 60_000}m)`,
    parse: durationWithin(0, TTL_MS_MAX),
    default: TTL_MS_DEFAULT,
  },
  meetingPoint: {
    name: "meeting-point",
    help: "be a meeting point, too: members of rooms (mesh --meet) who cannot dial each other " +
      "are connected through it; it cannot read what passes",
  },
  meetingLinks: {
    name: "meeting-links",
    value: "N",
    help: `links relayed for one address at once, at most (${LINKS_DEFAULT})`,
    parse: wholeNumber(1, LINKS_MAX),
  },
  meetingRate: {
    name: "meeting-rate",
    value: "SIZE",
    help: `relayed for one address in a second, at most (${RATE_DEFAULT / 1e6}MB)`,
    parse: dataSize(RATE_MIN, RATE_MAX),
  },
  meetingRoomLinks: {
    name: "meeting-room-links",
    value: "N",
    help: `links relayed for one room at once, at most (${ROOM_LINKS_DEFAULT})`,
    parse: wholeNumber(1, LINKS_MAX),
  },
  meetingRoomRate: {
    name: "meeting-room-rate",
    value: "SIZE",
    help: `relayed for one room in a second, at most (${ROOM_RATE_DEFAULT / 1e6}MB)`,
    parse: dataSize(RATE_MIN, RATE_MAX),
  },
  metrics: metricsFlag,
} satisfies Flags;

type MeetingFlag = Extract<keyof typeof flags, `meeting${string}`>;

/** `p2pchat regserver`. */
export interface RegserverOptions
  extends CommonOptions, EngineOptions, Omit<OptionsOf<typeof flags>, "accounts" | MeetingFlag> {
  /** What a meeting point allows; null: it is none. */
  readonly meeting: MeetingLimits | null;
  /** False: only accounts may enter. */
  readonly guests: boolean;
}

export const regserverProgramCommand: CommandOf<RegserverOptions> = {
  name: "regserver",
  form: "",
  example: "p2pchat regserver",
  keeps: { folder: regserverFolder, use: "make" },
  ledTo: accountsTable,
  help:
    "the directory: accounts, who is online, calls between two, broadcasts; it cannot read calls",
  flags: [...Object.values(flags), ...ENGINE_FLAGS],
  options(line) {
    if (line.words.length > 0) throw wrongWords(regserverProgramCommand, line.words[0]);
    const {
      accounts,
      meetingPoint,
      meetingLinks,
      meetingRate,
      meetingRoomLinks,
      meetingRoomRate,
      ...options
    } = optionsOf(line, flags);
    const limits = { meetingLinks, meetingRate, meetingRoomLinks, meetingRoomRate };
    const [given] = Object.entries(limits).filter(([, limit]) => limit !== null);
    if (!meetingPoint && given !== undefined) {
      const { name } = flags[given[0] as MeetingFlag];
      throw new P2pchatError("usage", `--${name} is for a meeting point: add --meeting-point`);
    }
    const engine = engineOptions(line);
    checkMapPort({ ...options, ...engine }, { advertise: MAPPED_OR_NAMED, engine: MAPPED_ALONE });
    return {
      ...line.common,
      ...options,
      ...engine,
      guests: accounts !== "required",
      meeting: meetingPoint
        ? {
          links: meetingLinks ?? LINKS_DEFAULT,
          rate: meetingRate ?? RATE_DEFAULT,
          roomLinks: meetingRoomLinks ?? ROOM_LINKS_DEFAULT,
          roomRate: meetingRoomRate ?? ROOM_RATE_DEFAULT,
        }
        : null,
    };
  },
};
