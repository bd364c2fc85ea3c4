/** `p2pchat peer --server`: wires a member's machine to sockets, files and the user interface. */

import { P2pchatError } from "../../base/errors.ts";
import { dropOldest } from "../../base/collections/bounded.ts";
import { type Endpoint, endpointText, type PeerKey } from "../../base/ids.ts";
import type { Clock } from "../../base/machine/clock.ts";
import type { Environment, Logger } from "../../base/machine/environment.ts";
import { WAIT_MS_MAX } from "../../base/machine/mode_limits.ts";
import { entriesText, numberText } from "../../base/text/words.ts";
import { isLoopback, isUnspecified } from "../../base/text/endpoints.ts";
import { type Fingerprint, fingerprintOf } from "../../base/text/fingerprint.ts";
import { shownName } from "../../base/text/names.ts";
import type { MemberCommand, MemberEvent } from "../../protocols/group/schema/events.ts";
import type { GroupInvite } from "../../protocols/group/schema/group_secrets.ts";
import { COORDINATOR_NAME } from "../../protocols/group/schema/history.ts";
import type { MemberConfig } from "../../protocols/group/schema/member_io.ts";
import type { ChannelIdentity } from "../../protocols/noise/channel_handshake.ts";
import { MemberHost } from "../../runtime/hosts/member_host.ts";
import type { Datagrams } from "../../transport/datagrams.ts";
import {
  EXPECT_ANYBODY,
  forwardTo,
  type LinkHandler,
  type Links,
  openTo,
} from "../../transport/link.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import { atFirstFree } from "../../transport/sockets.ts";
import { openTcpLinks } from "../../transport/tcp/tcp_links.ts";
import { UdpDatagrams } from "../../transport/udp_datagrams.ts";
import { MEMBER_PORTS, SERVE_PORT_DEFAULT } from "../args/options.ts";
import { type MemberOptions, withInvite } from "./member_arguments.ts";
import { unsealing } from "../credentials/unsealing.ts";
import { People } from "../credentials/people.ts";
import {
  isVerified,
  keyPinned,
  pinnedKeys,
  pinsIn,
  serverKeyPinned,
} from "../credentials/pinned_keys.ts";
import type { Advice, KeptPlace, WaitingLines } from "../rendering/user_interface.ts";
import { endpointForOthers } from "../session/advertised_address.ts";
import { LastSeen, shownAgain } from "../session/last_seen.ts";
import { inputTo, modePorts, runMode, sayBye } from "../session/run_mode.ts";
import { ServerAddresses } from "../session/server_addresses.ts";
import {
  askUser,
  channelIdentity,
  FIRST_STEPS,
  knownPeersPath,
  logStarted,
  type Session,
  showFailure,
  showNotices,
  warnBy,
  withSession,
} from "../session/mode_session.ts";
import { openGroup } from "./group_store.ts";
import { asWritten, memberCommands, type MemberCommandSink } from "./member_commands.ts";
import { groupsFolder, logPathOf, type MemberPlace, MemberPlaces } from "./member_place.ts";
import { CATCHING_UP_TOLD_MS, type MemberOwnEvent, MemberRendering } from "./member_rendering.ts";
import { processStreams } from "../streams/streams.ts";
import { openAskedDoors } from "../opened_doors/asked_doors.ts";

