/** A member's link to the coordinator: dialled again and again, and given up where the coordinator is silent. */

import type { Endpoint, LinkId, PeerKey } from "../../../base/ids.ts";
import type { Fingerprint } from "../../../base/text/fingerprint.ts";
import { earliestMs } from "../../../base/machine/machine.ts";
import { graceFor, Slowness } from "../../../base/machine/slowness.ts";
import { RetryPauses } from "../../../base/rates/retry_pauses.ts";
import { type DialFailure, ServerConnection } from "../../../base/trust/server_connection.ts";
import type { Server, ServerKey } from "../../../base/trust/server_key.ts";
import {
  COORDINATOR_SILENT_MS,
  HEARTBEAT_MS,
  OFFENCE_RETRY_MS_MAX,
  OFFENDER_BAN_MS,
  RETRY_MS_MAX,
  RETRY_MS_MIN,
} from "../schema/limits.ts";
import type { MemberOutput } from "../schema/member_output.ts";
import { type GroupSecret, rememberedSecrets } from "../schema/group_secrets.ts";
import { COORDINATOR_GOODBYE, type GroupMessage, type GroupMessageOf } from "../schema/messages.ts";

interface CoordinatorLinkParts {
  readonly out: MemberOutput;
  readonly random: () => number;
  hello(): GroupMessageOf<"hello">;
  /** The coordinator can't be reached, or is silent: called once, until it is back. */
  coordinatorDown(): void;
}

export class CoordinatorLink {
  readonly #connection: ServerConnection;
  #attempts = 0;
  #isWelcomed = false;
  /** Pauses after what breaks the rules: a welcome doesn't end them, as the next thing said may break them again. */
  readonly #offences = new RetryPauses(RETRY_MS_MIN, OFFENCE_RETRY_MS_MAX);
  #offendedAtMs = -Infinity;
  #isEnded = false;
  #isUninvited = false;
  #refusal: string | null = null;
  /** Without a sign of life until then, the coordinator is taken to be down; null: nothing is awaited. */
  #silentAtMs: number | null = null;
  /** The same as of the last dial: an instance that stands by is no sign of life of the coordinator. */
  #silentBeforeMs: number | null = null;
  /** When something last came on this link; null before. */
  #heardMs: number | null = null;
  /** How late the coordinator was heard of late. */
  readonly #slowness = new Slowness();
  /** Tried one after the other; none where none is known. */
  #secrets: readonly GroupSecret[];
  /** How many of them the coordinator has refused in a row. */
  #refusedSecrets = 0;
  /** What the user was told of the coordinator; null: nothing yet. */
  state: "up" | "down" | null = null;

