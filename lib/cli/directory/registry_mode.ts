/** `p2pchat peer --registry`: a user's session with a directory, from logging in to leaving. */

import type { Logger } from "../../base/machine/environment.ts";
import { P2pchatError } from "../../base/errors.ts";
import { type Endpoint, endpointText } from "../../base/ids.ts";
import { invariant } from "../../base/invariant.ts";
import { fingerprintOf } from "../../base/text/fingerprint.ts";
import { shownName } from "../../base/text/names.ts";
import {
  type ClientCommand,
  type ClientEvent,
  DIRECTORY_NAME,
  overText,
} from "../../protocols/directory/schema/events.ts";
import type { DirectoryClientHost } from "../../runtime/hosts/directory_client_host.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import { TcpNetwork } from "../../transport/tcp/tcp_network.ts";
import { DirectorySearch } from "./directory_search.ts";
import { type GivenPasswords, LogInDialogue, type Way } from "./log_in_dialogue.ts";
import { dateText, numberText } from "../../base/text/words.ts";
import { type FileCommand, isFileCommand } from "../files/file_events.ts";
import { SharedFiles } from "../files/shared_files.ts";
import { isOwnCommand, type OwnCommand } from "../commands/mode_commands.ts";
import { InputPause, inputTo, type ModeInput, runMode } from "../session/run_mode.ts";
import { OnlineNames } from "../rendering/online_names.ts";
import {
  isForPerson,
  keepingTyped,
  openSessionLog,
  type Profile,
  secureRandom,
  type Session,
  showError,
  showNotices,
  tellingOfIdentity,
  warnBy,
  withProfile,
  withUserInterface,
} from "../session/mode_session.ts";
import { FORGETS } from "../session/forgetting_store.ts";
import type { RegistryOptions } from "./registry_arguments.ts";
import { OwnAccount } from "./own_account.ts";
import type { PassphraseDialogue } from "../credentials/passphrase_dialogue.ts";
import { unsealing } from "../credentials/unsealing.ts";
import { People } from "../credentials/people.ts";
import { keyPinned } from "../credentials/pinned_keys.ts";
import { givenPassword, passwordIn } from "../credentials/password_source.ts";
import { directoryScope, registryText, withClient } from "./registry_client.ts";
import { JUST_OVER_TEXT, registryCommands, type RegistryTarget } from "./registry_commands.ts";
import { type RegistryOwnEvent, RegistryRendering } from "./registry_rendering.ts";
import { PromptState } from "./prompt_state.ts";
import { processStreams } from "../streams/streams.ts";
import { openAskedDoors } from "../opened_doors/asked_doors.ts";
import type { InterruptCause, UserInterface } from "../rendering/user_interface.ts";
import type { OwnEventOf } from "../rendering/verify_rendering.ts";

/** How long to wait for an unreachable directory after the end of input. */
const ENDED_WAIT_MS_MAX = 10_000;

/** Connecting to the directory isn't reported if it takes less than this. */
const LOOKING_TOLD_MS = 1_000;

/** Commands that begin or end a call: what the next line means depends on what comes of them. */
const MOVES: ReadonlySet<ClientCommand["command"]> = new Set([
  "call",
  "call-address",
  "accept",
  "decline",
  "cancel",
  "hang-up",
]);

function keyNotKept(registry: Endpoint): P2pchatError {
  const address = endpointText(registry);
  return new P2pchatError(
    "disk",
    `No password was sent to the directory at ${address}, as its key can't be kept: the next start would send it ` +
      "to whoever answers then; make space, or choose another folder with --data",
  );
}

/** A profile that was made at this start stays, although the directory has let nobody in. */
function keptText(name: string, registry: Endpoint): string {
  return `${
    shownName(name)
  }'s profile is kept, although you weren't let in: it has the key of the directory at ` +
    `${endpointText(registry)}, and no other one there gets a password any more`;
}

/**
 * Runs until the user leaves.
 * @throws {P2pchatError} The reason if it ends otherwise.
 */
