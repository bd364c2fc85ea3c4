/** The final error message and exit status of a program that fails. */

import { type ErrorCode, EXIT_STATUS_BY_CODE, P2pchatError } from "../../base/errors.ts";
import { JsonFormat } from "../rendering/json_format.ts";
import { TextFormat, type TextFormatOptions } from "../streams/text_format.ts";

/** How the program ends. */
export interface Ending {
  readonly status: number;
  readonly channel: "stdout" | "stderr";
  /** One line with its line feed. */
  readonly text: string;
}

/**
 * The final message and status after `error`. Anything but a `P2pchatError` is a bug: `internal`, shown with only
 * its message, as the stack trace goes to the log.
 * @param terminal Where the line is broken at words; null for a file or a pipe.
 */
export function endingOf(
  error: unknown,
  json: boolean,
  nowMs: number,
  terminal: TextFormatOptions["terminal"] = null,
): Ending {
  const { code, text } = described(error);
  const status = EXIT_STATUS_BY_CODE[code];
  if (!json) {
    const format = new TextFormat({ colour: false, verbose: false, terminal }, nowMs);
    return { status, channel: "stderr", text: format.format([`error: ${text}`]) };
  }
  const fatal = { event: "fatal", code, text };
  return { status, channel: "stdout", text: new JsonFormat().format(fatal, undefined, nowMs) };
}

function described(error: unknown): { readonly code: ErrorCode; readonly text: string } {
  if (error instanceof P2pchatError) return { code: error.code, text: error.message };
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return {
    code: "internal",
    text: `Internal fault (${message}); please report it, with a log made by --log-file FILE`,
  };
}
