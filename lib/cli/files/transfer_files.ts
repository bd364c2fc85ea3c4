/**
 * The user's files as file transfer needs them: those that are offered are read where they are, those that are fetched
 * are written beside where they will be, with the proofs of their leaves in the profile. A table there, `offers`, says
 * which there are, so that the next process goes on with them.
 *
 * A file that is fetched is `NAME.ID.part` in the folder of downloads, and `ID.leaves`, beside the table, says which of
 * its leaves are there. It gets its own name when it is whole; the table names that before, so that it is found whenever
 * the process is killed.
 */

import { dropOldest } from "../../base/collections/bounded.ts";
import { freeBuffer } from "../../base/collections/free_buffer.ts";
import { type Crypto, utf8 } from "../../base/crypto/crypto.ts";
import { P2pchatError, RemoteProtocolError } from "../../base/errors.ts";
import type { Hash, OfferId, PeerKey } from "../../base/ids.ts";
import { decode } from "../../base/schema/schema.ts";
import { takenBytes } from "../../protocols/transfer/downloads.ts";
import { numberedName, safeFileName } from "../../protocols/transfer/file_names.ts";
import { HASH_BYTES, LEAF_BYTES, PREPARED_MAX } from "../../protocols/transfer/limits.ts";
import { readLeaves } from "../../protocols/transfer/leaf_set.ts";
import { FileTree, leafHash, leavesOf, proofLength } from "../../protocols/transfer/merkle.ts";
import { offerSchema, type SignedOffer } from "../../protocols/transfer/messages.ts";
import type { TransferEffect } from "../../protocols/transfer/transfer_io.ts";
import type { TransferDisk } from "../../runtime/hosts/transfer_host.ts";
import { corruptError, type Disk, folderOf } from "../../store/disk/disk.ts";
import { replaceFile } from "../../store/disk/replacement.ts";
import { lineOf } from "../../store/disk/record_line.ts";
import { Table, type TableRow } from "../../store/disk/table.ts";
import { DownloadFolder } from "../../store/files/download_folder.ts";
import { OpenFiles } from "../../store/files/open_files.ts";
import { RandomFile } from "../../store/files/random_file.ts";
import { isInReach, openToSend } from "./file_to_send.ts";

const FORMAT = {
  format: "transfer-files",
  version: 1,
  without: "to go without the files that were offered and fetched",
} as const;
/** Proofs are written so many leaves at a time, to leave room for chat. */
const PROOFS_AT_ONCE = 256;
/** Leaves that are read at once of a file that is to be offered: 256 KiB in memory. */
const HASHED_AT_ONCE = 4;
/** Whether a whole file is still the one that it was is looked at again after this. */
const LOOK_MS = 1_000;
/** Of a file of leaves: a bit for each of 262,144 leaves, in base64, and what stands around them. */
const LEAVES_BYTES_MAX = 65_536;
/** Of a leaf's message, beside the leaf and its proof: less than any leaf that was as long. */
const LEAF_MESSAGE_BYTES_MAX = 256;
/** Of the id, in the name of what is fetched: so many files of one name are told apart. */
const ID_START = 8;

/** How the names of files with proofs end. */
const PROOFS = ".proofs";
const LEAVES = ".leaves";

const KINDS = ["own", "part", "whole"] as const;
type Kind = typeof KINDS[number];

const OFFER_ID = /^[0-9a-f]{64}$/;

interface Entry {
  readonly offer: SignedOffer;
  kind: Kind;
  /** Where it is; of a part, its `.part`. */
  path: string;
  /** Of what is whole, see `RandomFile.version`; of a part, the path at which a place is reserved for it, or empty. */
  about: string;
  /** Of a part: the name under which it will be saved; empty: as it was offered. */
  name: string;
  /** With which its signer said that it was changed; absent: it wasn't. */
  changed?: Uint8Array;
}

/** What was there of a file that is fetched. */
interface Begun {
  readonly isThere: boolean;
  /** Which leaves, as the machine keeps it; null: that isn't known. */
  readonly leaves: string | null;
}

