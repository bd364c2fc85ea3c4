/**
 * Writes a table of accounts that all have one password: hashing it for each would take minutes.
 *
 *     deno run -A tests/bench/make_accounts.ts FILE PASSWORD < [{"name":...,"key":...}]
 */

import type { Fingerprint } from "../../lib/base/text/fingerprint.ts";
import { foldName } from "../../lib/base/text/names.ts";
import {
  formatScryptHash,
  passwordBytes,
  SCRYPT_PARAMETERS,
} from "../../lib/base/crypto/password_hash.ts";
import {
  accountLines,
  accountRow,
  type AccountTable,
} from "../../lib/store/accounts/accounts_csv.ts";
import { nodeScrypt } from "../../lib/cli/credentials/scrypt.ts";

const [file, password] = Deno.args as [string, string];
const people: readonly { readonly name: string; readonly key: Fingerprint }[] = JSON.parse(
  await new Response(Deno.stdin.readable).text(),
);
const salt = crypto.getRandomValues(new Uint8Array(16));
const digest = await nodeScrypt(passwordBytes(password), salt, SCRYPT_PARAMETERS, 32);
const hash = formatScryptHash({ ...SCRYPT_PARAMETERS, salt, hash: digest });
const table: AccountTable = new Map();
for (const { name, key } of people) {
  table.set(foldName(name), accountRow({ name, hash, createdMs: Date.now(), keys: [key] }));
}
await Deno.writeTextFile(file, [...accountLines(table)].join(""), { mode: 0o600 });
