/** What the coordinator's operator asks for: who is kept out and let in, and whose key is whose. */

import { type Fingerprint, fingerprintOf, startApart } from "../../../base/text/fingerprint.ts";
import { type Endpoint, NO_ADDRESS, type PeerKey } from "../../../base/ids.ts";
import type { VerifyCommand } from "../../../base/machine/mode_machine.ts";
import { foldName, nameBeforeStart, shownName } from "../../../base/text/names.ts";
import {
  acceptedText,
  Comparing,
  didYouMeanName,
  nobodyKeptOutText,
  noOtherKeyText,
} from "../../../base/trust/name_answers.ts";
import { inWords } from "../../../base/text/words.ts";
import type { MemberAdmission } from "./member_admission.ts";
import type { Attendance, Attendee } from "../detector/attendance.ts";
import type { CoordinatorOutput } from "../schema/coordinator_output.ts";
import type { CoordinatorRecord } from "../schema/records.ts";
import { COORDINATOR_NAME } from "../schema/history.ts";
import type { Views } from "../detector/views.ts";

/** Another invite: to be stored, and then told to those who stay. */
export interface Rotation {
  readonly records: readonly CoordinatorRecord[];
  tell(): void;
}

interface Somebody {
  readonly fingerprint: Fingerprint;
  readonly name: string;
}

/** Somebody who is here, or awaited. */
interface Present extends Somebody {
  readonly key: PeerKey;
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
  readonly #comparing: Comparing;

  constructor(
    readonly ownKey: PeerKey,
    readonly views: Views,
    readonly attendance: Attendance,
    readonly admission: MemberAdmission,
    readonly out: CoordinatorOutput,
    readonly actions: OperatorActions,
  ) {
    this.#comparing = new Comparing(ownKey, out, (name, key) => this.refuse(name, key));
  }

  /** Removes also who was a member and is absent: it could come back by its key alone. */
  remove(name: string, ref: string | undefined): void {
    const present = this.#known();
    const all = named(name, [...present, ...this.#former(name)]);
    const staying = all.filter(({ fingerprint }) => !this.admission.isRemoved(fingerprint));
    if (staying.length > 1) return this.#whichToRemove(staying, ref);
    const found = staying[0] ?? all[0];
    if (found === undefined) return this.#unknown("remove", name, present, ref);
    const { fingerprint, name: called } = found;
    const shown = shownName(called);
    const here = present.find((one) => one.fingerprint === fingerprint);
    if (here !== undefined && named(name, [here]).length === 0) {
      const now = shownName(here.name);
      return this.out.error("unknown-user", `${shown} is ${now} now: /remove ${now}`, ref);
    }
    let advice = "";
    if (!this.admission.isRemoved(fingerprint)) {
      const rotation = this.actions.rotation();
      // One write: after a crash nobody is kept out by name alone.
      this.out.store(
        { kind: "kicked", key: fingerprint, name: called },
        ...rotation?.records ?? [],
      );
      this.admission.kick(fingerprint, called);
      rotation?.tell();
      advice = rotation === null
        ? ", unless under another key: anybody can join this group"
        : "; the group has another invite now, which /invite shows";
    }
    this.out.notice(`${shown} stays out until /allow ${shown}${advice}`, ref);
    if (here !== undefined) this.actions.removed(here.key);
  }

  #whichToRemove(several: readonly Somebody[], ref: string | undefined): void {
    const keys = new Set(several.map(({ fingerprint }) => fingerprint));
    const ways = several.map(({ fingerprint, name }) => {
      const start = startApart(fingerprint, keys, (key) => key);
      return `/remove ${shownName(name)}~${start} (${this.#whereabouts(fingerprint)})`;
    });
    const text = `Several are called ${shownName(several[0]!.name)}: ${inWords(ways, "or")}`;
    this.out.error("unknown-user", text, ref);
  }

  #whereabouts(fingerprint: Fingerprint): "here" | "awaited" | "absent" {
    const present = this.#known().find((one) => one.fingerprint === fingerprint);
    if (present === undefined) return "absent";
    return this.#isHere(present.key) ? "here" : "awaited";
  }

