/** What a command shows that does one thing and ends. */

import type { P2pchatError } from "../base/errors.ts";
import { visibleLines } from "../base/text.ts";
import { endingOf } from "./errors.ts";
import { JsonFormat } from "./json_format.ts";
import type { CommonOptions } from "./options.ts";
import type { CommonEvent, ShownEvent } from "./user_interface.ts";
import { print, writeWhole } from "./write_whole.ts";
import { processStreams, STANDARD_ERROR } from "./streams.ts";
import type { TextFormatOptions } from "./text_format.ts";

const BYE = { event: "bye", reason: "done" };

/** The last words of a command that did what it was asked for. */
export async function showAnswer(
  options: CommonOptions,
  event: ShownEvent,
  text: string,
): Promise<void> {
  if (!options.json) return await print(visibleLines(text).join("\n"));
  const format = new JsonFormat();
  const lines = [event, BYE].map((each) => format.format(each, undefined, Date.now()));
  await print(lines.join(""));
}

/** The last word alone, where the answer was shown bit by bit. */
export async function showBye(): Promise<void> {
  await print(new JsonFormat().format(BYE, undefined, Date.now()));
}

/** What is shown to scripts alone, before the last words. */
export async function showEvent(event: ShownEvent): Promise<void> {
  await print(new JsonFormat().format(event, undefined, Date.now()));
}

/** An error that more follow. */
export async function showErrorBeside(options: CommonOptions, error: P2pchatError): Promise<void> {
  const event = { event: "error", code: error.code, text: error.message } as const;
  await showBeside(options, event, endingOf(error, false, Date.now(), await errorTerminal()).text);
}

/** The terminal that errors are written to, which would break their words; null for a file or a pipe. */
export async function errorTerminal(): Promise<TextFormatOptions["terminal"]> {
  const { stderr, size } = processStreams();
  if (!stderr.isTerminal) return null;
  const { graphemesOf, textWidth } = await import("./graphemes.ts"); // few programs end so
  return { width: textWidth, characters: graphemesOf, columns: () => size().columns };
}

/** What is worth knowing beside the answer. */
export async function showNoticeBeside(options: CommonOptions, text: string): Promise<void> {
  await showBeside(options, { event: "notice", text }, `${visibleLines(text).join("\n")}\n`);
}

/** Something that isn't the answer: what a user redirects into a file holds no word of it. */
async function showBeside(options: CommonOptions, event: CommonEvent, text: string): Promise<void> {
  if (options.json) await showEvent(event);
  else await writeWhole(STANDARD_ERROR, text);
}
