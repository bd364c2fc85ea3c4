/** A profile's rooms as they are listed: read from their logs, also while programs write these. */

import { nodeCrypto } from "../../base/crypto/crypto.ts";
import { P2pchatError } from "../../base/errors.ts";
import { fingerprintOf, startApart } from "../../base/text/fingerprint.ts";
import {
  type ClaimId,
  type Endpoint,
  type FoldedName,
  isSameEndpoint,
  type PeerKey,
  type RoomId,
} from "../../base/ids.ts";
import { foldName } from "../../base/text/names.ts";
import { dateText } from "../../base/text/words.ts";
import type { RecalledMessage } from "../../base/machine/mode_machine.ts";
import { KeptRulings } from "../../protocols/mesh/authority/kept_rulings.ts";
import { keptSecrets } from "../../protocols/mesh/joining/room_setup.ts";
import { claimIdOf, roomIdOf } from "../../protocols/mesh/schema/credentials.ts";
import type { RoomSecret } from "../../protocols/mesh/schema/rotations.ts";
import { Ledger } from "../../protocols/mesh/log/ledger.ts";
import type { Bundle } from "../../protocols/mesh/schema/structures.ts";
import type { HistoryMessage } from "../../protocols/mesh/schema/events.ts";
import {
  MESH_LOG,
  type MeshRecord,
  rememberedContacts,
} from "../../protocols/mesh/schema/records.ts";
import type { Disk } from "../../store/disk/disk.ts";
import { readLog } from "../../store/log/log_format.ts";
import { readRecords } from "../session/record_store.ts";

/** A room of the profile's. */
export interface RoomView {
  readonly room: RoomId;
  /** The user's own title for it. */
  readonly title: string | null;
  readonly private: boolean;
  /** The names, or else the keys, of all who have been a member as far as is known, oneself included. */
  readonly members: readonly string[];
  /** The last message to all, of somebody whom the user doesn't ignore; null where there is none. */
  readonly last: { readonly from: string; readonly text: string; readonly at: string } | null;
  /** In a console, of one that it is in. */
  readonly here?: RoomHere;
}

/** A room that the console is in. */
export interface RoomHere {
  /** For `/room N`. */
  readonly number: number;
  /** Whether what is typed goes there. */
  readonly current: boolean;
  /** How many people are there now, oneself included. */
  readonly people: number;
  /** Messages of others that came while the user was in another one. */
  readonly unseen: number;
}

/** Whoever only reads a log writes nothing. */
const NO_STREAM = { author: "" as PeerKey, incarnation: 0 };

/** Where the rooms are, and the user's titles for them. */
interface Rooms {
  readonly disk: Disk;
  readonly all: readonly RoomId[];
  logOf(room: RoomId): string;
  titleOf(room: RoomId): string | null;
}

/** A message that was found in one of the console's rooms. */
export type FoundMessage = (HistoryMessage | RecalledMessage) & {
  readonly room: string;
  readonly number: number;
  readonly title: string | null;
};

/** Of a console with several rooms; which one, the field `room` says. */
export type ConsoleEvent =
  /** Answers `search`. `rooms`: the ids of those that were looked through. */
  | {
    readonly event: "history";
    readonly messages: readonly FoundMessage[];
    readonly searched: string;
    readonly rooms: readonly string[];
  }
  /** What is typed goes to this one now. */
  | {
    readonly event: "room";
    readonly number: number;
    readonly title: string | null;
    readonly unseen: number;
  }
  /** The console isn't in this one any more. `reason`: as that of `bye`, or the code of the error before it. */
  | {
    readonly event: "parted";
    readonly number: number;
    readonly title: string | null;
    readonly reason: string;
  };

/** Whom the user ignores, by fingerprint. */
type IsIgnored = (key: string) => boolean;

/** The answer to `/rooms`, and of `p2pchat rooms --mine`. */
export interface RoomsEvent {
  readonly event: "rooms";
  readonly rooms: readonly RoomView[];
}

/**
 * All rooms that the profile was in, the last one first.
 * @param isIgnored Whose words aren't shown. @param warn Called for a room whose log can't be read, and which is left out.
 * @throws {P2pchatError} `disk`.
 */
export async function roomViews(
  rooms: Rooms,
  isIgnored: IsIgnored,
  warn: (error: P2pchatError) => void,
): Promise<readonly RoomView[]> {
  const views: RoomView[] = [];
  for (const room of rooms.all) {
    const path = rooms.logOf(room);
    if (await rooms.disk.stat(path) === null) continue;
    try {
      const records = await readRecords(rooms.disk, path, MESH_LOG);
      const view = viewOf(room, rooms.titleOf(room), records, isIgnored);
      if (view !== null) views.push(view);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      warn(error);
    }
  }
  return views;
}

