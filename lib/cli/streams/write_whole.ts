/** Writes text to a standard stream, for commands that print a few lines and end. */

import { CLOSE_MS_MAX, isDoneWithin } from "../../runtime/within.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import { outputError } from "./output_queue.ts";
import type { Sink } from "./patient_sink.ts";
import { STANDARD_OUTPUT } from "./streams.ts";

/**
 * Writes all of `text`.
 * @returns The error, such as that nobody reads it or a disk is full; null for none.
 */
export async function writeWhole(stream: Sink, text: string): Promise<unknown> {
  let bytes: Uint8Array = new TextEncoder().encode(text);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(await stream.write(bytes));
    return null;
  } catch (error) {
    return error;
  }
}

/** The same for a program's last output: a reader that has stopped doesn't keep the program from ending. */
export async function writeLast(stream: Sink, text: string): Promise<unknown> {
  let failure: unknown = null;
  const written = writeWhole(stream, text).then((error) => failure = error);
  await isDoneWithin(SYSTEM_LINK_CLOCK, CLOSE_MS_MAX, written);
  return failure;
}

/**
 * Writes the result of a command to standard output. If nobody reads it, that isn't an error: the exit status tells
 * the rest.
 * @throws {P2pchatError} `disk`.
 */
export async function print(text: string): Promise<void> {
  const failure = await writeWhole(STANDARD_OUTPUT, text);
  const error = failure === null ? null : outputError(failure);
  if (error !== null) throw error;
}
