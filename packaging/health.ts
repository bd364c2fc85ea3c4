/**
 * The health command of the image: whether a server on this machine answers. Exit 0 if at the port of `serve` or of
 * `regserver` somebody ends a connection on which nothing is said any more, as each server of p2pchat does while its loop
 * runs (the system alone takes connections for a program that hangs, too); else 1, after 5 seconds at the latest.
 */

const PORTS = [6000, 4400];

const WAIT_MS = 5_000;

/** Whether what listens at the port closes a connection that this side has closed. */
async function answers(port: number): Promise<true> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.closeWrite();
  while (await connection.read(new Uint8Array(1_024)) !== null);
  return true;
}

setTimeout(() => Deno.exit(1), WAIT_MS);
const healthy = await Promise.any(PORTS.map(answers)).catch(() => false);
Deno.exit(healthy ? 0 : 1);
