/** The rooms of a profile on disk: a folder each, and which one was the last, at which port. */

import { parsePort } from "../base/endpoints.ts";
import { P2pchatError } from "../base/errors.ts";
import { fingerprintOf } from "../base/fingerprint.ts";
import type { PeerKey, RoomId } from "../base/ids.ts";
import { foldName } from "../base/names.ts";
import { Pins } from "../protocols/mesh/pins.ts";
import type { MeshRecord } from "../protocols/mesh/records.ts";
import type { RoomStore } from "../runtime/mesh_host.ts";
import { fromLogRecord, MESH_LOG_FORMAT, toLogRecord } from "../runtime/mesh_records.ts";
import { corruptError, type Disk } from "../store/disk.ts";
import type { KnownPeers } from "../store/known_peers.ts";
import { Table, type TableRow } from "../store/table.ts";
import { lineOf, openRecords, type RecordFormat } from "./record_store.ts";

const LAST_FORMAT = { format: "mesh-last-room", version: 1 } as const;

const MESH_RECORDS: RecordFormat<MeshRecord> = {
  name: MESH_LOG_FORMAT,
  line: toLogRecord,
  record: fromLogRecord,
};

/** What every room's log begins with. */
const FOUNDING: MeshRecord["kind"] = "genesis";

export class MeshRooms {
  private constructor(
    readonly disk: Disk,
    readonly folder: string,
    readonly table: Table,
    /** The room to go back to; null where the profile was in none. */
    readonly last: RoomId | null,
    /** Where the last process listened: who was in the room looks for us there. Null where none did. */
    readonly lastPort: number | null,
    readonly notice: (text: string) => void,
  ) {}

  /** @throws {P2pchatError} `store-corrupt`, `bad-file` or `disk`. */
  static async open(
    disk: Disk,
    folder: string,
    notice: (text: string) => void,
  ): Promise<MeshRooms> {
    await disk.makeFolder(folder);
    const path = `${folder}/last`;
    const { table, rows } = await Table.open(disk, path, LAST_FORMAT);
    const { room, port } = lastOf(path, rows?.[0] ?? null);
    return new MeshRooms(disk, folder, table, room, port, notice);
  }

  /**
   * Opens a room's log; makes it where there is none, unless `resume` is set: then it must be there and begin
   * as a room does. With its first record, the room is remembered as the last, with the port we listen at: to
   * one that was never reached there is no going back.
   * Names' keys are pinned in `known_peers`, where the user may delete a line; the log keeps the whole keys.
   * @param warn Told of who is met here under a name that is known from another room with another key, and of what
   *     can't be remembered although the log has it.
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
    const log = await openRecords(this.disk, path, MESH_RECORDS);
    for (const text of log.notices) this.notice(text);
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
    /** What is stored is stored without it: that it fails is told once, and the next write tries again. */
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
          remembered = null; // the folder may have been away, and this table with it
          throw error;
        }
        await remember();
      },
      rewrite: async (all) => {
        await Promise.all([log.rewrite(all), knownPeers.settled()]); // it may take writes again, too
        await remember();
      },
      pin: ({ name, key }) => pins.note(name, key),
      close: () => log.close(),
    };
  }
}

/** @throws {P2pchatError} `store-corrupt` where nobody wrote it so: it would be a path, and an address for others. */
function lastOf(
  path: string,
  row: TableRow | null,
): { readonly room: RoomId | null; readonly port: number | null } {
  if (row === null) return { room: null, port: null };
  const [room = "", portText] = row;
  const port = portText === undefined ? null : parsePort(portText);
  if (!/^[0-9a-f]{64}$/.test(room) || (portText !== undefined && port === null)) {
    throw corruptError(path, lineOf(0), "it isn't a room and a port");
  }
  return { room: room as RoomId, port };
}

function cannotResume(because: string): P2pchatError {
  return new P2pchatError(
    "store-corrupt",
    `Cannot resume the room: ${because}; restore the file from a copy, start with --new, or join ` +
      "through a member's address",
  );
}

/**
 * Keeps a room's pins in step with `known_peers`: what the log alone has, the user has deleted there, or it was met just
 * before the program was killed. That it can't remember one it tells once.
 */
class RoomPins {
  /** Those that `known_peers` was given; what it couldn't write waits there for the next write. */
  readonly #noted = new Pins([]);
  #hasFailed = false;

  constructor(
    readonly scope: string,
    readonly knownPeers: KnownPeers,
    readonly wallMs: () => number,
    readonly warn: (text: string) => void,
  ) {}

  /** Of the log's records those that are still the user's will. */
  standing(records: readonly MeshRecord[]): readonly MeshRecord[] {
    return records.filter((record) => {
      if (record.kind !== "pin") return true;
      const { name, key } = record;
      if (this.knownPeers.check(this.scope, name, key).type !== "same") return false;
      this.#noted.set(name, key, null);
      return true;
    });
  }

  /** Resolves when `known_peers` has it, or the user was told that it can't. */
  async note(name: string, key: PeerKey): Promise<void> {
    this.#compare(name, key);
    this.#noted.set(name, key, null);
    await this.#write(name, key);
  }

  /**
   * Pins are a room's own: another Bob may be in each. Who takes them for one should know; and who knew one here of
   * whom the log has nothing, since it was lost, or the program ended before it had the pin.
   */
  #compare(name: string, key: PeerKey): void {
    if (this.#noted.get(foldName(name)) !== undefined) return;
    const before = this.knownPeers.pinOf(this.scope, name);
    const other = before ?? this.knownPeers.otherElsewhere(this.scope, name, key);
    if (other === null || other.fingerprint === fingerprintOf(key)) return;
    const others = before === null
      ? `the ${other.name} of another room has ${other.fingerprint}`
      : `it was ${other.fingerprint} since ${other.firstSeen}`;
    this.warn(
      `${name} has the key ${fingerprintOf(key)} here; ${others}: perhaps somebody else. ` +
        `/verify ${name} tells`,
    );
  }

  async #write(name: string, key: PeerKey): Promise<void> {
    try {
      await this.knownPeers.trust(this.scope, name, key, this.wallMs());
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      if (!this.#hasFailed) this.warn(error.message);
      this.#hasFailed = true;
    }
  }
}
