/**
 * What every mode needs of a profile, or of a server: its folder under lock, identity, known keys, a log, the user
 * interface.
 */

import { nodeCrypto } from "../../base/crypto/crypto.ts";
import type { Environment, Logger } from "../../base/machine/environment.ts";
import { P2pchatError } from "../../base/errors.ts";
import { isSameName, shownName } from "../../base/text/names.ts";
import { dayText } from "../../base/text/words.ts";
import { fingerprintOf } from "../../base/text/fingerprint.ts";
import type { ChannelIdentity } from "../../protocols/noise/channel_handshake.ts";
import { keyPairFromSeed } from "../../protocols/noise/primitives.ts";
import type { Disk, DiskLock } from "../../store/disk/disk.ts";
import { takeProfileTurn } from "../../store/disk/held_lock.ts";
import {
  isUsedProfile,
  openProfileIdentity,
  type ProfileIdentity,
  type Unseal,
} from "../../store/profile/identity.ts";
import { FirstUse } from "../../store/profile/first_use.ts";
import { KnownPeers } from "../../store/profile/known_peers.ts";
import { roomsFolder, usersFolder } from "../../store/disk/paths.ts";
import {
  keepToOwner,
  type LockMode,
  lockProfile,
  openProfileFolder,
  type ProfileOwner,
} from "../../store/profile/profile_folder.ts";
import { Ignored } from "../../store/profile/ignored.ts";
import { Settings } from "../../store/profile/settings.ts";
import { RealDisk } from "../../store/disk/real_disk.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import { openLog } from "./log.ts";
import { momentProblem } from "../rendering/moments.ts";
import { outwardHost } from "./advertised_address.ts";
import { closeKey, keepOwn, knowKey } from "../args/least_privilege.ts";
import { OpenQuestions } from "../commands/open_questions.ts";
import type { CommonOptions } from "../args/options.ts";
import { Peace } from "./peace.ts";
import { randomBytes } from "./random_bytes.ts";
import type {
  Advice,
  CommonEvent,
  Mode,
  ShownEvent,
  UserInterface,
} from "../rendering/user_interface.ts";
import { VERSION } from "./version.ts";
import { PipedInterface } from "../streams/piped_interface.ts";
import { isAtTerminal, processStreams, type Streams } from "../streams/streams.ts";
import { screenOf } from "../streams/text_format.ts";

/** A profile, or a server's own folder, in use. */
export interface Profile {
  readonly disk: Disk;
  /** The folder of the profile, or of the server. */
  readonly folder: string;
  readonly environment: Environment;
  /** Its notices are to be shown when the mode has begun, or before it ends if it doesn't get that far. */
  readonly identity: ProfileIdentity;
  /** Is told when others may know the profile's key: until then a new profile goes when the program ends. */
  readonly first: FirstUse;
  readonly knownPeers: KnownPeers;
  readonly peace: Peace;
  /** See `outwardHost()`. */
  readonly outward: string | null;
}

export interface Session<Event extends ShownEvent, Target> extends Profile {
  readonly ui: UserInterface<Event, Target>;
}

/** Where a profile is, and what it is used for. */
interface ProfileUse {
  /** Whose profile it is; a server's own folder. */
  readonly folder: ProfileOwner | string;
  /** What locks the folder; each room has a lock of its own. */
  readonly mode: LockMode | "mesh";
  /** Opens a key under a passphrase; absent: such a key isn't used. */
  readonly unseal?: Unseal;
  /** Whether another profile may be used after it, under another name. */
  readonly mayChange?: boolean;
  /** False: what is typed isn't kept for later starts. */
  readonly keepsTyped?: boolean;
}

/**
 * Runs `work` with a profile and the user interface open, and closes what was opened.
 * @throws {P2pchatError} `in-use`, `store-corrupt`, `bad-file` or `disk`; what `work` throws.
 */
export async function withSession<Event extends ShownEvent, Target>(
  options: CommonOptions,
  use: ProfileUse,
  mode: Mode<Event, Target>,
  work: (session: Session<Event, Target>) => Promise<void>,
): Promise<void> {
  await withUserInterface(mode, options, async (ui) => {
    await withProfile(
      () => openSessionLog(ui, options),
      use,
      (profile) => {
        const working = () => tellingOfIdentity(ui, profile, () => work({ ...profile, ui }));
        return use.keepsTyped === false ? working() : keepingTyped(ui, profile, working);
      },
    );
  });
}

