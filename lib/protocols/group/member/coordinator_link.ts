/** A member's link to the coordinator: dialled again and again, and given up where the coordinator is silent. */

import type { LinkId, PeerKey } from "../../../base/ids.ts";
import { Deadlines } from "../../../base/machine/machine.ts";
import { RetryPauses } from "../../../base/rates/retry_pauses.ts";
import type { ServerKey } from "../../../base/trust/server_key.ts";
import {
  COORDINATOR_SILENT_MS,
  OFFENCE_RETRY_MS_MAX,
  OFFENDER_BAN_MS,
  RETRY_MS_MAX,
  RETRY_MS_MIN,
} from "../schema/limits.ts";
import type { MemberOutput } from "../schema/member_output.ts";
import { type GroupSecret, rememberedSecrets } from "../schema/group_secrets.ts";
import { COORDINATOR_GOODBYE, type GroupMessage, type GroupMessageOf } from "../schema/messages.ts";

const DEADLINES = ["retry", "silent"] as const;

interface CoordinatorLinkOwner {
  readonly out: MemberOutput;
  readonly random: () => number;
  hello(): GroupMessageOf<"hello">;
  /** The coordinator can't be reached, or is silent: called once, until it is back. */
  coordinatorDown(): void;
}

export class CoordinatorLink {
  #link: LinkId | null = null;
  #peer: PeerKey | null = null;
  #attempt = 0;
  #isDialling = false;
  #isWelcomed = false;
  readonly #pauses = new RetryPauses(RETRY_MS_MIN, RETRY_MS_MAX);
  /** Pauses after what breaks the rules: a welcome doesn't end them, as the next thing said may break them again. */
  readonly #offences = new RetryPauses(RETRY_MS_MIN, OFFENCE_RETRY_MS_MAX);
  #offendedAtMs = -Infinity;
  #failure: string | null = null;
  #isEnded = false;
  #isUninvited = false;
  #refusal: string | null = null;
  readonly #deadlines = new Deadlines(DEADLINES);
  /** Tried one after the other; none where none is known. */
  #secrets: readonly GroupSecret[];
  /** How many of them the coordinator has refused in a row. */
  #refusedSecrets = 0;
  /** What the user was told of the coordinator; null: nothing yet. */
  state: "up" | "down" | null = null;

  /** @param secrets Of a private group. */
  constructor(
    readonly key: ServerKey,
    readonly owner: CoordinatorLinkOwner,
    secrets: readonly GroupSecret[] = [],
  ) {
    this.#secrets = secrets;
  }

  get link(): LinkId | null {
    return this.#link;
  }

  /** The coordinator's key; null before it was reached. */
  get peer(): PeerKey | null {
    return this.#peer;
  }

  /** Why the last dial failed, as part of a sentence; null where it didn't, or the reason isn't known. */
  get failure(): string | null {
    return this.#failure;
  }

  /** Whether the coordinator's operator has ended it, as it said on the last link. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Whether the coordinator, or somebody on the way, refused all secrets that we know when it was dialled last. */
  get isUninvited(): boolean {
    return this.#isUninvited;
  }

  /** Why the coordinator doesn't let us in yet, in words, as it last said; null where it has, or doesn't answer. */
  get refusal(): string | null {
    return this.#refusal;
  }

  /** Whether the coordinator has let us in on this link. */
  get isWelcomed(): boolean {
    return this.#isWelcomed;
  }

