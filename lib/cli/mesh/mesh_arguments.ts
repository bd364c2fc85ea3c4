/** The command line of `p2pchat mesh`. */

import { PASSPHRASE_FILE_FLAG } from "../credentials/unsealing.ts";
import { usersFolder } from "../../store/disk/paths.ts";
import { chosenName } from "../commands/command_arguments.ts";
import {
  type CommonOptions,
  type InviteSource,
  MESH_PORT_DEFAULT,
  type ServerAddress,
} from "../args/options.ts";
import { P2pchatError } from "../../base/errors.ts";
import type { Fingerprint } from "../../base/text/fingerprint.ts";
import { type Endpoint, endpointText } from "../../base/ids.ts";
import { TITLE_LENGTH_MAX, titleIn } from "../../protocols/mesh/discovery/announcement.ts";
import { type Invite, parseInvite } from "../../protocols/mesh/schema/rotations.ts";
import { POINT_HOST_BYTES_MAX } from "../../base/text/meeting_address.ts";
import { quotedStart, utf8Length } from "../../base/text/text.ts";
import { commandToType } from "../../base/text/command_to_type.ts";
import { type CommandOf, missing, wrongWords } from "../args/arguments.ts";
import {
  advertiseFlag,
  checkMapPort,
  endpoint,
  fingerprint,
  type Flags,
  historyFlag,
  hostFlag,
  listenPort,
  MAPPED_OR_NAMED,
  mapPortFlag,
  metricsFlag,
  noHistoryFlag,
  type OptionsOf,
  optionsOf,
  server,
} from "../args/flags.ts";
import { fileFlags, filesNeeded } from "../files/file_arguments.ts";
import { DOOR_FLAGS, doorOptions } from "../args/door_flags.ts";
import { scriptDoor, type ScriptedMode, scriptFlags } from "../args/script_flags.ts";
import type { CommonEvent } from "../rendering/user_interface.ts";
import type { MeshOwnEvent } from "./mesh_rendering.ts";
import { INVITE_VARIABLE, inviteFlags, inviteSource, takenInvite } from "../credentials/invites.ts";
import { checkNoOther, checkWordsAlone, wordsFlag } from "../words/word_flag.ts";
import type { Streams } from "../streams/streams.ts";

/** Default number of earlier messages shown on joining: a screen or two. */
export const JOINING_HISTORY_DEFAULT = 100;

/** As `--meet`: the room's meeting point is forgotten. */
const NO_MEETING_POINT = "none";

const flags = {
  host: hostFlag("listen"),
  port: {
    name: "port",
    value: "N",
    help: `listen at this port (${MESH_PORT_DEFAULT}, or any free one)`,
    parse: listenPort,
  },
  advertise: advertiseFlag("others"),
  mapPort: mapPortFlag,
  historyCount: historyFlag,
  keepsWords: noHistoryFlag,
  contactKey: {
    name: "key",
    value: "FINGERPRINT",
    help: "join only if the member at HOST PORT has this key",
    parse: fingerprint,
  },
  foundNew: { name: "new", help: "create another room instead of going back to the last one" },
  foundPrivate: {
    name: "private",
    help: "the last private room, or a new one: by invite only",
  },
  room: {
    name: "room",
    value: "TITLE|ID",
    isText: true,
    help: "go back to this room of yours",
    parse: (text) => text,
  },
  title: {
    name: "title",
    value: "TEXT",
    isText: true,
    help:
      "your own title for the room, for --room and /rooms; with --lan the one to join, or to found",
    parse: roomTitle,
  },
  words: wordsFlag,
  lan: {
    name: "lan",
    help: "join this network's room, or announce a new one",
  },
  passive: {
    name: "passive",
    help: "accept no connections; nobody joins through you",
  },
  meet: {
    name: "meet",
    value: "HOST[:PORT]",
    help: "reach others through that meeting point; none: no more",
    parse: (text, what) => text === NO_MEETING_POINT ? NO_MEETING_POINT : meetingPoint(text, what),
  },
  metrics: metricsFlag,
  ...fileFlags,
  passphraseFile: PASSPHRASE_FILE_FLAG,
} satisfies Flags;

