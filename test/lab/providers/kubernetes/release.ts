import { spawn } from "node:child_process";
import type { Difference, Mode } from "../plugin";
import { NotReady, type Saved } from "../saved";
import { hasUnknown, same, type Fields } from "../values";
import { propertyPath } from "./difference";

/**
 * `kubernetes:helm.sh/v3:Release`: the official provider has helm 3 in it; here the `helm` program on PATH does the same, with client-side apply and waits as helm 3 has them.
 *
 * @param context of the kubeconfig
 */
export function helmRelease(context: string | undefined) {
  const helm = (args: readonly string[], input?: Fields) =>
    run([...args, ...(context === undefined ? [] : ["--kube-context", context])], input);
  const chartArgs = ({ chart, version, repositoryOpts }: Fields) => [
    String(chart),
    ...(typeof version === "string" && version !== "" ? ["--version", version] : []),
    ...(typeof (repositoryOpts as Fields | undefined)?.["repo"] === "string"
      ? ["--repo", String((repositoryOpts as Fields)["repo"])]
      : []),
  ];
  const placeArgs = (news: Fields) => ["--namespace", namespaceOf(news)];
  const installArgs = (news: Fields) => [
    String(news["name"]),
    ...chartArgs(news),
    ...placeArgs(news),
    ...(news["createNamespace"] === true ? ["--create-namespace"] : []),
    ...(news["skipAwait"] === true ? [] : ["--wait=legacy", "--timeout", `${Number(news["timeout"] ?? 300)}s`]),
    ...(news["waitForJobs"] === true ? ["--wait-for-jobs"] : []),
    ...["--server-side=false", "--values", "-", "--output", "json"],
  ];
  const status = async (news: Fields): Promise<Fields> =>
    JSON.parse(await helm(["status", String(news["name"]), ...placeArgs(news), "--output", "json"])) as Fields;
  const saved = (news: Fields, { info, version }: Fields): Saved => ({
    id: `${namespaceOf(news)}/${String(news["name"])}`,
    state: {
      ...news,
      status: {
        name: news["name"],
        namespace: namespaceOf(news),
        revision: version,
        status: (info as Fields)["status"],
      },
    },
  });
  /** A release that failed is there: helm has its record. */
  const install = async (news: Fields, args: readonly string[]): Promise<Saved> => {
    try {
      await helm(args, (news["values"] ?? {}) as Fields);
    } catch (error) {
      const found = await status(news).catch(() => undefined);
      if (found === undefined || /cannot re-use a name/.test(String(error))) throw error;
      throw new NotReady(error instanceof Error ? error.message : String(error), saved(news, found));
    }
    return saved(news, await status(news));
  };
  return {
    async check(news: Fields): Promise<{ inputs: Fields; failures: readonly string[] }> {
      const missing = ["name", "chart"]
        .filter((key) => typeof news[key] !== "string")
        .map((key) => `${key} is missing`);
      if (missing.length > 0 || hasUnknown(news)) return { inputs: news, failures: missing };
      try {
        await helm(["show", "chart", ...chartArgs(news)]);
        return { inputs: news, failures: [] };
      } catch (error) {
        return { inputs: news, failures: [`chart: ${error instanceof Error ? error.message : String(error)}`] };
      }
    },
    diff(olds: Fields, news: Fields): Difference {
      const changed = [...new Set([...Object.keys(olds), ...Object.keys(news)])].filter(
        (key) => !same(olds[key], news[key]),
      );
      const paths = changed.map((key) => {
        const kind = key in olds ? (key in news ? "update" : "delete") : "add";
        return [propertyPath([key]), { kind, replace: ["name", "namespace"].includes(key) }] as const;
      });
      return { paths: Object.fromEntries(paths), deleteBeforeReplace: false };
    },
    async create(news: Fields, { preview }: Mode): Promise<Saved> {
      return preview ? { id: "", state: news } : install(news, ["install", ...installArgs(news)]);
    },
    async update(news: Fields, { preview }: Mode): Promise<Saved> {
      const history = ["--history-max", String(Number(news["maxHistory"] ?? 0))];
      return preview ? { id: "", state: news } : install(news, ["upgrade", ...installArgs(news), ...history]);
    },
    async read(state: Fields, inputs: Fields): Promise<(Saved & { inputs: Fields }) | undefined> {
      try {
        const values = await helm(["get", "values", String(state["name"]), ...placeArgs(state), "--output", "json"]);
        const live = { ...inputs, values: (JSON.parse(values) ?? {}) as Fields };
        return { ...saved(live, await status(state)), inputs: live };
      } catch (error) {
        if (/not found/.test(String(error))) return undefined;
        throw error;
      }
    },
    async delete(state: Fields): Promise<void> {
      const wait = ["--wait=legacy", "--timeout", `${Number(state["timeout"] ?? 300)}s`];
      await helm(["uninstall", String(state["name"]), ...placeArgs(state), "--ignore-not-found", ...wait]);
    },
  };
}

const namespaceOf = ({ namespace }: Fields) => (typeof namespace === "string" ? namespace : "default");

function run(args: readonly string[], input?: Fields): Promise<string> {
  return new Promise((resolve, reject) => {
    const helm = spawn("helm", args, { stdio: ["pipe", "pipe", "pipe"] });
    let [out, error] = ["", ""];
    helm.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    helm.stderr.on("data", (chunk: Buffer) => (error += chunk.toString()));
    helm.on("error", () => reject(new Error("helm is not on PATH")));
    helm.on("close", (code) => (code === 0 ? resolve(out) : reject(new Error(error.trim()))));
    helm.stdin.end(input === undefined ? "" : JSON.stringify(input));
  });
}
