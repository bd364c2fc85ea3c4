/** Clients of a directory in this process over real sockets: each has a link and a socket for datagrams. */

import { nodeCrypto, nodeSigner, type Signer } from "../../lib/base/crypto/crypto.ts";
import { SILENT_LOGGER } from "../../lib/base/machine/environment.ts";
import type { DirectoryMessage } from "../../lib/protocols/directory/schema/messages.ts";
import { keyPairFromSeed } from "../../lib/protocols/noise/primitives.ts";
import { DIRECTORY_CHANNEL } from "../../lib/protocols/directory/schema/limits.ts";
import type { Datagrams } from "../../lib/transport/datagrams.ts";
import { openTcpLinks } from "../../lib/transport/tcp/tcp_links.ts";
import { UdpDatagrams } from "../../lib/transport/udp_datagrams.ts";
import { CLIENT_ACCESS, LeanClient, type LeanNews } from "../runtime/lean_client.ts";

const HOST = "127.0.0.1";
/** The longest wait for an event, well above any promise that tests check. */
const WAIT_MS = 60_000;

export class People implements AsyncDisposable {
  /** Called for each event of each client. */
  readonly listeners = new Set<(client: LeanClient, news: LeanNews) => void>();
  readonly #all: { readonly client: LeanClient; readonly datagrams: Datagrams }[] = [];
  readonly #waiters = new Set<() => void>();

  /** @param port The directory's port. */
  constructor(readonly port: number) {}

  /** A client that hasn't sent anything yet; by default with a new key. */
  somebody(name: string, signer: Signer = newSigner()): LeanClient {
    const datagrams = UdpDatagrams.listen(HOST, 0, SILENT_LOGGER);
    const client = new LeanClient(name, {
      directory: { host: HOST, port: this.port },
      signer,
      open: (handler) =>
        openTcpLinks({
          host: null,
          port: null,
          identity: { signer, static: keyPairFromSeed(randomBytes(32)) },
          env: { randomBytes, crypto: nodeCrypto, log: SILENT_LOGGER },
          access: CLIENT_ACCESS,
          channel: DIRECTORY_CHANNEL,
          handler,
        }),
      send: (to, bytes) => datagrams.send(to, bytes),
      happened: (client, news) => this.#happened(client, news),
    });
    datagrams.handle({
      datagram: (_, bytes) => void client.datagram(bytes),
      turn: () => client.turn(),
    });
    this.#all.push({ client, datagrams });
    return client;
  }

  /** A guest that has entered. */
  async guest(name: string): Promise<LeanClient> {
    const guest = this.somebody(name).enters({ how: "guest" });
    await this.said(guest, "entered");
    return guest;
  }

  /** Waits until `isSo` returns true. */
  async until(isSo: () => boolean, what = String(isSo), waitMs = WAIT_MS): Promise<void> {
    const deadline = performance.now() + waitMs;
    while (!isSo()) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) throw new Error(`It didn't come to this within ${waitMs} ms: ${what}`);
      const woken = Promise.withResolvers<void>();
      this.#waiters.add(woken.resolve);
      const timer = setTimeout(woken.resolve, leftMs);
      await woken.promise;
      clearTimeout(timer);
      this.#waiters.delete(woken.resolve);
    }
  }

  /** Waits for the first message of this type from the directory to this client, starting at index `from`. */
  async said<Type extends DirectoryMessage["type"]>(
    client: LeanClient,
    type: Type,
    from = 0,
  ): Promise<Extract<DirectoryMessage, { readonly type: Type }>> {
    const find = () => client.said.slice(from).find((message) => message.type === type);
    await this.until(() => find() !== undefined, `${client.name} is told ${type}`);
    return find() as Extract<DirectoryMessage, { readonly type: Type }>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all.map(async ({ client, datagrams }) => {
      await client.links.shutdown("ended");
      await datagrams.close();
    }));
  }

  #happened(client: LeanClient, news: LeanNews): void {
    for (const listener of this.listeners) listener(client, news);
    for (const wake of this.#waiters) wake();
  }
}

function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(length));
}

/** A new key. */
export function newSigner(): Signer {
  return nodeSigner(randomBytes(32));
}
