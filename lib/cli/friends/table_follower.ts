/** The table of friends while the program runs: the user's own row, and the effect of edits. */

import { P2pchatError } from "../../base/errors.ts";
import { type Endpoint, endpointText } from "../../base/ids.ts";
import { foldName, shownName } from "../../base/text/names.ts";
import { RealDisk } from "../../store/disk/real_disk.ts";
import type { ProfileIdentity } from "../../store/profile/identity.ts";
import {
  ownRow,
  type OwnRowKey,
  type UserInfoRow,
  userInfoRows,
} from "../../store/users/user_info.ts";
import { readUserInfo, type UserInfoListener } from "../../store/users/user_info_file.ts";
import type { Links } from "../../transport/link.ts";

/** A parsed table and the user's own row. */
export interface FriendsTable {
  readonly rows: readonly UserInfoRow[];
  readonly own: UserInfoRow;
}

/**
 * Reads a table and finds the user's own row.
 * @throws {P2pchatError} `bad-file`.
 */
export async function readFriendsTable(
  file: string,
  own: OwnRowKey,
  data?: string,
): Promise<{ readonly bytes: Uint8Array; readonly table: FriendsTable }> {
  const bytes = await readUserInfo(new RealDisk(), file);
  const rows = userInfoRows(file, bytes);
  return { bytes, table: { rows, own: ownRow(file, rows, own, data) } };
}

/** All rows but the user's own. */
export function friendsOf({ rows, own }: FriendsTable): readonly UserInfoRow[] {
  return rows.filter((row) => row !== own);
}

/** @throws {P2pchatError} `bad-file` where the table has another key for the user's name. */
export function checkOwnKey(
  file: string,
  { line, name, fingerprint }: UserInfoRow,
  own: Pick<ProfileIdentity, "fingerprint">,
): void {
  if (fingerprint === null || fingerprint === own.fingerprint) return;
  const text =
    `Cannot be ${shownName(name)}: ${file}, line ${line}, says that ${
      shownName(name)
    }'s key is ${fingerprint}, and this ` +
    `profile's is ${own.fingerprint}; correct the row, or use the profile with that key (--data DIR)`;
  throw new P2pchatError("bad-file", text);
}

/** Where the user's own row says that the user is now; null where it was so before. */
function ownAddressText(before: FriendsTable, now: FriendsTable): string | null {
  const [was, is] = [before, now].map(({ own }) => endpointText(own.endpoint));
  return was === is ? null : `you are at ${is} now`;
}

interface TableReports {
  /** Whether another key is known of this friend: then the machine warns, and here nothing is said of the key. */
  isDisputed(friend: UserInfoRow): boolean;
  /** The table was edited and is valid. */
  edited(table: FriendsTable): void;
  /** @param names Of the friends that are in the table now. */
  notice(text: string, names: readonly string[]): void;
  failed(error: P2pchatError): void;
  /** Sets the present problem; null where there is none. */
  trouble(text: string | null): void;
}

/** Applies valid edits, and reports invalid ones, which have no effect. */
export class TableFollower implements UserInfoListener {
  #table: FriendsTable;
  #isBroken = false;

  constructor(
    readonly file: string,
    table: FriendsTable,
    readonly identity: Pick<ProfileIdentity, "fingerprint">,
    readonly reports: TableReports,
  ) {
    this.#table = table;
  }

