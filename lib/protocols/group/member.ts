/** A member of a group. */

import type { Signer } from "../../base/crypto.ts";
import type { Environment } from "../../base/environment.ts";
import type { Machine } from "../../base/machine.ts";
import type { SignedEpoch } from "./epoch.ts";
import type { MemberConfig, MemberEffect, MemberInput } from "./member_io.ts";
import type { MemberRecord } from "./records.ts";

export class Member implements Machine<MemberInput, MemberEffect> {
  constructor(
    readonly config: MemberConfig,
    readonly signer: Signer,
    readonly environment: Environment,
  ) {}

  /** The epoch that has begun in this process; null while in none. */
  get epoch(): SignedEpoch | null {
    return null;
  }

  /** Up to here all is on disk, in order. */
  get heldPosition(): number {
    return 0;
  }

  /** Up to here all is in the log and was shown. */
  get shownPosition(): number {
    return 0;
  }

  /** For a compacted file; null while a write is under way that it would lack. */
  snapshot(): Iterable<MemberRecord> | null {
    return [];
  }

  step(_input: MemberInput, _nowMs: number): readonly MemberEffect[] {
    return [];
  }

  nextDeadlineMs(): number | null {
    return null;
  }
}
