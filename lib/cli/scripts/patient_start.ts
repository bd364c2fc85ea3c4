/**
 * A start that isn't given up where nobody answers (`--mcp`): the host of an agent starts the program when it likes, and
 * once, so the program stays, says why it isn't in, and comes in as soon as it can. Loaded with the first failure.
 */

import { type ErrorCode, P2pchatError } from "../../base/errors.ts";
import { RetryPauses } from "../../base/rates/retry_pauses.ts";
import type { CommonEvent, InterruptCause } from "../rendering/user_interface.ts";

/** With these whoever is to be reached isn't there for now, or has no room for now; any other failure stays one. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "unreachable",
  "timeout",
  "full",
  "too-fast",
]);

/** The first pause: a member that is restarted is there again by then. */
const PAUSE_MS_MIN = 1_000;
const PAUSE_MS_MAX = 30_000;

/** Where the user is told, and may ask to leave. */
interface Place {
  /** Why the user has asked to leave; null: they haven't. */
  readonly leftBecause: InterruptCause | null;
  heedInterrupts(interrupted: (cause: InterruptCause) => boolean): void;
  /** Tells why nothing can be said yet; whoever comes in takes it back. */
  pauseInput(reason: string): void;
  show(event: CommonEvent): void;
}

interface OtherWay<Result> {
  /** How the user is told of it: a sentence without a full stop. */
  readonly text: string;
  readonly enter: () => Promise<Result>;
}

interface Start<Result> {
  readonly place: Place;
  readonly clock: { nowMs(): number; at(deadlineMs: number, run: () => void): { cancel(): void } };
  /** In [0, 1). */
  readonly random: () => number;
  /** Whether this came in: what fails then is no start. */
  readonly isIn: () => boolean;
  /** Looks for another way in, once it is wanted; null: there is none. */
  readonly otherWay: () => Promise<OtherWay<Result> | null>;
  /** What comes of it where the user leaves before it is in. */
  readonly left: Result;
}

/**
 * Goes on after a start has failed, until one succeeds, and then until what was started ends.
 * @param enter The start that has failed. @param failure How.
 * @throws {P2pchatError} What doesn't pass by itself.
 */
export async function goOnPatiently<Result>(
  start: Start<Result>,
  enter: () => Promise<Result>,
  failure: unknown,
): Promise<Result> {
  const pauses = new RetryPauses(PAUSE_MS_MIN, PAUSE_MS_MAX);
  const { place, random } = start;
  checkPassing(start, failure);
  const other = await start.otherWay();
  let told = "";
  for (let why = failure;;) {
    if (place.leftBecause !== null) return start.left;
    const { message } = checkPassing(start, why);
    const text = `${message}. ${other?.text ?? AGAIN}`;
    if (text !== told) place.show({ event: "notice", text, warning: true });
    told = text;
    if (other !== null) {
      try {
        return await other.enter();
      } catch (error) {
        checkPassing(start, error);
      }
    }
    place.pauseInput(`${message}. ${AGAIN}`);
    if (await hasLeft(start, pauses.failed(random()))) return start.left;
    try {
      return await enter();
    } catch (error) {
      why = error;
    }
  }
}

const AGAIN = "It is tried again by itself, at least every 30 s";

/** @throws The failure, where trying again is no use. */
function checkPassing({ isIn }: Pick<Start<unknown>, "isIn">, failure: unknown): P2pchatError {
  const isPassing = failure instanceof P2pchatError && PASSING.has(failure.code);
  if (!isPassing || isIn()) throw failure;
  return failure;
}

/** Waits. @returns Whether the user has asked to leave meanwhile. */
async function hasLeft(
  { place, clock }: Pick<Start<unknown>, "place" | "clock">,
  pauseMs: number,
): Promise<boolean> {
  const over = Promise.withResolvers<void>();
  const timer = clock.at(clock.nowMs() + pauseMs, over.resolve);
  place.heedInterrupts(() => {
    over.resolve();
    return true;
  });
  await over.promise;
  timer.cancel();
  return place.leftBecause !== null;
}
