import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { FileCommand } from "../../../lib/cli/files/file_events.ts";
import {
  DOWNLOADS_MAX,
  LEAF_BYTES,
  OFFERS_EACH_MAX,
} from "../../../lib/protocols/transfer/limits.ts";
import { CONTEXT } from "../../protocols/transfer/fixtures.ts";
import { Sharer, withPair } from "./sharing_pair.ts";

const send = (file: string) => ({ command: "send", to: undefined, file, isTyped: false } as const);
const get = (file: number): FileCommand => ({ command: "get", file, as: undefined });
const cancel = (file: number): FileCommand => ({ command: "cancel", file });

function offersPhoto({ files }: Sharer, folder: string): void {
  Deno.writeFileSync(`${folder}/photo.jpg`, new Uint8Array(2_100));
  files.command(send(`${folder}/photo.jpg`), undefined);
}

async function fetchesPhoto(to: Sharer, from: Sharer, folder: string): Promise<void> {
  offersPhoto(from, folder);
  await to.says("y fetches it, n doesn't");
  to.answers("y");
}

/** What is answered to a command. */
async function answer(sharer: Sharer, command: FileCommand): Promise<string> {
  const { length } = sharer.shown;
  sharer.files.command(command, undefined);
  await sharer.until(() => sharer.shown.length > length);
  return sharer.shown[length]!;
}

/** What nobody waits for, such as the removal of proofs, may go on when a test ends. */
const LOOSE = { sanitizeOps: false, sanitizeResources: false };

const AWAITED = ["your next call with Ann", "Ann, or whoever else has it"];

for (const [toRoom, awaited] of AWAITED.entries()) {
  Deno.test(`what nobody there has is told at once to wait for ${awaited}`, LOOSE, async () => {
    await withPair(async (ann, bob, folder) => {
      if (toRoom === 0) ann.toAll = () => bob.signer.key;
      ann.name = "4b1d"; // her name isn't known yet
      offersPhoto(ann, folder);
      await bob.says("4b1d offers photo.jpg");
      ann.name = "Ann";
      bob.files.peers(new Map());
      await answer(bob, get(1));
      assertMatch(bob.shown.at(-1)!, /Fetching/, "she may be dialled");
      await answer(bob, cancel(1));

      bob.isAlone = true;
      bob.answers("y");
      assertEquals(await bob.says("waits"), `photo.jpg waits for ${awaited}`);
      assertMatch(await answer(bob, { command: "files" }), /, 0 % is here, waits for /);
      assertEquals(bob.progress.at(-1), `Fetching photo.jpg: 0 % of 2.1 kB, waits for ${awaited}`);
    });
  });
}

Deno.test("no file is sent to a key that was refused, under whichever name", LOOSE, async () => {
  await withPair(async (ann, bob, folder) => {
    ann.toAll = () => bob.signer.key;
    const refused = { name: "Eve", fingerprint: fingerprintOf(bob.signer.key) };
    ann.refused = [{ ...refused, scope: "refused", firstSeen: "2026-01-31" }];
    offersPhoto(ann, folder);
    await ann.says("Not sent: you have refused that key as one of Eve's");
  });
});

Deno.test("what can't be fetched or cancelled is told by name, with why", LOOSE, async () => {
  await withPair(async (ann, bob, folder) => {
    const source = `${folder}/a b.jpg`;
    Deno.writeFileSync(source, new Uint8Array(200_000));
    ann.held = [];
    ann.files.command(send(source), undefined);
    await bob.says(`offers "a b.jpg"`);
    await ann.says(`You offer "a b.jpg"`);

    assertEquals(await answer(bob, cancel(7)), "There is no file 7: /files lists them");
    assertEquals(await answer(bob, get(7)), "There is no file 7: /files lists them");
    const declined = `12:03 * Declined "a b.jpg"; /get 1 fetches it after all`;
    assertEquals(await answer(bob, cancel(1)), declined);
    const twice = `There is nothing to cancel: "a b.jpg" is declined; /get 1 fetches it after all`;
    assertEquals(await answer(bob, cancel(1)), twice);
    const listed = `1  "a b.jpg" (200.0 kB)  from Ann, offered, not wanted: /get 1 fetches it`;
    assertEquals(await answer(bob, { command: "files" }), listed);
    assertEquals(await answer(ann, get(1)), `"a b.jpg" is your own file: ${source}`);

    assertEquals(await answer(bob, get(1)), `12:03 * Fetching "a b.jpg" (200.0 kB) from Ann`);
    const begun = `"a b.jpg" is being fetched already: 0 % of 200.0 kB`;
    assertEquals(await answer(bob, get(1)), begun);
    ann.release();
    await bob.says(`"a b.jpg" is here: `);
    const isHere = `1  "a b.jpg" (200.0 kB)  from Ann, here: ${folder}/Bob/a b.jpg`;
    assertEquals(await answer(bob, { command: "files" }), isHere);

    const saved = `${folder}/Bob/a b.jpg`;
    assertEquals(await answer(bob, get(1)), `"a b.jpg" is here already: ${saved}`);
    const done = `There is nothing to cancel: "a b.jpg" is here already: ${saved}`;
    assertEquals(await answer(bob, cancel(1)), done);
    assertEquals(await answer(ann, cancel(1)), `12:03 * Offer of "a b.jpg" withdrawn`);
    assertEquals(await answer(ann, cancel(1)), "There is no file 1: /files lists them");
    assertEquals(Deno.readFileSync(saved).length, 200_000);
  });
});

