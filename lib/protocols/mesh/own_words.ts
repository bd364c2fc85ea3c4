/** Whether what our user has said came to somebody: who leaves must know of what didn't. */

const NOBODY_HERE = "Nobody was here to get what you said last; it goes out when you come back";
const NOT_ALL_KNOWN =
  "Not all you said is known to have arrived; what is missing goes out when you come back";

export class OwnWords {
  /** This process has said something. */
  #hasSpoken = false;
  /** Nobody is known yet to have had the last of it. */
  #isUnheard = false;
  /** That was with nobody else here, and nobody who has it came since. */
  #wasAlone = false;

  /**
   * @param hasAll Whether some neighbour has all that we said.
   * @param haveAll Whether each of them has.
   * @param hasEarlier Whether we have said something in an earlier process, with nobody here perhaps.
   */
  constructor(
    readonly hasAll: () => boolean,
    readonly haveAll: () => boolean,
    readonly hasEarlier: boolean,
  ) {}

  said(isAlone: boolean): void {
    this.#hasSpoken = true;
    this.#isUnheard = true;
    if (isAlone) this.#wasAlone = true;
  }

  /** Somebody has had the last of it. */
  heard(): void {
    this.#isUnheard = false;
  }

  /** A neighbour is about to go: what it has counts, as it was here. */
  neighbourGoes(): void {
    if (this.#isUnheard && this.hasAll()) this.#isUnheard = false;
  }

  stepEnds(): void {
    if (this.#wasAlone && this.hasAll()) this.#wasAlone = false;
  }

  /**
   * Whether one may leave: all is with somebody who stays, or there is nobody to wait for.
   * @param isLongEnough Whether those who haven't all of it yet needn't be waited for any more.
   */
  isSettled(isAlone: boolean, isLongEnough: boolean): boolean {
    if (isAlone) return true;
    if (this.#hasSpoken) return this.hasAll() && (isLongEnough || this.haveAll());
    return !this.hasEarlier || isLongEnough || this.hasAll();
  }

  /** What who leaves is told; null where there is nothing to tell. */
  leavingText(isAlone: boolean): string | null {
    const isOpen = this.#wasAlone || (isAlone ? this.#isUnheard : this.#hasSpoken);
    if (!isOpen || this.hasAll()) return null;
    return this.#wasAlone ? NOBODY_HERE : NOT_ALL_KNOWN;
  }
}
