/** Ports for the tests of the built program, several files of which run at the same time. */

/**
 * Below the range that systems use for outgoing connections: otherwise a port could be taken while its owner is
 * being restarted.
 */
const FIRST = 20_000;
const COUNT = 12_000;
/** Longer than any test takes: an older claim is void. */
const CLAIM_MS = 30 * 60_000;

/** A folder with an entry for each claimed port, shared by the tests of all files and runs. */
const claims = `${Deno.env.get("TMPDIR") ?? "/tmp"}/p2pchat-test-ports`;

/** A TCP listener and a UDP socket at one port of 127.0.0.1. */
export interface OpenPort {
  readonly port: number;
  readonly listener: Deno.TcpListener;
  readonly datagrams: Deno.DatagramConn;
}

/**
 * A port that is free for TCP and UDP, and that no other test gets. It is for programs that a test starts; code in
 * the test's own process uses `openPort`.
 */
export function freePort(draw: () => number = anyPort, open = tryToOpen): number {
  const { port, listener, datagrams } = openPort(draw, open);
  listener.close();
  datagrams.close();
  return port;
}

/**
 * As `freePort`, but open. Closing the port and listening again at once may fail: a program that another thread is
 * just starting holds this process's open sockets until it is running.
 */
export function openPort(draw: () => number = anyPort, open = tryToOpen): OpenPort {
  for (;;) {
    const port = draw();
    // Claims before opening: opening takes the port for a moment, in which its owner might try to listen there.
    const opened = claim(port) ? open(port) : null;
    if (opened !== null) return opened;
  }
}

function anyPort(): number {
  return FIRST + Math.floor(Math.random() * COUNT);
}

function tryToOpen(port: number): OpenPort | null {
  const address = { hostname: "127.0.0.1", port };
  let listener: Deno.TcpListener | undefined;
  try {
    listener = Deno.listen(address);
    const datagrams = Deno.listenDatagram({ ...address, transport: "udp" });
    return { port, listener, datagrams };
  } catch (error) {
    listener?.close();
    if (error instanceof Deno.errors.AddrInUse) return null;
    throw error;
  }
}

/** Claims a port. If several try to create the folder, only one succeeds. */
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
    // Another test has removed the claim.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return false;
}