/** Runs until the user leaves. @throws {P2pchatError} The reason if it ends otherwise. */
export async function runMember(given: MemberOptions): Promise<void> {
  const taken = await withInvite(given, processStreams());
  const rendering = new MemberRendering();
  const mode = { commands: memberCommands, render: rendering.lines.bind(rendering) };
  const unseal = unsealing(given, given.name);
  await withSession(given, { folder: given, mode: "group", unseal }, mode, async (session) => {
    await openAskedDoors(session, given, "group", () => {
      const forDoors = new MemberRendering();
      return forDoors.lines.bind(forDoors);
    });
    const joined = given.words === null
      ? { ...taken, byWords: false }
      : await (await import("./member_by_words.ts")).memberByWords(session, given.words, given);
    if (joined === null) return sayBye(session, { kind: "bye", reason: "quit", ref: undefined });
    const { options, invite, byWords } = joined;
    const { disk, folder, knownPeers, ui } = session;
    const logPath = options.logPath === null ? null : await logPathOf(disk, options.logPath);
    const keyAt = (address: string) => keyPinned(knownPeers, scopeOf(address), COORDINATOR_NAME);
    const places = await MemberPlaces.open(disk, groupsFolder(folder), keyAt);
    const relay = new MemberRelay();
    const { handler, leave } = inputTo<MemberCommand>(
      session,
      relay.command,
      () => relay.host,
    );
    const target: MemberCommandSink = (command, ref) => {
      handler.target(ui.interactive ? command : asWritten(command), ref);
    };
    const waiting = new WaitingInput(SYSTEM_LINK_CLOCK, ({ areAll, count }) => {
      handler.target({ command: "give-up", lines: count(), areAll }, undefined);
    });
    const inputWaits = (lines: WaitingLines) => waiting.waits(lines);
    let isListening = false;
    const listen = onceOnly(() => {
      isListening = true;
      ui.listen({ ...handler, target, inputWaits });
    });
    const replays = (entries: number) => {
      const count = shownAgain(options, ui);
      if (count !== null) rendering.replays(entries, count);
    };
    const isLeftOut = (event: MemberEvent) => options.json && rendering.isLeftOut(event);
    const input = { relay, waiting, leave, listen };
    const common = {
      ...session,
      options,
      invite,
      byWords,
      logPath,
      places,
      ...input,
      isOpen: options.invite.from === "none",
      mayAsk: () => ui.interactive && !isListening,
      replays,
      isLeftOut,
    };
    try {
      await chatWhereItIs(common);
    } catch (error) {
      if (!byWords) throw error;
      throw (await import("../words/taken_name.ts")).usedUp(error);
    } finally {
      waiting.close();
    }
  });
}

/** The parts of the program that don't depend on where the group's data turns out to be stored. */
interface Program extends Session<MemberOwnEvent, MemberCommandSink> {
  readonly options: MemberOptions;
  /** The invite with which we join; null where there is none. */
  readonly invite: GroupInvite | null;
  /** Whether it was given by words, so that the coordinator's key is verified. */
  readonly byWords: boolean;
  /** Whether the user wants into an open group, where the profile was in a private one before. */
  readonly isOpen: boolean;
  /** Whether the user can be asked something before the prompt is there. */
  mayAsk(): boolean;
  /** The path of the log given by `--db`; null: the last one used. */
  readonly logPath: string | null;
  readonly places: MemberPlaces;
  readonly relay: MemberRelay;
  readonly waiting: WaitingInput;
  /** Makes the program leave; logs `cause`. @returns That the program is leaving. */
  leave(cause: string): boolean;
  /** Starts taking input; only the first call has an effect. */
  listen(): void;
  /** Announces that this many stored entries are about to be shown. */
  replays(entries: number): void;
  /** Whether a script isn't shown this one of them; at a terminal they are left out as they are rendered. */
  isLeftOut(event: MemberEvent): boolean;
}

interface Wiring extends Program {
  readonly place: MemberPlace;
  readonly logPath: string;
  /** Notices to the user about the place. */
  readonly notices: readonly (string | Advice)[];
}

/** Thrown where the coordinator that answers is one whose group is stored in another place. */
class KeptElsewhere extends Error {
  constructor(readonly place: MemberPlace) {
    super(`the group is kept in ${place.folder}`);
  }
}

/**
 * Chats with the data of the group's one place, by whatever address its coordinator is dialled: the coordinator's key,
 * known once it answers, identifies the place.
 */
async function chatWhereItIs(program: Program): Promise<void> {
  const { places, options: { server, serverKey }, logPath, ui } = program;
  const firstSteps = ui.interactive && places.all.length === 0 ? [FIRST_STEPS] : [];
  const named = await places.at(server);
  const elsewhere = !places.mayBeElsewhere(named)
    ? null
    : serverKey === null
    ? await placeOfWhoAnswers(program)
    : places.of(serverKey);
  let place = elsewhere ?? named;
  for (let { isOpen } = program;;) {
    const notices = place === named ? firstSteps : [otherAddressText(server, place)];
    try {
      return await chat({ ...program, isOpen, place, logPath: logPath ?? place.logPath, notices });
    } catch (error) {
      if (error instanceof KeptElsewhere) {
        place = error.place;
        continue;
      }
      const isKeptRefused = error instanceof P2pchatError && error.code === "bad-credentials" &&
        program.invite === null && place.secrets.length > 0 && !isOpen;
      if (!isKeptRefused || !program.mayAsk() || !await joinsOpen(program)) throw error;
      isOpen = true;
    }
  }
}

