/**
 * What the user sees of removals, of their end, and of who is founder or deputy. What was told is compared with what
 * counts now, so that each change is told once, whatever rulings came, in whatever order. What a member has on disk it was
 * told by an earlier process; a newcomer is told who decides here, and not what was decided before.
 */

import { countText, inWords } from "../../../base/text/words.ts";
import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { PeerKey } from "../../../base/ids.ts";
import { shownName } from "../../../base/text/names.ts";
import type { KeptRulings } from "../authority/kept_rulings.ts";
import type { NameFacts } from "../private/private_view.ts";
import type { MeshEvent, Role, RuledOn } from "../schema/events.ts";
import { wasInRoom } from "../schema/records.ts";
import type { SignedRuling } from "../schema/structures.ts";
import type { RoomConfig } from "./room_io.ts";

/** What the view asks about people. */
export interface RulingFacts extends NameFacts {
  /** The name of a key that isn't a member any more; null where it isn't known. */
  nameOnceClaimedBy(key: PeerKey): string | null;
  /** Whether the key's owner is in the room now. */
  isListed(key: PeerKey): boolean;
}

type Told = Pick<KeptRulings, "removed" | "deputies">;

/** By then a neighbour has shown who is here; whoever has no name then is called by the key. */
const NAMES_MS_MAX = 3_000;

/** How many people one line names. */
const NAMED_MAX = 5;

export class RulingsView {
  #told: Told;
  /** Whether the user is still to be told who decides here. */
  #isNew: boolean;
  /** Whether something may have changed since the user was told. */
  #isBehind = false;
  /** When that is told by keys, if the names aren't known before; null where nothing waits for names. */
  #dueMs: number | null = null;

  constructor(
    readonly self: PeerKey,
    readonly config: Pick<RoomConfig, "rulings" | "secrets" | "founded" | "records">,
    readonly facts: RulingFacts,
    readonly show: (event: MeshEvent, ref?: string) => void,
  ) {
    const { removed, deputies } = config.rulings;
    this.#told = { removed, deputies };
    this.#isNew = !config.founded && !wasInRoom(config.records);
  }

  /** When `stepEnds` is to be called at the latest; null for never. */
  nextMs(): number | null {
    return this.#dueMs;
  }

