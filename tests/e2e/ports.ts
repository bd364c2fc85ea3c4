/** Ports for the tests of the built program, several files of which run at the same time. */

/** Below those that systems give to outgoing connections: a port must not become somebody else's while its owner is away. */
const FIRST = 20_000;
const COUNT = 12_000;
/** No test takes as long: whoever claimed a port before has gone. */
const CLAIM_MS = 30 * 60_000;

/** A folder with an entry for each port that was given away, by whatever file's tests or run. */
const claims = `${Deno.env.get("TMPDIR") ?? "/tmp"}/p2pchat-test-ports`;

/**
 * A port at which nobody listens, on TCP or UDP, and that no other test is given.
 * It is claimed before it is tried: to try a port is to take it for a moment, and whose it is may be about to listen there.
 */
export function freePort(
  draw: () => number = anyPort,
  isFree: (port: number) => boolean = canListen,
): number {
  for (;;) {
    const port = draw();
    if (claim(port) && isFree(port)) return port;
  }
}

function anyPort(): number {
  return FIRST + Math.floor(Math.random() * COUNT);
}

function canListen(port: number): boolean {
  const address = { hostname: "127.0.0.1", port };
  try {
    Deno.listen(address).close();
    Deno.listenDatagram({ ...address, transport: "udp" }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}

/** Whether it is ours now: of several that make one folder, one succeeds. */
function claim(port: number): boolean {
  const path = `${claims}/${port}`;
  Deno.mkdirSync(claims, { recursive: true });
  try {
    Deno.mkdirSync(path);
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  try {
    const { mtime } = Deno.statSync(path);
    if (Date.now() - mtime!.getTime() > CLAIM_MS) Deno.removeSync(path);
  } catch (error) {
    // Another has taken it away.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return false;
}
