/**
 * The link to another instance of the directory, where the callee is in: all that is said of a call with it goes over
 * that link, so the call doesn't depend on the own instance.
 */

import type { Endpoint, LinkId, PeerKey } from "../../../base/ids.ts";
import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { ClientOutput } from "../schema/client_output.ts";
import type { DirectoryMessage, DirectoryMessageOf } from "../schema/messages.ts";

interface VisitLinkParts {
  readonly out: Pick<ClientOutput, "close" | "push" | "send">;
  readonly nextAttempt: () => number;
  /** The directory's key: all instances have the same. */
  readonly directory: () => PeerKey | null;
}

export class VisitLink {
  #visit: DirectoryMessageOf<"visit"> | null = null;
  #attempt: number | null = null;
  #link: LinkId | null = null;

  constructor(readonly parts: VisitLinkParts) {}

  dial(visit: DirectoryMessageOf<"visit">, endpoint: Endpoint): void {
    const { out, nextAttempt, directory } = this.parts;
    const key = directory();
    if (this.isFor(visit.call.toHex()) || key === null) return;
    if (this.#visit !== null) this.close(this.#visit.call.toHex());
    this.#visit = visit;
    const attempt = this.#attempt = nextAttempt();
    out.push({ type: "dial", attempt, mode: "visit", endpoint, expect: fingerprintOf(key) });
  }

  isFor(call: string): boolean {
    return this.#visit?.call.toHex() === call;
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
    this.send(this.#visit!);
  }

  down(): void {
    this.#attempt = this.#link = null;
  }

  /** Sends nothing where the link isn't up: then the instance knows of no call. */
  send(message: DirectoryMessage): void {
    if (this.#link !== null) this.parts.out.send(this.#link, message);
  }

  /** The call is over. */
  close(call: string): void {
    if (!this.isFor(call)) return;
    const { out } = this.parts;
    if (this.#attempt !== null) out.push({ type: "cancel-dial", attempt: this.#attempt });
    if (this.#link !== null) out.close(this.#link, "not needed any more");
    this.#visit = null;
    this.down();
  }
}
