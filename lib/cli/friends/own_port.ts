/** The port of the user's own row, which friends dial: an edit may change it, and another program may have it. */

import type { Clock } from "../../base/machine/clock.ts";
import { P2pchatError } from "../../base/errors.ts";
import { canonicalHost, isLoopback } from "../../base/text/endpoints.ts";
import type { Endpoint } from "../../base/ids.ts";
import type { Links } from "../../transport/link.ts";
import { friendsOf, type FriendsTable } from "./table_follower.ts";

/** How often the program tries again to listen at a port that another program has. */
const PORT_RETRY_MS = 10_000;

interface OwnPortPorts {
  readonly links: Pick<Links, "local" | "listenAt">;
  readonly clock: Clock;
  /** The path of the table, as the user gave it. */
  readonly file: string;
  /** Whether the command line gives the port: then the row's doesn't matter. */
  readonly isFixed: boolean;
  notice(text: string): void;
  failed(error: P2pchatError): void;
  /** Sets the present problem; null where there is none. */
  trouble(text: string | null): void;
}

/** Keeps the program listening where friends dial. */
export class OwnPort {
  readonly #ports: OwnPortPorts;
  #table: FriendsTable | null = null;
  /** The row's port of the last message to the user that it isn't the one listened at. */
  #told: number | null = null;
  #timer: { cancel(): void } | null = null;

  constructor(ports: OwnPortPorts) {
    this.#ports = ports;
  }

  /** Where friends dial the user, by the present table; null before the first one. */
  get dialled(): Endpoint | null {
    return this.#table?.own.endpoint ?? null;
  }

  /** Sets the present table, and listens at its port. */
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

  /** Makes no more attempts until the next `follow`. */
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

  /**
   * Moves to any free port: if two programs on this machine are to swap ports, one of them has to free its port
   * first.
   */
  #letGo(): void {
    try {
      this.#ports.links.listenAt(0);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error; // the port stays the same then, and the attempt is repeated
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

/** Whether another row of this machine has the port that the program listens at. */
function hasOurPort(table: FriendsTable, { port }: Endpoint): boolean {
  return friendsOf(table).some(({ endpoint }) =>
    endpoint.port === port && isSameMachine(endpoint.host, table.own.endpoint.host)
  );
}

/** As far as the table shows: a machine may have several names. */
function isSameMachine(one: string, other: string): boolean {
  return canonicalHost(one) === canonicalHost(other) || (isLoopback(one) && isLoopback(other));
}

/**
 * The error where the port of the user's row isn't available. Another port would be useless, as friends dial this
 * one.
 */
export function portError(error: P2pchatError, port: number, file: string): P2pchatError {
  if (error.code !== "port-in-use") return error;
  return new P2pchatError(
    error.code,
    `Cannot listen at port ${port}: another program has it; end that program, or change the port of your ` +
      `row in ${file}`,
    { cause: error },
  );
}
