/** Opens the page: its address, its port, and its files that are left from before. */

import type { Environment } from "../../base/machine/environment.ts";
import { P2pchatError } from "../../base/errors.ts";
import type { Disk } from "../../store/disk/disk.ts";
import type { TakeTurn } from "../../store/profile/shared_table.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import { atFirstFree } from "../../transport/sockets.ts";
import { TcpNetwork } from "../../transport/tcp/tcp_network.ts";
import { WEB_PORT_DEFAULT, type WebDoor } from "../args/options.ts";
import type { Door, DoorHost } from "../doors/door.ts";
import type { CommonEvent } from "../rendering/user_interface.ts";
import { PageAddress } from "./page_address.ts";
import { PAGE_ASSETS } from "./page_assets.ts";
import { PageServer } from "./page_server.ts";
import { UploadFolder } from "./upload_folder.ts";

const HOST = "127.0.0.1";
const SECRET_BYTES = 32;

interface PageParts {
  readonly disk: Disk;
  /** The profile's. */
  readonly folder: string;
  readonly environment: Environment;
  readonly takeTurn: TakeTurn;
  /** Which of the modes it is, for the page. */
  readonly mode: string;
  /** The program's. */
  readonly version: string;
}

/** Where doors are opened. */
interface Doors {
  attach(name: string, open: (host: DoorHost) => Door): Promise<void>;
  announce(event: CommonEvent): void;
}

/**
 * Serves the page, and tells its address once the program is ready.
 * @throws {P2pchatError} `port-in-use` or `unreachable`; `store-corrupt`, `bad-file`, `in-use` or `disk`.
 */
export async function openPage(doors: Doors, { port }: WebDoor, parts: PageParts): Promise<void> {
  const { disk, folder, environment, takeTurn, mode, version } = parts;
  const secret = () =>
    environment.randomBytes(SECRET_BYTES).toBase64({ alphabet: "base64url", omitPadding: true });
  const address = await PageAddress.open(disk, { folder, mode }, takeTurn, secret);
  const uploads = new UploadFolder(disk, {
    above: `${folder}/uploads`,
    run: secret(),
    failed: ({ message }) => environment.log.warn("a file from the page stays", { error: message }),
  });
  await uploads.removeLeft().catch((error) => {
    if (!(error instanceof P2pchatError)) throw error;
    const text = `Files that were sent from the page at an earlier start stay: ${error.message}`;
    doors.announce({ event: "notice", text, warning: true });
  });
  const isFixed = port !== null && port !== 0;
  const ports = isFixed ? [port] : [address.port, port ?? WEB_PORT_DEFAULT, 0];
  const network = atFirstFree(ports.filter((port) => port !== null), (port) => {
    try {
      return TcpNetwork.listen(HOST, port, environment.log);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      const text = error.message.replace("--port", "--web");
      throw new P2pchatError(error.code, text, { cause: error });
    }
  });
  try {
    // Another program of the profile may serve a page, too: the port stays the first one's.
    if (address.port === null || isFixed) await address.keepPort(network.local.port);
  } catch (error) {
    await network.stopListening();
    throw error;
  }
  // Whoever has the other port is told the secret by who opens the address of then: it is of no use at this one.
  const comesBack = address.port === network.local.port;
  const token = comesBack ? address.token : secret();
  await doors.attach("The page", (host) =>
    new PageServer({
      ...{ network, host, uploads, secret, mode, version, token, comesBack },
      clock: SYSTEM_LINK_CLOCK,
      assets: PAGE_ASSETS,
    }));
  const url = `http://${HOST}:${network.local.port}/#${token}`;
  doors.announce({ event: "web", url });
}