/** Asks whether to join an open group where the profile was in a private one before. */
async function joinsOpen({ ui }: Program): Promise<boolean> {
  const answer = (typed: string) => /^y(es)?$/i.test(typed);
  return await askUser(ui, NOT_PRIVATE, "Join an open group there? (y/n) ", answer) ?? false;
}

const NOT_PRIVATE =
  "Your invite opens nothing there now. The group may be open: then anybody who " +
  "reaches it reads what you say";

function otherAddressText(server: Endpoint, { address }: MemberPlace): string {
  return `The coordinator at ${
    endpointText(server)
  } is the one known at ${address}: this profile has one log for both addresses`;
}

/** Asks who answers at a new address; null where nobody does, or a coordinator that wasn't met before. */
async function placeOfWhoAnswers(program: Program): Promise<MemberPlace | null> {
  const { places, options: { server }, environment, ui, leave } = program;
  const { answer, cancel } = askWho(server, channelIdentity(program), environment);
  ui.heedInterrupts((cause) => {
    cancel();
    return leave(cause);
  });
  const address = endpointText(server);
  const { nowMs } = SYSTEM_LINK_CLOCK;
  const told = SYSTEM_LINK_CLOCK.at(nowMs() + ASKING_TOLD_MS, () => {
    ui.progress(`Asking who is at ${address}, an address that is new to this profile`);
  });
  const key = await answer;
  told.cancel();
  ui.progress(null);
  return key === null ? null : places.of(key);
}

/** Asking isn't reported if it takes less than this. */
const ASKING_TOLD_MS = 1_000;

function scopeOf(address: string): string {
  return `group:${address}`;
}

function onceOnly(work: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    work();
  };
}

type OpenedGroup = Awaited<ReturnType<typeof openGroup>>;

async function chat(wiring: Wiring): Promise<void> {
  const { options, place, logPath, disk, environment, identity, ui, relay } = wiring;
  const notice = (text: string) => showNotices(ui, text);
  const { crypto } = environment;
  const ports = { disk, crypto, pid: Deno.pid, startedMs: performance.timeOrigin, notice };
  const isKnown = logPath === place.logPath;
  const group = await openGroup(ports, { folder: place.folder, db: logPath, isKnown });
  // Shown before the log's entries: after these, the user would think that entries fetched since are still missing.
  showNotices(ui, ...group.notices);
  let datagrams: Datagrams | null = null;
  let links: Links | null = null;
  let forScripts: KeptPlace | undefined;
  try {
    forScripts = await ui.keepIn?.(disk, place.folder);
    datagrams = openDatagrams(options, place.lastPort, environment.log);
    await place.remember({ server: options.server, logPath, port: datagrams.local.port });
    const channel = channelIdentity(wiring);
    let host: MemberHost | null = null;
    links = openTcpLinks({
      host: null,
      port: null, // the coordinator is dialled
      identity: channel,
      env: environment,
      warn: warnBy(wiring.ui),
      access: openTo("group"),
      handler: guarded(wiring, () => host),
    });
    const scope = scopeOf(place.address);
    if (wiring.byWords && wiring.invite !== null) {
      await showFailure(ui, coordinatorVerified(wiring, scope, wiring.invite.coordinator));
    }
    const known = await ServerAddresses.open(disk, place.folder);
    const instances = [...options.otherServers, ...known.of(place.address)];
    const config = { ...configOf(wiring, group, datagrams.local.port, scope), instances };
    logStarted(wiring, "peer", {
      name: options.name,
      server: endpointText(options.server),
      datagrams: endpointText(datagrams.local),
      advertised: config.host,
      logFile: logPath,
    });
    wiring.replays(group.history?.seq ?? 0);
    const seen = await LastSeen.open(disk, place.folder, notice);
    const presenter = new Presenter(wiring, wiring.notices, seen, group.history?.seq ?? 0);
    host = new MemberHost(config, {
      ...modePorts(wiring, links),
      clock: SYSTEM_LINK_CLOCK,
      signer: identity.signer,
      identity: channel,
      datagrams,
      store: group.store,
      log: group.log,
      show: (event, ref) => {
        if (event.event === "ready" && wiring.isOpen) void showFailure(ui, place.forgetSecrets());
        presenter.show(event, ref);
      },
      keepAnswer: (answer) => presenter.people.keep(answer),
      pin: pinsIn(wiring, scope),
      keepSecret: (secret) => showFailure(ui, place.keepSecret(secret)),
      keepAddresses: (addresses) => showFailure(ui, known.keep(place.address, addresses)),
    });
    ui.heedInterrupts(wiring.leave);
    const ended = runMode(wiring, links, host);
    relay.use(host);
    await ended.finally(() => presenter.leaves());
  } finally {
    relay.release();
    await links?.shutdown("ended");
    await datagrams?.close();
    await forScripts?.close();
    await group.store.close();
  }
}

