/** `p2pchat peer --registry`: wires a client's machine to sockets, files and the user interface. */

import { canonicalHost, isUnspecified } from "../base/endpoints.ts";
import type { Logger } from "../base/environment.ts";
import { P2pchatError } from "../base/errors.ts";
import { fingerprintOf } from "../base/fingerprint.ts";
import { type Endpoint, endpointText, type PeerKey } from "../base/ids.ts";
import { invariant } from "../base/invariant.ts";
import { TokenBucket } from "../base/token_bucket.ts";
import type { ClientConfig } from "../protocols/directory/client_io.ts";
import {
  type ClientCommand,
  type ClientEvent,
  DIRECTORY_NAME,
} from "../protocols/directory/events.ts";
import {
  CALL_ACCESS,
  CALL_CHANNEL,
  DirectoryClientHost,
} from "../runtime/directory_client_host.ts";
import { profileFolder } from "../store/paths.ts";
import type { Datagrams } from "../transport/datagrams.ts";
import { forwardTo, type Links } from "../transport/link.ts";
import { RelayNetwork } from "../transport/relay_network.ts";
import { SYSTEM_LINK_CLOCK } from "../transport/system_clock.ts";
import { openTcpLinks } from "../transport/tcp_links.ts";
import { UdpDatagrams } from "../transport/udp_datagrams.ts";
import { numberText } from "./counts.ts";
import { ComingIn, type GivenPasswords, type Way } from "./coming_in.ts";
import { openLog } from "./log.ts";
import { isForPerson } from "./open_user_interface.ts";
import type { RegistryOptions } from "./options.ts";
import { addressOfThisMachine } from "./own_address.ts";
import { givenPassword, passwordIn } from "./password_source.ts";
import { OwnAccount } from "./own_account.ts";
import { keyPinned, pinnedKeys, pinsIn } from "./pins.ts";
import { JUST_OVER_TEXT, registryCommands, type RegistryTarget } from "./registry_commands.ts";
import {
  type RegistryOwnEvent,
  RegistryRendering,
  shownRegistryEvent,
} from "./registry_rendering.ts";
import { RegistryStanding } from "./registry_standing.ts";
import { REGSERVER_PORT_DEFAULT } from "./regserver_arguments.ts";
import { openRegistry } from "./registry_store.ts";
import { modePorts, runMode } from "./run_mode.ts";
import {
  channelIdentity,
  knownPeersPath,
  markVerified,
  type Profile,
  type Session,
  showError,
  withProfile,
  withUserInterface,
} from "./session.ts";
import { processStreams } from "./streams.ts";
import type { InterruptCause, UserInterface } from "./user_interface.ts";
import { VERSION } from "./version.ts";

/** How long a directory that isn't there is waited for after the end of input. */
const ENDED_WAIT_MS_MAX = 10_000;

const BELLS_PER_S = 1;
const BELLS_BURST = 10;

/** What is over sooner needs no line. */
const LOOKING_TOLD_MS = 1_000;

/**
 * Runs until the user leaves.
 * @throws {P2pchatError} What ended it otherwise.
 */
export async function runRegistry(options: RegistryOptions): Promise<void> {
  const isInteractive = isForPerson(options);
  if (options.way === null && !isInteractive) {
    throw new P2pchatError(
      "usage",
      "How to come in? Nobody can be asked here: give NAME and --login, --signup or --guest",
    );
  }
  const notices: string[] = [];
  const given = await givenPasswords(options, isInteractive, (text) => notices.push(text));
  const standing = new RegistryStanding(options.name ?? "", () => SYSTEM_LINK_CLOCK.nowMs());
  const rendering = new RegistryRendering();
  const commands = registryCommands(() => standing.where, isInteractive);
  const mode = { commands, render: rendering.lines.bind(rendering) };
  await withUserInterface(mode, options, async (ui) => {
    const program = new Program({ options, ui, standing, rendering, given, notices });
    await program.run();
  });
}

/** What files and the environment have; null where no password is needed. */
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
  readonly standing: RegistryStanding;
  readonly rendering: RegistryRendering;
  readonly given: GivenPasswords | null;
  readonly notices: readonly string[];
}

type Wiring = Session<RegistryOwnEvent, RegistryTarget>;