  /** @param secrets Of a private group. */
  constructor(
    server: Server,
    readonly parts: CoordinatorLinkParts,
    secrets: readonly GroupSecret[] = [],
  ) {
    const { out, random } = parts;
    this.#secrets = secrets;
    this.#connection = new ServerConnection(server, {
      out,
      random,
      dial: (expect, endpoint) => this.#dial(expect, endpoint),
      close: (link, reason) => out.push({ type: "close", link, reason }),
    }, { minMs: RETRY_MS_MIN, maxMs: RETRY_MS_MAX });
  }

  get key(): ServerKey {
    return this.#connection.key;
  }

  /** Where the coordinator is dialled next, was dialled last, or is. */
  get endpoint(): Endpoint {
    return this.#connection.endpoint;
  }

  get link(): LinkId | null {
    return this.#connection.link;
  }

  /** The coordinator's key; null before it was reached. */
  get peer(): PeerKey | null {
    return this.#connection.peer;
  }

  /** Why the last dial failed, as part of a sentence; null where it didn't, or the reason isn't known. */
  get failure(): string | null {
    return this.#connection.failure;
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
    this.#connection.dial();
  }

  #dial(expect: Fingerprint | null, endpoint: Endpoint): number {
    const { out } = this.parts;
    this.#silentAtMs ??= out.nowMs + COORDINATOR_SILENT_MS;
    this.#silentBeforeMs = this.#silentAtMs;
    const secret = this.#secrets[this.#refusedSecrets] ?? null;
    const attempt = ++this.#attempts;
    out.push({ type: "dial", attempt, endpoint, expect, secret });
    return attempt;
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
    if (!this.#connection.isAttempt(attempt)) return true;
    if (++this.#refusedSecrets < this.#secrets.length) {
      this.#connection.dialAgain();
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
    if (!this.#connection.up(link, peer)) return;
    this.#isEnded = this.#isUninvited = false;
    this.#heardMs = null;
    this.key.proved(peer);
    this.#showsLife();
    this.send(this.parts.hello());
  }

  /**
   * @param goodbye The coordinator's reason for closing it; null where the link was lost. @returns Whether it was the
   * link in use.
   */
  down(link: LinkId, goodbye: string | null): boolean {
    if (!this.#connection.down(link)) return false;
    this.#isEnded = goodbye === COORDINATOR_GOODBYE;
    const wasWelcomed = this.#isWelcomed;
    this.#lost();
    this.#connection.leave();
    // A random pause: a coordinator that drops everybody isn't dialled in quick succession.
    if (wasWelcomed) this.#connection.retryIn(RETRY_MS_MIN * this.parts.random());
    else this.#retryLater();
    return true;
  }

  /** As that of `ServerConnection`. */
  get hasOther(): boolean {
    return this.#connection.hasOther;
  }

  /** As that of `ServerConnection`. */
  strangeKey(failure: DialFailure): PeerKey | null {
    return this.#connection.strangeKey(failure);
  }

  dialFailed(failure: DialFailure): void {
    if (!this.#connection.dialFailed(failure)) return;
    this.#isUninvited = failure.reason === "bad-credentials"; // somebody answered, and refused all our secrets
    if (this.#isUninvited) this.#isEnded = false;
    this.#retryLater();
    if (this.#connection.hasFailedEverywhere) this.#tellDown();
  }

  /** This instance of the coordinator stands by; at `leader` is the one that leads, null: none does, or it isn't known. */
  standsBy(leader: Endpoint | null): void {
    this.#connection.close("stands by");
    this.#lost();
    this.#silentAtMs = this.#silentBeforeMs;
    if (!this.#connection.servedAt(leader)) this.#tellDown();
  }

  /** There are instances of the coordinator at these addresses, too. @returns All; null where none of them is new. */
  learn(addresses: readonly Endpoint[]): readonly Endpoint[] | null {
    return this.#connection.learn(addresses) ? this.#connection.addresses : null;
  }

  #lost(): void {
    this.#refusal = null;
    this.#isWelcomed = false;
  }

  #retryLater(): void {
    this.#connection.retryIn(this.#connection.nextPauseMs());
  }

  #tellDown(): void {
    this.#silentAtMs = null;
    this.#refusal = null;
    if (this.state === "down") return;
    this.state = "down";
    this.parts.coordinatorDown();
  }

  /** Something came on a link. @returns Whether it is the link in use. */
  heard(link: LinkId): boolean {
    if (link !== this.link) return false;
    const { nowMs } = this.parts.out;
    this.#slowness.came(nowMs - (this.#heardMs ?? nowMs) - HEARTBEAT_MS, nowMs);
    this.#heardMs = nowMs;
    this.#showsLife();
    return true;
  }

  /** Where we come late ourselves, or it does, the coordinator has more time. */
  get #silentDueMs(): number | null {
    if (this.#silentAtMs === null) return null;
    const lateMs = Math.max(this.parts.out.clock.lateMs, this.#slowness.lateMs);
    return this.#silentAtMs + graceFor(lateMs);
  }

  #showsLife(): void {
    this.#silentAtMs = this.parts.out.nowMs + COORDINATOR_SILENT_MS;
  }

  welcomed(): void {
    this.#isWelcomed = true;
    this.#refusal = null;
    this.#connection.succeeded();
    this.state = "up";
  }

  send(message: GroupMessage): void {
    const { link } = this;
    if (link !== null) this.parts.out.push({ type: "send", link, message });
  }

  /** Closes the link. @param pauseMs Time until it is dialled again; null: as after a failure. */
  close(reason: string, pauseMs: number | null): void {
    this.#connection.close(reason);
    this.#lost();
    if (pauseMs === null) return this.#retryLater();
    this.#silentAtMs = null;
    this.#connection.retryIn(pauseMs);
  }

  /** The coordinator broke a rule of the protocol: the link is closed, for longer each time it does so within a minute. */
  offended(reason: string): void {
    const { out, random } = this.parts;
    if (out.nowMs - this.#offendedAtMs > OFFENDER_BAN_MS) this.#offences.reset();
    this.#offendedAtMs = out.nowMs;
    this.close(reason, null);
    this.#connection.retryIn(this.#offences.failed(random()));
  }

  /** The coordinator may let us in later. @param because Why not now, in words. */
  refused(because: string): void {
    this.close("refused", null);
    this.#refusal = because;
    // The coordinator has just answered: we needn't hear from it before it is dialled again.
    this.#silentAtMs = null;
  }

  /** The user accepts the other key that was reported. @returns It; null where there was none. */
  trust(): PeerKey | null {
    return this.#connection.trust();
  }

  /** How a program ends that doesn't wait for its coordinator, in words. */
  get unreachableText(): string {
    const because = `no answer within ${COORDINATOR_SILENT_MS / 1_000} s`;
    return this.#connection.unreachableText(because);
  }

  nextMs(): number | null {
    return earliestMs(this.#connection.nextMs(), this.#silentDueMs);
  }

  tick(nowMs: number): void {
    if (this.#connection.takeDue()) this.dial();
    const dueMs = this.#silentDueMs;
    if (dueMs === null || dueMs > nowMs) return;
    if (this.link !== null) {
      this.#connection.leave();
      this.close("no sign of life", null);
    }
    this.#tellDown();
  }

  /** We stood still: what the coordinator said meanwhile, or that it closed its link to us, is heard only now. */
  awoke(): void {
    if (this.#silentAtMs !== null) this.#showsLife();
  }
}
