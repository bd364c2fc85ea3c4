/** A profile's rooms on disk: a folder and a lock for each, and which were the last, at which ports. */

import { P2pchatError } from "../../base/errors.ts";
import { fingerprintOf } from "../../base/text/fingerprint.ts";
import type { PeerKey, RoomId } from "../../base/ids.ts";
import { foldName, shownName } from "../../base/text/names.ts";
import { quotedStart } from "../../base/text/text.ts";
import { isSameTitle } from "../../base/text/words.ts";
import { Pins } from "../../protocols/mesh/names/pins.ts";
import { MESH_LOG, type MeshRecord } from "../../protocols/mesh/schema/records.ts";
import { roomIdStart } from "../../protocols/mesh/joining/room_setup.ts";
import type { RoomStore } from "../../runtime/hosts/mesh_host.ts";
import { type Disk, type DiskLock, folderOf, removeAll } from "../../store/disk/disk.ts";
import { HeldLock, holderOf } from "../../store/disk/held_lock.ts";
import type { KnownPeers } from "../../store/profile/known_peers.ts";
import {
  changeRememberedRooms,
  isRoomId,
  readRememberedRooms,
  type RememberedRoom,
} from "../../store/profile/remembered_rooms.ts";
import { LastSeen } from "../session/last_seen.ts";
import { openRecords } from "../session/record_store.ts";
import { lineOf } from "../../store/disk/record_line.ts";
import { isPrivateRoom } from "./room_views.ts";

/** As many as a line has place for. */
const ROOMS_TOLD_MAX = 8;
const LOCK_FILE = "lock";

/** The kind of record with which every room's log begins. */
const FOUNDING: MeshRecord["kind"] = "genesis";

/** What a console with several rooms says of them; one with a single room says nothing. */
export interface OpenTogether {
  /** A word of its own, with which the rooms that are open in it are marked. */
  mark: string | null;
  /** Where the user is. */
  current: RoomId | null;
}

/** This start of the program. */
interface Start {
  /** The lock under which the remembered rooms are changed, as other programs of the profile do that, too. */
  readonly takeTurn?: () => Promise<Pick<DiskLock, "release">>;
  /** The title to give to the room. */
  readonly title?: string | null;
  /** Where its user is to be met, as `--meet` has it; empty: nowhere any more, null: as before. */
  readonly meet?: string | null;
  readonly pid?: number;
  readonly together?: OpenTogether;
}

const ALONE: OpenTogether = { mark: null, current: null };

export class MeshRooms {
  /** Of the one room that this process is in, or about to be. */
  #lock: HeldLock | null = null;
  /** The title that others have for the room that is about to be joined. */
  readonly #adopted = new Map<RoomId, string | null>();
  /** When this profile was last in that room; null before it is open. */
  lastSeen: LastSeen | null = null;

  private constructor(
    readonly disk: Disk,
    readonly folder: string,
    readonly start: Required<Start>,
    /** The last one first. */
    readonly remembered: readonly RememberedRoom[],
    /** All that the profile was in, the last one first. */
    readonly all: readonly RoomId[],
  ) {}

  /** Changes nothing on the disk. @throws {P2pchatError} `store-corrupt`, `bad-file` or `disk`. */
  static async open(
    disk: Disk,
    folder: string,
    {
      takeTurn = () => Promise.resolve({ release: () => {} }),
      title = null,
      meet = null,
      pid = Deno.pid,
      together = ALONE,
    }: Start = {},
  ): Promise<MeshRooms> {
    const path = lastPath(folder);
    const remembered = await readRememberedRooms(disk, path);
    const known = (await disk.list(folder)).filter(isRoomId);
    const lastFirst = remembered.map(({ room }) => room).filter((room) => known.includes(room));
    const all = [...new Set([...lastFirst, ...known])];
    return new MeshRooms(disk, folder, { takeTurn, title, meet, pid, together }, remembered, all);
  }

  /** The room to resume; null where the profile was in none. */
  get last(): RoomId | null {
    return this.remembered[0]?.room ?? null;
  }

  /** The last private room; null where the profile was in none. */
  async lastPrivate(): Promise<RoomId | null> {
    for (const room of this.all) {
      if (await isPrivateRoom(this.disk, this.logOf(room))) return room;
    }
    return null;
  }