/** Whoever proved to know the words is the coordinator. Another key that is known there stays, and is told. */
async function coordinatorVerified(
  { knownPeers, environment }: Wiring,
  scope: string,
  key: PeerKey,
): Promise<void> {
  const wallMs = environment.wallMs();
  if (knownPeers.check(scope, COORDINATOR_NAME, key).type === "changed") return;
  await knownPeers.pin(scope, COORDINATOR_NAME, key, wallMs);
  await knownPeers.verify(COORDINATOR_NAME, key, wallMs);
}

/** Passes the links' events on to the host, which gives up if the coordinator that answers has another place. */
function guarded(
  { place, places, relay, first }: Wiring,
  host: () => MemberHost | null,
): LinkHandler {
  const handler = forwardTo(host);
  let isMet = places.isMet(place);
  if (isMet) relay.met();
  return {
    ...handler,
    linkUp(link, info) {
      const other = isMet ? null : places.of(fingerprintOf(info.peer));
      if (other !== null) return host()?.giveUp(new KeptElsewhere(other));
      isMet = true;
      relay.met();
      first.asks();
      handler.linkUp(link, info);
    },
  };
}

function configOf(
  wiring: Wiring,
  { history, last }: OpenedGroup,
  port: number,
  scope: string,
): Omit<MemberConfig, "records"> {
  const { options, invite, isOpen, place, knownPeers, folder, logPath } = wiring;
  const { name, server, serverKey, wait } = options;
  const pins = pinnedKeys(knownPeers, scope);
  const isUsualPort = server.port === SERVE_PORT_DEFAULT;
  const listening = endpointForOthers(options, port, wiring.outward);
  return {
    name,
    coordinator: server,
    server: isUsualPort ? server.host : endpointText(server),
    expect: serverKeyPinned(wiring, {
      scope,
      name: COORDINATOR_NAME,
      title: `coordinator at ${place.address}`,
    }, serverKey),
    given: serverKey,
    isServerVerified: isVerified(knownPeers, scope, COORDINATOR_NAME),
    port: listening.port,
    host: advertisedHost(options),
    listening,
    pins,
    refused: knownPeers.refused(),
    verified: knownPeers.verified(),
    history,
    last,
    files: { log: logPath, knownPeers: knownPeersPath(folder) },
    wait,
    isInvited: invite !== null,
    secrets: [invite?.secret ?? null, ...isOpen ? [] : place.secrets]
      .filter((secret) => secret !== null),
  };
}

/** The host name or address to announce for datagrams; null: the coordinator uses the address that it sees. */
function advertisedHost({ advertise, host }: MemberOptions): string | null {
  if (advertise !== null) return advertise.host;
  return host !== null && !isUnspecified(host) && !isLoopback(host) ? host : null;
}

/**
 * Opens a UDP socket at the port in the options; without one, at the last port used or else the first of the usual
 * ports that is free.
 * @throws {P2pchatError} `port-in-use` or `unreachable`.
 */
function openDatagrams(
  { host, port }: MemberOptions,
  lastPort: number | null,
  log: Logger,
): Datagrams {
  if (port !== null) return UdpDatagrams.listen(host, port, log);
  const { first, last } = MEMBER_PORTS;
  const usual = Array.from({ length: last - first + 1 }, (_, at) => first + at);
  const ports = lastPort === null ? usual : [lastPort, ...usual];
  return atFirstFree(ports, (free) => UdpDatagrams.listen(host, free, log));
}

