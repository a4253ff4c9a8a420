import fc from "fast-check";
import { supported } from "../../components/config/versions";

/** Names that no guardrail protects. */
const name = fc.stringMatching(/^x[a-z0-9]{0,8}$/);
const labels = fc.dictionary(
  fc.constantFrom("app", "tier", "app.kubernetes.io/name"),
  fc.stringMatching(/^[a-z][A-Za-z0-9]{0,6}$/),
  {
    minKeys: 1,
  },
);
const intents = (namespaces: readonly string[]) =>
  fc.uniqueArray(
    fc.record({
      name,
      target: fc.record({ namespace: fc.constantFrom(...namespaces), selector: labels }),
      port: fc.integer({ min: 1, max: 65535 }),
      callers: fc.array(fc.record({ namespace: name, serviceAccount: name }), { minLength: 1, maxLength: 3 }),
    }),
    { maxLength: 6, selector: ({ name, target }) => `${target.namespace}/${name}` },
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
        { install: "bundled" },
        { install: "external", external: { serverAddress: "spire-server.spire.svc:8081" } },
      ),
      rollout: fc
        .tuple(...namespaces.map(() => fc.constantFrom("off", "observe", "allow", "require")))
        .map((phases) => ({ phases: Object.fromEntries(namespaces.map((n, i) => [n, phases[i]])) })),
      access: intents(namespaces),
    }),
  );
