/** Datagrams over `Deno.listenDatagram`. */

import { setImmediate } from "node:timers";
import { isAddress } from "../base/text/endpoints.ts";
import type { Logger } from "../base/machine/environment.ts";
import type { Endpoint } from "../base/ids.ts";
import type { DatagramHandler, Datagrams } from "./datagrams.ts";
import { endpointOf, openAt, reasonOf } from "./sockets.ts";

/** Longer than any datagram of ours: a truncated one belongs to another protocol. */
const BUFFER_BYTES = 2_048;
/** Datagrams answered together when more are waiting: the sender can continue while the rest is read. */
const TURN_DATAGRAMS_MAX = 16;
/** Datagrams read before other tasks run: a millisecond of work. */
const YIELD_AFTER = 64;
/**
 * Datagrams sent before other tasks run: their replies are read meanwhile. Otherwise a thousand replies at once
 * would overflow the system's receive buffer.
 */
const SEND_YIELD_AFTER = 32;
/** The most datagrams queued for sending, 5 MB. The system takes them at once, unless it is out of buffers. */
const WAITING_MAX = 4_096;
/** Concurrent look-ups of names: each takes seconds where the network is down. */
const LOOKUPS_MAX = 16;
/** Pause after an error that may recur at once. */
const RETRY_MS = 100;

/** Resolves after the tasks that are due have run; takes 3 us, where a timer takes at least 1 ms. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

interface Waiting {
  readonly to: Endpoint;
  readonly bytes: Uint8Array;
}

export class UdpDatagrams implements Datagrams {
  readonly #log: Logger;
  /** All at one port; the last one is of IPv4, where the families have one each. */
  readonly #sockets: readonly Deno.DatagramConn[];
  #handler: DatagramHandler | null = null;
  #waiting: Waiting[] = [];
  #sending: Promise<void> | null = null;
  readonly #receiving = new Set<Promise<void>>();
  /** Whether a call of `turn` is scheduled. */
  #isTurnDue = false;
  #inTurn = 0;
  #isClosed = false;
  #lost = 0;
  #lookups = 0;

  private constructor(sockets: readonly Deno.DatagramConn[], log: Logger) {
    this.#sockets = sockets;
    this.#log = log;
  }

  /**
   * Receives at `host` (`null`: all addresses of this machine, IPv6 and IPv4 where it has both) and `port` (0: any
   * free one).
   * @throws {P2pchatError} `port-in-use` if another program has the port; `unreachable` if `host` isn't an address
   *   of this machine, or the port isn't allowed.
   */
  static listen(host: string | null, port: number, log: Logger): UdpDatagrams {
    return new UdpDatagrams(socketsAt(host, port), log);
  }

  get local(): Endpoint {
    return endpointOf(this.#sockets[0]!.addr as Deno.NetAddr);
  }

  /** The number of datagrams that couldn't be sent. */
  get lost(): number {
    return this.#lost;
  }

  handle(handler: DatagramHandler): void {
    this.#handler = handler;
    for (const socket of this.#sockets) this.#begin(socket);
  }

  send(to: Endpoint, bytes: Uint8Array): void {
    if (this.#isClosed) return;
    // A name, which an introduction may contain, has to be looked up: that mustn't delay other datagrams.
    if (!isAddress(to.host)) return this.#sendToName({ to, bytes });
    if (this.#waiting.length >= WAITING_MAX) {
      this.#lost += 1;
      return;
    }
    this.#waiting.push({ to, bytes });
    this.#sending ??= this.#send();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#sending;
    for (const socket of this.#sockets) socket.close();
    await Promise.all(this.#receiving);
  }

  async #send(): Promise<void> {
    // Not from within the caller's `send`: datagrams sent later in this turn are included.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const [at, each] of waiting.entries()) {
        if (at > 0 && at % SEND_YIELD_AFTER === 0) await nextTurn();
        await this.#sendOne(each);
      }
    }
    this.#sending = null;
  }

  async #sendOne({ to, bytes }: Waiting): Promise<void> {
    try {
      const socket = to.host.includes(":") ? this.#sockets[0] : this.#sockets.at(-1);
      await socket!.send(bytes, { transport: "udp", hostname: to.host, port: to.port });
    } catch (error) {
      this.#lost += 1;
      this.#log.debug("datagram not sent", { ...to, reason: reasonOf(error) });
    }
  }

  #sendToName(waiting: Waiting): void {
    if (this.#lookups >= LOOKUPS_MAX) {
      this.#lost += 1;
      return;
    }
    this.#lookups += 1;
    this.#sendOne(waiting).finally(() => this.#lookups -= 1);
  }

  #begin(socket: Deno.DatagramConn): void {
    const loop = this.#receive(socket);
    this.#receiving.add(loop);
    loop.finally(() => this.#receiving.delete(loop));
  }

  async #receive(socket: Deno.DatagramConn): Promise<void> {
    const buffer = new Uint8Array(BUFFER_BYTES);
    while (!this.#isClosed) {
      let received: Awaited<ReturnType<typeof socket.receive>>;
      try {
        received = await socket.receive(buffer);
      } catch (error) {
        if (this.#isClosed) return;
        this.#log.debug("datagram not received", { reason: reasonOf(error) });
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        continue;
      }
      if (this.#isClosed) return;
      const [bytes, from] = received;
      this.#handler?.datagram(endpointOf(from as Deno.NetAddr), bytes);
      this.#inTurn += 1;
      if (this.#inTurn % TURN_DATAGRAMS_MAX === 0) this.#handler?.turn();
      this.#turnSoon();
      // As long as datagrams are available, receiving resolves at once, so other tasks would never run.
      if (this.#inTurn >= YIELD_AFTER) await nextTurn();
    }
  }

  #turnSoon(): void {
    if (this.#isTurnDue) return;
    this.#isTurnDue = true;
    setImmediate(() => {
      this.#isTurnDue = false;
      this.#inTurn = 0;
      if (!this.#isClosed) this.#handler?.turn();
    });
  }
}

function socketsAt(host: string | null, port: number): readonly Deno.DatagramConn[] {
  return openAt(
    host,
    "UDP port",
    port,
    (hostname, port) => Deno.listenDatagram({ hostname, port, transport: "udp" }),
  );
}
