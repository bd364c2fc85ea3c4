/**
 * Which events clients have surely been shown, so that the next client is shown the others. That a socket has taken a line
 * proves nothing: it takes lines for a client that was killed, until that is noticed. But a client reads in order, so
 * whoever answers a `PING` has read all that was sent before it. After a `QUIT` what the socket has taken counts as well.
 */

/**
 * So long after a line the client is asked, once for all lines of that time. What was sent to a client that vanishes is
 * lost to nobody: its last second, and all since it last answered, is shown again, some of it for the second time.
 */
export const RECEIPT_AFTER_MS = 1_000;

export class IrcReceipts {
  /** The last event that some client has been shown. */
  #shownId = 0;
  /** The last one before the last `PING`. */
  #askedId = 0;
  /** The last one before what the socket hasn't taken; null: it has taken everything. */
  #takenId: number | null = null;
  #dueMs: number | null = null;

  get shownId(): number {
    return this.#shownId;
  }

  /** When the client is to be asked, ms; null: it has answered for everything, or will. */
  get dueMs(): number | null {
    return this.#dueMs;
  }

  /** Another client is there, and has been shown nothing. */
  begin(): void {
    this.#takenId = this.#askedId = this.#shownId;
    this.#dueMs = null;
  }

  /**
   * Lines go out.
   * @param beforeId The last event before those that the lines are about. @param lastId The last one.
   */
  sent(beforeId: number, lastId: number, nowMs: number): void {
    this.#takenId ??= beforeId;
    if (lastId > this.#askedId) this.#dueMs ??= nowMs + RECEIPT_AFTER_MS;
  }

  /** The socket has taken all that was sent. */
  taken(): void {
    this.#takenId = null;
  }

  /** Asks the client. @returns What a `PING` is to have, and the `PONG` that answers it. */
  ask(lastId: number): string {
    this.#askedId = lastId;
    this.#dueMs = null;
    return String(lastId);
  }

  /** A `PONG` has come. @param token What it has: of a client's own making, maybe. */
  answered(token: string): void {
    const id = Number(token);
    if (id > this.#shownId && id <= this.#askedId) this.#shownId = id;
  }

  /** The client leaves in due form. */
  left(lastId: number): void {
    this.#shownId = Math.max(this.#shownId, this.#takenId ?? lastId);
  }
}
