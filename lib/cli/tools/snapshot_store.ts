/** The coordinator's latest snapshots: a folder with a text file for each, and the check of one. */

import { type Crypto, nodeCrypto, utf8 } from "../../base/crypto/crypto.ts";
import { dateText } from "../../base/text/words.ts";
import { P2pchatError } from "../../base/errors.ts";
import type { SnapshotView } from "../../protocols/group/schema/events.ts";
import type { Cut } from "../../protocols/group/schema/cut.ts";
import { type Verdict, verdictOf } from "../../protocols/group/snapshot/cut_check.ts";
import { messagesIn, snapshotEvent } from "../../protocols/group/snapshot/cut_view.ts";
import { parseSnapshot, snapshotText } from "../../runtime/records/snapshot_file.ts";
import type { KeptSnapshot, Snapshots } from "../../runtime/hosts/coordinator_host.ts";
import { type Disk, NO_SUCH_FILE } from "../../store/disk/disk.ts";
import { replaceFile, REPLACEMENT_SUFFIX } from "../../store/disk/replacement.ts";
import { shownName } from "../../base/text/names.ts";
import { visibleText } from "../../base/text/text.ts";
import { RealDisk } from "../../store/disk/real_disk.ts";
import { showAnswer } from "../session/answers.ts";
import { openLog } from "../session/log.ts";
import type { FileOptions } from "../args/options.ts";

/** Enough for daily snapshots for over two years, or one each second for a quarter of an hour: some MB. */
export const SNAPSHOTS_KEPT_MAX = 1_000;

const FOLDER = "snapshots";
/** Files with other names stay where they are. */
const FILE = /^(\d{8}-\d{6}-\d{3}-[0-9a-f]{6})\.txt$/;

export class SnapshotStore implements Snapshots {
  readonly #folder: string;
  /** Ids of the stored snapshots, oldest first; null until the folder has been read. */
  #ids: Promise<string[]> | null = null;

  /** @param folder The coordinator's folder, absolute. */
  constructor(readonly disk: Disk, readonly crypto: Crypto, folder: string) {
    this.#folder = `${folder}/${FOLDER}`;
  }

  async keep(cut: Cut): Promise<KeptSnapshot> {
    const ids = await this.#known();
    const file = this.#path(cut.id);
    await this.disk.makeFolder(this.#folder);
    await replaceFile(this.disk, file, utf8(snapshotText(this.crypto, cut, verdictOf(cut))));
    ids.push(cut.id);
    const removed = ids.splice(0, Math.max(0, ids.length - SNAPSHOTS_KEPT_MAX));
    // A file that can't be removed now is removed at the next start.
    for (const id of removed) await this.disk.remove(this.#path(id)).catch(() => {});
    return { file, removed };
  }

  /** Takes a snapshot over that another instance has taken, unless it is there. */
  async adopt(id: string, text: string): Promise<void> {
    const ids = await this.#known();
    if (ids.includes(id) || !FILE.test(`${id}.txt`)) return;
    await this.disk.makeFolder(this.#folder);
    await replaceFile(this.disk, this.#path(id), utf8(text));
    ids.push(id);
    ids.sort(byAge);
  }

  async list(): Promise<readonly SnapshotView[]> {
    const views: SnapshotView[] = [];
    for (const id of [...await this.#known()]) views.push(await this.#view(id));
    return views;
  }

  #path(id: string): string {
    return `${this.#folder}/${id}.txt`;
  }

  /**
   * Reads the folder only once, as a later look would take a file being written for a leftover of a killed program.
   */
  #known(): Promise<string[]> {
    return this.#ids ??= this.#found().catch((error) => {
      this.#ids = null;
      throw error;
    });
  }

  /** Also removes what `keep` left when the program was killed. */
  async #found(): Promise<string[]> {
    const names = await this.disk.list(this.#folder);
    for (const name of names) {
      if (!name.endsWith(REPLACEMENT_SUFFIX)) continue;
      if (!FILE.test(name.slice(0, -REPLACEMENT_SUFFIX.length))) continue;
      await this.disk.remove(`${this.#folder}/${name}`).catch(() => {});
    }
    return names.flatMap((name) => FILE.exec(name)?.[1] ?? []).sort(byAge);
  }

  async #view(id: string): Promise<SnapshotView> {
    const file = this.#path(id);
    try {
      const cut = await readSnapshot(this.disk, this.crypto, file);
      return {
        id,
        file,
        consistent: verdictOf(cut).isConsistent,
        at: dateText(cut.beganAt),
        members: cut.members.map(({ name }) => name),
        messages: messagesIn(cut),
      };
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      return { id, file, consistent: null, at: null, members: [], messages: 0 };
    }
  }
}

/** By the dates in their names; those of a clock that wasn't set, as `agedMs` has it, count as the latest. */
function byAge(one: string, other: string): number {
  const [first, second] = [one, other].map((id) => id < "2001" ? `9${id}` : id);
  return first! < second! ? -1 : 1;
}

/** The largest file: a snapshot of 64 members with the most ids that are ever written is smaller. */
const FILE_BYTES_MAX = 64 * 1_024 * 1_024;

/**
 * The cut in a file, without checking whether it is consistent.
 * @throws {P2pchatError} `bad-file` or `store-corrupt`, with path and reason; `disk`.
 */
export async function readSnapshot(disk: Disk, crypto: Crypto, path: string): Promise<Cut> {
  const unreadable = (code: "bad-file" | "store-corrupt", why: string, cause?: unknown) =>
    new P2pchatError(
      code,
      `Cannot trust ${path}: ${why}; take another snapshot, or name another file`,
      { cause },
    );
  const missing = new P2pchatError("bad-file", `Cannot read ${path}: ${NO_SUCH_FILE}`);
  const entry = await disk.stat(path);
  if (entry === null) throw missing;
  if (entry.kind !== "file") throw unreadable("bad-file", "it is no file");
  if (entry.bytes > FILE_BYTES_MAX) throw unreadable("bad-file", "it is too long for a snapshot");
  const bytes = await disk.read(path);
  if (bytes === null) throw missing;
  const text = decoded(bytes);
  if (text === null) throw unreadable("bad-file", "it is no text");
  try {
    return parseSnapshot(crypto, text).cut;
  } catch (cause) {
    if (!(cause instanceof P2pchatError)) throw cause;
    const code = cause.code === "bad-file" ? "bad-file" : "store-corrupt";
    throw unreadable(code, cause.message, cause);
  }
}

/** Null where it isn't UTF-8. */
function decoded(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

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
  await showAnswer(options, event, verifiedText(file, cut, verdict), true);
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
