import { agentSelector } from "../../core/schema/ciliumNames";
import { ztunnelLabel } from "../../components/access/meshMarks";
import { ciliumChart } from "../../components/cilium/objects";
import { releaseNamespaceOf } from "../../components/cilium/values";
import { valuesConfigMap } from "../../core/schema/helmRelease";
import { ciliumOf, type StackConfig } from "../../core/schema/schema";
import { fieldManager, manifestsOf, type KubernetesObject, ownSelector } from "../../core/util/kubernetes";
import { quoted } from "../../core/util/shell";
import { inMesh } from "../../plan/marks";
import { countDemanding } from "../../live/gates/relaxed";
import { ignoreWebhook } from "../../live/wayOff";
import type { RenderedStack } from "../lib/renderStack";

/**
 * The commands that turn authentication off without Pulumi, in the same order: the policies stop demanding it, then Cilium stops, and SPIRE stays. Each
 * may be run twice.
 *
 * @param stack rendered with `auth` off
 */
export function breakGlass({ name, config, plan }: RenderedStack): string {
  const { context, cilium } = config.cluster;
  const kubectl = `kubectl --context ${context}`;
  if (config.mesh?.ztunnel) return ztunnelBreakGlass(name, kubectl, inMesh(plan.phases));
  if (!cilium) return meshBreakGlass(name, kubectl, manifestsOf(plan.components));
  const helm =
    `${helmUpgrade(config.cluster)} --reuse-values ` +
    "--set authentication.enabled=false --set authentication.mutual.spire.enabled=false --set rollOutCiliumPods=true --set operator.rollOutPods=true";
  const agents = `${kubectl} --namespace ${cilium.namespace} --request-timeout 10s`;
  return [
    `# Turns authentication off on ${name} without Pulumi. Run the steps in order; each may be run again.`,
    "",
    "# 1. The policies stop demanding authentication. Who may call whom stays as it is. Again where it says that a policy has been modified meanwhile.",
    relax(kubectl),
    ...pastWebhook(kubectl),
    "",
    "# 2. No rule may be left that demands it, ours or not. This prints the policies that have one; remove the authentication block of each.",
    `${kubectl} get ciliumnetworkpolicies,ciliumclusterwidenetworkpolicies --all-namespaces --output '${modes}' | grep -w required`,
    "#    And no node may enforce one any more: a number for each. Again, until all are 0; go on without a node that does not answer.",
    `for agent in $(${agents} get pods --selector ${agentSelector} --output name); do ${agents} exec "$agent" --container cilium-agent -- ${countDemanding.map(quoted).join(" ")}; done`,
    "",
    "# 3. Cilium stops. Both flags go together: its chart refuses one without the other.",
    ...(cilium.delivery === "flux"
      ? [
          applyValues(kubectl, manifestsOf(plan.components)),
          "#    Flux acts on that by itself. Only where Flux is down too:",
          `# ${helm}`,
        ]
      : [
          helm,
          "#    Only where helm says that another operation is in progress, and it has ended long ago. Then helm again:",
          `# ${kubectl} --namespace ${releaseNamespaceOf(cilium)} delete secret --selector owner=helm,name=cilium,status=pending-upgrade`,
        ]),
    "",
    "# 4. Wait until every node has it.",
    ...["daemonset/cilium", "deployment/cilium-operator"].map(
      (workload) => `${kubectl} --namespace ${cilium.namespace} rollout status ${workload} --timeout 10m`,
    ),
    "",
    "# 5. SPIRE stays. Tell Pulumi once it is back, or the next update turns authentication on again.",
    `pulumi config set auth false --stack ${name} && pulumi up --stack ${name}`,
  ].join("\n");
}

/** What changes with the flag where another mesh authenticates: whom the policies admit, and who is served without a certificate. */
function meshBreakGlass(name: string, kubectl: string, manifests: readonly KubernetesObject[]): string {
  const servers = new Set(manifests.filter(({ kind }) => kind === "Server").map(({ metadata }) => metadata.name));
  const changes = ({ kind, metadata }: KubernetesObject) =>
    kind === "PeerAuthentication" ||
    /^zero-trust-(waypoint-)?default$/.test(metadata.name) ||
    servers.has(metadata.name);
  const relaxed = manifests.filter((manifest) => !["Server", "Namespace"].includes(manifest.kind) && changes(manifest));
  return [
    `# Turns authentication off on ${name} without Pulumi. Each command may be run again.`,
    "",
    "# 1. The policies admit everybody, and nobody needs a certificate.",
    ...relaxed.map(
      ({ apiVersion, kind, metadata, spec }) =>
        `${kubectl} ${patch(`${kind.toLowerCase()}.${apiVersion.replace(/\/.*/, "")}`, metadata, { spec })}`,
    ),
    ...pastWebhook(kubectl),
    "",
    "# 2. Tell Pulumi, or the next update turns authentication on again.",
    `pulumi config set auth false --stack ${name} && pulumi up --stack ${name}`,
  ].join("\n");
}

