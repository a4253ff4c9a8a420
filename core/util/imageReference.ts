/** The parts of an image reference, `registry.corp/spiffe/spire-server:1.15.3@sha256:…`. */
export interface ImageReference {
  /** All before the tag: `registry.corp/spiffe/spire-server`. */
  readonly repository: string;
  /** The registry's host and port, undefined where the reference leaves it to the container runtime. */
  readonly registry: string | undefined;
  readonly tag: string | undefined;
  /** `sha256:` and 64 hexadecimal digits. */
  readonly digest: string | undefined;
}

const host = "[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?";
const component = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const grammar = new RegExp(
  `^(?<repository>(?:(?<host>${host})/)?${component}(?:/${component})*)(?::(?<tag>\\w[\\w.-]{0,127}))?(?:@(?<digest>sha256:[0-9a-f]{64}))?$`,
);

/**
 * Reads an image reference by the grammar that container runtimes share (github.com/distribution/reference, reference.go), with sha256 alone as the
 * kind of a digest. A first part without a dot, a port or the name localhost is no registry there, but a folder of the default one.
 *
 * @returns undefined for what is no reference
 */
export function parseImage(text: string): ImageReference | undefined {
  const { repository, host, tag, digest } = text.length <= 512 ? (grammar.exec(text)?.groups ?? {}) : {};
  if (repository === undefined) return undefined;
  const registry = host !== undefined && /[.:]|^localhost$/.test(host) ? host : undefined;
  return { repository, registry, tag, digest };
}
