import { join } from "node:path";
import { Ajv } from "ajv";
import ts from "typescript";
import type { KubernetesObject } from "../../core/util/kubernetes";
import { staticEntryCrd } from "../../components/spire/registration/definitions";
import { root } from "./stacks";

const core = (path: string) => `kubernetes-models/${path}`;

/** Where the type of each kind is, as generated from Kubernetes' OpenAPI document and from Cilium's CRDs. */
const modules: Readonly<Record<string, string>> = {
  Namespace: core("v1/Namespace"),
  ServiceAccount: core("v1/ServiceAccount"),
  ConfigMap: core("v1/ConfigMap"),
  Service: core("v1/Service"),
  PersistentVolumeClaim: core("v1/PersistentVolumeClaim"),
  StatefulSet: core("apps/v1/StatefulSet"),
  DaemonSet: core("apps/v1/DaemonSet"),
  CSIDriver: core("storage.k8s.io/v1/CSIDriver"),
  Secret: core("v1/Secret"),
  PodDisruptionBudget: core("policy/v1/PodDisruptionBudget"),
  NetworkPolicy: core("networking.k8s.io/v1/NetworkPolicy"),
  ClusterRole: core("rbac.authorization.k8s.io/v1/ClusterRole"),
  ClusterRoleBinding: core("rbac.authorization.k8s.io/v1/ClusterRoleBinding"),
  Role: core("rbac.authorization.k8s.io/v1/Role"),
  RoleBinding: core("rbac.authorization.k8s.io/v1/RoleBinding"),
  CustomResourceDefinition: core("apiextensions.k8s.io/v1/CustomResourceDefinition"),
  Kustomization: "@kubernetes-models/flux-cd/kustomize.toolkit.fluxcd.io/v1/Kustomization",
  CiliumNetworkPolicy: "@kubernetes-models/cilium/cilium.io/v2/CiliumNetworkPolicy",
};

/**
 * What is wrong with objects, unknown fields included: the packages' own validators let those pass, but the compiler does not let an object literal have
 * a field that its type lacks.
 */
export async function schemaErrors(objects: readonly KubernetesObject[]): Promise<string[]> {
  const known = objects.filter(({ kind }) => modules[kind]);
  const unknown = objects.filter(({ kind }) => !modules[kind]);
  return [...typeErrors(known), ...(await valueErrors(known)), ...unknown.flatMap(staticEntryErrors)];
}

/** Fields that do not exist or have the wrong type. */
function typeErrors(objects: readonly KubernetesObject[]): string[] {
  const kinds = [...new Set(objects.map(({ kind }) => kind))];
  const source = [
    ...kinds.map((kind) => `import type { I${kind} } from "${modules[kind]}";`),
    ...objects.map((object, i) => `export const o${i}: I${object.kind} = ${JSON.stringify(object)};`),
  ].join("\n");

  const file = join(root, "test", "virtual.mts");
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
  };
  const disk = ts.createCompilerHost(options);
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (name) => name === file || disk.fileExists(name),
    readFile: (name) => (name === file ? source : disk.readFile(name)),
    getSourceFile: (name, ...rest) =>
      name === file ? ts.createSourceFile(name, source, ts.ScriptTarget.ES2022) : disk.getSourceFile(name, ...rest),
  };
  const program = ts.createProgram([file], options, host);
  return [...program.getSyntacticDiagnostics(), ...program.getSemanticDiagnostics(program.getSourceFile(file))].map(
    ({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"),
  );
}

/** Values that the schema forbids: patterns, enumerations, ranges, missing fields. */
async function valueErrors(objects: readonly KubernetesObject[]): Promise<string[]> {
  const errors: string[] = [];
  for (const object of objects) {
    const module = (await import(modules[object.kind] ?? "")) as Record<
      string,
      new (data: object) => { validate(): void }
    >;
    const Model = module[object.kind];
    try {
      if (Model) new Model(object).validate();
    } catch (error) {
      errors.push(`${object.kind}: ${(error as Error).message}`);
    }
  }
  return errors;
}

/** SPIRE's entries, by the CRD that this program deploys, closed to unknown fields. */
function staticEntryErrors(object: KubernetesObject): string[] {
  if (object.kind !== "ClusterStaticEntry") return [`no schema for ${object.kind}`];
  const { spec } = staticEntryCrd() as unknown as { spec: { versions: { schema: { openAPIV3Schema: object } }[] } };
  const schema = JSON.parse(JSON.stringify(spec.versions[0]?.schema.openAPIV3Schema), (key, value: unknown) =>
    key === "spec" && (value as { properties?: object }).properties
      ? { ...(value as object), additionalProperties: false }
      : value,
  ) as object;
  const validate = new Ajv({ allErrors: true }).compile(schema);
  return validate(object)
    ? []
    : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}
