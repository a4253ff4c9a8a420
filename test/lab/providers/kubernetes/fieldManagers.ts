import type { ManagedFields } from "./api";
import { isFields, type Fields } from "../values";

/**
 * Managers whose fields an update takes over before it applies, by the beginning of the name: what this provider's own create (a POST, which counts as an
 * `Update`) and kubectl wrote. (pulumi-kubernetes: fixCSAFieldManagers in provider/pkg/await/await.go, with the prefixes of fluxcd/pkg/ssa.)
 */
const takenOver: readonly { prefix: string; operation: ManagedFields["operation"] }[] = [
  { prefix: "kubectl", operation: "Apply" },
  { prefix: "kubectl", operation: "Update" },
  { prefix: "before-first-apply", operation: "Update" },
  { prefix: "pulumi-kubernetes", operation: "Update" },
  { prefix: "pulumi-resource-kubernetes", operation: "Update" },
];

/**
 * Who manages which fields, once the manager `name` has taken over what it may.
 *
 * @returns undefined where there is nothing to take over
 */
export function takeOver(entries: readonly ManagedFields[], name: string): readonly ManagedFields[] | undefined {
  const ours = entries.find(({ manager, operation }) => manager === name && operation === "Apply");
  const others = entries.filter((entry) => entry !== ours);
  const taken = others.filter(({ manager, operation, subresource }) =>
    takenOver.some((rule) => !subresource && operation === rule.operation && manager.startsWith(rule.prefix)),
  );
  if (taken.length === 0) return undefined;
  const all = ours ? [ours, ...taken] : taken;
  const fieldsV1 = all.map((entry) => entry.fieldsV1 as Fields).reduce(union);
  const [first] = all as [ManagedFields];
  return [
    ...others.filter((entry) => !taken.includes(entry)),
    { ...first, manager: name, operation: "Apply", fieldsV1 },
  ];
}

/** Both sets of fields: each is a tree whose keys are steps of a path. */
function union(one: Fields, other: Fields): Fields {
  const merged: Record<string, unknown> = { ...one };
  for (const [key, inner] of Object.entries(other)) {
    const ours = merged[key];
    merged[key] = isFields(ours) && isFields(inner) ? union(ours, inner) : inner;
  }
  return merged;
}
