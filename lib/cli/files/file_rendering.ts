/** Events about files as lines of text. */

import { fileNameText } from "../../base/text/text.ts";
import { percentOf, sizeText } from "../../base/text/words.ts";
import { nameSpan, ownNameSpan, questionLine, starLine, wrongLine } from "../rendering/spans.ts";
import type { Line, RenderContext, Span } from "../rendering/user_interface.ts";
import type { FileEvent, FileView } from "./file_events.ts";

type Named<Name extends FileEvent["event"]> = Extract<FileEvent, { readonly event: Name }>;

export function fileLines(
  event: FileEvent,
  { nowMs, interactive }: RenderContext,
): readonly Line[] {
  switch (event.event) {
    case "offer":
      return offerLines(event, nowMs, interactive);
    case "transfer":
      return transferLines(event, nowMs);
    case "dropped": {
      const to = event.to === undefined ? "the room" : nameSpan(event.to);
      return [questionLine(nowMs, "Send ", sized(event), " to ", to, "? y sends it, n doesn't")];
    }
    case "files":
      return event.files.length === 0
        ? [["No file is offered; /send FILE offers one"]]
        : event.files.map(fileLine);
  }
}

/** After that, what nobody sends waits, ms. */
export const QUIET_MS = 5_000;
/** Before that, whoever has a file is still being asked, ms. */
const BEGUN_MS = 1_000;

/** How many bytes of a file came in how many ms; `quietMs`: since the last came. */
type Lately = Readonly<Record<"bytes" | "ms" | "quietMs", number>>;

/** Whether nothing comes, or any more. @param isGone Whether it is known that nobody can send it now. */
export function isQuiet({ bytes, ms, quietMs }: Lately, isGone: boolean): boolean {
  return quietMs >= QUIET_MS || bytes === 0 && (isGone || ms >= BEGUN_MS);
}

/**
 * How far a file is, how fast it comes, and how long the rest takes at that: `5 % of 1.5 GB, 40.0 MB/s, 36 s left`.
 * @param awaited Whom it waits for, or what; absent where it comes.
 */
export function progressOf(
  bytes: number,
  size: number,
  awaited: string | undefined,
  lately: Lately,
): string {
  const far = size === 0 ? sizeText(size) : `${percentOf(bytes, size)} % of ${sizeText(size)}`;
  if (awaited !== undefined) return `${size === 0 ? "" : `${far}, `}waits for ${awaited}`;
  if (lately.ms < BEGUN_MS) return far;
  const perSecond = 1_000 * lately.bytes / lately.ms;
  const seconds = Math.ceil((size - bytes) / perSecond);
  const left = seconds < 120 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
  return `${far}, ${sizeText(Math.round(perSecond))}/s, ${left} left`;
}

function sized({ name, size }: { readonly name: string; readonly size: number }): string {
  return `${fileNameText(name)} (${sizeText(size)})`;
}

function offerLines(event: Named<"offer">, nowMs: number, interactive: boolean): readonly Line[] {
  const { file, from, self, to, history, taken, unfetchable } = event;
  const alone = to === undefined ? [] : [" to ", self ? nameSpan(to) : "you alone"];
  if (self) {
    const still = history === true ? "You still offer " : "You offer ";
    return [starLine(nowMs, still, sized(event), ...alone, `; /cancel ${file} takes that back`)];
  }
  if (history === true) return []; // an earlier start has told it: that it is fetched on, or waits, is told
  const said: Line = [nameSpan(from), " offers ", sized(event), ...alone];
  if (taken === true) return [starLine(nowMs, ...said)];
  if (unfetchable === true) return [starLine(nowMs, ...said, "; --save DIR would fetch it")];
  if (!interactive) return [starLine(nowMs, ...said, `: /get ${file} fetches it`)];
  return [questionLine(nowMs, ...said, `: y fetches it, n doesn't; later, /get ${file}`)];
}

function transferLines(event: Named<"transfer">, nowMs: number): readonly Line[] {
  const { file, from, to, state, reason, path, text, self } = event;
  const name = fileNameText(event.name);
  switch (state) {
    case "started":
      return [starLine(nowMs, "Fetching ", sized(event), " from ", nameSpan(from))];
    case "progress":
      return []; // in the line that is rewritten
    case "done":
      // Nothing proves it: perhaps others have sent it, or nobody.
      if (to !== undefined) {
        return [starLine(nowMs, nameSpan(to), ` reports that ${name} has arrived`)];
      }
      return [starLine(nowMs, `${name} is here: `, exact(path ?? event.name))];
    case "cancelled": {
      const given = self ? `Offer of ${name} withdrawn` : `Stopped: ${name}; /get ${file} goes on`;
      const isDeclined = reason === "declined";
      const told = isDeclined ? `Declined ${name}; ${REASONS.declined(file)}` : given;
      return [starLine(nowMs, told)];
    }
    case "failed":
      if (self) {
        const why = text ?? REASONS[reason ?? "changed"](file);
        return [wrongLine(nowMs, `Offer of ${name} ended: ${why}`)];
      }
      if (reason === "waits") return [starLine(nowMs, `${name} waits: ${REASONS.waits()}`)];
      return [
        wrongLine(nowMs, `Failed: ${name}: ${text ?? REASONS[reason ?? "no-holder"](file)}`),
      ];
  }
}

const REASONS = {
  changed: () => "it has changed since the offer",
  withdrawn: () => "the offer was withdrawn",
  "no-holder": (file: number) => `nobody with it is here; /get ${file} goes on`,
  waits: () => "other files first",
  disk: (file: number) => `the disk refused; /get ${file} goes on`,
  declined: (file: number) => `/get ${file} fetches it after all`,
} as const;

function exact(text: string): Span {
  return { text, as: "exact" };
}

function fileLine(view: FileView): Line {
  const { file, from, self, to, state, bytes, size, path } = view;
  const waits = view.awaited === undefined ? "" : `, waits for ${view.awaited}`;
  const is: Line = state === "here"
    ? path === undefined ? ["here"] : ["here: ", exact(path)]
    : state === "fetching"
    ? [`${percentOf(bytes, size)} % is here${waits}`]
    : view.waits === true
    ? [`waits: ${REASONS.waits()}`]
    : [view.unwanted === true ? `offered, not wanted: /get ${file} fetches it` : "offered"];
  const author: Span = self ? ownNameSpan(from) : nameSpan(from);
  const alone = to === undefined ? "" : self ? ` to ${to} alone` : " to you alone";
  return [`${file}  ${sized(view)}  from `, author, `${alone}, `, ...is];
}
