import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { defaultSpireVersion } from "../../../core/schema/versions";
import { parseImage } from "../../../core/util/imageReference";
import digests from "../../../components/spire/digests.json";
import { imagesOf } from "../../../components/spire/images";

const digest = `sha256:${"0123456789abcdef".repeat(4)}`;
const of = (version: string, images: { server?: string } = {}) =>
  imagesOf({ version, images: { ...images, pullPolicy: "IfNotPresent" } });

describe("an image", () => {
  test("of the default version has the digest that Cilium's chart 1.20.2 has for it", () => {
    expect(of(defaultSpireVersion)).toMatchObject({
      server:
        "ghcr.io/spiffe/spire-server:1.15.3@sha256:4082f30d3e0ddc4000a171392c4ea174345ee44d161ee917c70b97b2ecfba141",
      agent:
        "ghcr.io/spiffe/spire-agent:1.15.3@sha256:41b0dcd8b258a69db9e2768292a060766fb76fd866e4bc925849981ea1b825ff",
    });
  });

  test("of a version without a recorded digest has none", () => {
    expect(of("1.13.99").server).toBe("ghcr.io/spiffe/spire-server:1.13.99");
  });

  test("that is configured stays as it is, but for a digest that is recorded for it", () => {
    const mine = `ghcr.io/spiffe/spire-server:1.15.3@${digest}`;
    expect(of("1.15.3", { server: mine }).server).toBe(mine);
    expect(of("1.15.3", { server: `ghcr.io/spiffe/spire-server@${digest}` }).server).toMatch(
      /spire-server@sha256:0123/,
    );
    expect(of("1.14.1", { server: "ghcr.io/spiffe/spire-server:1.15.3" }).server).toMatch(/:1\.15\.3@sha256:4082/);
    expect(of("1.15.3", { server: "constructor:name" }).server).toBe("constructor:name");
  });
});

describe("the recorded digests", () => {
  const recorded = Object.entries(digests).flatMap(([repository, versions]) =>
    Object.entries(versions).map(([version, entry]) => ({ repository, version, ...entry })),
  );

  test("make whole references, and say where each was read", () => {
    expect(recorded.length).toBeGreaterThan(0);
    for (const { repository, version, digest, source } of recorded) {
      expect(parseImage(`${repository}:${version}@${digest}`)).toMatchObject({ repository, tag: version, digest });
      expect(source.length).toBeGreaterThan(10);
    }
  });
});

describe("an image reference", () => {
  const part = fc.stringMatching(/^[a-z0-9]{1,6}([._]|__|-{1,3})?[a-z0-9]{1,6}$/);
  const registry = fc.constantFrom("ghcr.io", "localhost", "127.0.0.1:5000", "Registry.Corp:443");
  const tag = fc.option(fc.stringMatching(/^\w[\w.-]{0,20}$/), { nil: undefined });

  test("is read into its parts, whatever they are", () => {
    fc.assert(
      fc.property(
        registry,
        fc.array(part, { minLength: 1, maxLength: 3 }),
        tag,
        fc.boolean(),
        (host, path, tag, has) => {
          const repository = [host, ...path].join("/");
          const text = `${repository}${tag === undefined ? "" : `:${tag}`}${has ? `@${digest}` : ""}`;
          expect(parseImage(text)).toEqual({ repository, registry: host, tag, digest: has ? digest : undefined });
        },
      ),
    );
  });

  test("without a host has no registry of its own", () => {
    for (const image of ["busybox:1.36", "spiffe/spire-server:1.15.3"])
      expect(parseImage(image)).toMatchObject({ registry: undefined });
  });

  test.each([
    "",
    "a b",
    "https://ghcr.io/a:1",
    "ghcr.io/Spiffe/a:1",
    "ghcr.io//a:1",
    "ghcr.io/a:1@sha256:123",
    `ghcr.io/a:1@${digest.toUpperCase()}`,
    "ghcr.io/a:",
    "ghcr.io/../a:1",
    "ghcr.io/a:1\n",
    `ghcr.io/${"a".repeat(600)}`,
  ])("is not %j", (text) => {
    expect(parseImage(text)).toBeUndefined();
  });
});
