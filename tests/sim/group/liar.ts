/**
 * A malicious member that lies to some of the others: it signs two batches with one number (`texts`), sends
 * different orders to different members while it is the sequencer (`orders`), or acknowledges a digest that it
 * doesn't hold (`acks`). Or it never says that it has caught up, and reads on as a newcomer (`lurks`), or says nothing
 * of whom it hears either, so that it never joins, and asks one member alone for the log (`hides`), or asks all that
 * it was with in a view, once it is in none (`haunts`). Or it hands over its own words as somebody else's, under the
 * other's name and signed by itself (`names`). Or it says at the end of a view that it holds one batch more than the
 * others: one that is in the log already (`repeats`). Or it says that others' entries are its own, where it asks for
 * edits of them and where it votes, and keeps to itself that its log rules out what is decided so (`origins`).
 * Otherwise it is correct.
 */

import type { Hash, PeerKey, RequestId } from "../../../lib/base/ids.ts";
import {
  requestId,
  type SignedEditRequest,
  signEditRequest,
} from "../../../lib/protocols/group/schema/edit.ts";
import {
  entryId,
  type EntryOrigin,
  signBatch,
  type SignedBatch,
} from "../../../lib/protocols/group/schema/history.ts";
import type { Member } from "../../../lib/protocols/group/member/member.ts";
import type { MemberEffect, MemberInput } from "../../../lib/protocols/group/schema/member_io.ts";
import type { GroupMessage, GroupMessageOf } from "../../../lib/protocols/group/schema/messages.ts";
import { fakeCrypto } from "../fake_crypto.ts";
import type { Random } from "../random.ts";
import { Wrapped } from "../wrapped.ts";
import type { MemberParty } from "./world.ts";

export type Lie =
  | "texts"
  | "orders"
  | "acks"
  | "lurks"
  | "hides"
  | "haunts"
  | "names"
  | "repeats"
  | "origins";

/** The suffix of the second batch's texts. */
const LIE = " (or so)";

/** How often it asks on: others would take more messages for an attack. */
const HAUNTS_MS = 15;

/** The text as its author typed it. */
export function withoutLie(text: string): string {
  return text.endsWith(LIE) ? text.slice(0, -LIE.length) : text;
}

type Tell = Extract<MemberEffect, { readonly type: "tell" }>;

export class Liar extends Wrapped<MemberInput, MemberEffect> {
  /** An order that was withheld from the last peer. */
  #kept: GroupMessageOf<"order"> | null = null;
  #asksAtMs = 0;
  /** What it asked for of others' entries, as if they were its own. */
  readonly #claimed = new Map<RequestId, SignedEditRequest>();

  constructor(readonly member: Member, readonly party: MemberParty, readonly random: Random) {
    super(member);
  }

  override input(input: MemberInput): MemberInput {
    const { party: { lie }, random } = this;
    const isMessage = input.type === "message" || input.type === "peer-message";
    if (!isMessage || input.message.type !== "flush" || lie?.kind !== "repeats") return input;
    if (random.chance(lie.chance)) this.#repeats();
    return input;
  }