  changed(rows: readonly UserInfoRow[]): void {
    const before = this.#table;
    try {
      const own = ownRow(this.file, rows, { name: before.own.name });
      checkOwnKey(this.file, own, this.identity);
      this.#table = { rows, own };
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      return this.broken(error);
    }
    const { file, reports } = this;
    const [was, is] = [before, this.#table].map(friendsOf) as [UserInfoRow[], UserInfoRow[]];
    const edit = editText(was, is, (friend) => reports.isDisputed(friend));
    const names = is.map(({ name }) => name);
    if (this.#isBroken) {
      const changes = [edit, ownAddressText(before, this.#table)].filter((text) => text !== null);
      const asItWas = editText(was, is) === null ? ", as it was" : "";
      const what = changes.length === 0 ? asItWas : `: ${changes.join("; ")}`;
      reports.notice(`${file} is in order again${what}`, names);
    } else if (edit !== null) reports.notice(`${file} was edited: ${edit}`, names);
    this.#isBroken = false;
    reports.trouble(null);
    reports.edited(this.#table);
  }

  broken({ code, message }: P2pchatError): void {
    const text = `${message}. Until then the table is as it was`;
    this.#isBroken = true;
    this.reports.trouble(text);
    this.reports.failed(new P2pchatError(code, text));
  }
}

// Describes an edit of the table of friends in words.

/** The most rows named for each kind of change. */
const NAMED_MAX = 8;

/**
 * The effect of an edit; null where it has none, as with a comment.
 * @param isDisputed Whether nothing is to be said of this row's key.
 */
export function editText(
  before: readonly UserInfoRow[],
  after: readonly UserInfoRow[],
  isDisputed: (row: UserInfoRow) => boolean = () => false,
): string | null {
  const old = byName(before);
  const now = byName(after);
  const added = after.filter(({ name }) => !old.has(foldName(name)));
  const removed = before.filter(({ name }) => !now.has(foldName(name)));
  const changes = after.flatMap((row) => {
    const was = old.get(foldName(row.name));
    return (was === undefined ? null : changeText(was, row, isDisputed(row))) ?? [];
  });
  const texts = [
    ...named("added", added),
    ...named("removed", removed),
    ...changes.slice(0, NAMED_MAX),
    ...(changes.length > NAMED_MAX ? [`${changes.length - NAMED_MAX} more have changed`] : []),
  ];
  return texts.length === 0 ? null : texts.join("; ");
}

function byName(rows: readonly UserInfoRow[]) {
  return new Map(rows.map((row) => [foldName(row.name), row]));
}

function changeText(
  was: UserInfoRow,
  { name, endpoint, fingerprint }: UserInfoRow,
  isDisputed: boolean,
): string | null {
  const place = endpointText(endpoint);
  const facts = [
    ...(place === endpointText(was.endpoint) ? [] : [`is at ${place} now`]),
    ...(fingerprint === was.fingerprint || isDisputed ? [] : [
      fingerprint === null ? "has no key there now" : `has the key ${fingerprint} now`,
    ]),
  ];
  return facts.length === 0 ? null : `${shownName(name)} ${facts.join(" and ")}`;
}

function named(what: string, rows: readonly UserInfoRow[]): readonly string[] {
  if (rows.length === 0) return [];
  const names = rows.slice(0, NAMED_MAX).map(({ name }) => shownName(name)).join(", ");
  const more = rows.length > NAMED_MAX ? ` and ${rows.length - NAMED_MAX} more` : "";
  return [`${what} ${names}${more}`];
}

interface OwnPortPorts {
  readonly links: Pick<Links, "local">;
  /** The path of the table, as the user gave it. */
  readonly file: string;
  /** Whether the command line gives the port. */
  readonly isFixed: boolean;
  notice(text: string): void;
}

/** Tells the user where friends don't dial the port that the program listens at. */
export class OwnPort {
  #table: FriendsTable | null = null;
  /** The row's port of the last message to the user that it isn't the one listened at. */
  #told: number | null = null;

  constructor(readonly ports: OwnPortPorts) {}

  /** Where friends dial the user, by the present table; null before the first one. */
  get dialled(): Endpoint | null {
    return this.#table?.own.endpoint ?? null;
  }

  /** Sets the present table. */
  follow(table: FriendsTable): void {
    this.#table = table;
    const { port } = table.own.endpoint;
    const { links, file, isFixed, notice } = this.ports;
    const isTold = port === links.local.port || this.#told === port;
    this.#told = port;
    if (isTold) return;
    const [as, way] = isFixed
      ? [
        ", as --port says,",
        `leave out --port or change the row, unless calls to ${port} are passed on to you`,
      ]
      : ["", "start again to listen there"];
    notice(
      `You listen at port ${links.local.port}${as} and friends dial ${port}, the port of your row in ${file}: ${way}`,
    );
  }
}

/**
 * The error where the port of the user's row isn't available. Another port would be useless, as friends dial this
 * one.
 */
export function portError(error: P2pchatError, port: number, file: string): P2pchatError {
  if (error.code !== "port-in-use") return error;
  return new P2pchatError(
    error.code,
    `Cannot listen at port ${port}: another program has it; end that program, or change the port of your ` +
      `row in ${file}`,
    { cause: error },
  );
}
