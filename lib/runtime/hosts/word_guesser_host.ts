/** Runs one guess at a word code, over links of its own. */

import { RemoteProtocolError } from "../../base/errors.ts";
import type { Endpoint, LinkId } from "../../base/ids.ts";
import { unreachable } from "../../base/invariant.ts";
import type { Clock } from "../../base/machine/clock.ts";
import type { Environment } from "../../base/machine/environment.ts";
import type { Fingerprint } from "../../base/text/fingerprint.ts";
import { WORDS_MESSAGES } from "../../protocols/words/messages.ts";
import type { WordCode } from "../../protocols/words/word_codes.ts";
import { WordGuesser } from "../../protocols/words/word_guesser.ts";
import type { WordsParty } from "../../protocols/words/words_exchange.ts";
import type { GuesserEffect, GuesserInput } from "../../protocols/words/words_io.ts";
import type { DialFailure, LinkEnd, LinkHandler, LinkInfo, Links } from "../../transport/link.ts";
import { createCodec, isUnknown } from "../../wire/codec.ts";
import { Runner, storingNothing } from "../runner.ts";

interface WordGuesserPorts {
  readonly clock: Clock;
  readonly environment: Environment;
  readonly links: Pick<Links, "dial" | "cancelDial" | "send" | "close">;
  readonly self: WordsParty;
}

/** Where the issuer of a code is. */
export interface Issuer {
  readonly endpoint: Endpoint;
  /** Of the key that must answer there; null: any. */
  readonly fingerprint: Fingerprint | null;
  /** Where that is, in words, if not its address. */
  readonly where?: string;
}

/** How a guess ended. */
export type GuessOutcome = Extract<GuesserEffect, { readonly type: "invited" | "failed" }>;

const ATTEMPT = 1;

export class WordGuesserHost implements LinkHandler {
  readonly #codec = createCodec(WORDS_MESSAGES);
  readonly #runner: Runner<GuesserInput, GuesserEffect, never>;
  readonly #outcome = Promise.withResolvers<GuessOutcome>();

  constructor(code: WordCode, readonly issuer: Issuer, readonly ports: WordGuesserPorts) {
    this.#runner = new Runner(
      new WordGuesser(code, ports.self, ports.environment),
      storingNothing<GuesserInput, GuesserEffect>({
        clock: ports.clock,
        execute: (effect) => this.#execute(effect),
        tick: { type: "tick" },
      }),
    );
  }

  /** Dials, and resolves within 20 s. */
  run(): Promise<GuessOutcome> {
    this.#runner.feed({ type: "start" });
    return this.#outcome.promise.finally(() => this.#runner.stop());
  }

  /** The user leaves. */
  cancel(): void {
    this.ports.links.cancelDial(ATTEMPT);
    this.#runner.feed({ type: "dial-failed", reason: "cancelled", text: "cancelled" });
  }

  linkUp(link: LinkId, { peer, process, binding }: LinkInfo): void {
    if (binding === undefined) return this.ports.links.close(link, "protocol");
    this.#runner.feed({ type: "link-up", link, peer, process, binding });
  }

  dialFailed(_attempt: number, { reason, text }: DialFailure): void {
    this.#runner.feed({ type: "dial-failed", reason, text });
  }

  frame(link: LinkId, body: Uint8Array): void {
    try {
      const message = this.#codec.decode(body);
      if (isUnknown(message)) throw new RemoteProtocolError("a message of no word code");
      this.#runner.feed({ type: "message", link, message });
    } catch (error) {
      if (!(error instanceof RemoteProtocolError)) throw error;
      this.ports.links.close(link, "protocol");
      this.#runner.feed({ type: "link-down", reason: "protocol", closed: false });
    }
  }

  linkDown(_link: LinkId, { reason, closed }: LinkEnd): void {
    this.#runner.feed({ type: "link-down", reason, closed });
  }

  // Four short messages pass on a link: nothing is dropped, and no link grows old.
  congested(): void {}
  drained(): void {}
  aged(): void {}

  #execute(effect: GuesserEffect): void {
    const { links } = this.ports;
    switch (effect.type) {
      case "dial": {
        const { endpoint, fingerprint } = this.issuer;
        const expect = { key: null, fingerprint, room: null, secret: null, mode: "words" } as const;
        return links.dial(ATTEMPT, endpoint, expect);
      }
      case "send":
        return links.send(effect.link, this.#codec.encode(effect.message), "control");
      case "close":
        return links.close(effect.link, effect.reason);
      case "invited":
      case "failed":
        return this.#outcome.resolve(effect);
      default:
        return unreachable(effect);
    }
  }
}
