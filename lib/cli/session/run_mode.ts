/**
 * What every mode does with its machine's host: makes its ports from the session, hands it the user's input, and runs it
 * until the user leaves.
 */

import { P2pchatError } from "../../base/errors.ts";
import { COMMON_INTERVAL_MS } from "../../base/machine/common_times.ts";
import type { ModeCommand, ModeOutcome, VerifyCommand } from "../../base/machine/mode_machine.ts";
import type { Fingerprint } from "../../base/text/fingerprint.ts";
import { shownName } from "../../base/text/names.ts";
import type { ModePorts } from "../../runtime/hosts/mode_host.ts";
import type { Found, KnownPeers } from "../../store/profile/known_peers.ts";
import type { Links } from "../../transport/link.ts";
import { COMMON_LINK_CLOCK, SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import { type Session, showError, showNotices } from "./mode_session.ts";
import type { Peace } from "./peace.ts";
import type {
  CommonEvent,
  InputHandler,
  ShownEvent,
  UserInterface,
} from "../rendering/user_interface.ts";
import type { Logger } from "../../base/machine/environment.ts";
import { type CommandSink, isOwnCommand, type OwnCommand } from "../commands/mode_commands.ts";

interface ModeHost {
  run(): Promise<ModeOutcome>;
  /** Absent in a mode that heeds no refused keys. */
  command?(command: FoundCommand, ref: undefined): void;
}

/** What another program of the profile was told of a key, as a command for a machine. */
type FoundCommand = Extract<ModeCommand, { readonly command: "refuse" | "unrefuse" }>;

/** All of a host's ports but `show`. */
export function modePorts<Event extends ShownEvent, Target>(
  { environment, ui }: Session<Event, Target>,
  links: Links,
): Omit<ModePorts<never>, "show" | "keepAnswer"> {
  return {
    clock: SYSTEM_LINK_CLOCK,
    environment,
    links,
    pauseInput: (reason) => ui.pauseInput(reason),
    flushed: () => ui.flush(),
    written: () => ui.written(),
    outputReady: () => ui.ready(),
  };
}

/**
 * What another program of the profile was told is known here within this time, ms, and that of reading the file; looked
 * for when idle links are pinged, too, as waking up costs more than to look.
 */
const REREAD_MS = COMMON_INTERVAL_MS;

/**
 * Follows what other programs of the profile are told of keys. Once a program, as each change is told once.
 * @returns Ends that.
 */
export function followKnownPeers<Event extends ShownEvent, Target>(
  { knownPeers, ui }: Session<Event, Target>,
  heed: (command: FoundCommand) => void,
): () => void {
  let timer: { cancel(): void } | null = null;
  let hasEnded = false;
  const look = async () => {
    try {
      for (const found of await knownPeers.reread()) {
        if (hasEnded) return;
        const { name, fingerprint, isRefused } = found;
        ui.show({ event: "notice", ...foundNotice(shownName(name), fingerprint, isRefused) });
        heed(foundCommand(found));
      }
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      showError(ui, error);
    }
    if (!hasEnded) wait();
  };
  const wait = () => {
    const dueMs = (Math.floor(COMMON_LINK_CLOCK.nowMs() / REREAD_MS) + 1) * REREAD_MS;
    timer = COMMON_LINK_CLOCK.at(dueMs, () => void look());
  };
  wait();
  return () => {
    hasEnded = true;
    timer?.cancel();
  };
}

/** What somebody's key was found to be, as a command for a machine. */
export function foundCommand({ name, fingerprint: key, isRefused }: Found): FoundCommand {
  return { command: isRefused ? "refuse" : "unrefuse", name, key };
}

function foundNotice(shown: string, key: Fingerprint, isRefused: boolean) {
  const text = isRefused
    ? `Another of your programs was told that ${key} isn't ${shown}'s key ` +
      `(/verify ${shown} no): here it counts as changed, too, until /trust ${shown}`
    : `Another of your programs was told that ${key} is ${shown}'s key after all ` +
      `(/trust ${shown}): here it is no longer refused, either`;
  return isRefused ? { text, warning: true } as const : { text };
}

/**
 * Runs until the user leaves, and closes the links with a goodbye; the last words of a program are said.
 * @throws {P2pchatError} The reason if it ends otherwise.
 */
export async function runMode<Event extends ShownEvent, Target>(
  session: Session<Event, Target>,
  links: Links,
  host: ModeHost,
): Promise<void> {
  const end = followKnownPeers(session, (command) => host.command?.(command, undefined));
  sayBye(session, await runHost(links, host).finally(end));
}

/** How a host ends that the user leaves. */
export type Bye = Extract<ModeOutcome, { readonly kind: "bye" }>;

/**
 * Runs a host until the user leaves it, and closes its links with a goodbye. The program may go on.
 * @throws {P2pchatError} The reason if it ends otherwise.
 */
export async function runHost(
  links: Links,
  host: { run(): Promise<ModeOutcome> },
): Promise<Bye> {
  const outcome = await host.run();
  await links.shutdown(outcome.kind === "bye" ? outcome.reason : outcome.code);
  if (outcome.kind === "fatal") throw new P2pchatError(outcome.code, outcome.text);
  return outcome;
}

/** The last words of a program that ends as it was asked to. */
export function sayBye<Event extends ShownEvent, Target>(
  { environment, identity, ui }: Session<Event, Target>,
  { reason, ref }: Bye,
): void {
  environment.log.info("stopped", { reason });
  showNotices(ui, ...identity.takeNotices());
  ui.show({ event: "bye", reason }, ref);
}

interface InputParts {
  readonly environment: { readonly log: Logger };
  readonly knownPeers: Pick<KnownPeers, "keysOf">;
  readonly peace: Pick<Peace, "command">;
  readonly ui: { show(event: CommonEvent, ref: string | undefined): void };
}

type Quit = Extract<ModeCommand, { readonly command: "quit" }>;

export interface ModeInput<Asked> {
  readonly handler: InputHandler<CommandSink<Asked | OwnCommand>>;
  /** Leaves for a cause other than a command. @returns That the program is leaving. */
  leave(cause: string): true;
}

/**
 * Makes the handler of input. Logs why the user leaves. What the console does by itself isn't submitted.
 * @param answering Whoever carries out the commands, and may be at work on earlier ones; null where nobody is.
 */
export function inputTo<Asked extends { readonly command: string }>(
  { environment: { log }, knownPeers, peace, ui }: InputParts,
  submit: CommandSink<Asked | Quit>,
  answering: () => { answer(show: () => void): void } | null,
): ModeInput<Asked> {
  /** Commands of the console itself, one after the other: the last of several is what stays. */
  let underWay: Promise<void> | null = null;
  const afterThese = (then: () => void) => {
    if (underWay === null) then();
    else void underWay.then(then);
  };
  const target: CommandSink<Asked | OwnCommand> = (command, ref) => {
    if (isOwnCommand(command)) {
      const show = (event: CommonEvent) => answer(() => ui.show(event, ref));
      const carryOut = () => peace.command(command, show);
      const done = (underWay?.then(carryOut) ?? carryOut()).finally(() => {
        if (underWay === done) underWay = null;
      });
      underWay = done;
      return;
    }
    if (isNo(command)) return submit({ ...command, known: knownPeers.keysOf(command.name) }, ref);
    if (!FOLLOWS.has(command.command)) return submit(command, ref);
    afterThese(() => {
      if (command.command === "quit") log.info(LEAVING, { cause: "command" });
      submit(command, ref);
    });
  };
  const leave = (cause: string) => {
    log.info(LEAVING, { cause });
    submit({ command: "quit" }, undefined);
    return true as const;
  };
  const answer = (show: () => void) => {
    const host = answering();
    if (host === null) show();
    else host.answer(show);
  };
  const ended = () => afterThese(() => leave("end of input"));
  return { handler: { target, ended, interrupted: leave, answer }, leave };
}

function isNo(command: { readonly command: string }): command is VerifyCommand {
  return command.command === "verify" && (command as VerifyCommand).answer === "no";
}

const LEAVING = "asked to leave";

/** What comes after the console's own commands that are under way: what was said leaves out who was ignored before. */
const FOLLOWS: ReadonlySet<string> = new Set(["quit", "history", "log"]);

/** What was asked last, and is under way: several whole histories would be shown at once, and take some megabytes each. */
const EFFECTS_MANY = 1;

/** Whoever answers commands. */
interface Answering {
  /** What is still to be carried out. */
  readonly waiting: { readonly effects: number };
  /** Calls that after the answers to earlier commands. */
  answer(show: () => void): void;
}

/**
 * Why input is paused: until the program is where lines can be sent, then by the back pressure of its machine, and while
 * a command is carried out that changes what lines mean.
 */
export class InputPause {
  readonly #ui: Pick<UserInterface<never, never>, "pauseInput">;
  #early: string | null = null;
  #machine: string | null = null;
  /** How many such commands are being carried out. */
  #moves = 0;

  constructor(ui: Pick<UserInterface<never, never>, "pauseInput">) {
    this.#ui = ui;
  }

  /** Why lines can't be sent yet; null: they can. */
  early(reason: string | null): void {
    this.#early = reason;
    this.#tell();
  }

  /** Why the machine takes no further lines; null: it does. */
  machine(reason: string | null): void {
    this.#machine = reason;
    this.#tell();
  }

  /**
   * A command begins after which a line may mean something else: what follows waits until all that it causes is shown,
   * which may be only when something else has been stored.
   * @returns Ends that; to be called once.
   */
  moves(): () => void {
    this.#moves += 1;
    this.#tell();
    return () => {
      this.#moves -= 1;
      this.#tell();
    };
  }

  /**
   * Something was asked of `host` that may take long to answer, and there may be thousands of such lines: where much is to
   * be carried out, what follows waits until it is.
   */
  answered(host: Answering): void {
    if (host.waiting.effects > EFFECTS_MANY) host.answer(this.moves());
  }

  #tell(): void {
    const moving = this.#moves > 0 ? "carrying out what you typed before" : null;
    this.#ui.pauseInput(this.#early ?? this.#machine ?? moving);
  }
}
