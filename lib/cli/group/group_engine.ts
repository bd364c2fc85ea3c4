/**
 * A group that is kept in an engine, as an instance of its coordinator uses it: stands by until nobody else leads, then
 * has the group's records to itself for as long as it leads.
 */

import { P2pchatError } from "../../base/errors.ts";
import { delay } from "../../engine/delay.ts";
import { type Endpoint, endpointText } from "../../base/ids.ts";
import { fingerprintOf } from "../../base/text/fingerprint.ts";
import { parseHost, parsePort } from "../../base/text/endpoints.ts";
import { Candidacy, ENGINE_LATE_MS, lateText } from "../../engine/candidacy.ts";
import { FencedLog, LEADER_LEASE_MS } from "../../engine/fenced_log.ts";
import { isFresh, joinInstances, noteFresh } from "../../engine/join_instances.ts";
import type { Entry } from "../../engine/shared_store.ts";
import type { EtcdStore } from "../../engine/etcd/etcd_store.ts";
import { LEADS } from "../../protocols/group/coordinator/stand_by.ts";
import type { CoordinatorEvent, EngineView } from "../../protocols/group/schema/events.ts";
import type { GroupSecrets } from "../../protocols/group/schema/group_secrets.ts";
import { StandByHost } from "../../runtime/hosts/stand_by_host.ts";
import type { KeepPin } from "../../runtime/hosts/mode_host.ts";
import { identityPath } from "../../store/profile/identity.ts";
import { forwardTo, type LinkObserver, openTo } from "../../transport/link.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import { openTcpLinks } from "../../transport/tcp/tcp_links.ts";
import { EngineNodes } from "../engine/engine_nodes.ts";
import { openEngine } from "../engine/open_engine.ts";
import { observing } from "../metrics/with_metering.ts";
import { endpointForOthers } from "../session/advertised_address.ts";
import {
  channelIdentity,
  logStarted,
  type Session,
  showNotices,
  warnBy,
} from "../session/mode_session.ts";
import { randomBytes } from "../session/random_bytes.ts";
import { modePorts } from "../session/run_mode.ts";
import { SnapshotStore } from "../tools/snapshot_store.ts";
import { EngineGroupStore, SECRETS_NAME, secretsIn } from "./engine_group_store.ts";
import { EngineSnapshots } from "./engine_snapshots.ts";
import type { ServeCommandSink } from "./serve_commands.ts";
import type { ServeOptions } from "./serve_arguments.ts";
import type { ServedGroup } from "./group_store.ts";
import type { ServeOwnEvent } from "./serve_rendering.ts";

interface GroupEnginePorts extends Session<ServeOwnEvent, ServeCommandSink> {
  readonly options: ServeOptions;
  show(event: CoordinatorEvent, ref: string | undefined): void;
  /** With `--metrics`. */
  readonly metering: { readonly links: LinkObserver } | null;
  /** Whoever carries out commands while this instance stands by. */
  hosting(host: StandByHost | null): void;
}

/** Pause between attempts to reach the engine at the start: each takes seconds by itself. */
const RETRY_MS = 500;
/** The file from which the leader reads the log that the engine keeps. */
const COPY_FILE = "engine-log";

export class GroupEngine {
  readonly #prefix: string;
  readonly #id = randomBytes(8).toHex();
  #listening: Endpoint | null = null;
  #candidacy: Candidacy | null = null;
  #isFresh = false;
  #host: StandByHost | null = null;
  /** Undefined: not known yet. */
  #leader: Endpoint | null | undefined = undefined;
  /** Where all instances listen, as far as known. */
  instances: readonly Endpoint[] = [];
  #secrets: GroupSecrets | null = null;
  /** Why the engine doesn't answer, and why this instance couldn't lead when it tried last, in a sentence; null: it could. */
  readonly #troubles: Record<"answer" | "lead", string | null> = { answer: null, lead: null };
  #led: LedGroup | null = null;
  /** Why the engine can't be used any more. */
  #refusal: P2pchatError | null = null;
  #isOver = false;
  readonly #nodes: EngineNodes;

