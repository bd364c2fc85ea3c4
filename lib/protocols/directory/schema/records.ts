/** The records that the directory keeps on disk beside its accounts, in the order in which they were written. */

import { MalformedError } from "../../../base/errors.ts";
import type { FoldedName, PeerKey } from "../../../base/ids.ts";
import {
  count,
  hex,
  hexBytes,
  hexOf,
  hexText,
  SIGNATURE_BYTES,
  text,
  time,
  word,
} from "../../../base/schema/cells.ts";
import {
  columns,
  type Infer,
  mapped,
  mappedRow,
  recordLog,
  type RecordOf,
  row,
} from "../../../base/schema/log_records.ts";
import { quotedStart } from "../../../base/text/text.ts";
import { STORE_ID_BYTES } from "./limits.ts";

interface Sender {
  /** Null: the directory itself. */
  readonly fromKey: PeerKey | null;
  /**
   * Whether an account of that name sent it: then that account gets no copy, on any device. Once the account is
   * removed (`forgotten`), only the device that sent it gets none.
   */
  readonly fromAccount: boolean;
}

const OPERATORS_KEY = "-";

/** An account, somebody who had none, or the directory's operator, who has no key there. */
const sender = mapped(
  columns({
    by: word(
      { account: "account", guest: "guest", operator: "operator" },
      (text) => `no kind of sender is ${quotedStart(text)}`,
    ),
    key: text(),
  }),
  ({ fromKey, fromAccount }: Sender) => ({
    by: fromKey === null ? "operator" : fromAccount ? "account" : "guest",
    key: fromKey ?? OPERATORS_KEY,
  }),
  ({ by, key }): Sender => {
    if (by !== "operator") return { fromKey: hexOf<PeerKey>(key), fromAccount: by === "account" };
    if (key === OPERATORS_KEY) return { fromKey: null, fromAccount: false };
    throw new MalformedError(`the operator's key is ${quotedStart(key)}`);
  },
);

const broadcast = columns({
  /** The directory's wall clock when it took the broadcast. */
  takenAt: time(),
  from: text(),
  text: text(),
  /** Higher than all earlier numbers in this store. */
  number: count(),
  sender,
  /** The sender's own number of the broadcast. */
  own: count(),
  /** The sender's wall clock, ms since 1970, as the sender has signed it. */
  sentAt: count(),
  /** A client that comes in later than this after `takenAt` doesn't get it any more. */
  ttlMs: count(),
  /** The sender's signature for this directory (`signed_broadcast.ts`). */
  signature: hexBytes(SIGNATURE_BYTES),
});

export const DIRECTORY_LOG = recordLog("directory", 3, {
  store: row(
    "Id drawn with a new file; in a compacted log, with the last broadcast's number. The first record, and another one where the directory has another key since: what was signed for the former key is void.",
    { store: hexText(STORE_ID_BYTES), last: count(), directory: hex<PeerKey>() },
  ),
  broadcast: mappedRow(
    "A broadcast: synced before the sender, or anybody, is told.",
    broadcast,
    (record: Omit<Infer<typeof broadcast>, "sender"> & Sender) => ({ ...record, sender: record }),
    ({ sender, ...rest }) => ({ ...rest, ...sender }),
  ),
  got: row("The account has all up to this number, or needn't get them any more.", {
    account: text<FoldedName>(),
    through: count(),
  }),
  forgotten: row(
    "The account was removed, which had sent what stands before this under its name.",
    { account: text<FoldedName>() },
  ),
});

export type DirectoryRecord = RecordOf<typeof DIRECTORY_LOG>;
export type BroadcastRecord = RecordOf<typeof DIRECTORY_LOG, "broadcast">;
