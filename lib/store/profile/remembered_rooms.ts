/** The rooms that a profile was in, the last one first: where their members look for it, and what its user calls them. */

import type { RoomId } from "../../base/ids.ts";
import { parsePort } from "../../base/text/endpoints.ts";
import { corruptError, type Disk } from "../disk/disk.ts";
import { lineOf } from "../disk/record_line.ts";
import { Table, type TableRow } from "../disk/table.ts";

const FORMAT = { format: "mesh-last-room", version: 1 } as const;

/** A room as the profile remembers it. */
export interface RememberedRoom {
  readonly room: RoomId;
  /** The last port listened at, where the room's members dial this one. Null where there was none. */
  readonly port: number | null;
  /** The user's own title for it. */
  readonly title: string | null;
  /** The same for all that were open in one console with others when it ended; null: it was alone. */
  readonly together: string | null;
  /** Where its user is met by those who can't dial them, as `--meet` has it; null: nowhere. */
  readonly meet: string | null;
}

/** @throws {P2pchatError} `store-corrupt`, `bad-file` or `disk`. */
export async function readRememberedRooms(
  disk: Disk,
  path: string,
): Promise<readonly RememberedRoom[]> {
  return rememberedIn(path, await Table.read(disk, path, FORMAT));
}

/** Resolves when what `change` makes of them is durable. @throws {P2pchatError} As `readRememberedRooms`. */
export async function changeRememberedRooms(
  disk: Disk,
  path: string,
  change: (rooms: readonly RememberedRoom[]) => readonly RememberedRoom[],
): Promise<void> {
  const { table, rows } = await Table.open(disk, path, FORMAT);
  await table.write(change(rememberedIn(path, rows)).map(rowOf));
}

export function isRoomId(text: string): text is RoomId {
  return /^[0-9a-f]{64}$/.test(text);
}

function rowOf({ room, port, title, together, meet }: RememberedRoom): TableRow {
  const cells = [room, port === null ? "" : String(port), title ?? "", together ?? "", meet ?? ""];
  return cells.slice(0, cells.findLastIndex((cell) => cell !== "") + 1);
}

/** @throws {P2pchatError} `store-corrupt` where a row is invalid: it would be used as a path, and as an address. */
function rememberedIn(
  path: string,
  rows: readonly TableRow[] | null,
): readonly RememberedRoom[] {
  return (rows ?? []).map(([room = "", portText, title = null, together = "", meet = ""], at) => {
    const hasPort = portText !== undefined && (portText !== "" || title === null);
    const port = hasPort ? parsePort(portText) : null;
    if (!isRoomId(room) || (hasPort && port === null)) {
      throw corruptError(path, lineOf(at), "it isn't a room and a port");
    }
    return { room, port, title: title || null, together: together || null, meet: meet || null };
  });
}
