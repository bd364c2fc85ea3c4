/**
 * Invites of private rooms and groups: how a command takes one, and how one is shown. An invite is as good as a secret:
 * what others are told to type has none on its command line, which every user of a machine can read.
 */

import { P2pchatError } from "../../base/errors.ts";
import type { Clock } from "../../base/machine/clock.ts";
import { isDoneWithin } from "../../runtime/within.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import { showNoticeBeside } from "../session/answers.ts";
import type { Flag } from "../args/flags.ts";
import { FORCED_EXIT_STATUS } from "../streams/interrupts.ts";
import type { CommandLine, CommonOptions, InviteSource } from "../args/options.ts";
import { PasswordEntry } from "../terminal/password_entry.ts";
import { secretText } from "./secret_file.ts";
import type { Line, Span } from "../rendering/user_interface.ts";
import { isAtTerminal, type Streams } from "../streams/streams.ts";

/** Reads an invite. @throws {P2pchatError} `bad-credentials`. */
type ParseInvite<Invite> = (text: string) => Invite;

/** @param what What the invite is of. @param more What else can be said. */
export function inviteFlags(what: string, more = ""): readonly Flag[] {
  return [
    {
      name: "invite",
      value: "TEXT",
      help: `join the ${what} of this invite; alone: asked for${more}`,
      isAskedFor: true,
      parse: (text) => text, // may be only the start of the invite: the words after it count, too
    },
    {
      name: "invite-file",
      value: "FILE",
      help: "read the invite there (or P2PCHAT_INVITE)",
      use: "read",
      parse: (text) => text,
    },
  ];
}

/** The environment variable that contains an invite. */
export const INVITE_VARIABLE = "P2PCHAT_INVITE";

/**
 * Where the command line says that the invite is. Words beside NAME, which may precede or follow them, are tried as the
 * rest of an invite which blanks part.
 * @throws {P2pchatError} `usage`, or `bad-credentials` for an invite that can't be read.
 */
export function inviteSource<Invite>(
  { value, words }: CommandLine,
  parse: ParseInvite<Invite>,
): InviteSource<Invite> {
  const [text, path] = [value<string>("invite"), value<string>("invite-file")];
  if (path !== undefined) {
    if (text === undefined) return { from: "file", path };
    throw new P2pchatError("usage", "--invite and --invite-file can't be given together");
  }
  if (text === undefined) return { from: "environment" };
  if (text === "" || text === "-") return { from: "input" };
  try {
    return { from: "argument", invite: parse(text) };
  } catch (error) {
    const isReadable = (word: string) => {
      try {
        parse(word);
        return true;
      } catch {
        return false;
      }
    };
    const rests = words.length < 2 ? [] : [words.slice(1), words.slice(0, -1)];
    if (!rests.some((rest) => isReadable([text, ...rest].join("")))) throw error;
    throw new P2pchatError(
      "usage",
      "Cannot read the invite: blanks part it into several words; put it in quotes: --invite 'TEXT'",
    );
  }
}

/** More than the longest invite that was broken into lines. */
const TEXT_BYTES_MAX = 8_192;
/** How long to wait for the first line of a pipe: whoever fills it may have to unlock something first. */
const LINE_MS_MAX = 60_000;
/** How often a user may retry after a mistake. */
const ATTEMPTS_MAX = 3;

/** What is needed to get at an invite. */
interface InvitePorts {
  readonly streams: Streams;
  readonly options: CommonOptions;
  readonly clock?: Clock;
}

/**
 * The invite from its source; null where none was given.
 * @throws {P2pchatError} `bad-credentials` where it can't be read; `usage` where there is none, and nobody to ask for
 *   it; `bad-file`.
 */
export async function takenInvite<Invite>(
  source: InviteSource<Invite>,
  parse: ParseInvite<Invite>,
  ports: InvitePorts,
): Promise<Invite | null> {
  const { streams, options } = ports;
  // Also where it isn't needed: nothing that is started later is to inherit it.
  const set = streams.takeVariable(INVITE_VARIABLE);
  switch (source.from) {
    case "argument":
      return source.invite;
    case "environment":
      return set ? parse(set) : null;
    case "none":
      return null;
    case "file": {
      const notice = (text: string) => showNoticeBeside(options, text);
      const { path } = source;
      const file = await secretText({ path, secret: "invite", bytesMax: TEXT_BYTES_MAX, notice });
      return parse(file.isLong ? "" : file.text);
    }
    case "input":
      if (set) return parse(set);
      if (!streams.stdin.isTerminal) return parse(await firstLine(ports));
      if (isAtTerminal(streams) && !options.json) return await asked(streams, parse);
      throw new P2pchatError(
        "usage",
        `There is nobody to ask for the invite; name a file with --invite-file FILE, or set ${INVITE_VARIABLE}`,
      );
  }
}

async function asked<Invite>(streams: Streams, parse: ParseInvite<Invite>): Promise<Invite> {
  const entry = new PasswordEntry(streams);
  try {
    for (let attempt = 1;; attempt++) {
      const answer = await entry.ask("Invite (not shown): ");
      if ("ended" in answer) {
        entry.close();
        if (answer.ended !== "end-of-input") streams.exit(FORCED_EXIT_STATUS);
        throw new P2pchatError("usage", "No invite was entered; ask a member for one");
      }
      try {
        return parse(answer.password);
      } catch (error) {
        if (!(error instanceof P2pchatError) || attempt === ATTEMPTS_MAX) throw error;
        entry.tell(error.message);
      }
    }
  } finally {
    entry.close();
  }
}

/** The first line of standard input; the rest of it stays there. */
async function firstLine({ streams, clock }: InvitePorts): Promise<string> {
  const reading = readLine(streams);
  if (await isDoneWithin(clock ?? SYSTEM_LINK_CLOCK, LINE_MS_MAX, reading)) return await reading;
  throw new P2pchatError(
    "usage",
    `No invite came on standard input within ${
      LINE_MS_MAX / 1_000
    } s; write it there, as the first line`,
  );
}

async function readLine({ stdin }: Streams): Promise<string> {
  const bytes: number[] = [];
  // One at a time: what is read can't be put back for who reads what follows.
  for (const buffer = new Uint8Array(1); bytes.length <= TEXT_BYTES_MAX;) {
    if (await stdin.read(buffer) === null) break;
    if (buffer[0] === 0x0a) return new TextDecoder().decode(new Uint8Array(bytes));
    bytes.push(buffer[0]!);
  }
  if (bytes.length > 0) return new TextDecoder().decode(new Uint8Array(bytes));
  throw new P2pchatError(
    "usage",
    "There is no invite on standard input; write it there, as the first line",
  );
}

/** What an open room's code is for: the command above needs no invite. */
const OPEN_QR: Line = [
  "The QR code is the invite; with --invite at the end, that command asks for it.",
];

/** What `/invite` shows: the command, and on a line of its own the invite, to be copied whole; `--copy` takes the last. */
export function inviteLines(
  { invite, line, qr = [] }: {
    readonly invite: string;
    readonly line: string;
    /** The invite as a QR code, if it is wanted as one, too. */
    readonly qr?: readonly string[];
  },
): readonly Line[] {
  const command = ["Others join with: ", exact(line)];
  const code = qr.map((row): Line => [{ text: row, as: "qr" }]);
  // An open room's command contains all that is needed.
  if (!line.endsWith(" --invite")) return [...code, command, ...(qr.length === 0 ? [] : [OPEN_QR])];
  const rest = ["and paste this when they are asked for the invite:"];
  return [...code, command, rest, [exact(invite)]];
}

function exact(text: string): Span {
  return { text, as: "exact" };
}
