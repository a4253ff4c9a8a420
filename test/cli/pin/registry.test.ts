import { describe, expect, test } from "vitest";
import { manifestUrl, readDigest, RegistryError, type TaggedImage } from "../../../cli/pin/registry";
import { parseImage } from "../../../core/util/imageReference";
import {
  digestOf,
  index,
  manifest,
  withRegistry,
  type Answer,
  type Asked,
  type Registry,
} from "../../support/registry";

const path = "/v2/spiffe/spire-server/manifests/1.15.3";
const secret = "very-secret-token";
const imageAt = (host: string) => parseImage(`${host}/spiffe/spire-server:1.15.3`) as TaggedImage;

/** The digest that a registry gives, or the message of the error. */
const read = ({ host }: Pick<Registry, "host">, milliseconds?: number) =>
  readDigest(imageAt(host), milliseconds).catch((error: unknown) => {
    if (error instanceof RegistryError) return error.message;
    throw error;
  });

const bearer = (host: string, realm = `http://${host}/token`) => ({
  "www-authenticate": `Bearer realm="${realm}",service="registry",scope="repository:spiffe/spire-server:pull"`,
});
/** Asks for a token, and gives `answer` to who has it. */
const guarded =
  (host: string, answer: Answer = index()) =>
  ({ headers }: Asked): Answer =>
    headers.authorization === `Bearer ${secret}` ? answer : { status: 401, headers: bearer(host) };

describe("the digest of an image", () => {
  test.each([
    ["an OCI index", index()],
    [
      "a Docker manifest list",
      manifest("application/vnd.docker.distribution.manifest.list.v2+json", { manifests: [{}] }),
    ],
    ["an OCI manifest", manifest("application/vnd.oci.image.manifest.v1+json", { config: {}, layers: [] })],
    ["a Docker manifest", manifest("application/vnd.docker.distribution.manifest.v2+json", { config: {}, layers: [] })],
    ["an index that does not repeat its kind", { ...index(), body: '{"schemaVersion":2,"manifests":[]}' }],
  ])("is that of the bytes of %s", async (_, { headers, body }) => {
    await withRegistry(async (registry) => {
      registry.answers[path] = { headers: { ...headers, "docker-content-digest": digestOf(body) }, body };
      expect(await read(registry)).toBe(digestOf(body));
      expect(registry.asked.map(({ url }) => url)).toEqual([path]);
      expect(registry.asked[0]?.headers.accept).toContain(headers["content-type"]);
    });
  });

  test("is known from the bytes alone where the registry does not tell it", async () => {
    await withRegistry(async (registry) => {
      const { headers, body } = index();
      registry.answers[path] = { headers: { "content-type": `${headers["content-type"]}; charset=utf-8` }, body };
      expect(await read(registry)).toBe(digestOf(body));
    });
  });

  test.each(["token", "access_token"])("is read with the %s that the registry hands out to anybody", async (key) => {
    await withRegistry(async (registry) => {
      registry.answers[path] = guarded(registry.host);
      registry.answers["/token"] = { body: JSON.stringify({ [key]: secret }) };
      expect(await read(registry)).toBe(digestOf(index().body));
      expect(registry.asked.map(({ url }) => url)).toEqual([
        path,
        "/token?service=registry&scope=repository%3Aspiffe%2Fspire-server%3Apull",
        path,
      ]);
    });
  });

  test("is read from a blob store that the registry leads to, which does not get the token", async () => {
    await withRegistry((store) =>
      withRegistry(async (registry) => {
        store.answers["/blob"] = index();
        const redirect = { status: 307, headers: { location: `http://${store.host}/blob` } };
        registry.answers[path] = guarded(registry.host, redirect);
        registry.answers["/token"] = { body: JSON.stringify({ token: secret }) };
        expect(await read(registry)).toBe(digestOf(index().body));
        expect(store.asked.map(({ headers }) => headers.authorization)).toEqual([undefined]);
      }),
    );
  });
});

