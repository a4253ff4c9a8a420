import type { StackConfig } from "../../core/schema/schema";
import { kubeconfigAt, type KubeConfig } from "../../live/client";
import { UsageError } from "../lib/command";

/** The kubeconfig at a stack's context. @throws UsageError where there is none */
export async function kubeconfigOf(stack: string, { context }: StackConfig["cluster"]): Promise<KubeConfig> {
  const kubeconfig = await kubeconfigAt(context);
  if (!kubeconfig) throw new UsageError(`there is no kubeconfig context ${context}, which is that of ${stack}`);
  return kubeconfig;
}