  portOf(room: RoomId): number | null {
    return this.#remembered(room)?.port ?? null;
  }

  /** The user's own meeting point when they were last in the room, as `--meet` has it. */
  meetOf(room: RoomId): string | null {
    return this.#remembered(room)?.meet ?? null;
  }

  titleOf(room: RoomId): string | null {
    return this.#remembered(room)?.title ?? this.#adopted.get(room) ?? null;
  }

  /** The one that it has, or gets, at this start. */
  titleNow(room: RoomId): string | null {
    return (this.#adopted.has(room) ? null : this.start.title) ?? this.titleOf(room);
  }

  /** Others call the room so; the title of this start is for another room then. */
  adoptTitle(room: RoomId, title: string | null): void {
    this.#adopted.set(room, title);
  }

  logOf(room: RoomId): string {
    return `${this.folder}/${room}/log`;
  }

  /** Those that were open in one console with this one, when that ended. */
  togetherWith(room: RoomId): readonly RememberedRoom[] {
    const mark = this.#remembered(room)?.together ?? null;
    if (mark === null) return [];
    return this.remembered.filter((each) =>
      each.room !== room && each.together === mark && this.all.includes(each.room)
    );
  }

  #remembered(room: RoomId): RememberedRoom | undefined {
    return this.remembered.find((each) => each.room === room);
  }

  /**
   * The room with this title, or whose id begins so.
   * @param hint What else may have been meant, at the end of the error where there is none.
   * @throws {P2pchatError} `usage` where there is none, or several.
   */
  named(wanted: string, hint = ""): RoomId {
    const found = this.all.filter((room) => {
      const title = this.titleOf(room);
      return room.startsWith(wanted.toLowerCase()) ||
        isSameTitle(title, wanted);
    });
    const [room, ...others] = found;
    if (room !== undefined && others.length === 0) return room;
    const how = room === undefined ? "None" : "More than one";
    const told = (room === undefined ? this.all : found).slice(0, ROOMS_TOLD_MAX);
    const ids = told.map((each) => roomText(each, this.titleOf(each))).join(", ");
    const rooms = told.length === 0
      ? "it was in none yet"
      : room === undefined
      ? `it was in ${ids}`
      : `give more of the id of one of these: ${ids}`;
    throw new P2pchatError(
      "usage",
      `${how} of this profile's rooms has the title ${
        quotedStart(wanted)
      }, or an id that begins so: ${rooms}${room === undefined ? hint : ""}`,
    );
  }

