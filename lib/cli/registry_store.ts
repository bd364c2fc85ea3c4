/**
 * What a profile keeps on disk of the directories that it was in: what was told to all there, in `log`. Each directory's
 * store has an id of its own, so one file has them all.
 */

import type { ClientRecord } from "../protocols/directory/client_records.ts";
import { CLIENT_LOG_FORMAT, clientLine, clientRecord } from "../runtime/client_records.ts";
import type { Disk } from "../store/disk.ts";
import { type OpenedRecords, openRecords, type RecordFormat } from "./record_store.ts";

const CLIENT_RECORDS: RecordFormat<ClientRecord> = {
  name: CLIENT_LOG_FORMAT,
  line: clientLine,
  record: clientRecord,
};

/**
 * Opens what is kept of directories; makes it where there is nothing.
 * @param folder `registry` in the profile.
 * @throws {P2pchatError} `store-corrupt` with file and line, or `disk`.
 */
export async function openRegistry(
  disk: Disk,
  folder: string,
): Promise<OpenedRecords<ClientRecord>> {
  await disk.makeFolder(folder);
  return await openRecords(disk, `${folder}/log`, CLIENT_RECORDS);
}
