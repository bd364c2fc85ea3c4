/**
 * The smaller files of a profile: what its user has chosen, whom they ignore, what was typed, shown, offered and said
 * privately, when they were there last, where servers are, and what waits for a script.
 */

import { assert } from "@std/assert";
import { nodeCrypto } from "../../../lib/base/crypto/crypto.ts";
import { isAddress, parseHost, PORT_MAX } from "../../../lib/base/text/endpoints.ts";
import { TransferFiles } from "../../../lib/cli/files/transfer_files.ts";
import { IrcShown } from "../../../lib/cli/irc/rooms/irc_shown.ts";
import { PageAddress } from "../../../lib/cli/page/page_address.ts";
import { ScriptInbox } from "../../../lib/cli/scripts/script_inbox.ts";
import { LastSeen } from "../../../lib/cli/session/last_seen.ts";
import { PrivateLog } from "../../../lib/cli/session/private_log.ts";
import { ServerAddresses } from "../../../lib/cli/session/server_addresses.ts";
import { TypedLines } from "../../../lib/cli/session/typed_lines.ts";
import { readSeed } from "../../../lib/store/profile/identity.ts";
import { Ignored } from "../../../lib/store/profile/ignored.ts";
import { NOTIFY_LEVELS, Settings } from "../../../lib/store/profile/settings.ts";
import type { MemoryDisk } from "../../doubles/memory_disk.ts";
import { signerOf } from "../../protocols/transfer/fixtures.ts";
import { oneFile, onlyEntry, profileIn, type StoredFile, storedFiles } from "../stored_files.ts";

const turn = () => Promise.resolve({ release() {} });
const fails = (error: unknown) => {
  throw error;
};

/** Users are told of what goes on without a file. */
function warn(text: string): void {
  assert(/^[A-Z]/.test(text) && text.includes("/p/"), text.slice(0, 500));
}

function isPort(port: number | null): boolean {
  return port === null || (Number.isInteger(port) && port > 0 && port <= PORT_MAX);
}

function small(name: string, open: StoredFile["open"]): StoredFile {
  return oneFile(`profile/${name}`, `/p/${name}`, open);
}

async function openSettings(disk: MemoryDisk): Promise<void> {
  assert(NOTIFY_LEVELS.includes((await Settings.open(disk, "/p/settings", turn)).notify));
}

async function openIgnored(disk: MemoryDisk): Promise<void> {
  const ignored = await Ignored.open(disk, "/p/ignored", turn);
  assert(ignored.all.every(({ key }) => ignored.has(key)));
}

async function openPage(disk: MemoryDisk): Promise<void> {
  const place = { folder: "/p", mode: "mesh" };
  const page = await PageAddress.open(disk, place, turn, () => "x".repeat(43));
  assert(isPort(page.port), `${page.port} is a port`);
  assert(/^[A-Za-z0-9_-]{43}$/.test(page.token));
}

async function openSeen(disk: MemoryDisk): Promise<void> {
  const seen = await LastSeen.open(disk, "/p", warn);
  seen.returned(1_790_000_000_000, "");
}

async function openServers(disk: MemoryDisk): Promise<void> {
  for (const { host, port } of (await ServerAddresses.open(disk, "/p")).of("chat.example:6000")) {
    assert(parseHost(host) === host || isAddress(host), host);
    assert(isPort(port));
  }
}

async function openInbox(disk: MemoryDisk): Promise<void> {
  const inbox = await ScriptInbox.open(disk, "/p", warn, fails);
  const next = inbox.next(() => true);
  if (next !== null) await inbox.take(next.id);
  await inbox.close();
}

async function openOffers(disk: MemoryDisk): Promise<void> {
  const files = await TransferFiles.open(disk, nodeCrypto, "/p", null);
  await files.restored(signerOf(1).key);
}

const TALK = `${profileIn("private/ann")}/mesh`;

async function openPrivate(disk: MemoryDisk): Promise<void> {
  const log = new PrivateLog(disk, "/p", warn);
  await log.find(() => true, 100);
  await log.close();
}

const ALL: readonly StoredFile[] = [
  small("settings", openSettings),
  small("ignored", openIgnored),
  small("web", openPage),
  small(
    "irc_shown",
    (disk) => IrcShown.open({ disk, folder: "/p", takeTurn: turn, warn }),
  ),
  small("typed", (disk) => TypedLines.open(disk, "/p/typed", turn, warn)),
  small("seen", openSeen),
  small("instances", openServers),
  small("inbox", openInbox),
  small("offers", openOffers),
  oneFile(`${TALK}/${onlyEntry(TALK)}/private-000001`, "/p/private-000001", openPrivate),
  oneFile(
    `${profileIn("passphrase")}/identity`,
    "/p/identity",
    (disk) => readSeed(disk, "/p/identity"),
  ),
];

const KINDS = ["token", "port", "notify", "all", "came", "taken", "through", "own", "part", "whole"]
  .concat([
    "said",
    "to",
    "from",
    "mesh",
    "chat.example:6000",
    "192.0.2.1:70000",
    "70000",
    "{",
    "[",
  ]);

export const profileTarget = storedFiles("profile", ALL, KINDS);
