/** All that is fuzzed. */

import type { Target } from "./target.ts";
import { accountsTarget } from "./targets/accounts.ts";
import { argumentsTarget } from "./targets/arguments.ts";
import { codecTarget } from "./targets/codec.ts";
import { engineTarget } from "./targets/engine.ts";
import { entriesTarget } from "./targets/entries.ts";
import { framesTarget } from "./targets/frames.ts";
import { handshakeTarget } from "./targets/handshake.ts";
import { httpTarget } from "./targets/http.ts";
import { invitesTarget } from "./targets/invites.ts";
import { ircTarget } from "./targets/irc.ts";
import { keysTarget } from "./targets/keys.ts";
import { linesTarget } from "./targets/lines.ts";
import { logsTarget } from "./targets/logs.ts";
import { mcpTarget } from "./targets/mcp.ts";
import { meetingsTarget } from "./targets/meetings.ts";
import { multicastTarget } from "./targets/multicast.ts";
import { objectsTarget } from "./targets/objects.ts";
import { profileTarget } from "./targets/profile.ts";
import { reliableDatagramsTarget } from "./targets/reliable_datagrams.ts";
import { routersTarget } from "./targets/routers.ts";
import { sealedDatagramsTarget } from "./targets/sealed_datagrams.ts";
import { snapshotsTarget } from "./targets/snapshots.ts";
import { tablesTarget } from "./targets/tables.ts";
import { transfersTarget } from "./targets/transfers.ts";
import { usersTarget } from "./targets/users.ts";
import { webSocketsTarget } from "./targets/web_sockets.ts";
import { wordsTarget } from "./targets/words.ts";

export const TARGETS: readonly Target[] = [
  framesTarget,
  codecTarget,
  handshakeTarget,
  reliableDatagramsTarget,
  sealedDatagramsTarget,
  usersTarget,
  accountsTarget,
  logsTarget,
  snapshotsTarget,
  tablesTarget,
  profileTarget,
  objectsTarget,
  linesTarget,
  keysTarget,
  argumentsTarget,
  invitesTarget,
  engineTarget,
  entriesTarget,
  transfersTarget,
  wordsTarget,
  meetingsTarget,
  mcpTarget,
  ircTarget,
  httpTarget,
  webSocketsTarget,
  multicastTarget,
  routersTarget,
];
