/**
 * How rulings are made and travel: each new one is flooded, and a new neighbour is sent all of them before anything
 * else. Who has no say is refused (`not-allowed`), here by the command, and at others by the signature. What our user
 * rules is on disk before it counts, is sent or is shown.
 *
 * The caller's duties: `rulings` only from member links; after `changed`, part with every key that is removed; no `rule`
 * while one is being stored.
 */

import type { Signer } from "../../../base/crypto/crypto.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import type { ErrorCode } from "../../../base/errors.ts";
import type { PeerKey } from "../../../base/ids.ts";
import { invariant, unreachable } from "../../../base/invariant.ts";
import type { Machine } from "../../../base/machine/machine.ts";
import { Rates } from "../../../base/rates/token_bucket.ts";
import type { InRoom } from "../schema/credentials.ts";
import {
  RULING_SOURCES_MAX,
  RULINGS_IN_MESSAGE_MAX,
  RULINGS_MAX,
  RULINGS_READ_BURST,
  RULINGS_READ_PER_SECOND,
} from "../schema/limits.ts";
import type { MeshMessage } from "../schema/messages.ts";
import { type MeshRecord, rulingRecord } from "../schema/records.ts";
import type { Penalise } from "../schema/mesh_io.ts";
import {
  isOfOffice,
  type KeptRuling,
  type KeptRulings,
  ownedRuling,
  type RulingKind,
  signRuling,
} from "./kept_rulings.ts";
import type { SignedRuling } from "../schema/structures.ts";

type RulingsMessage = Extract<MeshMessage, { readonly type: "rulings" }>;

type RulingsInput =
  | { readonly type: "neighbour-up"; readonly peer: PeerKey }
  | { readonly type: "neighbour-down"; readonly peer: PeerKey }
  /** What was sent to the peer may have been dropped. */
  | { readonly type: "drained"; readonly peer: PeerKey }
  /** Rulings came: of a neighbour, or of one that says that we are removed. */
  | {
    readonly type: "message";
    readonly from: PeerKey;
    readonly rulings: readonly SignedRuling[];
  }
  /** From the user. `name`: as the key is shown. */
  | {
    readonly type: "rule";
    readonly kind: RulingKind;
    readonly subject: PeerKey;
    readonly name: string;
    readonly ref: string | undefined;
  }
  | { readonly type: "stored"; readonly token: number }
  | { readonly type: "not-stored"; readonly token: number; readonly text: string };

export type RulingsEffect =
  | { readonly type: "send"; readonly to: PeerKey; readonly message: RulingsMessage }
  /** Our user's rulings wait for `stored` or `not-stored`. */
  | {
    readonly type: "persist";
    readonly records: readonly MeshRecord[];
    readonly token: number | null;
  }
  /** These rulings are new, and who may be in the room may have changed by them. */
  | {
    readonly type: "changed";
    readonly rulings: readonly SignedRuling[];
    readonly ref: string | undefined;
  }
  | {
    readonly type: "refused";
    readonly code: ErrorCode;
    readonly text: string;
    readonly ref: string | undefined;
  }
  | Penalise;

type Rule = Extract<RulingsInput, { readonly type: "rule" }>;

/** What our user rules, on its way to the disk. */
interface Storing {
  readonly token: number;
  readonly rule: Rule;
  readonly rulings: readonly KeptRuling[];
}