  /** These rulings have come, or were made here. @param isReady Whether the user has been told of being in the room. */
  ruled(rulings: readonly SignedRuling[], isReady: boolean, ref: string | undefined): void {
    if (!isReady && this.#isNew) {
      this.#told = this.#current();
      return;
    }
    this.#isBehind = true;
    const isOwn = rulings.some(({ ruling: { value } }) => value.author === this.self);
    // Now, if possible: while it is known who is here, and before they are shown to leave.
    if (isReady && (isOwn || this.#areNamesKnown())) this.#tell(true, isOwn ? ref : undefined);
  }

  /** @param isHere Whether the user has been told of being in the room, and of what was said before. */
  stepEnds(nowMs: number, isHere: boolean): void {
    if (!isHere || (!this.#isBehind && !this.#isNew)) return;
    this.#dueMs ??= nowMs + NAMES_MS_MAX;
    if (this.#areNamesKnown() || this.#dueMs <= nowMs) this.#tell(false);
  }

  /** The user leaves: nothing waits for names any more. */
  quit(): void {
    if (this.#isBehind) this.#tell(false);
  }

  /** What we are told when a ruling that counts keeps us out, and we are still in the room. */
  removedText(): string {
    const author = this.config.rulings.removalOf(this.self)!.signed.ruling.value.author;
    return removedText(author, this.config.rulings, this.nameOf(author));
  }

  /** What the owner of a key that the user refused goes on to do in the room, and how that ends. */
  refusedText(key: PeerKey): string {
    const { rulings } = this.config;
    const name = this.#known(key);
    const reads = `${name} still reads all that is said to the room`;
    if (rulings.isFounder(key)) {
      return `${reads}, and is its founder: nobody can /remove ${name}; found another room with /join --new`;
    }
    const isDeputy = rulings.isDeputy(key);
    if (isDeputy && rulings.isFounder(this.self)) {
      return `${reads}, and is a deputy: /deputy ${name} --end ends that, /remove ${name} shuts that key out`;
    }
    if (isDeputy) {
      return `${reads}, and is a deputy: only the founder can /remove ${name}; ask for that`;
    }
    if (rulings.mayRemove(this.self)) return `${reads}: /remove ${name} shuts that key out`;
    return `${reads}: only the founder and deputies can /remove ${name}; ask one of them`;
  }

  /** What the key's owner may do beyond what all may; nothing of others. */
  roleOf(key: PeerKey): { readonly role?: Role } {
    const { rulings } = this.config;
    if (rulings.isFounder(key)) return { role: "founder" };
    return rulings.isDeputy(key) ? { role: "deputy" } : {};
  }

  /** Who is shut out of the room, and by whom. */
  removed(): readonly RuledOn[] {
    const { rulings } = this.config;
    return rulings.removed.map((key) =>
      this.#ruling(key, rulings.removalOf(key)!.signed.ruling.value.author)
    );
  }

  // What is told.

  #current(): Told {
    const { removed, deputies } = this.config.rulings;
    return { removed, deputies };
  }

  #areNamesKnown(): boolean {
    const { rulings } = this.config;
    const changed = this.#changed();
    const decided = [...changed.removed, ...changed.allowed];
    const authors = decided.map((key) => rulings.decisionOn(key)?.signed.ruling.value.author);
    const about = this.#isNew ? rulings.deputies : [];
    const keys = [...decided, ...authors, ...changed.named, ...changed.ended, ...about];
    if (this.#isNew || changed.named.length + changed.ended.length > 0) keys.push(rulings.founder);
    return keys.every((key) => key === undefined || this.nameOf(key) !== null);
  }

  #changed() {
    const [before, now] = [this.#told, this.#current()];
    return {
      removed: without(now.removed, before.removed),
      allowed: without(before.removed, now.removed),
      named: without(now.deputies, before.deputies),
      ended: without(before.deputies, now.deputies),
    };
  }

  #introduce(): void {
    this.#isNew = false;
    const { founder, deputies } = this.config.rulings;
    const ofFounder = founder === this.self
      ? "You are the founder of this room"
      : `${this.#known(founder)} is the founder of this room`;
    const [first, ...others] = deputies;
    if (first === undefined) return this.#notice(`${ofFounder}, and can remove members`);
    const are = others.length > 0
      ? "are deputies"
      : first === this.self
      ? "are a deputy"
      : "is a deputy";
    this.#notice(`${ofFounder}, ${this.#listed(deputies)} ${are}: they can remove members`);
  }

  /**
   * @param isLive Whether it happens now. @param ref Of the command that did it; all that came of it answers that.
   */
  #tell(isLive: boolean, ref?: string): void {
    if (this.#isNew) this.#introduce();
    const { removed, allowed, named, ended } = this.#changed();
    const before = new Set(this.#told.removed);
    this.#told = this.#current();
    this.#isBehind = false;
    this.#dueMs = null;
    for (const key of named) this.#named(key, ref);
    for (const key of removed) this.#removed(key, isLive && !this.facts.isListed(key), ref);
    for (const key of allowed) this.#allowed(key, ref);
    for (const key of ended) this.#ended(key, before, ref);
  }

  #removed(key: PeerKey, isAway: boolean, ref: string | undefined): void {
    const { author } = this.config.rulings.decisionOn(key)!.signed.ruling.value;
    const how = this.config.secrets === null
      ? "this room is open, so the same person can come back under a new key"
      : "earlier invites admit nobody any more"; // that there is a new one is told once there is
    const text =
      `${this.#has(author)} removed ${this.#known(key)}${isAway ? ", who was away," : ""} ` +
      `for good${this.#overruling(key)}${this.#takenOver(key)}; ${how}${this.#keyOf(key)}`;
    const away = isAway ? { away: isAway } : {};
    this.show({ event: "removed", ...this.#ruling(key, author), ...away }, ref);
    this.#notice(text, ref);
  }

  #allowed(key: PeerKey, ref: string | undefined): void {
    const { rulings, secrets } = this.config;
    const author = rulings.decisionOn(key)?.signed.ruling.value.author;
    const isOurs = key === this.self; // we are back already
    const who = this.#you(key);
    const invite = secrets === null || isOurs ? "" : ", with a new invite";
    const how = `${invite}${this.#overruling(key)}`;
    if (author === undefined) {
      // Nobody has allowed it: the founder hasn't heard of that removal yet, or it would have been taken over.
      const rest = `${this.#known(rulings.founder)}'s program hears of that removal`;
      const until = `whoever removed ${who} isn't a deputy any more; that is so until ${rest}`;
      const may = isOurs ? "You may be here" : `${who} can come back`;
      return this.#notice(`${may}${how}: ${until}`, ref);
    }
    const text = isOurs
      ? `${this.#known(author)} has allowed you back${how}`
      : `${this.#has(author)} allowed ${who} to come back${how}${this.#keyOf(key)}`;
    this.show({ event: "allowed", ...this.#ruling(key, author) }, ref);
    this.#notice(text, ref);
  }

  /** That the founder's program has signed the removal since a former deputy had, or says so. */
  #takenOver(key: PeerKey): string {
    const { rulings } = this.config;
    const former = rulings.removedBefore(key);
    if (former === null) return "";
    const back = rulings.isFounder(this.self) ? `: /allow ${this.#known(key)} takes it back` : "";
    return `, as ${this.#known(former)} had, who isn't a deputy any more${back}`;
  }

  #ruling(key: PeerKey, author: PeerKey): RuledOn {
    return {
      name: this.nameOf(key) ?? fingerprintOf(key),
      key: fingerprintOf(key),
      by: this.nameOf(author) ?? fingerprintOf(author),
      byKey: fingerprintOf(author),
    };
  }

  #overruling(key: PeerKey): string {
    const { rulings } = this.config;
    const deputy = rulings.overruledOn(key);
    if (deputy === null) return "";
    return `, overruling ${this.#you(deputy)}: only ${this.#you(rulings.founder)} can decide on ${
      this.#you(key)
    } from now on`;
  }

  #named(key: PeerKey, ref: string | undefined): void {
    const what = key === this.self
      ? "you a deputy: you can /remove and /allow members"
      : `${this.#known(key)} a deputy, who can /remove and /allow members${this.#keyOf(key)}`;
    this.#notice(`${this.#has(this.config.rulings.founder)} made ${what}`, ref);
  }

  /**
   * Somebody is no deputy any more, or has been removed; the founder has taken over whom that one had removed.
   * @param before Who was out before.
   */
  #ended(key: PeerKey, before: ReadonlySet<PeerKey>, ref: string | undefined): void {
    const { rulings } = this.config;
    const { founder } = rulings;
    if (!rulings.isRemoved(key)) {
      const what = key === this.self
        ? "you as a deputy: you can no longer /remove or /allow members"
        : `${this.#known(key)} as a deputy${this.#keyOf(key)}`;
      this.#notice(`${this.#has(founder)} dismissed ${what}`, ref);
    }
    const removed = rulings.takenOverFrom(key).filter((one) => before.has(one));
    if (removed.length === 0) return;
    const whose = key === this.self ? "Your" : `${this.#known(key)}'s`;
    const isOne = removed.length === 1;
    const what = isOne ? "removal" : "removals";
    const back = founder !== this.self
      ? ""
      : isOne
      ? `; /allow ${this.#known(removed[0]!)} takes it back`
      : "; /allow NAME takes one back";
    this.#notice(
      `${whose} ${what} of ${this.#listed(removed)} ${isOne ? "stays" : "stay"} in force, now as ` +
        `${founder === this.self ? "yours" : `${this.#known(founder)}'s`}${back}`,
      ref,
    );
  }

  #notice(text: string, ref?: string): void {
    this.show({ event: "notice", text }, ref);
  }

  // Names.

  /** The name under which somebody is shown, here or not; null where none is known. */
  nameOf(key: PeerKey): string | null {
    const { facts } = this;
    const claimed = facts.nameClaimedBy(key) ?? facts.nameOnceClaimedBy(key);
    return facts.shownName(key) ?? (claimed === null ? null : facts.authorName(key, claimed));
  }

  /** The same, or the key, in a sentence. */
  #known(key: PeerKey): string {
    const name = this.nameOf(key);
    return name === null ? fingerprintOf(key) : shownName(name);
  }

