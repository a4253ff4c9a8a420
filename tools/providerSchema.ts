import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The two files that the command of Pulumi's Kubernetes provider embeds, as its own build generates them (provider/cmd/pulumi-resource-kubernetes/generate.go): the
 * module carries what they are generated from.
 *
 * @param module the directory of the provider's module
 * @param version the version that the schema names
 * @returns content by file name
 */
export function providerSchema(module: string, version: string): Readonly<Record<string, string>> {
  const read = (name: string) =>
    JSON.parse(readFileSync(join(module, "cmd/pulumi-resource-kubernetes", name), "utf8")) as object;
  return {
    "schema-embed.json": JSON.stringify({ ...read("schema.json"), version }),
    "terraform-mapping-embed.json": JSON.stringify(read("terraform-mapping.json")),
  };
}