  private constructor(readonly ports: GroupEnginePorts, readonly store: EtcdStore) {
    const { ui } = ports;
    this.#nodes = new EngineNodes(store, {
      notice: (text) => showNotices(ui, text),
      warn: warnBy(ui),
    });
    const { engine, group } = ports.options;
    this.#prefix = `${engine!.prefix}group/${group!}/`;
  }

  /** @throws {P2pchatError} As `openEngine`. */
  static async open(ports: GroupEnginePorts): Promise<GroupEngine> {
    const { options, ui } = ports;
    const notice = (text: string) => Promise.resolve(showNotices(ui, text));
    return new GroupEngine(ports, await openEngine(options.engine!, options, notice));
  }

  /**
   * Stands by until this instance leads.
   * @param port Where it listens.
   * @returns The group; null where the operator ended it. @throws {P2pchatError} What can't be waited for.
   */
  async standBy(port: number, isFirst: boolean): Promise<StoodBy> {
    const { options, identity, environment, ui, outward } = this.ports;
    let host: StandByHost | null = null;
    const links = openTcpLinks({
      host: options.host,
      port,
      identity: channelIdentity(this.ports),
      env: environment,
      warn: warnBy(ui),
      access: {
        ...openTo("group"),
        // Before the engine has told which there are, nobody is refused for good.
        secrets: options.private ? (epoch) => this.#secrets?.opening(epoch) ?? null : null,
      },
      handler: forwardTo(() => host),
      ...observing(this.ports.metering),
    });
    const listening = endpointForOthers(options, links.local.port, outward);
    this.#listening = listening;
    if (isFirst) {
      const advertised = endpointText(listening);
      logStarted(this.ports, "serve", { listening: endpointText(links.local), advertised });
    }
    const key = fingerprintOf(identity.signer.key);
    const config = { listening, key, isPrivate: options.private, isFirst };
    host = this.#host = new StandByHost(config, {
      ...modePorts(this.ports, links),
      show: this.ports.show,
      keepAnswer: () => Promise.resolve(), // nothing is asked that has one
      lead: () => this.#lead(),
    });
    this.ports.hosting(host);
    try {
      this.#begin();
      if (this.#leader !== undefined) host.leaderIs(this.#leader);
      if (this.#trouble !== null) host.troubled(this.#trouble);
      const outcome = await host.run();
      if (outcome.kind === "fatal") throw new P2pchatError(outcome.code, outcome.text);
      const led = outcome.reason === LEADS ? this.#led : null;
      return { led, port: links.local.port };
    } finally {
      this.#host = null;
      this.ports.hosting(null);
      await links.shutdown("ended");
    }
  }

  /** Why this instance can't use the engine, in a sentence; null: it can. */
  get #trouble(): string | null {
    return this.#troubles.answer ?? this.#troubles.lead;
  }

  /** That this instance leads. */
  get roleEvent(): CoordinatorEvent {
    return { event: "role", role: "leader", leader: this.#listening };
  }

  /** What `/status` says of the engine. */
  view(): EngineView {
    return {
      role: this.#led === null ? "stand-by" : "leader",
      leader: this.#led === null ? this.#leader ?? null : this.#listening,
      ...this.#nodes.answers(this.#trouble),
      instances: this.instances,
    };
  }

  /** This instance isn't there any more. */
  async close(): Promise<void> {
    this.#isOver = true;
    this.#nodes.close();
    await this.#candidacy?.close();
  }

  /** At the first time, makes sure that the engine has this group, and says there that this instance is there. */
  #begin(): void {
    if (this.#refusal !== null) return this.#host?.refused(this.#refusal);
    if (this.#candidacy === null) void this.#register();
  }

  async #register(): Promise<void> {
    const { identity, folder } = this.ports;
    const key = fingerprintOf(identity.signer.key);
    const keyFile = identityPath(await Deno.realPath(folder));
    const joining = { what: "group", prefix: this.#prefix, key, keyFile } as const;
    const { nowMs } = SYSTEM_LINK_CLOCK;
    const tell = () => this.#troubled(lateText(this.store));
    const late = SYSTEM_LINK_CLOCK.at(nowMs() + ENGINE_LATE_MS, tell);
    while (!this.#isOver) {
      try {
        if (identity.isNew) await noteFresh(this.store, joining);
        await joinInstances(this.store, joining);
        this.#isFresh = await isFresh(this.store, joining);
        late.cancel();
        this.#troubled(null);
        return this.#stay();
      } catch (error) {
        if (!(error instanceof P2pchatError) || error.code !== "unreachable") {
          late.cancel();
          return this.#refused(error);
        }
        this.#troubled(error.message);
        await delay(SYSTEM_LINK_CLOCK, RETRY_MS);
      }
    }
    late.cancel();
  }

  #stay(): void {
    if (this.#isOver) return;
    this.#candidacy = new Candidacy({
      store: this.store,
      prefix: this.#prefix,
      clock: SYSTEM_LINK_CLOCK,
      id: this.#id,
      value: this.#value(this.#id),
      leaderIs: (value) => {
        this.#leader = value === null ? null : endpointIn(value);
        // An own attempt that fails stands there for a moment, too.
        if (this.#leader !== null && !this.#isHere(this.#leader)) this.#troubled(null, "lead");
        this.#host?.leaderIs(this.#leader);
        this.#led?.leaderIs(value);
      },
      odd: (entry, isDeleted) => {
        const what = `The key ${entry.key} of the engine holds what no instance has written`;
        const then = isDeleted
          ? "it was deleted"
          : this.#led?.leadsBy(entry)
          ? "this instance, which leads, puts its own again"
          : `nobody leads by it, and it is deleted in ${LEADER_LEASE_MS / 1_000} s`;
        warnBy(this.ports.ui)(`${what}: ${then}`);
      },
      candidatesAre: (values) => {
        this.instances = values.flatMap((value) => endpointIn(value) ?? []);
      },
      heeds: {
        name: SECRETS_NAME,
        is: (value) => this.#secretsAre(value),
      },
      troubled: (text) => this.#troubled(text),
      refused: (error) => this.#refused(error),
    });
  }

  #secretsAre(value: string | null): void {
    try {
      this.#secrets = value === null ? null : secretsIn(value);
    } catch (error) {
      this.#refused(error); // what is in the engine can't be read
    }
  }

  #isHere(leader: Endpoint): boolean {
    return endpointText(leader) === endpointText(this.#listening!);
  }

  /** Told once, whoever stands by. */
  #troubled(text: string | null, which: "answer" | "lead" = "answer"): void {
    const before = this.#trouble;
    this.#troubles[which] = text;
    const now = this.#trouble;
    if ((now === null) !== (before === null)) this.#host?.troubled(now);
  }

  #refused(error: unknown): void {
    if (!(error instanceof P2pchatError)) throw error;
    this.#refusal = error;
    this.#host?.refused(error);
    this.#led?.lost(error);
  }

  #value(id: string): string {
    return instanceText(id, this.#listening!);
  }

  async #lead(): Promise<boolean> {
    try {
      const led = await this.#open();
      if (led === null) return false;
      this.#led = led;
      this.#troubled(null, "lead");
      return true;
    } catch (error) {
      const mayPass = error instanceof P2pchatError &&
        ["unreachable", "disk", "in-use"].includes(error.code);
      if (!mayPass) throw error;
      this.ports.environment.log.warn("cannot lead the group", { text: error.message });
      // The other two pass by themselves; about an engine without space an operator can do something.
      this.#troubled(error.code === "disk" ? error.message : null, "lead");
      return false;
    }
  }

  async #open(): Promise<LedGroup | null> {
    const { store } = this;
    const prefix = this.#prefix;
    const { disk, environment: { crypto }, folder } = this.ports;
    let led: LedGroup | null = null;
    let lost: P2pchatError | null = null;
    // Each time that it leads it is another leader.
    const leader = this.#value(randomBytes(8).toHex());
    const fenced = await FencedLog.lead({
      store,
      prefix,
      clock: SYSTEM_LINK_CLOCK,
      leader,
      lost: (error) => {
        lost = error;
        led?.lost(error);
      },
    });
    if (!(fenced instanceof FencedLog)) return null;
    try {
      const log = { disk, crypto, pid: Deno.pid, startedMs: performance.timeOrigin };
      const copy = `${folder}/${COPY_FILE}`;
      const records = await EngineGroupStore.open({ ...log, store, prefix, fenced, copy });
      const files = new SnapshotStore(disk, crypto, await Deno.realPath(folder));
      const snapshots = new EngineSnapshots({ store, prefix, fenced, crypto, files });
      const isNew = this.#isFresh && records.records.length === 0;
      const gone = () => this.#led = null;
      led = new LedGroup(records, snapshots, isNew, gone);
      if (lost !== null) throw lost;
      return led;
    } catch (error) {
      await fenced.close();
      throw error;
    }
  }
}

