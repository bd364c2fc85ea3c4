/** Numbers of the console's rooms, by which `/room N` and Alt+N go to them. */

/** Alt and a digit reach these; there are more than rooms. */
const NUMBER_MAX = 9;

/**
 * The number of a room that was left is given again as late as possible: whoever presses Alt and that digit out of
 * habit then goes nowhere, and says nothing in another room.
 */
export class RoomNumbers {
  /** Those that no room has, the one that was free for the longest first. */
  readonly #free = Array.from({ length: NUMBER_MAX }, (_, at) => at + 1);

  /** @throws {RangeError} Where all are taken, a fault of the caller's. */
  take(): number {
    const number = this.#free.shift();
    if (number === undefined) throw new RangeError("more rooms than numbers");
    return number;
  }

  /** @param wasUsed Whether the user came into that room, and may know it by its number. */
  giveBack(number: number, wasUsed: boolean): void {
    if (wasUsed) this.#free.push(number);
    else this.#free.unshift(number);
  }
}