/** Ignored ones whose edits were refused: more than any view has members. */
const REFUSED_MAX = 1_000;

/** Shows events, keeps prompt and completion up to date, and starts taking input when the member is ready. */
class Presenter {
  #catchingUpSinceMs: number | null = null;
  /** When the last of the entries that were in the log at the start was said; null: the user was told what is new. */
  #lastStored: string | null = "";
  readonly people: People<MemberEvent>;
  /** Ignored ones whose edits were refused, by name. */
  readonly #refused = new Set<string>();

  /** @param stored How many entries the log has at the start. */
  constructor(
    readonly wiring: Wiring,
    readonly notices: readonly (string | Advice)[],
    readonly seen: LastSeen,
    readonly stored: number,
  ) {
    const scope = scopeOf(wiring.place.address);
    this.people = new People(wiring, wiring.options.name, { scope, name: COORDINATOR_NAME });
  }

  show(event: MemberEvent, ref: string | undefined): void {
    if (this.wiring.isLeftOut(event)) return;
    this.#tellReturned(event);
    if (event.event === "catching-up") this.#progress(event.done, event.of);
    if (!this.people.show(event, ref)) {
      if (event.event === "vote-wanted") this.#refuse(event);
      return;
    }
    switch (event.event) {
      case "ready":
        return this.#ready(event);
      case "view":
        return this.#offerNames(event.members);
      case "coordinator":
        if (event.state === "up") this.wiring.waiting.letIn();
        return;
    }
  }

  /** The user ignores who asks: nobody waits for an answer. The user is told so, once of each. */
  #refuse({ edit, by }: MemberEvent & { readonly event: "vote-wanted" }): void {
    const { relay, ui } = this.wiring;
    relay.command({ command: "abort", edit }, undefined);
    if (this.#refused.has(by)) return;
    this.#refused.add(by);
    dropOldest(this.#refused, REFUSED_MAX);
    const name = shownName(by);
    showNotices(
      ui,
      `${name}, whom you ignore, wants to change an entry: this program says no, as each time that ${name} asks; ` +
        `/unignore ${name} has it ask you`,
    );
  }

  /** Below what was in the log at the start: since when the user was away. */
  #tellReturned(event: MemberEvent): void {
    if (this.#lastStored === null) return;
    const { options, ui, environment } = this.wiring;
    if (event.event === "message" && event.seq <= this.stored) {
      this.#lastStored = event.sentAt;
    } else if (event.event === "message" || event.event === "ready") {
      const nowMs = environment.wallMs();
      const returned = this.seen.returned(nowMs, this.#lastStored);
      this.#lastStored = null;
      this.seen.here(environment.wallMs);
      if (returned !== null && (shownAgain(options, ui) ?? 0) > 0) ui.show(returned);
    }
  }

  /** Who was refused, or left before the coordinator answered, wasn't there. */
  async leaves(): Promise<void> {
    if (this.#lastStored === null) await this.seen.leave(this.wiring.environment.wallMs());
  }

  #ready({ name, members }: MemberEvent & { readonly event: "ready" }): void {
    const { ui, identity, first } = this.wiring;
    first.isIn();
    ui.setPrompt(`${shownName(name)} @group`, name);
    this.#offerNames(members);
    showNotices(ui, ...identity.takeNotices(), ...this.notices);
    this.wiring.listen();
  }

  /** Shows the progress of catching up, unless it takes less than a second. */
  #progress(done: number, of: number): void {
    const { ui } = this.wiring;
    const nowMs = SYSTEM_LINK_CLOCK.nowMs();
    const sinceMs = this.#catchingUpSinceMs ??= nowMs;
    if (done >= of) {
      this.#catchingUpSinceMs = null;
      ui.progress(null);
    } else if (nowMs - sinceMs >= CATCHING_UP_TOLD_MS) {
      ui.progress(`Catching up: ${numberText(done)} of ${entriesText(of)}`);
    }
  }

  #offerNames(members: readonly string[]): void {
    const { ui, options } = this.wiring;
    ui.setNames(() => members.filter((name) => name !== options.name));
  }
}

// Asks which coordinator listens at an address.