/** As Deno's calls, with something done before one of these. @returns What undoes that. */
function beforeEachLook(happens: () => void): () => void {
  const names = ["stat", "lstatSync", "realPath", "realPathSync", "open"] as const;
  const calls = Deno as unknown as Record<string, (...args: unknown[]) => unknown>;
  const before = names.map((name) => [name, calls[name]!] as const);
  for (const [name, call] of before) {
    calls[name] = (...args) => {
      happens();
      return call(...args);
    };
  }
  return () => before.forEach(([name, call]) => calls[name] = call);
}

for (const isFolder of [false, true]) {
  for (const isEachTime of [false, true]) {
    const what = isFolder ? "folder" : "file";
    const when = isEachTime ? "again and again" : "between two looks";
    Deno.test(
      `a ${what} that is swapped for a link to the key ${when} isn't sent as that`,
      LOOSE,
      async () => {
        await withPair(async (ann, _, folder) => {
          const [profile, shared, aside] = [
            `${folder}/data/users/Ann`,
            `${folder}/in`,
            `${folder}/o`,
          ];
          Deno.mkdirSync(profile, { recursive: true });
          Deno.writeFileSync(`${profile}/identity`, new Uint8Array(300));
          const path = isFolder ? shared : `${shared}/identity`;
          for (let round = 0; round < OFFERS_EACH_MAX; round++) {
            Deno.mkdirSync(shared);
            Deno.writeFileSync(`${shared}/identity`, new Uint8Array(round + 1));
            Deno.symlinkSync(isFolder ? profile : `${profile}/identity`, aside);
            let looks = 0;
            const restore = beforeEachLook(() => {
              if (looks++ !== round && !isEachTime) return;
              Deno.renameSync(path, `${folder}/third`);
              Deno.renameSync(aside, path);
              Deno.renameSync(`${folder}/third`, aside);
            });
            const { length } = ann.events;
            ann.files.command(send(`${shared}/identity`), undefined);
            await ann.until(() => ann.events.length > length);
            restore();
            const told = ann.events[length]!;
            assertEquals(told.event === "offer" && told.size === 300, false, `round ${round}`);
            for (const each of [shared, aside]) Deno.removeSync(each, { recursive: true });
          }
        });
      },
    );
  }
}

Deno.test("nobody is waited for where the file can't be read", LOOSE, async () => {
  await withPair(async (ann, bob, folder) => {
    let waits = 0;
    ann.toAll = () => () => Promise.resolve((waits++, bob.signer.key));
    const none = `Cannot send ${folder}/none: there is no such file`;
    assertEquals([await answer(ann, send(`${folder}/none`)), waits], [none, 0]);
    const many =
      `Cannot send ${folder}: it is a folder; send one file at a time, or an archive of it`;
    assertEquals(await answer(ann, send(folder)), many);
    const device = "Cannot send /dev/null: it isn't a regular file";
    assertEquals(await answer(ann, send("/dev/null")), device);
    Deno.writeFileSync(`${folder}/huge`, new Uint8Array());
    Deno.truncateSync(`${folder}/huge`, 20_000_000_000);
    const huge =
      `Cannot send ${folder}/huge: it has 20,000,000,000 bytes, and 17,179,869,184 are possible`;
    assertEquals(await answer(ann, send(`${folder}/huge`)), huge);

    offersPhoto(ann, folder);
    await bob.says("photo.jpg");
    assertEquals(waits, 1);
  });
});

