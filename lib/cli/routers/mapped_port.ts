/** `--map-port`: a port of the router for this program, and the address by which others reach it. */

import { nodeSigner } from "../../base/crypto/crypto.ts";
import type { Environment } from "../../base/machine/environment.ts";
import type { Endpoint, PeerKey } from "../../base/ids.ts";
import type { ChannelSecret } from "../../protocols/noise/channel_handshake.ts";
import type { ChannelMode } from "../../protocols/noise/preface.ts";
import { keyPairFromSeed } from "../../protocols/noise/primitives.ts";
import type { MappingNews, Transport } from "../../protocols/port_mapping/port_mapping_io.ts";
import { PortMapper } from "../../runtime/hosts/port_mapper.ts";
import { type LinkHandler, openTo } from "../../transport/link.ts";
import { SystemRouter } from "../../transport/routers/system_router.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import { openTcpLinks } from "../../transport/tcp/tcp_links.ts";
import { randomBytes } from "../session/random_bytes.ts";
import { mappingText } from "./mapping_words.ts";

interface MappedPortParts {
  readonly environment: Environment;
  readonly transports: readonly Transport[];
  notice(text: string): void;
  warn(text: string): void;
  /** The command with which others come in at an address; null where it says itself that it is announced. */
  joinedBy(external: Endpoint): string | null;
  /** Whether the mode has meeting points, and the user has named none. */
  readonly mayMeet?: boolean;
  /** The address to be proven, for a mode whose machine sees to that. */
  mapped?(external: Endpoint | null): void;
  /** Others find us here from now on; null: where they did before. */
  announce?(external: Endpoint | null): void;
  /** How this program dials itself, for a mode where nobody else can be asked. */
  readonly self?: SelfDial;
}

interface SelfDial {
  readonly mode: ChannelMode;
  readonly key: PeerKey;
  /** Of a private group. */
  secret(): ChannelSecret | null;
}

export class MappedPort {
  #mapper: PortMapper | null = null;
  #external: Endpoint | null = null;

  constructor(private readonly parts: MappedPortParts) {}

  /** Where others find us by the router; null where that isn't proven. */
  get announced(): Endpoint | null {
    return this.#external;
  }

  /** The handler, such that who comes in is noticed. */
  noticing(handler: LinkHandler): LinkHandler {
    return {
      ...handler,
      linkUp: (link, info) => {
        if (!info.dialled) this.#mapper?.cameIn(info.remote.host);
        handler.linkUp(link, info);
      },
    };
  }

  /** Asks the router to pass on what comes for this port. Once; later calls do nothing. */
  start(port: number): void {
    if (this.#mapper !== null) return;
    const { environment, transports, self, mapped } = this.parts;
    const interfaces = Deno.networkInterfaces;
    const ownHosts = () => interfaces().map(({ address }) => address);
    const config = { port, transports, ownHosts, dials: self !== undefined };
    this.#mapper = new PortMapper(config, {
      clock: SYSTEM_LINK_CLOCK,
      environment,
      router: new SystemRouter({ interfaces }),
      dial: (external) => self === undefined ? Promise.resolve(false) : this.#dial(external, self),
      mapped: (external) => mapped?.(external),
      announce: (external) => {
        this.#external = external;
        this.parts.announce?.(external);
      },
      tell: (news) => this.#tell(news, port),
      failed: (error) => void Promise.reject(error), // ends the program, as any bug does
    });
    this.#mapper.start();
  }

  /** Somebody has dialled us at this address. */
  proven(external: Endpoint): void {
    this.#mapper?.proven(external);
  }

  /** Gives the port back; waits for the router, but not long. */
  async close(): Promise<void> {
    await this.#mapper?.stop();
  }

  #tell(news: MappingNews, port: number): void {
    const { joinedBy, mayMeet = false } = this.parts;
    if (news.kind === "proven" && joinedBy(news.external) === null) return;
    const { text, warning = false } = mappingText(news, { port, mayMeet, joinedBy });
    if (warning) this.parts.warn(text);
    else this.parts.notice(text);
  }

  /**
   * Dials this program as a client would, under a key of its own, which nobody else sees: only whoever has this
   * program's key can answer.
   */
  async #dial(external: Endpoint, { mode, key, secret }: SelfDial): Promise<boolean> {
    const { environment } = this.parts;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const links = openTcpLinks({
      host: null,
      port: null,
      identity: { signer: nodeSigner(randomBytes(32)), static: keyPairFromSeed(randomBytes(32)) },
      env: environment,
      warn: () => {},
      access: openTo(mode),
      handler: {
        linkUp: () => resolve(true),
        dialFailed: () => resolve(false),
        frame() {},
        linkDown() {},
        congested() {},
        drained() {},
        aged() {},
      },
    });
    links.dial(1, external, { key, room: null, secret: secret(), mode });
    const isReached = await promise;
    await links.shutdown("it was only tried");
    return isReached;
  }
}
