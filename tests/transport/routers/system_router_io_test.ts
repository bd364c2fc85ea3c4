/** Real sockets to a router of the test's own: one that does well, and those that don't. */

import { assert, assertEquals } from "@std/assert";
import type {
  PortRequest,
  RouterAnswer,
} from "../../../lib/protocols/port_mapping/port_mapping_io.ts";
import { SystemRouter } from "../../../lib/transport/routers/system_router.ts";
import { routerContract, type RouterWorld } from "../../contracts/router_contract.ts";
import { MemoryRouter } from "../../doubles/memory_router.ts";
import { FakeRouter, type FakeRouterOptions, fault } from "./fake_router.ts";

const TCP: PortRequest = { transport: "tcp", internal: 55_107, external: 55_107 };
const LOOPBACK = [{ address: "127.0.0.1", netmask: "255.0.0.0", family: "IPv4" }] as const;

function routerOf(fake: FakeRouter): SystemRouter {
  return new SystemRouter({
    interfaces: () => LOOPBACK,
    natPmp: { hosts: ["127.0.0.1"], port: fake.natPmpPort, againMs: 20 },
    ssdp: { host: "127.0.0.1", port: fake.ssdpPort, heardMs: 200 },
  });
}

function open(speaks: FakeRouterOptions["speaks"]): Promise<RouterWorld> {
  const fake = new FakeRouter({ speaks });
  return Promise.resolve({
    router: routerOf(fake),
    held: () => [...fake.held.keys()],
    give: (port) => fake.others.add(port),
    forget: () => {
      fake.held.clear();
    },
    become: (mood) => fake.mood = mood,
    close: () => fake.close(),
  });
}

routerContract("NAT-PMP", () => open(["NAT-PMP"]));
routerContract("UPnP", () => open(["UPnP"]));
routerContract("both", () => open(["NAT-PMP", "UPnP"]));
routerContract("memory", () => {
  const router = new MemoryRouter();
  return Promise.resolve({
    router,
    held: () => [...router.held],
    give: (port) => router.others.add(port),
    forget: () => router.forget(),
    become: (mood) => router.mood = mood,
    close: () => Promise.resolve(),
  });
});

/** What comes of asking a router that speaks UPnP, and that `prepare` has changed. */
async function asked(
  prepare: (fake: FakeRouter) => void,
  check: (answer: RouterAnswer, fake: FakeRouter) => void | Promise<void>,
  speaks: FakeRouterOptions["speaks"] = ["UPnP"],
): Promise<void> {
  const fake = new FakeRouter({ speaks });
  const router = routerOf(fake);
  try {
    prepare(fake);
    await check(await router.map(TCP, 1_200), fake);
  } finally {
    router.close();
    await fake.close();
  }
}

const NO_ROUTER: RouterAnswer = { kind: "failed", failure: { kind: "no-router" } };

Deno.test("SystemRouter names this machine's own address to a router", async () => {
  await asked(() => {}, (answer, fake) => {
    assertEquals(answer.kind, "mapped");
    assertEquals([...fake.clients], ["127.0.0.1"]);
    assertEquals(fake.leases, [1_200]);
  });
});

Deno.test("SystemRouter asks for a permanent mapping only where there is no other", async () => {
  for (const code of [725, 402, 501]) {
    await asked((fake) => {
      fake.answers = (action, body) =>
        action === "AddPortMapping" && !body.includes("<NewLeaseDuration>0<") ? fault(code) : null;
    }, (answer) => assertEquals(answer.kind === "mapped" && answer.leaseS, 0));
  }
});

Deno.test("SystemRouter keeps its port at a router that gives none twice, after a kill, too", async () => {
  await asked((fake) => fake.renews = false, async (first, fake) => {
    const killed = routerOf(fake);
    const again = await killed.map(TCP, 1_200);
    assertEquals([first.kind, again, fake.leases], ["mapped", first, [1_200, 1_200]]);
    fake.clients.add("127.0.0.9"); // it is another machine's now
    assertEquals((await killed.map(TCP, 1_200)).kind, "taken");
    assertEquals([...fake.held], [["tcp 55107", 55_107]]);
  });
});

