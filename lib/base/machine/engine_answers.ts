/** How an engine that several instances share answers: part of the status of each. */

/** One of the engine's nodes, as it answered when it was asked last. */
export interface EngineNode {
  /** As people write it: `10.0.0.1:2379`. */
  readonly address: string;
  readonly answers: boolean;
  /** Whether it leads the nodes; absent: it doesn't. */
  readonly leads?: true;
  /** How long its last answer took, ms. */
  readonly tookMs: number;
  /** For how long it hasn't answered, ms, and why, part of a sentence; absent: it does. */
  readonly silentMs?: number;
  readonly reason?: string;
}

export interface EngineAnswers {
  /** Whether the engine has answered the last request. */
  readonly answers: boolean;
  /** How long ago it answered last, and how long that took. */
  readonly answeredMs: number;
  readonly tookMs: number;
  /** Why this instance can't do there what it has to, though it may answer, in a sentence; absent: it can. */
  readonly trouble?: string;
  readonly nodes: readonly EngineNode[];
}
