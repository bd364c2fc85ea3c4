/**
 * An instance of the coordinator while another one leads the group, or none does: tells members who leads, and tries to
 * lead when nobody does. What it hears of who leads comes from the engine, which lets one lead at a time.
 */

import type { Fingerprint } from "../../../base/text/fingerprint.ts";
import { type Endpoint, endpointText, type LinkId, type PeerKey } from "../../../base/ids.ts";
import { Agenda, Deadlines, type Machine, whenDue } from "../../../base/machine/machine.ts";
import type { ModeEffect, ModeInput } from "../../../base/machine/mode_machine.ts";
import { ModeOutput } from "../../../base/machine/mode_output.ts";
import { RetryPauses } from "../../../base/rates/retry_pauses.ts";
import type { CoordinatorCommand, CoordinatorEvent } from "../schema/events.ts";
import {
  LEAD_AFTER_MS_MAX,
  LEAD_RETRY_MS_MAX,
  LEAD_RETRY_MS_MIN,
  STAND_BY_HELLO_MS,
  UNGREETED_LINKS_MAX,
} from "../schema/limits.ts";
import { COORDINATOR_GOODBYE, type GroupMessage } from "../schema/messages.ts";

export type StandByInput =
  | ModeInput<GroupMessage, CoordinatorCommand>
  | { readonly type: "link-up"; readonly link: LinkId; readonly peer: PeerKey }
  /** Where the instance that leads listens; null: nobody leads. */
  | { readonly type: "leader"; readonly leader: Endpoint | null }
  /** Why the engine can't be used, in a sentence; null: it can again. */
  | { readonly type: "engine"; readonly trouble: string | null }
  /**
   * Answers `lead`. `leads`: this instance does, and this machine ends. Otherwise another one was faster, or the engine
   * didn't take the attempt.
   */
  | { readonly type: "led"; readonly leads: boolean };

export type StandByEffect =
  | ModeEffect<CoordinatorEvent, never, never>
  | { readonly type: "send"; readonly link: LinkId; readonly message: GroupMessage }
  /** Tries to lead the group. */
  | { readonly type: "lead" };

/** How it ends where it leads from now on. */
export const LEADS = "leads";

interface StandByConfig {
  /** Where we listen, as others should see it. */
  readonly listening: Endpoint;
  readonly key: Fingerprint;
  readonly isPrivate: boolean;
  /** Whether the program has just been started; otherwise it was the leader. */
  readonly isFirst: boolean;
  /** In [0, 1). */
  readonly random: () => number;
}

