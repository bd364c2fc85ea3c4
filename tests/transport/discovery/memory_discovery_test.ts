import { assert } from "@std/assert";
import { discoveryContract } from "../../contracts/discovery_contract.ts";
import { MemoryLan } from "../../doubles/memory_discovery.ts";

discoveryContract("MemoryDiscovery", () => {
  const lan = new MemoryLan();
  return {
    open: () => lan.join("10.0.0.1"),
    until(done, what) {
      for (let turns = 0; !done(); turns++) {
        assert(turns < 1_000, what);
        lan.clock.advance(1);
      }
      return Promise.resolve();
    },
  };
});
