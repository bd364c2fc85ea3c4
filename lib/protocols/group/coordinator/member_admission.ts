/** Who may come in: which names belong to which keys, and who is kept out. */

import { dropOldest } from "../../../base/collections/bounded.ts";
import { parseHost } from "../../../base/text/endpoints.ts";
import { type Fingerprint, fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { FoldedName, PeerKey } from "../../../base/ids.ts";
import { foldName, nameFault, shownName } from "../../../base/text/names.ts";
import { RefusedKeys } from "../../../base/trust/refused_keys.ts";
import { ReportedKeys } from "../../../base/trust/reported_keys.ts";
import { type Attendance, type GroupLink, isSameProcess } from "../detector/attendance.ts";
import type { CoordinatorConfig } from "../schema/coordinator_io.ts";
import type { CoordinatorOutput } from "../schema/coordinator_output.ts";
import type { Member } from "../schema/epoch.ts";
import { PINS_MAX, REMEMBERED_MAX } from "../schema/limits.ts";
import type { GroupMessageOf } from "../schema/messages.ts";
import type { Places, Refusal } from "./places.ts";
import type { Views, Voice } from "../detector/views.ts";

type Hello = GroupMessageOf<"hello">;

/** For a member that promised a view that can't have existed. */
const IMPOSSIBLE_PROMISE =
  "What your files say of this group can't be right: restore them from a copy, or move the group's folder away";

const NO_HOST = "What you advertise is neither a host name nor an IP address; see --advertise";

export class MemberAdmission {
  /** By folded name: at most `PINS_MAX`, and those for which the operator asked. */
  readonly #pins: Map<string, Fingerprint>;
  readonly #refused: RefusedKeys;
  /** Keys that came under others' names. */
  readonly #reported = new ReportedKeys(REMEMBERED_MAX);
  /** Keys that the operator has refused, and that were in then: the operator is told when they are kept out. */
  readonly #refusedHere = new Set<PeerKey>();
  /** Keys with which two processes came as one, of which the operator was told; at most `REMEMBERED_MAX`. */
  readonly #copied = new Set<PeerKey>();
  /** Names, by key, of those that stay out until allowed. As many as the operator removes, and members that lied. */
  readonly #kicked = new Map<Fingerprint, string>();
  /** Those of them that signed two batches for one. */
  readonly #equivocators = new Set<Fingerprint>();
  /** As members here have written their names, by folded name, which is all that pins have; of none that isn't pinned. */
  readonly #written = new Map<string, string>();

  constructor(
    readonly config: Pick<CoordinatorConfig, "pins" | "refused">,
    readonly views: Views,
    readonly attendance: Attendance,
    readonly places: Places,
    readonly out: CoordinatorOutput,
  ) {
    this.#pins = new Map(config.pins);
    this.#refused = new RefusedKeys(config.refused ?? []);
  }

  /**
   * @param voice What the sender says of itself, in this group.
   * @returns Why the sender can't come in; null where it can.
   */
  refusal(link: GroupLink, hello: Hello, voice: Voice): Refusal | null {
    const { peer } = link;
    const fault = nameFault(hello.name);
    if (fault !== null) return { code: "bad-name", text: `Invalid name: ${fault}` };
    const name = shownName(hello.name);
    if (hello.host !== null && parseHost(hello.host) !== hello.host) {
      return { code: "protocol", text: NO_HOST };
    }
    if (this.isOut(peer)) {
      const what = this.isRemoved(fingerprintOf(peer))
        ? `${name} was removed from this group`
        : `${name} signed two different texts as one, and stays out of this group`;
      const text = `${what}; its operator may let you in by /allow`;
      return { code: "kicked", text };
    }
    if (this.#isCopy(link, hello)) return this.#copy(peer, name);
    const folded = foldName(hello.name);
    const holder = this.attendance.namesake(peer, folded);
    if (holder !== null && this.places.keepsName(holder, this.out.nowMs)) {
      if (this.places.mayLoseName(holder)) {
        const text = `Somebody else is coming in as ${name}; come back in a moment`;
        return { code: "too-fast", text };
      }
      const held = shownName(holder.name);
      const same = held === name ? "is" : `counts as the same as ${held}, which is`;
      return { code: "name-taken", text: `The name ${name} ${same} in use here; take another` };
    }
    const pinned = this.#pins.get(folded);
    const isOther = pinned !== undefined && pinned !== fingerprintOf(peer);
    if (isOther || this.#refused.has(hello.name, fingerprintOf(peer))) {
      return this.#strangeKey(folded, hello.name, peer, pinned);
    }
    if (!this.views.isPossible(voice.promised.number)) {
      return { code: "protocol", text: IMPOSSIBLE_PROMISE };
    }
    return null;
  }

  /** Each process draws another incarnation: a second one with the same has it from a copy of the profile. */
  #isCopy({ peer, process }: GroupLink, hello: Hello): boolean {
    const present = this.attendance.get(peer);
    return present !== null && present.process !== null && present.process !== process &&
      isSameProcess(present, hello);
  }

  #copy(key: PeerKey, name: string): Refusal {
    if (!this.#copied.has(key)) {
      this.out.warn(
        `Two programs with ${name}'s key say that they are one: refused the one that came later. ` +
          `Somebody has a copy of ${name}'s profile, and nobody can tell which of the two is ${name}`,
      );
    }
    this.#copied.add(key);
    dropOldest(this.#copied, REMEMBERED_MAX);
    return { code: "replaced", text: "" };
  }

  #strangeKey(
    folded: FoldedName,
    claimed: string,
    key: PeerKey,
    pinned: Fingerprint | undefined,
  ): Refusal {
    const name = shownName(claimed);
    const other = fingerprintOf(key);
    const { out } = this;
    if (this.#refusedHere.delete(key) || this.#reported.isNews(folded, key, out.nowMs)) {
      const what = `Refused somebody who comes as ${name} with key ${other}`;
      const why = pinned === undefined
        ? "you found its digits to be different"
        : `the key known is ${pinned}`;
      const before = pinned === undefined ? {} : { before: pinned };
      const text = `${what}; ${why}; /trust ${name} accepts the new one`;
      out.keyChanged({ name: claimed, key: other, ...before }, text);
      this.#reported.report(claimed, key, out.nowMs);
    }
    const way = "take another name, or have its operator accept yours by /trust";
    return {
      code: "key-changed",
      text: pinned === undefined
        ? `Your key ${other} isn't accepted for the name ${name} here; ${way}`
        : `The name ${name} belongs to key ${pinned} in this group, yours is ${other}; ${way}`,
    };
  }

  /**
   * The digits of this key were different (`/verify NAME no`): who comes with it isn't let in under that name, until
   * `trust`. Whoever is in stays until they leave, or are removed.
   * @param key Undefined where nobody with it is here, or awaited.
   */
  refuse(name: string, fingerprint: Fingerprint, key: PeerKey | undefined): void {
    const folded = foldName(name);
    this.#refused.add(name, fingerprint);
    if (this.#pins.get(folded) === fingerprint) {
      this.#pins.delete(folded);
      this.#written.delete(folded);
    }
    if (key === undefined) return;
    this.#reported.report(name, key, this.out.nowMs);
    this.#refusedHere.add(key);
    dropOldest(this.#refusedHere, REMEMBERED_MAX);
  }

  /** The operator has said in another program of the same folder that it is theirs, after all. */
  unrefuse(name: string, fingerprint: Fingerprint): void {
    const folded = foldName(name);
    this.#refused.accept(name, fingerprint);
    if (this.#reported.isLast(folded, fingerprint) && !this.#pins.has(folded)) this.trust(name);
  }

  /** Whether the owner of this key was a member under this name. */
  isPinned(key: PeerKey, name: string): boolean {
    return this.#pins.get(foldName(name)) === fingerprintOf(key);
  }

  /** What a key's owner was called as a member; its fingerprint where it never was one. */
  nameOf(key: PeerKey): string {
    const fingerprint = fingerprintOf(key);
    const member = this.views.member(key);
    if (member !== null) return member.name;
    for (const [name, pinned] of this.#pins) {
      if (pinned === fingerprint) return this.#written.get(name) ?? name;
    }
    return fingerprint;
  }

  /** The key pinned for this name; undefined where nobody was ever a member under it. */
  pinned(name: string): Fingerprint | undefined {
    return this.#pins.get(foldName(name));
  }

  /** Whether anybody was ever a member under this name. */
  isKnown(name: string): boolean {
    return this.#pins.has(foldName(name));
  }

  /** A new member: the name is its own from now on, where there is a place for it. */
  pin({ key, name }: Pick<Member, "key" | "name">): void {
    const folded = foldName(name);
    const fingerprint = fingerprintOf(key);
    const pinned = this.#pins.get(folded);
    if (pinned === fingerprint) this.#written.set(folded, name);
    if (this.#isFull || pinned !== undefined || this.#refused.has(name, fingerprint)) return;
    this.#pins.set(folded, fingerprint);
    this.#written.set(folded, name);
    this.out.push({ type: "pin", name, key, again: false });
  }

  get #isFull(): boolean {
    return this.#pins.size >= PINS_MAX;
  }

  /**
   * The operator accepts the key that was reported.
   * @param present The key of the one who is in under this name: it is taken where there was no place for it.
   * @returns Its fingerprint; null where there is none.
   */
  trust(name: string, present?: PeerKey): Fingerprint | null {
    const folded = foldName(name);
    const unpinned = this.#isFull && !this.#pins.has(folded) ? present : undefined;
    const key = this.#reported.get(folded)?.key ?? unpinned;
    if (key === undefined) return null;
    this.#reported.forget(folded);
    this.#refused.accept(name, fingerprintOf(key));
    this.#refusedHere.delete(key);
    this.#pins.set(folded, fingerprintOf(key));
    this.out.push({ type: "pin", name, key, again: true });
    return fingerprintOf(key);
  }

  // Members that are kept out.

  get kicked(): ReadonlyMap<Fingerprint, string> {
    return this.#kicked;
  }

  isOut(key: PeerKey): boolean {
    return this.#kicked.has(fingerprintOf(key));
  }

  /** Whether the operator keeps it out: what only such members know may be given up. */
  isRemoved(key: Fingerprint): boolean {
    return this.#kicked.has(key) && !this.#equivocators.has(key);
  }

  kick(key: Fingerprint, name: string, because?: "equivocated"): void {
    this.#kicked.set(key, name);
    if (because === undefined) this.#equivocators.delete(key);
    else this.#equivocators.add(key);
  }

  allow(key: Fingerprint): void {
    this.#kicked.delete(key);
    this.#equivocators.delete(key);
  }
}
