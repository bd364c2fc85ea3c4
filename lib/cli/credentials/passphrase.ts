/** Passphrases of profiles' keys: from a file, or typed unseen at the terminal; never an argument. */

import type { Bytes } from "../../base/crypto/crypto.ts";
import { P2pchatError } from "../../base/errors.ts";
import {
  isPossiblePassword,
  PASSWORD_BYTES_MAX,
  PASSWORD_LENGTH_MIN,
  passwordBytes,
  SALT_BYTES,
  SCRYPT_PARAMETERS,
  type ScryptParameters,
  weakPassword,
} from "../../base/crypto/password_hash.ts";
import {
  openSeed,
  SEAL_KEY_BYTES,
  type SealedSeed,
  sealSeed,
} from "../../base/crypto/sealed_seed.ts";
import { shownName } from "../../base/text/names.ts";
import type { CommonOptions, PassphraseOptions } from "../args/options.ts";
import { showNoticeBeside } from "../session/answers.ts";
import { randomBytes } from "../session/random_bytes.ts";
import { FORCED_EXIT_STATUS } from "../streams/interrupts.ts";
import { isAtTerminal, processStreams, type Streams } from "../streams/streams.ts";
import { PasswordEntry } from "../terminal/password_entry.ts";
import { nodeScrypt } from "./scrypt.ts";
import type { PassphraseDialogue } from "./passphrase_dialogue.ts";
import { ATTEMPTS_MAX, untilItWillDo } from "./password_source.ts";
import { secretText } from "./secret_file.ts";

/** The longest passphrase, and a line end. */
const FILE_BYTES_MAX = 4 * PASSWORD_BYTES_MAX + 2;
const NOTHING_ENTERED = "No passphrase was entered";
const LINE_END = /\r?\n$/;

/** The key that scrypt makes of a passphrase. */
function keyOf(passphrase: string, salt: Bytes, parameters: ScryptParameters): Promise<Bytes> {
  return nodeScrypt(passwordBytes(passphrase), salt, parameters, SEAL_KEY_BYTES);
}

/** The seed under this passphrase; null where it is another one. */
async function opened(sealed: SealedSeed, passphrase: string): Promise<Bytes | null> {
  if (!isPossiblePassword(passphrase)) return null;
  return openSeed(sealed, await keyOf(passphrase, sealed.salt, sealed));
}

/** Puts the seed of `fingerprint` under a passphrase. */
export async function sealedUnder(
  passphrase: string,
  seed: Uint8Array,
  fingerprint: string,
): Promise<SealedSeed> {
  const salt = randomBytes(SALT_BYTES);
  const key = await keyOf(passphrase, salt, SCRYPT_PARAMETERS);
  return sealSeed(seed, key, { ...SCRYPT_PARAMETERS, salt, fingerprint });
}

/**
 * The seed of the profile of `name`, with the passphrase from the file, or typed.
 * @param isStart Whether a user interface opens next: what is typed behind the passphrase is dropped until then.
 * @param dialogue Where a user interface asks, which reads the terminal already.
 * @throws {P2pchatError} `bad-credentials` for a wrong one, the third at a terminal; `usage` where there is none, and
 *   nobody can be asked; `bad-file`.
 */
export async function unsealed(
  options: CommonOptions & PassphraseOptions,
  sealed: SealedSeed,
  name: string,
  isStart = false,
  dialogue: PassphraseDialogue | null = null,
): Promise<Bytes> {
  const shown = shownName(name);
  const wrong = new P2pchatError("bad-credentials", `That isn't the passphrase of ${shown}'s key`);
  if (options.passphraseFile !== null) {
    const seed = await opened(sealed, await passphraseIn(options, options.passphraseFile));
    if (seed === null) throw wrong;
    return seed;
  }
  const prompt = `Passphrase of ${shown}: `;
  if (dialogue !== null) return await unsealedIn(dialogue, sealed, prompt, wrong);
  const streams = terminalOf(options, "--passphrase-file", `${shown}'s key is under a passphrase`);
  const entry = new PasswordEntry(streams);
  try {
    const seed = await guessed(sealed, wrong, {
      ask: () => typed(entry, streams, prompt),
      tell: (text) => entry.tell(text),
      wait: (text) => entry.tell(text),
    });
    if (isStart) entry.hold();
    else entry.close();
    return seed;
  } catch (error) {
    entry.close();
    throw error;
  }
}

