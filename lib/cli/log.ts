/** The log that `--log-file` asks for: JSON lines. Without the flag nothing of it is even loaded. */

import { type Logger, SILENT_LOGGER } from "../base/environment.ts";
import { P2pchatError } from "../base/errors.ts";
import { systemReason } from "../store/disk.ts";
import { Output } from "./output.ts";

export interface LogOptions {
  /** `null`: no log. */
  readonly logFile: string | null;
  /** `debug` lines too. */
  readonly verbose: boolean;
}

/** Of the program's one log; silent where there is none. */
let programLogger: Logger = SILENT_LOGGER;
let programOutput: Output | null = null;

/**
 * Opens the program's log, appending. Lines that the disk is too slow for are left out and counted.
 * @returns Its logger; the file stays open as long as the process.
 * @throws {P2pchatError} `disk` where the file cannot be written.
 */
export async function openLog(options: LogOptions): Promise<Logger> {
  if (options.logFile === null) return SILENT_LOGGER;
  const file = await openFile(options.logFile);
  const { configure, getLogger, jsonLinesFormatter } = await import("@logtape/logtape");
  const output = new Output({ stdout: file, stderr: file, onClosed() {} });
  let leftOut = 0;
  const sink = (record: Parameters<typeof jsonLinesFormatter>[0]) => {
    if (output.ready() !== null) {
      leftOut++;
      return;
    }
    if (leftOut > 0) {
      output.write("stdout", `${JSON.stringify({ leftOut })}\n`);
      leftOut = 0;
    }
    output.write("stdout", jsonLinesFormatter(record));
  };
  const lowestLevel = options.verbose ? "debug" : "info";
  await configure({
    sinks: { file: sink },
    loggers: [
      { category: "p2pchat", sinks: ["file"], lowestLevel },
      // Silences what the library would say about itself.
      { category: ["logtape", "meta"], sinks: ["file"], lowestLevel: "warning" },
    ],
  });
  const logger = getLogger("p2pchat");
  programLogger = {
    debug: (message, fields) => logger.debug(message, fields),
    info: (message, fields) => logger.info(message, fields),
    warn: (message, fields) => logger.warn(message, fields),
  };
  programOutput = output;
  return programLogger;
}

/** Resolves when the program's log is written as far as it goes. */
export function flushLog(): Promise<void> {
  return programOutput?.flush() ?? Promise.resolve();
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
