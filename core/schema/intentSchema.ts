import * as z from "zod";
import {
  choice,
  formed,
  hinted,
  json,
  name,
  namespace,
  object,
  section,
  some,
  text,
  trustDomain,
  whole,
} from "./fields";
import { entities, httpMethods, type Caller, type HttpPath } from "./intent";
import {
  callerFaults,
  callerForms,
  networkForm,
  operationFaults,
  operationForms,
  pathFaults,
  pathForms,
  reasonForm,
} from "./intentFaults";

// A service account's name is a label value in Cilium's selectors, hence 63 characters and not 253.
const serviceAccount = text(
  /^(?=.{1,63}$)(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)$/,
  'a service account\'s name: lower-case letters, digits, hyphens and dots, at most 63; or "*" for all of the namespace',
  "frontend",
);
const labelKey = z.string().regex(/^([a-z0-9.-]{1,253}\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/);
const labelValue = z.string().regex(/^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/);

const reason = text(reasonForm.pattern, reasonForm.allowed, "customers call it from the internet");
const callerKeys = {
  /** Of a workload elsewhere: where its identity is from. For Istio and Linkerd alone, which tell callers by their certificates. */
  trustDomain: trustDomain.optional(),
  /** A workload: the pods of a service account. */
  namespace: namespace.optional(),
  /** `"*"`: all pods of the namespace, whatever their service account. */
  serviceAccount: serviceAccount.optional(),
  /**
   * Why this workload is not asked to authenticate in `require`: for what must work when authentication does not, as a scraper of metrics, or would
   * lose its first packet, as a short-lived Job. It is then told by its labels alone.
   */
  withoutAuthentication: text(
    reasonForm.pattern,
    `why this caller is not asked to authenticate: ${reasonForm.allowed}`,
    "metrics must be seen when authentication fails",
  ).optional(),
  /**
   * What is no workload, has no identity and so is never asked to authenticate. `ingress`: Cilium's Ingress and Gateway · `kube-apiserver`: webhooks ·
   * `host`: processes and host-network pods of any node · `world`: everybody outside the cluster, which takes a reason.
   */
  entity: choice(...entities).optional(),
  /** Addresses outside the cluster, as `192.0.2.0/24` or `2001:db8::/32`. Pods and nodes are never told by their addresses. */
  cidr: hinted(z.string(), networkForm.allowed, networkForm.example).optional(),
  /** Why `entity` or `cidr` may call. */
  reason: reason.optional(),
};
// The checks leave what the types say: exactly one form, with its own keys alone.
const caller = formed(callerKeys, callerFaults, callerForms) as unknown as z.ZodType<Caller>;

// Short, so that the regular expression stays below 100 instructions, which is what Envoy takes: 90 with 60 characters, as RE2 counts them.
const path = text(
  /^(?=.{1,60}$)(\/|(\/(?!\.{1,2}(\/|$))[A-Za-z0-9._~-]+)+)$/,
  "a path of at most 60 characters: segments of letters, digits and -._~, no empty one, no . or .., no / at the end, no query",
  "/v1/orders",
);
const httpPath = formed(
  { exact: path.optional(), prefix: path.optional() },
  pathFaults,
  pathForms,
) as unknown as z.ZodType<HttpPath>;

const operation = formed(
  {
    /** HTTP methods; without them all. `GET` does not include `HEAD`. */
    methods: some(choice(...httpMethods), { allowed: `of ${httpMethods.join(", ")}`, example: '"GET"' }).optional(),
    /**
     * HTTP paths; without them all. Without the query, which is free. Case matters. A prefix is of whole segments: `/v1` is `/v1` and `/v1/a`, not `/v10`;
     * below it segments have letters, digits and `-._~` alone and do not begin with a dot, so that no encoded or doubled part leads elsewhere.
     */
    paths: some(httpPath, pathForms).optional(),
  },
  operationFaults,
  operationForms,
);

/** Who may call one workload on one port. Intents add up: who is admitted by one of them is admitted. */
export const intent = object({
  name,
  /** All intents on the same selector and port become one policy. On one port, two selectors that differ may not select the same pod. */
  target: section({
    namespace,
    selector: hinted(
      json(z.record(labelKey, labelValue).refine((s) => Object.keys(s).length > 0)),
      "one or more pod labels, as in { app: api }",
      '{"app":"api"}',
    ),
    /**
     * In Istio's ambient mode, the Service of the same pods that has the label `istio.io/use-waypoint`: through it come callers that may do certain operations alone
     * (docs/meshes.md).
     */
    service: object({
      name,
      /** Its own port, where that leads to the container's. @default the port of the intent */
      port: whole(1, 65535, 80).optional(),
    }).optional(),
  }),
  /** The port of the container, not of a Service. TCP: UDP has no retransmit and would lose the packets before the handshake. */
  port: whole(1, 65535, 8080),
  /** docs/access.md has an example of each form. */
  callers: some(caller, callerForms),
  /** What the callers may do, where the port speaks HTTP; without it everything. Looked at from the phase `allow` on. */
  operations: some(operation, operationForms).optional(),
});
