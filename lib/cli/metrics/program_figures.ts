/** What is measured of the program itself: which it is, its memory, its disk, how late its event loop comes to things. */

import type { Clock } from "../../base/machine/clock.ts";
import type { AppendFile, Disk } from "../../store/disk/disk.ts";
import type { VERSION } from "../session/version.ts";
import { DISK_SECONDS } from "./machine_figures.ts";
import { label, type Registry } from "./registry.ts";

/** How often it is looked at how late a timer comes. */
const LOOK_MS = 250;
/** A timer is up to a millisecond late by itself. */
const DELAYS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

function tableOf(registry: Registry, version: typeof VERSION) {
  return {
    build: registry.gauges(
      "p2pchat_build_info",
      "Always 1: the label is the version of the program.",
      label("version", [version]),
    ),
    startedAt: registry.gauge(
      "process_start_time_seconds",
      "When the program was started, since 1970.",
      "seconds",
    ),
    processor: registry.counter(
      "process_cpu_seconds",
      "Time for which processors worked for the program.",
      "seconds",
    ),
    resident: registry.gauge(
      "process_resident_memory_bytes",
      "Memory that the program takes.",
      "bytes",
    ),
    heap: registry.gauge(
      "p2pchat_heap_bytes",
      "Of that memory what the runtime's heap has in use.",
      "bytes",
    ),
    delay: registry.histogram(
      "p2pchat_event_loop_delay_seconds",
      "How late a timer came, four times a second: for so long everything else waits, too.",
      DELAYS,
    ),
    syncs: registry.histogram(
      "p2pchat_disk_sync_duration_seconds",
      "Time that the disk took to make sure of what was written.",
      DISK_SECONDS,
    ),
  };
}

/** What the system says of this process. */
interface ProcessUse {
  readonly residentBytes: number;
  readonly heapBytes: number;
  readonly processorSeconds: number;
}

export class ProgramFigures {
  readonly #table: ReturnType<typeof tableOf>;
  #timer: { cancel(): void } | null = null;

  constructor(
    registry: Registry,
    readonly ports: {
      readonly clock: Clock;
      /** Since 1970, ms. */
      readonly startedMs: number;
      readonly version: typeof VERSION;
    },
  ) {
    const { clock, startedMs, version } = ports;
    this.#table = tableOf(registry, version);
    this.#table.build(version).value = 1;
    this.#table.startedAt.value = startedMs / 1_000;
    this.#look(clock.nowMs());
  }

  /** For the next answer. */
  collect({ residentBytes, heapBytes, processorSeconds }: ProcessUse): void {
    this.#table.resident.value = residentBytes;
    this.#table.heap.value = heapBytes;
    this.#table.processor.raiseTo(processorSeconds);
  }

  /** Measures each sync of this disk from now on. */
  watch(disk: Disk): void {
    const openAppend = disk.openAppend.bind(disk);
    disk.openAppend = async (path, options) => this.#watched(await openAppend(path, options));
    disk.syncFolder = this.#timed(disk.syncFolder.bind(disk));
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #watched(file: AppendFile): AppendFile {
    file.syncData = this.#timed(file.syncData.bind(file));
    return file;
  }

  #timed<Args extends readonly unknown[]>(
    sync: (...args: Args) => Promise<void>,
  ): (...args: Args) => Promise<void> {
    const { nowMs } = this.ports.clock;
    return async (...args) => {
      const beganMs = nowMs();
      await sync(...args);
      this.#table.syncs.observe((nowMs() - beganMs) / 1_000);
    };
  }

  #look(nowMs: number): void {
    const { clock } = this.ports;
    const dueMs = nowMs + LOOK_MS;
    this.#timer = clock.at(dueMs, () => {
      const lookedMs = clock.nowMs();
      this.#table.delay.observe(Math.max(0, lookedMs - dueMs) / 1_000);
      this.#look(lookedMs);
    });
  }
}
