/**
 * Where instances of servers are, as those have told: for the start after which the one that the user names doesn't
 * answer. All must prove the key that is pinned for that one.
 */

import { type Endpoint, endpointText } from "../../base/ids.ts";
import { parseHost, parsePort } from "../../base/text/endpoints.ts";
import type { Disk } from "../../store/disk/disk.ts";
import { Table, type TableRow } from "../../store/disk/table.ts";

const FORMAT = { format: "server-instances", version: 1 } as const;
/** Those heard of last; of others the user's own address is known. */
const SERVERS_MAX = 100;

export class ServerAddresses {
  private constructor(readonly table: Table, private rows: readonly TableRow[]) {}

  /** @throws {P2pchatError} `store-corrupt`, `bad-file` or `disk`. */
  static async open(disk: Disk, folder: string): Promise<ServerAddresses> {
    const { table, rows } = await Table.open(disk, `${folder}/instances`, FORMAT);
    return new ServerAddresses(table, rows ?? []);
  }

  /** @param server The server, as it was named to `keep`. */
  of(server: string): readonly Endpoint[] {
    const [, ...all] = this.rows.find(([name]) => name === server) ?? [];
    return all.flatMap((text) => endpointIn(text) ?? []);
  }

  /** Keeps them for the next start. @throws {P2pchatError} `disk`. */
  async keep(server: string, addresses: readonly Endpoint[]): Promise<void> {
    const others = this.rows.filter(([name]) => name !== server);
    const all = [...others, [server, ...addresses.map(endpointText)]];
    this.rows = all.slice(-SERVERS_MAX);
    await this.table.write(this.rows);
  }
}

/** Null for what isn't an address. */
function endpointIn(text: string): Endpoint | null {
  const [, hostText = "", portText = ""] = /^(.*):(\d+)$/.exec(text) ?? [];
  const [host, port] = [parseHost(hostText), parsePort(portText)];
  return host === null || port === null ? null : { host, port };
}
