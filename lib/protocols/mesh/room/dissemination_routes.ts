/** What follows from what is said, to all or to one: who is sent it, who has it, and what the user is shown. */

import type { EffectOf } from "../../../base/machine/machine.ts";
import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { PeerKey } from "../../../base/ids.ts";
import { Pending } from "../../../base/machine/pending.ts";
import { TokenBucket } from "../../../base/rates/token_bucket.ts";
import type { BroadcastEffect } from "../broadcast/broadcast_io.ts";
import type { OrderEffect } from "../log/order_io.ts";
import type { PrivateEffect, ReceivedPlace } from "../private/private_messages_io.ts";
import { GRAFT_ANSWER_BYTES_MAX, PROOFS_BURST, PROOFS_PER_SECOND } from "../schema/limits.ts";
import type { Bundle, Header } from "../schema/structures.ts";
import type { AntiEntropyEffect } from "../sync/anti_entropy_io.ts";
import type { LaterEffect } from "./room_io.ts";
import type { Give, Own, RoomParts } from "./room_parts.ts";
import type { Handlers } from "./router.ts";

export class DisseminationRoutes {
  /** Private messages that were handed to the user and may not be on the screen yet. */
  readonly unseen = new Pending<ReceivedPlace>();
  /** The user leaves. */
  isQuitting = false;
  /** Set in the step from which on nothing that is missing is waited for any more. */
  isCaughtUp = false;
  readonly #parts: RoomParts;
  readonly #give: Give;
  readonly #proofs = new TokenBucket(PROOFS_PER_SECOND, PROOFS_BURST);

  constructor(parts: RoomParts, give: Give) {
    this.#parts = parts;
    this.#give = give;
  }

  broadcast(): Handlers<Own<BroadcastEffect>> {
    const { machines, links } = this.#parts;
    return {
      push: ({ to, bundle, hop }) => links.sendBundle(to, bundle, hop, "push"),
      supply: ({ to, stream, after }) => {
        let bytes = 0;
        for (const bundle of machines.order.bundlesAfter(stream, after)) {
          if (bytes >= GRAFT_ANSWER_BYTES_MAX) {
            return this.#give("antiEntropy", { type: "behind", peer: to });
          }
          bytes += bundle.texts.bytes.length + bundle.header.bytes.length;
          links.sendBundle(to, bundle, 0, "graft");
        }
      },
      behind: (effect) => this.#give("antiEntropy", effect),
      "far-ahead": (effect) => this.#give("antiEntropy", effect),
    };
  }

  order(): Handlers<Own<OrderEffect>> {
    const { environment, showing, view, out } = this.#parts;
    return {
      persist: (effect) => out.persistOf("order", effect),
      said: (effect) => showing.linesSaid(effect),
      refused: (effect) => showing.linesRefused(effect),
      delivered: (effect) => this.#delivered(effect),
      late: (effect) => {
        this.#give("broadcast", { ...effect, type: "delivered", kept: false });
        this.#give("privateMessages", { type: "shown", stream: effect.bundle.header.value });
        this.#takenIn(effect);
      },
      duplicate: (effect) => {
        this.#give("broadcast", effect);
        this.#takenIn(effect);
      },
      dropped: (effect) => this.#takenIn(effect),
      want: (effect) => {
        // On the way in, the first rounds fetch it anyway: a graft would fetch the whole history once more.
        if (showing.state === "here") this.#give("broadcast", effect);
      },
      skipped: ({ stream, messages }) => {
        const key = fingerprintOf(stream.author);
        environment.log.info("messages skipped", { key, messages });
        view.skipped(stream.author, messages);
        this.#give("privateMessages", { type: "shown", stream });
      },
      equivocation: (effect) => this.#equivocated(effect),
      stuck: (effect) => this.#give("antiEntropy", effect),
    };
  }

