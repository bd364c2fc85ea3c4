/** `p2pchat regserver`: connects the directory's machine to sockets, files and the user interface. */

import type { EngineAnswers } from "../../base/machine/engine_answers.ts";
import { P2pchatError } from "../../base/errors.ts";
import { endpointText, type PeerKey } from "../../base/ids.ts";
import type { EngineAddress } from "../../engine/engine_address.ts";
import type { DirectoryCommand, DirectoryEvent } from "../../protocols/directory/schema/events.ts";
import { DIRECTORY_LOG, type DirectoryRecord } from "../../protocols/directory/schema/records.ts";
import { DIRECTORY_CHANNEL } from "../../protocols/directory/schema/limits.ts";
import { DirectoryHost } from "../../runtime/hosts/directory_host.ts";
import type { Registrar } from "../../runtime/registrar.ts";
import type { Accounts } from "../../store/accounts/accounts.ts";
import { regserverFolder } from "../../store/disk/paths.ts";
import { identityPath } from "../../store/profile/identity.ts";
import type { Datagrams } from "../../transport/datagrams.ts";
import { forwardTo, type Links, openTo } from "../../transport/link.ts";
import { openTcpLinks } from "../../transport/tcp/tcp_links.ts";
import { UdpDatagrams } from "../../transport/udp_datagrams.ts";
import { openAccountsFile, openPasswordHasher } from "../tools/accounts_command.ts";
import { inputTo, type ModeInput, modePorts, runMode } from "../session/run_mode.ts";
import type { RegserverOptions } from "./regserver_arguments.ts";
import { OnlineNames } from "../rendering/online_names.ts";
import { randomBytes } from "../session/random_bytes.ts";
import { endpointForOthers } from "../session/advertised_address.ts";
import { type OpenedRecords, openRecords } from "../session/record_store.ts";
import { regserverCommands, type RegserverCommandSink } from "./regserver_commands.ts";
import { directoryText } from "../args/flags.ts";
import { regserverLines, type RegserverOwnEvent } from "./regserver_rendering.ts";
import type { RegserverMetering } from "../metrics/regserver_metering.ts";
import { measuring, observing, withMetering } from "../metrics/with_metering.ts";
import { People } from "../credentials/people.ts";
import {
  channelIdentity,
  logStarted,
  type Session,
  showNotices,
  warnBy,
  withSession,
} from "../session/mode_session.ts";

/** The file of broadcasts, and of the last one delivered to each account. */
const RECORDS_FILE = "broadcasts";

/** Attempts to find a free port for both TCP and UDP: a port that is free for one may be taken for the other. */
const FREE_PORT_TRIES = 10;

/**
 * After a restart all clients reconnect at once. They wait for a place instead of being refused and retrying ever
 * later, and handshakes in progress aren't cut off for others that wait. A thousand clients may share one address;
 * reconnecting within 45 s is guaranteed.
 */
export const WAITING_MAX = 1_024;
export const STRANGERS = {
  strangersMax: 256,
  unfinishedMs: 4_000,
  perAddressPerSecond: 40,
} as const;

/** Shown at a terminal at the first start. */
const FIRST_STEPS = "/help lists the commands, /exit ends the directory.";

/**
 * Runs until the operator ends it.
 * @throws {P2pchatError} The reason if it ends otherwise.
 */
export async function runRegserver(options: RegserverOptions): Promise<void> {
  const folder = regserverFolder(options.dataFolder);
  const mode = { commands: regserverCommands, render: regserverLines };
  await withSession(options, { folder, mode: "regserver" }, mode, async (session) => {
    await withMetering(options.metrics, loadMetering, session, async (metering) => {
      await direct({ ...session, options, metering });
    });
  });
}

async function loadMetering(): Promise<RegserverMetering> {
  const { RegserverMetering } = await import("../metrics/regserver_metering.ts");
  return new RegserverMetering();
}

interface Setting extends Session<RegserverOwnEvent, RegserverCommandSink> {
  readonly options: RegserverOptions;
  /** With `--metrics`. */
  readonly metering: RegserverMetering | null;
}

interface Wiring extends Setting {
  readonly operator: Operator;
}

/** What the operator types: for the directory, or before there is one to end the program. */
class Operator {
  readonly #input: ModeInput<DirectoryCommand>;
  readonly #left = Promise.withResolvers<{ readonly ref: string | undefined }>();
  #hasLeft = false;
  #isListening = false;
  #host: DirectoryHost | null = null;

