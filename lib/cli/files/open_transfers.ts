/** What only those need who send or receive a file: loaded for the first one. */

import type { Environment } from "../../base/machine/environment.ts";
import type { Signer } from "../../base/crypto/crypto.ts";
import type { Hash, OfferId } from "../../base/ids.ts";
import { offerId } from "../../protocols/transfer/offers.ts";
import type { TransferConfig } from "../../protocols/transfer/transfer_io.ts";
import { TransferHost, type TransferHostPorts } from "../../runtime/hosts/transfer_host.ts";
import type { Disk } from "../../store/disk/disk.ts";
import { isPageCopy } from "./file_to_send.ts";
import { TransferFiles } from "./transfer_files.ts";

const FILE_GONE = "the file is no longer where it was";
const COPY_GONE =
  "what is dropped onto the page is kept only while the program runs; drop it again";

interface Opening {
  readonly disk: Disk;
  readonly environment: Environment;
  readonly signer: Signer;
  readonly context: Hash | null;
  /** Of the program, and in it that of this room or these friends. */
  readonly dataFolder: string;
  readonly folder: string;
  readonly downloads: string | null;
  /** Whether own files are offered by later starts, too. */
  readonly keepsOwn: boolean;
  readonly filesBytesMax: number;
  /** See `TransferConfig`. */
  readonly standingOf: NonNullable<TransferConfig["standingOf"]>;
}

export interface OpenTransfers {
  readonly host: TransferHost;
  /** Where a file is that is offered or was fetched; undefined: it isn't here. */
  pathOf(file: OfferId): string | undefined;
  /** Own files that an earlier process offered, and that aren't there any more. */
  readonly gone: ReadonlySet<OfferId>;
  /** The paths of those that this start may not read: they aren't offered. */
  readonly outOfReach: readonly string[];
  /** Takes up what an earlier process had; of what is gone the offer ends. */
  restore(): void;
  close(): void;
}

/** @throws {P2pchatError} `store-corrupt`, `bad-file` or `disk`. */
export async function openTransfers(
  opening: Opening,
  ports: Omit<TransferHostPorts, "disk">,
): Promise<OpenTransfers> {
  const { disk, environment, signer, context, folder, downloads, keepsOwn, ...more } = opening;
  const { dataFolder, filesBytesMax, standingOf } = more;
  const { crypto } = environment;
  const files = await TransferFiles.open(disk, crypto, folder, downloads, keepsOwn, dataFolder);
  const { files: earlier, receivedBytes, outOfReach } = await files.restored(signer.key);
  const config = { context, signer, filesBytesMax, receivedBytes, standingOf };
  const host = new TransferHost(config, { ...ports, disk: files });
  const gone = new Set(
    earlier.flatMap(({ offer, isGone }) => isGone ? [offerId(crypto, offer)] : []),
  );
  return {
    host,
    gone,
    outOfReach,
    pathOf: (file) => files.pathOf(file),
    restore() {
      for (const { isGone: _, ...file } of earlier) host.restore(file);
      for (const file of gone) {
        host.gone(file, isPageCopy(files.pathOf(file)!, dataFolder) ? COPY_GONE : FILE_GONE);
      }
    },
    close() {
      host.stop();
      files.close();
    },
  };
}
