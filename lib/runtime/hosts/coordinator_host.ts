/** Runs the coordinator's machine: links to its members, a log and a user interface, each a port. */

import type { Signer } from "../../base/crypto/crypto.ts";
import { isLoopback } from "../../base/text/endpoints.ts";
import { P2pchatError } from "../../base/errors.ts";
import type { LinkId, PeerKey } from "../../base/ids.ts";
import type { Machine } from "../../base/machine/machine.ts";
import { unreachable } from "../../base/invariant.ts";
import type {
  CoordinatorEffect,
  CoordinatorInput,
} from "../../protocols/group/schema/coordinator_io.ts";
import type {
  CoordinatorCommand,
  CoordinatorEvent,
  SnapshotView,
} from "../../protocols/group/schema/events.ts";
import {
  type RebuildingConfig,
  RebuildingCoordinator,
} from "../../protocols/group/recovery/rebuilding_coordinator.ts";
import { GROUP_MESSAGES, type GroupMessage } from "../../protocols/group/schema/messages.ts";
import type { CoordinatorRecord } from "../../protocols/group/schema/records.ts";
import type { Cut } from "../../protocols/group/schema/cut.ts";
import type { ChannelSecret } from "../../protocols/noise/channel_handshake.ts";
import type { Datagrams } from "../../transport/datagrams.ts";
import type { LinkEnd, LinkHandler, LinkInfo } from "../../transport/link.ts";
import { createCodec } from "../../wire/codec.ts";
import { DroppingOutput } from "./dropping_output.ts";
import type { EntryLog } from "../entry_feed.ts";
import { LinkBacklog } from "../open_links.ts";
import { type Around, type KeepPin, ModeHost, type ModePorts } from "./mode_host.ts";
import type { RecordStore } from "../record_log.ts";
import { Runner } from "../runner.ts";
import { CLOSE_MS_MAX, isDoneWithin } from "../within.ts";

interface CoordinatorHostPorts extends ModePorts<CoordinatorEvent> {
  readonly signer: Signer;
  readonly store: RecordStore<CoordinatorRecord>;
  /** The log that is kept while nobody is in the group. */
  readonly log: Pick<EntryLog, "read">;
  readonly snapshots: Snapshots;
  /** Remembers a member's key; `again`: the operator accepts another key than before. */
  readonly pin: KeepPin;
  /** At the port of the links; null: none can be had there. */
  readonly datagrams: Datagrams | null;
  /**
   * Whether no other program can lead the group, asked before each step: where one may, nothing is said any more, and
   * `giveWay` is called. Absent where there is no other program.
   */
  readonly leads?: () => boolean;
  /** Absent: nobody looks. */
  readonly around?: Around<CoordinatorInput, CoordinatorEffect>;
}

export class CoordinatorHost extends ModeHost<
  GroupMessage,
  CoordinatorCommand,
  CoordinatorEvent,
  CoordinatorRecord,
  never
