/** The source of a command's password: a file, the environment, or the user at the terminal; never an argument. */

import { P2pchatError } from "../../base/errors.ts";
import { shownName } from "../../base/text/names.ts";
import {
  checkPassword,
  controlFault,
  PASSWORD_BYTES_MAX,
  PASSWORD_LENGTH_MIN,
  passwordBytes,
} from "../../base/crypto/password_hash.ts";
import type { ValueFlag } from "../args/flags.ts";
import { FORCED_EXIT_STATUS } from "../streams/interrupts.ts";
import { type Entry, PasswordEntry } from "../terminal/password_entry.ts";
import { type SecretFile, secretText } from "./secret_file.ts";
import { isAtTerminal, type Streams } from "../streams/streams.ts";

export const PASSWORD_FILE_FLAG: ValueFlag<string> = {
  name: "password-file",
  value: "FILE",
  help: "read the password there (or P2PCHAT_PASSWORD)",
  use: "read",
  parse: (text) => text,
};

/** The environment variable that contains a password. */
const PASSWORD_VARIABLE = "P2PCHAT_PASSWORD";

/** What editors and shells put behind a password. */
const LINE_END = /\r?\n$/;

/** The longest password, and a line end. */
const FILE_BYTES_MAX = 4 * PASSWORD_BYTES_MAX + 2;
/** The error for a longer file, which isn't read to its end. */
const TOO_LONG = `The password is too long: at most ${PASSWORD_BYTES_MAX} bytes`;
/** How often a user may try. */
export const ATTEMPTS_MAX = 3;

interface PasswordSource {
  /** The argument of `--password-file`; null without the flag. */
  readonly file: string | null;
  /** Whether the user may be asked. */
  readonly mayAsk: boolean;
  readonly streams: Streams;
  /** Shows a notice. */
  readonly notice: (text: string) => Promise<void>;
}

/**
 * A new password for an account, asked for twice if typed.
 * @param name The account's name, for the question.
 * @throws {P2pchatError} `weak-password`; `bad-credentials` where the two inputs differ; `usage` where there is no
 *   password; `bad-file`.
 */
export async function newPassword(source: PasswordSource, name: string): Promise<string> {
  const given = await givenPassword(source);
  if (given !== null) {
    checkPassword(given);
    return given;
  }
  const entry = new PasswordEntry(source.streams);
  const ask = async (prompt: string) => {
    const answer = await entry.ask(prompt);
    if ("ended" in answer) {
      if (answer.ended === "interrupt") entry.tell("Nothing was changed");
      entry.close();
    }
    return typedPassword(answer, source.streams);
  };
  return await untilItWillDo(
    entry,
    () => typedTwice<never>(ask, newPasswordPrompt(`Password for ${shownName(name)}`)),
  );
}

/** The question for a password that is chosen. */
export function newPasswordPrompt(what: string): string {
  return `${what} (at least ${PASSWORD_LENGTH_MIN} characters): `;
}

/**
 * Asks for a new secret until what is typed will do, `ATTEMPTS_MAX` times at most; then closes the entry.
 * @throws {P2pchatError} `usage` at once where nothing more is typed; the last time, why it won't do.
 */
export async function untilItWillDo<Secret>(
  entry: PasswordEntry,
  ask: () => Promise<Secret>,
): Promise<Secret> {
  try {
    for (let attempt = 1;; attempt++) {
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof P2pchatError) || error.code === "usage") throw error;
        if (attempt === ATTEMPTS_MAX) throw error;
        entry.tell(error.message);
      }
    }
  } finally {
    entry.close();
  }
}

/**
 * The password from a file or the environment; null where the user is to be asked.
 * @throws {P2pchatError} `bad-file`; `usage` where nobody can be asked.
 */
export async function givenPassword(source: PasswordSource): Promise<string | null> {
  if (source.file !== null) return await passwordIn(source.file, source.notice);
  const given = source.streams.takeVariable(PASSWORD_VARIABLE);
  if (given) return typeable(given.replace(LINE_END, ""));
  if (source.mayAsk && isAtTerminal(source.streams)) return null;
  throw new P2pchatError(
    "usage",
    `There is no password, and nobody to ask for one; name a file with --password-file FILE, or set ` +
      PASSWORD_VARIABLE,
  );
}

/**
 * The password that was typed.
 * @throws {P2pchatError} `usage` at the end of input. A signal or Ctrl+C ends the program.
 */
function typedPassword(entry: Entry, streams: Streams): string {
  if ("password" in entry) return entry.password;
  if (entry.ended !== "end-of-input") streams.exit(FORCED_EXIT_STATUS);
  throw new P2pchatError("usage", "No password was entered; nothing was changed");
}

/**
 * A new password, typed twice.
 * @param ask Asks one question; null if no more answers come, which makes the result null.
 * @throws {P2pchatError} `weak-password`, or `bad-credentials` where the two inputs differ.
 */
export async function typedTwice<None extends null>(
  ask: (prompt: string) => Promise<string | None>,
  prompt: string,
): Promise<string | None> {
  const password = await ask(prompt);
  if (password === null) return password;
  checkPassword(password);
  const again = await ask("Repeat it: ");
  if (again === null) return again;
  if (passwordBytes(again).join() === passwordBytes(password).join()) return password;
  throw new P2pchatError("bad-credentials", "The two passwords aren't the same; try again");
}

/**
 * The password in a file, or from a pipe.
 * @throws {P2pchatError} `bad-file`; `weak-password` where it is too long.
 */
export async function passwordIn(
  path: string,
  notice: PasswordSource["notice"],
  clock?: SecretFile["clock"],
): Promise<string> {
  const what = { path, secret: "password", bytesMax: FILE_BYTES_MAX, notice };
  const { text, isLong } = await secretText(clock === undefined ? what : { ...what, clock });
  const password = text.replace(LINE_END, "");
  if (/[\r\n]/.test(password)) {
    throw new P2pchatError(
      "bad-file",
      `Cannot take the password from ${path}: it has several lines; it must contain only the password`,
    );
  }
  if (isLong) throw new P2pchatError("weak-password", TOO_LONG);
  return typeable(password);
}

/** @throws {P2pchatError} `weak-password` where `password` can't be typed, so that it isn't the one that was meant. */
function typeable(password: string): string {
  const fault = controlFault(password);
  if (fault === null) return password;
  throw new P2pchatError("weak-password", `The password is ${fault}`);
}
