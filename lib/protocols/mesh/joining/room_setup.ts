/** What a process needs to join a room: its admission, the room itself, and the texts for failures. */

import type { Crypto, Signer } from "../../../base/crypto/crypto.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import type { ErrorCode } from "../../../base/errors.ts";
import { distinctEndpoints, type Endpoint, endpointText, type RoomId } from "../../../base/ids.ts";
import { invariant } from "../../../base/invariant.ts";
import { foldName, shownName } from "../../../base/text/names.ts";
import { commandToType } from "../../../base/text/command_to_type.ts";
import { Admission } from "./admission.ts";
import { ADMISSION_LAN, type AdmissionPort } from "./admission_io.ts";
import { roomIdOf } from "../schema/credentials.ts";
import type { Dial } from "../links/dialling.ts";
import {
  claimAlone,
  type EarlierMembership,
  earlierMembership,
  earlierStartMs,
  freshIncarnation,
} from "./genesis.ts";
import type { DialFailureReason, MeshConfig } from "../schema/mesh_io.ts";
import type { KeptRulings } from "../authority/kept_rulings.ts";
import { KeptSecrets } from "../authority/kept_secrets.ts";
import type { MeshLink } from "../links/link_table.ts";
import type { MeshRecord } from "../schema/records.ts";
import { Room } from "../room/room.ts";
import type { RoomLinks } from "../room/room_io.ts";
import type { RoomOutput } from "../room/room_output.ts";
import type { OwnLateness } from "../roster/roster_io.ts";
import type { SignedClaim, SignedGenesis } from "../schema/structures.ts";

/** The process that joins: its configuration, key and environment. */
interface Comer {
  readonly config: MeshConfig;
  readonly signer: Signer;
  readonly environment: Environment;
}

/** A membership with which a room is entered, given by the admitting member or by ourselves. */
export interface Entry {
  readonly genesis: SignedGenesis;
  readonly claim: SignedClaim;
  /** Null in an open room. */
  readonly secrets: KeptSecrets | null;
  readonly rulings: KeptRulings;
  /** The records of this room on disk. */
  readonly records: readonly MeshRecord[];
  /** Records that aren't on disk yet, besides those that every member writes. */
  readonly fresh: readonly MeshRecord[];
  /** The lowest incarnation that the admitting member accepts; 0 where nobody was asked. */
  readonly incarnation: number;
  /** Where others can dial us; null where nobody can. */
  readonly endpoint: Endpoint | null;
  readonly founded: boolean;
}

/** The room to join. */
export interface Wanted {
  /** Null where any will do. */
  readonly room: RoomId | null;
  readonly private: boolean;
}

/**
 * Admission for this process.
 * @param earlier The membership that is resumed; null where the room isn't known yet.
 * @param entered The room that we have entered; null before.
 */
export function newAdmission(
  { config, signer, environment }: Comer,
  wanted: Wanted,
  earlier: EarlierMembership | null,
  entered: () => Room | null,
): Admission {
  const { name, advertise, passive } = config;
  return new Admission(
    {
      name,
      ...wanted,
      incarnationMin: earlier?.incarnationMin ?? 0,
      endpoint: passive ? null : { host: advertise.host ?? "", port: advertise.port },
      ownClaims: earlier?.ownClaims ?? [],
      timing: ADMISSION_LAN,
    },
    environment,
    signer,
    admissionPort(entered),
  );
}

function admissionPort(room: () => Room | null): AdmissionPort {
  const roster = () => {
    const entered = room();
    invariant(entered !== null, "asked for only in a room");
    return entered.machines.roster;
  };
  return {
    ownerOf: (folded) => room()?.machines.names.ownerOf(folded) ?? null,
    precedes: (claim) => room()?.machines.precedes(claim) ?? true,
    incarnationOf: (key) => room()?.machines.roster.incarnationOf(key) ?? 0,
    isLive: (key) => room()?.machines.roster.isLive(key) ?? false,
    isOfCopy: (beacon) => room()?.machines.roster.isOfCopy(beacon) ?? false,
    goneSince: (beacon) => room()?.machines.roster.goneSince(beacon) ?? null,
    credentialsOf: (key) => room()?.machines.roster.credentialsOf(key) ?? null,
    liveMembers: () => room()?.liveMembers ?? 0,
    isClaimKnown: (id) => room()?.machines.roster.isClaimKnown(id) ?? false,
    latestHead: () => room()?.machines.latestHead() ?? null,
    selfBeacon: () => roster().selfBeacon(),
    selfClaim: () => roster().selfClaim(),
  };
}