> implements LinkHandler {
  protected override readonly runner: Runner<
    CoordinatorInput,
    CoordinatorEffect,
    CoordinatorRecord
  >;
  readonly #log: CoordinatorHostPorts["log"];
  readonly #datagrams: Datagrams | null;
  readonly #backlog: LinkBacklog;
  readonly #snapshots: Snapshots;
  /** Snapshots are written, and listed, one after the other. */
  #snapshotsDone: Promise<void> = Promise.resolve();
  readonly #admits: RebuildingCoordinator["admits"];
  /** Output for events that nobody asked for. */
  readonly #unasked: DroppingOutput<CoordinatorEvent>;

  constructor(config: Omit<RebuildingConfig, "records">, ports: CoordinatorHostPorts) {
    super(createCodec(GROUP_MESSAGES), ports);
    const { signer, environment, links, store, log, pin, snapshots, datagrams } = ports;
    this.#datagrams = datagrams;
    this.#log = log;
    this.#snapshots = snapshots;
    this.#backlog = new LinkBacklog(links);
    this.#unasked = new DroppingOutput(ports, {
      one: "event",
      many: "events",
      again: "/status, /edits and /states say how things stand",
      states: ["view"],
    });
    const records = store.records;
    const coordinator = new RebuildingCoordinator(
      { ...config, records, takesDatagrams: datagrams !== null },
      signer,
      environment,
    );
    this.#admits = (peer, secret) => coordinator.admits(peer, secret);
    this.keepLog(store, {
      snapshot: () => coordinator.snapshot(),
      shown: unreachable,
      restored: () => this.#tell({ event: "notice", text: RESTORED_TEXT }),
    });
    const { leads = () => true, around } = ports;
    const machine: Machine<CoordinatorInput, CoordinatorEffect> = {
      step: (input, nowMs) => leads() ? coordinator.step(input, nowMs) : [],
      nextDeadlineMs: () => coordinator.nextDeadlineMs(),
    };
    const seen = around?.(machine) ?? machine;
    this.runner = new Runner<CoordinatorInput, CoordinatorEffect, CoordinatorRecord>(seen, {
      ...this.runnerPorts(pin),
      executeAtOnce: (effect) => {
        if (effect.type !== "datagram") return this.executeAtOnce(effect);
        datagrams?.send(effect.to, effect.bytes);
        return true;
      },
      execute: (effect) => this.#execute(effect),
    });
    datagrams?.handle({
      datagram: (from, bytes) => this.runner.feed({ type: "datagram", from, bytes }),
      turn() {},
    });
  }

  /** Whether a proven dialler that knew this secret may connect: null if it may. */
  admit(peer: PeerKey, secret: ChannelSecret | null): "bad-credentials" | null {
    return this.#admits(peer, secret) ? null : "bad-credentials";
  }

  /** Ends, as another instance may lead the group now; `run` rejects with this. */
  giveWay(error: P2pchatError): void {
    this.fail(error);
  }

  protected override get backlogBytes(): number {
    return this.#backlog.bytes;
  }

  // LinkHandler.

  linkUp(link: LinkId, info: LinkInfo): void {
    if (!this.takes(link, info)) return;
    const { peer, process, remote } = info;
    // From another machine, this address would mean that machine itself.
    const host = isLoopback(remote.host) ? null : remote.host;
    this.runner.feed({ type: "link-up", link, peer, process, host });
  }

  /** The coordinator dials nobody. */
  dialFailed(): void {}

  congested(link: LinkId): void {
    this.#backlog.congested(link);
  }

  override drained(link: LinkId): void {
    this.#backlog.drained(link);
    super.drained(link);
  }

  override linkDown(link: LinkId, end: LinkEnd): void {
    this.#backlog.remove(link);
    super.linkDown(link, end);
  }

  #execute(effect: CoordinatorEffect): void {
    switch (effect.type) {
      case "send":
        return this.#backlog.send(effect.link, this.openLinks.encoded(effect.message));
      case "datagram":
        return; // carried out at once
      case "read":
        return this.#read(effect.token, effect.after, effect.bytesMax);
      case "keep-snapshot":
        return this.#inTurn(() => this.#keepSnapshot(effect.token, effect.cut));
      case "show-snapshots":
        return this.#inTurn(() => this.#showSnapshots(effect.ref));
      case "show":
        return this.#tell(effect.event, effect.ref);
      default:
        return this.perform(effect);
    }
  }

  /**
   * A group goes on although nobody reads what its coordinator prints. Then entries aren't shown, and other events
   * that nobody asked for only as long as they are few. Answers are shown: no command is taken while nobody reads.
   */
  #show(event: CoordinatorEvent, ref: string | undefined): void {
    // The next one repeats all that this one says.
    if (event.event === "consistent" && this.ports.outputReady() !== null) return;
    if (event.event === "entry") this.#unasked.show(event, ref);
    else if (isUnasked(event, ref)) this.#unasked.showRare(event, ref);
    else this.ports.show(event, ref);
  }

  /** An error of the disk is told to whoever asked; any other is a bug. */
  #inTurn(work: () => Promise<void>): void {
    this.#snapshotsDone = this.#snapshotsDone.then(work).catch((error) => this.fail(error));
  }

  /** A snapshot that is being written when the program ends is written to its end. */
  protected override async ending(): Promise<void> {
    await Promise.all([
      isDoneWithin(this.ports.clock, CLOSE_MS_MAX, this.#snapshotsDone),
      this.#datagrams?.close(),
    ]);
  }

  async #keepSnapshot(token: number, cut: Cut): Promise<void> {
    const answer = await this.#snapshots.keep(cut).then(
      (kept) => ({ ...kept, text: "" }),
      (error) => {
        if (!(error instanceof P2pchatError)) throw error;
        return { file: null, text: error.message, removed: [] };
      },
    );
    this.runner.feed({ type: "snapshot-kept", token, ...answer });
  }

  async #showSnapshots(ref: string | undefined): Promise<void> {
    const event = await this.#snapshots.list().then(
      (snapshots): CoordinatorEvent => ({ event: "snapshots", snapshots }),
      (error): CoordinatorEvent => {
        if (!(error instanceof P2pchatError)) throw error;
        return { event: "error", code: error.code, text: error.message };
      },
    );
    this.#tell(event, ref);
  }

  #tell(event: CoordinatorEvent, ref?: string): void {
    this.logEvent(event);
    this.#show(event, ref);
  }

  #read(token: number, after: number, bytesMax: number): void {
    this.#log.read(after, bytesMax).then(
      (read) => this.runner.feed({ type: "read", token, read }),
      (error) => {
        if (!(error instanceof P2pchatError)) return this.fail(error);
        this.runner.feed({ type: "read-failed", text: error.message });
      },
    );
  }

  protected override logEvent(event: CoordinatorEvent): void {
    switch (event.event) {
      case "ready":
      case "joined":
      case "left":
      case "view":
      case "role":
      case "notice":
      case "error":
        return this.logFields(event);
    }
  }

  protected override completed(event: CoordinatorEvent): CoordinatorEvent {
    return event;
  }
}

/** Whether the event reports what happened, rather than answering a command. */
function isUnasked(event: CoordinatorEvent, ref: string | undefined): boolean {
  switch (event.event) {
    case "joining":
    case "joined":
    case "left":
    case "view":
    case "recovered":
    case "edit":
      return true;
    case "snapshot":
      return event.scheduled === true;
    // Commands typed as text have no `ref`: their answers count as unasked.
    case "notice":
    case "error":
      return ref === undefined;
    default:
      return false;
  }
}

const RESTORED_TEXT = "Writing to the disk works again";

export interface KeptSnapshot {
  /** Its absolute path. */
  readonly file: string;
  /** Ids of the snapshots that were removed to make room, as only a limited number is kept. */
  readonly removed: readonly string[];
}

/** The store of a coordinator's snapshots, as a port. */
export interface Snapshots {
  /** Stores a snapshot, durably. @throws {P2pchatError} `disk`. */
  keep(cut: Cut): Promise<KeptSnapshot>;
  /** The stored snapshots, oldest first, each verified anew. @throws {P2pchatError} `disk`. */
  list(): Promise<readonly SnapshotView[]>;
}
