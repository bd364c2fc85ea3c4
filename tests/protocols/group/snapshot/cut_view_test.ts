import { assertEquals } from "@std/assert";
import type { Crypto } from "../../../../lib/base/crypto/crypto.ts";
import { EntryIds } from "../../../../lib/protocols/group/snapshot/cut_view.ts";
import { entryId } from "../../../../lib/protocols/group/schema/history.ts";
import { fakeCrypto } from "../../../sim/fake_crypto.ts";
import { keyOf } from "../coordinator_program.ts";

Deno.test("EntryIds are those of the entries, each computed once however many members it is on its way to", () => {
  let computed = 0;
  const crypto: Crypto = {
    ...fakeCrypto,
    sha256: (...parts) => {
      computed++;
      return fakeCrypto.sha256(...parts);
    },
  };
  const ids = new EntryIds(crypto);
  const place = { author: keyOf("ann"), incarnation: new Uint8Array(8).fill(1) };
  const run = { ...place, first: 3, through: 5 };

  // A batch of three texts that begins at counter 3.
  assertEquals(
    ids.of(run),
    [0, 1, 2].map((at) => entryId(fakeCrypto, { ...place, counter: 3 }, at)),
  );
  ids.of({ ...run, first: 4 });
  assertEquals(computed, 3);
  const another = { ...run, incarnation: new Uint8Array(8).fill(2) };
  assertEquals(ids.of(another).some((id) => ids.of(run).includes(id)), false);
});