  constructor(readonly setting: Setting) {
    this.#input = inputTo<DirectoryCommand>(
      setting,
      (command, ref) => this.#command(command, ref),
      () => this.#host,
    );
  }

  /** Resolves when the operator ends the program while there is no directory yet. */
  get left(): Promise<{ readonly ref: string | undefined }> {
    return this.#left.promise;
  }

  heedInterrupts(): void {
    this.setting.ui.heedInterrupts(this.#input.leave);
  }

  listen(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    this.setting.ui.setPrompt("regserver", null);
    this.setting.ui.listen(this.#input.handler);
  }

  directs(host: DirectoryHost): void {
    this.#host = host;
    if (this.#hasLeft) host.command({ command: "quit" }, undefined);
  }

  #command(command: DirectoryCommand, ref: string | undefined): void {
    if (this.#host !== null) return this.#host.command(command, ref);
    if (command.command === "quit") {
      this.#hasLeft = true;
      return this.#left.resolve({ ref });
    }
    const text = "There is no directory yet: its engine is waited for; /exit ends the program";
    this.setting.ui.show({ event: "error", code: "unreachable", text }, ref);
  }
}

async function direct(setting: Setting): Promise<void> {
  const wiring = { ...setting, operator: new Operator(setting) };
  const { disk, folder, options } = wiring;
  if (options.engine !== null) return await directOneOf(options.engine, wiring);
  const opened = await openAccountsFile(disk, folder);
  const store = await openRecords(disk, `${folder}/${RECORDS_FILE}`, DIRECTORY_LOG);
  try {
    await serve(wiring, { accounts: opened.accounts, shared: {} }, store, opened.notices);
  } finally {
    await store.close();
  }
}

/** Directs as one of several instances, once the engine that they share has answered. */
async function directOneOf(engine: EngineAddress, wiring: Wiring): Promise<void> {
  const { disk, folder, options, identity, ui, metering, operator } = wiring;
  const { joinDirectoryEngine } = await import("../engine/directory_engine.ts");
  const { unusedAccounts } = await import("../engine/unused_accounts.ts");
  operator.heedInterrupts();
  const instance = randomBytes(16).toHex();
  const joined = await Promise.race([
    operator.left,
    joinDirectoryEngine(engine, options, {
      key: identity.fingerprint,
      keyFile: identityPath(await Deno.realPath(folder)),
      clientsMax: options.clientsMax,
      instance,
      notice: (text) => showNotices(ui, text),
      warn: warnBy(ui),
      waits: () => {
        metering?.waitsForEngine();
        operator.listen();
      },
    }),
  ]);
  if (!("registrar" in joined)) return ui.show({ event: "bye", reason: "quit" }, joined.ref);
  const { accounts, registrar, nodes } = joined;
  const store = sharedRecords(joined.store, identity.signer.key);
  const unused = await unusedAccounts(disk, await Deno.realPath(folder));
  try {
    const shared = { instance, registrar, engine: () => nodes.answers(registrar.trouble) };
    await serve(wiring, { accounts, shared }, store, unused);
  } finally {
    nodes.close();
    await registrar.close();
  }
}

/** What an instance finds where others have a log: all the rest comes from the engine, and goes there. */
function sharedRecords(store: string, directory: PeerKey): OpenedRecords<DirectoryRecord> {
  const nothing = () => Promise.resolve();
  const records: DirectoryRecord[] = [{ kind: "store", store, last: 0, directory }];
  return { records, notices: [], bytes: 0, append: nothing, rewrite: nothing, close: nothing };
}

/** What the directory has of who may come in, and who is. */
interface Registers {
  readonly accounts: Accounts;
  /** Of several instances. */
  readonly shared: {
    readonly instance?: string;
    readonly registrar?: Registrar;
    readonly engine?: () => EngineAnswers;
  };
}

async function serve(
  wiring: Wiring,
  { accounts, shared: { instance, ...shared } }: Registers,
  store: OpenedRecords<DirectoryRecord>,
  accountNotices: readonly string[],
): Promise<void> {
  const { options, environment, identity, ui, metering, operator } = wiring;
  let host: DirectoryHost | null = null;
  let stopMeeting = () => {};
  let handler = forwardTo(() => host);
  const beside = options.meeting === null
    ? null
    : await import("../../runtime/hosts/meeting_point_host.ts"); // most directories are none
  const access = openTo("directory");
  const routers = options.mapPort ? await import("../routers/mapped_port.ts") : null;
  const mapping = routers === null ? null : new routers.MappedPort({
    environment,
    transports: ["tcp", "udp"],
    notice: (text) => showNotices(ui, text),
    warn: warnBy(ui),
    joinedBy: (external) => `p2pchat peer NAME --registry ${endpointText(external)}`,
    self: { mode: "directory", key: identity.signer.key, secret: () => null },
  });
  const present = forwardTo(() => handler);
  const { links, datagrams } = await listen(options, (port) =>
    openTcpLinks({
      host: options.host,
      port,
      identity: channelIdentity(wiring),
      env: environment,
      warn: warnBy(ui),
      access: beside === null ? access : { ...access, meeting: access },
      channel: DIRECTORY_CHANNEL,
      strangers: STRANGERS,
      waitingMax: WAITING_MAX,
      handler: mapping?.noticing(present) ?? present,
      ...observing(metering),
    }), (port) => UdpDatagrams.listen(options.host, port, environment.log));
  try {
    const listening = endpointForOthers(options, links.local.port, wiring.outward);
    logStarted(wiring, "regserver", {
      listening: endpointText(links.local),
      advertised: endpointText(listening),
      accounts: accounts.size,
    });
    const ready = () => {
      ui.setNames(() => names.all);
      showNotices(ui, ...identity.takeNotices(), ...accountNotices, ...store.notices);
      if (options.meeting !== null) {
        showNotices(
          ui,
          `Rooms meet here with: p2pchat mesh NAME --meet ${directoryText(listening)}`,
        );
      }
      metering?.tell();
      if (identity.isNew && ui.interactive) showNotices(ui, FIRST_STEPS);
      operator.listen();
      mapping?.start(links.local.port);
    };
    const { clock } = modePorts(wiring, links);
    const meeting = options.meeting && beside && new beside.MeetingPointHost(options.meeting, {
      ...{ clock, environment, links },
      failed: (error) => host?.giveUp(error),
      ...(metering === null ? {} : {
        around: (machine) => metering.aroundPoint(machine),
        banned: () => metering.banned(),
      }),
    });
    if (meeting !== null) {
      handler = meeting.beside(handler);
      stopMeeting = () => meeting.stop();
    }
    const { guests, broadcast, ttlMs, clientsMax, signUpsMax, relays } = options;
    const policy = { guests, broadcast, ttlMs, clientsMax, signUpsMax, relays };
    const names = new OnlineNames();
    const people = new People<DirectoryEvent>(wiring, null, undefined, false);
    const ofInstance = instance === undefined ? {} : { instance };
    const announced = () => mapping?.announced ?? null;
    const { hasher } = openPasswordHasher();
    metering?.measure(() => host === null ? [] : [host], () => hasher.waiting);
    host = new DirectoryHost({ listening, announced, ...policy, ...ofInstance }, {
      ...modePorts(wiring, links),
      signer: identity.signer,
      store,
      accounts,
      ...shared,
      ...(meeting === null ? {} : { meeting: () => meeting.counts }),
      hasher,
      datagrams,
      ...measuring(metering),
      show: (event, ref) => {
        if (metering?.takes(event, ref) === true) return;
        people.show(event, ref);
        heed(event, names, ready);
      },
      keepAnswer: (answer) => people.keep(answer),
    });
    operator.heedInterrupts();
    operator.directs(host);
    const { run } = host;
    await runMode(wiring, links, { run: run.bind(host) });
  } finally {
    await Promise.all([links.shutdown("ended"), datagrams.close(), mapping?.close()]);
    stopMeeting();
  }
}

/** Listens for TCP and UDP at the same port. @throws {P2pchatError} `port-in-use` or `unreachable`. */
async function listen(
  { port }: RegserverOptions,
  openLinks: (port: number) => Links,
  openDatagrams: (port: number) => Datagrams,
): Promise<{ readonly links: Links; readonly datagrams: Datagrams }> {
  for (let tries = 1;; tries++) {
    const links = openLinks(port);
    try {
      return { links, datagrams: openDatagrams(links.local.port) };
    } catch (error) {
      await links.shutdown("ended");
      const isTaken = error instanceof P2pchatError && error.code === "port-in-use";
      if (port !== 0 || !isTaken || tries === FREE_PORT_TRIES) throw error;
    }
  }
}

function heed(event: DirectoryEvent, names: OnlineNames, ready: () => void): void {
  switch (event.event) {
    case "ready":
      return ready();
    case "login":
    case "logout":
      return names.changed(event.name, event.event === "login");
  }
}
