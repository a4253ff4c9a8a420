import { createHash } from "node:crypto";
import type { ImageReference } from "../../core/util/imageReference";

/** Why a registry gave no digest; the message is for the user and holds no token. */
export class RegistryError extends Error {}

/** An image that one can ask a registry for. */
export type TaggedImage = ImageReference & { readonly registry: string; readonly tag: string };

/** The kinds of manifest that a tag may lead to: an index of several platforms, or one image. */
const kinds = {
  "application/vnd.oci.image.index.v1+json": "manifests",
  "application/vnd.docker.distribution.manifest.list.v2+json": "manifests",
  "application/vnd.oci.image.manifest.v1+json": "layers",
  "application/vnd.docker.distribution.manifest.v2+json": "layers",
} as const;

/** What a registry must at least take, and so the most that one needs to read (OCI distribution spec, "Pushing Manifests"). */
const largest = 4 * 1024 * 1024;
const redirects = 5;

/**
 * Asks a registry which digest a tag has now, as a runtime that pulls it without a login would (OCI distribution spec 1.1, "Pulling manifests", and
 * the token authentication of github.com/distribution/distribution). The digest is that of the bytes that came; what the registry says must agree.
 *
 * @returns `sha256:…`
 * @throws RegistryError
 */
export async function readDigest(image: TaggedImage, milliseconds = 30_000): Promise<string> {
  const { registry } = image;
  const signal = AbortSignal.timeout(milliseconds);
  try {
    const response = await getManifest(image, signal);
    if (response.status === 404) throw new RegistryError(`not found: ${registry} has no such image or version`);
    if (refused(response))
      throw new RegistryError(
        `not authorised: ${registry} has no such image for somebody without a login; write the digest that you know of it into spire.images`,
      );
    if (response.status !== 200) throw new RegistryError(`${registry} answered ${response.status}`);
    const bytes = await bodyOf(response);
    checkKind(bytes, response.headers.get("content-type"));
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    const claimed = response.headers.get("docker-content-digest");
    if (claimed !== null && claimed !== digest)
      throw new RegistryError(`wrong digest: ${registry} says ${shown(claimed)}, and what it sent has ${digest}`);
    return digest;
  } catch (error) {
    if (error instanceof RegistryError) throw error;
    if (signal.aborted) throw new RegistryError(`no answer from ${registry} within ${milliseconds / 1000} s`);
    // How fetch reports what the network did; without its own message, which may show an address with what is secret in it.
    const { cause } = error as { cause?: { code?: string; message: string } };
    if (!(error instanceof TypeError) || cause === undefined) throw error;
    throw new RegistryError(`no connection to ${registry}: ${cause.code ?? cause.message}`);
  }
}

/** Where the manifest of a tag is. Plain http for this machine alone. What images call docker.io is no registry itself (github.com/containerd/containerd, core/remotes/docker). */
export function manifestUrl({ registry, repository, tag }: TaggedImage): URL {
  const scheme = /^(localhost|127\.0\.0\.1)(:|$)/.test(registry) ? "http" : "https";
  const host = registry === "docker.io" ? "registry-1.docker.io" : registry;
  return new URL(`${scheme}://${host}/v2/${repository.slice(registry.length + 1)}/manifests/${tag}`);
}

/** The registry's answer, after it was given a token where it asks for one. */
async function getManifest(image: TaggedImage, signal: AbortSignal): Promise<Response> {
  const url = manifestUrl(image);
  const accept = Object.keys(kinds).join(", ");
  const first = await get(url, { accept }, signal);
  if (first.status !== 401) return first;
  const token = await anonymousToken(first.headers.get("www-authenticate") ?? "", url, signal);
  return token === undefined ? first : get(url, { accept, authorization: `Bearer ${token}` }, signal);
}

/** A token for anybody, from where a challenge says; undefined where it offers none. */
async function anonymousToken(challenge: string, registry: URL, signal: AbortSignal): Promise<string | undefined> {
  const [, parameters = ""] = /^Bearer\s+(.*)$/i.exec(challenge) ?? [];
  const { realm, ...query } = Object.fromEntries(
    [...parameters.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = "", value = ""]) => [key, value]),
  );
  if (realm === undefined || !URL.canParse(realm, registry)) return undefined;
  const url = new URL(realm, registry);
  for (const key of ["service", "scope"]) if (query[key] !== undefined) url.searchParams.set(key, query[key]);
  const response = await get(url, { accept: "application/json" }, signal);
  if (refused(response)) return undefined;
  if (response.status !== 200)
    throw new RegistryError(`${url.host} answered ${response.status} when asked for a token`);
  const { token, access_token } = jsonOf(await bodyOf(response)) as { token?: unknown; access_token?: unknown };
  const found = token ?? access_token;
  if (typeof found !== "string" || !/^[\x21-\x7e]+$/.test(found))
    throw new RegistryError(`${url.host} sent no token when asked for one`);
  return found;
}

/** Follows redirects, by which registries hand out what a blob store keeps: never to plain http, and with a token to nobody but the registry. */
async function get(url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Response> {
  const { authorization: _, ...others } = headers;
  let at = url;
  for (let hops = 0; hops <= redirects; hops++) {
    const here = at.protocol === "http:" && ["localhost", "127.0.0.1"].includes(at.hostname);
    if ((at.protocol !== "https:" && !here) || at.username !== "" || at.password !== "")
      throw new RegistryError(
        `unsafe address: ${at.protocol}//${at.host}, where only https without a login in it will do`,
      );
    const response = await fetch(at, {
      headers: at.origin === url.origin ? headers : others,
      redirect: "manual",
      signal,
    });
    const location = response.headers.get("location");
    if (![301, 302, 303, 307, 308].includes(response.status) || location === null) return response;
    await response.body?.cancel();
    if (!URL.canParse(location, at)) throw new RegistryError(`${at.host} leads to what is no address`);
    at = new URL(location, at);
  }
  throw new RegistryError(`${url.host} redirects more than ${redirects} times`);
}

async function bodyOf(response: Response): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > largest) throw new RegistryError(`wrong content: more than ${largest} bytes, which no manifest has`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A sign-in page, an error in disguise or an empty body has a digest too. Throws RegistryError for what is no manifest. */
function checkKind(bytes: Buffer, contentType: string | null): void {
  const type = (contentType ?? "").split(";")[0]?.trim() ?? "";
  const list = Object.entries(kinds).find(([kind]) => kind === type)?.[1];
  if (list === undefined) throw new RegistryError(`wrong content: ${shown(type)}, which is no manifest of an image`);
  const manifest = jsonOf(bytes) as Readonly<Record<string, unknown>>;
  if (manifest["schemaVersion"] !== 2 || !Array.isArray(manifest[list]) || (manifest["mediaType"] ?? type) !== type)
    throw new RegistryError(`wrong content: it is not the ${type} that it is said to be`);
}

function jsonOf(bytes: Buffer): object {
  try {
    const value = JSON.parse(bytes.toString("utf8")) as unknown;
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // Said below.
  }
  throw new RegistryError("wrong content: no JSON object");
}

const refused = ({ status }: Response) => status === 401 || status === 403;
/** What a registry wrote, short and in printable letters. */
const shown = (text: string) => JSON.stringify(text.slice(0, 100));
