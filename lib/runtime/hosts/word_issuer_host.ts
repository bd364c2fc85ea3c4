/** Runs the issuer of word codes beside a mode's host: on links in the mode `words`, of which that host knows nothing. */

import { RemoteProtocolError } from "../../base/errors.ts";
import { endpointText, type LinkId } from "../../base/ids.ts";
import { unreachable } from "../../base/invariant.ts";
import type { Clock } from "../../base/machine/clock.ts";
import type { Environment } from "../../base/machine/environment.ts";
import { fingerprintOf } from "../../base/text/fingerprint.ts";
import { WORDS_MESSAGES } from "../../protocols/words/messages.ts";
import { WordIssuer } from "../../protocols/words/word_issuer.ts";
import type { WordsParty } from "../../protocols/words/words_exchange.ts";
import type { IssuerEffect, IssuerInput } from "../../protocols/words/words_io.ts";
import type { LinkInfo, Links } from "../../transport/link.ts";
import { createCodec, isUnknown } from "../../wire/codec.ts";
import { Runner, storingNothing } from "../runner.ts";

type EffectOf<Type> = Extract<IssuerEffect, { readonly type: Type }>;

interface WordIssuerPorts {
  readonly clock: Clock;
  readonly environment: Environment;
  readonly links: Pick<Links, "send" | "close">;
  readonly self: WordsParty;
  /** Those whose guesses are counted together; null for this machine's own. */
  addressOf(host: string): string | null;
  /** Whether the invite still admits newcomers. */
  admits(invite: string): boolean;
  /** There is a code for the user, who has it on the screen alone. */
  issued(issued: EffectOf<"issued">): void;
  ended(ended: EffectOf<"ended">): void;
  /** The invite of these codes admits nobody any more. */
  outdated(numbers: readonly number[]): void;
  /** The numbers of the codes that are open now: others may find them; and of those that were of late. */
  open(numbers: readonly number[], spent: readonly number[]): void;
}

export class WordIssuerHost {
  readonly #codec = createCodec(WORDS_MESSAGES);
  readonly #issuer: WordIssuer;
  readonly #runner: Runner<IssuerInput, IssuerEffect, never>;
  readonly #links = new Set<LinkId>();
  #hasStopped = false;

  constructor(readonly ports: WordIssuerPorts) {
    this.#issuer = new WordIssuer(
      ports.self,
      ports.environment,
      (invite) => ports.admits(invite),
    );
    this.#runner = new Runner(
      this.#issuer,
      storingNothing<IssuerInput, IssuerEffect>({
        clock: ports.clock,
        execute: (effect) => this.#execute(effect),
        tick: { type: "tick" },
      }),
    );
  }

  /** Whether strangers with a code may connect. */
  get isAwaiting(): boolean {
    return !this.#hasStopped && this.#issuer.isAwaiting(this.ports.clock.nowMs());
  }

  /** The codes that are open, with when each ends, by the wall clock. */
  get codes(): ReturnType<WordIssuer["openAt"]> {
    return this.#hasStopped ? [] : this.#issuer.openAt(this.ports.clock.nowMs());
  }

  /** No open code counts any more. */
  void(): void {
    this.#runner.feed({ type: "void" });
  }

  /** The invite may be another now: codes of the one before end. */
  inviteChanged(): void {
    this.#runner.feed({ type: "tick" });
  }

  issue(invite: string, ref: string | undefined): void {
    this.#runner.feed({ type: "issue", invite, ref });
  }

  /** A stranger's link. @param binding That of the link. */
  linkUp(link: LinkId, { peer, process, remote }: LinkInfo, binding: Uint8Array): void {
    const { environment: { log }, addressOf } = this.ports;
    log.info("words link up", { link, key: fingerprintOf(peer), remote: endpointText(remote) });
    this.#links.add(link);
    const address = addressOf(remote.host);
    this.#runner.feed({ type: "link-up", link, peer, process, binding, remote, address });
  }

  /** Whether this is the link of a stranger with a code. */
  has(link: LinkId): boolean {
    return this.#links.has(link);
  }

  frame(link: LinkId, body: Uint8Array): void {
    try {
      const message = this.#codec.decode(body);
      if (isUnknown(message)) throw new RemoteProtocolError("a message of no word code");
      this.#runner.feed({ type: "message", link, message });
    } catch (error) {
      if (!(error instanceof RemoteProtocolError)) throw error;
      this.ports.links.close(link, "protocol");
      this.#runner.feed({ type: "link-down", link });
    }
  }

  linkDown(link: LinkId, reason: string): void {
    this.ports.environment.log.info("words link down", { link, reason });
    this.#links.delete(link);
    this.#runner.feed({ type: "link-down", link });
  }

  /** No code counts any more. */
  stop(): void {
    this.#hasStopped = true;
    this.#runner.stop();
  }

  #execute(effect: IssuerEffect): void {
    const { links } = this.ports;
    switch (effect.type) {
      case "send":
        return links.send(effect.link, this.#codec.encode(effect.message), "control");
      case "close":
        return links.close(effect.link, effect.reason);
      case "issued":
        this.ports.environment.log.info("word code issued");
        return this.ports.issued(effect);
      case "ended":
        this.ports.environment.log.info("word code ended", { end: effect.end });
        return this.ports.ended(effect);
      case "outdated":
        this.ports.environment.log.info("word codes ended", { end: effect.type });
        return this.ports.outdated(effect.numbers);
      case "open":
        return this.ports.open(effect.numbers, effect.spent);
      default:
        return unreachable(effect);
    }
  }
}
