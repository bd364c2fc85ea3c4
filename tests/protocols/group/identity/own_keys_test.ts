import { assert, assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { OwnKeys } from "../../../../lib/protocols/group/identity/own_keys.ts";
import { isFormerOf } from "../../../../lib/protocols/group/schema/former_keys.ts";
import { FORMER_KEYS_MAX } from "../../../../lib/protocols/group/schema/limits.ts";
import type { CoordinatorRecord } from "../../../../lib/protocols/group/schema/records.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import { GROUP, keyOf, OWN } from "../coordinator_program.ts";
import { Decider, editOf, requestOf } from "../edit_fixtures.ts";

const OTHER = fakeSigner("the coordinator's other key");

function keyRecords(...keys: readonly PeerKey[]): readonly CoordinatorRecord[] {
  return keys.map((key) => ({ kind: "key", key }));
}

function ownKeys(records: readonly CoordinatorRecord[], signer = OWN, first = OWN.key): OwnKeys {
  return new OwnKeys(signer, GROUP, first, records);
}

Deno.test("OwnKeys of a coordinator that always had one are written once, and it has no former ones", () => {
  const { missing, former, signed } = ownKeys([]);
  assertEquals([missing, former, signed], [keyRecords(OWN.key), [], null]);
  assertEquals(ownKeys(missing).missing, []);
});

Deno.test("OwnKeys beside an old disk name the former one, signed, and so does what is written for later", () => {
  const { missing, former, signed } = ownKeys(keyRecords(OWN.key), OTHER);
  assertEquals(former, [OWN.key]);
  assert(signed !== null && isFormerOf(fakeCrypto, OTHER.key, GROUP, signed));
  assertEquals(missing, keyRecords(OWN.key, OTHER.key));
  const again = ownKeys(missing, OTHER);
  assertEquals([again.former, again.missing], [[OWN.key], []]);

  // The old key is found again.
  assertEquals(ownKeys(missing).former, [OTHER.key]);
});

Deno.test("OwnKeys of a disk from before keys were written are those that decided on edits", () => {
  const request = requestOf({ name: "ann", signer: fakeSigner("ann") }, GROUP, 1, "other");
  const batch = new Decider(OTHER, GROUP).decides([editOf(1, request)]);
  const keys = ownKeys([{ kind: "committed", batch }]);
  assertEquals(keys.former, [OTHER.key]);
  assertEquals([OWN.key, OTHER.key, keyOf("eve")].map((key) => keys.mayDecide(key)), [
    true,
    true,
    false,
  ]);
});

Deno.test("OwnKeys: of too many the oldest go, but for the one that founded the group", () => {
  const keys = Array.from({ length: FORMER_KEYS_MAX + 1 }, (_, at) => keyOf(`key ${at}`));
  const { former, dropped } = ownKeys(keyRecords(...keys));
  assertEquals([former, dropped], [keys.slice(1), 1]);
  const founded = ownKeys(keyRecords(...keys), OWN, keys[0]);
  assertEquals([founded.former, founded.dropped], [[keys[0], ...keys.slice(2)], 1]);
});
