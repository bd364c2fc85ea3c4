// Each bug put into the datagram layer is found by some seed in which the layer without it passes. If the
// simulator couldn't find such bugs, running it would be pointless.

import { hunt } from "./hunt.ts";
import { Connection } from "../../lib/protocols/reliable_datagram/connection.ts";
import { ReceiveLane } from "../../lib/protocols/reliable_datagram/receive_lane.ts";
import { SendLane } from "../../lib/protocols/reliable_datagram/send_lane.ts";
import { NewPath } from "../../lib/protocols/sealed_datagram/session.ts";
import { NewPaths } from "../../lib/protocols/sealed_datagram/new_paths.ts";
import { ReplayWindow } from "../../lib/protocols/sealed_datagram/replay_window.ts";
import { runDatagrams } from "./datagrams/run.ts";

/** Replaces a method while `run` runs. `make` gets the original one. */
function mutated<Prototype extends object, Name extends keyof Prototype>(
  prototype: Prototype,
  name: Name,
  make: (method: Prototype[Name]) => Prototype[Name],
  run: () => void,
): void {
  const method = prototype[name];
  prototype[name] = make(method);
  try {
    run();
  } finally {
    prototype[name] = method;
  }
}

interface Mutation {
  /** What the layer does wrong: completes "a layer that". */
  readonly name: string;
  /** The violation by which the bug must be found. */
  readonly complaint: RegExp;
  readonly install: (run: () => void) => void;
  readonly seedsMax: number;
  /** The first seed to try, if the bug is found only after many seeds; by default 1. */
  readonly from?: number;
}

const MUTATIONS: readonly Mutation[] = [
  {
    name: "moves the replay window before authentication",
    complaint: /took a true datagram for a repetition/,
    seedsMax: 10,
    install: (run) =>
      mutated(
        ReplayWindow.prototype,
        "isFresh",
        (isFresh) =>
          function (this: ReplayWindow, counter: number) {
            const fresh = isFresh.call(this, counter);
            if (fresh) this.mark(counter);
            return fresh;
          },
        run,
      ),
  },
  {
    name: "takes every counter",
    complaint: /twice/,
    seedsMax: 20,
    install: (run) => mutated(ReplayWindow.prototype, "isFresh", () => () => true, run),
  },
  {
    name: "acknowledges chunks that it has no room for",
    complaint: /heard \d+ of \d+/,
    from: 3,
    seedsMax: 20,
    install: (run) => {
      let chunks = 0;
      mutated(
        ReceiveLane.prototype,
        "add",
        (add) =>
          function (this: ReceiveLane, ...given: Parameters<ReceiveLane["add"]>) {
            return ++chunks % 20 === 0 ? true : add.apply(this, given);
          },
        run,
      );
    },
  },
  {
    name: "ignores the window that it was given",
    complaint: /blames/,
    from: 7,
    seedsMax: 30,
    install: (run) =>
      mutated(SendLane.prototype, "push", (push) =>
        function (this: SendLane, message: Uint8Array) {
          this.credit(2 ** 50);
          push.call(this, message);
        }, run),
  },
  {
    name: "doesn't tell of room again where that was lost",
    complaint: /heard \d+ of \d+/,
    from: 7,
    seedsMax: 40,
    install: (run) => mutated(ReceiveLane.prototype, "creditLost", () => () => {}, run),
  },
  {
    name: "follows a peer to an address that has proved nothing",
    complaint: /sent too much/,
    from: 12,
    seedsMax: 20,
    install: (run) =>
      mutated(NewPaths.prototype, "heard", () =>
        function (session, from) {
          session.endpoint = from;
        }, run),
  },
  {
    name: "challenges an address however little came from there",
    complaint: /sent too much/,
    from: 13,
    seedsMax: 40,
    install: (run) => mutated(NewPath.prototype, "take", () => () => true, run),
  },
  {
    name: "goes on with a peer that was started again",
    complaint: /instead of|blames|said to|heard \d+ of|is (connecting|silent)/,
    seedsMax: 20,
    install: (run) =>
      mutated(
        Connection.prototype,
        "sessionUp",
        (sessionUp) =>
          function (this: Connection, process, endpoint, nowMs) {
            this.process = process;
            return sessionUp.call(this, process, endpoint, nowMs);
          },
        run,
      ),
  },
];

for (const { name, complaint, install, ...seeds } of MUTATIONS) {
  hunt({
    title: `the simulator finds a layer that ${name}`,
    ...seeds,
    finds(seed) {
      let found: boolean | string = false;
      install(() => {
        try {
          runDatagrams({ seed, steps: 120 });
        } catch (error) {
          const text = error instanceof Error ? error.message : String(error);
          found = complaint.test(text) || text;
        }
      });
      return found;
    },
  });
}