interface RestoredFile {
  readonly offer: SignedOffer;
  readonly kind: "whole" | "part";
  readonly name: string | null;
  readonly bytes?: number;
  /** Where one that was received is, if the user may not have been told so. */
  readonly path?: string;
  /** See `TransferInput`. */
  readonly changed?: Uint8Array;
  /** One's own, which is offered and isn't there any more. */
  readonly isGone: boolean;
}

export class TransferFiles implements TransferDisk {
  readonly #entries = new Map<OfferId, Entry>();
  /** Own files that are hashed, until they are kept: their trees, by path. */
  readonly #prepared = new Map<string, { readonly tree: FileTree; readonly version: string }>();
  readonly #open: OpenFiles;
  /** When it was looked at whether the file is still the one that it was. */
  readonly #lookedMs = new Map<OfferId, number>();
  /** Of files that are being made, named or removed: resolves when the last of it is done, or can't be. */
  readonly #changes = new Map<OfferId, Promise<void>>();

  private constructor(
    readonly disk: Disk,
    readonly crypto: Crypto,
    readonly folder: string,
    readonly downloads: DownloadFolder | null,
    readonly table: Table,
    readonly dataFolder: string,
    readonly isNoted: (entry: Entry) => boolean,
  ) {
    this.#open = new OpenFiles(
      disk,
      (path) => this.#isOurs(path) ? RandomFile.openAgain(path) : openToSend(path, dataFolder),
    );
  }

  /** Where the table of files is. */
  static tableIn(folder: string): string {
    return `${folder}/offers`;
  }

  /**
   * @param folder Of the profile, for this room or these friends; made when it is needed.
   * @param downloads Null where nothing is received.
   * @param keepsOwn Whether the names and paths of own files that are offered from now on are kept for later starts.
   * @param dataFolder The program's, in which `folder` is.
   * @throws {P2pchatError} `store-corrupt`, `bad-file` or `disk`.
   */
  static async open(
    disk: Disk,
    crypto: Crypto,
    folder: string,
    downloads: string | null,
    keepsOwn = true,
    dataFolder = folder,
  ): Promise<TransferFiles> {
    await disk.makeFolder(folder);
    const { table, rows } = await Table.open(disk, TransferFiles.tableIn(folder), FORMAT);
    const received = downloads === null ? null : new DownloadFolder(disk, downloads);
    const earlier = (rows ?? []).map((row, at) => entryIn(TransferFiles.tableIn(folder), row, at));
    const kept = new Set(earlier.map(([, entry]) => entry));
    const isNoted = (entry: Entry) => keepsOwn || entry.kind !== "own" || kept.has(entry);
    const files = new TransferFiles(disk, crypto, folder, received, table, dataFolder, isNoted);
    for (const [file, entry] of earlier) files.#entries.set(file, entry);
    return files;
  }

  /**
   * What an earlier process had. What was received and isn't there any more as it was saved is forgotten: it is the
   * user's.
   * @param self Whose own files stay, changed or gone: others are told.
   * @returns `outOfReach`: the paths of own files that this start may not read, and a later one may.
   */
  async restored(self: PeerKey): Promise<{
    readonly files: readonly RestoredFile[];
    readonly receivedBytes: number;
    readonly outOfReach: readonly string[];
  }> {
    await this.#removeUnlisted();
    const files: RestoredFile[] = [];
    const outOfReach: string[] = [];
    let receivedBytes = 0;
    for (const [file, entry] of [...this.#entries]) {
      if (entry.kind === "part") await this.#foundWhole(entry);
      const { offer, kind, name } = entry;
      const { value } = offer.offer;
      if (kind === "part") {
        if (this.downloads !== null) {
          const bytes = await this.#bytesOf(file, entry);
          files.push({ offer, kind, name: name === "" ? null : name, bytes, isGone: false });
        }
      } else if (kind === "own" && value.from === self && !isInReach(entry.path)) {
        outOfReach.push(entry.path);
      } else if (kind === "own" ? value.from === self : await this.#isUnchanged(entry)) {
        const isReceived = kind === "whole";
        if (isReceived) receivedBytes += takenBytes(value.size);
        const untold = isReceived && await this.#isUntold(file) ? { path: entry.path } : {};
        const isGone = !isReceived && await this.#isGone(entry);
        const ended = entry.changed === undefined ? {} : { changed: entry.changed };
        files.push({ offer, kind: "whole", name: null, ...untold, ...ended, isGone });
      } else await atLast(this.forget(file));
    }
    return { files, receivedBytes, outOfReach };
  }

  /** Proofs of own files that were offered until the program ended, and leaves of what was given up just before. */
  async #removeUnlisted(): Promise<void> {
    for (const name of await this.disk.list(this.folder)) {
      const suffix = [PROOFS, LEAVES].find((each) => name.endsWith(each));
      if (suffix === undefined) continue;
      if (this.#entries.has(name.slice(0, -suffix.length) as OfferId)) continue;
      await this.disk.remove(`${this.folder}/${name}`);
    }
  }

  /** A part that was given its name when the process was killed, before that was noted. */
  async #foundWhole(entry: Entry): Promise<void> {
    if (entry.about === "" || await this.disk.stat(entry.path) !== null) return;
    const saved = await this.disk.stat(entry.about);
    if (saved?.kind !== "file" || saved.bytes !== entry.offer.offer.value.size) return;
    const version = await RandomFile.versionAt(entry.about);
    if (version === null) return;
    Object.assign(entry, { kind: "whole", path: entry.about, about: version });
    await atLast(this.#store());
  }

  /** How much there may be of a part: what its leaves say, or else as far as it was written. */
  async #bytesOf(file: OfferId, { path, offer }: Entry): Promise<number> {
    const leaves = await this.#leavesText(file);
    const count = leavesOf(offer.offer.value.size);
    const set = leaves === null ? null : readLeaves(this.crypto, file, count, leaves);
    if (set !== null) return set.count * LEAF_BYTES;
    try {
      return (await this.disk.stat(path))?.bytes ?? 0;
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      return 0; // in a folder that can't be reached now: it begins anew
    }
  }

  /** Whether the process was killed before it told that the file is whole: its leaves are removed last. */
  async #isUntold(file: OfferId): Promise<boolean> {
    const leaves = this.#leavesOf(file);
    if (await this.disk.stat(leaves) === null) return false;
    await atLast(this.disk.remove(leaves));
    return true;
  }

  /** One that can't be looked at now may be there at the next start. */
  async #isGone({ path }: Entry): Promise<boolean> {
    try {
      return await this.disk.stat(path) === null;
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      return false;
    }
  }

  async #isUnchanged({ path, about }: Entry): Promise<boolean> {
    return await RandomFile.versionAt(path) === about;
  }

  // Own files.

  async hash(source: string): Promise<{ readonly size: number; readonly digest: Hash }> {
    const file = await openToSend(source, this.dataFolder);
    try {
      const version = await file.version;
      const tree = new FileTree(this.crypto);
      let size = 0;
      const buffer = new Uint8Array(HASHED_AT_ONCE * LEAF_BYTES);
      for (let filled = buffer.length; filled === buffer.length;) {
        filled = await file.fill(size, buffer);
        for (let at = 0; at < filled || size + at === 0; at += LEAF_BYTES) {
          tree.add(leafHash(this.crypto, buffer.subarray(at, Math.min(filled, at + LEAF_BYTES))));
        }
        size += filled;
      }
      if (await file.version !== version) {
        throw new P2pchatError("bad-file", `${source} is being changed: offer it when it is done`);
      }
      this.#prepared.set(source, { tree, version });
      dropOldest(this.#prepared, PREPARED_MAX);
      return { size, digest: tree.finish(size) };
    } finally {
      file.close();
    }
  }

  keep(file: OfferId, source: string, offer: SignedOffer): Promise<void> {
    const prepared = this.#prepared.get(source);
    this.#prepared.delete(source);
    if (prepared === undefined) return Promise.resolve();
    const { tree, version } = prepared;
    return this.#change(file, async () => {
      try {
        await this.#writeProofs(file, tree, offer.offer.value.size);
        this.#entries.set(file, { offer, kind: "own", path: source, about: version, name: "" });
        await this.#store();
      } catch (error) {
        // Proofs of what isn't listed are removed at the next start.
        this.#entries.delete(file);
        throw error;
      }
    });
  }

  /**
   * Does it after all that changes which files are there for this one, as what is removed may be fetched anew before it is
   * gone; who reads waits for it.
   */
  #change<T>(file: OfferId, work: () => Promise<T>): Promise<T> {
    const earlier = this.#changes.get(file);
    const change = earlier === undefined ? work() : earlier.then(work);
    const done = change.then(() => {}, () => {}); // who reads finds what is missing
    this.#changes.set(file, done);
    done.then(() => this.#changes.get(file) === done && this.#changes.delete(file));
    return change;
  }

  async #writeProofs(file: OfferId, tree: FileTree, size: number): Promise<void> {
    const path = this.#proofsOf(file);
    await this.disk.remove(path);
    const proofs = await this.#open.create(path);
    const leaves = leavesOf(size);
    const width = proofWidth(leaves);
    for (let first = 0; first < leaves && width > 0; first += PROOFS_AT_ONCE) {
      const count = Math.min(PROOFS_AT_ONCE, leaves - first);
      const rows = new Uint8Array(count * width);
      for (let at = 0; at < count; at++) rows.set(tree.proof(first + at), at * width);
      await proofs.write(first * width, rows);
      await new Promise((resolve) => setTimeout(resolve, 0)); // writing itself waits for nothing
    }
    await proofs.sync();
  }

  // What others offer.

  begin(file: OfferId, offer: SignedOffer, name: string): Promise<Begun> {
    return this.#change(file, () => this.#begin(file, offer, name));
  }

  async #begin(file: OfferId, offer: SignedOffer, name: string): Promise<Begun> {
    const entry = this.#entries.get(file);
    const [part, proofs] = entry?.kind === "part" ? await this.#left(file, entry) : [null, null];
    if (part !== null && proofs !== null) {
      if (entry !== undefined && entry.name !== name) await this.#rename(file, name);
      return { isThere: true, leaves: await this.#leavesText(file) };
    }
    await this.#startAnew(file, offer, name);
    return { isThere: false, leaves: null };
  }

  async #leavesText(file: OfferId): Promise<string | null> {
    const path = this.#leavesOf(file);
    const length = (await this.disk.stat(path))?.bytes ?? 0;
    // A longer one isn't right, and what is there is checked again without it.
    const leaves = length > LEAVES_BYTES_MAX ? null : await this.disk.read(path);
    return leaves === null ? null : new TextDecoder().decode(leaves);
  }

  /** What is there of it; none where it is in another folder of downloads, which this start may not reach. */
  async #left(
    file: OfferId,
    entry: Entry,
  ): Promise<readonly [RandomFile | null, RandomFile | null]> {
    try {
      return await Promise.all([this.#open.at(entry.path), this.#open.at(this.#proofsOf(file))]);
    } catch (error) {
      if (!(error instanceof P2pchatError) || !this.#isElsewhere(entry)) throw error;
      return [null, null];
    }
  }

  #isElsewhere({ path }: Entry): boolean {
    return folderOf(path) !== this.downloads?.path;
  }

  rename(file: OfferId, name: string): Promise<void> {
    return this.#change(file, () => this.#rename(file, name));
  }

  async #rename(file: OfferId, name: string): Promise<void> {
    this.#entry(file).name = name;
    await this.#store();
  }

  async #startAnew(file: OfferId, offer: SignedOffer, as: string): Promise<void> {
    if (this.downloads === null) {
      throw new P2pchatError("disk", "nothing is received here: start again with --save DIR");
    }
    await this.#removePart(file);
    const start = file.slice(0, ID_START);
    const name = safeFileName(offer.offer.value.name);
    const partOf = (copy: number) => `${name}.${start}${copy === 1 ? "" : `-${copy}`}.part`;
    try {
      const part = await this.downloads.create(partOf, (path) => {
        this.#entries.set(file, { offer, kind: "part", path, about: "", name: as });
        return this.#store();
      });
      this.#open.add(part);
      await this.#open.create(this.#proofsOf(file));
      await this.disk.syncFolder(this.downloads.path);
    } catch (error) {
      await this.#removePart(file);
      this.#entries.delete(file);
      throw error;
    }
  }

  /** What is there of a file that isn't whole; its entry stays. */
  async #removePart(file: OfferId): Promise<void> {
    const entry = this.#entries.get(file);
    if (entry?.kind === "part") {
      const removed = this.#open.remove(entry.path).then(() => this.#removeReserved(entry));
      await (this.#isElsewhere(entry) ? atLast(removed) : removed);
    }
    await this.disk.remove(this.#leavesOf(file));
    await this.#open.remove(this.#proofsOf(file));
  }

  /** A place that was reserved until the process was killed, or the disk full. */
  async #removeReserved({ about }: Entry): Promise<void> {
    if (about === "") return;
    const there = await this.disk.stat(about);
    if (there?.kind === "file" && there.bytes === 0) await this.disk.remove(about);
  }

  async write(
    file: OfferId,
    { leaf, offset, bytes, proof }: Extract<TransferEffect, { readonly type: "write" }>,
  ): Promise<void> {
    const { offer: { offer }, path } = this.#entry(file);
    const [part, proofs] = await this.#both(file, path);
    const width = proofWidth(leavesOf(offer.value.size));
    await Promise.all([part.write(offset, bytes), proofs.write(leaf * width, proof)]);
    // Short ones share their buffer with what came beside them.
    if (bytes.length === LEAF_BYTES) freeBuffer(bytes, proof.length + LEAF_MESSAGE_BYTES_MAX);
  }

  async sync(file: OfferId, leaves: string): Promise<void> {
    const [part, proofs] = await this.#both(file, this.#entry(file).path);
    await Promise.all([part.sync(), proofs.sync()]);
    await replaceFile(this.disk, this.#leavesOf(file), utf8(leaves));
    // It was given up meanwhile: what removed its leaves may have done so before these were there.
    if (!this.#entries.has(file)) await this.disk.remove(this.#leavesOf(file));
  }

  finish(file: OfferId, name: string): Promise<string> {
    return this.#change(file, () => this.#finish(file, name));
  }

  async #finish(file: OfferId, name: string): Promise<string> {
    const entry = this.#entry(file);
    if (this.downloads === null) throw new P2pchatError("disk", "nothing is received here");
    await this.#removeReserved(entry);
    const reserved = await this.downloads.create((copy) => numberedName(name, copy), (path) => {
      entry.about = path;
      return this.#store();
    });
    reserved.close();
    const part = entry.path;
    await this.#open.at(part); // what others are reading is read on, whatever the file's name
    await this.downloads.move(part, reserved.path);
    const about = await RandomFile.versionAt(reserved.path) ?? "";
    Object.assign(entry, { kind: "whole", path: reserved.path, about });
    this.#open.renamed(part, reserved.path);
    await atLast(this.#store());
    await atLast(this.disk.remove(this.#leavesOf(file))); // last: see `#isUntold`
    return reserved.path;
  }

  discard(file: OfferId): Promise<void> {
    return this.#change(file, async () => {
      if (this.#entries.get(file)?.kind === "part") await this.#removePart(file);
      await this.#forget(file);
    });
  }

  changed(file: OfferId, signature: Uint8Array): Promise<void> {
    return this.#change(file, async () => {
      const entry = this.#entries.get(file);
      if (entry === undefined) return;
      entry.changed = signature;
      await this.#store();
    });
  }

  // Both.

  async read(
    file: OfferId,
    { leaf, offset, length, proofLength }: Extract<TransferEffect, { readonly type: "read" }>,
  ): Promise<{ readonly bytes: Uint8Array; readonly proof: Uint8Array }> {
    await this.#changes.get(file);
    const entry = this.#entry(file);
    const width = proofWidth(leavesOf(entry.offer.offer.value.size));
    const isStill = entry.kind !== "part";
    if (isStill && await this.#isChanged(file, entry)) {
      return { bytes: new Uint8Array(0), proof: new Uint8Array(0) };
    }
    const [content, proofs] = await this.#both(file, entry.path);
    const [bytes, proof] = await Promise.all([
      content.read(offset, length),
      proofs.read(leaf * width, proofLength, isStill ? LEAF_BYTES : 0),
    ]);
    return { bytes, proof };
  }

  /** Looked at once a second: whatever else is read is compared with the file's digest. */
  async #isChanged(file: OfferId, { path, about }: Entry): Promise<boolean> {
    const nowMs = performance.now();
    if (nowMs - (this.#lookedMs.get(file) ?? -Infinity) < LOOK_MS) return false;
    this.#lookedMs.set(file, nowMs);
    return await RandomFile.versionAt(path) !== about;
  }

  forget(file: OfferId): Promise<void> {
    return this.#change(file, () => this.#forget(file));
  }

  async #forget(file: OfferId): Promise<void> {
    const entry = this.#entries.get(file);
    if (entry === undefined) return;
    this.#lookedMs.delete(file);
    this.#entries.delete(file);
    this.#open.close(entry.path);
    await this.#store();
    await this.#open.remove(this.#proofsOf(file));
    await this.disk.remove(this.#leavesOf(file));
  }

  /** Closes all files. */
  close(): void {
    this.#open.closeAll();
  }

  /** Where a file is that is offered or was fetched; undefined: it isn't here. */
  pathOf(file: OfferId): string | undefined {
    return this.#entries.get(file)?.path;
  }

  #entry(file: OfferId): Entry {
    const entry = this.#entries.get(file);
    if (entry === undefined) throw new P2pchatError("disk", "the file was given up meanwhile");
    return entry;
  }

  #proofsOf(file: OfferId): string {
    return `${this.folder}/${file}${PROOFS}`;
  }

  #leavesOf(file: OfferId): string {
    return `${this.folder}/${file}${LEAVES}`;
  }

  async #store(): Promise<void> {
    await this.table.write([...this.#entries].filter(([, one]) => this.isNoted(one)).map(rowOf));
  }

  // Open files.

  async #both(file: OfferId, path: string): Promise<readonly [RandomFile, RandomFile]> {
    const found = await Promise.all([this.#open.at(path), this.#open.at(this.#proofsOf(file))]);
    const [content, proofs] = found;
    if (content !== null && proofs !== null) return [content, proofs];
    const missing = content === null ? path : this.#proofsOf(file);
    throw new P2pchatError("disk", `${missing} is gone: was it moved or removed?`);
  }

  /** Whether this program writes it. */
  #isOurs(path: string): boolean {
    if (path.startsWith(`${this.folder}/`)) return true;
    return this.#entries.values().some((entry) => entry.kind === "part" && entry.path === path);
  }
}

