/**
 * Small files of a version, as they stand in `tests/samples/files/profile/`: this program reads in them what was meant
 * then, and writes the same bytes. Those of whole folders, which no two programs write alike, are read in
 * `tests/e2e/samples_test.ts`.
 *
 * `UPDATE=1` writes them anew, after the version of one was raised.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { nodeCrypto } from "../../lib/base/crypto/crypto.ts";
import { P2pchatError } from "../../lib/base/errors.ts";
import { fingerprintOf } from "../../lib/base/text/fingerprint.ts";
import { dateText } from "../../lib/base/text/words.ts";
import { TransferFiles } from "../../lib/cli/files/transfer_files.ts";
import { IrcShown } from "../../lib/cli/irc/rooms/irc_shown.ts";
import { PageAddress } from "../../lib/cli/page/page_address.ts";
import { ScriptInbox } from "../../lib/cli/scripts/script_inbox.ts";
import { LastSeen } from "../../lib/cli/session/last_seen.ts";
import { ServerAddresses } from "../../lib/cli/session/server_addresses.ts";
import { TypedLines } from "../../lib/cli/session/typed_lines.ts";
import type { Disk } from "../../lib/store/disk/disk.ts";
import { Table } from "../../lib/store/disk/table.ts";
import { Ignored } from "../../lib/store/profile/ignored.ts";
import { Settings } from "../../lib/store/profile/settings.ts";
import { MemoryDisk } from "../doubles/memory_disk.ts";
import { fileOf, offerOf, signerOf } from "../protocols/transfer/fixtures.ts";

const SAMPLES = new URL("../samples/files/profile/", import.meta.url);
const UPDATES = Deno.env.get("UPDATE") === "1";
const AT = "2026-11-28T12:00:00.000Z";
const TEXT = 'hello\tthere, "you"';

const turn = () => Promise.resolve({ release() {} });
const never = (found: unknown) => {
  throw new Error(String(found));
};
const unused = () => never("drawn anew");

interface Sample {
  readonly name: string;
  /** Writes it on a disk on which it isn't. */
  write(disk: MemoryDisk): Promise<void>;
  /** What is read of it. */
  read(disk: Disk): Promise<unknown>;
  readonly means: unknown;
}

const IGNORED = {
  key: fingerprintOf(signerOf(1).key),
  name: "Mal",
  since: "2026-11-28",
};
const settings = (disk: Disk) => Settings.open(disk, "/p/settings", turn);
const ignored = (disk: Disk) => Ignored.open(disk, "/p/ignored", turn);

const TOKEN = "x".repeat(43);
const page = (disk: Disk, secret: () => string) =>
  PageAddress.open(disk, { folder: "/p", mode: "mesh" }, turn, secret);

const shown = (disk: Disk) => IrcShown.open({ disk, folder: "/p", takeTurn: turn, warn: never });
const typed = (disk: Disk) => TypedLines.open(disk, "/p/typed", turn, never);
const inbox = (disk: Disk) => ScriptInbox.open(disk, "/p", never, never);

const SAID = { event: "message", id: "a", from: "Bob", text: TEXT, self: false, history: false };

const OWN = signerOf(1);
const { id: OFFER, signed: OFFERED } = offerOf(OWN, fileOf(7));
const offers = (disk: Disk) => TransferFiles.open(disk, nodeCrypto, "/p", null);

