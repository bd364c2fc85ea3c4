/**
 * A router that gives ports, as the runtime sees it. Two adapters pass the same contract
 * (`tests/contracts/router_contract.ts`): `SystemRouter` and, for tests, `MemoryRouter`.
 *
 * An adapter promises:
 * - Each call ends within 15 s, `drop` within 2 s, whatever the network does, and rejects for nothing that it does.
 * - What it takes in is bounded, and it talks to hosts of this machine's own networks alone.
 * - No answer is taken from another host than the one that was asked; but any host of the network may have been.
 */

import type { PortRequest, RouterAnswer } from "../protocols/port_mapping/port_mapping_io.ts";

export interface HomeRouter {
  /** Asks for a port, or for more time for one. */
  map(request: PortRequest, leaseS: number): Promise<RouterAnswer>;
  /** Gives the port back. @returns Whether the router has said that it is gone. */
  drop(request: PortRequest): Promise<boolean>;
  /** Frees what is still waited for. */
  close(): void;
}
