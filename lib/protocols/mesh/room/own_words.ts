/** Whether our user's messages have reached somebody: a user that leaves must know of those that haven't. */

const NOBODY_HERE = "Not delivered: your last messages";
const NOT_ALL_KNOWN = "Perhaps not delivered: some of your messages";
const SENT_LATER = "sent when you come back";
const LOST = "lost, as nothing is kept (--no-history)";

export class OwnWords {
  /** Whether our user has written something in this process. */
  #hasSpoken = false;
  /** Whether nobody is known yet to have our last message. */
  #isUnheard = false;
  /** Whether a message was written with nobody else here, and nobody that has it came since. */
  #wasAlone = false;

  /**
   * @param hasAll Whether some neighbour has all our messages.
   * @param haveAll Whether each neighbour has.
   * @param hasEarlier Whether our user wrote something in an earlier process, with nobody here perhaps.
   */
  constructor(
    readonly hasAll: () => boolean,
    readonly haveAll: () => boolean,
    readonly hasEarlier: boolean,
    /** Whether nothing that is said is on the disk. */
    readonly forgets: boolean,
  ) {}

  said(isAlone: boolean): void {
    this.#hasSpoken = true;
    this.#isUnheard = true;
    if (isAlone) this.#wasAlone = true;
  }

  /** Somebody has our last message, or all who were here and may lack it are removed, and never get it. */
  heard(): void {
    this.#isUnheard = false;
  }

  /** A neighbour is about to go: what it has counts, since it was here. */
  neighbourGoes(): void {
    if (this.#isUnheard && this.hasAll()) this.#isUnheard = false;
  }

  stepEnds(): void {
    if (this.#wasAlone && this.hasAll()) this.#wasAlone = false;
  }

  /**
   * Whether we may leave: a member that stays has all our messages, or there is nobody to wait for.
   * @param isLongEnough Whether we needn't wait any longer for neighbours that lack some of them.
   */
  isSettled(isAlone: boolean, isLongEnough: boolean): boolean {
    if (isAlone) return true;
    if (this.#hasSpoken) return this.hasAll() && (isLongEnough || this.haveAll());
    return !this.hasEarlier || isLongEnough || this.hasAll();
  }

  /** What a leaving user is told; null where there is nothing to tell. */
  leavingText(): string | null {
    if (!(this.#wasAlone || this.#isUnheard) || this.hasAll()) return null;
    return `${this.#wasAlone ? NOBODY_HERE : NOT_ALL_KNOWN}; ${this.forgets ? LOST : SENT_LATER}`;
  }
}