/** Runs `work` while what is typed at a terminal is kept in the profile, or the server's folder. */
export async function keepingTyped<Event extends ShownEvent, Target, Result>(
  ui: UserInterface<Event, Target>,
  { disk, folder }: Profile,
  work: () => Promise<Result>,
): Promise<Result> {
  if (ui.dialogue === null) return await work(); // nobody types
  const { TypedLines, typedLinesPath } = await import("./typed_lines.ts"); // a script needs none of it
  const turn = () => profileTurn(disk, folder);
  const typed = await TypedLines.open(disk, typedLinesPath(folder), turn, warnBy(ui));
  ui.keepTyped(typed);
  try {
    return await work();
  } finally {
    await typed.settled();
  }
}

/**
 * Runs `work`. If it fails before the notices about the identity were shown, shows them: a later start, which finds the
 * new key in place, can't.
 */
export async function tellingOfIdentity<Event extends ShownEvent, Target, Result>(
  ui: UserInterface<Event, Target>,
  { identity }: Profile,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    showNotices(ui, ...identity.takeNotices());
    throw error;
  }
}

/**
 * Runs `work` with a profile in use, and releases it. @param openLog Opens the program's log, which may be kept in
 * the profile's folder. @throws {P2pchatError} `in-use`, `store-corrupt`, `bad-file` or `disk`; what `work` throws.
 */
export async function withProfile<Result>(
  openLog: () => Promise<Logger>,
  use: ProfileUse,
  work: (profile: Profile) => Promise<Result>,
): Promise<Result> {
  const disk = new RealDisk(() => performance.now());
  const { folder, notices } = await openFolder(disk, use.folder);
  const mayChange = use.mayChange === true && typeof use.folder !== "string";
  keepOwn(mayChange ? usersFolder(use.folder.dataFolder) : folder);
  const isUsed = await isUsedProfile(disk, folder); // before the log, which may be kept there
  const log = await openLog();
  const isMesh = use.mode === "mesh";
  const lock = use.mode === "mesh" ? null : await lockProfile(disk, folder, use.mode, Deno.pid);
  disk.hold = lock;
  try {
    const turn = () => profileTurn(disk, folder);
    const knownPeers = await KnownPeers.open(disk, knownPeersPath(folder), turn);
    const settings = await Settings.open(disk, `${folder}/settings`, turn);
    const ignored = await Ignored.open(disk, `${folder}/ignored`, turn);
    // Last, so that nothing can fail between making a new key and telling the user.
    const own = await openOwnIdentity(disk, folder, isUsed, {
      mark: isMesh ? roomsFolder(folder) : null,
      unseal: use.unseal,
    });
    const today = () => dayText(Date.now());
    const peace = new Peace(settings, ignored, fingerprintOf(own.signer.key), today);
    const found = [...notices, ...spellingNotice(folder, use.folder)];
    const takeNotices = () => [
      ...found.splice(0),
      ...knownPeers.takeNotices(),
      ...own.takeNotices(),
    ];
    const identity = { ...own, takeNotices };
    const environment: Environment = {
      random: secureRandom,
      randomBytes,
      wallMs: Date.now,
      crypto: nodeCrypto,
      log,
    };
    const isOwn = typeof use.folder !== "string";
    const mode = use.mode === "mesh" ? null : use.mode;
    const isNew = isOwn && own.isNew && !isUsed;
    // Where it may have to be removed again, or to make way for another one, its key is in reach until it is in use.
    const first = new FirstUse(disk, folder, mode, isNew);
    // Who may still be asked for another name, as theirs was taken meanwhile, needs the other profile's key.
    if (isNew || mayChange) first.onIn = () => mayChange ? knowKey(folder) : closeKey(folder);
    else if (isOwn) closeKey(folder);
    const outward = await outwardHost();
    const profile = { disk, folder, environment, identity, first, knownPeers, peace, outward };
    try {
      return await work(profile);
    } catch (error) {
      if (error instanceof P2pchatError) first.failed(error.code);
      else first.isIn(); // a bug: everything stays as it is
      throw error;
    } finally {
      await knownPeers.settled();
      if (first.isInVain) await removeInVain(disk, folder, first);
    }
  } finally {
    lock?.release();
  }
}

/** Removes a profile of no use, unless the disk refuses: what the start failed for is to be told, not this. */
async function removeInVain(disk: Disk, folder: string, first: FirstUse): Promise<void> {
  try {
    const turn = await profileTurn(disk, folder);
    try {
      await first.remove();
    } finally {
      turn.release();
    }
  } catch (error) {
    if (!(error instanceof P2pchatError)) throw error;
  }
}

/** Says whose profile is used, where that has another spelling of the name. */
function spellingNotice(folder: string, of: ProfileUse["folder"]): readonly string[] {
  const owner = folder.slice(folder.lastIndexOf("/") + 1);
  if (typeof of === "string" || owner === of.name || !isSameName(owner, of.name)) return [];
  return [`This is ${shownName(owner)}'s profile; here you are called ${shownName(of.name)}`];
}

