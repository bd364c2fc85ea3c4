/** `EngineRegistrar` over a real etcd. */

import { SYSTEM_LINK_CLOCK } from "../../../lib/transport/system_clock.ts";
import { registrarContract } from "../../contracts/registrar_contract.ts";
import { EtcdNodes, HAS_ETCD, pass } from "../etcd_nodes.ts";
import { idleOf, openRegistrar } from "./registrars.ts";

/** One node for all of the contract's tests. */
let nodes: EtcdNodes | null = null;
let tests = 0;

const SHARED = { ignore: !HAS_ETCD, sanitizeOps: false, sanitizeResources: false };

registrarContract("registrar over etcd", async (test) => {
  nodes ??= await EtcdNodes.open(1);
  const prefix = `p2pchat/${++tests}/`;
  const accounts = new Map<string, string>();
  const stores = { a: nodes.store(), b: nodes.store() };
  const idle = [idleOf(stores.a), idleOf(stores.b)];
  const open = (id: "a" | "b") =>
    openRegistrar(id, { store: stores[id], prefix, clock: SYSTEM_LINK_CLOCK, accounts });
  const until = async (holds: () => boolean) => {
    for (let waited = 0; !holds(); waited += 10) {
      if (waited > 15_000) throw new Error("it takes too long");
      await pass(10);
    }
  };
  const registrars = { a: await open("a"), b: await open("b") };
  await test({ registrars, accounts, until, isIdle: () => idle.every((isIdle) => isIdle()) });
  await Promise.all([registrars.a.close(), registrars.b.close()]);
}, SHARED);

Deno.test({
  ...SHARED,
  name: "registrar over etcd: its node is ended",
  fn: async () => {
    await nodes?.[Symbol.asyncDispose]();
  },
});
