/**
 * Delivers broadcasts to clients: by datagram, if the broadcast fits in one and the client has proved where it
 * receives them; the datagram is repeated until it is acknowledged, and then the broadcast goes over the client's
 * link. While many datagrams are in flight, clients that are slow to acknowledge are served over their links at once:
 * a crowd that never acknowledges would hold up everybody else.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import { DeadlineQueue } from "../../../base/collections/deadline_queue.ts";
import type { LinkId } from "../../../base/ids.ts";
import { earliestMs } from "../../../base/machine/machine.ts";
import { foldName } from "../../../base/text/names.ts";
import {
  type Broadcast,
  type Broadcasts,
  isOfAccount,
  isOver,
  type SaidBroadcast,
} from "../broadcast_log/broadcasts.ts";
import { ToldMessage, type Unacknowledged } from "../broadcast_log/delivery.ts";
import type { DirectoryOutput } from "../schema/directory_output.ts";
import {
  DATAGRAM_TEXT_BYTES_MAX,
  FLYING_MAX,
  FLYING_MS_MAX,
  REPEAT_MS,
  WINDOW_MAX,
} from "../schema/limits.ts";
import type { Client } from "../sessions/client_session.ts";

/** How many encoded messages are kept. */
const TELLING_MAX = 64;

export class Deliveries {
  readonly #deadlines = new DeadlineQueue<Client>();
  readonly #flying = new InFlight();
  /** Clients to which more is sent when fewer datagrams are in flight, in the order of their turns. */
  readonly #waiting = new Set<Client>();
  /** Messages that go over links in this step: one effect for all clients that get the same message. */
  readonly #overLinks = new Map<ToldMessage, LinkId[]>();
  /** The latest messages, by number and predecessor: most clients are sent the same ones, in the same order. */
  readonly #telling = new Map<string, ToldMessage>();

  constructor(readonly broadcasts: Broadcasts, readonly out: DirectoryOutput) {}

  /** Sends the client what it lacks, as far as there is room; the rest in its turn. */
  pump(client: Client): void {
    this.#pumpWaiting(); // clients that waited before
    if (this.#mustWait(client)) return void this.#waiting.add(client);
    this.#pump(client);
    this.#arm(client);
  }

  /** Whether the client must wait until fewer datagrams are in flight. */
  #mustWait({ address: { endpoint }, delivery }: Client): boolean {
    return !this.#flying.hasRoom && endpoint !== null && !delivery.isSlow;
  }

  #pumpWaiting(): void {
    for (const client of this.#waiting) {
      if (!this.#flying.hasRoom) return;
      this.#waiting.delete(client);
      this.#pump(client);
      this.#arm(client);
    }
  }

  #pump(client: Client): void {
    const { delivery } = client;
    const { nowMs } = this.out;
    for (const sent of delivery.unacknowledged) {
      if (sent.dueMs !== null && sent.dueMs <= nowMs && !this.#send(client, sent)) return;
    }
    while (delivery.hasRoom) {
      const broadcast = this.broadcasts.after(delivery.position);
      if (broadcast === null) return;
      if (!isFor(broadcast, client)) delivery.skip(broadcast);
      else if (this.#mustWait(client)) return void this.#waiting.add(client);
      else {
        this.#send(client, delivery.sent(this.#tellingOf(broadcast, delivery.lastSent)));
      }
    }
  }

  #tellingOf(
    { number, from, fromKey, fromAccount, own, sentAt, text, signature }: Broadcast,
    after: number,
  ): ToldMessage {
    const place = `${number} ${after}`;
    let telling = this.#telling.get(place);
    if (telling === undefined) {
      const key = fromKey ?? this.broadcasts.directory;
      const guest = !fromAccount && fromKey !== null; // the operator is none
      const what = { number, after, from, sentAt, text, key, own, signature, guest };
      telling = new ToldMessage({ type: "told", ...what });
      this.#telling.set(place, telling);
      dropOldest(this.#telling, TELLING_MAX);
    }
    return telling;
  }

  /** @returns False where it must wait for its turn. */
  #send(client: Client, sent: Unacknowledged): boolean {
    const { endpoint, path } = client.address;
    const { telling } = sent;
    const isShort = telling.textBytes <= DATAGRAM_TEXT_BYTES_MAX &&
      sent.datagrams < REPEAT_MS.length;
    const isCrowdedOut = client.delivery.isSlow && !this.#flying.hasRoomForSlow;
    if (!isShort || endpoint === null || isCrowdedOut) this.#overLink(client, sent);
    else if (this.#mustWait(client)) {
      this.#waiting.add(client);
      return false;
    } else {
      client.delivery.datagramSent(sent, this.out.nowMs);
      this.#flying.departs(sent, this.out.nowMs);
      this.out.push({ type: "datagram", to: endpoint, bytes: path.sealPlain(telling.plain) });
    }
    return true;
  }

