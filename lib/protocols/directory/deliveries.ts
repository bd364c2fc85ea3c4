/**
 * Tells every client what was told to all: by a datagram where it fits in one and the client has shown where it
 * receives them, repeated until it is acknowledged, and then over its link.
 */

import { DeadlineQueue } from "../../base/deadline_queue.ts";
import type { LinkId } from "../../base/ids.ts";
import { foldName } from "../../base/names.ts";
import { type Broadcast, type Broadcasts, isOver } from "./broadcasts.ts";
import type { Client } from "./client_session.ts";
import type { Unacknowledged } from "./delivery.ts";
import { DATAGRAM_TEXT_BYTES_MAX, REPEAT_MS } from "./limits.ts";
import type { DirectoryMessageOf } from "./messages.ts";
import type { Output } from "./output.ts";

type Told = DirectoryMessageOf<"told">;

export class Deliveries {
  readonly #deadlines = new DeadlineQueue<Client>();
  /** What goes over links in this step: the same to many is one message. */
  readonly #overLinks = new Map<string, { readonly message: Told; readonly links: LinkId[] }>();

  constructor(readonly broadcasts: Broadcasts, readonly out: Output) {}

  /** Sends what there is for the client, as far as there is room for it. */
  pump(client: Client): void {
    const { delivery } = client;
    while (delivery.hasRoom) {
      const broadcast = this.broadcasts.after(delivery.position);
      if (broadcast === null) break;
      if (isFor(broadcast, client)) this.#send(client, delivery.sent(broadcast));
      else delivery.skip(broadcast);
    }
    this.#arm(client);
  }

  #send(client: Client, sent: Unacknowledged): void {
    const { endpoint, path } = client.address;
    const isShort = sent.bytes <= DATAGRAM_TEXT_BYTES_MAX && sent.datagrams < REPEAT_MS.length;
    if (!isShort || endpoint === null) return this.#overLink(client, sent);
    client.delivery.datagramSent(sent, this.out.nowMs);
    this.out.push({ type: "datagram", to: endpoint, bytes: path.seal(sent.message) });
  }

  #overLink(client: Client, sent: Unacknowledged): void {
    sent.dueMs = null;
    if (client.isCongested) return; // `drained` sends it
    const { number, after } = sent.message;
    const key = `${number} ${after}`;
    const batch = this.#overLinks.get(key);
    if (batch !== undefined) batch.links.push(client.link.id);
    else this.#overLinks.set(key, { message: sent.message, links: [client.link.id] });
  }

  /** Sends what has come together in this step. */
  flush(): void {
    for (const { message, links } of this.#overLinks.values()) this.out.sendAll(links, message);
    this.#overLinks.clear();
  }

  /** The client has all up to there. @returns False where it wasn't sent so many. */
  got(client: Client, through: number): boolean {
    if (!client.delivery.acknowledged(through)) return false;
    this.pump(client);
    return true;
  }

  /** Its link takes data again; what went there before may be lost. */
  drained(client: Client): void {
    for (const sent of client.delivery.unacknowledged) {
      if (sent.dueMs === null) this.#overLink(client, sent);
    }
    this.pump(client);
  }

  gone(client: Client): void {
    this.#deadlines.set(client, null);
  }

  #arm(client: Client): void {
    this.#deadlines.set(client, client.delivery.nextMs());
  }

  nextMs(): number | null {
    return this.#deadlines.nextMs();
  }

  postpone(delayMs: number, clients: Iterable<Client>): void {
    this.#deadlines.postpone(delayMs);
    for (const { delivery } of clients) delivery.postpone(delayMs);
  }

  tick(): void {
    const { nowMs } = this.out;
    for (;;) {
      const client = this.#deadlines.takeDue(nowMs);
      if (client === null) return;
      for (const sent of client.delivery.unacknowledged) {
        if (sent.dueMs !== null && sent.dueMs <= nowMs) this.#send(client, sent);
      }
      this.#arm(client);
    }
  }
}

/** Whether the client is to have it. */
function isFor(broadcast: Broadcast, client: Client): boolean {
  if (isBy(broadcast, client)) return false;
  return broadcast.number > client.delivery.before || !isOver(broadcast, client.sinceMs);
}

/** Whether this client's user told it: nobody gets a copy. */
export function isBy({ from, fromKey, fromAccount }: Broadcast, client: Client): boolean {
  if (!fromAccount) return fromKey === client.key;
  return !client.isGuest && client.folded === foldName(from);
}