describe("no digest", () => {
  test("comes from a registry that lies about it", async () => {
    await withRegistry(async (registry) => {
      registry.answers[path] = { ...index("b"), headers: index("a").headers };
      expect(await read(registry)).toBe(
        `wrong digest: ${registry.host} says "${digestOf(index("a").body)}", and what it sent has ${digestOf(index("b").body)}`,
      );
    });
  });

  const type = { "content-type": "application/vnd.oci.image.index.v1+json" };
  test.each([
    ["a page to sign in", { headers: { "content-type": "text/html" }, body: "<html>" }, /"text\/html", which is no/],
    ["an answer without a kind", { body: "{}" }, /"", which is no manifest/],
    ["nothing", { headers: type }, /no JSON object/],
    ["a list", { headers: type, body: "[]" }, /not the application.*index/],
    ["half a manifest", { headers: type, body: '{"schemaVersion":2,' }, /no JSON object/],
    ["an error in disguise", { headers: type, body: '{"errors":[]}' }, /not the application.*index/],
    ["schema 1", { headers: type, body: '{"schemaVersion":1,"manifests":[]}' }, /not the application.*index/],
    ["another kind", { headers: type, body: '{"schemaVersion":2,"mediaType":"x","manifests":[]}' }, /not the app/],
    ["an image for an index", { headers: type, body: '{"schemaVersion":2,"layers":[]}' }, /not the application.*index/],
    [
      "more than a manifest may be",
      { headers: type, body: Buffer.alloc(4 * 1024 * 1024 + 1, " ") },
      /more than 4194304/,
    ],
    ["no such image", { status: 404 }, /^not found: 127\.0\.0\.1:\d+ has no such image or version$/],
    ["no access", { status: 403 }, /^not authorised: 127\.0\.0\.1:\d+ has no such image for somebody without a login/],
    ["a login alone", { status: 401, headers: { "www-authenticate": 'Basic realm="x"' } }, /^not authorised/],
    ["no challenge", { status: 401 }, /^not authorised/],
    ["a limit", { status: 429 }, /answered 429$/],
    ["a failure", { status: 500 }, /answered 500$/],
    ["a redirect to nowhere", { status: 307, headers: { location: "http://[" } }, /leads to what is no address/],
    ["a redirect without an address", { status: 307 }, /answered 307/],
    ["a redirect in a circle", { status: 307, headers: { location: path } }, /redirects more than 5 times/],
    [
      "a redirect to plain http elsewhere",
      { status: 307, headers: { location: "http://store.test/blob" } },
      /^unsafe address: http:\/\/store\.test, where only https/,
    ],
    ["a redirect to a file", { status: 307, headers: { location: "file:///etc/passwd" } }, /^unsafe address: file:/],
  ])("comes from %s, and the reason is told", async (_, answer, says) => {
    await withRegistry(async (registry) => {
      registry.answers[path] = answer;
      expect(await read(registry)).toMatch(says);
    });
  });

  test.each([
    ["is refused", { status: 403 }, /^not authorised/],
    ["fails", { status: 503 }, /answered 503 when asked for a token/],
    ["is not JSON", { body: secret }, /no JSON object/],
    ["has no token", { body: JSON.stringify({ other: secret }) }, /sent no token/],
    ["would not fit into a header", { body: JSON.stringify({ token: `${secret}\r\nx: y` }) }, /sent no token/],
    ["is not accepted afterwards", { body: JSON.stringify({ token: `${secret}-2` }) }, /^not authorised/],
  ])("comes where the token %s, and no message shows it", async (_, answer, says) => {
    await withRegistry(async (registry) => {
      registry.answers[path] = guarded(registry.host);
      registry.answers["/token"] = answer;
      const message = await read(registry);
      expect(message).toMatch(says);
      expect(message).not.toContain(secret);
    });
  });

  test.each(["http://auth.test/token", `https://user:${secret}@auth.test/token`, "ftp://127.0.0.1/token"])(
    "comes where a token is to be had at %s: that is not asked",
    async (realm) => {
      await withRegistry(async (registry) => {
        registry.answers[path] = { status: 401, headers: bearer(registry.host, realm) };
        const message = await read(registry);
        expect(message).toMatch(/^unsafe address/);
        expect(message).not.toContain(secret);
      });
    },
  );

  test("comes from a registry that is away, or does not answer in time", async () => {
    const gone = await withRegistry((registry) => Promise.resolve(registry));
    expect(await read(gone)).toBe(`no connection to ${gone.host}: ECONNREFUSED`);
    await withRegistry(async (registry) => {
      registry.answers[path] = "silence";
      expect(await read(registry, 50)).toBe(`no answer from ${registry.host} within 0.05 s`);
    });
  });
});

describe("a registry's address", () => {
  const urlOf = (image: string) => manifestUrl(parseImage(image) as TaggedImage).href;

  test("is the host that the image names, by https unless it is this machine", () => {
    expect(urlOf("ghcr.io/spiffe/spire-server:1.15.3")).toBe("https://ghcr.io/v2/spiffe/spire-server/manifests/1.15.3");
    expect(urlOf("localhost:5000/a:1")).toBe("http://localhost:5000/v2/a/manifests/1");
    expect(urlOf("127.0.0.1:5000/a/b:1")).toBe("http://127.0.0.1:5000/v2/a/b/manifests/1");
  });

  test("is that of Docker's registry for what images call docker.io, which is none itself", () => {
    expect(urlOf("docker.io/library/postgres:17.11")).toBe(
      "https://registry-1.docker.io/v2/library/postgres/manifests/17.11",
    );
    expect(urlOf("docker.io.corp/a:1")).toBe("https://docker.io.corp/v2/a/manifests/1");
  });

  test("is never plain http because it only looks like this machine", () => {
    for (const host of ["localhost.corp", "127.0.0.1.nip.io", "127.0.0.10", "my-localhost:80", "0.0.0.0"])
      expect(urlOf(`${host}/a:1`)).toMatch(/^https:/);
  });
});