/** The room that `entry` leads into. */
export function newRoom(
  { config, signer, environment }: Comer,
  entry: Entry,
  own: OwnLateness,
  out: RoomOutput,
  links: RoomLinks,
): Room {
  const { genesis, claim, secrets, rulings, records, fresh, endpoint, founded } = entry;
  const { process, advertise, passive, historyShown, historyAgain = 0, forgets = false } = config;
  const { refused, verified } = config;
  const earlier = earlierMembership(environment.crypto, signer.key, records);
  const atLeast = Math.max(entry.incarnation, earlier?.incarnationMin ?? 1);
  return new Room(
    {
      room: roomIdOf(environment.crypto, genesis),
      genesis,
      secrets,
      rulings,
      records,
      fresh,
      incarnation: freshIncarnation(environment, atLeast),
      claim,
      process,
      endpoint,
      passive,
      historyShown,
      historyAgain,
      earlierMs: earlierStartMs(records),
      forgets,
      ...(refused === undefined ? {} : { refused }),
      ...(verified === undefined ? {} : { verified }),
      listening: { host: advertise.host ?? "127.0.0.1", port: advertise.port },
      own,
      founded,
    },
    signer,
    environment,
    out,
    links,
  );
}

/**
 * The claim of a member that resumes with nobody there to ask: the one by which it had this name last, or founded the
 * room, or one to which it admits itself. By `/name` a name is freed for good, but for the founder's.
 */
export function resumedClaim(
  { config, signer, environment }: Comer,
  earlier: EarlierMembership,
): SignedClaim {
  const { name } = config;
  const { room, genesis, incarnationMin: incarnation, ownClaims, held } = earlier;
  const isFounder = genesis.genesis.value.founder === signer.key;
  const before = [held, isFounder ? ownClaims[0] : null]
    .find((own) => own?.claim.value.folded === foldName(name));
  if (before) return before;
  const admitterTime = (ownClaims[0]?.claim ?? genesis.genesis).value.time;
  return claimAlone(environment, signer, { room, name, incarnation, admitterTime, after: null });
}

/** Where others can dial a member of which nobody has seen the address yet; null where it isn't known. */
export function endpointAlone({ advertise, passive }: MeshConfig): Endpoint | null {
  return passive || advertise.host === null ? null : { host: advertise.host, port: advertise.port };
}

/** The secrets of a private room that its records hold; null for an open room. */
export function keptSecrets(
  crypto: Crypto,
  genesis: SignedGenesis,
  records: readonly MeshRecord[],
  rulings: KeptRulings,
): KeptSecrets | null {
  if (!genesis.genesis.value.private) return null;
  return new KeptSecrets(roomIdOf(crypto, genesis), crypto, records, rulings);
}

/** The invite's secret, with which we join again if we are killed before a neighbour has sent us its rotations. */
export function invitedRecords({ begin }: MeshConfig): readonly MeshRecord[] {
  const secret = begin.kind === "join" ? begin.invite?.secret ?? null : null;
  return secret === null ? [] : [{ kind: "invited", secret }];
}

/** The admitting member as an entrance: it may go away before it has told us of others, and the next start asks it. */
export function entranceRecords(link: MeshLink | null, wallMs: number): readonly MeshRecord[] {
  if (link === null) return [];
  const contact = { key: link.peer, endpoint: link.remote };
  return [{ kind: "entrance", contact, heardWallMs: wallMs }];
}

/** The contacts that a newcomer asks, best first: the address that it was given, then those of its invite. */
export function contactsToJoin(
  { contact, key, invite }: Extract<MeshConfig["begin"], { readonly kind: "join" }>,
): readonly Pick<Dial, "peer" | "fingerprint" | "endpoint">[] {
  const all = [contact, ...invite?.endpoints ?? []];
  return distinctEndpoints(all).map((endpoint, index) => ({
    peer: null,
    endpoint,
    ...(index === 0 && key !== undefined ? { fingerprint: key } : {}),
  }));
}

/** Whether the user named a contact besides an invite, which must then be of the room there. */
export function isContactNamed({ begin }: MeshConfig): boolean {
  return begin.kind === "join" && begin.invite !== undefined && begin.named === true;
}

/** Why the program ends: a code and a sentence. */
export interface Ending {
  readonly code: ErrorCode;
  readonly text: string;
}

const CODES: Readonly<Record<JoinFailure["reason"], ErrorCode>> = {
  "unreachable": "unreachable",
  "timeout": "timeout",
  "refused": "unreachable",
  "self": "unreachable",
  "wrong-key": "key-changed",
  "version": "version",
  "wrong-room": "protocol",
  "full": "full",
  "too-fast": "too-fast",
  "bad-credentials": "bad-credentials",
  "protocol": "protocol",
};

const CHECK_ADDRESS = "check the address, and that a member is listening there, behind no firewall";
const TRY_AGAIN = "try again in a moment, or through another member";
const FRESH_INVITE =
  "ask a member for a fresh invite, or for an address where a member is listening";
const ADVICE: Partial<Record<ErrorCode, string>> = {
  "unreachable": CHECK_ADDRESS,
  "timeout": CHECK_ADDRESS,
  "version": "all in a room need the same version of p2pchat, the older ones should be updated",
  "key-changed": "correct the key, or ask that member for it some other way",
  "full": TRY_AGAIN,
  "too-fast": TRY_AGAIN,
};

