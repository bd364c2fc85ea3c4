/**
 * What a profile keeps of a group: a folder for each coordinator's address, `group/ID/`, with what the member must
 * not forget in `state`, the group's log in `log`, unless `--db` says where else, and these choices in `place`.
 */

import { canonicalHost } from "../base/endpoints.ts";
import { type Endpoint, endpointText } from "../base/ids.ts";
import { P2pchatError } from "../base/errors.ts";
import { type Disk, folderOf, systemReason } from "../store/disk.ts";
import { pathDigest } from "../store/paths.ts";
import { Table } from "../store/table.ts";
import { realTablePath } from "./table_path.ts";

const PLACE_FORMAT = { format: "group-place", version: 1 } as const;

export interface MemberPlace {
  readonly folder: string;
  /** Where the log is. */
  readonly logPath: string;
  /** The port for datagrams of the last time: who was in the group looks for us there. Null where there is none. */
  readonly lastPort: number | null;
  /** For the next start. @throws {P2pchatError} `disk`. */
  remember(port: number): Promise<void>;
}

/**
 * The absolute path without links of the log that the user wants at `path`, where one can be kept.
 * @throws {P2pchatError} `bad-file` where there is no such folder, or it is out of reach.
 */
export async function logPathOf(disk: Disk, path: string): Promise<string> {
  const real = await realTablePath(path);
  const folder = folderOf(real);
  const refused = (why: string, wayOut: string) =>
    new P2pchatError("bad-file", `Cannot keep a log at ${path}: ${why}; ${wayOut} with --db`);
  let kind: string | null;
  try {
    await disk.stat(`${real}.lock`);
    kind = (await disk.stat(folder))?.kind ?? null;
  } catch (error) {
    if (!(error instanceof P2pchatError)) throw error;
    throw refused(systemReason(error.cause), "name another file");
  }
  if (kind === "folder") return real;
  const why = kind === null ? `there is no folder ${folder}` : `${folder} is no folder`;
  throw refused(why, "make it, or name another file");
}

/**
 * The place of the group of the coordinator at `server`.
 * @param groups The folder of all groups of the profile.
 * @param logPath Where the log is to be from now on, absolute; null: where it was.
 * @throws {P2pchatError} `store-corrupt`, `bad-file` or `disk`.
 */
export async function openPlace(
  disk: Disk,
  groups: string,
  server: Endpoint,
  logPath: string | null,
): Promise<MemberPlace> {
  const address = endpointText({ ...server, host: canonicalHost(server.host) });
  const folder = `${groups}/${pathDigest(address)}`;
  await disk.makeFolder(folder);
  const { table, rows } = await Table.open(disk, `${folder}/place`, PLACE_FORMAT);
  const kept = new Map((rows ?? []).map(([name = "", value = ""]) => [name, value]));
  // The usual place moves with the profile.
  const usual = `${folder}/log`;
  const named = logPath ?? kept.get("log") ?? "";
  const port = Number(kept.get("port") ?? "");
  return {
    folder,
    logPath: named === "" ? usual : named,
    lastPort: Number.isInteger(port) && port > 0 ? port : null,
    async remember(port) {
      const now = [["server", address], ["log", named === usual ? "" : named], [
        "port",
        String(port),
      ]];
      if (JSON.stringify(now) !== JSON.stringify(rows)) await table.write(now);
    },
  };
}
