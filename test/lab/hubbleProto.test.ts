import { readFileSync } from "node:fs";
import { join } from "node:path";
import { common, Enum, parse, Service, Type, type ReflectionObject } from "protobufjs";
import { expect, test } from "vitest";
import { downloadModule } from "../../tools/go";
import { observerProto } from "../../verify/observer";

/** Cilium's source at one version of each supported minor. */
const versions = {
  "1.18.3": "h1:E0SnxNDeWJ3AtO6IX0oIsJdODT71M/QCcj9LjuLdGK0=",
  "1.19.3": "h1:foJrHPk45HwshOd8Qf/kptf9JxPfNySkIDKsetZa9+Y=",
  "1.20.2": "h1:dqiEGIcXc+gqCLYG/l7VCFJ8GHyb4HUrwbZOpkX5dL8=",
};

/** Names of types are compared without their packages, which are not on the wire. */
const bare = (type: string) => type.replace(/.*\./, "");

/** What is on the wire of every message, enum and service that a text defines, by their names: `Flow.time` is `1 Timestamp`. */
function wireOf(text: string): Record<string, string> {
  const { root, package: name = "" } = parse(text, { keepCase: true });
  const lines = (object: ReflectionObject): [string, string][] => {
    if (object instanceof Type)
      return [
        ...object.fieldsArray.map(({ name, id, type, repeated, partOf }): [string, string] => [
          `${object.name}.${name}`,
          `${id} ${repeated ? "repeated " : ""}${bare(type)}${partOf ? ` of ${partOf.name}` : ""}`,
        ]),
        ...object.nestedArray.flatMap(lines),
      ];
    if (object instanceof Enum)
      return Object.entries(object.values).map(([name, id]) => [`${object.name}.${name}`, String(id)]);
    if (object instanceof Service)
      return object.methodsArray.map(({ name, requestType, responseType, requestStream, responseStream }) => [
        `${object.fullName}.${name}`,
        JSON.stringify([bare(requestType), requestStream ?? false, bare(responseType), responseStream ?? false]),
      ]);
    return [];
  };
  return Object.fromEntries((root.lookup(name) as Type).nestedArray.flatMap(lines));
}

test.each(Object.entries(versions))(
  "what is read of Hubble is what Cilium %s writes, field by field",
  (version, sum) => {
    const api = join(downloadModule("github.com/cilium/cilium", `v${version}`, sum), "api/v1");
    const files = ["observer/observer.proto", "flow/flow.proto", "relay/relay.proto"];
    const theirs = Object.assign(
      {},
      ...files.map((file) => wireOf(readFileSync(join(api, file), "utf8"))),
      ...["timestamp", "wrappers"].map((name) => {
        const { nested } = common.get(`google/protobuf/${name}.proto`)!.nested!["google"] as unknown as {
          nested: { protobuf: { nested: Record<string, { fields: Record<string, { id: number; type: string }> }> } };
        };
        return Object.fromEntries(
          Object.entries(nested.protobuf.nested).flatMap(([message, { fields }]) =>
            Object.entries(fields).map(([field, { id, type }]) => [`${message}.${field}`, `${id} ${type}`]),
          ),
        );
      }),
    ) as Record<string, string>;
    const ours = wireOf(observerProto);
    expect(Object.keys(ours).length).toBeGreaterThan(60);
    expect(ours).toEqual(Object.fromEntries(Object.keys(ours).map((key) => [key, theirs[key]])));
  },
);