/** Whether an event comes without a command that asks for it: such can be waited for. */
const events = {
  ready: true,
  joined: true,
  left: true,
  removed: true,
  allowed: true,
  presence: true,
  renamed: true,
  message: true,
  offer: true,
  transfer: true,
  "meeting-point": true,
  "code-used": true,
  notice: true,
  error: true,
  delivery: false,
  invite: false,
  words: false,
  peers: false,
  history: false,
  status: false,
  whois: false,
  verify: false,
  rooms: false,
  room: false,
  parted: false,
  returned: false,
  files: false,
  dropped: false,
  ignored: false,
  web: false,
  irc: false,
  bye: false,
} satisfies Record<MeshOwnEvent["event"] | CommonEvent["event"], boolean>;

const SCRIPTED: ScriptedMode = { mode: "mesh", events };

/** `p2pchat mesh NAME [HOST PORT]`. */
export interface MeshOptions extends CommonOptions, Omit<OptionsOf<typeof flags>, "meet"> {
  /** The user's own meeting point; null where none is given. */
  readonly meet: ServerAddress | null;
  /** Whether the one is forgotten that the room had the last time. */
  readonly forgetsMeet: boolean;
  /** Valid and in NFC. */
  readonly name: string;
  /** The member to join through; `null`: those in the invite, otherwise resume the last room, or found one. */
  readonly contact: Endpoint | null;
  /** Where an invite to a room is, with addresses of members. */
  readonly invite: InviteSource<Invite>;
}

export const meshProgramCommand: CommandOf<MeshOptions> = {
  name: "mesh",
  form: "NAME [HOST PORT]",
  example: `p2pchat mesh Bob localhost ${MESH_PORT_DEFAULT}`,
  keeps: { folder: usersFolder, use: "make" },
  ledTo: filesNeeded,
  help: "a room without a server: create one, or join through any member",
  flags: [...Object.values(flags), ...inviteFlags("room"), ...scriptFlags(SCRIPTED), ...DOOR_FLAGS],
  options(line) {
    const [name, ...address] = line.words;
    if (name === undefined) throw missing("A name", meshProgramCommand);
    // Before what is said of other words: the rest of an invite that was broken into words may follow NAME, or precede it.
    const invite = inviteSource(line, parseInvite);
    if (address.length > 2) throw wrongWords(meshProgramCommand, address[2]);
    const parsedName = chosenName(name);
    const options = optionsOf(line, flags);
    checkMapPort(options, {
      advertise: MAPPED_OR_NAMED,
      passive: "lets others reach you, and --passive keeps them out: give one of them",
    });
    const { contact, contactKey } = contactOf(
      parsedName,
      address,
      options.contactKey,
      line.common.data,
    );
    const founding = foundingFlag(options);
    if (options.room !== null) checkAlone(options.room, founding, contact, options.words, invite);
    if (founding !== null && contact !== null) throw bothWays(founding, endpointText(contact));
    checkWordsAlone(options.words, invite);
    const inviting = options.words === null ? inviteFlag(invite) : "--words";
    if (founding !== null && inviting !== null) throw bothWays(founding, inviting);
    if (invite.from === "argument") checkJoining(contact, invite.invite, options.lan);
    const script = scriptDoor(line, SCRIPTED, options);
    // To a script's first call what was said before isn't news.
    const historyCount = script === null ? options.historyCount : 0;
    const forgetsMeet = options.meet === NO_MEETING_POINT;
    const meet = options.meet === NO_MEETING_POINT ? null : options.meet;
    const doors = doorOptions(line, script !== null);
    const chosen = { ...options, meet, forgetsMeet, historyCount, script, doors };
    return { ...line.common, ...chosen, name: parsedName, contact, contactKey, invite };
  },
};

/** A meeting point as `--meet` has it, nearly as the user typed it. */
export function meetingPointText({ host, port, key }: ServerAddress): string {
  const at = port === null ? host : endpointText({ host, port });
  return key === null ? at : `${at}#${key}`;
}

