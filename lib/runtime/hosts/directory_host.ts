/** Runs the directory's machine: links to its clients, datagrams, accounts, a log and a user interface, each a port. */

import type { Signer } from "../../base/crypto/crypto.ts";
import { P2pchatError } from "../../base/errors.ts";
import type { EngineAnswers } from "../../base/machine/engine_answers.ts";
import type { LinkId } from "../../base/ids.ts";
import { unreachable } from "../../base/invariant.ts";
import { Directory } from "../../protocols/directory/directory.ts";
import type {
  AccountQuestion,
  DirectoryConfig,
  DirectoryEffect,
  DirectoryInput,
} from "../../protocols/directory/schema/directory_io.ts";
import type {
  DirectoryCommand,
  DirectoryEvent,
  MeetingCounts,
} from "../../protocols/directory/schema/events.ts";
import {
  DIRECTORY_LANES,
  DIRECTORY_MESSAGES,
  type DirectoryMessage,
} from "../../protocols/directory/schema/messages.ts";
import type { DirectoryRecord } from "../../protocols/directory/schema/records.ts";
import type { Accounts, ChangedAccount } from "../../store/accounts/accounts.ts";
import type { Datagrams } from "../../transport/datagrams.ts";
import type { LinkEnd, LinkHandler, LinkInfo } from "../../transport/link.ts";
import { createCodec } from "../../wire/codec.ts";
import { type AccountHasher, AccountQuestions } from "../account_questions.ts";
import { DroppingOutput } from "./dropping_output.ts";
import { LinkBacklog } from "../open_links.ts";
import { type Around, ModeHost, type ModePorts } from "./mode_host.ts";
import type { RecordStore } from "../record_log.ts";
import type { Registrar } from "../registrar.ts";
import { Runner } from "../runner.ts";

interface DirectoryHostPorts extends ModePorts<DirectoryEvent> {
  readonly signer: Signer;
  readonly store: RecordStore<DirectoryRecord>;
  readonly accounts: Accounts;
  readonly hasher: AccountHasher;
  /** Closed when the host ends. */
  readonly datagrams: Datagrams;
  /** Of a directory with several instances. */
  readonly registrar?: Registrar;
  /** How the engine answers that it shares with others. */
  readonly engine?: () => EngineAnswers;
  /** Of a meeting point, which is beside it. */
  readonly meeting?: () => MeetingCounts;
  /** Absent: nobody looks. */
  readonly around?: Around<DirectoryInput, DirectoryEffect>;
}

export class DirectoryHost extends ModeHost<
  DirectoryMessage,
  DirectoryCommand,
  DirectoryEvent,
  DirectoryRecord,
  never
