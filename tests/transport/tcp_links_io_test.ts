import { assert } from "@std/assert";
import { openTcpLinks } from "../../lib/transport/tcp_links.ts";
import { linkContract, type LinkWorld } from "../contracts/link_contract.ts";

function tcpWorld(): LinkWorld {
  const settle = () => new Promise<void>((resolve) => setTimeout(resolve, 5));
  return {
    open: (options) => openTcpLinks({ ...options, host: "127.0.0.1", port: 0 }),
    // Port 1 is reserved for a service that no machine has had for decades.
    nowhere: { host: "127.0.0.1", port: 1 },
    settle,
    async until(done, what) {
      const untilMs = performance.now() + 5_000;
      while (!done()) {
        assert(performance.now() < untilMs, `within 5 s: ${what}`);
        await settle();
      }
    },
    async shutdown(programs) {
      await Promise.all(programs.map((program) => program.links.shutdown("quit")));
    },
  };
}

linkContract("TCP", tcpWorld, { permissions: { net: true } });
