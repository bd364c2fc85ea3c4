/** How the two sides of a call get a link: both dial, and the caller decides which link they talk on. */

import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { LinkId } from "../../../base/ids.ts";
import { Deadlines } from "../../../base/machine/machine.ts";
import { UnknownMessages } from "../../../base/machine/unknown_messages.ts";
import { type CallLink, hears, verdictOn } from "./call_links.ts";
import type { ClientCall } from "./client_call.ts";
import type { ClientInput } from "../schema/client_io.ts";
import { CALLEE_DIALS_MS } from "../schema/client_limits.ts";
import type { ClientOutput } from "../schema/client_output.ts";
import type { DirectoryMessage } from "../schema/messages.ts";

interface ConnectingOwner {
  readonly out: ClientOutput;
  nextAttempt(): number;
  /** The conversation is on this link from now on. */
  talks(call: ClientCall, link: CallLink): void;
}

/** When the callee dials, too. */
const DEADLINES = ["dial"] as const;

export class Connecting {
  readonly #deadlines = new Deadlines(DEADLINES);

  constructor(readonly owner: ConnectingOwner) {}

  /** It is known where the other side is. */
  begins(call: ClientCall): void {
    if (call.isCaller) this.#dial(call);
    else this.#deadlines.set("dial", this.owner.out.nowMs + CALLEE_DIALS_MS);
    for (const link of call.links.all) this.#consider(call, link);
  }

  #dial(call: ClientCall): void {
    const { key, endpoint } = call.met!;
    if (endpoint.port === 0) return;
    const { owner } = this;
    const attempt = call.links.attempt = owner.nextAttempt();
    owner.out.push({ type: "dial", attempt, mode: "call", endpoint, expect: fingerprintOf(key) });
  }

  /** There is a way through the directory, too. */
  relays({ id: call, isCaller: isDialler, met }: ClientCall): void {
    const { owner } = this;
    const attempt = owner.nextAttempt();
    owner.out.push({ type: "relay-open", call, attempt, isDialler, expect: met!.key });
  }

  linkUp(
    call: ClientCall | null,
    { link, peer, dialled, isRelayed, attempt }: Extract<ClientInput, { readonly type: "link-up" }>,
  ): void {
    const { out } = this.owner;
    if (attempt !== null) this.dialFailed(call, attempt); // that dial is over, in any case
    const isAwaited = call !== null && !call.isSelf &&
      (call.phase === "ringing" || call.phase === "accepted" || call.phase === "connecting");
    if (!isAwaited || (call.key !== null && call.key !== peer)) {
      return out.close(link, "there is no call with you");
    }
    const unknownMessages = new UnknownMessages();
    const added = { link, peer, dialled, isRelayed, talk: null, begun: null, unknownMessages };
    call.links.add(added);
    if (dialled) out.send(link, { type: "talk", call: call.idBytes });
    this.#consider(call, added);
  }

  dialFailed(call: ClientCall | null, attempt: number): void {
    if (call?.links.attempt === attempt) call.links.attempt = null;
  }

  /** A message came on a link other than that of the conversation. */
  message(call: ClientCall, link: LinkId, message: DirectoryMessage): void {
    const candidate = call.links.get(link);
    if (candidate === null) return; // being closed
    if (hears(candidate, message)) return this.#consider(call, candidate);
    call.links.drop(candidate, `${message.type} before begin isn't allowed`);
  }

  #consider(call: ClientCall, link: CallLink): void {
    if (call.phase !== "connecting") return; // first the directory must say whom we talk with
    const verdict = verdictOn(link, call);
    if (verdict === "waits") return;
    if (verdict !== "talks") return call.links.drop(link, verdict.refusedBecause);
    if (call.isCaller) this.owner.out.send(link.link, { type: "begin", call: call.idBytes });
    this.owner.talks(call, link);
  }

  /** The call is connected, or won't be. */
  over(): void {
    this.#deadlines.clear("dial");
  }

  // Time.

  nextMs(): number | null {
    return this.#deadlines.nextMs();
  }

  tick(call: ClientCall | null): void {
    if (this.#deadlines.takeDue(this.owner.out.nowMs).length > 0 && call !== null) this.#dial(call);
  }
}
