/**
 * Service discovery over multicast DNS: one socket, at all addresses of this machine, in the group on each of its
 * interfaces, however many containers have networks of their own. (A socket at one address hears nothing that is sent to
 * the group.) It is shared with whatever else on this machine does multicast DNS.
 *
 * All goes to the group, answers too: to whoever asks from elsewhere nothing is sent, as its address isn't proven. What
 * comes from no network of this machine is dropped: the port is open to all.
 */

import { Buffer } from "node:buffer";
import type { Socket } from "node:dgram";
import process from "node:process";
import { TokenBucket } from "../../base/rates/token_bucket.ts";
import { isAddress, isLoopback, isPrivateHost, isUnicast } from "../../base/text/endpoints.ts";
import type { Logger } from "../../base/machine/environment.ts";
import { reasonOf } from "../sockets.ts";
import {
  announcingMessage,
  askingMessage,
  goodbyeMessage,
  MESSAGE_BYTES_MAX,
  readMessage,
} from "./dns_messages.ts";
import type {
  DiscoveryFault,
  DiscoveryHandler,
  Hearing,
  Service,
  ServiceDiscovery,
} from "./service_discovery.ts";

const GROUP = "224.0.0.251";
const PORT = 5_353;
const ALL_ADDRESSES = "0.0.0.0";
const LOOPBACK_ADDRESS = "127.0.0.1";
/** So that a message reaches all of the link, and its receivers see that it didn't come from further away. */
const TTL = 255;
/** How often interfaces are looked at: one that comes, or comes again, is heard and announced at within 5 s. */
const LOOK_MS = 4_000;
/**
 * Time for reading messages, ms, and at once: for 1,000 usual ones a second, many times what a crowded network has. Not
 * their number is bounded: one whose names are all of 120 labels takes as long as a hundred others.
 */
const READING_MS_PER_SECOND = 50;
const READING_MS_BURST = 100;
/** Messages that wait until the socket is open, or for those before: more than is ever sent at once. */
const WAITING_MAX = 32;

interface Options {
  /** Listens and announces at this address alone; null: on all interfaces. */
  readonly host: string | null;
  readonly log: Logger;
  readonly nowMs: () => number;
  /** For tests, beside whatever listens at the real one. */
  readonly port?: number;
}

/** An interface of this machine. */
interface Interface {
  readonly address: string;
  /** As `192.168.1.5/24`. */
  readonly cidr: string;
}

/** One at which this program is in the group, by this socket. */
interface Joined extends Interface {
  readonly by: Socket;
}

/** What couldn't be sent, and from which address. */
interface Refused {
  readonly address: string;
  readonly bytes: Uint8Array;
}

/** Makes the message that goes out through the interface with this address. */
type MessageFor = (address: string) => Uint8Array<ArrayBuffer>;

export class MdnsDiscovery implements ServiceDiscovery {
  readonly #socket: Socket;
  readonly #port: number;
  readonly #readingMs = new TokenBucket(READING_MS_PER_SECOND, READING_MS_BURST);
  #handler: DiscoveryHandler | null = null;
  /** Those through which messages go out, in whose group this program is. */
  #interfaces: readonly Joined[] = [];
  /** The sockets that are in the group. The system lets one be so 20 times, and gives all of them what it lets in for one. */
  readonly #members: Socket[];
  #hasNetwork = true;
  /** Whether there was a network that leads to others; null before the first look. */
  #hadNetwork: boolean | null = null;
  #looks: ReturnType<typeof setInterval> | undefined;
  /** Null until the socket is open, or can't be. */
  #isOpen: boolean | null = null;
  #opened = Promise.withResolvers<void>();
  /** Why sending failed the last time; null where it didn't. */
  #sendFault: DiscoveryFault | null = null;
  #waiting: MessageFor[] = [];
  #sending: Promise<void> | null = null;
  #isClosed = false;
  readonly #hearing = { own: false, others: false };

