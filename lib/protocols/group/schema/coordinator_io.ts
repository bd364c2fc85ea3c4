/** The coordinator's machine as its caller sees it: inputs, effects, configuration. */

import type { Bytes } from "../../../base/crypto/crypto.ts";
import type { Fingerprint } from "../../../base/text/fingerprint.ts";
import type { Endpoint, LinkId, PeerKey } from "../../../base/ids.ts";
import type { ComparedKey } from "../../../base/trust/refused_keys.ts";
import type { ModeEffect, ModeInput, PinEffect } from "../../../base/machine/mode_machine.ts";
import type { CoordinatorCommand, CoordinatorEvent } from "./events.ts";
import type { HistoryEnd } from "./history.ts";
import type { HistoryRead } from "./member_io.ts";
import { type EditPolicy } from "./edit.ts";
import type { GroupMessage } from "./messages.ts";
import type { CoordinatorRecord } from "./records.ts";
import type { GroupSecrets } from "./group_secrets.ts";
import type { Cut } from "./cut.ts";

export type CoordinatorInput =
  | ModeInput<GroupMessage, CoordinatorCommand>
  /** `host`: the peer's address; null where it is one of this machine. */
  | {
    readonly type: "link-up";
    readonly link: LinkId;
    readonly peer: PeerKey;
    /** Identifies the peer's process, as the handshake proves; the incarnation in `hello` is only said. */
    readonly process: string;
    readonly host: string | null;
  }
  /** Came to the coordinator's port. `bytes` aren't kept. */
  | { readonly type: "datagram"; readonly from: Endpoint; readonly bytes: Uint8Array }
  /**
   * Answers `keep-snapshot`: where the snapshot is, and which ones were removed for it; null where the disk refuses
   * it, with the reason in `text`.
   */
  | {
    readonly type: "snapshot-kept";
    readonly token: number;
    readonly file: string | null;
    readonly text: string;
    readonly removed: readonly string[];
  }
  /** Answers `read`. */
  | { readonly type: "read"; readonly token: number; readonly read: HistoryRead }
  /** Answers `read` where the log can't be read. */
  | { readonly type: "read-failed"; readonly text: string };

export type CoordinatorEffect =
  | ModeEffect<CoordinatorEvent, CoordinatorRecord, never>
  | { readonly type: "send"; readonly link: LinkId; readonly message: GroupMessage }
  /** Sent past what waits for the disk. */
  | { readonly type: "datagram"; readonly to: Endpoint; readonly bytes: Bytes }
  /** Reads the kept log, as a member does its own. */
  | {
    readonly type: "read";
    readonly token: number;
    readonly after: number;
    readonly bytesMax: number;
  }
  /** Writes the snapshot to a file of its own; answered by `snapshot-kept` once that is synced. */
  | { readonly type: "keep-snapshot"; readonly token: number; readonly cut: Cut }
  /** Lists the snapshots on disk; answered to the user directly. */
  | { readonly type: "show-snapshots"; readonly ref: string | undefined }
  | PinEffect;

export interface CoordinatorConfig {
  /** Where we listen, as others should see it. */
  readonly listening: Endpoint;
  /** Where others find us instead, by a router; null: nowhere else. */
  readonly announced?: () => Endpoint | null;
  /** `--fail-after`: how long a member may be silent. */
  readonly failAfterMs: number;
  readonly membersMax: number;
  /** `--edits`: who is asked before an edit. */
  readonly edits: EditPolicy;
  /** `--vote-timeout`: how long they may take. */
  readonly voteTimeoutMs: number;
  /** `--snapshot-every`; null: only when asked. */
  readonly snapshotEveryMs: number | null;
  /** Keys of members met before, by folded name. */
  readonly pins: ReadonlyMap<string, Fingerprint>;
  /** Keys that the user has refused, each for a name. */
  readonly refused?: readonly ComparedKey[];
  readonly records: readonly CoordinatorRecord[];
  /** Those of a private group, with a current one; null or absent: anybody may come in. */
  readonly secrets?: GroupSecrets | null;
  /** Where its instances listen, this one among them, as far as known; absent where it runs as one. */
  readonly instances?: () => readonly Endpoint[];
  /** Whether datagrams that come to the coordinator's port are passed to it; absent: none are. */
  readonly takesDatagrams?: boolean;
  /** The end of the log that is kept while nobody is in the group; null where there is none. */
  readonly history: HistoryEnd | null;
}