  /** Who was last a member under this name. */
  #former(typed: string): readonly Somebody[] {
    const name = nameBeforeStart(typed);
    const fingerprint = this.admission.pinned(name);
    return fingerprint === undefined ? [] : [{ fingerprint, name }];
  }

  #isHere(key: PeerKey): boolean {
    return (this.attendance.get(key)?.link ?? null) !== null;
  }

  /** Allows all with that name: the operator was told of each that it stays out until allowed. */
  allow(name: string, ref: string | undefined): void {
    const kicked = Array.from(
      this.admission.kicked,
      ([fingerprint, name]) => ({ fingerprint, name }),
    );
    const found = named(name, kicked);
    const [first] = found;
    if (first === undefined) return this.#unknown("allow", name, kicked, ref);
    const records = found.map(({ fingerprint: key }) => ({ kind: "allowed" as const, key }));
    this.out.store(...records);
    for (const { fingerprint } of found) this.admission.allow(fingerprint);
    const isAllowed = ({ fingerprint }: Somebody) =>
      found.some((one) => one.fingerprint === fingerprint);
    for (const { key } of this.#known().filter(isAllowed)) this.actions.allowed(key);
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
    const known = this.#known();
    const present = named(name, known);
    const key = this.admission.trust(name, present.length === 1 ? present[0]!.key : undefined);
    const shown = shownName(name);
    if (key !== null) return this.out.notice(acceptedText(shown, key), ref);
    if (present.length === 0 && !this.admission.isKnown(name)) {
      return this.#unknown("trust", name, known, ref);
    }
    this.out.notice(noOtherKeyText(shown), ref);
  }

  /**
   * Takes, of several with that name, the one first whose key is pinned for it: compared digits are kept for that
   * key.
   */
  verify(command: VerifyCommand, ref: string | undefined): void {
    const { name } = command;
    const found = this.#find(name, ({ key, name }) => this.admission.isPinned(key, name));
    if (!this.#comparing.verify(command, found, this.admission.pinned(name), ref)) {
      return this.#unknown("verify", name, this.#known(), ref);
    }
    if (command.answer !== "no" || found === null || !this.#isHere(found.key)) return;
    const shown = shownName(found.name);
    this.out.notice(
      `${shown} stays in the group until its program ends; /remove ${shown} puts it out now`,
      ref,
    );
  }

  /** @param typed Null: the coordinator itself, which listens at `listening`. */
  whois(typed: string | null, listening: Endpoint, ref: string | undefined): void {
    if (typed === null || typed === COORDINATOR_NAME) {
      const key = fingerprintOf(this.ownKey);
      const who = { name: COORDINATOR_NAME, self: true, key, ...listening, route: null };
      return this.out.show({ event: "whois", ...who }, ref);
    }
    const found = this.#find(typed, ({ key }) => this.#isHere(key));
    if (found === null) return this.#unknown("whois", typed, this.#known(), ref);
    const { key, name, fingerprint } = found;
    const { host, port } = this.attendance.get(key) ?? this.views.member(key) ?? NO_ADDRESS;
    this.out.show({
      event: "whois",
      name,
      self: false,
      key: fingerprint,
      host: host ?? listening.host,
      port,
      route: this.#isHere(key) ? "direct" : null,
    }, ref);
  }

  /** The key isn't that of the one called so: said here, or in another program of the same folder. */
  refuse(name: string, fingerprint: Fingerprint): void {
    const found = named(name, this.#known()).find((one) => one.fingerprint === fingerprint);
    this.admission.refuse(found?.name ?? name, fingerprint, found?.key);
  }

  /** The one with that name; of several, the one first for which `isMeant` holds. */
  #find(name: string, isMeant: (somebody: Present) => boolean): Present | null {
    const found = named(name, this.#known());
    return found.find(isMeant) ?? found[0] ?? null;
  }

  /** Those that are here, and those whose return is awaited. */
  #known(): readonly Present[] {
    const members = this.views.open.flatMap(({ epoch }) => epoch.value.members);
    return [...this.attendance.all, ...members].map(({ key, name }) => {
      return { key, name, fingerprint: fingerprintOf(key) };
    });
  }

  #unknown(
    command: string,
    name: string,
    known: readonly Somebody[],
    ref: string | undefined,
  ): void {
    const names = new Set(known.map(({ name }) => name));
    const where = WHERE[command] ?? "among those who are here or awaited";
    if (command === "allow" && names.size === 0) {
      return this.out.error("unknown-user", nobodyKeptOutText(name), ref);
    }
    // Nobody is shut out by a guess.
    const isGuessed = command !== "remove";
    const hint = isGuessed ? didYouMeanName(name, names, (near) => `/${command} ${near}`) : "";
    const advice = hint ||
      (names.size === 0
        ? "; there is nobody"
        : `; there ${names.size === 1 ? "is" : "are"} ${[...names].map(shownName).join(", ")}`);
    this.out.error("unknown-user", `Cannot find ${shownName(name)} ${where}${advice}`, ref);
  }
}

/** Where somebody was looked for. */
const WHERE: Readonly<Record<string, string>> = {
  allow: "among those who are kept out",
  remove: "among those who are, or were, in the group",
};

/** Those with that name, each key once; if a key's start follows the name, of those with that start. */
function named<One extends Somebody>(typed: string, known: readonly One[]): readonly One[] {
  const name = nameBeforeStart(typed);
  const folded = foldName(name);
  const start = typed.slice(name.length + 1).toLowerCase();
  const found = known.filter((one) =>
    foldName(one.name) === folded && one.fingerprint.startsWith(start)
  );
  return found.filter(({ fingerprint }, at) =>
    found.findIndex((one) => one.fingerprint === fingerprint) === at
  );
}
