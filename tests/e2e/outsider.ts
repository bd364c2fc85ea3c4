/** A stranger with a whole handshake in some mode, and full control of what it says then. */

import { nodeCrypto } from "../../lib/base/crypto/crypto.ts";
import { SILENT_LOGGER } from "../../lib/base/machine/environment.ts";
import type { LinkId } from "../../lib/base/ids.ts";
import type { ChannelMode } from "../../lib/protocols/noise/preface.ts";
import { openTo } from "../../lib/transport/link.ts";
import { openTcpLinks } from "../../lib/transport/tcp/tcp_links.ts";
import { isUnknown, type MessageCodec } from "../../lib/wire/codec.ts";
import { newIdentity } from "./hostile_peer.ts";

/** Where somebody of a mode is, and how one speaks to it. */
interface Place<Message extends { readonly type: string }> {
  readonly port: number;
  readonly mode: ChannelMode;
  readonly codec: MessageCodec<Message>;
}

/** Instead of a message: there is no link, or none any more. */
export interface Ended {
  readonly type: "ended";
  readonly reason: string;
}

export class Outsider<Message extends { readonly type: string }> implements AsyncDisposable {
  readonly #links: ReturnType<typeof openTcpLinks>;
  readonly #up = Promise.withResolvers<void>();
  readonly #heard: (Message | Ended)[] = [];
  #wake = Promise.withResolvers<void>();
  #link: LinkId | null = null;

  private constructor(readonly place: Place<Message>) {
    const { port, mode, codec } = place;
    this.#links = openTcpLinks({
      host: null,
      port: null,
      identity: newIdentity(),
      env: {
        randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
        crypto: nodeCrypto,
        log: SILENT_LOGGER,
      },
      access: openTo(mode),
      handler: {
        linkUp: (link) => {
          this.#link = link;
          this.#up.resolve();
        },
        dialFailed: (_, { reason }) => {
          this.#hears({ type: "ended", reason });
          this.#up.resolve();
        },
        frame: (_, body) => {
          const message = codec.decode(body.slice());
          if (!isUnknown(message)) this.#hears(message);
        },
        linkDown: (_, { reason }) => {
          this.#link = null;
          this.#hears({ type: "ended", reason });
        },
        congested() {},
        drained() {},
        aged() {},
      },
    });
    const anybody = { key: null, room: null, secret: null, mode } as const;
    this.#links.dial(1, { host: "127.0.0.1", port }, anybody);
  }

  /** Dials; the caller disposes of it. @returns Also where it isn't let in: then it hears why. */
  static async dial<Message extends { readonly type: string }>(
    place: Place<Message>,
  ): Promise<Outsider<Message>> {
    const outsider = new Outsider(place);
    await outsider.#up.promise;
    return outsider;
  }

  get isUp(): boolean {
    return this.#link !== null;
  }

  say(message: Message, lane: "control" | "data" = "data"): void {
    if (this.#link !== null) this.#links.send(this.#link, this.place.codec.encode(message), lane);
  }

  /** The next that comes. */
  async hears(): Promise<Message | Ended> {
    for (;;) {
      const next = this.#heard.shift();
      if (next !== undefined) return next;
      await this.#wake.promise;
    }
  }

  #hears(heard: Message | Ended): void {
    this.#heard.push(heard);
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#links.shutdown("left");
  }
}