/** What takes the place of turning authentication off where it is off, and ztunnel is what may be broken: its namespaces leave it. */
function ztunnelBreakGlass(name: string, kubectl: string, enrolled: readonly string[]): string {
  return [
    `# Takes the namespaces of ${name} out of Cilium's ztunnel without Pulumi: their pods call each other in clear. Each command may be run again.`,
    "",
    "# 1. All of them at once: calls between one that is enrolled and one that is not are not supported. Where Git keeps one, the label goes there too.",
    ...(enrolled.length > 0 ? [`${kubectl} label namespace ${enrolled.join(" ")} ${ztunnelLabel}-`] : []),
    ...pastWebhook(kubectl),
    "",
    "# 2. Tell Pulumi, which leaves the label alone then.",
    ...enrolled.map(
      (namespace) => `pulumi config set --stack ${name} --path zero-trust:rollout.phases.${namespace} off`,
    ),
    `pulumi up --stack ${name}`,
  ].join("\n");
}

/** How to get past an admission webhook that does not answer and refuses every write with that. */
const pastWebhook = (kubectl: string): readonly string[] => [
  `#    Only where kubectl says "failed calling webhook": find the configuration that names the webhook, let writes pass while it is down, and begin again. Set its failurePolicy back to Fail afterwards.`,
  `# ${kubectl} get --output '${webhooks}' validatingwebhookconfigurations,mutatingwebhookconfigurations`,
  `# ${ignoreWebhook(kubectl, { kind: "KIND", configuration: "NAME", index: 0 })}`,
];

/** The configurations of webhooks, a line each: kind, name and webhooks, in the order that a patch counts them. */
const webhooks = `jsonpath={range .items[*]}{.kind} {.metadata.name}:{range .webhooks[*]} {.name}{end}{"\\n"}{end}`;

/** The command that upgrades Cilium's release, without its values. */
export function helmUpgrade(cluster: StackConfig["cluster"]): string {
  const { context } = cluster;
  const cilium = ciliumOf(cluster);
  const chart = cilium.chart ?? `${ciliumChart.name} --repo ${ciliumChart.repository}`;
  return `helm --kube-context ${context} --namespace ${releaseNamespaceOf(cilium)} upgrade cilium ${chart} --version ${cilium.version}`;
}

/** Each policy's name and the authentication modes of its rules, a line each, for kubectl alone. */
const modes = `jsonpath={range .items[*]}{.kind} {.metadata.namespace}/{.metadata.name}${[
  "spec.ingress",
  "spec.egress",
  "specs[*].ingress",
  "specs[*].egress",
]
  .map((rules) => ` {.${rules}[*].authentication.mode}`)
  .join("")}{"\\n"}{end}`;

/**
 * Takes the demand out of this program's policies as they are in the cluster: whatever this version or an earlier one made of the intents, and of whichever stack file. A
 * pipe, since the rules of a namespace may be longer than an argument of a command may be. kubectl writes the keys of a rule in the order of the alphabet, so that there is another
 * after the block.
 */
const relax = (kubectl: string) =>
  [
    `${kubectl} get ciliumnetworkpolicies --all-namespaces --selector ${ownSelector} --output json`,
    "tr -d '\\n'",
    `sed -E ${quoted('s/"authentication": *\\{ *"mode": *"required" *\\}, *//g')}`,
    `${kubectl} replace --filename -`,
  ].join(" | ");

/** Writes Cilium's values by server-side apply, which also makes the ConfigMap again where somebody has deleted it. */
function applyValues(kubectl: string, manifests: readonly KubernetesObject[]): string {
  const values = manifests.find(({ metadata }) => metadata.name === valuesConfigMap.name);
  if (!values) throw new Error("no values ConfigMap is planned");
  const apply = `apply --server-side --force-conflicts --field-manager ${fieldManager} --filename -`;
  return `printf %s ${quoted(JSON.stringify(values))} | ${kubectl} ${apply}`;
}

const patch = (kind: string, { namespace, name }: KubernetesObject["metadata"], content: object): string =>
  `--namespace ${namespace} patch ${kind} ${name} --type merge --patch ${quoted(JSON.stringify(content))}`;
