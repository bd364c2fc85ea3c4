/**
 * Which nodes are of one cluster, by what their answers are headed with. A command line that names nodes of two would
 * have half of what is written in each.
 */

import { type Json, objectIn, Outage, textIn } from "./gateway_answers.ts";
import { placeOf } from "./node_states.ts";

export class NodeCluster {
  #id = "";
  /** The nodes that have answered as nodes of it. */
  readonly #ours = new Set<string>();
  #trouble: string | null = null;

  /** Why not all nodes can be used, part of a sentence; null: all that have answered can. */
  get trouble(): string | null {
    return this.#trouble;
  }

  /** Whether others are known to be of a cluster, and this one isn't yet. */
  isUnknown(node: string): boolean {
    return this.#ours.size > 0 && !this.#ours.has(node);
  }

  /**
   * The first node that answers says which cluster is meant. One that was of it may say another one later, as where a
   * backup is restored: what it has then tells whether one can go on.
   * @throws {Outage} The node is of another cluster.
   */
  check(node: string, answer: Json): void {
    // That of a lease stands deeper.
    const header = objectIn("result" in answer ? objectIn(answer, "result") : answer, "header");
    const id = textIn(header, "cluster_id");
    if (id === "") return;
    if (this.#ours.size === 0 || this.#ours.has(node)) this.#id = id;
    if (id === this.#id) {
      this.#ours.add(node);
      return;
    }
    const [one = ""] = this.#ours;
    this.#trouble = `${placeOf(node)} is a node of another cluster of etcd than ${placeOf(one)}; ` +
      "name the nodes of one in --engine";
    throw new Outage(`it is a node of another cluster of etcd than ${placeOf(one)}`);
  }
}