  /** Opens the socket; until it is open, what is sent waits. */
  constructor(readonly options: Options) {
    this.#port = options.port ?? PORT;
    // Not imported: what the bundle imports of the runtime, each start loads.
    const { createSocket } = process.getBuiltinModule("node:dgram");
    this.#socket = createSocket({ type: "udp4", reuseAddr: true });
    this.#members = [this.#socket];
    this.#socket.on("error", (error) => {
      options.log.debug("multicast DNS", { reason: reasonOf(error) });
      this.#nowOpen(this.#isOpen ?? false);
    });
    this.#socket.on("listening", () => this.#listening());
    this.#socket.bind(this.#port, ALL_ADDRESSES);
  }

  get fault(): DiscoveryFault | null {
    if (this.#isOpen === false) return "port-taken";
    if (!this.#hasNetwork) return "no-network";
    return this.#sendFault;
  }

  get hearing(): Hearing {
    return this.#hearing;
  }

  handle(handler: DiscoveryHandler): void {
    this.#handler = handler;
    this.#socket.on("message", (bytes, { address }) => this.#received(bytes, address));
  }

  ask(): void {
    const message = askingMessage();
    this.#send(() => message);
  }

  announce(service: Service): void {
    this.#send((address) => announcingMessage(service, address));
  }

  goodbye(service: Service): void {
    this.#send((address) => goodbyeMessage(service, address));
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    await this.#opened.promise;
    await this.#sending;
    this.#isClosed = true;
    clearInterval(this.#looks);
    await this.#sending; // of the last look
    if (this.#isOpen !== true) return;
    for (const each of this.#members) await new Promise<void>((done) => each.close(() => done()));
  }

  #nowOpen(isOpen: boolean): void {
    this.#isOpen = isOpen;
    this.#opened.resolve();
  }

  #listening(): void {
    this.#tries(() => {
      this.#socket.setMulticastTTL(TTL);
      this.#socket.setMulticastLoopback(true);
    });
    this.#nowOpen(true);
    const look = () => void (this.#sending ??= this.#sendAll());
    this.#looks = setInterval(look, LOOK_MS);
    look();
  }

  /** Joins the group on each interface: there may be others than the last time, also with the same addresses. */
  async #join(): Promise<void> {
    const before = new Map(this.#interfaces.map(({ address, by }) => [address, by]));
    let present: readonly Interface[] = [];
    this.#tries(() => present = interfacesOf(this.options.host)); // not every system lists them
    const joined: Joined[] = [];
    let isAnyNew = false;
    for (const each of present) {
      const { address } = each;
      const was = before.get(address);
      before.delete(address);
      // A member is refused, unless its interface was made anew.
      const anew = was === undefined
        ? this.#members.find((socket) => joins(socket, address)) ?? await this.#another(address)
        : joins(was, address)
        ? was
        : null;
      const by = anew ?? was;
      if (by !== undefined) joined.push({ ...each, by });
      if (anew !== null) isAnyNew = true;
    }
    this.#interfaces = joined;
    for (const [address, by] of before) this.#tries(() => by.dropMembership(GROUP, address));
    this.#hasNetwork = joined.some(({ address }) => !isLoopback(address)) ||
      this.options.host !== null && joined.length > 0;
    const had = this.#hadNetwork;
    this.#hadNetwork = had === true || this.#hasNetwork;
    if (had === false && this.#hasNetwork) this.#handler?.connected();
    // Others answer; so does this program, which hears itself.
    if (had !== null && isAnyNew) this.ask();
  }

  /** One more socket, in the group at this address; null where the system refuses that, too. */
  async #another(address: string): Promise<Socket | null> {
    const { createSocket } = process.getBuiltinModule("node:dgram");
    const socket = createSocket("udp4");
    await new Promise<void>((done) => {
      socket.on("error", () => done());
      socket.bind(0, ALL_ADDRESSES, done);
    });
    if (joins(socket, address)) return this.#members[this.#members.push(socket) - 1]!;
    socket.close();
    return null;
  }

  /** An interface may vanish at any moment. */
  #tries(change: () => unknown): boolean {
    try {
      change();
      return true;
    } catch (error) {
      this.options.log.debug("multicast DNS on an interface", { reason: reasonOf(error) });
      return false;
    }
  }

  #send(message: MessageFor): void {
    if (this.#isClosed || this.#waiting.length >= WAITING_MAX) return;
    this.#waiting.push(message);
    if (this.#isOpen === true) this.#sending ??= this.#sendAll();
  }

  async #sendAll(): Promise<void> {
    await Promise.resolve(); // not from within the caller's call
    await this.#join();
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      let refused: Refused | null = null;
      let isSent = false;
      // One after the other: the interface is the socket's, and holds for what is sent next.
      for (const { address } of this.#interfaces) {
        if (!this.#tries(() => this.#socket.setMulticastInterface(address))) continue;
        const bytes = next(address);
        if (await this.#sendOne(bytes)) isSent = true;
        else refused = { address, bytes };
      }
      this.#sendFault = isSent || refused === null ? null : await this.#faultOf(refused);
    }
    this.#sending = null;
  }

  /** @returns Whether it was sent. */
  #sendOne(bytes: Uint8Array): Promise<boolean> {
    return new Promise((resolve) => {
      this.#socket.send(bytes, this.#port, GROUP, (error) => {
        if (error === null || error === undefined) return resolve(true);
        this.options.log.debug("multicast DNS not sent", { reason: reasonOf(error) });
        resolve(false);
      });
    });
  }

  /**
   * Why that can't be sent. The socket's own error doesn't tell a firewall from an interface that is down; of another
   * kind of socket it does: a firewall doesn't permit it, and down is all else.
   */
  async #faultOf({ address, bytes }: Refused): Promise<DiscoveryFault> {
    let socket: Deno.DatagramConn | null = null;
    try {
      socket = Deno.listenDatagram({ hostname: address, port: 0, transport: "udp" });
      await socket.send(bytes, { hostname: GROUP, port: this.#port, transport: "udp" });
      return "no-network";
    } catch (error) {
      return error instanceof Deno.errors.PermissionDenied ? "not-sent" : "no-network";
    } finally {
      socket?.close();
    }
  }

  /**
   * Whether a service may be at this address, as what a reflector passes on from another network: anybody may say it, and
   * no machine of the internet is to be dialled for that.
   */
  #mayBe(host: string): boolean {
    if (!isAddress(host) || !isUnicast(host) || isLoopback(host)) return false;
    return isPrivateHost(host) || this.#interfaces.some(({ cidr }) => isIn(host, cidr));
  }

  #received(bytes: Buffer, from: string): void {
    if (this.#isClosed || this.#handler === null || bytes.length > MESSAGE_BYTES_MAX) return;
    const isOwn = isLoopback(from) ||
      this.#interfaces.some(({ address }) => address === from);
    if (!isOwn && !this.#interfaces.some(({ cidr }) => isIn(from, cidr))) return;
    if (isOwn) this.#hearing.own = true;
    else this.#hearing.others = true;
    const { nowMs } = this.options;
    const fromMs = nowMs();
    if (this.#readingMs.available(fromMs) <= 0) return;
    const message = readMessage(bytes);
    const toMs = nowMs();
    this.#readingMs.spend(toMs, toMs - fromMs);
    if (message === null) return;
    if (message.isAsking) this.#handler.asked();
    for (const { service: { host = from, ...service }, lifeMs } of message.services) {
      const isElsewhere = host !== from && this.#mayBe(host);
      this.#handler.heard(from, isElsewhere ? { ...service, host } : service, lifeMs);
    }
    for (const instance of message.ended) this.#handler.gone(from, instance);
  }
}

/** The interfaces to use: those that lead to others, or else the one of the machine to itself. */
function interfacesOf(host: string | null): readonly Interface[] {
  const all = Deno.networkInterfaces().filter(({ family }) => family === "IPv4")
    .map(({ address, cidr }) => ({ address, cidr }));
  if (host !== null && host !== ALL_ADDRESSES) {
    return all.filter(({ address }) => address === host).slice(0, 1);
  }
  const others = all.filter(({ address }) => !isLoopback(address));
  if (others.length > 0) return others;
  return all.filter(({ address }) => address === LOOPBACK_ADDRESS);
}

/** Whether it wasn't in the group there, and is now. */
function joins(socket: Socket, address: string): boolean {
  try {
    socket.addMembership(GROUP, address);
    return true;
  } catch {
    return false;
  }
}

/** Whether an IPv4 address is in a network, as `192.168.1.5/24`. */
function isIn(address: string, cidr: string): boolean {
  const [network = "", length] = cidr.split("/");
  const bits = Number(length);
  const mask = bits === 0 ? 0 : ~0 << (32 - bits);
  return (numberOf(address) & mask) === (numberOf(network) & mask);
}

function numberOf(address: string): number {
  return address.split(".").reduce((number, part) => (number << 8) | Number(part), 0);
}
