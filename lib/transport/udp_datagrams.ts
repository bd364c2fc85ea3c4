/** Datagrams over `Deno.listenDatagram`. */

import { setImmediate } from "node:timers";
import { isAddress } from "../base/endpoints.ts";
import type { Logger } from "../base/environment.ts";
import type { Endpoint } from "../base/ids.ts";
import type { DatagramHandler, Datagrams } from "./datagrams.ts";
import { endpointOf, openAt, reasonOf } from "./sockets.ts";

/** Longer ones than any of ours: what is cut off wasn't meant for us. */
const BUFFER_BYTES = 2_048;
/** Datagrams that are answered together where more are there: the sender goes on while the rest is read. */
const TURN_DATAGRAMS_MAX = 16;
/** Datagrams after which others have a turn: a millisecond of work. */
const YIELD_AFTER = 64;
/**
 * Datagrams that are sent before others have a turn: what answers them is read meanwhile, or a thousand answers at
 * once would be more than the system keeps for us.
 */
const SEND_YIELD_AFTER = 32;
/** What waits to be sent; the system takes it at once, unless it is out of buffers. 5 MB. */
const WAITING_MAX = 4_096;
/** Names that are looked up at the same time: each takes seconds where the network is gone. */
const LOOKUPS_MAX = 16;
/** Pause after an error that may come again at once. */
const RETRY_MS = 100;

/** Resolves when what is due has had its turn; 3 us, where a timer takes 1 ms at least. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

interface Waiting {
  readonly to: Endpoint;
  readonly bytes: Uint8Array;
}

export class UdpDatagrams implements Datagrams {
  readonly #host: string | null;
  readonly #log: Logger;
  #socket: Deno.DatagramConn;
  #handler: DatagramHandler | null = null;
  #waiting: Waiting[] = [];
  #sending: Promise<void> | null = null;
  readonly #receiving = new Set<Promise<void>>();
  /** Whether `turn` is to be called once nothing more is there. */
  #isTurnDue = false;
  #inTurn = 0;
  #isClosed = false;
  #lost = 0;
  #lookups = 0;

  private constructor(host: string | null, socket: Deno.DatagramConn, log: Logger) {
    this.#host = host;
    this.#socket = socket;
    this.#log = log;
  }

  /**
   * Receives at `host` (`null`: all addresses of this machine, IPv6 and IPv4 where there are both) and `port`
   * (0: any free one).
   * @throws {P2pchatError} `port-in-use` if another program has the port; `unreachable` if `host` isn't an address
   * of this machine, or the port isn't allowed.
   */
  static listen(host: string | null, port: number, log: Logger): UdpDatagrams {
    return new UdpDatagrams(host, socketAt(host, port), log);
  }

  get local(): Endpoint {
    return endpointOf(this.#socket.addr as Deno.NetAddr);
  }

  /** How many datagrams couldn't be sent. */
  get lost(): number {
    return this.#lost;
  }

  handle(handler: DatagramHandler): void {
    this.#handler = handler;
    this.#begin(this.#socket);
  }

  send(to: Endpoint, bytes: Uint8Array): void {
    if (this.#isClosed) return;
    // A peer that is only known by name, as an introduction may have it, keeps nobody else waiting.
    if (!isAddress(to.host)) return this.#sendToName({ to, bytes });
    if (this.#waiting.length >= WAITING_MAX) {
      this.#lost += 1;
      return;
    }
    this.#waiting.push({ to, bytes });
    this.#sending ??= this.#send();
  }

  listenAt(port: number): void {
    const before = this.#socket;
    if (this.#isClosed || this.local.port === port) return;
    this.#socket = socketAt(this.#host, port);
    before.close();
    if (this.#handler !== null) this.#begin(this.#socket);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#sending;
    this.#socket.close();
    await Promise.all(this.#receiving);
  }

  async #send(): Promise<void> {
    // Not from within the call that asked for it: what else is sent in this turn comes along.
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
      await this.#socket.send(bytes, { transport: "udp", hostname: to.host, port: to.port });
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
    const isOver = () => this.#isClosed || this.#socket !== socket;
    while (!isOver()) {
      let received: Awaited<ReturnType<typeof socket.receive>>;
      try {
        received = await socket.receive(buffer);
      } catch (error) {
        if (isOver()) return;
        this.#log.debug("datagram not received", { reason: reasonOf(error) });
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        continue;
      }
      if (isOver()) return;
      const [bytes, from] = received;
      this.#handler?.datagram(endpointOf(from as Deno.NetAddr), bytes);
      this.#inTurn += 1;
      if (this.#inTurn % TURN_DATAGRAMS_MAX === 0) this.#handler?.turn();
      this.#turnSoon();
      // Reading goes on at once while something is there, so nobody else would have a turn.
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

function socketAt(host: string | null, port: number): Deno.DatagramConn {
  return openAt(
    host,
    "UDP port",
    port,
    (hostname) => Deno.listenDatagram({ hostname, port, transport: "udp" }),
  );
}
