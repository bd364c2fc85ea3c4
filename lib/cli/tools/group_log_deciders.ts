/** The keys that may decide on edits of a group, and sign its views, as far as the user or the user's own files tell. */

import { resolve } from "node:path";
import { P2pchatError } from "../../base/errors.ts";
import type { Hash, PeerKey } from "../../base/ids.ts";
import type { LogRecord } from "../../base/schema/log_records.ts";
import { type Fingerprint, fingerprintOf } from "../../base/text/fingerprint.ts";
import {
  COORDINATOR_STATE_LOG,
  MEMBER_STATE_LOG,
  type MemberState,
} from "../../protocols/group/schema/records.ts";
import { type Disk, folderOf } from "../../store/disk/disk.ts";
import type { FileFormat } from "../../store/disk/format_header.ts";
import { STATE_FILE } from "../../store/disk/paths.ts";
import { readLog } from "../../store/log/log_format.ts";
import type { CheckedLogOptions } from "./group_log_arguments.ts";

export interface Deciders {
  /** The group in question; null: any group. */
  readonly group: Hash | null;
  readonly keys: ReadonlySet<Fingerprint>;
}

/** Those that the user has named, or that the user's own files do; null where there are neither. */
export async function decidersFor(
  disk: Disk,
  { keys, file, dataFolder }: CheckedLogOptions,
): Promise<Deciders | null> {
  if (keys !== null) return { group: null, keys: new Set(keys) };
  return await decidersBeside(disk, file, dataFolder);
}

/**
 * The deciders that the state file beside a log names; null where there is no readable state, or the log isn't below the
 * user's data folder: whoever handed it over may have written the state as well. Only reads, so a program may be using
 * the files.
 */
export async function decidersBeside(
  disk: Disk,
  log: string,
  dataFolder: string,
): Promise<Deciders | null> {
  if (!resolve(log).startsWith(`${resolve(dataFolder)}/`)) return null;
  const path = `${folderOf(log)}/${STATE_FILE}`;
  return await readState(disk, path, MEMBER_STATE_LOG.name, new MemberDeciders()) ??
    await readState(disk, path, COORDINATOR_STATE_LOG.name, new CoordinatorDeciders());
}

interface Reader {
  readonly found: { readonly group: Hash; readonly keys: readonly PeerKey[] } | null;
  visit(record: LogRecord): void;
}

/** The deciders that a member's state names, as it was read; null where the member is in no group. */
export function decidersIn(records: Iterable<MemberState>): Deciders | null {
  const reader = new MemberDeciders();
  for (const record of records) reader.add(record);
  return decidersOf(reader);
}

class MemberDeciders implements Reader {
  found: Reader["found"] = null;

  visit(line: LogRecord): void {
    if (line.kind !== "group" && line.kind !== "former") return;
    const record = MEMBER_STATE_LOG.record(line);
    if (record.kind === "group" || record.kind === "former") this.add(record);
  }

  add(record: MemberState): void {
    if (record.kind === "group") {
      const { group, coordinator } = record;
      const isSame = this.found?.group === group && this.found.keys[0] === coordinator;
      if (!isSame) this.found = { group, keys: [coordinator] };
    } else if (record.kind === "former" && this.found !== null) {
      const { group, keys: [coordinator] } = this.found;
      this.found = { group, keys: [coordinator!, ...record.signed.former.value.keys] };
    }
  }
}

class CoordinatorDeciders implements Reader {
  #group: Hash | null = null;
  readonly #keys: PeerKey[] = [];

  /** Null for a state from before keys were recorded. */
  get found(): Reader["found"] {
    const [group, keys] = [this.#group, this.#keys];
    return group === null || keys.length === 0 ? null : { group, keys };
  }

  visit(line: LogRecord): void {
    if (line.kind !== "group" && line.kind !== "key") return;
    const record = COORDINATOR_STATE_LOG.record(line);
    if (record.kind === "group") this.#group = record.group;
    else if (record.kind === "key") this.#keys.push(record.key);
  }
}

async function readState(
  disk: Disk,
  path: string,
  format: FileFormat,
  reader: Reader,
): Promise<Deciders | null> {
  try {
    await readLog(disk, path, format, (record) => reader.visit(record));
  } catch (error) {
    if (error instanceof P2pchatError) return null; // there is none, or a different or damaged file
    throw error;
  }
  return decidersOf(reader);
}

function decidersOf({ found }: Pick<Reader, "found">): Deciders | null {
  return found && { group: found.group, keys: new Set(found.keys.map(fingerprintOf)) };
}

/** Whether these keys are those of that group. */
export function isOf(deciders: Deciders | null, group: Hash): deciders is Deciders {
  return deciders !== null && (deciders.group === null || deciders.group === group);
}
