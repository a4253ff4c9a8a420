import { createHash } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

/** What a registry answers to one path. */
export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface Asked {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/** A registry on loopback. */
export interface Registry {
  /** `127.0.0.1:<port>` */
  readonly host: string;
  /** Answers by path, 404 for every other path; "silence" never comes. May be filled once the host is known. */
  readonly answers: Record<string, Answer | "silence" | ((asked: Asked) => Answer)>;
  /** What it was asked. */
  readonly asked: readonly Asked[];
}

/** Runs a server of the OCI distribution protocol while `use` runs. */
export async function withRegistry<T>(use: (registry: Registry) => Promise<T>): Promise<T> {
  const answers: Registry["answers"] = {};
  const asked: Asked[] = [];
  const server = createServer(({ url = "", headers }, response) => {
    const request = { url, headers };
    asked.push(request);
    const found = answers[url.split("?")[0] ?? ""] ?? { status: 404 };
    if (found === "silence") return;
    const { status = 200, headers: sent = {}, body = "" } = typeof found === "function" ? found(request) : found;
    response.writeHead(status, sent).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    return await use({ host, answers, asked });
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

export const digestOf = (body: string | Buffer) => `sha256:${createHash("sha256").update(body).digest("hex")}`;

/** A manifest as a registry sends it. */
export function manifest(mediaType: string, content: object): Required<Pick<Answer, "headers">> & { body: string } {
  const body = JSON.stringify({ schemaVersion: 2, mediaType, ...content });
  return { headers: { "content-type": mediaType, "docker-content-digest": digestOf(body) }, body };
}

/** An index of several platforms, as published images have it; another one for another `seed`. */
export const index = (seed = "a") =>
  manifest("application/vnd.oci.image.index.v1+json", {
    manifests: [{ mediaType: "application/vnd.oci.image.manifest.v1+json", size: 1, digest: digestOf(seed) }],
  });
