import { randomBytes } from "node:crypto";
import { version } from "@pulumi/kubernetes/package.json";
import type { Plugin, Subject } from "../plugin";
import { at, hasUnknown, isFields, type Fields } from "../values";
import { connect, type Api } from "./api";
import { difference } from "./difference";
import { annotation } from "./ready";
import { createObject, deleteObject, giveUp, readObject, updateObject } from "./objects";
import { helmRelease } from "./release";

/** Fields of an object that somebody else has. */
const isPatch = (type: string) => type.endsWith("Patch");

const releaseType = "kubernetes:helm.sh/v3:Release";

/** The Kubernetes provider: what pulumi-kubernetes of that version does for the kinds that this project uses, with server-side apply on. */
export function kubernetesProvider(): Plugin {
  let args: Fields = {};
  let api: Api | undefined;
  let unreachable = "";
  /** Whether the kinds defined in this update have namespaces, by apiVersion/kind. */
  const defined = new Map<string, boolean>();

  const cluster = (): Api => {
    if (api === undefined) throw new Error(`configured Kubernetes cluster is unreachable: ${unreachable}`);
    return api;
  };
  const namespaced = async ({ apiVersion, kind }: Fields) =>
    (await api?.namespaced(String(apiVersion), String(kind))) ?? defined.get(`${String(apiVersion)}/${String(kind)}`);
  const release = () => helmRelease(typeof args["context"] === "string" ? args["context"] : undefined);
  const enabled = (name: string) => String(args[name]) === "true";
  // pulumi-kubernetes: fieldManagerName in provider/pkg/provider/provider.go.
  const managerOf = (inputs: Fields, state: Fields = {}) =>
    annotation(inputs, "patchFieldManager") ??
    (state["__fieldManager"] as string | undefined) ??
    `pulumi-kubernetes-${randomBytes(4).toString("hex")}`;

  return {
    version,
    async configure(given) {
      args = given;
      if ("enableServerSideApply" in args && !enabled("enableServerSideApply"))
        throw new Error("this stand-in knows server-side apply alone: set enableServerSideApply to true");
      if (hasUnknown(args)) return;
      try {
        const connected = await connect(typeof args["context"] === "string" ? args["context"] : undefined);
        await connected.namespaced("v1", "Namespace");
        api = connected;
      } catch (error) {
        unreachable = error instanceof Error ? error.message : String(error);
      }
    },
    diffConfig(olds, news) {
      const changed = (name: string) => olds[name] !== news[name];
      // The same cluster by name, wherever its address is now (pulumi-kubernetes: DiffConfig).
      const named = "clusterIdentifier" in olds && "clusterIdentifier" in news;
      return named
        ? ["clusterIdentifier"].filter(changed)
        : ["kubeconfig", "context", "cluster", "clusterIdentifier"].filter((name) => changed(name));
    },
    async check({ type }, news) {
      if (type === releaseType) return release().check(news);
      const failures = faultsOf(news);
      if (failures.length > 0) return { inputs: news, failures };
      define(defined, news);
      const scope = await namespaced(news);
      const metadata = news["metadata"] as Fields;
      if (scope === false || hasUnknown(metadata["namespace"])) return { inputs: news, failures };
      return { inputs: { ...news, metadata: { namespace: "default", ...metadata } }, failures };
    },
    async diff({ type }, olds, news) {
      if (type === releaseType) return release().diff(olds.inputs, news);
      const mutable = { configMaps: enabled("enableConfigMapMutable"), secrets: enabled("enableSecretMutable") };
      return difference(olds, news, mutable, await namespaced(news));
    },
    async create({ type, name }, news, mode) {
      // Made where it is not there, and never tried in a preview (pulumi-kubernetes: Create in provider/pkg/provider/provider.go).
      if (isPatch(type))
        return mode.preview
          ? { id: "", state: news }
          : named(name, () => createObject(cluster(), news, managerOf(news), mode, true));
      if (mode.preview && (api === undefined || (type !== releaseType && (await namespaced(news)) === undefined)))
        return { id: "", state: news };
      return type === releaseType
        ? release().create(news, mode)
        : named(name, () => createObject(cluster(), news, managerOf(news), mode, enabled("upsertExistingObjects")));
    },
    async read(subject, state, inputs) {
      if (subject.type === releaseType) return release().read(state, inputs);
      if (!isFields(inputs["metadata"])) throw new Error(`${subject.name}: this stand-in cannot import objects`);
      return readObject(cluster(), inputs, managerOf(inputs, state));
    },
    async update({ type, name }, state, news, mode) {
      if (mode.preview && api === undefined) return { id: "", state: news };
      return type === releaseType
        ? release().update(news, mode)
        : named(name, () => updateObject(cluster(), news, managerOf(news, state), mode));
    },
    async delete({ type }: Subject, state, { timeout }) {
      if (isPatch(type)) return giveUp(cluster(), state);
      cluster();
      return type === releaseType ? release().delete(state) : deleteObject(cluster(), state, timeout);
    },
  };
}

function faultsOf(news: Fields): string[] {
  return [
    ...["apiVersion", "kind"].filter((key) => typeof news[key] !== "string").map((key) => `${key} is missing`),
    ...(typeof at(news, "metadata", "name") === "string"
      ? []
      : ["metadata.name is missing: this stand-in makes up no names, so write one"]),
  ];
}

/** Remembers what a definition of a custom resource defines, whose objects may be checked before it is there. */
function define(defined: Map<string, boolean>, { kind, spec }: Fields): void {
  if (kind !== "CustomResourceDefinition" || !isFields(spec)) return;
  for (const version of (spec["versions"] ?? []) as Fields[])
    defined.set(
      `${String(spec["group"])}/${String(version["name"])}/${String(at(spec, "names", "kind"))}`,
      spec["scope"] === "Namespaced",
    );
}

/** Says which resource an error is about, but for what was raised with an object to record. */
async function named<T>(name: string, operate: () => Promise<T>): Promise<T> {
  try {
    return await operate();
  } catch (error) {
    if (error instanceof Error) error.message = `resource ${name}: ${error.message}`;
    throw error;
  }
}
