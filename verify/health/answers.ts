import * as z from "zod";

/** An answer, or why there is none. */
export type Asked<T> = { readonly known: T } | { readonly because: string };

/** What Go leaves out, and what it writes as null, is the same. */
const optional = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? undefined);
const list = <T extends z.ZodType>(schema: T) =>
  z
    .array(schema)
    .nullish()
    .transform((value) => value ?? []);
const words = z
  .record(z.string(), z.string())
  .nullish()
  .transform((value) => value ?? {});
/** Go's JSON of protobuf has 64-bit numbers as strings. */
const number = z.union([
  z.number(),
  z
    .string()
    .regex(/^-?\d+$/)
    .transform(Number),
]);
const moment = z.string().transform((text, context) => {
  const milliseconds = Date.parse(text);
  if (Number.isNaN(milliseconds)) context.addIssue({ code: "custom", message: "no moment" });
  return milliseconds;
});

const metadata = z.object({
  name: z.string(),
  namespace: optional(z.string()),
  labels: words,
  generation: optional(z.number()),
  managedFields: list(
    z.object({ manager: optional(z.string()), time: optional(moment), fieldsV1: optional(z.looseObject({})) }),
  ),
});

export const configMap = z.object({ metadata, data: words });

/** A DaemonSet, Deployment or StatefulSet. */
export const workload = z.object({
  metadata,
  spec: z.object({
    replicas: optional(z.number()),
    template: z.object({ spec: optional(z.object({ volumes: list(z.object({ name: z.string() })) })) }),
  }),
  status: optional(
    z.object({
      observedGeneration: optional(z.number()),
      desiredNumberScheduled: optional(z.number()),
      updatedNumberScheduled: optional(z.number()),
      numberAvailable: optional(z.number()),
      numberReady: optional(z.number()),
      updatedReplicas: optional(z.number()),
      availableReplicas: optional(z.number()),
    }),
  ),
});

/** Of a pod, and of a policy. */
const condition = z.object({ type: z.string(), status: z.string(), message: optional(z.string()) });

const ended = optional(z.object({ reason: optional(z.string()), exitCode: optional(z.number()) }));
const pod = z.object({
  metadata: z.object({ name: z.string(), labels: words, deletionTimestamp: optional(z.string()) }),
  spec: optional(z.object({ nodeName: optional(z.string()) })),
  status: optional(
    z.object({
      phase: optional(z.string()),
      conditions: list(condition),
      containerStatuses: list(
        z.object({
          name: z.string(),
          ready: z.boolean(),
          restartCount: optional(z.number()),
          state: optional(
            z.object({
              waiting: optional(z.object({ reason: optional(z.string()) })),
              running: optional(z.object({ startedAt: optional(moment) })),
              terminated: ended,
            }),
          ),
          lastState: optional(z.object({ terminated: ended })),
        }),
      ),
    }),
  ),
});
export const pods = z.object({ items: list(pod) });

export const policies = z.object({
  items: list(
    z.object({
      metadata,
      spec: optional(z.looseObject({})),
      specs: optional(z.array(z.looseObject({}))),
      status: optional(z.object({ conditions: list(condition) })),
    }),
  ),
});

export const staticEntries = z.object({
  items: list(
    z.object({
      metadata,
      spec: optional(
        z.object({
          spiffeID: optional(z.string()),
          parentID: optional(z.string()),
          selectors: list(z.string()),
        }),
      ),
      status: optional(z.object({ rendered: optional(z.boolean()), masked: optional(z.boolean()) })),
    }),
  ),
});

export const spiffeIds = z.object({
  items: list(
    z.object({
      metadata,
      status: optional(
        z.object({
          stats: optional(
            z.object({
              podsSelected: optional(z.number()),
              entryFailures: optional(z.number()),
              podEntryRenderFailures: optional(z.number()),
            }),
          ),
        }),
      ),
    }),
  ),
});

const spiffeId = optional(z.object({ path: z.string() }));
const selectors = list(z.object({ type: z.string(), value: z.string() }));

/** `spire-server entry show -output json` */
export const entries = z.object({
  entries: list(
    z.object({
      spiffe_id: spiffeId,
      parent_id: spiffeId,
      selectors,
      x509_svid_ttl: optional(number),
      created_at: optional(number),
    }),
  ),
});

/** `spire-server agent list -output json` */
export const attested = z.object({
  agents: list(
    z.object({ id: spiffeId, x509svid_expires_at: optional(number), selectors, banned: optional(z.boolean()) }),
  ),
});

/** `cilium-dbg status --output json` */
export const agentStatus = z.object({
  "auth-certificate-provider": optional(z.object({ state: optional(z.string()), msg: optional(z.string()) })),
});

/** `cilium-dbg bpf auth list --output json`: `null` where there are none. */
export const authenticatedPairs = z
  .array(z.object({ LocalIdentity: z.number(), RemoteIdentity: z.number(), Expiration: moment }))
  .nullish()
  .transform((value) => value ?? []);

const revision = optional(
  z.object({ "policy-revision": optional(z.number()), "policy-enabled": optional(z.string()) }),
);
/** `cilium-dbg endpoint list --output json` */
export const endpoints = list(
  z.object({
    id: z.number(),
    status: optional(
      z.object({
        state: optional(z.string()),
        "external-identifiers": optional(
          z.object({ "k8s-namespace": optional(z.string()), "k8s-pod-name": optional(z.string()) }),
        ),
        policy: optional(z.object({ realized: revision, spec: revision })),
      }),
    ),
  }),
);

/** A bundle in SPIFFE's format (standards/SPIFFE_Trust_Domain_and_Bundle.md). */
export const bundle = z.object({
  keys: z.array(z.object({ use: optional(z.string()), x5c: list(z.string()) })),
});

/** Of SPIRE's server and agent (server.conf and agent.conf, as JSON). */
export const serverFile = z.object({
  server: z.object({ trust_domain: optional(z.string()), admin_ids: list(z.string()) }),
});
export const agentFile = z.object({
  agent: z.object({ trust_domain: optional(z.string()), authorized_delegates: list(z.string()) }),
});

export type ConfigMap = z.output<typeof configMap>;
export type Workload = z.output<typeof workload>;
export type Pod = z.output<typeof pod>;
export type Policies = z.output<typeof policies>["items"];
export type StaticEntries = z.output<typeof staticEntries>["items"];
export type SpiffeIds = z.output<typeof spiffeIds>["items"];
export type Entries = z.output<typeof entries>["entries"];
export type Attested = z.output<typeof attested>["agents"];
export type Pairs = z.output<typeof authenticatedPairs>;
export type Endpoints = z.output<typeof endpoints>;

/** Reads an answer as what it should be; one of another shape is none. Never throws. */
export function read<T extends z.ZodType>(schema: T, answer: unknown): Asked<z.output<T>> {
  const { success, data, error } = schema.safeParse(answer);
  if (success) return { known: data };
  const [issue] = error.issues;
  return { because: `an answer that cannot be read: ${[...(issue?.path ?? []), issue?.message].join(" ")}` };
}

/** The same of a text, which should be JSON. */
export function readText<T extends z.ZodType>(schema: T, text: string): Asked<z.output<T>> {
  try {
    return read(schema, JSON.parse(text));
  } catch {
    return { because: "an answer that is no JSON" };
  }
}
