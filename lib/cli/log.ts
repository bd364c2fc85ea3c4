/** The log that `--log-file` asks for: JSON lines. Without the flag nothing of it is even loaded. */

import { type Logger, SILENT_LOGGER } from "../base/environment.ts";
import { P2pchatError } from "../base/errors.ts";
import { TokenBucket } from "../base/token_bucket.ts";
import { systemReason } from "../store/disk.ts";
import { escapedInJson } from "./json_format.ts";
import { LogFile } from "./log_file.ts";
import { Output } from "./output.ts";

export interface LogOptions {
  /** `null`: no log. */
  readonly logFile: string | null;
  /** `debug` lines too. */
  readonly verbose: boolean;
}

/** Of one message: what strangers can cause fills neither the disk nor the place of other messages. */
const LINES_PER_SECOND = 20;
const LINES_BURST = 2_000;

/** Of the program's one log; silent where there is none. */
let programLogger: Logger = SILENT_LOGGER;
let programOutput: Output | null = null;

/**
 * Opens the program's log, appending. Lines that the disk is too slow for or doesn't take, and more than LINES_BURST of
 * one message at once, are left out and counted.
 * @param tell Takes a warning, once, when the disk doesn't take a line.
 * @returns Its logger; the file stays open as long as the process.
 * @throws {P2pchatError} `disk` where the file cannot be written, or has something else than a log.
 */
export async function openLog(
  options: LogOptions,
  tell: (text: string) => void = () => {},
  nowMs: () => number = () => performance.now(),
): Promise<Logger> {
  if (options.logFile === null) return SILENT_LOGGER;
  const file = await openFile(options.logFile);
  const { configure, getLogger, jsonLinesFormatter } = await import("@logtape/logtape");
  const sink = new LogFile(file, (error) => {
    const text =
      `Cannot write the log ${options.logFile}: ${systemReason(error)}; what it doesn't ` +
      "take is left out and counted there when it takes more";
    tell(text);
  });
  const output = new Output({ stdout: sink, stderr: sink, onClosed() {} });
  let leftOut = 0;
  const log = (record: Parameters<typeof jsonLinesFormatter>[0]) => {
    if (output.ready() !== null) {
      leftOut++;
      return;
    }
    if (leftOut > 0) {
      output.write("stdout", `${JSON.stringify({ leftOut })}\n`);
      leftOut = 0;
    }
    output.write("stdout", jsonLinesFormatter(record).replace(UNSEEN, escapedInJson));
  };
  const lowestLevel = options.verbose ? "debug" : "info";
  await configure({
    sinks: { file: log },
    loggers: [
      { category: "p2pchat", sinks: ["file"], lowestLevel },
      // Silences what the library would say about itself.
      { category: ["logtape", "meta"], sinks: ["file"], lowestLevel: "warning" },
    ],
  });
  const logger = getLogger("p2pchat");
  const rate = new LineRate(nowMs);
  const bounded =
    (level: "debug" | "info" | "warn") =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
      const leftOut = rate.take(message);
      if (leftOut === null) return;
      logger[level](message, leftOut === 0 ? fields : { ...fields, leftOut });
    };
  programLogger = { debug: bounded("debug"), info: bounded("info"), warn: bounded("warn") };
  programOutput = output;
  return programLogger;
}

/** Characters that reorder, hide or end text; the library escapes controls alone. */
const UNSEEN = /[\p{Cf}\p{Zl}\p{Zp}]/gu;

/** How often each message is written; there are as many as the code has. */
class LineRate {
  readonly #buckets = new Map<string, { readonly bucket: TokenBucket; leftOut: number }>();

  constructor(readonly nowMs: () => number) {}

  /** How many of this message were left out since the last one; null where this one is, too. */
  take(message: string): number | null {
    let rate = this.#buckets.get(message);
    if (rate === undefined) {
      rate = { bucket: new TokenBucket(LINES_PER_SECOND, LINES_BURST), leftOut: 0 };
      this.#buckets.set(message, rate);
    }
    if (!rate.bucket.take(this.nowMs())) {
      rate.leftOut++;
      return null;
    }
    const { leftOut } = rate;
    rate.leftOut = 0;
    return leftOut;
  }
}

/** Resolves when the program's log is written as far as it goes. */
export function flushLog(): Promise<void> {
  return programOutput?.flush() ?? Promise.resolve();
}

/** Notes with which error the program ends. */
export function logEnding({ code, message }: P2pchatError): void {
  programLogger.warn("stopped", { code, text: message });
}

/** Notes a fault of our own in the program's log, with its stack trace. */
export function logFault(error: unknown): void {
  programLogger.warn("internal fault", { stack: stackOf(error) });
}

/** The error with the place it was made at, and its causes. */
export function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : `\nCaused by: ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}

async function openFile(path: string): Promise<Deno.FsFile> {
  if (!await mayBeLog(path)) {
    throw new P2pchatError(
      "disk",
      `Cannot write the log ${path}: it isn't a log; name another file with --log-file`,
    );
  }
  try {
    return await Deno.open(path, { create: true, append: true, mode: 0o600 });
  } catch (cause) {
    throw new P2pchatError(
      "disk",
      `Cannot write the log ${path}: ${systemReason(cause)}; name another file with --log-file`,
      { cause },
    );
  }
}

/** Whether nothing is known against it: lines behind an identity, or what else isn't a log, would spoil that. */
async function mayBeLog(path: string): Promise<boolean> {
  const stat = await Deno.stat(path).catch(() => null);
  if (stat === null || !stat.isFile || stat.size === 0) return true;
  using file = await Deno.open(path).catch(() => null);
  const first = new Uint8Array(1);
  const count = await file?.read(first).catch(() => null) ?? 0;
  return count === 0 || first[0] === "{".charCodeAt(0);
}
