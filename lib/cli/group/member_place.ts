/**
 * A profile's data of groups: a folder for each coordinator, `group/ID/`, with the member's state in `state`, the
 * group's log in `log`, unless `--db` names another file, and in `place` these choices and the addresses that the
 * coordinator has had. A coordinator is identified by its key, which `known_peers` has for the first of its
 * addresses.
 */

import { canonicalHost, hostSpellings, parsePort } from "../../base/text/endpoints.ts";
import type { Fingerprint } from "../../base/text/fingerprint.ts";
import { type Endpoint, endpointText } from "../../base/ids.ts";
import { P2pchatError, systemText } from "../../base/errors.ts";
import {
  GROUP_SECRET_BYTES,
  type GroupSecret,
  rememberedSecrets,
} from "../../protocols/group/schema/group_secrets.ts";
import { type Disk, folderOf } from "../../store/disk/disk.ts";
import { findProfileFolder, type ProfileOwner } from "../../store/profile/profile_folder.ts";
import { RealDisk } from "../../store/disk/real_disk.ts";
import { pathDigest } from "../../store/disk/paths.ts";
import { Table, type TableRow } from "../../store/disk/table.ts";
import { defaultLog } from "./group_store.ts";
import { realTablePath } from "../session/table_path.ts";

/** The name of each row with a secret of a private group. */
const SECRET = "secret";

const PLACE_FORMAT = { format: "group-place", version: 1 } as const;

/** What the next start needs to know. */
interface PlaceUse {
  /** The address at which the coordinator was dialled. */
  readonly server: Endpoint;
  readonly logPath: string;
  readonly port: number;
}

/**
 * The absolute path, without links, for a log that the user wants at `path`.
 * @throws {P2pchatError} `bad-file` where the folder doesn't exist or isn't accessible.
 */
export async function logPathOf(disk: Disk, path: string): Promise<string> {
  const real = await realTablePath(path);
  const folder = folderOf(real);
  const refused = (why: string, wayOut: string) =>
    new P2pchatError("bad-file", `Cannot keep a log at ${path}: ${why}; ${wayOut} with --db`);
  let kind: string | null;
  try {
    await disk.stat(`${real}.lock`);
    kind = (await disk.stat(folder))?.kind ?? null;
  } catch (error) {
    if (!(error instanceof P2pchatError)) throw error;
    throw refused(systemText(error.cause), "name another file");
  }
  if (kind === "folder") return real;
  const why = kind === null ? `there is no folder ${folder}` : `${folder} is no folder`;
  throw refused(why, "make it, or name another file");
}

/**
 * The logs that the places of a profile name, outside it: what an earlier start was told with `--db`. None where they
 * can't be read: opening them reports the error.
 */
export async function rememberedLogs(owner: ProfileOwner): Promise<readonly string[]> {
  const disk = new RealDisk();
  try {
    const profile = await findProfileFolder(disk, owner);
    if (profile === null) return [];
    const { all } = await MemberPlaces.open(disk, groupsFolder(profile), () => null);
    return all.map(({ logPath }) => logPath).filter((path) => !path.startsWith(`${profile}/`));
  } catch (error) {
    if (error instanceof P2pchatError) return [];
    throw error;
  }
}

/** The coordinator's key, if one was met at the address. */
type KeyAt = (address: string) => Fingerprint | null;

export class MemberPlace {
  private constructor(
    readonly table: Table,
    readonly folder: string,
    /** The coordinator's addresses, the first one first: its key is pinned for that one. */
    readonly addresses: readonly string[],
    private rows: readonly TableRow[],
  ) {}

  /**
   * The place stored in a folder; where there is none yet, a new one for `address`.
   * @returns Null where there is none, and `address` is null.
   * @throws {P2pchatError} `store-corrupt`, `bad-file` or `disk`.
   */
  static async open(
    disk: Disk,
    folder: string,
    address: string | null,
  ): Promise<MemberPlace | null> {
    const { table, rows } = await Table.open(disk, `${folder}/place`, PLACE_FORMAT);
    const kept = (rows ?? []).flatMap(([name, value = ""]) => name === "server" ? [value] : []);
    if (kept.length > 0) return new MemberPlace(table, folder, kept, rows!);
    return address === null ? null : new MemberPlace(table, folder, [address], []);
  }

  get address(): string {
    return this.addresses[0]!;
  }

  /** The path of the log. The default path changes when the profile is moved. */
  get logPath(): string {
    return this.#kept("log") || defaultLog(this.folder);
  }

