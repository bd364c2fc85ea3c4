/**
 * Serves what is measured, over HTTP. Not `Deno.serve`: it bounds neither how many connect, nor how long one may take to
 * ask, nor to read. Here each connection asks once, and the next one of an address that has many takes the place of its
 * first, so that whoever holds connections open keeps no monitor elsewhere out.
 */

import { isSystemError, P2pchatError } from "../../base/errors.ts";
import { type Endpoint, endpointText } from "../../base/ids.ts";
import { closeSurely, endpointOf, isClosedSocket, reasonOf } from "../../transport/sockets.ts";
import {
  answerText,
  type HttpAnswer,
  type HttpRequest,
  parseRequest,
  plain,
} from "./http_messages.ts";

interface ServerLimits {
  readonly connectionsMax: number;
  /** For a connection, from its begin to its end. */
  readonly connectionMs: number;
}

/**
 * A monitor has one connection, or one for each path; these are some monitors, and people who look. Monitors give up
 * after 10 s, mostly.
 */
const LIMITS: ServerLimits = { connectionsMax: 32, connectionMs: 10_000 };
/** Of a request's head: those of monitors and browsers have less than 2,000. */
const HEAD_BYTES_MAX = 8_192;
/** How long, and how much, is read of what comes behind a request: to close before would cut off the answer. */
const LINGER_MS_MAX = 1_000;
const LINGER_BYTES_MAX = 65_536;
/** Pause after a failed accept, as when there are no file descriptors: there may be some again then. */
const ACCEPT_RETRY_MS = 100;

/** One character for each byte: what isn't ASCII in a head is nothing to us. */
const LATIN = new TextDecoder("latin1");

export type Answering = (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>;

interface Open {
  readonly connection: Deno.TcpConn;
  readonly host: string;
}

export class MetricsServer {
  /** In the order in which they came. */
  readonly #open = new Set<Open>();
  readonly #ongoing = new Set<Promise<void>>();
  #isClosed = false;

  private constructor(
    readonly listener: Deno.TcpListener,
    readonly answering: Answering,
    readonly limits: ServerLimits,
  ) {
    this.#keep(this.#accept());
  }

  /** @throws {P2pchatError} `port-in-use`; `unreachable` where it can't listen there for another reason. */
  static open(at: Endpoint, answering: Answering, limits = LIMITS): MetricsServer {
    try {
      const listener = Deno.listen({ hostname: at.host, port: at.port, transport: "tcp" });
      return new MetricsServer(listener, answering, limits);
    } catch (cause) {
      throw listenError(at, cause);
    }
  }

  /** Where it listens: an address, and the port where any was wanted. */
  get local(): Endpoint {
    return endpointOf(this.listener.addr as Deno.NetAddr);
  }

  /** How many are connected. */
  get size(): number {
    return this.#open.size;
  }

  /** Cuts off whoever is connected. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.listener.close();
    for (const { connection } of this.#open) closeSurely(connection);
    await Promise.all(this.#ongoing);
  }

  #keep(work: Promise<void>): void {
    this.#ongoing.add(work);
    work.finally(() => this.#ongoing.delete(work));
  }

  async #accept(): Promise<void> {
    while (!this.#isClosed) {
      try {
        this.#keep(this.#serve(await this.listener.accept()));
      } catch (error) {
        if (this.#isClosed) return;
        if (!isSystemError(error) && !isClosedSocket(error)) throw error;
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_RETRY_MS));
      }
    }
  }

  async #serve(connection: Deno.TcpConn): Promise<void> {
    const open = { connection, host: hostOf(connection) };
    const { connectionsMax, connectionMs } = this.limits;
    this.#open.add(open);
    if (this.#open.size > connectionsMax) this.#cutOff(this.#oneToMany());
    const timer = setTimeout(() => closeSurely(connection), connectionMs);
    try {
      await this.#answer(connection);
    } catch (error) {
      // Whoever hangs up, or was cut off, needs no answer.
      if (!isSystemError(error) && !isClosedSocket(error)) throw error;
    } finally {
      clearTimeout(timer);
      this.#open.delete(open);
      closeSurely(connection);
    }
  }

  #cutOff(open: Open): void {
    this.#open.delete(open); // or it would be the one again, before it is noticed that it is closed
    closeSurely(open.connection);
  }

  /** The first connection of the address that has most. */
  #oneToMany(): Open {
    const byHost = Map.groupBy(this.#open, ({ host }) => host);
    const most = Math.max(...byHost.values().map(({ length }) => length));
    return byHost.values().find(({ length }) => length === most)![0]!;
  }

  async #answer(connection: Deno.TcpConn): Promise<void> {
    const head = await headFrom(connection);
    if (head === null) return;
    const request = head === "too-long"
      ? plain(431, `The head of a request may have ${HEAD_BYTES_MAX} bytes`)
      : parseRequest(head);
    const isRefused = "status" in request;
    const answer = isRefused ? request : await this.answering(request);
    const text = answerText(answer, isRefused ? "GET" : request.method);
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
    await connection.closeWrite();
    await readRest(connection);
  }
}

/** What comes up to the first empty line; null where the other side hangs up before. */
async function headFrom(connection: Deno.TcpConn): Promise<string | "too-long" | null> {
  const buffer = new Uint8Array(HEAD_BYTES_MAX);
  let length = 0;
  while (length < buffer.length) {
    const read = await connection.read(buffer.subarray(length));
    if (read === null) return null;
    // An end may be in two parts.
    const from = Math.max(0, length - 3);
    length += read;
    const text = LATIN.decode(buffer.subarray(0, length));
    const end = /\r?\n\r?\n/.exec(text.slice(from));
    if (end !== null) return text.slice(0, from + end.index);
  }
  return "too-long";
}

async function readRest(connection: Deno.TcpConn): Promise<void> {
  const timer = setTimeout(() => closeSurely(connection), LINGER_MS_MAX);
  try {
    const buffer = new Uint8Array(HEAD_BYTES_MAX);
    for (let bytes = 0; bytes < LINGER_BYTES_MAX;) {
      const read = await connection.read(buffer);
      if (read === null) return;
      bytes += read;
    }
  } finally {
    clearTimeout(timer);
  }
}

/** The other side's address; empty where it has hung up already. */
function hostOf(connection: Deno.TcpConn): string {
  try {
    return endpointOf(connection.remoteAddr).host;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return "";
  }
}

function listenError(at: Endpoint, cause: unknown): P2pchatError {
  const where = endpointText(at);
  if (cause instanceof Deno.errors.AddrInUse) {
    const text = `Cannot serve metrics at ${where}: another program has that port; choose ` +
      "another with --metrics HOST:PORT, or 0 for any";
    return new P2pchatError("port-in-use", text, { cause });
  }
  const wayOut = cause instanceof Deno.errors.PermissionDenied
    ? "choose a port above 1023 with --metrics HOST:PORT"
    : "choose an address of this machine with --metrics HOST:PORT";
  const text = `Cannot serve metrics at ${where}: ${reasonOf(cause)}; ${wayOut}`;
  return new P2pchatError("unreachable", text, { cause });
}