  #overLink(client: Client, sent: Unacknowledged): void {
    sent.dueMs = null;
    if (client.isCongested) return; // `drained` sends it
    client.delivery.told();
    const links = this.#overLinks.get(sent.telling);
    if (links !== undefined) links.push(client.link.id);
    else this.#overLinks.set(sent.telling, [client.link.id]);
  }

  /** Sends what has been collected in this step. */
  flush(): void {
    for (const [{ message }, links] of this.#overLinks) this.out.sendAll(links, message);
    this.#overLinks.clear();
  }

  /** The client has all up to there. @returns False where it wasn't sent so many. */
  got(client: Client, through: number): boolean {
    const acknowledged = client.delivery.acknowledged(through);
    if (acknowledged === null) return false;
    for (const sent of acknowledged) this.#flying.lands(sent);
    this.#arm(client);
    this.pump(client);
    return true;
  }

  /** The client's link takes data again; what was sent there before may be lost. */
  drained(client: Client): void {
    for (const sent of client.delivery.unacknowledged) {
      if (sent.dueMs === null) this.#overLink(client, sent);
    }
    this.pump(client);
  }

  gone(client: Client): void {
    this.#deadlines.set(client, null);
    this.#waiting.delete(client);
    for (const sent of client.delivery.unacknowledged) this.#flying.lands(sent);
    this.#pumpWaiting();
  }

  #arm(client: Client): void {
    this.#deadlines.set(client, client.delivery.nextMs());
  }

  nextMs(): number | null {
    const turnMs = this.#waiting.size === 0 ? null : this.#flying.nextMs();
    return earliestMs(this.#deadlines.nextMs(), turnMs);
  }

  tick(nowMs: number): void {
    this.#flying.expire(nowMs);
    for (const client of this.#deadlines.takeDue(nowMs)) this.pump(client);
    this.#pumpWaiting();
  }
}

/** Whether the client should get the broadcast. */
export function isFor(broadcast: Broadcast, client: Client): boolean {
  if (isBy(broadcast, client)) return false;
  return broadcast.number > client.delivery.before || !isOver(broadcast, client.enteredMs);
}

/** Whether this client's user sent the broadcast: senders get no copy. */
export function isBy(said: SaidBroadcast, client: Client): boolean {
  if (!isOfAccount(said)) return said.fromKey === client.key;
  return !client.isGuest && client.folded === foldName(said.from);
}

/** Datagrams in flight to all clients, or their acknowledgements: limits how many there are at once. */
export class InFlight {
  /** In the order of time; items whose datagram has landed, or was sent again since, don't count any more. */
  #queue: { readonly sent: Unacknowledged; readonly sinceMs: number }[] = [];
  #first = 0;
  #count = 0;
  /** Whether the limit was reached, and too few have landed since. */
  #isFull = false;

  /**
   * Whether another datagram may be sent. Once the limit is reached, several must land first: then a client whose
   * turn it is gets all that it lacks at once, and acknowledges it together, instead of one by one.
   */
  get hasRoom(): boolean {
    return !this.#isFull;
  }

  /** Whether a client that is slow to acknowledge may be sent one: half of the room is for the others. */
  get hasRoomForSlow(): boolean {
    return this.#count < FLYING_MAX / 2;
  }

  /** How many items are in memory, including those that have landed. */
  get kept(): number {
    return this.#queue.length;
  }

  /** The broadcast's datagram is being sent. */
  departs(sent: Unacknowledged, nowMs: number): void {
    this.lands(sent);
    sent.flyingSinceMs = nowMs;
    this.#count += 1;
    if (this.#count >= FLYING_MAX) this.#isFull = true;
    this.#queue.push({ sent, sinceMs: nowMs });
  }

  /** The datagram is acknowledged, or not waited for any more. */
  lands(sent: Unacknowledged): void {
    if (sent.flyingSinceMs === null) return;
    sent.flyingSinceMs = null;
    this.#count -= 1;
    if (this.#count <= FLYING_MAX - WINDOW_MAX) this.#isFull = false;
  }

  /** Datagrams that have been in flight for too long don't count any more. */
  expire(nowMs: number): void {
    for (let first = this.#oldest(); first !== null; first = this.#oldest()) {
      if (first.sinceMs + FLYING_MS_MAX > nowMs) return;
      this.lands(first.sent);
      first.sent.isLate = first.sent.datagrams > 1;
    }
  }

  /** When the next datagram stops counting. */
  nextMs(): number | null {
    const first = this.#oldest();
    return first === null ? null : first.sinceMs + FLYING_MS_MAX;
  }

  /** The oldest datagram in flight; also drops the items before it. */
  #oldest(): { readonly sent: Unacknowledged; readonly sinceMs: number } | null {
    for (; this.#first < this.#queue.length; this.#first++) {
      const first = this.#queue[this.#first]!;
      if (first.sent.flyingSinceMs !== first.sinceMs) continue;
      if (this.#first > FLYING_MAX) {
        this.#queue.splice(0, this.#first);
        this.#first = 0;
      }
      return first;
    }
    this.#queue = [];
    this.#first = 0;
    return null;
  }
}
