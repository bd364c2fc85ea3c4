/** `p2pchat serve`: connects the coordinator's machine to sockets, files and the user interface. */

import type { Environment } from "../../base/machine/environment.ts";
import { P2pchatError } from "../../base/errors.ts";
import { invariant } from "../../base/invariant.ts";
import { endpointText } from "../../base/ids.ts";
import { RetryPauses } from "../../base/rates/retry_pauses.ts";
import type { CoordinatorCommand, CoordinatorEvent } from "../../protocols/group/schema/events.ts";
import type { CoordinatorRecord } from "../../protocols/group/schema/records.ts";
import { groupOf } from "../../protocols/group/coordinator/coordinator_log.ts";
import { accessFault, accessText } from "../../protocols/group/schema/founding.ts";
import {
  groupChannelSecret,
  GroupSecrets,
  parseGroupInvite,
} from "../../protocols/group/schema/group_secrets.ts";
import { isPresentSecret } from "../../base/text/invite_text.ts";
import { COORDINATOR_GOODBYE } from "../../protocols/group/schema/messages.ts";
import type { ChannelIdentity } from "../../protocols/noise/identity_handshake.ts";
import { CoordinatorHost } from "../../runtime/hosts/coordinator_host.ts";
import type { StandByHost } from "../../runtime/hosts/stand_by_host.ts";
import type { RecordStore } from "../../runtime/record_log.ts";
import { type Disk, folderOf, writeAll } from "../../store/disk/disk.ts";
import { asideNames, FORMER_INFIX } from "../../store/disk/replacement.ts";
import { serveFolder, STATE_FILE } from "../../store/disk/paths.ts";
import { forwardTo, type Links, openTo } from "../../transport/link.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import type { Datagrams } from "../../transport/datagrams.ts";
import { UdpDatagrams } from "../../transport/udp_datagrams.ts";
import { openTcpLinks } from "../../transport/tcp/tcp_links.ts";
import type { MappedPort } from "../routers/mapped_port.ts";
import type { GroupEngine, LedGroup } from "./group_engine.ts";
import { defaultLog, openCoordinator, type ServedGroup } from "./group_store.ts";
import type { ServeOptions } from "./serve_arguments.ts";
import { InputPause, inputTo, type ModeInput, modePorts, runMode } from "../session/run_mode.ts";
import { endpointForOthers } from "../session/advertised_address.ts";
import { People } from "../credentials/people.ts";
import { pinnedKeys, pinsIn } from "../credentials/pinned_keys.ts";
import { serveCommands, type ServeCommandSink } from "./serve_commands.ts";
import { serveLines, type ServeOwnEvent } from "./serve_rendering.ts";
import {
  channelIdentity,
  logStarted,
  type Session,
  showError,
  showNotices,
  warnBy,
  withSession,
} from "../session/mode_session.ts";
import { WordInvites } from "../words/word_invites.ts";
import type { ServeMetering } from "../metrics/serve_metering.ts";
import { measuring, observing, withMetering } from "../metrics/with_metering.ts";
import { SnapshotStore } from "../tools/snapshot_store.ts";
import { columnsOf } from "../streams/streams.ts";

/** The scope of members' keys in `known_peers`; a data folder has only one coordinator. */
const SCOPE = "serve";

/** Shown at a terminal at the first start. */
const FIRST_STEPS = "/help lists the commands, /exit ends the coordinator.";

/**
 * Runs until the operator ends it.
 * @throws {P2pchatError} The reason if it ends otherwise.
 */
export async function runServe(options: ServeOptions): Promise<void> {
  const folder = serveFolder(options.dataFolder);
  const mode = { commands: serveCommands, render: serveLines };
  await withSession(options, { folder, mode: "serve" }, mode, async (session) => {
    await withMetering(options.metrics, loadMetering, session, async (metering) => {
      await new Service({ ...session, options, metering }).run();
    });
  });
}

async function loadMetering(): Promise<ServeMetering> {
  const { ServeMetering } = await import("../metrics/serve_metering.ts");
  return new ServeMetering();
}

interface Wiring extends Session<ServeOwnEvent, ServeCommandSink> {
  readonly options: ServeOptions;
  /** With `--metrics`. */
  readonly metering: ServeMetering | null;
}