> implements LinkHandler {
  protected override readonly runner: Runner<DirectoryInput, DirectoryEffect, DirectoryRecord>;
  readonly #backlog: LinkBacklog;
  readonly #questions: AccountQuestions;
  readonly #datagrams: Datagrams;
  readonly #watch: { close(): void };
  readonly #registrar: Registrar | null;
  readonly #engine: DirectoryHostPorts["engine"];
  readonly #meeting: DirectoryHostPorts["meeting"];
  /** Why the accounts can't be read; null: they can. */
  #trouble: string | null = null;
  readonly #ofClients: DroppingOutput<DirectoryEvent>;

  constructor(
    config: Omit<DirectoryConfig, "records" | "accountCount">,
    ports: DirectoryHostPorts,
  ) {
    super(createCodec(DIRECTORY_MESSAGES), ports);
    const { signer, environment, links, store, accounts, hasher, datagrams } = ports;
    this.#backlog = new LinkBacklog(links);
    this.#datagrams = datagrams;
    this.#ofClients = new DroppingOutput(ports, { one: "event", many: "events" });
    this.#questions = new AccountQuestions(accounts, hasher, environment.wallMs, this.log);
    const { records } = store;
    const accountCount = () => accounts.size;
    const directory = new Directory({ ...config, records, accountCount }, signer, environment);
    this.keepLog(store, {
      snapshot: () => directory.snapshot(),
      shown: unreachable,
      restored: () => this.#notice(RESTORED_TEXT),
    });
    const machine = ports.around?.(directory) ?? directory;
    this.runner = new Runner<DirectoryInput, DirectoryEffect, DirectoryRecord>(machine, {
      ...this.runnerPorts(),
      execute: (effect) => this.#execute(effect),
    });
    datagrams.handle({
      datagram: (from, bytes) => this.runner.feed({ type: "datagram", from, bytes }),
      turn() {},
    });
    this.#watch = accounts.watch({
      changed: (accounts, isOurs) => this.#changed(accounts, isOurs),
      broken: (error) => this.#broken(error),
      notice: (text) => this.#notice(text),
    });
    this.#engine = ports.engine;
    this.#meeting = ports.meeting;
    this.#registrar = ports.registrar ?? null;
    this.#registrar?.begin({
      address: config.listening,
      news: (changes) => this.runner.feed({ type: "registrar-news", changes }),
      stateChanged: (state) => this.runner.feed({ type: "registrar-state", state }),
      notice: (text) => this.#notice(text),
      failed: (error) => this.fail(error),
    });
  }

  protected override get backlogBytes(): number {
    return this.#backlog.bytes;
  }

  // LinkHandler.

  linkUp(link: LinkId, info: LinkInfo): void {
    if (!this.takes(link, info)) return;
    const { peer, process, remote: { host } } = info;
    this.runner.feed({ type: "link-up", link, peer, process, host });
  }

  /** The directory dials nobody. */
  dialFailed(): void {}

  /** Clients renew their links by dialling anew, when no call goes through them. */
  override aged(): void {}

  congested(link: LinkId): void {
    this.#backlog.congested(link);
    this.runner.feed({ type: "congested", link });
  }

  override drained(link: LinkId): void {
    // What the machine sends now queues behind what waits, which may fill the link again.
    super.drained(link);
    this.#backlog.drained(link);
  }

  override linkDown(link: LinkId, end: LinkEnd): void {
    this.#backlog.remove(link);
    super.linkDown(link, end);
  }

  #execute(effect: DirectoryEffect): void {
    switch (effect.type) {
      case "send": {
        const { links, message } = effect;
        const lane = DIRECTORY_LANES[message.type];
        for (const link of links) {
          if (lane === "control") this.openLinks.send(link, message, lane);
          else this.#backlog.send(link, this.openLinks.encoded(message));
        }
        return;
      }
      case "datagram":
        return this.#datagrams.send(effect.to, effect.bytes);
      case "account":
        return this.#ask(effect.token, effect.question);
      case "registrar": {
        const { token } = effect;
        return this.#registrar?.ask(effect.question, (answer) => {
          this.runner.feed({ type: "registrar-answer", token, answer });
        });
      }
      case "registrar-order":
        return this.#registrar?.order(effect.order);
      case "show":
        this.logEvent(effect.event);
        return this.#show(this.completed(effect.event), effect.ref);
      default:
        return this.perform(effect);
    }
  }

  #ask(token: number, question: AccountQuestion): void {
    this.#questions.answer(question).then(
      (answer) => this.runner.feed({ type: "account-answer", token, answer }),
      (error) => this.fail(error),
    );
  }

  /**
   * A directory goes on although nobody reads what it prints: then who comes, goes and calls isn't shown; what the
   * operator asks for is little, and is.
   */
  #show(event: DirectoryEvent, ref: string | undefined): void {
    const output = isOfClients(event) ? this.#ofClients : this.ports;
    output.show(event, ref);
  }

  // The accounts.

  /** Accounts were changed, by other programs or by us. */
  #changed(accounts: readonly ChangedAccount[], isOurs: boolean): void {
    if (this.#trouble !== null) this.#notice("The accounts can be read again");
    this.#trouble = null;
    for (const { name, createdMs, now } of accounts) {
      // An account may have been removed and made anew between two looks.
      const isSame = now !== null && (createdMs ?? now.createdMs) === now.createdMs;
      const keys = now?.keys ?? [];
      if (!isSame) this.runner.feed({ type: "account-removed", name, keys });
      // Where our own client has changed its password, the machine knows already.
      else if (!isOurs) this.runner.feed({ type: "account-changed", name, keys });
    }
  }

  #broken({ message }: P2pchatError): void {
    this.#trouble = `${message}; who was known before may log in, nothing is changed until then`;
    this.#show({ event: "notice", text: this.#trouble, warning: true }, undefined);
    this.log.warn("accounts can't be read", { text: message });
  }

  /** Ends: `run` rejects with `because`. */
  giveUp(because: unknown): void {
    this.fail(because);
  }

  #notice(text: string): void {
    const event: DirectoryEvent = { event: "notice", text };
    this.logEvent(event);
    this.#show(event, undefined);
  }

  protected override async ending(): Promise<void> {
    this.#watch.close();
    await Promise.all([this.#datagrams.close(), this.#registrar?.close()]);
  }

  protected override logEvent(event: DirectoryEvent): void {
    switch (event.event) {
      case "users":
      case "status":
      case "verify":
        return;
    }
    this.logFields(event);
  }

  /** Adds to a status what the machine can't know: that the accounts can't be read, and how the engine answers. */
  protected override completed(event: DirectoryEvent): DirectoryEvent {
    if (event.event !== "status") return event;
    const engine = this.#engine?.();
    const problems = [this.#trouble, engine?.trouble].filter((text) => typeof text === "string");
    const meeting = this.#meeting?.();
    return {
      ...event,
      problems: [...event.problems, ...problems],
      ...(engine === undefined ? {} : { engine }),
      ...(meeting === undefined ? {} : { meeting }),
    };
  }
}

const RESTORED_TEXT = "Writing to the disk works again: broadcasts are kept for users who are away";

/** Whether clients cause this event, as often as they like. */
function isOfClients({ event }: DirectoryEvent): boolean {
  return event === "login" || event === "logout" || event === "signup" || event === "call" ||
    event === "broadcast";
}
