/** A client's datagrams to and from the directory, from when it is in until its link is gone. */

import type { Endpoint } from "../../../base/ids.ts";
import { Deadlines } from "../../../base/machine/machine.ts";
import type { ClientOutput } from "../schema/client_output.ts";
import { type DatagramMessage, DatagramPath, transportOf } from "./datagram_path.ts";
import { HERE_MS } from "../schema/client_limits.ts";
import { HERE_PADDING_BYTES, REPEAT_MS } from "../schema/limits.ts";
import type { DirectoryMessageOf } from "../schema/messages.ts";

const DEADLINES = ["here"] as const;

export class ClientPath {
  #path: DatagramPath | null = null;
  /** How many `here` we have sent without being asked to prove our address. */
  #unheard = 0;
  readonly #deadlines = new Deadlines(DEADLINES);

  /** @param directory The address that was dialled; `host` may be a name. */
  constructor(public directory: Endpoint, readonly out: ClientOutput) {}

  /** The link to the directory is up: `host` is the address that its name led to. */
  linked(host: string): void {
    this.directory = { host, port: this.directory.port };
  }

  entered({ index, toClient, toDirectory }: DirectoryMessageOf<"entered">): void {
    this.#path = new DatagramPath(index, toDirectory.slice(), toClient.slice());
    this.#unheard = 0;
    this.#here();
  }

  left(): void {
    this.#path = null;
    this.#deadlines.clear("here");
  }

  #here(): void {
    this.send({ type: "here", padding: new Uint8Array(HERE_PADDING_BYTES) });
    this.#deadlines.set("here", this.out.nowMs + (REPEAT_MS[this.#unheard++] ?? HERE_MS));
  }

  send(message: DatagramMessage, to = this.directory): void {
    if (this.#path !== null) {
      this.out.push({ type: "datagram", to, bytes: this.#path.seal(message) });
    }
  }

  /** The message of a datagram; null where it isn't the directory's, was replayed, or concerned only this path. */
  open(from: Endpoint, bytes: Uint8Array): DatagramMessage | null {
    const transport = this.#path === null ? null : transportOf(bytes);
    if (transport === null || transport.index !== this.#path!.index) return null;
    const message = this.#path!.open(transport)?.message ?? null;
    if (message?.type !== "prove") return message;
    this.#unheard = REPEAT_MS.length;
    this.#deadlines.set("here", this.out.nowMs + HERE_MS);
    this.send({ type: "proof", challenge: message.challenge.slice() }, from);
    return null;
  }

  nextMs(): number | null {
    return this.#deadlines.nextMs();
  }

  tick(): void {
    if (this.#deadlines.takeDue(this.out.nowMs).length > 0) this.#here();
  }
}