export async function runRegistry(options: RegistryOptions): Promise<void> {
  const isInteractive = isForPerson(options);
  if (options.way === null && !isInteractive) {
    throw new P2pchatError(
      "usage",
      "Cannot ask how to log in: give NAME and --login, --signup or --guest",
    );
  }
  const notices: string[] = [];
  const given = await givenPasswords(options, isInteractive, (text) => notices.push(text));
  const standing = new PromptState(options.name ?? "", () => SYSTEM_LINK_CLOCK.nowMs());
  const rendering = new RegistryRendering();
  const names = new OnlineNames();
  const late: { files: SharedFiles | null } = { files: null };
  const commands = registryCommands(
    () => standing.where,
    isInteractive,
    (name) => names.has(name),
  );
  const mode = { commands, render: rendering.lines.bind(rendering) };
  await withUserInterface(mode, options, async (ui) => {
    ui.setNames(() => names.all);
    const program = new Program({ options, ui, standing, names, given, notices, late });
    await program.run();
  });
}

/** The passwords from files and the environment; null where none is needed. */
async function givenPasswords(
  { way, passwordFile: file, newPasswordFile }: RegistryOptions,
  mayAsk: boolean,
  tell: (text: string) => void,
): Promise<GivenPasswords | null> {
  if (way === null || way === "guest") return null;
  const notice = (text: string) => Promise.resolve(tell(text));
  const password = await givenPassword({ file, mayAsk, streams: processStreams(), notice });
  const newPassword = newPasswordFile === null ? "" : await passwordIn(newPasswordFile, notice);
  return { password, newPassword };
}

interface ProgramParts {
  readonly options: RegistryOptions;
  readonly ui: UserInterface<RegistryOwnEvent, RegistryTarget>;
  readonly standing: PromptState;
  readonly names: OnlineNames;
  readonly given: GivenPasswords | null;
  readonly notices: readonly string[];
  /** Files, while a profile is in use. */
  readonly late: { files: SharedFiles | null };
}

type Wiring = Session<RegistryOwnEvent, RegistryTarget>;

/** Thrown where the user wants to log in by a name that has another profile. */
class OtherProfile extends Error {
  constructor(readonly way: Way) {
    super(`${way.name} has another profile`);
  }
}

/** The parts of the program that don't depend on which profile turns out to be used. */
class Program {
  readonly #parts: ProgramParts;
  readonly #comingIn: LogInDialogue;
  readonly #account: OwnAccount;
  readonly #openLog: () => Promise<Logger>;
  #host: DirectoryClientHost | null = null;
  /** The input to that host. */
  #input: ModeInput<ClientCommand> | null = null;
  #listens = false;
  #isLeaving = false;
  /** Looks for the directory before anything is asked; null where the user's name is known. */
  #search: DirectorySearch | null = null;
  /** Whether the directory has ever answered. */
  #isMet = false;
  /** How many lines for a failed call were dropped and not yet reported, without those that the machine kept. */
  #unsaid = 0;
  /** Whether the user signs up, and isn't told yet that they have the account. */
  #isSigningUp = false;
  /** Whether the input ended before the user was logged in. */
  #hasEnded = false;
  /** The timer of the notice that the directory is still being looked for. */
  #looking: { cancel(): void } | null = null;
  readonly #pause: InputPause;
  /** The timer that ends a script whose input has ended, or waits, while the directory is unreachable. */
  #waiting: { cancel(): void } | null = null;
  #notices: readonly string[];
  #people: { readonly profile: Profile; readonly people: People<ClientEvent> } | null = null;

