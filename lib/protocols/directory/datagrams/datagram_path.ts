/** Datagrams between the directory and one client: what a keyed path carries here, and where a client has its own. */

import type { Bytes } from "../../../base/crypto/crypto.ts";
import type { Endpoint } from "../../../base/ids.ts";
import type { MessageOf } from "../../../base/schema/schema.ts";
import {
  encodePlain,
  formsOf,
  KeyedPath,
  OwnAddress,
  transportOf,
} from "../../sealed_datagram/keyed_path.ts";
import type { ClientOutput } from "../schema/client_output.ts";
import { DATAGRAM_MESSAGES, type DirectoryMessageOf } from "../schema/messages.ts";

/** The messages that may go in datagrams. */
export type DatagramMessage = MessageOf<typeof DATAGRAM_MESSAGES[number]>;

const FORMS = formsOf<DatagramMessage>(DATAGRAM_MESSAGES);

/** The content of a message's datagram before sealing. */
export function encodeDatagram(message: DatagramMessage): Bytes {
  return encodePlain(FORMS, message);
}

/** One side's keys and counters. */
export class DatagramPath extends KeyedPath<DatagramMessage> {
  /** The keys have 32 bytes each: one seals what we send, the other opens what comes. */
  constructor(index: number, sendingKey: Bytes, receivingKey: Bytes) {
    super(FORMS, index, sendingKey, receivingKey);
  }
}

/** A client's datagrams to and from the directory, from when it is in until its link is gone. */
export class ClientPath {
  readonly #address: OwnAddress<DatagramMessage>;

  /** @param directory The address that was dialled; `host` may be a name. */
  constructor(public directory: Endpoint, readonly out: ClientOutput) {
    this.#address = new OwnAddress((bytes, to) =>
      this.out.push({ type: "datagram", to: to ?? this.directory, bytes })
    );
  }

  /** When the directory is told again where datagrams reach us. */
  get deadlines(): Pick<OwnAddress<DatagramMessage>, "nextMs" | "tick"> {
    return this.#address;
  }

  /** The link to the directory is up. @param directory Where, with the address that its name led to. */
  linked(directory: Endpoint): void {
    this.directory = directory;
  }

  entered({ index, toClient, toDirectory }: DirectoryMessageOf<"entered">): void {
    const path = new DatagramPath(index, toDirectory.slice(), toClient.slice());
    this.#address.keyed(path, this.out.nowMs);
  }

  left(): void {
    this.#address.left();
  }

  send(message: DatagramMessage): void {
    this.#address.send(message);
  }

  /** The message of a datagram; null where it isn't the directory's, was replayed, or concerned only this path. */
  open(from: Endpoint, bytes: Uint8Array): DatagramMessage | null {
    const transport = this.#address.index === null ? null : transportOf(bytes);
    return transport === null ? null : this.#address.open(from, transport, this.out.nowMs);
  }
}
