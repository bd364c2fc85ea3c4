/**
 * A profile's identity: the Ed25519 seed, created at first use, in a table of its own that `cat` shows:
 *
 *     ab12cd34  p2pchat      identity                      1
 *     12ab34cd  seed         9d61b19deffd5a60ba844af4...
 *     34cd12ab  fingerprint  k7f3...
 *     90cc31d8  end          2                             3f5ce211
 *
 * Whoever has the seed can act as the user: the file has mode 0600, and no log or error contains the seed. Under a
 * passphrase the seed's row is another one (`sealed_seed.ts`).
 */

import { nodeSigner, type Signer } from "../../base/crypto/crypto.ts";
import { P2pchatError } from "../../base/errors.ts";
import {
  parseSealedSeed,
  SEALED_KIND,
  sealedCells,
  type SealedSeed,
} from "../../base/crypto/sealed_seed.ts";
import { type Fingerprint, fingerprintOf } from "../../base/text/fingerprint.ts";
import { corruptError, type Disk, FILE_MODE } from "../disk/disk.ts";
import { TURN_FILE } from "../disk/held_lock.ts";
import { ACCOUNTS_FILE } from "../disk/paths.ts";
import { REPLACEMENT_SUFFIX } from "../disk/replacement.ts";
import { Table, type TableRow } from "../disk/table.ts";

/** The consequence of starting without this file: no data is lost, but the identity is another one. */
const WITHOUT = "and be somebody else for all who know you";
const FORMAT = { format: "identity", version: 1, without: WITHOUT } as const;
const SEED_BYTES = 32;
// Line 1 names the format; the rows follow.
const SEED_LINE = 2;
const FINGERPRINT_LINE = 3;

interface Identity {
  readonly signer: Signer;
  readonly fingerprint: Fingerprint;
  /** Whether it was created just now, so that nobody knows the key yet. */
  readonly isNew: boolean;
}

interface OpenedIdentity extends Identity {
  /** That others could read it. */
  readonly notices: readonly string[];
}

/** The identity of a profile. */
export interface ProfileIdentity extends Identity {
  /**
   * What the user should know: that the key is new although the profile isn't, or may have been copied. Empty from the second call on, as it is
   * to be shown once.
   */
  takeNotices(): readonly string[];
}

const IDENTITY_FILE = "identity";

/** The file with the key of the profile in `folder`, or of a server. */
export function identityPath(folder: string): string {
  return `${folder}/${IDENTITY_FILE}`;
}

/** Whether the profile in `folder` was used before. To be called before this start creates anything there. */
export async function isUsedProfile(disk: Disk, folder: string): Promise<boolean> {
  return (await disk.list(folder)).some(isTraceOfUse);
}

/**
 * The identity of the profile in `folder`, which must exist; created and durable where there is none.
 * @param isUsed The result of `isUsedProfile`.
 * @param randomBytes Returns unpredictable bytes.
 * @param unseal Finds the seed of an identity under a passphrase; by default that is refused, with `bad-credentials`.
 * @throws {P2pchatError} As `openIdentity`.
 */
export async function openProfileIdentity(
  disk: Disk,
  folder: string,
  isUsed: boolean,
  randomBytes: (length: number) => Uint8Array,
  unseal: Unseal = refuseSealed,
): Promise<ProfileIdentity> {
  const path = identityPath(folder);
  const identity = await openIdentity(disk, path, randomBytes, unseal);
  const isLost = identity.isNew && isUsed;
  const notices = [...identity.notices, ...isLost ? [lostText(path, identity)] : []];
  return { ...identity, takeNotices: () => notices.splice(0) };
}

/** Whether a file is there as soon as a profile's key was made, before anything else is. */
export function isOfUnused(file: string): boolean {
  return file === IDENTITY_FILE || file === TURN_FILE;
}

/**
 * Whether a file shows that the profile was used. Locks, accounts that a directory's operator added before its
 * first start, and an identity that was never put in place, may exist before anybody can know the key.
 */
function isTraceOfUse(file: string): boolean {
  return !file.endsWith(".lock") && !BEFORE_USE.includes(file);
}

const BEFORE_USE: readonly string[] = [ACCOUNTS_FILE, `${IDENTITY_FILE}${REPLACEMENT_SUFFIX}`];

function lostText(path: string, { fingerprint }: Identity): string {
  return `Your key is new, ${fingerprint}: ${path} was missing, and for others you are somebody else; ` +
    "restore that file from a copy to be who you were";
}

/**
 * The identity in the file at `path`; created and durable where there is none.
 * @param randomBytes Returns unpredictable bytes.
 * @param unseal As for `openProfileIdentity`.
 * @throws {P2pchatError} `store-corrupt` with file and line; `bad-file` for another format or version; `disk`; what
 *   `unseal` throws.
 */
