import { assert } from "@std/assert";
import { MemoryLinkNetwork } from "./memory_links.ts";
import { linkContract, type LinkWorld } from "../contracts/link_contract.ts";

function memoryWorld(): LinkWorld {
  const network = new MemoryLinkNetwork({ latencyMs: 1 });
  let hosts = 0;
  const settle = () => {
    network.clock.advance(20);
    return Promise.resolve();
  };
  return {
    open: (options) => network.open({ host: `127.0.0.${++hosts}`, port: 1 }, options),
    nowhere: { host: "nowhere", port: 1 },
    freePort: () => 2,
    settle,
    async until(done, what) {
      for (let step = 0; !done(); step++) {
        assert(step < 1_000, `within 20 s: ${what}`);
        await settle();
      }
    },
    async shutdown(programs) {
      const done = programs.map((program) => program.links.shutdown("quit"));
      network.clock.advance(3_000);
      await Promise.all(done);
    },
  };
}

linkContract("memory", memoryWorld);
