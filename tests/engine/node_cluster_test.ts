import { assertEquals, assertThrows } from "@std/assert";
import { Outage } from "../../lib/engine/etcd/gateway_answers.ts";
import { NodeCluster } from "../../lib/engine/etcd/node_cluster.ts";

const said = (cluster_id: string) => ({ header: { cluster_id, revision: "7" } });

Deno.test("NodeCluster: the first node that answers says which cluster is meant, and one of another is none", () => {
  const cluster = new NodeCluster();
  assertEquals(cluster.isUnknown("http://a:1"), false, "nothing is known yet");
  cluster.check("http://a:1", said("1"));
  assertEquals([cluster.isUnknown("http://a:1"), cluster.isUnknown("http://b:2")], [false, true]);
  assertThrows(
    () => cluster.check("http://b:2", { result: said("2") }),
    Outage,
    "it is a node of another cluster of etcd than a:1",
  );
  assertEquals(cluster.isUnknown("http://b:2"), true);
  assertEquals(
    cluster.trouble,
    "b:2 is a node of another cluster of etcd than a:1; name the nodes of one in --engine",
  );
  cluster.check("http://c:3", said("1"));
  assertEquals(cluster.isUnknown("http://c:3"), false);
});

Deno.test("NodeCluster: a node that was of it may say another one, as where a backup is restored", () => {
  const cluster = new NodeCluster();
  for (const node of ["http://a:1", "http://b:2"]) cluster.check(node, said("1"));
  for (const node of ["http://b:2", "http://a:1"]) cluster.check(node, said("9"));
  assertEquals(cluster.trouble, null);
});

Deno.test("NodeCluster: an answer without a cluster says nothing of it", () => {
  const cluster = new NodeCluster();
  cluster.check("http://a:1", {});
  cluster.check("http://b:2", { header: {} });
  assertEquals(cluster.isUnknown("http://b:2"), false);
});