export class StandBy implements Machine<StandByInput, StandByEffect> {
  readonly #out = new ModeOutput<CoordinatorEvent, StandByEffect>();
  /** When links on which no hello has come are closed; the oldest first. */
  readonly #links = new Map<LinkId, number>();
  /** Undefined: not known yet. */
  #leader: Endpoint | null | undefined = undefined;
  #trouble: string | null = null;
  /** Whether our user was told that we are there. */
  #isReady: boolean;
  #isTrying = false;
  #isOver = false;
  readonly #pauses = new RetryPauses(LEAD_RETRY_MS_MIN, LEAD_RETRY_MS_MAX);
  readonly #deadlines = new Deadlines({
    /** When this instance tries to lead, as nobody does. */
    lead: () => this.#lead(),
  });
  readonly #agenda = new Agenda([
    this.#deadlines,
    whenDue(() => this.#links.values().next().value ?? null, (nowMs) => this.#closeSilent(nowMs)),
  ]);

  constructor(readonly config: StandByConfig) {
    this.#isReady = !config.isFirst;
  }

  nextDeadlineMs(): number | null {
    return this.#out.clock.nextDeadlineMs();
  }

  step(input: StandByInput, nowMs: number): readonly StandByEffect[] {
    this.#out.begin(nowMs);
    if (!this.#isOver) this.#handle(input);
    this.#out.clock.dueMs = this.#isOver ? null : this.#agenda.nextMs();
    return this.#out.take();
  }

  #handle(input: StandByInput): void {
    switch (input.type) {
      case "start":
        return this.#start();
      case "link-up":
        return this.#linkUp(input.link);
      case "link-down":
        return void this.#links.delete(input.link);
      case "message":
        return this.#message(input.link, input.message);
      case "leader":
        return this.#leaderIs(input.leader);
      case "engine":
        return this.#engineIs(input.trouble);
      case "led":
        return this.#led(input.leads);
      case "command":
        return this.#command(input.command, input.ref);
      case "tick":
        return this.#agenda.tick(this.#out.nowMs);
      case "unknown-message": // of a newer version, which says hello as well
      case "drained":
      case "persisted":
      case "persist-failed": // nothing is stored
        return;
    }
  }

  #start(): void {
    if (!this.config.isFirst) this.#tellRole();
  }

  /** The engine has answered, or is late: before, it may yet say that this is no instance of the group. */
  #ready(): void {
    const { listening, key, isPrivate } = this.config;
    const access = isPrivate ? { private: true } as const : {};
    if (this.#isReady) return;
    this.#isReady = true;
    this.#out.show({
      event: "ready",
      command: "serve",
      ...listening,
      key,
      members: [],
      ...access,
    });
  }

  #linkUp(link: LinkId): void {
    const [oldest] = this.#links.keys();
    if (this.#links.size >= UNGREETED_LINKS_MAX) this.#close(oldest!, "too many wait to say hello");
    this.#links.set(link, this.#out.nowMs + STAND_BY_HELLO_MS);
  }

  /** Whatever is said: who is there is to know where to go. */
  #message(link: LinkId, { type }: GroupMessage): void {
    if (!this.#links.has(link)) return;
    if (type !== "hello") return this.#close(link, "no hello came");
    this.#out.push({ type: "send", link, message: { type: "elsewhere", leader: this.#other } });
    this.#close(link, "another instance leads");
  }

  #close(link: LinkId, reason: string): void {
    this.#links.delete(link);
    this.#out.push({ type: "close", link, reason });
  }

  #closeSilent(nowMs: number): void {
    for (const [link, dueMs] of this.#links) {
      if (dueMs > nowMs) return;
      this.#close(link, "no hello came");
    }
  }

  #leaderIs(leader: Endpoint | null): void {
    this.#ready();
    const text = (endpoint: Endpoint | null | undefined) => endpoint && endpointText(endpoint);
    const isNew = text(leader) !== text(this.#leader);
    this.#leader = leader;
    if (leader !== null) {
      this.#deadlines.clear("lead");
      this.#pauses.reset();
      // Of ourselves it is told when all is read, or soon gone.
      if (isNew && this.#other !== null) this.#tellRole();
    } else if (!this.#isTrying) {
      this.#deadlines.set("lead", this.#out.nowMs + LEAD_AFTER_MS_MAX * this.config.random());
    }
  }

  /** The instance that leads; null where none does, or it isn't known, or what is there is left of ourselves. */
  get #other(): Endpoint | null {
    const leader = this.#leader ?? null;
    const isOurs = leader !== null && endpointText(leader) === endpointText(this.config.listening);
    return isOurs ? null : leader;
  }

  #tellRole(): void {
    this.#out.show({ event: "role", role: "stand-by", leader: this.#other });
  }

  #engineIs(trouble: string | null): void {
    this.#ready();
    this.#trouble = trouble;
    if (trouble !== null) this.#out.warn(`${trouble}; waiting for it`);
    else this.#out.notice("The engine can be used again");
  }

  #lead(): void {
    this.#isTrying = true;
    this.#out.push({ type: "lead" });
  }

  #led(leads: boolean): void {
    this.#isTrying = false;
    if (leads) return this.#end(LEADS, undefined);
    if (this.#leader !== null) return;
    if (!this.#pauses.hasFailed) this.#tellRole();
    const pauseMs = this.#pauses.failed(this.config.random());
    this.#deadlines.set("lead", this.#out.nowMs + pauseMs);
  }

  #command(command: CoordinatorCommand, ref: string | undefined): void {
    switch (command.command) {
      case "quit":
        return this.#end("quit", ref);
      case "status":
        return this.#status(ref);
      case "refuse":
      case "unrefuse":
        return; // the next coordinator of this program reads them
      default: {
        const leader = this.#other;
        const where = leader === null
          ? "again when one leads"
          : `at ${endpointText(leader)}, which leads`;
        const text =
          `This instance of the coordinator stands by and knows nothing of the members: type it ${where}`;
        return this.#out.error("not-allowed", text, ref);
      }
    }
  }

  #status(ref: string | undefined): void {
    const { key } = this.config;
    const problems = this.#trouble === null ? [] : [this.#trouble];
    const nothing = { group: "", view: 0, seq: null, members: [] };
    this.#out.show({ event: "status", key, ...nothing, problems }, ref);
  }

  #end(reason: string, ref: string | undefined): void {
    this.#isOver = true;
    for (const link of this.#links.keys()) this.#close(link, COORDINATOR_GOODBYE);
    this.#out.push({ type: "stop", outcome: { kind: "bye", reason, ref } });
  }
}