Deno.test(
  "whoever leaves before a file is read isn't left in the dark: a script waits for it",
  LOOSE,
  async () => {
    await withPair(async (ann, _, folder) => {
      Deno.writeFileSync(`${folder}/photo.jpg`, new Uint8Array(2_100));
      const carl = new Sharer("Carl", 3, folder, false);
      carl.other = ann;
      await carl.files.start(CONTEXT, `${folder}/data/Carl`);
      for (
        const [path, said] of [["photo.jpg", "You offer photo.jpg"], ["none", "Cannot send"]]
      ) {
        let hasLeft = false;
        carl.files.command(send(`${folder}/${path}`), undefined);
        carl.files.leaves(() => hasLeft = true);
        assertEquals(hasLeft, false);
        await carl.until(() => hasLeft);
        assertEquals(carl.shown.at(-1)!.includes(said!), true, carl.shown.join("\n"));
      }
      carl.files.close();

      let hasLeft = false;
      ann.files.command(send(`${folder}/photo.jpg`), undefined);
      assertEquals(ann.files.stillServed, "photo.jpg is still being read");
      ann.files.leaves(() => hasLeft = true);
      assertEquals(hasLeft, true);
      assertEquals(ann.shown, ["photo.jpg isn't offered: it wasn't read before you left"]);
    });
  },
);

Deno.test("a file that is here isn't offered again after a restart", LOOSE, async () => {
  await withPair(async (ann, bob, folder) => {
    await fetchesPhoto(bob, ann, folder);
    await bob.says("photo.jpg is here: ");
    bob.files.close();

    const again = new Sharer("Bob", 2, folder);
    again.other = ann;
    try {
      await again.files.start(CONTEXT, `${folder}/data/Bob`);
      const saved = `${folder}/Bob/photo.jpg`;
      await again.until(() => again.events.length > 0);
      assertEquals(again.shown.join(""), "");
      const [offer] = again.events;
      assertEquals(offer?.event === "offer" && [offer.history, offer.path], [true, saved]);
    } finally {
      again.files.close();
    }
  });
});

Deno.test(
  "of an own file that is gone at the next start it is told why its offer ends",
  LOOSE,
  async () => {
    await withPair(async (ann, _, folder) => {
      const copies = `${folder}/data/users/Ann/uploads/run/1`;
      Deno.mkdirSync(copies, { recursive: true });
      const paths = [`${copies}/dropped.jpg`, `${folder}/own.jpg`];
      for (const path of paths) {
        Deno.writeFileSync(path, new Uint8Array(2_100));
        ann.files.command(send(path), undefined);
        await ann.says(`You offer ${path.slice(path.lastIndexOf("/") + 1)}`);
      }
      ann.files.close();
      for (const path of paths) Deno.removeSync(path);

      const again = new Sharer("Ann", 1, folder);
      again.other = ann.other;
      await again.files.start(CONTEXT, `${folder}/data/Ann`);
      await again.says("own.jpg ended");
      again.files.close();
      assertEquals(again.shown, [
        "12:03 ! Offer of dropped.jpg ended: what is dropped onto the page is kept only while " +
        "the program runs; drop it again",
        "12:03 ! Offer of own.jpg ended: the file is no longer where it was",
      ]);
    });
  },
);

Deno.test(
  "who offers a file to somebody who is away is told when that one is offered it",
  LOOSE,
  async () => {
    await withPair(async (ann, _, folder) => {
      Deno.writeFileSync(`${folder}/photo.jpg`, new Uint8Array(2_100));
      const source = `${folder}/photo.jpg`;
      ann.isAlone = true;
      await answer(ann, send(source));
      await answer(ann, { command: "send", to: "Bob", file: source, isTyped: true });
      await ann.says("isn't there");
      assertEquals(ann.shown, [
        "12:03 * You offer photo.jpg (2.1 kB); /cancel 1 takes that back",
        "12:03 * You offer photo.jpg (2.1 kB) to Bob; /cancel 2 takes that back",
        "Bob isn't there: what you send is offered when they are back",
      ]);
    });
  },
);

Deno.test("who saves all that is offered isn't asked about it", LOOSE, async () => {
  await withPair(async (ann, bob, folder) => {
    Deno.writeFileSync(`${folder}/photo.jpg`, new Uint8Array(2_100));
    bob.options.save = `${folder}/Bob`;
    ann.files.command(send(`${folder}/photo.jpg`), undefined);
    await bob.says("photo.jpg is here: ");
    const told = ["Ann offers photo.jpg (2.1 kB)", "Fetching photo.jpg (2.1 kB) from Ann"];
    assertEquals(bob.shown.slice(0, 2), told.map((text) => `12:03 * ${text}`));
  });
});