/** Shortest and longest pause before the coordinator is restarted after the disk refused a write. */
const PAUSE_MS_MIN = 1_000;
const PAUSE_MS_MAX = 30_000;

/**
 * Free space needed for a restart, for some edits with the longest texts: otherwise the next one would soon fail as
 * well.
 */
const ROOM_BYTES = 256 * 1_024;

/**
 * Runs coordinators one after the other. A coordinator's decisions are in its memory before they are on disk: if
 * the disk refuses them, only a new coordinator that starts from what is on disk is sure to be consistent with it.
 * Members can go on chatting meanwhile.
 */
class Service {
  readonly #pauses = new RetryPauses(PAUSE_MS_MIN, PAUSE_MS_MAX);
  readonly #input: ModeInput<CoordinatorCommand>;
  readonly #people: People<CoordinatorEvent>;
  readonly #inputPause: InputPause;
  #host: CoordinatorHost | StandByHost | null = null;
  /** Of the present coordinator: another one knows none of its codes. */
  #words: WordInvites | null = null;
  /** Where the group is kept, unless in files. */
  #engine: GroupEngine | null = null;
  /** The port of the first coordinator, where members look for the next one. Null before. */
  #port: number | null = null;
  /** Whether the operator can type. */
  #hasBegun = false;
  /** Whether a coordinator has been ready. */
  #hasServed = false;
  /** Set when the operator has left. */
  #left: { readonly ref: string | undefined } | null = null;
  #wakeUp: () => void = () => {};
  /** With `--map-port`. */
  #mapping: MappedPort | null = null;
  #secrets: GroupSecrets | null = null;

  constructor(readonly wiring: Wiring) {
    this.#inputPause = new InputPause(wiring.ui);
    this.#people = new People<CoordinatorEvent>(wiring, null);
    this.#input = inputTo<CoordinatorCommand>(
      wiring,
      (command, ref) => this.#command(command, ref),
      () => this.#host,
    );
    wiring.metering?.measure(() => this.#host === null ? [] : [this.#host]);
  }