/** A profile's folder, or a server's, to which nobody else has access. */
interface OwnFolder {
  readonly folder: string;
  /** What was mended; to be shown once. */
  readonly notices: readonly string[];
}

/**
 * Finds or makes the folder.
 * @throws {P2pchatError} `disk`; `bad-file` where others have access that can't be taken from them, or a link is in its
 *   place; `in-use` where no turn came.
 */
export async function openFolder(disk: Disk, of: ProfileUse["folder"]): Promise<OwnFolder> {
  const isServer = typeof of === "string";
  if (isServer) await disk.makeFolder(of);
  const folder = isServer
    ? of
    : await openProfileFolder(disk, of, String(Deno.pid), SYSTEM_LINK_CLOCK);
  const notices = await keepToOwner(disk, folder, isServer ? null : usersFolder(of.dataFolder));
  return { folder, notices };
}

/**
 * The profile's identity, made where there is none; of programs that start at once, one makes it.
 * @param mark A folder that shows whoever has made the key that another program uses it.
 * @param unseal Opens a key under a passphrase. Others may change the profile meanwhile.
 * @throws {P2pchatError} `store-corrupt`, `bad-file` or `disk`; `in-use` where no turn came; what `unseal` throws.
 */
export async function openOwnIdentity(
  disk: Disk,
  folder: string,
  isUsed: boolean,
  { mark, unseal }: { readonly mark: string | null; readonly unseal: Unseal | undefined },
): Promise<ProfileIdentity> {
  const turn = await profileTurn(disk, folder);
  const unsealAlone: Unseal | undefined = unseal && ((sealed, path) => {
    turn.release();
    return unseal(sealed, path);
  });
  try {
    const identity = await openProfileIdentity(disk, folder, isUsed, randomBytes, unsealAlone);
    if (!identity.isNew && mark !== null) await disk.makeFolder(mark);
    return identity;
  } finally {
    turn.release();
  }
}

/** The lock under which programs change the files of the profile that they share. */
export function profileTurn(disk: Disk, folder: string): Promise<DiskLock> {
  return takeProfileTurn(disk, folder, String(Deno.pid), SYSTEM_LINK_CLOCK);
}

/**
 * Runs `work` with the user interface open, and closes it.
 * @throws {P2pchatError} `disk` where the output couldn't be written; what `work` throws.
 */
export async function withUserInterface<Event extends ShownEvent, Target>(
  mode: Mode<Event, Target>,
  options: CommonOptions,
  work: (ui: UserInterface<Event, Target>) => Promise<void>,
): Promise<void> {
  const ui = await openUserInterface(mode, options);
  try {
    const problem = options.json ? null : momentProblem(); // to scripts all times are in UTC
    if (problem !== null) ui.show({ event: "notice", text: problem, warning: true });
    await work(ui);
  } catch (error) {
    if (error instanceof P2pchatError) await ui.failing?.(error);
    throw error;
  } finally {
    await ui.close();
  }
  if (ui.outputError !== null) throw ui.outputError;
}

/** The file of the keys met before, of the profile or server in `folder`. */
export function knownPeersPath(folder: string): string {
  return `${folder}/known_peers`;
}

/** The identity in the form that channels take, with a key of this process alone. */
export function channelIdentity(
  { identity: { signer } }: Pick<Session<ShownEvent, unknown>, "identity">,
): ChannelIdentity {
  return { signer, static: keyPairFromSeed(randomBytes(32)) };
}

/** Opens the program's log; the user is told once if it can't be written. @throws {P2pchatError} `disk`. */
export function openSessionLog<Event extends ShownEvent, Target>(
  ui: UserInterface<Event, Target>,
  options: CommonOptions,
): Promise<Logger> {
  return openLog(options, (text) => ui.show({ event: "notice", text, warning: true }));
}

/** Shown at a terminal at the first start among friends, or in a group. */
export const FIRST_STEPS: Advice = {
  text: "/help lists the commands, /exit leaves.",
  atDoors: null,
};

/** Shows what was found and mended while something was opened, and what can be done. */
export function showNotices<Event extends ShownEvent, Target>(
  ui: UserInterface<Event, Target>,
  ...notices: readonly (string | Advice)[]
): void {
  for (const notice of notices) {
    if (typeof notice === "string") ui.show({ event: "notice", text: notice });
    else if (ui.advise !== undefined) ui.advise(notice);
    else ui.show({ event: "notice", text: notice.text });
  }
}

/** What a question needs of the user interface. */
export type AskingInterface = Pick<
  UserInterface<CommonEvent, unknown>,
  "interactive" | "dialogue" | "show" | "heedInterrupts" | "pauseInput"
>;

