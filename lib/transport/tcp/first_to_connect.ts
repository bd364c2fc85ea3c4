/**
 * Connects to whichever of a host's addresses answers first: RFC 8305 (Happy Eyeballs), sections 4 and 5. An
 * address that doesn't answer, as with IPv6 in a network that only seems to have it, delays the next one only
 * briefly.
 */

import type { Clock } from "../../base/machine/clock.ts";

/** The value that the RFC recommends: most hosts answer sooner, and the delay is hardly noticeable. */
const NEXT_ATTEMPT_MS = 250;

/**
 * The most addresses of one host that are tried, of both families where it has both. An address that doesn't answer
 * takes a socket until the dial is given up: 64 dials at once take half of the 1,024 that a program commonly may
 * have.
 */
export const ADDRESSES_MAX = 8;

/** How a connection to one address is made. */
export interface Connecting<Conn> {
  /** @throws The reason of the failure; when the signal is aborted, any error, soon. */
  connect(address: string, signal: AbortSignal): Promise<Conn>;
  /**
   * Called for each attempt. The promise resolves when the attempt holds no resources, except the connection that
   * is used.
   */
  begun(attempt: Promise<void>): void;
}

/**
 * Tries the addresses, best first: each one 250 ms after the previous one, or at once if that has failed. Later
 * connections than the first are closed.
 * @param addresses At least one.
 * @throws The error of the last attempt to fail, or at once the signal's reason when it is aborted.
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

/** Alternates the families, starting with the best address's: otherwise the limit could exclude one of them. */
function inTurns(addresses: readonly string[]): readonly string[] {
  const isIpv6 = (address: string) => address.includes(":");
  const [best = ""] = addresses;
  const better = addresses.filter((address) => isIpv6(address) === isIpv6(best));
  const other = addresses.filter((address) => isIpv6(address) !== isIpv6(best));
  return addresses.flatMap((_, at) => [...better.slice(at, at + 1), ...other.slice(at, at + 1)]);
}