/** Bytes in which the proof of each leaf has room: that of the first leaf is the longest. */
function proofWidth(leaves: number): number {
  return proofLength(leaves, 0) * HASH_BYTES;
}

function rowOf([file, entry]: readonly [OfferId, Entry]): TableRow {
  const { offer: { offer: { bytes }, signature }, kind, path, about, name, changed } = entry;
  const row = [file, kind, path, about, bytes.toBase64(), signature.toBase64(), name];
  return changed === undefined ? row : [...row, changed.toBase64()];
}

/** @throws {P2pchatError} `store-corrupt` where the row is invalid: it would be used as a path, and sent to others. */
function entryIn(path: string, row: TableRow, at: number): [OfferId, Entry] {
  let found: [OfferId, Entry] | null = null;
  try {
    found = entryOf(row);
  } catch (error) {
    if (!(error instanceof RemoteProtocolError) && !(error instanceof SyntaxError)) throw error;
  }
  if (found !== null) return found;
  throw corruptError(path, lineOf(at), "it isn't a file", FORMAT.without);
}

/** Null where it isn't one. @throws {RemoteProtocolError | SyntaxError} Where what it says of one isn't so. */
function entryOf(row: TableRow): [OfferId, Entry] | null {
  const [file = "", kindText, path, about, offer, signature = "", name = "", changed] = row;
  const kind = KINDS.find((each) => each === kindText);
  if (!OFFER_ID.test(file) || kind === undefined) return null;
  if (path === undefined || about === undefined || offer === undefined) return null;
  const bytes = Uint8Array.fromBase64(offer);
  const signed = {
    offer: { bytes, value: decode(offerSchema, bytes) },
    signature: Uint8Array.fromBase64(signature),
  };
  const ended = changed === undefined ? {} : { changed: Uint8Array.fromBase64(changed) };
  const entry = { offer: signed, kind, path, about, name, ...ended };
  return [file as OfferId, entry];
}

/** Of what the next start finds out by itself, or may leave: where the disk refuses it, the rest is done. */
async function atLast(stored: Promise<void>): Promise<void> {
  try {
    await stored;
  } catch (error) {
    if (!(error instanceof P2pchatError)) throw error;
  }
}
