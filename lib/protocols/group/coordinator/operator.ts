/** What the coordinator's operator asks for: who is kept out and let in, and whose key is whose. */

import { type Fingerprint, fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { PeerKey } from "../../../base/ids.ts";
import type { VerifyAnswer } from "../../../base/machine/mode_machine.ts";
import { verifyEvent } from "../../../base/machine/mode_output.ts";
import { foldName, shownName } from "../../../base/text/names.ts";
import {
  acceptedText,
  didYouMeanName,
  nobodyKeptOutText,
  noOtherKeyText,
} from "../../../base/trust/name_answers.ts";
import type { MemberAdmission } from "./member_admission.ts";
import type { Attendance, Attendee } from "../detector/attendance.ts";
import type { CoordinatorOutput } from "../schema/coordinator_output.ts";
import type { CoordinatorRecord } from "../schema/records.ts";
import type { Views } from "../detector/views.ts";

/** Another invite: to be stored, and then told to those who stay. */
export interface Rotation {
  readonly records: readonly CoordinatorRecord[];
  tell(): void;
}

interface Somebody {
  readonly key: PeerKey;
  readonly name: string;
}

export interface OperatorActions {
  /** Another invite is made, for those who know the present one mustn't come back under another key; null: none is. */
  rotation(): Rotation | null;
  /** The member is kept out from now on, whether it is in the view or not. */
  removed(key: PeerKey): void;
  allowed(key: PeerKey): void;
  /**
   * The member should set its log aside. @param ref For what answers that later. @returns Why that can't be; null where
   * it is done, or will be.
   */
  recovers(attendee: Attendee, ref: string | undefined): string | null;
}

export class Operator {
  constructor(
    readonly ownKey: PeerKey,
    readonly views: Views,
    readonly attendance: Attendance,
    readonly admission: MemberAdmission,
    readonly out: CoordinatorOutput,
    readonly actions: OperatorActions,
  ) {}

  /** Removes, of several with that name, the one first that is awaited: it may keep the others from going on. */
  remove(name: string, ref: string | undefined): void {
    const found = this.#find(name, ({ key }) => this.#isAwaited(key));
    if (found === null) return this.#unknown("remove", name, this.#known(), ref);
    const { key, name: called } = found;
    const shown = shownName(called);
    let advice = "";
    if (!this.admission.isRemoved(key)) {
      const rotation = this.actions.rotation();
      // One write: after a crash nobody is kept out by name alone.
      this.out.store({ kind: "kicked", key, name: called }, ...rotation?.records ?? []);
      this.admission.kick(key, called);
      rotation?.tell();
      advice = rotation === null
        ? ", unless under another key: anybody can join this group"
        : "; the group has another invite now, which /invite shows";
    }
    this.out.notice(`${shown} stays out until /allow ${shown}${advice}`, ref);
    this.actions.removed(key);
  }

  #isAwaited(key: PeerKey): boolean {
    return !this.#isHere(key) && !this.admission.isRemoved(key);
  }

  #isHere(key: PeerKey): boolean {
    return (this.attendance.get(key)?.link ?? null) !== null;
  }

  /** Allows all with that name: the operator was told of each that it stays out until allowed. */
  allow(name: string, ref: string | undefined): void {
    const kicked = Array.from(this.admission.kicked, ([key, name]) => ({ key, name }));
    const found = named(name, kicked);
    const [first] = found;
    if (first === undefined) return this.#unknown("allow", name, kicked, ref);
    this.out.store(...found.map(({ key }) => ({ kind: "allowed" as const, key })));
    for (const { key } of found) {
      this.admission.allow(key);
      this.actions.allowed(key);
    }
    this.out.notice(`${shownName(first.name)} may come in again`, ref);
  }

  /** Takes, of several with that name, the one first that is here: no other could recover. */
  recover(name: string, ref: string | undefined): void {
    const found = this.#find(name, ({ key }) => this.#isHere(key));
    if (found === null) return this.#unknown("recover", name, this.#known(), ref);
    const shown = shownName(found.name);
    const attendee = this.attendance.get(found.key);
    if (attendee === null || attendee.link === null) {
      return this.out.error("offline", `${shown} isn't here: /recover it when it is back`, ref);
    }
    const fault = this.actions.recovers(attendee, ref);
    if (fault !== null) return this.out.error("not-allowed", `Nothing was done: ${fault}`, ref);
    this.out.notice(`${shown} sets its log aside, and fetches it anew from the others`, ref);
  }

  /** Accepts the key that `MemberAdmission` reported to the operator, other than the one known. */
  trust(name: string, ref: string | undefined): void {
    const key = this.admission.trust(name);
    const shown = shownName(name);
    if (key !== null) return this.out.notice(acceptedText(shown, key), ref);
    const known = this.#known();
    if (named(name, known).length === 0 && !this.admission.isKnown(name)) {
      return this.#unknown("trust", name, known, ref);
    }
    this.out.notice(noOtherKeyText(shown), ref);
  }

  /**
   * Takes, of several with that name, the one first whose key is pinned for it: compared digits are kept for that
   * key.
   */
  verify(name: string, answer: VerifyAnswer | undefined, ref: string | undefined): void {
    const found = this.#find(name, ({ key, name }) => this.admission.isPinned(key, name));
    if (found === null) return this.#unknown("verify", name, this.#known(), ref);
    this.out.show(verifyEvent(found.name, this.ownKey, found.key, answer), ref);
    if (answer === "no") this.admission.refuse(found.name, found.key);
  }

  /** As `verify` with `no`, said in another program of the same folder. */
  refuse(name: string, fingerprint: Fingerprint): void {
    const isMeant = ({ key }: Somebody) => fingerprintOf(key) === fingerprint;
    const found = named(name, this.#known()).find(isMeant);
    if (found === undefined) this.admission.refuseAbsent(name, fingerprint);
    else this.admission.refuse(found.name, found.key);
  }

  /** The one with that name; of several, the one first for which `isMeant` holds. */
  #find(name: string, isMeant: (somebody: Somebody) => boolean): Somebody | null {
    const found = named(name, this.#known());
    return found.find(isMeant) ?? found[0] ?? null;
  }

  /** Those that are here, and those whose return is awaited. */
  #known(): readonly Somebody[] {
    const members = this.views.open.flatMap(({ epoch }) => epoch.value.members);
    return [...this.attendance.all, ...members];
  }

  #unknown(
    command: string,
    name: string,
    known: readonly Somebody[],
    ref: string | undefined,
  ): void {
    const names = new Set(known.map(({ name }) => name));
    const where = command === "allow"
      ? "among those who are kept out"
      : "among those who are here or awaited";
    if (command === "allow" && names.size === 0) {
      return this.out.error("unknown-user", nobodyKeptOutText(name), ref);
    }
    const hint = didYouMeanName(name, names, (near) => `/${command} ${near}`);
    const advice = hint ||
      (names.size === 0
        ? "; there is nobody"
        : `; there ${names.size === 1 ? "is" : "are"} ${[...names].map(shownName).join(", ")}`);
    this.out.error("unknown-user", `Cannot find ${shownName(name)} ${where}${advice}`, ref);
  }
}

function named(name: string, known: readonly Somebody[]): readonly Somebody[] {
  const folded = foldName(name);
  return known.filter((somebody) => foldName(somebody.name) === folded);
}