  /** ` (Bob's key: ...)`; nothing where somebody without a name is called by the key. */
  #keyOf(key: PeerKey): string {
    const name = this.nameOf(key);
    return name === null ? "" : ` (${shownName(name)}'s key: ${fingerprintOf(key)})`;
  }

  #you(key: PeerKey): string {
    return key === this.self ? "you" : this.#known(key);
  }

  #has(key: PeerKey): string {
    return key === this.self ? "You have" : `${this.#known(key)} has`;
  }

  #listed(keys: readonly PeerKey[]): string {
    const names = keys.slice(0, NAMED_MAX).map((key) => this.#you(key));
    const more = keys.length - names.length;
    return inWords(more > 0 ? [...names, `${countText(more, "other")}`] : names);
  }
}

/** What somebody is told who was removed. @param name Of who did it; null where it isn't known. */
export function removedText(
  by: PeerKey,
  rulings: Pick<KeptRulings, "isFounder">,
  name: string | null,
): string {
  const role = rulings.isFounder(by) ? "the founder of the room" : "a deputy of the room's founder";
  const who = name === null
    ? `${role[0]!.toUpperCase()}${role.slice(1)}, with key ${fingerprintOf(by)},`
    : `${shownName(name)}, ${role},`;
  const whom = name === null ? "whoever has that key" : shownName(name);
  return `${who} has removed you for good; ask ${whom} to /allow you back, or found another room with --new`;
}

function without(keys: readonly PeerKey[], others: readonly PeerKey[]): readonly PeerKey[] {
  const known = new Set(others);
  return keys.filter((key) => !known.has(key));
}
