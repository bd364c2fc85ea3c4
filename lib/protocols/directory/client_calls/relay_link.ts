/** The link to the instance of the directory that relays our call, where we are in at another one. */

import { type Endpoint, type LinkId, type PeerKey } from "../../../base/ids.ts";
import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { ClientOutput } from "../schema/client_output.ts";
import type { DirectoryMessage } from "../schema/messages.ts";

interface RelayLinkParts {
  readonly out: Pick<ClientOutput, "close" | "push" | "send">;
  readonly nextAttempt: () => number;
  /** The directory's key, which all instances have. */
  readonly directory: () => PeerKey | null;
}

export class RelayLink {
  /** Whose link it is; null: there is none, and none is dialled. */
  #call: string | null = null;
  #attempt: number | null = null;
  #link: LinkId | null = null;

  constructor(readonly parts: RelayLinkParts) {}

  dial(call: string, endpoint: Endpoint): void {
    const { out, nextAttempt, directory } = this.parts;
    const key = directory();
    if (this.isFor(call) || key === null) return;
    if (this.#call !== null) this.close(this.#call);
    this.#call = call;
    const attempt = this.#attempt = nextAttempt();
    out.push({ type: "dial", attempt, mode: "relay", endpoint, expect: fingerprintOf(key) });
  }

  /** Whether the call is relayed by that instance, or is to be. */
  isFor(call: string): boolean {
    return this.#call === call;
  }

  isAttempt(attempt: number | null): boolean {
    return attempt !== null && attempt === this.#attempt;
  }

  is(link: LinkId): boolean {
    return link === this.#link;
  }

  up(link: LinkId): void {
    this.#attempt = null;
    this.#link = link;
    this.send({ type: "relay-please", call: Uint8Array.fromHex(this.#call!) });
  }

  /** It couldn't be dialled, or is gone. */
  down(): void {
    this.#attempt = this.#link = null;
  }

  send(message: DirectoryMessage): void {
    if (this.#link !== null) this.parts.out.send(this.#link, message);
  }

  /** The call is over, or goes another way. */
  close(call: string): void {
    if (!this.isFor(call)) return;
    const { out } = this.parts;
    if (this.#attempt !== null) out.push({ type: "cancel-dial", attempt: this.#attempt });
    if (this.#link !== null) out.close(this.#link, "not needed any more");
    this.#call = null;
    this.down();
  }
}
