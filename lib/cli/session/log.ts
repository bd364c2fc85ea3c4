/** The log of `--log-file`: JSON lines. Without the flag not even its library is loaded. */

import { P2pchatError, systemText } from "../../base/errors.ts";
import { type Logger, SILENT_LOGGER } from "../../base/machine/environment.ts";
import { TokenBucket } from "../../base/rates/token_bucket.ts";
import { isDoneWithin } from "../../runtime/within.ts";
import { belongsText, otherUser } from "../../store/disk/other_users.ts";
import { isNamed } from "../../store/disk/real_disk.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import { escapedInJson } from "../rendering/json_format.ts";
import { OutputQueue } from "../streams/output_queue.ts";
import type { Sink } from "../streams/streams.ts";

interface LogOptions {
  /** `null`: no log. */
  readonly logFile: string | null;
  /** Whether to include `debug` lines. */
  readonly verbose: boolean;
}

/** Rate limit for each kind of message, so that strangers can neither fill the disk nor crowd out other messages. */
const LINES_PER_SECOND = 20;
const LINES_BURST = 2_000;

/** The program's only log; silent where there is none. */
let programLogger: Logger = SILENT_LOGGER;
let programOutput: OutputQueue | null = null;

/**
 * Opens the program's log for appending. Lines for which the disk is too slow or full, and more than LINES_BURST
 * lines of one kind at once, are dropped and counted.
 * @param tell Called with a warning once, when the disk first refuses a line.
 * @returns The logger; the file stays open until the process ends.
 * @throws {P2pchatError} `disk` where the file cannot be written, or contains something other than a log.
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
    const text = `Cannot write the log ${options.logFile}: ${systemText(error)}; what it doesn't ` +
      "take is left out and counted there when it takes more";
    tell(text);
  });
  const output = new OutputQueue({ stdout: sink, stderr: sink, onClosed() {} });
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
      // Suppresses the library's own messages.
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

/** A named pipe is open once somebody reads it; what else takes so long is no place for a log either. */
const OPEN_MS_MAX = 2_000;

/** Characters that reorder, hide or end text; the library escapes only control characters. */
const UNSEEN = /[\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Rate limits by message; there are only as many messages as occur in the code. */
class LineRate {
  readonly #buckets = new Map<string, { readonly bucket: TokenBucket; leftOut: number }>();

  constructor(readonly nowMs: () => number) {}

  /** The number of lines of this message dropped since the last one; null if this one is to be dropped, too. */
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

/** Resolves when the program's log has been written. */
export function flushLog(): Promise<void> {
  return programOutput?.flush() ?? Promise.resolve();
}

/** Logs the error with which the program ends. */
export function logEnding({ code, message }: P2pchatError): void {
  programLogger.warn("stopped", { code, text: message });
}

/** Logs a bug of the program, with its stack trace. */
export function logFault(error: unknown): void {
  programLogger.warn("internal fault", { stack: stackOf(error) });
}

/** The error's stack trace, with its causes. */
export function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : `\nCaused by: ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}

async function openFile(path: string): Promise<Deno.FsFile> {
  if (!await mayBeLog(path)) throw logError(path, "it isn't a log");
  try {
    const opened = openOrMake(path);
    if (await isDoneWithin(SYSTEM_LINK_CLOCK, OPEN_MS_MAX, opened)) {
      const file = await opened;
      const fault = await faultOf(path, file);
      if (fault === null) return file;
      file.close();
      throw logError(path, fault);
    }
  } catch (cause) {
    if (cause instanceof P2pchatError) throw cause;
    throw logError(path, systemText(cause), { cause });
  }
  throw logError(path, "nobody reads that pipe");
}

/** Makes no file at the end of a link, which somebody else may have put there. */
async function openOrMake(path: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(path, { append: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return await Deno.open(path, { append: true, createNew: true, mode: 0o600 });
  }
}

/**
 * What is wrong with an open file: that it isn't at `path` itself, or is another user's. Pipes and devices may be behind
 * links, as /dev/stderr is, and anybody's.
 */
async function faultOf(path: string, file: Deno.FsFile): Promise<string | null> {
  const info = await file.stat();
  if (!info.isFile) return null;
  const user = otherUser(info);
  if (user !== null) return `it ${belongsText(user)}`;
  // Where links to files of others may be made, somebody else may have made this one to a file of ours.
  if ((info.nlink ?? 1) > 1) return "it has another name, too (a hard link)";
  return isNamed(path, file) ? null : "it is a symbolic link";
}

function logError(path: string, why: string, options?: ErrorOptions): P2pchatError {
  const text = `Cannot write the log ${path}: ${why}; name another file with --log-file`;
  return new P2pchatError("disk", text, options);
}

/** Whether the file may be a log: appended lines would damage a file such as an identity. */
async function mayBeLog(path: string): Promise<boolean> {
  const stat = await Deno.stat(path).catch(() => null);
  if (stat === null || !stat.isFile || stat.size === 0) return true;
  const file = await Deno.open(path).catch(() => null);
  const first = new Uint8Array(1);
  const count = await file?.read(first).catch(() => null) ?? 0;
  file?.close();
  return count === 0 || first[0] === "{".charCodeAt(0);
}

// The file of a log on a disk that may be full for a while: lines that can't be written are dropped and counted.

const LINE_FEED = 10;

export class LogFile implements Sink {
  readonly #file: Sink;
  readonly #onFailure: (error: unknown) => void;
  readonly #encoder = new TextEncoder();
  /** Lines dropped since the last one that was written. */
  #leftOut = 0;
  #hasFailed = false;
  /** Whether the file ends with an incomplete line. */
  #isCut = false;

  /** @param onFailure Called only for the first failure. */
  constructor(file: Sink, onFailure: (error: unknown) => void) {
    this.#file = file;
    this.#onFailure = onFailure;
  }

  /** Writes whole lines; never rejects. */
  async write(lines: Uint8Array): Promise<number> {
    let rest = lines;
    try {
      if (this.#leftOut > 0) await this.#writeCount();
      while (rest.length > 0) rest = rest.subarray(await this.#writeSome(rest));
    } catch (error) {
      // A line written only in part counts as dropped, too.
      this.#leftOut += rest.reduce((count, byte) => byte === LINE_FEED ? count + 1 : count, 0);
      if (!this.#hasFailed) this.#onFailure(error);
      this.#hasFailed = true;
    }
    return lines.length;
  }

  async #writeCount(): Promise<void> {
    const count = `${JSON.stringify({ leftOut: this.#leftOut })}\n`;
    let rest: Uint8Array = this.#encoder.encode(this.#isCut ? `\n${count}` : count);
    while (rest.length > 0) rest = rest.subarray(await this.#writeSome(rest));
    this.#leftOut = 0;
  }

  async #writeSome(bytes: Uint8Array): Promise<number> {
    const count = await this.#file.write(bytes);
    if (count > 0) this.#isCut = bytes[count - 1] !== LINE_FEED;
    return count;
  }
}