  dial(): void {
    const { out } = this.owner;
    if (this.#link !== null || this.#isDialling) return;
    this.#isDialling = true;
    this.#deadlines.clear("retry");
    this.#deadlines.setEarliest("silent", out.nowMs + COORDINATOR_SILENT_MS);
    const { server: { endpoint }, expected: expect } = this.key;
    const secret = this.#secrets[this.#refusedSecrets] ?? null;
    out.push({ type: "dial", attempt: ++this.#attempt, endpoint, expect, secret });
  }

  /** Whether we know a secret of the group, right or wrong. */
  get hasSecret(): boolean {
    return this.#secrets.length > 0;
  }

  /**
   * The secret that was tried last opens nothing. @returns Whether another one is tried now; otherwise the first one is,
   * next time.
   */
  secretRefused(attempt: number): boolean {
    if (attempt !== this.#attempt) return true;
    this.#refusedSecrets++;
    this.#isDialling = false;
    if (this.#refusedSecrets < this.#secrets.length) {
      this.dial();
      return true;
    }
    this.#refusedSecrets = 0;
    return false;
  }

  /** The coordinator has told the secret that counts: by its key that is pinned, a dial by another one is as safe. */
  secretIs(secret: GroupSecret): void {
    this.#secrets = rememberedSecrets(this.#secrets, secret);
    this.#refusedSecrets = 0;
  }

  up(link: LinkId, peer: PeerKey): void {
    const { out } = this.owner;
    this.#isDialling = false;
    this.#failure = null;
    this.#isEnded = this.#isUninvited = false;
    this.#link = link;
    this.#peer = peer;
    this.key.proved(peer);
    this.#deadlines.set("silent", out.nowMs + COORDINATOR_SILENT_MS);
    out.push({ type: "send", link, message: this.owner.hello() });
  }

  /**
   * @param goodbye The coordinator's reason for closing it; null where the link was lost. @returns Whether it was the
   * link in use.
   */
  down(link: LinkId, goodbye: string | null): boolean {
    if (link !== this.#link) return false;
    this.#isEnded = goodbye === COORDINATOR_GOODBYE;
    const wasWelcomed = this.#isWelcomed;
    this.#lost();
    // A random pause: a coordinator that drops everybody isn't dialled in quick succession.
    if (wasWelcomed) this.#retryIn(RETRY_MS_MIN * this.owner.random());
    else this.#retryLater();
    return true;
  }

  /** @param because Part of a sentence. @param isUninvited Whether somebody answered, and refused all our secrets. */
  dialFailed(attempt: number, because: string, isUninvited: boolean): void {
    if (attempt !== this.#attempt) return;
    this.#failure = because;
    this.#isDialling = false;
    this.#isUninvited = isUninvited;
    if (isUninvited) this.#isEnded = false;
    this.#retryLater();
    this.#tellDown();
  }

  #lost(): void {
    this.#link = null;
    this.#refusal = null;
    this.#isWelcomed = false;
  }

  #retryLater(): void {
    this.#retryIn(this.#pauses.failed(this.owner.random()));
  }

  #retryIn(ms: number): void {
    this.#deadlines.set("retry", this.owner.out.nowMs + ms);
  }

  #tellDown(): void {
    this.#deadlines.clear("silent");
    this.#refusal = null;
    if (this.state === "down") return;
    this.state = "down";
    this.owner.coordinatorDown();
  }

  /** Something came on a link. @returns Whether it is the link in use. */
  heard(link: LinkId): boolean {
    if (link !== this.#link) return false;
    this.#deadlines.set("silent", this.owner.out.nowMs + COORDINATOR_SILENT_MS);
    return true;
  }

  welcomed(): void {
    this.#isWelcomed = true;
    this.#refusal = null;
    this.#pauses.reset();
    this.state = "up";
  }

  send(message: GroupMessage): void {
    if (this.#link !== null) this.owner.out.push({ type: "send", link: this.#link, message });
  }

  /** Closes the link. @param pauseMs Time until it is dialled again; null: as after a failure. */
  close(reason: string, pauseMs: number | null): void {
    const { out } = this.owner;
    if (this.#link !== null) out.push({ type: "close", link: this.#link, reason });
    this.#lost();
    if (pauseMs === null) return this.#retryLater();
    this.#deadlines.clear("silent");
    this.#retryIn(pauseMs);
  }

  /** The coordinator broke a rule of the protocol: the link is closed, for longer each time it does so within a minute. */
  offended(reason: string): void {
    const { out, random } = this.owner;
    if (out.nowMs - this.#offendedAtMs > OFFENDER_BAN_MS) this.#offences.reset();
    this.#offendedAtMs = out.nowMs;
    this.close(reason, null);
    this.#retryIn(this.#offences.failed(random()));
  }

  /** The coordinator may let us in later. @param because Why not now, in words. */
  refused(because: string): void {
    this.close("refused", null);
    this.#refusal = because;
    // The coordinator has just answered: we needn't hear from it before it is dialled again.
    this.#deadlines.clear("silent");
  }

  /** The user accepts the other key that was reported. @returns It; null where there was none. */
  trust(): PeerKey | null {
    const accepted = this.key.trust();
    if (accepted !== null) this.#retryIn(0);
    return accepted;
  }

  nextMs(): number | null {
    return this.#deadlines.nextMs();
  }

  tick(): void {
    for (const due of this.#deadlines.takeDue(this.owner.out.nowMs)) {
      if (due === "retry") this.dial();
      else {
        if (this.#link !== null) this.close("no sign of life", null);
        this.#tellDown();
      }
    }
  }

  /** We stood still: what the coordinator said meanwhile, or that it closed its link to us, is heard only now. */
  awoke(): void {
    if (this.#deadlines.get("silent") === null) return;
    this.#deadlines.set("silent", this.owner.out.nowMs + COORDINATOR_SILENT_MS);
  }
}
