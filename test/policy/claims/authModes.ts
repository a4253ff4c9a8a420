import { both, extra, named, policy, toPorts, withConfig, withObject } from "../changes";
import type { Claims } from "./claim";

const required = { authentication: { mode: "required" } };
const disabled = { authentication: { mode: "disabled" } };
const second = (rule: object, spec: object = {}, namespace = "orders") =>
  withObject(
    policy(
      {},
      {
        metadata: { name: "second", namespace },
        spec: { endpointSelector: {}, ingress: [{ ...named, toPorts, ...rule }], ...spec },
      },
    ),
  );
const cronJob = (serviceAccountName: string | undefined, namespace = "web") =>
  withObject(
    extra(
      "batch/v1",
      "CronJob",
      { spec: { jobTemplate: { spec: { template: { spec: { serviceAccountName, containers: [] } } } } } },
      namespace,
    ),
  );

/** Rules of Cilium's policies that name an authentication mode. */

/** Authentication modes that meet, and callers that live too short for them. */
export const authModes: Claims = {
  "one-mode": {
    catches: [
      {
        what: "two modes in one policy",
        change: withObject(
          policy(
            {},
            {
              spec: {
                endpointSelector: {},
                ingress: [required, disabled].map((mode) => ({ ...named, toPorts, ...mode })),
              },
            },
          ),
        ),
        says: /for the same peer and port; write one/,
        also: ["demand-in-require"],
      },
      {
        what: "two modes in two policies",
        change: both(withObject(policy(named)), second(disabled)),
        says: /but CiliumNetworkPolicy orders\/(extra|second) spec\.ingress\[0\] says/,
        also: ["demand-in-require"],
      },
      {
        what: "two modes where pods of one selector are among those of the other",
        change: both(
          withObject(policy(named)),
          second(disabled, { endpointSelector: { matchLabels: { app: "api" } } }),
        ),
        says: /write one/,
        also: ["demand-in-require"],
      },
      {
        what: "a policy for the cluster beside one in a namespace",
        change: both(
          withObject(
            policy({
              fromEndpoints: [{ matchLabels: { "k8s:app": "web", "k8s:io.kubernetes.pod.namespace": "web" } }],
            }),
          ),
          withObject(
            policy(
              {},
              {
                kind: "CiliumClusterwideNetworkPolicy",
                metadata: { name: "all" },
                spec: {
                  endpointSelector: { matchLabels: { app: "api" } },
                  ingress: [
                    {
                      fromEndpoints: [{ matchLabels: { "io.kubernetes.pod.namespace": "web", app: "web" } }],
                      toPorts,
                      ...disabled,
                    },
                  ],
                },
              },
            ),
          ),
        ),
        says: /CiliumClusterwideNetworkPolicy all/,
      },
    ],
    passes: [
      ["one mode twice", both(withObject(policy(named)), second(required))],
      ["a mode beside none", both(withObject(policy(named)), second({}))],
      [
        "two modes for different peers",
        both(withObject(policy(named)), second({ ...disabled, fromEndpoints: [{ matchLabels: { app: "job" } }] })),
      ],
      [
        "two modes on different ports",
        both(
          withObject(policy(named)),
          second({ ...disabled, toPorts: [{ ports: [{ port: "7001", protocol: "TCP" }] }] }),
        ),
      ],
      [
        "two modes on pods that are never the same",
        both(
          withObject(
            policy(
              {},
              {
                spec: {
                  endpointSelector: { matchLabels: { app: "db" } },
                  ingress: [{ ...named, toPorts, ...required }],
                },
              },
            ),
          ),
          second(disabled, { endpointSelector: { matchLabels: { app: "api" } } }),
        ),
      ],
      ["two modes in two namespaces", both(withObject(policy(named)), second(disabled, {}, "shop"))],
    ],
  },
  "short-lived-callers": {
    catches: [
      {
        what: "a CronJob of a caller",
        change: cronJob("frontend"),
        says: /CronJob web\/extra serviceAccountName is frontend, of whom orders\/api asks authentication/,
        verdict: "warn",
      },
      {
        what: "a Job of a caller",
        change: withObject(
          extra("batch/v1", "Job", { spec: { template: { spec: { serviceAccountName: "invoicer" } } } }, "billing"),
        ),
        says: /Job billing\/extra/,
        verdict: "warn",
      },
      {
        what: "a Job in a namespace all of whose pods call",
        change: both(withConfig("access[0].callers[0].serviceAccount=*"), cronJob(undefined)),
        says: /is default/,
        verdict: "warn",
      },
    ],
    passes: [
      ["a Job of another account", cronJob("reports")],
      ["a Job in another namespace", cronJob("frontend", "billing")],
      [
        "a Job of whom no authentication is asked",
        both(withConfig("access[0].callers[0].withoutAuthentication=it gives up too soon"), cronJob("frontend")),
      ],
      ["a Job where nothing is demanded yet", both(withConfig("rollout.phases.orders=allow"), cronJob("frontend"))],
    ],
  },
};
