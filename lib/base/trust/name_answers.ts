/** The texts that answer `/verify` and `/trust`, and a name that nobody has. Names are in the form that is shown to people. */

import type { ErrorCode } from "../errors.ts";
import { type Fingerprint, fingerprintOf } from "../text/fingerprint.ts";
import { foldName, mixesScripts, nameBeforeStart, shownName, withoutMark } from "../text/names.ts";
import { didYouMean } from "../text/nearest.ts";
import { saidText } from "../text/text.ts";
import type { PeerKey } from "../ids.ts";
import type { ModeEvent, VerifyCommand } from "../machine/mode_machine.ts";

/** The answer to `/trust`: the user has accepted the key. */
export function acceptedText(name: string, key: Fingerprint): string {
  return `${name}'s key is ${key} from now on`;
}

/** The answer to `/trust` where there is no changed key to accept. */
export function noOtherKeyText(name: string): string {
  return `There is no new key of ${name} to accept`;
}

/** The beginning of a warning that somebody has another key than the one that the user had compared. */
export function verifiedBeforeText(name: string): string {
  return `BE CAREFUL: you had verified ${name}'s key, and this one is ANOTHER. `;
}

/** Codes that leave open what is wrong: there the other program's own words add to our sentence. */
const OPEN_CODES: ReadonlySet<string> = new Set<ErrorCode>([
  "bad-name",
  "key-changed",
  "kicked",
  "weak-password",
  "not-allowed",
  "protocol",
]);

/**
 * A refusal by another program in our own sentence. Where the code leaves open what is wrong, what that program says
 * itself follows, between quotation marks, behind its name.
 * @param who `The directory`. @param ours What the code means. @param said Anything that the other program sent.
 */
export function refusedByText(who: string, code: string, ours: string, said: string): string {
  const adds = OPEN_CODES.has(code) && said !== "" && said !== ours;
  return adds ? `${ours}. ${saidByText(who, said)}` : ours;
}

/** Another program's words, as such: `The directory says: "..."`. They can't end the quotation. */
export function saidByText(who: string, said: string): string {
  return `${who} says: ${saidText(said)}`;
}

/** The answer to `/allow` where nobody is kept out. */
export function nobodyKeptOutText(name: string): string {
  return `Cannot allow ${shownName(name)}: nobody is kept out`;
}

/** The answer to a user who gave their own name. */
export function isYouText(command: "verify" | "trust", name: string): string {
  return command === "verify"
    ? `${name} is you: /verify somebody else, to compare digits with them`
    : `${name} is you: your own key needs no trust; name somebody else`;
}

/**
 * `; did you mean X?`, or an empty string where no name is near. Of names equally near, one that imitates no other
 * goes first.
 * @param names As their owners spell them. @param form Formats the name that is shown.
 */
export function didYouMeanName(
  typed: string,
  names: Iterable<string>,
  form: (shown: string) => string = (shown) => shown,
): string {
  const plainFirst = [...names].sort((one, other) =>
    Number(mixesScripts(one)) - Number(mixesScripts(other))
  );
  return didYouMean(typed, plainFirst, (name) => form(shownName(name)));
}

/** Whose digits were shown last under a name. */
interface Question {
  /** The name under which it was shown. */
  readonly shown: string;
  readonly key: PeerKey;
  /** The digits were different: they have to be shown again before they can be the same. */
  readonly isRefused?: boolean;
}

/**
 * What the user is asked when digits are shown (`/verify NAME`), and whether an answer is one to that: names change
 * hands, and whoever has the name by now may not be the one whose digits were compared.
 */
export class Comparing {
  /** By what the user has typed, and by the names shown; bounded by what the user has asked for. */
  readonly #questions = new Map<string, Question>();

  /** @param refuse This key isn't that of the one called so, without the start of a key. */
  constructor(
    readonly ownKey: PeerKey,
    readonly out: { show(event: ModeEvent, ref: string | undefined): void },
    readonly refuse: (name: string, key: Fingerprint) => void,
  ) {}

  /**
   * Shows the digits; or takes the answer: a `yes` if it is one to the digits that were shown last under the name that the
   * user has typed, a `no` always.
   * @param found Who is meant, as shown before the answer. Null where nobody is: then a `no` means `own`, the key that this
   *   mode expects of the name, or else all that the profile knows by it.
   * @returns Whether any key is meant.
   */
  verify(
    { name: typed, answer, known = [] }: VerifyCommand,
    found: { readonly name: string; readonly key: PeerKey } | null,
    own: Fingerprint | null | undefined,
    ref: string | undefined,
  ): boolean {
    const { ownKey } = this;
    if (found === null) {
      const name = nameBeforeStart(withoutMark(typed));
      const keys = answer === "no" ? [own ?? known].flat() : [];
      for (const key of keys) {
        this.out.show({ event: "verify", name, key, ownKey, peerKey: null, answer: "no" }, ref);
        this.refuse(name, key);
      }
      return keys.length > 0;
    }
    const { name, key: peerKey } = found;
    const key = fingerprintOf(peerKey);
    const question = this.#questions.get(folded(typed));
    const isSame = question?.key === peerKey && folded(question.shown) === folded(name);
    const isRefused = answer === "no";
    const taken = isRefused || (isSame && question.isRefused !== true) ? answer : undefined;
    for (const asked of [typed, name]) {
      this.#questions.set(folded(asked), { shown: name, key: peerKey, isRefused });
    }
    const said = taken === undefined ? {} : { answer: taken };
    this.out.show({ event: "verify", name, key, ownKey, peerKey, ...said }, ref);
    if (isRefused) this.refuse(nameBeforeStart(name), key);
    if (taken !== answer) {
      const who = shownName(name);
      const text = `${who} isn't verified: compare these digits with ${who} first, by voice`;
      this.out.show({ event: "error", code: "not-allowed", text }, ref);
    }
    return true;
  }
}

function folded(name: string): string {
  return foldName(withoutMark(name));
}