  /** The last port for datagrams, where the group's members dial this one. Null where there is none. */
  get lastPort(): number | null {
    return parsePort(this.#kept("port"));
  }

  /** Stores what the next start needs. @throws {P2pchatError} `disk`. */
  async remember({ server, logPath, port }: PlaceUse): Promise<void> {
    const address = addressOf(server);
    const { addresses } = this;
    const all = addresses.includes(address) ? addresses : [...addresses, address];
    await this.#write([
      ...all.map((each) => ["server", each]),
      ["log", logPath === defaultLog(this.folder) ? "" : logPath],
      ["port", String(port)],
      ...this.rows.filter(([name]) => name === SECRET),
    ]);
  }

  /** The secrets that opened a private group, as its coordinator told them, the last one first. */
  get secrets(): readonly GroupSecret[] {
    return this.rows.flatMap(([name, epoch = "", secret = ""]) => {
      const isWhole = name === SECRET && /^[1-9]\d{0,9}$/.test(epoch) &&
        secret.length === 2 * GROUP_SECRET_BYTES && /^[0-9a-f]+$/.test(secret);
      return isWhole ? [{ epoch: Number(epoch), secret: Uint8Array.fromHex(secret) }] : [];
    });
  }

  /** The group is open: the next start needs none. @throws {P2pchatError} `disk`. */
  async forgetSecrets(): Promise<void> {
    await this.#write(this.rows.filter(([name]) => name !== SECRET));
  }

  /** Keeps it for the next start. @throws {P2pchatError} `disk`. */
  async keepSecret(told: GroupSecret): Promise<void> {
    const others = this.rows.filter(([name]) => name !== SECRET);
    const secrets = rememberedSecrets(this.secrets, told).map(
      ({ epoch, secret }) => [SECRET, String(epoch), secret.toHex()],
    );
    await this.#write([...others, ...secrets]);
  }

  async #write(rows: readonly TableRow[]): Promise<void> {
    if (JSON.stringify(rows) === JSON.stringify(this.rows)) return;
    this.rows = rows;
    await this.table.write(rows);
  }

  #kept(name: string): string {
    return this.rows.find(([kept]) => kept === name)?.[1] ?? "";
  }
}

/** The folder of all groups of a profile. */
export function groupsFolder(profile: string): string {
  return `${profile}/group`;
}

/** The places of a profile. */
export class MemberPlaces {
  private constructor(
    readonly disk: Disk,
    readonly groups: string,
    readonly keyAt: KeyAt,
    readonly all: readonly MemberPlace[],
  ) {}

  /**
   * @param groups The folder of all groups of the profile.
   * @throws {P2pchatError} `store-corrupt`, `bad-file` or `disk`: an unreadable place may be the one that is
   *   needed.
   */
  static async open(disk: Disk, groups: string, keyAt: KeyAt): Promise<MemberPlaces> {
    const all: MemberPlace[] = [];
    for (const name of [...await disk.list(groups)].sort()) {
      const folder = `${groups}/${name}`;
      if ((await disk.stat(folder))?.kind !== "folder") continue;
      const place = await MemberPlace.open(disk, folder, null);
      if (place !== null) all.push(place);
    }
    return new MemberPlaces(disk, groups, keyAt, all);
  }

  /**
   * The place with this address. Of several, preferably one whose coordinator was met, then one whose first address
   * has the same spelling. Where there is none, a new one, whose folder the caller has to create.
   * @throws {P2pchatError} `disk`.
   */
  async at(server: Endpoint): Promise<MemberPlace> {
    const address = addressOf(server);
    const names = hostSpellings(server.host).map((host) => endpointText({ ...server, host }));
    const named = this.all.filter(({ addresses }) =>
      addresses.some((each) => names.includes(each))
    );
    const rank = (place: MemberPlace) =>
      (this.isMet(place) ? 2 : 0) + (place.address === address ? 1 : 0);
    const [best] = named.sort((one, other) => rank(other) - rank(one));
    if (best !== undefined) return best;
    const folder = `${this.groups}/${pathDigest(address)}`;
    return (await MemberPlace.open(this.disk, folder, address))!;
  }

  /** Whether its coordinator's key is known. */
  isMet({ address }: MemberPlace): boolean {
    return this.keyAt(address) !== null;
  }

  /** The place of the coordinator with this key; null where there is none. */
  of(key: Fingerprint): MemberPlace | null {
    return this.all.find(({ address }) => this.keyAt(address) === key) ?? null;
  }

  /** Whether the coordinator at the address of `place` may turn out to be one whose group has another place. */
  mayBeElsewhere(place: MemberPlace): boolean {
    return !this.isMet(place) && this.all.some((each) => this.isMet(each));
  }
}

function addressOf(server: Endpoint): string {
  return endpointText({ ...server, host: canonicalHost(server.host) });
}
