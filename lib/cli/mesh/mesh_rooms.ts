/** A profile's rooms on disk: a folder for each, and which room was the last, at which port. */

import { parsePort } from "../../base/text/endpoints.ts";
import { P2pchatError } from "../../base/errors.ts";
import { fingerprintOf } from "../../base/text/fingerprint.ts";
import type { PeerKey, RoomId } from "../../base/ids.ts";
import { foldName, shownName } from "../../base/text/names.ts";
import { Pins } from "../../protocols/mesh/names/pins.ts";
import { MESH_LOG, type MeshRecord } from "../../protocols/mesh/schema/records.ts";
import { roomIdStart } from "../../protocols/mesh/joining/room_setup.ts";
import type { RoomStore } from "../../runtime/hosts/mesh_host.ts";
import { corruptError, type Disk } from "../../store/disk/disk.ts";
import type { KnownPeers } from "../../store/profile/known_peers.ts";
import { Table, type TableRow } from "../../store/disk/table.ts";
import { lineOf, openRecords } from "../session/record_store.ts";

/** As many as a line has place for. */
const ROOMS_TOLD_MAX = 8;
const LAST_FORMAT = { format: "mesh-last-room", version: 1 } as const;

/** The kind of record with which every room's log begins. */
const FOUNDING: MeshRecord["kind"] = "genesis";

export class MeshRooms {
  private constructor(
    readonly disk: Disk,
    readonly folder: string,
    readonly table: Table,
    /** The room to resume; null where the profile was in none. */
    readonly last: RoomId | null,
    /** The last port listened at, where the room's members dial this one. Null where there was none. */
    readonly lastPort: number | null,
    /** All that the profile was in, by id. */
    readonly all: readonly RoomId[],
  ) {}

  /** @throws {P2pchatError} `store-corrupt`, `bad-file` or `disk`. */
  static async open(disk: Disk, folder: string): Promise<MeshRooms> {
    await disk.makeFolder(folder);
    const path = `${folder}/last`;
    const { table, rows } = await Table.open(disk, path, LAST_FORMAT);
    const { room, port } = lastOf(path, rows?.[0] ?? null);
    const all = (await disk.list(folder)).filter(isRoomId);
    return new MeshRooms(disk, folder, table, room, port, all);
  }

  /** The room whose id begins like this. @throws {P2pchatError} `usage` where none does, or several. */
  named(start: string): RoomId {
    const [room, ...others] = this.all.filter((id) => id.startsWith(start));
    if (room !== undefined && others.length === 0) return room;
    const how = room === undefined ? "None" : "More than one";
    const ids = this.all.map(roomIdStart).slice(0, ROOMS_TOLD_MAX).join(", ");
    const rooms = ids === "" ? "it was in none yet" : `it was in ${ids}`;
    throw new P2pchatError(
      "usage",
      `${how} of this profile's rooms begins with ${start}: ${rooms}`,
    );
  }

  /**
   * Opens a room's log. Creates it where there is none, unless `resume` is set: then the log must exist and begin
   * with the room's founding. The first record stored makes the room the last one, with the port listened at, so
   * that a room that was never reached isn't resumed. Names' keys are pinned in `known_peers`, where the user may
   * delete lines; the log keeps the whole keys.
   * @param warn Called for what was dropped from the log's end, for a member with a name that has another key in
   *   another room, and for what can't be pinned although the log has it.
   * @throws {P2pchatError} `store-corrupt` with file and line, `bad-file` or `disk`.
   */
  async openRoom(
    room: RoomId,
    listening: number | null,
    knownPeers: KnownPeers,
    wallMs: () => number,
    warn: (text: string) => void,
    resume: boolean,
  ): Promise<RoomStore> {
    const folder = `${this.folder}/${room}`;
    const path = `${folder}/log`;
    if (resume && await this.disk.stat(path) === null) throw cannotResume(`${path} is missing`);
    await this.disk.makeFolder(folder);
    const log = await openRecords(this.disk, path, MESH_LOG);
    for (const text of log.notices) warn(text);
    if (resume && !log.records.some(({ kind }) => kind === FOUNDING)) {
      await log.close();
      throw cannotResume(`line ${lineOf(0)} of ${path} isn't the room's founding`);
    }
    const pins = new RoomPins(`mesh:${room}`, knownPeers, wallMs, warn);
    const records = pins.standing(log.records);
    const port = listening ?? this.lastPort;
    const isRemembered = this.last === room && this.lastPort === port;
    let remembered = isRemembered ? Promise.resolve() : null;
    let isToldOf = false;
    /**
     * Remembers the room as the last. Records are stored regardless: a failure is reported once, and the next write
     * retries.
     */
    const remember = () =>
      remembered ??= this.table.write([port === null ? [room] : [room, String(port)]]).catch(
        (error) => {
          if (!(error instanceof P2pchatError)) throw error;
          remembered = null;
          if (!isToldOf) warn(error.message);
          isToldOf = true;
        },
      );
    return {
      records,
      get bytes() {
        return log.bytes;
      },
      append: async (fresh, sync) => {
        try {
          await log.append(fresh, sync);
        } catch (error) {
          remembered = null; // the folder may have been removed, and this table with it
          throw error;
        }
        await remember();
      },
      rewrite: async (all) => {
        await Promise.all([log.rewrite(all), knownPeers.settled()]); // writing pins may succeed again, too
        await remember();
      },
      pin: ({ name, key, again }) => pins.note(name, key, again),
      close: () => log.close(),
    };
  }
}

