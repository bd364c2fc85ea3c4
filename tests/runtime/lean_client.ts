/**
 * A client of the directory that does what the protocol asks of one, and no more: comes in, says where datagrams
 * reach it, knows who is there, acknowledges what is told to all. A thousand of them fit in one process.
 */

import type { Bytes, Signer } from "../../lib/base/crypto/crypto.ts";
import { RemoteProtocolError } from "../../lib/base/errors.ts";
import type { Endpoint, LinkId, PeerKey } from "../../lib/base/ids.ts";
import {
  type DatagramMessage,
  DatagramPath,
} from "../../lib/protocols/directory/datagrams/datagram_path.ts";
import {
  type OpenedDatagram,
  transportOf,
} from "../../lib/protocols/sealed_datagram/keyed_path.ts";
import { HERE_PADDING_BYTES } from "../../lib/protocols/sealed_datagram/limits.ts";
import {
  DIRECTORY_LANES,
  DIRECTORY_MESSAGES,
  type DirectoryMessage,
  type DirectoryMessageOf,
  type WayIn,
} from "../../lib/protocols/directory/schema/messages.ts";
import { listedIn, type ListedUser } from "../../lib/protocols/directory/schema/listed_users.ts";
import { signBroadcast } from "../../lib/protocols/directory/schema/signed_broadcast.ts";
import {
  type DialFailure,
  EXPECT_ANYBODY,
  forwardTo,
  type LinkEnd,
  type LinkHandler,
  type LinkInfo,
  type Links,
} from "../../lib/transport/link.ts";
import { createCodec, isUnknown } from "../../lib/wire/codec.ts";

export const CODEC = createCodec(DIRECTORY_MESSAGES);

/** Dials alone. */
export const CLIENT_ACCESS = {
  mode: "directory",
  room: null,
  secrets: null,
  admit: () => null,
} as const;

export interface LeanClientPorts {
  readonly directory: Endpoint;
  readonly signer: Signer;
  open(handler: LinkHandler): Links;
  send(to: Endpoint, bytes: Bytes): void;
  /** Whatever happened; for those who wait for it. */
  happened?(client: LeanClient, what: LeanNews): void;
}

export type LeanNews =
  | { readonly type: "message"; readonly message: DirectoryMessage; readonly byDatagram: boolean }
  | { readonly type: "up" }
  | { readonly type: "down"; readonly closed: boolean; readonly reason: string }
  | { readonly type: "dial-failed"; readonly reason: string };

export interface WayInto {
  readonly how: WayIn;
  readonly password?: string;
  readonly newPassword?: string;
  readonly port?: number;
}

export class LeanClient {
  readonly links: Links;
  link: LinkId | null = null;
  entered: DirectoryMessageOf<"entered"> | null = null;
  path: DatagramPath | null = null;
  /** In the order in which they came, `users`, `presence` and `told` excepted. */
  readonly said: DirectoryMessage[] = [];
  readonly list = new Map<string, ListedUser>();
  /** What was told to all, in order, each once. */
  readonly told: string[] = [];
  through = 0;
  /** Those that came by datagram. */
  byDatagram = 0;
  acknowledges = true;
  /** How the last link ended. */
  end: LinkEnd | null = null;
  #enter: DirectoryMessageOf<"enter"> | null = null;
  #attempts = 0;
  /** The directory's key. */
  #directory: PeerKey | null = null;
  /** A datagram came that isn't acknowledged. */
  #isGotDue = false;
  /** The last that was told over this link. */
  #last = 0;
  readonly #early = new Map<number, DirectoryMessageOf<"told">>();

  constructor(readonly name: string, readonly ports: LeanClientPorts) {
    this.links = ports.open(forwardTo(() => this));
  }