export async function openIdentity(
  disk: Disk,
  path: string,
  randomBytes: (length: number) => Uint8Array,
  unseal: Unseal = refuseSealed,
): Promise<OpenedIdentity> {
  const { table, rows } = await Table.open(disk, path, FORMAT);
  if (rows !== null) {
    const notices = await restrictMode(disk, path);
    const found = seedIn(path, rows);
    const seed = "box" in found ? await unseal(found, path) : found;
    return { ...identityOf(path, rows, seed), isNew: false, notices };
  }
  const seed = randomBytes(SEED_BYTES);
  const signer = nodeSigner(seed);
  const fingerprint = fingerprintOf(signer.key);
  await table.write([["seed", seed.toHex()], ["fingerprint", fingerprint]]);
  return { signer, fingerprint, isNew: true, notices: [] };
}

/** Finds the seed, as by asking for the passphrase. @throws {P2pchatError} Why that failed. */
export type Unseal = (sealed: SealedSeed, path: string) => Promise<Uint8Array>;

function refuseSealed(_: SealedSeed, path: string): Promise<never> {
  const text =
    `Cannot use ${path}: the key in it is under a passphrase, which can't be given here; ` +
    "put a file without one there";
  return Promise.reject(new P2pchatError("bad-credentials", text));
}

/**
 * The seed in the identity at `path`, or the sealed one; null where there is no file.
 * @throws {P2pchatError} As `openIdentity`.
 */
export async function readSeed(disk: Disk, path: string): Promise<Uint8Array | SealedSeed | null> {
  const rows = await Table.read(disk, path, FORMAT);
  if (rows === null) return null;
  const seed = seedIn(path, rows);
  if (!("box" in seed)) identityOf(path, rows, seed);
  return seed;
}

/**
 * As `readSeed`, for who is going to replace it: removes what an interrupted replacement left, which may be the seed
 * without its passphrase, and takes the file from others. To be called while no other program replaces it.
 * @returns Also the notices of `openIdentity`. @throws {P2pchatError} As `openIdentity`.
 */
export async function takeSeed(
  disk: Disk,
  path: string,
): Promise<{ seed: Uint8Array | SealedSeed; notices: readonly string[] } | null> {
  await disk.remove(path + REPLACEMENT_SUFFIX);
  const seed = await readSeed(disk, path);
  return seed === null ? null : { seed, notices: await restrictMode(disk, path) };
}

/**
 * Replaces the seed of the identity at `path`, which is the same one in another form; durable when it returns. After a
 * crash the file has one of the two.
 * @throws {P2pchatError} `disk`; the file has its old content.
 */
export async function writeSeed(
  disk: Disk,
  path: string,
  seed: Uint8Array | SealedSeed,
  fingerprint: Fingerprint,
): Promise<void> {
  const { table } = await Table.open(disk, path, FORMAT);
  const row = "box" in seed ? sealedCells(seed) : ["seed", seed.toHex()];
  await table.write([row, ["fingerprint", fingerprint]]);
}

function seedIn(path: string, rows: readonly TableRow[]): Uint8Array | SealedSeed {
  const [seedRow = [], fingerprintRow = []] = rows;
  if (seedRow[0] === SEALED_KIND) {
    const sealed = parseSealedSeed(seedRow, fingerprintRow[1] ?? "");
    if (typeof sealed === "string") throw corruptError(path, SEED_LINE, sealed, WITHOUT);
    return sealed;
  }
  const [seedName, seedHex] = seedRow;
  if (seedName !== "seed" || seedHex === undefined || !/^[0-9a-f]{64}$/.test(seedHex)) {
    throw corruptError(path, SEED_LINE, "it holds no seed of 64 hexadecimal digits", WITHOUT);
  }
  return Uint8Array.fromHex(seedHex);
}

function identityOf(
  path: string,
  [, fingerprintRow]: readonly TableRow[],
  seed: Uint8Array,
): Omit<Identity, "isNew"> {
  const signer = nodeSigner(seed);
  const fingerprint = fingerprintOf(signer.key);
  const [name, stored] = fingerprintRow ?? [];
  if (name !== "fingerprint" || stored !== fingerprint) {
    const found = `it isn't the seed's fingerprint (${fingerprint})`;
    throw corruptError(path, FINGERPRINT_LINE, found, WITHOUT);
  }
  return { signer, fingerprint };
}

const OTHERS_BITS = 0o077;

/** Restricts the file to its owner: one restored from a backup may have another mode. @returns Notices of that. */
async function restrictMode(disk: Disk, path: string): Promise<readonly string[]> {
  const mode = (await disk.stat(path))?.mode ?? FILE_MODE;
  if (mode !== FILE_MODE) await disk.setMode(path, FILE_MODE);
  if ((mode & OTHERS_BITS) === 0) return [];
  return [
    `${path} was open to others (mode ${
      mode.toString(8).padStart(4, "0")
    }), now it is yours alone (0600): ` +
    "whoever could enter its folder may have copied your key, and can be you; if you don't trust them, begin anew in " +
    "another folder with --data",
  ];
}