/** @throws {P2pchatError} `store-corrupt` where the row is invalid: it would be used as a path, and as an address. */
function lastOf(
  path: string,
  row: TableRow | null,
): { readonly room: RoomId | null; readonly port: number | null } {
  if (row === null) return { room: null, port: null };
  const [room = "", portText] = row;
  const port = portText === undefined ? null : parsePort(portText);
  if (!isRoomId(room) || (portText !== undefined && port === null)) {
    throw corruptError(path, lineOf(0), "it isn't a room and a port");
  }
  return { room, port };
}

function isRoomId(text: string): text is RoomId {
  return /^[0-9a-f]{64}$/.test(text);
}

function cannotResume(because: string): P2pchatError {
  return new P2pchatError(
    "store-corrupt",
    `Cannot resume the room: ${because}; restore the file from a copy, start with --new, or join ` +
      "through a member's address",
  );
}

/**
 * Keeps a room's pins consistent with `known_peers`. A pin that only the log has was deleted by the user, or was
 * new when the program was killed. A failure to write pins is reported once.
 */
class RoomPins {
  /** Pins passed to `known_peers`; those it couldn't write are written with its next write. */
  readonly #noted = new Pins([]);
  #hasFailed = false;

  constructor(
    readonly scope: string,
    readonly knownPeers: KnownPeers,
    readonly wallMs: () => number,
    readonly warn: (text: string) => void,
  ) {}

  /** The log's records without the pins that the user has deleted. */
  standing(records: readonly MeshRecord[]): readonly MeshRecord[] {
    return records.filter((record) => {
      if (record.kind !== "pin") return true;
      const { name, key } = record;
      if (this.knownPeers.check(this.scope, name, key).type !== "same") return false;
      this.#noted.set(name, key, null);
      return true;
    });
  }

  /** Resolves when `known_peers` has the pin, or the user was told that it can't be written. */
  async note(name: string, key: PeerKey, isAsked: boolean): Promise<void> {
    this.#compare(name, key);
    this.#noted.set(name, key, null);
    await this.#write(name, key, isAsked);
  }

  /**
   * Warns where the name has another key in another room, as pins hold for one room: each may have a different Bob.
   * Also where it had another key in this room that the log lacks, because the log was lost, or the program ended
   * before storing the pin.
   */
  #compare(name: string, key: PeerKey): void {
    if (this.#noted.get(foldName(name)) !== undefined) return;
    const before = this.knownPeers.pinOf(this.scope, name);
    const other = before ?? this.knownPeers.otherElsewhere(this.scope, name, key);
    if (other === null || other.fingerprint === fingerprintOf(key)) return;
    const others = before === null
      ? `the ${shownName(other.name)} of another room has ${other.fingerprint}`
      : `it was ${other.fingerprint} since ${other.firstSeen}`;
    const shown = shownName(name);
    this.warn(
      `${shown} has the key ${fingerprintOf(key)} here; ${others}: perhaps somebody else. ` +
        `/verify ${shown} tells`,
    );
  }

  async #write(name: string, key: PeerKey, isAsked: boolean): Promise<void> {
    try {
      await this.knownPeers.trust(this.scope, name, key, this.wallMs(), isAsked);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      if (!this.#hasFailed) this.warn(error.message);
      this.#hasFailed = true;
    }
  }
}