export class RoomRulings implements Machine<RulingsInput, RulingsEffect> {
  readonly #neighbours = new Set<PeerKey>();
  readonly #read = new Rates<PeerKey>(
    RULINGS_READ_PER_SECOND,
    RULINGS_READ_BURST,
    RULING_SOURCES_MAX,
  );
  #storing: Storing | null = null;
  #lastToken = 0;
  #effects: RulingsEffect[] = [];

  constructor(
    readonly room: InRoom,
    readonly kept: KeptRulings,
    readonly signer: Signer,
    readonly env: Environment,
  ) {}

  /** Whether what our user rules is on its way to the disk. */
  get isStoring(): boolean {
    return this.#storing !== null;
  }

  step(input: RulingsInput, nowMs: number): readonly RulingsEffect[] {
    this.#effects = [];
    switch (input.type) {
      case "neighbour-up":
        this.#neighbours.add(input.peer);
        this.#send(input.peer, this.kept.all);
        break;
      case "neighbour-down":
        this.#neighbours.delete(input.peer);
        break;
      case "drained":
        if (this.#neighbours.has(input.peer)) this.#send(input.peer, this.kept.all);
        break;
      case "message":
        this.#heard(input.from, input.rulings, nowMs);
        break;
      case "rule":
        this.#rule(input);
        break;
      case "stored":
        this.#stored(input.token);
        break;
      case "not-stored":
        this.#notStored(input.token, input.text);
        break;
      default:
        unreachable(input);
    }
    return this.#effects;
  }

  nextDeadlineMs(): null {
    return null;
  }

  #send(to: PeerKey, rulings: readonly SignedRuling[]): void {
    for (let at = 0; at < rulings.length; at += RULINGS_IN_MESSAGE_MAX) {
      const part = rulings.slice(at, at + RULINGS_IN_MESSAGE_MAX);
      this.#effects.push({ type: "send", to, message: { type: "rulings", rulings: part } });
    }
  }

  #heard(from: PeerKey, rulings: readonly SignedRuling[], nowMs: number): void {
    const isWithin = this.#read.take(from, nowMs, Math.max(1, rulings.length));
    const fresh: KeptRuling[] = [];
    for (const signed of rulings) {
      // Rulings aren't repeated: however many of deputies' a neighbour passes on, the founder's are heard.
      if (!isWithin && !this.kept.isFounder(signed.ruling.value.author)) continue;
      const ruling = this.kept.known(signed);
      const fault = this.kept.faultOf(ruling);
      if (fault !== null) {
        this.#effects.push({ type: "penalise", peer: from, fault: fault.is, text: fault.text });
        break;
      }
      if (!this.kept.wants(ruling)) continue;
      const owned = ownedRuling(ruling);
      this.kept.add(owned);
      fresh.push(owned);
    }
    if (fresh.length === 0) return;
    const ours = this.#takenOver(fresh);
    this.#tell([...fresh, ...ours], ours.length > 0 ? null : from, undefined);
  }

  /**
   * As the founder, our own removals of those whom a former deputy has removed without our knowing: nobody can tell
   * whether it was still a deputy, and a removal can be taken back at any time.
   */
  #takenOver(fresh: readonly KeptRuling[]): readonly KeptRuling[] {
    if (!this.kept.isFounder(this.signer.key)) return [];
    return fresh.flatMap((ruling) => {
      if (!this.kept.hasPlaceForLate || !this.kept.isLateRemoval(ruling)) return [];
      const { subject } = ruling.signed.ruling.value;
      // The user is allowing that key: a removal of the same number would count in its place.
      const { kind, subject: decidedOn } = this.#storing?.rule ?? {};
      if (kind === "allow" && decidedOn === subject) return [];
      const own = this.#made("remove", subject);
      return this.kept.add(own) ? [own] : [];
    });
  }

  #tell(fresh: readonly KeptRuling[], from: PeerKey | null, ref: string | undefined): void {
    // On disk before anybody hears of it: after a kill this member must not let in who is removed.
    this.#persist(fresh, null);
    this.#spread(fresh, from, ref);
  }

  #persist(rulings: readonly KeptRuling[], token: number | null): void {
    const records = rulings.map(({ signed }) => rulingRecord(signed));
    this.#effects.push({ type: "persist", records, token });
  }

  #spread(fresh: readonly KeptRuling[], from: PeerKey | null, ref: string | undefined): void {
    const rulings = fresh.map(({ signed }) => signed);
    for (const peer of this.#neighbours) {
      // Who is shut out by this is shown why (`removed`), and no more of the room; and that may be somebody whom no
      // ruling here is about, where the deputy who let it in again has no say any more.
      if (peer !== from && !this.kept.isRemoved(peer)) this.#send(peer, rulings);
    }
    this.#effects.push({ type: "changed", rulings, ref });
  }

  #rule(rule: Rule): void {
    invariant(this.#storing === null, "the user's rulings are stored one at a time");
    const { kind, subject } = rule;
    const refusal = this.#refusal(rule);
    if (refusal !== null) return this.#refuse(refusal, rule);
    const rulings = [
      this.#made(kind, subject),
      ...this.#endedWith(rule).map((key) => this.#made("remove", key)),
    ];
    this.#storing = { token: ++this.#lastToken, rule, rulings };
    this.#persist(rulings, this.#lastToken);
  }

  /** Whom a deputy removed whose time this ends: that would count no longer, and the founder takes it over. */
  #endedWith({ kind, subject }: Rule): readonly PeerKey[] {
    const endsOffice = kind === "no-deputy" || (kind === "remove" && this.kept.isDeputy(subject));
    return endsOffice ? this.kept.removedBy(subject) : [];
  }

  #stored(token: number): void {
    const storing = this.#storing;
    if (storing?.token !== token) return;
    this.#storing = null;
    const { rule, rulings } = storing;
    // What has come meanwhile may have decided the same, or that our user has no say any more.
    const refusal = this.#refusal(rule);
    const heardSince = this.#endedWith(rule)
      .filter((key) => rulings.every(({ signed }) => signed.ruling.value.subject !== key));
    this.#spread(
      rulings.filter((ruling) => this.kept.add(ruling)),
      null,
      refusal === null ? rule.ref : undefined,
    );
    if (refusal !== null) this.#refuse(refusal, rule);
    const late = heardSince.map((key) => this.#made("remove", key))
      .filter((ruling) => this.kept.add(ruling));
    if (late.length > 0) this.#tell(late, null, undefined);
  }

  #notStored(token: number, text: string): void {
    const storing = this.#storing;
    if (storing?.token !== token) return;
    this.#storing = null;
    const { rule } = storing;
    const [attempt, undone] = ATTEMPTS[rule.kind](rule.name);
    const refusal = `Cannot ${attempt}: ${text}; ${undone}`;
    this.#refuse({ code: "disk", text: refusal }, rule);
  }

  #refuse(refusal: Refusal, { ref }: Rule): void {
    this.#effects.push({ type: "refused", ...refusal, ref });
  }

  #made(kind: RulingKind, subject: PeerKey): KeptRuling {
    const counter = this.kept.nextCounter(this.signer.key, subject);
    return this.kept.known(
      signRuling(this.env.crypto, this.signer, { room: this.room.id, kind, subject, counter }),
    );
  }

  /** Why our user may not rule so about anybody; null where it may. @param typed The name that the user typed. */
  denial(kind: RulingKind, typed: string): Refusal | null {
    const isFounder = this.kept.isFounder(this.signer.key);
    if (isFounder) return null;
    if (isOfOffice(kind)) {
      const text = "Cannot do that: only the founder of the room names deputies; ask the founder";
      return denied(text);
    }
    if (this.kept.isDeputy(this.signer.key)) return null;
    return denied(
      `Cannot ${kind} ${typed}: only the founder of the room and deputies can; ask one of them`,
    );
  }

  #refusal({ kind, subject, name }: Rule): Refusal | null {
    const { kept } = this;
    const denial = this.denial(kind, name);
    if (denial !== null) return denial;
    const isFounder = kept.isFounder(this.signer.key);
    if (kept.isFounder(subject)) {
      return denied(
        `Cannot ${kind} ${name}, who has founded the room; found another one with /join --new`,
      );
    }
    if (!isFounder && kept.isDeputy(subject)) {
      return denied(
        `Cannot ${kind} ${name}: only the founder can remove a deputy; ask the founder`,
      );
    }
    const isRemoved = kept.isRemoved(subject);
    if (kind === "remove" && isRemoved) return denied(`${name} is removed already`);
    if (kind === "allow" && !isRemoved) return denied(`${name} isn't removed: nothing to allow`);
    if (kind === "deputy" && isRemoved) {
      return denied(`Cannot make ${name} a deputy: that key is removed; /allow ${name} first`);
    }
    if (kind === "deputy" && kept.isDeputy(subject)) return denied(`${name} is a deputy already`);
    if (kind === "no-deputy" && !kept.isDeputy(subject)) return denied(`${name} is no deputy`);
    if (!isFounder && kept.isDecidedByFounder(subject)) {
      return denied(`Cannot ${kind} ${name}: the founder has decided on that key; ask the founder`);
    }
    if (kept.isFullFor(this.signer.key)) {
      const text = isFounder
        ? `Cannot decide on more keys: the room holds ${
          RULINGS_MAX / 2
        } rulings of yours, as many ` +
          "as it may; found another one with /join --new"
        : "Cannot decide on more keys: the room holds as many rulings of deputies as it may; ask the founder";
      return { code: "full", text };
    }
    return null;
  }
}

interface Refusal {
  readonly code: ErrorCode;
  readonly text: string;
}

/** By the name that the user typed: what was to be done, and that it wasn't. */
const ATTEMPTS: Readonly<Record<RulingKind, (name: string) => readonly [string, string]>> = {
  "remove": (name) => [`remove ${name}`, "nobody was removed"],
  "allow": (name) => [`allow ${name}`, "nobody was allowed back"],
  "deputy": (name) => [`make ${name} a deputy`, "nobody was made one"],
  "no-deputy": (name) => [`dismiss ${name} as a deputy`, "nobody was dismissed"],
};

function denied(text: string): Refusal {
  return { code: "not-allowed", text };
}