interface StoodBy {
  /** Null where the operator ended it. */
  readonly led: LedGroup | null;
  readonly port: number;
}

/** The group, for as long as this instance leads. */
export class LedGroup implements ServedGroup {
  readonly notices = [];
  /** Why it doesn't lead any more. */
  #error: P2pchatError | null = null;
  #tell: (error: P2pchatError) => void = () => {};

  constructor(
    readonly store: EngineGroupStore,
    readonly snapshots: EngineSnapshots,
    readonly isNew: boolean,
    readonly gone: () => void,
  ) {}

  get log() {
    return this.store.log;
  }

  get history() {
    return this.store.log.end;
  }

  get pins() {
    return this.store.pins;
  }

  /** Remembers a member's key, durably; where that isn't possible any more, `whenLost` is told. */
  async pin({ name, key }: Parameters<KeepPin>[0]): Promise<void> {
    await this.store.pin(name, key).catch((error) => {
      if (!(error instanceof P2pchatError)) throw error;
    });
  }

  /** Gives up all that is known of the group. @returns It. @throws {P2pchatError} As an append to its log. */
  async cleared(): Promise<this> {
    await this.store.clear();
    return this;
  }

  /** As that of `FencedLog`. */
  leads(): boolean {
    return this.store.fenced.leads();
  }