const ATTEMPT = 1;

export interface Question {
  /** The key of the coordinator that answers; null where none does within 10 s. Never rejects. */
  readonly answer: Promise<Fingerprint | null>;
  cancel(): void;
}

/** Connects once, only to learn the key. */
function askWho(
  server: Endpoint,
  identity: ChannelIdentity,
  environment: Environment,
): Question {
  const { promise, resolve } = Promise.withResolvers<Fingerprint | null>();
  const links = openTcpLinks({
    host: null,
    port: null,
    identity,
    env: environment,
    access: openTo("group"),
    handler: {
      linkUp: (_link, { peer }) => resolve(fingerprintOf(peer)),
      dialFailed: (_attempt, { reason, text }) => {
        environment.log.info("nobody answered at a new address", { reason, text });
        resolve(null);
      },
      frame() {},
      linkDown() {},
      congested() {},
      drained() {},
      aged() {},
    },
  });
  links.dial(ATTEMPT, server, EXPECT_ANYBODY);
  const answer = promise.finally(() => links.shutdown("asked who is there"));
  return { answer, cancel: () => links.cancelDial(ATTEMPT) };
}

// The end of a script whose lines wait for a server: input that has come to its end waits no longer than anything
// else, and neither does more input than is held, of a program that the server has never let in.

/** How often it is looked whether a line has been run. */
const LOOK_MS = 1_000;

export class WaitingInput {
  readonly #clock: Clock;
  readonly #giveUp: (waiting: WaitingLines) => void;
  #wasIn = false;
  #deadline: { cancel(): void } | null = null;

  /** @param giveUp Called once, when no line has been run for 10 s. */
  constructor(clock: Clock, giveUp: (waiting: WaitingLines) => void) {
    this.#clock = clock;
    this.#giveUp = giveUp;
  }

  /** No more is read for now. */
  waits(waiting: WaitingLines): void {
    this.close();
    this.#lookLater(waiting, waiting.count(), this.#clock.nowMs());
  }

  /** @param sinceMs Since when there have been so many `lines`. */
  #lookLater(waiting: WaitingLines, lines: number, sinceMs: number): void {
    this.#deadline = this.#clock.at(this.#clock.nowMs() + LOOK_MS, () => {
      const nowMs = this.#clock.nowMs();
      const left = waiting.count();
      if (left === 0 || (!waiting.areAll && this.#wasIn)) return;
      if (left === lines && nowMs - sinceMs >= WAIT_MS_MAX) this.#giveUp(waiting);
      else this.#lookLater(waiting, left, left === lines ? sinceMs : nowMs);
    });
  }

  /** The server has let the program in. */
  letIn(): void {
    this.#wasIn = true;
  }

  close(): void {
    this.#deadline?.cancel();
  }
}

// Passes the user's commands on to the current host. A host that hasn't met its coordinator may be replaced by
// another one, which gets the commands meant for the group again.

interface Typed {
  readonly command: MemberCommand;
  readonly ref: string | undefined;
}

/** Commands to repeat; others are answered at once, and must not be answered twice. */
const KEPT: ReadonlySet<MemberCommand["command"]> = new Set(["msg", "quit"]);

type Host = Pick<MemberHost, "command" | "answer">;

export class MemberRelay {
  #host: Host | null = null;
  #kept: Typed[] = [];
  #hasMet = false;

  readonly command = (command: MemberCommand, ref: string | undefined): void => {
    const host = this.#host;
    if (host === null || (!this.#hasMet && KEPT.has(command.command))) {
      this.#kept.push({ command, ref });
    }
    host?.command(command, ref);
  };

  /** The present host; null where there is none. */
  get host(): Host | null {
    return this.#host;
  }

  /** Another host, which has started, takes over. */
  use(host: Host): void {
    const typed = this.#kept;
    this.#host = host;
    this.#kept = this.#hasMet ? [] : typed.filter(({ command }) => KEPT.has(command.command));
    for (const { command, ref } of typed) host.command(command, ref);
  }

  /** The host is gone; commands wait for the next one. */
  release(): void {
    this.#host = null;
  }

  /** The coordinator is known now: the present host, or the next one, won't be replaced. */
  met(): void {
    this.#hasMet = true;
    if (this.#host !== null) this.#kept = [];
  }
}
