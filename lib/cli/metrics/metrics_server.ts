/**
 * Serves what is measured, over HTTP. Not `Deno.serve`: it bounds neither how many connect, nor how long one may take to
 * ask, nor to read. Here each connection asks once, and the next one of an address that has many takes the place of its
 * first, so that whoever holds connections open keeps no monitor elsewhere out.
 */

import { isSystemError, P2pchatError } from "../../base/errors.ts";
import { type Endpoint, endpointText } from "../../base/ids.ts";
import { isLoopback } from "../../base/text/endpoints.ts";
import { ACCEPTED_AT_ONCE, TurnPace } from "../../transport/turn_pace.ts";
import { closeSurely, endpointOf, isClosedSocket, reasonOf } from "../../transport/sockets.ts";
import { foreignRequest } from "../http/foreign_requests.ts";
import { type HttpHead, HttpHeadReader, type HttpRequest } from "../http/http_head_reader.ts";
import { bytesOf, type HttpAnswer, METHODS, plain } from "./http_messages.ts";

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

/** Answers a request by GET or HEAD. */
export type Answering = (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>;

interface Open {
  readonly connection: Deno.TcpConn;
  readonly host: string;
  /** Whether its request has come. */
  hasAsked: boolean;
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
    const pace = new TurnPace(ACCEPTED_AT_ONCE);
    while (!this.#isClosed) {
      try {
        this.#keep(this.#serve(await this.listener.accept()));
        pace.did(1);
        await pace.ready();
      } catch (error) {
        if (this.#isClosed) return;
        if (!isSystemError(error) && !isClosedSocket(error)) throw error;
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_RETRY_MS));
      }
    }
  }

  async #serve(connection: Deno.TcpConn): Promise<void> {
    const open = { connection, host: hostOf(connection), hasAsked: false };
    const { connectionsMax, connectionMs } = this.limits;
    this.#open.add(open);
    if (this.#open.size > connectionsMax) this.#keep(this.#cutOff(this.#oneToMany(), TOO_MANY));
    const timer = setTimeout(() => this.#keep(this.#cutOff(open, TOO_LATE)), connectionMs);
    try {
      await heedless(this.#answer(open));
    } finally {
      clearTimeout(timer);
      this.#open.delete(open);
      closeSurely(connection);
    }
  }

  /** Ends it; whoever hasn't asked yet is told why. */
  async #cutOff(open: Open, why: HttpAnswer): Promise<void> {
    this.#open.delete(open); // or it would be the one again, before it is noticed that it is closed
    const { connection, hasAsked } = open;
    if (!hasAsked) await heedless(connection.write(bytesOf(why, "")));
    closeSurely(connection);
  }

  /** The first connection of the address that has most. */
  #oneToMany(): Open {
    const byHost = Map.groupBy(this.#open, ({ host }) => host);
    const most = Math.max(...byHost.values().map(({ length }) => length));
    return byHost.values().find(({ length }) => length === most)![0]!;
  }

  async #answer(open: Open): Promise<void> {
    const { connection } = open;
    const head = await headFrom(connection);
    if (head === null || !this.#open.has(open)) return;
    open.hasAsked = true;
    const answer = head.type === "fault"
      ? plain(head.status, head.text)
      : this.#refusal(head.request) ?? await this.answering(head.request);
    const bytes = bytesOf(answer, head.type === "fault" ? "" : head.request.method);
    for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
    await connection.closeWrite();
    await readRest(connection);
  }

  /** Null: it is answered. What others reach may be asked for by any name. */
  #refusal({ method, headers }: HttpRequest): HttpAnswer | null {
    const { local } = this;
    const hosts = [endpointText(local), `localhost:${local.port}`];
    const foreign = isLoopback(local.host) ? foreignRequest(headers, hosts) : null;
    if (foreign !== null) return plain(foreign.status, foreign.text);
    return METHODS.includes(method) ? null : plain(405, "Only GET and HEAD are answered");
  }
}

const TOO_MANY = plain(503, "Too many connect at once: try again");
const TOO_LATE = plain(408, "The request didn't come in time");

/** Whoever hangs up, or was cut off, needs no answer. */
async function heedless(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isSystemError(error) && !isClosedSocket(error)) throw error;
  }
}

/** The head of the request; null where the other side hangs up before it is whole. */
async function headFrom(connection: Deno.TcpConn): Promise<HttpHead | null> {
  const reader = new HttpHeadReader(HEAD_BYTES_MAX);
  const buffer = new Uint8Array(HEAD_BYTES_MAX);
  for (;;) {
    const read = await connection.read(buffer);
    if (read === null) return null;
    const head = reader.push(buffer.subarray(0, read));
    if (head !== null) return head;
  }
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