  /**
   * Keeps other processes of the profile out of a room until `leave`.
   * @throws {P2pchatError} `in-use` where one is in it; `disk`.
   */
  async enter(room: RoomId): Promise<void> {
    if (this.#lock !== null) return; // a process is in one room
    const folder = `${this.folder}/${room}`;
    await this.disk.makeFolder(folder);
    const { pid } = this.start;
    const path = `${folder}/${LOCK_FILE}`;
    this.#lock = await HeldLock.take(this.disk, path, pid, (lock) => {
      const which = roomText(room, this.titleOf(room));
      if (HeldLock.isHere(path, pid)) {
        const text = `You are in the room ${which} already, here: /rooms says which number it has`;
        return new P2pchatError("in-use", text);
      }
      const text = `Cannot be in the room ${which} twice: ` +
        `${
          holderOf(lock)
        } is in it as you already; go on there, found another room with --new, or open ` +
        "another one with --room";
      return new P2pchatError("in-use", text);
    });
    this.disk.hold = this.#lock;
  }

  /** Lets other processes in; also done when the room's log is closed. A second call does nothing. */
  leave(): void {
    this.#lock?.release();
  }

  /** As `enter`, for a room that is resumed. @throws {P2pchatError} `store-corrupt` where its log is missing. */
  async enterAgain(room: RoomId): Promise<void> {
    const path = this.logOf(room);
    if (await this.disk.stat(path) === null) throw cannotResume(`${path} is missing`);
    await this.enter(room);
  }

  /**
   * Opens a room's log. Creates it where there is none, unless `resume` is set: then the log must exist and begin
   * with the room's founding. The first record stored makes the room the last one, with the port listened at, so
   * that a room that was never reached isn't resumed. Names' keys are pinned in `known_peers`, where the user may
   * delete lines; the log keeps the whole keys.
   * @param warn Called for what was dropped from the log's end, for a member with a name that has another key in
   *   another room, and for what can't be pinned although the log has it.
   * @throws {P2pchatError} `store-corrupt` with file and line, `bad-file` or `disk`; `in-use` where another process of
   *   the profile is in the room.
   */
  async openRoom(
    room: RoomId,
    listening: number | null,
    knownPeers: KnownPeers,
    wallMs: () => number,
    warn: (text: string) => void,
    resume: boolean,
  ): Promise<RoomStore> {
    const path = this.logOf(room);
    await (resume ? this.enterAgain(room) : this.enter(room));
    const log = await openRecords(this.disk, path, MESH_LOG);
    for (const text of log.notices) warn(text);
    this.lastSeen = await LastSeen.open(this.disk, folderOf(path), warn);
    if (resume && !log.records.some(({ kind }) => kind === FOUNDING)) {
      await log.close();
      throw cannotResume(`line ${lineOf(0)} of ${path} isn't the room's founding`);
    }
    const pins = new RoomPins(`mesh:${room}`, knownPeers, wallMs, warn);
    const records = pins.standing(log.records);
    const entry = {
      room,
      port: listening ?? this.portOf(room),
      title: this.titleNow(room),
      meet: (this.start.meet ?? this.meetOf(room)) || null,
    };
    const [last] = this.remembered;
    const isRemembered = last?.room === room && last.port === entry.port &&
      last.title === entry.title && last.meet === entry.meet && last.together === null;
    let remembered = isRemembered ? Promise.resolve() : null;
    let isToldOf = false;
    /**
     * Remembers the room as the last. Records are stored regardless: a failure is reported once, and the next write
     * retries.
     */
    const remember = () =>
      remembered ??= this.#remember(entry).catch(
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
      close: () => log.close().finally(() => this.leave()),
    };
  }

  /** Puts the room before the others, but behind the one where the user is. */
  #remember(entry: Omit<RememberedRoom, "together">): Promise<void> {
    return this.#change((remembered) => {
      const { mark: together, current } = this.start.together;
      const others = remembered.filter(({ room }) => room !== entry.room);
      const before = others.filter(({ room }) => room === current);
      const after = others.filter(({ room }) => room !== current);
      return [...before, { ...entry, together }, ...after];
    });
  }

  /**
   * Notes which rooms are open in this console, so that the next start is in the one where the user was, and can say
   * which others there were. @throws {P2pchatError} `disk`.
   */
  noteOpen(open: readonly RoomId[]): Promise<void> {
    return this.#change((remembered) => {
      const { mark, current } = this.start.together;
      const noted = remembered.map((each) =>
        open.includes(each.room)
          ? { ...each, together: mark }
          : each.together === mark
          ? { ...each, together: null }
          : each
      );
      const first = noted.filter(({ room }) => room === current);
      return [...first, ...noted.filter(({ room }) => room !== current)];
    });
  }

  /** Removes a room in which nobody is or was but this profile, and nothing was said. @throws {P2pchatError} `disk`. */
  async forget(room: RoomId): Promise<void> {
    await this.#change((remembered) => remembered.filter((each) => each.room !== room));
    if (this.all.includes(room)) await removeAll(this.disk, `${this.folder}/${room}`);
  }

  /** Of the rooms as they are on the disk now: other processes may have come into some since. */
  async #change(change: Parameters<typeof changeRememberedRooms>[2]): Promise<void> {
    const turn = await this.start.takeTurn();
    try {
      await changeRememberedRooms(this.disk, lastPath(this.folder), change);
    } finally {
      turn.release();
    }
  }
}

function lastPath(folder: string): string {
  return `${folder}/last`;
}

/** How users are told of a room. */
export function roomText(room: RoomId, title: string | null): string {
  return title === null ? roomIdStart(room) : `${roomIdStart(room)} (${quotedStart(title)})`;
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
    if (this.knownPeers.othersVerified(name, fingerprintOf(key)).length > 0) return; // told louder
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