/** What is typed behind the passphrase answers nothing: it may be the passphrase, typed again. */
async function unsealedIn(
  dialogue: PassphraseDialogue,
  sealed: SealedSeed,
  prompt: string,
  wrong: P2pchatError,
): Promise<Bytes> {
  const seed = await guessed(sealed, wrong, {
    ask: async () => {
      const answer = await dialogue.ask({ prompt, isUnseen: true });
      if (answer === null) throw new P2pchatError("usage", NOTHING_ENTERED);
      return answer;
    },
    tell: (text) => dialogue.tell(text),
    wait: (text) => dialogue.wait(text),
  });
  dialogue.forgetTypedAhead();
  return seed;
}

interface Guesses {
  ask(): Promise<string>;
  tell(text: string): void;
  /** While the passphrase is checked. */
  wait(text: string): void;
}

/** @throws {P2pchatError} `wrong` for the last attempt; what `ask` throws. */
async function guessed(
  sealed: SealedSeed,
  wrong: P2pchatError,
  { ask, tell, wait }: Guesses,
): Promise<Bytes> {
  for (let attempt = 1;; attempt++) {
    const passphrase = await ask();
    wait("Checking the passphrase ...");
    const seed = await opened(sealed, passphrase);
    if (seed !== null) return seed;
    if (attempt === ATTEMPTS_MAX) throw wrong;
    tell(`${wrong.message}; try again`);
  }
}

/**
 * A new passphrase for the profile of `name`, from the file or typed twice; null: an empty one was typed.
 * @throws {P2pchatError} `weak-password`, also for an empty file, which a failed script may leave; `bad-credentials`
 *   where the two inputs differ; `usage`, `bad-file`.
 */
export async function newPassphrase(
  options: CommonOptions & { readonly newPassphraseFile: string | null },
  name: string,
): Promise<string | null> {
  const { newPassphraseFile: file } = options;
  if (file !== null) {
    const passphrase = checked(await passphraseIn(options, file));
    if (passphrase !== null) return passphrase;
    const text = `There is no passphrase in ${file}; a typed empty one takes it away`;
    throw new P2pchatError("weak-password", text);
  }
  const streams = terminalOf(options, "--new-password-file", "There is no new passphrase");
  const entry = new PasswordEntry(streams);
  const prompt = `New passphrase of ${
    shownName(name)
  } (at least ${PASSWORD_LENGTH_MIN} characters; empty: none): `;
  return await untilItWillDo(entry, async () => {
    const passphrase = checked(await typed(entry, streams, prompt));
    if (passphrase === null) return null;
    const again = await typed(entry, streams, "Repeat it: ");
    if (passwordBytes(again).join() === passwordBytes(passphrase).join()) return passphrase;
    const text = "The two passphrases aren't the same; nothing was changed";
    throw new P2pchatError("bad-credentials", text);
  });
}

/** @returns Null for an empty one. @throws {P2pchatError} `weak-password`. */
function checked(passphrase: string): string | null {
  if (passphrase === "") return null;
  const text = weakPassword(passphrase, "The passphrase");
  if (text !== null) throw new P2pchatError("weak-password", text);
  return passphrase;
}

/** The terminal at which a user can be asked. @throws {P2pchatError} `usage` where there is none. */
function terminalOf({ json }: CommonOptions, flag: string, found: string): Streams {
  const streams = processStreams();
  if (!json && isAtTerminal(streams)) return streams;
  throw new P2pchatError(
    "usage",
    `${found}, and there is nobody to ask for it: name a file that contains it with ${flag} FILE`,
  );
}

/** @throws {P2pchatError} `usage` at the end of input. A signal or Ctrl+C ends the program. */
async function typed(entry: PasswordEntry, streams: Streams, prompt: string): Promise<string> {
  const answer = await entry.ask(prompt);
  if ("password" in answer) return answer.password;
  entry.close();
  if (answer.ended !== "end-of-input") streams.exit(FORCED_EXIT_STATUS);
  throw new P2pchatError("usage", NOTHING_ENTERED);
}

/** The passphrase in a file, or from a pipe. @throws {P2pchatError} `bad-file`. */
async function passphraseIn(options: CommonOptions, path: string): Promise<string> {
  const notice = (text: string) => showNoticeBeside(options, text);
  const what = { path, secret: "passphrase", bytesMax: FILE_BYTES_MAX, notice };
  const { text, isLong } = await secretText(what);
  const passphrase = text.replace(LINE_END, "");
  if (!isLong && !/[\r\n]/.test(passphrase)) return passphrase;
  const found = isLong ? "it is too long" : "it has several lines";
  throw new P2pchatError(
    "bad-file",
    `Cannot take the passphrase from ${path}: ${found}; it must contain only the passphrase`,
  );
}
