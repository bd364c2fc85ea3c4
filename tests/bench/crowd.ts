/** A thousand clients of a directory in this process, each with a sealed link and a socket of its own, as users have. */

import type { Signer } from "../../lib/base/crypto/crypto.ts";
import { RETRY_MS_MAX, RETRY_MS_MIN } from "../../lib/protocols/directory/schema/limits.ts";
import { newSigner, People } from "../e2e/people.ts";
import type { LeanClient, LeanNews, WayInto } from "../runtime/lean_client.ts";
import { bounded } from "./line_process.ts";

/** Of those that come in one after the other, so many at once. */
const AT_ONCE = 50;
/** Clients say where datagrams reach them so often. */
const HERE_MS = 15_000;

type Listener = (client: LeanClient, news: LeanNews) => void;

export interface CrowdMember {
  readonly name: string;
  readonly signer: Signer;
}

/** Names with keys that nobody has met. */
export function strangers(count: number): readonly CrowdMember[] {
  return Array.from({ length: count }, (_, at) => ({ name: `client-${at}`, signer: newSigner() }));
}

export class Crowd implements AsyncDisposable {
  readonly people: People;
  readonly all: readonly LeanClient[];
  readonly #failures = new Map<LeanClient, number>();
  readonly #timer: ReturnType<typeof setInterval>;
  /** Each sender's must grow. */
  #number = 1_000 * Date.now();
  #isOver = false;

  constructor(port: number, members: readonly CrowdMember[], readonly way: WayInto) {
    this.people = new People(port);
    this.all = members.map(({ name, signer }) => this.people.somebody(name, signer));
    const isOne = new Set(this.all);
    this.people.listeners.add((client, news) => {
      if (!isOne.has(client) || this.#isOver) return;
      if (news.type === "down" || news.type === "dial-failed") this.#againLater(client);
      else if (news.type === "message" && news.message.type === "entered") {
        this.#failures.delete(client);
      }
    });
    this.#timer = setInterval(() => {
      for (const client of this.all) client.here();
    }, HERE_MS);
  }

  /** All come in, a few at a time. */
  async comeIn(): Promise<void> {
    for (let at = 0; at < this.all.length; at += AT_ONCE) {
      const some = this.all.slice(at, at + AT_ONCE);
      for (const client of some) client.enters(this.way);
      await bounded(this.until(() => some.every(({ path }) => path !== null)), "clients come in");
    }
    // The last one's address is proved, and all have the list.
    const { length } = this.all;
    await bounded(this.until(() => this.all.every(({ list }) => list.size >= length)), "the list");
  }

  /** Waits until it is so; looked at whenever something happened. */
  until(isSo: () => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    let isDue = false;
    const look = () => {
      isDue = false;
      if (!isSo()) return;
      stop();
      resolve();
    };
    const stop = this.listen(() => {
      if (isDue) return;
      isDue = true;
      setTimeout(look);
    });
    look();
    return promise;
  }

  /** For a broadcast of any of them. */
  nextNumber(): number {
    return ++this.#number;
  }

  /** Tells all; resolves when the directory has told the sender how many have it, and all do. */
  async tells(sender: LeanClient, text: string): Promise<void> {
    const sent = Promise.withResolvers<number>();
    const stop = this.listen((client, news) => {
      if (client !== sender || news.type !== "message") return;
      const { message } = news;
      if (message.type === "refused") sent.reject(new Error(`refused: ${message.code}`));
      if (message.type === "broadcast-sent") sent.resolve(message.number);
    });
    sender.broadcast(this.nextNumber(), text);
    const number = await sent.promise.finally(stop);
    // On a busy machine that is said after 10 s, before all have it.
    await this.until(() => this.all.every((one) => one === sender || one.through >= number));
  }

  /** @returns What ends it. */
  listen(listener: Listener): () => void {
    this.people.listeners.add(listener);
    return () => void this.people.listeners.delete(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    clearInterval(this.#timer);
    await this.people[Symbol.asyncDispose]();
  }

  /** As a client's program does: growing pauses, with jitter. */
  #againLater(client: LeanClient): void {
    const failures = this.#failures.get(client) ?? 0;
    this.#failures.set(client, failures + 1);
    const pauseMs = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 1.5 ** failures);
    setTimeout(() => {
      if (!this.#isOver && client.link === null) {
        client.enters(client.entered === null || this.way.how === "guest" ? this.way : RESUME);
      }
    }, pauseMs * (0.5 + Math.random() / 2));
  }
}

const RESUME: WayInto = { how: "resume" };
