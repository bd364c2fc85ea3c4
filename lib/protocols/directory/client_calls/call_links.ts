/** Links between the two sides of a call, of which one becomes the link of the conversation. */

import type { LinkId, PeerKey } from "../../../base/ids.ts";
import { UnknownMessages } from "../../../base/machine/unknown_messages.ts";
import { CALL_LINKS_MAX } from "../schema/client_limits.ts";
import type { ClientOutput } from "../schema/client_output.ts";
import type { DirectoryMessage } from "../schema/messages.ts";

export interface CallLink {
  readonly link: LinkId;
  readonly peer: PeerKey;
  readonly dialled: boolean;
  readonly isRelayed: boolean;
  /** The call that the other side named after it had dialled us. */
  talk: string | null;
  /** The call that the other side begins on this link. */
  begun: string | null;
  readonly unknownMessages: UnknownMessages;
}

/** What a side knows of the call when it decides about a link. */
interface CallFacts {
  readonly id: string;
  readonly key: PeerKey | null;
  readonly isCaller: boolean;
}

/** `waits`: not yet; otherwise why the two can't talk on it. */
export type Verdict = "talks" | "waits" | { readonly refusedBecause: string };

export class CallLinks {
  #links: CallLink[] = [];
  /** The dial under way; null: none. */
  attempt: number | null = null;

  constructor(readonly out: ClientOutput) {}

  get size(): number {
    return this.#links.length;
  }

  get all(): readonly CallLink[] {
    return [...this.#links];
  }

  get(link: LinkId): CallLink | null {
    return this.#links.find((other) => other.link === link) ?? null;
  }

  /** Adds a link; if there are too many, drops the oldest inbound one. */
  add(added: CallLink): void {
    this.#links.push(added);
    if (this.#links.length <= CALL_LINKS_MAX) return;
    // Links that we dialled are worth more than those of anybody who dials us.
    const oldest = this.#links.find(({ dialled, isRelayed }) => !dialled && !isRelayed);
    this.drop(oldest ?? added, "too many");
  }

  /** Removes a link. @returns Whether it was there. */
  remove(link: LinkId): boolean {
    const before = this.#links.length;
    this.#links = this.#links.filter((other) => other.link !== link);
    return this.#links.length < before;
  }

  drop({ link }: CallLink, reason: string): void {
    if (this.remove(link)) this.out.close(link, reason);
  }

  /** The link of the conversation is chosen: the others aren't needed any more. */
  dropAll(): void {
    for (const link of this.all) this.drop(link, "not needed any more");
    if (this.attempt === null) return;
    this.out.push({ type: "cancel-dial", attempt: this.attempt });
    this.attempt = null;
  }
}

/** Takes a message that came on a link. @returns Whether it may come there. */
export function hears(link: CallLink, message: DirectoryMessage): boolean {
  if (message.type === "talk" && !link.dialled && link.talk === null) {
    link.talk = message.call.toHex();
  } else if (message.type === "begin" && link.begun === null) {
    link.begun = message.call.toHex();
  } else return false;
  return true;
}

/**
 * Whether the two may talk on a link: the caller takes the first suitable one, the callee the one that the caller
 * took.
 */
export function verdictOn(link: CallLink, { id, key, isCaller }: CallFacts): Verdict {
  if (link.peer !== key) return { refusedBecause: "somebody else is expected" };
  if (isCaller && link.begun !== null) return { refusedBecause: "the caller begins" };
  const named = [link.talk, link.begun].filter((call) => call !== null);
  if (named.some((call) => call !== id)) return { refusedBecause: "another call is expected" };
  const isNamed = link.dialled || link.talk !== null;
  if (isCaller) return isNamed ? "talks" : "waits";
  if (link.begun === null) return "waits";
  return isNamed ? "talks" : { refusedBecause: "whoever dials names the call first" };
}