  constructor(parts: ProgramParts) {
    const { options, ui, given, notices } = parts;
    this.#parts = parts;
    this.#notices = options.keepsWords ? notices : [FORGETS, ...notices];
    const { name, way: how } = options;
    this.#comingIn = new LogInDialogue({
      dialogue: ui.dialogue,
      way: how === null || name === null ? null : { how, name },
      name,
      given,
      refuse: (error) => showError(ui, error),
      notice: (text) => showNotices(ui, text),
      logOut: () => void (this.#account.giveUp() || this.#leave("log out")),
    });
    this.#pause = new InputPause(ui);
    this.#account = new OwnAccount({
      comingIn: this.#comingIn,
      standing: parts.standing,
      mayAsk: ui.dialogue !== null,
      password: given?.newPassword || (given?.password ?? null),
      submit: (command, ref) => this.#host?.command(command, ref),
      notice: (text) => showNotices(ui, text),
    });
    let log: Promise<Logger> | null = null;
    this.#openLog = () => log ??= openSessionLog(ui, options);
  }

  async run(): Promise<void> {
    const { options, ui } = this.#parts;
    ui.heedInterrupts((cause) => this.#interrupted(cause));
    // Where something may be asked, everything typed is kept until the user is logged in: it may be a password.
    if (this.#comingIn.asksAgain) this.#comingIn.begin();
    else if (ui.dialogue !== null) this.#pause.early("the directory hasn't answered yet");
    let name = options.name ?? await this.#askForName();
    while (name !== null && !this.#isLeaving) {
      const next = await this.#runIn(name);
      if (next === undefined) return;
      name = next;
    }
    ui.show({ event: "bye", reason: "quit" });
  }

  /** Asks only once there is a directory to come in to. @returns Null if the user leaves. */
  async #askForName(): Promise<string | null> {
    const { options: { registry, wait }, ui } = this.#parts;
    const search = this.#search = new DirectorySearch(registry, {
      network: TcpNetwork.dialOnly(await this.#openLog()),
      clock: SYSTEM_LINK_CLOCK,
      random: secureRandom,
      wait,
      tell: (text) => ui.show({ event: "notice", text, warning: true }),
    });
    if (this.#isLeaving || !await search.found()) return null;
    return (await this.#comingIn.way())?.name ?? null;
  }

  /**
   * Runs with the profile of `name`.
   * @returns The name whose profile is to be used instead; null: the user leaves by the menu; undefined: the user has
   * left.
   */
  async #runIn(name: string): Promise<string | null | undefined> {
    const { options, ui } = this.#parts;
    let isOpen = false;
    try {
      const other = await withProfile(
        this.#openLog,
        {
          folder: { dataFolder: options.dataFolder, name },
          mode: "registry",
          mayChange: this.#comingIn.asksAgain, // who is asked for a name may give another one next
          unseal: unsealing(options, name, this.#passphraseDialogue()),
        },
        (profile) => {
          isOpen = true;
          const run = async () => {
            const session = { ...profile, ui };
            await openAskedDoors(session, options, "directory", () => {
              const forDoors = new RegistryRendering();
              return forDoors.lines.bind(forDoors);
            });
            return await this.#runAs(name, session);
          };
          const telling = () => tellingOfIdentity(ui, profile, run);
          return options.keepsWords ? keepingTyped(ui, profile, telling) : telling();
        },
      );
      return other ?? undefined;
    } catch (error) {
      if (!isOpen && this.#isLeaving && error instanceof P2pchatError) return null;
      // A user who was asked for the name can give another one. The menu is unseen: the user may be typing a password.
      const isTaken = !isOpen && error instanceof P2pchatError && error.code === "in-use";
      if (!isTaken || name === options.name) throw error;
      showError(ui, error);
      return (await this.#comingIn.anotherWay())?.name ?? null;
    }
  }

  /** Where questions are asked already: the terminal has one reader. */
  #passphraseDialogue(): PassphraseDialogue | null {
    const { ui } = this.#parts;
    const { dialogue } = ui;
    if (dialogue === null || !this.#comingIn.asksAgain) return null;
    return {
      ask: (question) => {
        this.#comingIn.begin();
        return dialogue.ask(question);
      },
      wait: (text) => dialogue.wait(text),
      forgetTypedAhead: () => dialogue.forgetTypedAhead(),
      tell: (text) => showNotices(ui, text),
    };
  }

  /** @returns The name whose profile is to be used instead; null: the user has left. */
  async #runAs(name: string, wiring: Wiring): Promise<string | null> {
    const { options, standing, ui } = this.#parts;
    standing.name = name;
    try {
      await this.#chat(name, wiring);
      return null;
    } catch (error) {
      if (error instanceof P2pchatError) wiring.first.failed(error.code);
      if (!(error instanceof OtherProfile)) throw error;
      return error.way.name;
    } finally {
      if (wiring.first.isKeptForKey) showNotices(ui, keptText(name, options.registry));
    }
  }

  async #chat(name: string, wiring: Wiring): Promise<void> {
    const { options, ui, standing } = this.#parts;
    const { asksAgain } = this.#comingIn;
    const files = this.#parts.late.files = this.#filesOf(wiring);
    await withClient(wiring, { ...options, profile: name, asksAgain }, {
      files,
      notices: (texts) => this.#notices = [...this.#notices, ...texts],
      askToEnter: () => void this.#enter(name, wiring),
      connecting: () => {
        standing.connecting();
        ui.setPrompt(standing.prompt, standing.name);
      },
      show: (event, ref) => this.#show(event, ref, wiring),
      keepAnswer: (answer) => this.#peopleOf(wiring).keep(answer),
      pauseInput: (reason) => {
        if (reason !== null) standing.inputPauses();
        this.#pause.machine(reason);
      },
    }, async (host, links) => {
      this.#host = host;
      this.#input = inputTo(
        wiring,
        (command, ref) => {
          if (command.command !== "quit") return host.command(command, ref);
          files.leaves(() => host.command(command, ref));
        },
        () => host,
      );
      if (this.#isLeaving) this.#input.leave("before it was there"); // while the profile was opened
      this.#looking = SYSTEM_LINK_CLOCK.at(SYSTEM_LINK_CLOCK.nowMs() + LOOKING_TOLD_MS, () => {
        this.#pause.early(null);
        showNotices(ui, `Looking for the directory at ${registryText(options.registry)}`);
      });
      try {
        await runMode(wiring, links, host);
      } finally {
        this.#looking.cancel();
        this.#waiting?.cancel();
        files.close();
        this.#parts.late.files = null;
        this.#host = null;
        this.#input = null;
      }
    });
  }

  #filesOf({ disk, environment, identity, knownPeers, peace }: Wiring): SharedFiles {
    const { options, standing, ui } = this.#parts;
    const own = identity.signer.key;
    const otherSide = () => {
      const host = this.#host;
      invariant(host !== null, "the user is heard when there is a client");
      return host.otherSide();
    };
    return new SharedFiles({
      ...{ disk, environment, knownPeers, options, ui, warn: warnBy(ui), signer: identity.signer },
      nameOf: (key) => key === own ? standing.name : this.#host?.nameOf(key) ?? fingerprintOf(key),
      isIgnored: (key) => peace.isIgnored(key),
      isName: (name) => this.#host?.isInCallWith(name) ?? false,
      receiver: (name) => {
        if (this.#host?.isInCallWith(name)) return otherSide();
        const shown = shownName(name);
        const text = `Cannot offer ${shown} a file: first call ${shown}`;
        throw new P2pchatError("not-allowed", text);
      },
      receiverOfAll: otherSide,
      chanceOf: (name) =>
        `${this.#host?.isInCallWith(name) ? "" : "your next call with "}${shownName(name)}`,
      carrier: () => this.#host?.carrier ?? null,
    });
  }

  /** Asks how to log in, and passes the answer on. Rejects only for bugs, which end the program. */
  async #enter(profile: string, { first, knownPeers, peace }: Wiring): Promise<void> {
    const host = this.#host;
    const { registry, registryKey, trustFirst } = this.#parts.options;
    const hasAccount = peace.settings.accountAt === endpointText(registry);
    const answer = await this.#comingIn.entry(profile, hasAccount);
    const isSecret = answer !== null && "password" in answer && answer.how !== "guest";
    if (isSecret && trustFirst && registryKey === null) {
      // The key of whoever answers is kept before the password goes there, or it doesn't go.
      const isDurable = await knownPeers.settled();
      if (isDurable && keyPinned(knownPeers, directoryScope(registry), DIRECTORY_NAME) !== null) {
        first.trusts();
      } else if (host === this.#host) {
        return host?.giveUp(keyNotKept(registry));
      }
    }
    if (host === null || host !== this.#host) return;
    if (answer === null) this.#leave("nothing was answered");
    else if ("password" in answer) {
      this.#isSigningUp = answer.how === "sign-up";
      first.asks();
      host.enter(answer);
    } else host.giveUp(new OtherProfile(answer));
  }

  // What is shown.

  /** Kept for as long as the profile is in use. */
  #peopleOf(profile: Profile): People<ClientEvent> {
    if (this.#people?.profile !== profile) {
      const people = new People<ClientEvent>({ ...profile, ui: this.#parts.ui }, null, {
        scope: directoryScope(this.#parts.options.registry),
        name: DIRECTORY_NAME,
      });
      this.#people = { profile, people };
    }
    return this.#people.people;
  }

  #show(event: ClientEvent, ref: string | undefined, wiring: Profile): void {
    const { ui, standing, names } = this.#parts;
    if (event.event === "history" && event.again === true) return this.#showAgain(event, wiring);
    if (event.event === "broadcast-sent") this.#showTold(event, ref, wiring);
    if (!this.#peopleOf(wiring).show(event, ref)) {
      // Ringing on would keep others from calling.
      if (event.event === "incoming") {
        this.#host?.command({ command: "decline", reason: "" }, undefined);
      }
      return;
    }
    standing.shows(event);
    this.#account.answered(ref);
    switch (event.event) {
      case "ready":
        this.#ready(wiring);
        break;
      case "directory":
        this.#isMet = true;
        this.#looking?.cancel();
        break;
      case "session":
        this.#looking?.cancel();
        this.#pause.early(null);
        this.#comingIn.over(event.state === "up");
        if (event.state === "up") {
          wiring.first.isIn();
          if (ui.interactive) this.#remember(event.guest, wiring);
          this.#tellSignedUp(event.name);
        }
        if (this.#hasEnded && event.state === "up") this.#leave("end of input");
        break;
      case "error":
        this.#comingIn.failed(event.code);
        wiring.first.failed(event.code);
        // Ends the questions: the user accepts the key at the prompt, with /trust.
        if (event.code === "key-changed" && !standing.wasUp) this.#comingIn.over(false);
        break;
      case "users":
        names.listed(event);
        break;
      case "presence":
        names.changed(event.name, event.state !== "offline", event.shown);
        break;
    }
    ui.setPrompt(standing.prompt, standing.name);
  }

  /** How the user has come in, for the next start. */
  #remember(isGuest: boolean, { peace, environment: { log } }: Profile): void {
    const at = isGuest ? "" : endpointText(this.#parts.options.registry);
    const failed = ({ message: error }: Error) =>
      log.warn("not remembered", { account: at, error });
    peace.settings.setAccountAt(at).catch(failed);
  }

  /** What the user has told all, where that wasn't typed. */
  #showTold(
    { id, text }: Extract<ClientEvent, { event: "broadcast-sent" }>,
    ref: string | undefined,
    { identity, environment }: Profile,
  ): void {
    const said = { id, text, from: this.#parts.standing.name, key: identity.fingerprint } as const;
    const sentAt = dateText(environment.wallMs());
    const told = { event: "broadcast", ...said, sentAt, history: false, self: true } as const;
    this.#parts.ui.showSaid?.(told as OwnEventOf<ClientEvent>, ref);
  }

  /** A call begins: shows what was said in earlier ones. */
  #showAgain({ messages }: Extract<ClientEvent, { event: "history" }>, wiring: Profile): void {
    const people = this.#peopleOf(wiring);
    for (const { id, from, text, self, sentAt } of messages) {
      people.show({ event: "message", id, from, text, self, history: true, sentAt }, undefined);
    }
  }

  /** The account may be older: a sign-up with its password is a log-in. A script has its `session` event. */
  #tellSignedUp(name: string): void {
    const { ui, options } = this.#parts;
    if (this.#isSigningUp && !options.json) {
      showNotices(ui, `You are signed up as ${shownName(name)}`);
    }
    this.#isSigningUp = false;
  }

  #ready({ folder, identity }: Profile): void {
    const { ui, late } = this.#parts;
    void late.files?.start(null, `${folder}/registry/files`);
    showNotices(ui, ...identity.takeNotices(), ...this.#notices);
    this.#notices = [];
    if (this.#listens) return;
    this.#listens = true;
    ui.listen({
      target: this.#target(),
      ended: () => this.#ended(),
      interrupted: (cause) => this.#interrupted(cause),
      logOut: () => this.#logOut(),
      isInCall: () => this.#parts.standing.where.place !== "lobby",
      lineBegins: (isAtDoor) => this.#parts.standing.lineBegins(isAtDoor),
      brokenOff: () => this.#parts.late.files?.stillServed ?? null,
      pasted: (line) => this.#parts.late.files?.dropped(line) ?? false,
      answer: (show) => this.#answer(show),
      inputWaits: () => this.#inputEnds(),
      idle: () => this.#tellUnsaid(),
    });
  }

  /** Calls `show` once everything caused by earlier commands is shown. */
  #answer(show: () => void): void {
    if (this.#host === null) show();
    else this.#host.answer(show);
  }

  /** All lines piped for a failed call have been read: tells how many weren't sent. */
  #tellUnsaid(): void {
    const { ui, standing } = this.#parts;
    standing.hasReadAll();
    if (this.#unsaid === 0) return;
    const what = this.#unsaid === 1
      ? "1 more line wasn't"
      : `${numberText(this.#unsaid)} more lines weren't`;
    showNotices(ui, `${what} sent, as the call wasn't connected`);
    this.#unsaid = 0;
  }

  // What the user asks.

  #target(): RegistryTarget {
    const { standing, ui } = this.#parts;
    const submit = (
      command: ClientCommand | FileCommand | OwnCommand,
      ref: string | undefined,
    ) => {
      if (isOwnCommand(command)) return this.#input?.handler.target(command, ref);
      if (isFileCommand(command)) return this.#parts.late.files?.command(command, ref);
      if (command.command === "call" && this.#isIgnored(command.name)) {
        const shown = shownName(command.name);
        const text =
          `You ignore ${shown}, and would see nothing of the call: first /unignore ${shown}`;
        return showError(ui, new P2pchatError("not-allowed", text), ref);
      }
      const { place, peer } = standing.where;
      if (place === "refused") {
        if (command.command === "say") {
          if (ref === undefined) return void this.#unsaid++;
          return showError(ui, standing.unsaid, ref);
        }
        this.#tellUnsaid();
        // The first other command ends the lines for that call; everything after it is for the lobby.
        if (command.command === "hang-up" || command.command === "cancel") {
          if (ref !== undefined) ui.show({ event: "notice", text: overText(peer) }, ref);
          return;
        }
      }
      standing.asks(command);
      const goOn = MOVES.has(command.command) ? this.#pause.moves() : null;
      this.#input?.handler.target(command, ref);
      if (goOn !== null) this.#answer(goOn);
      ui.setPrompt(standing.prompt, standing.name);
    };
    return Object.assign(submit, {
      changePassword: () => this.#account.changePassword(),
      forgetAccount: (ref: string | undefined) => this.#account.forget(ref),
    });
  }

  #isIgnored(name: string): boolean {
    return this.#people?.profile.peace.isIgnoredName(name) === true;
  }

  // Leaving.

  /** Each Ctrl+C ends one thing: a question, otherwise a call, otherwise the program. */
  #interrupted(cause: InterruptCause): boolean {
    if (cause !== "interrupt") return this.#leave(cause);
    if (this.#account.giveUp()) return false;
    const { place, isJustOver } = this.#parts.standing.where;
    if (isJustOver && this.#parts.ui.dialogue !== null) {
      showError(this.#parts.ui, new P2pchatError("not-allowed", JUST_OVER_TEXT));
      return false;
    }
    if (place === "lobby") return this.#leave(cause);
    this.#parts.standing.asks({ command: "hang-up" });
    this.#host?.command({ command: "hang-up" }, undefined);
    return false;
  }

  /** Ctrl+X. @returns Whether the program is leaving. */
  #logOut(): boolean {
    const { ui, standing } = this.#parts;
    if (standing.where.place === "lobby") return this.#leave("log out");
    const text = "Ctrl+X logs out from the lobby: q ends the call first";
    showError(ui, new P2pchatError("not-allowed", text));
    return false;
  }

  /** A script whose input ends before it is logged in leaves only after that: it may just want to sign up. */
  #ended(): void {
    const { ui, standing } = this.#parts;
    this.#tellUnsaid();
    if (ui.dialogue !== null || standing.wasUp) return void this.#leave("end of input");
    this.#hasEnded = true;
    this.#inputEnds();
  }

  /** The input of a script has ended or waits: from now on an unreachable directory is waited for 10 s at most. */
  #inputEnds(): void {
    this.#waiting ??= this.#waitFrom(SYSTEM_LINK_CLOCK.nowMs());
  }

  /**
   * Gives up once the directory has been unreachable for 10 s, counted from `sinceMs` at the earliest. A reachable one
   * is waited for, as it lets the user in or says why not.
   */
  #waitFrom(sinceMs: number): { cancel(): void } {
    return SYSTEM_LINK_CLOCK.at(sinceMs + ENDED_WAIT_MS_MAX, () => {
      const { standing, options: { registry } } = this.#parts;
      if (standing.wasUp) return;
      const awaySinceMs = this.#host?.awaySinceMs ?? SYSTEM_LINK_CLOCK.nowMs();
      if (awaySinceMs > sinceMs) return void (this.#waiting = this.#waitFrom(awaySinceMs));
      const where = `directory at ${endpointText(registry)}`;
      const text = this.#isMet
        ? `The connection with the ${where} was lost before it answered: you may or may not have been logged in`
        : `The ${where} can't be reached: nothing was done; check the address and that it runs`;
      this.#host?.giveUp(new P2pchatError("unreachable", text));
    });
  }

  /** @returns That the program is leaving. */
  #leave(cause: string): boolean {
    this.#isLeaving = true;
    this.#search?.cancel();
    this.#comingIn.over(false);
    // At the end of input a ringing call is waited for; any other way of leaving withdraws it.
    const waits = cause === "end of input";
    if (!waits && this.#parts.standing.where.place === "calling") {
      this.#host?.command({ command: "cancel" }, undefined);
    }
    this.#input?.leave(cause);
    return true;
  }
}
