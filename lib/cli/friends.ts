/** `p2pchat peer --users`: wires the friends' machine to sockets, files and the user interface. */

import { P2pchatError } from "../base/errors.ts";
import { fingerprintOf } from "../base/fingerprint.ts";
import { endpointText, type PeerKey } from "../base/ids.ts";
import { invariant } from "../base/invariant.ts";
import { foldName } from "../base/names.ts";
import type { FriendsEvent } from "../protocols/friends/events.ts";
import { FriendsHost, type FriendsStore } from "../runtime/friends_host.ts";
import type { ProfileIdentity } from "../store/identity.ts";
import { RealDisk } from "../store/real_disk.ts";
import { ownRow, type UserInfoRow, userInfoRows } from "../store/user_info.ts";
import { readUserInfo } from "../store/user_info_file.ts";
import { UserInfoWatch } from "../store/user_info_watch.ts";
import { forwardTo, type Links } from "../transport/link.ts";
import { SYSTEM_LINK_CLOCK } from "../transport/system_clock.ts";
import { openTcpLinks } from "../transport/tcp_links.ts";
import { friendsCommands, type FriendsCommandSink } from "./friends_commands.ts";
import { friendsLines, type FriendsOwnEvent, shownFriendsEvent } from "./friends_rendering.ts";
import { friendsPins, openFriends } from "./friends_store.ts";
import type { FriendsOptions } from "./options.ts";
import { modePorts, runMode } from "./run_mode.ts";
import {
  channelIdentity,
  markVerified,
  type Session,
  showFailure,
  withSession,
} from "./session.ts";
import { VERSION } from "./version.ts";

/** The table as it was read. */
interface Table {
  readonly bytes: Uint8Array;
  readonly rows: readonly UserInfoRow[];
  readonly own: UserInfoRow;
}

/**
 * Runs until the user leaves.
 * @throws {P2pchatError} What ended it otherwise; `bad-file` before anything starts.
 */
export async function runFriends(options: FriendsOptions): Promise<void> {
  const { file } = options;
  const bytes = await readUserInfo(new RealDisk(), file);
  const rows = userInfoRows(file, bytes);
  const own = ownRow(file, rows, options.own);
  const mode = { commands: friendsCommands, render: friendsLines };
  await withSession(options, { name: own.name, lockMode: "friends" }, mode, async (session) => {
    checkOwnKey(file, own, session.identity);
    await chat({ ...session, options, table: { bytes, rows, own } });
  });
}

interface Wiring extends Session<FriendsOwnEvent, FriendsCommandSink> {
  readonly options: FriendsOptions;
  readonly table: Table;
}

async function chat(wiring: Wiring): Promise<void> {
  const { options, table, disk, folder, environment, identity } = wiring;
  const path = await absolutePath(options.file);
  const opened = await openFriends(disk, `${folder}/friends`, path);
  const { store } = opened;
  const notices = identity.notice === null ? opened.notices : [identity.notice, ...opened.notices];
  let host: FriendsHost | null = null;
  let links: Links | null = null;
  let watch: UserInfoWatch | null = null;
  try {
    links = openTcpLinks({
      host: options.host,
      port: options.port ?? table.own.endpoint.port,
      identity: channelIdentity(wiring),
      env: environment,
      access: { mode: "friends", room: null, secrets: null, admit: () => null },
      handler: forwardTo(() => {
        invariant(host !== null, "links bring nothing before the host is there");
        return host;
      }),
    });
    environment.log.info("started", {
      version: VERSION,
      command: "peer",
      name: table.own.name,
      key: fingerprintOf(identity.signer.key),
      listening: endpointText(links.local),
      users: path,
      friends: table.rows.length - 1,
    });
    host = hostOf(wiring, links, { store, notices, scope: `users:${path}` });
    watch = followTable(wiring, links, host);
    await runMode(wiring, links, host);
  } finally {
    watch?.close();
    await links?.shutdown("ended");
    await store.close();
  }
}

/** What is on disk of these friends. */
interface Kept {
  readonly store: FriendsStore;
  /** What to tell of it when it has begun. */
  readonly notices: readonly string[];
  /** Of their keys in `known_peers`. */
  readonly scope: string;
}

function hostOf(wiring: Wiring, links: Links, { store, notices, scope }: Kept): FriendsHost {
  const { options, table, environment, identity, knownPeers, ui } = wiring;
  const leave = (cause: string) => {
    environment.log.info("asked to leave", { cause });
    host.command({ command: "quit" }, undefined);
    return true;
  };
  const show = (event: FriendsEvent, ref: string | undefined) => {
    ui.show(shownFriendsEvent(event), ref);
    if (event.event === "verify") return markVerified(wiring, event.peerKey, ref);
    if (event.event !== "ready") return;
    ui.setPrompt(event.name);
    ui.setNames(event.names);
    for (const text of notices) ui.show({ event: "notice", text });
    const target: FriendsCommandSink = (command, ref) => host.command(command, ref);
    ui.listen({ target, ended: () => leave("end of input"), interrupted: leave });
  };
  const pin = (name: string, key: PeerKey, again: boolean) => {
    const wallMs = environment.wallMs();
    const write = again
      ? knownPeers.trust(scope, name, key, wallMs)
      : knownPeers.pin(scope, name, key, wallMs);
    showFailure(ui, write);
  };
  const config = {
    name: table.own.name,
    listening: { host: table.own.endpoint.host, port: links.local.port },
    users: options.file,
    friends: friendsOf(table),
    pins: friendsPins(knownPeers, scope),
    idleMs: options.idleMs,
    queue: options.queue,
  };
  const { signer } = identity;
  const host = new FriendsHost(config, { ...modePorts(wiring, links), signer, store, show, pin });
  ui.heedInterrupts(leave);
  return host;
}