Deno.test("who saves all that is offered is told what waits for others", LOOSE, async () => {
  await withPair(async (ann, bob, folder) => {
    bob.options.save = `${folder}/Bob`;
    ann.held = [];
    const names = Array.from({ length: DOWNLOADS_MAX + 1 }, (_, at) => `photo-${at}.jpg`);
    for (const name of names) {
      Deno.writeFileSync(`${folder}/${name}`, new Uint8Array(2_100));
      ann.files.command(send(`${folder}/${name}`), undefined);
      await bob.says(`Ann offers ${name}`);
    }
    const last = `${names.at(-1)} waits: other files first`;
    assertEquals(await bob.says(" waits: "), `12:03 * ${last}`);
    ann.release();
    for (const name of names) await bob.says(`${name} is here: `);
  });
});

Deno.test(
  "a script without --save isn't told to fetch what it would be refused",
  LOOSE,
  async () => {
    await withPair(async (ann, bob, folder) => {
      offersPhoto(ann, folder);
      const told = await bob.says("offers photo.jpg");
      assertEquals(told, "12:03 * Ann offers photo.jpg (2.1 kB); --save DIR would fetch it");
      const refusal = "Cannot fetch a file: a script receives only with --save DIR";
      assertEquals(await answer(bob, get(1)), refusal);
    }, false);
  },
);

Deno.test("what was being fetched is told at the next start as that alone", LOOSE, async () => {
  await withPair(async (ann, bob, folder) => {
    ann.held = [];
    await fetchesPhoto(bob, ann, folder);
    await ann.sends(1);
    bob.files.close();

    const again = new Sharer("Bob", 2, folder);
    again.other = ann;
    try {
      await again.files.start(CONTEXT, `${folder}/data/Bob`);
      await again.says("Fetching");
      const shown = again.shown.filter((line) => line !== "");
      assertEquals(shown, ["12:03 * Fetching photo.jpg (2.1 kB) from Ann"]);
    } finally {
      again.files.close();
    }
  });
});

Deno.test(
  "a file that was saved, and perhaps not told before a kill, is told once at the next start",
  LOOSE,
  async () => {
    await withPair(async (ann, bob, folder) => {
      await fetchesPhoto(bob, ann, folder);
      await bob.says("photo.jpg is here: ");
      bob.files.close();
      const [offer] = bob.events;
      const { id } = offer as Extract<typeof offer, { readonly event: "offer" }>;
      Deno.writeTextFileSync(`${folder}/data/Bob/${id}.leaves`, "as before the kill");

      const told = async () => {
        const again = new Sharer("Bob", 2, folder);
        again.other = ann;
        await again.files.start(CONTEXT, `${folder}/data/Bob`);
        await again.until(() => again.events.length > 0);
        again.files.close();
        return again.events.slice(1);
      };
      const where = {
        path: `${folder}/Bob/photo.jpg`,
        name: "photo.jpg",
        from: "Ann",
        size: 2_100,
      };
      const is = { event: "transfer", file: 1, state: "done", bytes: 2_100 } as const;
      const done = { ...is, id, ...where };
      assertEquals([await told(), await told()], [[done], []]);
    });
  },
);

Deno.test("what is fetched is cancelled, and n answers what y would fetch", LOOSE, async () => {
  await withPair(async (ann, bob, folder) => {
    Deno.writeFileSync(`${folder}/photo.jpg`, new Uint8Array(200_000));
    ann.held = [];
    ann.files.command(send(`${folder}/photo.jpg`), undefined);
    await bob.says("y fetches it, n doesn't");

    bob.answers("n");
    const declined = await bob.says("Declined");
    assertEquals(declined, "12:03 * Declined photo.jpg; /get 1 fetches it after all");
    assertEquals(await answer(bob, get(1)), "12:03 * Fetching photo.jpg (200.0 kB) from Ann");
    assertEquals(await answer(bob, cancel(1)), "12:03 * Stopped: photo.jpg; /get 1 goes on");
    assertEquals(bob.progress.at(-1), null);
    ann.held = null;
    assertEquals(await answer(bob, get(1)), "12:03 * Fetching photo.jpg (200.0 kB) from Ann");
    await bob.says("photo.jpg is here: ");
  });
});

