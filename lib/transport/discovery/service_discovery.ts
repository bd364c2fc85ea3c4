/**
 * Services announced on this network, as the runtime sees them. Two adapters pass the same contract
 * (`tests/contracts/discovery_contract.ts`): `MdnsDiscovery` and, for tests and simulation, `MemoryDiscovery`.
 *
 * An adapter promises:
 * - What was sent reaches all that are open on this network, the sender too, or some of them, or nobody.
 * - No callback is called from within a call.
 * - Memory is bounded whatever is received; what comes too fast is lost.
 * - Nothing that somebody sends makes it fail, or answer by itself.
 *
 * Whatever is heard is a hint: anybody on the network may say it.
 */

/** A service as it is announced. */
export interface Service {
  /** A random word of letters and digits that stands for this run of the program, at most 63. */
  readonly instance: string;
  /** Where it listens, on the machine that announces it. */
  readonly port: number;
  /** Where it says that it is; absent: at the host from which that comes, and which isn't a reflector then. */
  readonly host?: string;
  /** Texts of the form `key=value`, each at most 255 bytes long in UTF-8. */
  readonly texts: readonly string[];
}

/** The runtime's side of the port. No method may throw or wait. */
export interface DiscoveryHandler {
  /** Somebody asks which services there are, perhaps this program itself. */
  asked(): void;
  /**
   * A service is announced, perhaps this program's own.
   * @param host The address from which that came.
   * @param lifeMs For how long it counts, unless it is announced again.
   */
  heard(host: string, service: Service, lifeMs: number): void;
  /** The machine at `host` says that its service with this instance ends. */
  gone(host: string, instance: string): void;
  /** The first network that leads to others has come, after the start. */
  connected(): void;
}

/** Why nobody on this network can hear us, or we them, as far as this machine knows. */
export type DiscoveryFault =
  /** No interface does multicast, or is up, but perhaps the one of the machine to itself. */
  | "no-network"
  /** Another program has the port, and shares it with nobody. */
  | "port-taken"
  /** The system doesn't permit us to send: a firewall. */
  | "not-sent";

/** What has come in so far, for telling users why they hear nothing. */
export interface Hearing {
  /** Anything that this machine has sent itself: where it hasn't, something on it drops what comes. */
  readonly own: boolean;
  /** Anything at all of another machine, of whatever service. */
  readonly others: boolean;
}

export interface ServiceDiscovery {
  readonly fault: DiscoveryFault | null;
  readonly hearing: Hearing;
  /** Sets the handler and starts to listen. Called once. */
  handle(handler: DiscoveryHandler): void;
  /** Asks which services there are. */
  ask(): void;
  announce(service: Service): void;
  /** Says that a service ends that was announced. */
  goodbye(service: Service): void;
  /** Sends what is queued, and stops listening. Afterwards no callback is called. */
  close(): Promise<void>;
}
