import { isCollection, isMap, isPair, isScalar, isSeq, parseDocument } from "yaml";
import { ConfigError, project } from "../../config/load";
import type { Phase } from "../../core/schema/schema";

/** A change of a stack file's rollout. */
export interface Step {
  readonly namespace: string;
  readonly phase: Phase;
  /** Whether it is to be among those of which it is known that no pods run in them. */
  readonly greenfield: boolean;
}

/**
 * A stack file with another phase for a namespace, and everything else as it was, comments included.
 *
 * @param text of Pulumi.<stack>.yaml
 * @throws ConfigError where `zero-trust:rollout` is there, but not as YAML
 */
export function withStep(text: string, stack: string, { namespace, phase, greenfield }: Step): string {
  const key = `${project}:rollout`;
  const rollout = parseDocument(text).getIn(["config", key], true);
  if (rollout !== undefined && !isMap(rollout)) {
    const fix = `in Pulumi.${stack}.yaml, write it as YAML, one key a line`;
    throw new ConfigError(stack, [{ key, problem: "is text, which cannot be edited in place", fix }]);
  }
  const stepped = withValue(text, ["config", key, "phases", namespace], phase);
  if (!greenfield) return stepped;
  const names = parseDocument(stepped).getIn(["config", key, "greenfield"], true);
  const listed = isSeq(names) ? names.toJSON() : [];
  return listed.includes(namespace)
    ? stepped
    : withValue(stepped, ["config", key, "greenfield", listed.length], namespace);
}

/** The same text with another value at a path: put where it stands, so that nothing else is formatted anew, wherever that is simple. */
function withValue(text: string, path: readonly (string | number)[], value: string): string {
  const document = parseDocument(text);
  const at = document.getIn(path, true);
  if (isScalar(at) && at.range) return text.slice(0, at.range[0]) + value + text.slice(at.range[1]);

  const [parent, key] = [document.getIn(path.slice(0, -1), true), path.at(-1)];
  const last: unknown = isCollection(parent) ? parent.items.at(-1) : undefined;
  const [begin, end] = [isPair(last) ? last.key : last, isPair(last) ? last.value : last];
  if (isCollection(parent) && isScalar(begin) && isScalar(end) && begin.range && end.range) {
    const entry = isMap(parent) ? `${key}: ${value}` : value;
    const column = begin.range[0] - text.lastIndexOf("\n", begin.range[0]) - 1;
    const indent = " ".repeat(isMap(parent) ? column : column - 2);
    const added = parent.flow ? `, ${entry}` : `\n${indent}${isMap(parent) ? "" : "- "}${entry}`;
    return text.slice(0, end.range[1]) + added + text.slice(end.range[1]);
  }
  document.setIn(path, value);
  return document.toString({ lineWidth: 0, flowCollectionPadding: text.includes("{ ") });
}