Deno.test("SystemRouter reads a description with a base, attributes and namespaces", async () => {
  const type = "urn:schemas-upnp-org:service:WANIPConnection:1";
  const inner = "<d:service id='1'><d:serviceType a=\"b\">" + type +
    "</d:serviceType><controlURL\n>/control?a=1&amp;b</controlURL ></d:service>";
  const control = new FakeRouter({ speaks: ["UPnP"] }); // it is described at one port, and does at another
  const asks = (base: string) =>
    asked((fake) => {
      fake.answers = (_, body) => body.includes("GetExternal") ? null : [200, ""];
      fake.description = new Response(`<root xmlns="x"><URLBase>${base}</URLBase>${inner}</root>`);
    }, (answer) => assertEquals(answer.kind, "mapped"));
  await asks(`http://127.0.0.1:${control.httpPort}/`);
  assertEquals([...control.held], [["tcp 55107", 55_107]]);
  await asks("http://127.0.0.2/"); // another machine's isn't heeded
  await control.close();
});

Deno.test("SystemRouter says in words why a router gives no port", async () => {
  const texts: [number, RegExp][] = [
    [606, /turned off/],
    [728, /no more ports/],
    [501, /can't do that now/],
    [999, /code 999/],
  ];
  for (const [code, text] of texts) {
    await asked(
      (fake) => fake.answers = (action) => action === "AddPortMapping" ? fault(code) : null,
      (answer) => {
        assert(answer.kind === "failed" && answer.failure.kind === "refused");
        assert(text.test(answer.failure.text), answer.failure.text);
      },
    );
  }
});

Deno.test("SystemRouter says that a router has no address", async () => {
  for (const host of ["", "0.0.0.0"]) {
    await asked((fake) => fake.host = host, (answer) => {
      assertEquals(answer.kind === "failed" && answer.failure.kind, "no-address");
    });
  }
});

/** Descriptions that are none, or too much. */
const DESCRIPTIONS: Readonly<Record<string, () => Response>> = {
  "an endless one": () =>
    new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(65_536).fill(97)),
      }),
    ),
  "one that never ends": () =>
    new Response(
      new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array([60])) }),
    ),
  "a redirect": () => Response.redirect("http://127.0.0.1:9/elsewhere", 302),
  "entities that grow": () =>
    new Response(
      '<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;">]><root><service>' +
        "<serviceType>&b;</serviceType><controlURL>/control</controlURL></service></root>",
    ),
  "a service on another machine": () =>
    new Response(
      "<root><service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType>" +
        "<controlURL>http://127.0.0.2/control</controlURL></service></root>",
    ),
  "a service of another protocol": () =>
    new Response(
      "<root><service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType>" +
        "<controlURL>file:///etc/passwd</controlURL></service></root>",
    ),
  "nothing": () => new Response(""),
  "bytes": () => new Response(crypto.getRandomValues(new Uint8Array(10_000))),
  "an error": () => new Response("", { status: 500 }),
};

for (const [what, make] of Object.entries(DESCRIPTIONS)) {
  Deno.test(`SystemRouter takes no port from a device whose description is ${what}`, async () => {
    await asked((fake) => fake.description = make(), (answer, fake) => {
      assert(answer.kind === "failed", JSON.stringify(answer));
      assertEquals(fake.held.size, 0);
    });
  });
}

Deno.test("SystemRouter asks no other host than the one that has answered", async () => {
  const elsewhere = Deno.listen({ hostname: "127.0.0.2", port: 0 });
  let came = 0;
  const accepting = (async () => {
    for await (const connection of elsewhere) {
      came++;
      connection.close();
    }
  })();
  const { port } = elsewhere.addr as Deno.NetAddr;
  const locations = [
    `http://127.0.0.2:${port}/root.xml`,
    `http://127.0.0.1@127.0.0.2:${port}/root.xml`,
    `https://127.0.0.1:${port}/root.xml`,
    `http://localhost:${port}/root.xml`,
    "file:///etc/passwd",
    "not a url",
  ];
  for (const location of locations) {
    await asked((fake) => fake.location = location, (answer, fake) => {
      assertEquals([answer, fake.asked], [NO_ROUTER, 0], location);
    });
  }
  elsewhere.close();
  await accepting;
  assertEquals(came, 0);
});