  /** Dials, and says nothing yet. */
  connects(): this {
    this.#enter = null;
    this.links.dial(++this.#attempts, this.ports.directory, EXPECT_ANYBODY);
    return this;
  }

  /** Dials, and comes in when the link is up. */
  enters({ how, password = "", newPassword = "", port = 0 }: WayInto): this {
    const { name } = this;
    const store = this.entered?.store;
    const seen = store === undefined ? null : { store, through: this.through };
    const typed = { how, name, password, newPassword, port };
    this.#enter = { type: "enter", ...typed, busy: false, seen, rank: 0, lists: "told" };
    if (this.link === null) this.links.dial(++this.#attempts, this.ports.directory, EXPECT_ANYBODY);
    else this.say(this.#enter);
    return this;
  }

  say(message: DirectoryMessage): void {
    if (this.link === null) return;
    this.links.send(this.link, CODEC.encode(message), DIRECTORY_LANES[message.type]);
  }

  /** Says where datagrams reach it. */
  here(): void {
    this.#sendDatagram({ type: "here", padding: new Uint8Array(HERE_PADDING_BYTES) });
  }

  broadcast(own: number, text: string): void {
    const from = this.entered?.name ?? this.name;
    const sentAt = Date.now();
    const said = { directory: this.#directory!, from, own, sentAt, text };
    const signature = signBroadcast(this.ports.signer, said);
    this.say({ type: "broadcast", own, sentAt, text, signature });
  }

  hangsUp(): void {
    if (this.link !== null) this.links.close(this.link, "quit");
  }

  /** A datagram came that may be its. @returns Whether it was. */
  datagram(bytes: Uint8Array): boolean {
    const transport = transportOf(bytes);
    if (transport === null || transport.index !== this.path?.index) return false;
    const opened = this.path.open(transport);
    if (opened !== null) this.#opened(opened);
    return opened !== null;
  }

  #opened({ message }: OpenedDatagram<DatagramMessage>): void {
    switch (message?.type) {
      case "prove":
        return this.#sendDatagram({ type: "proof", challenge: message.challenge });
      case "told":
        this.byDatagram++;
        this.#hear(message, true);
    }
  }

  #hear(told: DirectoryMessageOf<"told">, byDatagram: boolean): void {
    // What came over the link isn't sent again: one that came before those before it waits for them.
    this.#early.set(told.after, told);
    for (
      let next = this.#early.get(told.after <= this.#last ? told.after : this.#last);
      next !== undefined;
      next = this.#early.get(this.#last)
    ) {
      this.#early.delete(next.after);
      this.#last = Math.max(this.#last, next.number);
      if (next.number <= this.through) continue;
      this.told.push(next.text);
      this.through = next.number;
    }
    if (told.number > this.#last) return;
    if (this.acknowledges) {
      if (byDatagram) this.#isGotDue = true;
      else this.say({ type: "got", through: this.through });
    }
    this.ports.happened?.(this, { type: "message", message: told, byDatagram });
  }

  /** Those that came together are acknowledged together. */
  turn(): void {
    if (!this.#isGotDue) return;
    this.#isGotDue = false;
    this.#sendDatagram({ type: "got", through: this.through });
  }

  #sendDatagram(message: Parameters<DatagramPath["seal"]>[0]): void {
    if (this.path !== null) this.ports.send(this.ports.directory, this.path.seal(message));
  }

  // LinkHandler.

  linkUp(link: LinkId, { peer }: LinkInfo): void {
    this.link = link;
    this.#directory = peer;
    this.end = null;
    if (this.#enter !== null) this.say(this.#enter);
    this.ports.happened?.(this, { type: "up" });
  }

  dialFailed(_attempt: number, { reason }: DialFailure): void {
    this.ports.happened?.(this, { type: "dial-failed", reason });
  }

  linkDown(_link: LinkId, end: LinkEnd): void {
    this.link = null;
    this.path = null;
    this.end = end;
    this.ports.happened?.(this, { type: "down", ...end });
  }

  frame(_link: LinkId, body: Uint8Array): void {
    const message = CODEC.decode(body);
    if (isUnknown(message)) {
      throw new RemoteProtocolError(`no message has the code ${message.code}`);
    }
    switch (message.type) {
      case "entered":
        this.entered = message;
        this.#last = 0;
        this.#early.clear();
        this.path = new DatagramPath(
          message.index,
          new Uint8Array(message.toDirectory),
          new Uint8Array(message.toClient),
        );
        this.said.push(message);
        this.here();
        break;
      case "users":
        if (message.isFirst) this.list.clear();
        for (const user of listedIn(message)) this.list.set(user.name, user);
        break;
      case "presence":
        for (const name of message.offline) this.list.delete(name);
        for (const user of listedIn(message)) this.list.set(user.name, user);
        break;
      case "told":
        return this.#hear(message, false);
      default:
        this.said.push(message);
    }
    this.ports.happened?.(this, { type: "message", message, byDatagram: false });
  }

  congested(): void {}
  drained(): void {}
  aged(): void {}
}
