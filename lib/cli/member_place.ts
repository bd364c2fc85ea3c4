/**
 * What a profile keeps of groups: a folder for each coordinator, `group/ID/`, with what the member must not forget in
 * `state`, the group's log in `log`, unless `--db` says where else, and these choices in `place`, with the addresses
 * that the coordinator has had. Whose group it is the coordinator's key tells, that `known_peers` has for the first of
 * them.
 */

import { canonicalHost, hostSpellings, parsePort } from "../base/endpoints.ts";
import type { Fingerprint } from "../base/fingerprint.ts";
import { type Endpoint, endpointText } from "../base/ids.ts";
import { P2pchatError } from "../base/errors.ts";
import { type Disk, folderOf, systemReason } from "../store/disk.ts";
import { pathDigest } from "../store/paths.ts";
import { Table, type TableRow } from "../store/table.ts";
import { defaultLog } from "./group_store.ts";
import { realTablePath } from "./table_path.ts";

const PLACE_FORMAT = { format: "group-place", version: 1 } as const;

/** What is remembered for the next start. */
export interface PlaceUse {
  /** Where the coordinator was sought. */
  readonly server: Endpoint;
  readonly logPath: string;
  readonly port: number;
}

/**
 * The absolute path without links of the log that the user wants at `path`, where one can be kept.
 * @throws {P2pchatError} `bad-file` where there is no such folder, or it is out of reach.
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
    throw refused(systemReason(error.cause), "name another file");
  }
  if (kind === "folder") return real;
  const why = kind === null ? `there is no folder ${folder}` : `${folder} is no folder`;
  throw refused(why, "make it, or name another file");
}

/** The coordinator's key, where it was met at an address. */
export type KeyAt = (address: string) => Fingerprint | null;

export class MemberPlace {
  private constructor(
    readonly table: Table,
    readonly folder: string,
    /** The coordinator's, the first one first: keys are remembered for that. */
    readonly addresses: readonly string[],
    readonly rows: readonly TableRow[],
  ) {}

  /**
   * The place in a folder; where there is none yet, that of `address`.
   * @returns Null where there is none and no address.
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

  /** Where the log is. The usual place moves with the profile. */
  get logPath(): string {
    return this.#kept("log") || defaultLog(this.folder);
  }

  /** The port for datagrams of the last time: who was in the group looks for us there. Null where there is none. */
  get lastPort(): number | null {
    return parsePort(this.#kept("port"));
  }

  /** For the next start. @throws {P2pchatError} `disk`. */
  async remember({ server, logPath, port }: PlaceUse): Promise<void> {
    const address = addressOf(server);
    const { addresses } = this;
    const all = addresses.includes(address) ? addresses : [...addresses, address];
    const rows = [
      ...all.map((each) => ["server", each]),
      ["log", logPath === defaultLog(this.folder) ? "" : logPath],
      ["port", String(port)],
    ];
    if (JSON.stringify(rows) !== JSON.stringify(this.rows)) await this.table.write(rows);
  }

  #kept(name: string): string {
    return this.rows.find(([kept]) => kept === name)?.[1] ?? "";
  }
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
   * @throws {P2pchatError} `store-corrupt`, `bad-file` or `disk`: what can't be read may be the place that is sought.
   */
  static async open(disk: Disk, groups: string, keyAt: KeyAt): Promise<MemberPlaces> {
    await disk.makeFolder(groups);
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
   * The place that has this address: one whose coordinator was met rather than another, one that had this spelling
   * first. A new one where none has it: its folder is made by whoever uses it.
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

  /** Whether the key of its coordinator is known. */
  isMet({ address }: MemberPlace): boolean {
    return this.keyAt(address) !== null;
  }

  /** The place of the coordinator that has this key; null where there is none. */
  of(key: Fingerprint): MemberPlace | null {
    return this.all.find(({ address }) => this.keyAt(address) === key) ?? null;
  }

  /** Whether the group of a coordinator whose address has `place` may be in another one. */
  mayBeElsewhere(place: MemberPlace): boolean {
    return !this.isMet(place) && this.all.some((each) => this.isMet(each));
  }
}

function addressOf(server: Endpoint): string {
  return endpointText({ ...server, host: canonicalHost(server.host) });
}
