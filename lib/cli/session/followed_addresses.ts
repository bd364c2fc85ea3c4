/**
 * Sees when this machine gets other addresses, as a laptop in another network does. The system would tell by a socket of
 * its own on each platform; to ask it takes up to 2 ms, and everybody can.
 */

import { P2pchatError } from "../../base/errors.ts";
import type { Logger } from "../../base/machine/environment.ts";
import { addressOfThisMachine, listedInterfaces, outwardHost } from "./advertised_address.ts";

/** What is given out is out of date for twice that, at most, and the processor is asked for less than a thousandth. */
const LOOK_MS = 5_000;

interface FollowedAddressesPorts {
  /** This machine has these addresses now. @param best See `addressOfThisMachine`. */
  changed(hosts: readonly string[], best: string): void;
  readonly log: Logger;
  /** For tests. */
  readonly interfaces?: typeof Deno.networkInterfaces;
  readonly outward?: typeof outwardHost;
}

export class FollowedAddresses {
  #timer: ReturnType<typeof setInterval> | undefined;
  /** What the last look has found; null before the first. */
  #found: string | null = null;
  #told: string | null = null;

  constructor(readonly ports: FollowedAddressesPorts) {}

  /** Looks from now on, until `stop`: within 10 s it tells what there is, and later what has changed. */
  start(): void {
    this.#timer ??= setInterval(() => void this.look(), LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#told = this.#found = null;
  }

  /** Tells of addresses that two looks have found: within a change there is none, or one that soon has a better beside it. */
  async look(): Promise<void> {
    const { changed, log, interfaces, outward = outwardHost } = this.ports;
    try {
      const all = listedInterfaces(interfaces);
      const hosts = all.map(({ address }) => address);
      const found = hosts.toSorted().join();
      const isSettled = found === this.#found;
      this.#found = found;
      if (!isSettled || found === this.#told) return;
      this.#told = found;
      const best = addressOfThisMachine(await outward(), () => [...all]);
      if (this.#told === found) changed(hosts, best);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      log.debug("addresses of this machine", { reason: error.message }); // what was known still counts
    }
  }
}
