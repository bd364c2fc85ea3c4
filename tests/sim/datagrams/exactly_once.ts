/**
 * Checks for each pair of processes that every message is delivered once, in the order of its lane; after a `reset`
 * a process counts anew. The checker keeps its own record of what each process sent to whom, and how much was
 * delivered.
 */

import type { Lane } from "../../../lib/protocols/reliable_datagram/packet.ts";

/** A promise was broken. */
export class Violation extends Error {
  override readonly name = "Violation";
}

const HEADER = new TextEncoder();
const TEXT = new TextDecoder();

/** The messages that one process sends to one peer from one `begin` to the next. */
interface Epoch {
  readonly from: string;
  readonly to: string;
  readonly number: number;
  readonly said: Record<Lane, number>;
  /**
   * By receiving process, and how often it was told that the sender is up: the number of messages delivered in
   * each lane.
   */
  readonly heard: Map<string, Record<Lane, number>>;
}

export class ExactlyOnce {
  readonly #epochs = new Map<string, Epoch>();
  #numbers = 0;
  readonly #ups = new Map<string, number>();

  /**
   * `process` (as `Ann 2`) starts a new count of its messages to `peer` (as `Bob`): at `connect`, the first `up`
   * or `reset`.
   */
  begin(process: string, peer: string): void {
    const epoch = {
      from: process,
      to: peer,
      number: ++this.#numbers,
      said: { control: 0, data: 0 },
      heard: new Map(),
    };
    this.#epochs.set(`${process}>${peer}`, epoch);
    this.#epochs.set(String(epoch.number), epoch);
  }

  /** `process` was told that `peer` is up: deliveries are counted from 0 again. */
  up(process: string, peer: string): void {
    const pair = `${process}<${peer}`;
    this.#ups.set(pair, (this.#ups.get(pair) ?? 0) + 1);
  }

  /** The next message from `process` to `peer`, of at least `bytes` bytes. */
  say(process: string, peer: string, lane: Lane, bytes: number): Uint8Array {
    const epoch = this.#epochs.get(`${process}>${peer}`);
    if (epoch === undefined) throw new Violation(`${process} speaks to ${peer} before it began`);
    const header = HEADER.encode(`${epoch.number}/${epoch.said[lane]++}/${bytes}/`);
    const message = new Uint8Array(Math.max(header.length, bytes));
    message.fill(epoch.number & 0xff);
    message.set(header);
    return message;
  }

  /**
   * `process` was given `message` as one from `peer`. @throws {Violation} If it isn't the next message of its
   * lane.
   */
  heard(process: string, peer: string, lane: Lane, message: Uint8Array): void {
    const [name, number, bytes] = TEXT.decode(message.subarray(0, 40)).split("/");
    const epoch = this.#epochs.get(name!);
    const what = `${process} heard ${lane} message ${name}/${number} of ${peer}`;
    if (epoch === undefined) throw new Violation(`${what}, which nobody said`);
    if (!epoch.from.startsWith(`${peer} `)) throw new Violation(`${what}, said by ${epoch.from}`);
    if (!process.startsWith(`${epoch.to} `)) throw new Violation(`${what}, said to ${epoch.to}`);
    const length = Math.max(Number(bytes), `${name}/${number}/${bytes}/`.length);
    if (message.length !== length) throw new Violation(`${what}, with ${message.length} bytes`);
    const hearer = this.#hearer(process, peer);
    let heard = epoch.heard.get(hearer);
    if (heard === undefined) epoch.heard.set(hearer, heard = { control: 0, data: 0 });
    if (Number(number) !== heard[lane]) throw new Violation(`${what} instead of ${heard[lane]}`);
    heard[lane] += 1;
  }

  /** Checks that everything that `process` has sent to `peer` since its `begin` was delivered. @throws {Violation} */
  complete(process: string, peerProcess: string, peer: string): void {
    const epoch = this.#epochs.get(`${process}>${peer}`);
    if (epoch === undefined) throw new Violation(`${process} never began with ${peer}`);
    const hearer = this.#hearer(peerProcess, process.split(" ")[0]!);
    for (const lane of ["control", "data"] as const) {
      const heard = epoch.heard.get(hearer)?.[lane] ?? 0;
      if (heard === epoch.said[lane]) continue;
      throw new Violation(
        `${peerProcess} heard ${heard} of ${epoch.said[lane]} ${lane} messages of ${process}`,
      );
    }
  }

  #hearer(process: string, peer: string): string {
    return `${process} ${this.#ups.get(`${process}<${peer}`) ?? 0}`;
  }
}
