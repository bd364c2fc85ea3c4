/** Accounts beside a directory that has its accounts in an engine: nobody should think that they count. */

import { ACCOUNTS_HEADER } from "../../store/accounts/accounts_csv.ts";
import { accountsPath } from "../../store/accounts/accounts_file.ts";
import type { Disk } from "../../store/disk/disk.ts";

/** Notices about them. @param folder The directory's. */
export async function unusedAccounts(
  disk: Pick<Disk, "stat">,
  folder: string,
): Promise<readonly string[]> {
  const path = accountsPath(folder);
  const entry = await disk.stat(path);
  const emptyBytes = ACCOUNTS_HEADER.length + 1;
  if (entry === null || entry.bytes <= emptyBytes) return [];
  return [
    `The accounts in ${path} don't count here, those in the engine do: "p2pchat accounts import" ` +
    "takes them there; then move that file away",
  ];
}
