import { setTimeout } from "node:timers/promises";
import * as pulumi from "@pulumi/pulumi";
import type { StackConfig } from "../core/schema/schema";

/** How long each question may take, in milliseconds. */
const patience = 10_000;

/**
 * The bundles of the peers that other stacks of this program deploy, by trust domain: what those have among their outputs. A stack that is not there yet, that has none, or
 * that nobody can read has none here: what was known of it stays in force.
 */
export async function askBundles({ spire }: StackConfig): Promise<Record<string, string>> {
  const peers = (spire.federation?.with ?? []).flatMap(({ trustDomain, stack }) =>
    stack ? { trustDomain, stack } : [],
  );
  const bundles = await Promise.all(peers.map(async ({ trustDomain, stack }) => [trustDomain, await bundleOf(stack)]));
  return Object.fromEntries(bundles.filter(([, bundle]) => bundle !== undefined)) as Record<string, string>;
}

/** What another stack has as its output `bundle`. By a call and not as a StackReference, which ends an update where there is no such stack. */
async function bundleOf(stack: string): Promise<string | undefined> {
  const name = stack.includes("/") ? stack : `${pulumi.getOrganization()}/${pulumi.getProject()}/${stack}`;
  const read = pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", { name }) as Promise<{
    outputs?: { bundle?: unknown };
  }>;
  const late = setTimeout(patience, undefined, { ref: false });
  const found = await Promise.race([read, late]).catch(() => undefined);
  const bundle = found?.outputs?.bundle;
  return typeof bundle === "string" ? bundle : undefined;
}
