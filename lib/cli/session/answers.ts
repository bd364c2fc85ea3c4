/** The output of commands that do one thing and end; and how every program that fails ends. */

import { type ErrorCode, EXIT_STATUS_BY_CODE, P2pchatError } from "../../base/errors.ts";
import { visibleLines } from "../../base/text/text.ts";
import { JsonFormat } from "../rendering/json_format.ts";
import type { CommonOptions } from "../args/options.ts";
import type { CommonEvent, ShownEvent } from "../rendering/user_interface.ts";
import { print, writeWhole } from "../streams/write_whole.ts";
import { processStreams, STANDARD_ERROR } from "../streams/streams.ts";
import { screenOf, TextFormat, type TextFormatOptions } from "../streams/text_format.ts";

const BYE = { event: "bye", reason: "done" };

/**
 * Shows the answer of a command that succeeded, and its last event.
 * @param areSentences Whether it is broken at words on a terminal; what has columns, or is copied, isn't.
 */
export async function showAnswer(
  options: CommonOptions,
  event: ShownEvent,
  text: string,
  areSentences = false,
): Promise<void> {
  if (!options.json) {
    const terminal = areSentences ? await terminalAt("stdout") : null;
    return await print(linesOf(text, terminal));
  }
  const format = new JsonFormat();
  const lines = [event, BYE].map((each) => format.format(each, undefined, Date.now()));
  await print(lines.join(""));
}

/** Shows only the last event, where the answer was shown piece by piece. */
export async function showBye(): Promise<void> {
  await print(new JsonFormat().format(BYE, undefined, Date.now()));
}

/** Shows an event that only scripts get, before the last one. */
export async function showEvent(event: ShownEvent): Promise<void> {
  await print(new JsonFormat().format(event, undefined, Date.now()));
}

/** Shows an error that others follow. */
export async function showErrorBeside(options: CommonOptions, error: P2pchatError): Promise<void> {
  const event = { event: "error", code: error.code, text: error.message } as const;
  const { text } = endingOf(error, false, Date.now(), await terminalAt("stderr"));
  await showBeside(options, event, text);
}

/** The terminal that is written to there, for breaking lines at words; null for a file or a pipe. */
export async function terminalAt(
  stream: "stdout" | "stderr",
): Promise<TextFormatOptions["terminal"]> {
  const streams = processStreams();
  return streams[stream].isTerminal ? await screenOf(streams) : null;
}

/** The lines of `text` in visible form, broken at words on a terminal. */
function linesOf(text: string, terminal: TextFormatOptions["terminal"]): string {
  if (terminal === null) return visibleLines(text).join("\n");
  const format = new TextFormat({ colour: false, verbose: false, terminal }, Date.now());
  return text.trimEnd().split("\n").map((line) => format.format([line])).join("");
}

/** Shows a notice besides the answer. */
export async function showNoticeBeside(options: CommonOptions, text: string): Promise<void> {
  await showBeside(
    options,
    { event: "notice", text },
    linesOf(`${text}\n`, await terminalAt("stderr")),
  );
}

/**
 * Shows what isn't part of the answer on standard error, so that it isn't in a file to which the answer is
 * redirected.
 */
async function showBeside(options: CommonOptions, event: CommonEvent, text: string): Promise<void> {
  if (options.json) await showEvent(event);
  else await writeWhole(STANDARD_ERROR, text);
}

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
