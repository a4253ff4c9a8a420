import { load } from "js-yaml";
import { inObject, type Guardrail, type Violation } from "../../rules/guardrail";
import { recordOf, textOf } from "../../rules/values";

export const entryOwnership: Guardrail = {
  name: "entry-ownership",
  description: "Of SPIRE's entries, spire-controller-manager owns those with its own prefix and no others.",
  severity: "mandatory",
  prevents:
    "Identities that vanish: without entryIDPrefix the controller-manager deletes every entry that it did not declare, those of Cilium's operator among them, and with an empty entryIDPrefixCleanup every entry without a prefix (spire-controller-manager pkg/spireentry/reconciler.go).",
  remediation: "Write entryIDPrefix with the cluster's name, and leave entryIDPrefixCleanup out.",
  blocksOff: false,
  reads: ({ kind, data }) => kind === "ConfigMap" && filesOf(data).length > 0,
  checkObject: (object) =>
    filesOf(object["data"]).flatMap(([file, content]): Violation[] => {
      const { entryIDPrefix, entryIDPrefixCleanup } = recordOf(parse(content));
      const at = (key: string) => `data["${file}"] ${key}`;
      return [
        ...(typeof entryIDPrefix === "string" && entryIDPrefix !== ""
          ? []
          : [inObject(object, at("entryIDPrefix"), `is ${textOf(entryIDPrefix)}; write the cluster's name`)]),
        ...(entryIDPrefixCleanup === "" ? [inObject(object, at("entryIDPrefixCleanup"), "is empty; remove it")] : []),
      ];
    }),
};

/** The files of a ConfigMap that configure a controller-manager. */
const filesOf = (data: unknown) =>
  Object.entries(recordOf(data)).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string" && /\bControllerManagerConfig\b/.test(entry[1]),
  );

/** JSON is YAML. */
function parse(content: string): unknown {
  try {
    return load(content);
  } catch {
    return undefined;
  }
}
