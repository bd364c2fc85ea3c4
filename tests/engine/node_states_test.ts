import { assertEquals, assertMatch } from "@std/assert";
import { fetchTrouble, NodeStates } from "../../lib/engine/etcd/node_states.ts";

const [A, B, C] = ["https://10.0.0.1:2379", "https://10.0.0.2:2379", "https://10.0.0.3:2379"];

Deno.test("NodeStates: of several reasons that of a certificate comes first, each with its nodes, and says what to do", () => {
  const states = new NodeStates([A, B, C]);
  for (const node of [A, B]) states.failed(node, "doesn't answer");
  assertEquals(states.troubles, "10.0.0.1:2379, 10.0.0.2:2379: doesn't answer");
  assertEquals(states.advice, "check that etcd runs there");

  states.failed(C, "its certificate is over");
  assertEquals(
    states.troubles,
    "10.0.0.3:2379: its certificate is over; 10.0.0.1:2379, 10.0.0.2:2379: doesn't answer",
  );
  assertMatch(states.advice, /--engine-ca/);

  states.answered(C);
  assertEquals(states.advice, "check that etcd runs there");
});

Deno.test("NodeStates: of a node that runs without a leader it says so, and not that it doesn't answer", () => {
  const states = new NodeStates([A, B]);
  for (const node of [A, B]) states.failed(node, "doesn't answer");
  states.said(A, { hasLeader: false });
  assertMatch(
    states.troubles,
    /^10.0.0.1:2379: it runs, but has no leader.*; 10.0.0.2:2379: doesn't/,
  );
  states.said(A, null);
  assertEquals(states.troubles, "10.0.0.1:2379, 10.0.0.2:2379: doesn't answer");
});

Deno.test("fetchTrouble says in words that one can act on what is wrong with a certificate", () => {
  const said = (text: string) =>
    fetchTrouble(
      new TypeError("error", {
        cause: new Error(
          `error sending request for url (https://10.0.0.1/): client error (Connect): ${text}`,
        ),
      }),
      A,
    );
  assertMatch(said("invalid peer certificate: UnknownIssuer"), /isn't signed by .*--engine-ca/);
  assertMatch(said("invalid peer certificate: NotValidForName"), /another host's/);
  assertMatch(said("invalid peer certificate: certificate expired: verification time …"), /over/);
  assertMatch(said("received fatal alert: CertificateRequired"), /--engine-cert and --engine-key/);
  assertMatch(said("received fatal alert: UnknownCA"), /doesn't take the certificate/);
  for (
    const end of ["connection closed before message completed", "closed because of a broken pipe"]
  ) {
    assertMatch(said(end), /it may want a certificate/, end);
  }
  assertEquals(
    said("tcp connect error: Connection refused (os error 111)"),
    "nobody listens there (connection refused)",
  );
  assertEquals(fetchTrouble(new DOMException("aborted", "AbortError"), A), "doesn't answer");
});
