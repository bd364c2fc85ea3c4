/** Runs an instance of the coordinator that stands by, until its operator ends it or it leads. */

import type { Endpoint, LinkId } from "../../base/ids.ts";
import type { P2pchatError } from "../../base/errors.ts";
import {
  StandBy,
  type StandByEffect,
  type StandByInput,
} from "../../protocols/group/coordinator/stand_by.ts";
import type { CoordinatorCommand, CoordinatorEvent } from "../../protocols/group/schema/events.ts";
import { GROUP_MESSAGES, type GroupMessage } from "../../protocols/group/schema/messages.ts";
import type { LinkHandler, LinkInfo } from "../../transport/link.ts";
import { createCodec } from "../../wire/codec.ts";
import { Runner } from "../runner.ts";
import { ModeHost, type ModePorts } from "./mode_host.ts";

interface StandByHostPorts extends ModePorts<CoordinatorEvent> {
  /** Tries to lead. @returns Whether this instance leads now; rejects only for what can't be waited for. */
  lead(): Promise<boolean>;
}

export class StandByHost
  extends ModeHost<GroupMessage, CoordinatorCommand, CoordinatorEvent, never, never>
  implements LinkHandler {
  protected override readonly runner: Runner<StandByInput, StandByEffect, never>;
  readonly #lead: StandByHostPorts["lead"];

  constructor(
    config: Omit<ConstructorParameters<typeof StandBy>[0], "random">,
    ports: StandByHostPorts,
  ) {
    super(createCodec(GROUP_MESSAGES), ports);
    this.#lead = ports.lead;
    const { random } = ports.environment;
    this.runner = new Runner<StandByInput, StandByEffect, never>(
      new StandBy({ ...config, random }),
      {
        ...this.runnerPorts(),
        append: () => Promise.resolve(), // there is nothing to store
        persistOf: () => null,
        execute: (effect) => this.#execute(effect),
      },
    );
  }

  /** Where the instance that leads listens; null: nobody leads. */
  leaderIs(leader: Endpoint | null): void {
    this.runner.feed({ type: "leader", leader });
  }

  /** Why the engine can't be used, in a sentence; null: it can again. */
  troubled(trouble: string | null): void {
    this.runner.feed({ type: "engine", trouble });
  }

  /** The engine refuses this program what it needs. */
  refused(error: P2pchatError): void {
    this.fail(error);
  }

  // LinkHandler.

  linkUp(link: LinkId, info: LinkInfo): void {
    if (this.takes(link, info)) this.runner.feed({ type: "link-up", link, peer: info.peer });
  }

  /** It dials nobody. */
  dialFailed(): void {}

  /** It says one word on each link. */
  congested(): void {}

  #execute(effect: StandByEffect): void {
    switch (effect.type) {
      case "send":
        return this.openLinks.send(effect.link, effect.message, "data");
      case "lead":
        return void this.#lead().then(
          (leads) => this.runner.feed({ type: "led", leads }),
          (error) => this.fail(error),
        );
      default:
        return this.perform(effect);
    }
  }

  protected override logEvent(event: CoordinatorEvent): void {
    switch (event.event) {
      case "ready":
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