  /** As that of `FencedLog`. */
  leadsBy(entry: Entry): boolean {
    return this.store.fenced.leadsBy(entry);
  }

  /** What stands in the engine of who leads: where that isn't this one, it is put right, or this one doesn't lead. */
  leaderIs(value: string | null): void {
    const { fenced } = this.store;
    if (value === fenced.ports.leader || this.isLost) return;
    fenced.restate().catch((error) => {
      if (!(error instanceof P2pchatError)) throw error; // `lost` has told it
    });
  }

  /** Whether another instance may lead now. */
  get isLost(): boolean {
    return this.#error !== null;
  }

  /** @param tell Called when it is lost, at once where it is already. */
  whenLost(tell: (error: P2pchatError) => void): void {
    this.#tell = tell;
    if (this.#error !== null) tell(this.#error);
  }

  lost(error: P2pchatError): void {
    if (this.#error !== null) return;
    this.#error = error;
    this.gone();
    this.#tell(error);
  }

  async close(): Promise<void> {
    this.gone();
    await this.store.close();
  }
}

/** What an instance says of itself in `leader`, and below `standby/`. */
export function instanceText(id: string, listening: Endpoint): string {
  return JSON.stringify({ instance: id, ...listening });
}

/** Where an instance listens, by what it wrote; null where that is nothing that one writes. */
export function endpointIn(value: string): Endpoint | null {
  try {
    const { host, port } = Object(JSON.parse(value));
    const [isHost, isPort] = [parseHost(String(host)), parsePort(String(port))];
    return isHost === null || isPort === null ? null : { host: isHost, port: isPort };
  } catch {
    return null;
  }
}