  /** The first words of an earlier process of another member's, as if they were the latest. */
  #repeats(): void {
    const { party, member: { membership } } = this;
    const { log } = party.disk;
    if (membership === null || log === null) return;
    const old = log.batches.find(({ batch: { value } }) =>
      value.kind === "texts" && value.author !== party.signer.key && value.counter === 1 &&
      log.end.lastSpoken(value.author)?.incarnation !== value.incarnation.toHex()
    );
    if (old === undefined) return;
    party.hasLied = true;
    const { held } = membership;
    held.append({ ...old, view: null });
    held.setSynced(held.end);
  }

  override effects(
    effects: readonly MemberEffect[],
    _: MemberInput,
    nowMs: number,
  ): readonly MemberEffect[] {
    return [...effects.flatMap((effect) => this.#instead(effect)), ...this.#haunts(nowMs)];
  }

  override nextDeadlineMs(): number | null {
    const nextMs = super.nextDeadlineMs();
    return this.#isHaunting ? Math.min(nextMs ?? Infinity, this.#asksAtMs) : nextMs;
  }

  #instead(effect: MemberEffect): readonly MemberEffect[] {
    // Drops `equivocated`, which would prove its own guilt.
    if (effect.type === "send" && effect.message.type === "equivocated") return [];
    if (effect.type === "send" && effect.message.type === "heard") return this.#heard(effect);
    if (effect.type === "send") return this.#sends(effect);
    if (effect.type !== "tell") return [effect];
    if (effect.message.type === "history") {
      return [{ ...effect, message: this.#history(effect.message) }];
    }
    return this.#tells(effect);
  }

  #sends(effect: Extract<MemberEffect, { readonly type: "send" }>): readonly MemberEffect[] {
    const { message } = effect;
    const { lie } = this.party;
    if (message.type === "history") return [{ ...effect, message: this.#history(message) }];
    if (lie?.kind !== "origins") return [effect];
    if (message.type === "edit") return [{ ...effect, message: this.#claims(message) }];
    if (message.type === "vote") return [{ ...effect, message: this.#agrees(message) }];
    return message.type === "impossible" && lie.chance > 0 ? [] : [effect];
  }

  /** Where it says that others' entries come from. */
  get #origin(): EntryOrigin {
    const { party: { signer }, member: { self: { incarnation } } } = this;
    return { author: signer.key, incarnation, counter: 1 };
  }

  #claims(message: GroupMessageOf<"edit">): GroupMessageOf<"edit"> {
    const { party: { lie, signer } } = this;
    const { value } = message.signed.request;
    const id = requestId(fakeCrypto, value);
    const known = this.#claimed.get(id);
    if (known !== undefined) return { ...message, signed: known };
    if (lie!.chance === 0) return message;
    const entry = entryId(fakeCrypto, this.#origin, 0);
    const signed = signEditRequest(signer, { ...value, entry });
    this.party.hasLied = true;
    this.#claimed.set(id, signed);
    return { ...message, signed };
  }

  #agrees(message: GroupMessageOf<"vote">): GroupMessageOf<"vote"> {
    const isClaimed = this.#claimed.has(message.id);
    const isLie = message.agrees && this.random.chance(this.party.lie!.chance);
    if (!isClaimed && !isLie) return message;
    this.party.hasLied = true;
    return { ...message, agrees: true, origin: this.#origin, reason: "" };
  }

  /** Whether it was in a view, and behaves as long as it is in one. */
  get #isHaunting(): boolean {
    const { member: { epoch, standing }, party: { lie } } = this;
    return lie?.kind === "haunts" && lie.chance > 0 && epoch === null && standing.begun !== null;
  }

  #haunts(nowMs: number): readonly MemberEffect[] {
    if (!this.#isHaunting || nowMs < this.#asksAtMs) return [];
    this.#asksAtMs = nowMs + HAUNTS_MS;
    return this.#asks(this.member.peers.heard());
  }

  /** Its own words, as if another member had said them. */
  #history(message: GroupMessage): GroupMessage {
    const { party: { lie, signer, world }, random } = this;
    if (message.type !== "history" || lie?.kind !== "names" || lie.chance === 0) return message;
    const others = world.members.filter((member) => member.signer.key !== signer.key);
    const { name } = others[random.below(others.length)]!;
    const batches = message.batches.map((signed) => {
      const { value } = signed.batch;
      if (value.author !== signer.key || !random.chance(0.5)) return signed;
      this.party.hasLied = true;
      return { ...signBatch(signer, { ...value, name }), view: signed.view };
    });
    return { ...message, batches };
  }

  #heard(effect: Extract<MemberEffect, { readonly type: "send" }>): readonly MemberEffect[] {
    const { lie } = this.party;
    const isHiding = lie?.kind === "hides" || this.#isHaunting;
    if (lie === null || (lie.kind !== "lurks" && !isHiding) || lie.chance === 0) return [effect];
    this.party.hasLied = true;
    const { peers, ...heard } = effect.message as GroupMessageOf<"heard">;
    const said = { ...heard, peers: isHiding ? [] : peers, isCaughtUp: false };
    return [
      { ...effect, message: said },
      ...lie.kind === "hides" ? this.#asks(peers.slice(0, 1)) : [],
    ];
  }

  #asks(peers: readonly PeerKey[]): readonly MemberEffect[] {
    const after = this.member.membership?.held.end;
    if (after === undefined || peers.length === 0) return [];
    const message = { type: "fetch" as const, after, through: after.position + 1_000 };
    return [{ type: "tell", peers, message }];
  }

  #tells(effect: Tell): readonly MemberEffect[] {
    const { party: { lie }, random } = this;
    const { message, peers } = effect;
    if (message.type === "contest" && random.chance(0.5)) return [];
    if (lie === null || peers.length < 2) return [effect];
    if (lie.kind === "orders" && message.type === "order") return this.#orders(effect, message);
    if (!random.chance(lie.chance)) return [effect];
    const other = this.#other(message);
    if (other === null) return [effect];
    const first = 1 + random.below(peers.length - 1);
    this.party.hasLied = true;
    return [
      { ...effect, peers: peers.slice(0, first) },
      { ...effect, peers: peers.slice(first), message: other },
    ];
  }

  #other(message: GroupMessage): GroupMessage | null {
    const { kind } = this.party.lie!;
    if (kind === "texts" && message.type === "data") {
      const { signed } = message;
      const isOwn = signed.batch.value.author === this.party.signer.key;
      return isOwn ? { ...message, signed: this.#twin(signed) } : null;
    }
    if (kind !== "acks" || message.type !== "ack") return null;
    const digest = fakeCrypto.sha256<Hash>(Uint8Array.fromHex(message.held.digest));
    return { ...message, held: { ...message.held, digest } };
  }

  /** The same batch with other texts; sometimes with the first text only. */
  #twin({ batch: { value } }: SignedBatch): SignedBatch {
    const some = this.random.chance(0.3) ? value.texts.slice(0, 1) : value.texts;
    const texts = some.map((text) => `${text}${LIE}`);
    return signBatch(this.party.signer, { ...value, texts });
  }

  /** Sometimes merges two orders into one for the last peer, with the later order first. */
  #orders(effect: Tell, message: GroupMessageOf<"order">): readonly MemberEffect[] {
    const { random, party: { lie } } = this;
    const kept = this.#kept;
    this.#kept = null;
    const victims = effect.peers.slice(-1);
    if (kept !== null) {
      const runs = [...message.runs, ...kept.runs];
      this.party.hasLied = true;
      return [
        { ...effect, peers: effect.peers.slice(0, -1) },
        { ...effect, peers: victims, message: { ...kept, runs } },
      ];
    }
    if (!random.chance(lie!.chance)) return [effect];
    this.#kept = message;
    return [{ ...effect, peers: effect.peers.slice(0, -1) }];
  }
}