Deno.test("SystemRouter heeds no device that isn't near", async () => {
  const fake = new FakeRouter({ speaks: ["UPnP"] });
  const router = new SystemRouter({
    interfaces: () => [{ address: "192.168.1.5", netmask: "255.255.255.0", family: "IPv4" }],
    natPmp: { hosts: [], port: fake.natPmpPort, againMs: 20 },
    ssdp: { host: "127.0.0.1", port: fake.ssdpPort, heardMs: 200 },
  });
  assertEquals(await router.map(TCP, 1_200), NO_ROUTER);
  assertEquals(fake.asked, 0);
  await fake.close();
});

Deno.test("SystemRouter isn't held up by a device that accepts and says nothing", async () => {
  const silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const connection of silent) connections.push(connection);
  })();
  const { port } = silent.addr as Deno.NetAddr;
  await asked((fake) => fake.location = `http://127.0.0.1:${port}/`, (answer) => {
    assertEquals(answer, NO_ROUTER);
  });
  silent.close();
  await accepting;
  for (const connection of connections) connection.close();
});

Deno.test("SystemRouter takes a description in chunks, and with letters that aren't ASCII", async () => {
  const text = "<root><friendlyName>Küche</friendlyName><service>" +
    "<serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType>" +
    "<controlURL>/control</controlURL></service></root>";
  await asked((fake) => {
    const bytes = new TextEncoder().encode(text);
    fake.description = new Response(
      new ReadableStream({
        start(controller) {
          for (let at = 0; at < bytes.length; at += 10) {
            controller.enqueue(bytes.slice(at, at + 10));
          }
          controller.close();
        },
      }),
    );
  }, (answer) => assertEquals(answer.kind, "mapped"));
});

/** Answers by NAT-PMP that aren't, to any question: how a router that sends them counts. */
const DATAGRAMS: Readonly<Record<string, (question: Uint8Array) => Uint8Array[]>> = {
  "nothing": () => [],
  "a byte": () => [new Uint8Array([0])],
  "less than an address": (question) => [new Uint8Array([0, 128 + question[1]!, 0, 0, 0, 0, 0, 1])],
  "another version": (
    question,
  ) => [new Uint8Array([2, 128 + question[1]!, ...new Array(14).fill(0)])],
  "an answer to something else": () => [new Uint8Array([0, 129, ...new Array(14).fill(0)])],
  "very much": () => [new Uint8Array(60_000)],
};

for (const [what, answer] of Object.entries(DATAGRAMS)) {
  Deno.test(`SystemRouter isn't misled by NAT-PMP that answers ${what}, and asks by UPnP`, async () => {
    await asked((fake) => fake.natPmpAnswer = answer, (given) => {
      assert(given.kind === "mapped" && given.by === "UPnP", JSON.stringify(given));
    });
  });
}

Deno.test("SystemRouter hears nobody but the router that it has asked by NAT-PMP", async () => {
  const forger = Deno.listenDatagram({ hostname: "127.0.0.1", port: 0, transport: "udp" });
  const fake = new FakeRouter({ speaks: [] });
  const forged = new Uint8Array([0, 128, 0, 0, 0, 0, 0, 1, 203, 0, 113, 66]);
  // The forger sees the question, as somebody on the same wire would, and answers from its own port.
  const sent: Promise<number>[] = [];
  fake.natPmpAnswer = () => {
    sent.push(forger.send(forged, fake.asker!));
    return [];
  };
  const router = routerOf(fake);
  assertEquals(await router.map(TCP, 1_200), NO_ROUTER);
  assertEquals((await Promise.all(sent)).length, 3); // all questions went out
  forger.close();
  router.close();
  await fake.close();
});
