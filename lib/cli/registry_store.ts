/**
 * A profile's stored data of directories: the broadcasts received, in `log`. As each directory's store has a unique
 * id, one file has those of all directories.
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
 * Opens the stored data of directories; creates it where there is none.
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