/** Null where not even its founding was stored. */
function viewOf(
  room: RoomId,
  title: string | null,
  records: readonly MeshRecord[],
  isIgnored: IsIgnored,
): RoomView | null {
  const founding = records.find((record) => record.kind === "genesis");
  if (founding === undefined) return null;
  const names = new Map<PeerKey, string>();
  const claims = new Map<ClaimId, string>();
  const pins = new Map<FoldedName, PeerKey>();
  for (const record of records) {
    if (record.kind === "claim") {
      const { key, name } = record.claim.claim.value;
      names.set(key, name);
      claims.set(claimIdOf(nodeCrypto, record.claim), name);
    }
    if (record.kind === "pin") pins.set(foldName(record.name), record.key);
    if (record.kind !== "bundle" || record.bundle.texts.value.length === 0) continue;
    const { author, claim } = record.bundle.header.value;
    const name = claims.get(claim); // whoever is called as before again claims nothing anew
    if (name !== undefined) names.set(author, name);
  }
  const last = lastSaid(records, isIgnored);
  const shown = namesShown(names, pins);
  const said = last?.header.value;
  return {
    room,
    title,
    private: founding.genesis.genesis.value.private,
    members: [...names.keys()].map(shown),
    last: said === undefined ? null : {
      from: shown(said.author),
      text: last!.texts.value.at(-1)!,
      at: dateText(said.sentAt),
    },
  };
}

/**
 * The last message that `/history` shows: its order isn't that of the log, in which messages are as they came here.
 * Null where there is none but of who is ignored.
 */
export function lastSaid(records: readonly MeshRecord[], isIgnored: IsIgnored): Bundle | null {
  const ledger = new Ledger(nodeCrypto, Date.now, NO_STREAM);
  for (const record of records) ledger.restore(record);
  for (const { bundle } of ledger.kept.backwards()) {
    const { kind, author } = bundle.header.value;
    if (kind === "texts" && !isIgnored(fingerprintOf(author))) return bundle;
  }
  return null;
}

/**
 * The secrets in the log at `path`, by which a private room is recognised: the current one first. None of an open room,
 * nor where the log is damaged, which is told to whoever opens that room. @throws {P2pchatError} `disk`.
 */
export async function roomSecrets(disk: Disk, path: string): Promise<readonly RoomSecret[]> {
  try {
    const records = await readRecords(disk, path, MESH_LOG);
    const founding = records.find((record) => record.kind === "genesis");
    if (founding === undefined) return [];
    const { genesis } = founding;
    const room = { id: roomIdOf(nodeCrypto, genesis), genesis };
    const rulings = new KeptRulings(room, nodeCrypto, records);
    return keptSecrets(nodeCrypto, genesis, records, rulings)?.all() ?? [];
  } catch (error) {
    if (!(error instanceof P2pchatError) || error.code === "disk") throw error;
    return [];
  }
}

/**
 * The room in which somebody was met at one of these addresses, the last one first; null: in none whose log can be read.
 * @param self The profile's own key. @throws {P2pchatError} `disk`.
 */
export async function roomAt(
  rooms: Pick<Rooms, "disk" | "all" | "logOf">,
  addresses: readonly Endpoint[],
  self: PeerKey,
): Promise<RoomId | null> {
  for (const room of rooms.all) {
    try {
      const records = await readRecords(rooms.disk, rooms.logOf(room), MESH_LOG);
      const contacts = rememberedContacts(records, self);
      const isThere = ({ endpoint }: { readonly endpoint: Endpoint }) =>
        addresses.some((each) => isSameEndpoint(each, endpoint));
      if (contacts.some(isThere)) return room;
    } catch (error) {
      // Damage is told to whoever opens that room.
      if (!(error instanceof P2pchatError) || error.code === "disk") throw error;
    }
  }
  return null;
}

/** Whether the log at `path` is that of a private room. @throws {P2pchatError} `disk`. */
export async function isPrivateRoom(disk: Disk, path: string): Promise<boolean> {
  if (await disk.stat(path) === null) return false;
  let isPrivate = false;
  try {
    await readLog(disk, path, MESH_LOG.name, (line) => {
      if (line.kind !== "genesis") return;
      const record = MESH_LOG.record(line);
      isPrivate = record.kind === "genesis" && record.genesis.genesis.value.private;
    });
  } catch (error) {
    // Damage below the first line is told to whoever opens that room.
    if (!(error instanceof P2pchatError) || error.code === "disk") throw error;
  }
  return isPrivate;
}

/**
 * Under which name each key is shown, as in the room itself: one whose name the user knows as another's, or that somebody
 * else had first, is told apart.
 * @param names What each claims to be called, in the order in which they came. @param pins Whose names the user knows.
 */
export function namesShown(
  names: ReadonlyMap<PeerKey, string>,
  pins: ReadonlyMap<FoldedName, PeerKey>,
): (key: PeerKey) => string {
  const owners = new Map(pins);
  for (const [key, name] of names) {
    const folded = foldName(name);
    if (!owners.has(folded)) owners.set(folded, key);
  }
  return (key) => {
    const name = names.get(key);
    if (name === undefined) return fingerprintOf(key);
    const owner = owners.get(foldName(name))!;
    if (owner === key) return name;
    return `${name}~${startApart(fingerprintOf(key), new Set([owner]), fingerprintOf)}`;
  };
}
