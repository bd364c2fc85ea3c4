/** Proves to a member, or a coordinator, to know the words that it has issued, and gets its invite. One link, one guess. */

import { unreachable } from "../../base/invariant.ts";
import type { LinkId } from "../../base/ids.ts";
import type { Environment } from "../../base/machine/environment.ts";
import type { Machine } from "../../base/machine/machine.ts";
import { saidByText } from "../../base/trust/name_answers.ts";
import { EXCHANGE_MS } from "./limits.ts";
import type { WordsMessage } from "./messages.ts";
import type { WordCode } from "./word_codes.ts";
import { WordsExchange, type WordsKey, type WordsParty } from "./words_exchange.ts";
import type { GuesserEffect, GuesserInput } from "./words_io.ts";

/** What is known of the link, step by step. */
type Progress =
  | { readonly state: "dialling" }
  | {
    readonly state: "guessed";
    readonly link: LinkId;
    readonly issuer: WordsParty;
    readonly exchange: WordsExchange;
  }
  | {
    readonly state: "confirmed";
    readonly link: LinkId;
    readonly issuer: WordsParty;
    readonly key: WordsKey;
  }
  | { readonly state: "over" };

export class WordGuesser implements Machine<GuesserInput, GuesserEffect> {
  #progress: Progress = { state: "dialling" };
  /** When the other side has had time enough; null before there is one. */
  #endsAtMs: number | null = null;
  #out: GuesserEffect[] = [];

  constructor(
    readonly code: WordCode,
    readonly self: WordsParty,
    readonly environment: Pick<Environment, "randomBytes">,
  ) {}

  step(input: GuesserInput, nowMs: number): readonly GuesserEffect[] {
    this.#out = [];
    if (this.#progress.state === "over") return this.#out;
    switch (input.type) {
      case "start":
        this.#out.push({ type: "dial" });
        break;
      case "link-up":
        this.#endsAtMs = nowMs + EXCHANGE_MS;
        this.#guess(input);
        break;
      case "dial-failed":
        this.#fail(input.reason, input.text);
        break;
      case "message":
        this.#heard(input.message);
        break;
      case "link-down":
        if (input.closed) this.#fail(input.reason, saidByText("it", input.reason));
        else this.#fail("unreachable", input.reason);
        break;
      case "tick":
        if ((this.#endsAtMs ?? Infinity) <= nowMs) {
          this.#fail("timeout", "it did not answer in time");
        }
        break;
      default:
        return unreachable(input);
    }
    return this.#out;
  }

  nextDeadlineMs(): number | null {
    return this.#progress.state === "over" ? null : this.#endsAtMs;
  }

  #guess(
    { link, peer: key, process, binding }: Extract<GuesserInput, { readonly type: "link-up" }>,
  ): void {
    const issuer = { key, process };
    const ends = { guesser: this.self, issuer, binding };
    const { randomBytes } = this.environment;
    const exchange = new WordsExchange("guesser", this.code.text, ends, randomBytes);
    this.#progress = { state: "guessed", link, issuer, exchange };
    this.#send(link, { type: "guess", number: this.code.number, share: exchange.share });
  }

  #heard(message: WordsMessage): void {
    const progress = this.#progress;
    if (progress.state === "guessed" && message.type === "answer") {
      const { link, issuer, exchange } = progress;
      const key = exchange.agree(message.share);
      if (key === null) return this.#giveUp(link, "protocol");
      this.#progress = { state: "confirmed", link, issuer, key };
      return this.#send(link, { type: "confirm", confirmation: key.confirmationOf("guesser") });
    }
    if (progress.state === "confirmed" && message.type === "invite") {
      return this.#invited(progress, message);
    }
    if (progress.state !== "dialling" && progress.state !== "over") {
      this.#giveUp(progress.link, "protocol");
    }
  }

  #invited(
    { link, issuer, key }: Extract<Progress, { readonly state: "confirmed" }>,
    { confirmation, sealed }: Extract<WordsMessage, { readonly type: "invite" }>,
  ): void {
    const invite = key.isConfirmedBy("issuer", confirmation) ? key.opened(sealed) : null;
    // Who doesn't know the words can't be whom they were heard from.
    if (invite === null) return this.#giveUp(link, "bad-credentials");
    this.#out.push({ type: "close", link, reason: "done" });
    this.#out.push({ type: "invited", invite, issuer: issuer.key });
    this.#progress = { state: "over" };
  }

  #giveUp(link: LinkId, reason: "protocol" | "bad-credentials"): void {
    this.#out.push({ type: "close", link, reason });
    this.#fail(reason, "it did not prove that it knows the words");
  }

  #fail(reason: string, text: string): void {
    // Only what is open gets an answer to the guess, after which the words are all that can be wrong.
    const isWrong = this.#progress.state === "confirmed" && reason === "bad-credentials";
    this.#out.push({ type: "failed", reason, text, ...(isWrong ? { isWrong } : {}) });
    this.#progress = { state: "over" };
  }

  #send(link: LinkId, message: WordsMessage): void {
    this.#out.push({ type: "send", link, message });
  }
}
