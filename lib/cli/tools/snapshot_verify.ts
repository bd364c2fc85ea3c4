/** `p2pchat snapshot verify`: checks from a file alone whether the global state in it is consistent. */

import { nodeCrypto } from "../../base/crypto/crypto.ts";
import { dateText } from "../../base/text/dates.ts";
import { P2pchatError } from "../../base/errors.ts";
import { shownName } from "../../base/text/names.ts";
import { visibleText } from "../../base/text/text.ts";
import type { Cut } from "../../protocols/group/schema/cut.ts";
import { type Verdict, verdictOf } from "../../protocols/group/snapshot/cut_check.ts";
import { snapshotEvent } from "../../protocols/group/snapshot/cut_view.ts";
import { RealDisk } from "../../store/disk/real_disk.ts";
import { showAnswer } from "../session/answers.ts";
import { openLog } from "../session/log.ts";
import type { FileOptions } from "../args/options.ts";
import { readSnapshot } from "./snapshot_store.ts";

/**
 * Computes the verdict anew; the one in the file isn't relied on.
 * @throws {P2pchatError} `store-corrupt` with the reason where the cut isn't consistent or the file was changed;
 *   `bad-file` where it isn't a snapshot; `disk`.
 */
export async function verifySnapshot(options: FileOptions): Promise<void> {
  await openLog(options);
  const { file } = options;
  const cut = await readSnapshot(new RealDisk(), nodeCrypto, file);
  const verdict = verdictOf(cut);
  if (!verdict.isConsistent) throw inconsistentError(file, verdict);
  const { event: _, ...found } = snapshotEvent(nodeCrypto, cut, verdict, file);
  const event = { event: "snapshot-verified", ...found };
  await showAnswer(options, event, verifiedText(file, cut, verdict));
}

function inconsistentError(file: string, { why }: Verdict): P2pchatError {
  return new P2pchatError(
    "store-corrupt",
    `Cannot trust ${visibleText(file)}: its cut isn't consistent, as ${
      visibleText(why)
    }; somebody wrote ` +
      "it so, or a program is at fault: compare the members' logs",
  );
}

function verifiedText(file: string, { beganAt, ballot, members }: Cut, { why }: Verdict): string {
  const names = members.map(({ name }) => shownName(name)).join(", ");
  const who = members.length === 0 ? "nobody" : names;
  return `${visibleText(file)}: a consistent state of view ${ballot.number} (${who}), of ` +
    `${dateText(beganAt)}\n${visibleText(why)}\n`;
}