/** A failed attempt to join. */
export interface JoinFailure {
  readonly contact: Endpoint;
  readonly reason: DialFailureReason | "self" | "too-fast";
  /** The reason that the other side or the network gave. */
  readonly text: string;
}

/** How we end when nobody admitted us; of several addresses, the answer of one that knows the room counts most. */
export function joinFailure(config: MeshConfig, all: readonly JoinFailure[]): Ending {
  // An address that is remembered may be our own by now.
  const failures = all.filter(({ reason }) => reason !== "self" || config.begin.kind === "join");
  const failure = failures.find(({ reason }) => reason === "bad-credentials") ?? failures.at(-1);
  const freshInvite = FRESH_INVITE + wayBack(config);
  if (failure === undefined) {
    const text = "Cannot come back: this profile knows no address of anybody in the room";
    return { code: "unreachable", text: `${text}; ${freshInvite}` };
  }
  if (failure.reason === "bad-credentials") return credentialsFailure(config, failure.contact);
  if (failure.reason === "wrong-room" && isContactNamed(config)) {
    return otherRoomFailure(failure.contact);
  }
  const code = CODES[failure.reason];
  if (failures.length > 1) {
    const tried = failures.map(({ contact, text }) => `${endpointText(contact)} (${text})`);
    const text = "Cannot join through any address of the invite: " +
      `${tried.join(", ")}; ${freshInvite}`;
    const isOne = failures.every(({ reason }) => CODES[reason] === code);
    return { code: isOne ? code : "unreachable", text };
  }
  if (failure.reason === "self") return metSelfFailure(config, failure.contact);
  const isInvited = config.begin.kind === "join" && config.begin.invite !== undefined;
  const advice = isInvited && ADVICE[code] === CHECK_ADDRESS
    ? freshInvite
    : ADVICE[code] ?? "ask a member for the right address";
  return {
    code,
    text: `Cannot join through ${endpointText(failure.contact)}: ${failure.text}; ${advice}`,
  };
}

function credentialsFailure({ begin }: MeshConfig, contact: Endpoint): Ending {
  const isInvited = begin.kind === "join" && (begin.invite?.secret ?? null) !== null;
  const text = isInvited
    ? "this invite has been revoked; ask a member for another (/invite shows it)"
    : "the room there is private; ask a member for its invite, and join with --invite";
  return {
    code: "bad-credentials",
    text: `Cannot join through ${endpointText(contact)}: ${text}`,
  };
}

/** The user named an address and the invite of another room than the one there. */
function otherRoomFailure(contact: Endpoint): Ending {
  return {
    code: "bad-credentials",
    text: `Cannot join through ${endpointText(contact)}: the invite is for another room than the ` +
      "one there; ask a member there for its invite, or leave out the address to join the invite's room",
  };
}

/** A process of this very profile answered at the contact's address. */
function metSelfFailure(config: MeshConfig, contact: Endpoint): Ending {
  return {
    code: "in-use",
    text: `Cannot join through ${endpointText(contact)}: a process with your own profile answers ` +
      "there; if it is in the room that you want, end it first; otherwise join through another " +
      `member${wayBack(config)}`,
  };
}

/** How somebody who was in the invite's room goes back to it where no member is there. */
function wayBack({ begin, name, data }: MeshConfig): string {
  const room = begin.kind === "join" ? begin.invite?.room : undefined;
  if (begin.kind !== "join" || room === undefined || !begin.kept?.includes(room)) return "";
  return `. You were in that room, and can go back alone: ${backTo(room, name, data)}`;
}

/** Enough to distinguish rooms, and to find a room's folder. */
const ROOM_ID_START = 8;

/** The start of a room's id, as users are told it. */
export function roomIdStart(room: RoomId): string {
  return room.slice(0, ROOM_ID_START);
}

/** The command with which this profile goes back to a room that it was in. @param data As of `commandToType`. */
export function backTo(room: RoomId, name: string, data?: string): string {
  return commandToType(`mesh ${shownName(name)} --room ${roomIdStart(room)}`, data);
}

/** Our disk knows of a removal after which the one who let us in doesn't count as a member. */
export const ENTRANCE_OUTSIDE: Ending = {
  code: "bad-credentials",
  text:
    "Cannot join there: somebody was removed from the room since that invite was made, and who has given it is out, " +
    "too; ask another member for the present invite (/invite shows it)",
};

/** We were admitted, and the admitting member went away before its welcome. */
export const ENTRANCE_LOST: Ending = {
  code: "unreachable",
  text: "Cannot join: the member that admitted us left before we had joined; try again, through " +
    "another member if it stays away",
};

/** Members that a resuming member remembers don't accept its secrets any more. */
export const SECRET_REFUSED =
  "A member that you knew doesn't let you in: the room may have another invite by now; ask a member " +
  "for it, and join with --invite";

/** The log of the room to be resumed is another file, or was cut at its beginning. */
export const NOTHING_TO_RESUME: Ending = {
  code: "store-corrupt",
  text:
    "Cannot resume the room: its log doesn't begin with the room's founding; start with --new, " +
    "or join through a member's address",
};
