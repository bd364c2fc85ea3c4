/** The checkers of all promises of a group. */

import type { Checker } from "../checker.ts";
import { AwayTold } from "./away_told.ts";
import { Edits } from "./edits.ts";
import { Consents } from "./consents.ts";
import { ConsistentCuts } from "./consistent_cuts.ts";
import { Epochs } from "./epochs.ts";
import { HeldByAll } from "./held_by_all.ts";
import { WhoseWords } from "./whose_words.ts";
import { LogKept } from "./log_kept.ts";
import { Once } from "./once.ts";
import { OnlyListed } from "./only_listed.ts";
import { OneGroup } from "./one_group.ts";
import { Removals } from "./removals.ts";
import { Recounts } from "./recounts.ts";
import { SenderOrder } from "./sender_order.ts";
import { ShownOnce } from "./shown_once.ts";
import { ToldWhatIs } from "./told_what_is.ts";
import { Votes } from "./votes.ts";

export function allCheckers(): Checker[] {
  return [
    new Consents(),
    new Edits(),
    new Recounts(),
    new Removals(),
    new Votes(),
    new ConsistentCuts(),
    new Epochs(),
    new HeldByAll(),
    new WhoseWords(),
    new LogKept(),
    new Once(),
    new SenderOrder(),
    new ShownOnce(),
    new OnlyListed(),
    new OneGroup(),
    new ToldWhatIs(),
    new AwayTold(),
  ];
}