/** Edits of the table take effect while the program runs; what is wrong with one is told, and changes nothing. */
function followTable(wiring: Wiring, links: Links, host: FriendsHost): UserInfoWatch {
  const { options, disk, ui, identity } = wiring;
  const { file } = options;
  let { table } = wiring;
  const broken = ({ code, message }: P2pchatError) =>
    ui.show({ event: "error", code, text: `${message}. Until then the table is as it was` });
  const changed = (rows: readonly UserInfoRow[]) => {
    const before = table;
    try {
      const own = ownRow(file, rows, { name: before.own.name });
      checkOwnKey(file, own, identity);
      table = { ...before, rows, own };
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      return broken(error);
    }
    host.table(friendsOf(table));
    ui.setNames(friendsOf(table).map(({ name }) => name));
    const edit = editText(friendsOf(before), friendsOf(table));
    if (edit !== null) ui.show({ event: "notice", text: `${file} was edited: ${edit}` });
    if (options.port === null) moveTo(table.own.endpoint.port, links, wiring);
  };
  return new UserInfoWatch(disk, file, table.bytes, SYSTEM_LINK_CLOCK, { changed, broken });
}

/** One's own row may have another port now. */
function moveTo(port: number, links: Links, { ui, environment }: Wiring): void {
  if (port === links.local.port) return;
  try {
    links.listenAt(port);
    environment.log.info("listening elsewhere", { listening: endpointText(links.local) });
    ui.show({ event: "notice", text: `Listening at ${port} from now on` });
  } catch (error) {
    if (!(error instanceof P2pchatError)) throw error;
    const text = `${error.message}. Until then this program listens at ${links.local.port}`;
    ui.show({ event: "error", code: error.code, text });
  }
}

/** @throws {P2pchatError} `bad-file` where the table says that somebody else has our name. */
function checkOwnKey(
  file: string,
  { line, name, fingerprint }: UserInfoRow,
  own: ProfileIdentity,
): void {
  if (fingerprint === null || fingerprint === own.fingerprint) return;
  const text =
    `Cannot be ${name}: ${file}, line ${line}, says that ${name}'s key is ${fingerprint}, and this ` +
    `profile's is ${own.fingerprint}; correct the row, or use the profile with that key (--data DIR)`;
  // The next start finds the new key in its place, and has no more to say of the old one.
  throw new P2pchatError("bad-file", own.notice === null ? text : `${text}. ${own.notice}`);
}

function friendsOf({ rows, own }: Table): readonly UserInfoRow[] {
  return rows.filter((row) => row !== own);
}

/** Names that an edit is told with. */
const NAMED_MAX = 8;

/** What an edit changed for us; null where it changed nothing, as with a comment. */
function editText(before: readonly UserInfoRow[], after: readonly UserInfoRow[]): string | null {
  const rowText = ({ endpoint, fingerprint }: UserInfoRow) =>
    `${endpointText(endpoint)} ${fingerprint}`;
  const byName = (rows: readonly UserInfoRow[]) =>
    new Map(rows.map((row) => [foldName(row.name), row]));
  const [old, now] = [byName(before), byName(after)];
  const added = after.filter(({ name }) => !old.has(foldName(name)));
  const removed = before.filter(({ name }) => !now.has(foldName(name)));
  const changed = after.filter((row) => {
    const was = old.get(foldName(row.name));
    return was !== undefined && rowText(was) !== rowText(row);
  });
  const parts = [["added", added], ["removed", removed], ["changed", changed]] as const;
  const texts = parts.flatMap(([what, rows]) =>
    rows.length === 0 ? [] : [`${what} ${namesText(rows)}`]
  );
  return texts.length === 0 ? null : texts.join("; ");
}

function namesText(rows: readonly UserInfoRow[]): string {
  const named = rows.slice(0, NAMED_MAX).map(({ name }) => name).join(", ");
  return rows.length > NAMED_MAX ? `${named} and ${rows.length - NAMED_MAX} more` : named;
}

/**
 * The same for one table, however it is named; a link to a table that is changed for another one stays the same
 * table.
 */
async function absolutePath(file: string): Promise<string> {
  const at = file.lastIndexOf("/");
  const folder = await Deno.realPath(at === -1 ? "." : file.slice(0, at + 1));
  return `${folder === "/" ? "" : folder}/${file.slice(at + 1)}`;
}
