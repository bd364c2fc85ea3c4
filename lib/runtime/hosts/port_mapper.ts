/** Runs a port mapping over a router: asks it, and says what has become of that. */

import type { Clock } from "../../base/machine/clock.ts";
import type { Environment } from "../../base/machine/environment.ts";
import { type Endpoint, endpointText } from "../../base/ids.ts";
import { PortMapping } from "../../protocols/port_mapping/port_mapping.ts";
import type {
  MappingNews,
  PortMappingConfig,
  PortMappingEffect,
  PortMappingInput,
} from "../../protocols/port_mapping/port_mapping_io.ts";
import type { HomeRouter } from "../../transport/home_router.ts";
import { Runner, storingNothing } from "../runner.ts";

interface PortMapperPorts {
  readonly clock: Clock;
  readonly environment: Environment;
  readonly router: HomeRouter;
  /** Dials this program by this address. @returns Whether it has answered. */
  dial(external: Endpoint): Promise<boolean>;
  /** The address that somebody has to prove (`proven`); null: there is none any more. */
  mapped(external: Endpoint | null): void;
  /** Others find this program here from now on; null: where they did before. */
  announce(external: Endpoint | null): void;
  tell(news: MappingNews): void;
  /** A bug of our own. */
  failed(error: unknown): void;
}

export class PortMapper {
  readonly #runner: Runner<PortMappingInput, PortMappingEffect, never>;
  readonly #over = Promise.withResolvers<void>();

  constructor(config: PortMappingConfig, private readonly ports: PortMapperPorts) {
    this.#runner = new Runner(
      new PortMapping(config, ports.environment),
      storingNothing<PortMappingInput, PortMappingEffect>({
        clock: ports.clock,
        execute: (effect) => this.#execute(effect),
        tick: { type: "tick" },
        failed: (error) => this.#failed(error),
      }),
    );
  }

  start(): void {
    this.#runner.feed({ type: "start" });
  }

  /** Somebody has reached this program there. */
  proven(external: Endpoint): void {
    this.#runner.feed({ type: "proven", external });
  }

  /** Somebody who has shown a key has come in from this host. */
  cameIn(host: string): void {
    this.#runner.feed({ type: "came-in", host });
  }

  /** Gives the ports back. Resolves when the router has them, or isn't waited for any longer: in some 2 s. */
  async stop(): Promise<void> {
    this.#runner.feed({ type: "stop" });
    await this.#over.promise;
    this.#runner.stop();
    this.ports.router.close();
  }

  #execute(effect: PortMappingEffect): void {
    const { router, environment: { log } } = this.ports;
    switch (effect.type) {
      case "ask": {
        const { ask, request, leaseS } = effect;
        return this.#follow(router.map(request, leaseS), (answer) => {
          log.debug("the router answers", { ...request, answer });
          return { type: "answered", ask, answer };
        });
      }
      case "delete": {
        const { request } = effect;
        return this.#follow(
          router.drop(request),
          (isDone) => ({ type: "deleted", request, isDone }),
        );
      }
      case "dial": {
        const { external } = effect;
        return this.#follow(
          this.ports.dial(external),
          (isReached) => isReached ? { type: "proven", external } : { type: "tick" },
        );
      }
      case "mapped":
        return this.ports.mapped(effect.external);
      case "announce":
        return this.ports.announce(effect.external);
      case "tell": {
        const { kind, ...more } = effect.news;
        log.info(`port mapping: ${kind}`, { ...more, ...readable(effect.news) });
        return this.ports.tell(effect.news);
      }
      case "over":
        return this.#over.resolve();
    }
  }

  #follow<Result>(work: Promise<Result>, input: (result: Result) => PortMappingInput): void {
    work.then((result) => this.#runner.feed(input(result))).catch((error) => this.#failed(error));
  }

  #failed(error: unknown): void {
    this.#over.resolve();
    this.ports.failed(error);
  }
}

/** Addresses as text, for the log. */
function readable(news: MappingNews): Readonly<Record<string, string>> {
  return "external" in news ? { external: endpointText(news.external) } : {};
}
