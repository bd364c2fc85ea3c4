/** A redis-server that syncs whatever it is told, and clients of a stream in it. */

import { baselinePath, denoCommand, LineProcess } from "./line_process.ts";
import { freePort } from "../e2e/ports.ts";
import { listens } from "./servers.ts";

/** What a client does: `baselines/redis_stream_client.ts`. */
export type RedisRole = "add" | "read" | "watch";

export interface Redis {
  readonly server: LineProcess;
  /** Starts a client; it is ready. */
  client(role: RedisRole): Promise<LineProcess>;
}

/** @param path Of redis-server. @param parent Folder in which it makes its own. */
export async function startRedis(path: string, parent: string): Promise<Redis> {
  const folder = await Deno.makeTempDir({ dir: parent });
  const port = freePort();
  const options = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""];
  const place = ["--bind", "127.0.0.1", "--port", String(port), "--dir", folder];
  const quiet = ["--logfile", "/dev/null", "--auto-aof-rewrite-percentage", "0"];
  const server = new LineProcess([path, ...options, ...place, ...quiet]);
  await listens(port);
  const client = async (role: RedisRole) => {
    const command = denoCommand(baselinePath("redis_stream_client.ts"), String(port), role);
    const process = new LineProcess(command);
    await process.until("ready", (line) => line === "ready" || undefined);
    return process;
  };
  return { server, client };
}
