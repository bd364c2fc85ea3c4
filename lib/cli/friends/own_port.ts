/** The port of the user's own row, which friends dial: an edit may change it. */

import { P2pchatError } from "../../base/errors.ts";
import type { Endpoint } from "../../base/ids.ts";
import type { Links } from "../../transport/link.ts";
import type { FriendsTable } from "./table_follower.ts";

interface OwnPortPorts {
  readonly links: Pick<Links, "local">;
  /** The path of the table, as the user gave it. */
  readonly file: string;
  /** Whether the command line gives the port. */
  readonly isFixed: boolean;
  notice(text: string): void;
}

/** Tells the user where friends don't dial the port that the program listens at. */
export class OwnPort {
  #table: FriendsTable | null = null;
  /** The row's port of the last message to the user that it isn't the one listened at. */
  #told: number | null = null;

  constructor(readonly ports: OwnPortPorts) {}

  /** Where friends dial the user, by the present table; null before the first one. */
  get dialled(): Endpoint | null {
    return this.#table?.own.endpoint ?? null;
  }

  /** Sets the present table. */
  follow(table: FriendsTable): void {
    this.#table = table;
    const { port } = table.own.endpoint;
    const { links, file, isFixed, notice } = this.ports;
    const isTold = port === links.local.port || this.#told === port;
    this.#told = port;
    if (isTold) return;
    const [as, way] = isFixed
      ? [
        ", as --port says,",
        `leave out --port or change the row, unless calls to ${port} are passed on to you`,
      ]
      : ["", "start again to listen there"];
    notice(
      `You listen at port ${links.local.port}${as} and friends dial ${port}, the port of your row in ${file}: ${way}`,
    );
  }
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