  #delivered(effect: EffectOf<OrderEffect, "delivered">): void {
    const { machines, ownWords, neighbours, flow, showing, out } = this.#parts;
    const { bundle, id, from, hop, reason, own, messages } = effect;
    const header = bundle.header.value;
    this.#give("broadcast", {
      type: "delivered",
      bundle,
      id,
      from,
      hop,
      reason: reason ?? "push",
      kept: machines.order.bundlesAfter(header, header.counter - 1).length > 0,
    });
    if (from !== null && reason !== null) this.#takenIn({ from, bundle, reason });
    const bytes = bundle.texts.bytes.length;
    this.#give("roster", { type: "delivered", messages: messages.length, bytes });
    if (own) {
      flow.sent(messages.length, header.time);
      ownWords.said(neighbours.isAlone);
      // What waited, for a new name, say, goes out last: who has it is asked once more.
      if (this.isQuitting) this.#give("antiEntropy", { type: "hand-over" });
    } else if (this.#followsLastOwn(header)) {
      ownWords.heard();
    }
    showing.delivered(effect, out.nowMs);
    this.#give("privateMessages", { type: "shown", stream: header });
  }

  /** Whether its author had been shown our last message: an answer comes sooner than a beacon. */
  #followsLastOwn({ heads }: Header): boolean {
    const { machines, signer } = this.#parts;
    const last = machines.order.lastOwn();
    return last > 0 && heads.some(({ author, time }) => author === signer.key && time >= last);
  }

  #takenIn({ from, bundle, reason }: { from: PeerKey; bundle: Bundle; reason: string }): void {
    if (reason === "range") this.#give("antiEntropy", { type: "taken-in", from, bundle });
  }

  #equivocated({ proof, from }: EffectOf<OrderEffect, "equivocation">): void {
    const { neighbours, view, out } = this.#parts;
    if (this.#proofs.take(out.nowMs)) {
      for (const peer of neighbours.peers) {
        if (peer !== from) out.send(peer, { type: "proof", proof });
      }
    }
    view.equivocated(proof.first.header.value.author);
  }

  antiEntropy(): Handlers<Own<AntiEntropyEffect>> {
    const { machines, showing, links, out } = this.#parts;
    return {
      "send-bundle": ({ to, bundle }) => links.sendBundle(to, bundle, 0, "range"),
      "send-proof": ({ to, proof }) => out.send(to, { type: "proof", proof }),
      frontiers: (effect) => showing.frontiers(effect, out.nowMs),
      "not-given": (effect) => this.#give("order", effect),
      "not-kept": (effect) => this.#give("order", effect),
      "passed-over": (effect) => this.#give("order", effect),
      "caught-up": () => {
        if (!machines.antiEntropy.caughtUp()) return;
        this.#give("order", { type: "caught-up" });
        this.isCaughtUp = true;
      },
      supplied: (effect) => this.#give("broadcast", effect),
    };
  }

  // What is said to one.

  privateMessages(): Handlers<Own<PrivateEffect>> {
    const { view, out } = this.#parts;
    const told = (news: Parameters<typeof view.privateMessages.tell>[0]) =>
      view.privateMessages.tell(news);
    const kept = (news: Parameters<typeof view.privateMessages.words>[0]) =>
      out.screen({ type: "keep", words: view.privateMessages.words(news) });
    return {
      flood: (effect) => this.#flood(effect),
      persist: (effect) => {
        const { token } = effect;
        if (token !== null) return out.persistOf("privateMessages", effect);
        out.screen({ ...effect, token, sync: false });
      },
      waits: (effect) => {
        // A leaving user is told of everything that waits at the end.
        if (!this.isQuitting || effect.when !== "absent") told(effect);
      },
      sent: (effect) => {
        kept(effect);
        told(effect);
      },
      received: (effect) => {
        kept(effect);
        told(effect);
      },
      "was-waiting": kept,
      delivery: told,
      arrived: told,
      refused: told,
      "await-seen": ({ upTo }) =>
        out.screen({ type: "await-output", token: this.unseen.add(upTo) }),
      "box-key": ({ boxKey }) => this.#give("roster", { type: "self", change: { boxKey } }),
    };
  }

  /**
   * Sends an envelope to the receiver alone where that is a neighbour, else to all others; in its place among what is
   * shown and stored, since it may acknowledge that.
   */
  #flood({ envelope, except }: EffectOf<PrivateEffect, "flood">): void {
    const { neighbours, signer, out } = this.#parts;
    const direct = neighbours.has(envelope.to);
    for (const peer of direct ? [envelope.to] : neighbours.peers) {
      if (peer === except) continue;
      const effect: LaterEffect = { type: "to", peer, message: { type: "private", envelope } };
      if (envelope.from === signer.key) out.screen(effect);
      else out.later(effect);
    }
  }
}
