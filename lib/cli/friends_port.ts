/** The port of one's own row, where friends dial: an edit may change it, and another program may have it. */

import type { Clock } from "../base/clock.ts";
import { P2pchatError } from "../base/errors.ts";
import { canonicalHost, isLoopback } from "../base/endpoints.ts";
import type { Endpoint } from "../base/ids.ts";
import type { Links } from "../transport/link.ts";
import { friendsOf, type FriendsTable } from "./friends_table.ts";

/** How often a port that another program has is tried again. */
const PORT_RETRY_MS = 10_000;

export interface OwnPortPorts {
  readonly links: Pick<Links, "local" | "listenAt">;
  readonly clock: Clock;
  /** The table, as the user calls it. */
  readonly file: string;
  /** Whether the command line says where to listen: then the row doesn't. */
  readonly isFixed: boolean;
  notice(text: string): void;
  failed(error: P2pchatError): void;
  /** What is wrong as long as it is; null where nothing is. */
  trouble(text: string | null): void;
}

/** Keeps listening where friends dial. */
export class OwnPort {
  readonly #ports: OwnPortPorts;
  #table: FriendsTable | null = null;
  /** The port of the row that the user was told of last, as one that isn't ours. */
  #told: number | null = null;
  #timer: { cancel(): void } | null = null;

  constructor(ports: OwnPortPorts) {
    this.#ports = ports;
  }

  /** The table as it is now. */
  follow(table: FriendsTable): void {
    this.close();
    this.#table = table;
    const { port } = table.own.endpoint;
    if (port === this.#ports.links.local.port) {
      this.#told = null;
      return this.#ports.trouble(null);
    }
    if (this.#ports.isFixed) this.#tellOfOther(port);
    else this.#tryPort(table);
  }

  /** Nothing is tried after this, until the next `follow`. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #tellOfOther(port: number): void {
    if (this.#told === port) return;
    this.#told = port;
    const { links, file, notice } = this.#ports;
    notice(
      `You listen at port ${links.local.port}, as --port says, and friends dial ${port}, the port of your row ` +
        `in ${file}: leave out --port or change the row, unless calls to ${port} are passed on to you`,
    );
  }

  #tryPort(table: FriendsTable): void {
    const { links, clock, notice, trouble } = this.#ports;
    const { port } = table.own.endpoint;
    try {
      links.listenAt(port);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      if (hasOurPort(table, links.local)) this.#letGo();
      this.#tellOfFailure(portError(error, port, this.#ports.file), port);
      this.#timer = clock.at(clock.nowMs() + PORT_RETRY_MS, () => {
        if (this.#table !== null) this.#tryPort(this.#table);
      });
      return;
    }
    this.#told = null;
    notice(`Listening at ${port} from now on`);
    trouble(null);
  }

  /** A friend on this machine is to listen where we do, and may have our new port until then: one has to begin. */
  #letGo(): void {
    try {
      this.#ports.links.listenAt(0);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error; // otherwise all is as it was, and is tried again
    }
  }

  #tellOfFailure({ code, message }: P2pchatError, port: number): void {
    const { links, failed, trouble } = this.#ports;
    const text =
      `${message}. It is tried again every ${PORT_RETRY_MS / 1_000} s; until then this program ` +
      `listens at ${links.local.port}`;
    trouble(text);
    if (this.#told === port) return;
    this.#told = port;
    failed(new P2pchatError(code, text));
  }
}

/** Whether a friend on this machine has the port in the table that we listen at. */
function hasOurPort(table: FriendsTable, { port }: Endpoint): boolean {
  return friendsOf(table).some(({ endpoint }) =>
    endpoint.port === port && isSameMachine(endpoint.host, table.own.endpoint.host)
  );
}

/** As far as the table tells: a machine may have several names. */
function isSameMachine(one: string, other: string): boolean {
  return canonicalHost(one) === canonicalHost(other) || (isLoopback(one) && isLoopback(other));
}

/** Why the port of one's row can't be listened at: another one would be of no use, friends dial that of the row. */
export function portError(error: P2pchatError, port: number, file: string): P2pchatError {
  if (error.code !== "port-in-use") return error;
  return new P2pchatError(
    error.code,
    `Cannot listen at port ${port}: another program has it; end that program, or change the port of your ` +
      `row in ${file}`,
    { cause: error },
  );
}
