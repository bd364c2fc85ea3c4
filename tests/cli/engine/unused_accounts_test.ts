import { assertEquals } from "@std/assert";
import { unusedAccounts } from "../../../lib/cli/engine/unused_accounts.ts";
import { ACCOUNTS_HEADER } from "../../../lib/store/accounts/accounts_csv.ts";
import type { DiskEntry } from "../../../lib/store/disk/disk.ts";

const FILE: DiskEntry = { kind: "file", bytes: 0, mode: 0o600, otherUser: null };

Deno.test("unusedAccounts: only a file that has accounts is worth a word", async () => {
  const told = async (entry: DiskEntry | null) => {
    const disk = {
      stat: (path: string) => Promise.resolve(path === "d/accounts.csv" ? entry : null),
    };
    return (await unusedAccounts(disk, "d")).length;
  };
  const empty = ACCOUNTS_HEADER.length + 1;
  assertEquals(await told(null), 0);
  assertEquals(await told({ ...FILE, bytes: empty }), 0);
  assertEquals(await told({ ...FILE, bytes: empty + 1 }), 1);
});
