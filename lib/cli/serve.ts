/** `p2pchat serve`: wires the coordinator's machine to sockets, files and the user interface. */

import { endpointText } from "../base/ids.ts";
import type { CoordinatorCommand, CoordinatorEvent } from "../protocols/group/events.ts";
import { CoordinatorHost } from "../runtime/coordinator_host.ts";
import { serveFolder } from "../store/paths.ts";
import { forwardTo, type Links, openTo } from "../transport/link.ts";
import { openTcpLinks } from "../transport/tcp_links.ts";
import { openCoordinator } from "./group_store.ts";
import type { ServeOptions } from "./options.ts";
import { inputTo } from "./mode_input.ts";
import { endpointForOthers } from "./own_address.ts";
import { pinnedKeys, pinsIn } from "./pins.ts";
import { modePorts, runMode } from "./run_mode.ts";
import { serveCommands, type ServeCommandSink } from "./serve_commands.ts";
import { serveLines, type ServeOwnEvent } from "./serve_rendering.ts";
import {
  channelIdentity,
  logStarted,
  markVerified,
  type Session,
  showNotices,
  withSession,
} from "./session.ts";
import { SnapshotStore } from "./snapshot_store.ts";
import { shownEvent } from "./verify_rendering.ts";

/** Of members' keys in `known_peers`: a data folder has one coordinator. */
const SCOPE = "serve";

/** What is told at a terminal at the first start. */
const FIRST_STEPS = "/help lists the commands, /exit ends the coordinator.";

/**
 * Runs until the operator ends it.
 * @throws {P2pchatError} What ended it otherwise.
 */
export async function runServe(options: ServeOptions): Promise<void> {
  const folder = serveFolder(options.dataFolder);
  const mode = { commands: serveCommands, render: serveLines };
  await withSession(options, { folder, lockMode: "serve" }, mode, async (session) => {
    await coordinate({ ...session, options });
  });
}

interface Wiring extends Session<ServeOwnEvent, ServeCommandSink> {
  readonly options: ServeOptions;
}

async function coordinate(wiring: Wiring): Promise<void> {
  const { options, disk, folder, environment, identity, knownPeers, ui } = wiring;
  const notice = (text: string) => showNotices(ui, text);
  const { crypto, wallMs } = environment;
  const group = await openCoordinator({ disk, crypto, pid: Deno.pid, wallMs, notice }, { folder });
  let links: Links | null = null;
  try {
    // Operators copy the path of a snapshot to wherever they are.
    const snapshots = new SnapshotStore(disk, crypto, await Deno.realPath(folder));
    // A later start must know that there never was a group, should this one end before there is.
    if (identity.isNew) await group.store.append([{ kind: "fresh" }], true);
    let host: CoordinatorHost | null = null;
    links = openTcpLinks({
      host: options.host,
      port: options.port,
      identity: channelIdentity(wiring),
      env: environment,
      access: openTo("group"),
      handler: forwardTo(() => host),
    });
    const listening = endpointForOthers(options, links.local.port);
    logStarted(wiring, "serve", {
      listening: endpointText(links.local),
      advertised: endpointText(listening),
    });
    const input = inputTo<CoordinatorCommand>(
      environment.log,
      (command, ref) => host?.command(command, ref),
    );
    const ready = () => {
      ui.setPrompt("serve");
      showNotices(ui, ...identity.notices, ...group.notices);
      if (identity.isNew && ui.interactive) showNotices(ui, FIRST_STEPS);
      ui.listen(input.handler);
    };
    const { failAfterMs, membersMax, edits, voteTimeoutMs, snapshotEveryMs } = options;
    const pins = pinnedKeys(knownPeers, SCOPE);
    const { history, store, log } = group;
    const votes = { edits, voteTimeoutMs };
    const mayFound = identity.isNew || options.foundNew;
    const terms = { failAfterMs, membersMax, ...votes, snapshotEveryMs, mayFound };
    const config = { listening, ...terms, pins, history };
    host = new CoordinatorHost(config, {
      ...modePorts(wiring, links),
      signer: identity.signer,
      store,
      log,
      snapshots,
      show: (event, ref) => show(wiring, event, ref, ready),
      pin: pinsIn(wiring, SCOPE),
    });
    ui.heedInterrupts(input.leave);
    await runMode(wiring, links, host);
  } finally {
    await links?.shutdown("ended");
    await group.store.close();
  }
}

function show(
  wiring: Wiring,
  event: CoordinatorEvent,
  ref: string | undefined,
  ready: () => void,
): void {
  const { ui, options } = wiring;
  // A line for each entry is what scripts want, or who looks closely.
  if (event.event === "entry" && !options.json && !options.verbose) return;
  ui.show(shownEvent(event), ref);
  switch (event.event) {
    case "ready":
      ui.setNames(event.members);
      return ready();
    case "view":
      return ui.setNames(event.members);
    case "verify":
      return markVerified(wiring, event.peerKey, ref);
  }
}
