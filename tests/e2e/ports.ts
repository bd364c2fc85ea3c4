/** Ports for the tests of the built program, several files of which run at the same time. */

/**
 * Below those that systems give to outgoing connections: a port must not become somebody else's while its owner is away.
 */
const FIRST = 20_000;
const COUNT = 12_000;
/** No test takes as long: whoever claimed a port before has gone. */
const CLAIM_MS = 30 * 60_000;

/** A folder with an entry for each port that was given away, by whatever file's tests or run. */
const claims = `${Deno.env.get("TMPDIR") ?? "/tmp"}/p2pchat-test-ports`;

/** TCP and UDP at one port of 127.0.0.1. */
export interface OpenPort {
  readonly port: number;
  readonly listener: Deno.TcpListener;
  readonly datagrams: Deno.DatagramConn;
}

/**
 * A port at which nobody listens, on TCP or UDP, and that no other test is given.
 * Programs are given it. Who listens in the test's own process takes `openPort`.
 */
export function freePort(draw: () => number = anyPort, open = tryToOpen): number {
  const { port, listener, datagrams } = openPort(draw, open);
  listener.close();
  datagrams.close();
  return port;
}

/**
 * The same, open. To close it and to listen again right away can fail: while another thread's test starts a
 * program, that holds what was open here until it is under way.
 */
export function openPort(draw: () => number = anyPort, open = tryToOpen): OpenPort {
  for (;;) {
    const port = draw();
    // Claimed first: trying a port takes it for a moment, and whose it is may be about to listen there.
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