/** The user wants to come in as somebody whose profile is another one. */
class OtherProfile extends Error {
  constructor(readonly way: Way) {
    super(`${way.name} has another profile`);
  }
}

/** What is the same whichever profile turns out to be used. */
class Program {
  readonly #parts: ProgramParts;
  readonly #comingIn: ComingIn;
  readonly #account: OwnAccount;
  readonly #openLog: () => Promise<Logger>;
  readonly #names = new Set<string>();
  #host: DirectoryClientHost | null = null;
  #listens = false;
  #isLeaving = false;
  /** The directory has answered. */
  #isMet = false;
  /** Whoever has calls come without end doesn't ring without end. */
  readonly #bells = new TokenBucket(BELLS_PER_S, BELLS_BURST);
  #isListAsked = false;
  /** Lines for a call that came to nothing, beside those that the machine kept. */
  #unsaid = 0;
  /** The input has ended before one was in. */
  #hasEnded = false;
  /** Tells that the directory is still being looked for. */
  #looking: { cancel(): void } | null = null;
  /** Ends a script that has said all to a directory that isn't there. */
  #waiting: { cancel(): void } | null = null;
  #notices: readonly string[];

  constructor(parts: ProgramParts) {
    const { options, ui, given, notices } = parts;
    this.#parts = parts;
    this.#notices = notices;
    const { name, way: how } = options;
    this.#comingIn = new ComingIn({
      dialogue: ui.dialogue,
      way: how === null || name === null ? null : { how, name },
      name,
      given,
      refuse: (error) => showError(ui, error),
      logOut: () => this.#leave("log out"),
    });
    this.#account = new OwnAccount({
      comingIn: this.#comingIn,
      standing: parts.standing,
      mayAsk: ui.dialogue !== null,
      password: given?.newPassword || (given?.password ?? null),
      submit: (command, ref) => this.#host?.command(command, ref),
    });
    let log: Promise<Logger> | null = null;
    this.#openLog = () => log ??= openLog(options);
  }

  async run(): Promise<void> {
    const { options, ui } = this.#parts;
    ui.heedInterrupts((cause) => this.#interrupted(cause));
    // What is typed waits until one is in.
    this.#comingIn.begin();
    let name = options.name ?? (await this.#comingIn.way())?.name ?? null;
    while (name !== null && !this.#isLeaving) {
      const folder = profileFolder(options.dataFolder, name);
      const profileName: string = name;
      name = await withProfile(
        this.#openLog,
        { folder, lockMode: "registry" },
        (profile) => this.#runAs(profileName, { ...profile, ui }),
      );
      if (name === null) return;
    }
    ui.show({ event: "bye", reason: "quit" });
  }

  /** @returns Whose profile is to be used instead; null: the user has left. */
  async #runAs(name: string, wiring: Wiring): Promise<string | null> {
    this.#parts.standing.name = name;
    try {
      await this.#chat(name, wiring);
      return null;
    } catch (error) {
      if (!(error instanceof OtherProfile)) throw error;
      return error.way.name;
    }
  }

  async #chat(name: string, wiring: Wiring): Promise<void> {
    const { options, ui, standing } = this.#parts;
    const { disk, folder, environment, identity, knownPeers } = wiring;
    const store = await openRegistry(disk, `${folder}/registry`);
    let datagrams: Datagrams | null = null;
    let links: Links | null = null;
    try {
      datagrams = UdpDatagrams.listen(null, 0, environment.log);
      let host: DirectoryClientHost | null = null;
      const relays = new RelayNetwork(SYSTEM_LINK_CLOCK);
      links = openTcpLinks({
        host: options.host,
        port: options.port,
        identity: channelIdentity(wiring),
        env: environment,
        access: CALL_ACCESS,
        channel: CALL_CHANNEL,
        relays,
        handler: forwardTo(() => {
          invariant(host !== null, "links bring nothing before the host is there");
          return host;
        }),
      });
      const listening = listeningOf(options, links.local.port);
      environment.log.info("started", {
        version: VERSION,
        command: "peer",
        name,
        key: fingerprintOf(identity.signer.key),
        registry: endpointText(options.registry),
        listening: endpointText(links.local),
      });
      const directoryScope = `host:${
        endpointText({ ...options.registry, host: canonicalHost(options.registry.host) })
      }`;
      // Of the keys met at the directory whose key is known last.
      let scope = "";
      const config: Omit<ClientConfig, "records"> = {
        name: options.name,
        directory: options.registry,
        registry: registryText(options.registry),
        expect: keyPinned(knownPeers, directoryScope, DIRECTORY_NAME),
        listening,
        pinsOf: (key: PeerKey) => {
          scope = `directory:${fingerprintOf(key)}`;
          return pinnedKeys(knownPeers, scope);
        },
        verified: new Set(
          knownPeers.pins().filter(({ verified }) => verified).map((pin) => pin.fingerprint),
        ),
        isInteractive: ui.dialogue !== null,
        asksAgain: this.#comingIn.asksAgain,
        wait: options.wait,
        knownPeers: knownPeersPath(folder),
      };
      const profileNotices = identity.notice === null
        ? store.notices
        : [identity.notice, ...store.notices];
      this.#notices = [...this.#notices, ...profileNotices];
      host = this.#host = new DirectoryClientHost(config, {
        ...modePorts(wiring, links),
        pauseInput: (reason) => {
          if (reason !== null) standing.inputPauses();
          ui.pauseInput(reason);
        },
        signer: identity.signer,
        store,
        datagrams,
        relays,
        askToEnter: () => void this.#enter(name),
        show: (event, ref) => this.#show(event, ref, wiring),
        pin: (who, key, again) =>
          pinsIn(wiring, who === DIRECTORY_NAME ? directoryScope : scope)(who, key, again),
      });
      this.#looking = SYSTEM_LINK_CLOCK.at(SYSTEM_LINK_CLOCK.nowMs() + LOOKING_TOLD_MS, () => {
        ui.show({ event: "notice", text: `Looking for the directory at ${config.registry}` });
      });
      await runMode(wiring, links, host);
    } finally {
      this.#looking?.cancel();
      this.#waiting?.cancel();
      this.#host = null;
      await links?.shutdown("ended");
      await datagrams?.close();
      await store.close();
    }
  }

  /** Asks how to come in, and comes in so. Rejects for faults of our own alone, which end the program. */
  async #enter(profile: string): Promise<void> {
    const host = this.#host;
    const answer = await this.#comingIn.entry(profile);
    if (host === null || host !== this.#host) return;
    if (answer === null) this.#leave("nothing was answered");
    else if ("password" in answer) host.enter(answer);
    else host.giveUp(new OtherProfile(answer));
  }

  // What is shown.

  #show(event: ClientEvent, ref: string | undefined, wiring: Profile): void {
    const { ui, standing } = this.#parts;
    standing.shows(event);
    ui.show(shownRegistryEvent(event), ref);
    switch (event.event) {
      case "ready":
        this.#ready();
        break;
      case "directory":
        this.#isMet = true;
        this.#looking?.cancel();
        break;
      case "session":
        this.#looking?.cancel();
        this.#comingIn.over(event.state === "up");
        if (this.#hasEnded && event.state === "up") this.#leave("end of input");
        break;
      case "error":
        // Whoever may accept the key types it at the prompt.
        if (event.code === "key-changed" && !standing.wasUp) this.#comingIn.over(false);
        break;
      case "users":
        // What somebody asks for may be a part of the list.
        if (!this.#isListAsked) this.#offerNames(event.users.map(({ name }) => name));
        this.#isListAsked = false;
        break;
      case "presence":
        if (event.state === "offline") this.#names.delete(event.name);
        else this.#names.add(event.name);
        ui.setNames([...this.#names]);
        break;
      case "incoming":
        if (this.#bells.take(SYSTEM_LINK_CLOCK.nowMs())) ui.ring();
        break;
      case "verify":
        markVerified({ ...wiring, ui }, event.peerKey, ref);
    }
    ui.setPrompt(standing.prompt);
  }

  #ready(): void {
    const { ui } = this.#parts;
    for (const text of this.#notices) ui.show({ event: "notice", text });
    this.#notices = [];
    if (this.#listens) return;
    this.#listens = true;
    ui.listen({
      target: this.#target(),
      ended: () => this.#ended(),
      interrupted: (cause) => this.#interrupted(cause),
      logOut: () => this.#logOut(),
      lineBegins: () => this.#parts.standing.lineBegins(),
      lastLineRead: () => this.#inputEnds(),
      idle: () => this.#tellUnsaid(),
    });
  }

  /** All that was piped for a call which came to nothing has been read. */
  #tellUnsaid(): void {
    const { ui, standing } = this.#parts;
    standing.hasReadAll();
    if (this.#unsaid === 0) return;
    const what = this.#unsaid === 1
      ? "1 more line wasn't"
      : `${numberText(this.#unsaid)} more lines weren't`;
    ui.show({ event: "notice", text: `${what} said` });
    this.#unsaid = 0;
  }

  #offerNames(names: readonly string[]): void {
    this.#names.clear();
    for (const name of names) this.#names.add(name);
    this.#parts.ui.setNames(names);
  }

  // What the user asks.

  #target(): RegistryTarget {
    const { standing, rendering, ui } = this.#parts;
    const submit = (command: ClientCommand, ref: string | undefined) => {
      if (standing.where.place === "refused") {
        if (command.command === "say") return void this.#unsaid++;
        this.#tellUnsaid();
      }
      if (command.command === "list") {
        this.#isListAsked = true;
        rendering.listAsked();
      }
      standing.asks(command);
      this.#host?.command(command, ref);
      ui.setPrompt(standing.prompt);
    };
    return Object.assign(submit, {
      changePassword: (ref: string | undefined) => this.#account.changePassword(ref),
      forgetAccount: (ref: string | undefined) => this.#account.forget(ref),
    });
  }

  // Leaving.

  /** Ctrl+C ends one thing after the other: a question, a call, the program. */
  #interrupted(cause: InterruptCause): boolean {
    if (cause !== "interrupt") return this.#leave(cause);
    if (this.#account.giveUp()) return false;
    const { place, isJustOver } = this.#parts.standing.where;
    if (place === "lobby" && isJustOver && this.#parts.ui.dialogue !== null) {
      showError(this.#parts.ui, new P2pchatError("not-allowed", JUST_OVER_TEXT));
      return false;
    }
    if (place === "lobby") return this.#leave(cause);
    this.#host?.command({ command: "hang-up" }, undefined);
    return false;
  }

  /** Ctrl+X. */
  #logOut(): void {
    const { ui, standing } = this.#parts;
    if (standing.where.place === "lobby") return void this.#leave("log out");
    const text = "Ctrl+X logs out from the lobby: q ends the call first";
    showError(ui, new P2pchatError("not-allowed", text));
  }

  /** A script without a line comes in, too, before it leaves: it may have come to sign up. */
  #ended(): void {
    const { ui, standing } = this.#parts;
    this.#tellUnsaid();
    if (ui.dialogue !== null || standing.wasUp) return void this.#leave("end of input");
    this.#hasEnded = true;
    this.#inputEnds();
  }

  /** A script that has said all waits no longer for a directory that isn't there than for anything else. */
  #inputEnds(): void {
    this.#waiting ??= SYSTEM_LINK_CLOCK.at(SYSTEM_LINK_CLOCK.nowMs() + ENDED_WAIT_MS_MAX, () => {
      const { standing, options: { registry } } = this.#parts;
      if (standing.wasUp || this.#isMet) return;
      const text =
        `The directory at ${
          endpointText(registry)
        } can't be reached: nothing was done; check the ` +
        "address and that it runs";
      this.#host?.giveUp(new P2pchatError("unreachable", text));
    });
  }

  /** @returns That the program is leaving. */
  #leave(cause: string): boolean {
    const host = this.#host;
    this.#isLeaving = true;
    this.#comingIn.over(false);
    // A call that rings isn't waited for by whoever ends the program.
    const waits = cause === "end of input";
    if (!waits && this.#parts.standing.where.place === "calling") {
      host?.command({ command: "cancel" }, undefined);
    }
    host?.command({ command: "quit" }, undefined);
    return true;
  }
}

/** Where calls are taken, as `ready` tells it; others are told what the directory sees. */
function listeningOf({ host }: RegistryOptions, port: number): Endpoint {
  return { host: host !== null && !isUnspecified(host) ? host : addressOfThisMachine(), port };
}

/** As the user wrote it, nearly. */
function registryText(registry: Endpoint): string {
  return registry.port === REGSERVER_PORT_DEFAULT ? registry.host : endpointText(registry);
}
