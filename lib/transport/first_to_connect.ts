/**
 * The first of a host's addresses to answer: RFC 8305 (Happy Eyeballs), sections 4 and 5. One that is silent, as IPv6
 * is where a network only seems to have it, delays the next by a moment and no more.
 */

import type { Clock } from "../base/clock.ts";

/** The RFC's own: most answer sooner, and whoever waits for one hardly notices. */
const NEXT_ATTEMPT_MS = 250;

/**
 * Addresses of one host that are tried, of both families where there are both. Silent ones keep a socket each until
 * the dial is given up: 64 dials at once take half of the 1,024 that a program commonly may have.
 */
export const ADDRESSES_MAX = 8;

/** How a connection to one address is made. */
export interface Connecting<Conn> {
  /** @throws Why there is none; anything, soon, when the signal is aborted. */
  connect(address: string, signal: AbortSignal): Promise<Conn>;
  /** Told of each attempt; it ends when nothing is left of it but the connection that is taken. */
  begun(attempt: Promise<void>): void;
}

/**
 * Tries the addresses, best first: the next 250 ms after the last one was begun, or at once when that failed.
 * What connects later than the first is closed.
 * @param addresses One at least.
 * @throws Why the last of them failed, or the signal's reason, at once, when it is aborted.
 */
export function firstToConnect<Conn extends { close(): void }>(
  addresses: readonly string[],
  { connect, begun }: Connecting<Conn>,
  signal: AbortSignal,
  clock: Clock,
): Promise<Conn> {
  const { promise, resolve, reject } = Promise.withResolvers<Conn>();
  const toTry = inTurns(addresses).slice(0, ADDRESSES_MAX);
  const attempts = new AbortController();
  let tried = 0;
  let failed = 0;
  let nextAttempt: { cancel(): void } | null = null;

  const end = () => {
    nextAttempt?.cancel();
    signal.removeEventListener("abort", giveUp);
    attempts.abort();
  };
  const giveUp = () => {
    end();
    reject(signal.reason);
  };
  const beginNext = () => {
    nextAttempt?.cancel();
    const address = toTry[tried]!;
    tried++;
    if (tried < toTry.length) nextAttempt = clock.at(clock.nowMs() + NEXT_ATTEMPT_MS, beginNext);
    begun(attempt(address, tried));
  };
  const attempt = async (address: string, number: number) => {
    let conn: Conn;
    try {
      conn = await connect(address, attempts.signal);
    } catch (error) {
      failed++;
      if (attempts.signal.aborted) return;
      if (number === tried && tried < toTry.length) return beginNext();
      if (failed < toTry.length) return;
      end();
      return reject(error);
    }
    if (attempts.signal.aborted) return conn.close();
    end();
    resolve(conn);
  };

  if (signal.aborted) giveUp();
  else {
    signal.addEventListener("abort", giveUp);
    beginNext();
  }
  return promise;
}

/** The families take turns, the better one first: else a bound on the addresses could leave one out. */
function inTurns(addresses: readonly string[]): readonly string[] {
  const isIpv6 = (address: string) => address.includes(":");
  const [best = ""] = addresses;
  const better = addresses.filter((address) => isIpv6(address) === isIpv6(best));
  const other = addresses.filter((address) => isIpv6(address) !== isIpv6(best));
  return addresses.flatMap((_, at) => [...better.slice(at, at + 1), ...other.slice(at, at + 1)]);
}