Deno.test(
  "a file that is dropped onto the terminal is sent once that is answered with y",
  LOOSE,
  async () => {
    await withPair(async (ann, bob, folder) => {
      const path = `${folder}/my photo.jpg`;
      Deno.writeFileSync(path, new Uint8Array(2_100));
      const asks = '12:03 ? Send "my photo.jpg" (2.1 kB) to the room? y sends it, n doesn\'t';
      for (const other of ["hello", `${path}x`, "/list", "/etc/shadow/x", "'/a' is it", ""]) {
        assertEquals(ann.files.dropped(other), false, other);
      }
      assertEquals(ann.files.dropped(`'${path}' `), true);
      assertEquals(await ann.says('my photo.jpg" (2'), asks);
      ann.answers("n");

      assertEquals(ann.files.dropped(`file://${path.replace(" ", "%20")}`), true);
      await ann.until(() => ann.shown.filter((line) => line === asks).length === 2);
      ann.answers("y");
      await bob.says('Ann offers "my photo.jpg" (2.1 kB)');
      assertEquals(ann.events.filter(({ event }) => event === "error"), []);
    });
  },
);

Deno.test(
  "of several paths that are dropped each is asked about, or told, and none is said",
  LOOSE,
  async () => {
    await withPair(async (ann, _, folder) => {
      const [path, other] = [`${folder}/my photo.jpg`, `${folder}/b.txt`];
      for (const each of [path, other]) Deno.writeFileSync(each, new Uint8Array(2_100));
      for (
        const [line, told] of [
          [`'${path}' '${other}'`, ['Send "my photo.jpg"', "Send b.txt"]],
          [`${other} ${folder}`, ["Send b.txt", `${folder}: it is a folder`]],
          [folder, [`${folder}: it is a folder`]],
          ["'/nowhere/a b' file:///nowhere/c", ["a b: there is no such", "c: there is no such"]],
        ] as const
      ) {
        const { length } = ann.shown;
        assertEquals(ann.files.dropped(line), true, line);
        await ann.until(() => ann.shown.length >= length + told.length);
        for (const [at, text] of told.entries()) {
          assertStringIncludes(ann.shown[length + at]!, text);
        }
      }
    });
  },
);

Deno.test("a file that is dropped isn't sent to somebody else than was asked", LOOSE, async () => {
  await withPair(async (ann, bob, folder) => {
    const path = `${folder}/photo.jpg`;
    Deno.writeFileSync(path, new Uint8Array(2_100));
    ann.toAll = () => bob.signer.key;
    assertEquals(ann.files.dropped(path), true);
    assertEquals(
      await ann.says("photo.jpg"),
      "12:03 ? Send photo.jpg (2.1 kB) to Bob? y sends it, n doesn't",
    );
    ann.toAll = () => null;
    ann.answers("y");
    await bob.says("Ann offers photo.jpg (2.1 kB) to you alone");

    ann.toAll = () => {
      throw new P2pchatError("not-allowed", "you are in no call");
    };
    assertEquals(ann.files.dropped(path), true);
    assertEquals(await ann.says("no call"), "you are in no call");

    Deno.mkdirSync(`${folder}/data`, { recursive: true });
    Deno.writeTextFileSync(`${folder}/data/identity`, "secret");
    assertEquals(ann.files.dropped(`${folder}/data/identity`), true);
    assertEquals((await ann.says("own files")).startsWith("Cannot send "), true);
    assertEquals(bob.shown.length, 1);
  });
});

Deno.test(
  "who is fetching a file from here is known until it has all of it, or gave it up",
  LOOSE,
  async () => {
    await withPair(async (ann, bob, folder) => {
      assertEquals(ann.files.stillServed, null);
      for (const name of ["one", "two"]) {
        Deno.writeFileSync(`${folder}/${name}`, new Uint8Array(4 * LEAF_BYTES));
        ann.files.command(send(`${folder}/${name}`), undefined);
        await bob.says(`offers ${name}`);
      }
      assertEquals(ann.files.stillServed, null);
      ann.held = [];
      bob.files.command(get(1), undefined);
      await ann.sends(2);
      assertEquals(ann.files.stillServed, "Bob is still fetching one (50 %)");
      ann.release();
      await bob.says("one is here: ");
      assertEquals(ann.files.stillServed, null);

      ann.held = [];
      bob.files.command(get(2), undefined);
      await ann.sends(2);
      bob.files.command(cancel(2), undefined);
      await bob.says("Stopped: two");
      await ann.until(() => ann.files.stillServed === null);
    });
  },
);