  /** @throws {P2pchatError} The reason if it ends otherwise than by the operator. */
  async run(): Promise<void> {
    const { identity, options, ui } = this.wiring;
    if (options.mapPort) this.#mapping = await this.#mapped();
    try {
      while (this.#left === null) {
        const end = await this.#serve();
        if (end === "over") return;
        if (end === "unwritable" && this.#left === null) await this.#pause();
      }
    } finally {
      await Promise.all([this.#engine?.close(), this.#mapping?.close()]);
    }
    showNotices(ui, ...identity.takeNotices());
    ui.show({ event: "bye", reason: "quit" }, this.#left.ref);
  }

  async #mapped(): Promise<MappedPort> {
    const { MappedPort } = await import("../routers/mapped_port.ts");
    const { environment, identity: { signer: { key } }, ui } = this.wiring;
    const secret = () => {
      const current = this.#secrets?.current ?? null;
      return current === null ? null : groupChannelSecret(current);
    };
    return new MappedPort({
      environment,
      transports: ["tcp", "udp"],
      notice: (text) => showNotices(ui, text),
      warn: warnBy(ui),
      joinedBy: (external) => `p2pchat peer NAME --server ${endpointText(external)}`,
      self: { mode: "group", key, secret },
    });
  }

  /**
   * Runs one coordinator, as soon as this program may.
   * @returns `over`: the operator has ended it, and was told; `unwritable`: the disk refuses it; otherwise another one may follow.
   * @throws {P2pchatError} Why none can.
   */
  async #serve(): Promise<"over" | "unwritable" | "next"> {
    const { options, ui } = this.wiring;
    let led: LedGroup | null = null;
    try {
      led = options.engine === null ? null : await this.#standBy();
      if (this.#left !== null) return "next";
      return await this.#coordinate(led) ? "over" : "next";
    } catch (error) {
      if (led?.isLost === true && error instanceof P2pchatError) {
        showError(ui, error);
        return "next";
      }
      const isUnwritable = error instanceof P2pchatError && error.code === "disk";
      if (!isUnwritable || !this.#hasServed) throw error;
      if (!this.#pauses.hasFailed) {
        showError(
          ui,
          new P2pchatError("disk", `${error.message}; the coordinator tries again by itself`),
        );
      }
      return "unwritable";
    }
  }

  /** @returns The group, once this program leads it; null where the operator has ended it. */
  async #standBy(): Promise<LedGroup | null> {
    const { GroupEngine } = await import("./group_engine.ts");
    this.#engine ??= await GroupEngine.open({
      ...this.wiring,
      show: (event, ref) => this.#show(event, ref, () => this.#ready([])),
      hosting: (host) => this.#host = host,
    });
    if (!this.#hasBegun) this.wiring.ui.heedInterrupts(this.#input.leave);
    const port = this.#port ?? this.wiring.options.port;
    const { led, port: listening } = await this.#engine.standBy(port, !this.#hasBegun);
    this.#port = listening;
    if (led !== null) this.#show(this.#engine.roleEvent, undefined, () => {});
    return led;
  }

  #command(command: CoordinatorCommand, ref: string | undefined): void {
    const isQuit = command.command === "quit";
    // Noted here as well, since the host may be ending for another reason.
    if (isQuit) this.#left = { ref };
    if (command.command === "verify" && this.#words?.answers(command.name, command.answer, ref)) {
      return;
    }
    const as = command.command === "invite" ? command.as : undefined;
    if (as !== undefined && this.#words !== null) {
      return this.#words.asked(as, ref, () => this.#host?.command(command, ref));
    }
    if (this.#host !== null) return this.#host.command(command, ref);
    if (isQuit) return this.#wakeUp();
    const text =
      "Nothing can be done now: the coordinator waits until it can write to its disk again";
    showError(this.wiring.ui, new P2pchatError("disk", text), ref);
  }

  async #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const pauseMs = this.#pauses.failed(this.wiring.environment.random());
    const timer = SYSTEM_LINK_CLOCK.at(SYSTEM_LINK_CLOCK.nowMs() + pauseMs, resolve);
    this.#wakeUp = resolve;
    await promise;
    timer.cancel();
  }

  #show(event: CoordinatorEvent, ref: string | undefined, ready: () => void): void {
    const { ui, options } = this.wiring;
    // A line for each entry is only for scripts and verbose output.
    if (event.event === "entry" && !options.json && !options.verbose) return;
    if (event.event === "invite" && this.#words?.show(event, ref) === true) return;
    if (event.event === "joining" || event.event === "joined") this.#words?.met(event);
    const engine = this.#engine;
    const isStatus = event.event === "status" && engine !== null;
    const shown = isStatus ? { ...event, engine: engine.view() } : event;
    if (this.wiring.metering?.takes(shown, ref) === true) return;
    this.#people.show(shown, ref);
    switch (event.event) {
      case "notice":
        return this.#words?.noticed();
      case "ready":
        ui.setNames(() => event.members);
        return ready();
      case "view":
        return ui.setNames(() => event.members);
    }
  }

  /** Opens the files of the group. @throws {P2pchatError} */
  async #openFiles(): Promise<ServedGroup> {
    const { disk, folder, environment: { crypto }, identity, ui } = this.wiring;
    if (this.#hasServed) await checkRoom(disk, folder);
    const notice = (text: string) => showNotices(ui, text);
    const startedMs = performance.timeOrigin;
    const ports = { disk, crypto, pid: Deno.pid, startedMs, notice };
    const group = await openCoordinator(ports, { folder });
    const isNew = identity.isNew && !this.#hasServed;
    const snapshots = new SnapshotStore(disk, crypto, await Deno.realPath(folder));
    return { ...group, snapshots, pins: null, isNew, close: () => group.store.close() };
  }

  /**
   * The group, without what is there of another one that the operator doesn't want any more. An engine's is given up only
   * where it is of the other kind: an instance that stood by may lead it long after it was started.
   */
  async #opened(led: LedGroup | null): Promise<ServedGroup> {
    const { options, disk, folder, ui } = this.wiring;
    const group = led ?? await this.#openFiles();
    const isFormer = led === null
      ? groupOf(group.store.records) !== null
      : accessFaultOf(group.store, options) !== null;
    if (!isFormer || !options.foundNew || this.#hasServed) return group;
    if (led !== null) return await led.cleared();
    await group.close();
    const notice = (text: string) => showNotices(ui, text);
    // The state last: while it is there, a start after a crash does the same again.
    const paths = [defaultLog(folder), `${folder}/${STATE_FILE}`];
    await setAside(disk, paths, performance.timeOrigin, notice);
    return await this.#openFiles();
  }

  /**
   * Runs a coordinator until the operator ends it.
   * @param led The group in an engine; null: it is in files.
   * @returns False if the operator had left before. @throws {P2pchatError} The reason if it ends otherwise.
   */
  async #coordinate(led: LedGroup | null): Promise<boolean> {
    const { options, environment, identity, ui } = this.wiring;
    const group = await this.#opened(led);
    const { store, log, history, snapshots, isNew } = group;
    let links: Links | null = null;
    let datagrams: Datagrams | null = null;
    try {
      // If this run ends before a group is founded, a later start must know that there never was one.
      if (isNew) await store.append([{ kind: "fresh" }], true);
      const secrets = await secretsOf(store, options, environment);
      this.#secrets = secrets;
      let host: CoordinatorHost | null = null;
      const own = channelIdentity(this.wiring);
      const words = this.#words = this.#wordInvites(own, () => links);
      const handler = words.routed(forwardTo(() => host));
      links = openTcpLinks({
        host: options.host,
        port: this.#port ?? options.port,
        identity: own,
        env: environment,
        warn: warnBy(ui),
        access: {
          ...openTo("group"),
          secrets: secrets === null ? null : (epoch) => secrets.opening(epoch),
          admit: (peer, secret) => host?.admit(peer, secret) ?? null,
          get words() {
            return words.access;
          },
        },
        handler: this.#mapping?.noticing(handler) ?? handler,
        ...observing(this.wiring.metering),
      });
      this.#port = links.local.port;
      datagrams = this.#openDatagrams(links.local.port);
      const listening = endpointForOthers(options, links.local.port, this.wiring.outward);
      logStarted(this.wiring, "serve", {
        listening: endpointText(links.local),
        advertised: endpointText(listening),
      });
      const announced = () => this.#mapping?.announced ?? null;
      const config = { ...this.#terms(group), listening, announced, history, secrets };
      const pin = pinsIn(this.wiring, SCOPE);
      host = new CoordinatorHost(config, {
        ...modePorts(this.wiring, links),
        pauseInput: (reason) => this.#inputPause.machine(reason),
        signer: identity.signer,
        store,
        log,
        snapshots,
        datagrams,
        show: (event, ref) => this.#show(event, ref, () => this.#ready(group.notices)),
        keepAnswer: (answer) => this.#people.keep(answer),
        pin: led === null ? pin : async (one) => {
          await Promise.all([pin(one), led.pin(one)]);
        },
        ...(led === null ? {} : { leads: () => led.leads() }),
        ...measuring(this.wiring.metering),
      });
      if (this.#left !== null) return false;
      this.#host = host;
      if (!this.#hasBegun) ui.heedInterrupts(this.#input.leave);
      led?.whenLost((error) => host!.giveWay(error));
      await runMode(this.wiring, links, host);
      return true;
    } finally {
      this.#host = null;
      this.#words?.stop();
      this.#words = null;
      await Promise.all([
        links?.shutdown(led?.isLost === true ? COORDINATOR_GOODBYE : "ended"),
        datagrams?.close(),
      ]);
      await group.close();
    }
  }

  #wordInvites(own: ChannelIdentity, links: () => Links | null): WordInvites {
    return new WordInvites({
      ...this.wiring,
      own,
      show: (event, ref) => this.wiring.ui.show(event, ref),
      found: (answer, ref) => this.#people.show(answer, ref),
      links: () => {
        const present = links();
        invariant(present !== null, "codes are made while the coordinator listens");
        return present;
      },
      pause: () => this.#inputPause.moves(),
      columns: () => columnsOf(this.wiring.ui),
      lineOf: ({ line }, code) => `${line.replace(/ --invite$/, "")} --words ${code}`,
      admits: (invite) =>
        isPresentSecret(parseGroupInvite(invite).secret, this.#secrets?.current ?? null),
      isRemoved: () => false, // who was removed is told so once it says who it is
    });
  }

  /** Takes datagrams at the port of the links; null where another program does: a group lives without, behind no routers. */
  #openDatagrams(port: number): Datagrams | null {
    const { options, environment, ui } = this.wiring;
    try {
      return UdpDatagrams.listen(options.host, port, environment.log);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      showNotices(
        ui,
        `${error.message}; members that can't send each other datagrams directly, as behind home ` +
          "routers, don't come in",
      );
      return null;
    }
  }

  /** What the coordinator goes by: what the operator says, and which keys are known. */
  #terms({ pins, isNew }: ServedGroup) {
    const { options, knownPeers } = this.wiring;
    const { failAfterMs, membersMax, edits, voteTimeoutMs, snapshotEveryMs } = options;
    const engine = this.#engine;
    return {
      ...{ failAfterMs, membersMax, edits, voteTimeoutMs, snapshotEveryMs },
      mayFound: isNew || (options.foundNew && !this.#hasServed),
      pins: pins ?? pinnedKeys(knownPeers, SCOPE),
      refused: knownPeers.refused(),
      ...(engine === null ? {} : { instances: () => engine.instances }),
    };
  }

  #ready(notices: readonly string[]): void {
    const { identity, ui, options } = this.wiring;
    if (this.#host instanceof CoordinatorHost) {
      this.#hasServed = true;
      this.#pauses.reset();
    }
    if (this.#port !== null) this.#mapping?.start(this.#port);
    this.wiring.metering?.tell();
    if (this.#hasBegun) return showNotices(ui, ...notices);
    this.#hasBegun = true;
    ui.setPrompt("serve", null);
    showNotices(ui, ...identity.takeNotices(), ...notices);
    if (options.json) showNotices(ui, accessText(options)); // in text beside the port
    if (identity.isNew && ui.interactive) showNotices(ui, FIRST_STEPS);
    ui.listen(this.#input.handler);
  }
}

/**
 * The secrets of a private group, with a current one; null of an open group.
 * @throws {P2pchatError} `not-allowed` where the group on this disk is of the other kind.
 */
async function secretsOf(
  store: RecordStore<CoordinatorRecord>,
  options: ServeOptions,
  { randomBytes }: Environment,
): Promise<GroupSecrets | null> {
  const fault = accessFaultOf(store, options);
  if (fault !== null) throw new P2pchatError("not-allowed", fault);
  if (!options.private) return null;
  const secrets = new GroupSecrets(store.records);
  if (secrets.current === null) await store.append([secrets.rotate(randomBytes)], true);
  return secrets;
}

/** Why the group on this disk can't be served as the options say, as a sentence; null where it can, or there is none. */
function accessFaultOf(
  store: RecordStore<CoordinatorRecord>,
  { private: isPrivate }: ServeOptions,
): string | null {
  const founding = groupOf(store.records)?.founding ?? null;
  return founding === null ? null : accessFault(founding, isPrivate);
}

/** Gives these files other names, those that there are. @throws {P2pchatError} `disk`. */
async function setAside(
  disk: Disk,
  paths: readonly string[],
  startedMs: number,
  notice: (text: string) => void,
): Promise<void> {
  for (const path of paths) {
    if (await disk.stat(path) === null) continue;
    for (const name of asideNames(path, startedMs, FORMER_INFIX)) {
      if (await disk.stat(name) !== null) continue;
      await disk.rename(path, name);
      await disk.syncFolder(folderOf(path));
      notice(`The former group's file ${path} is ${name} now`);
      break;
    }
  }
}

/** @throws {P2pchatError} `disk` where there isn't enough space. */
async function checkRoom(disk: Disk, folder: string): Promise<void> {
  const path = `${folder}/room`;
  const file = await disk.openAppend(path, { empty: true });
  try {
    writeAll(file, new Uint8Array(ROOM_BYTES));
    await file.syncData();
  } finally {
    file.close();
    await disk.remove(path);
  }
}
