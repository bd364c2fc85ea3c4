/** Bugs in how a coordinator recovers after its disk was lost or restored, and in what members report to it. */

import { type Account, Recount } from "../../../lib/protocols/group/recovery/recount.ts";
import type { PeerKey } from "../../../lib/base/ids.ts";
import { MemberOutput } from "../../../lib/protocols/group/schema/member_output.ts";
import { Promises } from "../../../lib/protocols/group/log/promises.ts";
import { compareBallots, NO_BALLOT } from "../../../lib/protocols/group/schema/epoch.ts";
import type { MemberRecord } from "../../../lib/protocols/group/schema/records.ts";
import { Views } from "../../../lib/protocols/group/detector/views.ts";
import { type Mutation, replaced } from "./mutations.ts";

const { storeThen } = MemberOutput.prototype;
const { put } = Recount.prototype;
const awaited = Object.getOwnPropertyDescriptor(Recount.prototype, "awaited")!.get!;

export const RECOVERY_MUTATIONS = {
  oneTellsForAll: {
    name: "has a coordinator without its disk for which one account is enough",
    install: replaced(Recount.prototype, "awaited", { get: () => [] }),
  },
  awaitsGivenUp: {
    name: "has a coordinator without its disk that awaits whom the operator has given up",
    install: replaced(Recount.prototype, "awaited", {
      get(this: Recount) {
        const members = this.newest?.epoch.value.members ?? [];
        return [...awaited.call(this), ...members.filter(({ key }) => this.isGivenUp(key))];
      },
    }),
  },
  needsAnyone: {
    name: "has a coordinator without its disk that begins the next view with any of the last one",
    install: replaced(Views.prototype, "needsAll", { get: () => false }),
  },
  lostHaveNoSay: {
    name:
      "has a coordinator without its disk that needs nobody whose log is lost, not even brought up again",
    install: replaced(Recount.prototype, "put", {
      value(this: Recount, key: PeerKey, account: Account) {
        put.call(this, key, { ...account, hasSay: !account.isLost });
      },
    }),
  },
  followsWithoutLog: {
    name: "follows a view that began elsewhere after it has lost its log",
    install: replaced(Promises.prototype, "hasLog", { get: () => true }),
  },
  forgetsWhatItLost: {
    name: "knows no more at a later start that it had lost its log before a view began for it",
    install: replaced(Promises.prototype, "mayHaveHeld", {
      get(this: Promises) {
        return this.begun !== null || compareBallots(this.levelled, NO_BALLOT) > 0;
      },
    }),
  },
  numbersFromTheFirst: {
    name: "has a coordinator without its disk that uses numbers again",
    install: replaced(Recount.prototype, "highest", { get: () => ({ number: -999, edit: 0 }) }),
  },
  beginsUnsynced: {
    name: "begins a view before that is on disk",
    install: replaced(MemberOutput.prototype, "storeThen", {
      value(this: MemberOutput, records: readonly MemberRecord[], done: () => void) {
        if (records.every(({ kind }) => kind !== "begun")) {
          return storeThen.call(this, records, done);
        }
        this.note(...records);
        done();
      },
    }),
  },
  rememberedLost: {
    name: "tells of a log that it has lost as if it were there",
    install: replaced(Promises.prototype, "begunBallot", {
      get(this: Promises) {
        return this.begun?.epoch.value.ballot ?? { number: 0, round: 0 };
      },
    }),
  },
} as const satisfies Record<string, Mutation>;
