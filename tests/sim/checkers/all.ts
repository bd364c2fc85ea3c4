/** The checkers of every run of the mesh. Each run has its own instances, as they keep state. */

import type { MeshChecker } from "../mesh/checker.ts";
import { HistoryAsked } from "./history_asked.ts";
import { HonestLinks } from "./honest_links.ts";
import { ExactlyOnce } from "./m1_exactly_once.ts";
import { LateOnesCatchUp } from "./m2_late_ones_catch_up.ts";
import { CausalOrder } from "./m3_causal_order.ts";
import { SameHistory } from "./m4_same_history.ts";
import { Bounded } from "./m5_bounded.ts";
import { Connections } from "./m6_connections.ts";
import { Recipients } from "./m7_recipients.ts";
import { OverlayWhole } from "./overlay_whole.ts";
import { PrivateMessages } from "./private_messages.ts";
import { PrivateRooms } from "./private_rooms.ts";
import { Removals } from "./removals.ts";
import { RosterRight } from "./roster_right.ts";
import { SaneEvents } from "./sane_events.ts";
import { SentAfter } from "./sent_after.ts";
import { StoredOrder } from "./stored_order.ts";

export function meshCheckers(): MeshChecker[] {
  return [
    // Checkers that explain other failures come first, expensive ones last.
    new OverlayWhole(),
    new ExactlyOnce(),
    new CausalOrder(),
    new StoredOrder(),
    new SentAfter(),
    new Bounded(),
    new Connections(),
    new Removals(),
    new Recipients(),
    new HonestLinks(),
    new SaneEvents(),
    new HistoryAsked(),
    new PrivateMessages(),
    new PrivateRooms(),
    new RosterRight(),
    new LateOnesCatchUp(),
    new SameHistory(),
  ];
}