/**
 * Asks the user until there is an answer: what `accept` makes of a trimmed line, if anything.
 * @param text What is told before; null: nothing.
 * @param waiting Why lines wait that are entered after it, until the mode takes them; null: they don't.
 * @returns Null where the user leaves, or there is nobody to ask.
 */
export async function askUser<Answer>(
  ui: AskingInterface,
  text: string | null,
  prompt: string,
  accept: (typed: string) => Answer | undefined,
  waiting: string | null = null,
): Promise<Answer | null> {
  const { dialogue } = ui;
  if (dialogue === null || !ui.interactive) return null;
  const leave = () => void dialogue.end(false);
  ui.heedInterrupts(() => {
    leave();
    return true;
  });
  if (text !== null) ui.show({ event: "notice", text });
  dialogue.begin(leave);
  try {
    for (;;) {
      const typed = await dialogue.ask({ prompt, isUnseen: false });
      const answer = typed === null ? null : accept(typed.trim());
      if (answer !== undefined) return answer;
    }
  } finally {
    if (waiting !== null) ui.pauseInput(waiting);
    dialogue.end(true);
  }
}

/** Warns the user of what has no answer of its own. */
export function warnBy<Event extends ShownEvent, Target>(
  ui: UserInterface<Event, Target>,
): (text: string) => void {
  return (text) => ui.show({ event: "notice", text, warning: true });
}

/** The first line of every program's log; `more` is what the mode adds. */
export function logStarted(
  { environment, identity }: Pick<Profile, "environment" | "identity">,
  command: string,
  more: Readonly<Record<string, unknown>>,
): void {
  const key = fingerprintOf(identity.signer.key);
  environment.log.info("started", { version: VERSION, command, key, ...more });
}

/**
 * Shows why `work` failed, as the answer to the command; anything but a P2pchatError ends the program. @returns
 * Resolves when `work` is done, or its failure was shown.
 */
export function showFailure<Event extends ShownEvent, Target>(
  ui: UserInterface<Event, Target>,
  work: Promise<unknown>,
  ref?: string,
): Promise<void> {
  return work.then(() => {}, (error) => {
    if (!(error instanceof P2pchatError)) throw error;
    showError(ui, error, ref);
  });
}

/** Shows an error after which the program goes on. */
export function showError<Event extends ShownEvent, Target>(
  ui: UserInterface<Event, Target>,
  { code, message }: P2pchatError,
  ref?: string,
): void {
  ui.show({ event: "error", code, text: message }, ref);
}

/** In [0, 1), from the system's generator: nobody can foresee which peers we evict or dial. */
export function secureRandom(): number {
  const [drawn] = crypto.getRandomValues(new Uint32Array(1));
  return drawn! / 2 ** 32;
}

/** Whether a person uses a terminal that can do more than print. */
export function isForPerson(
  options: CommonOptions,
  streams: Streams = processStreams(),
): boolean {
  const isAgents = options.script?.door === "mcp"; // and so are its streams
  return !options.json && !isAgents && isAtTerminal(streams) && canDoMore(streams);
}

/** Whether a terminal, where there is one, is known to do more than print. */
function canDoMore(streams: Streams): boolean {
  const kind = streams.variable("TERM") ?? "";
  return kind !== "" && kind !== "dumb";
}

/**
 * Opens the user interface; it handles signals from now on, input from `listen` on. The caller closes it. A
 * terminal that can do no more than print (`TERM=dumb`, or no `TERM`) is treated as a pipe.
 */
export async function openUserInterface<Event extends ShownEvent, Target>(
  given: Mode<Event, Target>,
  options: CommonOptions,
  streams: Streams = processStreams(),
): Promise<UserInterface<Event, Target>> {
  const { script = null } = options;
  const mode = { questions: new OpenQuestions(), ...given };
  if (script?.door === "mcp") {
    const { McpInterface } = await import("../mcp/mcp_interface.ts");
    return new McpInterface(mode, script, VERSION, streams);
  }
  if ((options.doors ?? null) !== null) {
    const { DoorsInterface } = await import("../doors/doors_interface.ts"); // most users have none
    const console = await openUserInterface(mode, { ...options, doors: null }, streams);
    return new DoorsInterface(console, mode, streams.wallMs);
  }
  if (script !== null || !isForPerson(options, streams)) {
    const isSeen = (streams.stdout.isTerminal || streams.stderr.isTerminal) && canDoMore(streams);
    const screen = options.json || !isSeen ? null : await screenOf(streams);
    if (script === null) return new PipedInterface(mode, options, streams, screen);
    const { ScriptedInterface } = await import("../scripts/scripted_interface.ts");
    return new ScriptedInterface(mode, options, script, streams, screen);
  }
  const { InteractiveInterface } = await import("../terminal/interactive_interface.ts");
  return new InteractiveInterface(mode, options, streams);
}
