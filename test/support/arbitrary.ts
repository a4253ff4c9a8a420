import fc from "fast-check";
import type { Intent } from "../../core/schema/schema";
import { supported } from "../../core/schema/versions";

/** Names that no guardrail protects. */
const name = fc.stringMatching(/^x[a-z0-9]{0,8}$/);
const labels = fc.dictionary(
  fc.constantFrom("app", "tier", "app.kubernetes.io/name"),
  fc.oneof(fc.constantFrom("a", "b"), fc.stringMatching(/^[a-z][A-Za-z0-9]{0,6}$/)),
  { minKeys: 1 },
);
// Few, so that intents meet. Not 53: a guardrail keeps authentication away from DNS.
const port = fc.oneof(
  fc.constantFrom(80, 8080),
  fc.integer({ min: 1, max: 65535 }).filter((p) => p !== 53),
);
const reason = fc.constantFrom("it must work when nothing else does", "its | <first> *packet* would be lost");

const accounts = fc.oneof(fc.constantFrom("xa", "xb", "*"), name);
const networks = ["10.0.0.0/8", "192.0.2.0/24", "198.51.100.7/32", "2001:db8::/32"];
const callers = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ namespace: fc.oneof(fc.constantFrom("xweb", "xshop"), name), serviceAccount: accounts }),
  },
  fc.record({ namespace: fc.constantFrom("xweb", "xshop"), serviceAccount: accounts, withoutAuthentication: reason }),
  fc.record({ entity: fc.constantFrom("ingress", "kube-apiserver", "host") }),
  fc.record({ entity: fc.constant("world"), reason }),
  fc.record({ cidr: fc.constantFrom(...networks), reason }, { requiredKeys: ["cidr"] }),
);

const paths = fc.constantFrom("/", "/api", "/api/v1", "/a.b", "/healthz", "/.well-known/x", `/${"a".repeat(59)}`);
const operations = fc.record(
  {
    methods: fc.array(fc.constantFrom("GET", "HEAD", "POST"), { minLength: 1, maxLength: 3 }),
    paths: fc.array(fc.oneof(fc.record({ exact: paths }), fc.record({ prefix: paths })), {
      minLength: 1,
      maxLength: 3,
    }),
  },
  { requiredKeys: [] },
);

/** Intents that are well-formed each, but need not go together. */
export const anyIntents = (namespaces: readonly string[]) =>
  fc.uniqueArray(
    fc.record(
      {
        name,
        target: fc.record({ namespace: fc.constantFrom(...namespaces), selector: labels }),
        port,
        callers: fc.array(callers, { minLength: 1, maxLength: 3 }),
        operations: fc.array(
          operations.filter((operation) => Object.keys(operation).length > 0),
          { minLength: 1, maxLength: 2 },
        ),
      },
      { requiredKeys: ["name", "target", "port", "callers"] },
    ),
    { maxLength: 6, selector: ({ name, target }) => `${target.namespace}/${name}` },
  ) as fc.Arbitrary<Intent[]>;

type Caller = Intent["callers"][number];

/** Whether two intents, or one with itself, go together: by comparing all pairs, as the product does not. */
export function goTogether(a: Intent, b: Intent): boolean {
  if (a.target.namespace !== b.target.namespace || a.port !== b.port) return true;
  const [left, right] = [a.target.selector, b.target.selector];
  const differs = Object.keys(left).some((key) => key in right && left[key] !== right[key]);
  if (differs) return true;
  const same = Object.keys(left).length === Object.keys(right).length && Object.keys(left).every((key) => key in right);
  return same && a.callers.every((x) => b.callers.every((y) => agree(x, y) && agree(y, x)));
}

/** Whether the demand for authentication on one caller leaves the exemption of another alone. */
function agree(asked: Caller, exempt: Caller): boolean {
  if (!("namespace" in asked) || !("namespace" in exempt) || asked.namespace !== exempt.namespace) return true;
  if (asked.withoutAuthentication !== undefined || exempt.withoutAuthentication === undefined) return true;
  return asked.serviceAccount !== "*" && asked.serviceAccount !== exempt.serviceAccount;
}

const intents = (namespaces: readonly string[]) =>
  anyIntents(namespaces).map((all) =>
    all.reduce<Intent[]>(
      (kept, intent) => ([...kept, intent].every((other) => goTogether(other, intent)) ? [...kept, intent] : kept),
      [],
    ),
  );

const issued = {
  issuers: { "x-ca": { ca: {} } },
  workloads: [{ name: "x-tls", namespace: "x", service: "x", issuer: "x-ca" }],
};
/** Mostly none. */
const certificates = fc.oneof(
  { weight: 4, arbitrary: fc.constant({}) },
  fc.constantFrom(
    { certificates: { install: "managed", ...issued } },
    { certificates: { install: "external", approval: true, ...issued } },
  ),
);

/** Any valid configuration, as a stack file holds it. */
export const stackValues: fc.Arbitrary<Record<string, unknown>> = fc
  .uniqueArray(name, { minLength: 1, maxLength: 4 })
  .chain((namespaces) =>
    fc.record({
      auth: fc.boolean(),
      trustDomain: fc.constantFrom("apps.zt.internal", "prod-1.corp", "a_b.c"),
      cluster: fc.record({
        name,
        context: name,
        identity: fc.uuid(),
        kubernetes: fc.constantFrom(...supported.kubernetes),
        cilium: fc
          .record({
            version: fc.constantFrom(...supported.cilium).map((minor) => `${minor}.2`),
            delivery: fc.constantFrom("flux", "helm", "none"),
            namespace: fc.constantFrom("kube-system", "cilium"),
          })
          .map((cilium) => ({
            ...cilium,
            ...(cilium.delivery === "helm" ? { valuesFile: "test/fixtures/cilium-values.yaml" } : {}),
          })),
      }),
      spire: fc.constantFrom(
        { install: "managed" },
        { install: "managed", agentNamespace: "spire-agents" },
        { install: "managed", egressPolicy: true },
        { install: "managed", upstreamAuthority: { certManager: { issuer: "x-ca", kind: "ClusterIssuer" } } },
        { install: "bundled" },
        { install: "external", external: { serverAddress: "spire-server.spire.svc:8081" } },
      ),
      rollout: fc
        .tuple(...namespaces.map(() => fc.constantFrom("off", "observe", "allow", "require")))
        // Without pods, so that each may be in any phase from the beginning.
        .map((phases) => ({
          phases: Object.fromEntries(namespaces.map((n, i) => [n, phases[i]])),
          greenfield: namespaces,
        })),
      access: intents(namespaces),
    }),
  )
  .chain((values) => certificates.map((more) => ({ ...values, ...more })));
