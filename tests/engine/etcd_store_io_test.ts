/** `EtcdStore` over a real etcd. */

import { sharedStoreContract } from "../contracts/shared_store_contract.ts";
import { EtcdNodes, HAS_ETCD, pass } from "./etcd_nodes.ts";

/** One node for all of the contract's tests. */
let nodes: EtcdNodes | null = null;
let tests = 0;

const SHARED = { ignore: !HAS_ETCD, sanitizeOps: false, sanitizeResources: false };

async function until(holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds(); waited += 10) {
    if (waited > 60_000) throw new Error("it takes too long");
    await pass(10);
  }
}

sharedStoreContract("etcd", async (test) => {
  nodes ??= await EtcdNodes.open(1);
  const [store, other] = [nodes.store(), nodes.store()];
  await test({ prefix: `p2pchat/${++tests}/`, store, other, until, pass });
}, SHARED);

Deno.test({
  ...SHARED,
  name: "etcd: its node is ended",
  fn: async () => {
    await nodes?.[Symbol.asyncDispose]();
  },
});
