import { assert, assertEquals, assertRejects } from "@std/assert";
import { utf8 } from "../../../lib/base/crypto/crypto.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { foldName } from "../../../lib/base/text/names.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { PeerKey } from "../../../lib/base/ids.ts";
import { openRegistry } from "../../../lib/cli/directory/registry_client.ts";
import type { ClientRecord } from "../../../lib/protocols/directory/schema/client_records.ts";
import { writeAll } from "../../../lib/store/disk/disk.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";

const FOLDER = "/p/registry";

function heard(store: string, number: number): ClientRecord {
  const text = `text ${number}`;
  return {
    kind: "heard",
    store,
    as: foldName("ann"),
    number,
    from: "Bob",
    key: fingerprintOf("b".repeat(64) as PeerKey),
    own: number,
    directory: fingerprintOf("d".repeat(64) as PeerKey),
    sentAt: 1_700_000_000_000,
    text,
    isLasting: true,
  };
}

async function write(disk: MemoryDisk, path: string, text: string): Promise<void> {
  const file = await disk.openAppend(path, { empty: true });
  writeAll(file, utf8(text));
  file.close();
}

async function newDisk(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p");
  return disk;
}

Deno.test("openRegistry() keeps what was heard at several directories, in the order of writing", async () => {
  const disk = await newDisk();
  const [one, other] = ["01".repeat(8), "ef".repeat(8)];
  const records = [heard(one, 1), heard(other, 2), heard(one, 3)];
  const first = await openRegistry(disk, FOLDER);
  assertEquals(first.records, []);
  await first.append(records, true);
  await first.close();

  const again = await openRegistry(disk, FOLDER);
  await again.close();

  assertEquals([again.records, again.notices], [records, []]);
});

Deno.test("openRegistry() drops a torn last line, and tells where another is damaged", async () => {
  const disk = await newDisk();
  const store = await openRegistry(disk, FOLDER);
  await store.append([heard("01".repeat(8), 1), heard("01".repeat(8), 2)], true);
  await store.close();
  const path = `${FOLDER}/log`;
  const text = new TextDecoder().decode((await disk.read(path))!);

  await write(disk, path, text.slice(0, -3));
  const torn = await openRegistry(disk, FOLDER);
  await torn.close();
  assertEquals([torn.records.length, torn.notices.length], [1, 1]);

  await write(disk, path, text.replace("text 1", "text 7"));
  const error = await assertRejects(() => openRegistry(disk, FOLDER), P2pchatError, path);
  assertEquals(error.code, "store-corrupt");
  assert(error.message.includes("line 2"), error.message);
});