/** @param what What the text is, for the error. @throws {P2pchatError} `usage`. */
export function meetingPoint(text: string, what: string): ServerAddress {
  const address = server(text, what);
  const isOne = address.others.length === 0;
  if (isOne && utf8Length(address.host) <= POINT_HOST_BYTES_MAX) return address;
  const form = isOne
    ? `has a host of up to ${POINT_HOST_BYTES_MAX} bytes`
    : "names one meeting point";
  throw new P2pchatError("usage", `${what} ${form}, not ${quotedStart(text)}`);
}

function foundingFlag(
  { foundNew, foundPrivate }: Pick<MeshOptions, "foundNew" | "foundPrivate">,
): string | null {
  return foundNew ? "--new" : foundPrivate ? "--private" : null;
}

function bothWays(founding: string, joining: string): P2pchatError {
  return new P2pchatError(
    "usage",
    `${founding} creates a room, and ${joining} joins one: start one, or join one`,
  );
}

function roomTitle(text: string, what: string): string {
  const title = titleIn(text);
  if (title !== null) return title;
  throw new P2pchatError(
    "usage",
    `${what} must have 1 to ${TITLE_LENGTH_MAX} visible characters; is ${quotedStart(text)}`,
  );
}

/** `--room` says all: which room it is, and through whom. */
function checkAlone(
  room: string,
  founding: string | null,
  contact: Endpoint | null,
  words: string | null,
  invite: InviteSource<Invite>,
): void {
  const leading = words === null ? inviteFlag(invite) : "--words";
  const other = founding ?? (contact !== null ? endpointText(contact) : leading);
  if (other === null) return;
  const text = `--room ${
    quotedStart(room)
  } goes back to a room, and ${other} leads to one: give one of them`;
  throw new P2pchatError("usage", text);
}

/** The flag that gives the invite; null where the variable may. */
function inviteFlag({ from }: InviteSource<Invite>): string | null {
  if (from === "environment") return null;
  return from === "file" ? "--invite-file" : "--invite";
}

function checkJoining(contact: Endpoint | null, invite: Invite, isFound: boolean): void {
  if (isFound || contact !== null || invite.endpoints.length > 0) return;
  throw new P2pchatError("usage", "The invite names no address; add one: HOST PORT");
}

/**
 * The invite with which a member joins; null where there is none.
 * @throws {P2pchatError} `usage`, `bad-credentials` or `bad-file`.
 */
export async function joiningInvite(
  options: MeshOptions,
  streams: Streams,
): Promise<Invite | null> {
  const { contact, room } = options;
  const invite = await takenInvite(options.invite, parseInvite, { streams, options });
  checkNoOther(options.words, invite);
  if (invite === null) return null;
  if (room !== null) return null; // the variable may be set for other starts
  const founding = foundingFlag(options);
  if (founding !== null) throw bothWays(founding, `the invite in ${INVITE_VARIABLE}`);
  checkJoining(contact, invite, options.lan);
  return invite;
}

/** `HOST PORT`, or `HOST:PORT` in one word, which may name the key; null where neither is given. */
function contactOf(
  name: string,
  [hostText, portText]: readonly string[],
  flagKey: Fingerprint | null,
  data?: string,
): Pick<MeshOptions, "contact" | "contactKey"> {
  if (hostText === undefined) {
    if (flagKey === null) return { contact: null, contactKey: null };
    const fault = "--key is that of the member at HOST PORT, which is missing";
    throw new P2pchatError("usage", `${fault}. ${wrongWords(meshProgramCommand).message}`);
  }
  if (portText !== undefined) {
    return { contact: endpoint(hostText, portText), contactKey: flagKey };
  }
  const { host, port, key } = server(hostText, "HOST");
  if (port === null) {
    throw new P2pchatError(
      "usage",
      `The port is missing after ${host}: ${
        commandToType(`mesh ${name} ${host} ${MESH_PORT_DEFAULT}`, data)
      }, unless ` +
        "the first line of the member there says another port",
    );
  }
  if (key !== null && flagKey !== null && key !== flagKey) {
    throw new P2pchatError("usage", `--key is ${flagKey}, and HOST has ${key}; give one of them`);
  }
  return { contact: { host, port }, contactKey: flagKey ?? key };
}
