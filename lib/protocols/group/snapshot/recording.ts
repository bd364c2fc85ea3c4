/**
 * One process's part in one global snapshot: what it records of itself, and of each channel that leads to it.
 *
 * The picture: each process takes a photograph of itself, and shouts "now" on all its channels before it says
 * anything else there. A process that hears that for the first time takes its own photograph at once; what still
 * comes on a channel between its photograph and that channel's shout was in transit when the picture was taken.
 *
 * Chandy and Lamport, Distributed Snapshots: Determining Global States of Distributed Systems (ACM TOCS 1985),
 * section 3: the marker-sending rule and the marker-receiving rule. Channels are identified by name, lose nothing and
 * keep their order. Any number of snapshots may be under way at once, each with its own markers and its own
 * recordings.
 *
 * The caller's duties: each message goes to `received` and each marker to `marker` in the order in which they come,
 * `received` before the message changes anything; nothing is sent between `record` and `sendMarkers`, and
 * `sendMarkers` sends one marker on each outgoing channel.
 */

interface RecordingPorts<State> {
  /** The process's state, as it is at this moment. */
  record(): State;
  /** Sends one marker on each channel that leads away from this process, before anything else is sent there. */
  sendMarkers(): void;
}

export class Recording<Channel, State, Message> {
  #state: State | null = null;
  /** Channels whose marker hasn't come. */
  readonly #open: Set<Channel>;
  readonly #messages = new Map<Channel, Message[]>();

  /**
   * @param incoming All channels that lead to this process.
   * @param combined Joins two messages to one, to keep long recordings short; null where they must stay two.
   */
  constructor(
    incoming: Iterable<Channel>,
    readonly ports: RecordingPorts<State>,
    readonly combined: (last: Message, next: Message) => Message | null = () => null,
  ) {
    this.#open = new Set(incoming);
    for (const channel of this.#open) this.#messages.set(channel, []);
  }

  /** Null until it is recorded. */
  get state(): State | null {
    return this.#state;
  }

  /**
   * The marker-sending rule: for the process that begins the snapshot, and at the first marker. Repetitions do
   * nothing.
   */
  begin(): void {
    if (this.#state !== null) return;
    this.#state = this.ports.record();
    this.ports.sendMarkers();
  }

  /** The marker-receiving rule. The channel of the first marker is recorded as empty. */
  marker(channel: Channel): void {
    this.begin();
    this.#open.delete(channel);
  }

  /** A message came on the channel. */
  received(channel: Channel, message: Message): void {
    if (this.#state === null || !this.#open.has(channel)) return;
    const messages = this.#messages.get(channel)!;
    const last = messages.at(-1);
    const both = last === undefined ? null : this.combined(last, message);
    if (both === null) messages.push(message);
    else messages[messages.length - 1] = both;
  }

  /** Whether this process has everything that it records: its state, and a marker from each channel (section 3.2). */
  get isComplete(): boolean {
    return this.#state !== null && this.#open.size === 0;
  }

  /** Channels whose marker is awaited. */
  get awaited(): ReadonlySet<Channel> {
    return this.#open;
  }

  /** What was in transit on the channel, in order. */
  messages(channel: Channel): readonly Message[] {
    return this.#messages.get(channel) ?? [];
  }
}