const FILES: readonly Sample[] = [
  {
    name: "settings",
    write: async (disk) => await (await settings(disk)).setNotify("all"),
    read: async (disk) => (await settings(disk)).notify,
    means: "all",
  },
  {
    name: "ignored",
    write: async (disk) => await (await ignored(disk)).add(IGNORED),
    read: async (disk) => (await ignored(disk)).all,
    means: [IGNORED],
  },
  {
    name: "web",
    write: async (disk) => await (await page(disk, () => TOKEN)).keepPort(55_108),
    read: async (disk) => {
      const { token, port } = await page(disk, unused);
      return { token, port };
    },
    means: { token: TOKEN, port: 55_108 },
  },
  {
    name: "irc_shown",
    async write(disk) {
      const file = await shown(disk);
      file.add(["one", "two"]);
      await file.settled();
    },
    async read(disk) {
      const file = await shown(disk);
      return ["one", "two", "three"].map((each) => file.has(each));
    },
    means: [true, true, false],
  },
  {
    name: "typed",
    async write(disk) {
      const file = await typed(disk);
      for (const line of ["one", TEXT]) file.add(line);
      await file.settled();
    },
    read: async (disk) => (await typed(disk)).lines,
    means: ["one", TEXT],
  },
  {
    name: "seen",
    write: async (disk) => await (await LastSeen.open(disk, "/p", never)).leave(Date.parse(AT)),
    read: async (disk) => dateText((await LastSeen.open(disk, "/p", never)).sinceMs!),
    means: AT,
  },
  {
    name: "instances",
    write: async (disk) =>
      await (await ServerAddresses.open(disk, "/p")).keep("chat.example:6000", [
        { host: "192.0.2.1", port: 6_001 },
        { host: "2001:db8::1", port: 6_002 },
      ]),
    read: async (disk) => (await ServerAddresses.open(disk, "/p")).of("chat.example:6000"),
    means: [{ host: "192.0.2.1", port: 6_001 }, { host: "2001:db8::1", port: 6_002 }],
  },
  {
    name: "inbox",
    async write(disk) {
      const file = await inbox(disk);
      file.heard({ event: "ready" }, AT);
      for (const id of ["a", "b"]) file.heard({ ...SAID, id }, AT);
      await file.synced();
      await file.take(file.next(() => true)!.id);
      await file.close();
    },
    async read(disk) {
      const file = await inbox(disk);
      const event = file.next(() => true)?.event;
      await file.close();
      return event;
    },
    means: { ...SAID, id: "b", at: AT },
  },
  {
    name: "offers",
    // Only a file that is there can be offered: what stands in the sample is written again.
    async write(disk) {
      disk.place("/p/offers", Deno.readFileSync(new URL("offers", SAMPLES)));
      await (await offers(disk)).rename(OFFER, "");
    },
    async read(disk) {
      const { files } = await (await offers(disk)).restored(OWN.key);
      return { files, path: (await offers(disk)).pathOf(OFFER) };
    },
    means: {
      files: [{ offer: OFFERED, kind: "whole", name: null, isGone: true }],
      path: "/home/notes.txt",
    },
  },
];

/** The file as this program writes it. */
async function written({ name, write }: Sample): Promise<string> {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p");
  await write(disk);
  return disk.text(`/p/${name}`)!;
}

for (const file of FILES) {
  const { name, read, means } = file;
  const sample = new URL(name, SAMPLES);

  if (UPDATES) Deno.writeTextFileSync(sample, await written(file));

  Deno.test(`${name} of the version is read as it was meant`, async () => {
    const disk = new MemoryDisk();
    disk.place(`/p/${name}`, Deno.readFileSync(sample));
    assertEquals(await read(disk), means);
  });

  Deno.test(`${name} is written as it was when its version began`, async () => {
    assertEquals(
      await written(file),
      Deno.readTextFileSync(sample),
      "files that are in use are of this form: change it back, or raise the file's version",
    );
  });
}

Deno.test("a row of offers that is none is refused, with its line", async () => {
  const [row] = (await offersTable()).rows!;
  const [file, , path, about, offer, signature] = row!;
  const odd = [
    [file!],
    [file!, "other", path!, about!, offer!, signature!],
    [file!, "own", path!, about!, "!", signature!],
    [file!, "own", path!, about!, "AAAA", signature!],
    [file!, "own", path!, about!, offer!, "!"],
    [file!, "own", path!, about!, offer!, signature!, "", "!"],
  ];
  for (const each of odd) {
    const disk = new MemoryDisk();
    const { table } = await offersTable(disk);
    await table.write([row!, each]);

    const error = await assertRejects(() => offers(disk), P2pchatError);

    assertEquals(error.code, "store-corrupt");
    assert(error.message.startsWith("Cannot read /p/offers: line 3 is damaged"), error.message);
  }
});

async function offersTable(disk = new MemoryDisk()) {
  disk.place("/p/offers", Deno.readFileSync(new URL("offers", SAMPLES)));
  return await Table.open(disk, "/p/offers", { format: "transfer-files", version: 1 });
}

Deno.test("a port of the page that is none counts as none", async () => {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p");
  const { table } = await Table.open(disk, "/p/web", { format: "web", version: 1 });
  await table.write([["token", TOKEN], ["port", "mesh", "65536"]]);

  assertEquals((await page(disk, unused)).port, null);
});
