/** What a process makes on its way into a room: admission, the room itself, and the words for failures. */

import type { Signer } from "../../base/crypto.ts";
import type { Environment } from "../../base/environment.ts";
import type { ErrorCode } from "../../base/errors.ts";
import { type Endpoint, endpointText, type RoomId } from "../../base/ids.ts";
import { invariant } from "../../base/invariant.ts";
import { foldName } from "../../base/names.ts";
import { Admission } from "./admission.ts";
import { ADMISSION_LAN, type AdmissionPort } from "./admission_io.ts";
import { roomIdOf } from "./credentials.ts";
import { claimAlone, type EarlierMembership, earlierMembership } from "./genesis.ts";
import { freshIncarnation } from "./incarnation.ts";
import type { DialFailureReason, MeshConfig } from "./mesh_io.ts";
import type { MeshRecord } from "./records.ts";
import { Room } from "./room.ts";
import type { SignedClaim, SignedGenesis } from "./structures.ts";

/** Who comes in, and with what. */
export interface Comer {
  readonly config: MeshConfig;
  readonly signer: Signer;
  readonly environment: Environment;
}

/** A place in a room, as admission or we ourselves give it. */
export interface Entry {
  readonly genesis: SignedGenesis;
  readonly claim: SignedClaim;
  /** What is on disk of this room. */
  readonly records: readonly MeshRecord[];
  /** What the admitting member demands at least; 0 where nobody was asked. */
  readonly incarnation: number;
  /** Where others can dial us; null where nobody can. */
  readonly endpoint: Endpoint | null;
  readonly founded: boolean;
}

/**
 * Admission for this process.
 * @param earlier The membership that is resumed; null for who comes into a room that it doesn't know.
 * @param room The room once there is one.
 */
export function newAdmission(
  { config, signer, environment }: Comer,
  room: RoomId | null,
  earlier: EarlierMembership | null,
  entered: () => Room | null,
): Admission {
  const { name, advertise, passive } = config;
  return new Admission(
    {
      name,
      room,
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
    incarnationOf: (key) => room()?.machines.roster.incarnationOf(key) ?? 0,
    isLive: (key) => room()?.machines.roster.isLive(key) ?? false,
    entryOf: (key, nowMs) => room()?.machines.roster.entryOf(key, nowMs) ?? null,
    credentialsOf: (key) => room()?.machines.roster.credentialsOf(key) ?? null,
    liveMembers: () => room()?.liveMembers ?? 0,
    membersAt: (host) => room()?.machines.roster.membersAt(host) ?? 0,
    isClaimKnown: (id) => room()?.machines.roster.isClaimKnown(id) ?? false,
    latestHead: () => room()?.machines.latestHead() ?? null,
    selfBeacon: () => roster().selfBeacon(),
    selfClaim: () => roster().selfClaim(),
    neighbours: () => room()?.neighbours ?? [],
  };
}

/** The room that `entry` leads into. */
export function newRoom(
  { config, signer, environment }: Comer,
  entry: Entry,
  nowMs: number,
): Room {
  const { genesis, claim, records, endpoint, founded } = entry;
  const { advertise, passive, historyShown } = config;
  const earlier = earlierMembership(environment.crypto, signer.key, records);
  const atLeast = Math.max(entry.incarnation, earlier?.incarnationMin ?? 1);
  return new Room(
    {
      room: roomIdOf(environment.crypto, genesis),
      genesis,
      records,
      incarnation: freshIncarnation(environment, atLeast),
      claim,
      endpoint,
      passive,
      historyShown,
      listening: { host: advertise.host ?? "127.0.0.1", port: advertise.port },
      founded,
    },
    signer,
    environment,
    nowMs,
  );
}

/**
 * The claim of one who resumes with nobody there to ask: its own for this name, or one that it admits itself. Who
 * quit has freed the name, and somebody may have taken it since: the earlier claim holds only where a member that
 * was asked says so.
 */
export function resumedClaim(
  { config, signer, environment }: Comer,
  earlier: EarlierMembership,
): SignedClaim {
  const { name } = config;
  const { room, genesis, incarnationMin: incarnation, ownClaims, hasQuit } = earlier;
  const folded = foldName(name);
  const admitterTime = (ownClaims[0]?.claim ?? genesis.genesis).value.time;
  const own = hasQuit ? undefined : ownClaims.find(({ claim }) => claim.value.folded === folded);
  return own ??
    claimAlone(environment, signer, { room, name, incarnation, admitterTime, after: null });
}

/** Where others can dial one whom nobody has seen yet; null where it can't be said. */
export function endpointAlone({ advertise, passive }: MeshConfig): Endpoint | null {
  return passive || advertise.host === null ? null : { host: advertise.host, port: advertise.port };
}

/** Why the program ends: a code and a sentence. */
export interface Ending {
  readonly code: ErrorCode;
  readonly text: string;
}

const CODES: Readonly<Record<DialFailureReason, ErrorCode>> = {
  "unreachable": "unreachable",
  "timeout": "timeout",
  "refused": "unreachable",
  "wrong-key": "key-changed",
  "version": "version",
  "wrong-room": "protocol",
  "full": "full",
  "bad-credentials": "bad-credentials",
  "protocol": "protocol",
};

const CHECK_ADDRESS = "check the address, and that a member is listening there";
const ADVICE: Partial<Record<ErrorCode, string>> = {
  "unreachable": CHECK_ADDRESS,
  "timeout": CHECK_ADDRESS,
  "version": "all in a room need the same version of p2pchat, the older ones should be updated",
  "full": "try again in a moment, or through another member",
  "bad-credentials": "ask a member for the room's present invite",
};

/** Joining through the contact failed for this reason; `text` is what the other side or the network said. */
export function joinFailure(config: MeshConfig, reason: DialFailureReason, text: string): Ending {
  const code = CODES[reason];
  const advice = ADVICE[code] ?? "ask a member for the right address";
  return { code, text: `Cannot join through ${contactText(config)}: ${text}; ${advice}` };
}

/** A process of this very profile answered at the contact's address. */
export function metSelfFailure(config: MeshConfig): Ending {
  return {
    code: "in-use",
    text: `Cannot join through ${contactText(config)}: a process with your own profile answers ` +
      "there; end it first, or join through another member",
  };
}

/** Admitted, and the one who let us in went away before it could say so. */
export const ENTRANCE_LOST: Ending = {
  code: "unreachable",
  text: "Cannot join: the member who let us in went away in that moment; try again, through " +
    "another member if it stays away",
};

/** The log of the room to be resumed is another file, or was cut at its beginning. */
export const NOTHING_TO_RESUME: Ending = {
  code: "store-corrupt",
  text:
    "Cannot resume the room: its log doesn't begin with the room's founding; start with --new, " +
    "or join through a member's address",
};

function contactText({ begin }: MeshConfig): string {
  return begin.kind === "join" ? endpointText(begin.contact) : "the room";
}
