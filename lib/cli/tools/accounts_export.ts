/** `p2pchat accounts export`: a directory's accounts as a file, for another directory or another machine. */

import { foldName } from "../../base/text/names.ts";
import { countText } from "../../base/text/words.ts";
import { utf8 } from "../../base/crypto/crypto.ts";
import { P2pchatError } from "../../base/errors.ts";
import { accountLines, accountRow } from "../../store/accounts/accounts_csv.ts";
import { folderOf } from "../../store/disk/disk.ts";
import { RealDisk } from "../../store/disk/real_disk.ts";
import { Replacement } from "../../store/disk/replacement.ts";
import { showAnswer } from "../session/answers.ts";
import type { ShownEvent } from "../rendering/user_interface.ts";
import type { ImportOptions } from "./accounts_arguments.ts";
import { openAccounts } from "./accounts_command.ts";

interface ExportedEvent extends ShownEvent {
  readonly event: "exported";
  readonly file: string;
  readonly accounts: number;
}

/**
 * Writes all accounts, in the order of their sign-up, as `accounts.csv` has them.
 * @throws {P2pchatError} `bad-file` where there is a file of that name; or why the accounts can't be read, or written.
 */
export async function exportAccounts(options: ImportOptions): Promise<void> {
  const { file } = options;
  const disk = new RealDisk();
  if (await disk.stat(file) !== null) {
    throw new P2pchatError("bad-file", `Cannot write ${file}: there is a file of that name`);
  }
  const { accounts } = await openAccounts(options);
  const all = await accounts.list();
  const table = new Map(all.map((account) => [foldName(account.name), accountRow(account)]));
  const replacement = await Replacement.beginAmongOthers(disk, file);
  try {
    for (const line of accountLines(table)) replacement.write(utf8(line));
    (await replacement.putInPlace()).close();
  } catch (error) {
    await replacement.abandon();
    throw error;
  }
  await disk.syncFolder(folderOf(file));
  const event = { event: "exported", file, accounts: all.length } satisfies ExportedEvent;
  await showAnswer(options, event, `Wrote ${countText(all.length, "account")} to ${file}.\n`);
}
