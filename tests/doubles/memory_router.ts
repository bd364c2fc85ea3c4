/** A router in memory, that does as it is told. */

import type {
  PortRequest,
  RouterAnswer,
} from "../../lib/protocols/port_mapping/port_mapping_io.ts";
import type { HomeRouter } from "../../lib/transport/home_router.ts";

export class MemoryRouter implements HomeRouter {
  /** What it passes on, as `tcp 55107`. */
  readonly held = new Set<string>();
  /** Ports that it has given to others. */
  readonly others = new Set<number>();
  host = "198.51.100.7";
  /** `silent`: it doesn't answer; `refusing`: it gives no ports. */
  mood: "well" | "silent" | "refusing" = "well";
  isClosed = false;

  map(request: PortRequest, leaseS: number): Promise<RouterAnswer> {
    const router = "192.168.1.1";
    if (this.mood === "silent") {
      return Promise.resolve({ kind: "failed", failure: { kind: "no-router" } });
    }
    if (this.mood === "refusing") {
      const text = "giving ports is turned off";
      return Promise.resolve({ kind: "failed", failure: { kind: "refused", router, text } });
    }
    if (this.others.has(request.external)) return Promise.resolve({ kind: "taken", router });
    const name = `${request.transport} ${request.external}`;
    this.held.add(name);
    const external = { host: this.host, port: request.external };
    return Promise.resolve({ kind: "mapped", by: "UPnP", router, external, leaseS });
  }

  drop({ transport, external }: PortRequest): Promise<boolean> {
    if (this.mood === "silent") return Promise.resolve(false);
    this.held.delete(`${transport} ${external}`);
    return Promise.resolve(true);
  }

  /** As after a restart. */
  forget(): void {
    this.held.clear();
  }

  close(): void {
    this.isClosed = true;
  }
}
