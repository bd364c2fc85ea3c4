/**
 * Whether anything listens at the directory's address, before a user without a name is asked anything: without a name
 * there is no profile yet, and so no key with which to speak to the directory.
 */

import { P2pchatError } from "../../base/errors.ts";
import { type Endpoint, endpointText } from "../../base/ids.ts";
import type { Clock } from "../../base/machine/clock.ts";
import { RetryPauses } from "../../base/rates/retry_pauses.ts";
import { unreachableText } from "../../base/trust/server_connection.ts";
import { RETRY_MS_MAX, RETRY_MS_MIN } from "../../protocols/directory/schema/limits.ts";
import type { StreamNetwork } from "../../transport/byte_stream.ts";

/** The longest attempt to connect: a firewall may drop all that is sent. */
const CONNECT_MS_MAX = 10_000;

interface DirectorySearchPorts {
  readonly network: Pick<StreamNetwork, "connect">;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** Whether to try again; otherwise the first failure is the last. */
  readonly wait: boolean;
  /** Tells the user that nothing answers; called once. */
  tell(text: string): void;
}

export class DirectorySearch {
  readonly #pauses = new RetryPauses(RETRY_MS_MIN, RETRY_MS_MAX);
  readonly #result = Promise.withResolvers<boolean>();
  #present: { cancel(): void } | null = null;
  #isTold = false;
  #isOver = false;

  constructor(readonly directory: Endpoint, readonly ports: DirectorySearchPorts) {}

  /**
   * Called once. @returns True once something listens there; false after `cancel`.
   * @throws {P2pchatError} `unreachable`, where one doesn't wait.
   */
  found(): Promise<boolean> {
    this.#try();
    return this.#result.promise;
  }

  cancel(): void {
    this.#end(() => this.#result.resolve(false));
  }

  #try(): void {
    if (this.#isOver) return;
    const { network, clock } = this.ports;
    const attempt = network.connect(this.directory, (stream) => {
      stream.abort();
      this.#end(() => this.#result.resolve(true));
    }, (reason) => this.#failed(reason));
    const timer = clock.at(clock.nowMs() + CONNECT_MS_MAX, () => {
      attempt.cancel();
      this.#failed(`${attempt.missing} within ${CONNECT_MS_MAX / 1_000} s`);
    });
    this.#present = {
      cancel: () => {
        attempt.cancel();
        timer.cancel();
      },
    };
  }

  #failed(reason: string): void {
    if (this.#isOver) return;
    const { clock, random, wait } = this.ports;
    const address = endpointText(this.directory);
    if (!wait) {
      const text = unreachableText({ what: "directory", endpoint: this.directory }, reason);
      return this.#end(() => this.#result.reject(new P2pchatError("unreachable", text)));
    }
    this.#present?.cancel();
    this.#present = clock.at(clock.nowMs() + this.#pauses.failed(random()), () => this.#try());
    if (this.#isTold) return;
    this.#isTold = true;
    this.ports.tell(
      `No connection with the directory at ${address}: ${reason}; trying again, and you are asked how to log in ` +
        "once it answers. Ctrl+C leaves",
    );
  }

  #end(settle: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#present?.cancel();
    settle();
  }
}
